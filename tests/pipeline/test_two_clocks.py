"""A year lived tick by tick: what was said at each is what is computed for it later, whatever is learned since."""

import uuid
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from assessed import another_matrix, headlines, known_as, partner, report, year_of_facts
from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Delivery, Key, Measure, Message
from scorers import learning as lessons
from warden import plugins
from warden.db import Database
from warden.domain import Quantity, RunOutcome, Scope
from warden.models import Run, Source
from warden.pipeline import assess, attribute
from warden.settings import Settings
from warden.store import assessments, criteria, identifiers, learning, matrices, overrides, partners, shipped
from warden.store.assessments import AssessmentDraft
from warden.store.facts import insert_facts
from warden.store.sources import mark_blind

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
BEGAN = NOW - 400 * DAY
TICKS = tuple(NOW - WEEK * number for number in reversed(range(52)))
SETTINGS = Settings()
LEARNED = {"why": {"message": "learned", "params": {}}}


def lived(db: Database) -> None:
    """Live a year: facts come days after they were true, some are corrected, and people change everything there is."""
    with db.write() as session:
        shipped.seed(session, BEGAN)
        for name in ("Acme", "Bolt", "Cord"):
            who = partner(session, name, BEGAN, tier="key", share=0.2, months_to_replace=6.0, annual_value=Decimal(900),
                          currency="EUR", contract_end=(NOW + 90 * DAY).date(), time_zone="Asia/Taipei")  # fmt: skip
            known_as(session, who, name.lower(), BEGAN)
        mailbox = Source(id=uuid.UUID(int=7), name="mailbox", collector="imap", schedule="0 * * * *",
                         state_since=BEGAN, created_at=BEGAN)  # fmt: skip
        session.add(mailbox)
    told = sorted(facts(), key=lambda pair: pair[0])
    events = dict(changes())
    for tick in TICKS:
        visit(db, tick)
        report(db, [fact for at, fact in told if tick - WEEK < at <= tick and not isinstance(fact, Message)], tick)
        with db.write() as session:
            seen = [fact for at, fact in told if tick - WEEK < at <= tick and isinstance(fact, Message)]
            insert_facts(session, uuid.UUID(int=7), seen if not 20 <= TICKS.index(tick) < 26 else [], tick)
        attribute.run(db, tick)
        change = events.pop(TICKS.index(tick), None)
        if change is not None:
            with db.write() as session:
                change(session, tick)
        assess.run(db, SETTINGS, tick)
    assert not events


def facts() -> Iterator[tuple[datetime, Any]]:
    """Yield (when it was recorded, the fact), in any order."""
    codes = {"acme": {}, "bolt": {"late_from": 120}, "cord": {"silent_for": 90}, "dune": {}}
    for delay, (code, values) in enumerate(codes.items()):
        for number, fact in enumerate(year_of_facts(code, NOW, every=5 + delay, **values)):
            yield fact.at + (delay + number % 3) * DAY, fact
        for month in range(1, 12):
            at = NOW - 30 * month * DAY
            key = Key("supplier_code", code)
            yield (
                at + 9 * DAY,
                Measure(identity=f"{code}/s{month}", key=key, at=at, name="satisfaction", value=4 - month % 3),
            )
            yield at, Measure(identity=f"{code}/k{month}", key=key, at=at, name="milestone", value=float(month % 4 > 0))
    for news in headlines("Bolt", NOW - 60 * DAY, 5):
        yield news.at + DAY, news
    for number in range(0, 300, 30):  # what was late turns out to have been made in time, and the other way round
        due = (NOW - number * DAY).date()
        fixed = {"identity": f"acme/c{number}", "key": Key("supplier_code", "acme"), "due_on": due}
        at = datetime.combine(due, datetime.min.time(), UTC)
        yield at + DAY, Delivery(at=at, made_on=due - DAY, **fixed)
        yield at + 40 * DAY, Delivery(at=at, made_on=due + 4 * DAY, **fixed)


def visit(db: Database, tick: datetime) -> None:
    """The mailbox is visited each hour, but for some weeks in the middle of the year, in which it turns blind."""
    dark = 20 <= TICKS.index(tick) < 26
    with db.write() as session:
        source = session.get_one(Source, uuid.UUID(int=7))
        outcome = RunOutcome.UNAVAILABLE if dark else RunOutcome.OK
        session.add(Run(source_id=source.id, started_at=tick, finished_at=tick, outcome=outcome))
        if not dark:
            source.last_success_at, source.blind_since = tick, None
        mark_blind(session, SETTINGS.blind_hours, tick)


