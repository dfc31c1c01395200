"""kill -9 while assessing, deciding and announcing: after a restart the rows are those of a run nobody disturbed."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import forked
import killed
import pytest
from assessed import assess as say
from assessed import destination, known_as, partner, person, report, year_of_facts
from cryptography.fernet import Fernet
from killed import SETTINGS, SMALL_BATCH
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import SourceState
from warden.models import (
    Alert,
    AlertEvent,
    Assessment,
    Decision,
    Meeting,
    Meta,
    Notice,
    Notification,
    OutcomeState,
    Partner,
    RuleStatus,
    Source,
    Told,
)
from warden.pipeline import announce, assess, decide
from warden.settings import Settings
from warden.store import rules, shipped
from warden.vault import Vault

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGAN = NOW - 500 * DAY
KEY = Fernet.generate_key().decode()
LATE_STATEMENT = {"assess": 40, "decide": 185, "announce": 118}
"""Statements after which some batches are stored, and some are not."""


def prepare_assess(db: Database) -> None:
    """Five partners with a year of facts, assessed yesterday; some of it has changed since."""
    with db.write() as session:
        shipped.seed(session, BEGAN)
        for code in ("a", "b", "c", "d", "e"):
            known_as(session, partner(session, code, BEGAN, share=0.2, months_to_replace=6.0), code, BEGAN)
    for number, code in enumerate("abcde"):
        report(db, year_of_facts(code, NOW, every=14 + number), NOW - 2 * DAY)
    assess.run(db, SETTINGS, NOW - DAY)


def prepare_decide(db: Database) -> None:
    """Alerts to open and to resolve, one that waits for its `for`, a meeting overdue, a source that refuses us."""
    with db.write() as session:
        shipped.seed(session, NOW)
        rules.update(session, rules.by_key(session, "late_rate"), {"keep_firing_for_seconds": 0}, NOW)
        owner = person(session, "Olga Owner")
        destination(session, "hook", NOW, operations=True)
        destination(session, "mail", NOW, channel="email", alerts=False)
        session.add(
            Source(name="erp", collector="table", state=SourceState.REFUSED, state_since=NOW - DAY, created_at=NOW)
        )
        who = {name: partner(session, name, NOW, owner_id=owner.id) for name in ("a", "b", "c", "d", "e", "f")}
        say(session, who["a"], NOW - 20 * DAY, "extreme")  # its meeting is overdue by now
        say(session, who["b"], NOW - 2 * DAY, late=0.5)  # late then, well now
        say(session, who["c"], NOW - 2 * DAY)
        say(session, who["d"], NOW - DAY, silence=1.4)  # quiet since a day: `for` is over now
        say(session, who["e"], NOW - 2 * DAY, late=None)
    for now in (NOW - 20 * DAY, NOW - 2 * DAY, NOW - DAY):
        decide.run(db, SETTINGS, now, send=False)
    with db.write() as session:
        say(session, who["b"], NOW, late=0.0)
        say(session, who["c"], NOW, "high", late=0.6)
        say(session, who["f"], NOW, "extreme", silence=None)


def prepare_announce(db: Database) -> None:
    """Six partners with something to tell: first alerts, several at once, one that ended after people were told."""
    prepare_decide(db)
    decide.run(db, SETTINGS, NOW - HOUR, send=False)
    with db.write() as session:
        for name in "abcdef":
            who = session.scalars(select(Partner).where(Partner.name == name)).one()
            say(session, who, NOW - HOUR / 2, late=0.6 if name in "ce" else 0.0)
    decide.run(db, SETTINGS, NOW - HOUR / 2)
    announce_all(db, SETTINGS, NOW - HOUR / 2)
    with db.write() as session:
        for name in "abcdef":
            who = session.scalars(select(Partner).where(Partner.name == name)).one()
            say(session, who, NOW, *(["extreme"] if name in "bdf" else []), late=0.0 if name in "ce" else 0.7)
    decide.run(db, SETTINGS, NOW)


def announce_all(db: Database, settings: Settings, now: datetime) -> int:
    return announce.run(db, Vault([KEY]), settings, now)


def assessed_rows(session: Session) -> list[Any]:
    names = [column.name for column in Assessment.__table__.columns if column.name != "id"]
    query = select(*(getattr(Assessment, name) for name in names)).order_by(Assessment.partner_id, Assessment.at)
    states = select(*OutcomeState.__table__.columns).order_by(OutcomeState.partner_id, OutcomeState.outcome)
    return [tuple(row) for rows in (query, states) for row in session.execute(rows)]


def decided_rows(session: Session) -> dict[str, list[dict[str, Any]]]:
    """Every row deciding writes, but for ids that are made at random."""
    random = {Notification: {"id"}, AlertEvent: {"id"}}
    return {
        model.__tablename__: sorted(
            (
                {name: value for name, value in row._mapping.items() if name not in random.get(model, set())}
                for row in session.execute(select(*model.__table__.columns))
            ),
            key=str,
        )
        for model in (RuleStatus, Decision, Alert, AlertEvent, Meeting, Notice, Told, Notification)
    } | {"meta": [(row.name, len(row.value)) for row in session.scalars(select(Meta).order_by(Meta.name))]}


Rows = Callable[[Session], Any]
STAGES: dict[str, tuple[Callable[[Database], None], Callable[..., int], Rows]] = {
    "assess": (prepare_assess, assess.run, assessed_rows),
    "decide": (prepare_decide, decide.run, decided_rows),
    "announce": (prepare_announce, announce_all, decided_rows),
}


@contextmanager
def counted(db: Database) -> Iterator[list[int]]:
    """Count the statements sent meanwhile."""
    count = [0]

    def one_more(*_: object) -> None:
        count[0] += 1

    event.listen(db.engine, "before_cursor_execute", one_more)
    yield count
    event.remove(db.engine, "before_cursor_execute", one_more)


def rows_of(db: Database, rows: Rows) -> Any:
    with db.read() as session:
        return rows(session)


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_run_is_finished_by_the_next(
    stage: str, sqlite_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, run, rows = STAGES[stage]
    for module in (assess, decide):
        monkeypatch.setattr(module, "BATCH", SMALL_BATCH)
    prepare(sqlite_db)
    before = rows_of(sqlite_db, rows)
    with sqlite_db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    copies = [shutil.copy(str(sqlite_db.url.database), tmp_path / f"{number}.db") for number in range(6)]
    with counted(sqlite_db) as statements:
        assert run(sqlite_db, SETTINGS, NOW) > 0
    expected = rows_of(sqlite_db, rows)
    assert expected != before
    partial = 0
    for number, copy in enumerate(copies):
        fatal = 1 + number * (statements[0] - 1) // (len(copies) - 1)  # from the first statement to the last
        assert kill_at(stage, f"sqlite:///{copy}", fatal) == -signal.SIGKILL
        db = Database(f"sqlite:///{copy}")
        partial += rows_of(db, rows) not in (before, expected)
        run(db, SETTINGS, NOW)
        assert rows_of(db, rows) == expected
        assert run(db, SETTINGS, NOW) == 0
        assert rows_of(db, rows) == expected
        db.close()
    assert partial > 0  # some were killed between two of their transactions


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_run_is_finished_by_the_next_on_postgresql(
    stage: str, postgresql_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at its last statement, with most of the batches stored; nothing of these is done twice."""
    prepare, run, rows = STAGES[stage]
    for module in (assess, decide):
        monkeypatch.setattr(module, "BATCH", SMALL_BATCH)
    prepare(postgresql_db)
    before = rows_of(postgresql_db, rows)
    url = postgresql_db.url.render_as_string(hide_password=False)
    assert kill_at(stage, url, LATE_STATEMENT[stage]) == -signal.SIGKILL
    partial = rows_of(postgresql_db, rows)
    assert partial != before
    assert run(postgresql_db, SETTINGS, NOW) > 0
    after = rows_of(postgresql_db, rows)
    assert after != partial
    assert run(postgresql_db, SETTINGS, NOW) == 0
    assert rows_of(postgresql_db, rows) == after


def kill_at(stage: str, url: str, statement: int) -> int:
    """Run a stage in a process that kills itself before its n-th statement; return how it ended."""
    return forked.call(killed.stage, stage, url, NOW, statement, KEY)
