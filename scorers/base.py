"""What every scorer speaks: the panel it reads, the scores it returns, and its base class."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LOWEST, HIGHEST = 0.001, 0.99
"""No signal alone is surer than this. It also keeps -ln(1 - likelihood) exact to 1e-9 for three fused signals."""

BLIND_LIMIT_DAYS = 28
"""A score frozen for longer than this, because nothing could report, is withdrawn."""

STALE_BLIND_DAYS = 7
"""A score frozen for longer than this is stale."""

NO_SOURCE_MESSAGE = "no source reports on this partner"
BLIND_MESSAGE = "no working source for %(blind_days)s days"


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
    The sentence is said only of partners for whom every param is known (not NaN).
    """

    message: str
    params: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Scores:
    """What one scorer says about all partners.

    value: `(n,)` probability that the scorer's outcome begins within the horizon, from LOWEST to HIGHEST; NaN = not
        enough to say.
    sample: `(n,)` effective sample size behind it, >= 0.
    stale: `(n,)` True where the value rests on facts too old to be called fresh.
    contributions: parts that sum to logit(value), each `(n,)`, by name.
    measured: plain figures for rules and pages, by name, `(n,)`, NaN where unknown ("days_silent", "late_rate").
    evidence: sentences; the first is the headline.
    unknown: English messages why a value is NaN; `unknown_reason` `(n,)` is the index into them, -1 where it is known.
    unknown_params: values per partner `(n,)` for the placeholders of those messages; NaN where not used.
    """

    value: Floats
    sample: Floats
    stale: Mask
    contributions: Mapping[str, Floats]
    measured: Mapping[str, Floats]
    evidence: Sequence[Evidence]
    unknown: Sequence[str] = ()
    unknown_reason: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    unknown_params: Mapping[str, Floats] = field(default_factory=dict)


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


def logit(probability: Floats) -> Floats:
    """Return the log-odds of probabilities within (0, 1)."""
    return np.asarray(np.log(probability) - np.log1p(-probability), dtype=np.float64)


def sigmoid(log_odds: Floats) -> Floats:
    """Return the probability of log-odds; finite for any finite input."""
    return np.asarray(0.5 * (1.0 + np.tanh(log_odds / 2.0)), dtype=np.float64)


def limited(parts: Mapping[str, Floats]) -> tuple[Floats, Mapping[str, Floats]]:
    """Return the probability whose log-odds are the sum of the parts, kept within LOWEST..HIGHEST, and the parts.

    Where the limits cut, the part "limit" holds the difference, so that the parts still sum to logit(value).
    """
    total = np.sum(list(parts.values()), axis=0)
    value = np.clip(sigmoid(total), LOWEST, HIGHEST)
    return value, {**parts, "limit": logit(value) - total}


def first_reason(partners: int, reasons: Sequence[tuple[str, Mask]]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Return (messages, index `(n,)` of the first one whose mask holds, -1 where none does)."""
    index = np.full(partners, -1, dtype=np.intp)
    for number, (_, holds) in enumerate(reasons):
        index[(index < 0) & holds] = number
    return tuple(message for message, _ in reasons), index
