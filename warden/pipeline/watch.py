"""Watches the clock from outside of it: when it stops, or no digest leaves, somebody is told by another channel.

It runs in a thread of its own beside the clock, and as a command for another machine. What it queues it sends itself:
the stage that usually does may be what stands still.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from collectors.http import Http
from warden.db import Database
from warden.domain import NotificationReason
from warden.i18n import N_
from warden.log import get_logger
from warden.messages import stopped
from warden.pipeline import notify
from warden.settings import Settings
from warden.store import destinations, digests, meta, notifications
from warden.store.destinations import Addressee
from warden.vault import Vault
from warden.wording import Fact, reader_of

log = get_logger(__name__)

TOLD = "told_of_the_clock"
"""Meta: {"troubles": {kind: since}} of what was told and still lasts."""

DEAD_AFTER = timedelta(minutes=15)
"""A clock that has not beaten for so long stands still: it beats every ten seconds."""

DIGEST_AFTER = timedelta(hours=26)
"""A daily digest has missed its day, however the clocks were set in between."""

CLOCK_MESSAGE = N_("The clock has stood still since %(since)s: nothing is collected, decided or sent.")
DIGEST_MESSAGE = N_("No digest left in %(hours)s hours; waiting: %(count)s, the first since %(since)s.")
QUEUE_MESSAGE = N_("Digests are queued and do not leave: %(count)s wait for longer than %(hours)s hours.")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that stands still. `since` names it: the same trouble is told once."""

    kind: str
    since: datetime
    why: Fact


def run(db: Database, vault: Vault, settings: Settings, http: Http, now: datetime) -> list[Trouble]:
    """Tell of what stands still now and was not told yet, send it, and return everything that stands still."""
    with db.write() as session:
        found = list(troubles(session, now))
        fresh = _note(session, found)
        for trouble in fresh:
            log.error("clock_stopped_noticed", kind=trouble.kind, since=trouble.since.isoformat())
            _tell(session, settings, trouble, now)
    if fresh:
        notify.run(db, vault, settings, http, now)
    return found


def troubles(session: Session, now: datetime) -> Iterator[Trouble]:
    """Yield what stands still: the clock, digests that were never queued, digests that never left."""
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
    if waiting.count and waiting.since is not None:
        params = {"hours": hours, "count": waiting.count}
        yield Trouble("queue", waiting.since, {"message": QUEUE_MESSAGE, "params": params})


def _note(session: Session, found: list[Trouble]) -> list[Trouble]:
    """Remember what stands still and return what was not known; what has gone may be told again when it comes back."""
    meta.hold(session, TOLD)
    known = (meta.get(session, TOLD) or {}).get("troubles", {})
    present = {trouble.kind: trouble.since.isoformat() for trouble in found}
    if present != known:
        meta.put(session, TOLD, {"troubles": present})
    return [trouble for trouble in found if trouble.kind not in known]


def _tell(session: Session, settings: Settings, trouble: Trouble, now: datetime) -> None:
    url = f"{settings.public_url}/digests"
    build = partial(stopped, trouble.why, url)
    for addressee in _addressees(session):
        notifications.enqueue(
            session,
            destination=addressee.destination,
            key=f"stopped/{trouble.kind}/{trouble.since.isoformat()}",
            reason=NotificationReason.CLOCK_STOPPED,
            message=build(reader_of(addressee.locale, addressee.time_zone)),
            locale=addressee.locale,
            now=now,
            recipient=addressee.recipient,
        )


def _addressees(session: Session) -> list[Addressee]:
    """Return who looks after the service, by other channels than mail where there are any: digests go by mail."""
    operators = destinations.operators(session)
    others = [one for one in destinations.for_everything(session) if one.channel != "email"]
    return (
        [addressee for addressee in operators if addressee.destination.channel != "email"]
        or [Addressee(one, None, one.locale, one.time_zone) for one in others]
        or operators
    )
