"""Rules over the API: drafts with faults at the field, rehearsals, activation, settings, and what alerts were worth."""

from typing import Any

import httpx
import pytest
from served import Site

from warden.domain import Role

OWN = {
    "key": "far_too_late",
    "names": {"en": "Far too late"},
    "condition": "late_rate > most",
    "parameters": {"most": 0.6},
}


@pytest.fixture
def site(seeded_site: Site) -> Site:
    return seeded_site


@pytest.fixture
def rule(admin: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in admin.get("/api/v1/rules").json()["items"] if one["key"] == "late_rate")
    return found


def faults(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422
    return [fault["where"] for fault in answer.json()["faults"]]


def test_a_draft_is_changed_until_it_is_activated_with_a_note_and_then_stays(
    admin: httpx.Client, rule: dict[str, Any]
) -> None:
    path = f"/api/v1/rules/{rule['id']}"
    made = admin.post(f"{path}/versions", json={"severity": "critical"})
    assert (made.status_code, made.json()["number"], made.json()["status"]) == (201, 2, "draft")
    assert admin.get(path).json()["severity"] == "warning"
    changed = admin.patch(f"{path}/versions/2", json={"for_seconds": 3600}, headers={"If-Match": made.headers["etag"]})
    assert changed.json()["definition"]["for_seconds"] == 3600
    stale = {"If-Match": made.headers["etag"]}
    assert admin.post(f"{path}/versions/2/activate", headers=stale).status_code == 412
    done = admin.post(f"{path}/versions/2/activate", json={"note": "They hurt us."}).json()
    assert (done["status"], done["note"], done["activated_by"]) == ("active", "They hurt us.", "token admin test")
    now = admin.get(path).json()
    assert (now["severity"], now["for_seconds"], now["version"]) == ("critical", 3600, 2)
    assert admin.patch(f"{path}/versions/2", json={}).status_code == 409
    assert admin.delete(f"{path}/versions/1").status_code == 409
    back = admin.post(f"{path}/versions", json={"of": 1}).json()
    assert (back["number"], back["definition"]["severity"]) == (3, "warning")
    assert admin.delete(f"{path}/versions/3").status_code == 204


def test_a_draft_s_note_is_not_overwritten_unseen(admin: httpx.Client, rule: dict[str, Any]) -> None:
    path = f"/api/v1/rules/{rule['id']}/versions"
    made = admin.post(path, json={"note": "Calmer."})
    read = {"If-Match": made.headers["etag"]}
    noted = admin.patch(f"{path}/2", json={"note": "Calmer in the holidays."}, headers=read)
    assert (noted.status_code, noted.headers["etag"] == made.headers["etag"]) == (200, False)
    assert admin.patch(f"{path}/2", json={"note": "Louder."}, headers=read).status_code == 412
    assert admin.get(f"{path}/2").json()["note"] == "Calmer in the holidays."
    assert admin.delete(f"{path}/2", headers={"If-Match": noted.headers["etag"]}).status_code == 204


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"condition": "late_rat > 0.5"}, "condition, line 1, column 1"),
        ({"condition": "late_rate > 0.5 &&"}, "condition, line 1, column 19"),
        ({"inhibit_when": "1"}, "inhibit_when"),
        ({"parameters": {"late_rate": 1}}, "parameters.late_rate"),
        ({"condition": "1 < 2"}, "condition, line 1, column 1"),
        ({"inhibit_when": "1 > 2"}, "inhibit_when, line 1, column 1"),
        ({"names": {"vi": "Tên"}}, "names"),
        ({"inhibited_by": [{"rule": "nothing", "equal": ["partner"]}]}, "inhibited_by[0].rule"),
        ({"inhibited_by": [{"rule": "band_high", "equal": ["partner", "tag:none"]}]}, "inhibited_by[0].equal[1]"),
        ({"severity": None}, "severity"),
    ],
)
def test_a_fault_is_told_at_its_place_and_nothing_is_stored(
    admin: httpx.Client, rule: dict[str, Any], changes: dict[str, Any], where: str
) -> None:
    path = f"/api/v1/rules/{rule['id']}"
    assert where in faults(admin.post(f"{path}/versions", json=changes))
    assert where in faults(admin.patch(path, json=changes))
    assert len(admin.get(f"{path}/versions").json()["items"]) == 1


def test_faults_of_several_fields_are_told_at_once(admin: httpx.Client, rule: dict[str, Any]) -> None:
    wrong = {"condition": "x > 1.0", "inhibit_when": "y > 1.0", "names": {"vi": "Tên"}}
    found = faults(admin.post(f"/api/v1/rules/{rule['id']}/versions", json=wrong))
    assert found == ["names", "condition, line 1, column 1", "inhibit_when, line 1, column 1"]


