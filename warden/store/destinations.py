"""Destinations: who gets what, how fast, and which are switched off. Secrets stay encrypted here."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from warden.domain import NotificationStatus, Role, Severity
from warden.errors import Conflict, Fault, InvalidInput, NotFound, PreconditionFailed
from warden.models import Destination, Digest, Notification, User
from warden.store.access import FIRST_ADMIN
from warden.store.sources import LONGEST_TICK
from warden.store.visible import is_plain, is_visible

LONGEST_HOLD = timedelta(days=8)
"""Nobody asks to be left alone for as long: a hold that ends later was noted by a clock that ran ahead."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where a message goes and how it is worded. `recipient` is a single person's address; None: the destination's."""

    destination: Destination
    recipient: str | None
    locale: str
    time_zone: str


def get(session: Session, destination_id: uuid.UUID, *, lock: bool = False) -> Destination:
    """Return one destination, held against other writers if asked. Raises NotFound."""
    found = session.get(Destination, destination_id, with_for_update=lock or None)
    if found is None:
        raise NotFound(f"There is no destination {destination_id}.")
    return found


def named(session: Session, name: str) -> Destination:
    """Return the destination of this name. Raises NotFound."""
    found = session.scalar(select(Destination).where(Destination.name == name))
    if found is None:
        raise NotFound(f"There is no destination named {name!r}.")
    return found


def listing() -> Select[Destination]:
    """Return the query of all destinations, in no order."""
    return select(Destination)


def add(session: Session, *, name: str, channel: str, now: datetime, **values: Any) -> Destination:
    """Add a destination whose options were validated by its channel. Raises InvalidInput or Conflict for its name."""
    _refuse_name(session, name)
    destination = Destination(name=name, channel=channel, created_at=now, **values)
    session.add(destination)
    session.flush()
    return destination


def change(session: Session, destination: Destination, version: int | None, **values: Any) -> Destination:
    """Set the given columns and raise the version.

    `version` is the one the caller read; None changes it whatever it is. Raises PreconditionFailed, and as `add`.
    """
    if version is not None and version != destination.version:
        raise PreconditionFailed(f"{destination.name!r} is at version {destination.version}, not {version}.")
    name = values.get("name", destination.name)
    if name != destination.name:
        _refuse_name(session, name)
    for column, value in values.items():
        setattr(destination, column, value)
    destination.version += 1
    session.flush()
    return destination


def _refuse_name(session: Session, name: str) -> None:
    if not (is_visible(name) and is_plain(name)):
        fault = Fault("name", "expected a name without hidden characters")
        raise InvalidInput("The destination cannot be stored.", [fault])
    if session.scalar(select(Destination.id).where(Destination.name == name)):
        raise Conflict(f"There is a destination named {name!r} already.")


def remove(session: Session, destination: Destination) -> None:
    """Delete a destination nothing was ever sent to. Raises Conflict for any other: its notifications are a record."""
    used = exists().where(Notification.destination_id == destination.id)
    ordered = exists().where(Digest.destination_id == destination.id)
    if session.scalar(select(or_(used, ordered))):
        raise Conflict(f"{destination.name!r} has notifications or digests: disable it instead.")
    session.delete(destination)
    session.flush()


def for_alert(session: Session, severity: Severity) -> list[Destination]:
    """Return the destinations that get alerts and meetings of this severity, by name."""
    order = list(Severity)
    loud_enough = order[: order.index(severity) + 1]
    query = _enabled().where(Destination.alerts.is_(True), Destination.min_severity.in_(loud_enough))
    return [found for found in session.scalars(query) if _reaches_somebody(found)]


def writable(session: Session) -> dict[uuid.UUID, Destination]:
    """Return the destinations a message without a recipient can be written to, by id."""
    return {found.id: found for found in session.scalars(_enabled()) if _reaches_somebody(found)}


def for_operations(session: Session, *, without: uuid.UUID | None = None) -> list[Destination]:
    """Return the destinations that get notices about the service itself, by name, but never `without`."""
    query = _enabled().where(Destination.operations.is_(True))
    if without is not None:
        query = query.where(Destination.id != without)
    return [found for found in session.scalars(query) if _reaches_somebody(found)]


