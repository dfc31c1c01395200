"""What people's verdicts say about a rule: which other value would have removed noise and nothing useful. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from warden.i18n import N_
from warden.rules.conditions import CompiledRule, Outcome, evaluate
from warden.rules.context import Reason, Value

LEAST_NOISE = 5
"""Alerts that have to be called noise before anything is advised: fewer are chance."""

WAITS = tuple(timedelta(days=days) for days in (1, 2, 3, 5, 7, 10, 14, 21, 28))
"""How long a rule could wait instead."""

FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.5, 1.75, 2.0)
"""Other values of a parameter, as multiples of its own."""

WAIT = N_(
    "To wait %(after)s days instead of %(before)s would have removed %(removed)s of %(noise)s alerts called noise and "
    "no useful one."
)
VALUE = N_(
    "%(after)s instead of %(before)s for %(name)s would have removed %(removed)s of %(noise)s alerts called noise and "
    "no useful one."
)

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """An alert people judged: noise or not, for how long its condition held (None: still), and what it saw."""

    noise: bool
    held: timedelta | None
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class _Choice:
    """One other value: how many noise alerts it removes, how far it is from the present one, and the sentence."""

    removed: int
    distance: float
    sentence: Reason


def advise(rule: CompiledRule, cases: Sequence[Case]) -> Reason | None:
    """Return which other value would have removed most noise and nothing useful, the nearest where several would.

    None below LEAST_NOISE alerts called noise, and where every value that removes noise would have cost something
    useful. An alert counts as removed by a longer wait when its condition held for less, and by another parameter when
    the condition would not have held on what it saw as it fired.
    """
    noise = sum(case.noise for case in cases)
    if noise < LEAST_NOISE:
        return None
    choices = [*_waits(rule, cases, noise), *_values(rule, cases, noise)]
    best = min(choices, key=lambda choice: (-choice.removed, choice.distance), default=None)
    return best.sentence if best else None


def _waits(rule: CompiledRule, cases: Sequence[Case], noise: int) -> Iterator[_Choice]:
    for wait in WAITS:
        if wait <= rule.hold:
            continue
        removed = _removed(cases, [case.held is not None and case.held < wait for case in cases])
        if removed:
            params = {"after": wait / _DAY, "before": rule.hold / _DAY, "removed": removed, "noise": noise}
            yield _Choice(removed, (wait - rule.hold) / _DAY, {"message": WAIT, "params": params})


def _values(rule: CompiledRule, cases: Sequence[Case], noise: int) -> Iterator[_Choice]:
    for name in rule.condition.parameters:
        before = rule.parameters[name]
        for factor in FACTORS:
            after = float(f"{before * factor:.3g}")
            other = replace(rule, inhibit_when=None, parameters={**rule.parameters, name: after})
            removed = _removed(cases, [_ceases(other, case) for case in cases])
            if removed and after != before:
                params = {
                    "name": name,
                    "after": f"{after:g}",
                    "before": f"{before:g}",
                    "removed": removed,
                    "noise": noise,
                }
                yield _Choice(removed, abs(factor - 1), {"message": VALUE, "params": params})


def _ceases(rule: CompiledRule, case: Case) -> bool:
    """Tell whether a condition would not have held on what an alert saw; what it did not see tells nothing."""
    known = all(name in case.values for name in rule.uses)
    return known and evaluate(rule, case.values).outcome is Outcome.UNMET


def _removed(cases: Sequence[Case], gone: Sequence[bool]) -> int:
    """Return how many noise alerts are gone; 0 when anything useful is, too."""
    if any(lost and not case.noise for case, lost in zip(cases, gone, strict=True)):
        return 0
    return sum(gone)
