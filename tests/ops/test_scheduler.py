"""The chain of stages and the clock that ticks them."""

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from assessed import another_matrix
from cryptography.fernet import Fernet
from factories import make_partner, make_source, message
from sqlalchemy.orm import Session

from collectors.http import Http
from scorers.learning import Lesson
from warden import log, plugins, scheduler
from warden.cli.opening import opened
from warden.clock import utc_now
from warden.db import Database
from warden.domain import Quantity, Scope
from warden.errors import Misconfigured
from warden.models import Partner
from warden.pipeline import announce, assess, attribute, collect, decide, digest, news, notify
from warden.scheduler import Clock, tick
from warden.settings import Settings
from warden.store import (
    criteria,
    facts,
    learning,
    matrices,
    meta,
    news_models,
    overrides,
    rule_settings,
    rule_versions,
    rules,
    shipped,
    sources,
)
from warden.vault import Vault, open_vault
from warden.web.health import Check, readiness

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
ALL = ["collect", "attribute", "assess", "decide", "announce", "digest", "notify"]


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
def database(sqlite_db: Database) -> Database:
    """A database with what Warden ships with, where the settings say."""
    with sqlite_db.write() as session:
        shipped.seed(session, utc_now())
    return sqlite_db


@pytest.fixture
def http() -> Iterator[Http]:
    with Http() as opened:
        yield opened


def broken(*_arguments: object, **_options: object) -> int:
    raise RuntimeError("a defect")


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


def test_new_facts_and_changed_partners_are_assessed_as_soon_as_the_last_time_has_settled(
    database: Database, vault: Vault, settings: Settings, http: Http
) -> None:
    def assessed(seconds: float) -> bool:
        return "assess" in stages(tick(database, vault, settings, http, NOW + timedelta(seconds=seconds)))

    settle = settings.settle_seconds
    assert assessed(0)
    with database.write() as session:
        source = make_source(session, now=NOW - timedelta(days=2))
        facts.insert_facts(session, source.id, [message(NOW - timedelta(days=1))], NOW + timedelta(seconds=1))
    assert [assessed(settle - 1), assessed(settle), assessed(2 * settle)] == [False, True, False]
    with database.write() as session:
        make_partner(session, now=NOW + timedelta(seconds=2 * settle + 1))
    assert [assessed(2 * settle + 2), assessed(3 * settle + 2)] == [True, False]


def test_a_rule_that_is_activated_or_set_judges_with_the_next_tick(
    database: Database, vault: Vault, settings: Settings, http: Http
) -> None:
    began = utc_now() + timedelta(hours=1)  # what ships was activated when the database was made

    def decided(seconds: float) -> bool:
        return "decide" in stages(tick(database, vault, settings, http, began + timedelta(seconds=seconds)))

    with database.write() as session:
        partner = make_partner(session, now=began - timedelta(seconds=1))
    assert decided(0)
    with database.write() as session:
        rule = rules.listing(session)[0]
        made = rule_versions.draft(session, rule, "lin", began + timedelta(seconds=1))
    assert not decided(15), "a draft decides nothing"
    with database.write() as session:
        rule = rules.get(session, rule.id)
        rule_versions.activate(session, rule, made.number, "lin", began + timedelta(seconds=20))
    assert [decided(30), decided(45)] == [True, False]
    with database.write() as session:
        rule_settings.add(
            session,
            rules.get(session, rule.id),
            scope=Scope.PARTNER,
            subject=str(partner.id),
            name="enabled",
            value=False,
            reason="x",
            author="lin",
            now=began + timedelta(seconds=50),
        )
    assert [decided(60), decided(75)] == [True, False]


def put_criterion(session: Session, _partner: Partner, at: datetime) -> object:
    return criteria.put(session, "silence", Scope.PORTFOLIO, "", {"days": 21}, "olga", "", at)


def end_criterion(session: Session, _partner: Partner, at: datetime) -> object:
    return criteria.end(session, criteria.listing(session)[0].id, "olga", at)


