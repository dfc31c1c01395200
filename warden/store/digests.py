"""Digests: one person's standing order each, when it is due next, and how it is called off."""

import uuid
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from warden.domain import Frequency, NotificationReason, NotificationStatus, WhenEmpty
from warden.errors import Conflict, NotFound, PreconditionFailed
from warden.models import Destination, Digest, Notification, Partner, Person
from warden.store.sources import LONGEST_TICK

_LONGEST_PERIOD = timedelta(days=32)

_LONGEST_DELAY = timedelta(hours=1)
"""A try that is overdue for longer is not put off by a long look at all partners: nobody is trying."""

LAST_DAY = 28
"""The last day of the month a monthly digest may be ordered for: every month has it."""


def next_run(frequency: Frequency, weekday: int, hour: int, time_zone: str, after: datetime, day: int = 1) -> datetime:
    """Return the first moment after `after` at which a digest is due, at `hour` in `time_zone`.

    Daily ones are due every day, weekly ones on `weekday` (0 is Monday), monthly ones on `day` (1 to 28) of the month.

    An hour that the clocks skip comes right after the gap; of an hour that comes twice, the first counts. (A
    CronTrigger in such a zone returns the second one for ever, and skips the day where midnight is missing.)
    """
    zone = ZoneInfo(time_zone)
    on = after.astimezone(zone).date()
    while True:
        moment = _at(on, hour, zone)
        if moment > after and _is_on(frequency, weekday, day, on):
            return moment
        on += timedelta(days=1)


def _is_on(frequency: Frequency, weekday: int, day: int, on: date) -> bool:
    if frequency is Frequency.WEEKLY:
        return on.weekday() == weekday
    return frequency is Frequency.DAILY or on.day == day


