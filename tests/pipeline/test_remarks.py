"""What a backtest shows against the likelihood is said in words, and only where the figures bear it."""

from typing import Any

import pytest

from warden.pipeline import remarks
from warden.wording import reader_of

WHAT = {"message": "silences", "params": {}}


def method(auroc: float, low: float | None, carried: float | None = None) -> dict[str, Any]:
    ahead = None if low is None else {"value": low + 0.02, "low": low, "high": low + 0.04}
    return {
        "title": {"message": "days since contact", "params": {}},
        "auroc": {"value": auroc, "low": auroc - 0.02, "high": auroc + 0.02},
        "ahead": ahead,
        "carried_false_alarms": carried,
    }


def told(bins: list[tuple[float, float, int]], low: float = 0.03, carried: float | None = None) -> list[str]:
    calibration = {"bins": [{"said_share": said, "came_share": came, "rows": rows} for said, came, rows in bins]}
    found = remarks.remarks(WHAT, [method(0.873, None, carried), method(0.876, low)], calibration, 28.0, 20.0)
    return [reader_of("en").fact(one) for one in found]


def test_what_is_calibrated_and_better_needs_no_word() -> None:
    assert told([(0.10, 0.11, 4000), (0.49, 0.47, 4000)]) == []


def test_the_worst_on_either_side_is_told() -> None:
    assert told([(0.13, 0.47, 400), (0.30, 0.40, 400), (0.49, 0.26, 400)]) == [
        "Where it gave silences a likelihood of 49%, they came in 26% of the cases: it says too much.",
        "Where it gave silences a likelihood of 13%, they came in 47% of the cases: it says too little.",
    ]


@pytest.mark.parametrize("rows", [1, 79])
def test_few_cases_judge_nothing(rows: int) -> None:
    assert told([(0.49, 0.26, rows)]) == []


def test_alarms_with_a_carried_threshold_stand_beside_the_budget() -> None:
    (sentence,) = told([], carried=43.8)
    assert "would have raised 43.8 false alarms per 100 partner-quarters in the newer half instead of 20." in sentence


def test_a_rule_that_may_be_as_good_is_named() -> None:
    (sentence,) = told([], low=-0.02)
    assert "not surely better than “days since contact”" in sentence
    assert "87% of pairs in the right order, the rule 88%" in sentence
