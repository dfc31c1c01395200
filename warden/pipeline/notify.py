"""Sends what the outbox holds: in order per destination, no faster than each channel allows, at least once.

One attempt is three steps: claim the row (a transaction), send (no transaction), note what came of it (a transaction).
A process killed between the last two has sent a message that still looks claimed. When the lease ends it is sent again
under the same id, by which receivers can drop it: never lost, seldom doubled.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from collectors.http import Http
from warden import plugins
from warden.channels.base import Channel, ChannelRefused, ChannelUnavailable, Envelope, MessageRefused, Receipt
from warden.db import Database
from warden.domain import NotificationReason, NotificationStatus
from warden.errors import InvalidInput, Misconfigured
from warden.log import get_logger
from warden.messages import Message, reachable
from warden.models import Destination, Notification
from warden.pipeline import instead, notices, quiet
from warden.pipeline.cases import Round
from warden.pipeline.fence import fence
from warden.settings import Settings
from warden.store import destinations, notifications
from warden.store.notifications import Claim
from warden.vault import Vault
from warden.wording import reader_of

log = get_logger(__name__)

Outcome = Receipt | ChannelRefused | MessageRefused | ChannelUnavailable

PATIENCE = timedelta(seconds=10)
"""How long one run waits, in all, for paces such as Slack's one message a second. The rest is for the next run."""

LONGEST_RUN = timedelta(minutes=2)
"""After this no further message is begun: other work is due."""


class _Moving:
    """The moment as a run goes on: it begins at the tick's `now` and moves with real time, waiting included."""

    def __init__(self, now: datetime) -> None:
        self._start = now
        self._began = time.monotonic()
        self.waited = timedelta()

    def now(self) -> datetime:
        return self._start + self.lasted()

    def lasted(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._began)

    def wait(self, until: datetime) -> bool:
        """Sleep until a moment, if patience allows; tell whether it did."""
        pause = max(until - self.now(), timedelta()) + timedelta(milliseconds=1)
        if self.waited + pause > PATIENCE:
            return False
        time.sleep(pause.total_seconds())
        self.waited += pause
        return True


@dataclass(frozen=True, slots=True)
class _Outbound:
    """One claimed notification with all that sending needs, read while the transaction was open."""

    claim: Claim
    destination: Destination


def run(db: Database, vault: Vault, settings: Settings, http: Http, now: datetime) -> int:
    """Send what is due; return how many attempts were made. What cannot be sent yet waits in its row."""
    moving = _Moving(now)
    with db.read() as session:
        is_any_old = notifications.is_any_old(session, now)
    if is_any_old:
        with db.write() as session:
            log.warning("notifications_given_up", count=notifications.give_up_old(session, now))
    attempts = 0
    while moving.lasted() < LONGEST_RUN:
        with db.read() as session:
            ready = notifications.ready_destinations(session, moving.now())
            free_at = None if ready else notifications.next_ready_at(session, moving.now())
        if not ready and (free_at is None or not moving.wait(free_at)):
            break
        done = sum(_attempt(db, vault, settings, http, destination_id, moving.now) for destination_id in ready)
        attempts += done
        if ready and not done:
            break  # somebody else is at them
    return attempts


def send_test(
    db: Database,
    vault: Vault,
    settings: Settings,
    http: Http,
    destination_id: uuid.UUID,
    now: datetime,
    recipient: str | None = None,
) -> Notification:
    """Send a test to one destination at once, even a switched-off one, and return the row with its outcome.

    An e-mail destination without addresses of its own needs a `recipient`. Raises NotFound for the destination.
    """
    with db.write() as session:
        destination = destinations.get(session, destination_id)
        reader = reader_of(destination.locale, destination.time_zone)
        notification = notifications.enqueue(
            session,
            destination=destination,
            key=f"test:{uuid.uuid4()}",
            reason=NotificationReason.TEST,
            message=reachable(destination.name, settings.public_url, reader),
            locale=destination.locale,
            now=now,
            recipient=recipient,
        )
        assert notification is not None, "a random key is new"  # noqa: S101
        claim = notifications.claim(session, notification, now)
    if claim is not None:
        _carry_out(db, vault, settings, http, _Outbound(claim, destination), lambda: now, is_test=True)
    with db.read() as session:
        return notifications.get(session, notification.id)


