"""The panel: the portfolio's facts up to one moment as dense arrays for the scorers. It scores nothing."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import case, select
from sqlalchemy.orm import Session

from scorers.base import Exposure, Floats, Incidents, Panel
from warden import calendars
from warden.db import to_micros
from warden.domain import FAMILIES, FactKind
from warden.models import Fact, Mention
from warden.settings import Settings
from warden.store import blindness, counts, numbers
from warden.store.facts import in_force, of_kind
from warden.store.frame import Frame, frame_of
from warden.store.periods import mentioned

_DAY = timedelta(days=1)
_FEW_PARTNERS = 2_000  # up to here articles are found by the partner they name
_STORY = timedelta(hours=72)  # articles on one event of one partner within this time tell one story


def build(
    session: Session,
    settings: Settings,
    as_of: datetime,
    known_at: datetime,
    partner_ids: Sequence[uuid.UUID] | None = None,
    observed_until: datetime | None = None,
    configured_at: datetime | None = None,
) -> tuple[list[uuid.UUID], Panel]:
    """Return the watched partners (all, or of a few `partner_ids`; by id) and their panel at `as_of`, one row each.

    Only what was known at `known_at` counts (facts, whose keys they came with, partners' attributes), and nothing that
    happened after `as_of`: a delivery made later is still open. `observed_until` looks back to an earlier moment from
    `as_of`: time has passed, but nothing that came true meanwhile is seen. `configured_at` takes the partners'
    attributes and whose keys are whose from another moment than `known_at`.
    A delivery is late when it was made after its due date in the partner's own zone, or is open past it.
    """
    frame = frame_of(
        session, settings.history_days, as_of, known_at, observed_until or as_of, partner_ids, configured_at or known_at
    )
    messages, replies = counts.messages(session, frame)
    measured, measures = counts.measures(session, frame)
    return list(frame.rows), Panel(
        at=as_of,
        now=frame.today - frame.first,
        daily={**messages, **counts.deliveries(session, frame), **measured},
        blind_days=_blind_days(session, settings, frame),
        exposure=_exposure(frame),
        incidents=_incidents(session, frame),
        replies=replies,
        measures=measures,
    )


def _exposure(frame: Frame) -> Exposure:
    """Return the working calendars of the partners' countries; row 0 is for those without any."""
    known = [None, *sorted({country for country in frame.countries if country})]
    patterns = np.stack([calendars.exposure(country, frame.first, frame.days) for country in known])
    number = {country: place for place, country in enumerate(known)}
    return Exposure(patterns, np.array([number[country] for country in frame.countries], dtype=np.intp))


def _incidents(session: Session, frame: Frame) -> Incidents:
    """Return what articles say of the partners, articles on one event within three days as one piece of news."""
    query = (
        select(
            Mention.partner_id, Mention.event, Fact.observed_at, Mention.p_negative, Mention.severity,
            Mention.half_life_days,
        )
        .join(Fact, Mention.fact_id == Fact.id)
        .where(in_force(frame.known_at), mentioned(frame.known_at))
        .where(Fact.observed_at > frame.as_of - frame.days * _DAY, Fact.observed_at <= frame.until)
        .order_by(
            Mention.partner_id, Mention.event, Fact.observed_at, Mention.severity, Mention.p_negative, Fact.id
        )
    )  # fmt: skip
    if len(frame.rows) <= _FEW_PARTNERS:
        query = query.where(Mention.partner_id.in_(frame.rows))
    else:
        query = query.where(Fact.kind == FactKind.ARTICLE)  # spares SQLite all other facts
    told = [row for row in session.execute(query) if row.partner_id in frame.rows]
    pieces = [_merge(story) for story in _stories(told)]
    columns = list(zip(*pieces, strict=True)) or [()] * 5
    row = np.array([frame.rows[partner_id] for partner_id in columns[0]], dtype=np.intp)
    return Incidents(
        partner=row,
        age_days=frame.ages_of(row, np.array([to_micros(at) for at in columns[1]], dtype=np.int64)),
        p_negative=np.array(columns[2], dtype=np.float64),
        severity=np.array(columns[3], dtype=np.float64),
        half_life_days=np.array(columns[4], dtype=np.float64),
    )


def _stories(mentions: Iterable[Any]) -> Iterator[list[Any]]:
    """Group mentions, ordered by partner, event and time. Articles without a known event each tell their own story."""
    story: list[Any] = []
    for mention in mentions:
        same = story and mention.event is not None and (mention.partner_id, mention.event) == story[0][:2]
        if story and not (same and mention.observed_at - story[0].observed_at <= _STORY):
            yield story
            story = []
        story.append(mention)
    if story:
        yield story


def _merge(story: Sequence[Any]) -> tuple[uuid.UUID, datetime, float, float, float]:
    worst = max(story, key=lambda mention: mention.severity * mention.p_negative)
    newest = max(mention.observed_at for mention in story)
    return worst.partner_id, newest, worst.p_negative, worst.severity, worst.half_life_days


def _blind_days(session: Session, settings: Settings, frame: Frame) -> dict[str, Floats]:
    known = blindness.blind_days(session, settings.blind_hours, frame.as_of, frame.known_at)
    return {family: _family_blindness(session, frame, kind, known.get(kind, {})) for kind, family in FAMILIES.items()}


def _family_blindness(session: Session, frame: Frame, kind: FactKind, days: Mapping[uuid.UUID, float]) -> Floats:
    """Return `(n,)` days without any seeing source, of those that have reported on the partner, or else of all."""
    if not days:
        return np.full(frame.partners, np.nan)
    everyone = np.full(frame.partners, min(days.values()))
    if kind is FactKind.ARTICLE or len(set(days.values())) == 1:
        return everyone
    number = {source_id: place for place, source_id in enumerate(days)}
    pairs = select(Fact.key_id, case(number, value=Fact.source_id)).distinct()
    pairs = pairs.where(of_kind(kind), Fact.source_id.in_(number), *frame.known())
    key, source = numbers.columns(session, pairs)
    row = frame.rows_of(key)
    own = np.full(frame.partners, np.inf)
    np.minimum.at(own, row[row >= 0], np.array(list(days.values()))[source[row >= 0]])
    return np.where(np.isfinite(own), own, everyone)
