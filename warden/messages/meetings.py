"""What is said of executive meetings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from warden.domain import NotificationReason, Severity
from warden.i18n import N_
from warden.messages.message import Attendee, Invitation, Item, Message, facts_of
from warden.wording import Fact, Reader

FOOTER = N_("Sent because executive meetings are announced here.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingContext:
    """What a meeting message is made from. `sequence` is the meeting's, see store.meetings.

    `is_change`: another time or place was told before.
    """

    meeting_id: UUID
    partner: str
    reason: Fact  # why it was proposed, why it escalated, or why it was called off
    due_on: date
    sequence: int
    meeting_url: str
    partner_url: str
    severity: Severity
    owner: str | None = None
    attendees: Sequence[Attendee] = ()
    agenda: Sequence[Fact] = ()
    starts_at: datetime | None = None
    minutes: int = 60
    place: str = ""
    is_change: bool = False


def meeting_proposed(context: MeetingContext, reader: Reader) -> Message:
    """An executive meeting has to be held; nobody has set its time yet."""
    title = N_("Executive meeting proposed: %(partner)s, by %(due_on)s")
    return _meeting(context, reader, NotificationReason.MEETING_PROPOSED, title, "REQUEST")


def meeting_scheduled(context: MeetingContext, reader: Reader) -> Message:
    """The meeting's time was set, or time or place were changed."""
    title = N_("Executive meeting scheduled: %(partner)s")
    if context.is_change:
        title = N_("Executive meeting changed: %(partner)s")
    return _meeting(context, reader, NotificationReason.MEETING_SCHEDULED, title, "REQUEST")


def meeting_escalated(context: MeetingContext, reader: Reader) -> Message:
    """The meeting was not held by its date. Calendars are left alone: nothing about the appointment changed."""
    title = N_("Executive meeting missed: %(partner)s, due by %(due_on)s")
    return _meeting(context, reader, NotificationReason.MEETING_ESCALATED, title, None)


def meeting_cancelled(context: MeetingContext, reader: Reader) -> Message:
    """The meeting was waived or is no longer needed; calendars take it out."""
    title = N_("Executive meeting cancelled: %(partner)s")
    return _meeting(context, reader, NotificationReason.MEETING_CANCELLED, title, "CANCEL")


def meeting_released(context: MeetingContext, reader: Reader) -> Message:
    """The meeting goes on, and `attendees` are asked no longer: calendars take their entry out (RFC 5546, 3.2.5).

    It says nothing of what the meeting is about: the address may be a stranger's.
    """
    lead = reader.fact(context.reason)
    invitation = _invitation(context, reader, "CANCEL", [lead])
    return Message(
        reason=NotificationReason.MEETING_CANCELLED,
        title=reader.say(N_("No longer asked to attend: executive meeting, %(partner)s"), partner=context.partner),
        lead=lead,
        invitation=replace(invitation, is_for_all=False),
        footer=reader.tr(FOOTER),
    )


def _meeting(
    context: MeetingContext,
    reader: Reader,
    reason: NotificationReason,
    title: str,
    method: Literal["REQUEST", "CANCEL"] | None,
) -> Message:
    lead = reader.fact(context.reason)
    people = ", ".join(attendee.name for attendee in context.attendees)
    agenda = [reader.fact(fact) for fact in context.agenda]
    return Message(
        reason=reason,
        severity=None if method == "CANCEL" else context.severity,
        title=reader.say(title, partner=context.partner, due_on=context.due_on),
        lead=lead,
        facts=facts_of(
            reader,
            (N_("Starts"), context.starts_at),
            (N_("To be held by"), context.due_on),
            (N_("Place"), context.place or None),
            (N_("Owner"), context.owner),
            (N_("Attendees"), people or None),
        ),
        items=tuple(Item(line, group=reader.tr(N_("Agenda"))) for line in agenda),
        links=(
            (reader.tr(N_("Open the meeting")), context.meeting_url),
            (reader.tr(N_("Open the partner")), context.partner_url),
        ),
        invitation=_invitation(context, reader, method, [lead, *agenda]) if method else None,
        footer=reader.tr(FOOTER),
    )


def _invitation(
    context: MeetingContext, reader: Reader, method: Literal["REQUEST", "CANCEL"], lines: Sequence[str]
) -> Invitation:
    return Invitation(
        method=method,
        uid=f"{context.meeting_id}@warden",
        sequence=context.sequence,
        summary=reader.say(N_("Executive meeting: %(partner)s"), partner=context.partner),
        description="\n".join([*lines, context.meeting_url]),
        due_on=context.due_on,
        starts_at=context.starts_at,
        minutes=context.minutes,
        place=context.place,
        url=context.meeting_url,
        attendees=tuple(context.attendees),
    )
