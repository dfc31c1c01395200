"""Sources: their schedule, claims with a lease, how they fared, and since when they are blind."""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import ColumnElement, CursorResult, and_, or_, select, union_all
from sqlalchemy import update as sql_update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased, selectinload

from collectors.base import Problem
from warden.domain import RunOutcome, SourceState
from warden.errors import Conflict, Fault, InvalidInput, NotFound, PreconditionFailed
from warden.models import Run, Source
from warden.store.batches import in_batches
from warden.store.paging import Page, page
from warden.store.visible import is_plain, is_visible

PUSH = "push"
"""The "collector" of sources that are fed through the API and never visited."""

LEASE = timedelta(minutes=30)
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
CHANGED_RETRY = timedelta(days=1)
LONGEST_WAIT = timedelta(days=7)  # however long a source asks us to stay away
LONGEST_TICK = timedelta(hours=1)  # a good run further ahead was noted by a clock that has been set right since
KEPT_PROBLEMS = 100
_UNITED = 100  # selects in one UNION; SQLite takes 500


def next_run(schedule: str, after: datetime) -> datetime:
    """Return the first moment after `after` that a cron schedule (five fields, UTC) names.

    Weekdays are names (mon-fri): numbers mean different days to different programs. Raises InvalidInput.
    """
    moment: datetime | None = _trigger(schedule).get_next_fire_time(None, after + timedelta(seconds=1))
    if moment is None:
        raise InvalidInput("The schedule never comes.", [Fault("schedule", f"{schedule!r} names no date that exists")])
    return moment.astimezone(UTC)


def blind_from(schedule: str, good_run: datetime, blind_hours: int) -> datetime:
    """Return when a source turns blind after its last good run: `blind_hours` after the next one was due."""
    return next_run(schedule, good_run) + timedelta(hours=blind_hours)


def add(
    session: Session,
    *,
    name: str,
    collector: str,
    options: Mapping[str, Any],
    now: datetime,
    secrets: str | None = None,
    schedule: str = "*/15 * * * *",
    owner_id: uuid.UUID | None = None,
) -> Source:
    """Store a new source, due at once. `options` and `secrets` come from plugins.seal_options.

    Raises InvalidInput for a schedule that is none, Conflict when the name is taken.
    """
    name = _free_name(session, name)
    next_run(schedule, now)
    source = Source(
        name=name,
        collector=collector,
        options=dict(options),
        secrets=secrets,
        schedule=schedule,
        owner_id=owner_id,
        state_since=now,
        created_at=now,
        next_run_at=None if collector == PUSH else now,
    )
    session.add(source)
    session.flush()
    return source


def push(session: Session, name: str, now: datetime) -> Source:
    """Return the push source of this name, made if there is none. Raises Conflict when another kind bears the name."""
    source = by_name(session, name)
    if source is None:
        try:
            with session.begin_nested():
                return add(session, name=name, collector=PUSH, options={}, now=now)
        except IntegrityError:  # on PostgreSQL another sender made it since
            source = session.scalars(select(Source).where(Source.name == name)).one()
    if source.collector != PUSH:
        raise Conflict(f"The source {name} collects by itself ({source.collector}): facts cannot be pushed into it.")
    return source


def update(
    session: Session,
    source_id: uuid.UUID,
    *,
    version: int | None,
    now: datetime,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
    secrets: str | None = None,
    schedule: str | None = None,
    owner_id: uuid.UUID | None = None,
) -> Source:
    """Change what is given. New options forget the cursor and bring a refused source back.

    `version` is what the caller read (If-Match). Raises NotFound, PreconditionFailed, InvalidInput or Conflict.
    """
    source = _locked(session, source_id, version)
    if name is not None and name != source.name:
        source.name = _free_name(session, name)
    if schedule is not None:
        source.next_run_at = None if source.collector == PUSH else next_run(schedule, now)
        source.schedule = schedule
    if owner_id is not None:
        source.owner_id = owner_id
    if options is not None:
        source.options, source.secrets, source.cursor = dict(options), secrets, {}
        _bring_back(source, now)
    source.version += 1
    session.flush()
    return source


def pause(session: Session, source_id: uuid.UUID, *, version: int | None = None) -> Source:
    """Stop visiting a source until it is resumed. Raises NotFound or PreconditionFailed."""
    source = _locked(session, source_id, version)
    source.paused = True
    source.version += 1
    session.flush()
    return source


def resume(session: Session, source_id: uuid.UUID, now: datetime, *, version: int | None = None) -> Source:
    """Visit a source again, at once. Raises NotFound or PreconditionFailed."""
    source = _locked(session, source_id, version)
    _bring_back(source, now)
    source.version += 1
    session.flush()
    return source


def hasten(session: Session, source_id: uuid.UUID, now: datetime) -> Source:
    """Make a source due at once. Raises NotFound, or Conflict for one that is paused or fed through the API."""
    source = _locked(session, source_id, None)
    if source.collector == PUSH:
        raise Conflict(f"{source.name} is fed through the API and never visited.")
    if source.paused:
        raise Conflict(f"{source.name} is paused: resume it instead.")
    source.next_run_at = now
    session.flush()
    return source


