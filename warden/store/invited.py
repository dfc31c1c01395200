"""What was told of executive meetings by mail, and so which calendars hold them: as the outbox has it."""

import uuid
from collections.abc import Collection

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from warden.domain import NotificationReason, NotificationStatus
from warden.models import Notification

INVITING = (NotificationReason.MEETING_PROPOSED, NotificationReason.MEETING_SCHEDULED)
"""Reasons of messages that put an entry into a calendar, or change it."""


def of_another_time(session: Session, meeting_id: uuid.UUID, key: str) -> bool:
    """Tell whether anybody was written to about the time of a meeting under another key than this one."""
    of_time = (Notification.meeting_id == meeting_id, Notification.reason == NotificationReason.MEETING_SCHEDULED)
    return bool(session.scalar(select(exists().where(*of_time, ~Notification.key.startswith(f"{key}:")))))


def holding(session: Session, meeting_id: uuid.UUID, addresses: Collection[str]) -> list[str]:
    """Return those of some addresses to which an invitation went, or is on its way, and no cancellation since."""
    query = select(Notification.recipient, Notification.reason).where(
        Notification.meeting_id == meeting_id,
        Notification.recipient.in_(addresses),
        Notification.reason.in_((*INVITING, NotificationReason.MEETING_CANCELLED)),
        Notification.status != NotificationStatus.FAILED,
    )
    rows = session.execute(query.order_by(Notification.created_at, Notification.id))
    last = {recipient: reason for recipient, reason in rows if recipient is not None}
    return [recipient for recipient, reason in last.items() if reason in INVITING]
