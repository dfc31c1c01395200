"""How each rule fares by people's verdicts, within the budget of noise or not, and what that advises."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import WATCHED_STAGES, VersionStatus, Worth
from warden.errors import InvalidInput
from warden.models import Rule
from warden.rules import Reason, compile_rule
from warden.rules.advice import Case, advise
from warden.store import rule_versions, spans, verdicts
from warden.store.verdicts import JudgedAlert, Record

DAYS = 365
"""How far back verdicts count."""

_QUARTER = timedelta(days=91.25)

NO_ALERTS = Record(alerts=0, useful=0, noise=0, too_late=0, right=None, noise_rate=None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rule fares. `lead_days`: of the newest rehearsal of what is active, `rehearsed_at`; None: never asked.

    over_budget: whether alerts called noise exceed the budget; None while nobody said anything.
    """

    record: Record
    budget: float
    over_budget: bool | None
    lead_days: float | None
    rehearsed_at: datetime | None
    advice: Reason | None


def standings(session: Session, rules: list[Rule], budget: float, now: datetime) -> Mapping[uuid.UUID, Standing]:
    """Return how these rules fare, by id."""
    since = now - timedelta(days=DAYS)
    found = verdicts.records(session, since, watched_quarters(session, since, now))
    judged: dict[uuid.UUID, list[JudgedAlert]] = {}
    for one in verdicts.judged_alerts(session, since):
        judged.setdefault(one.rule_id, []).append(one)
    active = rule_versions.rehearsals(session, VersionStatus.ACTIVE)
    return {
        rule.id: _standing(rule, found.get(rule.id, NO_ALERTS), judged.get(rule.id, []), active.get(rule.id), budget)
        for rule in rules
    }


def _standing(
    rule: Rule,
    record: Record,
    judged: list[JudgedAlert],
    rehearsal: tuple[dict[str, Any], datetime] | None,
    budget: float,
) -> Standing:
    report, at = rehearsal if rehearsal else (None, None)
    over = record.noise_rate > budget if record.judged and record.noise_rate is not None else None
    lead = report["this"]["lead_days"] if report else None
    return Standing(record, budget, over, lead, at, _advice(rule, judged))


def _advice(rule: Rule, judged: list[JudgedAlert]) -> Reason | None:
    if not judged:
        return None
    try:
        compiled = compile_rule(
            key=rule.key,
            condition=rule.condition,
            for_seconds=rule.for_seconds,
            parameters={name: float(value) for name, value in rule.parameters.items()},
        )
    except InvalidInput:
        return None  # it fails wherever it is used, which its own page says
    linger = timedelta(seconds=rule.keep_firing_for_seconds)
    cases = [
        Case(
            one.worth is Worth.NOISE,
            one.resolved_at - one.fired_at + compiled.hold - linger if one.resolved_at else None,
            one.values,
        )
        for one in judged
    ]
    return advise(compiled, cases)


def watched_quarters(session: Session, since: datetime, until: datetime) -> float:
    """Return for how many partner-quarters anybody was watched between two moments."""
    spent = timedelta()
    for life in spans.lives(session).values():
        for held, end in zip(life, [*(after.since for after in life[1:]), until], strict=True):
            if held.stage in WATCHED_STAGES:
                spent += max(min(end, until) - max(held.since, since), timedelta())
    return spent / _QUARTER
