"""Checks of destinations that only accept: a call back confirms one, and a missing one is told elsewhere."""

from datetime import datetime, timedelta

import pytest
from fakes import Received, Reply, web_server
from outbox import make_destination, read, rows, webhook_options

from collectors.http import Http
from warden.db import Database
from warden.domain import NotificationReason, NotificationStatus
from warden.errors import NotFound
from warden.messages import Message
from warden.pipeline import canary, notify
from warden.settings import Settings
from warden.store import confirmations
from warden.vault import Vault

CANARY = NotificationReason.CANARY
HOUR = timedelta(hours=1)


def test_a_check_is_due_once_per_interval_and_only_where_asked_for(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        checked = make_destination(session, vault, "teams", {"url": "https://a.example"}, now, canary_hours=24)
        make_destination(session, vault, "webhook", webhook_options("https://b.example"), now)
    assert canary.run(db, vault, settings, now) == 1
    assert canary.run(db, vault, settings, now + timedelta(minutes=5)) == 0
    assert canary.run(db, vault, settings, now + 24 * HOUR) >= 1
    assert [row.reason for row in rows(db, checked)] == [CANARY, CANARY]


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
    for minutes in (10, 31, 45, 24 * 60, 24 * 60 + 40):
        canary.run(db, vault, settings, now + timedelta(minutes=minutes))
    (row,) = rows(db, told)
    message = Message.from_data(row.message)
    assert message.title == "Messages may not arrive: teams"
    assert len(rows(db, silent)) == 2
