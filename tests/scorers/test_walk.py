"""Walking through the past: what is judged, that nothing looks ahead, and what counts as one deterioration."""

from dataclasses import fields, replace
from typing import TypeVar

import numpy as np
import pytest
from contracts import make_events, make_incidents, make_panel
from hypothesis import given
from hypothesis import strategies as st
from worlds import Forecast, random_panel, rows_of, terms

from scorers.base import DAILY, Events, Incidents, Panel, Scorer, spread
from scorers.walk import Rows, deteriorations, first_day, join, mondays, recent, walk
from warden import discovery

Told = TypeVar("Told", Events, Incidents)

ALL = np.ones(12, dtype=np.bool_)


def walked(panel: Panel, weeks: int = 1000) -> Rows:
    everybody = np.ones(panel.partners, dtype=np.bool_)
    steps = walk(Forecast(), panel, terms(panel.partners), everybody, weeks, figures=lambda scores: scores.measured)
    return join(list(steps))


def test_a_row_is_what_was_said_on_a_monday_and_what_came() -> None:
    received, late = np.full((2, 84), 10), np.zeros((2, 84))
    received[0, 48], late[0, 80] = 70, 1
    rows = walked(make_panel(2, 84, daily={"received": received, "late": late}))
    assert sorted(set(rows.column)) == [28, 35, 42, 49]
    first = rows.where(rows.partner == 0)
    assert first.value.tolist() == [0.1, 0.1, 0.1, 0.7]
    assert not first.began.any()
    assert not rows.where(rows.partner == 1).began.any()
    late[0, 76] = 1
    rows = walked(make_panel(2, 84, daily={"received": received, "late": late}))
    assert rows.where(rows.partner == 0).began.tolist() == [False, False, False, True]


def test_what_had_begun_or_has_not_matured_is_not_judged() -> None:
    panel = random_panel(1)
    rows = walked(panel)
    assert rows.column.max() + 28 <= panel.now[0] < rows.column.max() + 28 + 7
    running = panel.daily["late"][rows.partner, rows.column - 1] > 0
    assert not running.any()


def test_nobody_who_is_not_asked_about_is_judged() -> None:
    panel = random_panel(2)
    asked = np.arange(12) < 5
    rows = join(list(walk(Forecast(), panel, terms(12), asked, 1000)))
    assert set(rows.partner) == set(range(5))
    assert not len(join(list(walk(Forecast(), panel, terms(12), ~ALL, 1000))))


def test_only_the_last_weeks_are_walked() -> None:
    panel = random_panel(3)
    short, long = walked(panel, 5), walked(panel)
    assert sorted(set(short.column)) == sorted(set(long.column))[-5:]
    late = long.where(long.column >= short.column.min())
    assert late.value.tolist() == short.value.tolist()


@given(seed=st.integers(0, 10_000), cut=st.integers(60, 200))
def test_facts_after_a_day_change_nothing_said_before_it_nor_what_matured(seed: int, cut: int) -> None:
    panel, other = random_panel(seed), random_panel(seed + 1)
    mixed = {name: counts.copy() for name, counts in panel.daily.items()}
    for name, counts in mixed.items():
        counts[:, cut:] = other.daily[name][:, cut:]
    before, after = walked(panel), walked(replace(panel, daily=mixed))
    said, said_after = (rows.where(rows.column <= cut) for rows in (before, after))
    known = {(p, c): v for p, c, v in zip(said.partner, said.column, said.value, strict=True)}
    for p, c, v in zip(said_after.partner, said_after.column, said_after.value, strict=True):
        assert known.get((p, c), v) == pytest.approx(v, abs=0, nan_ok=True)
    one, two = (rows.where(rows.column + rows.horizon <= cut) for rows in (before, after))
    assert one.partner.tolist() == two.partner.tolist()
    assert one.began.tolist() == two.began.tolist()
    np.testing.assert_array_equal(one.figures["mood"], two.figures["mood"])


def test_a_panel_without_facts_has_no_past() -> None:
    assert first_day(make_panel(3, 70)) is None
    assert mondays(make_panel(3, 70), 10, 28) == []
    assert mondays(make_panel(0, 70), 10, 28) == []


def test_the_walk_begins_four_weeks_after_the_first_fact_of_any_kind() -> None:
    assert mondays(make_panel(1, 140, replies=make_events((0, 100.0, 3.0))), 100, 28)[0] == 70
    late = np.zeros((1, 140))
    late[0, 7] = 1
    assert mondays(make_panel(1, 140, daily={"due": late}), 100, 28)[0] == 35


