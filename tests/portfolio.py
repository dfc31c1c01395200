"""A small portfolio that goes well and badly, in a real database, for tests that look at the service from outside."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy.orm import Session
from worlds import Forecast, random_panel, terms

from collectors.base import Article, Delivery, Fact, Key, Message
from warden.domain import Frequency, Quantity, Role, Scope, Severity
from warden.models import Partner, Person
from warden.pipeline import announce, assess, attribute, backtest, decide
from warden.pipeline.past import Asked, Past
from warden.store import (
    access,
    criteria,
    destinations,
    digests,
    facts,
    identifiers,
    learning,
    overrides,
    partners,
    people,
    shipped,
    sources,
)
from warden.web.deps import Services

HOSTILE = "<script>document.title='owned'</script> & Söhne"
WORD = "They told us so."
NOTE = "Order dates count as messages sent, delivery dates as messages received."

Row = tuple[str, str, int | None, float | None, float | None, bool | None, str]

# (name, tier, annual value, share, months to replace, single source, how it goes)
PORTFOLIO: tuple[Row, ...] = (
    ("Aurora Diagnostics", "strategic", 4_200_000, 0.22, 12, True, "late"),
    ("Bridgewater Freight", "strategic", 2_900_000, 0.15, 9, True, "quiet"),
    ("Cobalt Packaging", "key", 1_100_000, 0.08, 6, False, "well"),
    ("Delta Pharma Supply", "key", 1_900_000, 0.12, 8, False, "late"),
    ("Evergreen Textiles", "standard", 300_000, 0.03, 3, False, "well"),
    ("Fjord Components", "standard", 240_000, 0.02, 2, False, "slipping"),
    ("Golden Harbour Logistics", "key", 1_400_000, 0.09, 7, True, "slipping"),
    ("Hanoi Precision", "standard", 520_000, 0.04, 4, False, "well"),
    ("Indigo Chemicals", "strategic", 3_100_000, 0.17, 10, True, "well"),
    ("Jade River Foods", "standard", 90_000, 0.01, 1, False, "late"),
    ("Kestrel Software", "tail", None, None, None, None, "thin"),
    (HOSTILE, "tail", 60_000, 0.01, 1, False, "thin"),
)


def seed(services: Services, now: datetime) -> dict[str, str]:
    """Walk the road once: assessed, decided, meetings proposed, notifications queued. Return partners' ids by name."""
    database = services.db
    with database.write() as session:
        partner_ids, source_id, feed_id = _watched(session, now)
    reported = [fact for row in PORTFOLIO for fact in _history(row[0], row[-1], now)]
    stray = Message(identity="stray", key=Key("supplier_code", "nobody-1"), at=now - timedelta(days=2), sent=False)
    with database.write() as session:
        facts.insert_facts(session, source_id, [*reported, stray], now)
        facts.insert_facts(session, feed_id, _headlines(now), now)
    attribute.run(database, now)
    with database.write() as session:
        _set_by_people(session, partners.get(session, uuid.UUID(partner_ids["Evergreen Textiles"])), now)
    assess.run(database, services.settings, now)
    decide.run(database, services.settings, now)
    announce.run(database, services.vault, services.settings, now, at_once=True)
    return partner_ids


def _watched(session: Session, now: datetime) -> tuple[dict[str, str], uuid.UUID, uuid.UUID]:
    """Store all but facts. Return the ids of the partners, by name, of what pushes facts, and of what pushes news."""
    shipped.seed(session, now)
    for role in Role:
        access.create_user(session, email=f"{role}@warden.example", name=role.title(), role=role, now=now)
    owner = people.get_or_create(session, email="lin@warden.example", name="Lin Yu-chen", time_zone="Asia/Taipei")
    sponsor = people.get_or_create(session, email="tran@warden.example", name="Tran Minh")
    destination = destinations.add(
        session, name="Operations webhook", channel="webhook", now=now, min_severity=Severity.INFO
    )
    mail = destinations.add(session, name="Mail", channel="email", now=now, alerts=False)
    digests.add(session, person=owner, destination=mail, frequency=Frequency.DAILY, now=now)
    assert destination.alerts
    source = sources.push(session, "ERP", now)
    source.options = {"note": NOTE}
    source.last_success_at = now
    feed = sources.push(session, "News", now)
    partner_ids = {row[0]: str(_partner(session, row, owner, sponsor, now).id) for row in PORTFOLIO}
    return partner_ids, source.id, feed.id


