"""The newest facts behind a partner's signals, by number. It says nothing of what they mean."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import Select, select, true
from sqlalchemy.orm import Session, aliased

from warden.domain import FactKind
from warden.models import Fact, FactKey, Mention
from warden.store import numbers
from warden.store.batches import in_batches
from warden.store.facts import in_force

KEPT = 20
"""Facts named for one partner and kind."""

_MARKS = {FactKind.MESSAGE: Fact.sent, FactKind.DELIVERY: Fact.due_on}
"""Columns that facts of one kind alone have. Asking for the kind would send SQLite through the index of kinds."""

Newest = dict[tuple[uuid.UUID, FactKind], list[int]]


def newest(
    session: Session, partner_ids: Collection[uuid.UUID], kinds: Iterable[FactKind], as_of: datetime, known_at: datetime
) -> Newest:
    """Return, for each partner and kind, the numbers of up to `KEPT` facts, newest first; nothing for none.

    Facts count that were in force at `known_at` and true by `as_of`.
    """
    found: Newest = {}
    for kind in kinds:
        of_kind = _articles if kind is FactKind.ARTICLE else _keyed
        for batch in in_batches(list(partner_ids)):
            for partner_id, ids in of_kind(session, batch, kind, as_of, known_at):
                found[partner_id, kind] = ids
    return found


def _keyed(
    session: Session, partner_ids: Sequence[uuid.UUID], kind: FactKind, as_of: datetime, known_at: datetime
) -> Iterator[tuple[uuid.UUID, list[int]]]:
    keys = select(FactKey.id, FactKey.partner_id).where(FactKey.partner_id.in_(partner_ids))
    owner = {key_id: partner_id for key_id, partner_id in session.execute(keys) if partner_id}
    place = {partner_id: number for number, partner_id in enumerate(partner_ids)}
    query = _newest_of_keys(session, kind, as_of, known_at).where(FactKey.partner_id.in_(partner_ids))
    key, at, fact = numbers.columns(session, query)
    row = np.array([place[owner[key_id]] for key_id in key.tolist()], dtype=np.int64)
    order = np.lexsort((-fact, -at, row))
    rows, starts = np.unique(row[order], return_index=True)
    for number, ids in zip(rows.tolist(), np.split(fact[order], starts[1:]), strict=False):
        yield partner_ids[number], ids[:KEPT].tolist()


def _newest_of_keys(session: Session, kind: FactKind, as_of: datetime, known_at: datetime) -> Select[int, int, int]:
    """Seek the newest rows of every key in the (key, observed_at) index instead of reading all its facts."""
    of_key = (
        select(Fact.id, numbers.micros_of(session, Fact.observed_at).label("at"))
        .where(Fact.key_id == FactKey.id, _MARKS[kind].is_not(None), Fact.observed_at <= as_of, in_force(known_at))
        .order_by(Fact.observed_at.desc(), Fact.id.desc())
        .limit(KEPT)
        .correlate(FactKey)
    )
    if session.get_bind().dialect.name == "postgresql":
        seek = of_key.lateral()
        return select(FactKey.id, seek.c.at, seek.c.id).join(seek, true())
    # SQLite has no LATERAL, but turns a correlated IN into the same seeks; PostgreSQL would read the whole table.
    row = aliased(Fact)
    ids = of_key.with_only_columns(Fact.id)
    return select(FactKey.id, numbers.micros_of(session, row.observed_at), row.id).join(row, row.id.in_(ids))


def _articles(
    session: Session, partner_ids: Sequence[uuid.UUID], _kind: FactKind, as_of: datetime, known_at: datetime
) -> Iterator[tuple[uuid.UUID, list[int]]]:
    query = (
        select(Mention.partner_id, Fact.id)
        .join(Fact, Fact.id == Mention.fact_id)
        .where(Mention.partner_id.in_(partner_ids), Mention.first_attributed_at <= known_at)
        .where(Fact.observed_at <= as_of, in_force(known_at))
        .order_by(Fact.observed_at.desc(), Fact.id.desc())
    )
    found: dict[uuid.UUID, list[int]] = defaultdict(list)
    for partner_id, number in session.execute(query):
        found[partner_id].append(number)
    yield from ((partner_id, ids[:KEPT]) for partner_id, ids in found.items())
