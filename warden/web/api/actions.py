"""Actions: what either side promised to do, by when, and whether it was done."""

import uuid
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import Side
from warden.models import Action
from warden.store import actions, partners
from warden.web.api.alerts import Named
from warden.web.api.people import PersonOut
from warden.web.api.shapes import (
    Changes,
    Cursor,
    IfMatch,
    Input,
    Limit,
    Listed,
    NoBody,
    Reason,
    listed,
    set_etag,
    text,
    wanted_version,
)
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/actions", tags=["meetings"], dependencies=[guard("meetings")])

Words = Annotated[str, text(actions.LONGEST_TEXT)]


class Promise(Input):
    """What one side promised to do by a day."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Send the recovery plan", "side": "theirs", "due_on": "2027-03-12"}]}
    )

    text: Words
    side: Side
    due_on: date = Field(description="In the owner's zone, without an owner the partner's.")
    owner_id: uuid.UUID | None = Field(None, description="A person of that side.")


class NewAction(Promise):
    """A promise made outside a meeting; those of a meeting are noted as it is closed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "6d2f0c1e-3b55-4f0e-9a41-5e0f6a1c7b10",
                    "text": "Send the recovery plan",
                    "side": "theirs",
                    "due_on": "2027-03-12",
                }
            ]
        }
    )

    partner_id: uuid.UUID


class ActionChanges(Changes):
    """What to change of a promise; another day or owner is reminded of anew."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"due_on": "2027-03-19"}]})

    text: Words | None = None
    side: Side | None = None
    due_on: date | None = None
    owner_id: uuid.UUID | None = None


class Dropped(Input):
    """Why a promise will not be kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "They pay the penalty instead."}]})

    reason: Reason


class ActionOut(BaseModel):
    """A promise of one side."""

    id: uuid.UUID
    partner: Named
    meeting_id: uuid.UUID | None
    text: str
    side: Side
    owner: PersonOut | None
    due_on: date
    overdue: bool
    author: str
    created_at: datetime
    done_at: datetime | None = Field(description="When it was done or dropped.")
    done_by: str | None
    dropped_why: str | None = Field(description="Null: it was not dropped.")
    reminded_at: datetime | None
    chased_at: datetime | None = Field(description="When somebody was told that it is overdue.")
    version: int


@router.get("")
def list_actions(
    session: Read,
    now: Now,
    cursor: Cursor = None,
    limit: Limit = 50,
    only_open: bool = False,
    partner_id: uuid.UUID | None = None,
    owner_id: uuid.UUID | None = None,
    meeting_id: uuid.UUID | None = None,
    side: Side | None = None,
    due_before: date | None = None,
) -> Listed[ActionOut]:
    """List actions, the first due first. `due_before` includes that day."""
    page = actions.listing(
        session,
        cursor,
        limit,
        only_open=only_open,
        partner_id=partner_id,
        owner_id=owner_id,
        meeting_id=meeting_id,
        side=side,
        due_before=due_before,
    )
    return listed(page, lambda action: _shape(action, now))


@router.post("", status_code=201, responses=errors(404))
def add_action(session: Write, now: Now, caller: Caller, new: Annotated[NewAction, Body()]) -> ActionOut:
    """Note a promise of either side."""
    values = new.model_dump(exclude={"partner_id"})
    partner = partners.get(session, new.partner_id)
    added = actions.add(session, partner, **values, author=caller.name, now=now)
    return _shape(actions.get(session, added.id), now)


@router.get("/{action_id}", responses=errors(404))
def get_action(session: Read, now: Now, action_id: uuid.UUID, response: Response) -> ActionOut:
    """Return one action."""
    return _answer(actions.get(session, action_id), now, response)


@router.patch("/{action_id}", responses=errors(404, 409, 412))
def change_action(
    session: Write,
    now: Now,
    action_id: uuid.UUID,
    new: Annotated[ActionChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> ActionOut:
    """Change an open action."""
    changed = actions.change(session, action_id, new.given(), version=wanted_version(if_match), now=now)
    return _answer(changed, now, response)


@router.post("/{action_id}/done", responses=errors(404, 409, 412))
def finish_action(
    session: Write,
    now: Now,
    caller: Caller,
    action_id: uuid.UUID,
    response: Response,
    new: NoBody = None,
    if_match: IfMatch = None,
) -> ActionOut:
    """Note that it was done."""
    return _answer(
        actions.finish(session, action_id, caller.name, now, version=wanted_version(if_match)), now, response
    )


@router.post("/{action_id}/drop", responses=errors(404, 409, 412))
def drop_action(
    session: Write,
    now: Now,
    caller: Caller,
    action_id: uuid.UUID,
    new: Annotated[Dropped, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> ActionOut:
    """Note that it will not be done, and why."""
    version = wanted_version(if_match)
    return _answer(actions.drop(session, action_id, new.reason, caller.name, now, version=version), now, response)


def _answer(action: Action, now: datetime, response: Response) -> ActionOut:
    set_etag(response, action.version)
    return _shape(action, now)


def _shape(action: Action, now: datetime) -> ActionOut:
    return ActionOut(
        id=action.id,
        partner=Named(id=action.partner_id, name=action.partner.name),
        meeting_id=action.meeting_id,
        text=action.text,
        side=action.side,
        owner=PersonOut.model_validate(action.owner) if action.owner else None,
        due_on=action.due_on,
        overdue=actions.is_overdue(action, now),
        author=action.author,
        created_at=action.created_at,
        done_at=action.done_at,
        done_by=action.done_by,
        dropped_why=action.dropped_why,
        reminded_at=action.reminded_at,
        chased_at=action.chased_at,
        version=action.version,
    )
