"""Turns what happened to executive meetings into outbox rows, each in its reader's language. Sends nothing."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import NotificationReason
from warden.i18n import N_
from warden.messages import (
    FIRST_TIME,
    Attendee,
    MeetingContext,
    Message,
    meeting_cancelled,
    meeting_escalated,
    meeting_proposed,
    meeting_scheduled,
)
from warden.models import Meeting
from warden.pipeline.addressing import directory
from warden.rules import Reason
from warden.settings import Settings
from warden.store import destinations, notifications, people
from warden.store.destinations import Addressee
from warden.store.meetings import NEEDS_ACTION, SERVICE
from warden.wording import Reader, reader_of

PROPOSED_MESSAGE = N_("An alert fired for this partner; the executives should meet by %(due_on)s.")
ASKED_MESSAGE = N_("%(who)s asks the executives to meet by %(due_on)s: %(why)s")
SCHEDULED_MESSAGE = N_("The time of this meeting was set.")
CHANGED_MESSAGE = N_("The time, length or place of this meeting was changed: this is what holds now.")
MISSED_MESSAGE = N_("This meeting was due by %(due_on)s, and nobody noted that it was held.")
WAIVED_MESSAGE = N_("This meeting was called off: %(why)s")


def proposed(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Announce a meeting that was just proposed. The meeting must be loaded as store.meetings.get does."""
    due_on = meeting.due_on.isoformat()
    why: Reason = {"message": PROPOSED_MESSAGE, "params": {"due_on": due_on}}
    if meeting.proposed_by is not None:
        params = {"who": meeting.proposed_by, "due_on": due_on, "why": meeting.proposed_why}
        why = {"message": ASKED_MESSAGE, "params": params}
    _tell_of_meeting(session, settings, meeting, why, NotificationReason.MEETING_PROPOSED, meeting_proposed, now)


def scheduled(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Announce that a meeting's time was set or moved; loaded as for `proposed`."""
    why = {"message": CHANGED_MESSAGE if meeting.sequence > FIRST_TIME else SCHEDULED_MESSAGE, "params": {}}
    _tell_of_meeting(session, settings, meeting, why, NotificationReason.MEETING_SCHEDULED, meeting_scheduled, now)


def escalated(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> int:
    """Announce that a meeting's date has passed; loaded as for `proposed`. Return how many are written to."""
    reason = NotificationReason.MEETING_ESCALATED
    return _tell_of_meeting(session, settings, meeting, missed(meeting), reason, meeting_escalated, now)


def missed(meeting: Meeting) -> Reason:
    """Say that a meeting's date has passed."""
    return {"message": MISSED_MESSAGE, "params": {"due_on": meeting.due_on.isoformat()}}


def cancelled(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Announce that a meeting was waived, if anybody was ever asked to it; loaded as for `proposed`."""
    if not notifications.speaks_of_meeting(session, meeting.id):
        return
    # Warden's own reason is a message to translate; a person's is that person's text, whatever is in it.
    own = {"message": meeting.waived_why or "", "params": {}}
    why = {"message": WAIVED_MESSAGE, "params": {"why": own if meeting.closed_by == SERVICE else meeting.waived_why}}
    _tell_of_meeting(session, settings, meeting, why, NotificationReason.MEETING_CANCELLED, meeting_cancelled, now)


def _tell_of_meeting(
    session: Session,
    settings: Settings,
    meeting: Meeting,
    why: Reason,
    reason: NotificationReason,
    build: Callable[[MeetingContext, Reader], Message],
    now: datetime,
) -> int:
    context, addressees = _meeting_context(settings, meeting, why), _addressees(session, meeting, now)
    for addressee in addressees:
        notifications.enqueue(
            session,
            destination=addressee.destination,
            key=f"{reason}/{meeting.id}/{meeting.sequence}",
            reason=reason,
            message=build(context, reader_of(addressee.locale, addressee.time_zone)),
            locale=addressee.locale,
            now=now,
            recipient=addressee.recipient,
            partner_id=meeting.partner_id,
            alert_id=meeting.alert_id,
            meeting_id=meeting.id,
        )
    return len(addressees)


def _addressees(session: Session, meeting: Meeting, now: datetime) -> list[Addressee]:
    """Return whom its alert goes to, and our own people who should attend, by mail; everybody once.

    The counterpart is never written to: the agenda says what we think of the partner.
    """
    found = directory(session, now).of(meeting.alert, meeting.partner)
    by_mail = destinations.for_mail(session)
    if by_mail is not None:
        attending = people.with_addresses(session, _invited(meeting))
        found += [Addressee(by_mail, one.email, one.locale, one.time_zone) for one in attending if one.ours]
    return list({one.recipient or one.destination.id: one for one in reversed(found)}.values())[::-1]


def _invited(meeting: Meeting) -> set[str]:
    return {one["email"] for one in meeting.attendees} | ({meeting.owner.email} if meeting.owner else set())


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


def _attendee(one: Mapping[str, Any]) -> Attendee:
    return Attendee(one["name"], one["email"], one.get("role", ""), one.get("partstat", NEEDS_ACTION))
