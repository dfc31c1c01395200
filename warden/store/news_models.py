"""Versions of what reads the tone of a language: which one speaks, who chose it, and when it was last learned."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, defer

from scorers.news.embedding import EmbeddedModel
from scorers.news.events import LEXICON_OF
from scorers.news.model import Model, ModelUnreadable
from scorers.news.read import VERSION, shipped_models
from warden.errors import NotFound
from warden.models import NewsModel
from warden.store import meta

LEARNED = "news_learned"
"""Name in the service's memory of when reading was last learned."""

SHIPPED = 0
"""The number of the version that ships with Warden."""

PARTS = ("en", "zh", "vi")
"""Parts of the lexicon; each language part has versions of its own."""

KEPT = 10
"""Versions kept of a language part that once spoke, and as many that never did, besides the one that speaks."""

LEASE = timedelta(minutes=45)
"""A process that learns for longer than this is taken for dead, and another may begin."""

_LEARNING = "news_learning"


@dataclass(frozen=True, slots=True)
class Voices:
    """What reads the tone of each language part now, and how Reading.reader names it for each language.

    `broken`: parts whose chosen version cannot be read, and why; the shipped one speaks in its place.
    """

    models: Mapping[str, Model]
    readers: Mapping[str, str]
    broken: Mapping[str, str]


_opened: dict[tuple[uuid.UUID, bool], Model | str] = {}
"""Versions that speak, opened, or why they cannot be. A version never changes, so one is opened once a process,
with and without embeddings."""


def voices(session: Session, *, embeddings: bool = False) -> Voices:
    """Return what reads each language part now; without `embeddings`, a version learned with them is broken."""
    rows = {part: row for part, row in speaking(session).items() if row.number != SHIPPED}
    for gone in _opened.keys() - {(row.id, embeddings) for row in rows.values()}:
        _opened.pop(gone, None)
    models, names = dict(shipped_models()), dict.fromkeys(PARTS, VERSION)
    broken: dict[str, str] = {}
    for part, row in rows.items():
        key, kind = (row.id, embeddings), EmbeddedModel if embeddings else Model
        opened = _opened.get(key) or _opened.setdefault(key, _open(session, row, kind))
        if isinstance(opened, str):
            broken[part] = opened
        else:
            models[part], names[part] = opened, f"{VERSION}.{row.number}"
    return Voices(models, {language: names[part] for language, part in LEXICON_OF.items()}, broken)


def _open(session: Session, row: NewsModel, kind: type[Model]) -> Model | str:
    name = f"version {row.number} of {row.language}"
    try:
        model = kind.from_bytes(arrays(session, row) or b"", name)
    except ModelUnreadable as error:
        return str(error)
    return model if model.language == row.language else f"{name}: found a model of {model.language}"


def speaking(session: Session) -> dict[str, NewsModel]:
    """Return the version that speaks for each language; one for which none was ever learned or chosen is absent."""
    query = select(NewsModel).where(NewsModel.active_since.is_not(None), NewsModel.retired_at.is_(None))
    return {row.language: row for row in session.scalars(query.options(defer(NewsModel.arrays, raiseload=True)))}


def arrays(session: Session, row: NewsModel) -> bytes | None:
    """Return what a version consists of; None for the shipped one."""
    return session.scalar(select(NewsModel.arrays).where(NewsModel.id == row.id))


def newest_arrays(session: Session, language: str) -> bytes | None:
    """Return what the newest version of a language part consists of; None without any."""
    query = select(NewsModel.arrays).where(NewsModel.language == language)
    return session.scalar(query.order_by(NewsModel.number.desc()).limit(1))


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
    _forget_oldest(session, language)
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
    """Return when reading was last learned, whatever came of it; None when this version of Warden never did."""
    noted = meta.get(session, LEARNED)
    return datetime.fromisoformat(noted["at"]) if noted and noted.get("reader") == VERSION else None


def note_learned(session: Session, now: datetime) -> None:
    """Remember that reading was learned, and let others learn again."""
    meta.put(session, LEARNED, {"at": now.isoformat(), "reader": VERSION})
    let_go(session)


def claim(session: Session, now: datetime) -> bool:
    """Begin to learn; False while another process is at it that began within LEASE."""
    meta.hold(session, _LEARNING)
    noted = meta.get(session, _LEARNING)
    if noted and timedelta() <= now - datetime.fromisoformat(noted["since"]) < LEASE:
        return False
    meta.put(session, _LEARNING, {"since": now.isoformat()})
    return True


def let_go(session: Session) -> None:
    """Let others learn: whoever was at it has stopped."""
    meta.put(session, _LEARNING, {})


def _forget_oldest(session: Session, language: str) -> None:
    """Delete versions beyond KEPT, so that the database does not grow for ever; numbers are not given again."""
    query = select(NewsModel.id).where(NewsModel.language == language, NewsModel.number != SHIPPED)
    query = query.order_by(NewsModel.number.desc()).offset(KEPT)
    silent = query.where(NewsModel.active_since.is_(None))
    retired = query.where(NewsModel.retired_at.is_not(None))
    old = [number for which in (silent, retired) for number in session.scalars(which)]
    session.execute(delete(NewsModel).where(NewsModel.id.in_(old)))


def _let_speak(row: NewsModel, before: NewsModel | None, now: datetime) -> None:
    if before is not None:
        before.retired_at, before.held_by = now, None
    row.active_since, row.retired_at = now, None
