"""The risk matrix, in versions: drafts, the one that is active, and earlier ones, since assessments name theirs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scorers import matrix
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Matrix
from warden.store import validation

NO_MATRIX = "There is no risk matrix yet: run `warden db upgrade`."


def active(session: Session) -> Matrix:
    """Return the matrix placements are made on. Raises NotFound before the shipped one was stored."""
    found = session.scalar(select(Matrix).where(Matrix.active))
    if found is None:
        raise NotFound(NO_MATRIX)
    return found


def get(session: Session, version: int, *, lock: bool = False) -> Matrix:
    """Return one version. `lock` is for changing it and holds all of them. Raises NotFound."""
    if lock:
        session.execute(select(Matrix.id).order_by(Matrix.id).with_for_update())
    query = select(Matrix).where(Matrix.version == version)
    found = session.scalar(query.execution_options(populate_existing=lock))
    if found is None:
        raise NotFound(f"There is no version {version} of the risk matrix.")
    return found


def listing(session: Session) -> list[Matrix]:
    """Return every version, newest first."""
    return list(session.scalars(select(Matrix).order_by(Matrix.version.desc())))


def drafts(session: Session) -> list[Matrix]:
    """Return the versions that were never activated, newest first."""
    return list(session.scalars(select(Matrix).where(Matrix.activated_at.is_(None)).order_by(Matrix.version.desc())))


def in_force(session: Session, at: datetime) -> Matrix:
    """Return the matrix that was active at `at`; before the first activation, the one activated first. Raises NotFound.

    A moment before the first can only be judged by what came.
    """
    activated = select(Matrix).where(Matrix.activated_at.is_not(None))
    then = activated.where(Matrix.activated_at <= at).order_by(Matrix.activated_at.desc(), Matrix.version.desc())
    found = session.scalar(then.limit(1)) or session.scalar(activated.order_by(Matrix.activated_at).limit(1))
    if found is None:
        raise NotFound(NO_MATRIX)
    return found


def same_likelihood_starts(session: Session, data: Mapping[str, Any]) -> frozenset[int]:
    """Return the versions whose likelihood levels begin where those of this matrix do.

    Who stands on a level of one of them stands on the same level of the other, and is held there alike.
    """
    starts = _likelihood_starts(data)
    return frozenset(row.version for row in session.scalars(select(Matrix)) if _likelihood_starts(row.data) == starts)


def _likelihood_starts(data: Mapping[str, Any]) -> list[float]:
    return [level["from"] for level in data["levels"]["likelihood"]]


def draft(session: Session, data: dict[str, Any], author: str, now: datetime) -> Matrix:
    """Store a draft: nobody is placed on it until it is activated. Raises InvalidInput with the path of each fault."""
    _refuse_faults(data)
    newest = session.scalar(select(func.max(Matrix.version))) or 0
    added = Matrix(version=newest + 1, data=data, author=author, created_at=now)
    session.add(added)
    session.flush()
    return added


def change(session: Session, version: int, data: dict[str, Any], now: datetime) -> Matrix:
    """Replace what a draft holds; `created_at` is then `now`.

    Raises NotFound, InvalidInput, or Conflict for one that was activated: that is history.
    """
    found = _draft(session, version)
    _refuse_faults(data)
    found.data, found.created_at = data, now
    session.flush()
    return found


def delete(session: Session, version: int) -> None:
    """Throw a draft away. Raises NotFound, or Conflict for one that was activated."""
    session.delete(_draft(session, version))
    session.flush()


def activate(session: Session, version: int, author: str, now: datetime) -> Matrix:
    """Place partners on a draft from `now` on; the matrix that was active retires. The active one stays as it is.

    Raises NotFound, or Conflict for one that has retired: make a draft of what it holds.
    """
    found = get(session, version, lock=True)
    if found.active:
        return found
    _refuse_activated(found)
    for current in session.scalars(select(Matrix).where(Matrix.active)):
        now = max(now, current.activated_at or now)  # it may be of a moment ago, by another clock
        current.active, current.retired_at = False, now
    found.active, found.activated_at, found.author = True, now, author
    session.flush()
    return found


def _draft(session: Session, version: int) -> Matrix:
    found = get(session, version, lock=True)
    _refuse_activated(found)
    return found


def _refuse_activated(found: Matrix) -> None:
    if found.activated_at is not None:
        raise Conflict(f"Version {found.version} of the risk matrix was activated and stays as it is: make a draft.")


def _refuse_faults(data: dict[str, Any]) -> None:
    faults = _faults(data)
    if faults:
        raise InvalidInput(f"The risk matrix cannot be used: {faults[0]}.", faults)


def _faults(data: dict[str, Any]) -> list[Fault]:
    try:
        grid = matrix.Grid.model_validate(data)
    except ValidationError as error:
        return [validation.fault_of(details, "matrix") for details in error.errors(include_url=False)]
    return [Fault.of(one.path, one.message, **one.params) for one in grid.faults()]


def band_ranks(session: Session) -> dict[tuple[int, str], int]:
    """Return the rank of every band by (version, key); 0 is the mildest."""
    return {
        (row.version, band["key"]): band["rank"]
        for row in session.scalars(select(Matrix))
        for band in row.data["bands"]
    }


def band_names(session: Session, version: int, band: str | None) -> dict[str, str]:
    """Return a band's names by locale; empty for None."""
    return next((found["names"] for found in get(session, version).data["bands"] if found["key"] == band), {})
