"""Silence: against plain Python, what it may never do, and when a silence counts as begun."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from contracts import ScorerContract, chosen, make_panel, shuffled, waited
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scorers.base import Exposure, Panel, Scorer, Scores, Terms, logit, spread
from scorers.rhythm import as_weeks
from scorers.silence import Silence, rhythm_of, signs_of_life

SCORER = Silence()
HISTORY = hnp.arrays(np.int8, (3, 70), elements=st.sampled_from([0, 0, 0, 0, 1, 4]))
OPTIONS = st.builds(
    Silence.Options,
    days=st.sampled_from([7, 14, 30, 60, 180]),
    horizon_days=st.sampled_from([7, 28, 200]),
    own_gap_quantile=st.sampled_from([None, 0.9, 0.99]),
)
OFFICE = [1.4, 1.4, 1.4, 1.4, 1.4, 0.0, 0.0]


def terms_of(panel: Panel, **options: Any) -> Terms:
    return spread([Silence.Options(**options)], np.zeros(panel.partners, dtype=np.intp))


def score(panel: Panel, **options: Any) -> Scores:
    return SCORER.score(panel, terms_of(panel, **options))


def written(*rows: np.ndarray, **more: Any) -> Panel:
    return make_panel(len(rows), len(rows[0]), daily={"received": np.stack(rows)}, **more)


def messages(*days: int, total: int = 365) -> np.ndarray:
    """Return one partner's row `(total,)` with a message on each of these days, counted back from the last."""
    row = np.zeros(total, dtype=np.float32)
    row[[total - 1 - day for day in days]] = 1
    return row


def weekly(since: int = 0, total: int = 365) -> np.ndarray:
    return messages(*range(since, total, 7), total=total)


class TestContract(ScorerContract):
    scorer: Scorer = SCORER

    def steady(self) -> Panel:
        rng = np.random.default_rng(3)
        received = rng.poisson(0.4, size=(8, 365))
        received[:, -4:] = [0, 1, 0, 0]
        return make_panel(8, 365, daily={"received": received, "sent": rng.poisson(0.4, size=(8, 365))})

    def broken(self) -> Panel:
        panel = self.steady()
        counts = {name: panel.daily[name].copy() for name in ("received", "sent")}
        for name in counts:
            counts[name][0, -20:] = 0
        return replace(panel, daily={**panel.daily, **counts})

    def thin(self) -> Panel:
        return written(messages(), messages(3), messages(3, 9, 20, 40))

    def began(self) -> tuple[Panel, int]:
        panel = self.steady()
        counts = {name: panel.daily[name].copy() for name in ("received", "sent")}
        for name in counts:
            counts[name][0, 260:320] = 0
        return replace(panel, daily={**panel.daily, **counts}), 250


# --- the likelihood ---------------------------------------------------------------------------------------------------


def plain_renewal(active: float, passed: float, rate: float, silent: float, required: float, horizon: float) -> float:
    believed, days = 1 + active, 1 / rate + passed
    shape = 1 / (1 / believed + 1 / 5)
    scale = days * shape / believed
    runs_on = (1 + max(required - silent, 0) / scale) ** -shape
    others = horizon * shape / scale * (1 + required / scale) ** -shape
    none = min(others - math.log(1 - min(runs_on, 1 - 1e-9)), -math.log(1e-9))
    return math.log(math.expm1(none))


def plain_value(row: np.ndarray, rate: float, options: Silence.Options) -> float:
    """Return the log-odds of one partner at a midnight, before limits; every day counts alike."""
    days, now = np.flatnonzero(row), len(row)
    gaps = np.diff(np.repeat(np.arange(now), row))
    required = (
        max(options.days, np.quantile(gaps, options.own_gap_quantile)) if options.own_gap_quantile else options.days
    )
    silent = now - days[-1] - 0.5
    total = 0.4 * float(logit(np.clip((silent + 0.5) / (required + 0.5), 1e-9, 1 - 1e-9)))
    for half_life in (7, 28):
        active = sum(2 ** (-(now - day - 0.5) / half_life) for day in days)
        passed = half_life / math.log(2) * (1 - 2 ** (-(now - days[0] - 0.5) / half_life))
        total += 0.3 * plain_renewal(active, passed, rate, silent, required, options.horizon_days)
    return total


