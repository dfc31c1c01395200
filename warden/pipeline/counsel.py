"""How each rule fares by people's verdicts, within the budget of noise or not, and what that advises."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import WATCHED_STAGES, NoData, Scope, VersionStatus, Worth
from warden.errors import InvalidInput
from warden.models import Rule, RuleSetting
from warden.pipeline.stretches import stretches
from warden.pipeline.tried import Version
from warden.rules import CompiledRule, Reason
from warden.rules.advice import LEAST_NOISE, Case, advise
from warden.rules.states import INTERRUPTIONS
from warden.store import rule_settings, rule_versions, spans, verdicts
from warden.store.verdicts import JudgedAlert, Record, Turn

DAYS = 365
"""How far back verdicts count."""

_QUARTER = timedelta(days=91.25)

_LINGER = "keep_firing_for_seconds"
"""By it what is one alert may have been two."""

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
        rule.id: _standing(
            found.get(rule.id, NO_ALERTS),
            active.get(rule.id),
            budget,
            _advice(session, rule, judged.get(rule.id, []), now),
        )
        for rule in rules
    }


def _standing(
    record: Record, rehearsal: tuple[dict[str, Any], datetime] | None, budget: float, advice: Reason | None
) -> Standing:
    report, at = rehearsal if rehearsal else (None, None)
    over = record.noise_rate > budget if record.judged and record.noise_rate is not None else None
    lead = report["this"]["lead_days"] if report else None
    return Standing(record, budget, over, lead, at, advice)


def _advice(session: Session, rule: Rule, judged: Sequence[JudgedAlert], now: datetime) -> Reason | None:
    if sum(one.worth is Worth.NOISE for one in judged) < LEAST_NOISE:
        return None
    try:
        terms = _Terms(session, rule)
    except InvalidInput:
        return None  # it fails wherever it is used, which its own page says
    courses = verdicts.courses(session, rule.id, {one.partner_id for one in judged})
    return advise(terms.rule, [terms.case(one, courses[one.partner_id], now) for one in judged])


class _Terms:
    """What a rule is now for each partner, and when it was something else."""

    def __init__(self, session: Session, rule: Rule) -> None:
        """Compile it. Raises InvalidInput where its condition cannot be used."""
        self._row, self._held = rule, rule_settings.in_force(session, rule.id)
        self._version = Version(rule, self._held)
        self.rule = replace(self._version.compiled, hold=timedelta(seconds=rule.for_seconds))
        inhibiting = self.rule.inhibit_when.parameters if self.rule.inhibit_when else ()
        self._used = {*self.rule.condition.parameters, *inhibiting}
        self._tenures = [
            (one.activated_at, one.retired_at, one.definition)
            for one in rule_versions.listing(session, rule.id)
            if one.activated_at is not None
        ]
        self._settings = [
            one for one in rule_settings.listing(session, rule.id, history=True) if one.name in {*self._used, _LINGER}
        ]

    def case(self, one: JudgedAlert, turns: Sequence[Turn], now: datetime) -> Case:
        """Return a judged alert beside what the rule is now for its partner."""
        origins = rule_settings.effective(self._row, self._held, one.tier, one.partner_id).origins
        own = frozenset(name for name, origin in origins.items() if origin.scope is not Scope.PORTFOLIO)
        until = one.resolved_at or now
        stood = [each for each in stretches(turns, now) if each.stands_in(one.fired_at, until)]
        seen = [pair for each in stood for pair in each.seen]
        fired_on_facts = any(at == one.fired_at for at, _ in seen)
        rule = self._version.of(one) if fired_on_facts else None  # no other value moves what fired as nothing was known
        if rule is not None and one.worth is Worth.NOISE and rule.no_data is NoData.ALERT:
            blind = any(turn.after in INTERRUPTIONS and stood[0].began <= turn.at <= until for turn in turns)
            rule = None if blind else rule  # it may be raised for want of knowledge, whatever the other value
        same = rule is not None and self._are_same(
            one, rule, own, [values for _, values in seen], stood[0].began, until
        )
        return Case(
            noise=one.worth is Worth.NOISE,
            rule=rule,
            own=own,
            same=same,
            spells=[each.spell(keeps=rule is None or rule.no_data is NoData.KEEP) for each in stood],
            seen=[values for at, values in seen if at <= one.fired_at],
            later=[values for at, values in seen if at > one.fired_at],
        )

    def _are_same(
        self,
        one: JudgedAlert,
        rule: CompiledRule,
        own: Collection[str],
        seen: Sequence[Mapping[str, Any]],
        began: datetime,
        until: datetime,
    ) -> bool:
        """Tell whether the condition with its parameters was all the time what it is now for the partner."""
        if any(values.get(name) != rule.parameters[name] for values in seen for name in self._used):
            return False
        names = self._used.difference(own)
        for activated_at, retired_at, definition in self._tenures:
            lasted = activated_at <= until and (retired_at is None or retired_at > began)
            if lasted and _differs(definition, self._row, names):
                return False
        reaching = [row for row in self._settings if _reaches(row, one)]
        moments = [at for row in reaching for at in (row.created_at, row.ended_at) if at is not None]
        return not any(began < at <= until for at in moments)


def _differs(definition: Mapping[str, Any], rule: Rule, names: Collection[str]) -> bool:
    """Tell whether a version judged otherwise than a rule does now, its wait left aside."""
    if any(definition.get(name) != getattr(rule, name) for name in ("condition", "inhibit_when", _LINGER)):
        return True
    return any(definition["parameters"].get(name) != rule.parameters[name] for name in names)


def _reaches(row: RuleSetting, one: JudgedAlert) -> bool:
    return row.partner_id == one.partner_id or (row.tier or "").casefold() == one.tier.strip().casefold()


def watched_quarters(session: Session, since: datetime, until: datetime) -> float:
    """Return for how many partner-quarters anybody was watched between two moments."""
    spent = timedelta()
    for life in spans.lives(session).values():
        for held, end in zip(life, [*(after.since for after in life[1:]), until], strict=True):
            if held.stage in WATCHED_STAGES:
                spent += max(min(end, until) - max(held.since, since), timedelta())
    return spent / _QUARTER
