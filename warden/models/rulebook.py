"""What people write for rules to go by: versions of each rule, settings for a tier or a partner, and playbooks."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from warden.domain import DiagnosedCause, Scope, VersionStatus
from warden.models.base import Base, HasId, UtcDateTime, by_value


class RuleVersion(HasId, Base):
    """One version of a rule, whole. The active one repeats what stands in the rule's own row."""

    __tablename__ = "rule_version"
    __table_args__ = (UniqueConstraint("rule_id", "number"),)

    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rule.id", ondelete="CASCADE"))
    number: Mapped[int]  # 1, 2, … per rule; the active one's is Rule.version
    status: Mapped[VersionStatus] = mapped_column(by_value(VersionStatus))
    definition: Mapped[dict[str, Any]]  # the fields store.rules.EDITABLE names, as JSON values
    note: Mapped[str] = mapped_column(default="")  # why it was changed
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    activated_by: Mapped[str | None] = mapped_column(String(320))
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rehearsal: Mapped[dict[str, Any] | None]  # "would it have fired?", see pipeline.rehearse; None: not asked yet
    rehearsed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RuleSetting(HasId, Base):
    """Another value of one field or parameter of a rule, for a tier or a partner; the narrower one wins.

    In force from `created_at` until `ended_at`; rows are never changed otherwise.
    """

    __tablename__ = "rule_setting"

    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rule.id", ondelete="CASCADE"), index=True)
    scope: Mapped[Scope] = mapped_column(by_value(Scope))
    tier: Mapped[str | None] = mapped_column(String(40))
    partner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(60))  # a field such as "for_seconds", or the name of a parameter
    value: Mapped[dict[str, Any]]  # {"value": …}
    reason: Mapped[str]
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(320))


class Playbook(HasId, Base):
    """One version of the steps that help against one cause, in every language."""

    __tablename__ = "playbook"
    __table_args__ = (UniqueConstraint("cause", "number"),)

    cause: Mapped[DiagnosedCause] = mapped_column(by_value(DiagnosedCause))
    number: Mapped[int]  # 1, 2, … per cause; 1 is shipped
    status: Mapped[VersionStatus] = mapped_column(by_value(VersionStatus))
    titles: Mapped[dict[str, Any]]  # locale → title
    steps: Mapped[list[Any]]  # [{locale → one step}], in order
    note: Mapped[str] = mapped_column(default="")
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
