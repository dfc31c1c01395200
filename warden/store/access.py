"""Who may enter: users, one-time links, sessions and API tokens. Only hashes of tokens are ever stored."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from warden.calendars import time_zones
from warden.domain import LOCALES, Role
from warden.errors import Conflict, Fault, InvalidInput, NotFound, NotSignedIn
from warden.models import ApiToken, OneTimeLink, User, WebSession
from warden.store.paging import Page, page
from warden.store.people import email_fault
from warden.store.visible import is_plain, is_visible
from warden.vault import hash_token, random_token

LINK_LIFETIME = timedelta(hours=24)
"""How long a one-time link can be opened."""

TOKEN_PREFIX = "wdn_"  # noqa: S105 - a prefix that secret scanners can look for
TOUCH_EVERY = timedelta(minutes=10)
"""How exact `last_used_at` of a token is: a write per request would cost more than the request."""

AREAS = (
    "partners",
    "people",
    "sources",
    "facts",
    "assessments",
    "criteria",
    "rules",
    "alerts",
    "meetings",
    "destinations",
    "notifications",
    "digests",
    "tokens",
    "users",
)
"""What the API is divided into; a token's scopes are `<area>:read` and `<area>:write`."""

SCOPES = tuple(f"{area}:{verb}" for area in AREAS for verb in ("read", "write"))

_NEEDS = {
    "destinations:read": Role.MANAGER,
    **dict.fromkeys(("tokens:read", "users:read"), Role.ADMIN),
    **dict.fromkeys(("sources:write", "destinations:write", "tokens:write", "users:write"), Role.ADMIN),
    "alerts:write": Role.VIEWER,  # to say what an alert was worth
}


def least_role(scope: str) -> Role:
    """Return the role without which a scope opens nothing at all."""
    return _NEEDS.get(scope, Role.MANAGER if scope.endswith(":write") else Role.VIEWER)


FIRST_ADMIN = "admin@localhost"
"""Name of the account made on first start. It receives no mail, so its links are handed over by `warden user link`."""


# --- users ------------------------------------------------------------------------------------------------------------


def create_user(
    session: Session,
    *,
    email: str,
    name: str,
    role: Role,
    now: datetime,
    locale: str | None = None,
    time_zone: str = "UTC",
) -> User:
    """Add a user, who still needs a link to sign in.

    Raises InvalidInput for an address, locale or time zone that is none or a name that hides something, and Conflict
    when the address has an account.
    """
    email = email.strip().lower()
    _refuse_faults(email_fault(email), name, locale, time_zone)
    if find_user(session, email) is not None:
        raise Conflict(f"A user with the address {email} exists already.")
    user = User(email=email, name=name, role=role, locale=locale, time_zone=time_zone, created_at=now)
    session.add(user)
    session.flush()
    return user


def _refuse_faults(email: str | None, name: str | None, locale: str | None, time_zone: str | None) -> None:
    faults = [Fault("email", email)] if email else []
    if name is not None and not (is_visible(name) and is_plain(name)):
        faults.append(Fault("name", "expected a name without hidden characters"))
    if locale and locale not in LOCALES:
        faults.append(Fault("locale", f"{locale!r} is not one of {', '.join(LOCALES)}"))
    if time_zone and time_zone not in time_zones():
        faults.append(Fault("time_zone", f"{time_zone!r} is not a time zone such as Asia/Taipei"))
    if faults:
        raise InvalidInput("The user cannot be stored.", faults)


def find_user(session: Session, email: str) -> User | None:
    """Return the user with this address, disabled or not."""
    return session.scalar(select(User).where(User.email == email.strip().lower()))


def get_user(session: Session, user_id: uuid.UUID, *, lock: bool = False) -> User:
    """Return one user. Raises NotFound.

    `lock` is for changing it. It holds all admins, always in the same order, so that two admins can neither demote each
    other at the same moment nor wait for each other for ever.
    """
    if lock:
        held = select(User.id).where(or_(User.id == user_id, User.role == Role.ADMIN)).order_by(User.id)
        session.execute(held.with_for_update())
    user = session.get(User, user_id, populate_existing=lock)
    if user is None:
        raise NotFound(f"There is no user {user_id}.")
    return user


def list_users(session: Session, cursor: str | None, limit: int) -> Page[User]:
    """Return users by address."""
    return page(session, select(User), User.email, User.id, cursor, limit)


def change_user(session: Session, user: User, changes: Mapping[str, Any], now: datetime) -> None:
    """Change the name, role, locale, time_zone or `disabled` (a bool) of a user that `get_user` locked.

    A user who changes role or loses the account is signed out everywhere at once. Raises InvalidInput as
    `create_user`, and Conflict when no admin would be left.
    """
    _refuse_faults(None, changes.get("name"), changes.get("locale"), changes.get("time_zone"))
    role, disabled = changes.get("role", user.role), changes.get("disabled", user.disabled_at is not None)
    was_admin = user.role == Role.ADMIN and user.disabled_at is None
    if was_admin and (role != Role.ADMIN or disabled) and not _has_other_admin(session, user):
        raise Conflict(f"{user.email} is the last admin: make somebody else admin first.")
    if disabled or role != user.role:
        close_sessions(session, user)
        session.execute(delete(OneTimeLink).where(OneTimeLink.user_id == user.id))
    for name in ("name", "role", "locale", "time_zone"):
        if name in changes:
            setattr(user, name, changes[name])
    user.disabled_at = (user.disabled_at or now) if disabled else None
    user.version += 1
    session.flush()


