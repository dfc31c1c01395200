"""Facts written down: each once, corrections as new rows. Listed, counted, and those nobody owns.

Columns by kind. message: sent, name = thread (and in short `thread`), number = reply latency
in seconds. delivery: due_on, made_on, made_at,
number = quantity, amount, detail = {"currency"}. measure: name, number = value, detail = {"unit"}. article: no key,
detail = {"url", "title", "summary", "outlet", "language", "dated"}.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, selectinload

import collectors.base as reported
from collectors.base import Key
from warden.domain import FactKind
from warden.models import Fact, FactKey, Mention, Reading, Source
from warden.store import bulk
from warden.store.batches import in_batches
from warden.store.fact_rows import KINDS, RowMaker
from warden.store.paging import Page, page
from warden.store.periods import mentioned

BATCH = 5_000

_MARKS = {FactKind.MESSAGE: Fact.sent, FactKind.DELIVERY: Fact.due_on}
"""Columns that facts of one kind alone have."""


@dataclass(frozen=True, slots=True)
class Observation:
    """That one content was reported at one moment. `row_id` is None until it is stored."""

    recorded_at: datetime
    digest: bytes
    row_id: int | None = None


def chain(observations: Iterable[Observation]) -> list[tuple[Observation, datetime | None]]:
    """Return which observations of one identity make rows, each with the moment it is superseded (None: in force).

    A report of what is in force already makes no row, though a stored one stays. Of several contents reported at the
    very same moment those that differ from what was in force count, and of these the greatest digest wins; what loses
    is superseded the moment it is recorded, and so is never in force.
    """
    moments: dict[datetime, dict[bytes, Observation]] = defaultdict(dict)
    for one in sorted(observations, key=lambda one: one.row_id is None):  # a stored row before its repetition
        moments[one.recorded_at].setdefault(one.digest, one)
    rows: list[Observation] = []
    winners: list[Observation] = []
    for _moment, contents in sorted(moments.items()):
        before = winners[-1].digest if winners else None
        changes = [digest for digest in contents if digest != before]
        rows += [one for one in contents.values() if one.digest != before or one.row_id is not None]
        if changes:
            winners.append(contents[max(changes)])
    ends = {one: later.recorded_at for one, later in pairwise(winners)}
    last = winners[-1]
    return [(one, None if one is last else ends.get(one, one.recorded_at)) for one in rows]


def in_force(known_at: datetime | None) -> ColumnElement[bool]:
    """Return the condition that a fact row was in force at `known_at`; None is now."""
    if known_at is None:
        return Fact.superseded_at.is_(None)
    return and_(Fact.recorded_at <= known_at, or_(Fact.superseded_at.is_(None), Fact.superseded_at > known_at))


def of_kind(kind: FactKind) -> ColumnElement[bool]:
    """Return the condition that a fact is of a kind, for reading most of them.

    Asked for one of the two kinds that fill the table, SQLite would go through the index of kinds row by row, which
    costs seven times as much as one pass over the table: these are told by a column that no other kind has.
    """
    mark = _MARKS.get(kind)
    return Fact.kind == kind if mark is None else mark.is_not(None)


def insert_facts(session: Session, source_id: uuid.UUID, facts: Sequence[reported.Fact], recorded_at: datetime) -> int:
    """Write down what a source reported at `recorded_at` and return how many rows were added.

    What is known already adds nothing; a changed content is a new row that supersedes the older one from `recorded_at`.
    The same reports give the same state in any batching, and in any order of reports of one moment. Moments may come in
    any order too, as long as no content is reported twice for one identity: a repetition leaves no trace to reorder by.
    """
    # The row of the source is the lock: two writers of one source would each miss the other's new rows.
    source = session.get_one(Source, source_id, with_for_update=True)
    key_ids: dict[Key, int] = {}
    maker = RowMaker(source_id, recorded_at, key_ids)
    added = 0
    for batch in in_batches(facts, BATCH):
        _learn_keys(session, batch, key_ids, recorded_at)
        rows = {(row["identity"], row["digest"]): row for row in map(maker.row, batch)}
        added += _write(session, list(rows.values()), recorded_at)
    _note_kinds(source, {KINDS[kind] for kind in {type(fact) for fact in facts}}, recorded_at)
    session.flush()
    return added


def _note_kinds(source: Source, kinds: Iterable[FactKind], recorded_at: datetime) -> None:
    """Remember since when a source reports each kind, so that its silence means something from then on."""
    first = {kind.value: recorded_at.isoformat() for kind in kinds}
    earlier = {kind: at for kind, at in source.kinds.items() if datetime.fromisoformat(at) <= recorded_at}
    if source.kinds != (noted := {**source.kinds, **first, **earlier}):
        source.kinds = noted


def _write(session: Session, rows: list[dict[str, Any]], recorded_at: datetime) -> int:
    """Insert what is new among rows of one moment, and chain anew the identities that were known with other content."""
    current = _current(session, [row["identity"] for row in rows])
    several = _repeated(row["identity"] for row in rows)
    fresh, corrected = [], []
    for row in rows:
        known = current.get(row["identity"])
        if known is None and row["identity"] not in several:
            fresh.append(row)
        elif known is None or known[0] != row["digest"] or known[1] > recorded_at:
            corrected.append(row)
    if corrected:
        fresh += _supersede(session, corrected)
    # One statement per set of columns: what a kind does not fill is left out and costs nothing.
    shapes: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in fresh:
        shapes[tuple(row)].append(row)
    for alike in shapes.values():
        bulk.add(session, Fact.__table__, alike)  # type: ignore[arg-type]
    return len(fresh)


def _current(session: Session, identities: Sequence[bytes]) -> dict[bytes, tuple[bytes, datetime]]:
    query = select(Fact.identity, Fact.digest, Fact.recorded_at)
    rows = session.execute(query.where(Fact.identity.in_(identities), Fact.superseded_at.is_(None)))
    return {identity: (digest, recorded_at) for identity, digest, recorded_at in rows}


def _supersede(session: Session, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Close the rows that `rows` correct; return those of `rows` to insert, with their own ends set."""
    by_identity: dict[bytes, dict[bytes, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        by_identity[row["identity"]][row["digest"]] = row
    ends: list[dict[str, Any]] = []
    inserts = []
    for identity, stored in _history(session, by_identity).items():
        new = by_identity[identity]
        known = dict(stored)
        reports = [Observation(row["recorded_at"], digest) for digest, row in new.items()]
        for observation, end in chain([*known, *reports]):
            if observation.row_id is None:
                inserts.append({**new[observation.digest], "superseded_at": end})
            elif known[observation] != end:
                ends.append({"id": observation.row_id, "superseded_at": end})
    if ends:
        session.execute(update(Fact), ends)
    return inserts


def _history(session: Session, identities: Collection[bytes]) -> dict[bytes, list[tuple[Observation, datetime | None]]]:
    history: dict[bytes, list[tuple[Observation, datetime | None]]] = {identity: [] for identity in identities}
    query = select(Fact.identity, Fact.id, Fact.digest, Fact.recorded_at, Fact.superseded_at)
    for identity, row_id, digest, recorded_at, end in session.execute(query.where(Fact.identity.in_(identities))):
        history[identity].append((Observation(recorded_at, digest, row_id), end))
    return history


def _repeated(identities: Iterable[bytes]) -> set[bytes]:
    seen: set[bytes] = set()
    return {identity for identity in identities if identity in seen or seen.add(identity)}  # type: ignore[func-returns-value]


def _learn_keys(session: Session, facts: Iterable[reported.Fact], known: dict[Key, int], now: datetime) -> None:
    """Add the row numbers of the facts' keys to `known`, making rows for keys never seen."""
    wanted = {fact.key for fact in facts if not isinstance(fact, reported.Article)} - known.keys()
    if not wanted:
        return
    known.update(_key_ids(session, wanted))
    missing = sorted(wanted - known.keys(), key=lambda key: (key.scheme, key.value))
    if missing:
        dialect = session.get_bind().dialect.name
        add = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(FactKey).on_conflict_do_nothing()
        session.execute(add, [{"scheme": key.scheme, "value": key.value, "first_seen_at": now} for key in missing])
        known.update(_key_ids(session, set(missing)))


def _key_ids(session: Session, keys: set[Key]) -> Iterator[tuple[Key, int]]:
    schemes: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        schemes[key.scheme].append(key.value)
    for scheme, values in schemes.items():
        query = select(FactKey.value, FactKey.id).where(FactKey.scheme == scheme, FactKey.value.in_(values))
        for value, number in session.execute(query):
            yield Key(scheme, value), number


@dataclass(frozen=True, slots=True)
class Unattributed:
    """A key that no partner's identifier covers. `facts`: how many came with it, by kind."""

    key: FactKey
    facts: dict[FactKind, int]
    first: datetime
    last: datetime


def listing(
    session: Session,
    *,
    partner_id: uuid.UUID | None = None,
    kind: FactKind | None = None,
    source_id: uuid.UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    known_at: datetime | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[Fact]:
    """Return facts in force at `known_at` (None: now), newest first, with their keys.

    `since` <= observed_at < `until`. A partner's facts include the articles that name it.
    """
    conditions = [in_force(known_at)]
    if partner_id is not None:
        conditions.append(of_partner(partner_id))
    if kind is not None:
        # Of one partner's few facts the kind is compared as an expression: else SQLite would walk all of that kind.
        conditions.append(Fact.kind == kind if partner_id is None else Fact.kind.concat("") == kind.value)
    if source_id is not None:
        conditions.append(Fact.source_id == source_id)
    if since is not None:
        conditions.append(Fact.observed_at >= since)
    if until is not None:
        conditions.append(Fact.observed_at < until)
    query = select(Fact).where(*conditions).options(selectinload(Fact.key))
    return page(session, query, Fact.observed_at, Fact.id, cursor, limit, descending=True)


def get(session: Session, fact_ids: Collection[int]) -> list[Fact]:
    """Return these facts with their keys, newest first; unknown numbers are left out."""
    query = select(Fact).where(Fact.id.in_(fact_ids)).options(selectinload(Fact.key))
    return list(session.scalars(query.order_by(Fact.observed_at.desc(), Fact.id.desc())))


def of_partner(partner_id: uuid.UUID) -> ColumnElement[bool]:
    """Return the condition that a fact speaks of a partner, by its key or as an article naming it."""
    keys = select(FactKey.id).where(FactKey.partner_id == partner_id)
    articles = select(Mention.fact_id).where(Mention.partner_id == partner_id, mentioned(None))
    return or_(Fact.key_id.in_(keys), Fact.id.in_(articles))


def sources_of(session: Session, partner_id: uuid.UUID) -> set[uuid.UUID]:
    """Return which sources have spoken of a partner."""
    return set(session.scalars(select(Fact.source_id).where(of_partner(partner_id)).distinct()))


def latest(session: Session, partner_id: uuid.UUID, limit: int = 10) -> list[Fact]:
    """Return a partner's newest facts, with their keys."""
    return listing(session, partner_id=partner_id, limit=limit).items


def last_recorded_at(session: Session) -> datetime | None:
    """Return when the newest row was recorded; None without any."""
    return session.scalar(select(Fact.recorded_at).order_by(Fact.id.desc()).limit(1))


def total(session: Session) -> int:
    """Return how many facts are in force."""
    return session.scalar(select(func.count()).select_from(Fact).where(in_force(None))) or 0


def unattributed(session: Session, *, cursor: str | None = None, limit: int = 100) -> Page[Unattributed]:
    """Return the keys that belong to no partner, those with most facts first."""
    counts = (
        select(Fact.key_id.label("key_id"), func.count().label("facts"))
        .join(FactKey, Fact.key_id == FactKey.id)
        .where(FactKey.partner_id.is_(None), in_force(None))
        .group_by(Fact.key_id)
        .subquery()
    )
    query = select(FactKey).join(counts, counts.c.key_id == FactKey.id)
    keys = page(session, query, counts.c.facts, FactKey.id, cursor, limit, descending=True)
    stats = _stats(session, [key.id for key in keys.items])
    return Page([Unattributed(key, *stats[key.id]) for key in keys.items], keys.next)


def unattributed_total(session: Session) -> tuple[int, int]:
    """Return (keys that belong to no partner, articles read that name nobody)."""
    keys = select(func.count()).select_from(FactKey).where(FactKey.partner_id.is_(None))
    articles = select(func.count()).select_from(Reading).where(~_named())
    return session.scalar(keys) or 0, session.scalar(articles) or 0


def articles_naming_nobody(session: Session, *, cursor: str | None = None, limit: int = 100) -> Page[Fact]:
    """Return the articles that were read and name no partner, newest first."""
    query = select(Fact).join(Reading, Reading.fact_id == Fact.id)
    query = query.where(Fact.kind == FactKind.ARTICLE, ~_named(), in_force(None))
    return page(session, query, Fact.observed_at, Fact.id, cursor, limit, descending=True)


def _named() -> ColumnElement[bool]:
    return exists().where(Mention.fact_id == Reading.fact_id, mentioned(None))


def _stats(session: Session, key_ids: Sequence[int]) -> dict[int, tuple[dict[FactKind, int], datetime, datetime]]:
    query = select(FactKey.id, Fact.kind, func.count(), func.min(Fact.observed_at), func.max(Fact.observed_at))
    query = query.join(FactKey, Fact.key_id == FactKey.id).group_by(FactKey.id, Fact.kind)
    stats: dict[int, tuple[dict[FactKind, int], datetime, datetime]] = {}
    rows = session.execute(query.where(FactKey.id.in_(key_ids), in_force(None)))
    for key_id, kind, count, first, last in rows:
        kinds, earliest, newest = stats.get(key_id, ({}, first, last))
        stats[key_id] = ({**kinds, kind: count}, min(earliest, first), max(newest, last))
    return stats
