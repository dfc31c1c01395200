"""API tokens: made once, shown once, revoked for good."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import Role
from warden.errors import Forbidden, InvalidInput
from warden.models import ApiToken
from warden.store import access
from warden.web.api.shapes import Cursor, Input, Limit, Listed, Moment, ShortName, listed
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/tokens", tags=["tokens"], dependencies=[guard("tokens", read=Role.ADMIN, write=Role.ADMIN)])

ScopeName = Literal[access.SCOPES]  # type: ignore[valid-type]


class NewToken(Input):
    """A token to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "ERP export", "role": "manager", "scopes": ["facts:write"]}]}
    )

    name: ShortName
    role: Role = Role.VIEWER
    scopes: Annotated[list[ScopeName], Field(max_length=len(access.SCOPES))] = Field(
        [], description="Narrows what the role allows; empty: all of it."
    )
    expires_at: Moment | None = None


class TokenOut(BaseModel):
    """A token, without its secret."""

    id: uuid.UUID
    name: str
    role: Role
    scopes: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="Exact to ten minutes.")
    revoked_at: datetime | None


class TokenMade(TokenOut):
    """A new token. `token` is shown this once."""

    token: str = Field(examples=["wdn_Zk3…"])


@router.get("")
def list_tokens(session: Read, cursor: Cursor = None, limit: Limit = 50) -> Listed[TokenOut]:
    """List all tokens, newest first, revoked ones too."""
    return listed(access.list_tokens(session, cursor, limit), _shape)


@router.post("", status_code=201)
def create_token(caller: Caller, session: Write, now: Now, new: Annotated[NewToken, Body()]) -> TokenMade:
    """Make a token. A token with scopes cannot make one that may do more than itself."""
    if new.expires_at is not None and new.expires_at <= now:
        raise InvalidInput("The token would have expired already.")
    if caller.scopes and not (new.scopes and set(new.scopes) <= caller.scopes):
        raise Forbidden("A token with scopes can only make tokens with the same scopes or fewer.")
    token, plain = access.create_token(
        session,
        name=new.name,
        role=new.role,
        scopes=new.scopes,
        created_by=caller.name,
        now=now,
        expires_at=new.expires_at,
    )
    return TokenMade(**_shape(token).model_dump(), token=plain)


@router.get("/{token_id}", responses=errors(404))
def get_token(session: Read, token_id: uuid.UUID) -> TokenOut:
    """Return one token."""
    return _shape(access.get_token(session, token_id))


@router.delete("/{token_id}", status_code=204, responses=errors(404))
def revoke_token(session: Write, now: Now, token_id: uuid.UUID) -> None:
    """Revoke a token: it stops working at once. It stays listed."""
    access.revoke_token(access.get_token(session, token_id), now)


def _shape(token: ApiToken) -> TokenOut:
    return TokenOut.model_validate(token, from_attributes=True)
