"""Alerts: what fired and why, and acknowledging it with a reason."""

import uuid
from collections.abc import Sequence

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from warden.domain import AlertState
from warden.models import Alert
from warden.store import alerts, meetings
from warden.web.deps import Read, Write
from warden.web.pages.drawing import ROWS, Manager, View, Viewer, Written, see_other

router = APIRouter()


@router.get("/alerts", response_model=None)
def list_alerts(view: Viewer, session: Read, state: str = "firing", before: str | None = None) -> Response:
    """Show alerts, newest first; those that fire unless asked for others."""
    wanted = AlertState(state) if state in tuple(AlertState) else None
    found = alerts.listing(session, before, ROWS, state=wanted)
    return _draw(view, session, found.items, chosen=state, older=view.older(found.next))


@router.get("/alerts/{alert_id}", response_model=None)
def show_alert(view: Viewer, session: Read, alert_id: uuid.UUID) -> Response:
    """Show one alert."""
    return _draw(view, session, [alerts.get(session, alert_id)])


@router.post("/alerts/{alert_id}/acknowledge", response_model=None)
def acknowledge(view: Manager, session: Write, alert_id: uuid.UUID, reason: Written = "") -> Response:
    """Note who has seen the alert and why it may rest."""
    alert = alerts.get(session, alert_id, lock=True)
    if not reason.strip():
        fault = view.reader.tr("Say why this alert may rest.")
        return _draw(view, session, [alert], code=422, faults={f"reason-{alert.id}": fault})
    alerts.acknowledge(session, alert, reason=reason, who=view.by, now=view.now)
    return see_other(f"/alerts/{alert.id}")


def _draw(
    view: View,
    session: Session,
    found: Sequence[Alert],
    *,
    chosen: str | None = None,
    older: str | None = None,
    code: int = 200,
    faults: dict[str, str] | None = None,
) -> Response:
    called = meetings.of_alerts(session, [alert.id for alert in found])
    context = {"alerts": found, "meetings": called, "chosen": chosen, "older": older, "faults": faults or {}}
    return view.page("alerts.html", code, **context)
