"""How much of what could be read of a partner can no longer be read."""

from collections.abc import Mapping, Sequence
from typing import Any


def unread(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> float:
    """Return the part 0..1, by weight, of the signals that spoke `before` and are missed `now`.

    Signals have the shape store.assessments documents. One that is no longer expected, or has nothing left to forecast,
    is not missed.
    """
    spoke = {one["name"]: float(one["weight"]) for one in before if one["likelihood"] is not None}
    missed = {
        one["name"]
        for one in now
        if one["likelihood"] is None and one.get("expected", True) and not one.get("over", False)
    }
    whole = sum(spoke.values())
    return sum(weight for name, weight in spoke.items() if name in missed) / whole if whole else 0.0
