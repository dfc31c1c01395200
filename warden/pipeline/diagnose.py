"""Gathers what a diagnosis rests on, for the few partners whose alerts open: news, promises, neighbours, countries."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from scorers.news.kinds import EVENT_MESSAGES
from warden.calendars import country_of_zone
from warden.domain import WATCHED_STAGES, AlertState, Side
from warden.models import Action, Alert, Fact, Mention, Partner
from warden.rules import Value
from warden.rules.diagnosis import Circumstances, Event, diagnose
from warden.store import playbooks
from warden.store.facts import in_force

NEWS_DAYS = 28
"""Bad news older than this explains no alert that opens now."""

LIKELY = 0.5
"""An article is bad for the partner from this probability on."""

FEW_NEIGHBOURS = 5
"""With fewer partners in a region, a share of them says nothing about it."""


def of(
    session: Session, values: Mapping[uuid.UUID, Mapping[str, Value]], now: datetime
) -> dict[uuid.UUID, dict[str, Any]]:
    """Return the diagnosis of each partner, given what rules see of it, as `Alert.diagnosis` keeps it.

    It is {} where the evidence points nowhere, else what rules.diagnosis.diagnose says, with the version of the
    playbook that was in force: {"playbook": {"cause", "number"}}, absent where there is none.
    """
    partner_ids = list(values)
    if not partner_ids:
        return {}
    loaded = select(Partner).where(Partner.id.in_(partner_ids)).options(joinedload(Partner.owner))
    partners = {partner.id: partner for partner in session.scalars(loaded)}
    events = _events(session, partner_ids, now)
    promises = _promises(session, partner_ids, now)
    around = _neighbours(session, {partner.region for partner in partners.values()} - {""})
    books = playbooks.active(session)
    found = {}
    for partner_id, seen in values.items():
        partner = partners[partner_id]
        said = diagnose(
            Circumstances(
                values=seen,
                events=events.get(partner_id, ()),
                promises_overdue=promises.get(partner_id, 0),
                neighbours=_share_of_others(around.get(partner.region, {}), partner_id),
                abroad=_is_abroad(partner),
            )
        )
        book = next((book for cause, book in books.items() if cause == said.get("cause")), None)
        found[partner_id] = said | ({"playbook": {"cause": book.cause.value, "number": book.number}} if book else {})
    return found


def _events(session: Session, partner_ids: Sequence[uuid.UUID], now: datetime) -> dict[uuid.UUID, list[Event]]:
    """Return the kinds of event of recent articles that are clearly bad for the partner."""
    query = (
        select(Mention.partner_id, Mention.event, func.max(Mention.severity))
        .join(Fact, Fact.id == Mention.fact_id)
        .where(
            Mention.partner_id.in_(partner_ids),
            Mention.until.is_(None),
            Mention.event.is_not(None),
            Mention.p_negative >= LIKELY,
            Fact.observed_at > now - timedelta(days=NEWS_DAYS),
            Fact.observed_at <= now,
            in_force(now),
        )
        .group_by(Mention.partner_id, Mention.event)
        .order_by(Mention.partner_id, Mention.event)
    )
    found: dict[uuid.UUID, list[Event]] = {}
    for partner_id, kind, severity in session.execute(query):
        if kind in EVENT_MESSAGES:
            found.setdefault(partner_id, []).append(Event(kind, EVENT_MESSAGES[kind], severity))
    return found


def _promises(session: Session, partner_ids: Sequence[uuid.UUID], now: datetime) -> dict[uuid.UUID, int]:
    """Return how many actions each partner owes whose day is over in its own zone."""
    query = (
        select(Action)
        .where(Action.partner_id.in_(partner_ids), Action.side == Side.THEIRS, Action.done_at.is_(None))
        .where(Action.due_on <= now.date())
        .options(joinedload(Action.partner))
    )
    found: dict[uuid.UUID, int] = {}
    for action in session.scalars(query):
        if now.astimezone(ZoneInfo(action.partner.time_zone)).date() > action.due_on:
            found[action.partner_id] = found.get(action.partner_id, 0) + 1
    return found


def _neighbours(session: Session, regions: set[str]) -> dict[str, dict[uuid.UUID, bool]]:
    """Return the watched partners of each region, and whether an alert of theirs is open."""
    if not regions:
        return {}
    is_open = select(Alert.id).where(Alert.partner_id == Partner.id, Alert.state == AlertState.FIRING).exists()
    query = select(Partner.region, Partner.id, is_open).where(
        Partner.region.in_(regions), Partner.stage.in_(WATCHED_STAGES)
    )
    found: dict[str, dict[uuid.UUID, bool]] = {}
    for region, partner_id, troubled in session.execute(query):
        found.setdefault(region, {})[partner_id] = bool(troubled)
    return found


def _share_of_others(around: Mapping[uuid.UUID, bool], partner_id: uuid.UUID) -> float | None:
    others = [troubled for other, troubled in around.items() if other != partner_id]
    return sum(others) / len(others) if len(others) >= FEW_NEIGHBOURS else None


def _is_abroad(partner: Partner) -> bool | None:
    ours = country_of_zone(partner.owner.time_zone) if partner.owner else None
    return None if ours is None or partner.country is None else partner.country != ours
