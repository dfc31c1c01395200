"""The database's edge: engines, transactions, column types, migrations, and one process per SQLite file."""

import fcntl
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic_core import from_json
from sqlalchemy import URL, BigInteger, DateTime, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.types import TypeDecorator, TypeEngine

from alembic import command
from warden.errors import Misconfigured

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Return microseconds since 1970-01-01 UTC. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime {moment!r}: every moment must carry its zone")
    return (moment - EPOCH) // _MICROSECOND


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC moment: `timestamptz` on PostgreSQL, integer microseconds since 1970 on SQLite (docs/adr/0003)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """What values are in Python; TypeDecorator does not say so by itself."""
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of the dialect."""
        kind: TypeEngine[Any] = BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive moments; convert to UTC."""
        if value is None:
            return None
        micros = to_micros(value)
        return micros if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return an aware UTC moment."""
        if value is None:
            return None
        return EPOCH + timedelta(microseconds=value) if dialect.name == "sqlite" else value.astimezone(UTC)


class Database:
    """One engine and its two kinds of transaction.

    `read()` sees one moment throughout and never blocks writers; `write()` is serialised on SQLite.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.file = _file_of(self.url)
        self._unwritable_at: float | None = None
        self.engine = (
            _sqlite_engine(url, self.file)
            if self.is_sqlite
            else create_engine(url, pool_pre_ping=True, json_deserializer=from_json)
        )
        snapshot = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._read = sessionmaker(snapshot, expire_on_commit=False)
        self._write = sessionmaker(self.engine.execution_options(warden_write=True), expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction for reading."""
        with self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction for writing: committed at the end, rolled back on any error."""
        try:
            with self._write.begin() as session:
                yield session
        except OperationalError as error:
            if isinstance(error.orig, sqlite3.Error) and error.orig.sqlite_errorcode & 0xFF in _UNWRITABLE:
                self._unwritable_at = time.monotonic()
            raise

    def was_unwritable(self, seconds: float) -> bool:
        """Tell whether, in so many seconds up to now, this process was refused writing: a full disk, a closed file."""
        return self._unwritable_at is not None and time.monotonic() - self._unwritable_at < seconds

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _file_of(url: URL) -> Path | None:
    """Return the file of an SQLite database; None for one in memory, or on a server."""
    if url.get_backend_name() != "sqlite" or not url.database or ":memory:" in url.database:
        return None
    return Path(re.sub("^file:", "", url.database))


def _sqlite_engine(url: str, file: Path | None) -> Engine:
    engine = create_engine(url, json_deserializer=from_json, connect_args={"check_same_thread": False, "timeout": 30})

    @event.listens_for(engine, "do_connect")
    def _make_private(*_: object) -> None:
        # SQLite would let everybody on the machine read a new file; its -wal and -shm get the file's own mode.
        if file is not None and not file.exists():
            with suppress(OSError):  # SQLite says better what is wrong
                os.close(os.open(file, os.O_CREAT | os.O_RDONLY, 0o600))

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not open transactions of its own
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "busy_timeout=30000",
            "synchronous=NORMAL",
            "cache_size=-65536",
            "wal_autocheckpoint=20000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A deferred transaction that reads and then writes loses updates or fails as "locked": writers lock first.
        immediate = connection.get_execution_options().get("warden_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
}
"""What SQLite says of a file that is held, gone, full or not to be written to, in the lower byte of its codes."""

_UNWRITABLE = _PASSING - {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_out_of_reach(error: OperationalError) -> bool:
    """Tell whether the database itself could not do it just now, and not what was asked of it is wrong."""
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode & 0xFF in _PASSING
    return True


def alembic_config(database: Database) -> Config:
    """Return Alembic's configuration for this database, from the checkout or from the installed wheel."""
    here = Path(__file__).parent
    folder = next((path for path in (here / "migrations", here.parent / "alembic") if (path / "env.py").exists()), None)
    if folder is None:
        raise Misconfigured("The migrations are missing from this installation: install Warden again.")
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["engine"] = database.engine
    return config


def upgrade(database: Database) -> None:
    """Bring the schema to the newest version."""
    command.upgrade(alembic_config(database), "head")


def pending_migrations(database: Database) -> tuple[str | None, str | None]:
    """Return (version of the database, newest version); they are equal when nothing is pending."""
    head = ScriptDirectory.from_config(alembic_config(database)).get_current_head()
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), head


def way_to(newest: str | None, found: str | None) -> str:
    """Return what brings a database found at another version to the newest; versions are numbers of four digits."""
    if found and newest and found > newest:
        return "a newer Warden made it: install that one"
    return "run `warden db upgrade`"


def make_private(database: Database) -> None:
    """Let nobody but its owner read an SQLite file, and what lies beside it: older ones were made for everybody."""
    if database.file is None:
        return
    for suffix in ("", "-wal", "-shm"):
        path = Path(f"{database.file.resolve()}{suffix}")
        with suppress(OSError):  # not there, or not ours to change: `warden doctor` says what is open still
            path.chmod(path.stat().st_mode & 0o700)


@contextmanager
def sole_process(database: Database) -> Iterator[None]:
    """Hold the lock beside a SQLite file for as long as this process works on it.

    Raises Misconfigured when another process holds it. PostgreSQL needs no lock: claims are made in rows.
    """
    if database.file is None:
        yield
        return
    # SQLite follows links, so the lock has to: one file is one file under each of its names
    path = Path(f"{database.file.resolve()}.lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured(
                f"Another Warden process is using {database.file}. Stop it first, or use PostgreSQL."
            ) from error
        yield
