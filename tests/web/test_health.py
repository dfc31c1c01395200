"""Whether the service lives and is ready, and who may read its figures."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from served import Site
from sqlalchemy.exc import OperationalError

from warden.clock import utc_now
from warden.domain import Role
from warden.models import Meta
from warden.store import meta


def readiness(site: Site) -> tuple[int, dict[str, bool]]:
    answer = httpx.get(f"{site.url}/readyz")
    return answer.status_code, {check["name"]: check["ok"] for check in answer.json()["checks"]}


def test_a_service_lives_before_its_clock_runs_and_is_ready_after(site: Site) -> None:
    assert httpx.get(f"{site.url}/healthz").json() == {"status": "ok"}
    assert readiness(site) == (503, {"database": True, "migrations": True, "clock": False, "stages": True})
    with site.services.db.write() as session:
        meta.heartbeat(session, utc_now())
    assert readiness(site) == (200, {"database": True, "migrations": True, "clock": True, "stages": True})
    with site.services.db.write() as session:
        meta.heartbeat(session, utc_now() - timedelta(minutes=3))
    assert readiness(site) == (503, {"database": True, "migrations": True, "clock": False, "stages": True})


def test_pending_migrations_make_it_not_ready(site: Site) -> None:
    with site.services.db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    assert readiness(site) == (503, {"database": True, "migrations": False})


def test_a_database_that_does_not_answer_makes_it_not_ready(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with site.services.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE alembic_version RENAME COLUMN version_num TO gone")
    assert readiness(site) == (503, {"database": False})
    assert "database_unreachable" in caplog.text


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR])
def test_a_database_that_takes_nothing_makes_it_not_ready_though_it_answers(site: Site, code: int) -> None:
    with site.services.db.write() as session:
        meta.heartbeat(session, utc_now())
    refusal = sqlite3.OperationalError("database or disk is full")
    refusal.sqlite_errorcode = code
    with pytest.raises(OperationalError), site.services.db.write() as session:
        raise OperationalError("UPDATE", {}, refusal)
    found = httpx.get(f"{site.url}/readyz").json()["checks"][0]
    assert (found["ok"], found["detail"][:43]) == (False, "answers, but could not be written to just n")


def _fill(site: Site) -> None:
    with site.services.db.write() as session:
        connection = session.connection()
        size = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={size}")
        session.add(Meta(name="x", value={"text": "x" * 1_000_000}))


def test_a_full_disk_makes_it_not_ready(site: Site) -> None:
    with pytest.raises(OperationalError, match="full"):
        _fill(site)
    assert readiness(site)[1]["database"] is False


def test_a_held_database_is_none_that_takes_nothing(site: Site) -> None:
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    with pytest.raises(OperationalError), site.services.db.write():
        raise OperationalError("UPDATE", {}, busy)
    assert readiness(site)[1]["database"] is True


def test_the_figures_are_open_to_this_machine_and_to_viewers(site: Site) -> None:
    with site.client() as client:
        assert client.get("/metrics").status_code == 200
        assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
    with site.client(Role.VIEWER) as client:
        assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 200


def test_the_figures_count_requests_by_route_and_not_by_partner(make_site: Callable[..., Site]) -> None:
    site = make_site()
    with site.services.db.write() as session:
        meta.heartbeat(session, utc_now())
    with site.client(Role.VIEWER) as client:
        for number in range(3):
            client.get(f"/api/v1/facts/{number + 1}")
        client.request("PROPFIND", "/nowhere/at/all")
        client.get("/static/no/such/file")
        figures = client.get("/metrics").text
    counted = 'warden_http_requests_total{method="GET",route="/api/v1/facts/{fact_id}",status="404"} 3.0'
    assert counted in figures.splitlines()
    assert 'method="other",route="none",status="404"' in figures
    assert 'route="/static/{name}",status="404"' in figures
    assert "warden_clock_heartbeat_seconds 1." in figures
