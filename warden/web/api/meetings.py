"""Executive meetings: asked for, scheduled, held with an outcome, or waived with a reason."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from warden.domain import MeetingLevel, MeetingStatus
from warden.errors import Fault, InvalidInput
from warden.models import Meeting, MeetingReply
from warden.pipeline import asking, invitations
from warden.store import actions, idempotency, meetings, replies
from warden.web.api.actions import Promise
from warden.web.api.alerts import Named
from warden.web.api.people import PersonOut
from warden.web.api.shapes import (
    REPLAYED,
    Cursor,
    IdempotencyKey,
    IfMatch,
    Input,
    Limit,
    Listed,
    Moment,
    Note,
    Reason,
    Sentence,
    check_version,
    listed,
    sentence,
    set_etag,
    set_replayed,
    text,
)
from warden.web.deps import ApiReader, Caller, CurrentServices, Now, Read, Write, guard
from warden.web.problems import errors
from warden.wording import Reader

router = APIRouter(prefix="/meetings", tags=["meetings"], dependencies=[guard("meetings")])


class Attendee(BaseModel):
    """Somebody invited, and what they answered by mail."""

    name: str
    email: str
    role: Literal["owner", "sponsor", "counterpart", "deputy"]
    partstat: Literal["needs-action", "accepted", "declined", "tentative", "delegated"] = Field(
        description="As RFC 5545 has it; of answers to the time as it stands."
    )


class Why(Input):
    """One line of the five-whys sheet: what is asked, and what the answer is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"why": "Why were the orders late?", "because": "Their press stood still."}]}
    )

    why: Annotated[str, text(meetings.LONGEST_WHY, 0)]
    because: Annotated[str, text(meetings.LONGEST_WHY, 0)] = ""


class Proposal(Input):
    """A meeting that a person asks for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "6d2f0c1e-3b55-4f0e-9a41-5e0f6a1c7b10",
                    "reason": "They no longer answer our buyers.",
                    "within_days": 5,
                }
            ]
        }
    )

    partner_id: uuid.UUID
    alert_id: uuid.UUID | None = Field(
        None, description="What it is about: an alert of this partner that fires. Left out: the worst of them."
    )
    reason: Reason
    within_days: Annotated[int, Field(strict=True, ge=1, le=meetings.MOST_DAYS_AHEAD)] | None = Field(
        None,
        description="Working days until it is due; left out: as many as the alert's rule asks for, "
        f"else {meetings.DAYS_AHEAD}.",
    )


class MeetingOut(BaseModel):
    """An executive meeting."""

    id: uuid.UUID
    partner: Named
    alert_id: uuid.UUID
    level: MeetingLevel
    status: MeetingStatus
    proposed_at: datetime
    proposed_by: str | None = Field(description="Who asked for it; null: the alert's rule.")
    proposed_why: str | None
    due_on: date = Field(description="The last day it may be held on, in the owner's time zone.")
    owner: PersonOut | None
    attendees: list[Attendee]
    agenda: list[Sentence]
    five_whys: list[Why]
    starts_at: datetime | None
    minutes: int
    place: str
    sequence: int = Field(description="Of the invitation (RFC 5545): rises with another time or place, and at the end.")
    held_at: datetime | None
    outcome: str | None
    waived_why: str | None
    closed_by: str | None
    escalated_at: datetime | None
    version: int


class Schedule(Input):
    """When and where a meeting takes place."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"starts_at": "2027-03-02T07:00:00Z", "minutes": 45, "place": "Video call"}]}
    )

    starts_at: Moment
    minutes: Annotated[int, Field(strict=True, ge=15, le=480)] = 60
    place: Annotated[str, text(300, 0)] = ""


class Held(Input):
    """What came of a meeting."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "Weekly call until deliveries recover."}]})

    outcome: Annotated[Note, Field(min_length=1)]
    held_at: Moment | None = Field(None, description="Left out: now.")
    actions: list[Promise] = Field([], max_length=20, description="What was decided: each becomes an action.")


class Whys(Input):
    """The five-whys sheet, which replaces the former one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"five_whys": [{"why": "Why were the orders late?", "because": ""}]}]}
    )

    five_whys: list[Why] = Field(max_length=meetings.MOST_WHYS)


