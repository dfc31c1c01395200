"""Who is there to be told: on duty, away, standing in; and the chain by which an alert climbs."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from warden.calendars import moment_of
from warden.domain import EscalateTo, Severity
from warden.errors import Conflict, InvalidInput
from warden.i18n import N_
from warden.models import EscalationStep, Person
from warden.rules.escalation import BEGINS, ENDS, MOST_MINUTES
from warden.store import destinations, duty, escalation, people
from warden.web import alert_words
from warden.web.bounds import tag_of
from warden.web.deps import Read, Write
from warden.web.pages import choices
from warden.web.pages.drawing import ROWS, Manager, View, Viewer, Written, see_other
from warden.web.pages.matcher_form import Typed, first
from warden.web.pages.silences import local

router = APIRouter(prefix="/alerts/duty")

EMPTY_STEPS = 1
"""Rows left free in the chain's form, to add a step."""

Row = tuple[str, ...]
"""A step as it stands in the chain's form: minutes, which hours count, whom it tells, from which severity on."""

EMPTY_ROW: Row = ("", "working", "", Severity.CRITICAL.value)

SPAN_MESSAGE = N_("Choose a beginning, and an end after it.")
SELF_MESSAGE = N_("Nobody stands in for themselves.")
AWAY_MESSAGE = N_("This person is away at that time already.")
TAKEN_MESSAGE = N_("Somebody is on duty at that time already.")
STEPS_MESSAGE = N_("Each step waits for 1 minute to 4 weeks, and tells a destination only if it names one.")
CHANGED_MESSAGE = N_("Somebody changed the chain meanwhile: look at it again.")


@router.get("", response_model=None)
def show(view: Viewer, session: Read) -> Response:
    """Show who is on duty, who is away, who stands in, and the chain."""
    return _draw(view, session)


@router.post("", response_model=None)
def add(
    view: Manager, session: Write, person: Written = "", starts_at: Written = "", ends_at: Written = ""
) -> Response:
    """Put somebody on duty."""
    who, span, fault = _entered(view, session, person, starts_at, ends_at)
    if fault is None and who is not None and span is not None:
        try:
            duty.add(session, person_id=who.id, starts_at=span[0], ends_at=span[1], author=view.by, now=view.now)
            return see_other("/alerts/duty#duty")
        except Conflict:
            fault = TAKEN_MESSAGE
    return _refused(view, session, "duty", fault, person=person, starts_at=starts_at, ends_at=ends_at)


@router.post("/{duty_id}/remove", response_model=None)
def remove(view: Manager, session: Write, duty_id: uuid.UUID) -> Response:
    """Take a duty back."""
    duty.remove(session, duty_id)
    return see_other("/alerts/duty#duty")


@router.post("/absences", response_model=None)
def add_absence(
    view: Manager,
    session: Write,
    person: Written = "",
    deputy: Written = "",
    starts_at: Written = "",
    ends_at: Written = "",
) -> Response:
    """Note that somebody is away."""
    who, span, fault = _entered(view, session, person, starts_at, ends_at)
    other, unknown = _deputy(session, who, deputy)
    fault = fault or unknown
    if fault is None and who is not None and span is not None:
        try:
            duty.add_absence(
                session,
                person_id=who.id,
                deputy_id=other.id if other else None,
                starts_at=span[0],
                ends_at=span[1],
                author=view.by,
                now=view.now,
            )
            return see_other("/alerts/duty#absences")
        except Conflict:
            fault = AWAY_MESSAGE
    typed = {"person": person, "deputy": deputy, "starts_at": starts_at, "ends_at": ends_at}
    return _refused(view, session, "absence", fault, **typed)


@router.post("/absences/{absence_id}/remove", response_model=None)
def remove_absence(view: Manager, session: Write, absence_id: uuid.UUID) -> Response:
    """Take an absence back."""
    duty.remove_absence(session, absence_id)
    return see_other("/alerts/duty#absences")


@router.post("/deputies", response_model=None)
def set_deputy(view: Manager, session: Write, person: Written = "", deputy: Written = "") -> Response:
    """Set who stands in for somebody, or nobody."""
    who = people.one_called(session, person)
    other, fault = _deputy(session, who, deputy)
    if who is None or fault:
        return _refused(view, session, "deputy", fault or choices.PERSON_MESSAGE, person=person, deputy=deputy)
    duty.set_deputy(session, who.id, other.id if other else None)
    return see_other("/alerts/duty#deputies")


