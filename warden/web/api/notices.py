"""The ledger of notices: what people were told of partners' alerts, what they were not told, and why."""

import uuid
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from warden.domain import HeldBack, NoticeReason
from warden.models import Notice
from warden.store import notices
from warden.web.api.shapes import Cursor, Limit, Listed, Sentence, listed, sentence
from warden.web.deps import ApiReader, Read, guard
from warden.wording import Reader

router = APIRouter(prefix="/notices", tags=["alerts"], dependencies=[guard("alerts")])


class NoticeOut(BaseModel):
    """One decision to tell of a partner's alerts, or not to."""

    id: uuid.UUID
    partner_id: uuid.UUID | None = Field(description="Null: about many partners.")
    at: datetime
    reason: NoticeReason
    sent: bool
    held_back: HeldBack | None = Field(description="Why nobody was told; null when it was sent.")
    why: Sentence
    alerts: list[uuid.UUID] = Field(description="Ids of the alerts it speaks of.")
    partners: list[uuid.UUID] = Field(description="Of a notice about many partners.")


@router.get("")
def list_notices(
    session: Read,
    reader: ApiReader,
    cursor: Cursor = None,
    limit: Limit = 50,
    partner_id: uuid.UUID | None = None,
    reason: NoticeReason | None = None,
    held_back: HeldBack | None = None,
    sent: bool | None = None,
) -> Listed[NoticeOut]:
    """List the ledger, newest first. `sent=false` are those held back."""
    found = notices.listing(
        session, cursor, limit, partner_id=partner_id, reason=reason, held_back=held_back, sent=sent
    )
    return listed(found, lambda notice: notice_shape(notice, reader))


def notice_shape(notice: Notice, reader: Reader) -> NoticeOut:
    """Return a notice as the API shows it."""
    return NoticeOut(
        id=notice.id,
        partner_id=notice.partner_id,
        at=notice.at,
        reason=notice.reason,
        sent=notice.sent,
        held_back=HeldBack(notice.held_back) if notice.held_back else None,
        why=sentence(reader, notice.why),
        alerts=[uuid.UUID(one) for one in notice.alerts],
        partners=[uuid.UUID(one) for one in notice.partners],
    )
