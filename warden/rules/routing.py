"""Which routes take an alert, and whom they reach. Pure: routes, the alert and the moment come in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from warden.errors import Fault
from warden.i18n import N_
from warden.rules.matching import Subject, matcher_faults, matches

Role = Literal["owner", "sponsor", "on_duty"]

PEOPLE: tuple[Role, ...] = ("owner", "sponsor", "on_duty")
"""Whom a route may write to by mail, besides destinations: each in their own language and zone."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route, as `warden.models.Route` stores it."""

    key: str
    matchers: Mapping[str, Any]
    destinations: Sequence[str] = ()
    people: Sequence[str] = ()
    goes_on: bool = False


def take(
    routes: Iterable[Route], subject: Subject, now: datetime, reaches: Callable[[Route], bool] = lambda _route: True
) -> list[Route]:
    """Return the routes that take an alert, in their order: the first that fits, and the next ones where it goes on.

    A route that reaches nobody just now (`reaches`), because all it leads to is switched off, takes nothing. Nothing is
    returned where none fits: then the destinations' own settings decide.
    """
    taken = []
    for route in routes:
        if matches(route.matchers, subject, now) and reaches(route):
            taken.append(route)
            if not route.goes_on:
                break
    return taken


def route_faults(matchers: Any, destinations: Sequence[Any], people: Sequence[Any]) -> list[Fault]:
    """Return what is wrong with a route, each fault with its position."""
    faults = matcher_faults(matchers, hours=True)
    for place, person in enumerate(people):
        if person not in PEOPLE:
            what = N_("%(found)s is none of %(names)s")
            faults.append(Fault.of(f"people[{place}]", what, found=f"{person!r:.80}", names=", ".join(PEOPLE)))
    if not destinations and not people:
        what = N_("names nobody; expected a destination, or somebody among people")
        faults.append(Fault.of("destination_ids", what))
    return faults
