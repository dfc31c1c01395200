"""The matrix: the shipped one is sound, faults are named with their place, cells are found at the edges."""

import copy
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scorers.matrix import Thresholds, contrast, parse, validate

SHIPPED = json.loads((Path(__file__).parents[2] / "warden" / "shipped" / "matrix.json").read_text("utf-8"))


def changed(path: tuple[str | int, ...], value: Any) -> Any:
    data = copy.deepcopy(SHIPPED)
    at = data
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return data


def test_the_shipped_matrix_has_no_fault() -> None:
    assert validate(SHIPPED) == []


def test_worse_is_never_a_milder_band() -> None:
    grid = parse(SHIPPED)
    ranks = np.array([[grid.band(key).rank for key in row] for row in grid.grid])
    assert (np.diff(ranks, axis=0) >= 0).all()
    assert (np.diff(ranks, axis=1) >= 0).all()
    assert ranks[0, 0] == 0
    assert ranks[-1, -1] == len(grid.bands) - 1


def test_bands_darken_with_rank_so_that_they_differ_without_colour_vision() -> None:
    against_white = [contrast(band.colour, "#ffffff") for band in parse(SHIPPED).bands]
    assert all(dark / light > 1.15 for light, dark in pairwise(against_white))


@pytest.mark.parametrize(
    ("likelihood", "impact", "levels", "band"),
    [
        (0.0, 1.0, (1, 1), "low"),
        (0.1999, 5.0, (1, 5), "moderate"),
        (0.2, 5.0, (2, 5), "high"),
        (0.8, 4.2, (5, 5), "extreme"),
        (1.0, 1.0, (5, 1), "moderate"),
        (np.nan, 5.0, (0, 5), None),
        (0.5, np.nan, (3, 0), None),
    ],
)
def test_placing(likelihood: float, impact: float, levels: tuple[int, int], band: str | None) -> None:
    grid = parse(SHIPPED)
    placed = grid.place(np.array([likelihood]), np.array([impact]))
    assert (placed.likelihood_level[0], placed.impact_level[0]) == levels
    index = placed.band[0]
    assert (grid.bands[index].key if index >= 0 else None) == band


@pytest.mark.parametrize(
    ("path", "value", "where", "what"),
    [
        (("grid", 2, 4), "severe", "grid[2][4]", "no band has the key 'severe'"),
        (("grid", 2, 4), 7, "grid[2][4]", "valid string"),
        (("grid", 1), ["low"], "grid[1]", "found 1 cells, expected 5"),
        (("grid",), [["low"] * 5], "grid", "found 1 rows, expected 5"),
        (("levels", "likelihood", 0, "from"), 0.1, "levels.likelihood[0].from", "expected 0.0"),
        (("levels", "likelihood", 3, "from"), 0.3, "levels.likelihood[3].from", "more than 0.4"),
        (("levels", "impact", 4, "from"), 5.0, "levels.impact[4].from", "less than 5.0"),
        (("levels", "impact", 1, "from"), float("nan"), "levels.impact[1].from", "found nan"),
        (("levels", "impact", 1, "names"), {"en": "Minor"}, "levels.impact[1].names.vi", "missing"),
        (("bands", 1, "names", "vi"), "", "bands[1].names.vi", "at least 1 character"),
        (("bands", 1, "names", "vi"), " \u3000", "bands[1].names.vi", "can be read"),
        (("bands", 1, "names", "en"), "Lo\x00w", "bands[1].names.en", "can be read"),
        (("levels", "impact", 0, "names", "zh-Hant"), "\u200b", "levels.impact[0].names.zh-Hant", "can be read"),
        (("bands", 1, "key"), "low", "bands[1].key", "used twice"),
        (("bands", 1, "rank"), 5, "bands[1].rank", "expected 1"),
        (("bands", 3, "ink"), "#7a1031", "bands[3].ink", "contrast"),
        (("bands", 3, "colour"), "red", "bands[3].colour", "pattern"),
        (("bands", 0, "icon"), "x", "bands[0].icon", "not permitted"),
        (("levels",), None, "levels", "valid dictionary"),
    ],
)
def test_a_fault_is_named_with_its_place(path: tuple[str | int, ...], value: Any, where: str, what: str) -> None:
    faults = dict(validate(changed(path, value)))
    assert what in faults[where]
    with pytest.raises(ValueError, match="fault"):
        parse(changed(path, value))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["levels", "bands", "grid", "x"]), inner)
    ),
    max_leaves=10,
)


@given(json_values)
def test_anything_else_is_refused_without_a_crash(data: Any) -> None:
    assert validate(data)


def test_all_faults_are_told_at_once() -> None:
    data = changed(("grid", 0, 0), "a")
    data["grid"][4][4] = "b"
    data["bands"][2]["rank"] = 9
    assert [path for path, _ in validate(data)] == ["bands[2].rank", "grid[0][0]", "grid[4][4]"]


