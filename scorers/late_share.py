"""Late deliveries: how likely it is that too large a share of the next ones is late.

It judges shares of deliveries (scorers.rates), not how many days late they are, nor what they are worth.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from scorers.base import Evidence, Floats, Known, Mask, Outcome, Terms, refusal
from scorers.rate_scorer import RateScorer
from scorers.rates import Belief, Record, Seen, portfolio_share

RECENT_DAYS, SHARE_DAYS = 56, 182
"""Windows of `due_recent` and of `late_share`."""

TOO_FEW_MESSAGE = "deliveries that fell due: %(deliveries)s, needed: %(needed)s"
NONE_DUE_MESSAGE = "no delivery was due for %(days_since_due)s days: nothing to forecast"
AT_MOST_MESSAGE = "at_most has to be at_least or more"


class LateShare(RateScorer):
    """Probability that the late share of the deliveries due within the horizon reaches the bar."""

    name: ClassVar[str] = "late_share"
    family: ClassVar[str] = "delivery"
    version: ClassVar[str] = "2"
    min_points: ClassVar[int] = 5
    weight: ClassVar[float] = 0.4
    counted: ClassVar[tuple[str, str]] = ("due", "late")
    stale_days: ClassVar[int] = 56
    dormant_days: ClassVar[int] = 182
    what: ClassVar[str] = "deliveries"
    too_few: ClassVar[str] = TOO_FEW_MESSAGE
    none_due: ClassVar[str] = NONE_DUE_MESSAGE

    class Options(Outcome):
        """When too large a share counts as late."""

        horizon_days: float = Field(56, ge=7, le=365, description="How far ahead the likelihood looks, in days.")
        at_least: float = Field(0.2, gt=0, lt=1, description="A late share of at least this …")
        times_own: float | None = Field(
            2.0, ge=1, description="… and of at least so many times the partner's own share …"
        )
        own_days: float = Field(182, ge=28, le=3650, description="… over so many days …")
        times_portfolio: float | None = Field(
            None, ge=1, description="… and of at least so many times the portfolio's share so far."
        )
        at_most: float | None = Field(
            0.5, gt=0, lt=1, description="A late share of this counts, whatever is usual: a habit is no excuse."
        )
        min_next: float = Field(5, ge=1, description="Judged only where at least so many fall due within the horizon …")
        min_history: float = Field(10, ge=1, description="… and at least so many fell due within the days named above.")

        @model_validator(mode="after")
        def _ordered(self) -> "LateShare.Options":
            if self.at_most is not None and self.at_most < self.at_least:
                raise refusal(AT_MOST_MESSAGE)
            return self

    def bar(self, seen: Seen, record: Record, terms: Terms) -> Floats:
        """Return the late share `(n,)` that is too large: the largest of what the terms name; above 1 with no cap."""
        due, late = seen.within(terms["own_days"])
        own = late / np.maximum(due, 1.0)
        usual = np.fmax(terms["times_own"] * own, terms["times_portfolio"] * portfolio_share(record))
        return np.asarray(np.fmin(np.fmax(terms["at_least"], usual), terms["at_most"]))  # NaN is no bar

    def enough(self, seen: Seen, record: Record, terms: Terms) -> Mask:
        """Tell for whom `(n,)` enough fell due before to judge what came."""
        due, _late = seen.within(terms["own_days"])
        return np.asarray(due >= terms["min_history"])

    def words(self, seen: Seen, belief: Belief, known: Known) -> tuple[Mapping[str, Floats], Sequence[Evidence]]:
        """Return the late rate, the usual one, counts of two windows, and two sentences."""
        due, late = seen.within(RECENT_DAYS)
        share_due, share_late = seen.within(SHARE_DAYS)
        rates = {"late_rate": known.only(belief.now), "usual_late_rate": known.only(belief.usual)}
        some = known.mask & (due > 0)
        recent = {"late": late, "due": due, "days": np.full_like(due, RECENT_DAYS)}
        measured = {
            **rates,
            "due_recent": known.only(due),
            "late_share": np.divide(share_late, share_due, out=np.full_like(due, np.nan), where=share_due > 0),
        }
        return measured, (
            Evidence("late deliveries are now estimated at %(late_rate)s; usual is %(usual_late_rate)s", rates),
            Evidence(
                "%(late)s of the %(due)s deliveries due in the last %(days)s days were late",
                {name: np.where(some, values, np.nan) for name, values in recent.items()},
            ),
        )