def override(session: Session, partner: Partner, at: datetime) -> object:
    return overrides.add(session, partner, Quantity.IMPACT, 2.0, "olga", "so", at + timedelta(seconds=600), at)


def withdraw(session: Session, partner: Partner, at: datetime) -> object:
    return overrides.withdraw(session, partner.id, overrides.listing(session, partner.id)[0].id, "olga", at)


def nothing(*_: object) -> None:
    """Time alone: an override comes to its end."""


def activate(session: Session, _partner: Partner, at: datetime) -> object:
    drafted = matrices.draft(session, another_matrix(session), "olga", at)
    return matrices.activate(session, drafted.version, "olga", at)


def learned(session: Session, _partner: Partner, at: datetime) -> object:
    report = {"why": {"message": "learned", "params": {}}}
    return learning.keep(session, plugins.scorers()[0], Lesson("default", {}, report), at)


def test_whatever_people_set_is_assessed_as_soon_as_the_last_time_has_settled(
    database: Database, vault: Vault, settings: Settings, http: Http
) -> None:
    with database.write() as session:
        partner = make_partner(session, now=NOW - timedelta(days=2))
        matrices.active(session).activated_at = NOW - timedelta(days=2)  # the real clock is ahead
    settings = settings.model_copy(update={"assess_minutes": 1440})
    seconds = 0
    for change in (put_criterion, end_criterion, override, nothing, override, withdraw, activate, learned):
        list(tick(database, vault, settings, http, NOW + timedelta(seconds=seconds), assess_always=True))
        with database.write() as session:
            change(session, partner, NOW + timedelta(seconds=seconds + 1))
        due = 601 - 120 if change is nothing else settings.settle_seconds  # the round before took two minutes
        early, late, again = (
            NOW + timedelta(seconds=seconds + due + more) for more in (-1, 1, settings.settle_seconds)
        )
        walked = ["assess" in stages(tick(database, vault, settings, http, now)) for now in (early, late, again)]
        assert walked == [False, True, False], change.__name__
        seconds += due + settings.settle_seconds


def test_a_clock_that_was_ahead_and_is_set_right_does_not_stop_assessing(
    database: Database, vault: Vault, settings: Settings, http: Http
) -> None:
    for now in (NOW + timedelta(days=3650), NOW):
        assert "assess" in stages(tick(database, vault, settings, http, now))


def test_a_clock_that_was_ahead_and_is_set_right_does_not_stop_visiting(
    database: Database, vault: Vault, settings: Settings, http: Http, tmp_path: Path
) -> None:
    allowed = settings.model_copy(update={"file_roots": (tmp_path,)})
    (tmp_path / "deliveries.csv").write_text("id,supplier,due\n1,S-1,2026-03-01\n", encoding="utf-8")
    options = {"path": str(tmp_path / "deliveries.csv"), "kind": "deliveries", "key_column": "supplier"}
    options |= {"key_scheme": "supplier_code", "identity_columns": ["id"], "due_column": "due"}
    with database.write() as session:
        sources.add(session, name="erp", collector="table", options=options, now=NOW)
        pushed = sources.push(session, "crm", NOW)
        pushed.last_success_at = NOW + timedelta(days=90)
    ahead, right = NOW + timedelta(days=90), NOW + timedelta(minutes=1)
    visited = [dict(tick(database, vault, allowed, http, at))["collect"] for at in (ahead, right, right)]
    assert visited == [1, 1, 0]


@pytest.mark.parametrize("stage", [collect, attribute, assess, decide, announce, digest, notify])
def test_a_stage_that_breaks_stops_no_other_and_is_told_until_it_is_well(
    database: Database, vault: Vault, settings: Settings, http: Http, stage: ModuleType
) -> None:
    name = stage.__name__.rpartition(".")[2]
    later = NOW + timedelta(days=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "run_due" if stage is collect else "run", broken)
        for now in (NOW, NOW + timedelta(minutes=1)):
            assert stages(tick(database, vault, settings, http, now, assess_always=True)) == ALL
            check = readiness(database, settings, now)[-1]
            assert not check.ok
            assert check.detail.startswith(f"{name} breaks since {NOW.isoformat()}")
    assert stages(tick(database, vault, settings, http, later, assess_always=True)) == ALL
    assert readiness(database, settings, later)[-1] == Check(name="stages", ok=True, detail="are well")


