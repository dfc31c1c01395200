"""Judging: against examples worked out by hand, scikit-learn, and the definitions spelled out row by row."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from worlds import past_rows, rows_of

from scorers.base import Floats, logit, sigmoid
from scorers.judging import REMINDER_DAYS, Judge
from scorers.walk import QUARTER_DAYS, Rows, deteriorations


def random_rows(seed: int, partners: int, weeks: int, horizon: float = 28.0) -> Rows:
    """Some partner-weeks, some of them positive, with scores that are often equal and sometimes missing."""
    rng = np.random.default_rng(seed)
    partner, week = (grid.ravel() for grid in np.meshgrid(np.arange(partners), np.arange(4, 4 + weeks)))
    there = rng.random(partner.size) < 0.8
    partner, week = partner[there], week[there]
    score = rng.integers(0, 8, partner.size) / 8
    score[rng.random(partner.size) < 0.1] = np.nan
    rows = rows_of(partner, week, score, rng.random(partner.size) < 0.2, horizon)
    shuffled = rng.permutation(len(rows))
    return Rows(*(part[shuffled] for part in (rows.partner, rows.column, rows.value, rows.began, rows.horizon)), {})


worlds = st.builds(random_rows, st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 30))


def same_week_auroc(rows: Rows, score: Floats) -> float:
    right = pairs = 0.0
    known = ~np.isnan(score)
    for week in np.unique(rows.column):
        chosen = (rows.column == week) & known
        y, s = rows.began[chosen], score[chosen]
        if 0 < y.sum() < y.size:
            weight = y.sum() * (~y).sum()
            right, pairs = right + weight * roc_auc_score(y, s), pairs + weight
    return right / pairs if pairs else np.nan


def false_reminders(rows: Rows, score: Floats, threshold: float) -> int:
    """Walk row by row: the first alarm of a partner in each period reminds."""
    reminded, false = set(), 0
    for row in np.lexsort((rows.column, rows.partner)):
        period = (rows.partner[row], rows.column[row] // REMINDER_DAYS)
        if score[row] >= threshold and period not in reminded:
            reminded.add(period)
            false += not rows.began[row]
    return false


@given(rows=worlds)
def test_the_ranking_is_that_of_scikit_learn_week_by_week(rows: Rows) -> None:
    found = Judge(rows).ranking(rows.value).auroc.value
    assert found == pytest.approx(same_week_auroc(rows, rows.value), abs=1e-12, nan_ok=True)


@given(rows=worlds)
def test_leaving_out_a_partner_is_as_if_it_had_never_been(rows: Rows) -> None:
    without = Judge(rows).ranking(rows.value).without
    for place, partner in enumerate(np.unique(rows.partner)):
        rest = rows.where(rows.partner != partner)
        expected = same_week_auroc(rest, rest.value)
        assert without[place] == pytest.approx(expected, abs=1e-12, nan_ok=True)


@given(rows=worlds, threshold=st.sampled_from([0.0, 0.25, 0.5, 0.6, 0.875, 1.0]))
def test_false_alarms_are_the_reminders_after_which_nothing_began(rows: Rows, threshold: float) -> None:
    quarters = len(rows) * 7 / QUARTER_DAYS
    expected = 100 * false_reminders(rows, rows.value, threshold) / quarters if quarters else np.nan
    assert Judge(rows).false_alarms(rows.value, threshold) == pytest.approx(expected, nan_ok=True)


@given(rows=worlds, budget=st.floats(0, 200))
def test_the_threshold_is_the_lowest_that_keeps_the_budget_as_all_above_it_do(rows: Rows, budget: float) -> None:
    allowed = budget / 100 * len(rows) * 7 / QUARTER_DAYS
    kept = np.inf
    for step in np.unique(rows.value[~np.isnan(rows.value)])[::-1]:
        if false_reminders(rows, rows.value, step) > allowed:
            break
        kept = step
    assert Judge(rows).threshold(rows.value, budget) == kept


@given(rows=worlds)
def test_the_order_of_the_rows_is_irrelevant(rows: Rows) -> None:
    back = rows.where(np.ones(len(rows), dtype=np.bool_))
    turned = Rows(*(part[::-1] for part in (back.partner, back.column, back.value, back.began, back.horizon)), {})
    one, two = Judge(rows), Judge(turned)
    np.testing.assert_array_equal(one.alarms(rows.value, 0.5), two.alarms(turned.value, 0.5))
    assert one.events == two.events == int(deteriorations(rows).max(initial=-1)) + 1


def by_hand() -> Rows:
    """Partner 0 goes silent in week 8, and weeks 5 to 8 foresee it; partner 1 is well; of 2 only one week is judged."""
    return rows_of(
        partner=[0] * 5 + [1] * 5 + [2],
        week=[4, 5, 6, 7, 8] * 2 + [8],
        value=[0.1, 0.3, 0.2, 0.6, 0.9, 0.1, 0.7, 0.2, 0.2, 0.2, 0.8],
        began=[0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1],
    )


def test_alarms_worked_out_by_hand() -> None:
    rows = by_hand()
    judged = Judge(rows)
    assert judged.events == 2
    alarms = judged.alarms(rows.value, 0.6)
    # Partner 0: alarm in week 7, begun by week 5 + 28 days = week 9: 14 days. Partner 2: its week before was not
    # judged, so it began by week 9 at the latest: 7 days. Partner 1: one false alarm in 11 weeks of 7 days.
    assert (alarms.foretold, alarms.events, alarms.lead_days) == (2, 2, 10.5)
    assert alarms.recall.value == 1
    assert alarms.false_alarms == pytest.approx(100 / (11 * 7 / 91.25))
    # At 0.3 the first alarm for partner 0 is in week 5: 28 days.
    assert judged.alarms(rows.value, 0.3).lead_days == 17.5
    none = judged.alarms(rows.value, np.inf)
    assert (none.foretold, none.false_alarms) == (0, 0)
    assert np.isnan(none.lead_days)
    assert judged.threshold(rows.value, 0.0) == 0.8
    assert judged.threshold(rows.value, 200.0) == 0.3
    assert judged.threshold(rows.value, 240.0) == 0.2


def test_the_ranking_worked_out_by_hand() -> None:
    rows = by_hand()
    # Pairs of one week: weeks 5 (.3 < .7), 6 (.2 = .2), 7 (.6 > .2), and in week 8 both .9 and .8 > .2.
    assert Judge(rows).ranking(rows.value).auroc.value == pytest.approx(3.5 / 5)


def test_an_alarm_that_only_comes_when_it_has_begun_foretells_nothing() -> None:
    rows = rows_of([0] * 8, range(4, 12), [0.1] * 5 + [0.9] * 3, [0, 1, 1, 1, 1, 1, 1, 1])
    assert Judge(rows).alarms(rows.value, 0.5).foretold == 0
    assert Judge(rows).alarms(rows.value, 0.1).lead_days == 28


def test_a_standing_alarm_reminds_again_after_eight_weeks() -> None:
    rows = rows_of([0] * 24, range(24), [0.9] * 24, [0] * 24)
    assert Judge(rows).false_alarms(rows.value, 0.5) == pytest.approx(100 * 3 / (24 * 7 / 91.25))


def test_saying_nothing_raises_no_alarm_and_misses_what_comes() -> None:
    rows = by_hand()
    mute = np.where(rows.partner == 2, np.nan, rows.value)
    alarms = Judge(rows).alarms(mute, 0.6)
    assert (alarms.foretold, alarms.events) == (1, 2)


def test_calibration_worked_out_by_hand() -> None:
    said = np.repeat([0.1, 0.5], 50)
    came = np.r_[np.arange(50) < 5, np.arange(50) < 40]
    rows = rows_of(np.arange(100), np.full(100, 4), said, came)
    found = Judge(rows).calibration(rows.value)
    assert found.rows.tolist() == [10] * 10
    assert found.said.tolist() == pytest.approx([0.1] * 5 + [0.5] * 5)
    assert found.came.tolist() == pytest.approx([0.5, 0, 0, 0, 0, 1, 1, 1, 1, 0])
    assert found.error == pytest.approx((0.4 + 4 * 0.1 + 4 * 0.5 + 0.5) / 10)
    brier = (5 * 0.81 + 45 * 0.01 + 50 * 0.25) / 100
    assert found.skill == pytest.approx(1 - brier / (0.45 * 0.55))


def test_a_calibrated_likelihood_has_a_small_error_and_a_bold_one_a_large_one() -> None:
    rows = past_rows(5, partners=300)
    bold = sigmoid(2 * logit(rows.value) + 3)
    judged = Judge(rows)
    assert judged.calibration(rows.value).error < 0.01
    assert judged.calibration(bold).error > 0.04
    assert judged.ranking(bold).auroc == judged.ranking(rows.value).auroc


def test_band_changes_worked_out_by_hand() -> None:
    # Of these twenty values the shares .85 and .95 are cut between .19 and .30, and between .40 and .60.
    values = [0.1] * 9 + [0.6, 0.4, 0.35, 0.3] + [0.1] * 7
    rows = rows_of([0] * 20, range(4, 24), values, [0] * 20)
    cuts = np.quantile(values, (0.85, 0.95))
    assert 0.3 < cuts[0] < 0.35
    assert 0.4 < cuts[1] < 0.6
    judged = Judge(rows)
    quarters = 20 * 7 / QUARTER_DAYS
    # Without a margin: up to the top, down one (.4), down one (.3). With one of a log-odds, .4 and .3 hold the top …
    assert judged.band_changes(rows.value) == pytest.approx(3 / quarters)
    # … until .1 falls through both at once.
    assert judged.band_changes(rows.value, 1.0) == pytest.approx(2 / quarters)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        rows = past_rows(seed, partners=60, weeks=20, base=-2.0)
        auroc = Judge(rows).ranking(rows.value).auroc
        covered += auroc.low <= 0.7475 <= auroc.high
    assert covered >= 50


def test_comparing_on_the_same_rows_is_surer_than_comparing_figures() -> None:
    rows = past_rows(3, partners=400, weeks=60)
    rng = np.random.default_rng(4)
    judged = Judge(rows)
    noisy = logit(rows.value) + 0.4 * rng.normal(size=len(rows))
    ours, theirs = judged.ranking(rows.value), judged.ranking(noisy)
    ahead = ours.ahead_of(theirs)
    assert 0 < ahead.low < ahead.value < ahead.high
    assert ahead.high - ahead.low < (ours.auroc.high - ours.auroc.low) / 2


def test_no_rows_say_nothing() -> None:
    rows = rows_of([], [], [], [])
    judged = Judge(rows)
    assert judged.events == judged.partners == 0
    assert np.isnan(judged.ranking(rows.value).auroc.value)
    assert judged.threshold(rows.value) == np.inf
    assert np.isnan(judged.alarms(rows.value, 0.5).recall.value)
    assert np.isnan(judged.calibration(rows.value).error)
    assert np.isnan(judged.band_changes(rows.value))


def test_the_rows_are_left_untouched() -> None:
    rows = by_hand()
    before = replace(rows, value=rows.value.copy())
    judged = Judge(rows)
    judged.threshold(rows.value)
    judged.band_changes(rows.value, 1.0)
    np.testing.assert_array_equal(before.value, rows.value)
