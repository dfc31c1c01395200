"""Learning on a real database: outcomes mature by themselves, and what was learned is kept when it changes."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from assessed import known_as, learned, partner, report
from factories import messages

from collectors.base import Fact, Key
from scorers.learning import FEW_MESSAGE
from warden import plugins
from warden.db import Database
from warden.domain import Scope
from warden.pipeline import learn
from warden.settings import Settings
from warden.store import criteria, learning, shipped

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = Settings()


def on_and_off(name: str, seed: int) -> list[Fact]:
    """Three years of messages, with a silence of five to eight weeks some four times a year, out of the blue."""
    rng, at, found = random.Random(seed), NOW - 1100 * DAY, []
    while at < NOW:
        at += DAY * rng.expovariate(1 / 4) + DAY * (rng.random() < 0.05) * rng.uniform(35, 56)
        found.append(at)
    return messages([moment for moment in found if moment < NOW], key=Key("supplier_code", name))


@pytest.fixture(scope="module")
def facts() -> list[Fact]:
    return [fact for number in range(24) for fact in on_and_off(f"p{number}", number)]


@pytest.fixture(scope="module")
def watched_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, facts: list[Fact]) -> Path:
    """A past to learn from."""
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("watched") / "warden.db"))
    with database_of(path) as db:
        with db.write() as session:
            shipped.seed(session, NOW)
            for number in range(24):
                known_as(session, partner(session, f"P{number}", NOW), f"p{number}", NOW)
        report(db, facts, NOW)
    return path


@pytest.fixture(scope="module")
def learned_file(watched_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same once it has taught something."""
    path = Path(shutil.copy(watched_file, tmp_path_factory.mktemp("learned") / "warden.db"))
    with database_of(path) as db:
        assert learn.run(db, SETTINGS, NOW) == len(plugins.scorers())
    return path


@contextmanager
def database_of(path: Path) -> Iterator[Database]:
    """A database that is one whole file once it is closed."""
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def watched(watched_file: Path, tmp_path: Path) -> Iterator[Database]:
    with database_of(Path(shutil.copy(watched_file, tmp_path / "watched.db"))) as database:
        yield database


@pytest.fixture
def taught(learned_file: Path, tmp_path: Path) -> Iterator[Database]:
    with database_of(Path(shutil.copy(learned_file, tmp_path / "taught.db"))) as database:
        yield database


def test_it_learns_from_what_came_of_the_past(taught: Database) -> None:
    with taught.read() as session:
        held = learning.in_force(session, NOW)
    silence = held["silence"]
    assert silence.report["positives"] >= 50
    assert silence.form != "default"
    assert silence.report["rows"] > 1000
    assert held["tone"].form == "default"
    assert held["tone"].report["why"] == {"message": FEW_MESSAGE, "params": {"positives": 0, "needed": 50}}


def test_the_same_past_teaches_the_same_and_nothing_is_kept_twice(taught: Database) -> None:
    assert learn.run(taught, SETTINGS, NOW) == 0
    with taught.read() as session:
        assert len(learned(session, "silence")) == 1


def test_a_week_later_it_learns_anew_and_only_what_differs_is_kept(taught: Database) -> None:
    later = NOW + timedelta(days=7)
    assert 1 <= learn.run(taught, SETTINGS, later) < len(plugins.scorers())
    with taught.read() as session:
        newest, first = learned(session, "silence")
        assert (newest.number, first.retired_at) == (2, later)
        assert len(learned(session, "tone")) == 1


def test_an_outcome_nobody_asks_about_teaches_nothing(watched: Database) -> None:
    with watched.write() as session:
        criteria.put(session, "silence", Scope.PORTFOLIO, "", {"enabled": False}, "ann@us.example", "", NOW)
    learn.run(watched, SETTINGS, NOW)
    with watched.read() as session:
        assert learning.in_force(session, NOW)["silence"].report["positives"] == 0


def test_it_is_due_once_a_week(db: Database) -> None:
    assert learn.is_due(db, NOW)
    assert learn.run(db, SETTINGS, NOW) == len(plugins.scorers())
    assert not learn.is_due(db, NOW)
    assert not learn.is_due(db, NOW + timedelta(days=6, hours=23))
    assert learn.is_due(db, NOW + timedelta(days=7))
    assert learn.is_due(db, NOW - DAY)  # the clock was set back


def test_told_to_stop_it_keeps_nothing_and_is_still_due(watched: Database) -> None:
    assert learn.run(watched, SETTINGS, NOW, lambda: False) == 0
    assert learn.is_due(watched, NOW)
    with watched.read() as session:
        assert learning.in_force(session, NOW) == {}
