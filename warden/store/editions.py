"""What sources said of articles until they edited them, and how that was read then. It reads no article anew."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.models import Fact, Mention
from warden.store.batches import in_batches


@dataclass(frozen=True, slots=True)
class Edition:
    """What a source said until it edited an article, and how that was read; None where it did not name the partner.

    began, ended: from when until when it had these words, in whichever feed.
    """

    fact: Fact
    mention: Mention | None
    began: datetime
    ended: datetime


def earlier(session: Session, partner_id: uuid.UUID, facts: Sequence[Fact]) -> dict[bytes, list[Edition]]:
    """Return what the sources of articles said before, by identity; most never edited any."""
    found: dict[bytes, list[Edition]] = {}
    for batch in in_batches([fact.identity for fact in facts]):
        query = select(Fact).where(Fact.identity.in_(batch), Fact.superseded_at > Fact.recorded_at)
        rows = session.scalars(query.order_by(Fact.recorded_at, Fact.id)).all()
        past = readings_of(session, partner_id, {row.id for row in rows})
        for row in rows:
            read = [one for one in past.get(row.id, []) if stood(one, row.superseded_at or one.first_attributed_at)]
            ended = row.superseded_at or row.recorded_at
            found.setdefault(row.identity, []).append(Edition(row, read[-1] if read else None, row.recorded_at, ended))
    return found


def reworded(past: Sequence[Edition], fact: Fact) -> list[Edition]:
    """Return the editions before a row in which it had other words: sources edit dates and links, too."""
    found: list[Edition] = []
    for one in past:
        if one.began >= fact.recorded_at:
            continue
        if found and _words(found[-1].fact) == _words(one.fact):
            one = replace(one, began=found.pop().began)
        found.append(one)
    return found[:-1] if found and _words(found[-1].fact) == _words(fact) else found


def through_several(editions: Iterable[Edition]) -> list[Edition]:
    """Return editions of several feeds, oldest first; one headline they had at the same time is one."""
    found: dict[str, Edition] = {}
    kept: list[Edition] = []
    for one in sorted(editions, key=lambda one: one.began):
        title = _words(one.fact)[0]
        known = found.get(title)
        if known is None or known.ended < one.began:
            kept.append(one)
            found[title] = one
        else:
            found[title] = kept[kept.index(known)] = replace(known, ended=max(known.ended, one.ended))
    return kept


def readings_of(session: Session, partner_id: uuid.UUID, fact_ids: Collection[int]) -> dict[int, list[Mention]]:
    """Return all that was ever read of a partner in these rows, oldest first; rows that never named it are absent."""
    past: dict[int, list[Mention]] = {}
    for batch in in_batches(sorted(fact_ids)):
        query = select(Mention).where(Mention.partner_id == partner_id, Mention.fact_id.in_(batch))
        for one in session.scalars(query.order_by(Mention.first_attributed_at)):
            past.setdefault(one.fact_id, []).append(one)
    return past


def stood(mention: Mention, before: datetime) -> bool:
    """Tell whether this is what was read just before a moment."""
    return mention.first_attributed_at < before and (mention.until is None or mention.until >= before)


def _words(fact: Fact) -> tuple[str, str]:
    return (fact.detail or {}).get("title") or "", (fact.detail or {}).get("summary") or ""
