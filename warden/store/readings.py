"""What was read in articles: which ones to read, and the partners each names."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from warden.domain import FactKind
from warden.models import Fact, Mention, Reading
from warden.store.facts import in_force


def unread(session: Session, *, epoch: int, reader: str, limit: int = 500) -> Sequence[Fact]:
    """Return articles in force that were never read, or read with other aliases or another version of the reader."""
    outdated = or_(Reading.fact_id.is_(None), Reading.epoch != epoch, Reading.reader != reader)
    query = select(Fact).outerjoin(Reading, Reading.fact_id == Fact.id)
    query = query.where(Fact.kind == FactKind.ARTICLE, in_force(None), outdated)
    return session.scalars(query.order_by(Fact.observed_at.desc(), Fact.id).limit(limit)).all()


def save(session: Session, readings: Sequence[Reading], mentions: Sequence[Mention], now: datetime) -> None:
    """Store what articles say in place of what was read before; `readings` lists every article that was read.

    A partner named again keeps the moment it was first attributed, so that earlier assessments stay explained.
    """
    fact_ids = [reading.fact_id for reading in readings]
    known = _first_attributed(session, fact_ids)
    session.execute(delete(Mention).where(Mention.fact_id.in_(fact_ids)))
    session.execute(delete(Reading).where(Reading.fact_id.in_(fact_ids)))
    for mention in mentions:
        mention.first_attributed_at = known.get((mention.fact_id, mention.partner_id), now)
    session.add_all([*readings, *mentions])
    session.flush()


def mentions(session: Session, fact_ids: Sequence[int]) -> Sequence[Mention]:
    """Return who is named in these articles, with what tone."""
    query = select(Mention).where(Mention.fact_id.in_(fact_ids))
    return session.scalars(query.order_by(Mention.fact_id, Mention.partner_id)).all()


def _first_attributed(session: Session, fact_ids: Sequence[int]) -> Mapping[tuple[int, uuid.UUID], datetime]:
    query = select(Mention.fact_id, Mention.partner_id, Mention.first_attributed_at)
    rows = session.execute(query.where(Mention.fact_id.in_(fact_ids)))
    return {(fact_id, partner_id): moment for fact_id, partner_id, moment in rows}
