"""kill -9 while announcing, before every write: after the next run everything is told, and nothing twice."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alarmed import SETTINGS, VAULT, a_rule, announced, end, fire, pristine, renewed
from assessed import assess, destination, partner, person
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import AlertEventKind, EscalateTo, Severity, SilenceKind
from warden.models import AlertEvent, Notice, Notification, Told
from warden.pipeline import announce
from warden.rules.escalation import MOST_MINUTES
from warden.store import escalation, shipped, silences

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def prepare(db: Database) -> None:
    """Two partners with several alerts to tell, one that ended, a silence that is over, and a step that is due."""
    with db.write() as session:
        shipped.seed(session, NOW)
        destination(session, "hook", NOW)
        destination(session, "mail", NOW, channel="email", alerts=False)
        owner = person(session, "Olga Owner")
        acme, bolt, calm = (partner(session, name, NOW, owner_id=owner.id) for name in ("Acme", "Bolt", "Calm"))
        assess(session, acme, NOW, "high")
        late, grave = a_rule(session, "late", NOW), a_rule(session, "grave", NOW, Severity.CRITICAL)
        step = {"after_minutes": 60, "working_hours": False, "to": EscalateTo.OWNER, "min_severity": Severity.CRITICAL}
        escalation.put(session, [step], MOST_MINUTES)
        about = {"partner": [str(calm.id)]}
        quiet: dict[str, Any] = {"kind": SilenceKind.SILENCE, "matchers": about, "reason": "x", "author": "o"}
        silences.add(session, ends_at=NOW - HOUR / 2, now=NOW - HOUR, **quiet)
        for who in (acme, calm):
            fire(session, who, grave, NOW - HOUR)
        ended = fire(session, bolt, late, NOW - HOUR)
    announced(db, NOW - HOUR)
    with db.write() as session:
        fire(session, acme, late, NOW)
        fire(session, bolt, grave, NOW)
        end(session, ended, NOW)


def rows(session: Session) -> list[Any]:
    """What announcing writes, but for the ids of notifications, which are made at random."""
    events = select(AlertEvent.alert_id, AlertEvent.kind, AlertEvent.announced_at, AlertEvent.notice_id)
    outbox = select(Notification.key, Notification.recipient, Notification.message, Notification.alert_id)
    told = select(*Told.__table__.columns)
    return [sorted(map(str, session.execute(query).all())) for query in (events, select(Notice.key), told, outbox)]


def rows_of(db: Database) -> list[Any]:
    with db.read() as session:
        return rows(session)


@contextmanager
def at_statement(db: Database, fatal: int | None) -> Iterator[list[int]]:
    """Count the statements that write, commits included, and kill this process before the fatal one."""
    count = [0]

    def one_more(*given: Any) -> None:
        if len(given) > 1 and given[2].lstrip().startswith("SELECT"):
            return  # killed before a question, the same is stored as before the next answer to it is
        count[0] += 1
        if count[0] == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "commit"):
        event.listen(db.engine, name, one_more)
    yield count
    for name in ("before_cursor_execute", "commit"):
        event.remove(db.engine, name, one_more)


def killed_at(db: Database, statement: int) -> int:
    """Announce in a fork that is killed before its n-th statement; return how it ended, 0 for well."""
    child = os.fork()
    if child == 0:
        with at_statement(db, statement):
            announce.run(db, VAULT, SETTINGS, NOW)
        os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_killed_at_any_statement_nothing_is_lost_and_nothing_told_twice(sqlite_db: Database) -> None:
    prepare(sqlite_db)
    before = rows_of(sqlite_db)
    copy = pristine(sqlite_db)
    with at_statement(sqlite_db, None) as statements:
        announce.run(sqlite_db, VAULT, SETTINGS, NOW)
    expected = rows_of(sqlite_db)
    left = set()
    for statement in range(1, statements[0] + 1):
        renewed(sqlite_db, copy)
        assert killed_at(sqlite_db, statement) == signal.SIGKILL
        found = str(rows_of(sqlite_db))
        if found not in left:
            left.add(found)
            announce.run(sqlite_db, VAULT, SETTINGS, NOW)
            assert rows_of(sqlite_db) == expected
    assert left > {str(before)}, "some were killed between two of their transactions"


def test_all_of_it_happens(sqlite_db: Database) -> None:
    prepare(sqlite_db)
    found = announced(sqlite_db, NOW)
    assert found == [("escalation", None), ("new_in_group", None), ("silence_ended", None), ("worse", None)]
    with sqlite_db.read() as session:
        ends = select(AlertEvent).where(AlertEvent.kind == AlertEventKind.RESOLVED, AlertEvent.announced_at.is_(None))
        assert session.scalars(ends).all() == []
