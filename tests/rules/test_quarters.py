"""Rows of quarters: falls in a row, and quarters in a row that missed too many."""

import pytest

from warden.rules.quarters import falls, in_a_row


@pytest.mark.parametrize(
    ("means", "times", "fall"),
    [
        ((3.0, 4.0), 1, 1.0),
        ((3.0, 3.5, 4.5), 2, 1.5),
        ((3.0, 3.5, 3.2), 1, 0.5),
        ((4.0, 3.0), 0, 0.0),
        ((4.0, 4.0, 5.0), 0, 0.0),
        ((4.0, 4.0 + 1e-12), 0, 0.0),  # the same mean, summed in another order
    ],
)
def test_falls_are_counted_from_the_newest_quarter_back(means: tuple[float, ...], times: int, fall: float) -> None:
    found = falls(means)
    assert found is not None
    assert found[0] == times
    assert found[1] == pytest.approx(fall)


@pytest.mark.parametrize("means", [(), (3.0,)])
def test_one_quarter_alone_says_nothing_of_a_fall(means: tuple[float, ...]) -> None:
    assert falls(means) is None


@pytest.mark.parametrize(
    ("shares", "count"),
    [((0.5, 1.0, 0.2, 1.0), 2), ((0.2, 1.0), 0), ((1.0,), 1), ((1 / 3, 0.5), 0), ((0.1 + 0.2 + 0.2, 0.6), 2)],
)
def test_quarters_in_a_row_missed_at_least_the_share(shares: tuple[float, ...], count: int) -> None:
    assert in_a_row(shares, 0.5) == count


def test_without_a_quarter_nothing_is_known() -> None:
    assert in_a_row((), 0.5) is None