def test_changing_a_rule_in_one_step_is_a_version_with_author_and_note(
    admin: httpx.Client, rule: dict[str, Any]
) -> None:
    path = f"/api/v1/rules/{rule['id']}"
    assert admin.patch(path, json={"for_seconds": 60, "note": "Calmer."}).json()["version"] == 2
    assert admin.patch(path, json={"for_seconds": 60}).json()["version"] == 2
    newest = admin.get(f"{path}/versions").json()["items"][0]
    assert (newest["number"], newest["author"], newest["note"]) == (2, "token admin test", "Calmer.")


def test_a_rule_of_one_s_own_decides_nothing_before_it_is_activated(admin: httpx.Client) -> None:
    made = admin.post("/api/v1/rules", json=OWN)
    assert (made.status_code, made.json()["enabled"], made.json()["version"]) == (201, False, 0)
    assert admin.post("/api/v1/rules", json=OWN).status_code == 409
    assert "condition" in faults(admin.post("/api/v1/rules", json={**OWN, "key": "other", "condition": ""}))
    path = f"/api/v1/rules/{made.json()['id']}"
    assert admin.post(f"{path}/versions/1/activate").status_code == 200
    assert (admin.get(path).json()["enabled"], admin.get(path).json()["version"]) == (True, 1)


def test_the_languages_a_rule_has_no_name_in_are_told(admin: httpx.Client, rule: dict[str, Any]) -> None:
    assert admin.get(f"/api/v1/rules/{rule['id']}").json()["unnamed_in"] == []
    made = admin.post("/api/v1/rules", json={**OWN, "key": "own_two", "names": {"en": "Own", "vi": "Riêng"}}).json()
    assert made["unnamed_in"] == ["zh-Hant", "zh-Hans"]
    draft = f"/api/v1/rules/{made['id']}/versions/1"
    assert admin.get(draft).json()["unnamed_in"] == ["zh-Hant", "zh-Hans"]
    assert admin.post(f"{draft}/activate").json()["unnamed_in"] == ["zh-Hant", "zh-Hans"]


def test_a_version_is_rehearsed_and_previewed_and_nothing_is_decided(admin: httpx.Client) -> None:
    rule = admin.post("/api/v1/rules", json={**OWN, "condition": "coverage >= 0.0", "parameters": {}}).json()
    path = f"/api/v1/rules/{rule['id']}/versions/1"
    found = admin.post(f"{path}/rehearse", params={"days": 90}).json()
    assert found["report"]["this"]["alerts"] >= 1  # it would have fired at the first look
    assert all(fact["text"] for fact in found["summary"] + found["notes"])
    assert admin.get(path).json()["rehearsed_at"] is not None
    preview = admin.get(f"{path}/preview").json()
    assert (preview["starts"], preview["stops"]) == (len(preview["changes"]), 0)
    assert preview["starts"] >= 1
    assert admin.post(f"{path}/rehearse", params={"days": 5000}).status_code == 422


BANDS = ("low", "moderate", "high", "extreme", "dire")


def matrix_with(admin: httpx.Client, bands: tuple[str, ...]) -> dict[str, Any]:
    """Return the active matrix with the first of BANDS: what had a band beyond them has the last."""
    data: dict[str, Any] = next(
        one["data"] for one in admin.get("/api/v1/matrices").json()["items"] if one["state"] == "active"
    )
    known = {one["key"]: one for one in data["bands"]}
    data["bands"] = [{**known.get(key, known["high"]), "key": key, "rank": rank} for rank, key in enumerate(bands)]
    data["grid"] = [[band if band in bands else bands[-1] for band in row] for row in data["grid"]]
    return data


def test_a_parameter_no_condition_uses_is_named_before_activation_and_refuses_nothing(admin: httpx.Client) -> None:
    spare = {**OWN, "condition": "late_rate > most", "parameters": {"most": 0.5, "idle": 1.0}}
    path = f"/api/v1/rules/{admin.post('/api/v1/rules', json=spare).json()['id']}/versions/1"
    [warning] = admin.get(f"{path}/preview").json()["warnings"]
    assert warning["text"] == "No condition of the rule uses the parameter idle: it has no effect."
    assert admin.patch(path, json={"inhibit_when": "coverage < idle"}).status_code == 200
    assert admin.get(f"{path}/preview").json()["warnings"] == []


def test_a_rule_that_compares_with_no_band_is_refused_with_the_place(admin: httpx.Client, rule: dict[str, Any]) -> None:
    own = {**OWN, "parameters": {}}
    assert faults(admin.post("/api/v1/rules", json={**own, "condition": 'band == "exterme"'})) == [
        "condition, line 1, column 9"
    ]
    made = admin.post("/api/v1/rules", json={**own, "condition": 'band == "extreme"'}).json()
    draft = f"/api/v1/rules/{made['id']}/versions/1"
    assert faults(admin.patch(draft, json={"inhibit_when": "band_rank > 3"})) == ["inhibit_when, line 1, column 13"]
    path = f"/api/v1/rules/{rule['id']}"
    assert faults(admin.patch(path, json={"condition": "band_rank >= 4"})) == ["condition, line 1, column 14"]
    assert admin.get(f"{draft}/preview").json()["warnings"] == []
    admin.post("/api/v1/matrices", json=matrix_with(admin, BANDS[:3]))
    admin.post("/api/v1/matrices/2/activate")
    assert faults(admin.post(f"{draft}/activate")) == ["condition, line 1, column 9"]


