"""The web application on a real server over loopback, and a small portfolio to seed its database with."""

import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sqlalchemy.orm import Session

from collectors.base import Article, Delivery, Fact, Key, Measure, Message
from collectors.http import Http
from warden.clock import utc_now
from warden.db import Database
from warden.domain import (
    AlertState,
    Frequency,
    MeetingLevel,
    NotificationReason,
    Quantity,
    Role,
    RuleState,
    Scope,
    Severity,
    Side,
    SilenceKind,
)
from warden.messages import Message as Outbound
from warden.models import Alert, Decision, Meeting, Person
from warden.pipeline import assess, backtest
from warden.settings import Settings
from warden.store import (
    access,
    actions,
    cadences,
    criteria,
    destinations,
    digests,
    duty,
    facts,
    identifiers,
    matrices,
    notifications,
    overrides,
    partners,
    people,
    routes,
    rules,
    silences,
    sources,
)
from warden.vault import Vault
from warden.web.app import create_app
from warden.web.deps import SESSION_COOKIE, Services

KEY = "x" * 43 + "="

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of the service, which speaks plain HTTP here: reading the list of authorities would take them 40 ms."""


@dataclass
class Site:
    """The running service. `seeded` holds the ids of what a test put in, by noun or by name."""

    url: str
    services: Services
    seeded: dict[str, Any] = field(default_factory=dict)

    def client(self, role: Role | None = None, *, scopes: tuple[str, ...] = ()) -> httpx.Client:
        """Return a client with a fresh token of this role, or with none."""
        headers = {}
        if role is not None:
            with self.services.db.write() as session:
                _, plain = access.create_token(
                    session, name=f"{role} test", role=role, scopes=scopes, created_by="tests", now=utc_now()
                )
            headers["Authorization"] = f"Bearer {plain}"
        return self.visitor(headers=headers)

    def user(self, role: Role = Role.VIEWER, email: str = "") -> str:
        """Add a user and return their address."""
        email = email or f"{role}@warden.example"
        with self.services.db.write() as session:
            access.create_user(session, email=email, name=email, role=role, now=utc_now())
        return email

    def link(self, email: str, now: datetime | None = None) -> str:
        """Return the token of a new one-time link."""
        with self.services.db.write() as session:
            user = access.find_user(session, email)
            assert user is not None
            return access.create_link(session, user, now or utc_now())

    def session(self, role: Role = Role.VIEWER) -> str:
        """Return the cookie of a new session of a user of this role."""
        with self.services.db.write() as session:
            user = access.find_user(session, f"{role}@warden.example")
            user = user or access.create_user(
                session, email=f"{role}@warden.example", name=role, role=role, now=utc_now()
            )
            return access.open_session(session, user, utc_now(), 14)

    def browser(self, role: Role = Role.VIEWER, **headers: str) -> httpx.Client:
        """Return a client signed in by a session cookie, as a browser on the same origin."""
        headers = {"Sec-Fetch-Site": "same-origin", **headers}
        return self.visitor(headers=headers, cookies={SESSION_COOKIE: self.session(role)})

    def visitor(self, **values: Any) -> httpx.Client:
        """Return a client that nobody knows."""
        return httpx.Client(base_url=self.url, verify=NO_TLS, timeout=60, **values)


@contextmanager
def opened(database: Path | str, **values: Any) -> Iterator[Services]:
    """Open a database, given as a SQLite file or as a URL, as the service does."""
    database_url = database if isinstance(database, str) else f"sqlite:///{database}"
    settings = Settings(_env_file=None, database_url=database_url, **values)
    with Http(allowed_networks=("127.0.0.0/8",)) as http:
        services = Services(Database(settings.database_url), Vault([KEY]), settings, http)
        try:
            yield services
        finally:
            services.db.close()


@contextmanager
def serving(database: Path | str, **values: Any) -> Iterator[Site]:
    """Serve a database on a free port until the block ends."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        services = stack.enter_context(opened(database, **{"public_url": url, **values}))
        server = uvicorn.Server(uvicorn.Config(create_app(services), log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        stack.callback(thread.join)
        stack.callback(setattr, server, "should_exit", True)
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive(), "the server did not start"
        yield Site(url, services)


def seed(services: Services) -> dict[str, Any]:
    """Store one of everything the API speaks of, and return the ids by noun."""
    now = utc_now()
    with services.db.write() as session:
        known = _watched(session, now)
    assess.run(services.db, services.settings, now)
    with services.db.write() as session:
        partner, person = known["partner"], known["person"]
        known |= _told(session, services.vault, person, now)
        known |= _alarmed(session, partner, person, now)
        known |= _calm(session, partner, person, now)
        known |= {
            "identifier": partners.get(session, partner).identifiers[0].id,
            "alias": partners.get(session, partner).aliases[0].id,
            "fact": facts.listing(session).items[0].id,
            "key": facts.unattributed(session).items[0].key.id,
        }
    return known


def _watched(session: Session, now: datetime) -> dict[str, Any]:
    """Store a partner of which everything is known and one of which nothing is, what two sources say, and who reads."""
    owner = people.get_or_create(session, email="an@our.example", name="An Nguyen", time_zone="Asia/Ho_Chi_Minh")
    worth = {
        "annual_value": 1_000_000,
        "currency": "USD",
        "share": 0.2,
        "months_to_replace": 9,
        "single_source": True,
    }
    partner = partners.create(session, {"name": "Acme", "owner_id": owner.id, **worth}, now)
    partners.create(session, {"name": "Blank"}, now)
    identifiers.add_identifier(session, partner, "email", "kim@acme.example", now)
    identifiers.add_alias(session, partner, "Acme", now)
    source = sources.push(session, "erp", now)
    facts.insert_facts(session, source.id, history(now), now - timedelta(minutes=1))
    identifiers.attribute_new(session, now)
    visited = sources.add(session, name="press", collector="feed", options={"url": "http://127.0.0.1:9/"}, now=now)
    user = access.create_user(session, email="u@our.example", name="U", role=Role.VIEWER, now=now)
    token, _ = access.create_token(session, name="seed", role=Role.VIEWER, created_by="tests", now=now)
    known: dict[str, Any] = {"partner": partner, "person": owner, "source": visited, "user": user, "token": token}
    session.flush()
    return {noun: row.id for noun, row in known.items()}


def _told(session: Session, vault: Vault, person_id: uuid.UUID, now: datetime) -> dict[str, Any]:
    """Store two destinations that are switched off, a digest, and a notification."""
    public, sealed = {"url": "http://127.0.0.1:9/hook"}, vault.encrypt({"secret": "whsec_AAAA"})
    hook = destinations.add(
        session, name="hook", channel="webhook", options=public, secrets=sealed, now=now, disabled_at=now
    )
    mail = destinations.add(session, name="mail", channel="email", options={}, now=now, disabled_at=now)
    owner = session.get_one(Person, person_id)
    digest = digests.add(session, person=owner, destination=mail, frequency=Frequency.DAILY, now=now)
    message = Outbound(reason=NotificationReason.TEST, title="A test", lead="It works.")
    notification = notifications.enqueue(
        session, destination=hook, key="t", reason=message.reason, message=message, locale="en", now=now
    )
    assert notification is not None
    session.flush()
    return {"destination": hook.id, "digest": digest.id, "notification": notification.id}


def _alarmed(session: Session, partner_id: uuid.UUID, person_id: uuid.UUID, now: datetime) -> dict[str, Any]:
    """Store an alert, the meeting it asked for, what was promised there, and how often to meet."""
    rule = rules.by_key(session, "late_rate")
    (decision, alert), meeting = alarm(partner_id, rule.id, person_id, now)
    for row in (decision, alert, meeting):
        session.add(row)
        session.flush()
    promised: dict[str, Any] = {
        "text": "Send the plan",
        "side": Side.OURS,
        "due_on": now.date(),
        "owner_id": person_id,
    }
    partner = partners.get(session, partner_id)
    action = actions.add(session, partner, **promised, meeting_id=meeting.id, author="tests", now=now)
    cadence = cadences.put(
        session, MeetingLevel.WORKING, Scope.PORTFOLIO, every_days=14, author="tests", reason="", now=now
    )
    known: dict[str, Any] = {"rule": rule, "alert": alert, "meeting": meeting, "action": action, "cadence": cadence}
    session.flush()
    return {noun: row.id for noun, row in known.items()}


def _calm(session: Session, partner_id: uuid.UUID, person_id: uuid.UUID, now: datetime) -> dict[str, Any]:
    """Store a silence that is over, an absence and a duty to come, and a route that takes nothing."""
    until, later = now + timedelta(days=300), now + timedelta(days=301)
    quiet = silences.add(
        session,
        kind=SilenceKind.SILENCE,
        matchers={"partner": [str(partner_id)]},
        ends_at=now + timedelta(hours=1),
        reason="They move.",
        author="tests",
        now=now,
    )
    silences.end(session, quiet, who="tests", now=now)
    spans: dict[str, Any] = {"starts_at": until, "ends_at": later, "author": "tests", "now": now}
    return {
        "silence": quiet.id,
        "absence": duty.add_absence(session, person_id=person_id, deputy_id=None, **spans).id,
        "duty": duty.add(session, person_id=person_id, **spans).id,
        "route": routes.add(session, {"name": "Nobody's", "matchers": {"tier": ["none"]}, "people": ["on_duty"]}).id,
    }


def seed_risk(services: Services, partner_id: uuid.UUID) -> dict[str, Any]:
    """Store one of everything that is set about risk, on top of `seed`, and return the ids by noun."""
    now = utc_now()
    with services.db.write() as session:
        partner = partners.get(session, partner_id)
        until = now + timedelta(days=30)
        said = overrides.add(session, partner, Quantity.LIKELIHOOD, 0.6, "tests", "They told us.", until, now)
        criterion = criteria.put(session, "silence", Scope.TIER, "key", {"days": 21}, "tests", "Called weekly.", now)
        draft = matrices.draft(session, matrices.active(session).data, "tests", now)
    walked = backtest.run(services.db, services.settings, now, "tests")
    assert walked is not None
    return {"override": said.id, "criterion": criterion.id, "version": draft.version, "backtest": walked.id}


def alarm(partner_id: Any, rule_id: Any, owner_id: Any, now: datetime) -> tuple[list[Any], Meeting]:
    """Return a decision with its alert, and the meeting it asked for."""
    reason = {"message": "The condition holds.", "params": {}}
    decision = Decision(
        key=f"late_rate/{partner_id}/{now.isoformat()}",
        rule_id=rule_id,
        partner_id=partner_id,
        at=now,
        before=RuleState.OK,
        after=RuleState.FIRING,
        reason=reason,
        context={"late_rate": 0.4},
    )
    decision.id, alert_id = uuid.uuid4(), uuid.uuid4()
    alert = Alert(
        id=alert_id,
        rule_id=rule_id,
        partner_id=partner_id,
        decision_id=decision.id,
        state=AlertState.FIRING,
        severity=Severity.WARNING,
        fired_at=now,
        evidence=[{"message": "%(late_rate)s of deliveries are late.", "params": {"late_rate": 0.4}, "facts": [1]}],
    )
    meeting = Meeting(
        partner_id=partner_id,
        alert_id=alert_id,
        proposed_at=now,
        due_on=(now + timedelta(days=7)).date(),
        owner_id=owner_id,
        attendees=[{"name": "An Nguyen", "email": "an@our.example", "role": "owner"}],
        agenda=[{"message": "%(late_rate)s of deliveries are late.", "params": {"late_rate": 0.4}}],
    )
    return [decision, alert], meeting


def history(now: datetime) -> list[Fact]:
    """Return facts of every kind: a partner that wrote daily, delivers late, and two keys nobody knows."""
    known, strange = Key("email", "kim@acme.example"), Key("email", "who@else.example")
    found: list[Fact] = []
    for day in range(90):
        at = now - timedelta(days=day, hours=1)
        found.append(Message(identity=f"m{day}", key=known, at=at, sent=day % 2 == 0, thread="t", reply_seconds=60.0))
        if day % 5 == 0:
            due = date.fromordinal(at.toordinal() - 2)
            found.append(Delivery(identity=f"d{day}", key=known, at=at, due_on=due, made_on=at.astimezone(UTC).date()))
    at = now - timedelta(hours=2)
    found.append(Message(identity="x", key=strange, at=at, sent=False))
    found.append(Measure(identity="s", key=known, at=at, name="satisfaction", value=3.5, unit="of 5"))
    found.append(Article(identity="a", at=at, url="https://press.example/1", title="Acme recalls a product"))
    return found