def test_a_stage_that_hangs_is_told(database: Database, vault: Vault, settings: Settings, http: Http) -> None:
    list(tick(database, vault, settings, http, NOW))
    due = timedelta(minutes=settings.assess_minutes)
    assert readiness(database, settings, NOW + due)[-1].ok
    late = readiness(database, settings, NOW + due + timedelta(minutes=31))[-1]
    assert (late.ok, late.detail) == (False, f"last assessed at {NOW.isoformat()}")


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


def test_the_clock_learns_when_a_week_has_passed_and_begins_backtests_that_were_asked_for(
    database: Database, vault: Vault, settings: Settings, http: Http
) -> None:
    with database.write() as session:
        learning.request_backtest(session, "olga", NOW)
    clock = Clock(database, vault, settings, http)
    clock.start()
    for _ in range(300):
        with database.read() as session:
            if learning.last_learned(session) and learning.latest_backtest(session):
                break
        time.sleep(0.1)
    clock.stop()
    with database.read() as session:
        assert learning.pending_backtest(session) is None
        found = learning.latest_backtest(session)
        assert found is not None
        assert found.author == "olga"
        assert set(learning.in_force(session, utc_now())) == {scorer.name for scorer in plugins.scorers()}


def test_the_clock_learns_to_read_each_night_and_tells_when_that_breaks(
    database: Database, vault: Vault, settings: Settings, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "run", broken)
    clock = Clock(database, vault, settings, http)
    clock.start()
    for _ in range(300):
        with database.read() as session:
            if "learn_news" in meta.broken_stages(session):
                break
        time.sleep(0.1)
    clock.stop()
    monkeypatch.undo()
    clock = Clock(database, vault, settings, http)
    clock.start()
    for _ in range(300):
        with database.read() as session:
            if news_models.last_learned(session) and not meta.broken_stages(session):
                break
        time.sleep(0.1)
    clock.stop()
    with database.read() as session:
        assert meta.broken_stages(session) == {}
        assert news_models.last_learned(session) is not None


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


def test_a_tick_that_comes_while_one_is_at_work_is_no_warning(
    database: Database,
    vault: Vault,
    settings: Settings,
    http: Http,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    may_end, skipped = threading.Event(), threading.Event()
    monkeypatch.setattr(collect, "run_due", lambda *_: int(may_end.wait(30)))
    root = logging.getLogger()
    before = root.handlers, root.level
    log.configure("INFO")
    clock = Clock(database, vault, settings, http)
    clock._scheduler.add_listener(lambda _: skipped.set(), EVENT_JOB_MAX_INSTANCES)
    clock.start()
    try:
        assert skipped.wait(30)
    finally:
        may_end.set()
        clock.stop()
        root.handlers, root.level = before
    assert "clock_started" in (told := capfd.readouterr().err)
    assert "skipped" not in told


def test_nothing_walks_with_a_key_that_fits_no_stored_secret(
    database: Database, vault: Vault, settings: Settings, tmp_path: Path
) -> None:
    """With it every source would be paused and every destination switched off, one by one."""
    with database.write() as session:
        source = make_source(session, now=NOW)
        source.secrets = vault.encrypt({"password": "s3cret"})
    wrong = settings.model_copy(update={"secret_key_file": tmp_path / "other.key"})
    wrong.secret_key_file.write_bytes(Fernet.generate_key())
    with pytest.raises(Misconfigured, match="None of the 1 stored secrets can be decrypted"), opened(wrong, alone=True):
        pass
    with opened(settings, alone=True) as services, services.db.write() as session:
        make_source(session, name="another", now=NOW).secrets = open_vault(wrong).encrypt({"password": "new"})
    with opened(wrong, alone=True):
        pass
