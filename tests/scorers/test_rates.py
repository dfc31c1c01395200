"""Shares of what goes wrong: the tail and the prior against exact figures, and a memory that needs no past to go on."""

from dataclasses import fields, replace

import numpy as np
import pytest
from contracts import make_panel
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import beta, betabinom

from scorers.base import HIGHEST, LOWEST, Floats, Panel
from scorers.rates import (
    HABIT,
    LATELY,
    SEASON,
    Portfolio,
    Prior,
    Record,
    Seen,
    believe,
    between,
    chances,
    portfolio_prior,
    portfolio_share,
    reached,
    remember,
    share_tail,
)


def one(value: float) -> Floats:
    return np.array([value])


def tail(n: float, a: float, b: float, bar: float) -> float:
    return float(share_tail(one(n), one(a), one(b), one(bar))[0])


@given(
    st.integers(2, 12).map(lambda fifth: 5 * fifth),
    st.floats(0.5, 40),
    st.floats(0.5, 40),
    st.sampled_from([0.2, 0.4, 0.6]),
)
def test_the_tail_lies_between_exceeding_the_bar_and_reaching_it(n: int, a: float, b: float, bar: float) -> None:
    count = round(bar * n)
    assert betabinom.sf(count, n, a, b) - 0.01 <= tail(n, a, b, bar) <= betabinom.sf(count - 1, n, a, b) + 0.01


@given(st.floats(0.1, 40), st.floats(0.1, 40), st.floats(0.3, 1.0))
def test_a_single_one_goes_wrong_as_often_as_the_rate_says(a: float, b: float, bar: float) -> None:
    assert tail(1, a, b, bar) == pytest.approx(a / (a + b), abs=1e-4)


def test_the_tail_tends_to_the_beta_itself() -> None:
    assert tail(1e7, 3.0, 9.0, 0.3) == pytest.approx(beta.sf(0.3, 3, 9), abs=1e-5)


@given(st.floats(1, 300), st.floats(0.1, 50), st.floats(0.1, 50), st.floats(0.05, 1.5))
def test_the_tail_is_a_probability_that_falls_as_the_bar_rises(n: float, a: float, b: float, bar: float) -> None:
    assert 0.0 <= tail(n, a, b, bar + 0.1) <= tail(n, a, b, bar) <= 1.0


def test_the_prior_finds_the_spread_among_partners() -> None:
    rng = np.random.default_rng(8)
    rates = rng.beta(2.0, 18.0, size=3000)
    due = rng.integers(10, 80, size=3000)
    prior = portfolio_prior(due.astype(float), rng.binomial(due, rates).astype(float))
    assert prior.mean == pytest.approx(0.1, abs=0.01)
    assert prior.weight == pytest.approx(20.0, rel=0.15)


@pytest.mark.parametrize(
    ("due", "late"),
    [
        ([], []),
        ([0.0], [0.0]),
        ([7.0], [7.0]),
        ([9.0, 4.0], [0.0, 0.0]),
        ([9.0, 4.0], [9.0, 4.0]),
        ([1.0, 1.0], [0.0, 1.0]),
    ],
)
def test_a_tiny_portfolio_still_has_a_prior(due: list[float], late: list[float]) -> None:
    prior = portfolio_prior(np.array(due), np.array(late))
    assert 0 < prior.mean < 1
    assert 4 <= prior.weight <= 200


# --- memory -----------------------------------------------------------------------------------------------------------


def random_counts(seed: int, partners: int = 9, days: int = 150) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    due = rng.poisson(rng.gamma(0.5, 1.0, size=(partners, 1)), size=(partners, days))
    return due.astype(np.float32), rng.binomial(due, 0.2).astype(np.float32)


def seen_until(due: np.ndarray, bad: np.ndarray, end: int) -> Seen:
    return Seen(due, bad, np.full(len(due), end, dtype=np.intp))


def arrays(record: Record) -> list[np.ndarray]:
    return [getattr(record, field.name) for field in fields(record)]


def same(one: Record, other: Record) -> None:
    for left, right in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(left, right)