def get(session: Session, source_id: uuid.UUID) -> Source:
    """Return a source with its owner. Raises NotFound."""
    source = session.scalar(select(Source).where(Source.id == source_id).options(selectinload(Source.owner)))
    if source is None:
        raise NotFound(f"There is no source {source_id}.")
    return source


def by_name(session: Session, name: str) -> Source | None:
    """Return the source of this name, None when there is none."""
    return session.scalar(select(Source).where(Source.name == name))


def listing(session: Session, *, cursor: str | None = None, limit: int = 100) -> Page[Source]:
    """Return sources by name, with their owners."""
    return page(session, select(Source).options(selectinload(Source.owner)), Source.name, Source.id, cursor, limit)


def everything(session: Session) -> Sequence[Source]:
    """Return every source by name, with its owner."""
    return session.scalars(select(Source).options(selectinload(Source.owner)).order_by(Source.name)).all()


def runs(session: Session, source_id: uuid.UUID, *, cursor: str | None = None, limit: int = 100) -> Page[Run]:
    """Return a source's runs, newest first."""
    query = select(Run).where(Run.source_id == source_id)
    return page(session, query, Run.started_at, Run.id, cursor, limit, descending=True)


def last_runs(session: Session, source_ids: Sequence[uuid.UUID], each: int) -> dict[uuid.UUID, list[Run]]:
    """Return the last runs of each source, at most `each`, newest first."""
    found: dict[uuid.UUID, list[Run]] = {one: [] for one in source_ids}
    for some in in_batches(source_ids, _UNITED):
        newest = (
            select(Run).where(Run.source_id == one).order_by(Run.started_at.desc(), Run.id.desc()).limit(each)
            for one in some
        )
        row = aliased(Run, union_all(*(select(one.subquery()) for one in newest)).subquery())
        for run in session.scalars(select(row).order_by(row.started_at.desc(), row.id.desc())):
            found[run.source_id].append(run)
    return found


def due(session: Session, now: datetime) -> list[uuid.UUID]:
    """Return the sources to visit at `now`, longest due first. Those somebody is visiting are left out."""
    free = or_(Source.lease_until.is_(None), Source.lease_until <= now)
    query = select(Source.id).where(Source.paused.is_(False), _is_due(now), free)
    return list(session.scalars(query.order_by(Source.next_run_at, Source.id)))


def _is_due(now: datetime) -> ColumnElement[bool]:
    """What was planned by a clock that ran ahead would come far too late."""
    was_ahead = and_(Source.next_run_at.is_not(None), Source.last_success_at > now + LONGEST_TICK)
    return or_(Source.next_run_at <= now, was_ahead)


def claim(
    session: Session, source_id: uuid.UUID, now: datetime, *, ignore_schedule: bool = False
) -> tuple[Source, Run] | None:
    """Take a source for one visit; None when somebody else has it or it is no longer due.

    Compare and swap: of any number of callers one wins, on both databases. The lease outlives a crash by LEASE at most.
    `ignore_schedule` visits also what is paused or not due yet.
    """
    run_id = uuid.uuid4()
    conditions = [Source.id == source_id, or_(Source.lease_until.is_(None), Source.lease_until <= now)]
    if not ignore_schedule:
        conditions += [Source.paused.is_(False), _is_due(now)]
    taken = session.execute(
        sql_update(Source).where(*conditions).values(lease_until=now + LEASE, lease_holder=str(run_id)),
        execution_options={"synchronize_session": False},
    )
    if _rows(taken) == 0:
        return None
    _close_abandoned_runs(session, [source_id], now)
    run = Run(id=run_id, source_id=source_id, started_at=now)
    session.add(run)
    session.flush()
    return session.get_one(Source, source_id, populate_existing=True), run


def reclaim(session: Session, run: Run) -> Source | None:
    """Return the source of a run, locked for writing down how it went; None when the claim was lost meanwhile."""
    query = select(Source).where(Source.id == run.source_id, Source.lease_holder == str(run.id)).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))


def finish_ok(
    session: Session,
    source: Source,
    run: Run,
    *,
    seen: int,
    new: int,
    cursor: Mapping[str, Any],
    now: datetime,
    not_before: datetime | None = None,
    problems: Sequence[Problem] = (),
) -> None:
    """Write down a good run: the cursor moves, failures and blindness end, the next run is the scheduled one."""
    run = session.get_one(Run, run.id)
    run.outcome, run.finished_at, run.seen, run.new = RunOutcome.OK, now, seen, new
    run.problems = [{"where": problem.where, "what": problem.what} for problem in problems[:KEPT_PROBLEMS]]
    if source.state is not SourceState.OK:
        source.state, source.state_since = SourceState.OK, now
    source.reason, source.failures, source.blind_since = "", 0, None
    source.last_success_at, source.cursor = now, dict(cursor)
    source.next_run_at = _not_before(next_run(source.schedule, now), not_before, now)
    _release(source)
    session.flush()


