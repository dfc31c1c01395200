"""kill -9 at every step of sending: nothing is lost, nothing confirmed is sent again, ids and contents stay."""

import json
import random
import re
import signal
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from itertools import count

import forked
import killed
import pytest
from alarmed import pristine, renewed
from cryptography.fernet import Fernet
from factories import NOW
from fakes import MailHandler, Received, Reply, Respond, Slack, mail_server, signed_webhook, teams, web_server
from outbox import make_destination, rows, webhook_options
from pydantic import SecretStr
from samples import every_message

from warden.db import Database
from warden.domain import NotificationReason, NotificationStatus
from warden.models import Destination, Notification
from warden.store import notifications
from warden.vault import Vault

KEY = Fernet.generate_key().decode()
CHANNELS = ("webhook", "slack", "teams", "email")
CONFIRMED = {NotificationStatus.SENT, NotificationStatus.ACCEPTED}
MESSAGES = 60
MOST_STEPS = 60
"""So many things a child does at most before it dies; one message takes some twenty-five."""

NEVER = 10**9
"""The step at which a child dies that does not die."""

RESPOND: Mapping[str, Respond] = {"/slack": Slack(), "/teams": teams}

PAUSE = notifications.LEASE + timedelta(seconds=5)


class Receiver:
    """Keeps what was answered well, by the id of the message; of a channel that has no ids, by its content."""

    def __init__(self, mail: MailHandler) -> None:
        self.bodies: dict[str, set[bytes]] = defaultdict(set)
        self.url = ""
        self._mail = mail
        self._mails_read = 0
        self._texts: dict[str, str] = {}
        self._fresh: list[str] = []

    @property
    def port(self) -> int:
        """Where it takes mail."""
        return self._mail.port

    def respond(self, received: Received) -> Reply:
        """Take a message, checked as its vendor does."""
        reply = RESPOND.get(received.path, signed_webhook)(received)
        assert reply.status < 300, reply
        name = received.headers.get("webhook-id") or received.path + received.body.decode()
        self._keep(name, received.body)
        self._texts[name] = unescape(json.dumps(received.json, ensure_ascii=False))
        return reply

    def _keep(self, name: str, body: bytes) -> None:
        self.bodies[name].add(body)
        self._fresh.append(name)

    def fresh(self) -> set[str]:
        """Return the names of what came in since this was asked last."""
        for mail in self._mail.mails[self._mails_read :]:
            name = str(mail.parsed["Message-ID"]).strip("<>").partition("@")[0]
            self._keep(name, re.sub(rb"(?m)^Date: .*$", b"", mail.content))  # when it was sent, not what it says
            self._mails_read += 1
        found, self._fresh = set(self._fresh), []
        return found

    def forget(self) -> None:
        """Forget all that came in."""
        self.bodies.clear()
        self._texts.clear()

    def names(self, row: Notification, channel: str) -> set[str]:
        """Return under which name a message came in, if it did; without an id by what holds its title at its place."""
        if f"/{channel}" not in RESPOND:
            return {str(row.id)} & self.bodies.keys()
        title = row.message["title"]
        return {name for name, text in self._texts.items() if name.startswith(f"/{channel}") and title in text}


