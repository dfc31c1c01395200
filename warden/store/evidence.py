"""The newest facts behind a partner's signals, by number. It says nothing of what they mean."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, true
from sqlalchemy.orm import Session, aliased

from warden.domain import FactKind
from warden.models import Fact, FactKey, Mention
from warden.store.batches import in_batches
from warden.store.facts import in_force

KEPT = 20
"""Facts named for one partner and kind."""

Newest = dict[tuple[uuid.UUID, FactKind], list[int]]


def newest(
    session: Session, partner_ids: Collection[uuid.UUID], kinds: Iterable[FactKind], as_of: datetime, known_at: datetime
) -> Newest:
    """Return, for each partner and kind, the numbers of up to `KEPT` facts, newest first.

    Facts count that were in force at `known_at` and true by `as_of`.
    """
    found: dict[tuple[uuid.UUID, FactKind], list[tuple[datetime, int]]] = defaultdict(list)
    for kind in kinds:
        query = _articles(as_of, known_at) if kind is FactKind.ARTICLE else _keyed(session, kind, as_of, known_at)
        column = Mention.partner_id if kind is FactKind.ARTICLE else FactKey.partner_id
        for batch in in_batches(list(partner_ids)):
            for partner_id, observed_at, number in session.execute(query.where(column.in_(batch))):
                found[partner_id, kind].append((observed_at, number))
    return {place: [number for _, number in sorted(rows, reverse=True)[:KEPT]] for place, rows in found.items()}


def _keyed(session: Session, kind: FactKind, as_of: datetime, known_at: datetime) -> Select[Any, datetime, int]:
    """Seek the newest rows of every key in the (key, observed_at) index instead of reading all its facts."""
    newest_of_key = (
        select(Fact.id, Fact.observed_at)
        .where(Fact.key_id == FactKey.id, Fact.kind == kind, Fact.observed_at <= as_of, in_force(known_at))
        .order_by(Fact.observed_at.desc(), Fact.id.desc())
        .limit(KEPT)
        .correlate(FactKey)
    )
    if session.get_bind().dialect.name == "postgresql":
        seek = newest_of_key.lateral()
        return select(FactKey.partner_id, seek.c.observed_at, seek.c.id).join(seek, true())
    # SQLite has no LATERAL, but turns a correlated IN into the same seeks; PostgreSQL would read the whole table.
    row = aliased(Fact)
    numbers = newest_of_key.with_only_columns(Fact.id)
    return select(FactKey.partner_id, row.observed_at, row.id).join(row, row.id.in_(numbers))


def _articles(as_of: datetime, known_at: datetime) -> Select[Any, datetime, int]:
    return (
        select(Mention.partner_id, Fact.observed_at, Fact.id)
        .join(Fact, Fact.id == Mention.fact_id)
        .where(Fact.observed_at <= as_of, in_force(known_at), Mention.first_attributed_at <= known_at)
    )
