"""Rows that hold for a time: valid from their beginning, that moment included, until their end, excluded."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from warden.models import Attribution, FactKey, Mention, PartnerVersion


def valid(row: type[PartnerVersion] | type[Attribution], at: datetime) -> ColumnElement[bool]:
    """Return the condition that a row held at `at`."""
    return and_(row.since <= at, or_(row.until.is_(None), row.until > at))


def held(at: datetime, known_at: datetime) -> ColumnElement[bool]:
    """Return the condition that an attribution held at `at`, for keys first seen later that it held at `known_at`.

    A new address of a known domain brings new facts; only a key that was there and changes hands was mapped anew.
    """
    then = valid(Attribution, at)
    if known_at <= at:
        return then
    later = Attribution.key_id.in_(select(FactKey.id).where(FactKey.first_seen_at > at))
    return or_(then, and_(later, valid(Attribution, known_at)))


def mentioned(known_at: datetime | None) -> ColumnElement[bool]:
    """Return the condition that a mention was what we had read at `known_at`; None is now."""
    if known_at is None:
        return Mention.until.is_(None)
    return and_(Mention.first_attributed_at <= known_at, or_(Mention.until.is_(None), Mention.until > known_at))
