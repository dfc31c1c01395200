"""The rhythm of signs of life against plain Python; adding week by week equals reading all at once."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scorers.base import Exposure
from scorers.rhythm import LONGEST_KEPT, MEMORY_DAYS, WEEK, Rhythm, as_weeks, clock_of, follow

COUNTS = hnp.arrays(
    np.int16, st.tuples(st.integers(1, 5), st.integers(1, 90)), elements=st.sampled_from([0, 0, 0, 1, 5])
)


def exposure_of(shape: tuple[int, ...], seed: int) -> Exposure:
    """Return two calendars with days that count 0 to 2, and partners of both."""
    partners, days = shape
    rng = np.random.default_rng(seed)
    patterns = rng.choice([0.0, 0.5, 1.0, 1.0, 2.0], size=(2, days)).astype(np.float32)
    return Exposure(patterns, rng.integers(0, 2, partners))


def follow_counts(counts: np.ndarray, exposure: Exposure | None = None) -> Rhythm:
    partners, days = counts.shape
    every = Exposure(np.ones((1, days), dtype=np.float32), np.zeros(partners, dtype=np.intp))
    return follow(counts > 0, counts.sum(axis=1), exposure or every)


def assert_same(one: Rhythm, other: Rhythm) -> None:
    for field in fields(Rhythm):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


@given(COUNTS, st.integers(0, 9))
def test_added_week_by_week_it_is_the_same_to_the_digit(counts: np.ndarray, seed: int) -> None:
    exposure = exposure_of(counts.shape, seed)
    whole = follow_counts(counts, exposure)
    rhythm = Rhythm.begin(len(counts), 2)
    for start in range(0, counts.shape[1], WEEK):
        days = slice(start, start + WEEK)
        week = counts[:, days]
        rhythm.add(as_weeks(week > 0)[:, 0], week.sum(axis=1), exposure.patterns[:, days], exposure.of)
    assert_same(rhythm, whole)


@given(COUNTS, st.integers(0, 9))
def test_it_agrees_with_plain_python(counts: np.ndarray, seed: int) -> None:
    exposure = exposure_of(counts.shape, seed)
    rhythm = follow_counts(counts, exposure)
    clock = clock_of(exposure)
    position = clock[exposure.of, -1]
    active, _ = rhythm.remembered(position, exposure.of)
    for partner, row in enumerate(counts):
        own = clock[exposure.of[partner]]
        days = np.flatnonzero(row)
        middles = [(own[day] + own[day + 1]) / 2 for day in days]
        weights = [[2 ** (-(own[-1] - place) / half_life) for half_life in MEMORY_DAYS] for place in middles]
        np.testing.assert_allclose(active[partner], np.sum(weights, axis=0) if weights else np.zeros(3), rtol=1e-12)
        assert rhythm.facts[partner] == row.sum()
        assert rhythm.last_day[partner] == (days[-1] if len(days) else -1)
        assert rhythm.last[partner] == pytest.approx(middles[-1] if middles else np.nan, nan_ok=True)
        assert rhythm.first[partner] == pytest.approx(middles[0] if middles else np.nan, nan_ok=True)


@given(COUNTS, st.sampled_from([0.9, 0.95, 0.99]))
def test_the_long_gap_is_the_quantile_of_all_gaps(counts: np.ndarray, quantile: float) -> None:
    """Where it is longer than a week: only then does it matter."""
    found = follow_counts(counts).long_gap(np.full(len(counts), quantile))
    for row, value in zip(counts, found, strict=True):
        times = np.repeat(np.arange(len(row)), row)
        if len(times) < 2:
            assert np.isnan(value)
        elif (true := np.quantile(np.diff(times), quantile)) > WEEK:
            assert value == pytest.approx(true)
        else:
            assert value <= WEEK


def test_without_a_quantile_there_is_no_long_gap() -> None:
    assert np.isnan(follow_counts(np.ones((1, 9))).long_gap(np.array([np.nan]))).all()


def test_beyond_the_kept_gaps_the_shortest_of_them_stands_in() -> None:
    counts = np.zeros((1, 800), dtype=np.int16)
    counts[0, np.cumsum([0, *range(8, 8 + LONGEST_KEPT + 10)])] = 30
    assert follow_counts(counts).long_gap(np.array([0.9]))[0] == 18.0


def test_days_that_do_not_count_take_no_time() -> None:
    patterns = np.ones((1, 40), dtype=np.float32)
    patterns[0, 10:20] = 0.0
    counts = np.zeros((1, 40), dtype=np.int16)
    counts[0, [5, 25]] = 1
    rhythm = follow_counts(counts, Exposure(patterns, np.zeros(1, dtype=np.intp)))
    assert rhythm.longest[0, 0] == 10.0
    assert rhythm.clock[0] == 30.0


def test_what_is_remembered_turns_back_to_an_earlier_moment() -> None:
    counts = np.zeros((1, 70), dtype=np.int16)
    counts[0, [3, 20]] = 1
    early, late = follow_counts(counts[:, :21]), follow_counts(counts)
    none = np.zeros(1, dtype=np.intp)
    for one, other in zip(early.remembered(early.clock, none), late.remembered(early.clock, none), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@given(COUNTS)
def test_waiting_ends_with_the_next_active_day_or_goes_on(counts: np.ndarray) -> None:
    partners, days = counts.shape
    rhythm = follow_counts(counts)
    week = np.arange(partners, dtype=np.uint8) * 4  # nothing, Wednesday, Thursday, …
    waited = rhythm.waited(week, np.ones((1, 7)), np.zeros(partners, dtype=np.intp))
    for row, code, value in zip(counts, week, waited, strict=True):
        active = np.flatnonzero(row)
        if len(active):
            ends = days + (next(day for day in range(7) if code >> day & 1) + 0.5 if code else 7.0)
            assert value == pytest.approx(ends - active[-1] - 0.5)
        else:
            assert np.isnan(value)
