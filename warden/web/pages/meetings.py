"""Executive meetings: what has to be held by when, and the forms that ask for, schedule, close or waive one."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Response
from pydantic import StringConstraints
from sqlalchemy.orm import Session

from warden.domain import OPEN_MEETINGS, AlertState, MeetingStatus
from warden.errors import Conflict, InvalidInput, NotFound
from warden.i18n import N_
from warden.models import Meeting
from warden.pipeline import asking, invitations
from warden.pipeline import meetings as proposing
from warden.store import actions, alerts, attendees, duty, meetings, partners, replies
from warden.web.bounds import NO_NUL, check_form, is_sane, tag_of, typed_days
from warden.web.deps import Read, Write
from warden.web.pages.actions import choices
from warden.web.pages.drawing import ROWS, Manager, View, Viewer, Written, see_other

router = APIRouter(prefix="/meetings")
Line = Annotated[str, StringConstraints(max_length=10_000, pattern=NO_NUL)]
MINUTES = (15, 30, 45, 60, 90, 120, 180, 240)
FAULTS = {
    "reason": N_("Say why people should meet."),
    "within_days": N_("Give 1 to 90 working days, or leave it empty."),
}
"""What is said beside a field that is refused."""


@router.get("", response_model=None)
def list_meetings(view: Viewer, session: Read, state: str = "open", before: str | None = None) -> Response:
    """Show meetings, the first due first; open ones unless all are asked for."""
    found = meetings.listing(session, before, ROWS, only_open=state != "all")
    overdue = {meeting.id for meeting in found.items if meetings.is_overdue(meeting, view.now)}
    return view.page("meetings.html", meetings=found.items, overdue=overdue, chosen=state, older=view.older(found.next))


@router.get("/new", response_model=None)
def show_form(
    view: Manager, session: Read, partner: uuid.UUID | None = None, alert: uuid.UUID | None = None
) -> Response:
    """Show the form that asks for a meeting with a partner, or about an alert; an open meeting is shown instead."""
    if partner is None and alert is None:
        raise NotFound("Expected a partner or an alert to meet about.")
    partner_id = partner or alerts.get(session, cast(uuid.UUID, alert)).partner_id
    standing = meetings.open_of(session, partner_id)
    if standing is not None:
        return see_other(f"/meetings/{standing.id}")
    chosen = alert or meetings.worst_alert(session, partner_id)
    return _draw_form(view, session, partner_id, {"alert_id": str(chosen), "reason": "", "within_days": None})


@router.post("", response_model=None)
def propose(
    view: Manager,
    session: Write,
    partner_id: Annotated[uuid.UUID, Form()],
    alert_id: Annotated[uuid.UUID | None, Form()] = None,
    reason: Written = "",
    within_days: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Ask for a meeting; where somebody was faster, the open one is shown."""
    try:
        meeting = asking.ask(
            session,
            view.services.settings,
            asking.about(session, partner_id, alert_id),
            who=view.by,
            why=reason,
            within_days=typed_days(within_days),
            now=view.now,
        )
    except InvalidInput as error:
        faults = {fault.where: view.reader.tr(FAULTS[fault.where]) for fault in error.faults if fault.where in FAULTS}
        if not faults:
            raise
        entered = {"alert_id": str(alert_id), "reason": reason, "within_days": within_days}
        return _draw_form(view, session, partner_id, entered, faults)
    except Conflict:
        standing = meetings.open_of(session, partner_id)
        if standing is None:
            raise
        return see_other(f"/meetings/{standing.id}")
    return see_other(f"/meetings/{meeting.id}")


def _draw_form(
    view: View,
    session: Session,
    partner_id: uuid.UUID,
    entered: Mapping[str, str | None],
    faults: Mapping[str, str] | None = None,
) -> Response:
    """Draw the form; without days entered it has those that are usual for the alert chosen."""
    partner = partners.get(session, partner_id)
    firing = meetings.open_alerts(session, [partner_id]).get(partner_id, [])
    usual = {str(one): days for one, days in proposing.wanted_within(session, firing).items()}
    if entered["within_days"] is None:
        entered = {**entered, "within_days": str(usual.get(entered["alert_id"] or "", meetings.DAYS_AHEAD))}
    stand_ins = duty.standing_in(session, {one.id for one in attendees.people_of(partner) if one.ours}, view.now)
    return view.page(
        "meeting_new.html",
        422 if faults else 200,
        partner=partner,
        alerts=firing,
        attendees=attendees.of_partner(partner, stand_ins),
        most_days=meetings.MOST_DAYS_AHEAD,
        entered=entered,
        faults=faults or {},
    )


@router.get("/{meeting_id}", response_model=None)
def show_meeting(view: Viewer, session: Read, meeting_id: uuid.UUID) -> Response:
    """Show one meeting: why, with whom, by when, what to talk about."""
    return _draw(view, session, meetings.get(session, meeting_id))


