"""Collect: visits the sources that are due and writes down what they reported. It attributes and judges nothing."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from collectors.base import Batch, Collector, Fact, Named, Problem, SourceChanged, SourceRefused, SourceUnavailable
from collectors.http import Http
from warden import plugins
from warden.db import Database
from warden.domain import RunOutcome, SourceState
from warden.errors import InvalidInput, Misconfigured
from warden.log import get_logger
from warden.models import Alias, Run, Source
from warden.pipeline.bounded import GivenUpError, within
from warden.pipeline.fence import fence
from warden.settings import Settings
from warden.store import facts, identifiers, partners, replies, sources
from warden.vault import Vault

log = get_logger(__name__)

THREADS = 8
"""Sources visited at a time: visits mostly wait for the network."""

TRIED_PARTNERS = 3
"""A source on trial searches for no more: searches wait between requests."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A visit that brought nothing, and who must act (see RunOutcome)."""

    outcome: RunOutcome
    reason: str
    not_before: datetime | None = None


def run_due(
    db: Database,
    vault: Vault,
    settings: Settings,
    now: datetime,
    *,
    only: uuid.UUID | None = None,
    ignore_schedule: bool = False,
) -> int:
    """Visit every source that is due at `now`, or only one of them, and return how many were visited.

    `ignore_schedule` visits `only` even if it is paused or not due. Each visit ends in one transaction that holds its
    facts, cursor, run and schedule; a process killed before that leaves a lease and nothing else.
    """
    with db.write() as session:
        sources.mark_blind(session, settings.blind_hours, now)
        wanted = sources.due(session, now) if only is None else [only]
    if not wanted:
        return 0
    with Http(allowed_networks=settings.allowed_networks) as http, ThreadPoolExecutor(THREADS) as pool:
        visits = [
            pool.submit(_visit, db, vault, settings, http, source_id, now, ignore_schedule) for source_id in wanted
        ]
        return sum(visit.result() for visit in visits)


def test_source(
    db: Database, collector: type[Collector], options: object, http: Http, now: datetime
) -> tuple[Sequence[Fact], Sequence[Problem]]:
    """Visit a source once as if for the first time, store nothing, and return its first three facts and its problems.

    One that searches for partners searches for the first three. Raises SourceUnavailable, SourceRefused or
    SourceChanged.
    """
    named = sought_partners(db, now)[:TRIED_PARTNERS] if collector.needs_names else ()
    batch = _bounded(collector, uuid.uuid4(), lambda: collector(options, named).collect({}, http, now))
    return batch.facts[:3], batch.problems


def sought_partners(db: Database, now: datetime) -> list[Named]:
    """Return every watched partner with what it is searched by, in the order of their names.

    Its own name, then its aliases. One that needs context to mean the partner is left out, unless there is no other;
    one that is excluded always is.
    """
    with db.read() as session:
        watched = partners.watched(session, now)
        aliases: dict[uuid.UUID, dict[str, Alias]] = {}
        for alias in identifiers.all_aliases(session):
            aliases.setdefault(alias.partner_id, {})[alias.text] = alias
    named = [Named(row.name, _search_names(row.name, aliases.get(row.id, {}))) for row in watched]
    return [one for one in named if one.names]


def _search_names(own: str, aliases: Mapping[str, Alias]) -> tuple[str, ...]:
    names = [own, *(text for text in aliases if text != own)]
    usable = [name for name in names if name not in aliases or not aliases[name].exclude]
    clear = [name for name in usable if name not in aliases or not aliases[name].needs_context]
    return tuple(clear or usable[:1])


def _visit(
    db: Database,
    vault: Vault,
    settings: Settings,
    http: Http,
    source_id: uuid.UUID,
    now: datetime,
    ignore_schedule: bool,
) -> bool:
    """Claim, visit and write down one source; False when somebody else has it."""
    visited = False
    with fence("source_visit_broke", source_id=str(source_id)):
        with db.write() as session:
            claimed = sources.claim(session, source_id, now, ignore_schedule=ignore_schedule)
        if claimed is None:
            return False
        source, run = claimed
        visited = True
        failure: Failure | None = None
        with fence("source_not_collected", source=source.name, collector=source.collector) as fenced:
            failure = _attempt(db, vault, settings, http, source, run, now)
        if fenced.error is not None:
            reason = f"Warden itself failed ({type(fenced.error).__name__}); its log has the details."
            failure = Failure(RunOutcome.FAILED, reason)
        if failure is not None:
            _write_failure(db, run, failure, now)
    return visited


def _attempt(
    db: Database, vault: Vault, settings: Settings, http: Http, source: Source, run: Run, now: datetime
) -> Failure | None:
    """Ask the source, with no transaction open, and write down what it said; return who must act if it said nothing."""
    try:
        kind = plugins.collector(source.collector)
        named = sought_partners(db, now) if kind.needs_names else ()

        def ask() -> Batch:
            options = plugins.load_options(kind.Options, source.options, source.secrets, vault, settings)
            return kind(options, named).collect(dict(source.cursor), http, now)

        batch = _bounded(kind, source.id, ask)
    except SourceUnavailable as error:
        return Failure(RunOutcome.UNAVAILABLE, str(error), error.not_before)
    except SourceRefused as error:
        return Failure(RunOutcome.REFUSED, str(error))
    except SourceChanged as error:
        return Failure(RunOutcome.CHANGED, str(error))
    except InvalidInput as error:
        return Failure(RunOutcome.REFUSED, " ".join([str(error), *map(str, error.faults)]))
    except Misconfigured as error:
        return Failure(RunOutcome.REFUSED, str(error))
    _write_batch(db, run, batch, now)
    return None


def _bounded(kind: type[Collector], key: uuid.UUID, ask: Callable[[], Batch]) -> Batch:
    """Return what a visit brings, unless it lasts too long: a drive that hangs must not hold up all that follows."""
    try:
        return within(kind.most_seconds, key, ask)
    except GivenUpError as error:
        raise SourceUnavailable(f"The visit did not end within {kind.most_seconds:,.0f} seconds.") from error


def _write_batch(db: Database, run: Run, batch: Batch, now: datetime) -> None:
    """Write facts, cursor, run and schedule in one transaction; all of it, or after a crash none."""
    with db.write() as session:
        source = sources.reclaim(session, run)
        if source is None:
            log.warning("claim_lost", run_id=str(run.id))
            return
        before = source.state
        new = facts.insert_facts(session, source.id, batch.facts, now)
        replies.note(session, batch.replies, now)
        sources.finish_ok(
            session,
            source,
            run,
            seen=len(batch.facts),
            new=new,
            cursor=batch.cursor,
            now=now,
            not_before=batch.not_before,
            problems=batch.problems,
        )
    if before not in (SourceState.NEW, SourceState.OK):
        log.info("source_came_back", source=source.name, was=before.value)
    log.debug("source_collected", source=source.name, seen=len(batch.facts), new=new, problems=len(batch.problems))


def _write_failure(db: Database, run: Run, failure: Failure, now: datetime) -> None:
    with db.write() as session:
        source = sources.reclaim(session, run)
        if source is None:
            log.warning("claim_lost", run_id=str(run.id))
            return
        before = source.state
        sources.finish_failed(
            session,
            source,
            run,
            outcome=failure.outcome,
            reason=failure.reason,
            now=now,
            not_before=failure.not_before,
        )
    if source.state is not before:  # once per change, not once per visit
        log.warning("source_went_down", source=source.name, state=source.state.value, reason=failure.reason)
