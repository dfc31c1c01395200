"""What the scorers of shares have in common: they count what falls due, and ask whether too much of it goes wrong."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from scorers.base import Evidence, Floats, Known, Mask, Panel, Scorer, Scores, Terms, in_two
from scorers.rates import HABIT, Belief, Portfolio, Record, Seen, believe, chances, remember, turned_bad
from scorers.shrinkage import ripe


class RateScorer(Scorer):
    """A scorer of a share of what falls due: what is counted, when it is too much, and the words about it."""

    counted: ClassVar[tuple[str, str]]  # names in Panel.daily: what falls due, and what of it goes wrong
    stale_days: ClassVar[int]  # days without any due after which a score is stale
    dormant_days: ClassVar[int]  # and after which there is nothing to forecast
    what: ClassVar[str]  # falls due, as a placeholder of the next message is called
    too_few: ClassVar[str]  # English message with it and %(needed)s
    none_due: ClassVar[str]  # one with %(days_since_due)s

    @abstractmethod
    def bar(self, seen: Seen, record: Record, terms: Terms) -> Floats:
        """Return the share `(n,)` that is too large; above 1 it cannot be reached."""

    @abstractmethod
    def enough(self, seen: Seen, record: Record, terms: Terms) -> Mask:
        """Tell for whom `(n,)` enough fell due before to judge what came."""

    @abstractmethod
    def words(self, seen: Seen, belief: Belief, known: Known) -> tuple[Mapping[str, Floats], Sequence[Evidence]]:
        """Return what is measured, and the sentences about it."""

    def score(self, panel: Panel, terms: Terms) -> Scores:
        """Score every partner at `panel.at`; days while no source could report are left out, bad or not."""
        seen = Seen.of(panel, *self.counted, self.family)
        record, since_due = remember(seen), seen.since_due()
        known = Known.unless(
            panel.blind_days[self.family],
            few=[(self.too_few, record.all_due < self.min_points)],
            quiet=[(self.none_due, since_due > self.dormant_days)],
        )
        belief, bar = believe(record, Portfolio.of(record)), self.bar(seen, record, terms)
        by_habit, value = chances(record, belief, bar, terms["horizon_days"], terms["min_next"])
        measured, evidence = self.words(seen, belief, known)
        return known.scores(
            value,
            in_two("habit", "lately", by_habit, value),
            sample=record.due[HABIT],
            old=since_due > self.stale_days,
            measured=measured,
            evidence=evidence,
            params={self.what: record.all_due, "needed": self.min_points, "days_since_due": since_due},
            over=known.because(self.none_due),
        )

    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        """Return whether the share of what fell due within the horizon was too large; see Scorer.began."""
        then, later = (Seen.of(panel, *self.counted, self.family) for panel in (past, whole))
        record = remember(then)
        judged = ripe(past, whole, self.family, terms["horizon_days"]) & self.enough(then, record, terms)
        came = turned_bad(then, later, self.bar(then, record, terms), terms["horizon_days"], terms["min_next"])
        return np.where(judged, came, np.nan)
