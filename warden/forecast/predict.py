"""Answers the keys: cutoff by cutoff in time, each outcome's scorer over the panel of that moment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scorers.base import Panel, Scores, logit, spread
from warden.forecast.inputs import Asked, Key
from warden.forecast.panels import Portfolio

ASSUMED, ASSUMED_PARTNERS = 0.1, 1.0
"""Before anything is known of a portfolio: one in ten, believed like one partner."""

PORTFOLIO = "portfolio"
"""The one contribution to the likelihood of a partner of whom too little is known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to one key.

    likelihood: within 0..1. Where `known` is False it is the portfolio's, not the partner's own, and `sample` is 0.
    contributions: by name, summing to logit(likelihood).
    """

    likelihood: float
    known: bool
    sample: float
    contributions: Mapping[str, float]


def answers(portfolio: Portfolio, keys: Sequence[Key], outcomes: Mapping[str, Asked]) -> list[Answer]:
    """Return the answer to each key, in the order of the keys."""
    place = {partner: row for row, partner in enumerate(portfolio.partners)}
    found: dict[int, Answer] = {}
    for at, together in by_cutoff(keys):
        panel = portfolio.panel(at)
        for outcome, numbers in together.items():
            said = _Said(panel, outcomes[outcome])
            for number in numbers:
                found[number] = said.of(place.get(keys[number].partner, panel.partners))
    return [found[number] for number in range(len(keys))]


def by_cutoff(keys: Sequence[Key]) -> Iterator[tuple[int, dict[str, list[int]]]]:
    """Yield each cutoff in time with the keys it has for each outcome."""
    together: dict[int, dict[str, list[int]]] = {}
    for number, key in enumerate(keys):
        together.setdefault(key.at, {}).setdefault(key.outcome, []).append(number)
    yield from sorted(together.items())


class _Said:
    """What one scorer says of one panel, and of a partner it cannot say anything of: the portfolio's likelihood.

    That is the mean of those it can say something of, the best guess of a calibrated forecast for one more of them.
    """

    def __init__(self, panel: Panel, asked: Asked) -> None:
        self._partners = panel.partners
        self._scores: Scores | None = None
        if panel.partners:
            terms = spread([asked.options], np.zeros(panel.partners, dtype=np.intp))
            self._scores = asked.scorer.score(panel, terms)
        known = self._scores.value[~np.isnan(self._scores.value)] if self._scores else np.zeros(0)
        share = (float(known.sum()) + ASSUMED * ASSUMED_PARTNERS) / (len(known) + ASSUMED_PARTNERS)
        self._unknown = Answer(share, False, 0.0, {PORTFOLIO: float(logit(np.array(share)))})

    def of(self, row: int) -> Answer:
        """Return what is said of the partner in a row, or of one beyond the panel."""
        scores = self._scores
        if scores is None or row >= self._partners or np.isnan(scores.value[row]):
            return self._unknown
        parts = {name: float(values[row]) for name, values in scores.contributions.items()}
        return Answer(float(scores.value[row]), True, float(scores.sample[row]), parts)
