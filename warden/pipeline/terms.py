"""What one rule is for each partner: compiled once, with the values that hold for its tier and for itself."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

from warden.domain import NoData, RuleState, Severity
from warden.errors import InvalidInput
from warden.models import Rule
from warden.rules import OPEN, CompiledRule, Reason, Value, Verdict, compile_rule, evaluate, failed
from warden.store import rule_settings
from warden.store.rule_settings import Effective, InForce


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rule is for those partners its settings treat alike. `failure`: it cannot be used at all."""

    rule: CompiledRule
    enabled: bool
    severity: Severity
    meeting_within_days: int | None
    failure: Verdict | None
    uses: Sequence[str]  # the rule's, worked out once
    verdicts: dict[tuple[Value, ...], Verdict]  # of values seen before: many partners look the same to a rule

    def seen(self, values: Mapping[str, Value]) -> tuple[Value, ...]:
        """Return the values of all that the rule uses, in its order."""
        return tuple(map(values.__getitem__, self.uses))

    def verdict(self, seen: tuple[Value, ...], values: Mapping[str, Value], over: Mapping[str, Reason]) -> Verdict:
        """Judge one partner; `seen` as above."""
        if self.failure is not None:
            return self.failure
        if over:
            return evaluate(self.rule, values, over)
        known = self.verdicts.get(seen)
        if known is None:
            known = self.verdicts[seen] = evaluate(self.rule, values)
        return known


class RuleTerms:
    """One rule with its settings; `of` picks what holds for a partner."""

    def __init__(self, rule: Rule, settings: InForce) -> None:
        self.rule, self.settings = rule, settings
        self._known: dict[tuple[uuid.UUID, ...], Terms] = {}

    def of(self, tier: str, partner_id: uuid.UUID) -> Terms:
        """Return what the rule is for a partner of this tier."""
        chain = self.settings.chain(tier, partner_id)
        if chain not in self._known:
            self._known[chain] = _terms(self.rule, rule_settings.effective(self.rule, self.settings, tier, partner_id))
        return self._known[chain]

    @property
    def is_off(self) -> bool:
        """Tell whether it is switched off for everybody: no setting switches on what was never activated."""
        has_settings = self.settings.by_tier or self.settings.by_partner
        return self.rule.version == 0 or (not self.rule.enabled and not has_settings)

    @property
    def restless(self) -> frozenset[RuleState]:
        """The states that its no-data policies do not leave as they are once nothing is known."""
        rows = [row for some in (*self.settings.by_tier.values(), *self.settings.by_partner.values()) for row in some]
        policies = {self.rule.no_data, *(NoData(row.value["value"]) for row in rows if row.name == "no_data")}
        return frozenset().union(*(_RESTLESS[policy] for policy in policies))


_RESTLESS: Mapping[NoData, frozenset[RuleState]] = {
    NoData.KEEP: frozenset(),
    NoData.RESOLVE: OPEN | {RuleState.PENDING},
    NoData.ALERT: frozenset({RuleState.OK, RuleState.PENDING}),
}


def _terms(rule: Rule, effective: Effective) -> Terms:
    parameters = {name: float(value) for name, value in rule.parameters.items()}
    compiled, failure = _compiled(rule.key, rule.condition, rule.inhibit_when, tuple(sorted(parameters.items())))
    return Terms(
        replace(
            compiled,
            hold=timedelta(seconds=effective.for_seconds),
            linger=timedelta(seconds=effective.keep_firing_for_seconds),
            no_data=effective.no_data,
            grace=timedelta(seconds=effective.no_data_for_seconds),
            parameters=effective.parameters,
        ),
        effective.enabled,
        effective.severity,
        effective.meeting_within_days,
        failure,
        compiled.uses,
        {},
    )


@lru_cache(maxsize=256)
def _compiled(
    key: str, condition: str, inhibit_when: str, parameters: tuple[tuple[str, float], ...]
) -> tuple[CompiledRule, Verdict | None]:
    """Return a rule ready for use; one that cannot be used comes with the verdict that says so instead of its own."""
    try:
        given = dict(parameters)
        return compile_rule(key=key, condition=condition, inhibit_when=inhibit_when, parameters=given), None
    except InvalidInput as error:
        return compile_rule(key=key, condition="true"), failed(error)
