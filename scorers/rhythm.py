"""The rhythm of a partner's signs of life, folded week by week: how often, how lately, and its longest gaps.

What is kept is of fixed size per partner, so that a week can be added to it without reading the past again; adding week
after week gives the same digits as reading all of them. It knows days and no outcomes.

Time is counted in days that count (scorers.base.Exposure): holidays and past blind spells take none, and a day lies at
its middle. A rhythm's own clock starts at 0 with column 0 of the panel.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from scorers.base import BLOCK, WEEK, Counts, Exposure, Floats, Index, Mask, blocks

MEMORY_DAYS = np.array([7.0, 28.0, 182.0])
"""Half-lives of what is remembered of active days: the last week, the last month, the habit."""

LONGEST_KEPT = 16
"""So many gaps longer than a week are kept, the longest. They hold the 99 % quantile of up to 1,400 gaps."""

# A week of one partner is a number below 128 whose bit d stands for day d.
_DAYS = (np.arange(128)[:, None] >> np.arange(WEEK) & 1).astype(np.float64)
_ACTIVE = _DAYS.any(axis=1)
_FIRST, _LAST = np.argmax(_DAYS, axis=1), WEEK - 1 - np.argmax(_DAYS[:, ::-1], axis=1)
_WIDEST = np.array([max(np.diff(np.flatnonzero(days)), default=0) for days in _DAYS], dtype=np.float64)

Week = NDArray[np.uint8]


@dataclass(slots=True)
class Rhythm:
    """What is remembered of n partners; positions are on the rhythm's clock.

    first, last: `(n,)` position of the first and of the last active day, NaN before any.
    last_day: `(n,)` column of the last active day, -1 before any.
    facts: `(n,)` single signs of life; several on one day are gaps of no length.
    pace: `(n, 3)` active days, each weighing 2^(-age / half-life), for each of MEMORY_DAYS.
    longest: `(n, 16)` gaps of more than a week between neighbouring active days, longest first, then zeros.
    short: `(n,)` the longest gap of at most a week.
    clock: `(g,)` how many days have counted by each calendar; column: how many have passed.
    """

    first: Floats
    last: Floats
    last_day: Index
    facts: Floats
    pace: Floats
    longest: Floats
    short: Floats
    clock: Floats
    column: int = 0

    @classmethod
    def begin(cls, partners: int, calendars: int) -> "Rhythm":
        """Return what is remembered before column 0: nothing."""
        return cls(
            first=np.full(partners, np.nan),
            last=np.full(partners, np.nan),
            last_day=np.full(partners, -1, dtype=np.intp),
            facts=np.zeros(partners),
            pace=np.zeros((partners, len(MEMORY_DAYS))),
            longest=np.zeros((partners, LONGEST_KEPT)),
            short=np.zeros(partners),
            clock=np.zeros(calendars),
        )

    def part(self, rows: slice | Index) -> "Rhythm":
        """Return some of the partners. The arrays of a slice are views: what is added to it is added to the whole."""
        shared = ("clock", "column")
        own = {field.name: getattr(self, field.name)[rows] for field in fields(self) if field.name not in shared}
        return Rhythm(**own, clock=self.clock.copy(), column=self.column)

    def add(self, week: Week, facts: Counts, patterns: Counts, of: Index) -> None:
        """Add the next days, at most seven.

        week: `(n,)` which of them were active, as bits; facts: `(n,)` signs of life on them.
        patterns: `(g, k)` how far each of them counts by each calendar; of: `(n,)` the calendar of each partner.
        """
        middles, now = self._places(patterns)
        self.pace *= np.exp2(-(now - self.clock)[:, None] / MEMORY_DAYS).take(of, axis=0)
        self.pace += _summed(week, np.exp2(-(now[:, None] - middles)[:, :, None] / MEMORY_DAYS), of)
        place = of * len(_DAYS) + week
        begins = np.where(_ACTIVE, middles[:, _FIRST], np.nan).take(place)
        self._keep(begins - self.last, _WIDEST[week])
        np.fmin(self.first, begins, out=self.first)
        np.fmax(self.last, np.where(_ACTIVE, middles[:, _LAST], np.nan).take(place), out=self.last)
        self.last_day[:] = np.where(week > 0, self.column + _LAST[week], self.last_day)
        self.facts += facts
        self.clock, self.column = now, self.column + patterns.shape[1]

    def waited(self, week: Week, patterns: Counts, of: Index) -> Floats:
        """Return how long each partner's running gap has become `(n,)` when the next days end it, or at their end.

        The arguments are those of `add`, before it is called.
        """
        middles, now = self._places(patterns)
        ends = np.where(_ACTIVE, middles[:, _FIRST], now[:, None])
        return np.asarray(ends.take(of * len(_DAYS) + week) - self.last)

    def _places(self, patterns: Counts) -> tuple[NDArray[np.float64], Floats]:
        """Return the middle of each of the next seven days `(g, 7)` and the end of the last `(g,)`, on the clock."""
        counts = np.zeros((len(self.clock), WEEK))
        counts[:, : patterns.shape[1]] = patterns
        ends = self.clock[:, None] + np.cumsum(counts, axis=1)
        return ends - counts / 2, ends[:, -1]

    def _keep(self, gap: Floats, within: Floats) -> None:
        """Remember the gaps `(n,)` before and within a week; NaN where there is none before."""
        np.maximum(self.short, within, out=self.short)
        np.maximum(self.short, np.where(gap <= WEEK, gap, 0.0), out=self.short)
        rows = np.flatnonzero(gap > np.maximum(self.longest[:, -1], WEEK))
        kept = self.longest[rows]
        kept[:, -1] = gap[rows]
        self.longest[rows] = -np.sort(-kept, axis=1)

    def long_gap(self, quantile: Floats) -> Floats:
        """Return the quantile `(n,)` of the gaps between single signs of life, as numpy.quantile does; NaN without any.

        Exact while it lies within the list of the longest; further down, the shortest of these stands in, and for all
        gaps of at most a week the longest of them.
        """
        gaps = np.maximum(self.facts - 1.0, 0.0)
        place = np.maximum(gaps - 1.0, 0.0) * (1.0 - np.nan_to_num(quantile))
        upper = np.minimum(np.floor(place), LONGEST_KEPT - 1).astype(np.intp)
        lower = np.minimum(upper + (gaps > upper + 1), LONGEST_KEPT - 1)
        row = np.arange(len(gaps))
        above = np.maximum(self.longest[row, upper], self.short)
        below = np.maximum(self.longest[row, lower], self.short)
        found = above - (place - np.floor(place)) * (above - below)
        return np.where((gaps > 0) & ~np.isnan(quantile), found, np.nan)

    def remembered(self, position: Floats, of: Index) -> tuple[Floats, Floats]:
        """Return active days and days that counted, `(n, 3)` each, as remembered at a position `(n,)` on the clock."""
        turned = np.exp2((self.clock[of] - position)[:, None] / MEMORY_DAYS)
        known = np.nan_to_num(np.maximum(position - self.first, 0.5))[:, None]
        return self.pace * turned, MEMORY_DAYS / np.log(2.0) * -np.expm1(-np.log(2.0) * known / MEMORY_DAYS)


def follow(alive: Mask, facts: Counts, exposure: Exposure) -> Rhythm:
    """Return the rhythm of partners after all columns.

    alive: `(n, t)` active days, column 0 the first of a week; facts: `(n,)` signs of life on all of them together.
    """
    partners, columns = alive.shape
    whole = Rhythm.begin(partners, len(exposure.patterns))
    whole.facts += facts
    nothing = np.zeros(min(partners, BLOCK))
    for rows in blocks(partners):
        weeks, of, part = as_weeks(alive[rows]), exposure.of[rows], whole.part(rows)
        for number in range(weeks.shape[1]):
            days = exposure.patterns[:, number * WEEK : (number + 1) * WEEK]
            part.add(weeks[:, number], nothing[: len(of)], days, of)
    whole.clock = exposure.patterns.sum(axis=1, dtype=np.float64)
    whole.column = columns
    return whole


def as_weeks(alive: Mask) -> Week:
    """Return the days `(n, t)` as one number per week of seven columns, `(n, ⌈t / 7⌉)`; the last may be cut short."""
    partners, columns = alive.shape
    weeks = -(-columns // WEEK)
    packed = np.zeros((partners, weeks), dtype=np.uint8)
    for day in range(min(WEEK, columns)):
        shown = alive[:, day::WEEK]
        packed[:, : shown.shape[1]] |= shown.view(np.uint8) << day
    return packed


def clock_of(exposure: Exposure) -> Floats:
    """Return the clock at the start of each column and at the end of the last, `(g, t + 1)`."""
    counted = np.cumsum(exposure.patterns, axis=1, dtype=np.float64)
    return np.pad(counted, ((0, 0), (1, 0)))


def _summed(week: Week, weights: NDArray[np.float64], of: Index) -> NDArray[np.float64]:
    """Return the weights of the active days summed, `(n, 3)`; weights `(g, 7, 3)` are of each calendar's days."""
    if len(weights) * len(_DAYS) <= len(week):
        return np.asarray((_DAYS @ weights).reshape(-1, len(MEMORY_DAYS)).take(of * len(_DAYS) + week, axis=0))
    return np.asarray(np.einsum("nd,ndm->nm", _DAYS[week], weights[of]))
