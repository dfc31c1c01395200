"""What each recipient was last told of each partner: what "worse" and "new" are measured against."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from warden.models import Destination, Told


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
