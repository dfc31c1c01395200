"""Alerts: rules that fired for a partner, until they resolve. Opening and resolving is the business of deciding."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from warden.domain import AlertState, Severity
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Alert, Partner
from warden.store.paging import Page, page


def listing(
    session: Session,
    cursor: str | None = None,
    limit: int = 50,
    *,
    state: AlertState | None = None,
    severity: Severity | None = None,
    partner_id: uuid.UUID | None = None,
    rule_id: uuid.UUID | None = None,
    owner_id: uuid.UUID | None = None,
    acknowledged: bool | None = None,
) -> Page[Alert]:
    """Return one page of alerts, newest first, with their partner and rule. `owner_id` is the partner's owner."""
    query = select_with_names()
    if state is not None:
        query = query.where(Alert.state == state)
    if severity is not None:
        query = query.where(Alert.severity == severity)
    if partner_id is not None:
        query = query.where(Alert.partner_id == partner_id)
    if rule_id is not None:
        query = query.where(Alert.rule_id == rule_id)
    if owner_id is not None:
        query = query.join(Partner, Partner.id == Alert.partner_id).where(Partner.owner_id == owner_id)
    if acknowledged is not None:
        query = query.where(Alert.acknowledged_at.is_not(None) if acknowledged else Alert.acknowledged_at.is_(None))
    return page(session, query, Alert.fired_at, Alert.id, cursor, limit, descending=True)


def select_with_names() -> Select[Alert]:
    """Return a query for alerts that brings the partner with its owner, and the rule along."""
    return select(Alert).options(joinedload(Alert.partner).joinedload(Partner.owner), joinedload(Alert.rule))


def get(session: Session, alert_id: uuid.UUID, *, lock: bool = False) -> Alert:
    """Return one alert with its partner and rule, held against other writers if asked. Raises NotFound."""
    query = select_with_names().where(Alert.id == alert_id)
    found = session.scalar(query.with_for_update(of=Alert) if lock else query)
    if found is None:
        raise NotFound(f"There is no alert {alert_id}.")
    return found


def count_firing(session: Session) -> int:
    """Return how many alerts are open."""
    return session.scalar(select(func.count()).select_from(Alert).where(Alert.state == AlertState.FIRING)) or 0


def firing(session: Session, rule_id: uuid.UUID, partner_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Alert]:
    """Return a rule's open alerts of some partners, by partner."""
    query = select_with_names().where(
        Alert.rule_id == rule_id, Alert.partner_id.in_(partner_ids), Alert.state == AlertState.FIRING
    )
    return {alert.partner_id: alert for alert in session.scalars(query)}


def resolve(session: Session, open_alerts: Iterable[Alert], now: datetime) -> None:
    """Close alerts whose rule no longer fires."""
    for alert in open_alerts:
        alert.state = AlertState.RESOLVED
        alert.resolved_at = now
        alert.version += 1
    session.flush()


def acknowledge(session: Session, alert: Alert, *, reason: str, who: str, now: datetime) -> Alert:
    """Note that somebody has seen an alert and why it may rest. It stays open until its rule resolves it.

    Raises InvalidInput without a reason, Conflict when it is resolved or somebody acknowledged it before.
    """
    if not reason.strip():
        fault = Fault("reason", "is empty; expected why this alert may rest")
        raise InvalidInput("An alert is acknowledged with a reason.", [fault])
    if alert.state is AlertState.RESOLVED:
        raise Conflict("This alert is resolved already.")
    if alert.acknowledged_at is not None:
        raise Conflict(f"This alert was acknowledged by {alert.acknowledged_by} already.")
    alert.acknowledged_at = now
    alert.acknowledged_by = who
    alert.acknowledged_why = reason.strip()
    alert.version += 1
    session.flush()
    return alert
