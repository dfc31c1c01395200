"""Versions of rules: drafted, rehearsed on our own past, activated, kept; and values for a tier or a partner."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, computed_field
from sqlalchemy.orm import Session

from warden.domain import Scope, VersionStatus
from warden.models import Rule, RuleVersion
from warden.pipeline import firing, fitting, rehearse
from warden.rules import unused_parameters
from warden.store import partners, rule_settings, rule_versions, rules
from warden.web.api.rules import RuleFields
from warden.web.api.shapes import IfMatch, Input, Listed, NoBody, Note, Reason, Sentence, sentence, set_etag, text
from warden.web.bounds import check_tag, version_tag
from warden.web.deps import SLOW, ApiReader, Caller, CurrentServices, Now, Read, Write, guard
from warden.web.problems import errors
from warden.web.rule_checks import refuse_faults
from warden.wording import Reader

router = APIRouter(prefix="/rules/{rule_id}", tags=["rules"], dependencies=[guard("rules")])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Days = Annotated[int, Query(ge=7, le=rehearse.MOST_DAYS, description="How far to look back.")]
Subject = Annotated[str, text(40)]


class VersionOut(BaseModel):
    """One version of a rule. At most one is active; drafts can be changed, all others stay as they were."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    status: VersionStatus
    definition: dict[str, Any] = Field(description="The fields of the rule.")
    note: str
    author: str
    created_at: datetime
    activated_at: datetime | None
    activated_by: str | None
    retired_at: datetime | None
    rehearsed_at: datetime | None

    @computed_field(description="Languages it has no name in: their readers are told the English one.")  # type: ignore[prop-decorator]
    @property
    def unnamed_in(self) -> list[str]:
        """Return the locales without a name."""
        return rules.unnamed_in(self.definition["names"])


class NewDraft(RuleFields):
    """A draft: what differs from version `of`, or from what is active."""

    of: Annotated[int, Field(strict=True, ge=1)] | None = None
    note: Note = ""


class DraftChanges(RuleFields):
    """What to change about a draft."""

    note: Note | None = None


class Activation(Input):
    """Why a draft is activated."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "Fewer false alarms in the holidays."}]})

    note: Note = ""


class RehearsalOut(BaseModel):
    """Whether a version would have fired, for whom, how early, and how often for nothing."""

    number: int
    summary: list[Sentence]
    notes: list[Sentence]
    report: dict[str, Any] = Field(description="The figures; null where one cannot be said.")


class ChangeOut(BaseModel):
    """A partner for whom a version would decide otherwise than what is active, judged by what was last said."""

    model_config = ConfigDict(from_attributes=True)

    partner_id: uuid.UUID
    name: str
    change: Literal["starts", "stops", "unknown", "known"]


class DraftPreview(BaseModel):
    """What would change once a version is active."""

    number: int
    starts: int = Field(description="Partners for whom it would begin to hold.")
    stops: int
    changes: list[ChangeOut]
    same: int
    warnings: list[Sentence] = Field(description="What to think of before activating; nothing is refused for it.")


class SettingOut(BaseModel):
    """Another value of one field or parameter, for a tier or a partner."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    scope: Scope
    tier: str | None
    partner_id: uuid.UUID | None
    name: str
    value: Any
    reason: str
    author: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None