def changes() -> Iterator[tuple[int, Any]]:
    """Yield (at which tick, what is changed)."""
    author = "olga@us.example"

    def named(session: Session, name: str) -> Any:
        return partners.by_name(session, name)

    def put(name: str, scope: Scope, subject: str, data: dict[str, Any], session: Session, at: datetime) -> None:
        criteria.put(session, name, scope, subject, data, author, "", at)

    yield 8, partial(put, "late_share", Scope.TIER, "key", {"at_least": 0.3})
    yield 12, lambda session, at: overrides.add(
        session, named(session, "Acme"), Quantity.LIKELIHOOD, 0.9, author, "a call", at + 5 * WEEK, at)  # fmt: skip
    yield 15, lambda session, at: overrides.add(
        session, named(session, "Bolt"), Quantity.IMPACT, 2.0, author, "replaced", at + 30 * WEEK, at)  # fmt: skip
    yield 18, lambda session, at: overrides.withdraw(
        session, named(session, "Bolt").id, overrides.listing(session, named(session, "Bolt").id)[0].id, author, at,
    )  # fmt: skip
    yield 22, lambda session, at: partners.change(session, named(session, "Cord"), {"tier": "tail", "share": 0.05}, at)
    yield 27, partial(put, "placement", Scope.PORTFOLIO, "", {"exit_margin": 0.5, "coverage_floor": 0.4})
    yield 30, lambda session, at: learning.keep(
        session, next(one for one in plugins.scorers() if one.name == "late_share"),
        lessons.Lesson("recalibrated", lessons.Model(-0.3, 0.8).arrays(), LEARNED),
        at)  # fmt: skip
    yield 33, lambda session, at: matrices.activate(
        session, matrices.draft(session, another_matrix(session), author, at).version, author, at)  # fmt: skip
    yield 36, lambda session, at: known_as(session, partner(session, "Dune", at, share=0.1), "dune", at)
    yield 40, partial(put, "tone", Scope.PORTFOLIO, "", {"enabled": False})
    yield 44, lambda session, at: identifiers.remove_identifier(
        session, named(session, "Cord"), named(session, "Cord").identifiers[0].id, at)  # fmt: skip
    yield 48, partial(put, "impact", Scope.PORTFOLIO, "", {"full_share": 0.4})


def figures(row: Any, *, with_facts: bool) -> dict[str, Any]:
    """Everything a row says, but for its moment."""
    said = {field.name: getattr(row, field.name) for field in fields(AssessmentDraft) if field.name != "at"}
    if not with_facts:
        said["signals"] = [{**signal, "facts": None} for signal in said["signals"]]
    return said


@pytest.fixture(scope="module")
def year(sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("year") / "warden.db"
    path.write_bytes(sqlite_template.read_bytes())
    db = Database(f"sqlite:///{path}")
    lived(db)
    yield db
    db.close()


def test_what_was_said_at_each_tick_is_what_is_computed_for_it_now(year: Database) -> None:
    compared = 0
    with year.read() as session:
        for tick in TICKS:
            drafts = {draft.partner_id: draft for draft in assess.compute(session, SETTINGS, tick, tick)}
            said = {row.partner_id: row for row in assessments.latest_of_all(session, tick, list(drafts))}
            assert drafts.keys() == said.keys()
            for partner_id, row in said.items():
                fresh = row.at == tick
                assert figures(drafts[partner_id], with_facts=fresh) == figures(row, with_facts=fresh)
                compared += fresh
    assert compared > 150


def test_the_year_was_eventful(year: Database) -> None:
    """Else the test above would prove little."""
    with year.read() as session:
        rows = [row for one in partners.names(session) for row in assessments.history(session, one[0])]
    signals = [signal for row in rows for signal in row.signals]
    assert {row.matrix_version for row in rows} == {1, 2}
    assert {signal["state"] for signal in signals} >= {"fresh", "missing", "blind"}
    assert any(row.overrides for row in rows)
    assert any(signal["model"]["number"] for signal in signals)
    assert any(row.likelihood_level is None for row in rows)
    known = {signal["name"] for signal in signals if signal["likelihood"] is not None}
    assert known >= {"silence", "late_share", "tone", "satisfaction"}


def test_what_today_knows_of_a_day_differs_from_what_was_said_then(year: Database) -> None:
    tick = TICKS[30]
    with year.read() as session:
        then = {draft.partner_id: draft for draft in assess.compute(session, SETTINGS, tick, tick)}
        now = {draft.partner_id: draft for draft in assess.compute(session, SETTINGS, tick, NOW)}
    assert then.keys() < now.keys()  # Dune was added later, and its facts are older
    assert any(now[one].likelihood != draft.likelihood for one, draft in then.items())


def test_that_a_source_turned_blind_later_is_not_known_before(year: Database) -> None:
    """It counts as blind since its last good run; what was said between that and finding out stays what it was."""
    with year.read() as session:
        before = assess.compute(session, SETTINGS, NOW, NOW)
    with year.write() as session:
        assert [source.name for source in mark_blind(session, SETTINGS.blind_hours, NOW + 3 * DAY)] == ["mailbox"]
    with year.read() as session:
        assert assess.compute(session, SETTINGS, NOW, NOW) == before
        late = assess.compute(session, SETTINGS, NOW + 3 * DAY, NOW + 3 * DAY)
    assert {signal["state"] for draft in late for signal in draft.signals} >= {"blind"}


def test_whatever_comes_later_changes_nothing_of_before(year: Database) -> None:
    ticks = TICKS[::10]
    with year.read() as session:
        before = [assess.compute(session, SETTINGS, tick, tick) for tick in ticks]
    later = NOW + DAY
    with year.write() as session:
        acme = partners.by_name(session, "Acme")
        assert acme is not None
        criteria.put(session, "late_share", Scope.PORTFOLIO, "", {"at_least": 0.5}, "olga@us.example", "", later)
        overrides.add(session, acme, Quantity.IMPACT, 5.0, "olga@us.example", "so", later + DAY, later)
        partners.change(session, acme, {"tier": "tail", "time_zone": "UTC", "share": 0.9}, later)
        identifiers.add_identifier(session, acme, "supplier_code", "cord", later)
    report(year, [fact for _, fact in facts() if isinstance(fact, Message)], later)
    with year.read() as session:
        assert [assess.compute(session, SETTINGS, tick, tick) for tick in ticks] == before
        assert session.scalar(select(Source.id).where(Source.name == "push")) is not None
