"""Finds what stands still, and which digests a mail server does not take, as far as the database shows it."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from warden.i18n import N_
from warden.models import Destination, Digest, Notification
from warden.store import digests, meta
from warden.wording import Fact

DEAD_AFTER = timedelta(minutes=15)
"""A clock that has not beaten for so long stands still: it beats every ten seconds."""

DIGEST_AFTER = timedelta(hours=26)
"""A daily digest has missed its day, however the clocks were set in between."""

CLOCK_MESSAGE = N_("The clock has stood still since %(since)s: nothing is collected, decided or sent.")
DIGEST_MESSAGE = N_("No digest left in %(hours)s hours; waiting: %(count)s, the first since %(since)s.")
QUEUE_MESSAGE = N_("Digests are queued and do not leave: %(count)s wait for longer than %(hours)s hours.")
PLACE_MESSAGE = N_("Nothing has left through %(destination)s since %(since)s; digests that wait: %(count)s.")
READER_MESSAGE = N_(
    "%(reader)s does not get the digest: it has waited since %(since)s, and the mail server does not take it."
)

SURELY_TRIED = timedelta(hours=4)
"""Whatever waits is tried within this time: what has not left so long after others did, its own server keeps out."""

READERS_NAMED = 10


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that stands still, or digests that a mail server does not take. `kind` names it: it is told once.

    `answer`: what the mail server said, if it is one that does not take them; `readers`: who wait, where it is several.
    """

    kind: str
    since: datetime
    why: Fact
    answer: str = ""
    readers: tuple[str, ...] = ()

    @property
    def stands_still(self) -> bool:
        """Whether Warden does not do its part; else a mail server does not do its own."""
        return self.kind in ("clock", "digest", "queue")


def find(session: Session, known: Mapping[str, datetime], now: datetime) -> Iterator[Trouble]:
    """Yield what stands still: the clock, digests never queued, digests nobody tries to send; and those not taken.

    `known`: what was told and had not gone at the last look, with since when it is so.
    """
    beat = meta.last_heartbeat(session)
    if beat is not None and now - beat > DEAD_AFTER:
        yield Trouble("clock", beat, {"message": CLOCK_MESSAGE, "params": {"since": beat.isoformat()}})
    hours = DIGEST_AFTER / timedelta(hours=1)
    late = digests.overdue(session, now - DIGEST_AFTER)
    if late:
        first = late[0].next_run_at
        params = {"hours": hours, "count": len(late), "since": first.isoformat()}
        yield Trouble("digest", first, {"message": DIGEST_MESSAGE, "params": params})
    waiting = digests.waiting(session, now - DIGEST_AFTER)
    tried = {place for place in {row.destination_id for row in waiting} if digests.is_tried(session, place, now)}
    left_alone = [row for row in waiting if row.destination_id not in tried]
    if left_alone:
        params = {"hours": hours, "count": len(left_alone)}
        yield Trouble("queue", left_alone[0].created_at, {"message": QUEUE_MESSAGE, "params": params})
    yield from _not_taken(session, known, [row for row in waiting if row.destination_id in tried], now)


def _not_taken(
    session: Session, known: Mapping[str, datetime], waiting: Sequence[Notification], now: datetime
) -> Iterator[Trouble]:
    """Yield the mail servers that take nothing, and where others are served, the readers whose digests are not taken.

    Each lasts until something of it leaves: that a digest is given up, and the next is queued, ends nothing.
    """
    stuck = {row.destination_id: row.created_at for row in reversed(waiting)} | dict(_known(known, "place"))
    closed = {one: trouble for one, since in stuck.items() if (trouble := _closed(session, known, one, since, now))}
    yield from closed.values()
    orders = {digests.order_of(row): row.created_at for row in reversed(waiting) if row.destination_id not in closed}
    orders |= dict(_known(known, "reader"))
    for order, since in orders.items():
        trouble = _unserved(session, known, order, since, now)
        if trouble is not None:
            yield trouble


def _known(known: Mapping[str, datetime], what: str) -> Iterator[tuple[uuid.UUID, datetime]]:
    for kind, since in known.items():
        named, _, one = kind.partition("/")
        if named == what:
            yield uuid.UUID(one), since


def _closed(
    session: Session, known: Mapping[str, datetime], destination_id: uuid.UUID, since: datetime, now: datetime
) -> Trouble | None:
    """Return the trouble with a destination that is on and through which nothing at all has left."""
    kind, place = f"place/{destination_id}", session.get(Destination, destination_id)
    until = now - SURELY_TRIED if kind in known else now
    through = Notification.destination_id == destination_id
    if place is None or place.disabled_at is not None or not digests.uses(session, destination_id):
        return None
    if digests.left(session, since, until, through):
        return None
    waiting = [row for row in digests.waiting(session, now) if row.destination_id == destination_id]
    orders = list(dict.fromkeys(digests.order_of(row) for row in waiting))
    params = {"destination": place.name, "since": since.isoformat(), "count": len(waiting)}
    answer = next((said for order in orders if (said := digests.last_answer(session, order))), "")
    readers = digests.readers(session, orders)
    named = (*readers[:READERS_NAMED], *["…"] * (len(readers) > READERS_NAMED))
    return Trouble(kind, since, {"message": PLACE_MESSAGE, "params": params}, answer, named)


def _unserved(
    session: Session, known: Mapping[str, datetime], order: uuid.UUID, since: datetime, now: datetime
) -> Trouble | None:
    """Return the trouble with a digest that is wanted and not taken, although others are."""
    kind, digest = f"reader/{order}", session.get(Digest, order)
    if digest is None or not digest.enabled or digests.left(session, since, now, digests.of_order(order)):
        return None
    if session.get_one(Destination, digest.destination_id).disabled_at is not None:
        return None
    through = Notification.destination_id == digest.destination_id
    if kind not in known and not digests.left(session, since, now - SURELY_TRIED, through):
        return None
    (name,) = digests.readers(session, [order])
    why = {"message": READER_MESSAGE, "params": {"reader": name, "since": since.isoformat()}}
    return Trouble(kind, since, why, digests.last_answer(session, order))
