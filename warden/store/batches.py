"""Cutting long lists into pieces that one statement can bind."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

BINDABLE = 5_000  # SQLite binds at most 32,766 values in a statement, PostgreSQL 65,535


def in_batches(values: Sequence[T], size: int = BINDABLE) -> Iterator[Sequence[T]]:
    """Yield `values` in their order, at most `size` at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
