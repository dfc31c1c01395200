"""Alerts: which rule fired for whom, on what evidence, and who has seen it."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import AlertState, Severity
from warden.models import Alert
from warden.store import alerts
from warden.web.api.shapes import (
    Cursor,
    IfMatch,
    Input,
    Limit,
    Listed,
    Reason,
    Sentence,
    check_version,
    listed,
    sentence,
    set_etag,
)
from warden.web.deps import ApiReader, Caller, Now, Read, Write, guard
from warden.web.problems import errors
from warden.wording import Reader

router = APIRouter(prefix="/alerts", tags=["alerts"], dependencies=[guard("alerts")])


class Named(BaseModel):
    """Something by its id and its name."""

    id: uuid.UUID
    name: str


class AlertEvidence(Sentence):
    """One reason of an alert, with links to the facts behind it."""

    facts: list[str] = Field(examples=[["/api/v1/facts/812"]])


class Acknowledgement(BaseModel):
    """Who has seen an alert, and why it may rest."""

    at: datetime
    by: str
    reason: str


class AlertOut(BaseModel):
    """An alert. It stays firing, seen or not, until its rule says otherwise."""

    id: uuid.UUID
    partner: Named
    rule: Named
    rule_key: str = Field(examples=["late_rate"])
    state: AlertState
    severity: Severity
    fired_at: datetime
    resolved_at: datetime | None
    evidence: list[AlertEvidence]
    assessment_id: uuid.UUID | None = Field(description="What was said of the partner when it fired.")
    acknowledged: Acknowledgement | None
    version: int


class NewAcknowledgement(Input):
    """That the caller has seen an alert, and why it may rest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Holiday week; they told us in May."}]})

    reason: Reason


@router.get("")
def list_alerts(
    session: Read,
    reader: ApiReader,
    cursor: Cursor = None,
    limit: Limit = 50,
    state: AlertState | None = None,
    severity: Severity | None = None,
    partner_id: uuid.UUID | None = None,
    rule_id: uuid.UUID | None = None,
    owner_id: uuid.UUID | None = None,
    acknowledged: bool | None = None,
) -> Listed[AlertOut]:
    """List alerts, newest first. `owner_id` is the partner's owner."""
    page = alerts.listing(
        session,
        cursor,
        limit,
        state=state,
        severity=severity,
        partner_id=partner_id,
        rule_id=rule_id,
        owner_id=owner_id,
        acknowledged=acknowledged,
    )
    return listed(page, lambda alert: _shape(alert, reader))


@router.get("/{alert_id}", responses=errors(404))
def get_alert(session: Read, reader: ApiReader, alert_id: uuid.UUID, response: Response) -> AlertOut:
    """Return one alert."""
    alert = alerts.get(session, alert_id)
    set_etag(response, alert.version)
    return _shape(alert, reader)


@router.post("/{alert_id}/ack", responses=errors(404, 409, 412))
def acknowledge_alert(
    session: Write,
    caller: Caller,
    reader: ApiReader,
    now: Now,
    alert_id: uuid.UUID,
    new: Annotated[NewAcknowledgement, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> AlertOut:
    """Note that somebody has seen an alert, and why it may rest."""
    alert = alerts.get(session, alert_id, lock=True)
    check_version(if_match, alert.version, "The alert")
    alerts.acknowledge(session, alert, reason=new.reason, who=caller.name, now=now)
    set_etag(response, alert.version)
    return _shape(alert, reader)


def _shape(alert: Alert, reader: Reader) -> AlertOut:
    seen = None
    if alert.acknowledged_at is not None:
        seen = Acknowledgement(
            at=alert.acknowledged_at, by=alert.acknowledged_by or "", reason=alert.acknowledged_why or ""
        )
    return AlertOut(
        id=alert.id,
        partner=Named(id=alert.partner_id, name=alert.partner.name),
        rule=Named(id=alert.rule_id, name=reader.name(alert.rule.names)),
        rule_key=alert.rule.key,
        state=alert.state,
        severity=alert.severity,
        fired_at=alert.fired_at,
        resolved_at=alert.resolved_at,
        evidence=[
            AlertEvidence(
                **sentence(reader, one).model_dump(), facts=[f"/api/v1/facts/{fact}" for fact in one.get("facts", [])]
            )
            for one in alert.evidence
        ],
        assessment_id=alert.assessment_id,
        acknowledged=seen,
        version=alert.version,
    )
