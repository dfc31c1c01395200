"""A version of a rule as each partner has it, the same with another value, and what another value would have spared."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from warden.domain import Scope
from warden.i18n import N_
from warden.models import Rule
from warden.pipeline.hindsight import How, Tally
from warden.rules import CompiledRule, compile_rule
from warden.store import rule_settings
from warden.store.rule_settings import InForce

FOR = "for_seconds"
"""The one field besides parameters of which other values are tried: patience is what cuts noise most often."""

LADDER = (0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.5, 1.75, 2.0)
"""Other values of a parameter, as multiples of its own."""

STEPS = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
"""Other values of a parameter that is 0, of which there are no multiples."""

DAYS = (0, 1, 3, 7, 14, 28)
"""Days for which a condition has to hold."""

_DAY = 86_400

SPARES = N_(
    "%(after)s instead of %(before)s for %(name)s would have saved %(saved)s of %(false)s false alarms and lost none "
    "that was right."
)
COSTS = N_(
    "%(after)s instead of %(before)s for %(name)s would have saved %(saved)s of %(false)s false alarms, and lost "
    "%(lost)s of %(right)s that were right."
)
WAIT_SPARES = N_(
    "To wait %(after)s days instead of %(before)s would have saved %(saved)s of %(false)s false alarms and lost none "
    "that was right."
)
WAIT_COSTS = N_(
    "To wait %(after)s days instead of %(before)s would have saved %(saved)s of %(false)s false alarms, and lost "
    "%(lost)s of %(right)s that were right."
)


@dataclass(frozen=True, slots=True)
class Variant:
    """Another value of one parameter, or of FOR."""

    name: str
    value: float


class Whose(Protocol):
    """Whoever has a tier and an id: a partner as rules see it."""

    @property
    def tier(self) -> str: ...

    @property
    def partner_id(self) -> uuid.UUID: ...


class Version:
    """One version of a rule with the settings of today: what it is for each partner."""

    def __init__(self, rule: Rule, settings: InForce) -> None:
        """Compile it. Raises InvalidInput where its condition cannot be used."""
        self.rule, self._settings = rule, settings
        self.compiled = compile_rule(
            key=rule.key,
            condition=rule.condition,
            inhibit_when=rule.inhibit_when,
            parameters={name: float(value) for name, value in rule.parameters.items()},
        )
        self._made: dict[tuple[Any, ...], CompiledRule | None] = {}

    def of(self, said: Whose, other: Variant | None = None) -> CompiledRule | None:
        """Return the rule for one partner, None where it is switched off; `other` where no setting says otherwise."""
        key = (*self._settings.chain(said.tier, said.partner_id), other)
        if key not in self._made:
            self._made[key] = self._make(said, other)
        return self._made[key]

    def _make(self, said: Whose, other: Variant | None) -> CompiledRule | None:
        held = rule_settings.effective(self.rule, self._settings, said.tier, said.partner_id)
        if not held.enabled:
            return None
        hold, parameters = float(held.for_seconds), dict(held.parameters)
        if other is not None and held.origins[other.name].scope is Scope.PORTFOLIO:
            if other.name == FOR:
                hold = other.value
            else:
                parameters[other.name] = other.value
        return replace(
            self.compiled,
            hold=timedelta(seconds=hold),
            linger=timedelta(seconds=held.keep_firing_for_seconds),
            no_data=held.no_data,
            grace=timedelta(seconds=held.no_data_for_seconds),
            parameters=parameters,
        )


def variants(version: Version, most: int) -> list[Variant]:
    """Return the other values to try, at most about `most` of them, for each thing that has values equally many."""
    used = [name for name in version.rule.parameters if name in version.compiled.condition.parameters]
    ladders = {name: _ladder(float(version.rule.parameters[name])) for name in used}
    ladders[FOR] = [float(days * _DAY) for days in DAYS if days * _DAY != version.rule.for_seconds]
    each = max(2, most // len(ladders))
    return [Variant(name, value) for name, values in ladders.items() for value in _some(values, each)]


def _ladder(value: float) -> list[float]:
    if value == 0:
        return list(STEPS)
    return [float(f"{value * factor:.3g}") for factor in LADDER]


def _some(values: Sequence[float], most: int) -> list[float]:
    """Return at most so many of the values, evenly spread."""
    if len(values) <= most:
        return list(values)
    return [values[round(place * (len(values) - 1) / (most - 1))] for place in range(most)]


def before_of(version: Version, name: str) -> float:
    """Return the value a version has itself."""
    return float(version.rule.for_seconds if name == FOR else version.rule.parameters[name])


def advice(name: str, before: float, tried: Mapping[float, Tally], this: Tally) -> dict[str, Any] | None:
    """Return which other value would have spared most: without losing anything right, else for the least loss.

    None where no value spares anything, or every one loses more than it spares.
    """
    false, right = this.hows[How.FALSE], this.hows[How.RIGHT]
    found = []
    for value, tally in tried.items():
        saved, lost = false - tally.hows[How.FALSE], max(0, right - tally.hows[How.RIGHT])
        if saved > lost:
            found.append((lost > 0, lost - saved, abs(value - before), value, saved, lost))
    if not found:
        return None
    *_, value, saved, lost = min(found)
    params: dict[str, Any] = {"saved": saved, "false": false, **({"lost": lost, "right": right} if lost else {})}
    if name == FOR:
        message = WAIT_COSTS if lost else WAIT_SPARES
        return {"message": message, "params": {"after": value / _DAY, "before": before / _DAY, **params}}
    message = COSTS if lost else SPARES
    return {"message": message, "params": {"name": name, "after": f"{value:g}", "before": f"{before:g}", **params}}
