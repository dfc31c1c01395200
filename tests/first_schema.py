"""Rows as the first version of Warden wrote them: the models know the newest schema only."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Boolean, Connection, Date, TableClause, Uuid, column, select, table

from warden.db import UtcDateTime

EARLY = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PARTNER, SOURCE, ASSESSMENT, RULE, DECISION, ALERT = (UUID(int=number) for number in range(1, 7))
DESTINATION, PERSON = UUID(int=8), UUID(int=12)
ATTENDEES = [
    {"name": "An", "email": "an@x.example", "role": "owner"}, {"name": "Bo", "email": "bo@x.example", "role": "deputy"},
]  # fmt: skip

_WHOSE = {"rule_id": RULE, "partner_id": PARTNER}
_PARTNER = {
    "name": "Acme", "tier": "key", "stage": "active", "time_zone": "Asia/Taipei", "country": "TW", "notes": "",
    "tags": [], "version": 1, "share": 0.25, "single_source": True, "created_at": EARLY, "updated_at": EARLY + 9 * DAY,
}  # fmt: skip
_MENTION = {
    "fact_id": 2, "partner_id": PARTNER, "alias": "Acme", "p_negative": 0.5, "p_neutral": 0.25, "p_positive": 0.25,
    "severity": 9.0, "half_life_days": 30.0, "triggers": [], "first_attributed_at": EARLY,
}  # fmt: skip


def _message(number: int, thread: str | None) -> tuple[str, dict[str, Any]]:
    identity = bytes(15) + bytes([number])
    values = {"id": number, "source_id": SOURCE, "kind": "message", "key_id": 1, "sent": False, "name": thread}
    return "fact", {**values, "identity": identity, "digest": bytes(8), "observed_at": EARLY, "recorded_at": EARLY}


def _key(number: int, owner: UUID | None, attributed_at: datetime | None) -> tuple[str, dict[str, Any]]:
    values = {"id": number, "scheme": "email", "value": f"{number}@x.example", "first_seen_at": EARLY + 2 * DAY}
    return "fact_key", {**values, "partner_id": owner, "attributed_at": attributed_at}


def _matrix(version: int, *, active: bool = False) -> tuple[str, dict[str, Any]]:
    values = {"version": version, "data": {"n": version}, "active": active, "created_at": EARLY + version * DAY}
    return "matrix", {"id": UUID(int=100 + version), **values}


ROWS: list[tuple[str, dict[str, Any]]] = [
    ("partner", {"id": PARTNER, **_PARTNER}),
    ("person", {
        "id": PERSON, "name": "An", "email": "an@x.example", "locale": "en", "time_zone": "UTC", "ours": True,
        "version": 1,
    }),
    ("source", {
        "id": SOURCE, "name": "box", "collector": "push", "options": {}, "schedule": "* * * * *", "paused": False,
        "state": "ok", "reason": "", "failures": 0, "cursor": {}, "kinds": {}, "version": 1, "state_since": EARLY,
        "created_at": EARLY,
    }),
    _key(1, PARTNER, EARLY + DAY),
    _key(2, PARTNER, None),
    _key(3, None, None),
    _message(1, "<a@x>"),
    _message(2, None),
    _message(3, "<b@x>"),
    ("mention", _MENTION),
    _matrix(1),
    _matrix(2),
    _matrix(3, active=True),
    ("assessment", {
        "id": ASSESSMENT, "partner_id": PARTNER, "at": EARLY, "matrix_version": 1, "likelihood": 0.5, "impact": None,
        "coverage": 1.0, "impact_parts": [], "digest": bytes(16),
        "signals": [{"name": name, "likelihood": 0.5} for name in ("communication", "delivery", "sentiment")],
    }),
    ("rule", {
        "id": RULE, "key": "quiet", "names": {}, "descriptions": {}, "condition": "true", "inhibit_when": "",
        "for_seconds": 0, "keep_firing_for_seconds": 0, "severity": "warning", "enabled": True, "version": 1,
        "updated_at": EARLY,
    }),
    ("decision", {
        "id": DECISION, "key": "k", "at": EARLY, "before": "ok", "after": "firing", "reason": {}, "context": {},
        **_WHOSE,
    }),
    ("alert", {
        "id": ALERT, "decision_id": DECISION, "assessment_id": ASSESSMENT, "state": "firing", "severity": "warning",
        "fired_at": EARLY, "evidence": [], "version": 1, **_WHOSE,
    }),
    ("meeting", {
        "id": UUID(int=7), "partner_id": PARTNER, "alert_id": ALERT, "status": "held", "proposed_at": EARLY,
        "due_on": EARLY.date(), "attendees": ATTENDEES, "agenda": [], "minutes": 60, "place": "", "sequence": 0,
        "held_at": EARLY + 5 * DAY, "version": 1,
    }),
    ("destination", {
        "id": DESTINATION, "name": "hook", "channel": "webhook", "options": {}, "locale": "en", "time_zone": "UTC",
        "min_severity": "info", "alerts": True, "operations": False, "disabled_why": "", "version": 1,
        "created_at": EARLY,
    }),
    ("notification", {
        "id": UUID(int=9), "key": "alert_fired/6", "destination_id": DESTINATION, "reason": "alert_fired",
        "locale": "en", "message": {}, "partner_id": PARTNER, "alert_id": ALERT, "status": "sent", "attempts": 1,
        "created_at": EARLY + DAY, "answer": "",
    }),
]  # fmt: skip
"""One of everything the second schema changes, and what these need."""

DRAFT = ("matrix", {**_matrix(4)[1], "author": "an@x.example"})
READ_BEFORE = ("mention", {**_MENTION, "p_negative": 0.1, "first_attributed_at": EARLY - DAY, "until": EARLY})
"""What the second schema can hold and the first cannot."""


def add(connection: Connection, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Insert rows, each a table's name and values."""
    for name, values in rows:
        connection.execute(_table(name, values).insert().values(**values))


def read(connection: Connection, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Return these columns of all rows of a table, in order of the first."""
    found = _table(name, columns)
    return [tuple(row) for row in connection.execute(select(*found.c).order_by(found.c[columns[0]]))]


_JSON = frozenset(
    {
        "agenda", "attendees", "context", "cursor", "data", "descriptions", "evidence", "impact_parts", "kinds",
        "message", "names", "options", "overrides", "reach", "reason", "signals", "tags", "triggers",
    }
)  # fmt: skip
_FLAGS = frozenset({"single_source", "paused", "sent", "active", "enabled", "alerts", "operations", "ours"})
_TEXT = frozenset({("source", "reason"), ("notification", "reason")})
_NUMBERED = frozenset({"fact", "fact_key"})


def _table(name: str, columns: Iterable[str]) -> TableClause:
    return table(name, *(column(one, _type(name, one)) for one in columns))


def _type(name: str, of: str) -> Any:
    if of.endswith(("_at", "_since")) or of in ("at", "since", "until"):
        return UtcDateTime()
    if (name, of) == ("told", "alerts") or (of in _JSON and (name, of) not in _TEXT):
        return JSON()
    if of in _FLAGS:
        return Boolean()
    if of == "due_on":
        return Date()
    is_id = (of == "id" and name not in _NUMBERED) or (of.endswith("_id") and of not in ("key_id", "fact_id"))
    return Uuid() if is_id else None
