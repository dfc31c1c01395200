"""Calls back from destinations: the signed address a check carries, and what a call to it notes."""

import uuid
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import case, update
from sqlalchemy.orm import Session

from warden.domain import NotificationReason, NotificationStatus
from warden.errors import NotFound
from warden.models import Notification
from warden.store import destinations
from warden.vault import Vault

VALID = timedelta(days=7)
"""After this a call proves nothing any more."""


def address(vault: Vault, public_url: str, destination_id: uuid.UUID, sent_at: datetime) -> str:
    """Return the address that the program behind a destination has to POST to once it has shown the check."""
    at = sent_at.isoformat()
    query = urlencode({"at": at, "signature": vault.sign(_text(destination_id, at))})
    return f"{public_url}/confirmations/{destination_id}?{query}"


def confirm(session: Session, vault: Vault, destination_id: uuid.UUID, at: str, signature: str, now: datetime) -> None:
    """Note that the check of `at` was shown; as often as it is called. Raises NotFound for any other address."""
    if not vault.verify(_text(destination_id, at), signature):
        raise NotFound("This address confirms nothing.")
    sent_at = datetime.fromisoformat(at)
    if now - sent_at > VALID:
        raise NotFound("This address confirmed a check that is long over.")
    destination = destinations.get(session, destination_id, lock=True)
    if destination.canary_confirmed_at is None or destination.canary_confirmed_at < sent_at:
        destination.canary_confirmed_at = now
    shown = update(Notification).where(
        Notification.destination_id == destination_id,
        Notification.reason == NotificationReason.CANARY,
        Notification.created_at == sent_at,
        Notification.confirmed_at.is_(None),
        Notification.status.in_((NotificationStatus.CLAIMED, NotificationStatus.SENT, NotificationStatus.ACCEPTED)),
    )
    # Whoever calls back before answering us confirms what is still being sent: that is noted once it was.
    still = case(
        (Notification.status != NotificationStatus.CLAIMED, NotificationStatus.CONFIRMED), else_=Notification.status
    )
    session.execute(shown.values(status=still, confirmed_at=now).execution_options(synchronize_session=False))


def _text(destination_id: uuid.UUID, at: str) -> str:
    return f"confirm:{destination_id}:{at}"
