"""The ledger: what people were told of partners' alerts, what they were not told, and why."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from warden.domain import NoticeReason
from warden.store import alerts, notices, partners
from warden.store.paging import Page
from warden.web import alert_words
from warden.web.deps import Read
from warden.web.pages.drawing import ROWS, Asked, Viewer

router = APIRouter(prefix="/alerts/notices")

Told = Annotated[str, Query(max_length=10)]
SENT = {"told": True, "held": False}


@router.get("", response_model=None)
def list_notices(
    view: Viewer, session: Read, partner: Asked = "", told: Told = "", reason: Asked = "", before: str | None = None
) -> Response:
    """Show the ledger, newest first; `partner` is a name."""
    wanted = partners.by_name(session, partner.strip()) if partner.strip() else None
    nobody = bool(partner.strip()) and wanted is None
    found: Page[Any] = Page([], None)
    if not nobody:
        found = notices.listing(
            session,
            before,
            ROWS,
            partner_id=wanted.id if wanted else None,
            reason=NoticeReason(reason) if reason in tuple(NoticeReason) else None,
            sent=SENT.get(told),
        )
    concerned = {uuid.UUID(one) for row in found.items if row.partner_id for one in row.alerts}
    ids = {row.partner_id for row in found.items if row.partner_id} | {
        uuid.UUID(one) for row in found.items for one in row.partners
    }
    return view.page(
        "notices.html",
        rows=found.items,
        alerts={str(alert.id): alert for alert in alerts.by_ids(session, concerned)},
        names={str(one): name for one, name in partners.named(session, ids).items()},
        chosen={"partner": partner, "told": told, "reason": reason},
        nobody=nobody,
        older=view.older(found.next),
        alert_words=alert_words,
    )
