"""Replaying: the order and batching of facts do not matter, and what is learned later does not change the past."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import pytest
from assessed import headlines, known_as, partner, year_of_facts
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Delivery, Fact, Key, Message
from warden.db import Database
from warden.models import Fact as FactRow
from warden.models import Source
from warden.pipeline import assess, attribute
from warden.settings import Settings
from warden.store import shipped
from warden.store.facts import insert_facts
from warden.store.sources import PUSH

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
BEGAN = NOW - 500 * DAY
SETTINGS = Settings()
SOURCE = uuid.UUID(int=1)
NAMES = ("Acme", "Bolt", "Cord")

Report = tuple[datetime, Fact]
"""When a fact was recorded, and the fact."""


def reports() -> list[Report]:
    """A year of three partners, every fact recorded within a day of when it was true; one is corrected later."""
    facts: list[Fact] = [
        *year_of_facts("acme", NOW, every=14),
        *year_of_facts("bolt", NOW, every=21, late_from=100),
        *year_of_facts("cord", NOW, every=28, silent_for=90),
        *headlines("Bolt", NOW),
        *(replace(news, identity=f"{news.identity} again") for news in headlines("Bolt", NOW)),  # at the same moments
        *(
            replace(news, identity=f"{news.identity} other", title="Bolt files for bankruptcy")
            for news in headlines("Bolt", NOW)
        ),
    ]
    told = [(min(fact.at + DAY, NOW), fact) for fact in facts]
    first = next(fact for _, fact in told if isinstance(fact, Delivery))
    corrected = Delivery(identity=first.identity, key=first.key, at=first.at, due_on=first.due_on, made_on=None)
    return [*told, (NOW, corrected)]


REPORTS = reports()


def found(db: Database) -> None:
    with db.write() as session:
        shipped.seed(session, BEGAN)
        session.add(Source(id=SOURCE, name="erp", collector=PUSH, state_since=BEGAN, created_at=BEGAN))
        for name in NAMES:
            who = partner(session, name, BEGAN, share=0.2, months_to_replace=6.0)
            known_as(session, who, name.lower(), BEGAN)


@contextmanager
def copied(file: Path) -> Iterator[Database]:
    """A database of its own for each example: hypothesis runs many in one test."""
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{shutil.copy(file, Path(folder) / 'warden.db')}")
        yield db
        db.close()


@pytest.fixture(scope="module")
def founded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in which the partners are, and nothing was reported."""
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("founded") / "warden.db"))
    db = Database(f"sqlite:///{path}")
    found(db)
    db.close()
    return path


@pytest.fixture(scope="module")
def in_order(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in which everything was reported in the order in which it was recorded."""
    path = Path(shutil.copy(founded, tmp_path_factory.mktemp("in_order") / "warden.db"))
    db = Database(f"sqlite:///{path}")
    push(db, sorted(REPORTS, key=lambda report: report[0]), 1000)
    db.close()
    return path


def push(db: Database, told: Sequence[Report], batch: int) -> None:
    """Record reports in this order, at most `batch` of one moment at a time, attributing after each."""
    for at, same in groupby(told, key=lambda report: report[0]):
        facts = [fact for _, fact in same]
        for start in range(0, len(facts), batch):
            with db.write() as session:
                insert_facts(session, SOURCE, facts[start : start + batch], at)
    attribute.run(db, NOW)


def said(db: Database, as_of: datetime = NOW, known_at: datetime = NOW) -> list[Any]:
    """Everything a computation says, facts named by what they are and not by the order they came in."""
    with db.read() as session:
        drafts = assess.compute(session, SETTINGS, as_of, known_at)
        return [
            {
                "partner": draft.partner_id,
                "placement": (draft.likelihood, draft.impact, draft.band, draft.coverage, draft.not_rated, draft.reach),
                "signals": [named(session, signal) for signal in draft.signals],
            }
            for draft in drafts
        ]


def named(session: Session, signal: dict[str, Any]) -> dict[str, Any]:
    lines = [
        {"message": line["message"], "params": line["params"], "facts": identities(session, line.get("facts", []))}
        for line in signal["evidence"]
    ]
    return {**signal, "evidence": lines, "facts": identities(session, signal["facts"])}


def identities(session: Session, ids: Sequence[int]) -> list[bytes]:
    rows = session.execute(select(FactRow.identity).where(FactRow.id.in_(ids))).scalars()
    return sorted(rows)


MOMENTS = ((NOW, NOW), (NOW - 30 * DAY, NOW - 30 * DAY), (NOW - 30 * DAY, NOW))
"""(as of, known at): now, then, and then as it is known now."""


@pytest.fixture(scope="module")
def before(in_order: Path) -> list[list[Any]]:
    """What is said at each of the moments while nothing else was recorded."""
    with copied(in_order) as db:
        return [said(db, as_of, known_at) for as_of, known_at in MOMENTS]


@pytest.fixture(scope="module")
def reference(before: list[list[Any]]) -> list[Any]:
    """What is said now."""
    return before[0]


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(min_value=1, max_value=60))
def test_any_order_and_batching_of_the_same_facts_says_the_same(
    founded: Path, reference: list[Any], dice: Random, batch: int
) -> None:
    told = dice.sample(REPORTS, len(REPORTS))
    with copied(founded) as db:
        push(db, told, batch)
        assert said(db) == reference


def test_both_databases_say_the_same(db: Database, reference: list[Any]) -> None:
    found(db)
    push(db, sorted(REPORTS, key=lambda report: report[0]), 10)
    assert said(db) == reference


def test_something_is_said_at_all(reference: list[Any]) -> None:
    rows = {row["partner"]: row for row in reference}
    assert len(rows) == len(NAMES)
    assert all(row["placement"][0] is not None for row in rows.values())
    assert any(signal["name"] == "tone" and signal["likelihood"] for row in rows.values() for signal in row["signals"])


later_facts = st.lists(
    st.builds(
        lambda kind, code, age, number: _late_news(kind, code, NOW - timedelta(days=age), number),
        st.sampled_from(["message", "delivery", "correction", "article"]),
        st.sampled_from([name.lower() for name in NAMES]),
        st.integers(min_value=0, max_value=300),
        st.integers(min_value=0, max_value=400),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda fact: fact.identity,
)


def _late_news(kind: str, code: str, at: datetime, number: int) -> Fact:
    key = Key("supplier_code", code)
    if kind == "message":
        return Message(identity=f"later/{number}", key=key, at=at, sent=False)
    if kind == "article":
        return headlines(code.title(), at, 1)[0]
    identity = f"{code}/d{number}" if kind == "correction" else f"later/d{number}"
    return Delivery(identity=identity, key=key, at=at, due_on=at.date() - 9 * DAY, made_on=at.date())


@settings(max_examples=15, deadline=None)
@given(later_facts)
def test_what_is_recorded_later_never_changes_what_was_known_then(
    in_order: Path, before: list[list[Any]], later: list[Fact]
) -> None:
    with copied(in_order) as db:
        with db.write() as session:
            insert_facts(session, SOURCE, later, NOW + DAY)
        attribute.run(db, NOW + DAY)
        assert [said(db, as_of, known_at) for as_of, known_at in MOMENTS] == before
        assert said(db, NOW, NOW + DAY) is not None
