"""Attribute: finds out which partner each new fact speaks of, by its key or by the names in an article."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from scorers.news import read as news
from scorers.news.outlets import outlet_of
from warden.db import Database
from warden.log import get_logger
from warden.models import Fact, Mention, Reading
from warden.store import identifiers, meta, names, news_models, readings
from warden.store.batches import in_batches
from warden.store.news_models import Voices

log = get_logger(__name__)

BATCH = 500

STORED = 100
"""Articles stored in one transaction: what they tell is compared with what is known, and others wait meanwhile."""

_STAGE = "news_model_"
"""Before a language part: the name under which a version that cannot be read is told as a stage that breaks."""


def run(db: Database, now: datetime, *, embeddings: bool = False) -> int:
    """Map new keys to partners and read new articles; return how many keys found a partner plus articles read.

    What fits nobody stays as it is, is counted and can be mapped by a person. Articles are read again when an alias or
    the reader changed; with `embeddings`, versions that were learned with them speak, too.
    """
    with db.write() as session:
        mapped = identifiers.attribute_new(session, now)
    read = _read_articles(db, now, embeddings)
    if mapped or read:
        log.info("facts_attributed", keys=mapped, articles=read)
    return mapped + read


def _read_articles(db: Database, now: datetime, embeddings: bool) -> int:
    """Read all that is unread, in batches; a batch is read outside any transaction and stored in a few."""
    count = 0
    reader: tuple[int, Voices, news.Reader] | None = None
    while True:
        with db.read() as session:
            epoch, voices = meta.alias_epoch(session), news_models.voices(session, embeddings=embeddings)
            noted = _noted(session)
            articles = readings.unread(session, epoch=epoch, readers=voices.readers, reader=news.VERSION, limit=BATCH)
            if articles and (reader is None or reader[:2] != (epoch, voices)):
                reader = epoch, voices, news.Reader(names.known(session), voices.models)
        if noted != {_STAGE + part for part in voices.broken}:
            _note(db, voices, now)
        if not articles or reader is None:
            return count
        read, mentions = _read(reader[2], articles, epoch, voices, now)
        for part in in_batches(read, STORED):
            numbers = {reading.fact_id for reading in part}
            with db.write() as session:
                readings.save(session, part, [one for one in mentions if one.fact_id in numbers], now)
        count += len(read)


def _noted(session: Session) -> set[str]:
    """The versions known to be unreadable, as stages that break."""
    return {stage for stage in meta.broken_stages(session) if stage.startswith(_STAGE)}


def _note(db: Database, voices: Voices, now: datetime) -> None:
    """Say once that a version that should speak cannot be read, and once that it is well again."""
    with db.write() as session:
        known = _noted(session)
        for part in news_models.PARTS:
            stage, why = _STAGE + part, voices.broken.get(part)
            if why is not None and stage not in known:
                log.error("stage_broke", stage=stage, error=why)
                meta.note_stage(session, stage, "ModelUnreadable", now)
            elif why is None and stage in known:
                log.info("stage_is_well", stage=stage)
                meta.note_stage(session, stage, None, now)


def _read(
    reader: news.Reader, articles: Sequence[Fact], epoch: int, voices: Voices, now: datetime
) -> tuple[list[Reading], list[Mention]]:
    details = [article.detail or {} for article in articles]
    said = reader.read_many(
        [(one.get("title") or "", one.get("summary") or "", one.get("language")) for one in details]
    )
    read, mentions = [], []
    for article, detail, found in zip(articles, details, said, strict=True):
        read.append(
            Reading(
                fact_id=article.id,
                epoch=epoch,
                reader=voices.readers.get(found.language, news.VERSION),
                language=found.language,
                outlet=outlet_of(detail.get("url") or "", detail.get("outlet") or ""),
                read_at=now,
            )
        )
        mentions += [_mention(article.id, one) for one in found.mentions]
    return read, mentions


def _mention(fact_id: int, said: news.Mention) -> Mention:
    return Mention(
        fact_id=fact_id,
        partner_id=cast(uuid.UUID, said.partner),  # as _names gave it
        alias=said.alias,
        p_negative=said.p_negative,
        p_neutral=said.p_neutral,
        p_positive=said.p_positive,
        event=said.event,
        severity=said.severity,
        half_life_days=said.half_life_days,
        triggers=list(said.triggers),
        reasons=[[kind, text] for kind, text, _ in said.reasons if kind != "event"],
    )
