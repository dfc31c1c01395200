"""Replies kept for requests with an Idempotency-Key, so that a repeat is answered the same and done once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from warden.errors import Fault, InvalidInput
from warden.models import IdempotentReply

KEPT_FOR = timedelta(hours=48)
"""How long a reply is remembered; later the same key begins anew."""

_UNDER_WAY = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the first request was answered."""

    status: int
    body: dict[str, Any]


def claim(session: Session, caller: str, key: str, request_hash: str, now: datetime) -> Reply | None:
    """Claim the key for this request: None means "do the work, then `keep`"; a reply means "answer this".

    The claim is part of the transaction: a rival waits for its commit or rollback, and a failed request leaves the key
    free. Raises InvalidInput when the key came with another body before.
    """
    session.execute(delete(IdempotentReply).where(IdempotentReply.created_at < now - KEPT_FOR))
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    claimed = session.execute(
        dialect.insert(IdempotentReply)
        .values(caller=caller, key=key, request_hash=request_hash, status=_UNDER_WAY, body={}, created_at=now)
        .on_conflict_do_nothing()
        .returning(IdempotentReply.key)
    ).scalar_one_or_none()
    if claimed is not None:
        return None
    earlier = session.execute(
        select(IdempotentReply.request_hash, IdempotentReply.status, IdempotentReply.body).where(
            IdempotentReply.caller == caller, IdempotentReply.key == key
        )
    ).one()
    if earlier.request_hash != request_hash:
        fault = Fault("Idempotency-Key", "was used before with another body; use a new key for a new request")
        raise InvalidInput("The Idempotency-Key belongs to another request.", [fault])
    return Reply(earlier.status, earlier.body)


def keep(session: Session, caller: str, key: str, reply: Reply) -> None:
    """Remember what the claimed request was answered."""
    session.execute(
        update(IdempotentReply)
        .where(IdempotentReply.caller == caller, IdempotentReply.key == key)
        .values(status=reply.status, body=reply.body)
    )
