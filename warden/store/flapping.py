"""How often the alerts of one rule and partner opened, and since when they change too often to be told each time."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from warden.models import Alert, RuleStatus


def alerts_since(
    session: Session, rule_id: uuid.UUID, partner_ids: Collection[uuid.UUID], since: datetime
) -> dict[uuid.UUID, list[Alert]]:
    """Return a rule's alerts that are open, or opened or resolved after `since`, by partner, the oldest first."""
    lately = or_(Alert.resolved_at.is_(None), Alert.resolved_at > since, Alert.fired_at > since)
    query = select(Alert).where(Alert.rule_id == rule_id, Alert.partner_id.in_(partner_ids), lately)
    found: dict[uuid.UUID, list[Alert]] = {}
    for alert in session.scalars(query.order_by(Alert.fired_at, Alert.id)):
        found.setdefault(alert.partner_id, []).append(alert)
    return found


def mark(session: Session, rule_id: uuid.UUID, moments: Mapping[uuid.UUID, datetime | None]) -> None:
    """Note since when a rule is unstable for partners; None: it no longer is."""
    for partner_id, moment in moments.items():
        chosen = update(RuleStatus).where(RuleStatus.rule_id == rule_id, RuleStatus.partner_id == partner_id)
        session.execute(chosen.values(unstable_since=moment).execution_options(synchronize_session=False))
