"""Verdicts: what people say alerts were worth, and how each rule fares by them."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import Role, Worth
from warden.pipeline import counsel
from warden.pipeline.counsel import Standing
from warden.store import alerts, rules, verdicts
from warden.web.api.shapes import Input, Listed, Note, Sentence, sentence
from warden.web.deps import ApiReader, Caller, CurrentServices, Now, Read, Write, guard
from warden.web.problems import errors
from warden.wording import Reader

router = APIRouter(tags=["alerts"])
of_alerts = APIRouter(prefix="/alerts/{alert_id}/verdicts", dependencies=[guard("alerts", write=Role.VIEWER)])
of_rules = APIRouter(prefix="/rules", dependencies=[guard("rules")])


class VerdictOut(BaseModel):
    """What somebody said an alert was worth."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    worth: Worth
    author: str
    via: str = Field(description="page, api, or the channel whose link was opened.")
    note: str
    at: datetime


class NewVerdict(Input):
    """What an alert was worth. Your newest word counts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"worth": "noise", "note": "They were on holiday."}]})

    worth: Worth
    note: Note = ""


class ShareOut(BaseModel):
    """A share 0..1 of `of`, with its 95 % interval (Wilson)."""

    model_config = ConfigDict(from_attributes=True)

    value: float
    low: float
    high: float
    of: int


class RecordOut(BaseModel):
    """How a rule fares by what people said of its alerts of the last year."""

    rule_id: uuid.UUID
    key: str
    alerts: int
    judged: int
    useful: int
    noise: int
    too_late: int
    right: ShareOut | None = Field(
        description="Useful or right but too late, of those judged; null: nobody judged any."
    )
    noise_rate: float | None = Field(description="Alerts called noise per 100 partner-quarters.")
    budget: float
    over_budget: bool | None = Field(description="Null while nobody judged any.")
    lead_days: float | None = Field(description="Median, of the newest rehearsal of the active version.")
    rehearsed_at: datetime | None
    advice: Sentence | None


@of_alerts.get("", responses=errors(404))
def list_verdicts(session: Read, alert_id: uuid.UUID) -> Listed[VerdictOut]:
    """List the verdicts that count, newest first: the last one of each author."""
    alert = alerts.get(session, alert_id)
    found = verdicts.of_alerts(session, [alert.id]).get(alert.id, [])
    return Listed(items=[VerdictOut.model_validate(row) for row in found], next=None)


@of_alerts.post("", status_code=201, responses=errors(404, 409))
def add_verdict(
    session: Write, now: Now, caller: Caller, alert_id: uuid.UUID, new: Annotated[NewVerdict, Body()]
) -> VerdictOut:
    """Say what an alert was worth. Nothing is overwritten; your newest word counts."""
    row = verdicts.add(session, alert_id, new.worth, author=caller.name, via="api", now=now, note=new.note)
    return VerdictOut.model_validate(row)


@of_rules.get("/records")
def list_records(session: Read, services: CurrentServices, reader: ApiReader, now: Now) -> Listed[RecordOut]:
    """List how each rule fares: how often it was right, how much noise it raised, and what that advises."""
    known = rules.listing(session)
    found = counsel.standings(session, known, services.settings.noise_budget, now)
    return Listed(items=[_record(rule.id, rule.key, found[rule.id], reader) for rule in known], next=None)


def _record(rule_id: uuid.UUID, key: str, standing: Standing, reader: Reader) -> RecordOut:
    record = standing.record
    return RecordOut(
        rule_id=rule_id,
        key=key,
        alerts=record.alerts,
        judged=record.judged,
        useful=record.useful,
        noise=record.noise,
        too_late=record.too_late,
        right=ShareOut.model_validate(record.right) if record.right else None,
        noise_rate=record.noise_rate,
        budget=standing.budget,
        over_budget=standing.over_budget,
        lead_days=standing.lead_days,
        rehearsed_at=standing.rehearsed_at,
        advice=sentence(reader, standing.advice) if standing.advice else None,
    )


router.include_router(of_alerts)
router.include_router(of_rules)
