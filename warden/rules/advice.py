"""What people's verdicts say about a rule: which stricter value would have removed noise and nothing useful. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from warden.i18n import N_
from warden.rules.conditions import CompiledRule, Outcome, evaluate
from warden.rules.context import BY_NAME, Kind, Reason, Value

LEAST_NOISE = 5
"""Alerts called noise that the rule as it stands would raise, before anything is advised: fewer are chance."""

WAITS = tuple(timedelta(days=days) for days in (1, 2, 3, 5, 7, 10, 14, 21, 28))
"""How long a rule could wait instead."""

FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.5, 1.75, 2.0)
"""Other values of a parameter, as multiples of its own."""

FOR = "for_seconds"
"""How a wait is called among the values that a setting holds."""

WAIT = N_(
    "To wait %(after)s days instead of %(before)s would have removed %(removed)s of %(noise)s alerts called noise and "
    "no useful one."
)
VALUE = N_(
    "%(after)s instead of %(before)s for %(name)s would have removed %(removed)s of %(noise)s alerts called noise and "
    "no useful one, by what they saw as they fired."
)

_DAY = timedelta(days=1)

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Spell:
    """For how long a condition held at a stretch: surely for more than `over`; for `within` at most, None: unknown."""

    over: timedelta
    within: timedelta | None


@dataclass(frozen=True, slots=True)
class Case:
    """An alert people judged, and what its rule is now for the partner (None: switched off).

    own: what a setting holds for the partner, so that another value of the rule does not reach it.
    same: whether its condition was, parameters and all, what it is now.
    spells: how long that held at a stretch while the alert stood, the one it fired in first.
    seen: what it saw as it began to hold and as it fired, never empty; later: as it held again.
    """

    noise: bool
    rule: CompiledRule | None
    own: frozenset[str]
    same: bool
    spells: Sequence[Spell]
    seen: Sequence[Values]
    later: Sequence[Values] = ()


@dataclass(frozen=True, slots=True)
class _Choice:
    """One other value: how many noise alerts it removes, how far it is from the present one, and the sentence.

    value: of which parameter, which one; None: it is a wait.
    """

    removed: int
    distance: float
    sentence: Reason
    value: tuple[str, float] | None = None


def advise(rule: CompiledRule, cases: Sequence[Case]) -> Reason | None:
    """Return which stricter value would have removed most noise and nothing useful, the nearest where several would.

    Removed are only alerts that `rule` as it stands would raise and with the other value would not; a useful one of
    which it is not known that it would still be raised forbids the value. None where fewer than LEAST_NOISE alerts
    called noise would be raised as it stands, and where no value is left.
    """
    if sum(case.noise and _stands(case) is True for case in cases) < LEAST_NOISE:
        return None
    choices = [*_waits(rule, cases), *_values(rule, cases)]
    choices.sort(key=lambda choice: (-choice.removed, choice.distance))
    stricter = (one for one in choices if one.value is None or not _is_laxer(cases, *one.value))
    best = next(stricter, None)
    return best.sentence if best else None


def _waits(rule: CompiledRule, cases: Sequence[Case]) -> Iterator[_Choice]:
    for wait in WAITS:
        if wait <= rule.hold:
            continue
        removed = _removed(cases, [_waited_out(case, wait) for case in cases])
        if removed:
            params = {"after": wait / _DAY, "before": rule.hold / _DAY, **_counts(cases, removed)}
            yield _Choice(removed, (wait - rule.hold) / _DAY, {"message": WAIT, "params": params})


def _values(rule: CompiledRule, cases: Sequence[Case]) -> Iterator[_Choice]:
    inhibiting = rule.inhibit_when.parameters if rule.inhibit_when else ()
    for name in rule.condition.parameters:
        before = rule.parameters[name]
        for factor in FACTORS:
            after = float(f"{before * factor:.3g}")
            if after == before or name in inhibiting:
                continue
            removed = _removed(cases, [_outgrown(case, name, after) for case in cases])
            if removed:
                params = {"name": name, "after": f"{after:g}", "before": f"{before:g}", **_counts(cases, removed)}
                yield _Choice(removed, abs(factor - 1), {"message": VALUE, "params": params}, (name, after))


def _counts(cases: Sequence[Case], removed: int) -> dict[str, int]:
    return {"removed": removed, "noise": sum(case.noise for case in cases)}


def _removed(cases: Sequence[Case], gone: Sequence[bool | None]) -> int:
    """Return how many noise alerts are gone; 0 when anything useful is, or may be."""
    if any(lost is not False and not case.noise for case, lost in zip(cases, gone, strict=True)):
        return 0
    return sum(lost is True for lost in gone)


def _stands(case: Case) -> bool | None:
    """Tell whether the rule as it stands would raise an alert; None: it cannot be told."""
    if case.rule is None:
        return False
    if case.same:
        return _outlasts(case, case.rule.hold)
    said = _said(case, case.rule)
    if True not in said:
        return None if None in said else False
    return None if case.rule.hold else True


def _waited_out(case: Case, wait: timedelta) -> bool | None:
    """Tell whether a longer wait would have removed an alert that the rule as it stands would raise."""
    if case.rule is None or FOR in case.own:
        return False
    if not case.same:
        return None  # for how long its condition of now held is not known
    if _outlasts(case, case.rule.hold) is False:
        return False
    lasts = _outlasts(case, wait)
    return None if lasts is None else not lasts and _stands(case)


def _outgrown(case: Case, name: str, value: float) -> bool | None:
    """Tell whether another value of a parameter would have removed an alert that the rule as it stands would raise."""
    if case.rule is None or name in case.own or _stands(case) is False:
        return False
    other = _with(case.rule, name, value)
    fired_in_time = not other.hold or (case.same and case.spells[0].over > other.hold)
    if fired_in_time and all(_holds(other, values) for values in case.seen):
        return False
    return True if not any(said is not False for said in _said(case, other)) and _stands(case) else None


def _outlasts(case: Case, wait: timedelta) -> bool | None:
    """Tell whether the condition held for longer than a wait; None: it cannot be told."""
    if any(spell.over > wait for spell in case.spells):
        return True
    return False if all(spell.within is not None and spell.within <= wait for spell in case.spells) else None


def _said(case: Case, rule: CompiledRule) -> list[bool | None]:
    return [_holds(rule, values) for values in (*case.seen, *case.later)]


def _holds(rule: CompiledRule, values: Values) -> bool | None:
    """Tell whether a rule holds by what an alert saw; what it did not see tells nothing."""
    if not all(name in values for name in rule.uses):
        return None
    outcome = evaluate(rule, values).outcome
    return outcome is Outcome.MET if outcome in (Outcome.MET, Outcome.UNMET, Outcome.HELD_BACK) else None


def _with(rule: CompiledRule, name: str, value: float) -> CompiledRule:
    return replace(rule, parameters={**rule.parameters, name: value})


def _is_laxer(cases: Sequence[Case], name: str, value: float) -> bool:
    """Tell whether another value of a parameter lets the condition hold anywhere near where it does not now."""
    for case in cases:
        if case.rule is None or name in case.own:
            continue
        other = _with(case.rule, name, value)
        for values in (*case.seen, *case.later):
            for near in _near(case.rule, values, (case.rule.parameters[name], value)):
                if _holds(other, near) and not _holds(case.rule, near):
                    return True
    return False


def _near(rule: CompiledRule, values: Values, around: Sequence[float]) -> Iterator[Values]:
    """Yield what was seen, and the same with each number that the condition uses moved about some values."""
    yield values
    moved = {value * factor for value in around for factor in (0.0, 1.0, *FACTORS)}
    for name in rule.condition.uses:
        if BY_NAME[name].kind is Kind.DOUBLE:
            yield from ({**values, name: value} for value in moved)
