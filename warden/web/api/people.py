"""People: owners and sponsors on our side, counterpart executives on the partners'."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from warden.errors import Conflict
from warden.models import Person
from warden.store import people
from warden.web.api.shapes import (
    Bool,
    Changes,
    Cursor,
    Email,
    Input,
    Limit,
    Listed,
    Name,
    ShortName,
    listed,
    refuse_nulls,
)
from warden.web.deps import Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/people", tags=["people"], dependencies=[guard("people")])


class NewPerson(Input):
    """A person to add."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Lin Mei", "email": "lin@example.com", "time_zone": "Asia/Taipei"}]}
    )

    name: Name
    email: Email
    locale: ShortName = Field("en", description="en, zh-Hant, zh-Hans or vi: the language they are written to in.")
    time_zone: ShortName = "UTC"
    ours: Bool = Field(True, description="False: works for a partner.")


class PersonChanges(Changes):
    """What to change about a person."""

    name: Name | None = None
    email: Email | None = None
    locale: ShortName | None = None
    time_zone: ShortName | None = None
    ours: Bool = True


class PersonOut(BaseModel):
    """A person."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    email: str
    locale: str
    time_zone: str
    ours: bool


@router.get("")
def list_people(session: Read, cursor: Cursor = None, limit: Limit = 50, ours: bool | None = None) -> Listed[PersonOut]:
    """List people by e-mail address."""
    return listed(people.listing(session, cursor, limit, ours=ours), PersonOut.model_validate)


@router.post("", status_code=201, responses=errors(409))
def create_person(session: Write, new: Annotated[NewPerson, Body()]) -> PersonOut:
    """Add a person. Each e-mail address stands for one person."""
    if people.by_email(session, new.email) is not None:
        raise Conflict(f"There is already a person with the address {new.email.lower()}.")
    return PersonOut.model_validate(people.get_or_create(session, **new.model_dump()))


@router.get("/{person_id}", responses=errors(404))
def get_person(session: Read, person_id: uuid.UUID) -> PersonOut:
    """Return one person."""
    return PersonOut.model_validate(people.get(session, person_id))


@router.patch("/{person_id}", responses=errors(404, 409))
def change_person(session: Write, person_id: uuid.UUID, changes: Annotated[PersonChanges, Body()]) -> PersonOut:
    """Change a person."""
    return PersonOut.model_validate(people.update(session, person_id, refuse_nulls(Person, changes.given())))
