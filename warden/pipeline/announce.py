"""Turns what was decided into outbox rows: one message per destination, each in its own language. Sends nothing."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import NotificationReason
from warden.i18n import N_
from warden.messages import (
    AlertContext,
    Attendee,
    MeetingContext,
    Message,
    alert_fired,
    alert_resolved,
    meeting_cancelled,
    meeting_escalated,
    meeting_proposed,
    meeting_scheduled,
)
from warden.models import Alert, Assessment, Destination, Meeting, Person
from warden.rules import Reason
from warden.settings import Settings
from warden.store import destinations, matrices, notifications
from warden.store.meetings import SERVICE
from warden.wording import Reader, reader_of

PROPOSED_MESSAGE = N_("An alert fired for this partner; the executives should meet by %(due_on)s.")
SCHEDULED_MESSAGE = N_("The time of this meeting was set.")
MISSED_MESSAGE = N_("This meeting was due by %(due_on)s, and nobody noted that it was held.")
WAIVED_MESSAGE = N_("This meeting was called off: %(why)s")


def fired(session: Session, settings: Settings, alert: Alert, why: Reason, due_on: date | None, now: datetime) -> None:
    """Announce an alert that has just opened. `due_on` is the date of the meeting proposed with it, or None.

    The alert's partner (with its owner) and rule must be loaded.
    """
    facts = {"at": alert.fired_at, "meeting_due_on": due_on}
    _tell_of_alert(session, settings, alert, why, NotificationReason.ALERT_FIRED, alert_fired, now, facts)


def resolved(session: Session, settings: Settings, alert: Alert, why: Reason, now: datetime) -> None:
    """Announce an alert that has just resolved; loaded as for `fired`."""
    facts = {"at": now, "fired_at": alert.fired_at}
    _tell_of_alert(session, settings, alert, why, NotificationReason.ALERT_RESOLVED, alert_resolved, now, facts)


def proposed(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Announce a meeting that a rule has just proposed. The meeting must be loaded as store.meetings.get does."""
    why = {"message": PROPOSED_MESSAGE, "params": {"due_on": meeting.due_on.isoformat()}}
    _tell_of_meeting(session, settings, meeting, why, NotificationReason.MEETING_PROPOSED, meeting_proposed, now)


def scheduled(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Announce that a meeting's time was set or moved; loaded as for `proposed`."""
    why = {"message": SCHEDULED_MESSAGE, "params": {}}
    _tell_of_meeting(session, settings, meeting, why, NotificationReason.MEETING_SCHEDULED, meeting_scheduled, now)


def escalated(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Announce that a meeting's date has passed; loaded as for `proposed`."""
    why = {"message": MISSED_MESSAGE, "params": {"due_on": meeting.due_on.isoformat()}}
    _tell_of_meeting(session, settings, meeting, why, NotificationReason.MEETING_ESCALATED, meeting_escalated, now)


def cancelled(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Announce that a meeting was waived; loaded as for `proposed`."""
    # Warden's own reason is a message to translate; a person's is that person's text, whatever is in it.
    own = {"message": meeting.waived_why or "", "params": {}}
    why = {"message": WAIVED_MESSAGE, "params": {"why": own if meeting.closed_by == SERVICE else meeting.waived_why}}
    _tell_of_meeting(session, settings, meeting, why, NotificationReason.MEETING_CANCELLED, meeting_cancelled, now)


def _alert_context(session: Session, settings: Settings, alert: Alert, why: Reason, **values: Any) -> AlertContext:
    assessment = session.get(Assessment, alert.assessment_id) if alert.assessment_id else None
    if assessment is not None:
        values |= {
            "likelihood": assessment.likelihood,
            "impact": assessment.impact,
            "coverage": assessment.coverage,
            "band_names": matrices.band_names(session, assessment.matrix_version, assessment.band),
        }
    owner = alert.partner.owner
    return AlertContext(
        partner=alert.partner.name,
        rule_names=alert.rule.names,
        severity=alert.severity,
        reason=why,
        partner_url=f"{settings.public_url}/partners/{alert.partner_id}",
        alert_url=f"{settings.public_url}/alerts/{alert.id}",
        evidence=alert.evidence,
        owner=owner.name if owner else None,
        **values,
    )


def _tell_of_alert(
    session: Session,
    settings: Settings,
    alert: Alert,
    why: Reason,
    reason: NotificationReason,
    build: Callable[[AlertContext, Reader], Message],
    now: datetime,
    facts: dict[str, Any],
) -> None:
    addressed = destinations.for_alert(session, alert.severity)
    if not addressed:
        return
    context = _alert_context(session, settings, alert, why, **facts)
    for destination in addressed:
        notifications.enqueue(
            session,
            destination=destination,
            key=f"{reason}/{alert.id}",
            reason=reason,
            message=build(context, reader_of(destination.locale, destination.time_zone)),
            locale=destination.locale,
            now=now,
            partner_id=alert.partner_id,
            alert_id=alert.id,
        )


def _tell_of_meeting(
    session: Session,
    settings: Settings,
    meeting: Meeting,
    why: Reason,
    reason: NotificationReason,
    build: Callable[[MeetingContext, Reader], Message],
    now: datetime,
) -> None:
    context = _meeting_context(settings, meeting, why)
    for destination, person in _addressees(session, meeting):
        locale, zone = (person.locale, person.time_zone) if person else (destination.locale, destination.time_zone)
        notifications.enqueue(
            session,
            destination=destination,
            key=f"{reason}/{meeting.id}/{meeting.sequence}",
            reason=reason,
            message=build(context, reader_of(locale, zone)),
            locale=locale,
            now=now,
            recipient=person.email if person else None,
            partner_id=meeting.partner_id,
            alert_id=meeting.alert_id,
            meeting_id=meeting.id,
        )


def _addressees(session: Session, meeting: Meeting) -> Iterable[tuple[Destination, Person | None]]:
    """Yield every destination that takes alerts, then our own people who should attend, by mail.

    The counterpart is never written to: the agenda says what we think of the partner.
    """
    yield from ((destination, None) for destination in destinations.for_alert(session, meeting.alert.severity))
    by_mail = destinations.for_mail(session)
    if by_mail is None:
        return
    people = {person.id: person for person in (meeting.owner, meeting.partner.sponsor) if person and person.ours}
    yield from ((by_mail, person) for person in people.values())


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
        attendees=tuple(Attendee(**attendee) for attendee in meeting.attendees),
        agenda=meeting.agenda,
        starts_at=meeting.starts_at,
        minutes=meeting.minutes,
        place=meeting.place,
    )
