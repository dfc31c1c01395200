"""What keeps alerts bearable: silences, verdicts, assignments, the escalation chain, deputies and duty."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warden.domain import EscalateTo, Severity, SilenceKind, Worth
from warden.models.base import Base, HasId, UtcDateTime, by_value
from warden.models.partners import Person


class Silence(HasId, Base):
    """For whom, about what and until when nobody is told. Rules go on deciding meanwhile."""

    __tablename__ = "silence"
    __table_args__ = (Index("ix_silence_ends_at", "ends_at"),)

    kind: Mapped[SilenceKind] = mapped_column(by_value(SilenceKind))
    matchers: Mapped[dict[str, Any]] = mapped_column(default=dict)  # see rules.matching; {} matches everything
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")  # in which its times were given
    reason: Mapped[str]
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when somebody ended it early
    ended_by: Mapped[str | None] = mapped_column(String(320))
    announced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when it was told that it is over


class Verdict(HasId, Base):
    """What somebody said an alert was worth. The newest of each person counts; none is ever changed."""

    __tablename__ = "verdict"

    alert_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    worth: Mapped[Worth] = mapped_column(by_value(Worth))
    author: Mapped[str] = mapped_column(String(320))  # the user, or the destination whose link was opened
    via: Mapped[str] = mapped_column(String(40))  # page | api | slack | teams | email
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Assignment(HasId, Base):
    """Who is to see to an alert. The newest of an alert counts; `person_id` None: nobody any more."""

    __tablename__ = "assignment"

    alert_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(String(320))

    person: Mapped[Person | None] = relationship(lazy="raise")


class EscalationStep(HasId, Base):
    """One step of the chain by which an alert that nobody acknowledges climbs."""

    __tablename__ = "escalation_step"

    position: Mapped[int] = mapped_column(unique=True)  # 1, 2, …
    after_minutes: Mapped[int]  # since the step before, or since people were told
    working_hours: Mapped[bool] = mapped_column(default=True)  # count only these, in the recipient's zone
    to: Mapped[EscalateTo] = mapped_column(by_value(EscalateTo))
    destination_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("destination.id"))
    min_severity: Mapped[Severity] = mapped_column(by_value(Severity), default=Severity.CRITICAL)


class Deputy(Base):
    """Who stands in for somebody whenever an absence names nobody else."""

    __tablename__ = "deputy"

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    deputy_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))

    deputy: Mapped[Person] = relationship(foreign_keys=[deputy_id], lazy="raise")


class Absence(HasId, Base):
    """Somebody is away, and who stands in; `deputy_id` None: the standing deputy, if there is one."""

    __tablename__ = "absence"
    __table_args__ = (Index("ix_absence_person_id_starts_at", "person_id", "starts_at"),)

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    deputy_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    person: Mapped[Person] = relationship(foreign_keys=[person_id], lazy="raise")
    deputy: Mapped[Person | None] = relationship(foreign_keys=[deputy_id], lazy="raise")


class Duty(HasId, Base):
    """Who is on duty, from when until when."""

    __tablename__ = "duty"
    __table_args__ = (Index("ix_duty_starts_at", "starts_at"),)

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    person: Mapped[Person] = relationship(lazy="raise")
