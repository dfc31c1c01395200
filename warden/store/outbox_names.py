"""How messages of the outbox are named: by event and addressee, so that each is queued once, and by an id in order."""

import hashlib
import itertools
import secrets
import uuid
from datetime import datetime

from warden.db import to_micros

_counter = itertools.count()


def full_key(key: str, destination_id: uuid.UUID, recipient: str | None) -> str:
    """Return the key of one message: what names the event, and whom it goes to."""
    to = hashlib.sha256(f"{destination_id} {recipient or ''}".encode()).hexdigest()[:16]
    return f"{key}:{to}"


def event_of(full: str) -> str:
    """Return what `full_key` was given as the key, which names the event alone."""
    return full.rpartition(":")[0]


def ordered_id(now: datetime) -> uuid.UUID:
    """Return a UUID of version 7: ids of one process sort in the order they were made, within one moment too."""
    millis, count = to_micros(now) // 1000, next(_counter) & 0x3FFFFFFF
    return uuid.UUID(
        int=(millis & (1 << 48) - 1) << 80
        | 7 << 76
        | (count >> 18) << 64
        | 2 << 62
        | (count & 0x3FFFF) << 44
        | secrets.randbits(44)
    )
