"""The ledger of notices: what was told of partners' alerts, what was not, and why. Nothing in it is ever changed."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, and_, cast, or_, select
from sqlalchemy.orm import Session

from warden.domain import HeldBack, NoticeReason
from warden.models import Notice
from warden.store.paging import Page, page

NAMESPACE = uuid.UUID("b0b6c1b2-3f0c-5a76-8a52-6f8e2a8a3d10")
"""Ids of notices are made from their keys: the same notice has the same id, and so have the messages it leads to."""


def add(
    session: Session,
    *,
    key: str,
    partner_id: uuid.UUID | None,
    reason: NoticeReason,
    held_back: HeldBack | None,
    why: Mapping[str, Any],
    alerts: Collection[uuid.UUID],
    now: datetime,
    partners: Collection[uuid.UUID] = (),
) -> Notice:
    """Write one notice; `held_back` None: it is sent. `key` names the events it is about (at most 300 characters)."""
    notice = Notice(
        id=uuid.uuid5(NAMESPACE, key),
        key=key,
        partner_id=partner_id,
        at=now,
        reason=reason,
        sent=held_back is None,
        held_back=held_back.value if held_back else None,
        why=dict(why),
        alerts=[str(one) for one in alerts],
        partners=[str(one) for one in partners],
    )
    session.add(notice)
    session.flush()
    return notice


def is_written(session: Session, key: str) -> bool:
    """Tell whether the notice with this key stands in the ledger already."""
    return session.get(Notice, uuid.uuid5(NAMESPACE, key)) is not None


def listing(
    session: Session,
    cursor: str | None = None,
    limit: int = 50,
    *,
    partner_id: uuid.UUID | None = None,
    reason: NoticeReason | None = None,
    held_back: HeldBack | None = None,
    sent: bool | None = None,
) -> Page[Notice]:
    """Return one page of the ledger, newest first; of a partner also what was told about many at once."""
    filters = {
        Notice.reason: reason,
        Notice.held_back: held_back.value if held_back else None,
        Notice.sent: sent,
    }
    query = select(Notice).where(*(column == value for column, value in filters.items() if value is not None))
    if partner_id is not None:
        about_many = and_(Notice.partner_id.is_(None), cast(Notice.partners, String).contains(str(partner_id)))
        query = query.where(or_(Notice.partner_id == partner_id, about_many))
    return page(session, query, Notice.at, Notice.id, cursor, limit, descending=True)


def of_partner(partner_id: uuid.UUID) -> Select[Notice]:
    """Return the query of a partner's notices, in no order."""
    return select(Notice).where(Notice.partner_id == partner_id)
