"""Fusion: exact shares, coverage, and unknown kept apart from well."""

import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from contracts import make_panel
from hypothesis import given
from hypothesis import strategies as st

from scorers.base import (
    HIGHEST,
    LOWEST,
    Evidence,
    Floats,
    Mask,
    Panel,
    Scorer,
    Scores,
    Terms,
    logit,
    spread,
)
from scorers.likelihood import DISABLED_MESSAGE, Signal, fuse, listen


def signal(name: str, *values: float, weight: float = 0.5, stale: bool = False, expected: bool = True) -> Signal:
    known = np.array(values, dtype=np.float64)
    blank = np.zeros_like(known)
    scores = Scores(known, blank, np.full(len(known), stale), {}, {}, ())
    return Signal(name, weight, scores, np.full(len(known), expected))


values = st.one_of(st.just(math.nan), st.floats(LOWEST, HIGHEST))


@given(st.lists(st.tuples(values, values, values), min_size=1, max_size=20))
def test_shares_sum_to_the_log_survival(rows: list[tuple[float, float, float]]) -> None:
    columns = list(zip(*rows, strict=True))
    fused = fuse([signal(name, *column) for name, column in zip("abc", columns, strict=True)])
    total = np.sum(list(fused.shares.values()), axis=0)
    for number, row in enumerate(rows):
        known = [p for p in row if not math.isnan(p)]
        if not known:
            assert math.isnan(fused.value[number])
            continue
        assert abs(total[number] + math.log1p(-fused.value[number])) <= 1e-9
        assert fused.value[number] == pytest.approx(1 - math.prod(1 - p for p in known))
        assert fused.value[number] >= max(known) - 1e-12


def test_no_data_is_never_a_score() -> None:
    fused = fuse([signal("a", math.nan), signal("b", math.nan)])
    assert math.isnan(fused.value[0])
    assert fused.coverage[0] == 0.0
    assert fused.shares["a"][0] == 0.0


def test_coverage_is_the_known_weight_and_stale_counts_half() -> None:
    fused = fuse(
        [signal("a", 0.2, weight=0.4), signal("b", 0.2, weight=0.4, stale=True), signal("c", math.nan, weight=0.2)]
    )
    assert fused.coverage[0] == pytest.approx(0.6)


def test_a_family_nobody_set_up_is_not_missing() -> None:
    assert fuse([signal("a", 0.2), signal("b", math.nan, expected=False)]).coverage[0] == 1.0


def test_a_portfolio_without_any_source_is_not_covered() -> None:
    assert fuse([signal("a", math.nan, expected=False)]).coverage[0] == 0.0


def test_nothing_to_fuse_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one signal"):
        fuse([])


@given(st.lists(st.tuples(values, values, values), min_size=1, max_size=20))
def test_the_range_contains_the_value_and_closes_when_nothing_is_missing(rows: list[tuple[float, ...]]) -> None:
    columns = list(zip(*rows, strict=True))
    fused = fuse([signal(name, *column) for name, column in zip("abc", columns, strict=True)])
    for number, row in enumerate(rows):
        low, value, high = fused.lowest[number], fused.value[number], fused.highest[number]
        assert 0 < low <= high < 1
        if any(math.isnan(p) for p in row):
            assert high >= 0.5
            assert low < high
        else:
            assert low == value == pytest.approx(high, abs=1e-12)
        assert math.isnan(value) or low <= value <= high


def test_a_missing_signal_could_be_as_bad_as_the_worst_that_is_usual_here() -> None:
    known = [0.1, 0.2, 0.9, 0.8, math.nan]
    fused = fuse([signal("a", *known), signal("b", *[0.3] * 5)])
    worst = np.quantile(known[:-1], 0.95)
    assert fused.highest[4] == pytest.approx(1 - 0.7 * (1 - worst))
    assert fused.lowest[4] == pytest.approx(0.3)


