"""Turns what happened to executive meetings into outbox rows, each in its reader's language. Sends nothing.

Each telling brings a meeting up to date first: the partner's owner and sponsors of today are asked, at their addresses
of today, and whoever fell away, or was asked at another address, has the entry in that calendar taken out.
"""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import MeetingStatus, NotificationReason
from warden.i18n import N_
from warden.messages import (
    Attendee,
    MeetingContext,
    Message,
    meeting_cancelled,
    meeting_escalated,
    meeting_proposed,
    meeting_released,
    meeting_scheduled,
)
from warden.models import Meeting
from warden.pipeline.addressing import directory
from warden.rules import Reason
from warden.settings import Settings
from warden.store import attendees, destinations, invited, meetings, notifications, people
from warden.store.destinations import Addressee
from warden.store.meetings import NEEDS_ACTION, SERVICE
from warden.wording import Reader, reader_of

PROPOSED_MESSAGE = N_("An alert fired for this partner; the executives should meet by %(due_on)s.")
ASKED_MESSAGE = N_("%(who)s asks the executives to meet by %(due_on)s: %(why)s")
SCHEDULED_MESSAGE = N_("The time of this meeting was set.")
CHANGED_MESSAGE = N_("The time, length or place of this meeting was changed: this is what holds now.")
MISSED_MESSAGE = N_("This meeting was due by %(due_on)s, and nobody noted that it was held.")
WAIVED_MESSAGE = N_("This meeting was called off: %(why)s")
RELEASED_MESSAGE = N_("This meeting goes on without you: you need not keep the time free for it any longer.")
READDRESSED_MESSAGE = N_("The invitation to this meeting goes to another address now.")


