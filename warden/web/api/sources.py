"""Sources: what is read, how often, and how it fared."""

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

import collectors.base as reported
from collectors.base import SourceChanged, SourceRefused, SourceUnavailable
from warden import plugins
from warden.domain import FactKind, Role, RunOutcome, SourceState
from warden.errors import Fault, InvalidInput, NotFound
from warden.models import Source
from warden.pipeline import collect
from warden.store import people, sources
from warden.web.api.people import PersonOut
from warden.web.api.shapes import (
    Changes,
    Cursor,
    IfMatch,
    Input,
    Limit,
    Listed,
    NoBody,
    ShortName,
    listed,
    refuse_nulls,
    set_etag,
    wanted_version,
)
from warden.web.deps import SLOW, CurrentServices, Now, Read, Services, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/sources", tags=["sources"], dependencies=[guard("sources", write=Role.ADMIN)])

Options = Annotated[dict[str, Any], Field(max_length=100)]


class NewSource(Input):
    """A source to add."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Trade press", "collector": "feed", "options": {"url": "https://press.example/atom.xml"}}
            ]
        }
    )

    name: ShortName
    collector: ShortName = Field(description="One of `GET /sources/collectors`.")
    options: Options = Field(description="As the collector's schema says.")
    schedule: ShortName = Field("*/15 * * * *", description="Cron with five fields, in UTC.")
    owner_id: uuid.UUID | None = Field(None, description="Who is told when it is refused.")


class SourceChanges(Changes):
    """What to change about a source."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"schedule": "0 * * * *"}]})

    name: ShortName | None = None
    options: Options | None = Field(None, description="All of them; secrets left out stay as they are.")
    schedule: ShortName | None = None
    owner_id: uuid.UUID | None = None


class SourceOut(BaseModel):
    """A source, without its secrets."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    collector: str
    options: dict[str, Any]
    has_secrets: bool
    schedule: str
    owner: PersonOut | None
    paused: bool
    state: SourceState
    reason: str
    state_since: datetime
    last_success_at: datetime | None
    blind_since: datetime | None
    failures: int
    next_run_at: datetime | None
    version: int
    created_at: datetime


class RunOut(BaseModel):
    """One visit."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    started_at: datetime
    finished_at: datetime | None
    outcome: RunOutcome | None = Field(description="Null: under way.")
    seen: int
    new: int
    error: str
    problems: list[dict[str, str]]


class CollectorOut(BaseModel):
    """One kind of source."""

    name: str
    facts: list[FactKind]
    options: dict[str, Any] = Field(description="JSON schema of its options; secrets are writeOnly.")


class Trial(Input):
    """A source to try before it is stored."""

    collector: ShortName
    options: Options


class TrialOut(BaseModel):
    """What a trial visit brought. Nothing was stored."""

    outcome: Literal["ok", "unavailable", "refused", "changed"]
    reason: str
    facts: list[dict[str, Any]] = Field(description="The first three.")
    problems: list[dict[str, str]]


@router.get("")
def list_sources(session: Read, cursor: Cursor = None, limit: Limit = 50) -> Listed[SourceOut]:
    """List sources by name."""
    return listed(sources.listing(session, cursor=cursor, limit=limit), _shape)


@router.get("/collectors")
def list_collectors() -> Listed[CollectorOut]:
    """List the kinds of source there are, with the options of each."""
    found = [
        CollectorOut(
            name=name,
            facts=sorted(FactKind(kind.__name__.lower()) for kind in collector.facts),
            options=plugins.options_schema(collector.Options),
        )
        for name, collector in sorted(plugins.collectors().items())
    ]
    return Listed(items=found, next=None)


@router.post("", status_code=201, responses=errors(409))
def create_source(
    session: Write, services: CurrentServices, now: Now, new: Annotated[NewSource, Body()], response: Response
) -> SourceOut:
    """Add a source. It is visited with the next tick."""
    _check_owner(session, new.owner_id)
    public, sealed = _seal(services, new.collector, new.options)
    source = sources.add(
        session,
        name=new.name,
        collector=new.collector,
        options=public,
        secrets=sealed,
        schedule=new.schedule,
        owner_id=new.owner_id,
        now=now,
    )
    return _answer(session, source.id, response)


@router.post("/test", dependencies=[SLOW])
def try_source(services: CurrentServices, now: Now, new: Annotated[Trial, Body()]) -> TrialOut:
    """Visit a source that is not stored yet and show its first three facts. Nothing is stored."""
    kind = plugins.collector(new.collector)
    return _try(kind, plugins.read_options(kind.Options, new.options, services.settings), services, now)


@router.get("/{source_id}", responses=errors(404))
def get_source(session: Read, source_id: uuid.UUID, response: Response) -> SourceOut:
    """Return one source."""
    return _answer(session, source_id, response)


