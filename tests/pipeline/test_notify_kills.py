"""kill -9 at every step of sending: nothing is lost, nothing confirmed is sent again, ids and contents stay."""

import random
import signal
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import forked
import killed
import pytest
from cryptography.fernet import Fernet
from factories import NOW
from fakes import Inbox, Received, Reply, Respond, Slack, signed_webhook, teams, web_server
from outbox import make_destination, queue, rows, webhook_options
from pydantic import SecretStr
from samples import every_message

from warden.db import Database
from warden.domain import NotificationStatus
from warden.models import Notification
from warden.store import notifications
from warden.vault import Vault

KEY = Fernet.generate_key().decode()
CONFIRMED = {NotificationStatus.SENT, NotificationStatus.ACCEPTED}
MESSAGES = 60
MOST_STEPS = 60
"""So many things a child does at most before it dies; one message takes some twenty-five."""

RESPOND: Mapping[str, Respond] = {"/slack": Slack(), "/teams": teams}

PAUSE = notifications.LEASE + timedelta(seconds=5)


class Receiver:
    """Keeps what was answered well, by the id of the message; of a channel that has no ids, by its content."""

    def __init__(self) -> None:
        self.bodies: dict[str, set[bytes]] = defaultdict(set)
        self.fresh: list[str] = []

    def respond(self, received: Received) -> Reply:
        """Take a message, checked as its vendor does."""
        reply = RESPOND.get(received.path, signed_webhook)(received)
        assert reply.status < 300, reply
        name = received.headers.get("webhook-id") or received.path + received.body.decode()
        self.bodies[name].add(received.body)
        self.fresh.append(name)
        return reply


@contextmanager
def filled(db: Database) -> Iterator[Receiver]:
    """Messages wait for a signed webhook; two each for Slack and Teams, as many as their pace allows at once."""
    receiver = Receiver()
    with web_server(receiver.respond) as inbox:
        with db.write() as session:
            vault = Vault([KEY])
            hook = make_destination(session, vault, "webhook", webhook_options(inbox.url), NOW)
            for number in range(MESSAGES):
                queue(session, hook, f"m{number}", NOW, list(every_message())[number % 3])
            for channel in ("slack", "teams"):
                place = make_destination(session, vault, channel, _address(inbox, channel), NOW)
                for reason in list(every_message())[:2]:
                    queue(session, place, reason.value, NOW, reason)
        yield receiver


def _address(inbox: Inbox, channel: str) -> dict[str, SecretStr]:
    return {"url": SecretStr(f"{inbox.url}/{channel}")}


@pytest.mark.parametrize(("database", "kills"), [("sqlite_db", 100), ("postgresql_db", 10)])
def test_whatever_step_kills_it_everything_arrives_and_nothing_confirmed_twice(
    request: pytest.FixtureRequest, database: str, kills: int
) -> None:
    db: Database = request.getfixturevalue(database)
    dice = random.Random(f"{kills} kills")
    with filled(db) as receiver:
        before = {row.id: row.key for row in rows(db)}
        now, confirmed, died = NOW, set[str](), 0
        while any(row.status not in CONFIRMED for row in rows(db)):
            fatal = dice.randint(1, MOST_STEPS) if died < kills else 10**9
            status = forked.call(killed.sending, url_of(db), now, fatal, KEY)
            assert status in (0, -signal.SIGKILL)
            died += status == -signal.SIGKILL
            assert confirmed.isdisjoint(receiver.fresh)
            receiver.fresh.clear()
            confirmed = {str(row.id) for row in rows(db) if row.status in CONFIRMED}
            now += PAUSE
    assert died == kills
    assert {row.id: row.key for row in rows(db)} == before
    assert {len(bodies) for bodies in receiver.bodies.values()} == {1}
    hooked = {str(row.id) for row in rows(db) if is_hook(row)}
    assert hooked <= receiver.bodies.keys()
    assert len(receiver.bodies) == len(before)


def url_of(db: Database) -> str:
    return db.url.render_as_string(hide_password=False)


def is_hook(row: Notification) -> bool:
    return row.key.startswith("m")
