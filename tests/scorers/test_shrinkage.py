"""Shrinkage: moments against exact figures, shrunk levels between the own and the portfolio's, medians, whole days."""

from dataclasses import replace

import numpy as np
import pytest
from contracts import later_the_same_day, make_events, make_panel, waited
from hypothesis import given
from hypothesis import strategies as st

from scorers.shrinkage import (
    LEAST_WEIGHT,
    MOST_WEIGHT,
    Portfolio,
    days_ago,
    mean_of,
    median_of,
    newest_of,
    portfolio_of,
    remember,
    ripe,
    within,
)

ASSUMED = Portfolio(mean=5.0, variance=1.0, weight=2.0)
NOBODY = np.zeros(0, dtype=np.intp)


def remembered(rows: dict[int, list[float]], partners: int):
    owner = np.array([one for one, values in rows.items() for _ in values], dtype=np.intp)
    value = np.array([value for values in rows.values() for value in values], dtype=np.float64)
    return remember(partners, owner, value, np.ones_like(value))


def test_equal_weights_are_plain_statistics() -> None:
    memory = remembered({0: [1.0, 2.0, 6.0], 2: [4.0]}, 3)
    assert memory.mean[0] == 3.0
    assert np.isnan(memory.mean[1])
    assert memory.sample.tolist() == [3.0, 0.0, 1.0]
    assert memory.scatter == pytest.approx([14.0, 0.0, 0.0])
    assert memory.freedom.tolist() == [2.0, 0.0, 0.0]


def test_the_moments_find_what_the_figures_were_drawn_from() -> None:
    rng = np.random.default_rng(4)
    level = rng.normal(3.0, 2.0, 2000)
    owner = np.repeat(np.arange(2000), rng.integers(1, 12, 2000))
    value = rng.normal(level[owner], 1.5)
    found = portfolio_of(remember(2000, owner, value, np.ones_like(value)), ASSUMED)
    assert found.mean == pytest.approx(3.0, abs=0.15)
    assert found.variance == pytest.approx(1.5**2, rel=0.05)
    assert found.weight == pytest.approx((1.5 / 2.0) ** 2, rel=0.1)


def test_partners_that_do_not_differ_are_shrunk_as_far_as_it_goes() -> None:
    rng = np.random.default_rng(5)
    owner = np.repeat(np.arange(500), 6)
    found = portfolio_of(remember(500, owner, rng.normal(0, 1, 3000), np.ones(3000)), ASSUMED)
    assert found.weight == pytest.approx(MOST_WEIGHT)


@pytest.mark.parametrize("rows", [{}, {0: [7.0]}, {0: [7.0, 7.0, 7.0]}])
def test_little_to_see_leaves_what_is_assumed(rows: dict[int, list[float]]) -> None:
    memory = remembered(rows, 2)
    found = portfolio_of(memory, ASSUMED)
    assert found.weight == ASSUMED.weight
    assert 0 < found.variance <= ASSUMED.variance
    assert 5.0 <= found.level(memory)[0] < 7.0 or not rows
    assert found.level(memory)[1] == pytest.approx(found.mean)


figures = st.lists(st.tuples(st.integers(0, 4), st.floats(-50, 50)), max_size=40)


@given(figures)
def test_a_level_lies_between_the_own_mean_and_the_portfolios(rows: list[tuple[int, float]]) -> None:
    owner = np.array([one for one, _ in rows], dtype=np.intp)
    value = np.array([one for _, one in rows], dtype=np.float64)
    memory = remember(5, owner, value, np.ones_like(value))
    found = portfolio_of(memory, ASSUMED)
    level = found.level(memory)
    assert found.variance > 0
    assert LEAST_WEIGHT <= found.weight <= MOST_WEIGHT + 1e-9
    assert (found.variances(memory) > 0).all()
    low, high = np.fmin(memory.mean, found.mean), np.fmax(memory.mean, found.mean)
    assert ((low - 1e-9 <= level) & (level <= high + 1e-9)).all()


@given(figures)
def test_medians_means_and_least_ages_are_those_of_each_partner(rows: list[tuple[int, float]]) -> None:
    owner = np.array([one for one, _ in rows], dtype=np.intp)
    value = np.array([one for _, one in rows], dtype=np.float64)
    count, median = median_of(5, owner, value)
    again, mean = mean_of(5, owner, value)
    newest = newest_of(5, owner, value)
    for partner in range(5):
        own = value[owner == partner]
        assert count[partner] == again[partner] == len(own)
        assert newest[partner] == own.min(initial=np.inf)
        expected = (np.median(own), own.mean()) if len(own) else (np.nan, np.nan)
        assert (median[partner], mean[partner]) == pytest.approx(expected, nan_ok=True)


def test_days_are_counted_by_the_calendar_and_blind_ones_not_at_all() -> None:
    panel = make_panel(1, 30)  # at 18:00
    events = make_events((0, 0.7, 1.0), (0, 0.8, 1.0), (0, 0.75, 1.0), (0, 9.5, 1.0))
    assert days_ago(panel, events, "measure").tolist() == [0.0, 1.0, 0.0, 9.0]
    late = replace(panel, measures={"x": events})
    moved = later_the_same_day(late, 5.9)
    assert days_ago(moved, moved.measures["x"], "measure").tolist() == [0.0, 1.0, 0.0, 9.0]
    blind = replace(waited(late, 3), blind_days={"measure": np.array([2.3])})
    assert days_ago(blind, blind.measures["x"], "measure").tolist() == [0.0, 1.0, 0.0, 9.0]


def test_a_fact_is_in_the_past_or_within_the_horizon_or_after_it() -> None:
    events = make_events(*[(0, age, 0.0) for age in (20.75, 20.7500001, 20.7499999, 13.75, 13.7499, 0.0)])
    whole = replace(make_panel(1, 30), measures={"x": events})
    past = whole.before(9)
    chosen = within(past, whole, events, np.array([7.0]))
    assert chosen.tolist() == [False, False, True, True, False, False]
    assert len(past.measures["x"].value) == 2


def test_a_horizon_is_ripe_once_it_has_passed_with_open_eyes() -> None:
    whole = make_panel(4, 30, blind={"measure": [0.0, 1.0, 2.0, np.nan]})  # now = 29.75
    past = whole.before(20)
    assert ripe(past, whole, "measure", np.full(4, 8.0)).tolist() == [True, True, False, False]
    assert ripe(past, whole, "measure", np.array([9.75, 9.0, 7.0, 7.0])).tolist() == [True, False, True, False]


def test_nobody_is_no_fault() -> None:
    memory = remember(0, NOBODY, np.zeros(0), np.zeros(0))
    assert portfolio_of(memory, ASSUMED).level(memory).shape == (0,)
    assert median_of(0, NOBODY, np.zeros(0))[1].shape == (0,)
