"""Who may enter: users, one-time links, sessions, API tokens; and replies kept for idempotent requests."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warden.domain import Role
from warden.models.base import Base, HasId, UtcDateTime, by_value


class User(HasId, Base):
    """An account. There are no passwords: people sign in by one-time links (docs/adr/0006)."""

    __tablename__ = "user_account"

    email: Mapped[str] = mapped_column(String(320), unique=True)  # lower case
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(by_value(Role))
    locale: Mapped[str | None] = mapped_column(String(10))  # None: the browser's
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OneTimeLink(HasId, Base):
    """A sign-in link; only its hash is stored, and it opens once."""

    __tablename__ = "one_time_link"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WebSession(HasId, Base):
    """A signed-in browser; only the hash of its cookie is stored."""

    __tablename__ = "web_session"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="raise")


class ApiToken(HasId, Base):
    """A token for programs; only its hash is stored. Its role bounds what it may do; `scopes` narrows that further."""

    __tablename__ = "api_token"

    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[Role] = mapped_column(by_value(Role))
    scopes: Mapped[list[Any]] = mapped_column(default=list)  # e.g. ["facts:write"]; empty: all the role allows
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IdempotentReply(Base):
    """What a request with an Idempotency-Key was answered, so that a repeat gets the same answer."""

    __tablename__ = "idempotent_reply"

    caller: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
