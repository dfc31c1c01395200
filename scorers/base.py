"""What every scorer speaks: the panel it reads, the scores it returns, and its base class."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.intp]
Counts = NDArray[Any]
Timed = TypeVar("Timed", "Incidents", "Events")
Reason = tuple[str, Mask]  # an English message, and for whom `(n,)` it holds

WEEK = 7

BLOCK = 8192
"""Partners folded together: their counts and state stay in the processor's cache."""

FAMILIES = ("communication", "delivery", "sentiment", "measure")
"""Of sources; a scorer reads one of them."""

DAILY = ("received", "sent", "threads_in", "threads_out", "met", "due", "late", "made", "milestones", "missed")
"""The counts that every panel has, see Panel."""

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

    partner: Index  # into the panel
    age_days: Floats  # >= 0, at the panel's moment
    p_negative: Floats  # 0..1
    severity: Floats  # 0..100
    half_life_days: Floats  # > 0
    outlets: Floats  # >= 1: distinct ones that told of it
    event: Index  # into scorers.news.kinds.EVENTS, -1 for none of them
    number: Index  # by which whoever keeps the articles knows it


@dataclass(frozen=True, slots=True)
class Events:
    """Figures about partners, each at its time, as parallel arrays `(m,)`, any order."""

    partner: Index  # into the panel
    age_days: Floats  # >= 0, at the panel's moment
    value: Floats


@dataclass(frozen=True, slots=True)
class Exposure:
    """How far each day counts as a day on which a partner could have been heard of: working calendars.

    patterns: `(g, t)`, one row per calendar, 0 (a holiday) upwards; an ordinary week of any calendar sums to 7, so that
        a calendar without free days is 1.0 throughout and a Monday-to-Friday one 1.4 and 0.0.
    of: `(n,)` the row of each partner.
    """

    patterns: NDArray[np.float32]
    of: Index


@dataclass(frozen=True, slots=True)
class Panel:
    """The whole portfolio's facts up to one moment, as arrays.

    Columns are calendar dates in each partner's own zone; column 0 is a Monday, so that weeks are blocks of seven
    columns and the last may be cut short. Everything is what was known at that moment.

    now: `(n,)` days from the start of column 0 to `at`, in the partner's zone; floor(now) is the column of its today,
        which is t - 1 or, west of others, up to two less; later columns are empty. A cutoff at midnight has a whole
        number. Ages count by the same clock: `now` less an age is when that was, in columns.
    daily: counts per partner and day, each `(n, t)`, of any real or whole type, by the names in DAILY: "received" and
        "sent" messages; "threads_in" and "threads_out", conversations begun by the partner and by us; "met", meetings
        held; "due" deliveries by due date, "late" of these, made after it or open past it; "made" deliveries by the day
        they were made; "milestones" by due date and "missed" of these.
    blind_days: per family `(n,)`: how many of the last days no source of the partner could have reported; 0 when all is
        well, NaN when it has no source of that family at all.
    replies: hours the partner took to answer us, each reply at its moment.
    measures: other figures by name, as entered ("satisfaction").
    """

    at: datetime
    now: Floats
    daily: Mapping[str, Counts]
    blind_days: Mapping[str, Floats]
    exposure: Exposure
    incidents: Incidents
    replies: Events
    measures: Mapping[str, Events]

    @property
    def partners(self) -> int:
        """Number of partners n."""
        return int(self.daily["received"].shape[0])

    @property
    def days(self) -> int:
        """Number of days t."""
        return int(self.daily["received"].shape[1])

    def seen(self, family: str) -> Floats:
        """Return the column `(n,)` before which a source could report; below 0 where none could in all of the panel.

        Whole days, today left out: else every tick of the clock would give every partner a new number.
        """
        return np.asarray(np.floor(self.now) - np.ceil(np.nan_to_num(self.blind_days[family])), dtype=np.float64)

    def before(self, column: int) -> "Panel":
        """Return the panel as it was at the start of a column: nothing of that day or later, and nobody blind.

        Counts of deliveries by due date are left as they are known now: whether one was late was known a day after.
        """
        back = self.now - column
        seen = {family: np.where(np.isnan(days), np.nan, 0.0) for family, days in self.blind_days.items()}
        return replace(
            self,
            at=self.at - timedelta(days=float(np.max(back, initial=0.0))),
            now=np.full(self.partners, float(column)),
            daily={name: counts[:, :column] for name, counts in self.daily.items()},
            blind_days=seen,
            exposure=replace(self.exposure, patterns=self.exposure.patterns[:, :column]),
            incidents=_aged(self.incidents, back),
            replies=_aged(self.replies, back),
            measures={name: _aged(events, back) for name, events in self.measures.items()},
        )


