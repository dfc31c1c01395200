"""A rule lived and then rehearsed over the same history raises the same alerts at the same moments."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assessed import assess, partner
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from warden.db import Database
from warden.models import Alert, Partner, Rule
from warden.pipeline import decide, rehearse
from warden.settings import Settings
from warden.store import partners, rule_versions, rules, shipped

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = NOW - 30 * DAY
SETTINGS = Settings()
LATE = {"condition": "late_rate > most", "parameters": {"most": 0.25}}
CLOCKS = {"for_seconds": 2 * 86_400, "keep_firing_for_seconds": 86_400}
"""Whole days, so that they run out at the very moments at which something else is said."""


@pytest.fixture
def seeded(sqlite_db: Database) -> Database:
    with sqlite_db.write() as session:
        shipped.seed(session, FIRST - DAY)
    return sqlite_db


def lived(db: Database, definition: Mapping[str, Any], say: Callable[[Session, Partner, bool, int], None]) -> list[Any]:
    """Let a rule decide every twelve hours for thirty days while its condition comes and goes; return all alerts."""
    dice, holds = random.Random(4), [False] * 8
    with db.write() as session:
        session.execute(update(Rule).where(Rule.key != "late_rate").values(enabled=False))
        rule_versions.put(session, rules.by_key(session, "late_rate"), definition, "olga", FIRST - DAY)
        whom = [partner(session, f"P{number}", FIRST, annual_value=5) for number in range(len(holds))]
    for half in range(61):
        at = FIRST + half * DAY / 2
        with db.write() as session:
            for place, who in enumerate(whom):
                holds[place] ^= dice.random() < 0.2
                say(session, partners.get(session, who.id), holds[place], half)
        decide.run(db, SETTINGS, at, send=False)
    with db.read() as session:
        query = select(Alert).join(Rule).where(Rule.key == "late_rate")
        return sorted((str(one.partner_id), one.fired_at, one.resolved_at) for one in session.scalars(query))


def rehearsed(db: Database, definition: Mapping[str, Any]) -> dict[str, Any]:
    with db.read() as session:
        return rehearse.rehearse(session, SETTINGS, rules.by_key(session, "late_rate"), definition, NOW, days=60)


def listed(found: Mapping[str, Any]) -> list[Any]:
    """The alerts of a rehearsal as `lived` returns them."""
    return sorted(
        (one["partner"], *(one[name] and datetime.fromisoformat(one[name]) for name in ("fired_at", "resolved_at")))
        for one in found["alerts"]
    )


def test_a_rule_rehearsed_over_what_it_lived_through_raises_the_same_alerts(seeded: Database) -> None:
    definition = {**CLOCKS, **LATE, "no_data": "resolve", "no_data_for_seconds": 86_400}

    def say(session: Session, who: Partner, holds: bool, half: int) -> None:
        unknown = half % 16 > 12 and who.name < "P4"
        assess(session, who, FIRST + half * DAY / 2, late=None if unknown else 0.3 if holds else 0.1)

    alerts = lived(seeded, definition, say)
    assert len(alerts) > 10
    assert listed(rehearsed(seeded, definition)) == alerts


def test_a_rule_on_attributes_is_rehearsed_by_when_they_changed(seeded: Database) -> None:
    definition = {**CLOCKS, "condition": "annual_value > most", "parameters": {"most": 20.0}}

    def say(session: Session, who: Partner, holds: bool, half: int) -> None:
        at = FIRST + half * DAY / 2
        if half % 18 == 0:
            assess(session, who, at)
        if holds != (who.annual_value == 50):
            partners.change(session, who, {"annual_value": 50 if holds else 5}, at)

    alerts = lived(seeded, definition, say)
    assert len(alerts) > 10
    found = rehearsed(seeded, definition)
    assert listed(found) == alerts
    assert (found["this"]["unknown_share"], found["looked_up_days"], found["rows"]) == (0, None, 32)
