"""Rules: when an alert fires, how loudly, and whether executives should meet."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import LOCALES, Severity
from warden.models import Rule
from warden.rules import FUNCTIONS, VARIABLES, compile_rule
from warden.store import rules
from warden.web.api.shapes import (
    Bool,
    Changes,
    IfMatch,
    Listed,
    Name,
    check_version,
    refuse_nulls,
    set_etag,
    text,
)
from warden.web.deps import Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/rules", tags=["rules"], dependencies=[guard("rules")])

Condition = Annotated[str, text(1000, 0)]
Texts = Annotated[dict[Annotated[str, text(10)], Name], Field(max_length=len(LOCALES))]
Seconds = Annotated[int, Field(strict=True, ge=0, le=366 * 86_400)]


class RuleOut(BaseModel):
    """A rule."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    key: str = Field(examples=["late_rate"])
    names: dict[str, str]
    descriptions: dict[str, str]
    condition: str = Field(examples=["late_rate > 0.25 && due_recent >= 5.0"])
    inhibit_when: str
    for_seconds: int
    keep_firing_for_seconds: int
    severity: Severity
    meeting_within_days: int | None = Field(description="Working days; null: proposes no meeting.")
    enabled: bool
    version: int
    updated_at: datetime


class RuleChanges(Changes):
    """What to change about a rule. Conditions are CEL over the names that `GET /rules/context` lists."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"condition": "late_rate > 0.3 && due_recent >= 5.0"}]})

    names: Texts | None = None
    descriptions: Texts | None = None
    condition: Condition | None = None
    inhibit_when: Condition | None = None
    for_seconds: Seconds | None = None
    keep_firing_for_seconds: Seconds | None = None
    severity: Severity | None = None
    meeting_within_days: Annotated[int, Field(strict=True, ge=1, le=90)] | None = None
    enabled: Bool = True


class VariableOut(BaseModel):
    """One name a condition may use."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    kind: str = Field(examples=["double"])
    nullable: bool = Field(description="Null makes the rule's state unknown, never false.")
    unit: str
    meaning: str
    values: list[str] = Field(description="Every value a text may take; empty: any.")


class ContextOut(BaseModel):
    """All that a condition may speak of."""

    variables: list[VariableOut]
    functions: list[str]


@router.get("")
def list_rules(session: Read) -> Listed[RuleOut]:
    """List all rules by key, on one page."""
    return Listed(items=[RuleOut.model_validate(rule) for rule in rules.listing(session)], next=None)


@router.get("/context")
async def get_context() -> ContextOut:
    """Return the names and functions that conditions may use."""
    variables = [VariableOut.model_validate(variable) for variable in VARIABLES]
    return ContextOut(variables=variables, functions=list(FUNCTIONS))


@router.get("/{rule_id}", responses=errors(404))
def get_rule(session: Read, rule_id: uuid.UUID, response: Response) -> RuleOut:
    """Return one rule."""
    return _answer(rules.get(session, rule_id), response)


@router.patch("/{rule_id}", responses=errors(404, 412))
def change_rule(
    session: Write,
    now: Now,
    rule_id: uuid.UUID,
    changes: Annotated[RuleChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> RuleOut:
    """Change a rule. A condition that does not hold water is refused with the place of the mistake."""
    rule = rules.locked(session, rule_id) or rules.get(session, rule_id)
    check_version(if_match, rule.version, f"The rule {rule.key}")
    given = refuse_nulls(Rule, changes.given())
    compile_rule(
        key=rule.key,
        condition=given.get("condition", rule.condition),
        inhibit_when=given.get("inhibit_when", rule.inhibit_when),
    )
    return _answer(rules.update(session, rule, given, now), response)


def _answer(rule: Rule, response: Response) -> RuleOut:
    set_etag(response, rule.version)
    return RuleOut.model_validate(rule)
