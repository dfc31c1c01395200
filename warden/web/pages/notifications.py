"""Notifications: what was sent to whom, and what the channel answered."""

from functools import partial

from fastapi import APIRouter, Response

from warden.domain import NotificationStatus
from warden.messages import refusals
from warden.models import Notification
from warden.store import destinations, notifications
from warden.store.paging import page
from warden.web.deps import Read
from warden.web.pages.drawing import ROWS, Viewer

router = APIRouter()


@router.get("/notifications", response_model=None)
def list_notifications(view: Viewer, session: Read, status: str = "", before: str | None = None) -> Response:
    """Show notifications, newest first."""
    wanted = NotificationStatus(status) if status in tuple(NotificationStatus) else None
    query = notifications.listing(status=wanted)
    found = page(session, query, Notification.created_at, Notification.id, before, ROWS, descending=True)
    places = list(session.scalars(destinations.listing().order_by("name")))
    return view.page(
        "notifications.html",
        notifications=found.items,
        destinations=places,
        chosen=status,
        in_words=partial(refusals.in_words, view.reader),
        statuses=list(NotificationStatus),
        older=view.older(found.next),
    )
