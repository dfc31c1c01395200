"""Services on fresh and on seeded databases."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import Site, opened, seed, serving

from warden import log
from warden.clock import utc_now
from warden.domain import Role
from warden.store import shipped

Seeded = tuple[Path, dict[str, Any]]
"""A database file and the ids in it by noun."""


@pytest.fixture(scope="session", autouse=True)
def _logging() -> None:
    """Log through the standard library, where pytest sees it, instead of drawing tracebacks."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log.configure("INFO")
    root.handlers, root.level = before, level


@pytest.fixture(scope="session")
def empty_database(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file with what Warden ships with, to be copied."""
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("web") / "empty.db"))
    with opened(path) as services, services.db.write() as session:
        shipped.seed(session, utc_now())
    return path


@pytest.fixture(scope="session")
def seeded_database(empty_database: Path) -> Seeded:
    """A database file with one of everything the API speaks of, to be copied, and the ids in it by noun."""
    path = Path(shutil.copy(empty_database, empty_database.with_name("seeded.db")))
    with opened(path) as services:
        return path, seed(services)


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


@pytest.fixture
def seeded_site(seeded_database: Seeded, tmp_path: Path) -> Iterator[Site]:
    """A service on a seeded database, for one test."""
    with _serving(seeded_database, tmp_path) as site:
        yield site


@pytest.fixture(scope="session")
def portfolio(seeded_database: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service with a seeded database, for all tests that leave it as it is."""
    with _serving(seeded_database, tmp_path_factory.mktemp("web")) as site:
        yield site


@contextmanager
def _serving(seeded: Seeded, folder: Path) -> Iterator[Site]:
    database, ids = seeded
    with serving(Path(shutil.copy(database, folder / "warden.db"))) as site:
        site.seeded |= ids
        yield site


@pytest.fixture
def admin(site: Site) -> Iterator[httpx.Client]:
    """A client that may do everything."""
    with site.client(Role.ADMIN) as client:
        yield client
