"""The risk matrix, in versions. Exactly one is active; earlier ones stay, since assessments name theirs."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from scorers import matrix
from warden.errors import Fault, InvalidInput, NotFound
from warden.models import Matrix


def active(session: Session) -> Matrix:
    """Return the matrix placements are made on. Raises NotFound before the shipped one was stored."""
    found = session.scalar(select(Matrix).where(Matrix.active))
    if found is None:
        raise NotFound("There is no risk matrix yet: run `warden db upgrade`.")
    return found


def get(session: Session, version: int) -> Matrix:
    """Return one version. Raises NotFound."""
    found = session.scalar(select(Matrix).where(Matrix.version == version))
    if found is None:
        raise NotFound(f"There is no version {version} of the risk matrix.")
    return found


def listing(session: Session) -> list[Matrix]:
    """Return every version, newest first."""
    return list(session.scalars(select(Matrix).order_by(Matrix.version.desc())))


def activate(session: Session, data: dict[str, Any], now: datetime) -> Matrix:
    """Store a new version and make it the active one; the same data again changes nothing.

    Raises InvalidInput when scorers.matrix refuses it.
    """
    faults = [Fault(path, what) for path, what in matrix.validate(data)]
    if faults:
        raise InvalidInput(f"The risk matrix cannot be used: {faults[0]}.", faults)
    current = session.scalar(select(Matrix).where(Matrix.active))
    if current is not None and current.data == data:
        return current
    newest = session.scalar(select(func.max(Matrix.version))) or 0
    session.execute(update(Matrix).where(Matrix.active).values(active=False))
    added = Matrix(version=newest + 1, data=data, active=True, created_at=now)
    session.add(added)
    session.flush()
    return added


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
