"""Notifications: every message that went out, or is about to."""

import uuid
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from warden.domain import NotificationReason, NotificationStatus
from warden.models import Notification
from warden.store import notifications
from warden.store.paging import page
from warden.web.api.alerts import Named
from warden.web.api.shapes import Cursor, Limit, Listed, NoBody, listed
from warden.web.deps import Now, Read, Write, guard
from warden.web.problems import errors

PRIVATE = frozenset({"sealed", "unsubscribe_url", "verdicts", "confirm_url"})
"""Parts of a message that act for its reader: who sees them could sign in or unsubscribe in their place."""

router = APIRouter(prefix="/notifications", tags=["notifications"], dependencies=[guard("notifications")])


class NotificationOut(BaseModel):
    """One outbound message to one destination."""

    id: uuid.UUID
    destination: Named
    reason: NotificationReason
    recipient: str | None
    locale: str
    message: dict[str, Any] = Field(description="What it says, before a channel gave it its form.")
    partner_id: uuid.UUID | None
    alert_id: uuid.UUID | None
    meeting_id: uuid.UUID | None
    status: NotificationStatus
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    sent_at: datetime | None
    confirmed_at: datetime | None = Field(description="When the other side called back to say that it was shown.")
    answer: str = Field(description="What the channel said.")


@router.get("")
def list_notifications(
    session: Read,
    cursor: Cursor = None,
    limit: Limit = 50,
    status: NotificationStatus | None = None,
    reason: NotificationReason | None = None,
    destination_id: uuid.UUID | None = None,
    partner_id: uuid.UUID | None = None,
    alert_id: uuid.UUID | None = None,
    meeting_id: uuid.UUID | None = None,
) -> Listed[NotificationOut]:
    """List notifications, newest first."""
    query = notifications.listing(
        status=status,
        reason=reason,
        destination_id=destination_id,
        partner_id=partner_id,
        alert_id=alert_id,
        meeting_id=meeting_id,
    )
    found = page(session, query, Notification.created_at, Notification.id, cursor, limit, descending=True)
    return listed(found, shape)


@router.get("/{notification_id}", responses=errors(404))
def get_notification(session: Read, notification_id: uuid.UUID) -> NotificationOut:
    """Return one notification."""
    return shape(notifications.get(session, notification_id))


@router.post("/{notification_id}/retry", responses=errors(404, 409))
def retry_notification(session: Write, now: Now, notification_id: uuid.UUID, _body: NoBody = None) -> NotificationOut:
    """Send a notification that failed once more, under the same id, with the next tick."""
    notification = notifications.get(session, notification_id, lock=True)
    notifications.requeue(session, notification, now)
    session.flush()
    return shape(notification)


def shape(notification: Notification) -> NotificationOut:
    """Return a notification, loaded with its destination, as the API shows it."""
    columns = {name: getattr(notification, name) for name in NotificationOut.model_fields if name != "destination"}
    columns["message"] = {name: value for name, value in notification.message.items() if name not in PRIVATE}
    destination = Named(id=notification.destination_id, name=notification.destination.name)
    return NotificationOut(**columns, destination=destination)
