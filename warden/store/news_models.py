"""Versions of what reads the tone of a language: which one speaks, who chose it, and when it was last learned."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from warden.errors import NotFound
from warden.models import NewsModel
from warden.store import meta

LEARNED = "news_learned"
"""Name in the service's memory of when reading was last learned."""

SHIPPED = 0
"""The number of the version that ships with Warden."""


def speaking(session: Session) -> dict[str, NewsModel]:
    """Return the version that speaks for each language; one for which none was ever learned or chosen is absent."""
    query = select(NewsModel).where(NewsModel.active_since.is_not(None), NewsModel.retired_at.is_(None))
    return {row.language: row for row in session.scalars(query.options(defer(NewsModel.arrays, raiseload=True)))}


def arrays(session: Session, row: NewsModel) -> bytes | None:
    """Return what a version consists of; None for the shipped one."""
    return session.scalar(select(NewsModel.arrays).where(NewsModel.id == row.id))


def listing(session: Session) -> Sequence[NewsModel]:
    """Return all versions, by language and newest first, without their arrays."""
    query = select(NewsModel).order_by(NewsModel.language, NewsModel.number.desc())
    return session.scalars(query.options(defer(NewsModel.arrays, raiseload=True))).all()


def keep(
    session: Session, language: str, raw: bytes, report: Mapping[str, Any], *, speaks: bool, now: datetime
) -> NewsModel:
    """Write down a version that was learned; it speaks from `now` on if it is to, and nobody holds another one."""
    highest = session.scalar(select(func.max(NewsModel.number)).where(NewsModel.language == language)) or SHIPPED
    row = NewsModel(language=language, number=highest + 1, arrays=raw, report=dict(report), author="", created_at=now)
    session.add(row)
    session.flush()
    before = speaking(session).get(language)
    if speaks and (before is None or before.held_by is None):
        _let_speak(row, before, now)
    return row


def choose(session: Session, language: str, number: int, *, author: str, now: datetime) -> NewsModel:
    """Let a person's choice speak from `now` on, and hold it: nothing newer replaces it by itself.

    Number 0 is the version that ships. Raises NotFound.
    """
    row = session.scalar(select(NewsModel).where(NewsModel.language == language, NewsModel.number == number))
    if row is None and number == SHIPPED:
        row = NewsModel(language=language, number=SHIPPED, arrays=None, report={}, author="", created_at=now)
        session.add(row)
        session.flush()
    if row is None:
        raise NotFound("There is no such version.")
    before = speaking(session).get(language)
    if before is not None and before.id == row.id:
        row.held_by = author
    else:
        _let_speak(row, before, now)
        row.held_by = author
    session.flush()
    return row


def release(session: Session, language: str) -> None:
    """Let newer versions replace the one that speaks again, once they are at least as good. Raises NotFound."""
    row = speaking(session).get(language)
    if row is None or row.held_by is None:
        raise NotFound("Nobody holds a version of this language.")
    row.held_by = None
    session.flush()


def last_learned(session: Session) -> datetime | None:
    """Return when reading was last learned, whatever came of it."""
    noted = meta.get(session, LEARNED)
    return datetime.fromisoformat(noted["at"]) if noted else None


def note_learned(session: Session, now: datetime) -> None:
    """Remember that reading was learned."""
    meta.put(session, LEARNED, {"at": now.isoformat()})


def _let_speak(row: NewsModel, before: NewsModel | None, now: datetime) -> None:
    if before is not None:
        before.retired_at, before.held_by = now, None
    row.active_since, row.retired_at = now, None
