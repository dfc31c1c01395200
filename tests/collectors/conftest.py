"""What the collectors' tests share: one client that may reach loopback, web servers, and a mailbox."""

from collections.abc import Iterator

import pytest
from servers import ImapServer, WebServer, imap_server, serve

from collectors.http import Http


@pytest.fixture(scope="session")
def http() -> Iterator[Http]:
    with Http(allowed_networks=("127.0.0.0/8",), timeout=10) as client:
        yield client


@pytest.fixture
def site() -> Iterator[WebServer]:
    with serve() as server:
        yield server


@pytest.fixture(scope="session")
def imap() -> Iterator[ImapServer]:
    with imap_server() as server:
        yield server
