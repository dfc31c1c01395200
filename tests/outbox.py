"""Destinations with sealed options, and notifications waiting for them."""

import uuid
from datetime import datetime
from typing import Any

from fakes import WEBHOOK_SECRET
from pydantic import SecretStr
from samples import every_message
from sqlalchemy import select
from sqlalchemy.orm import Session

from warden import plugins
from warden.db import Database
from warden.domain import NotificationReason
from warden.models import Destination, Notification
from warden.store import destinations, notifications
from warden.vault import Vault


def make_destination(
    session: Session, vault: Vault, channel: str, options: dict[str, Any], now: datetime, **values: Any
) -> Destination:
    """A destination as the API would store it; named after its channel unless `name` is given."""
    public, secrets = plugins.seal_options(plugins.channel(channel).Options(**options), vault)
    return destinations.add(
        session, name=values.pop("name", channel), channel=channel, options=public, secrets=secrets, now=now, **values
    )


def webhook_options(url: str) -> dict[str, Any]:
    return {"url": SecretStr(url), "secret": SecretStr(WEBHOOK_SECRET)}


def queue(
    session: Session,
    destination: Destination,
    key: str,
    now: datetime,
    reason: NotificationReason = NotificationReason.ALERT_FIRED,
    **values: Any,
) -> Notification:
    """One notification that was not queued before."""
    message = values.pop("message", every_message()[reason])
    row = notifications.enqueue(
        session, destination=destination, key=key, reason=reason, message=message, locale="en", now=now, **values
    )
    assert row is not None
    return row


def rows(db: Database, destination: Destination | None = None) -> list[Notification]:
    """All notifications, of one destination or of all, in the order they were queued."""
    query = select(Notification).order_by(Notification.created_at, Notification.id)
    if destination is not None:
        query = query.where(Notification.destination_id == destination.id)
    with db.read() as session:
        return list(session.scalars(query))


def read(db: Database, destination_id: uuid.UUID) -> Destination:
    with db.read() as session:
        return destinations.get(session, destination_id)
