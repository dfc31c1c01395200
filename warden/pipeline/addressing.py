"""Whom an alert is told to: by the routes, else by the destinations' own settings; people as they are here today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from warden.domain import Severity
from warden.models import Alert, Destination, Partner, Person
from warden.rules import routing
from warden.rules.matching import Subject
from warden.store import destinations, duty, routes
from warden.store.destinations import Addressee


@dataclass(frozen=True, slots=True)
class Directory:
    """The routes, and everybody they may lead to, as read once for one transaction."""

    session: Session
    now: datetime
    routes: Sequence[routing.Route]
    writable: dict[str, Destination]
    by_mail: Destination | None

    def of(self, alert: Alert, partner: Partner) -> list[Addressee]:
        """Return whom an alert of a partner, loaded with its people, is told to; each once."""
        return self.of_subject(subject_of(alert, partner), partner)

    def of_subject(self, subject: Subject, partner: Partner) -> list[Addressee]:
        """Return whom an alert like this is told to; each once."""
        taken = routing.take(self.routes, subject, self.now, lambda route: bool(self._reached(route, partner)))
        found = [one for route in taken for one in self._reached(route, partner)]
        if not taken:
            found = [addressee(one) for one in self.by_default(subject.severity)]
        return list({(one.destination.id, one.recipient): one for one in found}.values())

    def person(self, role: str, partner: Partner) -> Addressee | None:
        """Return somebody by role, or whoever stands in today; None if there is nobody, or no way to write to them."""
        wanted: Person | None
        if role == "on_duty":
            wanted = duty.on_duty(self.session, self.now)
        else:
            wanted = partner.owner if role == "owner" else partner.sponsor
        if wanted is None or not wanted.ours or self.by_mail is None:
            return None
        here = duty.stand_in(self.session, wanted, self.now)
        return Addressee(self.by_mail, here.email, here.locale, here.time_zone)

    def _reached(self, route: routing.Route, partner: Partner) -> list[Addressee]:
        places = [addressee(self.writable[one]) for one in route.destinations if one in self.writable]
        return [*places, *(one for role in route.people if (one := self.person(role, partner)) is not None)]

    def by_default(self, severity: Severity) -> list[Destination]:
        """Return the destinations that take an alert of this severity which no route takes."""
        order = list(Severity)
        return [
            one
            for one in self.writable.values()
            if one.alerts and order.index(one.min_severity) <= order.index(severity)
        ]


def directory(session: Session, now: datetime) -> Directory:
    """Read the routes and destinations."""
    found = [
        routing.Route(str(one.id), one.matchers, [str(to) for to in one.destination_ids], one.people, one.goes_on)
        for one in routes.listing(session, only_enabled=True)
    ]
    writable = {str(key): one for key, one in destinations.writable(session).items()}
    return Directory(session, now, found, writable, destinations.for_mail(session))


def addressee(destination: Destination) -> Addressee:
    """Return a destination's own readers."""
    return Addressee(destination, None, destination.locale, destination.time_zone)


def subject_of(alert: Alert, partner: Partner) -> Subject:
    """Return an alert, loaded with its rule, as silences, routes and inhibitions see it."""
    return subject_about(partner, alert.severity, alert.rule.key)


def subject_about(partner: Partner, severity: Severity, rule: str = "") -> Subject:
    """Return what is said of a partner, loaded with its owner, as routes see it; without a rule, it is no alert."""
    owner = partner.owner
    return Subject(
        rule=rule,
        severity=severity,
        partner=str(partner.id),
        tier=partner.tier,
        tags=frozenset(partner.tags),
        owner=owner.email if owner else "",
        region=partner.region,
        country=partner.country or "",
        language=owner.locale if owner else "",
    )
