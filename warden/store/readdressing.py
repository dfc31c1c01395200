"""Lets what is known of a person by address follow them to a new one: what they were told, and what is not sent yet."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.domain import NotificationReason, NotificationStatus
from warden.models import Notification, Told
from warden.store.outbox_names import event_of, full_key

_OF_ACCOUNTS = (NotificationReason.SIGN_IN, NotificationReason.TEST)
"""What is sent to an address and not to a person: nobody gets another's link to sign in by changing a person."""


def follow(session: Session, old: str, new: str) -> None:
    """Tell a person at `new` from now on what `old` would have been told; `new` is an address of theirs alone."""
    _follow_what_was_told(session, old, new)
    _follow_what_waits(session, old, new)
    session.flush()


def _follow_what_was_told(session: Session, old: str, new: str) -> None:
    for row in session.scalars(select(Told).where(Told.recipient == old).with_for_update()):
        there = session.get(Told, (row.partner_id, row.destination_id, new), with_for_update=True)
        alerts, at = {**row.alerts, **(there.alerts if there else {})}, max(row.at, there.at) if there else row.at
        session.merge(
            Told(partner_id=row.partner_id, destination_id=row.destination_id, recipient=new, alerts=alerts, at=at)
        )
        session.delete(row)


def _follow_what_waits(session: Session, old: str, new: str) -> None:
    mine = select(Notification).where(Notification.recipient == old)
    waits = mine.where(
        Notification.status.in_((NotificationStatus.QUEUED, NotificationStatus.CLAIMED)),
        Notification.reason.not_in(_OF_ACCOUNTS),
    )
    for row in session.scalars(waits.with_for_update()).all():
        key = full_key(event_of(row.key), row.destination_id, new)
        if session.scalar(select(Notification.id).where(Notification.key == key)) is None:
            row.recipient, row.key = new, key
        else:
            session.delete(row)  # the same was queued for that address already
        session.flush()
