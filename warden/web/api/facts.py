"""Facts: pushed in batches, listed, and the keys that nobody has been matched to yet."""

import hashlib
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import FactKind
from warden.errors import NotFound
from warden.models import Fact, FactKey
from warden.store import facts, idempotency, identifiers, partners, sources
from warden.store.facts import Unattributed
from warden.web.api.push import REQUEST_BODY, read_batch
from warden.web.api.shapes import (
    REPLAYED,
    Cursor,
    IdempotencyKey,
    Input,
    Limit,
    Listed,
    Moment,
    Since,
    Until,
    listed,
    set_replayed,
)
from warden.web.bounds import RowNumber
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(tags=["facts"], dependencies=[guard("facts")])


async def _raw_body(request: Request) -> bytes:
    return await request.body()


class FactsTaken(BaseModel):
    """What became of a batch."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"received": 1000, "new": 998}]})

    received: int
    new: int = Field(description="Rows added: facts not known before, and corrections.")


class KeyOut(BaseModel):
    """How a source names a partner."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    scheme: str
    value: str
    partner_id: uuid.UUID | None


class FactOut(BaseModel):
    """A fact. Which fields are set depends on its kind."""

    id: int
    kind: FactKind
    source_id: uuid.UUID
    key: KeyOut | None = Field(description="Null: an article.")
    at: datetime = Field(description="When it was true.")
    recorded_at: datetime = Field(description="When we knew.")
    superseded_at: datetime | None = Field(description="When a correction took its place.")
    sent: bool | None = None
    thread: str | None = None
    reply_seconds: float | None = None
    due_on: date | None = None
    made_on: date | None = None
    made_at: datetime | None = None
    quantity: float | None = None
    amount: Decimal | None = None
    currency: str | None = None
    name: str | None = None
    value: float | None = None
    unit: str | None = None
    url: str | None = None
    title: str | None = None
    summary: str | None = None
    outlet: str | None = None
    language: str | None = None


class UnattributedOut(BaseModel):
    """A key that no partner's identifier covers, and how many facts wait behind it."""

    key: KeyOut
    facts: dict[FactKind, int] = Field(examples=[{"message": 41}])
    first: datetime
    last: datetime


class KeyMapping(Input):
    """Whom a key stands for."""

    partner_id: uuid.UUID


class Mapped(BaseModel):
    """What mapping a key did."""

    partner_id: uuid.UUID
    identifier_id: uuid.UUID


@router.post(
    "/facts",
    status_code=201,
    openapi_extra={"requestBody": REQUEST_BODY},
    responses={**errors(409), **REPLAYED},
)
def push_facts(
    caller: Caller,
    body: Annotated[bytes, Depends(_raw_body)],  # before the session: who sends slowly must keep no place for writing
    session: Write,
    now: Now,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> FactsTaken:
    """Write down up to 1,000 facts of any kind: all of them or, with a fault in any, none.

    Sending a fact again changes nothing, and the same identity with other content corrects it. With an Idempotency-Key
    a repeated request is answered exactly as the first was, for 48 hours.
    """
    source_name, reports = read_batch(body, now)
    who = caller.account
    if idempotency_key is not None:
        earlier = idempotency.claim(session, who, idempotency_key, hashlib.sha256(body).hexdigest(), now)
        if earlier is not None:
            set_replayed(response)
            return FactsTaken.model_validate(earlier.body)
    source = sources.push(session, source_name, now)
    new = facts.insert_facts(session, source.id, reports, now)
    taken = FactsTaken(received=len(reports), new=new)
    if idempotency_key is not None:
        idempotency.keep(session, who, idempotency_key, idempotency.Reply(201, taken.model_dump()))
    return taken


@router.get("/facts")
def list_facts(
    session: Read,
    cursor: Cursor = None,
    limit: Limit = 50,
    partner_id: uuid.UUID | None = None,
    source_id: uuid.UUID | None = None,
    kind: FactKind | None = None,
    since: Since = None,
    until: Until = None,
    known_at: Annotated[Moment | None, Query(description="As they were known at this moment; left out: now.")] = None,
) -> Listed[FactOut]:
    """List facts in force, newest first. A partner's facts include the articles that name it."""
    page = facts.listing(
        session,
        partner_id=partner_id,
        kind=kind,
        source_id=source_id,
        since=since,
        until=until,
        known_at=known_at,
        cursor=cursor,
        limit=limit,
    )
    return listed(page, _shape)


@router.get("/facts/{fact_id}", responses=errors(404))
def get_fact(session: Read, fact_id: RowNumber) -> FactOut:
    """Return one fact, in force or superseded."""
    found = facts.get(session, [fact_id])
    if not found:
        raise NotFound(f"There is no fact {fact_id}.")
    return _shape(found[0])


@router.get("/unattributed")
def list_unattributed(session: Read, cursor: Cursor = None, limit: Limit = 50) -> Listed[UnattributedOut]:
    """List the keys that belong to no partner, those with most facts first."""
    return listed(facts.unattributed(session, cursor=cursor, limit=limit), _shape_unattributed)


@router.post("/unattributed/{key_id}/map", responses=errors(404, 409))
def map_key(session: Write, now: Now, key_id: RowNumber, new: Annotated[KeyMapping, Body()]) -> Mapped:
    """Map a key to a partner: it becomes the partner's identifier, and all its facts, past ones too, the partner's."""
    key = session.get(FactKey, key_id)
    if key is None:
        raise NotFound(f"There is no key {key_id}.")
    partner = partners.get(session, new.partner_id, lock=True)
    identifier = identifiers.add_identifier(session, partner, key.scheme, key.value, now)
    return Mapped(partner_id=partner.id, identifier_id=identifier.id)


def _shape(fact: Fact) -> FactOut:
    detail: dict[str, Any] = fact.detail or {}
    common: dict[str, Any] = {
        "id": fact.id,
        "kind": fact.kind,
        "source_id": fact.source_id,
        "key": KeyOut.model_validate(fact.key) if fact.key else None,
        "at": fact.observed_at,
        "recorded_at": fact.recorded_at,
        "superseded_at": fact.superseded_at,
    }
    own: dict[str, Any]
    match fact.kind:
        case FactKind.MESSAGE:
            own = {"sent": fact.sent, "thread": fact.name, "reply_seconds": fact.number}
        case FactKind.DELIVERY:
            own = {"due_on": fact.due_on, "made_on": fact.made_on, "made_at": fact.made_at, "quantity": fact.number}
            own |= {"amount": fact.amount, "currency": detail.get("currency")}
        case FactKind.MEASURE:
            own = {"name": fact.name, "value": fact.number, "unit": detail.get("unit")}
        case FactKind.ARTICLE:
            own = {name: detail.get(name) for name in ("url", "title", "summary", "outlet", "language")}
    return FactOut(**common, **own)


def _shape_unattributed(one: Unattributed) -> UnattributedOut:
    return UnattributedOut(key=KeyOut.model_validate(one.key), facts=one.facts, first=one.first, last=one.last)
