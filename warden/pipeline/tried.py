"""A version of a rule as each partner has it, the same with another value, and what another value would have spared."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import reduce
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
PRICED = N_(
    "%(after)s instead of %(before)s for %(name)s would have saved %(saved)s of %(false)s false alarms, at a price: "
    "%(price)s."
)
WAIT_PRICED = N_(
    "To wait %(after)s days instead of %(before)s would have saved %(saved)s of %(false)s false alarms, at a price: "
    "%(price)s."
)
LOST = N_("%(lost)s of %(right)s that were right would be lost")
UNTOLD = N_("of what went wrong it would have told %(told)s beforehand instead of %(before)s")
LATER = N_("%(after)s days ahead on the median instead of %(before)s")
JOINED = N_("%(first)s; %(others)s")

LEAD_KEPT = 0.9
"""Part of the median lead that has to be left: another value that leaves less has a price."""


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


@dataclass(frozen=True, slots=True)
class _Trade:
    """What another value would have spared and what it costs. `lead`: the median lead where much of it is lost."""

    value: float
    saved: int
    lost: int
    untold: int
    lead: float | None

    @property
    def gain(self) -> int:
        """Return how many false alarms more it spares than it loses alerts that are right, and incidents told of."""
        return self.saved - self.lost - self.untold

    @property
    def is_free(self) -> bool:
        """Tell whether nothing is lost by it."""
        return not self.lost and not self.untold and self.lead is None


def advice(name: str, before: float, tried: Mapping[float, Tally], this: Tally) -> dict[str, Any] | None:
    """Return which other value would have spared most: without losing anything, else what gains most, with its price.

    None where no value spares anything, or every one loses more than it spares. One that tells of nothing beforehand
    any more is never advised: to tell early is what rules are for.
    """
    tells = this.told.total() > 0
    trades = [_trade(value, tally, this) for value, tally in tried.items() if tally.told.total() or not tells]
    found = [one for one in trades if one.gain > 0]
    if not found:
        return None
    one = min(found, key=lambda one: (not one.is_free, -one.gain, abs(one.value - before)))
    params: dict[str, Any] = {"saved": one.saved, "false": this.hows[How.FALSE]}
    if name == FOR:
        params |= {"after": one.value / _DAY, "before": before / _DAY}
    else:
        params |= {"name": name, "after": f"{one.value:g}", "before": f"{before:g}"}
    if one.is_free:
        return {"message": WAIT_SPARES if name == FOR else SPARES, "params": params}
    if not one.untold and one.lead is None:
        params |= {"lost": one.lost, "right": this.hows[How.RIGHT]}
        return {"message": WAIT_COSTS if name == FOR else COSTS, "params": params}
    return {"message": WAIT_PRICED if name == FOR else PRICED, "params": {**params, "price": _price(one, this)}}


def is_free(advised: Mapping[str, Any]) -> bool:
    """Tell whether a value advised costs nothing."""
    return advised["message"] in (SPARES, WAIT_SPARES)


def _trade(value: float, tally: Tally, this: Tally) -> _Trade:
    ahead, now = this.lead_days, tally.lead_days
    later = ahead is not None and now is not None and now < LEAD_KEPT * ahead
    return _Trade(
        value,
        saved=this.hows[How.FALSE] - tally.hows[How.FALSE],
        lost=max(0, this.hows[How.RIGHT] - tally.hows[How.RIGHT]),
        untold=max(0, this.told.total() - tally.told.total()),
        lead=now if later else None,
    )


def _price(trade: _Trade, this: Tally) -> dict[str, Any]:
    """Return all that is lost, as one part of a sentence."""
    parts = []
    if trade.lost:
        parts.append({"message": LOST, "params": {"lost": trade.lost, "right": this.hows[How.RIGHT]}})
    if trade.untold:
        told = this.told.total()
        parts.append({"message": UNTOLD, "params": {"told": told - trade.untold, "before": told}})
    if trade.lead is not None:
        parts.append({"message": LATER, "params": {"after": trade.lead, "before": this.lead_days}})
    return reduce(lambda others, first: {"message": JOINED, "params": {"first": first, "others": others}}, parts[::-1])
