"""Late deliveries: the bar, what is unknown or stale, what counts as begun, and the figures that rules read."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from contracts import ScorerContract, chosen, make_panel
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scorers.base import LOWEST, Panel, Scorer, Scores, Terms, spread
from scorers.late_share import LateShare

SCORER = LateShare()


def every(step: int, late: int = 0, total: int = 364, partners: int = 1) -> dict[str, np.ndarray]:
    """Return one delivery every `step` days, the last one yesterday; every `late`-th one late, none for 0."""
    due = np.zeros((partners, total), dtype=np.float32)
    days = np.arange(total - 2, -1, -step)
    due[:, days] = 1
    slipped = np.zeros_like(due)
    if late:
        slipped[:, days[late - 1 :: late]] = 1
    return {"due": due, "late": slipped}


def terms(partners: int, **options: Any) -> Terms:
    return spread([LateShare.Options(**options)], np.zeros(partners, dtype=np.intp))


def score(panel: Panel, **options: Any) -> Scores:
    return SCORER.score(panel, terms(panel.partners, **options))


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

    def began(self) -> tuple[Panel, int]:
        return self.broken(), 301


def test_a_raw_share_is_never_shown_as_a_rate() -> None:
    """One late delivery of five is not a late rate of 20 % among partners that are nearly always on time."""
    daily = every(30, partners=30, total=150)
    daily["late"][0, -2] = 1
    scores = score(make_panel(30, 150, daily=daily))
    assert scores.measured["late_share"][0] == pytest.approx(0.2)
    assert scores.measured["late_rate"][1] < scores.measured["late_rate"][0] < 0.15
    assert scores.value[0] < 0.2


def test_recent_slips_raise_the_rate_before_they_raise_what_is_usual() -> None:
    daily = every(3, partners=10)
    daily["late"][0, -30:] = daily["due"][0, -30:]
    measured = score(make_panel(10, 364, daily=daily)).measured
    assert measured["late_rate"][0] > 2 * measured["usual_late_rate"][0]


def test_a_partner_always_late_is_excused_by_its_habit_only_without_a_cap() -> None:
    daily = every(3, partners=10)
    daily["late"][0] = daily["due"][0]
    panel = make_panel(10, 364, daily=daily)
    value = score(panel).value
    assert value[0] > 0.9
    assert (value[1:] < 0.5).all()
    assert score(panel, at_most=None).value[0] == LOWEST


def test_the_bar_is_the_largest_of_what_is_named() -> None:
    daily = every(2, late=4, partners=4)
    daily["late"][1:] = 0
    panel = make_panel(4, 364, daily=daily)
    values = [
        score(panel, times_own=None).value[0],
        score(panel, times_own=1.2).value[0],
        score(panel, times_own=1.2, times_portfolio=8, at_most=None).value[0],
    ]
    assert values[0] > values[1] > values[2]


@pytest.mark.parametrize("name", ["times_own", "times_portfolio", "own_days", "min_next", "min_history"])
def test_what_is_not_finite_is_no_option(name: str) -> None:
    with pytest.raises(ValidationError, match="finite"):
        LateShare.Options.model_validate({name: float("inf")})


def test_more_days_than_there_ever_are_facts_are_refused() -> None:
    with pytest.raises(ValidationError, match="own_days"):
        LateShare.Options(own_days=1e300)


def test_a_cap_below_the_least_bar_is_refused() -> None:
    with pytest.raises(ValidationError, match="at_most"):
        LateShare.Options(at_least=0.3, at_most=0.2)


def test_contributions_say_what_the_habit_alone_would_say() -> None:
    daily = every(3, late=8, partners=6)
    daily["late"][0, -30:] = daily["due"][0, -30:]
    lately = score(make_panel(6, 364, daily=daily)).contributions["lately"]
    assert lately[0] > 1
    assert (lately[1:] < 0.5).all()


def test_counts_in_the_windows() -> None:
    daily = every(7, late=2)
    scores = score(make_panel(1, 364, daily=daily))
    assert scores.measured["due_recent"][0] == 8.0
    assert scores.measured["late_share"][0] == 0.5
    assert scores.sample[0] == pytest.approx(sum(2 ** (-weeks / 78) for weeks in range(52)), rel=0.02)


def test_none_due_lately_is_stale_and_none_due_for_long_is_unknown() -> None:
    daily = every(5, partners=3)
    daily["due"][1, -70:] = 0
    daily["due"][2, -190:] = 0
    scores = score(make_panel(3, 364, daily=daily))
    assert list(scores.stale) == [False, True, False]
    assert list(np.isnan(scores.value)) == [False, False, True]
    assert "no delivery was due" in scores.unknown[scores.unknown_reason[2]]
    assert scores.unknown_params["days_since_due"][2] > 182


def test_what_looks_late_only_because_nobody_could_report_is_left_out() -> None:
    daily = every(2, partners=5)
    daily["late"][:, -10:] = daily["due"][:, -10:]  # open: their arrival could not be reported
    blind = score(make_panel(5, 364, daily=daily, blind={"delivery": 10.0}))
    seen = score(make_panel(5, 364, daily=daily))
    assert (blind.value < 0.2).all()
    assert (seen.value > blind.value).all()


@given(st.integers(0, 2**32 - 1))
def test_more_late_is_never_better(seed: int) -> None:
    """With a bar that does not depend on the partner's own share, which lateness raises too."""
    rng = np.random.default_rng(seed)
    due = rng.poisson(0.3, size=(40, 120))
    due[:, -9:] = 1
    late = rng.binomial(due, 0.2)
    worse = late.copy()
    worse[0, -9:] = due[0, -9:]
    panels = [make_panel(40, 120, daily={"due": due, "late": counts}) for counts in (late, worse)]
    better, worst = (score(panel, times_own=None) for panel in panels)
    assert worst.value[0] >= better.value[0]
    assert worst.measured["late_rate"][0] >= better.measured["late_rate"][0]


