"""What people said of how articles were read: kept with its author, never overwritten. It reads no article."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from scorers.news.events import taxonomy
from scorers.news.read import UNNAMED_HALF_LIFE_DAYS, UNNAMED_SEVERITY
from warden.domain import CorrectionKind, FactKind
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Correction, Fact, Mention, Partner
from warden.store import sightings
from warden.store.batches import in_batches
from warden.store.sightings import SAME_ADDRESS, Sighting

LABELS = ("negative", "neutral", "positive")
"""The tones, as people name them."""

Said = Mapping[CorrectionKind, Mapping[str, Any]]
"""A person's newest word of each kind for one article and partner; what was taken back is absent."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One text whose tone towards a partner a person named. `label` is one of LABELS."""

    fact_id: int
    partner_id: uuid.UUID
    label: str
    author: str
    created_at: datetime


def add(
    session: Session,
    fact_id: int,
    partner_id: uuid.UUID,
    kind: CorrectionKind,
    value: Mapping[str, Any],
    *,
    author: str,
    now: datetime,
) -> Correction:
    """Write down what a person says; see Correction for `value`. It does not change what stands: see store.readings.

    Raises NotFound for an article or a partner that is not there, InvalidInput naming what is wrong with the value,
    Conflict for an article whose words were erased.
    """
    article = session.get(Fact, fact_id)
    if article is None or article.kind is not FactKind.ARTICLE:
        raise NotFound("There is no such article.")
    if session.get(Partner, partner_id) is None:
        raise NotFound("There is no such partner.")
    if article.detail is None:
        raise Conflict("The words of this article were erased: it is not read any more.")
    fault = _fault(session, fact_id, partner_id, kind, value) if value else None
    if fault is not None:
        raise InvalidInput("The correction is not valid.", [fault])
    row = Correction(
        fact_id=fact_id, partner_id=partner_id, kind=kind, value=dict(value), author=author, created_at=now
    )
    session.add(row)
    session.flush()
    return row


def in_force(session: Session, fact_ids: Collection[int]) -> dict[tuple[int, uuid.UUID], Said]:
    """Return what holds for each of these articles and partners; those nobody spoke of are absent."""
    found: dict[tuple[int, uuid.UUID], dict[CorrectionKind, Mapping[str, Any]]] = {}
    for fact_id, rows in of_articles(session, fact_ids).items():
        for row in rows:
            said = found.setdefault((fact_id, row.partner_id), {})
            said.pop(row.kind, None)
            if row.value:
                said[row.kind] = row.value
    return {whom: said for whom, said in found.items() if said}


def of_articles(
    session: Session, fact_ids: Collection[int], partner_id: uuid.UUID | None = None
) -> dict[int, list[Correction]]:
    """Return everything that was ever said of each of these articles, oldest first; those nobody spoke of are absent.

    What was said of one row of an article was said of all of them (see store.sightings): a person's word is not lost
    because a headline was edited, and does not have to be given again for another feed.
    """
    found: dict[int, list[Correction]] = {}
    for batch in in_batches(list(fact_ids)):
        found |= _of_articles(session, batch, partner_id)
    return found


def _of_articles(
    session: Session, fact_ids: Sequence[int], partner_id: uuid.UUID | None
) -> dict[int, list[Correction]]:
    asked = {one.fact_id: one for one in sightings.seen(session, select(Fact.id).where(Fact.id.in_(fact_ids)))}
    spoken = {one.fact_id: one for one in sightings.seen(session, _spoken_of(list(asked.values())))} if asked else {}
    if not spoken:
        return {}
    rows = {**asked, **spoken}
    article = dict(zip(rows, sightings.same(list(rows.values())), strict=True))
    wanted = {article[fact_id] for fact_id in asked}
    said: dict[int, list[Correction]] = {}
    for batch in in_batches([fact_id for fact_id in spoken if article[fact_id] in wanted]):
        for row in history(session, batch, partner_id):
            said.setdefault(article[row.fact_id], []).append(row)
    told = {place: sorted(several, key=lambda row: (row.created_at, row.id)) for place, several in said.items()}
    return {fact_id: told[article[fact_id]] for fact_id in asked if article[fact_id] in told}


def _spoken_of(asked: Sequence[Sighting]) -> Select[int]:
    """Select what people spoke of among all that may be the same article as one of these."""
    moments = [one.at for one in asked]
    near = and_(  # the kind spares both databases all other facts of these days
        Fact.kind == FactKind.ARTICLE,
        Fact.observed_at.between(min(moments) - SAME_ADDRESS, max(moments) + SAME_ADDRESS),
    )
    edited = Fact.identity.in_([one.identity for one in asked])
    return select(Correction.fact_id).join(Fact, Fact.id == Correction.fact_id).where(or_(near, edited))


def history(session: Session, fact_ids: Collection[int], partner_id: uuid.UUID | None = None) -> Sequence[Correction]:
    """Return everything that was ever said of these very rows of articles, oldest first."""
    query = select(Correction).where(Correction.fact_id.in_(fact_ids))
    if partner_id is not None:
        query = query.where(Correction.partner_id == partner_id)
    return session.scalars(query.order_by(Correction.created_at, Correction.id)).all()


