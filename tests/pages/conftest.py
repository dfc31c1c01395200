"""A small portfolio in a real database, a real server on loopback, and a real Chromium."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from browsing import Watched
from playwright.sync_api import Browser
from portfolio import seed
from served import Site, opened, serving

from warden.clock import utc_now


@dataclass
class Portfolio:
    """The seeded database, to be copied. `began`: from when on things are told; pages then say it is an example."""

    path: Path
    began: datetime
    partner_ids: dict[str, str]


@pytest.fixture(scope="session")
def portfolio(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Portfolio:
    """Seed the portfolio once."""
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("pages") / "portfolio.db"))
    # Half a minute ago, so that nothing seeded lies after the first request.
    began = utc_now().replace(microsecond=0) - timedelta(seconds=30)
    with opened(path, start_at=began) as services:
        return Portfolio(path, began, seed(services, began))


@pytest.fixture
def site(portfolio: Portfolio, tmp_path: Path) -> Iterator[Site]:
    """Serve a copy of the portfolio: what one test does, no other sees."""
    with serving(Path(shutil.copy(portfolio.path, tmp_path / "warden.db")), start_at=portfolio.began) as site:
        site.seeded |= portfolio.partner_ids
        yield site


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
