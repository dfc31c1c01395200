"""Late deliveries: the beta-binomial tail and the portfolio's prior against exact figures, and the outcome's bar."""

from dataclasses import replace

import numpy as np
import pytest
from contracts import ScorerContract, make_panel
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, betabinom

from scorers.base import Floats, Panel, Scorer
from scorers.delivery import Delivery, portfolio_prior, share_tail

SCORER = Delivery()


def every(step: int, late: int = 0, total: int = 364, partners: int = 1) -> dict[str, np.ndarray]:
    """Return one delivery every `step` days, the last one yesterday; every `late`-th one late, none for 0."""
    due = np.zeros((partners, total), dtype=np.float32)
    days = np.arange(total - 2, -1, -step)
    due[:, days] = 1
    slipped = np.zeros_like(due)
    if late:
        slipped[:, days[late - 1 :: late]] = 1
    return {"due": due, "late": slipped}


class TestContract(ScorerContract):
    scorer: Scorer = SCORER

    def steady(self) -> Panel:
        rng = np.random.default_rng(5)
        due = rng.poisson(0.4, size=(8, 364))
        due[:, -7] = 1
        return make_panel(8, 364, daily={"due": due, "late": rng.binomial(due, 0.05)})

    def broken(self) -> Panel:
        panel = self.steady()
        late = panel.daily["late"].copy()
        late[0, -60:] = panel.daily["due"][0, -60:]
        return replace(panel, daily={**panel.daily, "late": late})

    def thin(self) -> Panel:
        due = np.zeros((2, 364))
        due[1, [10, 200, 300, 360]] = 1
        return make_panel(2, 364, daily={"due": due, "late": due})


def one(value: float) -> Floats:
    return np.array([value])


@given(
    st.integers(2, 12).map(lambda fifth: 5 * fifth),
    st.floats(0.5, 40),
    st.floats(0.5, 40),
    st.sampled_from([0.2, 0.4, 0.6]),
)
def test_the_tail_is_close_to_the_exact_beta_binomial(n: int, a: float, b: float, bar: float) -> None:
    exact = betabinom.sf(round(bar * n) - 1, n, a, b)
    assert share_tail(one(n), one(a), one(b), one(bar))[0] == pytest.approx(exact, abs=0.05)


def test_the_tail_tends_to_the_beta_itself() -> None:
    assert share_tail(one(1e7), one(3.0), one(9.0), one(0.3))[0] == pytest.approx(beta.sf(0.3, 3, 9), abs=1e-5)


@given(st.floats(5, 300), st.floats(0.1, 50), st.floats(0.1, 50), st.floats(0.2, 0.5))
def test_the_tail_is_a_probability_that_falls_as_the_bar_rises(n: float, a: float, b: float, bar: float) -> None:
    low, high = (share_tail(one(n), one(a), one(b), one(edge))[0] for edge in (bar, bar + 0.1))
    assert 0.0 <= high <= low <= 1.0


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


def test_a_raw_share_is_never_shown_as_a_rate() -> None:
    """One late delivery of five is not a late rate of 20 % among partners that are nearly always on time."""
    daily = every(30, partners=30, total=150)
    daily["late"][0, -2] = 1
    rate = SCORER.score(make_panel(30, 150, daily=daily)).measured
    assert rate["late_share"][0] == pytest.approx(0.2)
    assert rate["late_rate"][1] < rate["late_rate"][0] < 0.15


def test_recent_slips_raise_the_rate_before_they_raise_the_bar() -> None:
    daily = every(3, partners=10)
    daily["late"][0, -30:] = daily["due"][0, -30:]
    measured = SCORER.score(make_panel(10, 364, daily=daily)).measured
    assert measured["late_rate"][0] > 2 * measured["usual_late_rate"][0]


def test_a_partner_always_late_is_not_excused_by_its_habit() -> None:
    daily = every(3, partners=10)
    daily["late"][0] = daily["due"][0]
    value = SCORER.score(make_panel(10, 364, daily=daily)).value
    assert value[0] > 0.9
    assert (value[1:] < 0.5).all()


def test_counts_in_the_windows() -> None:
    daily = every(7, late=2)
    scores = SCORER.score(make_panel(1, 364, daily=daily))
    assert scores.measured["due_recent"][0] == 8.0
    assert scores.measured["late_share"][0] == 0.5
    assert scores.sample[0] == pytest.approx(sum(2 ** (-age / 546) for age in range(1, 364, 7)))


def test_none_due_lately_is_stale_and_none_due_for_long_is_unknown() -> None:
    daily = every(5, partners=3)
    daily["due"][1, -70:] = 0
    daily["due"][2, -190:] = 0
    scores = SCORER.score(make_panel(3, 364, daily=daily))
    assert list(scores.stale) == [False, True, False]
    assert list(np.isnan(scores.value)) == [False, False, True]
    assert "no delivery was due" in scores.unknown[scores.unknown_reason[2]]


def test_what_looks_late_only_because_nobody_could_report_is_left_out() -> None:
    daily = every(2, partners=5)
    daily["late"][:, -10:] = daily["due"][:, -10:]  # open: their arrival could not be reported
    blind = SCORER.score(make_panel(5, 364, daily=daily, blind={"delivery": 10.0}))
    seen = SCORER.score(make_panel(5, 364, daily=daily))
    assert (blind.value < 0.2).all()
    assert (seen.value > blind.value).all()


@given(st.integers(0, 2**32 - 1))
def test_more_late_is_never_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    due = rng.poisson(0.3, size=(6, 120))
    due[:, -9:] = 1
    late = rng.binomial(due, 0.2)
    worse = late.copy()
    worse[0, -5:] = due[0, -5:]
    better, worst = (SCORER.score(make_panel(6, 120, daily={"due": due, "late": k})).measured for k in (late, worse))
    assert worst["late_rate"][0] >= better["late_rate"][0]
