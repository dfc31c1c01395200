"""Advice from verdicts: only with enough noise, never at the price of a useful alert, and the nearest value wins."""

from datetime import timedelta

import pytest

from warden.rules import compile_rule
from warden.rules.advice import LEAST_NOISE, VALUE, WAIT, Case, advise

DAY = timedelta(days=1)
RULE = compile_rule(key="late", condition="late_rate > most", parameters={"most": 0.2}, for_seconds=7 * 86_400)


def case(noise: bool, days: float | None, rate: float = 0.9) -> Case:
    return Case(noise, None if days is None else days * DAY, {"late_rate": rate, "most": 0.2})


def test_to_wait_longer_is_advised_when_that_would_have_removed_only_noise() -> None:
    cases = [*(case(True, days) for days in (8, 9, 9, 9, 9, 12, 12, 13, 13)), case(False, 20), case(False, None)]
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


def test_nothing_is_advised_that_would_have_cost_a_useful_alert() -> None:
    assert advise(RULE, [*(case(True, 9, 0.3) for _ in range(9)), case(False, 8, 0.21)]) is None


def test_an_alert_that_still_stands_is_not_removed_by_waiting() -> None:
    assert advise(RULE, [case(True, None) for _ in range(9)]) is None


def test_what_an_alert_did_not_see_tells_nothing() -> None:
    assert advise(RULE, [Case(True, None, {}) for _ in range(9)]) is None