def _aged(events: Timed, back: Floats) -> Timed:
    """Return what there was `back` days `(n,)` ago."""
    age = events.age_days - back[events.partner]
    there = age >= 0
    return replace(picked(events, there), age_days=age[there])


def picked(events: Timed, which: Mask) -> Timed:
    """Return some of the facts, in their order; `which` is `(m,)`."""
    return replace(events, **{field.name: getattr(events, field.name)[which] for field in fields(events)})


def blocks(partners: int) -> list[slice]:
    """Return the partners in blocks of BLOCK, the last one smaller."""
    return [slice(first, min(first + BLOCK, partners)) for first in range(0, partners, BLOCK)]


Terms = Mapping[str, Floats]
"""The options of an outcome, each `(n,)`: they may differ from partner to partner. NaN: that option is not used."""


class Outcome(BaseModel):
    """What is asked about an outcome: when it counts as begun, and how far ahead we look. Numbers only; None: unused.

    A scorer extends it; the defaults are what Warden ships with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    horizon_days: float = Field(28, ge=7, le=365, description="How far ahead the likelihood looks, in days.")


def spread(options: Sequence[Outcome], of: Index) -> Terms:
    """Return the terms of partners `(n,)`, partner i having `options[of[i]]`; all options are of one class."""
    names = type(options[0]).model_fields if options else {}
    columns = {name: [getattr(one, name) for one in options] for name in names}
    known = {name: [np.nan if v is None else float(v) for v in values] for name, values in columns.items()}
    return {name: np.array(values, dtype=np.float64)[of] for name, values in known.items()}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence of explanation for every partner at once.

    `message`: an English gettext message with `%(name)s` placeholders; `params` gives each a value per partner `(n,)`.
    The sentence is said only of partners for whom every param is known (not NaN). `words` gives more placeholders a
    message each: (messages, index into them per partner `(n,)`). `incident`: numbers `(n,)` of the incidents that are
    spoken of, as in Incidents; None: of none in particular.
    """

    message: str
    params: Mapping[str, Floats]
    words: Mapping[str, tuple[Sequence[str], Index]] = field(default_factory=dict)
    incident: Index | None = None


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
    over: `(n,)` True where the value is NaN because nothing is left to forecast, as of a dormant partner, and not for
        want of facts; of length 0: nowhere.
    """

    value: Floats
    sample: Floats
    stale: Mask
    contributions: Mapping[str, Floats]
    measured: Mapping[str, Floats]
    evidence: Sequence[Evidence]
    unknown: Sequence[str] = ()
    unknown_reason: Index = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    unknown_params: Mapping[str, Floats] = field(default_factory=dict)
    over: Mask = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))


@dataclass(frozen=True, slots=True)
class Known:
    """For whom a scorer can say something, and why not for the others.

    blind: `(n,)` days, of its family, as in Panel. messages, reason: `unknown` and `unknown_reason` of Scores.
    """

    blind: Floats
    messages: tuple[str, ...]
    reason: Index

    @classmethod
    def unless(cls, blind: Floats, few: Sequence[Reason], quiet: Sequence[Reason] = ()) -> "Known":
        """Return who is left when no reason holds; where several do, the first is told.

        few: there are too few facts, or wrong ones; quiet: none for so long that it could only be told of a partner
        whose sources work.
        """
        reasons = [(NO_SOURCE_MESSAGE, np.isnan(blind)), *few, (BLIND_MESSAGE, blind > BLIND_LIMIT_DAYS), *quiet]
        return cls(blind, *first_reason(len(blind), reasons))

    @property
    def mask(self) -> Mask:
        """For whom `(n,)` something can be said."""
        return self.reason < 0

    def only(self, values: Floats | float) -> Floats:
        """Return the values `(n,)`, NaN for those nothing can be said of."""
        return np.where(self.mask, values, np.nan)

    def because(self, message: str) -> Mask:
        """Tell of whom `(n,)` nothing can be said for this reason."""
        return np.asarray(self.reason == self.messages.index(message), dtype=np.bool_)

    def scores(
        self,
        value: Floats,
        contributions: Mapping[str, Floats],
        *,
        sample: Floats,
        measured: Mapping[str, Floats],
        evidence: Sequence[Evidence],
        params: Mapping[str, Floats | float],
        old: Mask | None = None,
        over: Mask | None = None,
    ) -> Scores:
        """Return the scores; value and contributions are dropped where nothing can be said, the rest is as given.

        old: `(n,)` whose newest fact is too old to be called fresh. params: of the messages, besides %(blind_days)s; a
        number holds for all. over: as in Scores.
        """
        stale = self.blind > STALE_BLIND_DAYS
        spoken = {name: np.full(len(self.blind), values, dtype=np.float64) for name, values in params.items()}
        return Scores(
            value=self.only(value),
            sample=sample,
            stale=self.mask & (stale if old is None else stale | old),
            contributions={name: self.only(part) for name, part in contributions.items()},
            measured=measured,
            evidence=evidence,
            unknown=self.messages,
            unknown_reason=self.reason,
            unknown_params={**spoken, "blind_days": self.blind},
            over=np.zeros(0, dtype=np.bool_) if over is None else over,
        )


class Scorer(ABC):
    """The likelihood of one named outcome: that it begins within the horizon. Deterministic, stateless.

    The outcome's own bar (how long a silence, how large a share) comes in as terms; the matrix and the rules own all
    thresholds on the likelihood itself.
    """

    name: ClassVar[str]  # == file name; also the outcome's
    family: ClassVar[str]  # of sources, one of FAMILIES
    version: ClassVar[str]
    min_points: ClassVar[int]  # below this many facts a partner's value is NaN
    weight: ClassVar[float]  # of this outcome in coverage, > 0
    optional: ClassVar[bool] = False  # True: not missed in a portfolio where nobody has a fact of its kind
    Options: ClassVar[type[Outcome]] = Outcome

    @abstractmethod
    def score(self, panel: Panel, terms: Terms) -> Scores:
        """Score every partner at `panel.at`; `terms` holds every field of `Options`."""

    @abstractmethod
    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        """Return `(n,)` whether the outcome began within the horizon after `past.at`: 1, 0, or NaN.

        NaN: it had begun before, too little is there to judge, or the horizon has not passed at `whole.at`. `past` is
        `whole.before(…)`. It is what likelihoods are measured against and learned from.
        """


def refusal(message: str, **params: str) -> PydanticCustomError:
    """Return what a validator of options raises; `message` and `params` are told in the language of who set them."""
    said = message % params
    return PydanticCustomError("told", "{said}", {"said": said, "message": message, "params": params})


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


def in_two(usual: str, lately: str, by_usual: Floats, value: Floats) -> dict[str, Floats]:
    """Return the two parts of logit(value), by name: what the usual alone would say, and what came lately beyond it."""
    return {usual: logit(by_usual), lately: logit(value) - logit(by_usual)}


def first_reason(partners: int, reasons: Sequence[Reason]) -> tuple[tuple[str, ...], Index]:
    """Return (messages, index `(n,)` of the first one whose mask holds, -1 where none does)."""
    index = np.full(partners, -1, dtype=np.intp)
    for number, (_, holds) in enumerate(reasons):
        index[(index < 0) & holds] = number
    return tuple(message for message, _ in reasons), index
