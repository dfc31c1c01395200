"""Partners, with the identifiers and aliases by which facts find them."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Body, File, Query, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from warden import imports
from warden.domain import Stage
from warden.errors import Fault, InvalidInput, NotFound
from warden.models import Partner
from warden.store import identifiers, partners, people
from warden.store.partner_import import OnConflict
from warden.web.api.people import PersonOut
from warden.web.api.shapes import (
    Bool,
    Changes,
    Cursor,
    IfMatch,
    Input,
    Limit,
    Listed,
    Name,
    Note,
    ShortName,
    Words,
    check_version,
    listed,
    set_etag,
    text,
    wanted_version,
)
from warden.web.deps import SLOW, CurrentServices, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/partners", tags=["partners"], dependencies=[guard("partners")])

Money = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Months = Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)]
Tag = Annotated[str, text(60)]
Tier = Annotated[str, text(40)]
Region = Annotated[str, text(60, 0)]
# which codes there are, and in which words another is refused, the store knows
Country = Annotated[str, text(100), Field(json_schema_extra={"pattern": "^[A-Z]{2}$"}, description="ISO 3166-1.")]
Currency = Annotated[str, text(100), Field(json_schema_extra={"pattern": "^[A-Z]{3}$"}, description="ISO 4217.")]

EXAMPLE: dict[str, JsonValue] = {
    "name": "Acme Logistics",
    "tier": "strategic",
    "stage": "active",
    "country": "VN",
    "time_zone": "Asia/Ho_Chi_Minh",
    "annual_value": "1200000.00",
    "currency": "USD",
    "share": 0.18,
    "months_to_replace": 9,
    "single_source": True,
    "tags": ["freight"],
}


class NewIdentifier(Input):
    """What sources call the partner."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scheme": "domain", "value": "acme.example"}]})

    scheme: Annotated[str, text(40)] = Field(description="email, domain, supplier_code, or any other name.")
    value: Annotated[str, text(320)]


class NewAlias(Input):
    """A name the public uses for the partner."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Acme", "needs_context": True}]})

    text: Name
    case_sensitive: Bool = False
    needs_context: Bool = Field(False, description="Counts only beside a second cue of the partner.")
    exclude: Bool = Field(False, description="This phrase is not the partner, though it holds one of its names.")


class NewPartner(Input):
    """A partner to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Name
    tier: Tier = "standard"
    stage: Stage = Stage.ACTIVE
    owner_id: uuid.UUID | None = None
    sponsor_id: uuid.UUID | None = None
    counterpart_id: uuid.UUID | None = None
    country: Country | None = None
    region: Region = ""
    time_zone: ShortName = "UTC"
    annual_value: Money | None = None
    currency: Currency | None = None
    share: Share | None = Field(None, description="Of our spend or revenue, 0 to 1.")
    months_to_replace: Months | None = None
    single_source: Bool | None = None
    contract_end: date | None = None
    notes: Note = ""
    tags: list[Tag] = Field([], max_length=50)
    identifiers: list[NewIdentifier] = Field([], max_length=100)
    aliases: list[NewAlias] = Field([], max_length=100)


class PartnerChanges(Changes):
    """What to change about a partner."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"stage": "buffer", "notes": "Asked for an audit."}]})

    name: Name | None = None
    tier: Tier | None = None
    stage: Stage | None = None
    owner_id: uuid.UUID | None = None
    sponsor_id: uuid.UUID | None = None
    counterpart_id: uuid.UUID | None = None
    country: Country | None = None
    region: Region | None = None
    time_zone: ShortName | None = None
    annual_value: Money | None = None
    currency: Currency | None = None
    share: Share | None = None
    months_to_replace: Months | None = None
    single_source: Bool | None = None
    contract_end: date | None = None
    notes: Note | None = None
    tags: Annotated[list[Tag], Field(max_length=50)] | None = None


class IdentifierOut(BaseModel):
    """An identifier of a partner."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    scheme: str
    value: str


