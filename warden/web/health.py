"""Whether the service lives, whether it is ready for work, and its figures for Prometheus."""

import ipaddress
import os
import re
import shutil
import time
from datetime import datetime, timedelta
from typing import Literal, cast

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Session
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warden.db import Database, pending_migrations, way_to
from warden.domain import Role
from warden.log import get_logger
from warden.models import Alert, Notification, Source
from warden.settings import Settings
from warden.store import meta
from warden.web.access import network_address
from warden.web.deps import CurrentServices, MaybeCaller, Now, Read, require, signed_in

MISSED_TICKS = 4
"""The clock is late when it missed this many ticks."""

SHORTEST_PATIENCE = timedelta(minutes=2)
"""… but never sooner than this: one tick may take longer than the pause between two."""

LONGEST_WALK = timedelta(minutes=30)
"""How long after they are due all partners have been assessed, however slow the sources are."""

UNWRITABLE_SECONDS = 120
"""For so long the database counts as not to be written to after it last was not: what is small may still fit."""

LEAST_FREE = 50_000_000
"""Bytes of disk below which there is no room for the database's own temporary files."""

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = get_logger(__name__)
router = APIRouter(include_in_schema=False)


class Alive(BaseModel):
    """That the process answers."""

    status: Literal["ok"] = "ok"


class Check(BaseModel):
    """One thing the service needs for its work."""

    name: str
    ok: bool
    detail: str


class Readiness(BaseModel):
    """Whether everything the service needs is there."""

    ready: bool
    checks: list[Check]


@router.get("/healthz")
async def healthz() -> Alive:
    """Tell that the process is alive. It looks at nothing else, so that a slow database does not get it killed."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Readiness}})
def readyz(services: CurrentServices, now: Now, response: Response) -> Readiness:
    """Tell whether the service can work: 200 or 503. Open to everybody, so it names no addresses and no versions."""
    checks = readiness(services.db, services.settings, now)
    ready = all(check.ok for check in checks)
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, checks=checks)


def readiness(db: Database, settings: Settings, now: datetime) -> list[Check]:
    """Check the database, its migrations, the clock and the stages it walks."""
    try:
        current, head = pending_migrations(db)
    except SQLAlchemyError as error:
        log.error("database_unreachable", error=type(error).__name__)
        return [Check(name="database", ok=False, detail="does not answer")]
    checks = [_writing(db)]
    if current != head:
        return [
            *checks,
            Check(
                name="migrations", ok=False, detail=f"are at {current or 'none'}, not {head}: {way_to(head, current)}"
            ),
        ]
    checks.append(Check(name="migrations", ok=True, detail="are at the newest version"))
    with db.read() as session:
        return [*checks, _clock(session, settings, now), _stages(session, settings, now)]


def _writing(db: Database) -> Check:
    """Check whether the database that answers also takes what is written."""
    if db.was_unwritable(UNWRITABLE_SECONDS):
        detail = "answers, but could not be written to just now: is its disk full?"
        return Check(name="database", ok=False, detail=detail)
    if db.file is not None and not (os.access(db.file, os.W_OK) and os.access(db.file.resolve().parent, os.W_OK)):
        return Check(name="database", ok=False, detail="answers, but its file or folder may not be written to")
    if db.file is not None and shutil.disk_usage(db.file.resolve().parent).free < LEAST_FREE:
        return Check(name="database", ok=False, detail=f"has less than {LEAST_FREE // 1_000_000} MB of its disk left")
    return Check(name="database", ok=True, detail="answers")


def _clock(session: Session, settings: Settings, now: datetime) -> Check:
    patience = max(SHORTEST_PATIENCE, MISSED_TICKS * timedelta(seconds=settings.tick_seconds))
    last = meta.last_heartbeat(session)
    if last is None:
        return Check(name="clock", ok=False, detail="has not run yet")
    if now - last > patience:
        return Check(name="clock", ok=False, detail=f"was last alive at {last.isoformat(timespec='seconds')}")
    return Check(name="clock", ok=True, detail="is alive")


def _stages(session: Session, settings: Settings, now: datetime) -> Check:
    """Check what the heartbeat cannot tell: a clock may beat while a stage breaks, or hangs, whenever it comes."""
    broken = meta.broken_stages(session)
    if broken:
        said = ", ".join(
            f"{stage} breaks since {one.since.isoformat(timespec='seconds')}" for stage, one in broken.items()
        )
        return Check(name="stages", ok=False, detail=f"{said}: see the log, `stage_broke`")
    last = meta.last_assessed(session)
    if last is not None and now - last > timedelta(minutes=settings.assess_minutes) + LONGEST_WALK:
        return Check(name="stages", ok=False, detail=f"last assessed at {last.isoformat(timespec='seconds')}")
    return Check(name="stages", ok=True, detail="are well")


class Metrics:
    """The figures of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "warden_http_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "warden_http_request_seconds", "Time until the answer began.", ["method", "route"], registry=self.registry
        )
        self._counts = {
            name: (Gauge(f"warden_{name}", text, ["state"], registry=self.registry), column)
            for name, text, column in (
                ("alerts", "Alerts by state.", Alert.state),
                ("notifications", "Notifications by status.", Notification.status),
                ("sources", "Sources by state.", Source.state),
            )
        }
        self._heartbeat = Gauge(
            "warden_clock_heartbeat_seconds", "When the clock was last alive (Unix time).", registry=self.registry
        )

    def expose(self, session: Session) -> bytes:
        """Return all figures in Prometheus' text format, the stored ones counted now."""
        for gauge, column in self._counts.values():
            gauge.clear()
            for state, count in _count_by(session, column):
                gauge.labels(state).set(count)
        last = meta.last_heartbeat(session)
        self._heartbeat.set(last.timestamp() if last else 0)
        return generate_latest(self.registry)


def _count_by(session: Session, column: InstrumentedAttribute[str]) -> list[tuple[str, int]]:
    return [(state, count) for state, count in session.execute(select(column, func.count()).group_by(column))]


@router.get("/metrics")
def metrics(request: Request, principal: MaybeCaller, session: Read) -> Response:
    """Return the figures for Prometheus: to whoever may view, and to loopback without signing in."""
    if not _is_local(request):
        require(signed_in(principal), Role.VIEWER)
    figures = cast(Metrics, request.app.state.metrics)
    return Response(figures.expose(session), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    """Tell whether the request was made on this machine.

    One that came through a proxy was not, whatever the connection says: a proxy on this machine would otherwise open
    the figures to everybody.
    """
    if any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip")):
        return False
    try:
        return ipaddress.ip_address(network_address(request)).is_loopback
    except ValueError:  # a Unix socket or a test client: no address
        return False


class Measure:
    """ASGI middleware: counts requests and the time until their answer began, by route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = _route_of(scope)
                method = scope["method"] if scope["method"] in METHODS else "other"
                self._metrics.requests.labels(method, route, str(message["status"])).inc()
                self._metrics.seconds.labels(method, route).observe(time.perf_counter() - begun)
            await send(message)

        await self.app(scope, receive, send_measured)


def _route_of(scope: Scope) -> str:
    """Return the template of the route that answered: a label per partner would never stop growing."""
    if "route" not in scope:
        return "none"
    path: str = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        path = re.sub(rf"/{re.escape(str(value))}(?=/|$)", f"/{{{name}}}", path, count=1)
    return path
