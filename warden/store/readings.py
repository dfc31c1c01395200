"""What was read in articles: which ones to read, and the partners each names. What was read before is kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from warden.domain import FactKind
from warden.models import Fact, Mention, Reading
from warden.store.facts import in_force
from warden.store.periods import mentioned

_CONTENT = ("alias", "p_negative", "p_neutral", "p_positive", "event", "severity", "half_life_days", "triggers")


def unread(session: Session, *, epoch: int, reader: str, limit: int = 500) -> Sequence[Fact]:
    """Return articles in force that were never read, or read with other aliases or another version of the reader."""
    outdated = or_(Reading.fact_id.is_(None), Reading.epoch != epoch, Reading.reader != reader)
    query = select(Fact).outerjoin(Reading, Reading.fact_id == Fact.id)
    query = query.where(Fact.kind == FactKind.ARTICLE, in_force(None), outdated)
    return session.scalars(query.order_by(Fact.observed_at.desc(), Fact.id).limit(limit)).all()


def save(session: Session, readings: Sequence[Reading], mentions: Sequence[Mention], now: datetime) -> None:
    """Store what articles say from `now` on in place of what was read before; `readings` lists every article read.

    What is read as before goes on standing since it was first read; what is not any more ends, and stays for replays.
    """
    fact_ids = [reading.fact_id for reading in readings]
    session.execute(delete(Reading).where(Reading.fact_id.in_(fact_ids)))
    fresh = {(mention.fact_id, mention.partner_id): mention for mention in mentions}
    for stored in session.scalars(select(Mention).where(Mention.fact_id.in_(fact_ids), Mention.until.is_(None))):
        mention = fresh.get((stored.fact_id, stored.partner_id))
        if mention is not None and _content(mention) == _content(stored):
            del fresh[stored.fact_id, stored.partner_id]
        elif stored.first_attributed_at < now:
            stored.until = now
        else:
            session.delete(stored)
    session.flush()
    for mention in fresh.values():
        mention.first_attributed_at = now
    session.add_all([*readings, *fresh.values()])
    session.flush()


def mentions(session: Session, fact_ids: Sequence[int]) -> Sequence[Mention]:
    """Return who is named in these articles, with what tone."""
    query = select(Mention).where(Mention.fact_id.in_(fact_ids), mentioned(None))
    return session.scalars(query.order_by(Mention.fact_id, Mention.partner_id)).all()


def _content(mention: Mention) -> tuple[Any, ...]:
    return tuple(getattr(mention, name) for name in _CONTENT)
