"""Destinations: where messages go. Secrets go in and never come out."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from warden import plugins
from warden.calendars import time_zones
from warden.domain import LOCALES, NotificationStatus, Role, Severity
from warden.errors import Fault, InvalidInput
from warden.messages.refusals import in_words
from warden.models import Destination
from warden.pipeline import notify
from warden.store import destinations, notifications
from warden.store.paging import page
from warden.web.api.shapes import (
    Bool,
    Changes,
    Cursor,
    Email,
    IfMatch,
    Input,
    Limit,
    Listed,
    ShortName,
    check_version,
    listed,
    refuse_nulls,
    set_etag,
)
from warden.web.deps import SLOW, ApiReader, Caller, CurrentServices, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(
    prefix="/destinations",
    tags=["destinations"],
    dependencies=[guard("destinations", read=Role.MANAGER, write=Role.ADMIN)],
)

Options = Annotated[dict[str, Any], Field(max_length=100)]
CanaryHours = Annotated[int, Field(strict=True, ge=1, le=168)]


class NewDestination(Input):
    """A destination to add."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Partner team",
                    "channel": "slack",
                    "options": {"url": "https://hooks.slack.example/services/…"},
                }
            ]
        }
    )

    name: ShortName
    channel: ShortName = Field(description="One of `GET /destinations/channels`.")
    options: Options = Field(description="As the channel's schema says.")
    locale: ShortName = "en"
    time_zone: ShortName = "UTC"
    min_severity: Severity = Severity.WARNING
    alerts: Bool = Field(True, description="Gets alerts and meetings.")
    operations: Bool = Field(False, description="Gets notices about sources and destinations that fail.")
    canary_hours: CanaryHours | None = Field(
        None, description="How often a check asks the other side to call back; null: never."
    )


