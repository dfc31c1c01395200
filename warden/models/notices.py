"""Destinations, the outbox, and digests."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warden.domain import Frequency, NotificationReason, NotificationStatus, Severity
from warden.models.base import Base, HasId, UtcDateTime, by_value
from warden.models.partners import Person


class Destination(HasId, Base):
    """Where messages go: one Slack or Teams webhook, one mail server, one signed webhook."""

    __tablename__ = "destination"

    name: Mapped[str] = mapped_column(String(100), unique=True)
    channel: Mapped[str] = mapped_column(String(40))
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)  # without secrets
    secrets: Mapped[str | None]  # encrypted by the vault
    locale: Mapped[str] = mapped_column(String(10), default="en")
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    min_severity: Mapped[Severity] = mapped_column(by_value(Severity), default=Severity.WARNING)
    alerts: Mapped[bool] = mapped_column(default=True)  # gets alerts and meetings
    operations: Mapped[bool] = mapped_column(default=False)  # gets blind sources and disabled destinations
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_why: Mapped[str] = mapped_column(default="")
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)  # rate limit or Retry-After
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Notification(HasId, Base):
    """One outbound message to one destination. The row exists before anything is sent; its id never changes."""

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_due", "status", "next_attempt_at"),)

    key: Mapped[str] = mapped_column(String(300), unique=True)  # names the event and destination: enqueued once
    destination_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("destination.id"), index=True)
    reason: Mapped[NotificationReason] = mapped_column(by_value(NotificationReason))
    recipient: Mapped[str | None] = mapped_column(String(320))  # e-mail: instead of the destination's own
    locale: Mapped[str] = mapped_column(String(10))
    message: Mapped[dict[str, Any]]  # a warden.messages.Message as data
    partner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("partner.id", ondelete="SET NULL"))
    alert_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("alert.id", ondelete="SET NULL"))
    meeting_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("meeting.id", ondelete="SET NULL"))
    status: Mapped[NotificationStatus] = mapped_column(by_value(NotificationStatus), default=NotificationStatus.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(default="")  # what the channel said, shortened, without secrets

    destination: Mapped[Destination] = relationship(lazy="raise")


class Digest(HasId, Base):
    """One person's standing order for a digest."""

    __tablename__ = "digest"

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), unique=True)
    destination_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("destination.id"))  # an e-mail destination
    frequency: Mapped[Frequency] = mapped_column(by_value(Frequency))
    weekday: Mapped[int] = mapped_column(default=0)  # 0 = Monday; weekly only
    hour: Mapped[int] = mapped_column(default=8)  # in the person's zone
    only_mine: Mapped[bool] = mapped_column(default=False)  # only partners this person owns or sponsors
    enabled: Mapped[bool] = mapped_column(default=True)
    next_run_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_run_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    person: Mapped[Person] = relationship(lazy="raise")
    destination: Mapped[Destination] = relationship(lazy="raise")
