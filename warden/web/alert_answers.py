"""What the API and the pages both say of alerts and silences, in one place, so that they cannot answer differently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from warden.domain import AlertState, DiagnosedCause, EscalateTo, Severity
from warden.errors import NotFound
from warden.models import Alert, EscalationStep, Partner, Playbook, Route, Rule, Silence
from warden.pipeline import addressing, quiet
from warden.pipeline.quiet import Held
from warden.rules import routing
from warden.rules.escalation import Step, next_step
from warden.store import destinations, escalation, playbooks, routes
from warden.store.destinations import Addressee
from warden.wording import Fact

SilenceState = Literal["active", "coming", "over", "ended"]


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """What the evidence of an alert points to. `share` 0..1; `playbook` None: there was none for this cause."""

    cause: DiagnosedCause
    share: float
    why: Sequence[Fact]
    others: Sequence[tuple[DiagnosedCause, float]]
    playbook: Playbook | None

    @property
    def steps(self) -> Sequence[Mapping[str, str]]:
        """Return the playbook's steps by locale; empty without one."""
        return self.playbook.steps if self.playbook else ()


@dataclass(frozen=True, slots=True)
class Climb:
    """The next step of the escalation chain for an alert: whom it tells, and when."""

    position: int
    to: EscalateTo
    destination: str | None  # its name, for a step to a destination
    at: datetime


def diagnosed(session: Session, alert: Alert) -> Diagnosed | None:
    """Return an alert's diagnosis with the version of the playbook it named; None where nothing points anywhere."""
    said = alert.diagnosis
    if not said:
        return None
    return Diagnosed(
        cause=DiagnosedCause(said["cause"]),
        share=said["share"],
        why=said["why"],
        others=[(DiagnosedCause(one["cause"]), one["share"]) for one in said["others"]],
        playbook=_playbook(session, said.get("playbook")),
    )


def _playbook(session: Session, named: Mapping[str, object] | None) -> Playbook | None:
    if named is None:
        return None
    try:
        return playbooks.get(session, DiagnosedCause(str(named["cause"])), int(str(named["number"])))
    except NotFound:
        return None


def next_climb(session: Session, alert: Alert) -> Climb | None:
    """Return the step by which an alert climbs next unless somebody acknowledges it; None when it climbs no more."""
    if alert.state is AlertState.RESOLVED or alert.acknowledged_at is not None or alert.escalate_at is None:
        return None
    chain = {step.position: step for step in escalation.steps(session)}
    found = next_step([pure_step(step) for step in chain.values()], alert.escalation_step, alert.severity)
    if found is None:
        return None
    destination_id = chain[found.position].destination_id
    destination = destinations.get(session, destination_id).name if destination_id else None
    return Climb(found.position, found.to, destination, alert.escalate_at)


def pure_step(row: EscalationStep) -> Step:
    """Return a step of the chain as the rules of escalation read it."""
    return Step(row.position, row.after_minutes, row.working_hours, row.to, row.min_severity)


def hidden(session: Session, found: Sequence[Alert], now: datetime) -> dict[str, Held]:
    """Return why nobody is told just now of alerts that fire, by id as text; those told as usual are left out."""
    firing = [alert for alert in found if alert.state is AlertState.FIRING]
    if not firing:
        return {}
    keeps_quiet = quiet.read(session, now)
    return {str(alert.id): held for alert in firing if (held := keeps_quiet.hides(alert, alert.partner)) is not None}


def state_of_silence(silence: Silence, now: datetime) -> SilenceState:
    """Return whether a silence is in force, to come, over, or was ended before its time."""
    if silence.ended_at is not None:
        return "ended"
    if silence.ends_at <= now:
        return "over"
    return "active" if silence.starts_at <= now else "coming"


@dataclass(frozen=True, slots=True)
class Reached:
    """Who would be told of an alert. `routes`: those that take it; empty: the destinations' own settings decide."""

    routes: Sequence[Route]
    recipients: Sequence[Addressee]


def reached(session: Session, partner: Partner, severity: Severity, rule: Rule | None, now: datetime) -> Reached:
    """Return who would be told if a rule, or any, fired for a partner now."""
    # An alert that is never stored: what routes see of it is made where announcing makes it.
    subject = addressing.subject_of(Alert(severity=severity, rule=Rule(key=rule.key if rule else "")), partner)
    directory = addressing.directory(session, now)

    def leads_somewhere(route: routing.Route) -> bool:
        return any(one in directory.writable for one in route.destinations) or any(
            directory.person(role, partner) for role in route.people
        )

    taken = [route.key for route in routing.take(directory.routes, subject, now, leads_somewhere)]
    rows = [route for route in routes.listing(session, only_enabled=True) if str(route.id) in taken]
    return Reached(rows, directory.of_subject(subject, partner))