def proposed(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Announce a meeting that was just proposed. The meeting must be loaded as store.meetings.get does."""
    _bring_up_to_date(session, settings, meeting, now)
    _tell_as_it_stands(session, settings, meeting, NotificationReason.MEETING_PROPOSED, now)


def schedule(session: Session, settings: Settings, meeting: Meeting, *, now: datetime, **values: Any) -> None:
    """Set or move a meeting's time as store.meetings.schedule does, and announce it if that changed anything."""
    former, told = meeting.attendees, meeting.sequence
    meetings.schedule(session, meeting, now=now, **values)
    if meeting.sequence != told:
        _release(session, settings, meeting, former, now, is_raised=True)
        scheduled(session, settings, meeting, now)


def scheduled(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Announce that a meeting's time was set or moved; loaded as for `proposed`."""
    _bring_up_to_date(session, settings, meeting, now)
    _tell_as_it_stands(session, settings, meeting, NotificationReason.MEETING_SCHEDULED, now)


def escalated(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> int:
    """Announce that a meeting's date has passed; loaded as for `proposed`. Return how many are written to."""
    _bring_up_to_date(session, settings, meeting, now)
    return _tell_as_it_stands(session, settings, meeting, NotificationReason.MEETING_ESCALATED, now)


def readdressed(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Tell those whose address is another by now, and who were asked at the former one, how an open meeting stands."""
    asked = [one for one in meeting.attendees if invited.holding(session, meeting.id, one.get("before", ()))]
    _release(session, settings, meeting, meeting.attendees, now)
    if asked:
        only = {one["email"] for one in asked}
        _tell_as_it_stands(session, settings, meeting, _AS_IT_STANDS[meeting.status], now, only)


def missed(meeting: Meeting) -> Reason:
    """Say that a meeting's date has passed."""
    return {"message": MISSED_MESSAGE, "params": {"due_on": meeting.due_on.isoformat()}}


def cancelled(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Announce that a meeting was waived, if it was and anybody was ever asked to it; loaded as for `proposed`."""
    if meeting.status is not MeetingStatus.WAIVED or not notifications.speaks_of_meeting(session, meeting.id):
        return
    _release(session, settings, meeting, meeting.attendees, now, is_raised=True)
    # Warden's own reason is a message to translate; a person's is that person's text, whatever is in it.
    own = {"message": meeting.waived_why or "", "params": {}}
    why = {"message": WAIVED_MESSAGE, "params": {"why": own if meeting.closed_by == SERVICE else meeting.waived_why}}
    context = _meeting_context(settings, meeting, why)
    _tell_of_meeting(session, meeting, NotificationReason.MEETING_CANCELLED, context, meeting_cancelled, now)


_AS_IT_STANDS = {
    MeetingStatus.PROPOSED: NotificationReason.MEETING_PROPOSED,
    MeetingStatus.SCHEDULED: NotificationReason.MEETING_SCHEDULED,
    MeetingStatus.MISSED: NotificationReason.MEETING_ESCALATED,
}
_BUILDERS = {
    NotificationReason.MEETING_PROPOSED: meeting_proposed,
    NotificationReason.MEETING_SCHEDULED: meeting_scheduled,
    NotificationReason.MEETING_ESCALATED: meeting_escalated,
}


def _tell_as_it_stands(
    session: Session,
    settings: Settings,
    meeting: Meeting,
    reason: NotificationReason,
    now: datetime,
    only: Collection[str] | None = None,
) -> int:
    is_change = invited.of_another_time(session, meeting.id, _key(meeting, reason))
    context = _meeting_context(settings, meeting, _why(meeting, reason, is_change))
    context = replace(context, is_change=is_change)
    return _tell_of_meeting(session, meeting, reason, context, _BUILDERS[reason], now, only)


def _why(meeting: Meeting, reason: NotificationReason, is_change: bool) -> Reason:
    if reason is NotificationReason.MEETING_SCHEDULED:
        return {"message": CHANGED_MESSAGE if is_change else SCHEDULED_MESSAGE, "params": {}}
    if reason is NotificationReason.MEETING_ESCALATED:
        return missed(meeting)
    due_on = meeting.due_on.isoformat()
    if meeting.proposed_by is None:
        return {"message": PROPOSED_MESSAGE, "params": {"due_on": due_on}}
    params = {"who": meeting.proposed_by, "due_on": due_on, "why": meeting.proposed_why}
    return {"message": ASKED_MESSAGE, "params": params}


def _key(meeting: Meeting, reason: NotificationReason) -> str:
    return f"{reason}/{meeting.id}/{meeting.sequence}"


def _tell_of_meeting(
    session: Session,
    meeting: Meeting,
    reason: NotificationReason,
    context: MeetingContext,
    build: Callable[[MeetingContext, Reader], Message],
    now: datetime,
    only: Collection[str] | None = None,
) -> int:
    """Queue a message for everybody it is for, or for some addresses `only`; return how many that are."""
    found = _addressees(session, meeting, now)
    to = found if only is None else [one for one in found if one.recipient in only]
    for addressee in to:
        _enqueue(session, meeting, _key(meeting, reason), build, context, addressee, now)
    return len(to)


def _enqueue(
    session: Session,
    meeting: Meeting,
    key: str,
    build: Callable[[MeetingContext, Reader], Message],
    context: MeetingContext,
    addressee: Addressee,
    now: datetime,
) -> None:
    message = build(context, reader_of(addressee.locale, addressee.time_zone))
    notifications.enqueue(
        session,
        destination=addressee.destination,
        key=key,
        reason=message.reason,
        message=message,
        locale=addressee.locale,
        now=now,
        recipient=addressee.recipient,
        partner_id=meeting.partner_id,
        alert_id=meeting.alert_id,
        meeting_id=meeting.id,
    )


def _bring_up_to_date(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    former, wanted = meeting.attendees, attendees.today(session, meeting, now)
    meeting.owner = attendees.owner_of(meeting.partner)
    if wanted != former:
        meeting.attendees = wanted
        meeting.version += 1
    _release(session, settings, meeting, former, now)


def _release(
    session: Session,
    settings: Settings,
    meeting: Meeting,
    former: Sequence[attendees.Kept],
    now: datetime,
    *,
    is_raised: bool = False,
) -> None:
    """Take the meeting out of the calendars of those who are asked no longer, or at another address, by their `former`.

    `is_raised`: whether its sequence has risen for this already.
    """
    here = {one["email"] for one in meeting.attendees}
    gone = {address: one for one in former for address in attendees.addresses(one) if address not in here}
    by_mail = destinations.for_mail(session)
    if not gone or by_mail is None:
        return
    if any("before" in one for one in meeting.attendees):
        meeting.attendees = [
            {name: value for name, value in one.items() if name != "before"} for one in meeting.attendees
        ]
        meeting.version += 1
    told = {one.recipient for one in _addressees(session, meeting, now)}
    holding = [address for address in invited.holding(session, meeting.id, gone) if address not in told]
    if holding and not is_raised:
        meeting.sequence += 1
        meeting.version += 1
    readers = {str(one.id): one for one in people.named(session, attendees.ids(gone.values()))}
    asked = {one.get("person") for one in meeting.attendees} - {None}
    for address in holding:
        one = gone[address]
        why = READDRESSED_MESSAGE if one.get("person") in asked else RELEASED_MESSAGE
        context = _meeting_context(settings, meeting, {"message": why, "params": {}})
        context = replace(context, attendees=(replace(_attendee(one), email=address),))
        reader = readers.get(one.get("person", ""), by_mail)
        to = Addressee(by_mail, address, reader.locale, reader.time_zone)
        _enqueue(session, meeting, f"released/{meeting.id}/{meeting.sequence}", meeting_released, context, to, now)


def _addressees(session: Session, meeting: Meeting, now: datetime) -> list[Addressee]:
    """Return whom its alert goes to, and our own people who should attend, by mail; everybody once.

    The counterpart is never written to: the agenda says what we think of the partner.
    """
    found = directory(session, now).of(meeting.alert, meeting.partner)
    by_mail = destinations.for_mail(session)
    if by_mail is not None:
        attending = people.named(session, _invited(meeting))
        found += [Addressee(by_mail, one.email, one.locale, one.time_zone) for one in attending if one.ours]
    return list({one.recipient or one.destination.id: one for one in reversed(found)}.values())[::-1]


def _invited(meeting: Meeting) -> set[uuid.UUID]:
    return attendees.ids(meeting.attendees) | ({meeting.owner.id} if meeting.owner else set())


def _meeting_context(settings: Settings, meeting: Meeting, why: Reason) -> MeetingContext:
    return MeetingContext(
        meeting_id=meeting.id,
        partner=meeting.partner.name,
        reason=why,
        due_on=meeting.due_on,
        sequence=meeting.sequence,
        meeting_url=f"{settings.public_url}/meetings/{meeting.id}",
        partner_url=f"{settings.public_url}/partners/{meeting.partner_id}",
        severity=meeting.alert.severity,
        owner=meeting.owner.name if meeting.owner else None,
        attendees=tuple(_attendee(one) for one in meeting.attendees),
        agenda=meeting.agenda,
        starts_at=meeting.starts_at,
        minutes=meeting.minutes,
        place=meeting.place,
    )


def _attendee(one: attendees.Kept) -> Attendee:
    return Attendee(one["name"], one["email"], one.get("role", ""), one.get("partstat", NEEDS_ACTION))
