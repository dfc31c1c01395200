"""Since when each source was blind at some moment, past or present: its silence then says nothing about partners."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from warden.domain import FactKind, RunOutcome
from warden.models import Run, Source
from warden.store.sources import PUSH, blind_from

_DAY = timedelta(days=1)


def blind_days(
    session: Session, blind_hours: int, as_of: datetime, known_at: datetime
) -> Mapping[FactKind, Mapping[uuid.UUID, float]]:
    """Return, for each kind of fact, for how many days each source that reports it was blind at `as_of`, 0 if it saw.

    A source counts for a kind once it has reported one by `known_at`. Push sources are never blind: nobody visits them.
    Before a source's first run it is taken to see: what it reported of that time came later, but came.
    """
    good = _last_good_runs(session, as_of)
    last = _last_outcomes(session, as_of)
    days: dict[FactKind, dict[uuid.UUID, float]] = {}
    for source in session.scalars(select(Source).order_by(Source.id)):
        since = _blind_since(source, blind_hours, as_of, good.get(source.id), last.get(source.id))
        for kind, first in source.kinds.items():
            if datetime.fromisoformat(first) <= known_at:
                days.setdefault(FactKind(kind), {})[source.id] = 0.0 if since is None else (as_of - since) / _DAY
    return days


def _blind_since(
    source: Source, blind_hours: int, as_of: datetime, good: datetime | None, outcome: RunOutcome | None
) -> datetime | None:
    if source.collector == PUSH:
        return None
    if source.blind_since is not None and source.blind_since <= as_of:
        return source.blind_since
    if outcome is None:
        return None
    since = good or source.created_at
    dark = outcome in (RunOutcome.REFUSED, RunOutcome.CHANGED)
    return since if dark or blind_from(source.schedule, since, blind_hours) <= as_of else None


def _last_good_runs(session: Session, as_of: datetime) -> dict[uuid.UUID, datetime]:
    query = select(Run.source_id, func.max(Run.finished_at)).where(Run.outcome == RunOutcome.OK)
    rows = session.execute(query.where(Run.finished_at <= as_of).group_by(Run.source_id))
    return {source_id: finished_at for source_id, finished_at in rows if finished_at is not None}


def _last_outcomes(session: Session, as_of: datetime) -> dict[uuid.UUID, RunOutcome]:
    newest = (
        select(Run.source_id, func.max(Run.finished_at).label("finished_at"))
        .where(Run.finished_at <= as_of)
        .group_by(Run.source_id)
        .subquery()
    )
    query = select(Run.source_id, Run.outcome).join(
        newest, (Run.source_id == newest.c.source_id) & (Run.finished_at == newest.c.finished_at)
    )
    return {source_id: outcome for source_id, outcome in session.execute(query) if outcome is not None}
