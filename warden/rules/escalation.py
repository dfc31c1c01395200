"""When an alert that nobody acknowledges climbs a step, counted in working time. Pure: calendars come in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from warden.domain import EscalateTo, Severity

BEGINS, ENDS = time(9), time(18)
"""Working hours, on working days, as clocks show them where the recipient is."""

MOST_MINUTES = 60 * 24 * 28
"""A step may wait for four weeks of minutes at most."""

_FARTHEST = 3660  # days; more working days than MOST_MINUTES needs lie within


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the chain, as `warden.models.EscalationStep` stores it."""

    position: int
    after_minutes: int
    working_hours: bool
    to: EscalateTo
    min_severity: Severity


def next_step(steps: Sequence[Step], taken: int, severity: Severity) -> Step | None:
    """Return the next step of the chain for an alert: the first after position `taken` that is for its severity."""
    order = list(Severity)
    return next(
        (
            step
            for step in sorted(steps, key=lambda step: step.position)
            if step.position > taken and order.index(step.min_severity) <= order.index(severity)
        ),
        None,
    )


def due_at(step: Step, since: datetime, time_zone: str, works: Callable[[date], bool]) -> datetime:
    """Return when a step is due that follows something at `since`; `works` tells working days in the recipient's zone.

    A step that counts working hours is due when so many minutes of them have passed, daylight saving included.
    """
    left = timedelta(minutes=step.after_minutes)
    if not step.working_hours:
        return since + left
    zone = ZoneInfo(time_zone)
    first = since.astimezone(zone).date()
    for number in range(_FARTHEST):
        day = first + timedelta(days=number)
        if not works(day):
            continue
        begin, end = (datetime.combine(day, clock, zone).astimezone(UTC) for clock in (BEGINS, ENDS))
        begin = max(begin, since.astimezone(UTC))
        if begin < end:
            if end - begin >= left:
                return begin + left
            left -= end - begin
    return since + timedelta(days=_FARTHEST)
