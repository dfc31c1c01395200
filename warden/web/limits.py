"""The values of a criterion as they are used: what placement leaves open is filled from the settings and the matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from scorers.matrix import AXES
from warden.settings import Settings
from warden.store import criteria, matrices
from warden.store.criteria import Effective, Source


@dataclass(frozen=True, slots=True)
class InUse:
    """What is used of each field, and where it comes from. No value that is used is None."""

    values: Mapping[str, Any]
    sources: Mapping[str, Source]


def in_use(session: Session, settings: Settings, name: str, held: Effective, at: datetime) -> InUse:
    """Return what is used of a criterion, on the matrix in force at `at`.

    Starts for another number of levels than that matrix has are set, and not used: its own are.
    """
    values = {**held.options.model_dump(), criteria.ENABLED: held.enabled}
    if name != criteria.PLACEMENT:
        return InUse(values, held.sources)
    levels = matrices.in_force(session, at).data["levels"]
    own = {axis: [level["from"] for level in levels[axis]] for axis in AXES}
    unused = {axis for axis in AXES if values[axis] is not None and len(values[axis]) != len(own[axis])}
    open_values: dict[str, Any] = {"coverage_floor": settings.coverage_floor, **own}
    return InUse(
        {name: open_values.get(name) if value is None or name in unused else value for name, value in values.items()},
        {name: Source() if name in unused else source for name, source in held.sources.items()},
    )
