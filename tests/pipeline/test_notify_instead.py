"""A destination is switched off: what reached nobody is told once to whom its alert would go now, and nothing twice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import forked
import killed
import pytest
from alarmed import NOW, a_rule, happened, kept, over, pristine, renewed, worsen
from assessed import partner
from cryptography.fernet import Fernet
from fakes import LOOPBACK, Inbox, Reply, signed_webhook, web_server
from outbox import make_destination, queue, read, rows, webhook_options
from pydantic import SecretStr
from sqlalchemy import select

from collectors.http import Http
from warden.db import Database
from warden.domain import MeetingStatus, NotificationStatus, Severity
from warden.models import Destination, Meeting, Told
from warden.pipeline import announce, notify
from warden.settings import Settings
from warden.store import destinations, routes
from warden.vault import Vault

HOUR = timedelta(hours=1)
KEY = Fernet.generate_key().decode()
VAULT = Vault([KEY])
SETTINGS = Settings(group_wait_seconds=0, allowed_networks=LOOPBACK, public_url="https://warden.example")
APART = 7
"""Every so many-th thing it does kills it once; all of them take a minute."""

SENT, QUEUED, FAILED = NotificationStatus.SENT, NotificationStatus.QUEUED, NotificationStatus.FAILED


def prepare(database: Database) -> None:
    with database.write() as session:
        for name in ("Acme", "Beta"):
            partner(session, name, NOW)
        a_rule(session, "late", NOW)
        a_rule(session, "grave", NOW, Severity.CRITICAL)


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    with kept(sqlite_template, tmp_path_factory.mktemp("instead"), prepare) as found:
        yield found


@pytest.fixture
def watched(prepared: tuple[Database, Path]) -> Database:
    return renewed(*prepared)


@pytest.fixture
def room() -> Iterator[Inbox]:
    """A room that is gone for good."""
    with web_server(lambda _: Reply(410)) as inbox:
        yield inbox


@pytest.fixture
def other() -> Iterator[Inbox]:
    with web_server(signed_webhook) as inbox:
        yield inbox


def places(db: Database, room: Inbox, other: Inbox, *, routed: bool = True, **values: Any) -> tuple[Any, Any]:
    """A room that alone takes alerts, by a route; and another place that takes what no route does."""
    with db.write() as session:
        lost = make_destination(session, VAULT, "slack", {"url": SecretStr(room.url)}, NOW)
        spare = make_destination(session, VAULT, "webhook", webhook_options(other.url), NOW, **values)
        if routed:
            routes.add(session, {"name": "all", "matchers": {}, "destination_ids": [str(lost.id)], "people": []})
        return lost, spare


def run(db: Database, hours: float = 0) -> None:
    """Announce and send."""
    at = NOW + hours * HOUR
    announce.run(db, VAULT, SETTINGS, at)
    with Http(allowed_networks=LOOPBACK, timeout=5) as http:
        notify.run(db, VAULT, SETTINGS, http, at)


def told(inbox: Inbox) -> list[tuple[str, str]]:
    return [(one.json["type"], one.json["data"]["title"]) for one in inbox.received]


def test_what_reached_nobody_is_told_instead_once_in_order(watched: Database, room: Inbox, other: Inbox) -> None:
    lost, _ = places(watched, room, other)
    happened(watched, "late")
    announce.run(watched, VAULT, SETTINGS, NOW)
    happened(watched, "grave", NOW + HOUR)
    run(watched, 1)
    assert told(other) == [
        ("alert_fired", "Warning: Acme – Late"),
        ("alert_fired", "Critical: Acme – Grave and 1 more"),
    ]
    assert other.received[0].json["data"]["facts"][0] == ["Meant for", "slack"]
    assert "verdict" not in other.received[0].body.decode(), "these links are its own reader's"
    assert len(room.received) == 1
    assert [row.status for row in rows(watched, lost)] == [FAILED, QUEUED], "it is mended and gets what waits"
    run(watched, 2)
    assert len(other.received) == 2


def test_whoever_is_told_instead_hears_of_the_end_too(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other)
    late = happened(watched, "late")
    run(watched)
    over(watched, late, NOW + HOUR)
    run(watched, 1)
    assert told(other) == [("alert_fired", "Warning: Acme – Late"), ("alert_resolved", "Resolved: Acme – Late")]


def test_what_others_were_told_of_is_not_told_again(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other, routed=False)
    happened(watched, "late")
    run(watched)
    assert told(other) == [("alert_fired", "Warning: Acme – Late")]


def test_an_alert_they_knew_before_is_not_told_again_as_another_readers_message(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    """The room hears first of the alert when it is worse: for the other it is another reason, so another message."""
    places(watched, room, other, routed=False)
    with watched.write() as session:
        destinations.named(session, "slack").min_severity = Severity.CRITICAL
    alert = happened(watched, "late")
    run(watched)
    with watched.write() as session:
        worsen(session, alert, Severity.CRITICAL, NOW + HOUR)
    run(watched, 1)
    assert [kind for kind, _ in told(other)] == ["alert_fired", "alert_fired"]
    assert [one.json["data"]["notice"] for one in other.received] == ["first", "worse"]


def test_that_an_alert_they_were_told_of_instead_is_worse_is_told_instead_too(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    lost, _ = places(watched, room, other)
    alert = happened(watched, "late")
    run(watched)
    with watched.write() as session:
        destinations.enable(session, destinations.get(session, lost.id))
        routes.listing(session)[0].matchers = {"severity": ["critical"]}
        worsen(session, alert, Severity.CRITICAL, NOW + HOUR)
    run(watched, 1)
    assert len(room.received) == 2, "it refuses for good again"
    assert [one.json["data"]["notice"] for one in other.received] == ["first", "worse"]


def test_invitations_that_reached_nobody_follow(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other)
    alert = happened(watched, "grave")
    with watched.write() as session:
        asked = {"alert_id": alert.id, "partner_id": alert.partner_id, "status": MeetingStatus.PROPOSED}
        session.add(Meeting(proposed_at=NOW, due_on=NOW.date(), attendees=[], agenda=[], **asked))
    run(watched)
    assert [kind for kind, _ in told(other)] == ["alert_fired", "meeting_proposed"]


def test_a_message_about_many_is_told_instead_and_known_of_each(watched: Database, room: Inbox, other: Inbox) -> None:
    lost, spare = places(watched, room, other)
    with watched.write() as session:
        names = [f"P{number}" for number in range(4)]
        for name in names:
            partner(session, name, NOW)
    for name in ("Acme", "Beta", *names):
        happened(watched, "late", name=name)
    run(watched)
    assert [kind for kind, _ in told(other)] == ["common_cause"]
    with watched.read() as session:
        known = session.scalars(select(Told.destination_id)).all()
    assert sorted(known, key=str) == sorted([lost.id, spare.id] * 6, key=str)


def test_where_both_are_gone_each_message_is_tried_once(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other)
    other.respond = lambda _: Reply(410)
    happened(watched, "late")
    for hours in (0, 1, 2):
        run(watched, hours)
    assert (len(room.received), len(other.received)) == (1, 1)
    with watched.read() as session:
        assert all(one.disabled_at for one in session.scalars(select(Destination)))


def test_a_defect_in_it_keeps_no_destination_from_being_switched_off(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    lost, _ = places(watched, room, other, operations=True)
    with watched.write() as session:
        queue(session, lost, "notice/of nobody", NOW)
    run(watched)
    assert read(watched, lost.id).disabled_at is not None
    assert [kind for kind, _ in told(other)] == ["destination_disabled"]


def test_killed_on_the_way_it_is_told_instead_once_under_one_id(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other)
    happened(watched, "late")
    announce.run(watched, VAULT, SETTINGS, NOW)
    copy, died, fatal = pristine(watched), 0, 1
    while True:
        other.received.clear()
        status = forked.call(killed.sending, f"sqlite:///{watched.url.database}", NOW, fatal, KEY)
        for minutes in (6, 12):
            with Http(allowed_networks=LOOPBACK, timeout=5) as http:
                notify.run(watched, VAULT, SETTINGS, http, NOW + timedelta(minutes=minutes))
        assert len({one.headers["webhook-id"] for one in other.received}) == 1
        assert [row.status for row in rows(watched)] == [FAILED, SENT]
        if status == 0:
            break
        died, fatal = died + 1, fatal + APART
        renewed(watched, copy)
    assert died > 10
