"""Sources and their runs. The row is the schedule: `next_run_at` says when it is due, the lease who is at it."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warden.domain import RunOutcome, SourceState
from warden.models.base import Base, HasId, UtcDateTime, by_value
from warden.models.partners import Person


class Source(HasId, Base):
    """One configured collector: one mailbox, one file, one feed. `collector` "push" is fed through POST /facts."""

    __tablename__ = "source"
    __table_args__ = (Index("ix_source_due", "paused", "next_run_at"),)

    name: Mapped[str] = mapped_column(String(100), unique=True)
    collector: Mapped[str] = mapped_column(String(40))
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)  # without secrets
    secrets: Mapped[str | None]  # encrypted by the vault
    schedule: Mapped[str] = mapped_column(String(100), default="*/15 * * * *")  # cron, UTC
    owner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    paused: Mapped[bool] = mapped_column(default=False)
    state: Mapped[SourceState] = mapped_column(by_value(SourceState), default=SourceState.NEW)
    reason: Mapped[str] = mapped_column(default="")  # why it is in this state, one sentence
    state_since: Mapped[datetime] = mapped_column(UtcDateTime)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    blind_since: Mapped[datetime | None] = mapped_column(UtcDateTime)  # set while no news can be trusted from it
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    cursor: Mapped[dict[str, Any]] = mapped_column(default=dict)
    kinds: Mapped[dict[str, Any]] = mapped_column(default=dict)  # kind of fact → when it first reported one, ISO 8601
    next_run_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_holder: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    owner: Mapped[Person | None] = relationship(lazy="raise")


class Run(HasId, Base):
    """One attempt to collect from one source."""

    __tablename__ = "run"
    __table_args__ = (Index("ix_run_source_id_started_at", "source_id", "started_at"),)

    source_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[RunOutcome | None] = mapped_column(by_value(RunOutcome))  # None: still running, or killed
    seen: Mapped[int] = mapped_column(default=0)  # facts the source reported
    new: Mapped[int] = mapped_column(default=0)  # of these, rows added (new or corrected)
    error: Mapped[str] = mapped_column(default="")
    problems: Mapped[list[Any]] = mapped_column(default=list)  # [{"where": …, "what": …}] rows set aside
