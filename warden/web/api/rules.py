"""Rules: when an alert fires, how loudly, and whether executives should meet."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field, computed_field

from warden.domain import LOCALES, NoData, Severity
from warden.models import Rule
from warden.rules import FUNCTIONS, VARIABLES
from warden.store import rule_versions, rules
from warden.web.api.shapes import (
    Bool,
    Changes,
    IfMatch,
    Listed,
    Name,
    Note,
    check_version,
    refuse_nulls,
    set_etag,
    text,
)
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors
from warden.web.rule_checks import refuse_faults

router = APIRouter(prefix="/rules", tags=["rules"], dependencies=[guard("rules")])

Condition = Annotated[str, text(1000, 0)]
Texts = Annotated[dict[Annotated[str, text(10)], Name], Field(max_length=len(LOCALES))]
Number = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[int, Field(strict=True, ge=0, le=366 * 86_400)]


class Inhibition(BaseModel):
    """While another rule fires for a partner with the same attributes, nobody is told of this one."""

    model_config = ConfigDict(extra="forbid")

    rule: str = Field(description="Key of the other rule.", examples=["band_extreme"])
    equal: list[str] = Field(description="partner, tier, region, country, owner, or tag:<prefix>.")


class RuleOut(BaseModel):
    """A rule, as it decides now."""

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
    parameters: dict[str, float] = Field(description="Numbers the condition uses by name.")
    no_data: NoData = Field(description="What becomes of its alerts once nothing has been known for long enough.")
    no_data_for_seconds: int
    inhibited_by: list[Inhibition]
    meeting_within_days: int | None = Field(description="Working days; null: proposes no meeting.")
    enabled: bool
    version: int = Field(description="The active one; 0: none was ever activated.")
    updated_at: datetime

    @computed_field(description="Languages it has no name in: their readers are told the English one.")  # type: ignore[prop-decorator]
    @property
    def unnamed_in(self) -> list[str]:
        """Return the locales without a name."""
        return rules.unnamed_in(self.names)


class RuleFields(Changes):
    """Fields of a rule. Conditions are CEL over the names that `GET /rules/context` lists, and its parameters."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"condition": "late_rate > 0.3 && due_recent >= 5.0"}]})

    names: Texts | None = None
    descriptions: Texts | None = None
    condition: Condition | None = None
    inhibit_when: Condition | None = None
    for_seconds: Seconds | None = None
    keep_firing_for_seconds: Seconds | None = None
    severity: Severity | None = None
    parameters: dict[Annotated[str, text(60)], Number] | None = None
    no_data: NoData | None = None
    no_data_for_seconds: Seconds | None = None
    inhibited_by: Annotated[list[Inhibition], Field(max_length=10)] | None = None
    meeting_within_days: Annotated[int, Field(strict=True, ge=1, le=90)] | None = None
    enabled: Bool = True

    def fields(self) -> dict[str, Any]:
        """Return what was given of the rule itself, as plain values. Raises InvalidInput for a null that cannot be."""
        given = {name: value for name, value in self.given().items() if name in rules.EDITABLE}
        if given.get("inhibited_by") is not None:
            given["inhibited_by"] = [one.model_dump() for one in given["inhibited_by"]]
        return refuse_nulls(Rule, given)


class RuleChanges(RuleFields):
    """What to change about a rule, and why."""

    note: Note = ""


class NewRule(RuleFields):
    """A rule of one's own. It needs a key, names and a condition."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"key": "far_too_late", "names": {"en": "Far too late"}, "condition": "late_rate > 0.6"}]
        }
    )

    key: Annotated[str, text(60)] = Field(description="Small letters, digits and _; it never changes.")
    note: Note = ""


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


@router.post("", status_code=201, responses=errors(409, 422))
def create_rule(
    session: Write, now: Now, caller: Caller, new: Annotated[NewRule, Body()], response: Response
) -> RuleOut:
    """Add a rule of one's own. It is switched off and has one draft, version 1: activate that."""
    fields = new.fields()
    refuse_faults(session, new.key, {"condition": "", **fields})
    made = rule_versions.create(session, new.key, fields, caller.name, now, new.note)
    return _answer(rules.get(session, made.rule_id), response)


@router.patch("/{rule_id}", responses=errors(404, 412))
def change_rule(
    session: Write,
    now: Now,
    caller: Caller,
    rule_id: uuid.UUID,
    changes: Annotated[RuleChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> RuleOut:
    """Change a rule in one step: a new version, active at once. A fault is refused with its place.

    To see first what a change would do, draft a version and rehearse it.
    """
    rule = rules.locked(session, rule_id) or rules.get(session, rule_id)
    check_version(if_match, rule.version, f"The rule {rule.key}")
    given = changes.fields()
    refuse_faults(session, rule.key, {**rule_versions.latest(session, rule), **given})
    rule_versions.put(session, rule, given, caller.name, now, changes.note)
    return _answer(rule, response)


def _answer(rule: Rule, response: Response) -> RuleOut:
    set_etag(response, rule.version)
    return RuleOut.model_validate(rule)
