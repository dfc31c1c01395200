"""Reads what was said of partners over a span of time, as a rule would have seen it then."""

import uuid
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from warden.domain import WATCHED_STAGES
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
    """What is looked at: from `since` until `until`, of each partner every `every`-th assessment.

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
    assessment holds, where needed.
    """
    ranks, lives = matrices.band_ranks(session), spans.lives(session)
    chosen = [one for one in lives if span.partners is None or one in span.partners]
    for ids in in_batches(chosen, BATCH):
        extra = _Extra(span, ids, more, more_every(span, len(chosen)))
        moments: dict[uuid.UUID, list[Moment]] = {}
        for row in spans.assessments(session, ids, span.since, span.until, span.every):
            at = max(row.at, span.since)
            held = _held(lives[row.partner_id], at)
            if held.stage in WATCHED_STAGES:
                own = moments.setdefault(row.partner_id, [])
                own.append(_moment(row, at, held, ranks, names, extra.of(row.partner_id, row.at)))
        yield [
            Said(one, lives[one][-1].tier, tuple(names), own, _left(lives[one], span), span.until)
            for one, own in moments.items()
        ]


def _moment(
    row: Row[Any],
    at: datetime,
    held: Held,
    ranks: Mapping[tuple[int, str], int],
    names: Sequence[str],
    more: Mapping[str, Value],
) -> Moment:
    values = context(
        likelihood=row.likelihood,
        impact=row.impact,
        band=row.band,
        band_rank=ranks.get((row.matrix_version, row.band)),
        coverage=row.coverage,
        tier=held.tier,
        stage=held.stage.value,
        signals=row.signals,
        more=more,
    )
    ended = over(values, row.signals)
    return Moment(at, tuple(values[name] for name in names), {name: ended[name] for name in names if name in ended})


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