class ReplyOut(BaseModel):
    """An answer to an invitation, as it came by mail."""

    model_config = ConfigDict(from_attributes=True)

    email: str
    partstat: str
    sequence: int = Field(description="Of the invitation it answers; an answer to a former time does not count.")
    comment: str
    at: datetime = Field(description="When it was given, as the mail says.")
    recorded_at: datetime


class Waiver(Input):
    """Why no meeting is needed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Contract ends this month."}]})

    reason: Reason


@router.get("")
def list_meetings(
    session: Read,
    reader: ApiReader,
    cursor: Cursor = None,
    limit: Limit = 50,
    status: MeetingStatus | None = None,
    only_open: bool = False,
    partner_id: uuid.UUID | None = None,
    owner_id: uuid.UUID | None = None,
    due_before: date | None = None,
) -> Listed[MeetingOut]:
    """List meetings, the first due first. `due_before` includes that day."""
    page = meetings.listing(
        session,
        cursor,
        limit,
        status=status,
        only_open=only_open,
        partner_id=partner_id,
        owner_id=owner_id,
        due_before=due_before,
    )
    return listed(page, lambda meeting: _shape(meeting, reader))


@router.post("", status_code=201, responses={**errors(404, 409), **REPLAYED})
def propose_meeting(
    session: Write,
    caller: Caller,
    services: CurrentServices,
    reader: ApiReader,
    now: Now,
    new: Annotated[Proposal, Body()],
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> MeetingOut:
    """Ask for a meeting about an alert that fires; people are asked to it as to one that a rule proposes.

    409 while a meeting with the partner is open, or when nothing fires that it could be about. With an Idempotency-Key
    a repeated request is answered exactly as the first was, for 48 hours.
    """
    if idempotency_key is not None:
        content = hashlib.sha256(new.model_dump_json().encode()).hexdigest()
        earlier = idempotency.claim(session, caller.account, idempotency_key, content, now)
        if earlier is not None:
            set_replayed(response)
            told = MeetingOut.model_validate(earlier.body)
            set_etag(response, told.version)
            return told
    alert_id = asking.about(session, new.partner_id, new.alert_id)
    meeting = asking.ask(
        session,
        services.settings,
        alert_id,
        who=caller.name,
        why=new.reason,
        within_days=new.within_days,
        now=now,
    )
    answer = _answer(meeting, reader, response)
    if idempotency_key is not None:
        kept = idempotency.Reply(201, answer.model_dump(mode="json"))
        idempotency.keep(session, caller.account, idempotency_key, kept)
    return answer


@router.get("/{meeting_id}", responses=errors(404))
def get_meeting(session: Read, reader: ApiReader, meeting_id: uuid.UUID, response: Response) -> MeetingOut:
    """Return one meeting."""
    return _answer(meetings.get(session, meeting_id), reader, response)


@router.post("/{meeting_id}/schedule", responses=errors(404, 409, 412))
def schedule_meeting(
    session: Write,
    services: CurrentServices,
    reader: ApiReader,
    now: Now,
    meeting_id: uuid.UUID,
    new: Annotated[Schedule, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> MeetingOut:
    """Fix or move the time and place; attendees get an invitation with the next tick.

    What is scheduled so already stays as it is, and nobody is written to.
    """
    meeting = _locked(session, meeting_id, if_match)
    time = {"starts_at": new.starts_at, "minutes": new.minutes, "place": new.place}
    invitations.schedule(session, services.settings, meeting, **time, now=now)
    return _answer(meeting, reader, response)


@router.post("/{meeting_id}/held", responses=errors(404, 409, 412))
def hold_meeting(
    session: Write,
    caller: Caller,
    reader: ApiReader,
    now: Now,
    meeting_id: uuid.UUID,
    new: Annotated[Held, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> MeetingOut:
    """Close a meeting that took place, with what was agreed; decisions become actions of either side."""
    meeting = _locked(session, meeting_id, if_match)
    meetings.held(session, meeting, outcome=new.outcome, who=caller.name, now=now, held_at=new.held_at)
    faults: list[Fault] = []
    for place, promise in enumerate(new.actions):
        values = promise.model_dump()
        try:
            actions.add(session, meeting.partner, **values, meeting_id=meeting.id, author=caller.name, now=now)
        except InvalidInput as error:
            faults += [replace(fault, where=f"actions[{place}].{fault.where}") for fault in error.faults]
    if faults:
        raise InvalidInput("The meeting was not closed: what was decided cannot be stored.", faults)
    return _answer(meeting, reader, response)


@router.post("/{meeting_id}/waive", responses=errors(404, 409, 412))
def waive_meeting(
    session: Write,
    caller: Caller,
    services: CurrentServices,
    reader: ApiReader,
    now: Now,
    meeting_id: uuid.UUID,
    new: Annotated[Waiver, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> MeetingOut:
    """Close a meeting that need not take place; whoever was told of it is told that it was called off."""
    meeting = _locked(session, meeting_id, if_match)
    meetings.waive(session, meeting, reason=new.reason, who=caller.name)
    invitations.cancelled(session, services.settings, meeting, now)
    return _answer(meeting, reader, response)


@router.put("/{meeting_id}/five-whys", responses=errors(404, 409, 412))
def put_five_whys(
    session: Write,
    reader: ApiReader,
    meeting_id: uuid.UUID,
    new: Annotated[Whys, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> MeetingOut:
    """Replace the five-whys sheet: each answer is asked about by the next line. Empty lines are left out."""
    meeting = _locked(session, meeting_id, if_match)
    meetings.put_whys(session, meeting, [one.model_dump() for one in new.five_whys])
    return _answer(meeting, reader, response)


@router.get("/{meeting_id}/replies", responses=errors(404))
def list_replies(session: Read, meeting_id: uuid.UUID) -> Listed[ReplyOut]:
    """List the answers to the invitation, newest first, on one page; those that no longer count, too."""
    meetings.get(session, meeting_id)
    return Listed(items=[_reply(row) for row in replies.of_meeting(session, meeting_id)], next=None)


def _reply(row: MeetingReply) -> ReplyOut:
    return ReplyOut.model_validate(row)


def _locked(session: Session, meeting_id: uuid.UUID, if_match: str | None) -> Meeting:
    meeting = meetings.get(session, meeting_id, lock=True)
    check_version(if_match, meeting.version, "The meeting")
    return meeting


def _answer(meeting: Meeting, reader: Reader, response: Response) -> MeetingOut:
    set_etag(response, meeting.version)
    return _shape(meeting, reader)


def _attendee(one: Mapping[str, Any]) -> Attendee:
    return Attendee.model_validate(
        {"partstat": meetings.NEEDS_ACTION, **{name: value for name, value in one.items() if name != "asked"}}
    )


def _shape(meeting: Meeting, reader: Reader) -> MeetingOut:
    return MeetingOut(
        id=meeting.id,
        partner=Named(id=meeting.partner_id, name=meeting.partner.name),
        alert_id=meeting.alert_id,
        level=meeting.level,
        status=meeting.status,
        proposed_at=meeting.proposed_at,
        proposed_by=meeting.proposed_by,
        proposed_why=meeting.proposed_why,
        due_on=meeting.due_on,
        owner=PersonOut.model_validate(meeting.owner) if meeting.owner else None,
        attendees=[_attendee(one) for one in meeting.attendees],
        agenda=[sentence(reader, one) for one in meeting.agenda],
        five_whys=[Why.model_validate(one) for one in meeting.five_whys],
        starts_at=meeting.starts_at,
        minutes=meeting.minutes,
        place=meeting.place,
        sequence=meeting.sequence,
        held_at=meeting.held_at,
        outcome=meeting.outcome,
        waived_why=meeting.waived_why,
        closed_by=meeting.closed_by,
        escalated_at=meeting.escalated_at,
        version=meeting.version,
    )