@given(st.integers(0, 2**32 - 1), st.integers(0, 149))
def test_going_on_from_a_monday_gives_the_same_digits_as_reading_all(seed: int, end: int) -> None:
    due, bad = random_counts(seed)
    half = end // 14 * 7
    record = remember(seen_until(due, bad, half))
    for first in range(half, end, 7):
        days = min(7, end - first)
        week = slice(first, first + days)
        sums = (counts[:, week].sum(axis=1).astype(np.float64) for counts in (due, bad))
        record.add(*sums, np.full(len(due), days))
    same(record, remember(seen_until(due, bad, end)))


@given(st.integers(0, 2**32 - 1))
def test_each_partner_is_remembered_up_to_its_own_end(seed: int) -> None:
    due, bad = random_counts(seed)
    end = np.random.default_rng(seed).integers(0, 151, size=len(due)).astype(np.intp)
    together = arrays(remember(Seen(due, bad, end)))
    for row, last in enumerate(end):
        alone = arrays(remember(seen_until(due[row : row + 1], bad[row : row + 1], int(last))))
        for all_of, own in zip(together, alone, strict=True):
            np.testing.assert_array_equal(all_of[..., row : row + 1], own)


def test_more_partners_than_are_folded_together_change_nothing() -> None:
    due, bad = random_counts(4, partners=7, days=30)
    many = remember(seen_until(np.tile(due, (1500, 1)), np.tile(bad, (1500, 1)), 30))
    for all_of, own in zip(arrays(many), arrays(remember(seen_until(due, bad, 30))), strict=True):
        np.testing.assert_array_equal(all_of[..., -7:], own)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int64, np.float64])
def test_the_type_of_the_counts_does_not_matter(kind: type) -> None:
    due, bad = random_counts(3)
    same(remember(seen_until(due.astype(kind), bad.astype(kind), 150)), remember(seen_until(due, bad, 150)))


def test_what_is_remembered_halves_in_its_half_life() -> None:
    due = np.zeros((1, 78 * 7 + 7), dtype=np.float32)
    due[0, 0] = 8
    record = remember(seen_until(due, due, due.shape[1]))
    assert record.due[HABIT, 0] == pytest.approx(4.0)
    assert record.all_due[0] == 8.0
    assert record.due[SEASON, 0] < 8 / (1 + 7 * 0.05) / 16


def test_a_week_never_counts_like_more_than_twenty_in_the_shorter_memories() -> None:
    record = Record.begin(2)
    record.add(np.array([1.0, 1e6]), np.array([1.0, 1e6]), np.array([7, 7]))
    assert record.due[:, 0] == pytest.approx([1.0, 1.0, 1.0])
    assert record.due[HABIT, 1] == 1e6
    assert record.due[LATELY, 1] == pytest.approx(20.0, abs=0.01)


def test_sums_between_columns() -> None:
    counts = np.arange(24).reshape(2, 12)
    begin, end = np.array([2, 0]), np.array([5, 12])
    assert between(counts, begin, end).tolist() == [2 + 3 + 4, sum(range(12, 24))]
    assert between(counts, np.array([5, 3]), np.array([5, 3])).tolist() == [0.0, 0.0]


# --- belief -----------------------------------------------------------------------------------------------------------


def judged(due: np.ndarray, bad: np.ndarray, portfolio: Portfolio) -> Floats:
    record = remember(seen_until(due, bad, due.shape[1]))
    partners = len(due)
    _, value = chances(
        record, believe(record, portfolio), np.full(partners, 0.3), np.full(partners, 56.0), np.full(partners, 5.0)
    )
    return value


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.6), st.floats(4, 200), st.floats(-1, 1))
def test_one_more_late_never_lowers_the_likelihood(seed: int, mean: float, weight: float, drift: float) -> None:
    """All else equal: what is said of the portfolio, what fell due, and the bar."""
    due, bad = random_counts(seed)
    spare = np.flatnonzero((due - bad)[0] > 0)
    assume(spare.size)
    worse = bad.copy()
    worse[0, spare[seed % spare.size]] += 1
    portfolio = Portfolio(Prior(mean, weight), drift)
    before, after = judged(due, bad, portfolio), judged(due, worse, portfolio)
    assert after[0] >= before[0]
    np.testing.assert_array_equal(after[1:], before[1:])


def test_the_likelihood_stays_within_its_limits() -> None:
    due = np.full((2, 70), 50.0, dtype=np.float32)
    value = judged(due, np.stack([0 * due[0], due[1]]), Portfolio(Prior(0.1, 20.0), 0.0))
    assert value.tolist() == [LOWEST, HIGHEST]


