"""The chain of stages and the clock that ticks them."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from factories import make_partner, make_source, message

from collectors.http import Http
from warden import scheduler
from warden.cli.opening import prepare
from warden.db import Database
from warden.pipeline import collect, notify
from warden.scheduler import Clock, tick
from warden.settings import Settings
from warden.store import facts, meta
from warden.vault import Vault, open_vault

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
ALL = ["collect", "attribute", "assess", "decide", "digest", "notify"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        database_url=f"sqlite:///{tmp_path}/warden.db",
        secret_key_file=tmp_path / "warden.key",
        tick_seconds=1,
    )


@pytest.fixture
def vault(settings: Settings) -> Vault:
    return open_vault(settings)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings.database_url)
    prepare(opened)
    yield opened
    opened.close()


@pytest.fixture
def http() -> Iterator[Http]:
    with Http() as opened:
        yield opened


def stages(steps: Iterator[tuple[str, int]]) -> list[str]:
    return [stage for stage, _count in steps]


def test_a_tick_walks_the_stages_in_order(database: Database, vault: Vault, settings: Settings, http: Http) -> None:
    assert stages(tick(database, vault, settings, http, NOW, assess_always=True)) == ALL


def test_the_past_ends_at_the_decisions(database: Database, vault: Vault, settings: Settings, http: Http) -> None:
    assert stages(tick(database, vault, settings, http, NOW, send=False)) == ALL[:4]


def test_partners_are_assessed_when_the_last_time_is_long_enough_ago(
    database: Database, vault: Vault, settings: Settings, http: Http
) -> None:
    def walked(minutes: int) -> list[str]:
        return stages(tick(database, vault, settings, http, NOW + timedelta(minutes=minutes)))

    assert "assess" in walked(0)
    assert "assess" not in walked(settings.assess_minutes - 1)
    assert "assess" in walked(settings.assess_minutes)


def test_a_tick_attributes_what_was_pushed(database: Database, vault: Vault, settings: Settings, http: Http) -> None:
    with database.write() as session:
        make_partner(session, keys=[("email", "an@acme.example")], now=NOW - timedelta(days=2))
        source = make_source(session, now=NOW - timedelta(days=2))
        facts.insert_facts(session, source.id, [message(NOW - timedelta(days=1))], NOW)
    assert dict(tick(database, vault, settings, http, NOW))["attribute"] == 1


def test_the_clock_beats_and_ticks_until_it_is_stopped(
    database: Database, vault: Vault, settings: Settings, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticked = threading.Event()

    def noticed(*arguments: object) -> int:
        ticked.set()
        return 0

    monkeypatch.setattr(notify, "run", noticed)
    clock = Clock(database, vault, settings, http)
    clock.start()
    assert ticked.wait(30)
    clock.stop()
    with database.read() as session:
        assert meta.last_heartbeat(session) is not None


def test_a_defect_in_a_tick_is_logged_and_the_clock_goes_on(
    database: Database, vault: Vault, settings: Settings, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = threading.Semaphore(0)

    def broken(*arguments: object) -> int:
        attempts.release()
        raise RuntimeError("a defect")

    monkeypatch.setattr(notify, "run", broken)
    clock = Clock(database, vault, settings, http)
    clock.start()
    assert attempts.acquire(timeout=30)
    assert attempts.acquire(timeout=30)
    clock.stop()


def test_stopping_waits_for_the_stage_at_work_and_leaves_the_rest(
    database: Database, vault: Vault, settings: Settings, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, may_end, walked = threading.Event(), threading.Event(), []

    def slow(*arguments: object) -> int:
        at_work.set()
        may_end.wait(30)
        walked.append("collect")
        return 1

    monkeypatch.setattr(collect, "run_due", slow)
    monkeypatch.setattr(scheduler, "_assess", lambda *_: walked.append("assess"))
    clock = Clock(database, vault, settings, http)
    clock.start()
    assert at_work.wait(30)
    stopping = threading.Thread(target=clock.stop)
    stopping.start()
    assert clock.stopping.wait(30)
    may_end.set()
    stopping.join(30)
    assert walked[0] == "collect"
    assert "assess" not in walked
