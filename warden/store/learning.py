"""What was learned from our own past, version by version, and the backtests: asked for, under way and done."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from scorers.base import Scorer
from scorers.learning import OTHER_VERSION_MESSAGE, UNLEARNED_MESSAGE, Lesson, Model, Speaker
from warden.errors import NotFound
from warden.models import Backtest, Learned
from warden.store import meta

LEARNED = "learned"
"""Name in the service's memory of when it was last learned from the past."""

_REQUEST = "backtest"

LEASE = timedelta(hours=1)
"""A process that walks for longer than this is taken for dead, and another may begin."""


@dataclass(frozen=True, slots=True)
class Request:
    """A backtest somebody asked for. `walked` of `total` weeks are done; `started_at` is None while it waits."""

    author: str
    requested_at: datetime
    started_at: datetime | None
    walked: int
    total: int


# --- models -----------------------------------------------------------------------------------------------------------


def in_force(session: Session, at: datetime) -> dict[str, Learned]:
    """Return the row of each outcome that was in force at a moment; form "default" says that nothing learned speaks."""
    query = select(Learned).where(Learned.created_at <= at, or_(Learned.retired_at.is_(None), Learned.retired_at > at))
    return {row.outcome: row for row in session.scalars(query.order_by(Learned.number))}


def speaker(learned: Learned | None, scorer: Scorer) -> Speaker:
    """Return who speaks for a scorer's outcome: what was learned for this very version of it, else the default."""
    if learned is None:
        return Speaker(why={"message": UNLEARNED_MESSAGE, "params": {}})
    if learned.version != scorer.version:
        versions = {"learned": learned.version, "version": scorer.version}
        return Speaker(why={"message": OTHER_VERSION_MESSAGE, "params": versions})
    why: Mapping[str, Any] = learned.report["why"]
    if learned.form == "default":
        return Speaker(why=why)
    return Speaker(learned.number, "supervised" if learned.form == "supervised" else "recalibrated", why,
                   Model.read(learned.arrays))  # fmt: skip


def keep(session: Session, scorer: Scorer, lesson: Lesson, now: datetime) -> bool:
    """Let a lesson hold from `now` on in place of the former; return False when that says the same already.

    The same are form, arrays, the scorer's version and the reason given, whose figures people read.
    """
    former = in_force(session, now).get(scorer.name)
    said = (lesson.form, lesson.arrays, scorer.version, lesson.report["why"])
    if former is not None:
        if (former.form, former.arrays, former.version, former.report["why"]) == said:
            return False
        former.retired_at = now
    newest = session.scalar(select(func.max(Learned.number)).where(Learned.outcome == scorer.name)) or 0
    session.add(
        Learned(
            outcome=scorer.name,
            number=newest + 1,
            form=lesson.form,
            version=scorer.version,
            arrays=lesson.arrays,
            report=lesson.report,
            created_at=now,
        )
    )
    session.flush()
    return True


def last_learned(session: Session) -> datetime | None:
    """Return when the past was last learned from; None when it never was."""
    value = meta.get(session, LEARNED)
    return datetime.fromisoformat(value["at"]) if value else None


def note_learned(session: Session, now: datetime) -> None:
    """Note that the past was learned from at `now`; others who learn wait until the caller's transaction ends."""
    meta.hold(session, LEARNED)
    meta.put(session, LEARNED, {"at": now.isoformat()})


# --- backtests --------------------------------------------------------------------------------------------------------


def request_backtest(session: Session, author: str, now: datetime) -> Request:
    """Ask for a backtest, which the clock will begin; while one waits or is under way, that one is returned."""
    meta.hold(session, _REQUEST)
    if (pending := pending_backtest(session)) is not None:
        return pending
    return _write(session, Request(author, now, None, 0, 0))


def pending_backtest(session: Session) -> Request | None:
    """Return the backtest that waits or is under way; None without any."""
    value = meta.get(session, _REQUEST)
    if not value:
        return None
    started = value["started_at"]
    return Request(
        author=value["author"],
        requested_at=datetime.fromisoformat(value["requested_at"]),
        started_at=datetime.fromisoformat(started) if started else None,
        walked=value["walked"],
        total=value["total"],
    )


def claim_backtest(session: Session, now: datetime) -> Request | None:
    """Begin the backtest that waits; None without one, or while a process is at it that began within LEASE."""
    meta.hold(session, _REQUEST)
    pending = pending_backtest(session)
    if pending is None:
        return None
    if pending.started_at is not None and timedelta() <= now - pending.started_at < LEASE:
        return None
    return _write(session, Request(pending.author, pending.requested_at, now, 0, 0))


def note_progress(session: Session, claimed: Request, walked: int, total: int) -> bool:
    """Note how far a claimed backtest is; False, and nothing noted, when another process has taken it over."""
    if not _is_held(session, claimed):
        return False
    _write(session, Request(claimed.author, claimed.requested_at, claimed.started_at, walked, total))
    return True


def release_backtest(session: Session, claimed: Request | None = None) -> None:
    """Let a backtest under way wait again: its process stopped, or died and this is the only one on the database.

    With `claimed` only if nobody has taken it over meanwhile.
    """
    meta.hold(session, _REQUEST)
    pending = pending_backtest(session)
    if pending is not None and (claimed is None or pending.started_at == claimed.started_at):
        _write(session, Request(pending.author, pending.requested_at, None, 0, 0))


def finish_backtest(session: Session, claimed: Request) -> None:
    """Forget the request: its backtest is done. One that another process has taken over stays."""
    if _is_held(session, claimed):
        meta.put(session, _REQUEST, {})


def _is_held(session: Session, claimed: Request) -> bool:
    """Tell whether a claim is still the caller's; others wait until its transaction ends."""
    meta.hold(session, _REQUEST)
    pending = pending_backtest(session)
    return pending is not None and pending.started_at == claimed.started_at


def add_backtest(session: Session, author: str, report: dict[str, Any], now: datetime) -> Backtest:
    """Store what a walk through the past showed; see pipeline.backtest for the report."""
    added = Backtest(id=uuid.uuid4(), created_at=now, until=now, author=author, report=report)
    session.add(added)
    session.flush()
    return added


def latest_backtest(session: Session) -> Backtest | None:
    """Return the newest backtest; None without any."""
    return session.scalar(select(Backtest).order_by(Backtest.created_at.desc(), Backtest.id.desc()).limit(1))


def backtest(session: Session, backtest_id: uuid.UUID) -> Backtest:
    """Return one backtest. Raises NotFound."""
    found = session.get(Backtest, backtest_id)
    if found is None:
        raise NotFound(f"There is no backtest {backtest_id}.")
    return found


def backtests(session: Session) -> list[tuple[uuid.UUID, datetime, str]]:
    """Return (id, when, by whom) of every backtest, newest first, without their reports."""
    query = select(Backtest.id, Backtest.created_at, Backtest.author)
    query = query.order_by(Backtest.created_at.desc(), Backtest.id.desc())
    return [(row.id, row.created_at, row.author) for row in session.execute(query)]


def _write(session: Session, request: Request) -> Request:
    value = {
        "author": request.author,
        "requested_at": request.requested_at.isoformat(),
        "started_at": request.started_at.isoformat() if request.started_at else None,
        "walked": request.walked,
        "total": request.total,
    }
    meta.put(session, _REQUEST, value)
    return request