def lay_over(mention: Mention, said: Said) -> bool:
    """Put a person's word in place of what was read, in this row; False when the article is not about the partner.

    A corrected tone is certain. A corrected event has the severity and the half-life of its kind; none, of bad news
    without a known event, those of UNNAMED_SEVERITY.
    """
    if not said.get(CorrectionKind.ABOUT, {}).get("about", True):
        return False
    mention.corrected = not said.keys().isdisjoint({CorrectionKind.TONE, CorrectionKind.EVENT})
    if not mention.corrected:
        return True
    tone = said.get(CorrectionKind.TONE)
    if tone is not None:
        mention.p_negative, mention.p_neutral, mention.p_positive = (float(tone["label"] == one) for one in LABELS)
    event = said.get(CorrectionKind.EVENT)
    if event is not None:
        mention.event = event["event"]
        known = taxonomy()["events"].get(event["event"], {})
        mention.severity = known.get("severity", 0.0)
        mention.half_life_days = known.get("half_life_days", UNNAMED_HALF_LIFE_DAYS)
    if mention.event is None:
        mention.severity = UNNAMED_SEVERITY if mention.p_negative >= 0.5 else 0.0
    return True


def labelled(session: Session, now: datetime) -> list[Labelled]:
    """Return the tones people named that hold at `now`, of articles that are about the partner, oldest first.

    Each with the row it was said of: that has the words that were judged.
    """
    seen = sightings.seen(session, select(Correction.fact_id))
    article = dict(zip((one.fact_id for one in seen), sightings.same(seen), strict=True))
    newest: dict[tuple[int, uuid.UUID, CorrectionKind], Correction] = {}
    query = select(Correction).where(Correction.kind.in_([CorrectionKind.TONE, CorrectionKind.ABOUT]))
    for row in session.scalars(
        query.where(Correction.created_at <= now).order_by(Correction.created_at, Correction.id)
    ):
        newest[article[row.fact_id], row.partner_id, row.kind] = row
    foreign = {
        (place, partner_id)
        for (place, partner_id, kind), row in newest.items()
        if kind is CorrectionKind.ABOUT and row.value.get("about") is False
    }
    return [
        Labelled(row.fact_id, row.partner_id, row.value["label"], row.author, row.created_at)
        for row in sorted(newest.values(), key=lambda row: (row.created_at, row.fact_id, row.partner_id))
        if row.kind is CorrectionKind.TONE and row.value and (article[row.fact_id], row.partner_id) not in foreign
    ]


@dataclass(frozen=True, slots=True)
class Joins:
    """Which articles about one partner a person set apart, and which pairs a person joined: as their rows in force."""

    apart: Collection[int] = ()
    together: Sequence[tuple[int, int]] = ()


def joins(session: Session, partner_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Joins]:
    """Return what people set apart and joined for these partners; those nobody spoke of are absent."""
    query = select(Correction.partner_id, Correction.fact_id, Correction.value)
    query = query.where(Correction.partner_id.in_(partner_ids), Correction.kind == CorrectionKind.INCIDENT)
    said = session.execute(query.order_by(Correction.created_at, Correction.id)).all()
    now = _in_force(session, {fact_id for _, spoken, value in said for fact_id in (spoken, value.get("with", spoken))})
    newest: dict[uuid.UUID, dict[int, Mapping[str, Any]]] = {}
    for partner_id, fact_id, value in said:
        if fact_id in now:
            newest.setdefault(partner_id, {})[now[fact_id]] = value
    return {partner_id: _joins(values, now) for partner_id, values in newest.items()}


def _joins(values: Mapping[int, Mapping[str, Any]], now: Mapping[int, int]) -> Joins:
    return Joins(
        apart={fact_id for fact_id, value in values.items() if "apart" in value},
        together=[(fact_id, now[value["with"]]) for fact_id, value in values.items() if value.get("with") in now],
    )


def _in_force(session: Session, fact_ids: Collection[int]) -> dict[int, int]:
    """Return for each row of an article the row that holds what its source says of it now."""
    current = aliased(Fact)
    query = select(Fact.id, current.id).join(current, current.identity == Fact.identity)
    query = query.where(current.superseded_at.is_(None))
    batches = in_batches(list(fact_ids))
    return {old: new for batch in batches for old, new in session.execute(query.where(Fact.id.in_(batch)))}


def last_at(session: Session, now: datetime) -> datetime | None:
    """Return when a person last corrected anything, up to `now`."""
    return session.scalar(select(func.max(Correction.created_at)).where(Correction.created_at <= now))


def _fault(
    session: Session, fact_id: int, partner_id: uuid.UUID, kind: CorrectionKind, value: Mapping[str, Any]
) -> Fault | None:
    if kind is CorrectionKind.TONE and value.get("label") not in LABELS:
        return Fault("label", f"expected one of {', '.join(LABELS)}")
    if kind is CorrectionKind.EVENT and ("event" not in value or value["event"] not in {None, *taxonomy()["events"]}):
        return Fault("event", f"expected null or one of {', '.join(sorted(taxonomy()['events']))}")
    if kind is CorrectionKind.ABOUT and not isinstance(value.get("about"), bool):
        return Fault("about", "expected true or false")
    if kind is CorrectionKind.INCIDENT:
        return _incident_fault(session, fact_id, partner_id, value)
    return None


def _incident_fault(session: Session, fact_id: int, partner_id: uuid.UUID, value: Mapping[str, Any]) -> Fault | None:
    if value == {"apart": True}:
        return None
    other = value.get("with")
    if not isinstance(other, int) or isinstance(other, bool) or other == fact_id or not 0 < other < 2**63:
        return Fault("with", 'expected {"apart": true}, or {"with": the number of another article}')
    query = select(Mention.fact_id).where(Mention.fact_id == other, Mention.partner_id == partner_id)
    named = session.scalar(query.where(Mention.until.is_(None)).limit(1))
    return None if named is not None else Fault("with", f"article {other} does not name this partner")
