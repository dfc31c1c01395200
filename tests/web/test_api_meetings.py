"""Executive meetings, actions and the rhythm over the API."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from served import Site

from warden.clock import utc_now
from warden.domain import Role


def day(ahead: int) -> str:
    return (utc_now() + timedelta(days=ahead)).date().isoformat()


THEIRS = {"text": "Send the recovery plan", "side": "theirs", "due_on": day(40)}


@pytest.fixture
def site(seeded_site: Site) -> Site:
    return seeded_site


@pytest.fixture
def seeded(site: Site) -> dict[str, Any]:
    return site.seeded


@pytest.fixture
def admin(site: Site, seeded: dict[str, Any]) -> Iterator[httpx.Client]:
    with site.client(Role.ADMIN) as client:
        client.base_url = httpx.URL(f"{site.url}/api/v1")
        yield client


def test_decisions_of_a_meeting_become_actions_of_either_side(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    ours = {"text": "Pay in ten days", "side": "ours", "due_on": day(30), "owner_id": str(seeded["person"])}
    held = {"outcome": "We meet weekly.", "actions": [ours, THEIRS]}
    answer = admin.post(f"/meetings/{seeded['meeting']}/held", json=held)
    assert (answer.status_code, answer.json()["status"]) == (200, "held")
    found = admin.get("/actions", params={"meeting_id": str(seeded["meeting"]), "due_before": day(60)}).json()["items"]
    told = [(one["text"], one["side"], one["owner"] and one["owner"]["name"]) for one in found]
    assert told == [
        ("Send the plan", "ours", "An Nguyen"),
        ("Pay in ten days", "ours", "An Nguyen"),
        ("Send the recovery plan", "theirs", None),
    ]


def test_a_meeting_with_a_decision_nobody_can_keep_stays_open(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    held = {"outcome": "We meet weekly.", "actions": [{**THEIRS, "owner_id": str(seeded["person"])}]}
    answer = admin.post(f"/meetings/{seeded['meeting']}/held", json=held)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["where"] == "actions[0].owner_id"
    assert admin.get(f"/meetings/{seeded['meeting']}").json()["status"] == "proposed"


def test_what_is_wrong_with_a_decision_is_told_with_its_place(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    nobody = {**THEIRS, "owner_id": str(uuid.uuid4())}
    held = {"outcome": "We meet weekly.", "actions": [THEIRS, nobody, {**THEIRS, "due_on": "1800-01-01"}]}
    answer = admin.post(f"/meetings/{seeded['meeting']}/held", json=held)
    places = [fault["where"] for fault in answer.json()["faults"]]
    assert (answer.status_code, places) == (422, ["actions[1].owner_id", "actions[2].due_on"])
    assert admin.get(f"/meetings/{seeded['meeting']}").json()["status"] != "held"


def test_a_person_asks_for_a_meeting_and_a_repeat_is_answered_as_before(
    admin: httpx.Client, seeded: dict[str, Any]
) -> None:
    admin.post(f"/meetings/{seeded['meeting']}/waive", json={"reason": "Too early."})
    wanted = {"partner_id": str(seeded["partner"]), "reason": "They do not answer.", "within_days": 3}
    key = {"Idempotency-Key": "monday-1"}
    made = admin.post("/meetings", json=wanted, headers=key)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    meeting = made.json()
    assert (meeting["status"], meeting["alert_id"]) == ("proposed", str(seeded["alert"]))
    assert (meeting["proposed_by"], meeting["proposed_why"]) == ("token admin test", "They do not answer.")
    assert [one["email"] for one in meeting["attendees"]] == ["an@our.example"]
    again = admin.post("/meetings", json=wanted, headers=key)
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, meeting, '"1"')
    assert "idempotent-replayed" in again.headers
    other = admin.post("/meetings", json={**wanted, "reason": "They moved."}, headers=key)
    assert (other.status_code, other.json()["faults"][0]["where"]) == (422, "Idempotency-Key")
    assert admin.get(f"/meetings/{meeting['id']}").json() == meeting


def test_what_cannot_be_met_about_is_refused(admin: httpx.Client, site: Site, seeded: dict[str, Any]) -> None:
    wanted = {"partner_id": str(seeded["partner"]), "reason": "They do not answer."}
    open_one = admin.post("/meetings", json=wanted)
    assert (open_one.status_code, str(seeded["meeting"]) in open_one.json()["detail"]) == (409, True)
    blank = next(one for one in admin.get("/partners").json()["items"] if one["name"] == "Blank")
    quiet = admin.post("/meetings", json={**wanted, "partner_id": blank["id"]})
    assert (quiet.status_code, "No alert of this partner fires" in quiet.json()["detail"]) == (409, True)
    strange = admin.post("/meetings", json={**wanted, "partner_id": blank["id"], "alert_id": str(seeded["alert"])})
    assert (strange.status_code, strange.json()["faults"][0]["where"]) == (422, "alert_id")
    for missing in ({"partner_id": str(uuid.UUID(int=1))}, {"alert_id": str(uuid.UUID(int=1))}):
        assert admin.post("/meetings", json={**wanted, **missing}).status_code == 404
    for wrong, where in (({"reason": " "}, "reason"), ({"within_days": 0}, "within_days"), ({"days": 3}, "days")):
        answer = admin.post("/meetings", json={**wanted, **wrong})
        assert (answer.status_code, answer.json()["faults"][0]["where"]) == (422, where)
    with site.client(Role.VIEWER) as viewer:
        assert viewer.post("/api/v1/meetings", json=wanted).status_code == 403
    assert [one["id"] for one in admin.get("/meetings").json()["items"]] == [str(seeded["meeting"])]


def test_the_five_whys_are_kept_and_bounded(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    path = f"/meetings/{seeded['meeting']}"
    lines = [{"why": "Why late?", "because": "The press stood still."}, {"why": "", "because": ""}]
    answer = admin.put(f"{path}/five-whys", json={"five_whys": lines}, headers={"If-Match": '"1"'})
    assert answer.json()["five_whys"] == lines[:1]
    assert answer.headers["etag"] == '"2"'
    stale = admin.put(f"{path}/five-whys", json={"five_whys": []}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    for wrong in ([{"why": "", "because": "x"}], [{"why": "w"}] * 6):
        assert admin.put(f"{path}/five-whys", json={"five_whys": wrong}).status_code == 422
    admin.post(f"{path}/waive", json={"reason": "Contract ends."})
    assert admin.put(f"{path}/five-whys", json={"five_whys": lines}).status_code == 409


def test_a_meeting_tells_who_was_asked_and_at_which_invitation(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    path = f"/meetings/{seeded['meeting']}"
    starts_at = (utc_now() + timedelta(days=2)).isoformat()
    meeting = admin.post(f"{path}/schedule", json={"starts_at": starts_at}).json()
    assert (meeting["sequence"], meeting["level"]) == (1, "executive")
    assert [(one["email"], one["partstat"]) for one in meeting["attendees"]] == [("an@our.example", "needs-action")]
    assert admin.get(f"{path}/replies").json() == {"items": [], "next": None}
    assert admin.get(f"/meetings/{uuid.UUID(int=1)}/replies").status_code == 404


def test_a_meeting_scheduled_as_it_is_already_stays_as_it_is(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    path = f"/meetings/{seeded['meeting']}"
    wanted = {"starts_at": (utc_now() + timedelta(days=2)).isoformat(), "minutes": 45, "place": "Room 5"}

    def told() -> int:
        return len(admin.get("/notifications", params={"limit": 200}).json()["items"])

    hook = {"url": "http://127.0.0.1:9/hook", "secret": "whsec_" + "A" * 32}
    assert admin.post("/destinations", json={"name": "Hook", "channel": "webhook", "options": hook}).status_code == 201
    first, mails = admin.post(f"{path}/schedule", json=wanted), told()
    again = admin.post(f"{path}/schedule", json={**wanted, "place": " Room 5 "})
    assert (again.json(), again.headers["etag"], told()) == (first.json(), first.headers["etag"], mails)
    moved = admin.post(f"{path}/schedule", json={**wanted, "place": "Room 6"})
    assert moved.json()["sequence"] == first.json()["sequence"] + 1
    assert told() > mails


def test_an_action_is_noted_changed_and_closed(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    made = admin.post("/actions", json={**THEIRS, "partner_id": str(seeded["partner"])})
    assert (made.status_code, made.json()["version"], made.json()["overdue"]) == (201, 1, False)
    path = f"/actions/{made.json()['id']}"
    tag = admin.get(path).headers["etag"]
    changed = admin.patch(path, json={"due_on": day(50)}, headers={"If-Match": tag})
    assert (changed.json()["due_on"], changed.headers["etag"]) == (day(50), '"2"')
    assert admin.patch(path, json={"due_on": day(51)}, headers={"If-Match": tag}).status_code == 412
    assert admin.patch(path, json={"text": None}).json()["faults"][0]["where"] == "text"
    assert admin.post(f"{path}/drop", json={"reason": "They pay instead."}).json()["dropped_why"] == "They pay instead."
    assert admin.post(f"{path}/done").status_code == 409
    assert admin.post(f"/actions/{seeded['action']}/done").json()["done_by"]
    open_ones = admin.get("/actions", params={"only_open": True, "partner_id": str(seeded["partner"])}).json()["items"]
    assert open_ones == []


def test_the_rhythm_says_where_it_comes_from_and_what_is_unknown(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    path = f"/partners/{seeded['partner']}/rhythm"
    levels = {one["level"]: one for one in admin.get(path).json()["items"]}
    assert [(one["every_days"], one["source"], one["overdue_days"]) for one in levels.values()] == [
        (91, "shipped", None),
        (30, "shipped", None),
        (14, "portfolio", None),
    ]
    at = (utc_now() - timedelta(days=20)).isoformat()
    key = {"scheme": "email", "value": "kim@acme.example"}
    meeting = {"kind": "measure", "identity": "m1", "at": at, "key": key, "name": "meeting", "value": 1}
    admin.post("/facts", json={"source": "erp", "facts": [meeting]})
    working = admin.get(path).json()["items"][2]
    assert (datetime.fromisoformat(working["last"]).isoformat(), working["overdue_days"]) == (at, 6.0)
    assert admin.get(f"/partners/{uuid.UUID(int=1)}/rhythm").status_code == 404


def test_a_cadence_is_set_and_ended(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    new = {"level": "executive", "scope": "partner", "partner_id": str(seeded["partner"]), "every_days": None}
    row = admin.put("/cadences", json=new).json()
    assert admin.get(f"/partners/{seeded['partner']}/rhythm").json()["items"][0] == {
        "level": "executive", "every_days": None, "source": "partner", "cadence_id": row["id"], "last": None,
        "next": None, "due": None, "overdue_days": 0.0,
    }  # fmt: skip
    assert admin.delete(f"/cadences/{row['id']}").json()["ended_at"]
    assert admin.delete(f"/cadences/{row['id']}").status_code == 409
    params = {"history": True, "partner_id": str(seeded["partner"])}
    assert [one["id"] for one in admin.get("/cadences", params=params).json()["items"]] == [row["id"]]
    wrong = admin.put("/cadences", json={**new, "scope": "tier", "tier": "nobody's"})
    assert {fault["where"] for fault in wrong.json()["faults"]} == {"tier", "partner_id"}
