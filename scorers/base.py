"""What every scorer speaks: the panel it reads, the scores it returns, and its base class."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Incidents:
    """Public incidents as parallel arrays `(m,)`, any order."""

    partner: NDArray[np.intp]  # index into the panel
    age_days: Floats  # >= 0, at the panel's moment
    p_negative: Floats  # 0..1
    severity: Floats  # 0..100
    half_life_days: Floats  # > 0


@dataclass(frozen=True, slots=True)
class Panel:
    """The whole portfolio's facts up to one moment, as arrays.

    Days are UTC days; column t-1 is the day of `at`, still under way. Everything is what was known at that moment.

    daily: counts per partner and day, each `(n, t)`: "received" and "sent" messages; "due" deliveries whose due date
        was that day; "late" of these, made after it or still open after it.
    blind_days: per family ("communication", "delivery", "sentiment") `(n,)`: how many of the last days no source of
        the partner could have reported; 0 when all is well, NaN when the partner has no source of that family at all.
    """

    at: datetime
    daily: Mapping[str, NDArray[np.float32]]
    blind_days: Mapping[str, Floats]
    incidents: Incidents
    horizon_days: int = 28

    @property
    def partners(self) -> int:
        """Number of partners n."""
        return int(self.daily["received"].shape[0])

    @property
    def days(self) -> int:
        """Number of days t."""
        return int(self.daily["received"].shape[1])


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence of explanation for every partner at once.

    `message`: an English gettext message with `%(name)s` placeholders; `params` gives each a value per partner `(n,)`.
    """

    message: str
    params: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Scores:
    """What one scorer says about all partners.

    value: `(n,)` probability in (0, 1) that the scorer's outcome begins within the horizon; NaN = not enough to say.
    sample: `(n,)` effective sample size behind it, >= 0.
    stale: `(n,)` True where the value rests on facts too old to be called fresh.
    contributions: parts that sum to logit(value), each `(n,)`, by name.
    measured: plain figures for rules and pages, by name, `(n,)`, NaN where unknown ("days_silent", "late_rate").
    evidence: sentences; the first is the headline.
    unknown: English message for partners whose value is NaN, by index into `unknown_reason`.
    """

    value: Floats
    sample: Floats
    stale: NDArray[np.bool_]
    contributions: Mapping[str, Floats]
    measured: Mapping[str, Floats]
    evidence: Sequence[Evidence]
    unknown: Sequence[str] = ()
    unknown_reason: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))


class Scorer(ABC):
    """One family of signals. Deterministic, stateless; thresholds are not here: the matrix and the rules own them."""

    name: ClassVar[str]  # == file name
    family: ClassVar[str]  # of sources: "communication", "delivery" or "sentiment"
    version: ClassVar[str]
    min_points: ClassVar[int]  # below this many facts a partner's value is NaN
    weight: ClassVar[float]  # of this signal in coverage, > 0

    @abstractmethod
    def score(self, panel: Panel) -> Scores:
        """Score every partner at `panel.at`."""
