"""People: owners and sponsors on our side, counterpart executives on the partners'."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from warden.errors import Conflict
from warden.models import Person
from warden.store import people
from warden.web.api.shapes import (
    Bool,
    Changes,
    Cursor,
    Email,
    IfMatch,
    Input,
    Limit,
    Listed,
    Name,
    ShortName,
    check_version,
    listed,
    refuse_nulls,
    set_etag,
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
    version: int


@router.get("")
def list_people(session: Read, cursor: Cursor = None, limit: Limit = 50, ours: bool | None = None) -> Listed[PersonOut]:
    """List people by e-mail address."""
    return listed(people.listing(session, cursor, limit, ours=ours), PersonOut.model_validate)


@router.post("", status_code=201, responses=errors(409))
def create_person(session: Write, new: Annotated[NewPerson, Body()], response: Response) -> PersonOut:
    """Add a person. Each e-mail address stands for one person."""
    if people.by_email(session, new.email) is not None:
        raise Conflict(f"There is already a person with the address {new.email.lower()}.")
    return _answer(people.get_or_create(session, **new.model_dump()), response)


@router.get("/{person_id}", responses=errors(404))
def get_person(session: Read, person_id: uuid.UUID, response: Response) -> PersonOut:
    """Return one person; the ETag is the version to send as If-Match."""
    return _answer(people.get(session, person_id), response)


@router.patch("/{person_id}", responses=errors(404, 409, 412))
def change_person(
    session: Write,
    person_id: uuid.UUID,
    changes: Annotated[PersonChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> PersonOut:
    """Change a person."""
    person = people.get(session, person_id, lock=True)
    check_version(if_match, person.version, person.email)
    people.update(session, person, refuse_nulls(Person, changes.given()))
    return _answer(person, response)


def _answer(person: Person, response: Response) -> PersonOut:
    set_etag(response, person.version)
    return PersonOut.model_validate(person)
