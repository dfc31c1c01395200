"""Routes: which alerts go to which destinations and people, in their order, and who would be told of one."""

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import Severity
from warden.errors import InvalidInput
from warden.models import Route
from warden.rules.routing import route_faults
from warden.store import partners, routes, rules
from warden.web.alert_answers import reached
from warden.web.api.alerts import Named
from warden.web.api.matchers import RouteMatchers, plain
from warden.web.api.shapes import (
    Bool,
    Changes,
    IfMatch,
    Input,
    Listed,
    ShortName,
    check_version,
    refuse_nulls,
    set_etag,
)
from warden.web.deps import Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/routes", tags=["alerts"], dependencies=[guard("alerts")])

Position = Annotated[int, Field(strict=True, ge=1, le=10_000, description="Read in this order, lowest first.")]
Destinations = Annotated[list[uuid.UUID], Field(max_length=50)]
People = Annotated[
    list[Literal["owner", "sponsor", "on_duty"]],
    Field(max_length=3, description="By mail, each in their own language; or whoever stands in."),
]
EXAMPLE: dict[str, Any] = {
    "name": "Key partners at night",
    "matchers": {
        "severity": ["critical"],
        "hours": {"time_zone": "Asia/Taipei", "days": [0, 1, 2, 3, 4], "from": "18:00", "until": "08:00"},
    },
    "people": ["on_duty"],
    "goes_on": True,
}


class NewRoute(Input):
    """A route to add; without a position it is read last."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: ShortName
    position: Position | None = None
    matchers: RouteMatchers = Field(default_factory=dict)
    destination_ids: Destinations = Field(default_factory=list)
    people: People = Field(default_factory=list)
    goes_on: Bool = Field(False, description="True: the routes after it may take the alert, too.")
    enabled: Bool = True


class RouteChanges(Changes):
    """What to change about a route."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": False}]})

    name: ShortName | None = None
    position: Position | None = None
    matchers: RouteMatchers | None = None
    destination_ids: Destinations | None = None
    people: People | None = None
    goes_on: Bool = False
    enabled: Bool = True


class RouteOut(BaseModel):
    """A route. The first that fits takes an alert; without any, the destinations' own settings decide."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    position: int
    matchers: dict[str, Any]
    destination_ids: list[uuid.UUID]
    people: list[str]
    goes_on: bool
    enabled: bool
    version: int


class RecipientOut(BaseModel):
    """Where a message would go."""

    destination: Named
    recipient: str | None = Field(description="E-mail: to whom; null: the destination's own readers.")
    locale: str
    time_zone: str


class ReachedOut(BaseModel):
    """Who would be told of an alert now."""

    routes: list[Named] = Field(description="Those that take it; empty: the destinations' own settings decide.")
    recipients: list[RecipientOut] = Field(description="Each once; empty: nobody.")


@router.get("")
def list_routes(session: Read) -> Listed[RouteOut]:
    """List all routes in the order they are read, on one page."""
    return Listed(items=[RouteOut.model_validate(row) for row in routes.listing(session)], next=None)


@router.get("/preview", responses=errors(404))
def preview_route(
    session: Read,
    now: Now,
    partner_id: uuid.UUID,
    severity: Annotated[Severity, Query()],
    rule_id: uuid.UUID | None = None,
) -> ReachedOut:
    """Return who would be told if a rule fired for a partner at this moment. Nothing is sent."""
    partner = partners.get(session, partner_id)
    rule = rules.get(session, rule_id) if rule_id else None
    found = reached(session, partner, severity, rule, now)
    return ReachedOut(
        routes=[Named(id=row.id, name=row.name) for row in found.routes],
        recipients=[
            RecipientOut(
                destination=Named(id=one.destination.id, name=one.destination.name),
                recipient=one.recipient,
                locale=one.locale,
                time_zone=one.time_zone,
            )
            for one in found.recipients
        ],
    )


@router.post("", status_code=201, responses=errors(409))
def add_route(session: Write, new: Annotated[NewRoute, Body()], response: Response) -> RouteOut:
    """Add a route."""
    values = {name: value for name, value in _plain(new.model_dump()).items() if value is not None}
    values["matchers"] = plain(new.matchers)
    _refuse_faults(values)
    return _answer(routes.add(session, values), response)


@router.get("/{route_id}", responses=errors(404))
def get_route(session: Read, route_id: uuid.UUID, response: Response) -> RouteOut:
    """Return one route."""
    return _answer(routes.get(session, route_id), response)


@router.patch("/{route_id}", responses=errors(404, 409, 412))
def change_route(
    session: Write,
    route_id: uuid.UUID,
    changes: Annotated[RouteChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> RouteOut:
    """Change a route."""
    route = routes.get(session, route_id, lock=True)
    check_version(if_match, route.version, route.name)
    given = _plain(refuse_nulls(Route, changes.given()))
    if "matchers" in given:
        given["matchers"] = plain(given["matchers"])
    _refuse_faults({name: getattr(route, name) for name in ("matchers", "destination_ids", "people")} | given)
    return _answer(routes.change(session, route, None, given), response)


@router.delete("/{route_id}", status_code=204, responses=errors(404, 412))
def remove_route(session: Write, route_id: uuid.UUID, if_match: IfMatch = None) -> None:
    """Delete a route; what it took goes to the next that fits."""
    route = routes.get(session, route_id, lock=True)
    check_version(if_match, route.version, route.name)
    routes.remove(session, route)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    if values.get("destination_ids") is not None:
        values["destination_ids"] = [str(one) for one in values["destination_ids"]]
    return values


def _refuse_faults(values: dict[str, Any]) -> None:
    faults = route_faults(values["matchers"], values["destination_ids"], values["people"])
    if faults:
        raise InvalidInput(f"The route cannot be stored: {faults[0]}.", faults)


def _answer(route: Route, response: Response) -> RouteOut:
    set_etag(response, route.version)
    return RouteOut.model_validate(route)
