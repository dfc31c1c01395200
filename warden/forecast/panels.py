"""The panel of scorers.base at any moment of a file of observations: what was known before it, and nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from scorers.base import DAILY, FAMILIES, Events, Exposure, Floats, Index, Panel
from scorers.shrinkage import NO_INCIDENTS
from warden.forecast.inputs import BLIND, COUNTED, KINDS, Observations, Whole

DAY = 86_400_000_000  # microseconds
_MONDAY = 4 * DAY  # 1970-01-05

MOST_CELLS = 150_000_000
"""Partners times days: 200,000 partners over two years. Each count there is takes four bytes a cell."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TooLarge(ValueError):
    """More partners and days than fit into memory."""


@dataclass(frozen=True, slots=True)
class _Spell:
    """A time during which no source could report on a partner, in microseconds since 1970."""

    row: int
    start: int
    end: int


class Portfolio:
    """The observations of all partners, counted by day."""

    def __init__(self, observations: Observations, until: int) -> None:
        """Count everything once. `until`: the last moment asked about. Raises TooLarge."""
        self._observations, self._until = observations, until
        self.partners: Sequence[str] = observations.partners
        fact = observations.kind != KINDS.index(BLIND)
        self._first = np.full(len(self.partners), np.iinfo(np.int64).max)
        np.minimum.at(self._first, observations.row[fact], observations.at[fact])
        start = int(self._first.min(initial=until))
        self._origin = start - (start - _MONDAY) % (7 * DAY)
        self._days = max(-((self._origin - until) // DAY), 0)
        if len(self.partners) * self._days > MOST_CELLS:
            raise TooLarge(f"{len(self.partners):,} partners over {self._days:,} days")
        self._daily = {name: self._count(name, fact) for name in self._names()}
        self._spells = list(self._blind_spells())

    def panel(self, at: int) -> Panel:
        """Return what was known before a moment (microseconds since 1970) of partners heard of by then, in order."""
        seen = int(np.searchsorted(self._first, at, side="left"))
        columns = max(-((self._origin - at) // DAY), 0)
        blind, exposure = self._blindness(seen, columns, at)
        return Panel(
            at=_EPOCH + timedelta(microseconds=at),
            now=np.full(seen, (at - self._origin) / DAY),
            daily={name: self._counts(name, seen, columns, at) for name in DAILY},
            blind_days=dict.fromkeys(FAMILIES, blind),
            exposure=exposure,
            incidents=NO_INCIDENTS,
            replies=self._events("reply", at),
            measures={"satisfaction": self._events("satisfaction", at)},
        )

    def _names(self) -> set[str]:
        """Return the daily counts that any row feeds."""
        return {name for kind in np.unique(self._observations.kind) for name in COUNTED.get(KINDS[kind], {})}

    def _count(self, name: str, which: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Count the chosen rows by partner and day, those past the last day left out."""
        counts = np.zeros((len(self.partners), self._days), dtype=np.float32)
        day = (self._observations.at - self._origin) // DAY
        which = which & (day < self._days)
        for kind, feeds in COUNTED.items():
            if name in feeds:
                rows = which & (self._observations.kind == KINDS.index(kind))
                np.add.at(
                    counts, (self._observations.row[rows], day[rows]), self._observations.numbers[feeds[name]][rows]
                )
        return counts

    def _counts(self, name: str, seen: int, columns: int, at: int) -> NDArray[np.float32]:
        if name not in self._daily:
            return np.broadcast_to(np.float32(0), (seen, columns))
        counts = self._daily[name][:seen, :columns]
        begins = self._origin + (columns - 1) * DAY
        if at == begins + DAY or not columns:
            return counts
        today = (self._observations.at >= begins) & (self._observations.at < at)
        return np.concatenate([counts[:, :-1], self._count(name, today)[:seen, columns - 1 : columns]], axis=1)

    def _events(self, kind: str, at: int) -> Events:
        known = (self._observations.kind == KINDS.index(kind)) & (self._observations.at < at)
        return Events(
            partner=self._observations.row[known].astype(np.intp),
            age_days=(at - self._observations.at[known]) / DAY,
            value=self._observations.numbers["value"][known],
        )

    def _blind_spells(self) -> Iterator[_Spell]:
        """Yield the spells of each partner in order; those that touch or overlap are one."""
        rows = self._observations.kind == KINDS.index(BLIND)
        days = self._observations.numbers["value"][rows]
        open_spell: _Spell | None = None
        for row, start, length in zip(self._observations.row[rows], self._observations.at[rows], days, strict=True):
            spell = _Spell(int(row), int(start), min(int(start) + int(length * DAY), self._until))
            if open_spell and open_spell.row == spell.row and spell.start <= open_spell.end:
                open_spell = _Spell(spell.row, open_spell.start, max(open_spell.end, spell.end))
                continue
            if open_spell:
                yield open_spell
            open_spell = spell
        if open_spell:
            yield open_spell

    def _blindness(self, seen: int, columns: int, at: int) -> tuple[Floats, Exposure]:
        """Return for how many days each partner has been blind `(n,)`, and past spells as days that do not count.

        A spell still open is not known to end; that it has begun is.
        """
        blind = np.zeros(seen)
        patterns = [np.ones(columns, dtype=np.float32)]
        of: Index = np.zeros(seen, dtype=np.intp)
        edges = self._origin + np.arange(columns + 1, dtype=np.int64) * DAY
        for spell in self._spells:
            if spell.row >= seen or spell.start >= at:
                continue
            if spell.end >= at:
                blind[spell.row] = (at - spell.start) / DAY
                continue
            if not of[spell.row]:
                of[spell.row] = len(patterns)
                patterns.append(np.ones(columns, dtype=np.float32))
            patterns[of[spell.row]] -= _share_within(edges, spell)
        return blind, Exposure(np.stack(patterns), of)


def _share_within(edges: Whole, spell: _Spell) -> NDArray[np.float32]:
    """Return the share of each day that lies within a spell."""
    inside = np.clip(edges, spell.start, spell.end)
    return (np.diff(inside) / DAY).astype(np.float32)
