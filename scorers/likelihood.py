"""Signals made one: the likelihood that a partnership deteriorates, how much of it was seen, and what is still open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from scorers.base import LOWEST, Floats, Index, Mask, Panel, Scorer, Scores, Terms

STALE_WORTH = 0.5
"""A stale signal covers half of what a fresh one does."""

WORST_QUANTILE = 0.95
"""A missing signal could be as bad as this quantile of the portfolio's known ones …"""

LEAST_WORST = 0.5
"""… and at least this: that few partners are in trouble now says little about one nobody has heard of."""

DISABLED_MESSAGE = "this outcome is switched off for this partner"


class Speaker(Protocol):
    """A model learned from our own past, which speaks in a scorer's place."""

    def speak(self, scores: Scores) -> Scores:
        """Return the scores as the model sees them: contributions still sum to logit(value), unknown stays unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Signal:
    """One scorer's word on all partners, ready to be fused.

    expected: `(n,)` whether this outcome is asked about for a partner and anybody has a source of its family. A signal
        nobody set up, or one switched off, is not missing.
    """

    name: str
    weight: float  # in coverage, > 0
    scores: Scores
    expected: Mask

    @property
    def known(self) -> Mask:
        """Where `(n,)` it says something."""
        return ~np.isnan(self.scores.value)

    @property
    def missing(self) -> Mask:
        """Where `(n,)` it should say something and cannot."""
        return self.expected & ~self.known


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The fused signals.

    value: `(n,)` probability, NaN where no signal is known.
    shares: by signal, `(n,)`: -ln(1 - its likelihood), 0 where unknown; they sum to -ln(1 - value).
    coverage: `(n,)` 0..1, the part of the expected signals, by weight, that was known; a stale one counts half.
    lowest, highest: `(n,)` what the likelihood could be once the missing signals were known: none of them bad, or each
        at its worst that is usual here. Both are the value where nothing is missing, NaN where nothing is expected.
    """

    value: Floats
    shares: dict[str, Floats]
    coverage: Floats
    lowest: Floats
    highest: Floats


def listen(
    scorer: Scorer, panel: Panel, terms: Terms, enabled: Mask | None = None, speaker: Speaker | None = None
) -> Signal:
    """Let one scorer score the panel, and a learned model, if there is one, speak in its place.

    enabled: `(n,)` for whom this outcome is asked about, default all; of others nothing is said.
    """
    scores = scorer.score(panel, terms)
    sourced = np.isfinite(panel.blind_days[scorer.family]).any()
    told = not scorer.optional or (scores.sample > 0).any()
    if speaker is not None:
        scores = speaker.speak(scores)
    if enabled is None:
        enabled = np.ones(panel.partners, dtype=np.bool_)
    return Signal(scorer.name, scorer.weight, _silenced(scores, ~enabled), enabled & bool(sourced and told))


def _silenced(scores: Scores, off: Mask) -> Scores:
    """Return the scores with nothing said of some partners `(n,)`; measured figures stay, they are facts."""
    if not off.any():
        return scores

    def blank(values: Mapping[str, Floats]) -> dict[str, Floats]:
        return {name: np.where(off, np.nan, parts) for name, parts in values.items()}

    reason: Index = np.where(off, len(scores.unknown), scores.unknown_reason)
    return replace(
        scores,
        value=np.where(off, np.nan, scores.value),
        stale=scores.stale & ~off,
        contributions=blank(scores.contributions),
        evidence=[replace(line, params=blank(line.params)) for line in scores.evidence],
        unknown=(*scores.unknown, DISABLED_MESSAGE),
        unknown_reason=reason,
        over=scores.over & ~off if scores.over.size else scores.over,
    )


def fuse(signals: Sequence[Signal]) -> Likelihood:
    """Fuse signals about different outcomes by noisy-OR (Pearl 1988): 1 - P = Π(1 - P_j) over those that are known.

    Their shares -ln(1 - P_j) add up exactly. Raises ValueError without any signal. Not for several views of one
    outcome: noisy-OR would count them twice. Outcomes of one family are apt to come together, and then P is somewhat
    too high: it is exact for independent outcomes and an upper bound for those that come together (their union is
    smaller than if they were independent).
    """
    if not signals:
        raise ValueError("nothing to fuse: at least one signal is needed")
    shares = {one.name: np.where(one.known, -np.log1p(-one.scores.value), 0.0) for one in signals}
    total = np.sum(list(shares.values()), axis=0)
    known = np.any([one.known for one in signals], axis=0)
    asked = known | np.any([one.expected for one in signals], axis=0)
    open_share = np.sum([one.missing * -np.log1p(-_usual_worst(one)) for one in signals], axis=0)
    value = np.where(known, -np.expm1(-total), np.nan)
    return Likelihood(
        value=value,
        shares=shares,
        coverage=_coverage(signals, len(total)),
        lowest=np.where(known, value, np.where(asked, LOWEST, np.nan)),
        highest=np.where(asked, -np.expm1(-(total + open_share)), np.nan),
    )


def _usual_worst(signal: Signal) -> float:
    """How bad a signal may be of a partner it does not know: the worst itself (.99) would tell nothing of anybody."""
    known = signal.scores.value[signal.known]
    return max(LEAST_WORST, float(np.quantile(known, WORST_QUANTILE))) if known.size else LEAST_WORST


def _coverage(signals: Sequence[Signal], partners: int) -> Floats:
    expected = np.sum([one.weight * one.expected for one in signals], axis=0)
    worth = [one.weight * one.expected * one.known * np.where(one.scores.stale, STALE_WORTH, 1.0) for one in signals]
    coverage: Floats = np.divide(np.sum(worth, axis=0), expected, out=np.zeros(partners), where=expected > 0)
    return coverage
