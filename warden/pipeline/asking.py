"""Executive meetings that a person asks for: about an alert that fires, told as those that rules ask for."""

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from warden.domain import AlertState
from warden.errors import Conflict, Fault, InvalidInput
from warden.log import get_logger
from warden.models import Meeting
from warden.pipeline import alarms, invitations
from warden.pipeline import meetings as proposing
from warden.settings import Settings
from warden.store import alerts, assessments, meetings, partners
from warden.store.visible import is_visible

log = get_logger(__name__)

NOTHING_FIRES = "No alert of this partner fires: there is nothing an executive meeting would be about."
IS_OVER = "This alert is over: there is nothing left to meet about."


def about(session: Session, partner_id: uuid.UUID, alert_id: uuid.UUID | None) -> uuid.UUID:
    """Return the alert that a meeting with a partner is about: the one asked for, else the worst that fires.

    Raises NotFound for a partner or alert there is not, InvalidInput for another partner's, Conflict where none fires.
    """
    partners.get(session, partner_id)
    if alert_id is None:
        found = meetings.worst_alert(session, partner_id)
        if found is None:
            raise Conflict(NOTHING_FIRES)
        return found
    if alerts.get(session, alert_id).partner_id != partner_id:
        raise InvalidInput("The meeting cannot be proposed.", [Fault("alert_id", "is an alert of another partner")])
    return alert_id


def ask(
    session: Session,
    settings: Settings,
    alert_id: uuid.UUID,
    *,
    who: str,
    why: str,
    within_days: int | None = None,
    now: datetime,
) -> Meeting:
    """Propose the meeting that a person asks for about an alert, and tell everybody of it whom a rule's is told to.

    `within_days`: working days; None: as many as the rule would ask for, else meetings.DAYS_AHEAD. Raises NotFound,
    InvalidInput without a reason or for days out of bounds, Conflict for an alert that is over and where a meeting with
    the partner is open.
    """
    faults = [] if is_visible(why) else [Fault("reason", "is empty; expected why people should meet")]
    if within_days is not None and not 1 <= within_days <= meetings.MOST_DAYS_AHEAD:
        what = f"is {within_days}; expected 1 to {meetings.MOST_DAYS_AHEAD} working days"
        faults.append(Fault("within_days", what))
    if faults:
        raise InvalidInput(f"The meeting cannot be proposed: {faults[0]}.", faults)
    alert = alerts.get(session, alert_id, lock=True)
    session.refresh(alert, ["state"])  # it may have been read before it was held
    if alert.state is not AlertState.FIRING:
        raise Conflict(IS_OVER)
    proposals = proposing.Proposals(session, alarms.partners(session, [alert.partner_id]), now)
    days = within_days or proposing.wanted_within(session, [alert]).get(alert.id, meetings.DAYS_AHEAD)
    said = assessments.latest(session, alert.partner_id, now)
    meeting_id = proposals.ask(alert, said, days, who=who, why=why.strip()).id
    session.flush()
    meeting = meetings.get(session, meeting_id)
    log.info("meeting_asked_for", meeting=str(meeting.id), partner=str(meeting.partner_id))
    invitations.proposed(session, settings, meeting, now)
    return meeting
