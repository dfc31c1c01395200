"""Routes: which alerts go to which destinations and people, in their order."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from warden.errors import Conflict, Fault, InvalidInput, NotFound, PreconditionFailed
from warden.i18n import N_
from warden.models import Destination, Route

EDITABLE = ("name", "position", "matchers", "destination_ids", "people", "goes_on", "enabled")
"""Fields of a route that people may change."""


def listing(session: Session, *, only_enabled: bool = False) -> list[Route]:
    """Return every route in the order they are read."""
    query = select(Route).order_by(Route.position, Route.name)
    return list(session.scalars(query.where(Route.enabled.is_(True)) if only_enabled else query))


def get(session: Session, route_id: uuid.UUID, *, lock: bool = False) -> Route:
    """Return one route, held against other writers if asked. Raises NotFound."""
    found = session.get(Route, route_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFound(f"There is no route {route_id}.")
    return found


def add(session: Session, values: Mapping[str, Any]) -> Route:
    """Add a route that warden.rules.routing has checked; without a position it is read last.

    Raises InvalidInput for a destination that does not exist or a name that does not fit, Conflict for one taken.
    """
    _refuse_faults(session, values)
    if session.scalar(select(Route.id).where(Route.name == values["name"])) is not None:
        raise Conflict(f"There is a route named {values['name']!r} already.")
    last = session.scalar(select(func.max(Route.position))) or 0
    route = Route(**{"position": last + 1, **values})
    session.add(route)
    session.flush()
    return route


def change(session: Session, route: Route, version: int | None, values: Mapping[str, Any]) -> Route:
    """Set some fields of a route and raise its version; checked as by `add`.

    `version` is the one the caller read; None changes it whatever it is. Raises PreconditionFailed too.
    """
    if version is not None and version != route.version:
        raise PreconditionFailed(f"{route.name!r} is at version {route.version}, not {version}.")
    _refuse_faults(session, values)
    name = values.get("name", route.name)
    if name != route.name and session.scalar(select(Route.id).where(Route.name == name)) is not None:
        raise Conflict(f"There is a route named {name!r} already.")
    for field, value in values.items():
        setattr(route, field, value)
    route.version += 1
    session.flush()
    return route


def remove(session: Session, route: Route) -> None:
    """Delete a route; what it took goes to the next that fits."""
    session.delete(route)
    session.flush()


def _refuse_faults(session: Session, values: Mapping[str, Any]) -> None:
    faults = [
        Fault.of(name, N_("is unknown; expected one of %(names)s"), names=", ".join(EDITABLE))
        for name in values
        if name not in EDITABLE
    ]
    if "name" in values and not 1 <= len(str(values["name"]).strip()) <= 100:
        faults.append(Fault.of("name", N_("expected 1 to 100 characters")))
    faults += _destination_faults(session, values.get("destination_ids", ()))
    if faults:
        raise InvalidInput(f"The route cannot be stored: {faults[0]}.", faults)


def _destination_faults(session: Session, given: Sequence[Any]) -> list[Fault]:
    known = {str(one) for one in session.scalars(select(Destination.id))}
    return [
        Fault.of(f"destination_ids[{place}]", N_("there is no destination %(found)s"), found=f"{value!r:.80}")
        for place, value in enumerate(given)
        if str(value) not in known
    ]
