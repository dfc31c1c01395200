"""A few named values the service remembers about itself: the clock's heartbeat, the epoch of the aliases."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from warden.models import Meta

HEARTBEAT = "heartbeat"
ALIAS_EPOCH = "alias_epoch"
ASSESSED = "assessed"
"""When everybody was last assessed."""

_BROKEN = "broken:"
"""Before the name of a stage, so that stages in several threads never write to one row."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Since when a stage breaks whenever it runs, and the class of the error it broke with last."""

    since: datetime
    error: str


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


def put_missing(session: Session, name: str, value: dict[str, Any]) -> None:
    """Keep a JSON value under `name` unless there is one."""
    dialect = session.get_bind().dialect.name
    add = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(Meta).values(name=name, value=value)
    session.execute(add.on_conflict_do_nothing())


def hold(session: Session, name: str) -> None:
    """Make others who hold the same name wait until the caller's transaction ends."""
    put_missing(session, name, {})
    session.execute(select(Meta.name).where(Meta.name == name).with_for_update())


def heartbeat(session: Session, now: datetime) -> None:
    """Note that the clock was alive at `now`."""
    put(session, HEARTBEAT, {"at": now.isoformat()})


def last_heartbeat(session: Session) -> datetime | None:
    """Return when the clock was last alive; None when it never ran."""
    value = get(session, HEARTBEAT)
    return datetime.fromisoformat(value["at"]) if value else None


def broken_stages(session: Session) -> dict[str, Broken]:
    """Return the stages that broke the last time they ran."""
    rows = session.scalars(select(Meta).where(Meta.name.startswith(_BROKEN, autoescape=True)))
    return {
        row.name.removeprefix(_BROKEN): Broken(datetime.fromisoformat(row.value["since"]), row.value["error"])
        for row in rows
        if row.value
    }


def note_stage(session: Session, stage: str, error: str | None, now: datetime) -> None:
    """Note that a stage broke with `error`, the name of its class, or with None that it is well."""
    known = get(session, _BROKEN + stage)
    since = known["since"] if known else now.isoformat()
    put(session, _BROKEN + stage, {"since": since, "error": error} if error else {})


def last_assessed(session: Session) -> datetime | None:
    """Return when everybody was last assessed; None when nobody was."""
    value = get(session, ASSESSED)
    return datetime.fromisoformat(value["at"]) if value else None


def alias_epoch(session: Session) -> int:
    """Return the present epoch of the aliases. It rises whenever an alias changes, and articles are then read again."""
    value = get(session, ALIAS_EPOCH)
    return int(value["epoch"]) if value else 0


def bump_alias_epoch(session: Session) -> None:
    """Begin a new epoch of the aliases; one is enough for all that a transaction changes."""
    transaction = session.get_transaction()
    if transaction is not None and session.info.get(ALIAS_EPOCH) is transaction:
        return
    # Locked until the caller commits: of two that read the same epoch, one would lose its own, and articles that were
    # read meanwhile would never be read for its name.
    put_missing(session, ALIAS_EPOCH, {"epoch": 0})
    row = session.get_one(Meta, ALIAS_EPOCH, with_for_update=True, populate_existing=True)
    row.value = {"epoch": int(row.value["epoch"]) + 1}
    session.flush()
    session.info[ALIAS_EPOCH] = session.get_transaction()
