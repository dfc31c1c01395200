"""Routes: who gets what, in order; the form of one, and who would be told of an alert right now."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from warden.domain import Severity
from warden.errors import Conflict, Fault, InvalidInput
from warden.i18n import N_
from warden.models import Route
from warden.rules.routing import PEOPLE, route_faults
from warden.store import destinations, partners, routes
from warden.web import alert_answers, alert_words
from warden.web.bounds import typed_version
from warden.web.deps import Read, Write
from warden.web.pages import choices, matcher_form
from warden.web.pages.drawing import Asked, Manager, View, Viewer, Written, see_other
from warden.web.pages.matcher_form import Typed, first

router = APIRouter(prefix="/alerts/routes")

FAULTS = {
    "name": N_("Give it a name of at most 100 characters that no other route has."),
    "destination_ids": N_("Choose a destination, or somebody to write to."),
    "matchers.partner": N_("There is no partner of this name: %(name)s"),
    "matchers.hours.time_zone": N_("This is no time zone such as Asia/Taipei."),
    "matchers.hours.days": N_("Choose the days on which the hours begin."),
    "matchers.hours.from": N_("Give both times, such as 18:00."),
    "matchers.hours.until": N_("Give both times, such as 18:00."),
}
"""What is said beside a field that is refused."""


@router.get("", response_model=None)
def list_routes(
    view: Viewer,
    session: Read,
    partner: Asked = "",
    severity: Annotated[Severity, Query()] = Severity.CRITICAL,
    rule: Asked = "",
) -> Response:
    """Show the routes in their order, and who would be told of an alert of a partner (by name)."""
    found = routes.listing(session)
    names = matcher_form.names_of(session, [one.matchers for one in found])
    asked = partners.by_name(session, partner.strip()) if partner.strip() else None
    reached = None
    if asked is not None:
        chosen = next((one for one in names.rules.values() if one.key == rule), None)
        reached = alert_answers.reached(session, partners.get(session, asked.id), severity, chosen, view.now)
    return view.page(
        "routes.html",
        rows=[
            (one, matcher_form.in_words(view.reader, one.matchers, names), idle)
            for one, idle in zip(found, partners.held_by_nobody(session, [one.matchers for one in found]), strict=True)
        ],
        destinations={str(one.id): one for one in session.scalars(destinations.listing())},
        choices=matcher_form.choices(session),
        offered=choices.of_partners(session),
        asked={"partner": partner, "severity": severity, "rule": rule},
        reached=reached,
        nobody=bool(partner.strip()) and asked is None,
        alert_words=alert_words,
    )


@router.get("/new", response_model=None)
def ask(view: Manager, session: Read) -> Response:
    """Show the form of a new route."""
    names = matcher_form.names_of(session, [])
    blank = {"name": "", "destination_ids": [], "people": [], "goes_on": False, "enabled": True}
    return _draw(view, session, None, {**matcher_form.entered({}, names), **blank})


@router.post("", response_model=None)
def add(view: Manager, typed: Typed, session: Write) -> Response:
    """Add a route; it is read last."""
    try:
        routes.add(session, _values(session, typed))
    except (InvalidInput, Conflict) as error:
        return _draw(view, session, None, _as_typed(typed), _faults(error))
    return see_other("/alerts/routes")


@router.get("/{route_id}", response_model=None)
def show_route(view: Viewer, session: Read, route_id: uuid.UUID) -> Response:
    """Show one route; managers can change it here."""
    route = routes.get(session, route_id)
    names = matcher_form.names_of(session, [route.matchers])
    fields = ("name", "destination_ids", "people", "goes_on", "enabled", "version")
    own = {name: getattr(route, name) for name in fields}
    return _draw(view, session, route, {**matcher_form.entered(route.matchers, names), **own})


@router.post("/{route_id}", response_model=None)
def change(view: Manager, typed: Typed, session: Write, route_id: uuid.UUID) -> Response:
    """Change a route, unless somebody changed it meanwhile."""
    route = routes.get(session, route_id, lock=True)
    try:
        routes.change(session, route, typed_version(first(typed, "version")), _values(session, typed))
    except (InvalidInput, Conflict) as error:
        return _draw(view, session, route, _as_typed(typed), _faults(error))
    return see_other("/alerts/routes")


@router.post("/{route_id}/remove", response_model=None)
def remove(view: Manager, session: Write, route_id: uuid.UUID) -> Response:
    """Delete a route."""
    routes.remove(session, routes.get(session, route_id, lock=True))
    return see_other("/alerts/routes")


@router.post("/{route_id}/move", response_model=None)
def move(view: Manager, session: Write, route_id: uuid.UUID, way: Written = "") -> Response:
    """Read a route one place earlier ("up") or later."""
    found = routes.listing(session)
    place = next((number for number, one in enumerate(found) if one.id == route_id), None)
    other = None if place is None else place + (-1 if way == "up" else 1)
    if place is not None and other is not None and 0 <= other < len(found):
        found[place], found[other] = found[other], found[place]
    for position, one in enumerate(found, start=1):
        if one.position != position:
            routes.change(session, one, None, {"position": position})
    return see_other("/alerts/routes")


def _values(session: Session, typed: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the route that was typed. Raises InvalidInput with every fault."""
    matchers, faults = matcher_form.read(session, typed, hours=True)
    values = {
        "name": first(typed, "name"),
        "matchers": matchers,
        "destination_ids": list(typed.get("destination", ())),
        "people": [one for one in typed.get("person", ()) if one in PEOPLE],
        "goes_on": bool(first(typed, "goes_on")),
        "enabled": bool(first(typed, "enabled")),
    }
    faults += route_faults(matchers, values["destination_ids"], values["people"])
    if not 1 <= len(values["name"]) <= 100:
        faults.append(Fault("name", "expected 1 to 100 characters"))
    if faults:
        raise InvalidInput("The route cannot be stored.", faults)
    return values


def _as_typed(typed: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {
        **matcher_form.as_typed(typed),
        "version": first(typed, "version"),  # what is typed is made from that one, whatever there is by now
        "name": first(typed, "name"),
        "destination_ids": list(typed.get("destination", ())),
        "people": list(typed.get("person", ())),
        "goes_on": bool(first(typed, "goes_on")),
        "enabled": bool(first(typed, "enabled")),
    }


def _faults(error: InvalidInput | Conflict) -> Sequence[Fault]:
    return error.faults if isinstance(error, InvalidInput) else [Fault("name", str(error))]


def _draw(
    view: View, session: Session, route: Route | None, entered: Mapping[str, Any], wrong: Sequence[Fault] = ()
) -> Response:
    said = [fault for fault in wrong if fault.where in FAULTS]
    return view.page(
        "route.html",
        422 if wrong else 200,
        route=route,
        entered=entered,
        choices=matcher_form.choices(session),
        destinations=list(session.scalars(destinations.listing())),
        faults={fault.where: view.reader.say(FAULTS[fault.where], name=fault.what) for fault in said},
        others=matcher_form.others(view.reader, [fault for fault in wrong if fault.where not in FAULTS]),
        alert_words=alert_words,
    )
