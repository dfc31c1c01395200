"""Checks destinations whose "accepted" proves nothing: a message asks the other side to call back, and is missed."""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import NotificationReason
from warden.log import get_logger
from warden.messages import canary, unconfirmed
from warden.models import Destination
from warden.settings import Settings
from warden.store import confirmations, destinations, notifications
from warden.vault import Vault
from warden.wording import reader_of

log = get_logger(__name__)

PATIENCE = timedelta(minutes=30)
"""How long the other side may take to call back before somebody is told."""


def run(db: Database, vault: Vault, settings: Settings, now: datetime) -> int:
    """Queue the checks that are due, and tell of those nobody confirmed; return how many of both."""
    with db.read() as session:
        checked = list(session.scalars(_checked()))
    done = 0
    for destination in checked:
        with db.write() as session:
            found = destinations.get(session, destination.id, lock=True)
            done += _miss(session, settings, found, now) + _send(session, vault, settings, found, now)
    return done


def _send(session: Session, vault: Vault, settings: Settings, destination: Destination, now: datetime) -> int:
    if destination.canary_hours is None or destination.disabled_at is not None:
        return 0
    last = destination.canary_sent_at
    if last is not None and now - last < timedelta(hours=destination.canary_hours):
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


def _miss(session: Session, settings: Settings, destination: Destination, now: datetime) -> int:
    """Tell those who look after the service, elsewhere and once per check, that nobody called back."""
    sent, confirmed = destination.canary_sent_at, destination.canary_confirmed_at
    if sent is None or now - sent < PATIENCE or (confirmed is not None and confirmed >= sent):
        return 0
    build = partial(unconfirmed, destination.name, sent, f"{settings.public_url}/notifications")
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
        log.warning("canary_missed", destination=destination.name, since=sent.isoformat())
    return told


def _checked() -> Select[Destination]:
    return select(Destination).where(Destination.disabled_at.is_(None), Destination.canary_hours.is_not(None))
