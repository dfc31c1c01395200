"""Which step of the escalation chain an alert waits for, whom that leads to, and when it is due."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from warden.calendars import country_of_zone, is_working_day
from warden.domain import AlertEventKind, AlertState, EscalateTo
from warden.models import Alert, AlertEvent, EscalationStep
from warden.pipeline.addressing import Directory, addressee, directory
from warden.pipeline.cases import Case, Round
from warden.rules import escalation as chain
from warden.store import escalation
from warden.store.destinations import Addressee


def begin(session: Session, turn: Round, case: Case, told_of: Sequence[AlertEvent]) -> None:
    """Let alerts climb that people are told of now: new ones, and acknowledged ones that became worse."""
    steps = escalation.steps(session)
    if not steps:
        return
    addresses = directory(session, turn.now)
    for event in told_of:
        alert = event.alert
        rests = alert.acknowledged_at is not None and event.kind is not AlertEventKind.WORSE
        if event.kind is AlertEventKind.RESOLVED or alert.state is AlertState.RESOLVED or rests:
            continue
        if alert.escalate_at is None:
            alert.escalation_step = 0
            wait_for_next(addresses, case, alert, steps)
    session.flush()


def step_of(alert: Alert, steps: Sequence[EscalationStep]) -> EscalationStep | None:
    """Return the step an alert takes next, None if there is no further one for its severity."""
    step = chain.next_step([_pure(one) for one in steps], alert.escalation_step, alert.severity)
    return next((one for one in steps if step and one.position == step.position), None)


def recipient_of(addresses: Directory, case: Case, step: EscalationStep) -> Addressee | None:
    """Return whom a step leads to for a partner, None if that is nobody."""
    if step.to is EscalateTo.DESTINATION:
        found = addresses.writable.get(str(step.destination_id))
        return addressee(found) if found else None
    return addresses.person(step.to.value, case.partner)


def wait_for_next(addresses: Directory, case: Case, alert: Alert, steps: Sequence[EscalationStep]) -> None:
    """Note when the next step of an alert is due, counted from now."""
    row = step_of(alert, steps)
    if row is None:
        alert.escalate_at = None
        return
    recipient = recipient_of(addresses, case, row)
    zone = recipient.time_zone if recipient else case.partner.time_zone
    alert.escalate_at = chain.due_at(_pure(row), addresses.now, zone, lambda day: _works(zone, day))


def put_off(turn: Round, addresses: Directory, case: Case, alert: Alert, steps: Sequence[EscalationStep]) -> None:
    """Let a step wait that nobody may be told of: for the end of the silence, or as long as the step waits anyway."""
    silence = turn.quiet.silence(alert, case.partner)
    if silence is not None:
        alert.escalate_at = silence.ends_at
    else:
        wait_for_next(addresses, case, alert, steps)


def _works(time_zone: str, day: date) -> bool:
    country = country_of_zone(time_zone)
    return is_working_day(day, [country] if country else [])


def _pure(row: EscalationStep) -> chain.Step:
    return chain.Step(row.position, row.after_minutes, row.working_hours, row.to, row.min_severity)