def _attempt(
    db: Database,
    vault: Vault,
    settings: Settings,
    http: Http,
    destination_id: uuid.UUID,
    clock: Callable[[], datetime],
) -> int:
    with db.write() as session:
        claim = notifications.claim_next(session, destination_id, clock())
        destination = destinations.get(session, destination_id)
    if claim is None:
        return 0
    with fence("sending_broke", notification_id=str(claim.notification.id), destination=destination.name) as fenced:
        _carry_out(db, vault, settings, http, _Outbound(claim, destination), clock)
    if fenced.error is not None:
        with db.write() as session:
            answer = f"A defect in Warden ({type(fenced.error).__name__}); the log has the details."
            notifications.retry(session, claim, answer, clock())
    return 1


def _carry_out(
    db: Database,
    vault: Vault,
    settings: Settings,
    http: Http,
    outbound: _Outbound,
    clock: Callable[[], datetime],
    *,
    is_test: bool = False,
) -> None:
    """Send outside any transaction, then write down what came of it."""
    outcome: Outcome
    try:
        channel = _open_channel(outbound.destination, vault, settings)
        outcome = channel.send(_message(outbound.claim, vault), _envelope(outbound), http, clock())
    except (ChannelRefused, MessageRefused, ChannelUnavailable) as error:
        outcome = error
    except (Misconfigured, InvalidInput) as error:
        outcome = ChannelRefused(f"This destination cannot be used: {error}")
    with db.write() as session:
        _write_down(session, vault, settings, outbound, outcome, clock(), is_test=is_test)


def _open_channel(destination: Destination, vault: Vault, settings: Settings) -> Channel:
    kind = plugins.channel(destination.channel)
    return kind(plugins.load_options(kind.Options, destination.options, destination.secrets, vault, settings))


def _message(claim: Claim, vault: Vault) -> Message:
    message = Message.from_data(claim.notification.message)
    return message.opened(vault.decrypt(message.sealed)["url"]) if message.sealed else message


def _envelope(outbound: _Outbound) -> Envelope:
    notification = outbound.claim.notification
    about: Mapping[str, uuid.UUID | None] = {
        "partner_id": notification.partner_id,
        "alert_id": notification.alert_id,
        "meeting_id": notification.meeting_id,
    }
    return Envelope(
        notification_id=notification.id,
        created_at=notification.created_at,
        reader=reader_of(notification.locale, outbound.destination.time_zone),
        recipient=notification.recipient,
        about={name: str(value) for name, value in about.items() if value},
    )


def _write_down(
    session: Session,
    vault: Vault,
    settings: Settings,
    outbound: _Outbound,
    outcome: Outcome,
    now: datetime,
    *,
    is_test: bool,
) -> None:
    claim = outbound.claim
    destination = destinations.get(session, outbound.destination.id)
    facts = {
        "notification_id": str(claim.notification.id),
        "reason": claim.notification.reason.value,
        "destination": destination.name,
        "attempt": claim.attempt,
    }
    answer = outcome.answer if isinstance(outcome, Receipt) else str(outcome)
    if isinstance(outcome, Receipt):
        if notifications.finish(session, claim, outcome.status, answer, now):
            _keep_pace(session, destination, now)
        log.info("notification_sent", **facts, status=outcome.status.value)
    elif isinstance(outcome, ChannelUnavailable) and not is_test:
        at = notifications.retry(session, claim, answer, now, outcome.not_before)
        if outcome.whole:
            destinations.hold(session, destination, at)
        log.warning("notification_put_off", **facts, answer=answer, until=at.isoformat())
    else:
        notifications.finish(session, claim, NotificationStatus.FAILED, answer, now)
        log.warning("notification_failed", **facts, answer=answer)
        if isinstance(outcome, ChannelRefused) and not is_test:
            _disable(session, vault, settings, destination, answer, now)


def _keep_pace(session: Session, destination: Destination, now: datetime) -> None:
    limits = [(limit.count, limit.per) for limit in plugins.channel(destination.channel).limits]
    free_at = destinations.free_again_at(session, destination.id, limits, now)
    if free_at is not None:
        destinations.hold(session, destination, free_at)


def _disable(session: Session, vault: Vault, settings: Settings, lost: Destination, why: str, now: datetime) -> None:
    """Switch a destination off, and tell those who look after the service through the other destinations."""
    if not destinations.disable(session, lost, why, now):
        return
    log.error("destination_disabled", destination=lost.name, why=why)
    notices.tell_of_destination(session, settings, lost, now)
    with fence("not_told_instead", destination=lost.name), session.begin_nested():
        instead.tell(session, Round(vault, settings, now, quiet.read(session, now)), lost)
