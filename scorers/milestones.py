"""Milestones: how likely it is that too large a share of the next ones is missed.

A milestone is met or missed when it falls due (scorers.rates). It does not weigh one milestone against another.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from scorers.base import Evidence, Floats, Known, Mask, Outcome, Terms
from scorers.rate_scorer import RateScorer
from scorers.rates import Belief, Record, Seen

RECENT_DAYS = 182
"""Window of `milestones_recent`: projects have a handful of milestones in half a year."""

TOO_FEW_MESSAGE = "milestones that fell due: %(milestones)s, needed: %(needed)s"
NONE_DUE_MESSAGE = "no milestone was due for %(days_since_due)s days: nothing to forecast"


class Milestones(RateScorer):
    """Probability that the missed share of the milestones due within the horizon reaches the bar."""

    name: ClassVar[str] = "milestones"
    family: ClassVar[str] = "measure"
    version: ClassVar[str] = "1"
    min_points: ClassVar[int] = 3
    weight: ClassVar[float] = 0.2
    optional: ClassVar[bool] = True
    counted: ClassVar[tuple[str, str]] = ("milestones", "missed")
    stale_days: ClassVar[int] = 182
    dormant_days: ClassVar[int] = 365
    what: ClassVar[str] = "milestones"
    too_few: ClassVar[str] = TOO_FEW_MESSAGE
    none_due: ClassVar[str] = NONE_DUE_MESSAGE

    class Options(Outcome):
        """When too many milestones count as missed."""

        horizon_days: float = Field(91, ge=7, le=365, description="How far ahead the likelihood looks, in days.")
        at_least: float = Field(0.5, gt=0, le=1, description="A missed share of at least this.")
        min_next: float = Field(1, ge=1, description="Judged only where at least so many fall due within the horizon …")
        min_history: float = Field(3, ge=1, description="… and at least so many fell due before.")

    def bar(self, seen: Seen, record: Record, terms: Terms) -> Floats:
        """Return the missed share `(n,)` that is too large."""
        return np.asarray(terms["at_least"])

    def enough(self, seen: Seen, record: Record, terms: Terms) -> Mask:
        """Tell for whom `(n,)` enough fell due before to judge what came."""
        return np.asarray(record.all_due >= terms["min_history"])

    def words(self, seen: Seen, belief: Belief, known: Known) -> tuple[Mapping[str, Floats], Sequence[Evidence]]:
        """Return the missed rate, the usual one, how many fell due lately, and two sentences."""
        due, missed = seen.within(RECENT_DAYS)
        rates = {"missed_share": known.only(belief.now), "usual_missed_share": known.only(belief.usual)}
        some = known.mask & (due > 0)
        recent = {"missed": missed, "due": due, "days": np.full_like(due, RECENT_DAYS)}
        return {**rates, "milestones_recent": known.only(due)}, (
            Evidence("about %(missed_share)s of milestones are now missed; usual is %(usual_missed_share)s", rates),
            Evidence(
                "%(missed)s of the %(due)s milestones due in the last %(days)s days were missed",
                {name: np.where(some, values, np.nan) for name, values in recent.items()},
            ),
        )
