"""What stands still is noticed from outside of the clock, and told by another channel than the one that is stuck."""

from datetime import datetime, timedelta

import assessed
from fakes import signed_webhook, web_server
from outbox import make_destination, rows, webhook_options

from collectors.http import Http
from warden.db import Database
from warden.domain import Frequency, NotificationReason, NotificationStatus
from warden.messages import Message
from warden.pipeline import digest, watch
from warden.settings import Settings
from warden.store import digests, meta
from warden.vault import Vault

MAIL = {"host": "127.0.0.1", "port": 9, "security": "none", "sender": "warden@our.example", "to": ["ops@our.example"]}
HOUR = timedelta(hours=1)


def told(db: Database) -> list[str]:
    found = [row for row in rows(db) if row.reason is NotificationReason.CLOCK_STOPPED]
    assert all(row.status is NotificationStatus.SENT for row in found), "it is sent at once"
    assert {row.destination_id for row in found} <= {row.destination_id for row in found if row.recipient is None}
    return [Message.from_data(row.message).lead for row in found]


def test_a_clock_that_stands_still_is_told_once_and_again_when_it_stops_again(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with web_server(signed_webhook) as inbox, Http(allowed_networks=settings.allowed_networks) as http:
        with db.write() as session:
            make_destination(session, vault, "webhook", webhook_options(inbox.url), now)
            make_destination(session, vault, "email", MAIL, now, operations=True)
            meta.heartbeat(session, now)
        assert watch.run(db, vault, settings, http, now + timedelta(minutes=10)) == []
        for minutes in (20, 25):
            assert len(watch.run(db, vault, settings, http, now + timedelta(minutes=minutes))) == 1
        with db.write() as session:
            meta.heartbeat(session, now + HOUR)
        assert watch.run(db, vault, settings, http, now + HOUR) == []
        assert len(watch.run(db, vault, settings, http, now + 2 * HOUR)) == 1
    assert [lead.partition(" since")[0] for lead in told(db)] == ["The clock has stood still"] * 2
    assert len(inbox.received) == 2


def test_digests_that_are_not_queued_or_do_not_leave_are_told_through_another_channel(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with web_server(signed_webhook) as inbox, Http(allowed_networks=settings.allowed_networks) as http:
        with db.write() as session:
            make_destination(session, vault, "webhook", webhook_options(inbox.url), now)
            mail = make_destination(session, vault, "email", MAIL, now, operations=True)
            an = assessed.person(session, "An")
            slot = digests.add(session, person=an, destination=mail, frequency=Frequency.DAILY, now=now).next_run_at
            meta.heartbeat(session, slot + 25 * HOUR)
        assert watch.run(db, vault, settings, http, slot + 25 * HOUR) == []
        with db.write() as session:
            meta.heartbeat(session, slot + 27 * HOUR)
        (found,) = watch.run(db, vault, settings, http, slot + 27 * HOUR)
        assert (found.kind, found.since) == ("digest", slot)
        digest.run(db, vault, settings, slot + 27 * HOUR)
        with db.write() as session:
            meta.heartbeat(session, slot + 54 * HOUR)
            digests.get(session, digests.overdue(session, slot + 60 * HOUR)[0].id).next_run_at = slot + 72 * HOUR
        (found,) = watch.run(db, vault, settings, http, slot + 54 * HOUR)
        assert found.kind == "queue"
    assert [lead.partition(" ")[0] for lead in told(db)] == ["No", "Digests"]
    assert len(inbox.received) == 2


def test_a_clock_that_never_ran_is_not_missed(db: Database, vault: Vault, settings: Settings, now: datetime) -> None:
    with Http() as http:
        assert watch.run(db, vault, settings, http, now) == []
    assert rows(db) == []
