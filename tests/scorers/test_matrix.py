"""The matrix: the shipped one is sound, faults are named with their place, cells are found at the edges."""

import copy
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.matrix import contrast, parse, validate

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
