"""Who is there to be told: on duty, away, and standing in for somebody."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from warden.errors import Fault, InvalidInput, NotFound
from warden.models import Absence, Duty, Person
from warden.store import duty, people
from warden.web.api.people import PersonOut
from warden.web.api.shapes import Cursor, Input, Limit, Listed, Moment, listed
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(tags=["people"], dependencies=[guard("people")])

PERSON = "0b7d1c1e-6c5f-4a3f-9a52-1f5a8a4b6c11"
DEPUTY = "e4d3c2b1-a099-4887-9766-554433221199"
EndingAfter = Annotated[Moment | None, Query(description="Only those that end after this moment.")]


class DeputyOut(BaseModel):
    """Who stands in for somebody whenever an absence names nobody else."""

    person_id: uuid.UUID
    deputy: PersonOut | None


class NewDeputy(Input):
    """Who stands in from now on; null: nobody."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"deputy_id": DEPUTY}]})

    deputy_id: uuid.UUID | None


class AbsenceOut(BaseModel):
    """Somebody is away."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    person: PersonOut
    deputy: PersonOut | None = Field(description="Null: the standing deputy, if there is one.")
    starts_at: datetime
    ends_at: datetime
    author: str
    created_at: datetime


class NewAbsence(Input):
    """An absence to add."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"person_id": PERSON, "starts_at": "2026-05-11T00:00:00+08:00", "ends_at": "2026-05-18T00:00:00+08:00"}
            ]
        }
    )

    person_id: uuid.UUID
    deputy_id: uuid.UUID | None = None
    starts_at: Moment
    ends_at: Moment


class DutyOut(BaseModel):
    """Who is on duty, from when until when."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    person: PersonOut
    starts_at: datetime
    ends_at: datetime
    author: str
    created_at: datetime


class NewDuty(Input):
    """A duty to add."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"person_id": PERSON, "starts_at": "2026-05-11T08:00:00+08:00", "ends_at": "2026-05-18T08:00:00+08:00"}
            ]
        }
    )

    person_id: uuid.UUID
    starts_at: Moment
    ends_at: Moment


class OnDutyOut(BaseModel):
    """Who is on duty now, and who is told: the same person, or whoever stands in."""

    person: PersonOut | None
    told: PersonOut | None


@router.get("/deputies")
def list_deputies(session: Read) -> Listed[DeputyOut]:
    """List the standing deputies, on one page."""
    found = [_deputy(row.person_id, row.deputy) for row in duty.deputies(session)]
    return Listed(items=found, next=None)


@router.put("/people/{person_id}/deputy", responses=errors(404))
def put_deputy(session: Write, person_id: uuid.UUID, new: Annotated[NewDeputy, Body()]) -> DeputyOut:
    """Set who stands in for somebody, or nobody."""
    people.get(session, person_id)
    deputy = None if new.deputy_id is None else ours(session, new.deputy_id, "deputy_id")
    duty.set_deputy(session, person_id, new.deputy_id)
    return _deputy(person_id, deputy)


@router.get("/absences")
def list_absences(
    session: Read, cursor: Cursor = None, limit: Limit = 50, ending_after: EndingAfter = None
) -> Listed[AbsenceOut]:
    """List absences, the last to begin first."""
    return listed(duty.absences(session, cursor, limit, ending_after=ending_after), AbsenceOut.model_validate)


@router.post("/absences", status_code=201, responses=errors(409))
def add_absence(session: Write, caller: Caller, now: Now, new: Annotated[NewAbsence, Body()]) -> AbsenceOut:
    """Note that somebody is away. Whatever they would be told goes to whoever stands in."""
    person = ours(session, new.person_id, "person_id")
    deputy = None if new.deputy_id is None else ours(session, new.deputy_id, "deputy_id")
    made = duty.add_absence(session, **new.model_dump(), author=caller.name, now=now)
    return _absence(made, person, deputy)


@router.delete("/absences/{absence_id}", status_code=204, responses=errors(404))
def remove_absence(session: Write, absence_id: uuid.UUID) -> None:
    """Take an absence back."""
    duty.remove_absence(session, absence_id)


@router.get("/duty")
def list_duty(
    session: Read, cursor: Cursor = None, limit: Limit = 50, ending_after: EndingAfter = None
) -> Listed[DutyOut]:
    """List who is on duty when, the last to begin first."""
    return listed(duty.listing(session, cursor, limit, ending_after=ending_after), DutyOut.model_validate)


@router.get("/duty/current")
def get_on_duty(session: Read, now: Now) -> OnDutyOut:
    """Return who is on duty now, and who is told in their place."""
    person = duty.on_duty(session, now)
    told = duty.stand_in(session, person, now) if person else None
    return OnDutyOut(
        person=PersonOut.model_validate(person) if person else None,
        told=PersonOut.model_validate(told) if told else None,
    )


@router.post("/duty", status_code=201, responses=errors(409))
def add_duty(session: Write, caller: Caller, now: Now, new: Annotated[NewDuty, Body()]) -> DutyOut:
    """Put somebody on duty."""
    person = ours(session, new.person_id, "person_id")
    return _duty(duty.add(session, **new.model_dump(), author=caller.name, now=now), person)


@router.delete("/duty/{duty_id}", status_code=204, responses=errors(404))
def remove_duty(session: Write, duty_id: uuid.UUID) -> None:
    """Take a duty back."""
    duty.remove(session, duty_id)


def ours(session: Session, person_id: uuid.UUID, where: str) -> Person:
    """Return somebody of ours. Raises InvalidInput, at `where`, for anybody else."""
    try:
        person = people.get(session, person_id)
    except NotFound as error:
        raise InvalidInput(str(error), [Fault(where, f"there is no person {person_id}")]) from error
    if not person.ours:
        fault = Fault(where, f"{person.name} works for a partner; expected somebody of ours")
        raise InvalidInput("Only our own people are told of alerts.", [fault])
    return person


def _deputy(person_id: uuid.UUID, deputy: Person | None) -> DeputyOut:
    return DeputyOut(person_id=person_id, deputy=PersonOut.model_validate(deputy) if deputy else None)


def _absence(row: Absence, person: Person, deputy: Person | None) -> AbsenceOut:
    shown = {name: getattr(row, name) for name in ("id", "starts_at", "ends_at", "author", "created_at")}
    return AbsenceOut(
        **shown,
        person=PersonOut.model_validate(person),
        deputy=PersonOut.model_validate(deputy) if deputy else None,
    )


def _duty(row: Duty, person: Person) -> DutyOut:
    shown = {name: getattr(row, name) for name in ("id", "starts_at", "ends_at", "author", "created_at")}
    return DutyOut(**shown, person=PersonOut.model_validate(person))
