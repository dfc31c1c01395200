"""Public talk: the tail to come against exact figures, and how bad news adds up."""

from dataclasses import replace

import numpy as np
import pytest
from contracts import ScorerContract, joined, make_incidents, make_panel, shuffled
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from scorers.base import BLIND_MESSAGE, Panel, Scorer, Scores, Terms, spread
from scorers.tone import Tone, beta_binomial_tail

SCORER = Tone()
Row = tuple[int, float, float, float, float]


def terms(partners: int, **options: float) -> Terms:
    return spread([Tone.Options.model_validate(options)], np.zeros(partners, dtype=np.intp))


def score(panel: Panel, **options: float) -> Scores:
    return SCORER.score(panel, terms(panel.partners, **options))


def value_of(*rows: tuple[float, float, float, float]) -> float:
    return float(score(make_panel(1, 30, incidents=make_incidents(*((0, *row) for row in rows)))).value[0])


class TestContract(ScorerContract):
    scorer: Scorer = SCORER

    def steady(self) -> Panel:
        rows = [(partner, 5.0 + 30 * k + partner, 0.1, 20.0, 60.0) for partner in range(8) for k in range(5)]
        return make_panel(8, 365, incidents=make_incidents(*rows))

    def broken(self) -> Panel:
        bad = make_incidents((0, 25.0, 0.9, 60.0, 60.0), (0, 9.0, 0.8, 60.0, 60.0), (0, 1.0, 0.9, 95.0, 365.0))
        calm = make_incidents(*[(1, age, 0.1, 20.0, 60.0) for age in (3.0, 9.0, 20.0)])
        panel = self.steady()
        return replace(panel, incidents=joined(panel.incidents, bad, calm))

    def thin(self) -> Panel:
        return make_panel(2, 365, incidents=make_incidents((1, 400.0, 0.9, 90.0, 365.0)))

    def began(self) -> tuple[Panel, int]:
        return self.broken(), 365 - 29


@given(
    st.lists(st.tuples(st.integers(1, 40), st.floats(0.05, 30), st.floats(0.05, 30), st.floats(0.01, 1)), max_size=20)
)
def test_the_tail_is_that_of_the_beta_binomial(cases: list[tuple[int, float, float, float]]) -> None:
    number, a, b, part = np.array(cases, dtype=np.float64).reshape(len(cases), 4).T
    least = np.ceil(number * part)
    exact = betabinom.sf(least - 1, number, a, b)
    np.testing.assert_allclose(beta_binomial_tail(number, a, b, least), exact, atol=1e-10)


def test_bad_news_is_worse_the_more_severe_it_is_and_the_surer() -> None:
    quiet = value_of((300.0, 0.1, 0.0, 30.0))
    mild, severe = value_of((3.0, 0.9, 25.0, 60.0)), value_of((3.0, 0.9, 90.0, 60.0))
    assert quiet < 0.05 < mild < 0.15 < severe
    assert value_of((3.0, 0.6, 90.0, 60.0)) < severe


def test_one_story_in_forty_outlets_is_hardly_more_than_in_five() -> None:
    story = (0.0, 0.8, 70.0, 60.0)
    assert value_of(*[story] * 40) - value_of(story) < 0.3
    assert value_of(*[story] * 40) - value_of(*[story] * 5) < 0.03


def test_advertising_does_not_drown_a_scandal() -> None:
    scandal, praise = (2.0, 0.95, 95.0, 365.0), (2.0, 0.05, 0.0, 30.0)
    drowned = value_of(scandal, *[praise] * 500)
    assert drowned == pytest.approx(value_of(scandal, *[praise] * 8))
    assert drowned > 2 * value_of(*[praise] * 8)


def test_news_fades_as_its_kind_does() -> None:
    assert value_of((200.0, 0.9, 90.0, 45.0)) < value_of((10.0, 0.9, 90.0, 45.0))
    assert value_of((20.0, 0.9, 90.0, 5.0)) < value_of((20.0, 0.9, 90.0, 365.0))


