"""Partners and facts to assess, and partners assessed already, so that deciding needs no collecting and scoring."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Article, Delivery, Fact, Key, Message
from warden.db import Database
from warden.domain import Severity, Stage
from warden.models import Destination, Learned, Notification, Partner, PartnerVersion, Person
from warden.pipeline import attribute
from warden.store import assessments, identifiers, matrices, partners, sources
from warden.store.assessments import AssessmentDraft
from warden.store.facts import insert_facts

LEVELS = {"low": (1, 1), "moderate": (3, 2), "high": (4, 4), "extreme": (5, 5)}


def person(session: Session, name: str, time_zone: str = "UTC", locale: str = "en", ours: bool = True) -> Person:
    row = Person(
        id=uuid.uuid5(uuid.NAMESPACE_DNS, name),
        name=name,
        email=f"{name.lower().replace(' ', '.')}@{'us' if ours else 'them'}.example",
        time_zone=time_zone,
        locale=locale,
        ours=ours,
    )
    session.add(row)
    session.flush()
    return row


def partner(session: Session, name: str, now: datetime, **values: Any) -> Partner:
    """A watched partner; its id follows from its name."""
    row = Partner(
        id=uuid.uuid5(uuid.NAMESPACE_DNS, name),
        name=name,
        created_at=now,
        updated_at=now,
        **{"stage": Stage.ACTIVE, **values},
    )
    session.add(row)
    session.flush()
    versioned = {name: getattr(row, name) for name in partners.VERSIONED}
    session.add(PartnerVersion(partner_id=row.id, since=now, **versioned))
    session.flush()
    return row


def destination(session: Session, name: str, now: datetime, **values: Any) -> Destination:
    defaults = {"channel": "webhook", "min_severity": Severity.INFO}
    row = Destination(name=name, created_at=now, **{**defaults, **values})
    session.add(row)
    session.flush()
    return row


def signal(name: str, family: str, state: str = "fresh", **measured: float | None) -> dict[str, Any]:
    """One signal that says what `measured` says, in the shape store.assessments documents."""
    message = f"The {name} of this partner: " + ", ".join(f"{key} %({key})s" for key in measured)
    known = {key: value for key, value in measured.items() if value is not None}
    return {
        "name": name,
        "family": family,
        "version": "1",
        "model": {"form": "default", "number": None, "why": None},
        "outcome": {"horizon_days": 28.0},
        "expected": True,
        "likelihood": 0.3,
        "share": 0.35,
        "weight": 0.4,
        "state": state,
        "sample": 12.0,
        "contributions": {"all": -0.85},
        "measured": measured,
        "evidence": [{"message": message, "params": known}] if len(known) == len(measured) else [],
        "facts": [7, 5],
        "unknown": None,
        "over": False,
    }


def over(signal: dict[str, Any], message: str) -> dict[str, Any]:
    """The signal as it is once nothing is left to forecast; its plain figures are not known any more."""
    return {
        **signal,
        "likelihood": None,
        "share": 0.0,
        "state": "missing",
        "contributions": {},
        "measured": dict.fromkeys(signal["measured"]),
        "evidence": [],
        "unknown": {"message": message, "params": {}},
        "over": True,
    }


def signals(
    silence: float | None = 0.1,
    late: float | None = 0.05,
    due: float | None = 9.0,
    negative: float | None = 0.0,
    serious: float | None = 0.0,
    states: Mapping[str, str] = {},
) -> list[dict[str, Any]]:
    """Three of the shipped signals: silence ratio, late rate, deliveries due, negative incidents, a serious event."""
    gap = 30.0
    days = None if silence is None else silence * gap
    return [
        signal(
            "silence",
            "communication",
            states.get("communication", "fresh"),
            days_silent=days,
            usual_gap=gap,
            silence_ratio=silence,
        ),
        signal("late_share", "delivery", states.get("delivery", "fresh"), late_rate=late, due_recent=due),
        signal(
            "tone",
            "sentiment",
            states.get("sentiment", "fresh"),
            negative_incidents=negative,
            serious_event=serious,
        ),
    ]


def assess(session: Session, partner: Partner, at: datetime, band: str | None = "low", **measured: Any) -> None:
    """Say of a partner that it stands in this band (None: not rated), with the signals `signals` makes."""
    say(session, partner, at, band, signals(**measured))


def say(session: Session, partner: Partner, at: datetime, band: str | None, said: list[dict[str, Any]]) -> None:
    """Say of a partner that it stands in this band (None: not rated), for these signals."""
    assessments.write(session, [drafted(partner.id, at, band, said)])


def drafted(partner_id: uuid.UUID, at: datetime, band: str | None, said: list[dict[str, Any]]) -> AssessmentDraft:
    """What `say` says, not stored."""
    rows, columns = LEVELS[band] if band else (None, None)
    return AssessmentDraft(
        partner_id=partner_id,
        at=at,
        matrix_version=1,
        likelihood=0.5 if band else None,
        impact=4.0 if band else None,
        computed_likelihood=0.5 if band else None,
        computed_impact=4.0 if band else None,
        overrides=[],
        reach={},
        likelihood_level=rows,
        impact_level=columns,
        band=band,
        coverage=0.9 if band else 0.1,
        not_rated=None if band else {"message": "Too little is known.", "params": {}},
        signals=said,
        impact_parts=[],
    )


def another_matrix(session: Session) -> dict[str, Any]:
    """The active matrix with levels of likelihood that begin elsewhere."""
    data = matrices.active(session).data
    starts = (0.0, 0.15, 0.3, 0.5, 0.7)
    likelihood = [{**level, "from": start} for level, start in zip(data["levels"]["likelihood"], starts, strict=True)]
    return {**data, "levels": {**data["levels"], "likelihood": likelihood}}


def told(session: Session) -> list[tuple[str, str, str]]:
    """(reason, destination, recipient) of everything in the outbox, sorted."""
    query = select(Notification.reason, Destination.name, Notification.recipient).join(Notification.destination)
    return sorted((reason.value, name, recipient or "") for reason, name, recipient in session.execute(query))


def year_of_facts(code: str, now: datetime, every: int = 7, late_from: int = 0, silent_for: int = 0) -> list[Fact]:
    """Messages and deliveries of one partner over the last year: one of each every so many days.

    Deliveries of the last `late_from` days are three days late; nothing was written in the last `silent_for` days.
    """
    key, facts = Key("supplier_code", code), list[Fact]()
    for age in range(364, 0, -every):
        at = now - timedelta(days=age)
        if age > silent_for:
            facts.append(Message(identity=f"{code}/m{age}", key=key, at=at, sent=age % 3 == 0))
            facts.append(Message(identity=f"{code}/r{age}", key=key, at=at + timedelta(hours=1), sent=False))
        due = (now - timedelta(days=age)).date()
        made = due + timedelta(days=3 if age <= late_from else 0)
        if made < now.date():
            moment = datetime.combine(made, time(12), UTC)
            facts.append(Delivery(identity=f"{code}/d{age}", key=key, at=moment, due_on=due, made_on=made))
    return facts


def headlines(name: str, now: datetime, count: int = 3) -> list[Article]:
    """Bad news on a partner, one a week."""
    return [
        Article(
            identity=f"{name}/{number}",
            at=now - timedelta(days=7 * number + 1),
            url=f"https://news.example/{name}/{number}",
            title=f"{name} faces lawsuit over data breach, case {number}",
            outlet="News",
            language="en",
        )
        for number in range(count)
    ]


def report(db: Database, facts: Sequence[Fact], recorded_at: datetime, source: str = "push") -> None:
    """Push facts and attribute them, as the road does."""
    with db.write() as session:
        insert_facts(session, sources.push(session, source, recorded_at).id, facts, recorded_at)
    attribute.run(db, recorded_at)


def known_as(session: Session, who: Partner, code: str, now: datetime) -> None:
    """Give a partner the supplier code its facts come with."""
    identifiers.add_identifier(session, partners.get(session, who.id), "supplier_code", code, now)


def learned(session: Session, outcome: str) -> list[Learned]:
    """Everything that was ever learned about an outcome, newest first."""
    return list(session.scalars(select(Learned).where(Learned.outcome == outcome).order_by(Learned.number.desc())))
