"""The newest facts behind a partner's signals, by number. It says nothing of what they mean."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.orm import Session, aliased

from collectors.base import MILESTONE
from warden.domain import FAMILIES, FactKind
from warden.models import Attribution, Fact, Mention, Reading
from warden.store import numbers
from warden.store.batches import in_batches
from warden.store.facts import in_force, of_kind
from warden.store.periods import mentioned, valid
from warden.store.talk import CLEAR, is_clear

KEPT = 20
"""Facts named for one partner and signal."""


class Evidence(NamedTuple):
    """What a signal rests on: facts of one kind and, of measures, of one name (None: any)."""

    kind: FactKind
    name: str | None = None


class InTime(NamedTuple):
    """The conditions for facts that came true in time and were in force at `known_at`."""

    conditions: Sequence[ColumnElement[bool]]
    known_at: datetime


_KINDS: Mapping[str, FactKind] = {family: kind for kind, family in FAMILIES.items()}
_MEASURES = {"satisfaction": "satisfaction", "milestones": MILESTONE}  # by signal

Printed = tuple[int, str | None]  # the story that an article tells in nearly the same words, its outlet
Newest = dict[tuple[uuid.UUID, Evidence], list[int]]


def of_signal(name: str, family: str) -> Evidence:
    """Return what a signal of a family rests on."""
    return Evidence(_KINDS[family], _MEASURES.get(name))


def newest(
    session: Session,
    partner_ids: Collection[uuid.UUID],
    wanted: Iterable[Evidence],
    since: datetime,
    as_of: datetime,
    known_at: datetime,
) -> Newest:
    """Return, for each partner and kind of evidence, the numbers of up to `KEPT` facts, newest first; nothing for none.

    Facts count that were in force and attributed to the partner at `known_at`, and came true after `since`, where the
    history that scores read begins, and by `as_of`.
    """
    found: Newest = {}
    for one in wanted:
        of_kind = _articles if one.kind is FactKind.ARTICLE else _keyed
        for batch in in_batches(list(partner_ids)):
            for partner_id, ids in of_kind(session, batch, one, _in_time(since, as_of, known_at)):
                found[partner_id, one] = ids
    return found


def _in_time(since: datetime, as_of: datetime, known_at: datetime) -> InTime:
    return InTime([Fact.observed_at > since, Fact.observed_at <= as_of, in_force(known_at)], known_at)


def _keyed(
    session: Session, partner_ids: Sequence[uuid.UUID], wanted: Evidence, in_time: InTime
) -> Iterator[tuple[uuid.UUID, list[int]]]:
    theirs = Attribution.partner_id.in_(partner_ids), valid(Attribution, in_time.known_at)
    owner = dict(session.execute(select(Attribution.key_id, Attribution.partner_id).where(*theirs)).all())
    place = {partner_id: number for number, partner_id in enumerate(partner_ids)}
    sought = _measures if wanted.kind is FactKind.MEASURE else _newest_of_keys
    key, at, fact = numbers.columns(session, sought(session, wanted, in_time).where(*theirs))
    row = np.array([place[owner[key_id]] for key_id in key.tolist()], dtype=np.int64)
    order = np.lexsort((-fact, -at, row))
    rows, starts = np.unique(row[order], return_index=True)
    for number, ids in zip(rows.tolist(), np.split(fact[order], starts[1:]), strict=False):
        yield partner_ids[number], ids[:KEPT].tolist()


def _newest_of_keys(session: Session, wanted: Evidence, in_time: InTime) -> Select[int, int, int]:
    """Seek the newest rows of every key in the (key, observed_at) index instead of reading all its facts."""
    of_key = (
        select(Fact.id, numbers.micros_of(session, Fact.observed_at).label("at"))
        .where(Fact.key_id == Attribution.key_id, of_kind(wanted.kind))
        .where(*in_time.conditions)
        .order_by(Fact.observed_at.desc(), Fact.id.desc())
        .limit(KEPT)
        .correlate(Attribution)
    )
    if session.get_bind().dialect.name == "postgresql":
        seek = of_key.lateral()
        return select(Attribution.key_id, seek.c.at, seek.c.id).join(seek, true())
    # SQLite has no LATERAL, but turns a correlated IN into the same seeks; PostgreSQL would read the whole table.
    row = aliased(Fact)
    ids = of_key.with_only_columns(Fact.id)
    return select(Attribution.key_id, numbers.micros_of(session, row.observed_at), row.id).join(row, row.id.in_(ids))


def _measures(session: Session, wanted: Evidence, in_time: InTime) -> Select[int, int, int]:
    """Read all measures of the name: there are few among millions of other facts, and the index of kinds finds them."""
    query = select(Attribution.key_id, numbers.micros_of(session, Fact.observed_at), Fact.id)
    query = query.join(Fact, Fact.key_id == Attribution.key_id).where(Fact.kind == wanted.kind)
    if wanted.name is not None:
        query = query.where(Fact.name == wanted.name)
    return query.where(*in_time.conditions)


def of_incidents(
    session: Session, incidents: Collection[tuple[uuid.UUID, int]], as_of: datetime, known_at: datetime
) -> dict[tuple[uuid.UUID, int], list[int]]:
    """Return the numbers of up to `KEPT` bad articles, newest first, of each of these (partner, incident).

    What an outlet printed in nearly the same words stands there once, however many feeds it came through.
    """
    found: dict[tuple[uuid.UUID, int], dict[Printed, int]] = {one: {} for one in incidents}
    for batch in in_batches([number for _, number in incidents]):
        query = (
            select(Mention.partner_id, Mention.incident, Fact.id, Mention.copy_of, Reading.outlet)
            .join(Fact, Fact.id == Mention.fact_id)
            .outerjoin(Reading, Reading.fact_id == Fact.id)
            .where(Mention.incident.in_(batch), mentioned(known_at), Mention.p_negative >= CLEAR)
            .where(Mention.partner_id.in_({partner_id for partner_id, number in incidents if number in batch}))
            .where(Fact.observed_at <= as_of, in_force(known_at))
            .order_by(Fact.observed_at.desc(), Fact.identity)
        )
        for partner_id, incident, number, story, outlet in session.execute(query):
            if (partner_id, incident) in found:
                found[partner_id, incident].setdefault((story, outlet), number)
    return {one: list(numbers.values())[:KEPT] for one, numbers in found.items()}


def _articles(
    session: Session, partner_ids: Sequence[uuid.UUID], _wanted: Evidence, in_time: InTime
) -> Iterator[tuple[uuid.UUID, list[int]]]:
    query = (
        select(Mention.partner_id, Fact.id, Mention.copy_of, Reading.outlet)
        .join(Fact, Fact.id == Mention.fact_id)
        .outerjoin(Reading, Reading.fact_id == Fact.id)
        .where(Mention.partner_id.in_(partner_ids), mentioned(in_time.known_at), is_clear())
        .where(*in_time.conditions)
        .order_by(Fact.observed_at.desc(), Fact.identity)
    )
    found: dict[uuid.UUID, dict[Printed, int]] = defaultdict(dict)
    for partner_id, number, story, outlet in session.execute(query):
        found[partner_id].setdefault((story, outlet), number)
    yield from ((partner_id, list(numbers.values())[:KEPT]) for partner_id, numbers in found.items())