@pytest.mark.parametrize("bad", [0.0, 1e9])
def test_counts_of_any_size_keep_the_odds_finite(bad: float) -> None:
    due = np.full((3000, 7), 1e9, dtype=np.float32)
    record = remember(seen_until(due, np.full_like(due, bad), 7))
    portfolio = Portfolio.of(record)
    belief = believe(record, portfolio)
    assert abs(portfolio.drift) < 1e-3
    assert np.abs(belief.now - bad / 1e9).max() < 1e-6


def test_few_are_judged_by_the_portfolio_and_many_by_themselves() -> None:
    due = np.zeros((2, 70), dtype=np.float32)
    due[0, -1], due[1] = 1, 1
    record = remember(seen_until(due, due, 70))
    belief = believe(record, Portfolio(Prior(0.1, 20.0), 0.0))
    assert 0.1 < belief.now[0] < 0.3
    assert belief.now[1] > 0.8
    assert belief.worth[0] < belief.worth[1] < 100


def test_the_whole_portfolio_drifting_moves_those_with_few_too() -> None:
    rng = np.random.default_rng(2)
    due = np.ones((40, 364), dtype=np.float32)
    due[0, :-28] = 0
    due[0, -28:] = np.arange(28) % 7 == 0
    rate = np.where(np.arange(364) < 252, 0.05, 0.4)
    bad = (rng.random(due.shape) < rate) * due
    bad[0] = 0
    record = remember(seen_until(due, bad.astype(np.float32), 364))
    portfolio = Portfolio.of(record)
    assert portfolio.drift > 0.3
    still = believe(record, replace(portfolio, drift=0.0))
    assert believe(record, portfolio).now[0] > still.now[0]


def test_the_portfolio_s_share_is_of_all_that_fell_due() -> None:
    due, bad = random_counts(6)
    assert portfolio_share(remember(seen_until(due, bad, 150))) == pytest.approx(bad.sum() / due.sum())
    assert np.isnan(portfolio_share(Record.begin(3)))


# --- what was seen ----------------------------------------------------------------------------------------------------


def panel_of(due: np.ndarray, bad: np.ndarray, blind: float = 0.0) -> Panel:
    return make_panel(*due.shape, daily={"due": due, "late": bad}, blind={"delivery": blind})


def test_today_is_not_seen_and_neither_is_what_nobody_could_report() -> None:
    due, bad = random_counts(1)
    assert Seen.of(panel_of(due, bad), "due", "late", "delivery").end.tolist() == [149] * 9
    assert Seen.of(panel_of(due, bad, 2.5), "due", "late", "delivery").end.tolist() == [146] * 9
    assert Seen.of(panel_of(due, bad, 500.0), "due", "late", "delivery").end.tolist() == [0] * 9
    assert Seen.of(panel_of(due, bad).before(70), "due", "late", "delivery").end.tolist() == [70] * 9


def test_days_since_the_last_due_day() -> None:
    due = np.zeros((4, 20), dtype=np.float32)
    due[0, [3, 9]], due[1, 0], due[2, 19] = 1, 2, 1
    days = Seen(due, due, np.array([20, 20, 19, 20])).since_due()
    np.testing.assert_array_equal(days, [10.0, 19.0, np.nan, np.nan])


@given(st.integers(0, 2**32 - 1))
def test_the_last_due_day_is_found_however_long_ago(seed: int) -> None:
    rng = np.random.default_rng(seed)
    due = (rng.random((6, 200)) < rng.choice([0.0, 0.003, 0.1], size=(6, 1))).astype(np.float32)
    end = rng.integers(0, 201, size=6).astype(np.intp)
    last = [np.flatnonzero(row[:stop]) for row, stop in zip(due, end, strict=True)]
    expected = [stop - 1 - days[-1] if days.size else np.nan for days, stop in zip(last, end, strict=True)]
    np.testing.assert_array_equal(Seen(due, due, end).since_due(), expected)


def test_a_bar_is_reached_exactly() -> None:
    due, bad = np.array([5.0, 5.0, 10.0, 0.0, 4.0]), np.array([1.0, 0.0, 3.0, 0.0, 4.0])
    bar = np.array([0.2, 0.2, 0.3, 0.2, 0.2])
    assert reached(due, bad, bar, np.full(5, 5.0)).tolist() == [True, False, True, False, False]