def test_a_partner_always_badly_spoken_of_has_a_worse_background() -> None:
    rows: list[Row] = [(0, 30.0 + 10 * k, 0.9, 0.0, 30.0) for k in range(12)]
    rows += [(1, 30.0 + 10 * k, 0.1, 0.0, 30.0) for k in range(12)]
    background = score(make_panel(2, 365, incidents=make_incidents(*rows))).contributions["background"]
    assert background[0] > background[1] + 1


def test_never_mentioned_is_unknown_not_well() -> None:
    scores = score(make_panel(2, 30, incidents=make_incidents((0, 2.0, 0.2, 0.0, 30.0))))
    assert list(np.isnan(scores.value)) == [False, True]
    assert scores.unknown[scores.unknown_reason[1]] == "no public mention in the last %(days)s days"
    assert np.isnan(scores.measured["negative_incidents"][1])


def test_a_source_blind_for_too_long_is_told_before_an_empty_press() -> None:
    scores = score(make_panel(1, 400, blind={"sentiment": 40.0}))
    assert scores.unknown[scores.unknown_reason[0]] == BLIND_MESSAGE


def test_negative_incidents_count_clear_and_recent_ones() -> None:
    rows = [(0, 2.0, 0.7, 60.0, 30.0), (0, 3.0, 0.4, 60.0, 30.0), (0, 40.0, 0.9, 60.0, 30.0)]
    measured = score(make_panel(1, 30, incidents=make_incidents(*rows))).measured
    assert measured["negative_incidents"][0] == 1.0
    assert measured["mentions"][0] == 3.0


def test_only_old_mentions_are_stale() -> None:
    panel = make_panel(2, 30, incidents=make_incidents((0, 10.0, 0.2, 0.0, 30.0), (1, 100.0, 0.2, 0.0, 30.0)))
    assert list(score(panel).stale) == [False, True]


@pytest.mark.parametrize(
    ("negative", "options", "outcome"),
    [
        ([0.9, 0.9, 0.1], {}, 1.0),
        ([0.9, 0.1, 0.1], {}, 0.0),
        ([0.5, 0.5, 0.1, 0.1], {}, 1.0),
        ([0.9, 0.9], {}, np.nan),
        ([0.9, 0.9], {"min_next": 2}, 1.0),
        ([0.9, 0.1, 0.1], {"at_least": 0.3}, 1.0),
    ],
)
def test_what_counts_as_turned(negative: list[float], options: dict[str, float], outcome: float) -> None:
    rows = [(0, 10.0 + place, p, 50.0, 30.0) for place, p in enumerate(negative)]
    whole = make_panel(1, 365, incidents=make_incidents((0, 50.0, 0.9, 50.0, 30.0), (0, 0.1, 0.9, 50.0, 30.0), *rows))
    assert SCORER.began(whole.before(365 - 30), whole, terms(1, **options))[0] == pytest.approx(outcome, nan_ok=True)


def test_bad_talk_already_there_is_none_to_come() -> None:
    rows = [(0, age, 0.9, 50.0, 30.0) for age in (5.0, 10.0, 15.0, 35.0, 40.0, 45.0)]
    whole = make_panel(1, 365, incidents=make_incidents(*rows))
    assert np.isnan(SCORER.began(whole.before(365 - 29), whole, terms(1))[0])
    assert SCORER.began(whole.before(365 - 57), whole, terms(1))[0] == 1.0


history = st.tuples(st.integers(0, 3), st.floats(0, 500), st.floats(0, 1), st.floats(0, 100), st.floats(0, 700))
fresh = st.tuples(st.just(0), st.floats(0, 27.5), st.floats(0.5, 1), st.floats(0, 100), st.floats(0, 700))


@given(st.lists(history, max_size=30), fresh)
def test_one_more_negative_incident_never_lowers_it(rows: list[Row], more: Row) -> None:
    before = score(make_panel(4, 30, incidents=make_incidents(*rows))).value
    panel = make_panel(4, 30, incidents=make_incidents(more, *rows))
    after = score(panel).value
    assert np.isnan(before[0]) or after[0] >= before[0] - 1e-12
    np.testing.assert_allclose(after[1:], before[1:], atol=1e-12)
    np.testing.assert_allclose(score(shuffled(panel)).value, after, atol=1e-12)
