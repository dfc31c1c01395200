"""Checks of destinations that only accept: a call back confirms one, and a missing one is told elsewhere."""

from datetime import datetime, timedelta

import pytest
from fakes import Received, Reply, web_server
from outbox import make_destination, read, rows, webhook_options
from sqlalchemy import select

from collectors.http import Http
from warden.db import Database
from warden.domain import NotificationReason, NotificationStatus
from warden.errors import NotFound
from warden.models import Destination, Notification
from warden.pipeline import canary, notify
from warden.settings import Settings
from warden.store import confirmations
from warden.vault import Vault

CANARY = NotificationReason.CANARY
HOUR = timedelta(hours=1)


def left(db: Database, destination: Destination, at: datetime) -> None:
    """Let the checks that wait for a destination be taken."""
    with db.write() as session:
        for row in session.scalars(select(Notification).where(Notification.destination_id == destination.id)):
            if row.sent_at is None:
                row.status, row.sent_at, row.attempts = NotificationStatus.ACCEPTED, at, row.attempts + 1


def titles(db: Database, destination: Destination) -> list[tuple[str, str]]:
    return [(row.message["title"], row.message["lead"]) for row in rows(db, destination)]


def test_a_check_is_due_once_per_interval_and_only_where_asked_for(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        checked = make_destination(session, vault, "teams", {"url": "https://a.example"}, now, canary_hours=24)
        make_destination(session, vault, "webhook", webhook_options("https://b.example"), now)
    assert canary.run(db, vault, settings, now) == 1
    left(db, checked, now)
    assert canary.run(db, vault, settings, now + timedelta(minutes=5)) == 0
    assert canary.run(db, vault, settings, now + 24 * HOUR) >= 1
    assert [row.reason for row in rows(db, checked)] == [CANARY, CANARY]


def test_a_clock_that_was_ahead_and_is_set_right_does_not_stop_checks(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        checked = make_destination(session, vault, "teams", {"url": "https://a.example"}, now, canary_hours=24)
    queued = []
    for at in (now + timedelta(days=3650), now, now + HOUR, now + 24 * HOUR):
        canary.run(db, vault, settings, at)
        queued.append(len(rows(db, checked)))
        left(db, checked, at)
    assert queued == [1, 2, 2, 3]


def test_no_further_check_is_queued_behind_one_that_waits(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        checked = make_destination(session, vault, "teams", {"url": "https://a.example"}, now, canary_hours=1)
    assert [canary.run(db, vault, settings, now + number * HOUR) for number in range(3)] == [1, 0, 0]
    left(db, checked, now + 2 * HOUR)
    assert canary.run(db, vault, settings, now + 2 * HOUR) == 1


def test_one_check_that_cannot_be_told_of_keeps_no_other_from_it(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        places = [
            make_destination(
                session, vault, "teams", {"url": "https://a.example"}, now,
                name=zone, canary_hours=24, operations=True, time_zone=zone,
            )
            for zone in ("Asia/Taipei", "Nowhere", "UTC")
        ]  # fmt: skip
    canary.run(db, vault, settings, now)
    for place in places:
        left(db, place, now)
    assert canary.run(db, vault, settings, now + HOUR) == 2, "of the middle one, told to the two others"


def test_what_was_accepted_is_confirmed_by_a_call_back(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    called: list[str] = []

    def flow(received: Received) -> Reply:
        called.append(received.json["confirmUrl"])
        return Reply(202)

    with web_server(flow) as inbox, Http(allowed_networks=settings.allowed_networks) as http:
        with db.write() as session:
            place = make_destination(session, vault, "teams", {"url": inbox.url}, now, canary_hours=24)
        canary.run(db, vault, settings, now)
        notify.run(db, vault, settings, http, now)
    (row,) = rows(db, place)
    assert row.status is NotificationStatus.ACCEPTED
    given = dict(part.split("=", 1) for part in called[0].partition("?")[2].split("&"))
    at, signature = given["at"].replace("%3A", ":").replace("%2B", "+"), given["signature"]
    with db.write() as session:
        for _ in range(2):
            confirmations.confirm(session, vault, place.id, at, signature, now + timedelta(minutes=1))
    (row,) = rows(db, place)
    assert (row.status, row.confirmed_at) == (NotificationStatus.CONFIRMED, now + timedelta(minutes=1))
    assert read(db, place.id).canary_confirmed_at == now + timedelta(minutes=1)
    assert canary.run(db, vault, settings, now + HOUR) == 0, "nothing is missed"


def test_whoever_calls_back_before_answering_confirms_too(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    def flow(_: Received) -> Reply:
        signature = confirmations.address(vault, "", place.id, now).rpartition("signature=")[2]
        with db.write() as session:
            confirmations.confirm(session, vault, place.id, now.isoformat(), signature, now)
        return Reply(202)

    with web_server(flow) as inbox, Http(allowed_networks=settings.allowed_networks) as http:
        with db.write() as session:
            place = make_destination(session, vault, "teams", {"url": inbox.url}, now, canary_hours=24)
        canary.run(db, vault, settings, now)
        notify.run(db, vault, settings, http, now)
    (row,) = rows(db, place)
    assert (row.status, row.confirmed_at) == (NotificationStatus.CONFIRMED, now)
    assert row.sent_at is not None


@pytest.mark.parametrize("change", ["signature", "at", "age"])
def test_any_other_address_confirms_nothing(
    db: Database, vault: Vault, settings: Settings, now: datetime, change: str
) -> None:
    with db.write() as session:
        place = make_destination(session, vault, "teams", {"url": "https://a.example"}, now, canary_hours=24)
    canary.run(db, vault, settings, now)
    url = confirmations.address(vault, "", place.id, now)
    signature = url.rpartition("signature=")[2]
    at = (now if change != "at" else now + HOUR).isoformat()
    later = now + timedelta(days=8) if change == "age" else now
    wrong = signature if change != "signature" else signature[:-2] + "xx"
    with db.write() as session, pytest.raises(NotFound):
        confirmations.confirm(session, vault, place.id, at, wrong, later)
    assert read(db, place.id).canary_confirmed_at is None


def test_a_check_nobody_confirms_is_told_elsewhere_once(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        silent = make_destination(session, vault, "teams", {"url": "https://a.example"}, now, canary_hours=24)
        told = make_destination(session, vault, "webhook", webhook_options("https://b.example"), now, operations=True)
    canary.run(db, vault, settings, now)
    left(db, silent, now)
    for minutes in (10, 31, 45, 24 * 60, 24 * 60 + 40):
        canary.run(db, vault, settings, now + timedelta(minutes=minutes))
    ((title, lead),) = titles(db, told)
    assert title == "Messages may not arrive: teams"
    assert "was accepted, but nothing confirmed" in lead
    assert len(rows(db, silent)) == 2


def test_patience_begins_when_a_check_leaves_however_late_that_is(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        slow = make_destination(session, vault, "teams", {"url": "https://a.example"}, now, canary_hours=24)
        told = make_destination(session, vault, "webhook", webhook_options("https://b.example"), now, operations=True)
    canary.run(db, vault, settings, now)
    canary.run(db, vault, settings, now + 5 * HOUR)
    left(db, slow, now + 5 * HOUR)
    canary.run(db, vault, settings, now + 5 * HOUR + timedelta(minutes=29))
    assert titles(db, told) == []
    canary.run(db, vault, settings, now + 5 * HOUR + timedelta(minutes=30))
    assert len(titles(db, told)) == 1


@pytest.mark.parametrize("status", [503, 422])
def test_a_check_that_is_not_taken_is_told_of_as_that(
    db: Database, vault: Vault, settings: Settings, now: datetime, status: int
) -> None:
    with web_server(lambda _: Reply(status, "busy")) as inbox, Http(allowed_networks=settings.allowed_networks) as http:
        with db.write() as session:
            make_destination(session, vault, "teams", {"url": inbox.url}, now, canary_hours=24)
            told = make_destination(session, vault, "webhook", webhook_options(inbox.url), now, operations=True)
        for minutes in (0, 20, 31, 50):
            canary.run(db, vault, settings, now + timedelta(minutes=minutes))
            notify.run(db, vault, settings, http, now + timedelta(minutes=minutes))
    ((_, lead),) = titles(db, told)
    assert "was not taken" in lead
    assert f"{status} busy" in str(rows(db, told)[0].message["facts"])