def _at(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


def period(frequency: Frequency) -> timedelta:
    """Return what a first digest looks back on."""
    return timedelta(days={Frequency.DAILY: 1, Frequency.WEEKLY: 7, Frequency.MONTHLY: 31}[frequency])


def get(session: Session, digest_id: uuid.UUID, *, lock: bool = False) -> Digest:
    """Return one digest with its person and destination, held against other writers if asked. Raises NotFound."""
    query = listing().where(Digest.id == digest_id)
    found = session.scalar(query.with_for_update(of=Digest) if lock else query)
    if found is None:
        raise NotFound(f"There is no digest {digest_id}.")
    return found


def listing() -> Select[Digest]:
    """Return the query of all digests with their persons and destinations, in no order."""
    return select(Digest).options(joinedload(Digest.person), joinedload(Digest.destination))


def is_ordered(session: Session, person_id: uuid.UUID) -> bool:
    """Tell whether a person has a digest, switched on or off."""
    return session.scalar(select(Digest.id).where(Digest.person_id == person_id)) is not None


def add(
    session: Session,
    *,
    person: Person,
    destination: Destination,
    frequency: Frequency,
    now: datetime,
    weekday: int = 0,
    day: int = 1,
    hour: int = 8,
    only_mine: bool = False,
    when_empty: WhenEmpty = WhenEmpty.SEND,
) -> Digest:
    """Order a digest for a person. Raises Conflict when they have one, or the destination is not e-mail."""
    if is_ordered(session, person.id):
        raise Conflict(f"{person.email} has a digest already: change that one.")
    _require_mail(destination)
    digest = Digest(
        person=person,
        destination=destination,
        frequency=frequency,
        weekday=weekday,
        day=day,
        hour=hour,
        only_mine=only_mine,
        when_empty=when_empty,
        next_run_at=next_run(frequency, weekday, hour, person.time_zone, now, day),
    )
    session.add(digest)
    session.flush()
    return digest


def change(
    session: Session,
    digest: Digest,
    *,
    version: int | None,
    now: datetime,
    frequency: Frequency | None = None,
    weekday: int | None = None,
    day: int | None = None,
    hour: int | None = None,
    only_mine: bool | None = None,
    when_empty: WhenEmpty | None = None,
    destination: Destination | None = None,
    enabled: bool | None = None,
) -> Digest:
    """Change what is given, raise the version and plan the next run anew. None leaves a value as it is.

    `version` is the one the caller read; None changes it whatever it is. Raises PreconditionFailed or Conflict.
    """
    if version is not None and version != digest.version:
        raise PreconditionFailed(f"This digest is at version {digest.version}, not {version}.")
    if destination is not None:
        _require_mail(destination)
        digest.destination = destination
    values = {
        "frequency": frequency,
        "weekday": weekday,
        "day": day,
        "hour": hour,
        "only_mine": only_mine,
        "when_empty": when_empty,
        "enabled": enabled,
    }
    for name, value in values.items():
        if value is not None:
            setattr(digest, name, value)
    digest.next_run_at = _next_of(digest, now)
    digest.version += 1
    session.flush()
    return digest


def unsubscribe(session: Session, digest_id: uuid.UUID) -> Digest:
    """Switch a digest off, as often as asked; it is kept, so that it can be switched on again. Raises NotFound."""
    digest = get(session, digest_id)
    if digest.enabled:
        digest.enabled = False
        digest.version += 1
        session.flush()
    return digest


def unsubscribe_text(digest_id: uuid.UUID) -> str:
    """Return what the vault signs and verifies for `/digests/{id}/unsubscribe?signature=…`."""
    return f"digest-unsubscribe:{digest_id}"


def due(session: Session, now: datetime) -> list[Digest]:
    """Return the digests to be sent now, or to be planned anew, with person and destination.

    Those of a switched-off destination wait: once it is back they are due, once. What is to be planned anew was sent
    or planned by a clock that ran ahead and has been set right since: its `next_run_at` is still to come.
    """
    ahead = or_(Digest.last_run_at > now + LONGEST_TICK, Digest.next_run_at > now + _LONGEST_PERIOD)
    query = listing().join(Digest.destination).where(Digest.enabled.is_(True), or_(Digest.next_run_at <= now, ahead))
    return list(session.scalars(query.where(Destination.disabled_at.is_(None)).order_by(Digest.next_run_at, Digest.id)))


def advance(session: Session, digest: Digest, now: datetime) -> bool:
    """Note that the slot `digest.next_run_at` is dealt with, and plan the next one after now.

    However many slots were missed, they are dealt with at once. False when somebody else was faster.
    """
    moved = session.execute(
        update(Digest)
        .where(Digest.id == digest.id, Digest.next_run_at == digest.next_run_at, Digest.enabled.is_(True))
        .values(next_run_at=_next_of(digest, now), last_run_at=now)
        .execution_options(synchronize_session=False)
    )
    return bool(moved.rowcount)  # type: ignore[attr-defined]


def plan_anew(session: Session, digest: Digest, now: datetime) -> None:
    """Plan the next run of a digest that a clock which ran ahead has planned; that it ran then says nothing."""
    planned = update(Digest).where(Digest.id == digest.id, Digest.next_run_at == digest.next_run_at)
    last = None if digest.last_run_at is not None and digest.last_run_at > now else digest.last_run_at
    session.execute(
        planned.values(next_run_at=_next_of(digest, now), last_run_at=last).execution_options(synchronize_session=False)
    )


def slot_key(digest: Digest) -> str:
    """Return the name of the slot that is due: its notification is queued once."""
    return f"{_log_key(digest.id)}{digest.next_run_at.isoformat()}"


def log(digest_id: uuid.UUID) -> Select[Notification]:
    """Return the query of what was sent, or is to be sent, for one digest, in no order."""
    query = select(Notification).options(joinedload(Notification.destination))
    return query.where(Notification.reason == NotificationReason.DIGEST, of_order(digest_id))


def overdue(session: Session, since: datetime) -> list[Digest]:
    """Return the enabled digests that were due before `since` and are not dealt with, with persons and destinations."""
    query = listing().join(Digest.destination).where(Digest.enabled.is_(True), Digest.next_run_at < since)
    return list(session.scalars(query.where(Destination.disabled_at.is_(None)).order_by(Digest.next_run_at, Digest.id)))


_WAITS = Notification.status.in_((NotificationStatus.QUEUED, NotificationStatus.CLAIMED))


def waiting(session: Session, since: datetime) -> list[Notification]:
    """Return the digests queued before `since`, for a destination that is on, which have still not left, oldest first.

    With their destinations.
    """
    query = select(Notification).options(joinedload(Notification.destination)).join(Notification.destination)
    query = query.where(Notification.reason == NotificationReason.DIGEST, _WAITS, Notification.created_at < since)
    query = query.where(Destination.disabled_at.is_(None))
    return list(session.scalars(query.order_by(Notification.created_at, Notification.id)))


def order_of(row: Notification) -> uuid.UUID:
    """Return the digest of whose slots this notification is one, which may be gone."""
    return uuid.UUID(row.key.split("/")[1])


def uses(session: Session, destination_id: uuid.UUID) -> bool:
    """Tell whether any digest is ordered through a destination."""
    ordered = exists().where(Digest.destination_id == destination_id, Digest.enabled.is_(True))
    return bool(session.scalar(select(ordered)))


def is_tried(session: Session, destination_id: uuid.UUID, now: datetime) -> bool:
    """Tell whether what waits for a destination is tried from time to time: the next try is not long overdue."""
    planned = func.coalesce(Notification.lease_until, Notification.next_attempt_at)
    tried = exists().where(_WAITS, Notification.attempts > 0, planned > now - _LONGEST_DELAY)
    return bool(session.scalar(select(tried.where(Notification.destination_id == destination_id))))


def left(session: Session, since: datetime, until: datetime, *mine: ColumnElement[bool]) -> bool:
    """Tell whether any notification of these was sent after `since`, up to `until`."""
    times = (Notification.sent_at > since, Notification.sent_at <= until)
    return bool(session.scalar(select(exists().where(*times, *mine))))


def of_order(digest_id: uuid.UUID) -> ColumnElement[bool]:
    """Select the notifications of one digest, for `left`."""
    return Notification.key.startswith(_log_key(digest_id), autoescape=True)


def readers(session: Session, digest_ids: Collection[uuid.UUID]) -> list[str]:
    """Return the names of those whose digests these are, in order; digests that are gone are left out."""
    query = select(Person.name).join(Digest, Digest.person_id == Person.id).where(Digest.id.in_(digest_ids))
    return list(session.scalars(query.order_by(Person.name)))


def last_answer(session: Session, digest_id: uuid.UUID) -> str:
    """Return what was last answered to a digest that has not left, empty before the first try."""
    unsent = log(digest_id).where(Notification.sent_at.is_(None), Notification.answer != "")
    row = session.scalars(unsent.order_by(Notification.created_at.desc(), Notification.id.desc()).limit(1)).first()
    return row.answer if row is not None else ""


def _log_key(digest_id: uuid.UUID) -> str:
    return f"digest/{digest_id}/"


def partners_of(session: Session, person_id: uuid.UUID) -> set[uuid.UUID]:
    """Return the partners a person owns or sponsors."""
    query = select(Partner.id).where(or_(Partner.owner_id == person_id, Partner.sponsor_id == person_id))
    return set(session.scalars(query))


def _next_of(digest: Digest, now: datetime) -> datetime:
    return next_run(digest.frequency, digest.weekday, digest.hour, digest.person.time_zone, now, digest.day)


def _require_mail(destination: Destination) -> None:
    if destination.channel != "email":
        raise Conflict(f"{destination.name!r} is a {destination.channel} destination: digests need an e-mail one.")
