"""Sources, destinations, notifications, digests and imports over the API, against real servers."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fakes import Inbox, Reply, web_server
from served import Site, seed

from warden.clock import utc_now
from warden.domain import NotificationStatus, Role
from warden.models import Notification, Source
from warden.store import notifications


@pytest.fixture
def seeded(site: Site) -> dict[str, Any]:
    return seed(site.services)


@pytest.fixture
def receiver() -> Iterator[Inbox]:
    with web_server(lambda _request: Reply(500, "out of order")) as inbox:
        yield inbox


@pytest.fixture
def hook(admin: httpx.Client, receiver: Inbox) -> dict[str, Any]:
    options = {"url": f"{receiver.url}/hook", "secret": SECRET}
    answer = admin.post("/api/v1/destinations", json={"name": "hook", "channel": "webhook", "options": options})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
FEED = {"name": "press", "collector": "feed", "options": {"url": "http://127.0.0.1:9/atom.xml"}}


def test_a_source_is_added_changed_paused_and_resumed(admin: httpx.Client) -> None:
    made = admin.post("/api/v1/sources", json=FEED)
    assert (made.status_code, made.json()["state"]) == (201, "new")
    path = f"/api/v1/sources/{made.json()['id']}"
    changed = admin.patch(path, json={"schedule": "0 * * * *"}, headers={"If-Match": '"1"'})
    assert (changed.json()["schedule"], changed.headers["etag"]) == ("0 * * * *", '"2"')
    assert admin.patch(path, json={"schedule": "now and then"}).status_code == 422
    assert admin.patch(path, json={"options": {"url": "ftp://x"}}).json()["faults"][0]["where"].startswith("options")
    assert admin.post(f"{path}/pause", headers={"If-Match": '"1"'}).status_code == 412
    assert admin.post(f"{path}/pause").json()["paused"] is True
    assert admin.post(f"{path}/run").status_code == 409
    assert admin.post(f"{path}/resume").json()["paused"] is False
    assert admin.post(f"{path}/run").status_code == 202
    assert admin.get(f"{path}/runs").json() == {"items": [], "next": None}
    assert admin.post("/api/v1/sources", json=FEED).status_code == 409


def test_a_source_is_tried_and_nothing_is_stored(site: Site, admin: httpx.Client) -> None:
    tried = admin.post("/api/v1/sources/test", json={"collector": "feed", "options": FEED["options"]}).json()
    assert tried["outcome"] == "unavailable"
    assert tried["reason"]
    stored = admin.post("/api/v1/sources", json=FEED).json()
    assert admin.post(f"/api/v1/sources/{stored['id']}/test").json()["outcome"] == "unavailable"
    with site.services.db.read() as session:
        assert session.query(Source).one().failures == 0


def test_a_source_fed_through_the_api_is_never_visited(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    erp = next(one for one in admin.get("/api/v1/sources").json()["items"] if one["name"] == "erp")
    assert admin.post(f"/api/v1/sources/{erp['id']}/test").status_code == 422
    assert admin.post(f"/api/v1/sources/{erp['id']}/run").status_code == 409


def test_kinds_of_sources_and_destinations_describe_their_options(admin: httpx.Client) -> None:
    collectors = {one["name"]: one for one in admin.get("/api/v1/sources/collectors").json()["items"]}
    assert collectors["feed"]["facts"] == ["article"]
    assert collectors["imap"]["options"]["properties"]["password"]["writeOnly"] is True
    channels = {one["name"] for one in admin.get("/api/v1/destinations/channels").json()["items"]}
    assert {"slack", "teams", "email", "webhook"} <= channels


def test_a_test_message_shows_what_the_other_side_really_said(
    admin: httpx.Client, receiver: Inbox, hook: dict[str, Any]
) -> None:
    failed = admin.post(f"/api/v1/destinations/{hook['id']}/test", json={}).json()
    assert "500 out of order" in failed["answer"]
    receiver.respond = lambda _request: Reply(200, "thank you")
    sent = admin.post(f"/api/v1/destinations/{hook['id']}/test", json={}).json()
    assert (sent["status"], "thank you" in sent["answer"]) == ("sent", True)
    assert len(receiver.received) == 2


def test_a_secret_left_out_of_a_change_stays(admin: httpx.Client, receiver: Inbox, hook: dict[str, Any]) -> None:
    path = f"/api/v1/destinations/{hook['id']}"
    assert admin.patch(path, json={"options": hook["options"], "min_severity": "critical"}).status_code == 200
    receiver.respond = lambda _request: Reply(200)
    assert admin.post(f"{path}/test", json={}).json()["status"] == "sent"


def test_a_destination_is_switched_off_and_on_and_deleted_only_while_unused(
    admin: httpx.Client, hook: dict[str, Any]
) -> None:
    path = f"/api/v1/destinations/{hook['id']}"
    off = admin.patch(path, json={"enabled": False}, headers={"If-Match": '"1"'}).json()
    assert off["disabled_why"] == "Switched off by token admin test."
    assert admin.patch(path, json={"enabled": True}).json()["disabled_at"] is None
    admin.post(f"{path}/test", json={})
    assert admin.delete(path).status_code == 409
    unused = admin.post(
        "/api/v1/destinations",
        json={"name": "mail", "channel": "webhook", "options": {"url": "http://127.0.0.1:9/", "secret": SECRET}},
    )
    assert admin.delete(f"/api/v1/destinations/{unused.json()['id']}").status_code == 204


def test_a_failed_notification_is_sent_once_more_when_asked(
    site: Site, admin: httpx.Client, seeded: dict[str, Any]
) -> None:
    path = f"/api/v1/notifications/{seeded['notification']}"
    assert admin.get(path).json()["message"]["title"] == "A test"
    assert admin.post(f"{path}/retry").status_code == 409
    with site.services.db.write() as session:
        notifications.get(session, seeded["notification"]).status = NotificationStatus.FAILED
    assert admin.post(f"{path}/retry").json()["status"] == "queued"
    assert len(admin.get("/api/v1/notifications", params={"status": "queued"}).json()["items"]) == 1


def test_what_acts_for_the_reader_of_a_message_is_not_shown(
    site: Site, admin: httpx.Client, seeded: dict[str, Any]
) -> None:
    with site.services.db.write() as session:
        row = session.get_one(Notification, seeded["notification"])
        row.message = {**row.message, "sealed": "gAAAA", "unsubscribe_url": "https://warden.example/u?signature=s"}
    message = admin.get(f"/api/v1/notifications/{seeded['notification']}").json()["message"]
    assert not {"sealed", "unsubscribe_url"} & set(message)
    preview = admin.get(f"/api/v1/digests/{seeded['digest']}/preview")
    assert "signature" not in preview.text


def test_a_digest_is_changed_previewed_and_deleted(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    path = f"/api/v1/digests/{seeded['digest']}"
    weekly = admin.patch(path, json={"frequency": "weekly", "weekday": 4, "hour": 7}, headers={"If-Match": '"1"'})
    assert (weekly.json()["weekday"], weekly.headers["etag"]) == (4, '"2"')
    assert admin.patch(path, json={"hour": 24}).status_code == 422
    assert admin.patch(path, json={"destination_id": str(seeded["destination"])}).status_code == 409
    preview = admin.get(f"{path}/preview").json()["message"]
    assert "Acme" in str(preview["items"])
    again = {"person_id": str(seeded["person"]), "destination_id": str(seeded["destination"]), "frequency": "daily"}
    assert admin.post("/api/v1/digests", json=again).status_code == 409
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404


CSV = "name,tier,domain,owner\nAcme,strategic,acme.example,an@our.example\nBeta,standard,beta.example,\n"


def upload(client: httpx.Client, text: str | bytes, **query: Any) -> httpx.Response:
    data = text.encode() if isinstance(text, str) else text
    return client.post("/api/v1/partners/import", files={"file": ("partners.csv", data, "text/csv")}, params=query)


def names(client: httpx.Client) -> list[str]:
    return [one["name"] for one in client.get("/api/v1/partners").json()["items"]]


def test_a_file_of_partners_is_imported_after_a_dry_run(admin: httpx.Client) -> None:
    dry = upload(admin, CSV, dry_run=True)
    assert dry.json() == {"created": 2, "updated": 0, "skipped": 0, "ignored": [], "dry_run": True}
    assert names(admin) == []
    assert upload(admin, CSV).json()["created"] == 2
    assert names(admin) == ["Acme", "Beta"]
    assert upload(admin, CSV).status_code == 422
    assert upload(admin, CSV, on_conflict="skip").json()["skipped"] == 2


def test_a_file_with_one_fault_is_refused_as_a_whole(admin: httpx.Client) -> None:
    answer = upload(admin, CSV + "Gamma,standard,gmail.com,not-an-address\n")
    assert answer.status_code == 422
    assert all("4" in fault["where"] for fault in answer.json()["faults"])
    assert names(admin) == []


def test_headers_of_the_file_are_mapped_to_fields_of_ours(admin: httpx.Client) -> None:
    text = "wer\nAcme\n"
    assert upload(admin, text).status_code == 422
    assert upload(admin, text, column="name=wer").json()["created"] == 1
    assert upload(admin, text, column="colour=wer").json()["faults"][0]["where"] == "column"


@pytest.mark.parametrize("data", [b"", b"\0\0\0", b"PK\x03\x04broken"])
def test_a_file_that_is_none_is_the_callers_fault(admin: httpx.Client, data: bytes) -> None:
    assert upload(admin, data).status_code == 422


def test_a_user_is_changed_by_the_version_that_was_read(site: Site) -> None:
    with site.client(Role.ADMIN) as admin:
        user = admin.post("/api/v1/users", json={"email": "X@our.example", "name": "X"}).json()
        path = f"/api/v1/users/{user['id']}"
        assert user["email"] == "x@our.example"
        assert admin.patch(path, json={"name": "Y"}, headers={"If-Match": '"1"'}).json()["version"] == 2
        assert admin.patch(path, json={"name": "Z"}, headers={"If-Match": '"1"'}).status_code == 412
        assert admin.patch(path, json={"time_zone": "Mars/Base"}).status_code == 422
        assert admin.post("/api/v1/users", json={"email": "x@OUR.example", "name": "X"}).status_code == 409
        made = admin.post(f"{path}/link").json()
        assert utc_now().isoformat() < made["expires_at"]