def told(partner: list[int], week: list[int], began: list[int]) -> list[int]:
    rows = rows_of(partner, week, [0.1] * len(week), began)
    found = {(p, c // 7): int(n) for p, c, n in zip(rows.partner, rows.column, deteriorations(rows), strict=True)}
    return [found[key] for key in zip(partner, week, strict=True)]


def test_weeks_within_the_first_ones_horizon_tell_of_one_deterioration() -> None:
    assert told([0] * 6, [1, 2, 3, 4, 5, 6], [0, 1, 1, 0, 1, 0]) == [-1, 0, 0, -1, 0, -1]


def test_weeks_that_follow_without_a_break_tell_of_the_same_as_long_as_it_lasts() -> None:
    assert told([0] * 9, list(range(9)), [1] * 9) == [0] * 9


def test_after_the_horizon_a_break_ends_it_be_it_negative_or_not_judged() -> None:
    assert told([0] * 7, [1, 2, 3, 4, 5, 6, 7], [1, 1, 1, 1, 1, 0, 1]) == [0, 0, 0, 0, 0, -1, 1]
    assert told([0] * 6, [1, 2, 3, 4, 9, 10], [1] * 6) == [0, 0, 0, 0, 1, 1]


def test_each_partner_has_its_own() -> None:
    assert told([0, 1, 1], [2, 2, 3], [1, 1, 1]) == [0, 1, 1]


def test_there_are_no_deteriorations_without_rows() -> None:
    assert deteriorations(join([])).tolist() == []


def test_figures_that_some_week_lacks_are_left_out() -> None:
    rows = rows_of([0], [4], [0.2], [1])
    with_a = replace(rows, figures={"a": np.ones(1, np.float32), "b": np.ones(1, np.float32)})
    with_b = replace(rows, figures={"b": np.zeros(1, np.float32)})
    assert list(join([with_a, with_b]).figures) == ["b"]


@pytest.mark.parametrize("scorer", discovery.scorers(), ids=lambda scorer: scorer.name)
def test_no_scorer_looks_ahead(scorer: Scorer) -> None:
    panel, other, cut = lively_panel(1), lively_panel(2), 210
    daily = {
        name: np.concatenate([counts[:, :cut], other.daily[name][:, cut:]], axis=1)
        for name, counts in panel.daily.items()
    }
    changed = replace(
        panel,
        daily=daily,
        replies=mixed(panel, other, cut, panel.replies, other.replies),
        incidents=mixed(panel, other, cut, panel.incidents, other.incidents),
        measures={
            name: mixed(panel, other, cut, panel.measures[name], other.measures[name]) for name in panel.measures
        },
    )
    asked = spread([scorer.Options()], np.zeros(panel.partners, dtype=np.intp))
    for column in (cut - 14, cut - 7, cut):
        one, two = (scorer.score(whole.before(column), asked) for whole in (panel, changed))
        np.testing.assert_array_equal(one.value, two.value)
        for name, part in one.contributions.items():
            np.testing.assert_array_equal(part, two.contributions[name])
    assert np.isfinite(scorer.score(panel.before(cut), asked).value).any()


@pytest.mark.parametrize("scorer", discovery.scorers(), ids=lambda scorer: scorer.name)
def test_what_is_said_rests_on_no_more_history_than_the_service_reads(scorer: Scorer) -> None:
    panel, other = lively_panel(1), lively_panel(2)
    first = 42
    forgotten = replace(
        panel,
        daily={
            name: np.concatenate([other.daily[name][:, :first], counts[:, first:]], axis=1)
            for name, counts in panel.daily.items()
        },
        replies=mixed(panel, other, first, other.replies, panel.replies),
        incidents=mixed(panel, other, first, other.incidents, panel.incidents),
        measures={
            name: mixed(panel, other, first, other.measures[name], panel.measures[name]) for name in panel.measures
        },
    )
    asked = spread([scorer.Options()], np.zeros(panel.partners, dtype=np.intp))
    for days in (198, 204):
        one, two = (recent(whole.before(245), days) for whole in (panel, forgotten))
        assert (one.days, one.now[0], one.at) == (245 - first, 245 - first, panel.before(245).at)
        np.testing.assert_array_equal(scorer.score(one, asked).value, scorer.score(two, asked).value)


def test_a_panel_shorter_than_the_history_is_left_as_it_is() -> None:
    panel = random_panel(4).before(70)
    assert recent(panel, None) is panel
    assert recent(panel, 71) is panel
    assert recent(panel, 63).days == 63


def lively_panel(seed: int) -> Panel:
    """Everything there is to know of twenty partners over a year, at random."""
    rng = np.random.default_rng(seed)
    partners, days = 20, 53 * 7
    daily = {name: rng.poisson(0.4, (partners, days)) for name in DAILY}
    daily |= {bad: rng.binomial(daily[of], 0.2) for bad, of in (("late", "due"), ("missed", "milestones"))}
    who = np.repeat(np.arange(partners), 60)
    age = rng.random(who.size) * days

    def events(value: np.ndarray) -> Events:
        return Events(who, age, value)

    return make_panel(
        partners,
        days,
        daily=daily,
        replies=events(rng.lognormal(2, 1, who.size)),
        incidents=make_incidents(*np.stack([who, age, rng.random(who.size), 100 * rng.random(who.size), 30 + age]).T),
        measures={"satisfaction": events(1 + 4 * rng.random(who.size))},
    )


def mixed(panel: Panel, other: Panel, cut: int, before: Told, after: Told) -> Told:
    """What one panel tells of the days before a column, and another of those from it on."""
    age = panel.now[0] - cut
    old, new = before.age_days > age, after.age_days <= age
    joined = {
        one.name: np.concatenate([getattr(before, one.name)[old], getattr(after, one.name)[new]])
        for one in fields(before)
    }
    return replace(before, **joined)
