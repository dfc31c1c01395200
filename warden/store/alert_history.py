"""What is kept about one alert besides its row: the decision that opened it, its events, and what was told of it."""

import uuid
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from warden.models import Alert, AlertEvent, Decision, Notice, RuleStatus

MOST_NOTICES = 500
"""So many notices about its partner are looked through for those that speak of an alert, the newest first."""


def decision(session: Session, alert: Alert) -> Decision:
    """Return the transition that opened an alert, with the values its condition saw."""
    return session.get_one(Decision, alert.decision_id)


def events(session: Session, alert_id: uuid.UUID) -> list[AlertEvent]:
    """Return what happened to an alert, oldest first."""
    return list(session.scalars(select(AlertEvent).where(AlertEvent.alert_id == alert_id).order_by(AlertEvent.id)))


def notices(session: Session, alert: Alert) -> list[Notice]:
    """Return what was told of an alert and what was held back, newest first, those about many partners included."""
    query = (
        select(Notice)
        .where(or_(Notice.partner_id == alert.partner_id, Notice.partner_id.is_(None)), Notice.at >= alert.fired_at)
        .order_by(Notice.at.desc(), Notice.id)
        .limit(MOST_NOTICES)
    )
    return [notice for notice in session.scalars(query) if str(alert.id) in notice.alerts]


def unstable_since(session: Session, alert: Alert) -> datetime | None:
    """Return since when the alert's rule changes too often for its partner; None while it does not."""
    status = session.get(RuleStatus, (alert.rule_id, alert.partner_id))
    return status.unstable_since if status else None
