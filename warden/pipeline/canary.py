"""Checks destinations whose "accepted" proves nothing: a message asks the other side to call back, and is missed."""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import NotificationReason, NotificationStatus
from warden.log import get_logger
from warden.messages import canary, unconfirmed
from warden.models import Destination, Notification
from warden.pipeline.fence import fence
from warden.settings import Settings
from warden.store import confirmations, destinations, notifications
from warden.store.sources import LONGEST_TICK
from warden.vault import Vault
from warden.wording import reader_of

log = get_logger(__name__)

PATIENCE = timedelta(minutes=30)
"""How long the other side may take to call back before somebody is told."""

WAITING = (NotificationStatus.QUEUED, NotificationStatus.CLAIMED)


def run(db: Database, vault: Vault, settings: Settings, now: datetime) -> int:
    """Queue the checks that are due, and tell of those nobody confirmed; return how many of both."""
    with db.read() as session:
        checked = list(session.scalars(_checked()))
    done = 0
    for destination in checked:
        with fence("destination_not_checked", destination=destination.name), db.write() as session:
            found = destinations.get(session, destination.id, lock=True)
            last = _last(session, found)
            done += _miss(session, settings, found, last, now) + _send(session, vault, settings, found, last, now)
    return done


def _last(session: Session, destination: Destination) -> Notification | None:
    """Return the check that was queued last."""
    query = select(Notification).where(
        Notification.destination_id == destination.id,
        Notification.reason == NotificationReason.CANARY,
        Notification.created_at == destination.canary_sent_at,
    )
    return session.scalar(query)


def _send(
    session: Session,
    vault: Vault,
    settings: Settings,
    destination: Destination,
    last: Notification | None,
    now: datetime,
) -> int:
    """Queue a check if one is due; while the last still waits to leave, another one would show no more."""
    if destination.canary_hours is None or destination.disabled_at is not None:
        return 0
    if last is not None and (
        last.status in WAITING
        # One of the future was queued by a clock that has been set right since.
        or -LONGEST_TICK <= now - last.created_at < timedelta(hours=destination.canary_hours)
    ):
        return 0
    reader = reader_of(destination.locale, destination.time_zone)
    confirm_url = confirmations.address(vault, settings.public_url, destination.id, now)
    queued = notifications.enqueue(
        session,
        destination=destination,
        key=f"canary/{destination.id}/{now.isoformat()}",
        reason=NotificationReason.CANARY,
        message=canary(destination.name, settings.public_url, confirm_url, reader),
        locale=destination.locale,
        now=now,
    )
    destination.canary_sent_at = now
    return int(queued is not None)


def _miss(
    session: Session, settings: Settings, destination: Destination, last: Notification | None, now: datetime
) -> int:
    """Tell those who look after the service, elsewhere and once until somebody calls back, that nobody did.

    Patience begins when the check was taken; of one that is not taken it begins when it was queued.
    """
    if last is None or (last.sent_at is None and not last.attempts):
        return 0
    confirmed = destination.canary_confirmed_at
    if now - (last.sent_at or last.created_at) < PATIENCE or (confirmed is not None and confirmed >= last.created_at):
        return 0
    said = last.answer if last.sent_at is None else None
    build = partial(unconfirmed, destination.name, last.created_at, said, f"{settings.public_url}/notifications")
    told = 0
    for addressee in destinations.operators(session, without=destination.id):
        queued = notifications.enqueue(
            session,
            destination=addressee.destination,
            key=f"canary/{destination.id}/{confirmed.isoformat() if confirmed else 'never'}/missed",
            reason=NotificationReason.CANARY,
            message=build(reader_of(addressee.locale, addressee.time_zone)),
            locale=addressee.locale,
            now=now,
            recipient=addressee.recipient,
        )
        told += int(queued is not None)
    if told:
        log.warning("canary_missed", destination=destination.name, since=last.created_at.isoformat())
    return told


def _checked() -> Select[Destination]:
    return select(Destination).where(Destination.disabled_at.is_(None), Destination.canary_hours.is_not(None))
