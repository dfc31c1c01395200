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
from warden.store import identifiers, meta, partners, readings

log = get_logger(__name__)

BATCH = 500


def run(db: Database, now: datetime) -> int:
    """Map new keys to partners and read new articles; return how many keys found a partner plus articles read.

    What fits nobody stays as it is, is counted and can be mapped by a person. Articles are read again when an alias or
    the reader changed.
    """
    with db.write() as session:
        mapped = identifiers.attribute_new(session, now)
    read = _read_articles(db, now)
    if mapped or read:
        log.info("facts_attributed", keys=mapped, articles=read)
    return mapped + read


def _read_articles(db: Database, now: datetime) -> int:
    """Read all that is unread, in batches; a batch is read outside any transaction and stored in one."""
    count = 0
    reader: tuple[int, news.Reader] | None = None
    while True:
        with db.read() as session:
            epoch = meta.alias_epoch(session)
            articles = readings.unread(session, epoch=epoch, readers={}, reader=news.VERSION, limit=BATCH)
            if not articles:
                return count
            if reader is None or reader[0] != epoch:
                reader = epoch, news.Reader(_names(session))
        read, mentions = _read(reader[1], articles, epoch, now)
        with db.write() as session:
            readings.save(session, read, mentions, now)
        count += len(read)


def _names(session: Session) -> list[news.Alias]:
    """Return every name partners are known by: their aliases, and their own name unless an alias spells it too."""
    cues = partners.cues(session)
    names = {
        (alias.partner_id, alias.text): news.Alias(
            alias.partner_id,
            alias.text,
            case_sensitive=alias.case_sensitive,
            needs_context=alias.needs_context,
            exclude=alias.exclude,
            cues=cues.get(alias.partner_id, ()),
        )
        for alias in identifiers.all_aliases(session)
    }
    for partner_id, name in partners.names(session):
        names.setdefault((partner_id, name), news.Alias(partner_id, name, cues=cues.get(partner_id, ())))
    return list(names.values())


def _read(
    reader: news.Reader, articles: Sequence[Fact], epoch: int, now: datetime
) -> tuple[list[Reading], list[Mention]]:
    read, mentions = [], []
    for article in articles:
        detail = article.detail or {}
        said = reader.read(detail.get("title") or "", detail.get("summary") or "", detail.get("language"))
        outlet = outlet_of(detail.get("url") or "", detail.get("outlet") or "")
        read.append(
            Reading(
                fact_id=article.id,
                epoch=epoch,
                reader=news.VERSION,
                language=said.language,
                outlet=outlet,
                read_at=now,
            )
        )
        mentions += [_mention(article.id, one) for one in said.mentions]
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
    )
