"""Alerts whole, silences, the ledger, duty, the escalation chain, routes and playbooks over the API."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from served import Site

from warden.clock import utc_now
from warden.domain import AlertEventKind, Cause, HeldBack, NoticeReason, Role
from warden.models import Alert, RuleStatus
from warden.store import alert_events, notices

API = "/api/v1"
WHY = {"message": "This is the first alert about this partner.", "params": {}}


@pytest.fixture
def site(seeded_site: Site) -> Site:
    return seeded_site


@pytest.fixture
def seeded(site: Site) -> dict[str, Any]:
    return site.seeded


def _later(**span: float) -> str:
    return (utc_now() + timedelta(**span)).isoformat()


def _faults(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422
    return [fault["where"] for fault in answer.json()["faults"]]


def _told(site: Site, seeded: dict[str, Any], now: datetime) -> None:
    """Store an event and two notices of the seeded alert: one held back, one about many partners."""
    with site.services.db.write() as session:
        alert = session.get_one(Alert, seeded["alert"])
        alert.diagnosis = {
            "cause": "performance",
            "share": 1.0,
            "why": [
                {
                    "message": "%(late_share)s of %(due_recent)s recent deliveries are late",
                    "params": {"late_share": 0.4, "due_recent": 8.0},
                }
            ],
            "others": [],
            "playbook": {"cause": "performance", "number": 1},
        }
        row: dict[str, Any] = {
            "alert_id": alert.id,
            "partner_id": alert.partner_id,
            "cause": Cause.NEW_FACTS,
            "reason": WHY,
        }
        alert_events.add(session, [{**row, "kind": AlertEventKind.FIRED, "at": now, "announced_at": now}])
        kept: dict[str, Any] = {"reason": NoticeReason.FIRST, "why": WHY, "alerts": [alert.id], "now": now}
        notices.add(session, key="a", partner_id=alert.partner_id, held_back=HeldBack.NOBODY, **kept)
        notices.add(session, key="b", partner_id=None, held_back=None, partners=[alert.partner_id], **kept)
        notices.add(session, key="c", partner_id=None, held_back=None, partners=[uuid.uuid4()], **kept | {"alerts": []})
        session.merge(
            RuleStatus(
                rule_id=alert.rule_id,
                partner_id=alert.partner_id,
                state="firing",
                since=now,
                reason=WHY,
                unstable_since=now,
            )
        )


def test_an_alert_says_why_it_fired_what_it_points_to_and_who_was_told(
    site: Site, admin: httpx.Client, seeded: dict[str, Any]
) -> None:
    _told(site, seeded, utc_now())
    path = f"{API}/alerts/{seeded['alert']}"
    whole = admin.get(path, headers={"accept-language": "vi"}).json()
    assert whole["opening"]["values"] == {"late_rate": 0.4}
    assert (whole["diagnosis"]["cause"], whole["diagnosis"]["playbook"]) == ("performance", 1)
    assert whole["diagnosis"]["why"][0]["text"].startswith("40%")
    assert len(whole["diagnosis"]["steps"]) > 2
    assert [event["kind"] for event in whole["events"]] == ["fired"]
    assert {(one["sent"], one["held_back"]) for one in whole["notices"]} == {(False, "nobody"), (True, None)}
    assert whole["unstable_since"] is not None
    assert (whole["held_back"], whole["climbs"]) == (None, None)


def test_an_alert_is_given_to_somebody_of_ours_and_taken_away_again(
    admin: httpx.Client, seeded: dict[str, Any]
) -> None:
    path = f"{API}/alerts/{seeded['alert']}"
    given = admin.post(f"{path}/assign", json={"person_id": str(seeded["person"])})
    assert given.json()["assigned_to"]["name"] == "An Nguyen"
    assert admin.get(f"{API}/alerts").json()["items"][0]["assigned_to"]["name"] == "An Nguyen"
    old = admin.post(f"{path}/assign", json={"person_id": None}, headers={"if-match": '"1"'})
    assert old.status_code == 412
    assert admin.post(f"{path}/assign", json={"person_id": None}).json()["assigned_to"] is None
    theirs = admin.post(f"{API}/people", json={"name": "Kim", "email": "kim@acme.example", "ours": False}).json()
    assert admin.post(f"{path}/assign", json={"person_id": theirs["id"]}).status_code == 409


def test_a_silence_holds_an_alert_back_until_it_is_ended(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    body = {"matchers": {"partner": [str(seeded["partner"])]}, "ends_at": _later(days=3), "reason": "They move."}
    made = admin.post(f"{API}/silences", json=body)
    assert (made.status_code, made.json()["state"], made.json()["author"]) == (201, "active", "token admin test")
    path = f"{API}/alerts/{seeded['alert']}"
    assert admin.get(path).json()["held_back"]["held_back"] == "silenced"
    ended = admin.post(f"{API}/silences/{made.json()['id']}/end").json()
    assert (ended["state"], ended["ended_by"]) == ("ended", "token admin test")
    assert admin.post(f"{API}/silences/{ended['id']}/end").status_code == 409
    assert admin.get(path).json()["held_back"] is None


def test_an_equal_silence_is_answered_with_the_one_there_is(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    body = {"matchers": {"partner": [str(seeded["partner"])]}, "ends_at": _later(days=3), "reason": "They move."}
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: admin.post(f"{API}/silences", json=body), range(8)))
    assert [one.status_code for one in made] == [201] * 8
    (identity,) = {one.json()["id"] for one in made}
    other = admin.post(f"{API}/silences", json=body | {"reason": "They move, all of them."}).json()["id"]
    assert other != identity
    admin.post(f"{API}/silences/{identity}/end")
    assert admin.post(f"{API}/silences", json=body).json()["id"] not in (identity, other), "what is over is over"
    begin = _later(days=1)
    coming = [admin.post(f"{API}/silences", json=body | {"starts_at": begin}).json()["id"] for _ in range(2)]
    assert coming[0] == coming[1]


def test_a_maintenance_window_may_be_given_in_the_clocks_of_a_zone(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    begin = (utc_now() + timedelta(days=2)).strftime("%Y-%m-%d")
    body = {"kind": "maintenance", "matchers": {}, "reason": "ERP", "time_zone": "Asia/Taipei"}
    body |= {"starts_at": f"{begin}T08:00:00", "ends_at": f"{begin}T18:00:00"}
    made = admin.post(f"{API}/silences", json=body).json()
    assert (made["starts_at"], made["ends_at"]) == (f"{begin}T00:00:00Z", f"{begin}T10:00:00Z")
    assert made["state"] == "coming"
    assert admin.get(f"{API}/silences?in_force=true").json()["items"] == []


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"matchers": {"teir": ["key"]}}, ["matchers.teir"]),
        ({"matchers": {"severity": ["loud"]}}, ["matchers.severity[0]"]),
        ({"matchers": {"rule": ["late_rate", "late_rat"]}}, ["matchers.rule[1]"]),
        ({"matchers": {"partner": ["Acme"]}}, ["matchers.partner[0]"]),
        ({"matchers": {"tier": ["nosuchtier"], "tag": ["no"]}}, ["matchers.tier[0]", "matchers.tag[0]"]),
        ({"matchers": {"country": ["ZZ"], "region": ["no"]}}, ["matchers.region[0]", "matchers.country[0]"]),
        ({"days": 91}, ["ends_at"]),
        ({"days": -1}, ["ends_at"]),
        ({"time_zone": "Taipei", "ends_at": "2026-01-01T00:00:00"}, ["time_zone"]),
        ({"reason": " "}, ["reason"]),
    ],
)
def test_a_silence_about_nothing_or_without_sense_is_refused_with_its_place(
    admin: httpx.Client, seeded: dict[str, Any], values: dict[str, Any], where: list[str]
) -> None:
    days = values.pop("days", 1)
    body = {"matchers": {}, "ends_at": _later(days=days), "reason": "They move.", **values}
    assert _faults(admin.post(f"{API}/silences", json=body)) == where


def test_the_ledger_is_filtered_and_knows_what_was_told_about_many(
    site: Site, admin: httpx.Client, seeded: dict[str, Any]
) -> None:
    _told(site, seeded, utc_now())
    of_partner = admin.get(f"{API}/notices", params={"partner_id": str(seeded["partner"])}).json()["items"]
    assert {(one["partner_id"], one["sent"]) for one in of_partner} == {(str(seeded["partner"]), False), (None, True)}
    assert len(admin.get(f"{API}/notices?sent=true").json()["items"]) == 2
    assert len(admin.get(f"{API}/notices?held_back=nobody").json()["items"]) == 1
    assert admin.get(f"{API}/notices?reason=worse").json()["items"] == []


def test_whoever_stands_in_is_told_in_place_of_whoever_is_on_duty(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    person = str(seeded["person"])
    deputy = admin.post(f"{API}/people", json={"name": "Binh", "email": "binh@our.example"}).json()["id"]
    span = {"starts_at": _later(hours=-1), "ends_at": _later(hours=8)}
    assert admin.post(f"{API}/duty", json={"person_id": person, **span}).status_code == 201
    assert admin.post(f"{API}/duty", json={"person_id": deputy, **span}).status_code == 409
    assert admin.get(f"{API}/duty/current").json()["told"]["id"] == person
    assert admin.put(f"{API}/people/{person}/deputy", json={"deputy_id": person}).status_code == 422
    assert admin.put(f"{API}/people/{person}/deputy", json={"deputy_id": deputy}).json()["deputy"]["id"] == deputy
    away = admin.post(f"{API}/absences", json={"person_id": person, **span}).json()
    assert admin.get(f"{API}/duty/current").json()["told"]["id"] == deputy
    assert admin.delete(f"{API}/absences/{away['id']}").status_code == 204
    assert admin.get(f"{API}/duty/current").json()["told"]["id"] == person
    assert [one["person_id"] for one in admin.get(f"{API}/deputies").json()["items"]] == [person]
    assert len(admin.get(f"{API}/duty", params={"ending_after": _later(days=30)}).json()["items"]) == 1


def test_the_chain_is_replaced_as_a_whole_unless_it_was_changed_meanwhile(
    admin: httpx.Client, seeded: dict[str, Any]
) -> None:
    empty = admin.get(f"{API}/escalation")
    step = {"after_minutes": 60, "to": "owner"}
    to_hook = {"after_minutes": 30, "to": "destination", "destination_id": str(seeded["destination"])}
    tag = {"if-match": empty.headers["etag"]}
    made = admin.put(f"{API}/escalation", json={"steps": [step, to_hook]}, headers=tag)
    assert [one["to"] for one in made.json()["steps"]] == ["owner", "destination"]
    assert admin.put(f"{API}/escalation", json={"steps": []}, headers=tag).status_code == 412
    wrong = [{**step, "destination_id": str(seeded["destination"])}, {**to_hook, "destination_id": None}]
    where = ["steps[0].destination_id", "steps[1].destination_id"]
    assert _faults(admin.put(f"{API}/escalation", json={"steps": wrong})) == where
    assert admin.get(f"{API}/escalation").json() == made.json()


def test_an_alert_tells_the_step_it_climbs_next(site: Site, admin: httpx.Client, seeded: dict[str, Any]) -> None:
    step = {"after_minutes": 60, "to": "sponsor", "min_severity": "warning"}
    admin.put(f"{API}/escalation", json={"steps": [{**step, "min_severity": "critical"}, step]}).raise_for_status()
    at = utc_now() + timedelta(hours=1)
    with site.services.db.write() as session:
        session.get_one(Alert, seeded["alert"]).escalate_at = at
    path = f"{API}/alerts/{seeded['alert']}"
    climbs = admin.get(path).json()["climbs"]
    assert (climbs["position"], climbs["to"], climbs["destination"]) == (2, "sponsor", None), (
        "a warning skips the first"
    )
    admin.post(f"{path}/ack", json={"reason": "Seen."}).raise_for_status()
    assert admin.get(path).json()["climbs"] is None


def test_routes_are_read_in_order_and_a_preview_says_who_would_be_told(
    admin: httpx.Client, seeded: dict[str, Any]
) -> None:
    admin.patch(f"{API}/destinations/{seeded['destination']}", json={"enabled": True}).raise_for_status()
    hook = [str(seeded["destination"])]
    first = admin.post(f"{API}/routes", json={"name": "All", "matchers": {}, "destination_ids": hook})
    ask = {"partner_id": str(seeded["partner"]), "severity": "critical"}
    reached = admin.get(f"{API}/routes/preview", params=ask).json()
    assert [one["name"] for one in reached["routes"]] == ["All"]
    assert [one["destination"]["name"] for one in reached["recipients"]] == ["hook"]
    hours = {"time_zone": "Asia/Taipei", "days": [0, 1, 2, 3, 4], "from": "18:00", "until": "08:00"}
    path = f"{API}/routes/{first.json()['id']}"
    changed = admin.patch(path, json={"matchers": {"hours": hours}}, headers={"if-match": first.headers["etag"]})
    assert changed.json()["matchers"] == {"hours": hours}
    assert admin.patch(path, json={"enabled": False}, headers={"if-match": first.headers["etag"]}).status_code == 412
    assert admin.patch(path, json={"enabled": False}).json()["version"] == 3
    assert admin.get(f"{API}/routes/preview", params=ask).json()["routes"] == []
    assert admin.delete(path).status_code == 204


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"matchers": {"tiers": ["key"]}}, ["matchers.tiers"]),
        ({"destination_ids": []}, ["destination_ids"]),
        ({"destination_ids": [str(uuid.UUID(int=7))]}, ["destination_ids[0]"]),
        (
            {"matchers": {"hours": {"time_zone": "Mars", "days": [7], "from": "25:00", "until": "08:00"}}},
            ["matchers.hours.time_zone", "matchers.hours.days", "matchers.hours.from"],
        ),
    ],
)
def test_a_route_to_nobody_or_by_what_there_is_not_is_refused(
    admin: httpx.Client, seeded: dict[str, Any], values: dict[str, Any], where: list[str]
) -> None:
    body = {"name": "New", "destination_ids": [str(seeded["destination"])], **values}
    assert _faults(admin.post(f"{API}/routes", json=body)) == where


def test_a_playbook_is_drafted_changed_and_activated(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    path = f"{API}/playbooks/trust"
    draft = admin.post(path, json={"note": "Shorter."})
    assert (draft.status_code, draft.json()["number"], draft.json()["status"]) == (201, 2, "draft")
    one = {"en": "Say sorry.", "zh-Hant": "道歉。", "zh-Hans": "道歉。", "vi": "Xin lỗi."}
    missing = admin.patch(f"{path}/2", json={"steps": [one, {"en": "Pay."}]})
    assert _faults(missing) == ["steps[1].zh-Hant", "steps[1].zh-Hans", "steps[1].vi"]
    tag = {"if-match": draft.headers["etag"]}
    changed = admin.patch(f"{path}/2", json={"steps": [one]}, headers=tag)
    assert (changed.json()["steps"], changed.json()["note"]) == ([one], "Shorter.")
    assert admin.post(f"{path}/2/activate", headers=tag).status_code == 412
    assert admin.post(f"{path}/2/activate").json()["status"] == "active"
    assert admin.delete(f"{path}/2").status_code == 409
    versions = admin.get(f"{API}/playbooks?cause=trust").json()["items"]
    assert [(row["number"], row["status"]) for row in versions] == [(2, "active"), (1, "retired")]


def test_a_viewer_may_judge_but_neither_silence_nor_assign(site: Site, seeded: dict[str, Any]) -> None:
    with site.client(Role.VIEWER) as viewer:
        path = f"{API}/alerts/{seeded['alert']}"
        assert viewer.post(f"{path}/verdicts", json={"worth": "noise"}).status_code == 201
        assert viewer.post(f"{path}/assign", json={"person_id": None}).status_code == 403
        assert viewer.post(f"{API}/silences", json={}).status_code == 403