def plain_rate(row: np.ndarray) -> float:
    """Return the usual rate of a partner in a portfolio too small to say anything: shrunk to .3, worth one day."""
    days, now = np.flatnonzero(row), len(row)
    active = sum(2 ** (-(now - day - 0.5) / 182) for day in days)
    passed = 182 / math.log(2) * (1 - 2 ** (-(now - days[0] - 0.5) / 182))
    return float((1 + active) / (1 / 0.3 + passed))


@given(hnp.arrays(np.int8, (70,), elements=st.sampled_from([0, 0, 0, 1, 4])), OPTIONS)
def test_it_agrees_with_plain_python(row: np.ndarray, options: Silence.Options) -> None:
    row[[0, 9, 20, 31, 33]] = 1
    panel = replace(written(row), now=np.array([70.0]))
    scores = SCORER.score(panel, spread([options], np.zeros(1, dtype=np.intp)))
    parts = sum(part[0] for name, part in scores.contributions.items() if name != "limit")
    assert parts == pytest.approx(plain_value(row, plain_rate(row), options), rel=1e-9)


@settings(max_examples=25)
@given(HISTORY, OPTIONS, st.sampled_from([[1.0], OFFICE, [1.0, 0.0, 0.5, 2.0, 1.0]]))
def test_a_longer_silence_never_lowers_the_likelihood(
    history: np.ndarray, options: Silence.Options, pattern: list[float]
) -> None:
    """Day by day, inside weeks as well, until long after the silence was long enough."""
    history[:, 0] = 5
    total = 70 + 75
    counts = np.pad(history, ((0, 0), (0, total - 70)))
    patterns = np.resize(np.array(pattern, dtype=np.float32), (1, total))
    panel = make_panel(3, total, daily={"received": counts}, exposure=Exposure(patterns, np.zeros(3, dtype=np.intp)))
    terms = spread([options], np.zeros(3, dtype=np.intp))
    columns = [*range(70, 98), *range(98, total, 5)]
    values = np.stack([SCORER.score(panel.before(column), terms).value for column in columns])
    dormant = np.isnan(values)
    assert (np.diff(np.where(dormant, 1.0, values), axis=0) >= 0).all()


@given(HISTORY, st.integers(1, 6))
def test_it_gives_the_same_digits_whether_it_is_told_all_or_only_the_last_week(history: np.ndarray, cut: int) -> None:
    panel = make_panel(3, 70, daily={"received": history, "sent": history[::-1].copy()})
    terms = terms_of(panel)
    rhythm = rhythm_of(panel.before(63), terms)
    last = slice(63, 63 + cut)
    alive, facts = signs_of_life(panel, terms, last, slice(None))
    rhythm.add(as_weeks(alive)[:, 0], facts, panel.exposure.patterns[:, last], panel.exposure.of)
    now = panel.before(63 + cut)
    one, other = SCORER.read(rhythm, now, terms), SCORER.score(now, terms)
    np.testing.assert_array_equal(one.value, other.value)
    np.testing.assert_array_equal(one.sample, other.sample)


@given(HISTORY, st.integers(0, 99))
def test_the_order_of_facts_and_partners_does_not_matter(history: np.ndarray, seed: int) -> None:
    panel = make_panel(3, 70, daily={"received": history})
    value = score(panel).value
    np.testing.assert_allclose(score(shuffled(panel, seed)).value, value, rtol=1e-12)
    np.testing.assert_allclose(score(chosen(panel, [2, 0, 1])).value, value[[2, 0, 1]], rtol=1e-9)


@given(HISTORY, OPTIONS)
def test_contributions_sum_to_the_log_odds(history: np.ndarray, options: Silence.Options) -> None:
    panel = make_panel(3, 70, daily={"received": history})
    scores = SCORER.score(panel, spread([options], np.zeros(3, dtype=np.intp)))
    known = ~np.isnan(scores.value)
    total = np.sum(list(scores.contributions.values()), axis=0)
    np.testing.assert_allclose(total[known], logit(scores.value[known]), atol=1e-9, rtol=0)
    assert (np.isnan(scores.value) == (scores.unknown_reason >= 0)).all()


def test_a_partner_used_to_long_gaps_may_be_silent_for_longer() -> None:
    value = score(written(weekly(25), messages(*range(25, 365, 60)))).value
    assert value[1] < value[0]


