"""What stands still is noticed from outside of the clock, and told by another channel than the one that is stuck."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import assessed
import pytest
from fakes import Inbox, mail_server, signed_webhook, web_server
from outbox import make_destination, rows, webhook_options

from collectors.http import Http
from warden.db import Database
from warden.domain import Frequency, NotificationReason, NotificationStatus
from warden.messages import Message
from warden.pipeline import digest, notify, watch
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


class Readers:
    """An and Lin get a digest every day from one mail server; somebody looks every eight hours, and what it says."""

    def __init__(self, db: Database, vault: Vault, settings: Settings, http: Http, now: datetime) -> None:
        self.db, self.vault, self.settings, self.http, self.now = db, vault, settings, http, now

    def order(self, port: int, hook: str) -> None:
        options = MAIL | {"port": port}
        with self.db.write() as session:
            make_destination(session, self.vault, "webhook", webhook_options(hook), self.now)
            mail = make_destination(session, self.vault, "email", options, self.now)
            for name in ("An", "Lin"):
                one = assessed.person(session, name)
                digests.add(session, person=one, destination=mail, frequency=Frequency.DAILY, now=self.now)

    def pass_by(self, days: int) -> list[str]:
        """Let days go by; return the kind of what was found at each look, once for each run of the same."""
        found: list[str] = []
        for _ in range(3 * days):
            self.now += 8 * HOUR
            with self.db.write() as session:
                meta.heartbeat(session, self.now)
            digest.run(self.db, self.vault, self.settings, self.now)
            notify.run(self.db, self.vault, self.settings, self.http, self.now)
            soon = self.now + timedelta(minutes=1)
            troubles = watch.run(self.db, self.vault, self.settings, self.http, soon)
            look = " ".join(one.kind.partition("/")[0] for one in troubles)
            found += [look] if found[-1:] != [look] else []
        return found


@pytest.fixture
def readers(db: Database, vault: Vault, settings: Settings, now: datetime) -> Iterator[Readers]:
    with Http(allowed_networks=settings.allowed_networks) as http:
        yield Readers(db, vault, settings, http, now)


def heard(inbox: Inbox) -> list[tuple[str, str]]:
    return [(one.json["type"], one.json["data"]["lead"]) for one in inbox.received]


def test_one_full_mailbox_is_told_once_with_whose_it_is_and_what_its_server_says(readers: Readers) -> None:
    def refuse(command: str, address: str) -> str | None:
        return "452 4.2.2 mailbox full" if command == "RCPT" and address.startswith("an@") else None

    with web_server(signed_webhook) as inbox, mail_server(refuse) as server:
        readers.order(server.port, inbox.url)
        assert readers.pass_by(8) == ["", "reader"], "given up and queued anew, it is still the same trouble"
        ((kind, lead),) = heard(inbox)
        assert kind == "digest_undelivered"
        assert lead.startswith("An does not get the digest: it has waited since ")
        facts = dict(inbox.received[0].json["data"]["facts"])
        assert facts["What it said"] == "The address was not taken for now: 452 4.2.2 mailbox full."
        assert "Who waits for a digest" not in facts, "that is in the sentence"
        assert {one for mail in server.mails for one in mail.recipients} == {"lin@us.example"}
        server.refuse = lambda _command, _address: None
        assert readers.pass_by(3) == [""]
        server.refuse = refuse
        assert readers.pass_by(3)[-1] == "reader"
        assert len(inbox.received) == 2, "it is told again when it comes again"


def test_a_mail_server_that_takes_nothing_for_a_week_is_told_once(readers: Readers) -> None:
    def refuse(command: str, address: str) -> str | None:
        return "451 4.3.2 later" if command == at else None

    with web_server(signed_webhook) as inbox, mail_server(refuse) as server:
        readers.order(server.port, inbox.url)
        at = "RCPT"
        assert readers.pass_by(7) == ["", "place"]
        ((kind, lead),) = heard(inbox)
        assert kind == "digest_undelivered"
        assert lead.startswith("Nothing has left through email since ")
        facts = dict(inbox.received[0].json["data"]["facts"])
        assert facts["What it said"] == "The address was not taken for now: 451 4.3.2 later."
        assert facts["Who waits for a digest"] == "An; Lin"
        at = "none"
        assert readers.pass_by(3) == ["place", ""], "until it is sure that all who wait were tried"
        assert len(inbox.received) == 1, "that they came late is told of nobody"


def test_digests_that_nobody_wants_any_more_are_no_trouble(readers: Readers) -> None:
    with web_server(signed_webhook) as inbox, mail_server(lambda *_: "451 4.3.2 later") as server:
        readers.order(server.port, inbox.url)
        assert readers.pass_by(3) == ["", "place"]
        with readers.db.write() as session:
            for one in session.scalars(digests.listing()):
                digests.unsubscribe(session, one.id)
        assert readers.pass_by(3) == [""]


def test_a_clock_that_never_ran_is_not_missed(db: Database, vault: Vault, settings: Settings, now: datetime) -> None:
    with Http() as http:
        assert watch.run(db, vault, settings, http, now) == []
    assert rows(db) == []
