"""The chain by which an alert climbs that nobody acknowledges, and which alerts have a step due."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from warden.domain import AlertState, EscalateTo
from warden.errors import Fault, InvalidInput
from warden.models import Alert, Destination, EscalationStep

MOST_STEPS = 10


def steps(session: Session) -> list[EscalationStep]:
    """Return the chain in its order; empty: nothing ever climbs."""
    return list(session.scalars(select(EscalationStep).order_by(EscalationStep.position)))


def put(session: Session, chain: Sequence[Mapping[str, Any]], most_minutes: int) -> list[EscalationStep]:
    """Replace the chain; each step has after_minutes, working_hours, to, destination_id and min_severity.

    `most_minutes`: how long a step may wait. Alerts that are climbing go on with the step after the last they took.
    Raises InvalidInput with every fault.
    """
    faults = [] if len(chain) <= MOST_STEPS else [Fault("steps", f"found {len(chain)}; expected at most {MOST_STEPS}")]
    for place, step in enumerate(chain):
        faults += _step_faults(session, step, f"steps[{place}]", most_minutes)
    if faults:
        raise InvalidInput(f"The chain cannot be stored: {faults[0]}.", faults)
    session.execute(delete(EscalationStep))
    rows = [EscalationStep(position=place, **step) for place, step in enumerate(chain, start=1)]
    session.add_all(rows)
    session.flush()
    return rows


def _step_faults(session: Session, step: Mapping[str, Any], where: str, most_minutes: int) -> list[Fault]:
    faults = []
    if not 1 <= step["after_minutes"] <= most_minutes:
        faults.append(Fault(f"{where}.after_minutes", f"is {step['after_minutes']}; expected 1 to {most_minutes}"))
    to_destination = step["to"] is EscalateTo.DESTINATION
    destination_id = step.get("destination_id")
    if to_destination != (destination_id is not None):
        expected = "expected a destination" if to_destination else "only a step to a destination has one"
        faults.append(Fault(f"{where}.destination_id", expected))
    elif destination_id is not None and session.get(Destination, destination_id) is None:
        faults.append(Fault(f"{where}.destination_id", f"there is no destination {destination_id}"))
    return faults


def due(session: Session, now: datetime) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Return (partner, alert) of the open alerts whose next step is due, the longest due first."""
    query = (
        select(Alert.partner_id, Alert.id)
        .where(Alert.state == AlertState.FIRING, Alert.escalate_at <= now)
        .order_by(Alert.escalate_at, Alert.id)
    )
    return [(row[0], row[1]) for row in session.execute(query)]
