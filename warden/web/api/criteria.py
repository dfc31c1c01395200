"""Risk criteria: what counts as each outcome, how impact and placement are judged; for all, a tier or one partner."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import Scope
from warden.store import criteria, partners
from warden.web.api.shapes import IfMatch, Input, Listed, Moment, Note, ShortName, not_future, set_etag, text
from warden.web.bounds import check_tag
from warden.web.deps import Caller, CurrentServices, Now, Read, Write, guard
from warden.web.fields import FieldInfo, fields_of
from warden.web.limits import InUse, in_use
from warden.web.problems import errors

router = APIRouter(tags=["criteria"], dependencies=[guard("criteria")])

Subject = Annotated[str, text(40, 0)]


class CriterionField(BaseModel):
    """One option of a criterion, and what may be entered."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["days"])
    kind: Literal["number", "whole number", "yes or no", "list", "table"]
    unit: str | None
    default: Any = Field(description="What ships.")
    nullable: bool = Field(description="Null: not used.")
    lowest: float | None
    highest: float | None
    description: str


class CriterionShape(BaseModel):
    """What can be set under one name: an outcome, impact or placement."""

    name: str
    fields: list[CriterionField]


class CriterionOut(BaseModel):
    """What somebody set, for whom, and why; `data` holds only what differs from what would hold otherwise."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    scope: Scope
    subject: str = Field(description="The tier, or the partner's id; empty for the portfolio.")
    data: dict[str, Any]
    author: str
    reason: str
    created_at: datetime
    ended_at: datetime | None = Field(description="Null: it is in force.")


class NewCriterion(Input):
    """What to set from now on. It replaces what was set before for the same name, scope and subject."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "silence",
                    "scope": "tier",
                    "subject": "strategic",
                    "data": {"days": 21},
                    "reason": "Strategic partners are called every week.",
                }
            ]
        }
    )

    name: ShortName = Field(description="As `GET /criteria/schema` lists them.")
    scope: Scope
    subject: Subject = Field("", description="The tier, or the partner's id; empty for the portfolio.")
    data: dict[str, Any] = Field(max_length=100, description="Fields and their values; null: not used.")
    reason: Note = ""


class EffectiveValue(BaseModel):
    """The value that holds for one field, and where it comes from."""

    field: str
    value: Any = Field(description="What is used: where placement says nothing, the setting's and the matrix's value.")
    source: Literal["shipped", "portfolio", "tier", "partner"]
    subject: str = Field(description="The tier, where a tier's value holds.")
    criterion_id: uuid.UUID | None
    author: str | None
    since: datetime | None


class EffectiveCriterion(BaseModel):
    """All values of one criterion that hold for a partner."""

    name: str
    enabled: bool
    values: list[EffectiveValue]


@router.get("/criteria/schema")
async def get_criteria_schema() -> Listed[CriterionShape]:
    """List everything that can be set: fields, units, what ships, and the range of each."""
    shapes = [
        CriterionShape(name=name, fields=[_field(field) for field in fields_of(name)]) for name in criteria.shipped()
    ]
    return Listed(items=shapes, next=None)


@router.get("/criteria")
def list_criteria(
    session: Read,
    name: Annotated[ShortName | None, Query()] = None,
    scope: Scope | None = None,
    subject: Annotated[Subject | None, Query()] = None,
    history: Annotated[bool, Query(description="Those that ended, too.")] = False,
) -> Listed[CriterionOut]:
    """List what was set, newest first, on one page."""
    found = criteria.listing(session, name, scope, subject, history=history)
    return Listed(items=[CriterionOut.model_validate(row) for row in found], next=None)


@router.put("/criteria", responses=errors(404, 412))
def put_criterion(
    session: Write,
    now: Now,
    caller: Caller,
    new: Annotated[NewCriterion, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> CriterionOut:
    """Set a criterion. The former one ends and stays in the history; nothing happens when nothing differs.

    A tier has to be one that some partner has.

    The ETag is the criterion's id. With `If-Match` it is refused when another is in force by then.
    """
    if if_match is not None:
        criteria.lock(session)  # what is compared must not be replaced before it is
        found = criteria.listing(session, new.name, new.scope, new.subject)
        check_tag(if_match, str(found[0].id) if found else "", f"The criterion {new.name}")
    criteria.refuse_unknown_tier(session, new.scope, new.subject)
    row = criteria.put(
        session, new.name, new.scope, new.subject, new.data, author=caller.name, reason=new.reason, now=now
    )
    set_etag(response, str(row.id))
    return CriterionOut.model_validate(row)


@router.delete("/criteria/{criterion_id}", responses=errors(404, 409))
def end_criterion(session: Write, now: Now, caller: Caller, criterion_id: uuid.UUID) -> CriterionOut:
    """End a criterion: the next wider one, or what ships, holds again. It stays in the history."""
    return CriterionOut.model_validate(criteria.end(session, criterion_id, caller.name, now))


@router.get("/partners/{partner_id}/criteria", responses=errors(404))
def get_effective_criteria(
    session: Read,
    services: CurrentServices,
    now: Now,
    partner_id: uuid.UUID,
    as_of: Annotated[Moment | None, Query(description="What held at this moment; left out: now.")] = None,
) -> Listed[EffectiveCriterion]:
    """List every value that holds for a partner, and where each comes from."""
    partner = partners.get(session, partner_id)
    whose, known_at = (partner.id, partner.tier), not_future(as_of, now, "as_of")
    found = []
    for name in criteria.shipped():
        held = criteria.effective(session, name, whose, known_at)
        used = in_use(session, services.settings, name, held, known_at)
        found.append(_effective(name, held.enabled, used))
    return Listed(items=found, next=None)


def _field(field: FieldInfo) -> CriterionField:
    return CriterionField.model_validate(field)


def _effective(name: str, enabled: bool, used: InUse) -> EffectiveCriterion:
    return EffectiveCriterion(
        name=name,
        enabled=enabled,
        values=[
            EffectiveValue(
                field=field,
                value=used.values[field],
                source=source.scope or "shipped",
                subject=source.subject,
                criterion_id=source.criterion_id,
                author=source.author,
                since=source.created_at,
            )
            for field, source in used.sources.items()
        ],
    )
