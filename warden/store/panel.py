"""The panel: the portfolio's facts up to one moment as dense arrays for the scorers. It scores nothing."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import case, select
from sqlalchemy.orm import Session

from scorers.base import Exposure, Floats, Panel
from warden import calendars
from warden.domain import FAMILIES, FactKind
from warden.models import Fact
from warden.settings import Settings
from warden.store import blindness, counts, numbers, talk
from warden.store.facts import of_kind
from warden.store.frame import Frame, frame_of


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
        incidents=talk.incidents(session, frame),
        replies=replies,
        measures=measures,
    )


def _exposure(frame: Frame) -> Exposure:
    """Return the working calendars of the partners' countries; row 0 is for those without any."""
    known = [None, *sorted({country for country in frame.countries if country})]
    patterns = np.stack([calendars.exposure(country, frame.first, frame.days) for country in known])
    number = {country: place for place, country in enumerate(known)}
    return Exposure(patterns, np.array([number[country] for country in frame.countries], dtype=np.intp))


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