class NewSetting(Input):
    """A value from now on. It replaces what was set for the same tier or partner."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scope": "tier",
                    "subject": "strategic",
                    "name": "severity",
                    "value": "critical",
                    "reason": "Each of them can stop the line.",
                }
            ]
        }
    )

    scope: Scope
    subject: Subject = Field(description="The tier, or the partner's id.")
    name: Annotated[str, text(60)] = Field(description="A field such as `for_seconds`, or a parameter of the rule.")
    value: bool | int | float | str | None
    reason: Reason


class RuleValue(BaseModel):
    """The value that holds, and where it comes from."""

    name: str
    value: bool | int | float | str | None
    source: Literal["rule", "tier", "partner"]
    subject: str
    author: str | None
    reason: str
    since: datetime | None


@router.get("/versions", responses=errors(404))
def list_versions(session: Read, rule_id: uuid.UUID) -> Listed[VersionOut]:
    """List all versions of a rule, newest first, on one page."""
    rule = rules.get(session, rule_id)
    return Listed(items=[VersionOut.model_validate(row) for row in rule_versions.listing(session, rule.id)], next=None)


@router.post("/versions", status_code=201, responses=errors(404, 422))
def draft_version(
    session: Write,
    now: Now,
    caller: Caller,
    rule_id: uuid.UUID,
    new: Annotated[NewDraft, Body()],
    response: Response,
) -> VersionOut:
    """Draft a version. Nothing is decided by it until it is activated. A fault is refused with its place."""
    rule = rules.get(session, rule_id)
    given = new.fields()
    base = rule_versions.latest(session, rule) if new.of is None else _get(session, rule, new.of).definition
    refuse_faults(session, rule.key, {**base, **given})
    return _answer(
        rule_versions.draft(session, rule, caller.name, now, of=new.of, changes=given, note=new.note), response
    )


@router.get("/versions/{number}", responses=errors(404))
def get_version(session: Read, rule_id: uuid.UUID, number: Number, response: Response) -> VersionOut:
    """Return one version."""
    return _answer(_get(session, rules.get(session, rule_id), number), response)


@router.patch("/versions/{number}", responses=errors(404, 409, 412))
def change_version(
    session: Write,
    now: Now,
    caller: Caller,
    rule_id: uuid.UUID,
    number: Number,
    changes: Annotated[DraftChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> VersionOut:
    """Change a draft; what was rehearsed of it no longer counts. What was ever active stays as it is."""
    rule = rules.get(session, rule_id)
    found = _checked(session, rule, number, if_match)
    given = changes.fields()
    refuse_faults(session, rule.key, {**found.definition, **given})
    note = found.note if changes.note is None else changes.note
    return _answer(rule_versions.change(session, rule, number, given, caller.name, now, note), response)


@router.delete("/versions/{number}", status_code=204, response_model=None, responses=errors(404, 409, 412))
def delete_version(session: Write, rule_id: uuid.UUID, number: Number, if_match: IfMatch = None) -> None:
    """Throw a draft away; with the last draft of a rule that was never active, the rule too."""
    rule = rules.get(session, rule_id)
    _checked(session, rule, number, if_match)
    rule_versions.delete(session, rule, number)


@router.post("/versions/{number}/rehearse", responses=errors(404, 422), dependencies=[SLOW])
def rehearse_version(
    services: CurrentServices,
    reader: ApiReader,
    now: Now,
    rule_id: uuid.UUID,
    number: Number,
    days: Days = rehearse.DAYS,
    _body: NoBody = None,
) -> RehearsalOut:
    """Replay a version over our own past: would it have fired? Kept beside the version; nothing is decided by it."""
    report = rehearse.run(services.db, services.settings, rule_id, number, now, days)
    return _rehearsal(number, report, reader)


@router.get("/versions/{number}/preview", responses=errors(404), dependencies=[SLOW])
def preview_version(session: Read, reader: ApiReader, now: Now, rule_id: uuid.UUID, number: Number) -> DraftPreview:
    """Return for whom a version would start and stop firing, judged by what was last said. Nothing is changed."""
    rule = rules.get(session, rule_id)
    definition = _get(session, rule, number).definition
    found = firing.preview(session, rule, definition, now)
    return DraftPreview(
        number=number,
        starts=found.count("starts"),
        stops=found.count("stops"),
        changes=[ChangeOut.model_validate(one) for one in found.changes],
        same=found.same,
        warnings=[
            sentence(reader, {"message": one.message, "params": dict(one.params)})
            for one in (*fitting.unfit_now(session, definition), *unused_parameters(definition))
        ],
    )


@router.post("/versions/{number}/activate", responses=errors(404, 409, 412))
def activate_version(
    session: Write,
    now: Now,
    caller: Caller,
    rule_id: uuid.UUID,
    number: Number,
    response: Response,
    why: Annotated[Activation | None, Body()] = None,
    if_match: IfMatch = None,
) -> VersionOut:
    """Let a draft decide from the next tick on. States and open alerts carry on; the former version is kept.

    Send the ETag of what you rehearsed as `If-Match`, so that nobody's change in between goes live unseen.
    """
    rule = rules.locked(session, rule_id) or rules.get(session, rule_id)
    found = _checked(session, rule, number, if_match)
    refuse_faults(session, rule.key, found.definition)  # what it speaks of may be gone since it was drafted
    note = why.note if why else ""
    return _answer(rule_versions.activate(session, rule, number, caller.name, now, note), response)


@router.get("/settings", responses=errors(404))
def list_settings(
    session: Read, rule_id: uuid.UUID, history: Annotated[bool, Query(description="Those that ended, too.")] = False
) -> Listed[SettingOut]:
    """List the values set for tiers and partners, newest first, on one page."""
    rule = rules.get(session, rule_id)
    found = rule_settings.listing(session, rule.id, history=history)
    return Listed(items=[_setting(row) for row in found], next=None)


@router.post("/settings", status_code=201, responses=errors(404, 422))
def add_setting(
    session: Write, now: Now, caller: Caller, rule_id: uuid.UUID, new: Annotated[NewSetting, Body()]
) -> SettingOut:
    """Let a tier or a partner have its own value from now on. The former one ends and stays in the history."""
    rule = rules.get(session, rule_id)
    row = rule_settings.add(
        session,
        rule,
        scope=new.scope,
        subject=new.subject,
        name=new.name,
        value=new.value,
        reason=new.reason,
        author=caller.name,
        now=now,
    )
    return _setting(row)


@router.delete("/settings/{setting_id}", responses=errors(404, 409))
def end_setting(session: Write, now: Now, caller: Caller, rule_id: uuid.UUID, setting_id: uuid.UUID) -> SettingOut:
    """End a setting: the next wider value holds again. It stays in the history."""
    return _setting(rule_settings.end(session, rule_id, setting_id, caller.name, now))


@router.get("/effective", responses=errors(404))
def get_effective(
    session: Read,
    rule_id: uuid.UUID,
    partner_id: Annotated[uuid.UUID | None, Query(description="For this partner.")] = None,
    tier: Annotated[Subject | None, Query(description="For a tier as such.")] = None,
) -> Listed[RuleValue]:
    """List every value that holds for a partner or a tier, and where each comes from; left out: the rule's own."""
    rule = rules.get(session, rule_id)
    own = partners.get(session, partner_id).tier if partner_id is not None else tier or ""
    held = rule_settings.effective(rule, rule_settings.in_force(session, rule.id), own, partner_id)
    return Listed(items=[_effective(held, name) for name in held.origins], next=None)


