"""What endpoints ask for: the services, the moment, one transaction per request, and who is calling.

A request's transaction is committed before its response is sent. How many may be under way at once is bounded well
below the number of worker threads: were every thread to wait for the database, the request that holds it would find
none to finish on.
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from collectors.http import Http
from warden.clock import utc_now
from warden.db import Database
from warden.domain import Role
from warden.errors import Forbidden, NotSignedIn
from warden.i18n import closest_locale
from warden.settings import Settings
from warden.store import access
from warden.vault import Vault
from warden.wording import Reader, reader_of

SESSION_COOKIE = "warden_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Services:
    """What the web process works with; made once, at start."""

    db: Database
    vault: Vault
    settings: Settings
    http: Http


async def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


async def _now() -> datetime:
    return utc_now()


CurrentServices = Annotated[Services, Depends(_services)]
Now = Annotated[datetime, Depends(_now)]


def _read(services: CurrentServices) -> Iterator[Session]:
    with services.db.read() as session:
        yield session


def _write(services: CurrentServices) -> Iterator[Session]:
    with services.db.write() as session:
        yield session


Read = Annotated[Session, Depends(_read, scope="function", max_concurrency=8)]
"""The request's transaction, for reading."""

Write = Annotated[Session, Depends(_write, scope="function", max_concurrency=4)]
"""The request's transaction, for writing: committed when the endpoint returns, rolled back when it raises."""


async def _turn() -> AsyncIterator[None]:
    yield


SLOW = Depends(_turn, scope="function", max_concurrency=4)
"""For endpoints that wait for the network or compute for long: at most four at once, so that threads stay free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is calling: a signed-in user or an API token."""

    id: uuid.UUID  # of the user or the token
    name: str  # e-mail address of the user, "token <name>" for a token: what is recorded as "by"
    role: Role
    scopes: frozenset[str] = frozenset()  # empty: all the role allows
    is_token: bool = False
    locale: str | None = None
    time_zone: str = "UTC"

    @property
    def account(self) -> str:
        """Return what tells this caller's requests from everybody else's; see store.idempotency."""
        return f"{'token' if self.is_token else 'user'}:{self.id}"


_BEARER = HTTPBearer(auto_error=False, scheme_name="token", description="An API token, `wdn_…`.")
_COOKIE = APIKeyCookie(
    name=SESSION_COOKIE, auto_error=False, scheme_name="session", description="A signed-in browser's session."
)


def _principal(
    request: Request,
    services: CurrentServices,
    now: Now,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    cookie: Annotated[str | None, Depends(_COOKIE)],
) -> Principal | None:
    if "authorization" in request.headers:  # then the cookie counts for nothing: see access.refuse_cross_site
        return _by_token(services.db, bearer.credentials, now) if bearer else None
    return _by_session(services.db, cookie, now) if cookie else None


def _by_token(db: Database, plain: str, now: datetime) -> Principal | None:
    with db.read() as session:
        token = access.find_token(session, plain, now)
    if token is None:
        return None
    if access.needs_touch(token, now):
        with db.write() as session:
            access.touch_token(session, token.id, now)
    return Principal(
        id=token.id, name=f"token {token.name}", role=token.role, scopes=frozenset(token.scopes), is_token=True
    )


def _by_session(db: Database, cookie: str, now: datetime) -> Principal | None:
    with db.read() as session:
        found = access.find_session(session, cookie, now)
    if found is None:
        return None
    user = found.user
    return Principal(id=user.id, name=user.email, role=user.role, locale=user.locale, time_zone=user.time_zone)


MaybeCaller = Annotated[Principal | None, Depends(_principal, max_concurrency=3)]
"""Who is calling, or None when nobody is signed in."""


def signed_in(principal: Principal | None) -> Principal:
    """Return the principal. Raises NotSignedIn when there is none."""
    if principal is None:
        raise NotSignedIn("Sign in first, or send an API token that is neither revoked nor expired.")
    return principal


async def _caller(principal: MaybeCaller) -> Principal:
    return signed_in(principal)


Caller = Annotated[Principal, Depends(_caller)]
"""Who is calling; 401 when nobody is signed in."""


def guard(area: str, *, read: Role = Role.VIEWER, write: Role = Role.MANAGER) -> Dependency:
    """Return the dependency that lets only those in who may read (GET) or write (all else) in this area.

    It is given to a router as a whole, so that no route can be forgotten. Raises ValueError for an unknown area.
    """
    if area not in access.AREAS:
        raise ValueError(f"{area!r} is not one of the areas {access.AREAS}")

    async def check(request: Request, caller: Caller) -> None:
        is_safe = request.method in SAFE_METHODS
        require(caller, read if is_safe else write, f"{area}:{'read' if is_safe else 'write'}")

    return cast(Dependency, Depends(check))


def require(caller: Principal, role: Role, scope: str | None = None) -> None:
    """Raise Forbidden unless the caller has the role and, for a token with scopes, the scope."""
    if not caller.role.includes(role):
        raise Forbidden(f"This needs the role {role}; yours is {caller.role}.")
    if scope and caller.scopes and scope not in caller.scopes:
        raise Forbidden(f"This token lacks the scope {scope}.")


def accepted_locale(header: str, default: str) -> str:
    """Return the locale an Accept-Language header prefers, `default` where it names none of ours."""
    wanted = [_weighted(part) for part in header.split(",")[:20]]
    tags = [tag for weight, tag in sorted(wanted, key=lambda pair: -pair[0]) if weight > 0]
    return closest_locale(*tags, default)


def _weighted(part: str) -> tuple[float, str]:
    tag, _, parameter = part.strip().partition(";")
    name, _, quality = parameter.partition("=")
    try:
        return (float(quality) if name.strip() == "q" else 1.0), tag.strip()
    except ValueError:
        return 0.0, tag.strip()


async def _reader(request: Request, services: CurrentServices, principal: MaybeCaller) -> Reader:
    own = principal.locale if principal else None
    locale = accepted_locale(request.headers.get("accept-language", ""), own or services.settings.default_locale)
    return reader_of(locale, principal.time_zone if principal else "UTC")


ApiReader = Annotated[Reader, Depends(_reader)]
"""For whom an API answer is worded: in the language of Accept-Language if sent, else the user's, else the default."""