class Outbox:
    """Destinations of every channel, what waits for them, and the children that send it and die."""

    def __init__(self, db: Database, receiver: Receiver) -> None:
        self.db, self.receiver = db, receiver
        self.now = NOW
        self.died: list[tuple[str, str]] = []  # (channel at work, how far it was)
        self._told = list(every_message().values())[:3]
        self._number = count(1)
        self._confirmed: set[str] = set()
        self._queued: set[uuid.UUID] = set()
        with db.write() as session:
            made = [make_destination(session, Vault([KEY]), one, self._options(one), NOW) for one in CHANNELS]
        self._places: dict[str, Destination] = dict(zip(CHANNELS, made, strict=True))
        self._channels = {place.id: channel for channel, place in self._places.items()}

    def _options(self, channel: str) -> dict[str, object]:
        if channel == "email":
            at = {"host": "127.0.0.1", "port": self.receiver.port, "security": "none"}
            return {**at, "sender": "warden@us.example", "to": ["ops@us.example"]}
        if channel == "webhook":
            return webhook_options(self.receiver.url)
        return {"url": SecretStr(f"{self.receiver.url}/{channel}")}

    def queue(self, channels: Sequence[str]) -> None:
        """Let one more message wait for each of these, no two alike."""
        with self.db.write() as session:
            for channel in channels:
                number = next(self._number)
                row = notifications.enqueue(
                    session,
                    destination=self._places[channel],
                    key=f"m{number}",
                    reason=NotificationReason.ALERT_FIRED,
                    message=replace(self._told[number % 3], title=f"Number {number}."),
                    locale="en",
                    now=self.now,
                )
                assert row is not None
                self._queued.add(row.id)

    def begin_again(self) -> None:
        """Forget what came in, for a database that is as it was before anything was sent."""
        self.now, self._confirmed = NOW, set()
        self.receiver.forget()

    def state(self) -> object:
        """Return all there is to tell one death from another: what is noted of each message, and what came in."""
        return [(row.status, row.attempts) for row in rows(self.db)], sorted(self.receiver.bodies)

    def waiting(self) -> set[str]:
        """Return the channels for which something waits."""
        return {self._channels[row.destination_id] for row in rows(self.db) if row.status not in CONFIRMED}

    def send(self, fatal: int, by: Callable[..., None] = killed.sending) -> set[str]:
        """Send in a child that dies at its `fatal`th step; return the channels for which something waits still."""
        url = self.db.url.render_as_string(hide_password=False)
        status = forked.call(by, url, self.now, fatal, KEY)
        assert status in (0, -signal.SIGKILL)
        found, fresh = rows(self.db), self.receiver.fresh()
        assert self._confirmed.isdisjoint(fresh), "nothing confirmed comes again"
        if status:
            self.died.append(self._where(found, fresh, self.now))
        names = {row.id: self.receiver.names(row, self._channels[row.destination_id]) for row in found}
        self._confirmed = {name for row in found if row.status in CONFIRMED for name in names[row.id]}
        self.now += PAUSE
        return {self._channels[row.destination_id] for row in found if row.status not in CONFIRMED}

    def _where(self, found: Sequence[Notification], fresh: set[str], now: datetime) -> tuple[str, str]:
        """Return which channel the child was at when it died, and how far."""
        for row in found:
            if row.status is NotificationStatus.CLAIMED and row.lease_until is not None and row.lease_until > now:
                channel = self._channels[row.destination_id]
                return channel, "sent" if self.receiver.names(row, channel) & fresh else "claimed"
        return "none", "nothing claimed"

    def is_as_it_should_be(self) -> bool:
        """Tell whether all that was queued came in, each under one name and with one content, and nothing else."""
        found, bodies = rows(self.db), self.receiver.bodies
        names = [self.receiver.names(row, self._channels[row.destination_id]) for row in found]
        same = {len(contents) for contents in bodies.values()} == {1}
        return same and {row.id for row in found} == self._queued and set(map(len, names)) == {1} and (
            set().union(*names) == bodies.keys()
        )  # fmt: skip


@contextmanager
def outbox(db: Database) -> Iterator[Outbox]:
    """Destinations of every channel in a database, and whoever receives for them."""
    with mail_server() as mail:
        receiver = Receiver(mail)
        with web_server(receiver.respond) as inbox:
            receiver.url = inbox.url
            yield Outbox(db, receiver)


@pytest.mark.parametrize(("database", "kills"), [("sqlite_db", 100), ("postgresql_db", 10)])
def test_whatever_step_kills_it_everything_arrives_and_nothing_confirmed_twice(
    request: pytest.FixtureRequest, database: str, kills: int
) -> None:
    dice = random.Random(f"{kills} kills")
    with outbox(request.getfixturevalue(database)) as sending:
        for _ in range(MESSAGES):
            sending.queue(["webhook"])
        for _ in range(2):  # as many as their pace allows at once
            sending.queue(["slack", "teams", "email"])
        left = sending.waiting()
        while left:
            left = sending.send(dice.randint(1, MOST_STEPS) if len(sending.died) < kills else NEVER)
        assert len(sending.died) == kills
        assert sending.is_as_it_should_be()


def test_killed_before_each_write_and_around_each_message_of_every_channel_everything_arrives(
    sqlite_db: Database,
) -> None:
    with outbox(sqlite_db) as sending:
        sending.queue(CHANNELS)
        copy, ended_from = pristine(sqlite_db), set[str]()
        for fatal in count(1):
            renewed(sqlite_db, copy)
            sending.begin_again()
            left = sending.send(fatal, killed.sending_by_writes)
            if len(sending.died) < fatal:
                break  # it came to its end: there is no further step
            state = str(sending.state())
            if state not in ended_from:
                ended_from.add(state)
                while left:
                    left = sending.send(NEVER)
                assert sending.is_as_it_should_be()
        assert left == set()
        assert sending.is_as_it_should_be()
        assert set(sending.died) == {
            ("none", "nothing claimed"),
            *((channel, state) for channel in CHANNELS for state in ("claimed", "sent")),
        }
