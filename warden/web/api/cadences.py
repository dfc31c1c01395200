"""The rhythm: how often executives, managers and the working level should meet a partner, and whether they do."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import MeetingLevel, Scope
from warden.store import cadences, partners, rhythm
from warden.store.rhythm import Rhythm
from warden.web.api.shapes import Input, Listed, Note, text
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(tags=["meetings"], dependencies=[guard("meetings")])


class NewCadence(Input):
    """How often a level should meet, for everybody, a tier or one partner. It replaces what was set there before."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"level": "executive", "scope": "tier", "tier": "strategic", "every_days": 61, "reason": ""}]
        }
    )

    level: MeetingLevel
    scope: Scope
    tier: Annotated[str, text(40)] | None = None
    partner_id: uuid.UUID | None = None
    every_days: Annotated[int, Field(strict=True, ge=1, le=cadences.LONGEST)] | None = Field(
        description="Null: no such meetings are expected."
    )
    reason: Note = ""


class CadenceOut(BaseModel):
    """What somebody set."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    level: MeetingLevel
    scope: Scope
    tier: str | None
    partner_id: uuid.UUID | None
    every_days: int | None = Field(description="Null: no such meetings are expected.")
    reason: str
    author: str
    created_at: datetime
    ended_at: datetime | None = Field(description="Null: it is in force.")


class RhythmOut(BaseModel):
    """How one level keeps its rhythm with a partner."""

    level: MeetingLevel
    every_days: int | None = Field(description="Null: no such meetings are expected.")
    source: Literal["shipped", "portfolio", "tier", "partner"] = Field(description="Where `every_days` comes from.")
    cadence_id: uuid.UUID | None
    last: datetime | None = Field(description="When they last met at this level or a higher one, as far as is known.")
    next: datetime | None = Field(description="When the meeting scheduled next begins.")
    due: datetime | None = Field(description="When the next has to be held by; null: unknown, or none is expected.")
    overdue_days: float | None = Field(description="Whole days; null: it is not known whether they met.")


@router.get("/cadences")
def list_cadences(
    session: Read,
    scope: Scope | None = None,
    partner_id: uuid.UUID | None = None,
    history: Annotated[bool, Query(description="Those that ended, too.")] = False,
) -> Listed[CadenceOut]:
    """List what was set, newest first, on one page."""
    found = cadences.listing(session, scope=scope, partner_id=partner_id, history=history)
    return Listed(items=[CadenceOut.model_validate(row) for row in found], next=None)


@router.put("/cadences")
def put_cadence(session: Write, now: Now, caller: Caller, new: Annotated[NewCadence, Body()]) -> CadenceOut:
    """Set how often a level should meet. The former row ends and stays in the history; the same again is no change."""
    row = cadences.put(
        session,
        new.level,
        new.scope,
        tier=new.tier,
        partner_id=new.partner_id,
        every_days=new.every_days,
        author=caller.name,
        reason=new.reason,
        now=now,
    )
    return CadenceOut.model_validate(row)


@router.delete("/cadences/{cadence_id}", responses=errors(404, 409))
def end_cadence(session: Write, now: Now, cadence_id: uuid.UUID) -> CadenceOut:
    """End a cadence: the next wider one, or what ships, holds again. It stays in the history."""
    return CadenceOut.model_validate(cadences.end(session, cadence_id, now))


@router.get("/partners/{partner_id}/rhythm", responses=errors(404))
def get_rhythm(session: Read, now: Now, partner_id: uuid.UUID) -> Listed[RhythmOut]:
    """List each level's rhythm with a partner, the highest level first: last, next, due and overdue."""
    partners.get(session, partner_id)
    found = rhythm.rhythms(session, [partner_id], now)[partner_id]
    return Listed(items=[_shape(one) for one in found.values()], next=None)


def _shape(one: Rhythm) -> RhythmOut:
    return RhythmOut(
        level=one.level,
        every_days=one.every.every_days,
        source=one.every.scope.value if one.every.scope else "shipped",
        cadence_id=one.every.cadence_id,
        last=one.last,
        next=one.next,
        due=one.due,
        overdue_days=one.overdue_days,
    )