def _get(session: Session, rule: Rule, number: int) -> RuleVersion:
    return rule_versions.get(session, rule.id, number)


def _checked(session: Session, rule: Rule, number: int, if_match: str | None) -> RuleVersion:
    rules.locked(session, rule.id)  # what is compared must not be changed before it is used
    found = _get(session, rule, number)
    check_tag(if_match, version_tag(found), f"Version {number} of the rule {rule.key}")
    return found


def _answer(row: RuleVersion, response: Response) -> VersionOut:
    set_etag(response, version_tag(row))
    return VersionOut.model_validate(row)


def _rehearsal(number: int, report: dict[str, Any], reader: Reader) -> RehearsalOut:
    facts = {name: [sentence(reader, fact) for fact in report[name]] for name in ("summary", "notes")}
    figures = {name: value for name, value in report.items() if name not in facts}
    return RehearsalOut(number=number, report=figures, **facts)


def _setting(row: Any) -> SettingOut:
    return SettingOut.model_validate(
        {**{name: getattr(row, name) for name in SettingOut.model_fields}, "value": row.value["value"]}
    )


def _effective(held: rule_settings.Effective, name: str) -> RuleValue:
    origin = held.origins[name]
    value = held.parameters[name] if name in held.parameters else getattr(held, name)
    return RuleValue(
        name=name,
        value=value,
        source="rule" if origin.scope is Scope.PORTFOLIO else origin.scope.value,
        subject=origin.subject,
        author=origin.author,
        reason=origin.reason,
        since=origin.since,
    )
