"""Services on fresh and on seeded databases."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import Site, seed, serving

from warden import log
from warden.clock import utc_now
from warden.db import Database, upgrade
from warden.domain import Role
from warden.store import shipped


@pytest.fixture(scope="session", autouse=True)
def _logging() -> None:
    """Log through the standard library, where pytest sees it, instead of drawing tracebacks."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log.configure("INFO")
    root.handlers, root.level = before, level


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file with what Warden ships with, to be copied."""
    path = tmp_path_factory.mktemp("web") / "empty.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    with database.write() as session:
        shipped.seed(session, utc_now())
    database.close()
    return path


@pytest.fixture
def make_site(tmp_path: Path, empty_database: Path) -> Iterator[Callable[..., Site]]:
    """Start a service on a fresh database with the given settings."""
    with ExitStack() as stack:

        def make(**values: Any) -> Site:
            path = shutil.copy(empty_database, tmp_path / "warden.db")
            return stack.enter_context(serving(path, **values))

        yield make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A service on a fresh database, for one test."""
    return make_site()


@pytest.fixture(scope="session")
def portfolio(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Site]:
    """A service with a seeded database, for all tests that leave it as it is."""
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("web") / "portfolio.db")
    with serving(path) as site:
        site.seeded = seed(site)
        yield site


@pytest.fixture
def admin(site: Site) -> Iterator[httpx.Client]:
    """A client that may do everything."""
    with site.client(Role.ADMIN) as client:
        yield client
