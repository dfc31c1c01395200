"""Advice on a rule, beside the truth: of whom the rule as it stands tells by the same facts, and as it is advised."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assessed import assess, partner
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import Scope, Worth
from warden.models import Alert, Partner, Rule
from warden.pipeline import counsel, decide
from warden.rules.advice import VALUE, WAIT
from warden.settings import Settings
from warden.store import partners, rule_settings, rule_versions, rules, shipped, verdicts

FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = 45
SETTINGS = Settings()
DAY_SECONDS = 86_400
CLOCKS = ("for_seconds", "keep_firing_for_seconds")
LATE = {"condition": "late_rate > most", "parameters": {"most": 0.2}, "for_seconds": 0, "keep_firing_for_seconds": 0}

Rates = Mapping[int, float | None]  # what is said of a partner, by the day from which on; None: nothing is known
Facts = Mapping[str, Rates]  # by partner; the first letter of its name is its tier


def spell(days: int, rate: float, first: int = 1) -> Rates:
    """A rate for some days, and nothing the matter after it."""
    return {0: 0.01, first: rate, first + days: 0.01}


@pytest.fixture
def seeded(sqlite_db: Database) -> Database:
    """A database in which nothing but the rule of these tests decides."""
    with sqlite_db.write() as session:
        shipped.seed(session, FIRST - 30 * DAY)
        session.execute(update(Rule).where(Rule.key != "late_rate").values(enabled=False))
    return sqlite_db


def own_value(session: Session, name: str, value: Any, at: datetime) -> None:
    """Let tier "s" have a value of its own."""
    rule_settings.add(
        session, rules.by_key(session, "late_rate"), scope=Scope.TIER, subject="s", name=name, value=value,
        reason="They differ.", author="olga", now=at,
    )  # fmt: skip


def lived(
    db: Database, facts: Facts, definitions: Mapping[int, Mapping[str, Any]], own: Mapping[str, Any] = {}
) -> set[str]:
    """Decide by the definition of each day on what is said of everybody, whenever anything can change; return of whom
    it told. `own`: what is set for tier "s".
    """
    with db.write() as session:
        rule_versions.put(session, rules.by_key(session, "late_rate"), definitions[0], "olga", FIRST - DAY)
        for name in facts:
            partner(session, name, FIRST - DAY, tier=name[0])
        for name, value in own.items():
            own_value(session, name, value, FIRST - DAY)
    for day in _days(facts, definitions, own):
        at = FIRST + day * DAY
        with db.write() as session:
            if day and day in definitions:
                rule_versions.put(session, rules.by_key(session, "late_rate"), definitions[day], "olga", at)
            for name, rates in facts.items():
                who = partners.by_name(session, name)
                if who is not None and day in rates:
                    assess(session, who, at, late=rates[day])
        decide.run(db, SETTINGS, at, send=False)
    with db.read() as session:
        return set(session.scalars(select(Partner.name).join(Alert, Alert.partner_id == Partner.id)))


def _days(facts: Facts, definitions: Mapping[int, Mapping[str, Any]], own: Mapping[str, Any]) -> list[int]:
    said = {day for rates in facts.values() for day in rates}
    clocks = {one[name] for one in (*definitions.values(), {**LATE, **own}) for name in CLOCKS}
    found = {*said, *definitions, *(day + clock // DAY_SECONDS for day in said for clock in clocks)}
    return sorted(day for day in found if day < DAYS)


def tells(facts: Facts, stands: Mapping[str, Any], own: Mapping[str, Any] = {}) -> set[str]:
    """Of whom a rule tells, reckoned by hand: where its condition holds for as long as it waits."""
    found = set()
    for name, rates in facts.items():
        held = {**stands, **stands["parameters"], **(own if name[0] == "s" else {})}
        rate, began = rates[0], None
        for day in range(DAYS):
            rate = rates.get(day, rate)
            if rate is not None:
                began = (day if began is None else began) if rate > held["most"] else None
                if began is not None and rate and day - began >= held["for_seconds"] / DAY_SECONDS:
                    found.add(name)
    return found if own.get("enabled", True) else {name for name in found if name[0] != "s"}


def removed(facts: Facts, stands: Mapping[str, Any], advised: Mapping[str, Any], **own: Any) -> set[str]:
    """Of whom a rule would have told and, as advised, would not."""
    return tells(facts, stands, own) - tells(facts, {**stands, **advised}, own)


def advice(db: Database, worths: Mapping[str, Worth]) -> Mapping[str, Any] | None:
    """What is advised once people said what alerts of these partners were worth."""
    now = FIRST + DAYS * DAY
    with db.write() as session:
        named = select(Alert, Partner.name).join(Partner, Partner.id == Alert.partner_id)
        for alert, name in session.execute(named):
            if name in worths:
                verdicts.add(session, alert.id, worths[name], author="olga", via="page", now=now)
        rule = rules.by_key(session, "late_rate")
        return counsel.standings(session, [rule], 5.0, now)[rule.id].advice


def told(names: Iterable[str], worth: Worth) -> dict[str, Worth]:
    return dict.fromkeys(names, worth)


NOISE_DAYS = (8, 9, 9, 9, 9, 12, 12, 13, 13)
WAITED: Mapping[str, Rates] = {
    **{f"n{place}": spell(days, 0.5) for place, days in enumerate(NOISE_DAYS)},
    "u": spell(20, 0.5),
    "l": spell(26, 0.5),
}
NOISE = [f"n{place}" for place in range(len(NOISE_DAYS))]
WORTHS = {**told(NOISE, Worth.NOISE), "u": Worth.USEFUL, "l": Worth.TOO_LATE}


def waits(days: int) -> dict[str, Any]:
    return {"for_seconds": days * DAY_SECONDS}


def most(value: float) -> dict[str, Any]:
    return {"parameters": {"most": value}}


def test_a_longer_wait_is_advised_and_does_what_is_said_of_it(seeded: Database) -> None:
    stands = {**LATE, **waits(7)}
    assert lived(seeded, WAITED, {0: stands}) == tells(WAITED, stands) == set(WAITED)
    said = advice(seeded, WORTHS)
    assert said == {"message": WAIT, "params": {"after": 14.0, "before": 7.0, "removed": 9, "noise": 9}}
    assert removed(WAITED, stands, waits(14)) == set(NOISE)


def test_nothing_more_is_advised_once_it_was_followed(seeded: Database) -> None:
    followed = {**LATE, **waits(14)}
    lived(seeded, WAITED, {0: {**LATE, **waits(7)}, 40: followed})
    assert removed(WAITED, followed, waits(21)) == {"u"}  # it would cost a useful one, and no noise is left
    assert advice(seeded, WORTHS) is None


def test_alerts_that_the_rule_would_no_longer_raise_count_as_called_noise_and_not_as_removed(seeded: Database) -> None:
    more = {f"m{place}": spell(16 + place % 3, 0.5) for place in range(6)}
    facts = {**WAITED, **more, "u": spell(24, 0.5)}
    followed = {**LATE, **waits(14)}
    lived(seeded, facts, {0: {**LATE, **waits(7)}, 40: followed})
    said = advice(seeded, {**WORTHS, **told(more, Worth.NOISE)})
    assert said == {"message": WAIT, "params": {"after": 21.0, "before": 14.0, "removed": 6, "noise": 15}}
    assert removed(facts, followed, waits(21)) == set(more)


VALUED: Facts = {**{name: spell(12, 0.24) for name in NOISE}, "u": spell(20, 0.9)}


@pytest.mark.parametrize("days", [0, 7])
def test_another_value_is_advised_and_does_what_is_said_of_it(seeded: Database, days: int) -> None:
    stands = {**LATE, **waits(days)}
    facts = {**VALUED, "u": spell(12, 0.9)}  # as long as noise: no wait tells them apart
    assert lived(seeded, facts, {0: stands}) == tells(facts, stands) == set(facts)
    assert advice(seeded, {**told(NOISE, Worth.NOISE), "u": Worth.USEFUL}) == {
        "message": VALUE,
        "params": {"name": "most", "after": "0.25", "before": "0.2", "removed": 9, "noise": 9},
    }
    assert removed(facts, stands, most(0.25)) == set(NOISE)


@pytest.mark.parametrize("days", [0, 7])
def test_no_value_is_advised_that_is_laxer_than_what_holds(seeded: Database, days: int) -> None:
    followed = {**LATE, **waits(days), **most(0.3)}
    lived(seeded, VALUED, {0: {**LATE, **waits(days)}, 40: followed})
    assert tells(VALUED, followed) == {"u"}
    assert advice(seeded, {**told(NOISE, Worth.NOISE), "u": Worth.USEFUL}) is None


def test_noise_of_a_former_version_that_the_present_one_would_raise_too_is_still_judged(seeded: Database) -> None:
    higher = {f"h{place}": spell(12, 0.32) for place in range(5)}
    facts = {**VALUED, **higher, "u": spell(12, 0.9)}
    followed = {**LATE, **most(0.3)}
    lived(seeded, facts, {0: LATE, 40: followed})
    assert advice(seeded, {**told([*NOISE, *higher], Worth.NOISE), "u": Worth.USEFUL}) == {
        "message": VALUE,
        "params": {"name": "most", "after": "0.33", "before": "0.3", "removed": 5, "noise": 14},
    }
    assert removed(facts, followed, most(0.33)) == set(higher)


def test_how_long_the_present_condition_held_is_not_known_of_alerts_of_another_one(seeded: Database) -> None:
    """What was useful by a lower limit would be lost; nothing that is kept of it says so, and nothing is advised."""
    later = {f"m{place}": spell(9, 0.9, first=25) for place in range(6)}
    facts: Facts = {**later, "u": {0: 0.01, 1: 0.9, 9: 0.25, 20: 0.01}}
    followed = {**LATE, **waits(7), **most(0.3)}
    lived(seeded, facts, {0: {**LATE, **waits(7)}, 22: followed})
    assert removed(facts, followed, waits(10)) == set(facts)
    assert advice(seeded, {**told(later, Worth.NOISE), "u": Worth.USEFUL}) is None


@pytest.mark.parametrize(
    ("own", "rates", "other"),
    [
        ({"most": 0.1}, spell(60, 0.15), most(0.22)),
        ({"for_seconds": DAY_SECONDS}, spell(2, 0.9), waits(14)),
    ],
)
def test_nothing_is_advised_that_does_not_reach_those_who_have_their_own(
    seeded: Database, own: Mapping[str, Any], rates: Rates, other: Mapping[str, Any]
) -> None:
    facts = {f"s{place}": rates for place in range(6)}
    stands = {**LATE, **waits(0 if "most" in own else 7)}
    assert lived(seeded, facts, {0: stands}, own) == tells(facts, stands, own) == set(facts)
    assert removed(facts, stands, other, **own) == set()
    assert advice(seeded, told(facts, Worth.NOISE)) is None


def test_nothing_is_advised_from_alerts_of_those_for_whom_the_rule_is_switched_off_now(seeded: Database) -> None:
    facts = {f"s{place}": spell(9, 0.9) for place in range(6)}
    stands = {**LATE, **waits(7)}
    assert lived(seeded, facts, {0: stands}) == set(facts)
    with seeded.write() as session:
        own_value(session, "enabled", False, FIRST + 40 * DAY)
    assert removed(facts, stands, waits(10), enabled=False) == set()
    assert advice(seeded, told(facts, Worth.NOISE)) is None


def test_alerts_of_those_who_have_their_own_are_neither_removed_nor_lost(seeded: Database) -> None:
    own = {"most": 0.1}
    theirs = {f"s{place}": spell(40, 0.15) for place in range(4)}
    facts = {**{name: spell(40, 0.24) for name in NOISE}, **theirs}
    assert lived(seeded, facts, {0: LATE}, own) == tells(facts, LATE, own) == set(facts)
    assert advice(seeded, {**told(facts, Worth.NOISE), "s0": Worth.USEFUL}) == {
        "message": VALUE,
        "params": {"name": "most", "after": "0.25", "before": "0.2", "removed": 9, "noise": 12},
    }
    assert removed(facts, LATE, most(0.25), **own) == set(NOISE)


def test_a_useful_alert_whose_condition_came_and_went_is_lost_by_a_longer_wait(seeded: Database) -> None:
    dips: Rates = {0: 0.01, 1: 0.9, 6: 0.01, 7: 0.9, 12: 0.01}
    facts: Facts = {**{name: spell(6, 0.9) for name in NOISE}, "u": dips}
    stands = {**LATE, **waits(2), "keep_firing_for_seconds": 3 * DAY_SECONDS}
    assert lived(seeded, facts, {0: stands}) == tells(facts, stands) == set(facts)
    assert removed(facts, stands, waits(7)) == set(facts)
    assert advice(seeded, {**told(NOISE, Worth.NOISE), "u": Worth.USEFUL}) is None
    said = advice(seeded, {"u": Worth.NOISE})
    assert said == {"message": WAIT, "params": {"after": 7.0, "before": 2.0, "removed": 10, "noise": 10}}


def test_a_useful_alert_that_has_stood_for_less_than_the_wait_would_not_be_there_yet(seeded: Database) -> None:
    facts: Facts = {**{name: spell(9, 0.9) for name in NOISE}, "u": spell(60, 0.9, first=DAYS - 9)}
    stands = {**LATE, **waits(7)}
    assert lived(seeded, facts, {0: stands}) == tells(facts, stands) == set(facts)
    assert removed(facts, stands, waits(10)) == set(facts)
    assert advice(seeded, {**told(NOISE, Worth.NOISE), "u": Worth.USEFUL}) is None


def test_while_nothing_is_known_a_condition_is_not_known_to_have_held(seeded: Database) -> None:
    gap: Rates = {0: 0.01, 1: 0.9, 9: None, 12: 0.01}
    facts: Facts = {**dict.fromkeys(NOISE, gap), "u": {0: 0.01, 1: 0.9, 9: None, 30: 0.01}}
    stands = {**LATE, **waits(7)}
    assert lived(seeded, facts, {0: stands}) == tells(facts, stands) == set(facts)
    assert removed(facts, stands, waits(14)) == set(facts)
    assert advice(seeded, {**told(NOISE, Worth.NOISE), "u": Worth.USEFUL}) is None
    said = advice(seeded, {"u": Worth.NOISE})
    assert said == {"message": WAIT, "params": {"after": 14.0, "before": 7.0, "removed": 9, "noise": 10}}


def test_noise_that_might_be_raised_for_want_of_knowledge_is_not_removed(seeded: Database) -> None:
    gap: Rates = {0: 0.01, 1: 0.24, 9: None, 11: 0.01}
    stands = {**LATE, **waits(7), "no_data": "alert", "no_data_for_seconds": DAY_SECONDS}
    assert lived(seeded, dict.fromkeys(NOISE, gap), {0: stands}) == set(NOISE)
    assert advice(seeded, told(NOISE, Worth.NOISE)) is None


def test_alerts_of_another_patience_might_have_been_one_and_are_not_said_to_be_removed(seeded: Database) -> None:
    facts = {name: spell(9, 0.9) for name in NOISE}
    stands = {**LATE, **waits(7)}
    lived(seeded, facts, {0: stands})
    assert advice(seeded, told(NOISE, Worth.NOISE)) is not None
    with seeded.write() as session:
        patient = {"keep_firing_for_seconds": 5 * DAY_SECONDS}
        rule_versions.put(session, rules.by_key(session, "late_rate"), patient, "olga", FIRST + 40 * DAY)
    assert advice(seeded, told(NOISE, Worth.NOISE)) is None