@router.patch("/{source_id}", responses=errors(404, 409, 412))
def change_source(
    session: Write,
    services: CurrentServices,
    now: Now,
    source_id: uuid.UUID,
    changes: Annotated[SourceChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> SourceOut:
    """Change a source. New options begin from the start of what it offers and bring a refused source back."""
    given = refuse_nulls(Source, changes.given())
    _check_owner(session, given.get("owner_id"))
    if "options" in given:
        source = sources.get(session, source_id)
        given |= dict(zip(("options", "secrets"), _reseal(services, source, given["options"]), strict=True))
    sources.update(session, source_id, version=wanted_version(if_match), now=now, **given)
    return _answer(session, source_id, response)


@router.post("/{source_id}/pause", responses=errors(404, 412))
def pause_source(
    session: Write, source_id: uuid.UUID, response: Response, if_match: IfMatch = None, _body: NoBody = None
) -> SourceOut:
    """Stop visiting a source until it is resumed."""
    sources.pause(session, source_id, version=wanted_version(if_match))
    return _answer(session, source_id, response)


@router.post("/{source_id}/resume", responses=errors(404, 412))
def resume_source(
    session: Write,
    now: Now,
    source_id: uuid.UUID,
    response: Response,
    if_match: IfMatch = None,
    _body: NoBody = None,
) -> SourceOut:
    """Visit a source again, from the next tick on."""
    sources.resume(session, source_id, now, version=wanted_version(if_match))
    return _answer(session, source_id, response)


@router.post("/{source_id}/test", responses=errors(404, 409), dependencies=[SLOW])
def try_stored_source(services: CurrentServices, now: Now, source_id: uuid.UUID, _body: NoBody = None) -> TrialOut:
    """Visit a source once and show its first three facts. Nothing is stored, and its schedule stays."""
    with services.db.read() as session:  # ends before the visit: no transaction is open across the network
        source = sources.get(session, source_id)
    _refuse_push(source)
    kind = plugins.collector(source.collector)
    options = plugins.load_options(kind.Options, source.options, source.secrets, services.vault, services.settings)
    return _try(kind, options, services, now)


@router.post("/{source_id}/run", status_code=202, responses=errors(404, 409))
def run_source(session: Write, now: Now, source_id: uuid.UUID, response: Response, _body: NoBody = None) -> SourceOut:
    """Have a source visited with the next tick, whatever its schedule says. Its runs tell how it went."""
    sources.hasten(session, source_id, now)
    return _answer(session, source_id, response)


@router.get("/{source_id}/runs", responses=errors(404))
def list_runs(session: Read, source_id: uuid.UUID, cursor: Cursor = None, limit: Limit = 50) -> Listed[RunOut]:
    """List the visits to a source, newest first."""
    sources.get(session, source_id)
    return listed(sources.runs(session, source_id, cursor=cursor, limit=limit), RunOut.model_validate)


def _try(kind: type[reported.Collector], options: object, services: Services, now: datetime) -> TrialOut:
    try:
        found, problems = collect.test_source(services.db, kind, options, services.http, now)
    except SourceUnavailable as error:
        return TrialOut(outcome="unavailable", reason=str(error), facts=[], problems=[])
    except SourceRefused as error:
        return TrialOut(outcome="refused", reason=str(error), facts=[], problems=[])
    except SourceChanged as error:
        return TrialOut(outcome="changed", reason=str(error), facts=[], problems=[])
    return TrialOut(
        outcome="ok", reason="", facts=_plain(found), problems=[dataclasses.asdict(one) for one in problems]
    )


def _plain(found: Sequence[reported.Fact]) -> list[dict[str, Any]]:
    return [{"kind": type(fact).__name__.lower(), **dataclasses.asdict(fact)} for fact in found]


def _seal(services: Services, collector: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    if collector == sources.PUSH:
        return {}, None
    options = plugins.read_options(plugins.collector(collector).Options, raw, services.settings)
    return plugins.seal_options(options, services.vault)


def _reseal(services: Services, source: Source, raw: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    _refuse_push(source)
    model = plugins.collector(source.collector).Options
    options = plugins.revise_options(model, raw, source.secrets, services.vault, services.settings)
    return plugins.seal_options(options, services.vault)


def _refuse_push(source: Source) -> None:
    if source.collector == sources.PUSH:
        fault = Fault("source", "is fed through the API: it has no options and cannot be visited")
        raise InvalidInput(f"{source.name} is not visited.", [fault])


def _check_owner(session: Session, owner_id: uuid.UUID | None) -> None:
    if owner_id is None:
        return
    try:
        people.get(session, owner_id)
    except NotFound as error:
        raise InvalidInput("The owner does not exist.", [Fault("owner_id", str(error))]) from error


def _answer(session: Session, source_id: uuid.UUID, response: Response) -> SourceOut:
    source = sources.get(session, source_id)
    set_etag(response, source.version)
    return _shape(source)


def _shape(source: Source) -> SourceOut:
    columns = {name: getattr(source, name) for name in SourceOut.model_fields if name != "has_secrets"}
    columns["owner"] = PersonOut.model_validate(source.owner) if source.owner else None
    return SourceOut(**columns, has_secrets=source.secrets is not None)
