"""What a row of quarters amounts to: how often in a row a mean fell, and how often in a row too many were missed."""

from collections.abc import Sequence
from itertools import pairwise, takewhile

_EQUAL = 1e-9
"""Means that differ by less are equal: they are sums of the same few figures."""


def falls(means: Sequence[float]) -> tuple[int, float] | None:
    """Return how many quarters in a row, up to the newest, the mean fell, and by how much altogether.

    `means`: of each quarter there is one of, the newest first. None while there are fewer than two.
    """
    if len(means) < 2:
        return None
    times = sum(1 for _ in takewhile(lambda pair: pair[0] < pair[1] - _EQUAL, pairwise(means)))
    return times, means[times] - means[0]


def in_a_row(shares: Sequence[float], at_least: float) -> int | None:
    """Return how many quarters in a row, up to the newest, had a share of at least this; None without any quarter."""
    if not shares:
        return None
    return sum(1 for _ in takewhile(lambda share: share >= at_least - _EQUAL, shares))
