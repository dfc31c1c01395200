"""Watches the clock from outside of it: when it stops, or digests do not arrive, somebody is told by another channel.

It runs in a thread of its own beside the clock, and as a command for another machine. What it queues it sends itself:
the stage that usually does may be what stands still.
"""

from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from collectors.http import Http
from warden.db import Database
from warden.domain import NotificationReason
from warden.log import get_logger
from warden.messages import stopped, undelivered
from warden.pipeline import notify, troubles
from warden.pipeline.troubles import Trouble
from warden.settings import Settings
from warden.store import destinations, meta, notifications
from warden.store.destinations import Addressee
from warden.vault import Vault
from warden.wording import reader_of

log = get_logger(__name__)

TOLD = "told_of_the_clock"
"""Meta: {"troubles": {kind: since}} of what was told and still lasts."""


def run(db: Database, vault: Vault, settings: Settings, http: Http, now: datetime) -> list[Trouble]:
    """Tell of what is in trouble now and was not told yet, send it, and return everything that is."""
    with db.write() as session:
        meta.hold(session, TOLD)
        known = (meta.get(session, TOLD) or {}).get("troubles", {})
        found = list(
            troubles.find(session, {kind: datetime.fromisoformat(since) for kind, since in known.items()}, now)
        )
        # What has gone is forgotten, and told again when it comes back.
        present = {trouble.kind: trouble.since.isoformat() for trouble in found}
        if present != known:
            meta.put(session, TOLD, {"troubles": present})
        fresh = [trouble for trouble in found if trouble.kind not in known]
        for trouble in fresh:
            log.error("trouble_noticed", kind=trouble.kind, since=trouble.since.isoformat(), answer=trouble.answer)
            _tell(session, settings, trouble, now)
    if fresh:
        notify.run(db, vault, settings, http, now)
    return found


def _tell(session: Session, settings: Settings, trouble: Trouble, now: datetime) -> None:
    if trouble.stands_still:
        reason, build = (
            NotificationReason.CLOCK_STOPPED,
            partial(stopped, trouble.why, f"{settings.public_url}/digests"),
        )
    else:
        reason, url = NotificationReason.DIGEST_UNDELIVERED, f"{settings.public_url}/notifications"
        build = partial(undelivered, trouble.why, trouble.answer, trouble.readers, url)
    for addressee in _addressees(session):
        notifications.enqueue(
            session,
            destination=addressee.destination,
            key=f"stopped/{trouble.kind}/{trouble.since.isoformat()}",
            reason=reason,
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