def test_where_all_are_well_a_missing_signal_could_still_be_even() -> None:
    assert fuse([signal("a", 0.01, 0.02, math.nan)]).highest[2] == pytest.approx(0.5)


def test_nothing_expected_has_no_range() -> None:
    fused = fuse([signal("a", math.nan, expected=False)])
    assert math.isnan(fused.lowest[0])
    assert math.isnan(fused.highest[0])


class Stub(Scorer):
    """Half for everybody who ever wrote."""

    name: ClassVar[str] = "stub"
    family: ClassVar[str] = "communication"
    version: ClassVar[str] = "1"
    min_points: ClassVar[int] = 1
    weight: ClassVar[float] = 1.0

    def score(self, panel: Panel, terms: Terms) -> Scores:
        wrote = panel.daily["received"].sum(axis=1)
        value = np.where(wrote > 0, 0.5, np.nan)
        return Scores(
            value=value,
            sample=wrote.astype(np.float64),
            stale=np.zeros(panel.partners, dtype=np.bool_),
            contributions={"view": logit(value)},
            measured={"wrote": wrote.astype(np.float64)},
            evidence=[Evidence("wrote %(times)s times", {"times": wrote.astype(np.float64)})],
            unknown=("never wrote",),
            unknown_reason=np.where(wrote > 0, -1, 0).astype(np.intp),
        )

    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        return np.full(past.partners, np.nan)


class OptionalStub(Stub):
    optional: ClassVar[bool] = True


class Louder:
    """A learned model that adds one to the log-odds."""

    def speak(self, scores: Scores) -> Scores:
        parts = {**scores.contributions, "learned": np.where(np.isnan(scores.value), np.nan, 1.0)}
        return replace(scores, value=1 / (1 + np.exp(-np.sum(list(parts.values()), axis=0))), contributions=parts)


def wrote(*times: int) -> Panel:
    received = np.zeros((len(times), 30))
    received[:, 0] = times
    return make_panel(len(times), 30, daily={"received": received})


def heard(panel: Panel, scorer: Scorer | None = None, enabled: Mask | None = None) -> Signal:
    return listen(scorer or Stub(), panel, spread([Stub.Options()], np.zeros(panel.partners, dtype=np.intp)), enabled)


def test_a_family_without_a_source_is_not_expected() -> None:
    assert heard(make_panel(2, 40, blind={"communication": [0.0, np.nan]})).expected.all()
    assert not heard(make_panel(2, 40, blind={"communication": np.nan})).expected.any()


def test_an_optional_signal_is_missing_only_where_others_have_it() -> None:
    assert list(heard(wrote(0, 3), OptionalStub()).missing) == [True, False]
    assert not heard(wrote(0, 0), OptionalStub()).missing.any()
    assert heard(wrote(0, 0)).missing.all()


def test_an_outcome_that_is_switched_off_is_silent_and_not_missing() -> None:
    signal = heard(wrote(2, 3, 0), enabled=np.array([False, True, False]))
    assert np.isnan(signal.scores.value).tolist() == [True, False, True]
    assert signal.expected.tolist() == [False, True, False]
    assert [signal.scores.unknown[index] for index in signal.scores.unknown_reason[[0, 2]]] == [DISABLED_MESSAGE] * 2
    assert np.isnan(signal.scores.contributions["view"]).tolist() == [True, False, True]
    assert np.isnan(signal.scores.evidence[0].params["times"]).tolist() == [True, False, True]
    assert signal.scores.measured["wrote"].tolist() == [2.0, 3.0, 0.0]


def test_a_learned_model_speaks_in_the_place_of_the_scorer() -> None:
    panel = wrote(1, 0)
    scores = listen(Stub(), panel, {}, speaker=Louder()).scores
    assert scores.value[0] == pytest.approx(1 / (1 + math.exp(-1)))
    assert sum(part[0] for part in scores.contributions.values()) == pytest.approx(logit(scores.value)[0], abs=1e-9)
    assert np.isnan(scores.value[1])
