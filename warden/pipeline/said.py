"""Reads what was said of partners over a span of time, as a rule would have seen it then."""

import uuid
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Self

from sqlalchemy import Row
from sqlalchemy.orm import Session

from warden.domain import WATCHED_STAGES
from warden.pipeline import subjects
from warden.pipeline.episodes import Moment, Said
from warden.rules import Value, context, over
from warden.store import matrices, spans
from warden.store.batches import in_batches
from warden.store.spans import Held

BATCH = 500
"""Partners held in memory at a time."""

More = Callable[[datetime, Collection[uuid.UUID]], Mapping[uuid.UUID, Mapping[str, Value]]]
"""Gives the variables that no assessment holds, as they were known at a moment, for many partners."""

MOST_PARTNERS = 500
"""Partners looked at where there is more than can be read of all."""

MOST_MORE = 30_000
"""Partners times moments for which these are looked up; they move slowly."""

_WEEK = timedelta(days=7)
_NOTHING: Mapping[str, Value] = {}


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at: from `since` until `until`, of each partner every `every`-th assessment and change.

    one_in: of so many partners one is looked at; partners: these, None: everybody. rows: assessments, about.
    """

    since: datetime
    until: datetime
    every: int
    one_in: int
    partners: frozenset[uuid.UUID] | None
    rows: int


def span_of(session: Session, since: datetime, until: datetime, most: int) -> Span:
    """Return the span, thinned so that about `most` assessments are looked at and no more.

    Of more than MOST_PARTNERS first some are left out: of a partner looked at twice a year no alert could be told.
    """
    rows, one_in, chosen = spans.count(session, since, until), 1, None
    if rows > most:
        ids = spans.partner_ids(session)
        one_in = max(1, -(-len(ids) // MOST_PARTNERS))
        chosen = frozenset(ids[::one_in]) if one_in > 1 else None
    every = max(1, -(-rows // (one_in * most)))
    return Span(since, until, every, one_in, chosen, rows // (one_in * every))


def more_every(span: Span, partners: int) -> timedelta:
    """Return how often the variables no assessment holds are looked up: weekly, or as often as MOST_MORE allows."""
    weeks = (span.until - span.since) / _WEEK
    return _WEEK * max(1, -(-round(weeks * partners) // MOST_MORE))


def read(session: Session, span: Span, names: Sequence[str], more: More | None = None) -> Iterator[list[Said]]:
    """Yield what was said of everybody who was assessed by the end of the span, some partners at a time.

    `names`: the variables kept of each moment. The first moment of a partner who was assessed before the span is its
    beginning, with what was last said by then, unless it was no longer watched. `more` is asked for the variables no
    assessment holds, where needed; attributes are known without it, and there is a moment wherever they changed.
    """
    ranks, lives = matrices.band_ranks(session), spans.lives(session)
    chosen = [one for one in lives if span.partners is None or one in span.partners]
    wants_attributes = not subjects.ATTRIBUTES.isdisjoint(names)
    for ids in in_batches(chosen, BATCH):
        extra = _Extra(span, ids, more, more_every(span, len(chosen)))
        versions = spans.attributes(session, ids) if wants_attributes else {}
        told: dict[uuid.UUID, _Told] = {}
        for row in spans.assessments(session, ids, span.since, span.until, span.every):
            if row.partner_id not in told:
                one = row.partner_id
                told[one] = _Told(span, lives[one], versions.get(one, ()), extra, ranks, names)
            told[row.partner_id].hear(row)
        yield [
            Said(one, own.tier, tuple(names), own.moments, own.left, span.since, span.until, own.assessments)
            for one, own in told.items()
            if own.ended().moments
        ]


class _Told:
    """What was said of one partner, assessment by assessment, and what changed of its attributes between two."""

    def __init__(
        self,
        span: Span,
        life: Sequence[Held],
        versions: Sequence[Row[Any]],
        extra: "_Extra",
        ranks: Mapping[tuple[int, str], int],
        names: Sequence[str],
    ) -> None:
        self._span, self._life, self._versions = span, life, versions
        self._extra, self._ranks, self._names = extra, ranks, names
        self._row: Row[Any] | None = None
        self.moments: list[Moment] = []
        self.assessments = 0

    @property
    def tier(self) -> str:
        """The tier it is of today."""
        return self._life[-1].tier

    @property
    def left(self) -> list[datetime]:
        """When it ceased to be watched within the span."""
        return _left(self._life, self._span)

    def hear(self, row: Row[Any]) -> None:
        """Add an assessment, later than those before; one from before the span counts from its beginning."""
        at = max(row.at, self._span.since)
        self._change(at)
        self._row = row
        moment = self._moment(row, at)
        if moment is not None:
            self.moments.append(moment)
            self.assessments += 1

    def ended(self) -> Self:
        """Add what changed after the last assessment."""
        self._change(self._span.until)
        return self

    def _change(self, until: datetime) -> None:
        """Add the moments since the last assessment and before `until` at which attributes changed what rules see.

        They are thinned as assessments are: an import may change everybody every day.
        """
        if self._row is None:
            return
        since = max(self._row.at, self._span.since)
        for version in self._versions[:: self._span.every]:
            moment = self._moment(self._row, version.since) if since < version.since < until else None
            if moment is not None and not (self.moments and self.moments[-1].seen == moment.seen):
                self.moments.append(moment)

    def _moment(self, row: Row[Any], at: datetime) -> Moment | None:
        """Return what was last said as it was seen at a moment; None if the partner was not watched then."""
        held = _held(self._life, at)
        if held.stage not in WATCHED_STAGES:
            return None
        values = context(
            likelihood=row.likelihood,
            impact=row.impact,
            band=row.band,
            band_rank=self._ranks.get((row.matrix_version, row.band)),
            coverage=row.coverage,
            tier=held.tier,
            stage=held.stage.value,
            signals=row.signals,
            more={**self._extra.of(row.partner_id, at), **self._attributes(at)},
        )
        ended, names = over(values, row.signals), self._names
        return Moment(at, tuple(values[name] for name in names), {name: ended[name] for name in names if name in ended})

    def _attributes(self, at: datetime) -> Mapping[str, Value]:
        """Return the attributes of a moment; before the first that are known of, what they were then."""
        if not self._versions:
            return _NOTHING
        place = bisect_right(self._versions, at, key=lambda version: version.since)
        return subjects.attributes(self._versions[max(place - 1, 0)], at)


def _held(life: Sequence[Held], at: datetime) -> Held:
    """Return what a partner was at a moment; before the first that is known of, what it was then."""
    return next((one for one in reversed(life) if one.since <= at), life[0])


def _left(life: Sequence[Held], span: Span) -> list[datetime]:
    """Return when a partner ceased to be watched within the span."""
    ends = [
        after.since
        for before, after in pairwise(life)
        if before.stage in WATCHED_STAGES and after.stage not in WATCHED_STAGES
    ]
    return [end for end in ends if span.since <= end <= span.until]


class _Extra:
    """The variables no assessment holds, read once in a while over the span; without `more` there are none."""

    def __init__(self, span: Span, ids: Collection[uuid.UUID], more: More | None, every: timedelta) -> None:
        self._moments = [span.since]
        while self._moments[-1] + every < span.until:
            self._moments.append(self._moments[-1] + every)
        self._found = [more(moment, ids) for moment in self._moments] if more else []

    def of(self, partner_id: uuid.UUID, at: datetime) -> Mapping[str, Value]:
        """Return what was known of a partner by a moment."""
        if not self._found:
            return _NOTHING
        return self._found[max(bisect_right(self._moments, at) - 1, 0)].get(partner_id, _NOTHING)