def test_a_partner_who_slowed_down_is_likelier_to_go_silent() -> None:
    steady, slowed = weekly(3), messages(3, 17, *range(38, 365, 7))
    slowed_value, steady_value = score(written(slowed, steady)).value
    assert slowed_value > steady_value


def test_a_silence_that_is_long_enough_is_as_likely_as_can_be() -> None:
    assert list(score(written(weekly(31), weekly(60))).value) == [0.99, 0.99]


def test_a_sign_of_life_from_either_side_counts_and_a_meeting_does() -> None:
    rows = {"received": [weekly(40), weekly(3), weekly(40)], "sent": [weekly(3), weekly(40), weekly(40)]}
    met = np.stack([weekly(40), weekly(40), messages(3)])
    panel = make_panel(3, 365, daily={**{name: np.stack(row) for name, row in rows.items()}, "met": met})
    assert list(score(panel).measured["days_silent"]) == [3.0, 3.0, 3.0]


def test_deliveries_count_where_they_are_said_to() -> None:
    panel = make_panel(2, 365, daily={"received": np.stack([weekly(40)] * 2), "made": np.stack([weekly(2) * 9] * 2)})
    terms = spread([Silence.Options(), Silence.Options(deliveries_count=1)], np.array([0, 1], dtype=np.intp))
    scores = SCORER.score(panel, terms)
    assert list(scores.measured["days_silent"]) == [40.0, 2.0]
    assert rhythm_of(panel, terms).facts[1] == 47 + 52  # the nine deliveries of a day are one sign


def test_a_blind_source_is_not_a_silent_partner() -> None:
    panel = written(*[weekly(12)] * 2, blind={"communication": [0.0, 10.0]})
    scores = score(panel)
    assert list(scores.measured["days_silent"]) == [12.0, 2.0]
    assert scores.value[1] < scores.value[0]


def test_three_blind_weeks_alarm_nobody() -> None:
    rng = np.random.default_rng(5)
    panel = make_panel(200, 364, daily={"received": rng.poisson(0.4, size=(200, 364))})
    healthy = score(panel).value
    for days in (1, 7, 14, 21):
        later = waited(panel, days)
        blind = {**later.blind_days, "communication": np.full(200, float(days))}
        assert (score(replace(later, blind_days=blind)).value <= healthy + 1e-9).all()


def test_a_past_blind_spell_is_neither_a_silence_nor_a_gap() -> None:
    patterns = np.ones((2, 365), dtype=np.float32)
    patterns[1, -40:-10] = 0.0
    panel = written(*[weekly(41)] * 2, exposure=Exposure(patterns, np.array([0, 1], dtype=np.intp)))
    scores = score(panel)
    assert scores.value[0] == 0.99
    assert scores.value[1] < 0.5


def test_holidays_slow_a_silence_down() -> None:
    patterns = np.ones((2, 365), dtype=np.float32)
    patterns[1, -9:] = 0.0
    value = score(written(*[weekly(15)] * 2, exposure=Exposure(patterns, np.array([0, 1], dtype=np.intp)))).value
    assert value[1] < value[0]


def test_a_long_dormant_partner_is_not_forecast() -> None:
    scores = score(written(messages(*range(200, 360, 10))))
    assert np.isnan(scores.value[0])
    assert np.isnan(scores.measured["silence_ratio"][0])
    assert scores.measured["days_silent"][0] == 200.0
    assert "dormant" in scores.unknown[scores.unknown_reason[0]]


def test_the_sample_fades_while_nothing_is_heard() -> None:
    fresh, old = score(written(weekly(0))).sample[0], score(written(weekly(91))).sample[0]
    assert 26 < fresh < 53
    assert old < fresh * 0.75


def test_the_evidence_tells_the_facts() -> None:
    received, sent = messages(*range(20, 200, 7)), messages(2, 5, 9)
    panel = make_panel(1, 365, daily={"received": received[None], "sent": sent[None]})
    said = [(one.message, {name: values[0] for name, values in one.params.items()}) for one in score(panel).evidence]
    assert np.isnan(said[0][1]["days_over"])  # it has not gone silent
    assert said[1][1] == {"days_silent": 2.0, "usual_gap": 10.0}
    assert said[2][1] == {"required_days": 30.0}
    assert said[3][1]["recent_interval"] == pytest.approx(5.0, abs=2.5)
    assert said[4][1] == {"unanswered": 3.0, "days_unheard": 20.0}


