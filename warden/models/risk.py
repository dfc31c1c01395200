"""Assessments and the matrix they are placed on."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from warden.models.base import Base, HasId, UtcDateTime


class Matrix(HasId, Base):
    """One version of the risk matrix, as data (scorers.matrix.Grid). Exactly one is active."""

    __tablename__ = "matrix"

    version: Mapped[int] = mapped_column(unique=True)
    data: Mapped[dict[str, Any]]
    active: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Assessment(HasId, Base):
    """One partner at one moment, as we said it then. Written once and only when something differs from the last one.

    `likelihood` and `impact` are None when there is too little to say; then `not_rated` holds the reason.
    """

    __tablename__ = "assessment"
    __table_args__ = (Index("ix_assessment_partner_id_at", "partner_id", "at", unique=True),)

    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    matrix_version: Mapped[int]
    likelihood: Mapped[float | None]  # probability of deterioration within the horizon, 0..1
    impact: Mapped[float | None]  # 1..5
    likelihood_level: Mapped[int | None]  # 1-based row of the matrix
    impact_level: Mapped[int | None]  # 1-based column
    band: Mapped[str | None] = mapped_column(String(40), index=True)
    coverage: Mapped[float]  # 0..1
    not_rated: Mapped[dict[str, Any] | None]  # {"message": msgid, "params": {…}}
    signals: Mapped[list[Any]]  # see store.assessments for the shape
    impact_parts: Mapped[list[Any]]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))  # of all that is said; not of the moment, nor of fact ids
