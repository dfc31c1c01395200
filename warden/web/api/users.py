"""Accounts. People sign in by one-time links; there are no passwords."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import Role
from warden.errors import Forbidden
from warden.models import User
from warden.store import access
from warden.web.access import sign_in_address
from warden.web.api.shapes import (
    Bool,
    Changes,
    Cursor,
    Email,
    IfMatch,
    Input,
    Limit,
    Listed,
    Name,
    NoBody,
    ShortName,
    check_version,
    listed,
    refuse_nulls,
    set_etag,
)
from warden.web.deps import Caller, CurrentServices, Now, Principal, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/users", tags=["users"], dependencies=[guard("users", read=Role.ADMIN, write=Role.ADMIN)])


class NewUser(Input):
    """A user to add."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "an@example.com", "name": "An Nguyen", "role": "manager"}]}
    )

    email: Email
    name: Name
    role: Role = Role.VIEWER
    locale: ShortName | None = Field(None, description="en, zh-Hant, zh-Hans or vi; null: the browser's.")
    time_zone: ShortName = Field("UTC", examples=["Asia/Ho_Chi_Minh"])


class UserChanges(Changes):
    """What to change about a user."""

    name: Name | None = None
    role: Role | None = None
    locale: ShortName | None = None
    time_zone: ShortName | None = None
    disabled: Bool = Field(False, description="True signs the user out everywhere and refuses new links.")


class UserOut(BaseModel):
    """A user."""

    id: uuid.UUID
    email: str
    name: str
    role: Role
    locale: str | None
    time_zone: str
    disabled_at: datetime | None
    version: int
    created_at: datetime


class LinkMade(BaseModel):
    """A one-time sign-in link, shown this once. It works for 24 hours, for one sign-in."""

    url: str = Field(examples=["https://warden.example.com/sign-in?token=…"])
    expires_at: datetime


@router.get("")
def list_users(session: Read, cursor: Cursor = None, limit: Limit = 50) -> Listed[UserOut]:
    """List users by address."""
    return listed(access.list_users(session, cursor, limit), _shape)


@router.post("", status_code=201, responses=errors(409))
def create_user(
    caller: Caller, session: Write, now: Now, new: Annotated[NewUser, Body()], response: Response
) -> UserOut:
    """Add a user. Make a link next, so that they can sign in. A token with scopes cannot."""
    _refuse_narrowed(caller)
    user = access.create_user(session, now=now, **new.model_dump())
    set_etag(response, user.version)
    return _shape(user)


@router.get("/{user_id}", responses=errors(404))
def get_user(session: Read, user_id: uuid.UUID, response: Response) -> UserOut:
    """Return one user."""
    user = access.get_user(session, user_id)
    set_etag(response, user.version)
    return _shape(user)


@router.patch("/{user_id}", responses=errors(404, 409, 412))
def change_user(
    caller: Caller,
    session: Write,
    now: Now,
    user_id: uuid.UUID,
    changes: Annotated[UserChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> UserOut:
    """Change a user. The last admin can be neither demoted nor disabled; a token with scopes cannot give a role."""
    user = access.get_user(session, user_id, lock=True)
    if changes.role not in (None, user.role):
        _refuse_narrowed(caller)
    check_version(if_match, user.version, user.email)
    access.change_user(session, user, refuse_nulls(User, changes.given()), now)
    set_etag(response, user.version)
    return _shape(user)


@router.post("/{user_id}/link", status_code=201, responses=errors(404, 409))
def create_link(
    caller: Caller, session: Write, services: CurrentServices, now: Now, user_id: uuid.UUID, _body: NoBody = None
) -> LinkMade:
    """Make a one-time sign-in link to hand over; links made before stop working. A token with scopes cannot."""
    user = access.get_user(session, user_id)
    _refuse_narrowed(caller)
    token = access.create_link(session, user, now)
    return LinkMade(url=sign_in_address(services.settings, token), expires_at=now + access.LINK_LIFETIME)


def _refuse_narrowed(caller: Principal) -> None:
    if caller.scopes:
        raise Forbidden("A token with scopes cannot let anybody in: who signs in may do all that their role allows.")


def _shape(user: User) -> UserOut:
    return UserOut.model_validate(user, from_attributes=True)
