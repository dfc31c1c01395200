"""Public talk: how the weights of news add up."""

from dataclasses import replace

import numpy as np
import pytest
from contracts import ScorerContract, make_incidents, make_panel
from hypothesis import given
from hypothesis import strategies as st

from scorers.base import Panel, Scorer
from scorers.sentiment import QUIET, Sentiment

SCORER = Sentiment()


class TestContract(ScorerContract):
    scorer: Scorer = SCORER

    def steady(self) -> Panel:
        rows = [(partner, 5.0 + 30 * k + partner, 0.1, 20.0, 60.0) for partner in range(8) for k in range(5)]
        return make_panel(8, 365, incidents=make_incidents(*rows))

    def broken(self) -> Panel:
        news = self.steady().incidents
        rows = [
            tuple(row)
            for row in zip(
                news.partner, news.age_days, news.p_negative, news.severity, news.half_life_days, strict=True
            )
        ]
        return make_panel(
            8, 365, incidents=make_incidents(*rows, (0, 25.0, 0.9, 60.0, 60.0), (0, 1.0, 0.9, 95.0, 365.0))
        )

    def thin(self) -> Panel:
        return make_panel(2, 365, incidents=make_incidents((1, 400.0, 0.9, 90.0, 365.0)))


def value_of(*rows: tuple[float, float, float, float]) -> float:
    panel = make_panel(1, 30, incidents=make_incidents(*((0, *row) for row in rows)))
    return float(SCORER.score(panel).value[0])


def test_one_piece_of_news_is_exact() -> None:
    load = 0.9 * 0.8 * 0.5 ** (30 / 60)
    assert value_of((30.0, 0.8, 90.0, 60.0)) == pytest.approx(1 - (1 - QUIET) * 0.5**load)


def test_a_second_piece_counts_half_and_the_strongest_counts_first() -> None:
    both = value_of((0.0, 1.0, 40.0, 60.0), (0.0, 1.0, 80.0, 60.0))
    assert both == pytest.approx(1 - (1 - QUIET) * 0.5 ** (0.8 + 0.2))


def test_one_story_in_forty_outlets_is_hardly_more_than_in_two() -> None:
    story = (0.0, 0.8, 70.0, 60.0)
    assert value_of(*[story] * 40) - value_of(story) < 0.25
    assert value_of(*[story] * 40) - value_of(*[story] * 5) < 0.03


def test_good_news_is_quiet_and_does_not_make_it_better() -> None:
    assert value_of((1.0, 0.07, 0.0, 30.0)) == pytest.approx(QUIET)


def test_news_fades() -> None:
    assert value_of((200.0, 0.9, 90.0, 45.0)) < value_of((10.0, 0.9, 90.0, 45.0))


def test_an_incident_without_half_life_has_no_weight() -> None:
    assert value_of((1.0, 0.9, 90.0, 0.0)) == pytest.approx(QUIET)


def test_never_mentioned_is_unknown_not_well() -> None:
    scores = SCORER.score(make_panel(2, 30, incidents=make_incidents((0, 2.0, 0.2, 0.0, 30.0))))
    assert list(np.isnan(scores.value)) == [False, True]
    assert scores.unknown[scores.unknown_reason[1]] == "no public mention in the last %(days)s days"
    assert np.isnan(scores.measured["negative_incidents"][1])


def test_negative_incidents_count_clear_and_recent_ones() -> None:
    rows = [(0, 2.0, 0.7, 60.0, 30.0), (0, 3.0, 0.4, 60.0, 30.0), (0, 40.0, 0.9, 60.0, 30.0)]
    measured = SCORER.score(make_panel(1, 30, incidents=make_incidents(*rows))).measured
    assert measured["negative_incidents"][0] == 1.0
    assert measured["mentions"][0] == 3.0


def test_only_old_mentions_are_stale() -> None:
    panel = make_panel(2, 30, incidents=make_incidents((0, 10.0, 0.2, 0.0, 30.0), (1, 100.0, 0.2, 0.0, 30.0)))
    assert list(SCORER.score(panel).stale) == [False, True]


row = st.tuples(st.integers(0, 3), st.floats(0, 500), st.floats(0, 1), st.floats(0, 100), st.floats(1, 700))


@given(st.lists(row, max_size=30), row)
def test_more_news_is_never_better_and_order_does_not_matter(rows: list[tuple], more: tuple) -> None:
    panel = make_panel(4, 30, incidents=make_incidents(*rows))
    before = SCORER.score(panel).value
    after = SCORER.score(replace(panel, incidents=make_incidents(more, *rows[::-1]))).value
    known = ~np.isnan(before)
    assert (after[known] >= before[known] - 1e-12).all()
