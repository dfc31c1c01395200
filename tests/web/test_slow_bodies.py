"""Who sends a body slowly keeps nobody else waiting, and who hangs up in the middle of one is no crash."""

import asyncio
import logging
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from served import Site
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import Role
from warden.web.app import create_app
from warden.web.deps import SAFE_METHODS, SESSION_COOKIE

Opening = Callable[[], AbstractContextManager[Session]]


class Watch:
    """Counts the transactions that are open on a database."""

    def __init__(self, db: Database, patch: pytest.MonkeyPatch) -> None:
        self.open = 0
        for name in ("read", "write"):
            patch.setattr(db, name, self._counting(getattr(db, name)))

    def _counting(self, opening: Opening) -> Opening:
        @contextmanager
        def counted() -> Iterator[Session]:
            with opening() as session:
                self.open += 1
                try:
                    yield session
                finally:
                    self.open -= 1

        return counted


def calls(app: FastAPI) -> list[tuple[str, str]]:
    """Return (method, path) of every route that may take a body, with something in the place of what varies."""
    found = []
    for route in iter_route_contexts(app.routes):
        for method in sorted((route.methods or set()) - SAFE_METHODS):
            found.append((method, re.sub(r"\{\w*id\}", str(uuid.uuid4()), route.path or "")))
    return [(method, re.sub(r"\{\w+\}", "1", path)) for method, path in found]


async def call(app: FastAPI, method: str, path: str, cookie: str, receive: Any) -> int:
    """Send the head of a request as a browser does that is signed in, and return the status of the answer."""
    statuses: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = {
        "host": "here",
        "accept": "application/json",
        "cookie": f"{SESSION_COOKIE}={cookie}",
        "sec-fetch-site": "same-origin",
        "content-type": "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded",
        "content-length": "100",
    }
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    return statuses[0]


def test_no_body_is_waited_for_within_a_transaction(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(site.services)
    cookies = {path: site.session(Role.ADMIN) for path in calls(app)}
    watch = Watch(site.services.db, monkeypatch)
    waited: dict[tuple[str, str], int] = {}

    async def every() -> None:
        for (method, path), cookie in cookies.items():

            async def hang_up(which: tuple[str, str] = (method, path)) -> Any:
                waited.setdefault(which, watch.open)
                return {"type": "http.disconnect"}

            assert await call(app, method, path, cookie, hang_up) not in (401, 403, 405, 500), path

    asyncio.run(every())
    assert {("POST", "/api/v1/facts"), ("POST", "/alerts/duty/chain"), ("POST", "/criteria/1")} <= waited.keys()
    assert [which for which, held in waited.items() if held] == []


def test_who_hangs_up_in_the_middle_of_a_body_is_no_crash(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    begun = iter([{"type": "http.request", "body": b"{", "more_body": True}])
    cookie = site.session(Role.ADMIN)

    async def hang_up() -> Any:
        return next(begun, {"type": "http.disconnect"})

    caplog.set_level(logging.INFO)
    assert asyncio.run(call(create_app(site.services), "POST", "/api/v1/facts", cookie, hang_up)) == 400
    (line,) = [record for record in caplog.records if "/api/v1/facts" in record.getMessage()]
    assert line.levelno == logging.INFO
    assert "caller_hung_up" in line.getMessage()
    assert line.exc_info is None
