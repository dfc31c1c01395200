"""What the scorers of shares have in common: they count what falls due, and ask whether too much of it goes wrong."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from scorers.base import (
    BLIND_LIMIT_DAYS,
    BLIND_MESSAGE,
    NO_SOURCE_MESSAGE,
    STALE_BLIND_DAYS,
    Evidence,
    Floats,
    Mask,
    Panel,
    Scorer,
    Scores,
    Terms,
    first_reason,
    logit,
)
from scorers.rates import HABIT, Belief, Portfolio, Record, Seen, believe, chances, remember, turned_bad
from scorers.shrinkage import ripe


@dataclass(frozen=True, slots=True)
class Case:
    """What the words about a score are made of."""

    seen: Seen
    record: Record
    belief: Belief
    known: Mask

    def only(self, values: Floats) -> Floats:
        """Return the values `(n,)` of partners that are scored, NaN for the others."""
        return np.where(self.known, values, np.nan)


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
    def words(self, case: Case) -> tuple[Mapping[str, Floats], Sequence[Evidence]]:
        """Return what is measured, and the sentences about it."""

    def score(self, panel: Panel, terms: Terms) -> Scores:
        """Score every partner at `panel.at`; days while no source could report are left out, bad or not."""
        blind = panel.blind_days[self.family]
        seen = Seen.of(panel, *self.counted, self.family)
        record, since_due = remember(seen), seen.since_due()
        unknown, reason = first_reason(
            panel.partners,
            [
                (NO_SOURCE_MESSAGE, np.isnan(blind)),
                (self.too_few, record.all_due < self.min_points),
                (BLIND_MESSAGE, blind > BLIND_LIMIT_DAYS),
                (self.none_due, since_due > self.dormant_days),
            ],
        )
        case = Case(seen, record, believe(record, Portfolio.of(record)), reason < 0)
        bar = self.bar(seen, record, terms)
        by_habit, value = chances(record, case.belief, bar, terms["horizon_days"], terms["min_next"])
        measured, evidence = self.words(case)
        return Scores(
            value=case.only(value),
            sample=record.due[HABIT],
            stale=case.known & ((since_due > self.stale_days) | (blind > STALE_BLIND_DAYS)),
            contributions={"habit": case.only(logit(by_habit)), "lately": case.only(logit(value) - logit(by_habit))},
            measured=measured,
            evidence=evidence,
            unknown=unknown,
            unknown_reason=reason,
            unknown_params={
                self.what: record.all_due,
                "needed": np.full(panel.partners, float(self.min_points)),
                "blind_days": blind,
                "days_since_due": since_due,
            },
            over=reason == unknown.index(self.none_due),
        )

    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        """Return whether the share of what fell due within the horizon was too large; see Scorer.began."""
        then, later = (Seen.of(panel, *self.counted, self.family) for panel in (past, whole))
        record = remember(then)
        judged = ripe(past, whole, self.family, terms["horizon_days"]) & self.enough(then, record, terms)
        came = turned_bad(then, later, self.bar(then, record, terms), terms["horizon_days"], terms["min_next"])
        return np.where(judged, came, np.nan)
