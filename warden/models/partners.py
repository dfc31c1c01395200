"""Partners, the people behind them, and the names and identifiers by which facts find them."""

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warden.domain import Stage
from warden.models.base import Base, HasId, UtcDateTime, by_value


class Person(HasId, Base):
    """Somebody who owns a partner, sponsors it, or is its counterpart executive. Not an account: see User."""

    __tablename__ = "person"

    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(320), unique=True)  # lower case
    locale: Mapped[str] = mapped_column(String(10), default="en")
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    ours: Mapped[bool] = mapped_column(default=True)  # False: works for the partner
    version: Mapped[int] = mapped_column(default=1)


class Partner(HasId, Base):
    """One business relationship."""

    __tablename__ = "partner"

    name: Mapped[str] = mapped_column(String(200), unique=True)
    tier: Mapped[str] = mapped_column(String(40), default="standard")
    stage: Mapped[Stage] = mapped_column(by_value(Stage), default=Stage.ACTIVE)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    sponsor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    counterpart_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    country: Mapped[str | None] = mapped_column(String(2))  # ISO 3166-1 alpha-2
    region: Mapped[str] = mapped_column(String(60), default="")  # of our own choosing, e.g. "APAC"; "": none
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    annual_value: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    currency: Mapped[str | None] = mapped_column(String(3))  # ISO 4217
    share: Mapped[float | None]  # 0..1 of our spend or revenue
    months_to_replace: Mapped[float | None]
    single_source: Mapped[bool | None]
    contract_end: Mapped[date | None]
    notes: Mapped[str] = mapped_column(default="")
    tags: Mapped[list[Any]] = mapped_column(default=list)
    version: Mapped[int] = mapped_column(default=1)  # the ETag; rises with every change
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    owner: Mapped[Person | None] = relationship(foreign_keys=[owner_id], lazy="raise")
    sponsor: Mapped[Person | None] = relationship(foreign_keys=[sponsor_id], lazy="raise")
    counterpart: Mapped[Person | None] = relationship(foreign_keys=[counterpart_id], lazy="raise")
    aliases: Mapped[list["Alias"]] = relationship(
        lazy="raise", cascade="all, delete-orphan", passive_deletes=True, order_by="Alias.text"
    )
    identifiers: Mapped[list["Identifier"]] = relationship(
        lazy="raise", cascade="all, delete-orphan", passive_deletes=True, order_by="Identifier.value"
    )


class PartnerVersion(Base):
    """What an assessment reads of a partner, as it stood from `since` until `until`: kept so that the past can be
    judged as it was. The row without `until` repeats the partner's present attributes.
    """

    __tablename__ = "partner_version"

    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tier: Mapped[str] = mapped_column(String(40))
    stage: Mapped[Stage] = mapped_column(by_value(Stage))
    country: Mapped[str | None] = mapped_column(String(2))
    time_zone: Mapped[str] = mapped_column(String(64))
    annual_value: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    currency: Mapped[str | None] = mapped_column(String(3))
    share: Mapped[float | None]
    months_to_replace: Mapped[float | None]
    single_source: Mapped[bool | None]
    contract_end: Mapped[date | None]


class Alias(HasId, Base):
    """A name under which the public speaks of a partner.

    `needs_context`: counts only beside a second cue of the partner. `exclude`: this phrase is *not* the partner and
    shields a shorter alias inside it ("Target date" for the alias "Target").
    """

    __tablename__ = "alias"
    __table_args__ = (UniqueConstraint("partner_id", "text"),)

    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(String(200))
    case_sensitive: Mapped[bool] = mapped_column(default=False)
    needs_context: Mapped[bool] = mapped_column(default=False)
    exclude: Mapped[bool] = mapped_column(default=False)
    reviewed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # a person looked at what it matches …
    reviewed_by: Mapped[str | None] = mapped_column(String(320))  # … and its flags are that person's word


class Identifier(HasId, Base):
    """What sources call a partner: an e-mail address, a domain, a supplier code, any scheme. One value, one partner."""

    __tablename__ = "identifier"
    __table_args__ = (UniqueConstraint("scheme", "value"), Index("ix_identifier_partner_id", "partner_id"))

    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    scheme: Mapped[str] = mapped_column(String(40))  # email | domain | supplier_code | …, lower case
    value: Mapped[str] = mapped_column(String(320))  # as normalised by collectors.base.normalise_key
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
