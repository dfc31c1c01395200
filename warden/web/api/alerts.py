"""Alerts: which rule fired for whom, on what evidence, and who has seen it."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from warden.domain import AlertEventKind, AlertState, Cause, DiagnosedCause, EscalateTo, HeldBack, Severity
from warden.models import Alert, Person
from warden.store import alert_history, alerts, assignments, people
from warden.web import alert_answers
from warden.web.alert_answers import Diagnosed
from warden.web.api.notices import NoticeOut, notice_shape
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
    shown,
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


class CauseOut(BaseModel):
    """One of the seven causes, and its share (0..1) of all that the evidence points to. It is no probability."""

    cause: DiagnosedCause
    share: float


class DiagnosisOut(CauseOut):
    """What the evidence of an alert points to, and what helps."""

    why: list[Sentence]
    others: list[CauseOut]
    playbook: int | None = Field(description="Version of the cause's playbook that was in force when it fired.")
    title: str
    steps: list[str] = Field(description="Of that version, in the language asked for.")


class EventOut(BaseModel):
    """Something that happened to an alert."""

    kind: AlertEventKind
    cause: Cause
    at: datetime
    reason: Sentence
    announced_at: datetime | None = Field(description="When people were told, or it was decided not to; null: not yet.")


class OpeningOut(BaseModel):
    """The transition that opened an alert: why, by which version of the rule, and what its condition saw."""

    reason: Sentence
    cause: Cause
    rule_version: int
    values: dict[str, Any] = Field(description="By variable; `GET /rules/context` says what each means.")


class HeldBackOut(BaseModel):
    """Why nobody is told of an alert just now."""

    held_back: HeldBack
    why: Sentence


class ClimbOut(BaseModel):
    """The next step of the escalation chain: taken unless somebody acknowledges the alert before."""

    position: int
    to: EscalateTo
    destination: str | None
    at: datetime


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
    assigned_to: Named | None = Field(description="Who is to see to it.")
    version: int


class AlertWhole(AlertOut):
    """An alert with everything that is known about it."""

    opening: OpeningOut
    diagnosis: DiagnosisOut | None = Field(description="Null: the evidence points nowhere.")
    events: list[EventOut] = Field(description="Oldest first.")
    notices: list[NoticeOut] = Field(description="What was told of it and what was not, newest first.")
    unstable_since: datetime | None = Field(description="It fires and ends too often to be told each time.")
    held_back: HeldBackOut | None = Field(description="Why nobody is told of it just now; null: told as usual.")
    climbs: ClimbOut | None


class NewAcknowledgement(Input):
    """That the caller has seen an alert, and why it may rest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Holiday week; they told us in May."}]})

    reason: Reason


class NewAssignment(Input):
    """Who is to see to an alert; null: nobody any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"person_id": "0b7d1c1e-6c5f-4a3f-9a52-1f5a8a4b6c11"}]})

    person_id: uuid.UUID | None


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
    assigned = assignments.of_alerts(session, [alert.id for alert in page.items])
    return listed(page, lambda alert: AlertOut(**_columns(alert, assigned.get(alert.id), reader)))


@router.get("/{alert_id}", responses=errors(404))
def get_alert(session: Read, reader: ApiReader, now: Now, alert_id: uuid.UUID, response: Response) -> AlertWhole:
    """Return one alert: why it fired, what it may mean and what helps, what happened to it and who was told."""
    alert = alerts.get(session, alert_id)
    set_etag(response, alert.version)
    opened = alert_history.decision(session, alert)
    held = alert_answers.hidden(session, [alert], now).get(str(alert.id))
    climb = alert_answers.next_climb(session, alert)
    return AlertWhole(
        **_columns(alert, assignments.of_alerts(session, [alert.id]).get(alert.id), reader),
        opening=OpeningOut(
            reason=sentence(reader, opened.reason),
            cause=opened.cause,
            rule_version=opened.rule_version,
            values=opened.context,
        ),
        diagnosis=_diagnosis(alert_answers.diagnosed(session, alert), reader),
        events=[
            EventOut(
                kind=event.kind,
                cause=event.cause,
                at=event.at,
                reason=sentence(reader, event.reason),
                announced_at=event.announced_at,
            )
            for event in alert_history.events(session, alert.id)
        ],
        notices=[notice_shape(notice, reader) for notice in alert_history.notices(session, alert)],
        unstable_since=alert_history.unstable_since(session, alert),
        held_back=HeldBackOut(held_back=held.held_back, why=sentence(reader, held.why)) if held else None,
        climbs=ClimbOut.model_validate(climb, from_attributes=True) if climb else None,
    )


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
    return _answer(session, alert, reader, response)


@router.post("/{alert_id}/assign", responses=errors(404, 409, 412))
def assign_alert(
    session: Write,
    caller: Caller,
    reader: ApiReader,
    now: Now,
    alert_id: uuid.UUID,
    new: Annotated[NewAssignment, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> AlertOut:
    """Give an alert to somebody of ours, or to nobody any more."""
    alert = alerts.get(session, alert_id, lock=True)
    check_version(if_match, alert.version, "The alert")
    person = people.get(session, new.person_id) if new.person_id else None
    assignments.assign(session, alert, person, who=caller.name, now=now)
    return _answer(session, alert, reader, response)


def _answer(session: Session, alert: Alert, reader: Reader, response: Response) -> AlertOut:
    set_etag(response, alert.version)
    return AlertOut(**_columns(alert, assignments.of_alerts(session, [alert.id]).get(alert.id), reader))


def _diagnosis(found: Diagnosed | None, reader: Reader) -> DiagnosisOut | None:
    if found is None:
        return None
    return DiagnosisOut(
        cause=found.cause,
        share=shown(found.share),
        why=[sentence(reader, one) for one in found.why],
        others=[CauseOut(cause=cause, share=shown(share)) for cause, share in found.others],
        playbook=found.playbook.number if found.playbook else None,
        title=reader.name(found.playbook.titles) if found.playbook else "",
        steps=[reader.name(step) for step in found.steps],
    )


def _columns(alert: Alert, assigned: Person | None, reader: Reader) -> dict[str, Any]:
    seen = None
    if alert.acknowledged_at is not None:
        seen = Acknowledgement(
            at=alert.acknowledged_at, by=alert.acknowledged_by or "", reason=alert.acknowledged_why or ""
        )
    columns = ("id", "state", "severity", "fired_at", "resolved_at", "assessment_id", "version")
    return {
        **{name: getattr(alert, name) for name in columns},
        "partner": Named(id=alert.partner_id, name=alert.partner.name),
        "rule": Named(id=alert.rule_id, name=reader.name(alert.rule.names)),
        "rule_key": alert.rule.key,
        "evidence": [
            AlertEvidence(
                **sentence(reader, one).model_dump(), facts=[f"/api/v1/facts/{fact}" for fact in one.get("facts", [])]
            )
            for one in alert.evidence
        ],
        "acknowledged": seen,
        "assigned_to": Named(id=assigned.id, name=assigned.name) if assigned else None,
    }