def _has_other_admin(session: Session, user: User) -> bool:
    others = select(User.id).where(User.role == Role.ADMIN, User.disabled_at.is_(None), User.id != user.id)
    return session.scalar(others.limit(1)) is not None


def ensure_first_admin(session: Session, now: datetime) -> str | None:
    """Make the first admin when there is no user yet, and return the token of its one-time link; else None."""
    if session.scalar(select(func.count()).select_from(User)):
        return None
    admin = User(email=FIRST_ADMIN, name="Administrator", role=Role.ADMIN, created_at=now)
    session.add(admin)
    session.flush()
    return create_link(session, admin, now)


# --- one-time links ---------------------------------------------------------------------------------------------------


def create_link(session: Session, user: User, now: datetime) -> str:
    """Return the token of a new one-time link; links made for this user before stop working."""
    if user.disabled_at is not None:
        raise Conflict(f"{user.email} is disabled and cannot sign in.")
    session.execute(delete(OneTimeLink).where(OneTimeLink.user_id == user.id))
    token = random_token()
    session.add(OneTimeLink(user_id=user.id, token_hash=hash_token(token), expires_at=now + LINK_LIFETIME))
    session.flush()
    return token


def consume_link(session: Session, token: str, now: datetime) -> User:
    """Use up a one-time link and return its user. Of many at once, one succeeds.

    Raises NotSignedIn when the link is unknown, used, expired, or its user is disabled.
    """
    token_hash = hash_token(token)
    claimed = session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.token_hash == token_hash, OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    user = session.scalar(
        select(User)
        .join(OneTimeLink, OneTimeLink.user_id == User.id)
        .where(OneTimeLink.token_hash == token_hash, User.disabled_at.is_(None))
    )
    if _count(claimed) != 1 or user is None:
        raise NotSignedIn("This sign-in link has been used or has expired: ask for a new one.")
    return user


# --- sessions ---------------------------------------------------------------------------------------------------------


def open_session(session: Session, user: User, now: datetime, days: int) -> str:
    """Sign a browser in for `days` and return its cookie. Sessions that have expired are swept out."""
    session.execute(delete(WebSession).where(WebSession.expires_at <= now))
    token = random_token()
    session.add(
        WebSession(user_id=user.id, token_hash=hash_token(token), created_at=now, expires_at=now + timedelta(days=days))
    )
    session.flush()
    return token


def find_session(session: Session, token: str, now: datetime) -> WebSession | None:
    """Return the live session of this cookie with its user, or None when it is unknown, expired or disabled."""
    return session.scalar(
        select(WebSession)
        .join(WebSession.user)
        .options(joinedload(WebSession.user))
        .where(WebSession.token_hash == hash_token(token), WebSession.expires_at > now, User.disabled_at.is_(None))
    )


def close_session(session: Session, token: str) -> None:
    """Sign out the browser with this cookie; unknown cookies are ignored."""
    session.execute(delete(WebSession).where(WebSession.token_hash == hash_token(token)))


def close_sessions(session: Session, user: User) -> None:
    """Sign this user out everywhere."""
    session.execute(delete(WebSession).where(WebSession.user_id == user.id))


# --- API tokens -------------------------------------------------------------------------------------------------------


def create_token(
    session: Session,
    *,
    name: str,
    role: Role,
    scopes: Iterable[str] = (),
    created_by: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Add an API token and return it with its plain text, which cannot be had again.

    Raises InvalidInput for a name that hides something, and for a scope that is unknown or opens nothing to the role.
    """
    wanted = sorted(set(scopes))
    faults = [
        Fault("scopes", f"{scope!r} is not one of {', '.join(SCOPES)}") for scope in wanted if scope not in SCOPES
    ]
    faults += [
        Fault("scopes", f"{scope} opens nothing to the role {role}; expected the role {least_role(scope)}")
        for scope in wanted
        if scope in SCOPES and not role.includes(least_role(scope))
    ]
    if not (is_visible(name) and is_plain(name)):
        faults.append(Fault("name", "expected a name without hidden characters"))
    if faults:
        raise InvalidInput("The token cannot be made.", faults)
    plain = TOKEN_PREFIX + random_token()
    token = ApiToken(
        name=name,
        token_hash=hash_token(plain),
        role=role,
        scopes=wanted,
        created_by=created_by,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    return token, plain


def find_token(session: Session, plain: str, now: datetime) -> ApiToken | None:
    """Return the live token with this plain text, or None when it is unknown, revoked or expired."""
    token = session.scalar(select(ApiToken).where(ApiToken.token_hash == hash_token(plain)))
    if token is None or token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
        return None
    return token


def needs_touch(token: ApiToken, now: datetime) -> bool:
    """Tell whether `last_used_at` is old enough to be written again."""
    return token.last_used_at is None or now - token.last_used_at >= TOUCH_EVERY


def touch_token(session: Session, token_id: uuid.UUID, now: datetime) -> None:
    """Note that a token was used."""
    session.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=now))


def get_token(session: Session, token_id: uuid.UUID) -> ApiToken:
    """Return one token, revoked or not. Raises NotFound."""
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NotFound(f"There is no token {token_id}.")
    return token


def list_tokens(session: Session, cursor: str | None, limit: int) -> Page[ApiToken]:
    """Return tokens, newest first, revoked ones too."""
    return page(session, select(ApiToken), ApiToken.created_at, ApiToken.id, cursor, limit, descending=True)


def revoke_token(token: ApiToken, now: datetime) -> None:
    """Stop a token from working; revoking it again changes nothing."""
    token.revoked_at = token.revoked_at or now


def _count(result: object) -> int:
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE returns
    return int(result.rowcount)