class AliasOut(BaseModel):
    """An alias of a partner."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    text: str
    case_sensitive: bool
    needs_context: bool
    exclude: bool
    reviewed_at: datetime | None = Field(description="When a person looked at what it matches and set these flags.")
    reviewed_by: str | None


class PartnerOut(BaseModel):
    """A partner."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    tier: str
    stage: Stage
    owner: PersonOut | None
    sponsor: PersonOut | None
    counterpart: PersonOut | None
    country: str | None
    region: str
    time_zone: str
    annual_value: Decimal | None
    currency: str | None
    share: float | None
    months_to_replace: float | None
    single_source: bool | None
    contract_end: date | None
    notes: str
    tags: list[str]
    identifiers: list[IdentifierOut]
    aliases: list[AliasOut]
    version: int
    created_at: datetime
    updated_at: datetime


class Imported(BaseModel):
    """What an import did, or with `dry_run` would have done."""

    created: int
    updated: int
    skipped: int
    ignored: list[str] = Field(description="Headers that were not recognised.")
    dry_run: bool


@router.get("")
def list_partners(
    session: Read,
    cursor: Cursor = None,
    limit: Limit = 50,
    stage: Stage | None = None,
    tier: Words = None,
    owner_id: uuid.UUID | None = None,
    tag: Words = None,
    text: Words = None,
    band: Words = None,
) -> Listed[PartnerOut]:
    """List partners by name. `text` is sought in names, aliases and identifiers."""
    filters = partners.Filters(stage=stage, tier=tier, owner_id=owner_id, tag=tag, text=text, band=band)
    return listed(partners.listing(session, filters, cursor=cursor, limit=limit), PartnerOut.model_validate)


@router.post("", status_code=201, responses=errors(409))
def create_partner(session: Write, now: Now, new: Annotated[NewPartner, Body()], response: Response) -> PartnerOut:
    """Add a partner. Facts that came earlier under its identifiers are attributed to it at once."""
    values = new.model_dump(exclude={"identifiers", "aliases"})
    _check_people(session, values)
    partner = partners.create(session, values, now)
    for identifier in new.identifiers:
        identifiers.add_identifier(session, partner, identifier.scheme, identifier.value, now)
    for alias in new.aliases:
        identifiers.add_alias(session, partner, now=now, **alias.model_dump())
    return _answer(session, partner.id, response)


@router.post("/import", responses=errors(409), dependencies=[SLOW])
def import_partners(
    services: CurrentServices,
    now: Now,
    file: Annotated[UploadFile, File(description="CSV (UTF-8, Big5 or GB18030) or XLSX.")],
    dry_run: bool = False,
    on_conflict: OnConflict = OnConflict.STOP,
    column: Annotated[
        list[Name], Query(max_length=100, description="A header of the file for a field of ours: `tier=Vendor class`.")
    ] = [],  # noqa: B006 - FastAPI copies it
    encoding: Words = None,
    sheet: Words = None,
) -> Imported:
    """Import partners from a file, in one transaction: all rows or, with a fault in any, none.

    A dry run does everything and takes it back. Faults are told by row and column.
    """
    result = imports.import_partners(
        services.db,
        file.file.read(),
        filename=file.filename or "upload.csv",
        now=now,
        mapping=_columns(column),
        on_conflict=on_conflict,
        dry_run=dry_run,
        encoding=encoding,
        sheet=sheet,
    )
    if result.faults:
        raise InvalidInput("The file was not imported.", result.faults)
    return Imported(
        created=result.created,
        updated=result.updated,
        skipped=result.skipped,
        ignored=list(result.ignored),
        dry_run=dry_run,
    )


@router.get("/{partner_id}", responses=errors(404))
def get_partner(session: Read, partner_id: uuid.UUID, response: Response) -> PartnerOut:
    """Return one partner; its ETag is the version to send as If-Match."""
    return _answer(session, partner_id, response)


