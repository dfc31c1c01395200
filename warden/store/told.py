"""What each recipient was last told of each partner: what "worse" and "new" are measured against."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.orm import Session

from warden.domain import AlertState, NotificationStatus
from warden.models import Alert, Destination, Notification, Told
from warden.store.notifications import OF_WHAT_FIRES


def of_partner(session: Session, partner_id: uuid.UUID) -> list[Told]:
    """Return what was told of a partner that is held, one row for each recipient who knows of something."""
    query = select(Told).where(Told.partner_id == partner_id).order_by(Told.destination_id, Told.recipient)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def alerts(session: Session) -> set[uuid.UUID]:
    """Return every alert that somebody knows as firing."""
    return _alerts(session, select(Told.alerts))


def heard(session: Session) -> set[uuid.UUID]:
    """Return every alert that somebody knows as firing whose destination is on."""
    query = select(Told.alerts).join(Destination, Destination.id == Told.destination_id)
    return _alerts(session, query.where(Destination.disabled_at.is_(None)))


def _alerts(session: Session, query: Select[Any]) -> set[uuid.UUID]:
    return {uuid.UUID(alert) for known in session.scalars(query) for alert in known}


def forget_unshown(session: Session, partner_id: uuid.UUID) -> None:
    """Forget what recipients were to know of a partner that is held, of alerts over, but never got: all was refused."""
    for row in of_partner(session, partner_id):
        ids = [uuid.UUID(alert) for alert in row.alerts]
        over = session.scalars(select(Alert).where(Alert.id.in_(ids), Alert.state == AlertState.RESOLVED))
        unshown = {str(alert.id) for alert in over if not _may_have_been_shown(session, row, alert.fired_at)}
        if unshown:
            left = {alert: known for alert, known in row.alerts.items() if alert not in unshown}
            put(session, partner_id, row.destination_id, row.recipient, left, row.at)


def _may_have_been_shown(session: Session, row: Told, since: datetime) -> bool:
    """Tell whether something about alerts, of this partner or of many, may have reached a recipient since then."""
    mine = select(Notification.status, Notification.partner_id).where(
        Notification.destination_id == row.destination_id,
        func.coalesce(Notification.recipient, "") == row.recipient,
        Notification.reason.in_(OF_WHAT_FIRES),
        or_(Notification.partner_id == row.partner_id, Notification.partner_id.is_(None)),
        Notification.created_at >= since,
    )
    sent = session.execute(mine).all()
    is_refused = any(one.partner_id is not None and one.status is NotificationStatus.FAILED for one in sent)
    return not is_refused or any(one.status is not NotificationStatus.FAILED for one in sent)


def put(
    session: Session,
    partner_id: uuid.UUID,
    destination_id: uuid.UUID,
    recipient: str,
    firing: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> None:
    """Remember what one recipient knows as firing from now on: {alert id: {"severity", "rank"}}; nothing: forget it."""
    if firing:
        alerts = {alert: dict(known) for alert, known in firing.items()}
        session.merge(
            Told(partner_id=partner_id, destination_id=destination_id, recipient=recipient, alerts=alerts, at=now)
        )
    else:
        session.execute(
            delete(Told)
            .where(Told.partner_id == partner_id, Told.destination_id == destination_id, Told.recipient == recipient)
            .execution_options(synchronize_session="fetch")
        )
    session.flush()
