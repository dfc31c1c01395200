"""Destinations and the routes to them, notices and the outbox, and digests."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warden.domain import Frequency, NoticeReason, NotificationReason, NotificationStatus, Severity, WhenEmpty
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
    canary_hours: Mapped[int | None]  # how often a test asks the other side to confirm; None: never
    canary_sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    canary_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Route(HasId, Base):
    """Which alerts and meetings go where. The first that matches takes it, and the next ones too where it goes on.

    Without any route, and for what none matches, the destinations' own settings decide.
    """

    __tablename__ = "route"

    name: Mapped[str] = mapped_column(String(100), unique=True)
    position: Mapped[int]  # read in this order, lowest first
    matchers: Mapped[dict[str, Any]] = mapped_column(default=dict)  # see rules.routing; {}: everything
    destination_ids: Mapped[list[Any]] = mapped_column(default=list)
    people: Mapped[list[Any]] = mapped_column(default=list)  # "owner", "sponsor", "on_duty": by mail, each in theirs
    goes_on: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)


class Notice(HasId, Base):
    """One decision to tell of a partner's alerts or not, with why: the ledger of what was said and what was not."""

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_partner_id_at", "partner_id", "at"), Index("ix_notice_at_id", "at", "id"))

    key: Mapped[str] = mapped_column(String(300), unique=True)  # deciding twice changes nothing
    partner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))  # None: many
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[NoticeReason] = mapped_column(by_value(NoticeReason))
    sent: Mapped[bool]
    held_back: Mapped[str | None] = mapped_column(String(32))  # a domain.HeldBack; None when sent
    why: Mapped[dict[str, Any]]  # {"message": msgid, "params": {…}}
    alerts: Mapped[list[Any]] = mapped_column(default=list)  # ids of the alerts it speaks of
    partners: Mapped[list[Any]] = mapped_column(default=list)  # ids, of a notice about many


class Told(Base):
    """What one recipient was last told of a partner's alerts: what "worse" and "new" are measured against."""

    __tablename__ = "told"

    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True)
    destination_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("destination.id", ondelete="CASCADE"), primary_key=True
    )
    recipient: Mapped[str] = mapped_column(String(320), primary_key=True, default="")  # "": the destination's own
    alerts: Mapped[dict[str, Any]] = mapped_column(default=dict)  # alert id → severity, those told as firing
    at: Mapped[datetime] = mapped_column(UtcDateTime)


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
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the other side called back: it was shown
    answer: Mapped[str] = mapped_column(default="")  # what the channel said, shortened, without secrets

    destination: Mapped[Destination] = relationship(lazy="raise")


class Digest(HasId, Base):
    """One person's standing order for a digest."""

    __tablename__ = "digest"

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), unique=True)
    destination_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("destination.id"))  # an e-mail destination
    frequency: Mapped[Frequency] = mapped_column(by_value(Frequency))
    weekday: Mapped[int] = mapped_column(default=0)  # 0 = Monday; weekly only
    day: Mapped[int] = mapped_column(default=1)  # of the month, 1 to 28; monthly only
    when_empty: Mapped[WhenEmpty] = mapped_column(by_value(WhenEmpty), default=WhenEmpty.SEND)
    hour: Mapped[int] = mapped_column(default=8)  # in the person's zone
    only_mine: Mapped[bool] = mapped_column(default=False)  # only partners this person owns or sponsors
    enabled: Mapped[bool] = mapped_column(default=True)
    next_run_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_run_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    person: Mapped[Person] = relationship(lazy="raise")
    destination: Mapped[Destination] = relationship(lazy="raise")
