"""The outbox: enqueued once, claimed by one, finished or tried again. Delivery is at least once, under a stable id."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload

from warden.domain import AlertState, MeetingStatus, NotificationReason, NotificationStatus
from warden.errors import Conflict, NotFound
from warden.messages import Message
from warden.messages.refusals import SETTLED
from warden.models import Alert, Destination, Meeting, Notice, Notification
from warden.store.destinations import LONGEST_HOLD, Addressee
from warden.store.outbox_names import event_of, full_key, ordered_id
from warden.store.sources import LONGEST_TICK

LEASE = timedelta(minutes=5)
"""How long a claim holds. Longer than any one send may take; after it, somebody else sends again."""

MAX_AGE = timedelta(hours=48)
"""News older than this is no news: what is not sent by then is given up."""

TOO_LATE = f"Not delivered within {MAX_AGE // timedelta(hours=1)} hours."

MAX_ATTEMPTS = 30
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=3)

_MEETINGS_AS = {
    NotificationReason.MEETING_PROPOSED: MeetingStatus.PROPOSED,
    NotificationReason.MEETING_SCHEDULED: MeetingStatus.SCHEDULED,
    NotificationReason.MEETING_ESCALATED: MeetingStatus.MISSED,
}
OF_WHAT_FIRES = (
    NotificationReason.ALERT_FIRED,
    NotificationReason.COMMON_CAUSE,
    NotificationReason.SILENCE_ENDED,
)
"""Reasons of messages that show alerts as firing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One notification that is ours to send. `attempt` proves it: a later claim has a higher one."""

    notification: Notification
    attempt: int


def enqueue(
    session: Session,
    *,
    destination: Destination,
    key: str,
    reason: NotificationReason,
    message: Message,
    locale: str,
    now: datetime,
    recipient: str | None = None,
    partner_id: uuid.UUID | None = None,
    alert_id: uuid.UUID | None = None,
    meeting_id: uuid.UUID | None = None,
) -> Notification | None:
    """Queue one message for one destination; return None when it was queued before.

    `key` names the event (at most 280 characters); destination and recipient are added to it here. `recipient` is an
    e-mail address that replaces the destination's own.
    """
    values: dict[str, Any] = {
        "id": ordered_id(now),
        "key": full_key(key, destination.id, recipient),
        "destination_id": destination.id,
        "reason": reason,
        "recipient": recipient,
        "locale": locale,
        "message": message.as_data(),
        "partner_id": partner_id,
        "alert_id": alert_id,
        "meeting_id": meeting_id,
        "status": NotificationStatus.QUEUED,
        "attempts": 0,
        "next_attempt_at": now,
        "created_at": now,
        "answer": "",
    }
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = (sqlite.insert if on_sqlite else postgresql.insert)(Notification).values(values)
    return session.scalars(insert.on_conflict_do_nothing(index_elements=["key"]).returning(Notification)).one_or_none()


def speaks_of_meeting(session: Session, meeting_id: uuid.UUID) -> bool:
    """Tell whether anybody was ever written to about a meeting."""
    return bool(session.scalar(select(exists().where(Notification.meeting_id == meeting_id))))


def unqueued(session: Session, key: str, addressees: Sequence[Addressee]) -> list[Addressee]:
    """Return those of the addressees for whom nothing was queued under a key yet."""
    full = {full_key(key, one.destination.id, one.recipient): one for one in addressees}
    known = set(session.scalars(select(Notification.key).where(Notification.key.in_(full))))
    return [one for its, one in full.items() if its not in known]


def not_arrived(session: Session, lost: Destination, newest: int) -> tuple[int, list[str]]:
    """Return how many messages did not get to a switched-off destination, and the titles of the newest of them."""
    mine = _not_arrived(lost)
    count = session.scalar(select(func.count()).select_from(Notification).where(*mine)) or 0
    last = select(Notification.message).where(*mine).order_by(Notification.created_at.desc(), Notification.id.desc())
    return count, [str(message["title"]) for message in session.scalars(last.limit(newest))]


def stranded(session: Session, lost: Destination, reasons: Collection[NotificationReason]) -> list[Notification]:
    """Return what did not get to a switched-off destination and is told nowhere else either, oldest first."""
    mine = select(Notification).where(*_not_arrived(lost), Notification.reason.in_(reasons))
    rows = list(session.scalars(mine.order_by(Notification.created_at, Notification.id)))
    if not rows:
        return []
    elsewhere = (
        select(Notification.key)
        .join(Destination, Destination.id == Notification.destination_id)
        .where(Destination.disabled_at.is_(None), Notification.status != NotificationStatus.FAILED)
        .where(Notification.created_at > rows[0].created_at - MAX_AGE)
    )
    told = {event_of(key) for key in session.scalars(elsewhere)}
    return [row for row in rows if event_of(row.key) not in told]


def withdraw(rows: Iterable[Notification], why: str) -> None:
    """Give up what waits and is not to be sent any more; `why`: a sentence of messages.refusals."""
    for row in rows:
        if row.status is NotificationStatus.QUEUED:
            row.status, row.next_attempt_at, row.answer = NotificationStatus.FAILED, None, why


def resume(session: Session, destination: Destination) -> None:
    """Switch a destination on again; what still waits for it is sent, in order, but for what is so no more."""
    waits = select(Notification).where(
        Notification.destination_id == destination.id, Notification.status == NotificationStatus.QUEUED
    )
    if destination.disabled_at is None:
        return
    withdraw([row for row in session.scalars(waits) if not is_so(session, row)], SETTLED)
    destination.disabled_at = None
    destination.disabled_why = ""
    destination.not_before = None
    destination.version += 1


def is_so(session: Session, row: Notification) -> bool:
    """Tell whether what a message says fires still does, or whether a meeting still stands as it says."""
    if row.reason in _MEETINGS_AS:
        meeting = session.get(Meeting, row.meeting_id)
        return meeting is not None and meeting.status is _MEETINGS_AS[row.reason]
    notice = notice_of(session, row) if row.reason in OF_WHAT_FIRES else None
    if notice is None:
        return True
    ids = [uuid.UUID(one) for one in notice.alerts]
    return bool(session.scalar(select(exists().where(Alert.id.in_(ids), Alert.state == AlertState.FIRING))))


def notice_of(session: Session, row: Notification) -> Notice | None:
    """Return the notice a message about alerts belongs to, None for any other message."""
    kind, _, name = event_of(row.key).partition("/")
    return session.get(Notice, uuid.UUID(name)) if kind == "notice" else None


def _not_arrived(lost: Destination) -> list[ColumnElement[bool]]:
    """What waits for it, or got, not long before, the answer for which it was switched off."""
    assert lost.disabled_at is not None, "only a switched-off one is asked about"  # noqa: S101
    refused = and_(
        Notification.status == NotificationStatus.FAILED,
        Notification.answer == lost.disabled_why,
        Notification.created_at > lost.disabled_at - MAX_AGE,
    )
    waits = Notification.status == NotificationStatus.QUEUED
    own = Notification.destination_id == lost.id
    return [own, Notification.reason != NotificationReason.TEST, or_(waits, refused)]


def ready_destinations(session: Session, now: datetime) -> list[uuid.UUID]:
    """Return the destinations that may be written to now and have something to be sent, longest waiting first."""
    waiting = select(Notification.destination_id, func.min(Notification.created_at).label("oldest"))
    oldest = waiting.where(_open_at(now)).group_by(Notification.destination_id).subquery()
    query = (
        select(Destination.id)
        .join(oldest, oldest.c.destination_id == Destination.id)
        .where(_may_be_written(now), ~_has_live_claim(now))
        .order_by(oldest.c.oldest, Destination.id)
    )
    return list(session.scalars(query))


def next_ready_at(session: Session, now: datetime) -> datetime | None:
    """Return when a destination that is only paced may be written to again, None when nothing waits for that."""
    waits = exists().where(Notification.destination_id == Destination.id, _open_at(now))
    paced = and_(Destination.not_before > now, Destination.not_before <= now + LONGEST_HOLD)
    held = select(Destination.not_before).where(Destination.disabled_at.is_(None), paced, waits)
    return session.scalar(held.order_by(Destination.not_before).limit(1))


def claim_next(session: Session, destination_id: uuid.UUID, now: datetime) -> Claim | None:
    """Claim a destination's oldest due notification for `LEASE`; None when there is none, or somebody is at it.

    The destination's row is locked first, so that two workers never send to one destination at once and order holds
    (on SQLite every writer is alone anyway). A claim whose lease ran out, because its worker died, is claimed again.
    """
    mine = select(Destination.id).where(Destination.id == destination_id, _may_be_written(now))
    if session.scalar(mine.with_for_update(skip_locked=True)) is None:
        return None
    due = select(Notification).where(Notification.destination_id == destination_id)
    if session.scalar(due.where(_live_claim(now)).with_only_columns(Notification.id).limit(1)):
        return None
    oldest = due.where(_open_at(now)).order_by(Notification.created_at, Notification.id).limit(1)
    notification = session.scalar(oldest)
    return claim(session, notification, now) if notification else None


def claim(session: Session, notification: Notification, now: datetime) -> Claim | None:
    """Claim this notification by compare-and-swap on its attempts; None when somebody else was faster."""
    seen = notification.attempts
    claimed = (
        update(Notification)
        .where(Notification.id == notification.id, Notification.attempts == seen, _open_at(now))
        .values(status=NotificationStatus.CLAIMED, attempts=seen + 1, lease_until=now + LEASE)
        .returning(Notification)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    mine = session.scalar(claimed)
    return Claim(mine, seen + 1) if mine else None


def finish(session: Session, claimed: Claim, status: NotificationStatus, answer: str, now: datetime) -> bool:
    """End a claim as SENT, ACCEPTED or FAILED; False when the claim was lost meanwhile and nothing changed.

    What was confirmed while it was being sent ends as CONFIRMED.
    """
    if status not in (NotificationStatus.SENT, NotificationStatus.ACCEPTED):
        return _end(session, claimed, status=status, answer=answer, sent_at=None, next_attempt_at=None)
    shown = case((Notification.confirmed_at.is_not(None), NotificationStatus.CONFIRMED), else_=status)
    return _end(session, claimed, status=shown, answer=answer, sent_at=now, next_attempt_at=None)


def retry(session: Session, claimed: Claim, answer: str, now: datetime, not_before: datetime | None = None) -> datetime:
    """End a claim that failed for now; return when trying again makes sense.

    The wait doubles from half a minute to three hours, and never ends before `not_before`. The notification is queued
    again, until it is too old, or given up as FAILED when it was tried enough.
    """
    doubled = _FIRST_WAIT * (1 << min(claimed.attempt - 1, 20))
    at = max(now + min(doubled, _LONGEST_WAIT), not_before or now)
    last = claimed.notification.created_at + MAX_AGE
    if claimed.attempt >= MAX_ATTEMPTS or last <= now:
        why = TOO_LATE if last <= now else f"Given up after {claimed.attempt} attempts."
        finish(session, claimed, NotificationStatus.FAILED, f"{why} {answer}", now)
    else:
        _end(session, claimed, status=NotificationStatus.QUEUED, answer=answer, next_attempt_at=min(at, last))
    return at


def is_any_old(session: Session, now: datetime) -> bool:
    """Tell whether something has waited longer than `MAX_AGE`."""
    old = exists().where(_open_at(now), Notification.created_at <= now - MAX_AGE)
    return bool(session.scalar(select(old)))


def give_up_old(session: Session, now: datetime) -> int:
    """Fail what has waited longer than `MAX_AGE`, e.g. behind a switched-off destination; return how many.

    What was answered last stays beside that.
    """
    stale = (
        update(Notification)
        .where(_open_at(now), Notification.created_at <= now - MAX_AGE)
        .values(
            status=NotificationStatus.FAILED,
            next_attempt_at=None,
            lease_until=None,
            answer=case((Notification.answer == "", TOO_LATE), else_=literal(f"{TOO_LATE} ") + Notification.answer),
        )
    )
    return int(session.execute(stale).rowcount)  # type: ignore[attr-defined]


def requeue(session: Session, notification: Notification, now: datetime) -> None:
    """Send a failed notification once more, under its old id; its age starts over. Raises Conflict for others.

    Attempts go on counting: they are what a claim is compared by. What was answered before is of no account any more.
    """
    if notification.status is not NotificationStatus.FAILED:
        raise Conflict(f"This notification is {notification.status.value}: only a failed one can be sent again.")
    notification.status = NotificationStatus.QUEUED
    notification.created_at = now
    notification.next_attempt_at = now
    notification.answer = ""


def get(session: Session, notification_id: uuid.UUID, *, lock: bool = False) -> Notification:
    """Return one notification with its destination, held against other writers if asked. Raises NotFound."""
    query = select(Notification).where(Notification.id == notification_id)
    query = query.options(joinedload(Notification.destination))
    found = session.scalar(query.with_for_update(of=Notification) if lock else query)
    if found is None:
        raise NotFound(f"There is no notification {notification_id}.")
    return found


def listing(
    *,
    status: NotificationStatus | None = None,
    reason: NotificationReason | None = None,
    destination_id: uuid.UUID | None = None,
    partner_id: uuid.UUID | None = None,
    alert_id: uuid.UUID | None = None,
    meeting_id: uuid.UUID | None = None,
) -> Select[Notification]:
    """Return the query of all notifications that match every given filter, with their destinations, in no order."""
    filters = {
        Notification.status: status,
        Notification.reason: reason,
        Notification.destination_id: destination_id,
        Notification.partner_id: partner_id,
        Notification.alert_id: alert_id,
        Notification.meeting_id: meeting_id,
    }
    query = select(Notification).options(joinedload(Notification.destination))
    return query.where(*(column == value for column, value in filters.items() if value is not None))


def _end(session: Session, claimed: Claim, **values: Any) -> bool:
    ended = session.execute(
        update(Notification)
        .where(
            Notification.id == claimed.notification.id,
            Notification.attempts == claimed.attempt,
            Notification.status == NotificationStatus.CLAIMED,
        )
        .values(lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    return bool(ended.rowcount)  # type: ignore[attr-defined]


def _open_at(now: datetime) -> ColumnElement[bool]:
    """Due and queued, or claimed by somebody whose lease ran out.

    What a clock that ran ahead, and was set right since, queued or claimed would come far too late.
    """
    ahead = now + LONGEST_TICK
    due = or_(Notification.next_attempt_at <= now, Notification.created_at > ahead)
    ran_out = or_(Notification.lease_until <= now, Notification.lease_until > ahead)
    return or_(
        and_(Notification.status == NotificationStatus.QUEUED, due),
        and_(Notification.status == NotificationStatus.CLAIMED, ran_out),
    )


def _live_claim(now: datetime) -> ColumnElement[bool]:
    lasts = and_(Notification.lease_until > now, Notification.lease_until <= now + LONGEST_TICK)
    return and_(Notification.status == NotificationStatus.CLAIMED, lasts)


def _has_live_claim(now: datetime) -> ColumnElement[bool]:
    return exists().where(Notification.destination_id == Destination.id, _live_claim(now))


def _may_be_written(now: datetime) -> ColumnElement[bool]:
    """On, and not held; what holds it for longer than ever anybody asks was noted by a clock that ran ahead."""
    held = Destination.not_before
    return and_(Destination.disabled_at.is_(None), or_(held.is_(None), held <= now, held > now + LONGEST_HOLD))
