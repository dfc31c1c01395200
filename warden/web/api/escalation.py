"""The escalation chain: whom an alert climbs to that nobody acknowledges, and after how long."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from warden.domain import EscalateTo, Severity
from warden.rules.escalation import MOST_MINUTES
from warden.store import escalation
from warden.web.api.shapes import Bool, IfMatch, Input, set_etag
from warden.web.bounds import check_tag, tag_of
from warden.web.deps import Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/escalation", tags=["alerts"], dependencies=[guard("alerts")])

STEP: dict[str, Any] = {
    "after_minutes": 240,
    "working_hours": True,
    "to": "sponsor",
    "destination_id": None,
    "min_severity": "critical",
}


class ChainStepIn(Input):
    """One step of the chain."""

    model_config = ConfigDict(json_schema_extra={"examples": [STEP]})

    after_minutes: Annotated[int, Field(strict=True, ge=1, le=MOST_MINUTES)] = Field(
        description="Since the step before, or since people were told of the alert."
    )
    working_hours: Bool = Field(True, description="Count only working hours, in the recipient's zone.")
    to: EscalateTo
    destination_id: uuid.UUID | None = Field(None, description="Of a step to a destination, and of no other.")
    min_severity: Severity = Severity.CRITICAL


class ChainStepOut(BaseModel):
    """One step of the chain, as it is in force."""

    model_config = ConfigDict(from_attributes=True)

    position: int
    after_minutes: int
    working_hours: bool
    to: EscalateTo
    destination_id: uuid.UUID | None
    min_severity: Severity


class ChainIn(Input):
    """The whole chain, in its order; empty: nothing ever climbs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"steps": [STEP]}]})

    steps: Annotated[list[ChainStepIn], Field(max_length=escalation.MOST_STEPS)]


class ChainOut(BaseModel):
    """The chain in force."""

    steps: list[ChainStepOut]


@router.get("")
def get_chain(session: Read, response: Response) -> ChainOut:
    """Return the chain; its ETag names its content."""
    return _answer(session, response)


@router.put("", responses=errors(409, 412))
def put_chain(
    session: Write, new: Annotated[ChainIn, Body()], response: Response, if_match: IfMatch = None
) -> ChainOut:
    """Replace the chain. Alerts that are climbing go on with the step after the last they took."""
    check_tag(if_match, tag_of(_shape(session).model_dump()), "The chain")
    escalation.put(session, [step.model_dump() for step in new.steps], MOST_MINUTES)
    return _answer(session, response)


def _answer(session: Session, response: Response) -> ChainOut:
    found = _shape(session)
    set_etag(response, tag_of(found.model_dump()))
    return found


def _shape(session: Session) -> ChainOut:
    return ChainOut(steps=[ChainStepOut.model_validate(step) for step in escalation.steps(session)])
