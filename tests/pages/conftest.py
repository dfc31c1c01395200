"""A small portfolio in a real database, a real server on loopback, and a real Chromium."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import uvicorn
from browsing import Watched
from playwright.sync_api import Browser
from portfolio import Site, seed

from collectors.http import Http
from warden.clock import utc_now
from warden.db import Database, upgrade
from warden.settings import Settings
from warden.vault import Vault
from warden.web.app import create_app
from warden.web.deps import Services


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the portfolio for the whole run."""
    folder = tmp_path_factory.mktemp("pages")
    # Half a minute ago, so that nothing seeded lies after the first request.
    now = utc_now().replace(microsecond=0) - timedelta(seconds=30)
    settings = Settings(
        _env_file=None, database_url=f"sqlite:///{folder / 'warden.db'}", start_at=now, secret_key_file=folder / "key"
    )
    database = Database(settings.database_url)
    upgrade(database)
    with Http(allowed_networks=("127.0.0.0/8",)) as http:
        services = Services(database, Vault(["x" * 43 + "="]), settings, http)
        site = Site("", services, now)
        seed(site)
        yield from _served(site)
    database.close()


def _served(site: Site) -> Iterator[Site]:
    server = uvicorn.Server(uvicorn.Config(create_app(site.services), port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive(), "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    site.address = f"http://127.0.0.1:{port}"
    yield site
    server.should_exit = True
    thread.join()


@pytest.fixture
def visitor(browser: Browser, site: Site) -> Iterator[Watched]:
    """Open a window of somebody who has not signed in, wide, in English; at the end nothing may have gone wrong."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, locale="en-GB")
    watched = Watched(context, context.new_page(), site)
    yield watched
    context.close()
    assert watched.complaints == []


@pytest.fixture
def window(visitor: Watched) -> Watched:
    """Open a window of a manager who has signed in."""
    visitor.sign_in()
    return visitor