@router.patch("/{partner_id}", responses=errors(404, 409, 412))
def change_partner(
    session: Write,
    now: Now,
    partner_id: uuid.UUID,
    changes: Annotated[PartnerChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> PartnerOut:
    """Change a partner. Fields left out stay as they are; null empties what may be empty."""
    values = changes.given()
    _check_people(session, values)
    partners.update(session, partner_id, values, version=wanted_version(if_match), now=now)
    return _answer(session, partner_id, response)


@router.get("/{partner_id}/identifiers", responses=errors(404))
def list_identifiers(session: Read, partner_id: uuid.UUID) -> Listed[IdentifierOut]:
    """List a partner's identifiers; all of them on one page."""
    found = partners.get(session, partner_id).identifiers
    return Listed(items=[IdentifierOut.model_validate(one) for one in found], next=None)


@router.post("/{partner_id}/identifiers", status_code=201, responses=errors(404, 409, 412))
def add_identifier(
    session: Write,
    now: Now,
    partner_id: uuid.UUID,
    new: Annotated[NewIdentifier, Body()],
    if_match: IfMatch = None,
) -> IdentifierOut:
    """Give a partner an identifier and attribute its facts, past ones too. What it has already is answered as it is."""
    partner = _locked(session, partner_id, if_match)
    return IdentifierOut.model_validate(identifiers.add_identifier(session, partner, new.scheme, new.value, now))


@router.delete("/{partner_id}/identifiers/{identifier_id}", status_code=204, responses=errors(404, 412))
def remove_identifier(
    session: Write, now: Now, partner_id: uuid.UUID, identifier_id: uuid.UUID, if_match: IfMatch = None
) -> None:
    """Take an identifier from a partner; its facts go to whoever else they fit, or to nobody."""
    identifiers.remove_identifier(session, _locked(session, partner_id, if_match), identifier_id, now)


@router.get("/{partner_id}/aliases", responses=errors(404))
def list_aliases(session: Read, partner_id: uuid.UUID) -> Listed[AliasOut]:
    """List a partner's aliases; all of them on one page."""
    found = partners.get(session, partner_id).aliases
    return Listed(items=[AliasOut.model_validate(one) for one in found], next=None)


@router.post("/{partner_id}/aliases", status_code=201, responses=errors(404, 409, 412))
def add_alias(
    session: Write, now: Now, partner_id: uuid.UUID, new: Annotated[NewAlias, Body()], if_match: IfMatch = None
) -> AliasOut:
    """Give a partner an alias, or change the flags of one it has. Articles are read again with the next tick."""
    partner = _locked(session, partner_id, if_match)
    return AliasOut.model_validate(identifiers.add_alias(session, partner, now=now, **new.model_dump()))


@router.delete("/{partner_id}/aliases/{alias_id}", status_code=204, responses=errors(404, 412))
def remove_alias(
    session: Write, now: Now, partner_id: uuid.UUID, alias_id: uuid.UUID, if_match: IfMatch = None
) -> None:
    """Take an alias from a partner. Articles are read again with the next tick."""
    identifiers.remove_alias(session, _locked(session, partner_id, if_match), alias_id, now)


def _columns(pairs: Sequence[str]) -> dict[str, str]:
    columns = dict(pair.partition("=")[::2] for pair in pairs)
    unknown = [Fault("column", f"{ours!r} is not a field of ours") for ours in columns if ours not in imports.HEADERS]
    if unknown:
        raise InvalidInput("The columns are not valid.", unknown)
    return columns


def _answer(session: Session, partner_id: uuid.UUID, response: Response) -> PartnerOut:
    partner = partners.get(session, partner_id)
    set_etag(response, partner.version)
    return PartnerOut.model_validate(partner)


def _locked(session: Session, partner_id: uuid.UUID, if_match: str | None) -> Partner:
    partner = partners.get(session, partner_id, lock=True)
    check_version(if_match, partner.version, partner.name)
    return partner


def _check_people(session: Session, values: Mapping[str, Any]) -> None:
    faults = []
    for field in ("owner_id", "sponsor_id", "counterpart_id"):
        try:
            if values.get(field) is not None:
                people.get(session, values[field])
        except NotFound as error:
            faults.append(Fault(field, str(error)))
    if faults:
        raise InvalidInput("The partner names people who do not exist.", faults)
