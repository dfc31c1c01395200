"""The values of a criterion as they are used: what placement leaves open is filled from the settings and the matrix."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from scorers.matrix import AXES
from warden.settings import Settings
from warden.store import criteria, matrices
from warden.store.criteria import Effective


def in_use(session: Session, settings: Settings, name: str, held: Effective, at: datetime) -> Mapping[str, Any]:
    """Return the value of each field; nothing that is used is None. `at`: on the matrix in force then."""
    values = {**held.options.model_dump(), criteria.ENABLED: held.enabled}
    if name != criteria.PLACEMENT:
        return values
    levels = matrices.in_force(session, at).data["levels"]
    open_values: dict[str, Any] = {"coverage_floor": settings.coverage_floor}
    open_values |= {axis: [level["from"] for level in levels[axis]] for axis in AXES}
    return {field: open_values.get(field) if value is None else value for field, value in values.items()}
