"""One reported fact as one row of the fact table: its identity, its digest and its columns. It queries nothing."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

from collectors.base import Article, Delivery, Fact, Key, Measure, Message
from warden.db import to_micros
from warden.domain import FactKind

KINDS: Mapping[type, FactKind] = {
    Message: FactKind.MESSAGE,
    Delivery: FactKind.DELIVERY,
    Article: FactKind.ARTICLE,
    Measure: FactKind.MEASURE,
}


class RowMaker:
    """Makes rows of what one source reported at one moment; `key_ids` has the row number of every fact's key."""

    def __init__(self, source_id: uuid.UUID, recorded_at: datetime, key_ids: Mapping[Key, int]) -> None:
        self._source_id = source_id
        self._recorded_at = recorded_at
        self._key_ids = key_ids
        self._ways = {
            reported: (kind, blake2b(source_id.bytes + f"{kind.value}\x1f".encode(), digest_size=16), _READERS[kind])
            for reported, kind in KINDS.items()
        }

    def row(self, fact: Fact) -> dict[str, Any]:
        """Return the columns the fact fills. Raises ValueError for a naive moment.

        The identity covers source, kind and the identity at the source. The digest covers the content only, so that
        the same content reported again is recognised whatever else moved.
        """
        kind, hasher, read = self._ways[type(fact)]
        content, columns = read(fact)
        identity = hasher.copy()
        identity.update(fact.identity.encode("utf-8", "surrogatepass"))
        key = None if isinstance(fact, Article) else fact.key
        digest = repr((key and (key.scheme, key.value), content)).encode("utf-8", "surrogatepass")
        return {
            "source_id": self._source_id,
            "kind": kind,
            "key_id": None if key is None else self._key_ids[key],
            "identity": identity.digest(),
            "digest": blake2b(digest, digest_size=8).digest(),
            "observed_at": fact.at,
            "recorded_at": self._recorded_at,
            **columns,
        }


def _message(fact: Message) -> tuple[tuple[Any, ...], dict[str, Any]]:
    thread = _text(fact.thread, 100)
    columns = {"sent": fact.sent, "name": thread, "number": fact.reply_seconds, "thread": thread_number(thread)}
    return (to_micros(fact.at), fact.sent, fact.thread, fact.reply_seconds), columns


def thread_number(thread: str | None) -> int | None:
    """Return a number for a thread, 1 or more; two threads share one by no practical chance (63 bits)."""
    if not thread:
        return None
    digest = blake2b(thread.encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 1) or 1


def _delivery(fact: Delivery) -> tuple[tuple[Any, ...], dict[str, Any]]:
    # `at` follows from the dates, and for an open delivery from the day it was looked at: it is no content.
    made_at = None if fact.made_at is None else to_micros(fact.made_at)
    amount = None if fact.amount is None else f"{fact.amount:.2f}"
    content = (fact.due_on.toordinal(), fact.made_on and fact.made_on.toordinal(), made_at, fact.quantity, amount)
    columns = {
        "due_on": fact.due_on,
        "made_on": fact.made_on,
        "made_at": fact.made_at,
        "number": fact.quantity,
        "amount": fact.amount,
    }
    return (*content, fact.currency), columns | ({"detail": {"currency": fact.currency}} if fact.currency else {})


def _measure(fact: Measure) -> tuple[tuple[Any, ...], dict[str, Any]]:
    columns = {"name": _text(fact.name, 100), "number": fact.value}
    detail = {"detail": {"unit": _text(fact.unit, 40)}} if fact.unit else {}
    return (to_micros(fact.at), fact.name, fact.value, fact.unit), columns | detail


def _article(fact: Article) -> tuple[tuple[Any, ...], dict[str, Any]]:
    at = to_micros(fact.at) if fact.dated else None  # of an undated one, `at` is only when it was seen
    detail = {
        "url": _text(fact.url, 2_000),
        "title": _text(fact.title, 500),
        "summary": _text(fact.summary, 2_000),
        "outlet": _text(fact.outlet, 200),
        "language": _text(fact.language, 35),
        "dated": fact.dated,
    }
    return (at, fact.url, fact.title, fact.summary, fact.outlet, fact.language), {"detail": detail}


def _text(value: str | None, limit: int) -> str | None:
    """Return text that both databases can store: no NUL, no lone surrogate, not too long."""
    if value is None:
        return None
    return value[:limit].replace("\0", "").encode("utf-8", "replace").decode()


_READERS: Mapping[FactKind, Callable[[Any], tuple[tuple[Any, ...], dict[str, Any]]]] = {
    FactKind.MESSAGE: _message,
    FactKind.DELIVERY: _delivery,
    FactKind.ARTICLE: _article,
    FactKind.MEASURE: _measure,
}