def finish_failed(
    session: Session,
    source: Source,
    run: Run,
    *,
    outcome: RunOutcome,
    reason: str,
    now: datetime,
    not_before: datetime | None = None,
) -> None:
    """Write down a run that failed; cursor and facts stay as they were. Who must act decides what happens next.

    UNAVAILABLE, FAILED: tried again after 1, 2, 4 … minutes, at most 6 hours, never before Retry-After.
    REFUSED: paused until a person resumes it. CHANGED: tried again a day later, in case the payload is mended.
    Both are blind at once: no further news can be trusted to come.
    """
    run = session.get_one(Run, run.id)
    run.outcome, run.finished_at, run.error = outcome, now, reason
    state = SourceState.UNAVAILABLE if outcome is RunOutcome.FAILED else SourceState(outcome.value)
    if source.state is not state:
        source.state, source.state_since = state, now
    source.reason, source.failures = reason, source.failures + 1
    if state in (SourceState.REFUSED, SourceState.CHANGED):
        source.paused = source.paused or state is SourceState.REFUSED
        source.blind_since = source.blind_since or source.last_success_at or source.created_at
    source.next_run_at = _not_before(now + _retry_delay(state, source.failures), not_before, now)
    _release(source)
    session.flush()


def mark_blind(session: Session, blind_hours: int, now: datetime) -> list[Source]:
    """Note which sources turned blind: no good run within `blind_hours` after one was due. Returns the new ones.

    They count as blind since their last good run, because whatever came after it may have been missed.
    """
    query = select(Source).where(Source.blind_since.is_(None), Source.collector != PUSH)
    fresh = []
    for source in session.scalars(query):
        good_run = source.last_success_at or source.created_at
        if blind_from(source.schedule, good_run, blind_hours) <= now:
            source.blind_since = good_run
            fresh.append(source)
    session.flush()
    return fresh


def release_stale(session: Session, now: datetime, *, alone: bool) -> int:
    """Free the claims that dead processes left and close their runs; return how many. For start-up.

    `alone`: this is the only process on the database (SQLite), so that every claim is a dead one's. Otherwise only
    those whose lease has run out.
    """
    claimed = select(Source).where(Source.lease_holder.is_not(None))
    stale = session.scalars(claimed if alone else claimed.where(Source.lease_until <= now)).all()
    for source in stale:
        _release(source)
    session.flush()
    _close_abandoned_runs(session, [source.id for source in stale], now)
    return len(stale)


def _close_abandoned_runs(session: Session, source_ids: Sequence[uuid.UUID], now: datetime) -> None:
    session.execute(
        sql_update(Run)
        .where(Run.source_id.in_(source_ids), Run.outcome.is_(None))
        .values(outcome=RunOutcome.FAILED, finished_at=now, error="Warden was stopped during this visit."),
        execution_options={"synchronize_session": False},
    )


def _retry_delay(state: SourceState, failures: int) -> timedelta:
    if state is SourceState.CHANGED:
        return CHANGED_RETRY
    doubled: timedelta = FIRST_RETRY * 2 ** min(failures - 1, 20)
    return min(doubled, LONGEST_RETRY)


def _not_before(planned: datetime, asked: datetime | None, now: datetime) -> datetime:
    return planned if asked is None else max(planned, min(asked, now + LONGEST_WAIT))


def _bring_back(source: Source, now: datetime) -> None:
    source.paused, source.failures = False, 0
    source.next_run_at = None if source.collector == PUSH else now


def _release(source: Source) -> None:
    source.lease_until = source.lease_holder = None


def _free_name(session: Session, name: str) -> str:
    name = name.strip()
    if not (is_visible(name) and is_plain(name) and len(name) <= 100):
        what = "expected 1 to 100 characters without hidden ones"
        raise InvalidInput("The source cannot be stored.", [Fault("name", what)])
    if by_name(session, name) is not None:
        raise Conflict(f"There is already a source named {name}.")
    return name


def _locked(session: Session, source_id: uuid.UUID, version: int | None) -> Source:
    query = select(Source).where(Source.id == source_id).options(selectinload(Source.owner))
    source = session.scalar(query.with_for_update(of=Source).execution_options(populate_existing=True))
    if source is None:
        raise NotFound(f"There is no source {source_id}.")
    if version is not None and version != source.version:
        raise PreconditionFailed(f"{source.name} was changed meanwhile: it is at version {source.version}.")
    return source


def _trigger(schedule: str) -> CronTrigger:
    fields = schedule.split()
    if len(fields) == 5 and re.search(r"\d", fields[4]):
        what = f"{schedule!r} gives the weekday as a number, expected names: mon, tue, wed, thu, fri, sat, sun"
        raise InvalidInput("The schedule cannot be read.", [Fault("schedule", what)])
    try:
        return CronTrigger.from_crontab(schedule, timezone=UTC)
    except ValueError as error:
        what = f"{schedule!r} is not a cron schedule of five fields such as '*/15 * * * *' ({error})"
        raise InvalidInput("The schedule cannot be read.", [Fault("schedule", what)]) from error


def _rows(result: Any) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
