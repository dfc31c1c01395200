"""Executive meetings: what has to be held by when, and the forms that schedule, close or waive one."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Response
from pydantic import StringConstraints
from sqlalchemy.orm import Session

from warden.domain import OPEN_MEETINGS, MeetingStatus
from warden.errors import InvalidInput
from warden.models import Meeting
from warden.pipeline import invitations
from warden.store import actions, meetings, partners, replies
from warden.web.bounds import NO_NUL, check_form, is_sane, tag_of
from warden.web.deps import Read, Write
from warden.web.pages.actions import choices
from warden.web.pages.drawing import ROWS, Manager, View, Viewer, Written, see_other

router = APIRouter(prefix="/meetings")
Line = Annotated[str, StringConstraints(max_length=10_000, pattern=NO_NUL)]
MINUTES = (15, 30, 45, 60, 90, 120, 180, 240)


@router.get("", response_model=None)
def list_meetings(view: Viewer, session: Read, state: str = "open", before: str | None = None) -> Response:
    """Show meetings, the first due first; open ones unless all are asked for."""
    found = meetings.listing(session, before, ROWS, only_open=state != "all")
    overdue = {meeting.id for meeting in found.items if meetings.is_overdue(meeting, view.now)}
    return view.page("meetings.html", meetings=found.items, overdue=overdue, chosen=state, older=view.older(found.next))


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
    told = meeting.sequence
    meetings.schedule(session, meeting, starts_at=moment, minutes=minutes, place=place, now=view.now)
    if meeting.sequence != told:
        invitations.scheduled(session, view.services.settings, meeting, view.now)
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
