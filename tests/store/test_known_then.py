"""Two clocks: whatever happens later, what was known at a moment can be had again, to the last digit.

Random histories: facts late and corrected, keys that change hands, articles read anew, partners edited, criteria set
and ended, matrices activated, overrides made and withdrawn, sources that go dark. After each step what a moment rests
on is noted; at the end of the history it must read the same.
"""

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

import hypothesis
import numpy as np
from factories import DAY, NOW, article, delivery, make_partner, make_source, measure, message
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Fact, Key
from warden.db import Database
from warden.domain import WATCHED_STAGES, FactKind, Quantity, RunOutcome, Scope, Stage
from warden.models import Fact as Row
from warden.models import Identifier, Mention, Partner, Reading, Run, Source
from warden.settings import Settings
from warden.store import criteria, identifiers, matrices, overrides, panel, partners, readings, shipped
from warden.store.facts import insert_facts

HOUR = timedelta(hours=1)
NAMES = ("Acme", "Bolt", "Cord")
KEYS = tuple(Key("supplier_code", str(number)) for number in range(5))
ZONES = ("UTC", "Asia/Taipei", "America/New_York", "Pacific/Auckland")


class History:
    """A portfolio whose story is told step by step, an hour apart."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.now = NOW
        shipped.seed(session, NOW - 90 * DAY)
        self.source = make_source(session, collector="imap", now=NOW - 90 * DAY)
        self.partners = [make_partner(session, name, now=NOW - 90 * DAY) for name in NAMES]
        for partner, key in zip(self.partners, KEYS, strict=False):
            identifiers.add_identifier(session, partner, key.scheme, key.value, NOW - 90 * DAY)
        session.flush()

    def step(self, what: str, seed: int) -> None:
        """Let one thing happen, an hour later."""
        self.now += HOUR
        STEPS[what](self, random.Random(seed))
        self.session.flush()

    def partner(self, chance: random.Random) -> Partner:
        return partners.get(self.session, chance.choice(self.partners).id)

    def report(self, *facts: Fact) -> None:
        insert_facts(self.session, self.source.id, facts, self.now)
        identifiers.attribute_new(self.session, self.now)

    def past(self, chance: random.Random) -> datetime:
        return self.now - chance.uniform(0, 50) * DAY

    def hear(self, chance: random.Random) -> None:
        told: list[Fact] = [
            message(self.past(chance), key=chance.choice(KEYS), sent=chance.random() < 0.5, thread=chance.choice("abc"))
            for _ in range(3)
        ]
        told.append(message(self.past(chance), key=chance.choice(KEYS), reply_seconds=chance.uniform(0, 9e4)))
        self.report(*told)

    def deliver(self, chance: random.Random) -> None:
        due = self.past(chance).date()
        made = due + chance.randint(-3, 9) * DAY if chance.random() < 0.7 else None
        identity = f"order {chance.randint(0, 3)}"  # of few identities: many are corrected
        self.report(delivery(due, made, key=chance.choice(KEYS), identity=identity))

    def measure(self, chance: random.Random) -> None:
        name = chance.choice(("satisfaction", "milestone", "meeting"))
        self.report(measure(name, float(chance.randint(0, 2)), self.past(chance), key=chance.choice(KEYS)))

    def read(self, chance: random.Random) -> None:
        if chance.random() < 0.5:
            self.report(article("news", self.past(chance)))
        facts = list(self.session.scalars(select(Row).where(Row.kind == FactKind.ARTICLE).order_by(Row.id)))
        said = {"alias": "x", "p_neutral": 0.1, "p_positive": 0.1, "half_life_days": 30.0, "triggers": []}
        for fact in facts:
            reading = Reading(fact_id=fact.id, epoch=1, reader=str(self.now), language="en", read_at=self.now)
            named = [one for one in self.partners if chance.random() < 0.6]
            worst = chance.choice((0.2, 0.8))
            mentions = [
                Mention(fact_id=fact.id, partner_id=one.id, event=None, p_negative=worst, severity=50 * worst, **said)
                for one in named
            ]
            readings.save(self.session, [reading], mentions, self.now)

    def map(self, chance: random.Random) -> None:
        held = self.session.scalars(select(Identifier).order_by(Identifier.value)).all()
        if held and chance.random() < 0.5:
            taken = chance.choice(held)
            owner = partners.get(self.session, taken.partner_id)
            identifiers.remove_identifier(self.session, owner, taken.id, self.now)
        free = {key.value for key in KEYS} - set(self.session.scalars(select(Identifier.value)))
        if free:
            value = chance.choice(sorted(free))
            identifiers.add_identifier(self.session, self.partner(chance), KEYS[0].scheme, value, self.now)

    def edit(self, chance: random.Random) -> None:
        values = {
            "time_zone": chance.choice(ZONES),
            "tier": chance.choice(("key", "standard")),
            "country": chance.choice((None, "VN", "TW")),
            "stage": chance.choice((Stage.ACTIVE, Stage.ACTIVE, Stage.ENDED)),
            "share": chance.choice((None, 0.25)),
        }
        partners.change(self.session, self.partner(chance), values, self.now)

    def demand(self, chance: random.Random) -> None:
        rows = criteria.listing(self.session)
        if rows and chance.random() < 0.3:
            criteria.end(self.session, chance.choice(rows).id, "an", self.now)
            return
        scope = chance.choice(list(Scope))
        subjects = {Scope.PORTFOLIO: "", Scope.TIER: "Key", Scope.PARTNER: str(self.partner(chance).id)}
        data = {"horizon_days": float(chance.randint(7, 60)), "enabled": chance.random() < 0.5}
        criteria.put(self.session, "silence", scope, subjects[scope], data, "an", "", self.now)

    def place(self, chance: random.Random) -> None:
        data = copy.deepcopy(matrices.active(self.session).data)
        data["grid"][0][0] = chance.choice(data["bands"])["key"]
        drafted = matrices.draft(self.session, data, "an", self.now)
        if chance.random() < 0.7:
            matrices.activate(self.session, drafted.version, "an", self.now)

    def override(self, chance: random.Random) -> None:
        partner = self.partner(chance)
        standing = overrides.holding(self.session, self.now).get((partner.id, Quantity.LIKELIHOOD))
        if standing and chance.random() < 0.5:
            overrides.withdraw(self.session, partner.id, standing.id, "an", self.now)
            return
        if partner.stage not in WATCHED_STAGES:
            return
        expires_at = self.now + chance.choice((2, 200)) * HOUR
        value = chance.uniform(0.1, 0.9)
        overrides.add(self.session, partner, Quantity.LIKELIHOOD, value, "an", "x", expires_at, self.now)

    def visit(self, chance: random.Random) -> None:
        outcome = chance.choice(list(RunOutcome))
        self.session.add(Run(source_id=self.source.id, started_at=self.now, finished_at=self.now, outcome=outcome))
        source = self.session.get_one(Source, self.source.id)
        source.blind_since = None if outcome is RunOutcome.OK else source.blind_since or NOW - 90 * DAY


STEPS: Mapping[str, Callable[[History, random.Random], None]] = {
    "hear": History.hear,
    "deliver": History.deliver,
    "measure": History.measure,
    "read": History.read,
    "map": History.map,
    "edit": History.edit,
    "demand": History.demand,
    "place": History.place,
    "override": History.override,
    "visit": History.visit,
}


def exactly(value: Any) -> Any:
    """Return a value as something that is equal only when every digit is."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, np.ascontiguousarray(value).tobytes()
    if is_dataclass(value):
        return [exactly(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Mapping):
        return {key: exactly(part) for key, part in value.items()}
    return value


def rests_on(session: Session, settings: Settings, as_of: datetime, known_at: datetime) -> dict[str, Any]:
    """Everything the store tells an assessment about one moment, from what was known at another."""
    ids, seen = panel.build(session, settings, as_of, known_at)
    rows = partners.watched(session, known_at)
    resolved = criteria.resolve(session, "silence", [(row.id, row.tier) for row in rows], known_at)
    held = overrides.holding(session, as_of, known_at)
    return {
        "ids": ids,
        "panel": exactly(seen),
        "partners": [tuple(row) for row in rows],
        "criteria": ([one.model_dump() for one in resolved.options], resolved.enabled, resolved.of.tolist()),
        "matrix": copy.deepcopy(matrices.in_force(session, known_at).data),
        "overrides": {key: (row.id, row.value) for key, row in held.items()},
    }


@contextmanager
def undone(db: Database) -> Iterator[Session]:
    """A session whose every change is undone at the end."""
    with db.engine.execution_options(warden_write=True).connect() as connection:
        transaction = connection.begin()
        try:
            yield Session(connection)
        finally:
            transaction.rollback()


@hypothesis.settings(max_examples=6, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(
    steps=st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 2**32)), min_size=30, max_size=40)
)
def test_what_was_known_at_a_moment_never_changes(
    db: Database, settings: Settings, steps: list[tuple[str, int]]
) -> None:
    settings.history_days = 60
    with undone(db) as session:
        history = History(session)
        noted: dict[tuple[datetime, datetime], dict[str, Any]] = {}
        for number, (what, seed) in enumerate(steps):
            history.step(what, seed)
            moment = history.now - number % 2 * 9 * DAY, history.now  # now, and a look back from now
            noted[moment] = rests_on(session, settings, *moment)
        session.expire_all()
        for moment, before in noted.items():
            again = rests_on(session, settings, *moment)
            for part, value in before.items():
                assert again[part] == value, (part, moment)


def test_the_order_of_reports_does_not_matter(db: Database, settings: Settings) -> None:
    chance = random.Random(7)
    told: list[Fact] = [
        message(NOW - chance.uniform(0, 50) * DAY, key=KEYS[0], reply_seconds=chance.uniform(0, 9e4)) for _ in range(50)
    ]
    told += [
        measure("satisfaction", chance.uniform(1, 5), NOW - chance.uniform(0, 50) * DAY, key=KEYS[0]) for _ in told
    ]
    told += [delivery(NOW.date() - chance.randint(0, 50) * DAY, key=KEYS[0]) for _ in range(9)]
    seen = []
    for order in (told, told[::-1], chance.sample(told, len(told))):
        with undone(db) as session:
            history = History(session)
            history.report(*order)
            seen.append(exactly(panel.build(session, settings, NOW, NOW, [history.partners[0].id])[1]))
    assert seen[0] == seen[1] == seen[2]
