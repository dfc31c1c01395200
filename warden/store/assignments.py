"""Who is to see to an alert: every assignment is kept, the newest counts."""

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from warden.domain import AlertState
from warden.errors import Conflict
from warden.models import Alert, Assignment, Person


def assign(session: Session, alert: Alert, person: Person | None, *, who: str, now: datetime) -> Assignment:
    """Give an alert to somebody of ours, or to nobody any more. Raises Conflict for a resolved alert or their side."""
    if alert.state is AlertState.RESOLVED:
        raise Conflict("This alert is resolved already.")
    if person is not None and not person.ours:
        raise Conflict(f"{person.name} works for the partner: an alert is given to somebody of ours.")
    assignment = Assignment(alert_id=alert.id, person_id=person.id if person else None, at=now, author=who)
    session.add(assignment)
    alert.version += 1
    session.flush()
    return assignment


def of_alerts(session: Session, alert_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Person]:
    """Return who is to see to which alerts; alerts that are nobody's are left out."""
    query = select(Assignment).where(Assignment.alert_id.in_(alert_ids)).options(joinedload(Assignment.person))
    newest = {row.alert_id: row.person for row in session.scalars(query.order_by(Assignment.at, Assignment.id))}
    return {alert_id: person for alert_id, person in newest.items() if person is not None}


def history(session: Session, alert_id: uuid.UUID) -> list[Assignment]:
    """Return every assignment of an alert, oldest first, with the people."""
    query = select(Assignment).where(Assignment.alert_id == alert_id).options(joinedload(Assignment.person))
    return list(session.scalars(query.order_by(Assignment.at, Assignment.id)))
