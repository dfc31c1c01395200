"""Since when each source was blind at some moment, past or present: its silence then says nothing about partners."""

import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from warden.domain import FactKind, RunOutcome
from warden.models import Run, Source
from warden.store.sources import PUSH, blind_from

DARK = (RunOutcome.REFUSED, RunOutcome.CHANGED)
"""After these no news can be trusted to come until a run goes well."""

_DAY = timedelta(days=1)


def blind_days(
    session: Session, blind_hours: int, as_of: datetime, known_at: datetime
) -> Mapping[FactKind, Mapping[uuid.UUID, float]]:
    """Return, for each kind of fact, for how many days each source that reports it was blind at `as_of`, 0 if it saw.

    A source counts for a kind once it has reported one by `known_at`. Push sources are never blind: nobody visits them.
    Before a source's first run it is taken to see: what it reported of that time came later, but came.
    """
    runs = _last_runs(session, as_of)
    days: dict[FactKind, dict[uuid.UUID, float]] = {}
    for source in session.scalars(select(Source).order_by(Source.id)):
        since = _blind_since(source, blind_hours, as_of, runs.get(source.id, {}))
        for kind, first in source.kinds.items():
            if datetime.fromisoformat(first) <= known_at:
                days.setdefault(FactKind(kind), {})[source.id] = 0.0 if since is None else (as_of - since) / _DAY
    return days


def _blind_since(
    source: Source, blind_hours: int, as_of: datetime, last: Mapping[RunOutcome, datetime]
) -> datetime | None:
    """Return since when a source was blind, None if it saw; the same rules as store.sources, from its runs alone.

    What the source's row says is not asked: it knows the present only, and may have turned blind later.
    """
    if source.collector == PUSH or not last:
        return None
    good = last.get(RunOutcome.OK)
    since = good or source.created_at
    dark = any(outcome in last and (good is None or last[outcome] > good) for outcome in DARK)
    return since if dark or blind_from(source.schedule, since, blind_hours) <= as_of else None


def _last_runs(session: Session, as_of: datetime) -> Mapping[uuid.UUID, Mapping[RunOutcome, datetime]]:
    """Return when the last run of each source ended that had each outcome."""
    query = select(Run.source_id, Run.outcome, func.max(Run.finished_at))
    query = query.where(Run.finished_at <= as_of).group_by(Run.source_id, Run.outcome)
    last: dict[uuid.UUID, dict[RunOutcome, datetime]] = defaultdict(dict)
    for source_id, outcome, finished_at in session.execute(query):
        if outcome is not None and finished_at is not None:
            last[source_id][outcome] = finished_at
    return last
