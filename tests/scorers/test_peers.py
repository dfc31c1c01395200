"""The simple rules we are measured against, each by an example worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from contracts import make_events, make_incidents, make_panel
from worlds import random_panel

from scorers.base import Panel
from scorers.peers import NAMES, NEVER_DAYS, TITLE_MESSAGES, peers


def said(panel: Panel, outcome: str) -> dict[str, list[float]]:
    """What each peer says on the morning after the panel's last day."""
    return {name: values.tolist() for name, values in peers(panel.before(panel.days))(outcome).items()}


def on_days(days: int, *columns: list[int]) -> np.ndarray:
    counts = np.zeros((len(columns), days))
    for row, there in enumerate(columns):
        counts[row, there] = 1
    return counts


def test_every_peer_speaks_of_every_outcome_and_has_a_title() -> None:
    panel = random_panel(1)
    for outcome in ("silence", "late_share", "milestones", "tone", "satisfaction", "reply_slowdown", "another"):
        found = peers(panel)(outcome)
        assert tuple(found) == NAMES == tuple(TITLE_MESSAGES)
        assert all(np.isfinite(values).all() and values.shape == (12,) for values in found.values())


def test_days_since_the_last_sign_of_life_of_any_kind() -> None:
    panel = make_panel(
        4, 70, daily={"received": on_days(70, [69], [], [], []), "sent": on_days(70, [], [60], [], []),
                      "made": on_days(70, [], [], [39], [])},
    )  # fmt: skip
    assert said(panel, "silence")["days_since"] == [0, 9, 30, NEVER_DAYS]


def test_days_silent_are_measured_by_the_own_longest_usual_gap() -> None:
    weekly, rarely = list(range(0, 140, 7)), [0, 40, 80, 120, 160, 200]
    few = [100, 200]
    panel = make_panel(3, 260, daily={"received": on_days(260, weekly, rarely, few)})
    assert said(panel, "silence")["own_tail"] == pytest.approx([126 / 30, 59 / 40, 59 / 30])


def test_the_last_period_shows_the_rate_of_four_weeks_and_nothing_else() -> None:
    due, late = on_days(60, [10, 40, 50], [10, 20], [40]), on_days(60, [10, 50], [10], [])
    panel = make_panel(3, 60, daily={"due": due, "late": late, "milestones": due, "missed": late})
    assert said(panel, "late_share")["last_period"] == [0.5, 0, 0]
    assert said(panel, "milestones")["last_period"] == [0.5, 0, 0]
    panel = make_panel(2, 60, daily={"received": on_days(60, [31, 32], [33, 50])})
    assert said(panel, "silence")["last_period"] == [-1, -2]


def test_the_last_period_of_what_is_no_count_is_its_mean_or_its_newest() -> None:
    panel = make_panel(
        2,
        60,
        incidents=make_incidents((0, 3.0, 0.9, 50, 30), (0, 5.0, 0.1, 50, 30), (1, 40.0, 0.9, 50, 30)),
        replies=make_events((0, 3.0, 4.0), (0, 5.0, 8.0), (0, 50.0, 99.0)),
        measures={"satisfaction": make_events((0, 3.0, 8.0), (0, 50.0, 2.0), (1, 45.0, 3.0))},
    )
    assert said(panel, "tone")["last_period"] == [0.5, 0]
    assert said(panel, "reply_slowdown")["last_period"] == [6, 0]
    assert said(panel, "satisfaction")["last_period"] == [-8, -3]
    assert said(replace(panel, measures={}), "satisfaction")["last_period"] == [0, 0]


def test_a_scorecard_weighs_the_newest_of_twelve_periods_most() -> None:
    days = 12 * 28
    due = on_days(days, [days - 1, days - 40], [days - 1, days - 40], [days - 1], [])
    late = on_days(days, [days - 1], [days - 40], [days - 1], [])
    panel = make_panel(4, days, daily={"due": due, "late": late})
    # Periods 0 and 1 weigh 12 and 11; a period with nothing due counts for nothing.
    assert said(panel, "late_share")["scorecard"] == pytest.approx([12 / 23, 11 / 23, 1, 0])


def test_a_scorecard_of_activity_compares_with_the_own_mean() -> None:
    days = 12 * 28
    steady = [28 * period for period in range(12)]
    stopped = [28 * period for period in range(6)]
    began = [28 * period for period in range(6, 12)]
    panel = make_panel(4, days, daily={"received": on_days(days, steady, stopped, began, [])})
    quiet = 1 - sum(range(1, 7)) / sum(range(1, 13))
    assert said(panel, "silence")["scorecard"] == pytest.approx([0, quiet, 0, 0])


def test_a_history_shorter_than_a_period_is_enough() -> None:
    panel = make_panel(1, 10, daily={"received": on_days(10, [3]), "due": on_days(10, [3]), "late": on_days(10, [3])})
    assert said(panel, "silence")["scorecard"] == [0]
    assert said(panel, "late_share")["scorecard"] == [1]


def test_the_panel_is_left_untouched() -> None:
    panel = random_panel(2)
    for counts in panel.daily.values():
        counts.setflags(write=False)
    before = {name: counts.copy() for name, counts in panel.daily.items()}
    peers(panel)("late_share")
    for name, counts in before.items():
        np.testing.assert_array_equal(counts, panel.daily[name])
