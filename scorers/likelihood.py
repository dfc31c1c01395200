"""Signals made one: the likelihood that a partnership deteriorates within the horizon, and how much of it was seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scorers.base import Floats, Panel, Scorer, Scores

STALE_WORTH = 0.5
"""A stale signal covers half of what a fresh one does."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One scorer's word on all partners, ready to be fused.

    `expected`: whether any partner has a source of this family. A signal nobody set up is not missing.
    """

    name: str
    weight: float  # in coverage, > 0
    scores: Scores
    expected: bool


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The fused signals.

    value: `(n,)` probability, NaN where no signal is known.
    shares: by signal, `(n,)`: -ln(1 - its likelihood), 0 where unknown; they sum to -ln(1 - value).
    coverage: `(n,)` 0..1, the part of the expected signals, by weight, that was known; a stale one counts half.
    """

    value: Floats
    shares: dict[str, Floats]
    coverage: Floats


def listen(scorer: Scorer, panel: Panel) -> Signal:
    """Let one scorer score the panel."""
    sourced = panel.blind_days[scorer.family]
    return Signal(scorer.name, scorer.weight, scorer.score(panel), expected=bool(np.isfinite(sourced).any()))


def fuse(signals: Sequence[Signal]) -> Likelihood:
    """Fuse signals about different outcomes by noisy-OR: 1 - P = Π(1 - P_j) over those that are known.

    Their shares -ln(1 - P_j) add up exactly. Raises ValueError without any signal. Not for several views of one
    outcome: noisy-OR would count them twice.
    """
    if not signals:
        raise ValueError("nothing to fuse: at least one signal is needed")
    shares = {s.name: np.nan_to_num(-np.log1p(-s.scores.value), nan=0.0) for s in signals}
    known = np.stack([~np.isnan(s.scores.value) for s in signals])
    total = np.sum(list(shares.values()), axis=0)
    return Likelihood(
        value=np.where(known.any(axis=0), -np.expm1(-total), np.nan), shares=shares, coverage=_coverage(signals, known)
    )


def _coverage(signals: Sequence[Signal], known: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> Floats:
    expected = sum(s.weight for s in signals if s.expected)
    if expected <= 0:
        return np.zeros(known.shape[1])
    worth = np.stack([s.weight * s.expected * np.where(s.scores.stale, STALE_WORTH, 1.0) for s in signals])
    return np.asarray((worth * known).sum(axis=0) / expected, dtype=np.float64)
