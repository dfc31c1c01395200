"""What partners have in common: the sources that speak of them, and their regions; and what was told of that lately."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.domain import WATCHED_STAGES, AlertEventKind, Cause, FactKind, NoticeReason
from warden.models import Alert, AlertEvent, Fact, FactKey, Notice, Partner, Source


def raised_since(session: Session, since: datetime) -> Mapping[uuid.UUID, list[AlertEvent]]:
    """Return what fired after a moment by rule, oldest first, but for what says nothing of the present."""
    query = (
        select(AlertEvent, Alert.rule_id)
        .join(Alert, Alert.id == AlertEvent.alert_id)
        .where(
            AlertEvent.kind == AlertEventKind.FIRED,
            AlertEvent.at > since,
            AlertEvent.cause.not_in((Cause.LATE_FACTS, Cause.FIRST_LOOK)),
        )
        .order_by(AlertEvent.id)
    )
    found: dict[uuid.UUID, list[AlertEvent]] = {}
    for event, rule_id in session.execute(query):
        found.setdefault(rule_id, []).append(event)
    return found


def regions(session: Session) -> dict[str, set[str]]:
    """Return the region of every watched partner that has one, by the partner's id."""
    query = select(Partner.id, Partner.region).where(Partner.stage.in_(WATCHED_STAGES), Partner.region != "")
    return {str(partner_id): {region} for partner_id, region in session.execute(query)}


def sources(session: Session, kinds: Collection[FactKind], since: datetime) -> dict[str, set[str]]:
    """Return the sources that reported facts of these kinds on each watched partner after a moment, by its id.

    Articles are left out: a feed speaks of whom it likes.
    """
    query = (
        select(FactKey.partner_id, Fact.source_id)
        .join(FactKey, FactKey.id == Fact.key_id)
        .join(Partner, Partner.id == FactKey.partner_id)
        .where(Fact.kind.in_(kinds), Fact.observed_at > since, Partner.stage.in_(WATCHED_STAGES))
        .distinct()
    )
    found: dict[str, set[str]] = {}
    for partner_id, source_id in session.execute(query):
        found.setdefault(str(partner_id), set()).add(str(source_id))
    return found


def source_name(session: Session, source_id: str) -> str:
    """Return what a source is called."""
    return session.get_one(Source, uuid.UUID(source_id)).name


def told_since(session: Session, prefix: str, since: datetime) -> Notice | None:
    """Return the notice of a common cause whose key begins like this, if one was sent after a moment."""
    query = select(Notice).where(
        Notice.reason == NoticeReason.COMMON_CAUSE,
        Notice.sent.is_(True),
        Notice.at > since,
        Notice.key.startswith(prefix),
    )
    return session.scalars(query.order_by(Notice.at.desc())).first()