GRID = parse(SHIPPED)


def shifted(probability: float, log_odds: float) -> float:
    return 1 / (1 + math.exp(-(math.log(probability / (1 - probability)) + log_odds)))


def level(likelihood: float, before: int, **given_thresholds: Any) -> int:
    placed = GRID.place(
        np.array([likelihood]), np.array([3.0]), np.array([before]), [Thresholds.model_validate(given_thresholds)]
    )
    return int(placed.likelihood_level[0])


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_a_higher_level_is_entered_at_once(before: int) -> None:
    assert level(0.6, before) == 4


def test_a_level_is_left_only_below_its_margin() -> None:
    edge = shifted(0.6, -1.0)
    assert level(edge + 1e-9, 4) == 4
    assert level(edge - 1e-9, 4) == 3
    assert level(0.59, 4, exit_margin=0) == 3
    assert level(0.6, 4, exit_margin=0) == 4


def test_a_fall_ends_at_the_highest_level_whose_margin_holds() -> None:
    assert level(0.3, 5) == 3  # above shifted(.4, -1) = .197, below shifted(.6, -1) = .36
    assert level(0.001, 5) == 1


def test_a_level_the_matrix_no_longer_has_is_not_held() -> None:
    assert level(0.5, 9) == 4


def test_unknown_is_unknown_whatever_was_before_and_nothing_is_held_from_unknown() -> None:
    assert level(math.nan, 5) == 0
    assert level(0.59, 0) == 3


noise = st.lists(st.floats(-0.499, 0.499), min_size=2, max_size=40)


@given(st.floats(0.01, 0.99), noise)
def test_noise_smaller_than_half_the_margin_never_brings_a_level_back(centre: float, wobbles: list[float]) -> None:
    """Once a level was entered the noise does not leave it: the level rises, if at all, and never falls."""
    levels = [0]
    for wobble in wobbles:
        levels.append(level(shifted(centre, wobble), levels[-1]))
    assert levels == sorted(levels)


@given(st.lists(st.floats(0.001, 0.999), max_size=30), st.integers(0, 5))
def test_a_held_level_is_never_below_the_one_the_likelihood_enters(path: list[float], before: int) -> None:
    for likelihood in path:
        now = level(likelihood, before)
        assert now >= level(likelihood, 0)
        assert now <= max(before, level(likelihood, 0))
        before = now


def test_thresholds_may_differ_from_partner_to_partner() -> None:
    eager = Thresholds(likelihood=[0.0, 0.05, 0.1, 0.15, 0.2], impact=[1.0, 1.1, 1.2, 1.3, 1.4])
    placed = GRID.place(
        np.array([0.18, 0.18]), np.array([1.5, 1.5]), thresholds=[Thresholds(), eager], of=np.array([0, 1])
    )
    assert placed.likelihood_level.tolist() == [1, 4]
    assert placed.impact_level.tolist() == [1, 5]


def test_starts_for_another_number_of_levels_are_named_and_not_used() -> None:
    three = Thresholds(likelihood=[0.0, 0.3, 0.6])
    found = [(one.path, one.text) for one in GRID.misfits(three)]
    assert found == [("likelihood", "found 3 starts, expected 5, one per level of the matrix")]
    assert GRID.misfits(Thresholds()) == []
    assert GRID.place(np.array([0.25]), np.array([1.0]), thresholds=[three]).likelihood_level[0] == 2


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({"likelihood": [0.1, 0.5]}, "begins at 0"),
        ({"impact": [0.0, 2.0]}, "begins at 1"),
        ({"likelihood": [0.0, 0.5, 0.5]}, "above the one before"),
        ({"likelihood": [0.0, 1.0]}, "below 1"),
        ({"impact": [1.0, math.nan]}, "above the one before"),
        ({"likelihood": [0.0]}, "at least 2"),
        ({"exit_margin": -1}, "greater than or equal to 0"),
        ({"coverage_floor": 2}, "less than or equal to 1"),
        ({"exit": 1}, "not permitted"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(data: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        Thresholds.model_validate(data)


def test_a_band_is_left_where_the_margin_of_its_lowest_row_ends() -> None:
    grid = parse(SHIPPED)
    for impact in range(1, 6):
        for row in range(1, 6):
            below = grid.leaves_below(row, impact, Thresholds())
            bands = [cells[impact - 1] for cells in SHIPPED["grid"]]
            if below is None:
                assert len(set(bands[:row])) == 1
                continue
            above, under = (
                grid.place(np.array([value]), np.array([float(impact)]), np.array([row])).band[0]
                for value in (below * 1.001, below * 0.999)
            )
            assert grid.bands[above].key == bands[row - 1]
            assert grid.bands[under].key != bands[row - 1]
