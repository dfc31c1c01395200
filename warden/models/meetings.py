"""What surrounds meetings: answers to invitations, actions agreed on, and how often whom should meet."""

import uuid
from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warden.domain import MeetingLevel, Scope, Side
from warden.models.base import Base, HasId, UtcDateTime, by_value
from warden.models.decisions import Meeting
from warden.models.partners import Partner, Person


class MeetingReply(HasId, Base):
    """One answer to an invitation, as it came in by mail (RFC 5546 REPLY)."""

    __tablename__ = "meeting_reply"
    __table_args__ = (UniqueConstraint("meeting_id", "email", "sequence", "at"),)

    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    email: Mapped[str] = mapped_column(String(320))  # of the attendee who answered, lower case
    partstat: Mapped[str] = mapped_column(String(20))  # accepted | declined | tentative | delegated
    sequence: Mapped[int]  # of the invitation it answers
    comment: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)  # its DTSTAMP
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Action(HasId, Base):
    """Something one side promised to do by a day. Reminded of by ledger: due, and not reminded of yet."""

    __tablename__ = "action"
    __table_args__ = (Index("ix_action_done_at_due_on", "done_at", "due_on"),)

    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), index=True)
    meeting_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("meeting.id", ondelete="SET NULL"), index=True)
    text: Mapped[str]
    side: Mapped[Side] = mapped_column(by_value(Side))
    owner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    due_on: Mapped[date]  # in the owner's zone, else the partner's
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(String(320))
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # done or dropped
    done_by: Mapped[str | None] = mapped_column(String(320))
    dropped_why: Mapped[str | None]  # set: it will not be done
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # before or on its day …
    chased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # … and once more when it was over
    version: Mapped[int] = mapped_column(default=1)

    partner: Mapped[Partner] = relationship(lazy="raise")
    meeting: Mapped[Meeting | None] = relationship(lazy="raise")
    owner: Mapped[Person | None] = relationship(lazy="raise")


class Cadence(HasId, Base):
    """How often a level should meet, for everybody, a tier or a partner; the narrower one wins.

    In force from `created_at` until `ended_at`; rows are never changed otherwise.
    """

    __tablename__ = "cadence"

    level: Mapped[MeetingLevel] = mapped_column(by_value(MeetingLevel))
    scope: Mapped[Scope] = mapped_column(by_value(Scope))
    tier: Mapped[str | None] = mapped_column(String(40))
    partner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), index=True)
    every_days: Mapped[int | None]  # None: no such meetings are expected
    reason: Mapped[str] = mapped_column(default="")
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
