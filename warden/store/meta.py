"""A few named values the service remembers about itself: the clock's heartbeat, the epoch of the aliases."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from warden.models import Meta

HEARTBEAT = "heartbeat"
ALIAS_EPOCH = "alias_epoch"


def get(session: Session, name: str) -> dict[str, Any] | None:
    """Return the value kept under `name`, None when there is none."""
    row = session.get(Meta, name)
    return dict(row.value) if row else None


def put(session: Session, name: str, value: dict[str, Any]) -> None:
    """Keep a JSON value under `name`, replacing what was there."""
    row = session.get(Meta, name)
    if row is None:
        session.add(Meta(name=name, value=value))
    else:
        row.value = value
    session.flush()


def heartbeat(session: Session, now: datetime) -> None:
    """Note that the clock was alive at `now`."""
    put(session, HEARTBEAT, {"at": now.isoformat()})


def last_heartbeat(session: Session) -> datetime | None:
    """Return when the clock was last alive; None when it never ran."""
    value = get(session, HEARTBEAT)
    return datetime.fromisoformat(value["at"]) if value else None


def alias_epoch(session: Session) -> int:
    """Return the present epoch of the aliases. It rises whenever an alias changes, and articles are then read again."""
    value = get(session, ALIAS_EPOCH)
    return int(value["epoch"]) if value else 0


def bump_alias_epoch(session: Session) -> int:
    """Begin a new epoch of the aliases and return it."""
    epoch = alias_epoch(session) + 1
    put(session, ALIAS_EPOCH, {"epoch": epoch})
    return epoch