def test_a_silence_that_is_long_enough_is_told_as_one_that_has_come() -> None:
    panel = make_panel(1, 365, daily={"received": messages(*range(45, 200, 7))[None]})
    assert {name: values[0] for name, values in score(panel).evidence[0].params.items()} == {
        "days_silent": 45.0,
        "days_over": 15.0,
    }


def test_days_nobody_could_report_are_not_told_as_days_unheard() -> None:
    received, sent = messages(*range(20, 200, 7)), messages(15, 17)
    panel = make_panel(1, 365, daily={"received": received[None], "sent": sent[None]})
    for days in (1, 10, 25):
        later = waited(panel, days)
        blind = replace(later, blind_days={**later.blind_days, "communication": np.full(1, float(days))})
        assert [values[0] for values in score(blind).evidence[4].params.values()] == [2.0, 20.0]


def test_before_the_first_day_nothing_is_known() -> None:
    scores = score(make_panel(2, 0))
    assert np.isnan(scores.value).all()
    assert (scores.unknown_reason >= 0).all()


# --- what came of it --------------------------------------------------------------------------------------------------


def judge(whole: Panel, column: int, **options: Any) -> list[float]:
    return list(SCORER.began(whole.before(column), whole, terms_of(whole, **options)))


def plain_began(row: np.ndarray, column: int, options: Silence.Options) -> float:
    """Return what began of one partner whose panel ends at a midnight, by its definition."""
    end, until = len(row), column + int(options.horizon_days)
    days = np.flatnonzero(row)
    times = np.repeat(np.arange(end), row)
    if (times < column).sum() < Silence.min_points or end < until:
        return math.nan
    settled = True
    for day, after in pairwise([*days, None]):
        if day >= until or (after is not None and after < column):
            continue
        gaps = np.diff(times[times <= day])
        quantile = options.own_gap_quantile
        required = (
            max(options.days, math.nextafter(np.quantile(gaps, quantile), math.inf))
            if quantile and len(gaps)
            else options.days
        )
        if day < column and column - day - 0.5 >= required:
            return math.nan
        if (after - day if after is not None else end - day - 0.5) >= required:
            return 1.0
        settled &= after is not None
    return 0.0 if settled else math.nan


@given(
    hnp.arrays(np.int8, (4, 120), elements=st.sampled_from([0] * 14 + [1, 3])),
    st.integers(1, 119),
    st.sampled_from([7, 14, 30]),
    st.sampled_from([7, 20, 28]),
    st.sampled_from([None, 0.99]),
)
def test_what_began_agrees_with_plain_python(
    counts: np.ndarray, column: int, days: float, horizon: float, quantile: float | None
) -> None:
    options = Silence.Options(days=days, horizon_days=horizon, own_gap_quantile=quantile)
    whole = make_panel(4, 120, daily={"received": counts}).before(120)
    found = SCORER.began(whole.before(column), whole, spread([options], np.zeros(4, dtype=np.intp)))
    np.testing.assert_array_equal(found, [plain_began(row, column, options) for row in counts])


def test_a_silence_that_runs_already_begins_when_it_becomes_long_enough() -> None:
    whole = written(messages(*range(100, 300, 3)), messages(*range(100, 300, 3), 60))
    assert judge(whole, 265 + 10) == [1.0, 1.0]
    assert judge(whole, 265 + 31)[0] != judge(whole, 265 + 31)[0]  # it had begun before


def test_a_silence_within_the_partners_own_habit_is_none() -> None:
    whole = written(messages(*range(0, 360, 40)))
    assert judge(whole, 210) == [0.0]
    assert judge(whole, 210, own_gap_quantile=None) == [1.0]


def test_holidays_do_not_make_a_silence() -> None:
    patterns = np.ones((2, 365), dtype=np.float32)
    patterns[1, 240:250] = 0.0
    row = messages(*[day for day in range(365) if not 105 <= day < 140])
    whole = written(row, row, exposure=Exposure(patterns, np.array([0, 1], dtype=np.intp)))
    assert judge(whole, 210) == [1.0, 0.0]
