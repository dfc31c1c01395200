"""What is said of partners in public, article by article made into incidents for the panel. It reads no text."""

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from scorers.base import Floats, Incidents, Index
from scorers.news.kinds import EVENTS
from scorers.shrinkage import NO_INCIDENTS
from warden.domain import FactKind
from warden.models import Fact, Mention, Reading
from warden.store.facts import in_force
from warden.store.frame import Frame
from warden.store.numbers import Whole, micros_of
from warden.store.periods import mentioned

_DAY = timedelta(days=1)
_FEW_PARTNERS = 2_000  # up to here articles are found by the partner they name

CLEAR = 0.5
"""An article of whose tone nothing is as sure as this is uncertain, and says nothing."""


def is_clear() -> ColumnElement[bool]:
    """Return the condition that an article has a tone towards a partner; others turn nothing."""
    return or_(Mention.p_negative >= CLEAR, Mention.p_neutral >= CLEAR, Mention.p_positive >= CLEAR)


def incidents(session: Session, frame: Frame) -> Incidents:
    """Return the incidents of a panel's partners, by what was read of them at `known_at`.

    An incident is what its bad articles say, once there is one; else what all of them say. It is as old as the newest
    of these and as surely bad as the surest; severity, half-life and event are those of the gravest; outlets count
    once each, unknown ones as one together.
    """
    rows = session.execute(_query(session, frame)).all()
    if not rows:
        return NO_INCIDENTS
    partner_id, number, event, outlet, at, p_negative, severity, half_life = zip(*rows, strict=True)
    place = {name: place for place, name in enumerate(EVENTS)}
    table = _Articles(
        row=np.array([frame.rows.get(one, -1) for one in partner_id], dtype=np.intp),
        number=np.array(number, dtype=np.intp),
        event=np.array([place.get(one, -1) for one in event], dtype=np.intp),
        outlet=np.unique(np.array(outlet), return_inverse=True)[1],
        at=np.array(at, dtype=np.int64),
        p_negative=np.array(p_negative, dtype=np.float64),
        severity=np.array(severity, dtype=np.float64),
        half_life=np.array(half_life, dtype=np.float64),
    )
    return _merged(table.speaking(), frame)


@dataclass(frozen=True, slots=True)
class _Articles:
    """Articles told of partners as parallel arrays `(m,)`; `row` -1: of nobody in the panel."""

    row: Index
    number: Index
    event: Index
    outlet: Index
    at: Whole  # microseconds since 1970
    p_negative: Floats
    severity: Floats
    half_life: Floats

    def speaking(self) -> "_Articles":
        """Return those that speak for their incidents, by incident, the gravest of each last."""
        order = np.lexsort((self.event, self.half_life, self.severity, self.number, self.row))
        order = order[self.row[order] >= 0]
        story = _stories(self.row[order], self.number[order])
        bad = self.p_negative[order] >= CLEAR
        has_bad = np.bincount(story, weights=bad) > 0
        order = order[bad | ~has_bad[story]]
        return _Articles(*(getattr(self, field.name)[order] for field in fields(self)))


def _stories(row: Index, number: Index) -> Index:
    """Return the place `(m,)` of each article's incident among all, in order; articles are sorted by it."""
    new = np.ones(len(row), dtype=np.bool_)
    new[1:] = (row[1:] != row[:-1]) | (number[1:] != number[:-1])
    return np.cumsum(new) - 1


def _merged(told: _Articles, frame: Frame) -> Incidents:
    if not len(told.row):
        return NO_INCIDENTS
    story = _stories(told.row, told.number)
    last = np.append(np.flatnonzero(np.diff(story)), len(story) - 1)
    first = np.append(0, last[:-1] + 1)
    outlets = np.unique(np.stack([story, told.outlet]), axis=1)[0]
    return Incidents(
        partner=told.row[last],
        age_days=frame.ages_of(told.row[last], np.maximum.reduceat(told.at, first)),
        p_negative=np.maximum.reduceat(told.p_negative, first),
        severity=told.severity[last],
        half_life_days=told.half_life[last],
        outlets=np.bincount(outlets).astype(np.float64),
        event=told.event[last],
        number=told.number[last],
    )


def _query(session: Session, frame: Frame) -> Select[Any]:
    outlet, at = func.coalesce(Reading.outlet, ""), micros_of(session, Fact.observed_at)
    figures = (Mention.p_negative, Mention.severity, Mention.half_life_days)
    query = (
        select(Mention.partner_id, Mention.incident, Mention.event, outlet, at, *figures)
        .join(Fact, Mention.fact_id == Fact.id)
        .outerjoin(Reading, Reading.fact_id == Fact.id)
        .where(in_force(frame.known_at), mentioned(frame.known_at), is_clear())
        .where(Fact.observed_at > frame.as_of - frame.days * _DAY, Fact.observed_at <= frame.until)
    )
    if len(frame.rows) <= _FEW_PARTNERS:
        return query.where(Mention.partner_id.in_(frame.rows))
    return query.where(Fact.kind == FactKind.ARTICLE)  # spares SQLite all other facts
