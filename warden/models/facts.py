"""Facts, the keys by which they name partners, what was read in articles, and what people said of that."""

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warden.domain import CorrectionKind, FactKind
from warden.models.base import Base, HasId, RowId, UtcDateTime, by_value
from warden.models.partners import Partner


class FactKey(Base):
    """One (scheme, value) that facts came with, and the partner it stands for, if anybody knows.

    Mapping a key here attributes all its facts at once, past ones too; the facts themselves never change.
    """

    __tablename__ = "fact_key"
    __table_args__ = (UniqueConstraint("scheme", "value"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    scheme: Mapped[str] = mapped_column(String(40))
    value: Mapped[str] = mapped_column(String(320))
    partner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("partner.id", ondelete="SET NULL"), index=True)
    attributed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)

    partner: Mapped[Partner | None] = relationship(lazy="raise")


class Attribution(Base):
    """For which partner a key stood from `since` until `until`: kept so that the past can be judged as it was."""

    __tablename__ = "attribution"
    __table_args__ = (Index("ix_attribution_partner_id", "partner_id"),)

    key_id: Mapped[int] = mapped_column(ForeignKey("fact_key.id"), primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))


class Fact(Base):
    """What a source reported. Rows are only added: a correction is a new row that supersedes the older one.

    `identity` is a 16-byte hash of (source, identity at the source); `digest` an 8-byte hash of the content.
    A row is in force at a moment K when recorded_at <= K < superseded_at. `superseded_at` is the one column that is
    ever written later (docs/adr/0004). Which columns are used depends on `kind`: see store.facts.
    """

    __tablename__ = "fact"
    __table_args__ = (
        UniqueConstraint("identity", "recorded_at", "digest"),
        Index("ix_fact_key_id_observed_at", "key_id", "observed_at"),
        Index("ix_fact_kind_observed_at", "kind", "observed_at"),
        Index("ix_fact_observed_at", "observed_at"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    source_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("source.id"))
    kind: Mapped[FactKind] = mapped_column(by_value(FactKind))
    key_id: Mapped[int | None] = mapped_column(ForeignKey("fact_key.id"))  # None: an article, see Mention
    identity: Mapped[bytes] = mapped_column(LargeBinary(16))
    digest: Mapped[bytes] = mapped_column(LargeBinary(8))
    observed_at: Mapped[datetime] = mapped_column(UtcDateTime)  # when it was true
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)  # when we knew
    superseded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sent: Mapped[bool | None]  # message: True from us, False from the partner
    due_on: Mapped[date | None]  # delivery
    made_on: Mapped[date | None]  # delivery: calendar date in the partner's zone …
    made_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # … or the moment, converted when judged
    name: Mapped[str | None] = mapped_column(String(100))  # measure: its name; message: its thread
    thread: Mapped[int | None] = mapped_column(BigInteger)  # message: number made of its thread, to be read in bulk
    number: Mapped[float | None]  # measure: value; message: reply latency, seconds; delivery: quantity
    amount: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))  # delivery: value
    detail: Mapped[dict[str, Any] | None]  # article: url, title, …; delivery: currency; measure: unit

    key: Mapped[FactKey | None] = relationship(lazy="raise")


class Reading(Base):
    """That an article was read, and with which aliases and lexicon: it is read again when either changes."""

    __tablename__ = "reading"

    fact_id: Mapped[int] = mapped_column(ForeignKey("fact.id"), primary_key=True)
    epoch: Mapped[int]  # of the aliases; Meta "alias_epoch" is the present one
    reader: Mapped[str] = mapped_column(String(40))  # version of the news scorer, and number of the model that spoke
    language: Mapped[str] = mapped_column(String(10))
    outlet: Mapped[str] = mapped_column(String(100), default="")  # registrable domain, else folded name; "" unknown
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Correction(HasId, Base):
    """What a person said of how an article was read for one partner. Rows are only added.

    The newest of each kind holds. `value` is by kind: tone {"label": "negative" | "neutral" | "positive"}; event
    {"event": name | None}; about {"about": bool}; incident {"with": fact id} to merge, {"apart": True} to split. An
    empty `value` takes the person's word back: what is read holds again.
    """

    __tablename__ = "correction"
    __table_args__ = (Index("ix_correction_fact_id", "fact_id"), Index("ix_correction_partner_id", "partner_id"))

    fact_id: Mapped[int] = mapped_column(ForeignKey("fact.id"))
    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    kind: Mapped[CorrectionKind] = mapped_column(by_value(CorrectionKind))
    value: Mapped[dict[str, Any]]
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NewsModel(HasId, Base):
    """One version of what reads the tone of a language, learned from our own articles.

    `arrays` None: the version that ships, listed once somebody went back to it. The one that speaks has `active_since`
    and no `retired_at`; none of a language: the shipped one.
    """

    __tablename__ = "news_model"
    __table_args__ = (UniqueConstraint("language", "number"),)

    language: Mapped[str] = mapped_column(String(10))  # part of the lexicon: en | zh | vi
    number: Mapped[int]  # 1, 2, … per language; 0 is the shipped one
    arrays: Mapped[bytes | None] = mapped_column(LargeBinary)  # see scorers.news.model
    report: Mapped[dict[str, Any]]  # headlines, labels, figures on human labels, {"message", "params"} why it speaks
    author: Mapped[str] = mapped_column(String(320))  # "" for the nightly learning
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    active_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_by: Mapped[str | None] = mapped_column(String(320))  # who chose it: nothing newer replaces it by itself


class Mention(Base):
    """One partner named in one article, the tone towards it, the event it speaks of, and the incident it is part of.

    What was read stands from `first_attributed_at` until the article was read otherwise, or a person corrected it, at
    `until`. Articles with one `copy_of` tell the same story in nearly the same words; those with one `incident` tell of
    the same thing.
    """

    __tablename__ = "mention"
    __table_args__ = (Index("ix_mention_partner_id", "partner_id"),)

    fact_id: Mapped[int] = mapped_column(ForeignKey("fact.id"), primary_key=True)
    partner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True)
    alias: Mapped[str] = mapped_column(String(200))
    p_negative: Mapped[float]
    p_neutral: Mapped[float]
    p_positive: Mapped[float]
    event: Mapped[str | None] = mapped_column(String(40))
    severity: Mapped[float] = mapped_column(default=0.0)  # 0..100
    half_life_days: Mapped[float] = mapped_column(default=0.0)
    triggers: Mapped[list[Any]] = mapped_column(default=list)  # the phrases of the event
    reasons: Mapped[list[Any]] = mapped_column(default=list)  # [kind, text] of what else decided: see scorers.news.read
    corrected: Mapped[bool] = mapped_column(default=False)  # a person's word stands here: see Correction
    copy_of: Mapped[int] = mapped_column(RowId, default=0)  # fact of the first article that says so; may be itself
    incident: Mapped[int] = mapped_column(RowId, default=0)  # fact of the incident's first article; may be itself
    first_attributed_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
