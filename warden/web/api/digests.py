"""Digests: one person's standing order each."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from warden.domain import Frequency, WhenEmpty
from warden.errors import Fault, InvalidInput, NotFound
from warden.models import Destination, Digest, Notification, Person
from warden.pipeline import digest as stage
from warden.store import destinations, digests, people
from warden.store.paging import page
from warden.web.api.alerts import Named
from warden.web.api.notifications import PRIVATE, NotificationOut
from warden.web.api.notifications import shape as notification_shape
from warden.web.api.people import PersonOut
from warden.web.api.shapes import (
    Bool,
    Changes,
    Cursor,
    IfMatch,
    Input,
    Limit,
    Listed,
    check_version,
    listed,
    refuse_nulls,
    set_etag,
)
from warden.web.deps import CurrentServices, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/digests", tags=["digests"], dependencies=[guard("digests")])

Weekday = Annotated[int, Field(strict=True, ge=0, le=6)]
Day = Annotated[int, Field(strict=True, ge=1, le=digests.LAST_DAY)]
Hour = Annotated[int, Field(strict=True, ge=0, le=23)]


class NewDigest(Input):
    """A digest to order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "person_id": "0b7d1c1e-6c5f-4a3f-9a52-1f5a8a4b6c11",
                    "destination_id": "5a1f0a2b-8f6a-4a0e-bb42-9a7e0e9d4c22",
                    "frequency": "weekly",
                    "weekday": 0,
                    "hour": 8,
                }
            ]
        }
    )

    person_id: uuid.UUID
    destination_id: uuid.UUID = Field(description="An e-mail destination.")
    frequency: Frequency
    weekday: Weekday = Field(0, description="0 is Monday; for weekly ones.")
    day: Day = Field(1, description="Of the month; for monthly ones.")
    hour: Hour = Field(8, description="In the person's time zone.")
    only_mine: Bool = Field(False, description="Only partners the person owns or sponsors.")
    when_empty: WhenEmpty = Field(WhenEmpty.SEND, description="What becomes of one that has nothing new to tell.")


class DigestChanges(Changes):
    """What to change about a digest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"frequency": "daily"}]})

    destination_id: uuid.UUID | None = None
    frequency: Frequency | None = None
    weekday: Weekday | None = None
    day: Day | None = None
    hour: Hour | None = None
    only_mine: Bool = False
    when_empty: WhenEmpty | None = None
    enabled: Bool = True


class DigestOut(BaseModel):
    """A digest."""

    id: uuid.UUID
    person: PersonOut
    destination: Named
    frequency: Frequency
    weekday: int
    day: int
    hour: int
    only_mine: bool
    when_empty: WhenEmpty
    enabled: bool
    next_run_at: datetime
    last_run_at: datetime | None
    version: int


class PreviewOut(BaseModel):
    """What a digest would say now, in the person's language."""

    message: dict[str, Any]


@router.get("")
def list_digests(session: Read, cursor: Cursor = None, limit: Limit = 50) -> Listed[DigestOut]:
    """List digests, the next due first."""
    return listed(page(session, digests.listing(), Digest.next_run_at, Digest.id, cursor, limit), _shape)


@router.post("", status_code=201, responses=errors(409))
def create_digest(session: Write, now: Now, new: Annotated[NewDigest, Body()], response: Response) -> DigestOut:
    """Order a digest for a person. Each person has at most one."""
    values = new.model_dump(exclude={"person_id", "destination_id"})
    person, destination = _person(session, new.person_id), _destination(session, new.destination_id)
    return _answer(digests.add(session, person=person, destination=destination, now=now, **values), response)


@router.get("/{digest_id}", responses=errors(404))
def get_digest(session: Read, digest_id: uuid.UUID, response: Response) -> DigestOut:
    """Return one digest."""
    return _answer(digests.get(session, digest_id), response)


@router.patch("/{digest_id}", responses=errors(404, 409, 412))
def change_digest(
    session: Write,
    now: Now,
    digest_id: uuid.UUID,
    changes: Annotated[DigestChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> DigestOut:
    """Change a digest, or switch it off and on."""
    digest = digests.get(session, digest_id, lock=True)
    check_version(if_match, digest.version, "The digest")
    given = refuse_nulls(Digest, changes.given())
    if "destination_id" in given:
        given["destination"] = _destination(session, given.pop("destination_id"))
    return _answer(digests.change(session, digest, version=None, now=now, **given), response)


@router.delete("/{digest_id}", status_code=204, responses=errors(404, 412))
def remove_digest(session: Write, digest_id: uuid.UUID, if_match: IfMatch = None) -> None:
    """Delete a digest."""
    digest = digests.get(session, digest_id, lock=True)
    check_version(if_match, digest.version, "The digest")
    session.delete(digest)


@router.get("/{digest_id}/preview", responses=errors(404))
def preview_digest(session: Read, services: CurrentServices, now: Now, digest_id: uuid.UUID) -> PreviewOut:
    """Return what a digest would say if it were sent now. Nothing is sent."""
    message = stage.preview(session, services.vault, services.settings, digests.get(session, digest_id), now)
    return PreviewOut(message={name: value for name, value in message.as_data().items() if name not in PRIVATE})


@router.get("/{digest_id}/sent", responses=errors(404))
def list_sent_digests(
    session: Read, digest_id: uuid.UUID, cursor: Cursor = None, limit: Limit = 50
) -> Listed[NotificationOut]:
    """List what was sent for a digest, or waits to be sent, newest first."""
    digests.get(session, digest_id)
    query = digests.log(digest_id)
    found = page(session, query, Notification.created_at, Notification.id, cursor, limit, descending=True)
    return listed(found, notification_shape)


def _person(session: Session, person_id: uuid.UUID) -> Person:
    try:
        return people.get(session, person_id)
    except NotFound as error:
        raise InvalidInput("The digest has no reader.", [Fault("person_id", str(error))]) from error


def _destination(session: Session, destination_id: uuid.UUID) -> Destination:
    try:
        return destinations.get(session, destination_id)
    except NotFound as error:
        raise InvalidInput("The digest has nowhere to go.", [Fault("destination_id", str(error))]) from error


def _answer(digest: Digest, response: Response) -> DigestOut:
    set_etag(response, digest.version)
    return _shape(digest)


def _shape(digest: Digest) -> DigestOut:
    columns = {name: getattr(digest, name) for name in DigestOut.model_fields if name not in ("person", "destination")}
    return DigestOut(
        **columns,
        person=PersonOut.model_validate(digest.person),
        destination=Named(id=digest.destination_id, name=digest.destination.name),
    )