def test_a_band_of_a_drafted_matrix_is_accepted_and_said_to_be_missing_still(admin: httpx.Client) -> None:
    admin.post("/api/v1/matrices", json=matrix_with(admin, BANDS))
    own = {**OWN, "parameters": {}, "condition": 'band == "dire" || band_rank >= 4'}
    made = admin.post("/api/v1/rules", json=own).json()
    draft = f"/api/v1/rules/{made['id']}/versions/1"
    assert [one["text"] for one in admin.get(f"{draft}/preview").json()["warnings"]] == [
        'band is never "dire"; the matrix has low, moderate, high, extreme',
        "band_rank >= 4 never holds; on the matrix it goes from 0 to 3",
    ]
    assert admin.post(f"{draft}/activate").status_code == 200
    admin.post("/api/v1/matrices/2/activate")
    assert admin.get(f"{draft}/preview").json()["warnings"] == []


def test_rules_that_a_matrix_would_silence_are_told_before_it_is_activated(
    admin: httpx.Client, rule: dict[str, Any]
) -> None:
    path = f"/api/v1/rules/{rule['id']}"
    admin.patch(path, json={"condition": 'band in ["high", "extreme"]', "parameters": {}})
    admin.post("/api/v1/matrices", json=matrix_with(admin, BANDS[:3]))
    told = [one["text"] for one in admin.get("/api/v1/matrices/2/preview").json()["warnings"]]
    assert told[:2] == [
        "The rule Extreme risk band reached compares with what this matrix does not have: band_rank >= 3 never holds; "
        "on the matrix it goes from 0 to 2. Change the rule, or it may keep quiet.",
        f"The rule {rule['names']['en']} compares with what this matrix does not have: "
        'band is never "extreme"; the matrix has low, moderate, high. Change the rule, or it may keep quiet.',
    ]
    admin.post("/api/v1/matrices/2/activate")
    assert faults(admin.patch(path, json={"severity": "critical"})) == ["condition, line 1, column 18"]
    assert admin.patch(path, json={"enabled": False}).status_code == 200


def test_a_tier_s_value_holds_until_it_is_ended_and_says_where_it_comes_from(
    site: Site, admin: httpx.Client, rule: dict[str, Any]
) -> None:
    partner = admin.get(f"/api/v1/partners/{site.seeded['partner']}").json()
    path = f"/api/v1/rules/{rule['id']}"
    new = {
        "scope": "tier",
        "subject": partner["tier"],
        "name": "severity",
        "value": "critical",
        "reason": "They can stop us.",
    }
    row = admin.post(f"{path}/settings", json=new).json()
    assert (row["value"], row["author"], row["tier"]) == ("critical", "token admin test", partner["tier"])

    def severity() -> tuple[Any, ...]:
        held = admin.get(f"{path}/effective", params={"partner_id": partner["id"]}).json()["items"]
        return next((one["value"], one["source"], one["author"]) for one in held if one["name"] == "severity")

    assert severity() == ("critical", "tier", "token admin test")
    assert admin.delete(f"{path}/settings/{row['id']}").json()["ended_by"] == "token admin test"
    assert severity() == ("warning", "rule", None)
    assert admin.delete(f"{path}/settings/{row['id']}").status_code == 409
    assert len(admin.get(f"{path}/settings", params={"history": True}).json()["items"]) == 1
    assert faults(admin.post(f"{path}/settings", json={**new, "value": "loud"})) == ["value"]
    assert faults(admin.post(f"{path}/settings", json={**new, "subject": "nobody's"})) == ["subject"]


def test_whoever_is_signed_in_says_what_an_alert_was_worth_and_the_newest_word_counts(site: Site) -> None:
    path = f"/api/v1/alerts/{site.seeded['alert']}/verdicts"
    with site.client(Role.VIEWER) as viewer:
        assert viewer.post(path, json={"worth": "useful"}).status_code == 201
        assert viewer.post(path, json={"worth": "noise", "note": "Holidays."}).status_code == 201
        [one] = viewer.get(path).json()["items"]
        assert (one["worth"], one["note"], one["via"], one["author"]) == (
            "noise",
            "Holidays.",
            "api",
            "token viewer test",
        )
        assert viewer.post(path, json={"worth": "fine"}).status_code == 422
        records = {one["key"]: one for one in viewer.get("/api/v1/rules/records").json()["items"]}
    judged = [one for one in records.values() if one["judged"]]
    assert [(one["noise"], one["right"]["value"], one["right"]["of"], one["budget"]) for one in judged] == [
        (1, 0, 1, 5)
    ]
    assert judged[0]["noise_rate"] is None or judged[0]["noise_rate"] > 0