# --- what counts as begun ---------------------------------------------------------------------------------------------


def began(panel: Panel, column: int, **options: Any) -> list[float | None]:
    judged = SCORER.began(panel.before(column), panel, terms(panel.partners, **options))
    return [None if np.isnan(value) else value for value in judged]


def weekly(shares: list[tuple[float, float]], per_week: int = 10, weeks: int = 30) -> Panel:
    """Return partners with ten deliveries every Monday; a share of them late before week 20, and from then on."""
    due = np.zeros((len(shares), weeks * 7))
    due[:, ::7] = per_week
    late = np.zeros_like(due)
    for row, (before, after) in enumerate(shares):
        late[row, : 20 * 7 : 7] = per_week * before
        late[row, 20 * 7 :: 7] = per_week * after
    return make_panel(len(shares), weeks * 7, daily={"due": due, "late": late})


def test_a_share_begins_to_be_too_large_once() -> None:
    panel = weekly([(0.0, 0.2), (0.0, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.6)])
    # The third reaches twice its own share; the fourth had reached .2 but not .4; the fifth reaches the cap.
    assert began(panel, 140) == [1.0, 0.0, 1.0, 0.0, 1.0]
    assert began(panel, 140, times_own=None) == [1.0, 0.0, 1.0, None, None]


def test_the_portfolio_s_share_so_far_can_set_the_bar() -> None:
    panel = weekly([(0.1, 0.3), (0.3, 0.4), (0.2, 0.5)])
    assert began(panel, 140, times_own=None, times_portfolio=1.5, at_most=None) == [1.0, None, 1.0]
    assert began(panel, 140, times_own=None, times_portfolio=2.0, at_most=None) == [0.0, 1.0, 1.0]


def test_too_little_before_or_ahead_is_not_judged() -> None:
    panel = weekly([(0.0, 0.5)] * 4, per_week=1)
    due, late = panel.daily["due"].copy(), panel.daily["late"].copy()
    due[0, 140:175] = 0  # three ahead
    due[1, :77] = 0  # nine before
    due[2, :84] = 0  # known for no longer than a horizon
    due[2, 84:140] = 1
    panel = replace(panel, daily={**panel.daily, "due": due, "late": late})
    assert began(panel, 140) == [None, None, None, 1.0]
    assert began(panel, 140, min_next=3, min_history=9) == [1.0, 1.0, None, 1.0]


def test_what_the_bar_takes_of_the_future_it_does_not() -> None:
    """Deliveries after the moment set no bar: a partner is judged by what was known then."""
    panel = weekly([(0.0, 0.3), (0.0, 0.9)])
    alone = chosen(panel, [0])
    assert began(panel, 140, times_portfolio=1.5)[0] == began(alone, 140, times_portfolio=1.5)[0] == 1.0