@router.post("/chain", response_model=None)
def put_chain(view: Manager, typed: Typed, session: Write) -> Response:
    """Replace the escalation chain; steps left empty fall out."""
    steps = [_step(*row) for row in _rows(typed)]
    if first(typed, "tag") != chain_tag(session):
        fault = CHANGED_MESSAGE
    elif any(step is None for step in steps):
        fault = STEPS_MESSAGE
    else:
        try:
            escalation.put(session, [step for step in steps if step is not None], MOST_MINUTES)
            return see_other("/alerts/duty#chain")
        except InvalidInput:
            fault = STEPS_MESSAGE
    # Somebody else's chain is shown, to be looked at; what was merely mistyped stays.
    rows = None if fault == CHANGED_MESSAGE else _rows(typed)
    return _draw(view, session, faults={"chain": view.reader.tr(fault)}, chain=rows)


def chain_tag(session: Session) -> str:
    """Return a hash of the chain, so that two people do not overwrite each other's."""
    columns = ("position", "after_minutes", "working_hours", "to", "destination_id", "min_severity")
    return tag_of([[getattr(row, name) for name in columns] for row in escalation.steps(session)])


def _rows(typed: Mapping[str, Sequence[str]]) -> list[Row]:
    """Return the steps that were typed, as they stand in the form; without those left empty."""
    columns = [typed.get(name, ()) for name in ("minutes", "hours", "to", "severity")]
    return [row for row in zip(*columns, strict=False) if row[0].strip()]


def _row(step: EscalationStep) -> Row:
    """Return what stands in the form for a step."""
    to = f"{step.to}:{step.destination_id}" if step.destination_id else step.to.value
    return str(step.after_minutes), "working" if step.working_hours else "all", to, step.min_severity.value


def _step(minutes: str, hours: str, to: str, severity: str) -> dict[str, Any] | None:
    """Return a step that was typed as the store takes it; None when it cannot be read."""
    kind, _, destination = to.partition(":")
    try:
        return {
            "after_minutes": int(minutes),
            "working_hours": hours == "working",
            "to": EscalateTo(kind),
            "destination_id": uuid.UUID(destination) if destination else None,
            "min_severity": Severity(severity),
        }
    except ValueError:
        return None


def _entered(
    view: View, session: Session, person: str, starts_at: str, ends_at: str
) -> tuple[Person | None, tuple[datetime, datetime] | None, str | None]:
    """Return who and when was typed, in the reader's zone, and what is wrong with it."""
    who = people.one_called(session, person)
    begin, end = (_moment(text, view.reader.time_zone) for text in (starts_at, ends_at))
    if who is None:
        return None, None, choices.PERSON_MESSAGE
    if begin is None or end is None or begin >= end:
        return who, None, SPAN_MESSAGE
    return who, (begin, end), None


def _moment(text: str, time_zone: str) -> datetime | None:
    found = local(text)
    return moment_of(found, time_zone) if found else None


def _deputy(session: Session, who: Person | None, text: str) -> tuple[Person | None, str | None]:
    """Return who stands in for somebody, None where nobody was typed, and what is wrong with that."""
    if not text.strip():
        return None, None
    found = people.one_called(session, text)
    if found is None:
        return None, choices.PERSON_MESSAGE
    return found, SELF_MESSAGE if found == who else None


def _refused(view: View, session: Session, form: str, fault: str | None, **typed: str) -> Response:
    said = view.reader.tr(fault or STEPS_MESSAGE)
    return _draw(view, session, faults={form: said}, typed={form: typed})


def _draw(
    view: View,
    session: Session,
    *,
    faults: Mapping[str, str] | None = None,
    typed: Mapping[str, Mapping[str, str]] | None = None,
    chain: Sequence[Row] | None = None,
) -> Response:
    """Draw the page; `chain`: what stands in its form, None: the chain in force."""
    on_duty = duty.on_duty(session, view.now)
    deputies, steps = duty.deputies(session), escalation.steps(session)
    midnight = view.now.astimezone(ZoneInfo(view.reader.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return view.page(
        "duty.html",
        422 if faults else 200,
        people=choices.of_people(session) if view.may_change else [],
        names={person.id: person.name for person in people.named(session, [one.person_id for one in deputies])},
        on_duty=on_duty,
        told=duty.stand_in(session, on_duty, view.now) if on_duty else None,
        duties=duty.listing(session, None, ROWS, ending_after=midnight.astimezone(UTC)).items,
        absences=duty.absences(session, None, ROWS, ending_after=midnight.astimezone(UTC)).items,
        deputies=deputies,
        steps=steps,
        chain=[*([_row(step) for step in steps] if chain is None else chain), *[EMPTY_ROW] * EMPTY_STEPS],
        tag=chain_tag(session),
        destinations={str(one.id): one.name for one in session.scalars(destinations.listing())},
        severities=list(Severity),
        working={"begin": f"{BEGINS:%H:%M}", "end": f"{ENDS:%H:%M}"},
        alert_words=alert_words,
        faults=faults or {},
        typed=typed or {},
    )