def _set_by_people(session: Session, partner: Partner, now: datetime) -> None:
    """An override, a criterion that ended and one that holds, and a backtest."""
    expires_at = now + timedelta(days=30)
    overrides.add(session, partner, Quantity.LIKELIHOOD, 0.35, "manager@warden.example", WORD, expires_at, now)
    for days in (14, 21):
        criteria.put(session, "silence", Scope.TIER, "key", {"days": days}, "manager@warden.example", WORD, now)
    learning.add_backtest(session, "manager@warden.example", _record(), now)


def _record() -> dict[str, Any]:
    """A real report on an invented past in which enough happened to be judged."""
    panel = random_panel(1, partners=30, weeks=60)
    ids = [uuid.UUID(int=number) for number in range(panel.partners)]
    asked = Asked(Forecast(), terms(panel.partners), np.ones(panel.partners, dtype=np.bool_))
    report = backtest.replay(Past(ids, panel, [asked], 730), 104, lambda _walked, _total: True)
    assert report is not None
    report["outcomes"][0]["name"] = "late_share"
    return report


def _partner(session: Session, row: Row, owner: Person, sponsor: Person, now: datetime) -> Partner:
    name, tier, value, share, months, single, _course = row
    partner = partners.create(
        session,
        {
            "name": name,
            "tier": tier,
            "owner_id": owner.id,
            "sponsor_id": sponsor.id,
            "country": "VN",
            "time_zone": "Asia/Ho_Chi_Minh",
            "annual_value": None if value is None else Decimal(value),
            "currency": None if value is None else "USD",
            "share": share,
            "months_to_replace": months,
            "single_source": single,
        },
        now,
    )
    identifiers.add_identifier(session, partner, "supplier_code", _code(name), now)
    identifiers.add_alias(session, partner, name, now)
    return partner


def _code(name: str) -> str:
    return "S-" + "".join(letter for letter in name if letter.isalpha())[:12].lower()


def _history(name: str, course: str, now: datetime) -> Iterator[Fact]:
    """Two years of messages and deliveries that go the stated way during the last two months."""
    dice = random.Random(name)
    key = Key("supplier_code", _code(name))
    if course == "thin":
        yield Message(identity=f"{name}-m", key=key, at=now - timedelta(days=9), sent=True)
        return
    day = 700.0
    while day > (62 if course == "quiet" else 2):
        yield Message(
            identity=f"{name}-m{day}",
            key=key,
            at=now - timedelta(days=day),
            sent=dice.random() < 0.5,
            reply_seconds=7200,
        )
        day -= dice.expovariate(1 / 2.4)
    for week in range(96, 0, -1):
        due = (now - timedelta(weeks=week)).date()
        chance = {"late": 0.75, "slipping": 0.45}.get(course, 0.06) if week <= 10 else 0.06
        made = due + timedelta(days=dice.randint(3, 20) if dice.random() < chance else -1)
        is_made = made < now.date()
        at = datetime.combine(made if is_made else due, datetime.min.time(), UTC) + timedelta(hours=9)
        yield Delivery(identity=f"{name}-d{week}", key=key, at=at, due_on=due, made_on=made if is_made else None)


def _headlines(now: datetime) -> list[Article]:
    titles = (
        "Bridgewater Freight sued over unpaid wages",
        "Indigo Chemicals opens new plant",
        "Rain expected on Sunday",
    )
    return [
        Article(identity=f"a{n}", at=now - timedelta(days=n + 1), url=f"https://news.example/{n}", title=title)
        for n, title in enumerate(titles)
    ]
