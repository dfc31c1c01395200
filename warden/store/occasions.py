"""What happened to partners since a moment that may change a rule's verdict: assessed first, configured, heard of."""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from warden.domain import FactKind, Scope
from warden.models import (
    Attribution,
    Criterion,
    Fact,
    Learned,
    Matrix,
    Mention,
    NewsModel,
    Override,
    Partner,
    PartnerVersion,
)
from warden.store import assessments
from warden.store.numbers import micros_of
from warden.store.periods import mentioned, valid


@dataclass(frozen=True, slots=True)
class Occasions:
    """What happened since a moment.

    first: partners assessed only since then. configured: partners for whom something was set. lag: how long after it
    was true the freshest fact of a kind learned since was learned, by partner and kind. retrained: a learned model
    changed.
    """

    first: frozenset[uuid.UUID]
    configured: frozenset[uuid.UUID]
    lag: Mapping[uuid.UUID, Mapping[FactKind, timedelta]]
    retrained: bool


def since(session: Session, partner_ids: Collection[uuid.UUID], moment: datetime | None, now: datetime) -> Occasions:
    """Return what happened to these partners after `moment` and by `now`; None: everything did."""
    ids = frozenset(partner_ids)
    if moment is None:
        return Occasions(ids, frozenset(), {}, retrained=False)
    begun = assessments.first_moments(session, ids)
    first = frozenset(one for one in ids if begun.get(one, now) > moment)
    known = ids - first
    if not known:
        return Occasions(first, frozenset(), {}, retrained=False)
    return Occasions(
        first,
        _configured(session, known, moment, now),
        _lags(session, known, moment, now),
        _changed(session, (Learned.created_at, Learned.retired_at, NewsModel.active_since), moment, now),
    )


def _configured(session: Session, ids: Collection[uuid.UUID], moment: datetime, now: datetime) -> frozenset[uuid.UUID]:
    """Return for whom a criterion, an override, the matrix or the partner's own attributes changed."""
    within = _within(moment, now)
    criteria = session.scalars(select(Criterion).where(or_(within(Criterion.created_at), within(Criterion.ended_at))))
    places = {(row.scope, row.subject.strip().casefold()) for row in criteria}
    if (Scope.PORTFOLIO, "") in places or _changed(session, (Matrix.activated_at,), moment, now):
        return frozenset(ids)
    found = {one for one in ids if (Scope.PARTNER, str(one)) in places}
    tiers = [subject for scope, subject in places if scope is Scope.TIER]
    if tiers:
        rows = session.execute(select(Partner.id, Partner.tier).where(Partner.id.in_(ids)))
        found |= {partner_id for partner_id, tier in rows if tier.strip().casefold() in tiers}
    moments = (Override.created_at, Override.withdrawn_at, Override.expires_at)
    overrides = select(Override.partner_id).where(or_(*map(within, moments)), Override.partner_id.in_(ids))
    versions = select(PartnerVersion.partner_id).where(within(PartnerVersion.since), PartnerVersion.partner_id.in_(ids))
    return frozenset(found.union(session.scalars(overrides), session.scalars(versions)))


def _lags(
    session: Session, ids: Collection[uuid.UUID], moment: datetime, now: datetime
) -> dict[uuid.UUID, dict[FactKind, timedelta]]:
    """Return the smallest lag of the facts learned, by partner and kind; a fact is learned once attributed, too."""
    owner, reader = Attribution.partner_id, Mention.partner_id
    keyed = select(owner, Fact.kind, _lag(session, Attribution.since)).join(Fact, Fact.key_id == Attribution.key_id)
    keyed = keyed.where(owner.in_(ids), valid(Attribution, now), _learned(Attribution.since, moment, now))
    read = select(reader, Fact.kind, _lag(session, Mention.first_attributed_at)).join(Fact, Fact.id == Mention.fact_id)
    read = read.where(reader.in_(ids), mentioned(now), _learned(Mention.first_attributed_at, moment, now))
    found: dict[uuid.UUID, dict[FactKind, timedelta]] = {}
    for query in (keyed.group_by(owner, Fact.kind), read.group_by(reader, Fact.kind)):
        for partner_id, kind, micros in session.execute(query):
            found.setdefault(partner_id, {})[kind] = timedelta(microseconds=max(int(micros), 0))
    return found


def _lag(session: Session, attributed: InstrumentedAttribute[datetime]) -> ColumnElement[int]:
    """Return the microseconds from when a fact was true until it was learned, the smallest of a group."""
    later = func.max if session.get_bind().dialect.name == "sqlite" else func.greatest
    learned = later(micros_of(session, Fact.recorded_at), micros_of(session, attributed))
    return func.min(learned - micros_of(session, Fact.observed_at))


def _learned(attributed: InstrumentedAttribute[datetime], moment: datetime, now: datetime) -> ColumnElement[bool]:
    newly = or_(Fact.recorded_at > moment, attributed > moment)
    return and_(newly, Fact.recorded_at <= now, attributed <= now, Fact.observed_at <= now)


def _changed(session: Session, columns: Sequence[InstrumentedAttribute[Any]], moment: datetime, now: datetime) -> bool:
    """Tell whether any of these moments lies in between."""
    within = _within(moment, now)
    return any(session.scalar(select(column).where(within(column)).limit(1)) is not None for column in columns)


def _within(moment: datetime, now: datetime) -> Callable[[InstrumentedAttribute[Any]], ColumnElement[bool]]:
    return lambda column: and_(column > moment, column <= now)
