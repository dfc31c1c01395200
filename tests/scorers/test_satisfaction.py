"""Satisfaction: the bar, the scale, and what a lower survey does."""

from dataclasses import replace

import numpy as np
import pytest
from contracts import ScorerContract, make_events, make_panel, shuffled
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scorers.base import Panel, Scorer, Scores, Terms, spread
from scorers.satisfaction import Satisfaction

SCORER = Satisfaction()
Row = tuple[int, float, float]


def terms(partners: int, **options: float | None) -> Terms:
    return spread([Satisfaction.Options.model_validate(options)], np.zeros(partners, dtype=np.intp))


def panel_of(*rows: Row, partners: int = 1) -> Panel:
    return make_panel(partners, 731, measures={"satisfaction": make_events(*rows)})


def score(panel: Panel, **options: float | None) -> Scores:
    return SCORER.score(panel, terms(panel.partners, **options))


def quarterly(*results: float, partner: int = 0, newest: float = 10.5) -> list[Row]:
    """Return one survey a quarter, the newest first."""
    return [(partner, newest + 91 * place, result) for place, result in enumerate(results)]


class TestContract(ScorerContract):
    scorer: Scorer = SCORER

    def steady(self) -> Panel:
        rng = np.random.default_rng(11)
        rows = [row for p in range(8) for row in quarterly(*rng.normal(4.2, 0.15, 7), partner=p, newest=20.5 + p)]
        return panel_of(*rows, partners=8)

    def broken(self) -> Panel:
        panel = self.steady()
        surveys = panel.measures["satisfaction"]
        fallen = (surveys.partner == 0) & (surveys.age_days < 91)
        return replace(panel, measures={"satisfaction": replace(surveys, value=np.where(fallen, 1.5, surveys.value))})

    def thin(self) -> Panel:
        return make_panel(2, 900, measures={"satisfaction": make_events((1, 800.0, 1.0))})

    def began(self) -> tuple[Panel, int]:
        return self.broken(), 731 - 92


def test_a_scale_of_any_kind_gives_the_same_likelihood() -> None:
    results = [4.0, 4.4, 3.9, 4.1, 4.6]
    five = score(panel_of(*quarterly(*results)))
    hundred = score(panel_of(*quarterly(*[(result - 1) * 25 for result in results])), worst=0, best=100, below=50)
    promoters = score(panel_of(*quarterly(*[(result - 3) * 50 for result in results])), worst=-100, best=100, below=0)
    assert hundred.value[0] == pytest.approx(five.value[0])
    assert promoters.value[0] == pytest.approx(five.value[0])
    assert promoters.measured["satisfaction"][0] == pytest.approx((five.measured["satisfaction"][0] - 3) * 50)


def test_results_off_the_scale_are_unknown_with_the_scale() -> None:
    scores = score(panel_of((0, 10.0, 80.0), (0, 100.0, 75.0)))
    assert np.isnan(scores.value[0])
    message = scores.unknown[scores.unknown_reason[0]]
    assert message == "survey results outside the scale from %(worst)s to %(best)s: %(off_scale)s"
    assert scores.unknown_params["off_scale"][0] == 2.0


def test_somebody_elses_results_off_the_scale_move_nobody() -> None:
    rows = quarterly(4.0, 4.2, 3.8)
    alone = score(panel_of(*rows, partners=2)).value[0]
    beside = score(panel_of(*rows, (1, 10.0, 80.0), (1, 200.0, 90.0), partners=2)).value[0]
    assert beside == alone


def test_a_good_partner_may_fall_far_and_still_be_above_what_is_agreed() -> None:
    panel = panel_of(*quarterly(3.6, 4.8, 4.9, 4.8, 4.9))
    assert score(panel, fall=0.2).value[0] > score(panel, fall=None).value[0] + 0.1


def test_the_newest_survey_is_told_as_entered() -> None:
    scores = score(panel_of((0, 10.2, 4.0), (0, 10.4, 3.0), (0, 120.0, 4.5)))
    line = scores.evidence[1]
    assert {name: values[0] for name, values in line.params.items()} == {"days": 10.0, "result": 3.5}
    assert 3.5 < scores.measured["satisfaction"][0] < 4.5
    assert scores.sample[0] == 3.0


def test_never_asked_is_unknown() -> None:
    scores = score(panel_of(partners=2))
    assert np.isnan(scores.value).all()
    assert scores.unknown[scores.unknown_reason[0]] == "no satisfaction survey in the last %(days)s days"
    assert np.isnan(score(make_panel(1, 30)).value[0])


def test_an_old_survey_is_stale() -> None:
    assert score(panel_of((0, 280.0, 4.0))).stale[0]
    assert not score(panel_of((0, 200.0, 4.0))).stale[0]


@pytest.mark.parametrize(
    ("given_results", "options", "outcome"),
    [
        ([2.9], {}, 1.0),
        ([3.1], {}, 1.0),  # .2 of the scale, .8, below its own 4.0
        ([3.3], {}, 0.0),
        ([3.1], {"fall": None}, 0.0),
        ([3.0], {"fall": None}, 0.0),
        ([4.0, 2.0], {}, 1.0),
        ([4.0, 3.0], {}, 0.0),
        ([2.0], {"min_next": 2}, np.nan),
    ],
)
def test_what_counts_as_fallen(given_results: list[float], options: dict[str, float | None], outcome: float) -> None:
    rows = [(0, 30.0 + place, result) for place, result in enumerate(given_results)]
    whole = panel_of((0, 300.0, 4.0), (0, 400.0, 4.0), *rows)
    assert SCORER.began(whole.before(731 - 100), whole, terms(1, **options))[0] == pytest.approx(outcome, nan_ok=True)


def test_a_fall_already_there_is_none_to_come() -> None:
    whole = panel_of((0, 20.0, 2.0), (0, 120.0, 2.0), (0, 220.0, 4.0))
    assert np.isnan(SCORER.began(whole.before(731 - 100), whole, terms(1))[0])
    assert SCORER.began(whole.before(731 - 200), whole, terms(1))[0] == 1.0


@pytest.mark.parametrize("options", [{"below": 5}, {"below": 0.5}, {"worst": 5, "best": 1}, {"fall": 0}, {"best": 1e9}])
def test_a_bar_off_the_scale_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Satisfaction.Options.model_validate(options)


histories = st.lists(st.tuples(st.integers(0, 3), st.floats(0, 700), st.floats(1, 5)), max_size=30)


@given(histories, st.floats(0, 90), st.floats(1, 5), st.floats(1, 5))
def test_a_lower_survey_never_lowers_it(rows: list[Row], age: float, one: float, other: float) -> None:
    high, low = max(one, other), min(one, other)
    before = score(panel_of((0, age, high), *rows, partners=4)).value
    panel = panel_of((0, age, low), *rows, partners=4)
    after = score(panel).value
    assert after[0] >= before[0] - 1e-12
    np.testing.assert_allclose(after[1:], before[1:], atol=1e-12)
    np.testing.assert_allclose(score(shuffled(panel)).value, after, atol=1e-12)
