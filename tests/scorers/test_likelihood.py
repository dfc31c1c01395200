"""Fusion: exact shares, coverage, and unknown kept apart from well."""

import math

import numpy as np
import pytest
from contracts import make_incidents, make_panel
from hypothesis import given
from hypothesis import strategies as st

from scorers.base import HIGHEST, LOWEST, Scores
from scorers.communication import Communication
from scorers.likelihood import Signal, fuse, listen
from scorers.sentiment import Sentiment


def signal(name: str, *values: float, weight: float = 0.5, stale: bool = False, expected: bool = True) -> Signal:
    known = np.array(values, dtype=np.float64)
    blank = np.zeros_like(known)
    return Signal(name, weight, Scores(known, blank, np.full(len(known), stale), {}, {}, ()), expected)


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


def test_listening_tells_whether_a_family_has_a_source_at_all() -> None:
    panel = make_panel(2, 40, blind={"communication": [0.0, np.nan], "sentiment": np.nan}, incidents=make_incidents())
    assert listen(Communication(), panel).expected
    assert not listen(Sentiment(), panel).expected
