"""Assessments, the criteria and the matrix they follow, what people overrode, and what was learned."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from warden.domain import Quantity, Scope
from warden.models.base import Base, HasId, UtcDateTime, by_value


class Matrix(HasId, Base):
    """One version of the risk matrix, as data (scorers.matrix.Grid): a draft, the active one, or one of the past.

    Exactly one is active. It was in force from `activated_at` until `retired_at`; a draft has neither.
    """

    __tablename__ = "matrix"

    version: Mapped[int] = mapped_column(unique=True)
    data: Mapped[dict[str, Any]]
    active: Mapped[bool] = mapped_column(default=False)
    author: Mapped[str] = mapped_column(String(320), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Criterion(HasId, Base):
    """One risk criterion somebody set: options that differ from what ships, for everybody, a tier or one partner.

    `name` is an outcome ("silence"), "impact" or "placement"; `data` holds only what differs. In force at a moment K
    when created_at <= K < ended_at: rows are ended and never changed, so that any past moment can be judged again.
    """

    __tablename__ = "criterion"
    __table_args__ = (Index("ix_criterion_name_scope_subject", "name", "scope", "subject"),)

    name: Mapped[str] = mapped_column(String(40))
    scope: Mapped[Scope] = mapped_column(by_value(Scope))
    subject: Mapped[str] = mapped_column(String(40), default="")  # a tier, or a partner's id; "" for the portfolio
    data: Mapped[dict[str, Any]]
    author: Mapped[str] = mapped_column(String(320))
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(320))


class Override(HasId, Base):
    """Somebody's word against the computed likelihood or impact of one partner, until it expires or is withdrawn."""

    __tablename__ = "override"
    __table_args__ = (Index("ix_override_partner_id", "partner_id"),)

    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    quantity: Mapped[Quantity] = mapped_column(by_value(Quantity))
    value: Mapped[float]  # likelihood: 0..1, both excluded; impact: 1..5
    author: Mapped[str] = mapped_column(String(320))
    reason: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(320))


class OutcomeState(Base):
    """What is said of one outcome of one partner now, and on how much it rests."""

    __tablename__ = "outcome_state"

    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    likelihood: Mapped[float | None]  # None: too little to say
    sample: Mapped[float]  # effective sample size
    state: Mapped[str] = mapped_column(String(10))  # fresh | stale | missing | blind
    horizon_days: Mapped[float]
    version: Mapped[str] = mapped_column(String(20))  # of the scorer
    model: Mapped[int | None]  # number of the learned model that speaks; None: the default


class Learned(HasId, Base):
    """One version of what an outcome's likelihood learned from our own past: arrays, the figures, and the verdict.

    In force from `created_at` until `retired_at`. `form` "default" records that nothing learned may speak, and why.
    """

    __tablename__ = "learned"
    __table_args__ = (UniqueConstraint("outcome", "number"),)

    outcome: Mapped[str] = mapped_column(String(40))
    number: Mapped[int]  # 1, 2, … per outcome
    form: Mapped[str] = mapped_column(String(20))  # default | recalibrated | supervised
    version: Mapped[str] = mapped_column(String(20))  # of the scorer it was learned for
    arrays: Mapped[dict[str, Any]]  # see scorers.learning
    report: Mapped[dict[str, Any]]  # positives, quarters, log losses, {"message", "params"} why this form
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Backtest(HasId, Base):
    """One walk through our own past, and what it showed per outcome."""

    __tablename__ = "backtest"

    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(String(320))
    report: Mapped[dict[str, Any]]  # see pipeline.backtest


class Assessment(HasId, Base):
    """One partner at one moment, as we said it then. Written once and only when something differs from the last one.

    `likelihood` and `impact` are None when there is too little to say; then `not_rated` holds the reason.
    """

    __tablename__ = "assessment"
    __table_args__ = (Index("ix_assessment_partner_id_at", "partner_id", "at", unique=True),)

    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    matrix_version: Mapped[int]
    likelihood: Mapped[float | None]  # 0..1, that it worsens in time; an override's if one holds
    impact: Mapped[float | None]  # 1..5; an override's if one holds
    computed_likelihood: Mapped[float | None]  # without the override
    computed_impact: Mapped[float | None]
    overrides: Mapped[list[Any]]  # those that hold; see store.assessments for the shape
    reach: Mapped[dict[str, Any]]  # the cells that missing signals and attributes could still lead to
    likelihood_level: Mapped[int | None]  # 1-based row of the matrix
    impact_level: Mapped[int | None]  # 1-based column
    band: Mapped[str | None] = mapped_column(String(40), index=True)
    coverage: Mapped[float]  # 0..1
    not_rated: Mapped[dict[str, Any] | None]  # {"message": msgid, "params": {…}}
    signals: Mapped[list[Any]]  # see store.assessments for the shape
    impact_parts: Mapped[list[Any]]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))  # of all that is said; not of the moment, nor of fact ids
