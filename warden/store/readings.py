"""What was read in articles: which ones to read, and the partners each names. What was read before is kept."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, literal, or_, select, update
from sqlalchemy.orm import Session

from warden.domain import CorrectionKind, FactKind
from warden.models import Correction, Fact, Mention, Reading
from warden.store import corrections, sightings, stories
from warden.store.facts import in_force
from warden.store.periods import mentioned
from warden.store.sightings import SAME_ADDRESS

_CONTENT = (
    "alias",
    "p_negative",
    "p_neutral",
    "p_positive",
    "event",
    "severity",
    "half_life_days",
    "triggers",
    "reasons",
    "corrected",
)


UNREAD = ""
"""No reader: the article is to be read again; its outlet is known all the same."""


def unread(
    session: Session, *, epoch: int, readers: Mapping[str, str], reader: str, limit: int = 500
) -> Sequence[Fact]:
    """Return articles in force that were never read, or read with other aliases or by another reader.

    `readers` names who reads each language now, `reader` who reads all others. Articles whose words were erased are not
    read any more.
    """
    now_reading = case(readers, value=Reading.language, else_=reader) if readers else literal(reader)
    outdated = or_(Reading.fact_id.is_(None), Reading.epoch != epoch, Reading.reader != now_reading)
    query = select(Fact).outerjoin(Reading, Reading.fact_id == Fact.id)
    query = query.where(Fact.kind == FactKind.ARTICLE, Fact.detail.is_not(None), in_force(None), outdated)
    return session.scalars(query.order_by(Fact.observed_at.desc(), Fact.id).limit(limit)).all()


def save(session: Session, readings: Sequence[Reading], mentions: Sequence[Mention], now: datetime) -> None:
    """Store what articles say from `now` on in place of what was read before; `readings` lists every article read.

    People's corrections are laid over what was read. What is read as before goes on standing since it was first read;
    what is not any more ends, and stays for replays. Copies and incidents are found anew as far as the articles reach.
    """
    fact_ids = [reading.fact_id for reading in readings]
    session.execute(delete(Reading).where(Reading.fact_id.in_(fact_ids)))
    named = select(Mention.partner_id).where(Mention.fact_id.in_(fact_ids), Mention.until.is_(None))
    stories.hold(session, {*session.scalars(named), *(mention.partner_id for mention in mentions)})
    said = corrections.in_force(session, fact_ids)
    for mention in mentions:
        mention.reasons = mention.reasons or []
    fresh = {
        (mention.fact_id, mention.partner_id): mention
        for mention in mentions
        if corrections.lay_over(mention, said.get((mention.fact_id, mention.partner_id), {}))
    }
    touched: dict[uuid.UUID, set[int]] = defaultdict(set)
    for stored in session.scalars(select(Mention).where(Mention.fact_id.in_(fact_ids), Mention.until.is_(None))):
        anew = fresh.get((stored.fact_id, stored.partner_id))
        if anew is not None and _content(anew) == _content(stored):
            del fresh[stored.fact_id, stored.partner_id]
            continue
        touched[stored.partner_id].add(stored.fact_id)
        if anew is not None:
            anew.copy_of, anew.incident = stored.copy_of, stored.incident
        _end(session, stored, now)
    session.flush()
    for mention in fresh.values():
        mention.first_attributed_at = now
        mention.copy_of, mention.incident = mention.copy_of or mention.fact_id, mention.incident or mention.fact_id
        touched[mention.partner_id].add(mention.fact_id)
    session.add_all([*readings, *fresh.values()])
    stories.regroup(session, touched, now)


def correct(session: Session, correction: Correction, now: datetime) -> None:
    """Let what a person just said hold at once; the article is read again with the next tick all the same.

    What was taken back is only known then: until then what stands stays, there and in its copies, but nobody's word.
    """
    partner_id = correction.partner_id
    rows = _rows_of(session, correction.fact_id)
    stories.hold(session, [partner_id])
    again = rows | _copies_of(session, rows, partner_id)
    session.execute(update(Reading).where(Reading.fact_id.in_(again)).values(reader=UNREAD))
    theirs = select(Mention).where(Mention.partner_id == partner_id, Mention.until.is_(None))
    theirs = theirs.join(Fact, Fact.id == Mention.fact_id).where(in_force(None), Fact.id.in_(rows))
    standing = session.scalars(theirs.order_by(Mention.fact_id)).all()
    said = corrections.in_force(session, rows) if standing else {}
    for stored in standing:
        holds = said.get((stored.fact_id, partner_id), {})
        if holds.get(CorrectionKind.ABOUT, {}).get("about", True):
            if correction.value or stored.corrected:
                corrections.lay_over(stories.supersede(session, stored, now), holds)
        else:
            _end(session, stored, now)
    stories.regroup(session, {partner_id: rows}, now)


def _rows_of(session: Session, fact_id: int) -> set[int]:
    """Return all rows of an article that were read: through other feeds, too, and what its sources edited them into."""
    (article,) = sightings.seen(session, select(Fact.id).where(Fact.id == fact_id))
    outlet = select(Reading.outlet).where(Reading.fact_id == fact_id).scalar_subquery()
    own = select(Fact.id).where(Fact.identity == article.identity)
    others = select(Fact.id).join(Reading, Reading.fact_id == Fact.id)
    others = others.where(Fact.kind == FactKind.ARTICLE, in_force(None), Reading.outlet == outlet)
    others = others.where(Fact.observed_at.between(article.at - SAME_ADDRESS, article.at + SAME_ADDRESS))
    seen = {one.fact_id: one for rows in (own, others) for one in sightings.seen(session, rows)}
    place = dict(zip(seen, sightings.same(list(seen.values())), strict=True))
    return {one for one in seen if place[one] == place[fact_id]}


def _copies_of(session: Session, rows: Collection[int], partner_id: uuid.UUID) -> set[int]:
    """Return the articles that tell a partner's news in nearly the same words as these rows of one."""
    theirs = select(Mention).where(Mention.partner_id == partner_id, Mention.until.is_(None))
    stories_told = {one.copy_of for one in session.scalars(theirs.where(Mention.fact_id.in_(rows)))}
    return {one.fact_id for one in session.scalars(theirs.where(Mention.copy_of.in_(stories_told)))}


def _end(session: Session, stored: Mention, now: datetime) -> None:
    if stored.first_attributed_at < now:
        stored.until = now
    else:
        session.delete(stored)


def mentions(session: Session, fact_ids: Sequence[int]) -> Sequence[Mention]:
    """Return who is named in these articles, with what tone."""
    query = select(Mention).where(Mention.fact_id.in_(fact_ids), mentioned(None))
    return session.scalars(query.order_by(Mention.fact_id, Mention.partner_id)).all()


def _content(mention: Mention) -> tuple[Any, ...]:
    return tuple(getattr(mention, name) for name in _CONTENT)