def for_everything(session: Session) -> list[Destination]:
    """Return every destination that is on and reaches somebody by itself, by name."""
    return [found for found in session.scalars(_enabled()) if _reaches_somebody(found)]


def operators(session: Session, *, without: uuid.UUID | None = None) -> list[Addressee]:
    """Return who hears of trouble with the service itself: the destinations for it, but never `without`.

    Where there is none, every admin is written to by mail: somebody has to know.
    """
    found = [Addressee(one, None, one.locale, one.time_zone) for one in for_operations(session, without=without)]
    by_mail = None if found else for_mail(session)
    if by_mail is None or by_mail.id == without:
        return found
    # The first admin's address is none until somebody changes it.
    reachable = (User.role == Role.ADMIN, User.disabled_at.is_(None), User.email != FIRST_ADMIN)
    admins = session.scalars(select(User).where(*reachable).order_by(User.email))
    return [Addressee(by_mail, admin.email, admin.locale or by_mail.locale, admin.time_zone) for admin in admins]


def for_mail(session: Session) -> Destination | None:
    """Return the e-mail destination that single people are written to through (sign-in links): the oldest enabled."""
    query = select(Destination).where(Destination.channel == "email", Destination.disabled_at.is_(None))
    return session.scalar(query.order_by(Destination.created_at, Destination.name).limit(1))


def all_for_mail(session: Session) -> list[Destination]:
    """Return the enabled e-mail destinations by name."""
    return list(session.scalars(_enabled().where(Destination.channel == "email")))


def disable(session: Session, destination: Destination, why: str, now: datetime) -> bool:
    """Switch a destination off; False when it was off already. What waits for it stays queued."""
    if destination.disabled_at is not None:
        return False
    destination.disabled_at = now
    destination.disabled_why = why
    destination.version += 1
    return True


def disabled_key(destination: Destination) -> str:
    """Return the key under which the others are told, once, that this destination was switched off."""
    since = destination.disabled_at.isoformat() if destination.disabled_at else ""
    return f"destination/{destination.id}/disabled/{since}"


def hold(session: Session, destination: Destination, until: datetime) -> None:
    """Write nothing to this destination before `until`. A hold is never shortened, but for one by a wrong clock."""
    held = destination.not_before
    if held is None or held < until or held > until + LONGEST_HOLD:
        destination.not_before = until


def free_again_at(
    session: Session, destination_id: uuid.UUID, limits: Iterable[tuple[int, timedelta]], now: datetime
) -> datetime | None:
    """Return when the next message keeps every limit (at most `count` within `per`), None when that is now.

    Counts what was delivered, from the rows: the answer survives restarts and holds for every worker.
    """
    ends = [_window_end(session, destination_id, count, per, now) for count, per in limits]
    return max((end for end in ends if end is not None), default=None)


def waiting(session: Session) -> dict[uuid.UUID, int]:
    """Return how many notifications are open per destination; destinations without any are left out."""
    query = (
        select(Notification.destination_id, func.count())
        .where(Notification.status.in_((NotificationStatus.QUEUED, NotificationStatus.CLAIMED)))
        .group_by(Notification.destination_id)
    )
    return dict(session.execute(query).all())


def _reaches_somebody(destination: Destination) -> bool:
    """Tell whether a message without a recipient has somewhere to go: a mail server alone has no addresses."""
    return destination.channel != "email" or bool(destination.options.get("to"))


def _window_end(
    session: Session, destination_id: uuid.UUID, count: int, per: timedelta, now: datetime
) -> datetime | None:
    recent = (
        select(Notification.sent_at)
        .where(
            Notification.destination_id == destination_id,
            Notification.sent_at > now - per,
            Notification.sent_at <= now + LONGEST_TICK,
        )
        .order_by(Notification.sent_at.desc())
        .offset(count - 1)
        .limit(1)
    )
    earliest = session.scalar(recent)
    return earliest + per if earliest else None


def _enabled() -> Select[Destination]:
    return select(Destination).where(Destination.disabled_at.is_(None)).order_by(Destination.name)
