"""What did not get to a destination that was switched off is told, once, to whom its alert would be told now.

Only what is told nowhere else. The message itself stays with its destination, which gets it when it is on again.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from warden.domain import NoticeReason, NotificationReason, Severity
from warden.i18n import N_
from warden.log import get_logger
from warden.messages import Message
from warden.models import Destination, Notice, Notification, Partner, Told
from warden.pipeline.addressing import Directory, addressee, directory, subject_about
from warden.pipeline.cases import Place, place
from warden.store import alert_events, alerts, notifications, told
from warden.store.destinations import Addressee, for_alert
from warden.wording import reader_of

log = get_logger(__name__)

TOLD_INSTEAD = frozenset(
    {
        NotificationReason.ALERT_FIRED,
        NotificationReason.ALERT_RESOLVED,
        NotificationReason.COMMON_CAUSE,
        NotificationReason.SILENCE_ENDED,
        NotificationReason.MEETING_PROPOSED,
        NotificationReason.MEETING_SCHEDULED,
        NotificationReason.MEETING_ESCALATED,
        NotificationReason.MEETING_CANCELLED,
        NotificationReason.ACTION_DUE,
    }
)
"""What speaks of partners. Digests and sign-in links are for one person, and of the service operators hear anyway."""

BEGINS = frozenset({NotificationReason.ALERT_FIRED, NotificationReason.COMMON_CAUSE, NotificationReason.SILENCE_ENDED})
"""What tells that something fires."""

MEANT_FOR = N_("Meant for")


def tell(session: Session, lost: Destination, now: datetime) -> int:
    """Queue what is told nowhere, now that a destination is off, for whom it would go to today; return how much."""
    rows = notifications.stranded(session, lost, TOLD_INSTEAD)
    if not rows:
        return 0
    concerned = {row.id: _partners(session, row) for row in rows}
    held = {one.id: one for one in alert_events.hold(session, {one for some in concerned.values() for one in some})}
    addresses = directory(session, now)
    pairs = [
        (row, to) for row in rows for to in _addressees(session, addresses, row, held) if not _knows(session, row, to)
    ]
    for row, to in pairs:
        _enqueue(session, row, lost, to, now)
        for partner_id in concerned[row.id] if row.reason in BEGINS else ():
            _hand_over(session, partner_id, row, to, now)
    log.info("told_instead", destination=lost.name, stranded=len(rows), queued=len(pairs))
    return len(pairs)


def _partners(session: Session, row: Notification) -> Sequence[uuid.UUID]:
    """Return whom a message speaks of: its partner, or all of the notice it belongs to."""
    if row.partner_id is not None:
        return [row.partner_id]
    kind, _, name = notifications.event_of(row.key).partition("/")
    notice = session.get(Notice, uuid.UUID(name)) if kind == "notice" else None
    return [uuid.UUID(one) for one in notice.partners] if notice else []


def _addressees(
    session: Session, addresses: Directory, row: Notification, held: Mapping[uuid.UUID, Partner]
) -> Sequence[Addressee]:
    """Return whom its alert, or what is as severe, is told to now; of many partners by the destinations' settings."""
    partner = held.get(row.partner_id) if row.partner_id else None
    found = alerts.by_ids(session, [row.alert_id]) if row.alert_id else []
    severity = Severity(row.message["severity"] or Severity.WARNING)
    if partner is None:
        return [addressee(one) for one in for_alert(session, severity)]
    return addresses.of(found[0], partner) if found else addresses.of_subject(subject_about(partner, severity), partner)


def _enqueue(session: Session, row: Notification, lost: Destination, to: Addressee, now: datetime) -> None:
    """Queue a message for somebody else, in the words it has; without the links by which its own reader acts."""
    message = Message.from_data(row.message)
    meant_for = (reader_of(row.locale).tr(MEANT_FOR), row.recipient or lost.name)
    notifications.enqueue(
        session,
        destination=to.destination,
        key=f"{notifications.event_of(row.key)}/instead",
        reason=row.reason,
        message=replace(message, facts=(meant_for, *message.facts), verdicts=()),
        locale=row.locale,
        now=now,
        recipient=to.recipient,
        partner_id=row.partner_id,
        alert_id=row.alert_id,
        meeting_id=row.meeting_id,
    )


def _knows(session: Session, row: Notification, to: Addressee) -> bool:
    """Tell whether somebody heard by a message of another reason what this one tells of an alert that fires."""
    told_there = _told(session, row.partner_id, place(to)) if row.partner_id else None
    if row.reason is not NotificationReason.ALERT_FIRED or told_there is None:
        return False
    is_new = row.message["notice"] in (NoticeReason.FIRST, NoticeReason.NEW_IN_GROUP)
    return str(row.alert_id) in told_there.alerts and (is_new or told_there.at >= row.created_at)


def _hand_over(session: Session, partner_id: uuid.UUID, row: Notification, to: Addressee, now: datetime) -> None:
    """Note that whoever is told instead knows what the message's own reader was told: they hear of its end, too."""
    lost, there = (_told(session, partner_id, of) for of in ((row.destination_id, row.recipient or ""), place(to)))
    known = (lost.alerts if lost else {}) | (there.alerts if there else {})
    told.put(session, partner_id, *place(to), known, now)


def _told(session: Session, partner_id: uuid.UUID, of: Place) -> Told | None:
    """Return what was told of a partner at a place."""
    rows = told.of_partner(session, partner_id)
    return next((one for one in rows if (one.destination_id, one.recipient) == of), None)
