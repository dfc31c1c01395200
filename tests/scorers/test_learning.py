"""Learning from the past: when which form speaks and why, that the trial is honest, and that what is said adds up."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import minimize
from worlds import past_rows, rows_of, with_cases

from scorers.base import HIGHEST, LOWEST, Scores, limited, logit, sigmoid
from scorers.judging import Judge
from scorers.learning import (
    BEATEN_MESSAGE,
    FEW_MESSAGE,
    FOLDS,
    LEAST_SLOPE,
    PENALTY,
    RECALIBRATED_MESSAGE,
    SHORT_MESSAGE,
    SUPERVISED_MESSAGE,
    UNTRIED_MESSAGE,
    WORSE_MESSAGE,
    Lesson,
    Model,
    Speaker,
    evidence,
    fit,
    folds,
    known_figures,
    learn,
    log_loss,
    predict,
    split,
    tried,
)
from scorers.walk import Rows

FOLD = folds(bytes([number]) for number in range(60))


def said(lesson: Lesson) -> tuple[str, str]:
    """The form that speaks, and its reason in words."""
    why = lesson.report["why"]
    sentence = why["message"] % why["params"]
    assert "nan" not in sentence
    return lesson.form, why["message"]


@pytest.fixture(scope="module")
def telling() -> Rows:
    """Two years in which the mood told what the default does not see."""
    return past_rows(11, hidden=1.5)


# --- which form speaks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cases", "form", "message"),
    [
        (0, "default", FEW_MESSAGE),
        (49, "default", FEW_MESSAGE),
        (50, "recalibrated", RECALIBRATED_MESSAGE),
        (99, "recalibrated", RECALIBRATED_MESSAGE),
        (100, "supervised", SUPERVISED_MESSAGE),
    ],
)
def test_each_form_speaks_from_its_number_of_cases_on(telling: Rows, cases: int, form: str, message: str) -> None:
    lesson = learn(with_cases(telling, cases), FOLD)
    assert said(lesson) == (form, message)
    assert lesson.report["positives"] == cases
    assert bool(lesson.arrays) == (form != "default")


def test_a_model_that_speaks_tells_by_how_much_it_beat_both_others(telling: Rows) -> None:
    report = learn(with_cases(telling, 100), FOLD).report
    trial, told = report["trial"], report["why"]["params"]
    assert told["better_share"] == 1 - trial["supervised"] / trial["default"]
    assert told["recalibrated_share"] == 1 - trial["supervised"] / trial["recalibrated"]
    assert min(told["better_share"], told["recalibrated_share"]) > 0


def test_overlapping_weeks_of_one_deterioration_are_one_case() -> None:
    partner, week = np.repeat(np.arange(49), 104), np.tile(np.arange(4, 108), 49)
    began = (week >= 30 + partner % 50) & (week < 34 + partner % 50)
    rows = rows_of(partner, week, np.full(partner.size, 0.05), began)
    assert rows.began.sum() == 4 * 49
    assert said(learn(rows, FOLD)) == ("default", FEW_MESSAGE)
    assert learn(rows, FOLD).report["positives"] == 49


def test_rows_in_which_nothing_was_said_teach_nothing(telling: Rows) -> None:
    silent = with_cases(telling, 60)
    mute = np.where(silent.began & (np.cumsum(silent.began) > 40), np.nan, silent.value)
    assert learn(replace(silent, value=mute), FOLD).report["positives"] == 40


@pytest.mark.parametrize(("weeks", "form"), [(79, "supervised"), (78, "recalibrated")])
def test_weighing_anew_needs_four_quarters_to_train_on(weeks: int, form: str) -> None:
    # 79 weeks less the trial's 26 are 53, just over four quarters.
    lesson = learn(past_rows(12, weeks=weeks, hidden=1.5), FOLD)
    assert lesson.form == form
    if form == "recalibrated":
        assert said(lesson)[1] == SHORT_MESSAGE
        assert lesson.report["quarters"] < 4


def test_without_cases_in_the_last_half_year_there_is_no_trial(telling: Rows) -> None:
    _training, tested = split(telling)
    quiet = replace(telling, began=telling.began & ~tested)
    assert said(learn(quiet, FOLD)) == ("recalibrated", UNTRIED_MESSAGE)


def test_a_model_that_is_no_better_on_unseen_partners_does_not_speak() -> None:
    misled = past_rows(13)
    _training, tested = split(misled)
    rng = np.random.default_rng(13)
    follows = np.where(tested, rng.normal(size=len(misled)), misled.began + 0.3 * rng.normal(size=len(misled)))
    lesson = learn(replace(misled, figures={"figure mood": follows.astype(np.float32)}), FOLD)
    assert said(lesson) == ("recalibrated", BEATEN_MESSAGE)
    trial = lesson.report["trial"]
    assert trial["supervised"] > trial["recalibrated"]
    assert lesson.report["why"]["params"]["worse_share"] > 0


def test_a_recalibration_that_was_clearly_worse_on_unseen_partners_does_not_speak() -> None:
    rows = past_rows(19)
    _training, tested = split(rows)
    calm = replace(rows, began=rows.began & (tested | (np.arange(len(rows)) % 4 == 0)))
    assert said(learn(calm, FOLD)) == ("default", WORSE_MESSAGE)
    assert said(learn(rows, FOLD))[0] != "default"


def test_the_trial_says_how_much_better_the_model_was(telling: Rows) -> None:
    lesson = learn(telling, FOLD)
    trial = lesson.report["trial"]
    assert trial["supervised"] < min(trial["recalibrated"], trial["default"])
    better = lesson.report["why"]["params"]["better_share"]
    assert better == pytest.approx(1 - trial["supervised"] / trial["default"])


def test_learning_twice_gives_the_same_to_the_digit(telling: Rows) -> None:
    one, two = learn(telling, FOLD), learn(telling, FOLD)
    assert one == two
    assert json.loads(json.dumps(one.arrays)) == one.arrays


# --- an honest trial --------------------------------------------------------------------------------------------------


def test_nothing_of_the_partners_it_judges_trains_a_model(telling: Rows) -> None:
    training, tested = split(telling)
    other = replace(telling, began=np.where(FOLD[telling.partner] == 2, ~telling.began, telling.began))
    before, after = (tried(rows, FOLD, training, tested) for rows in (telling, other))
    own = FOLD[telling.partner[tested]] == 2
    for form in ("recalibrated", "supervised"):
        np.testing.assert_array_equal(before[form][own], after[form][own])
        assert (before[form][~own] != after[form][~own]).all()


def test_nothing_of_the_trial_or_ripening_during_it_trains_a_model() -> None:
    rows = replace(past_rows(14, hidden=1.5), horizon=np.full(60 * 104, 28.0))
    training, tested = split(rows)
    begins = rows.column[tested].min()
    assert np.unique(rows.column[tested]).size == 26
    assert (rows.column[training] + 28 <= begins).all()
    other = replace(rows, began=np.where(rows.column + 28 > begins, ~rows.began, rows.began))
    before, after = (tried(one, FOLD, training, tested) for one in (rows, other))
    for form in before:
        np.testing.assert_array_equal(before[form], after[form])


def test_partners_are_parted_the_same_way_each_time_whoever_else_there_is() -> None:
    keys = [number.to_bytes(16) for number in range(1000)]
    assert folds(keys).tolist() == folds(reversed(keys)).tolist()[::-1]
    assert np.bincount(folds(keys), minlength=FOLDS).min() > 150


# --- what is fitted ---------------------------------------------------------------------------------------------------


def test_recalibration_mends_a_biased_likelihood() -> None:
    rows = past_rows(15, partners=200, bias=(-2.0, 0.6))
    lesson = learn(rows, folds(bytes([number]) for number in range(200)))
    model = fit(rows)
    assert (model.intercept, model.slope) == (pytest.approx(-2.0, abs=0.2), pytest.approx(0.6, abs=0.1))
    fresh = past_rows(16, partners=200, bias=(-2.0, 0.6))
    judged = Judge(fresh)
    mended = sigmoid(predict(model, fresh))
    assert judged.calibration(fresh.value).error > 0.03
    assert judged.calibration(mended).error < 0.005
    assert judged.calibration(mended).skill > 0 > judged.calibration(fresh.value).skill
    assert lesson.form != "default"


def test_a_model_finds_what_the_default_does_not_see_and_leaves_the_noise(telling: Rows) -> None:
    model = fit(telling, known_figures(telling))
    weight = dict(zip(model.names, model.weights, strict=True))
    assert weight["figure mood"] == pytest.approx(1.5, abs=0.25)
    assert abs(weight["figure noise"]) < 0.15
    fresh = past_rows(17, hidden=1.5)
    ones = np.ones(len(fresh))
    assert log_loss(predict(model, fresh), fresh.began, ones) < log_loss(logit(fresh.value), fresh.began, ones) * 0.95


def test_the_fit_minimises_what_is_written(telling: Rows) -> None:
    rows = replace(telling.where(telling.column < 300), horizon=np.full((telling.column < 300).sum(), 21.0))
    model = fit(rows, known_figures(rows))
    figures = [
        (rows.figures[name] - mean) / scale
        for name, mean, scale in zip(model.names, model.mean, model.scale, strict=True)
    ]
    inputs = np.stack([np.ones(len(rows)), logit(rows.value), *(np.clip(z, -4, 4) for z in figures)], axis=1)

    def loss(at: np.ndarray) -> float:
        log_odds = inputs @ at
        missed = np.logaddexp(0, np.where(rows.began, -log_odds, log_odds)).sum() * 7 / 21
        return float(missed + 0.005 * at[0] ** 2 + PENALTY / 2 * ((at[1] - 1) ** 2 + (at[2:] ** 2).sum()))

    best = minimize(loss, np.array([0.0, 1.0, 0.0, 0.0]), method="BFGS", options={"gtol": 1e-8}).x
    np.testing.assert_allclose([model.intercept, model.slope, *model.weights], best, atol=1e-5)


@pytest.mark.parametrize("names", [(), ("figure mood", "figure noise")])
def test_a_likelihood_that_ranks_backwards_is_flattened_and_not_turned_round(names: tuple[str, ...]) -> None:
    model = fit(past_rows(18, partners=200, bias=(-4.0, -1.0)), names)
    assert model.slope == LEAST_SLOPE
    assert all(abs(weight) < 0.2 for weight in model.weights)


def test_where_nothing_is_to_be_learned_the_model_is_the_default() -> None:
    assert fit(rows_of([], [], [], [])) == Model(0.0, 1.0)
    one = fit(rows_of([0], [4], [0.5], [1], horizon=365))
    assert one.slope == pytest.approx(1.0)


@pytest.mark.parametrize("began", [0, 1])
def test_even_if_all_or_nothing_began_the_fit_is_finite(began: int) -> None:
    model = fit(rows_of(range(50), [4] * 50, [0.3] * 50, [began] * 50))
    assert np.isfinite([model.intercept, model.slope]).all()


def test_figures_that_are_not_known_of_all_or_never_differ_are_not_weighed(telling: Rows) -> None:
    gap = telling.figures["figure mood"].copy()
    gap[7] = np.nan
    rows = replace(
        telling, figures={"gap": gap, "flat": np.full_like(gap, 3), "figure mood": telling.figures["figure mood"]}
    )
    assert known_figures(rows) == ("figure mood", "flat")
    assert fit(rows, known_figures(rows)).names == ("figure mood",)


# --- what is said -----------------------------------------------------------------------------------------------------


def scores_of(total: np.ndarray, mood: np.ndarray) -> Scores:
    """Scores of two views, kept within the limits as scorers do."""
    value, parts = limited({"first": 0.25 * total, "second": 0.75 * total})
    nobody = np.zeros(len(total))
    return Scores(value, nobody + 3, nobody > 0, parts, {"mood": mood}, ())


MODEL = Model(-0.4, 0.7, ("figure mood", "part first", "sample"), (0.5, -1.0, 1.0), (2.0, 0.5, 0.1), (0.9, -0.3, 0.2))
numbers = st.floats(-40, 40) | st.just(np.nan)


@given(
    total=arrays.arrays(np.float64, 5, elements=numbers),
    mood=arrays.arrays(np.float64, 5, elements=st.floats(-1e6, 1e6) | st.just(np.nan)),
)
def test_contributions_sum_to_what_the_model_says(total: np.ndarray, mood: np.ndarray) -> None:
    before = scores_of(total, mood)
    after = Speaker(3, "supervised", {}, MODEL).speak(before)
    np.testing.assert_array_equal(np.isnan(after.value), np.isnan(before.value))
    known = ~np.isnan(after.value)
    assert ((after.value[known] >= LOWEST) & (after.value[known] <= HIGHEST)).all()
    summed = np.sum(list(after.contributions.values()), axis=0)
    assert np.abs(summed - logit(after.value))[known].max(initial=0) <= 1e-9
    assert all(np.isnan(part[~known]).all() for part in after.contributions.values())
    assert set(after.contributions) == {"first", "second", "own_past", "limit"}
    assert after.measured is before.measured
    assert (after.unknown, after.sample.tolist()) == (before.unknown, before.sample.tolist())


def test_the_views_weigh_as_the_slope_says_and_the_rest_is_our_own_past() -> None:
    before = scores_of(np.array([-2.0]), np.array([0.0]))
    after = Speaker(1, "recalibrated", {}, Model(-0.5, 0.8)).speak(before)
    assert {name: part[0] for name, part in after.contributions.items()} == pytest.approx(
        {"first": -0.4, "second": -1.2, "own_past": -0.5, "limit": 0.0}
    )


def test_the_default_speaks_as_it_is() -> None:
    before = scores_of(np.array([-2.0, np.nan]), np.zeros(2))
    assert Speaker().speak(before) is before


def test_a_figure_that_is_not_known_counts_as_average() -> None:
    model = Model(0.0, 1.0, ("figure mood",), (0.7,), (1.0,), (2.0,))
    average = np.expm1(0.7)
    after = Speaker(1, "supervised", {}, model).speak(scores_of(np.zeros(3), np.array([np.nan, average, 50.0])))
    assert after.value[0] == after.value[1] == pytest.approx(0.5)
    assert after.value[2] > 0.99 - 1e-9


def test_a_model_that_was_stored_speaks_to_the_digit_as_the_one_that_was_fitted(telling: Rows) -> None:
    lesson = learn(telling, FOLD)
    stored = Model.read(json.loads(json.dumps(lesson.arrays)))
    assert stored == fit(telling, known_figures(telling))


def test_what_is_learned_from_is_what_is_spoken_with() -> None:
    names = set(evidence(scores_of(np.zeros(1), np.zeros(1))))
    assert names == {"part first", "part second", "sample", "figure mood"}
