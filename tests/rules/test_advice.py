"""Advice from verdicts: only with enough noise, never at the price of a useful alert, and the nearest value wins."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from warden.rules import CompiledRule, compile_rule
from warden.rules.advice import FOR, LEAST_NOISE, VALUE, WAIT, Case, Spell, advise

DAY = timedelta(days=1)
RULE = compile_rule(key="late", condition="late_rate > most", parameters={"most": 0.2}, for_seconds=7 * 86_400)
AT_ONCE = replace(RULE, hold=timedelta())


def spell(days: float, ended: bool = True) -> Spell:
    return Spell(days * DAY, days * DAY if ended else None)


def case(noise: bool, days: float, rate: float = 0.9, *, ended: bool = True, **changes: Any) -> Case:
    """An alert whose condition, the same as today, held for so many days on this late rate."""
    made = Case(noise, RULE, frozenset(), True, [spell(days, ended)], [{"late_rate": rate, "most": 0.2}])
    return replace(made, **changes)


def test_to_wait_longer_is_advised_when_that_would_have_removed_only_noise() -> None:
    cases = [
        *(case(True, days) for days in (8, 9, 9, 9, 9, 12, 12, 13, 13)),
        case(False, 20),
        case(False, 15, ended=False),
    ]
    assert advise(RULE, cases) == {"message": WAIT, "params": {"after": 14, "before": 7, "removed": 9, "noise": 9}}


def test_another_value_is_advised_when_that_would_have_removed_more() -> None:
    cases = [*(case(True, 30, 0.23) for _ in range(6)), case(False, 8, 0.5)]
    assert advise(RULE, cases) == {
        "message": VALUE,
        "params": {"name": "most", "after": "0.25", "before": "0.2", "removed": 6, "noise": 6},
    }


@pytest.mark.parametrize("noise", range(LEAST_NOISE))
def test_nothing_is_advised_on_little_noise(noise: int) -> None:
    assert advise(RULE, [case(True, 8) for _ in range(noise)]) is None


def test_noise_that_the_rule_would_no_longer_raise_is_not_enough_to_advise_on() -> None:
    cases = [*(case(True, 5) for _ in range(9)), *(case(True, 9) for _ in range(LEAST_NOISE - 1))]
    assert advise(RULE, cases) is None
    found = advise(RULE, [*cases, case(True, 9)])
    assert found == {"message": WAIT, "params": {"after": 10, "before": 7, "removed": LEAST_NOISE, "noise": 14}}


@pytest.mark.parametrize("useful", [case(False, 8, 0.21), case(False, 9, 0.21, ended=False)])
def test_nothing_is_advised_that_would_have_cost_a_useful_alert(useful: Case) -> None:
    assert advise(RULE, [*(case(True, 9, 0.3) for _ in range(9)), useful]) is None


def test_an_alert_that_ended_in_the_moment_the_wait_is_over_is_not_raised() -> None:
    found = advise(RULE, [case(True, 10, 0.9) for _ in range(5)])
    assert found is not None
    assert found["params"]["after"] == 10
    assert advise(RULE, [*(case(True, 10, 0.9) for _ in range(5)), case(False, 10)]) is None


def test_an_alert_that_still_stands_is_not_removed_by_waiting() -> None:
    assert advise(RULE, [case(True, 9, ended=False) for _ in range(9)]) is None


def test_what_an_alert_did_not_see_tells_nothing() -> None:
    unseen = [case(True, 30, ended=False, seen=[{}]) for _ in range(9)]
    assert advise(RULE, unseen) is None
    seen = [case(True, 30, 0.23, ended=False) for _ in range(9)]
    assert advise(RULE, seen) is not None
    assert advise(RULE, [*seen, case(False, 30, ended=False, seen=[{}])]) is None


def test_an_alert_that_would_have_been_raised_later_is_not_removed_by_another_value() -> None:
    later: list[Mapping[str, Any]] = [{"late_rate": 0.9, "most": 0.2}]
    assert advise(RULE, [case(True, 30, 0.23, ended=False, later=later) for _ in range(9)]) is None


def test_a_useful_alert_that_only_a_later_stretch_would_raise_is_not_kept_by_what_it_saw_at_first() -> None:
    noise = [case(True, 30, 0.23, ended=False) for _ in range(9)]
    later: list[Mapping[str, Any]] = [{"late_rate": 0.22, "most": 0.2}]
    assert advise(RULE, [*noise, case(False, 30, 0.9, later=later)]) is not None
    assert advise(RULE, [*noise, case(False, 30, 0.9, spells=[spell(2), spell(30)], later=later)]) is None


@pytest.mark.parametrize(
    "changes", [{"own": frozenset({"most", FOR})}, {"rule": None}, {"rule": replace(RULE, hold=20 * DAY)}]
)
def test_what_another_value_does_not_reach_is_neither_removed_nor_lost(changes: Mapping[str, Any]) -> None:
    assert advise(RULE, [case(True, 9, 0.23, **changes) for _ in range(9)]) is None
    useful = case(False, 9, 0.23, **changes)
    found = advise(RULE, [*(case(True, 9) for _ in range(9)), useful])
    assert found == {"message": WAIT, "params": {"after": 10, "before": 7, "removed": 9, "noise": 9}}


def former(noise: bool, rate: float, rule: CompiledRule = AT_ONCE) -> Case:
    """An alert of a version with another limit."""
    return case(noise, 30, rate, rule=rule, same=False)


def test_alerts_of_another_version_are_judged_by_what_they_saw_where_the_rule_does_not_wait() -> None:
    noise = [*(former(True, 0.15) for _ in range(9)), *(former(True, 0.21) for _ in range(5))]
    params = {"name": "most", "after": "0.22", "before": "0.2", "removed": 5, "noise": 14}
    assert advise(AT_ONCE, [*noise, former(False, 0.15)]) == {"message": VALUE, "params": params}
    assert advise(AT_ONCE, [*noise, former(False, 0.205)]) is None


def test_alerts_of_another_version_are_left_out_where_the_rule_waits_and_useful_ones_forbid_a_longer_wait() -> None:
    assert advise(RULE, [former(True, 0.21, RULE) for _ in range(9)]) is None
    noise = [case(True, 9) for _ in range(5)]
    assert advise(RULE, noise) is not None
    assert advise(RULE, [*noise, former(False, 0.9, RULE)]) is None


def test_a_value_is_not_advised_with_which_the_condition_would_hold_elsewhere() -> None:
    """Between most and its double: with more than 0.2 the upper end rises, too."""
    between = compile_rule(key="late", condition="late_rate > most && late_rate < 2.0 * most", parameters={"most": 0.2})
    assert advise(between, [case(True, 9, 0.21, ended=False, rule=between) for _ in range(9)]) is None


def test_a_parameter_that_also_holds_the_rule_back_is_not_advised_on() -> None:
    held_back = compile_rule(
        key="late", condition="late_rate > most", inhibit_when="likelihood < most", parameters={"most": 0.2}
    )
    seen = [{"late_rate": 0.21, "likelihood": 0.9, "most": 0.2}]
    assert advise(held_back, [case(True, 9, ended=False, rule=held_back, seen=seen) for _ in range(9)]) is None