@router.post("/{meeting_id}/schedule", response_model=None)
def schedule(
    view: Manager,
    session: Write,
    meeting_id: uuid.UUID,
    starts_at: Written = "",
    minutes: Annotated[int, Form()] = 60,
    place: Written = "",
    tag: Written = "",
) -> Response:
    """Fix the time and place, unless somebody did meanwhile; everybody asked gets an invitation."""
    meeting = meetings.get(session, meeting_id, lock=True)
    check_form(tag, _time_tag(meeting), "The meeting's time")
    moment = _moment(starts_at, view.reader.time_zone)
    if moment is None or moment <= view.now:
        fault = view.reader.tr("Choose a time that is not over yet.")
        return _draw(view, session, meeting, {"starts_at": fault}, starts_at=starts_at, place=place, minutes=minutes)
    time = {"starts_at": moment, "minutes": minutes, "place": place}
    invitations.schedule(session, view.services.settings, meeting, **time, now=view.now)
    return see_other(f"/meetings/{meeting_id}")


@router.post("/{meeting_id}/held", response_model=None)
def held(view: Manager, session: Write, meeting_id: uuid.UUID, outcome: Written = "") -> Response:
    """Close the meeting with what came of it."""
    meeting = meetings.get(session, meeting_id, lock=True)
    if not outcome.strip():
        return _draw(view, session, meeting, {"outcome": view.reader.tr("Write down what was agreed.")})
    meetings.held(session, meeting, outcome=outcome, who=view.by, now=view.now)
    return see_other(f"/meetings/{meeting_id}")


@router.post("/{meeting_id}/waive", response_model=None)
def waive(view: Manager, session: Write, meeting_id: uuid.UUID, reason: Written = "") -> Response:
    """Close the meeting without holding it."""
    meeting = meetings.get(session, meeting_id, lock=True)
    if not reason.strip():
        return _draw(view, session, meeting, {"reason": view.reader.tr("Say why no meeting is needed.")})
    meetings.waive(session, meeting, reason=reason, who=view.by)
    invitations.cancelled(session, view.services.settings, meeting, view.now)
    return see_other(f"/meetings/{meeting_id}")


@router.post("/{meeting_id}/whys", response_model=None)
def put_whys(
    view: Manager,
    session: Write,
    meeting_id: uuid.UUID,
    why: Annotated[list[Line] | None, Form()] = None,
    because: Annotated[list[Line] | None, Form()] = None,
    tag: Written = "",
) -> Response:
    """Store the five-whys sheet, unless somebody changed it meanwhile; lines with nothing written are left out."""
    meeting = meetings.get(session, meeting_id, lock=True)
    check_form(tag, tag_of(meeting.five_whys), "The sheet")
    rows = [{"why": asked, "because": said} for asked, said in zip(why or (), because or (), strict=False)]
    try:
        meetings.put_whys(session, meeting, rows)
    except InvalidInput:
        fault = view.reader.tr("Ask a question in each line, in at most 500 characters.")
        return _draw(view, session, meeting, {"whys": fault}, whys=rows)
    return see_other(f"/meetings/{meeting_id}#whys")


def _time_tag(meeting: Meeting) -> str:
    return tag_of([meeting.starts_at, meeting.minutes, meeting.place])


def _draw(
    view: View,
    session: Session,
    meeting: Meeting,
    faults: dict[str, str] | None = None,
    *,
    starts_at: str = "",
    place: str | None = None,
    minutes: int | None = None,
    whys: Sequence[Mapping[str, str]] | None = None,
) -> Response:
    rows = [*(meeting.five_whys if whys is None else whys)]
    rows += [{"why": "", "because": ""}] * (meetings.MOST_WHYS - len(rows))
    return view.page(
        "meeting.html",
        422 if faults else 200,
        meeting=meeting,
        time_tag=_time_tag(meeting),
        whys_tag=tag_of(meeting.five_whys),
        more_evidence=_beyond_agenda(meeting),
        whys=rows,
        may_ask=meeting.status is not MeetingStatus.WAIVED,
        actions=actions.listing(session, None, ROWS, meeting_id=meeting.id).items,
        is_late=lambda action: actions.is_overdue(action, view.now),
        replies=replies.of_meeting(session, meeting.id),
        people=choices(partners.get(session, meeting.partner_id)),
        entered={"text": "", "who": "ours", "due_on": ""},
        is_open=meeting.status in OPEN_MEETINGS,
        may_propose=view.may_change and meeting.alert.state is AlertState.FIRING,
        is_overdue=meetings.is_overdue(meeting, view.now),
        minutes=MINUTES,
        entered_starts_at=starts_at,
        entered_place=meeting.place if place is None else place,
        entered_minutes=minutes or meeting.minutes,
        faults=faults or {},
    )


def _beyond_agenda(meeting: Meeting) -> list[Any]:
    """Return what the alert says that is not on the agenda already."""
    told = {item["message"] for item in meeting.agenda}
    return [line for line in meeting.alert.evidence if line["message"] not in told]


def _moment(text: str, time_zone: str) -> datetime | None:
    """Read what an `<input type="datetime-local">` sends, in the reader's zone; None when it is not a moment."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not is_sane(local):
        return None
    return local.replace(tzinfo=local.tzinfo or ZoneInfo(time_zone)).astimezone(UTC)
