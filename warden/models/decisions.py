"""Rules, their state per partner, the decisions they took, and the alerts and meetings that follow."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warden.domain import (
    AlertEventKind,
    AlertState,
    Cause,
    MeetingLevel,
    MeetingStatus,
    NoData,
    RuleState,
    Severity,
)
from warden.models.base import Base, HasId, RowId, UtcDateTime, by_value
from warden.models.partners import Partner, Person


class Rule(HasId, Base):
    """One rule, as data. Conditions are CEL over the context that warden.rules documents."""

    __tablename__ = "rule"

    key: Mapped[str] = mapped_column(String(60), unique=True)
    names: Mapped[dict[str, Any]]  # locale → name
    descriptions: Mapped[dict[str, Any]] = mapped_column(default=dict)  # locale → one sentence
    condition: Mapped[str]
    inhibit_when: Mapped[str] = mapped_column(default="")
    for_seconds: Mapped[int] = mapped_column(default=0)
    keep_firing_for_seconds: Mapped[int] = mapped_column(default=0)
    severity: Mapped[Severity] = mapped_column(by_value(Severity), default=Severity.WARNING)
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)  # name → number the condition may use
    no_data: Mapped[NoData] = mapped_column(by_value(NoData), default=NoData.KEEP)
    no_data_for_seconds: Mapped[int] = mapped_column(default=0)  # grace before no_data takes effect
    inhibited_by: Mapped[list[Any]] = mapped_column(default=list)  # [{"rule": key, "equal": [attribute]}]
    meeting_within_days: Mapped[int | None]  # working days; None: proposes no meeting
    enabled: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RuleStatus(Base):
    """State of one rule for one partner. It survives restarts, so `for` never starts over."""

    __tablename__ = "rule_status"

    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rule.id", ondelete="CASCADE"), primary_key=True)
    partner_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    state: Mapped[RuleState] = mapped_column(by_value(RuleState))
    before_unknown: Mapped[RuleState | None] = mapped_column(by_value(RuleState))
    since: Mapped[datetime] = mapped_column(UtcDateTime)  # of this state
    episode_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when the condition began to hold
    recovering_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when it ceased, while recovering
    reason: Mapped[dict[str, Any]]  # {"message": msgid, "params": {…}}
    unstable_since: Mapped[datetime | None] = mapped_column(UtcDateTime)  # it changes too often to be told each time


class Decision(HasId, Base):
    """One transition of one rule for one partner. `key` names it: deciding twice changes nothing."""

    __tablename__ = "decision"
    __table_args__ = (
        Index("ix_decision_partner_id_at", "partner_id", "at"),
        Index("ix_decision_at_id", "at", "id"),  # as lists are ordered: all decisions of a tick are of one moment
    )

    key: Mapped[str] = mapped_column(String(200), unique=True)
    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rule.id", ondelete="CASCADE"))
    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    before: Mapped[RuleState] = mapped_column(by_value(RuleState))
    after: Mapped[RuleState] = mapped_column(by_value(RuleState))
    reason: Mapped[dict[str, Any]]
    context: Mapped[dict[str, Any]]  # the values the condition saw
    cause: Mapped[Cause] = mapped_column(by_value(Cause), default=Cause.NEW_FACTS)
    rule_version: Mapped[int] = mapped_column(default=1)


class Alert(HasId, Base):
    """A rule that fired for a partner, until it resolves. One episode, one alert."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_state_fired_at_id", "state", "fired_at", "id"),
        Index("ix_alert_fired_at_id", "fired_at", "id"),
    )

    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rule.id", ondelete="CASCADE"))
    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), index=True)
    decision_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("decision.id", ondelete="CASCADE"), unique=True)
    assessment_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("assessment.id", ondelete="SET NULL"))
    state: Mapped[AlertState] = mapped_column(by_value(AlertState), default=AlertState.FIRING)
    severity: Mapped[Severity] = mapped_column(by_value(Severity))
    fired_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    evidence: Mapped[list[Any]] = mapped_column(default=list)  # [{"message": msgid, "params": {…}, "facts": [id]}]
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str | None] = mapped_column(String(320))
    acknowledged_why: Mapped[str | None]
    escalation_step: Mapped[int] = mapped_column(default=0)  # steps of the chain that were taken
    escalate_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when the next is due; None: no more
    diagnosis: Mapped[dict[str, Any]] = mapped_column(default=dict)  # see rules.diagnosis; {}: nothing points anywhere
    version: Mapped[int] = mapped_column(default=1)

    partner: Mapped[Partner] = relationship(lazy="raise")
    rule: Mapped[Rule] = relationship(lazy="raise")


class AlertEvent(Base):
    """Something that happened to an alert, waiting to be announced. Written with the decision it follows from.

    Announcing sets `announced_at` once, whether people were told or not: the notice says which.
    """

    __tablename__ = "alert_event"
    __table_args__ = (Index("ix_alert_event_announced_at_id", "announced_at", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    alert_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), index=True)
    kind: Mapped[AlertEventKind] = mapped_column(by_value(AlertEventKind))
    cause: Mapped[Cause] = mapped_column(by_value(Cause))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[dict[str, Any]]  # of the transition: {"message": msgid, "params": {…}}
    announced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    notice_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("notice.id", ondelete="SET NULL"))

    alert: Mapped[Alert] = relationship(lazy="raise")


class Meeting(HasId, Base):
    """An executive meeting somebody has to hold, and what came of it."""

    __tablename__ = "meeting"
    __table_args__ = (Index("ix_meeting_status_due_on", "status", "due_on"),)

    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), index=True)
    alert_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    level: Mapped[MeetingLevel] = mapped_column(by_value(MeetingLevel), default=MeetingLevel.EXECUTIVE)
    status: Mapped[MeetingStatus] = mapped_column(by_value(MeetingStatus), default=MeetingStatus.PROPOSED)
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    proposed_by: Mapped[str | None] = mapped_column(String(320))  # who asked for it; None: its alert's rule
    proposed_why: Mapped[str | None]
    due_on: Mapped[date]  # the last working day it may be held on, in the owner's zone
    owner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    attendees: Mapped[list[Any]] = mapped_column(default=list)  # see store.attendees
    agenda: Mapped[list[Any]] = mapped_column(default=list)  # [{"message": msgid, "params": {…}}]
    five_whys: Mapped[list[Any]] = mapped_column(default=list)  # [{"why", "because"}], at most five
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    minutes: Mapped[int] = mapped_column(default=60)
    place: Mapped[str] = mapped_column(String(300), default="")
    sequence: Mapped[int] = mapped_column(default=0)  # RFC 5545 SEQUENCE; the UID is the id
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when we were told that it was held
    outcome: Mapped[str | None]
    waived_why: Mapped[str | None]
    closed_by: Mapped[str | None] = mapped_column(String(320))
    escalated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    partner: Mapped[Partner] = relationship(lazy="raise")
    owner: Mapped[Person | None] = relationship(lazy="raise")
    alert: Mapped[Alert] = relationship(lazy="raise")