class DestinationChanges(Changes):
    """What to change about a destination."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"min_severity": "critical"}]})

    name: ShortName | None = None
    options: Options | None = Field(None, description="All of them; secrets left out stay as they are.")
    locale: ShortName | None = None
    time_zone: ShortName | None = None
    min_severity: Severity | None = None
    alerts: Bool = True
    operations: Bool = False
    canary_hours: CanaryHours | None = None
    enabled: Bool = Field(True, description="False: nothing is sent there; true again: what waited is sent.")


class DestinationOut(BaseModel):
    """A destination, without its secrets."""

    id: uuid.UUID
    name: str
    channel: str
    options: dict[str, Any]
    has_secrets: bool
    locale: str
    time_zone: str
    min_severity: Severity
    alerts: bool
    operations: bool
    disabled_at: datetime | None
    disabled_why: str
    not_before: datetime | None = Field(description="Nothing is sent there before.")
    canary_hours: int | None
    canary_sent_at: datetime | None = Field(description="When it was last checked …")
    canary_confirmed_at: datetime | None = Field(description="… and when the other side last called back.")
    version: int
    created_at: datetime


class ChannelOut(BaseModel):
    """One kind of destination."""

    name: str
    options: dict[str, Any] = Field(description="JSON schema of its options; secrets are writeOnly.")


class TestMessage(Input):
    """Where a test goes."""

    recipient: Email | None = Field(None, description="E-mail: instead of the destination's own addresses.")


class TestAnswer(BaseModel):
    """What the other side really said."""

    notification_id: uuid.UUID
    status: NotificationStatus
    answer: str


@router.get("")
def list_destinations(session: Read, cursor: Cursor = None, limit: Limit = 50) -> Listed[DestinationOut]:
    """List destinations by name."""
    found = page(session, destinations.listing(), Destination.name, Destination.id, cursor, limit)
    return listed(found, _shape)


@router.get("/channels")
def list_channels() -> Listed[ChannelOut]:
    """List the kinds of destination there are, with the options of each."""
    found = [
        ChannelOut(name=name, options=plugins.options_schema(channel.Options))
        for name, channel in sorted(plugins.channels().items())
    ]
    return Listed(items=found, next=None)


@router.post("", status_code=201, responses=errors(409))
def create_destination(
    session: Write, services: CurrentServices, now: Now, new: Annotated[NewDestination, Body()], response: Response
) -> DestinationOut:
    """Add a destination. Send a test next."""
    _check_words(new.model_dump())
    _check_canary(new.channel, new.canary_hours)
    options = plugins.read_options(plugins.channel(new.channel).Options, new.options, services.settings)
    public, sealed = plugins.seal_options(options, services.vault)
    values = new.model_dump(exclude={"name", "channel", "options"})
    made = destinations.add(
        session, name=new.name, channel=new.channel, options=public, secrets=sealed, now=now, **values
    )
    return _answer(made, response)


@router.get("/{destination_id}", responses=errors(404))
def get_destination(session: Read, destination_id: uuid.UUID, response: Response) -> DestinationOut:
    """Return one destination."""
    return _answer(destinations.get(session, destination_id), response)


@router.patch("/{destination_id}", responses=errors(404, 409, 412))
def change_destination(
    session: Write,
    caller: Caller,
    services: CurrentServices,
    now: Now,
    destination_id: uuid.UUID,
    changes: Annotated[DestinationChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> DestinationOut:
    """Change a destination, or switch it off and on."""
    destination = destinations.get(session, destination_id, lock=True)
    check_version(if_match, destination.version, destination.name)
    given = refuse_nulls(Destination, changes.given())
    _check_words(given)
    _check_canary(destination.channel, given.get("canary_hours"))
    enabled = given.pop("enabled", None)
    if "options" in given:
        model = plugins.channel(destination.channel).Options
        options = plugins.revise_options(
            model, given["options"], destination.secrets, services.vault, services.settings
        )
        given["options"], given["secrets"] = plugins.seal_options(options, services.vault)
    if given:
        destinations.change(session, destination, None, **given)
    if enabled is True:
        notifications.resume(session, destination)
    elif enabled is False:
        destinations.disable(session, destination, f"Switched off by {caller.name}.", now)
    session.flush()
    return _answer(destination, response)


@router.delete("/{destination_id}", status_code=204, responses=errors(404, 409, 412))
def remove_destination(session: Write, destination_id: uuid.UUID, if_match: IfMatch = None) -> None:
    """Delete a destination nothing was ever sent to; disable any other."""
    destination = destinations.get(session, destination_id, lock=True)
    check_version(if_match, destination.version, destination.name)
    destinations.remove(session, destination)


@router.post("/{destination_id}/test", responses=errors(404), dependencies=[SLOW])
def send_test(
    services: CurrentServices,
    reader: ApiReader,
    now: Now,
    destination_id: uuid.UUID,
    new: Annotated[TestMessage, Body()],
) -> TestAnswer:
    """Send a test message at once and return what the other side answered.

    Warden's own words in it are in your language (Accept-Language), those of the other side as they came.
    """
    sent = notify.send_test(
        services.db, services.vault, services.settings, services.http, destination_id, now, new.recipient
    )
    return TestAnswer(notification_id=sent.id, status=sent.status, answer=in_words(reader, sent.answer))


def _check_words(values: Mapping[str, Any]) -> None:
    faults = []
    locale, time_zone = values.get("locale"), values.get("time_zone")
    if locale is not None and locale not in LOCALES:
        faults.append(Fault("locale", f"{locale!r} is not one of {', '.join(LOCALES)}"))
    if time_zone is not None and time_zone not in time_zones():
        faults.append(Fault("time_zone", f"{time_zone!r} is not a time zone such as Asia/Taipei"))
    if faults:
        raise InvalidInput("The destination cannot be stored.", faults)


def _check_canary(channel: str, hours: int | None) -> None:
    if hours is not None and not plugins.channel(channel).confirms:
        able = ", ".join(sorted(name for name, kind in plugins.channels().items() if kind.confirms))
        fault = Fault("canary_hours", f"{channel} cannot call back; expected null, or one of {able}")
        raise InvalidInput("The destination cannot be checked.", [fault])


def _answer(destination: Destination, response: Response) -> DestinationOut:
    set_etag(response, destination.version)
    return _shape(destination)


def _shape(destination: Destination) -> DestinationOut:
    columns = {name: getattr(destination, name) for name in DestinationOut.model_fields if name != "has_secrets"}
    return DestinationOut(**columns, has_secrets=destination.secrets is not None)
