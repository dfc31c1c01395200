"""Silences and maintenance windows: about what, from when until when nobody is told."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from warden.domain import SilenceKind
from warden.errors import InvalidInput
from warden.models import Silence
from warden.rules.matching import matcher_faults
from warden.store import silences
from warden.web.alert_answers import SilenceState, state_of_silence
from warden.web.api.matchers import Matchers
from warden.web.api.shapes import Cursor, Input, Limit, Listed, NoBody, Reason, ShortName, listed
from warden.web.bounds import is_sane
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/silences", tags=["alerts"], dependencies=[guard("alerts")])


def _clock(moment: datetime) -> datetime:
    if not is_sane(moment):
        raise ValueError("expected a moment between the years 1900 and 2199")
    return moment.astimezone(UTC) if moment.tzinfo else moment


Clock = Annotated[datetime, AfterValidator(_clock)]


class NewSilence(Input):
    """A silence, or a maintenance window. Times without a zone of their own are what clocks in `time_zone` show."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "maintenance",
                    "matchers": {"tier": ["key"]},
                    "starts_at": "2026-05-09T08:00:00+08:00",
                    "ends_at": "2026-05-09T18:00:00+08:00",
                    "time_zone": "Asia/Taipei",
                    "reason": "Their ERP moves to another data centre.",
                }
            ]
        }
    )

    kind: SilenceKind = SilenceKind.SILENCE
    matchers: Matchers
    starts_at: Clock | None = Field(None, description="Left out: now.")
    ends_at: Clock = Field(description="At most 90 days ahead.")
    time_zone: ShortName = "UTC"
    reason: Reason


class SilenceOut(BaseModel):
    """A silence or a maintenance window. Rules go on deciding meanwhile."""

    id: uuid.UUID
    kind: SilenceKind
    state: SilenceState
    matchers: dict[str, Any]
    starts_at: datetime
    ends_at: datetime
    time_zone: str = Field(description="In which its times were given.")
    reason: str
    author: str
    created_at: datetime
    ended_at: datetime | None = Field(description="When somebody ended it before its time.")
    ended_by: str | None
    announced_at: datetime | None = Field(description="When it was told that it is over.")


@router.get("")
def list_silences(
    session: Read, now: Now, cursor: Cursor = None, limit: Limit = 50, in_force: bool | None = None
) -> Listed[SilenceOut]:
    """List silences, the last to end first. `in_force=false` are those to come and those over."""
    found = silences.listing(session, cursor, limit, now=now, in_force=in_force)
    return listed(found, lambda one: _shape(one, now))


@router.post("", status_code=201)
def add_silence(session: Write, caller: Caller, now: Now, new: Annotated[NewSilence, Body()]) -> SilenceOut:
    """Keep quiet about some alerts until a moment. What fires then still is told."""
    faults = matcher_faults(new.matchers)
    if faults:
        raise InvalidInput(f"The silence cannot be stored: {faults[0]}.", faults)
    return _shape(silences.add(session, **new.model_dump(), author=caller.name, now=now), now)


@router.get("/{silence_id}", responses=errors(404))
def get_silence(session: Read, now: Now, silence_id: uuid.UUID) -> SilenceOut:
    """Return one silence."""
    return _shape(silences.get(session, silence_id), now)


@router.post("/{silence_id}/end", responses=errors(404, 409))
def end_silence(session: Write, caller: Caller, now: Now, silence_id: uuid.UUID, _body: NoBody = None) -> SilenceOut:
    """End a silence before its time; what fires still is told with the next tick."""
    silence = silences.get(session, silence_id, lock=True)
    return _shape(silences.end(session, silence, who=caller.name, now=now), now)


def _shape(silence: Silence, now: datetime) -> SilenceOut:
    columns = {name: getattr(silence, name) for name in SilenceOut.model_fields if name != "state"}
    return SilenceOut(**columns, state=state_of_silence(silence, now))
