"""Since when each source was blind at some moment, past or present: its silence then says nothing about partners."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, literal, select
from sqlalchemy.orm import Session, aliased

from warden.db import EPOCH, UtcDateTime
from warden.domain import FactKind, RunOutcome
from warden.models import Run, Source
from warden.store.sources import PUSH, blind_from

DARK = (RunOutcome.REFUSED, RunOutcome.CHANGED)
"""After these no news can be trusted to come until a run goes well."""

_DAY = timedelta(days=1)
_AS_OF = bindparam("as_of", type_=UtcDateTime())


@dataclass(frozen=True, slots=True)
class _Runs:
    """What came of a source's runs up to a moment: when the last good one ended, and whether a dark one came later."""

    good: datetime | None
    dark: bool


def blind_days(
    session: Session, blind_hours: int, as_of: datetime, known_at: datetime
) -> Mapping[FactKind, Mapping[uuid.UUID, float]]:
    """Return, for each kind of fact, for how many days each source that reports it was blind at `as_of`, 0 if it saw.

    A source counts for a kind once it has reported one by `known_at`. Push sources are never blind: nobody visits them.
    Before a source's first run it is taken to see: what it reported of that time came later, but came.
    """
    runs = _runs(session, as_of)
    days: dict[FactKind, dict[uuid.UUID, float]] = {}
    for source in session.scalars(select(Source).order_by(Source.id)):
        since = _blind_since(source, blind_hours, as_of, runs.get(source.id))
        for kind, first in source.kinds.items():
            if datetime.fromisoformat(first) <= known_at:
                days.setdefault(FactKind(kind), {})[source.id] = 0.0 if since is None else (as_of - since) / _DAY
    return days


def _blind_since(source: Source, blind_hours: int, as_of: datetime, runs: _Runs | None) -> datetime | None:
    """Return since when a source was blind, None if it saw; the same rules as store.sources, from its runs alone.

    What the source's row says is not asked: it knows the present only, and may have turned blind later.
    """
    if source.collector == PUSH or runs is None:
        return None
    since = runs.good or source.created_at
    return since if runs.dark or blind_from(source.schedule, since, blind_hours) <= as_of else None


def _runs(session: Session, as_of: datetime) -> Mapping[uuid.UUID, _Runs]:
    """Return what came of the runs of each source that had ended by `as_of`; sources without any are absent."""
    rows = session.execute(_query(), {_AS_OF.key: as_of})
    return {source_id: _Runs(ended, bool(dark)) for source_id, ended, dark in rows}


@cache
def _query() -> Select[uuid.UUID, datetime | None, bool]:
    """Return the query of `_runs`, put together once: that takes longer than asking it.

    Runs are kept for ever: the last ones are sought in the index by their start, from the newest back.
    """
    run, good = aliased(Run), aliased(Run)
    last_good = select(good).where(*_ended(good), good.outcome == RunOutcome.OK)
    last_good = last_good.order_by(good.started_at.desc()).limit(1).correlate(Source)
    begun = last_good.with_only_columns(good.started_at).scalar_subquery()
    later = run.started_at > func.coalesce(begun, literal(EPOCH, UtcDateTime()))
    query = select(
        Source.id,
        last_good.with_only_columns(good.finished_at).scalar_subquery(),
        exists().where(*_ended(run), run.outcome.in_(DARK), later).correlate(Source),
    )
    return query.where(exists().where(*_ended(run), run.outcome.is_not(None)).correlate(Source))


def _ended(run: type[Run]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a run of a source had ended; that it had begun says no more, but can be sought."""
    return run.source_id == Source.id, run.started_at <= _AS_OF, run.finished_at <= _AS_OF
