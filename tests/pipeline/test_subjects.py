"""What rules see of partners beside their assessments: each figure from its facts, unknown where there are none."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from assessed import assess, known_as, partner, report, say, signals
from sqlalchemy import event

from collectors.base import Key, Measure
from warden.db import Database
from warden.domain import Scope
from warden.models import Partner
from warden.pipeline import subjects
from warden.rules import VARIABLES
from warden.store import criteria, matrices, partners, shipped

NOW = datetime(2026, 8, 12, 9, tzinfo=UTC)  # the third quarter
DAY = timedelta(days=1)


@dataclass
class Portfolio:
    """A database, and how to report a measure of a partner in it."""

    db: Database
    ids: dict[str, uuid.UUID]
    told: int = 0

    def report(self, name: str, value: float, at: datetime, code: str = "acme", known: datetime | None = None) -> None:
        self.told += 1
        fact = Measure(identity=str(self.told), key=Key("supplier_code", code), at=at, name=name, value=value)
        report(self.db, [fact], known or at)

    def more(self, at: datetime = NOW, name: str = "acme") -> Mapping[str, Any]:
        with self.db.read() as session:
            found = subjects.more(session, list(self.ids.values()), at)[self.ids[name]]
        return {**dict.fromkeys(subjects.MORE), **found}


@pytest.fixture
def portfolio(db: Database) -> Portfolio:
    ids = {}
    with db.write() as session:
        shipped.seed(session, NOW - 900 * DAY)
        for name in ("acme", "bolt"):
            who = partner(session, name, NOW - 900 * DAY, time_zone="Asia/Taipei")
            known_as(session, who, name, NOW - 900 * DAY)
            ids[name] = who.id
    return Portfolio(db, ids)


def quarter(number: int, day: int = 10) -> datetime:
    """A day in the quarters of 2026, 1 being the first, 0 the last of 2025."""
    month = 3 * (number - 1) + 2
    return datetime(2026, month, day, tzinfo=UTC) if month > 0 else datetime(2025, month + 12, day, tzinfo=UTC)


def test_without_a_fact_nothing_is_known(portfolio: Portfolio) -> None:
    more = portfolio.more()
    assert {name for name, value in more.items() if value is not None} == {"region", "tags", "meetings_missed"}
    assert (more["region"], more["tags"], more["meetings_missed"]) == ("", (), 0.0)


def test_every_one_of_them_is_a_variable(portfolio: Portfolio) -> None:
    portfolio.report("compliance_incident", 1.0, NOW - DAY)
    assert portfolio.more().keys() == subjects.MORE
    assert {variable.name for variable in VARIABLES} >= subjects.MORE


def test_surveys_fall_quarter_by_quarter(portfolio: Portfolio) -> None:
    for number, results in ((0, (5.0,)), (1, (4.0, 5.0)), (2, (4.0,)), (3, (3.0, 3.5))):
        for day, result in enumerate(results):
            portfolio.report("satisfaction", result, quarter(number, 5 + day))
    more = portfolio.more()
    assert more["satisfaction_falls"] == 3.0
    assert more["satisfaction_fall"] == pytest.approx((5.0 - 3.25) / 4)
    before = portfolio.more(quarter(2, 28))
    assert (before["satisfaction_falls"], before["satisfaction_fall"]) == (2.0, 0.25), "as it was seen then"
    assert portfolio.more(name="bolt")["satisfaction_falls"] is None


def test_the_scale_is_the_one_of_the_criteria(portfolio: Portfolio) -> None:
    portfolio.report("satisfaction", 8.0, quarter(2))
    portfolio.report("satisfaction", 6.0, quarter(3))
    assert portfolio.more()["satisfaction_falls"] is None, "8 is not on a scale from 1 to 5"
    with portfolio.db.write() as session:
        scale = {"worst": 0.0, "best": 10.0, "below": 5.0}
        criteria.put(session, "satisfaction", Scope.PORTFOLIO, "", scale, "ada", "our survey", NOW - DAY)
    more = portfolio.more()
    assert (more["satisfaction_falls"], more["satisfaction_fall"]) == (1.0, pytest.approx(0.2))


def test_old_surveys_say_nothing_any_more(portfolio: Portfolio) -> None:
    portfolio.report("satisfaction", 4.0, NOW - 400 * DAY)
    portfolio.report("satisfaction", 3.0, NOW - 274 * DAY)
    assert portfolio.more()["satisfaction_falls"] is None
    assert portfolio.more(NOW - 2 * DAY)["satisfaction_falls"] == 1.0


def test_quarters_are_those_of_the_partners_calendar(portfolio: Portfolio) -> None:
    portfolio.report("milestone", 0.0, datetime(2026, 3, 31, 15, 59, tzinfo=UTC))
    portfolio.report("milestone", 0.0, datetime(2026, 3, 31, 16, tzinfo=UTC))  # the 1st of April in Taipei
    assert portfolio.more()["missed_quarters"] == 2.0


def test_quarters_missed_in_a_row_follow_the_criterion(portfolio: Portfolio) -> None:
    for number, results in ((1, (0.0,)), (2, (0.0, 1.0)), (3, (0.0, 0.0, 1.0))):
        for day, result in enumerate(results):
            portfolio.report("milestone", result, quarter(number, 5 + day))
    assert portfolio.more()["missed_quarters"] == 3.0
    with portfolio.db.write() as session:
        criteria.put(session, "milestones", Scope.PORTFOLIO, "", {"at_least": 0.6}, "ada", "stricter", NOW - DAY)
    assert portfolio.more()["missed_quarters"] == 1.0


def test_compliance_incidents_of_ninety_days(portfolio: Portfolio) -> None:
    assert portfolio.more()["compliance_incidents"] is None, "nobody reports any"
    portfolio.report("compliance_incident", 1.0, NOW - 90 * DAY)
    portfolio.report("compliance_incident", 2.0, NOW - 89 * DAY)
    portfolio.report("compliance_incident", 0.0, NOW - DAY)
    assert portfolio.more()["compliance_incidents"] == 2.0
    assert portfolio.more(name="bolt")["compliance_incidents"] == 0.0, "who reports some would have reported these"
    assert portfolio.more(NOW - 95 * DAY)["compliance_incidents"] is None


@pytest.mark.parametrize(
    ("ours", "theirs", "gap"),
    [(4.0, 2.0, 0.5), (2.0, 4.0, 0.5), (4.0, None, None), (None, 3.0, None), (4.0, 9.0, None)],
)
def test_the_perception_gap_needs_both_sides(
    portfolio: Portfolio, ours: float | None, theirs: float | None, gap: float | None
) -> None:
    for name, view in (("satisfaction", ours), ("satisfaction_theirs", theirs)):
        if view is not None:
            portfolio.report(name, view, NOW - 30 * DAY)
    assert portfolio.more()["perception_gap"] == gap
    assert portfolio.more(NOW + 171 * DAY)["perception_gap"] is None, "a view of two hundred days ago is old"


def test_a_fact_of_after_the_moment_is_not_seen(portfolio: Portfolio) -> None:
    portfolio.report("compliance_incident", 1.0, NOW - 30 * DAY, known=NOW + DAY)
    assert portfolio.more()["compliance_incidents"] is None
    assert portfolio.more(NOW + DAY)["compliance_incidents"] == 1.0


def test_attributes_are_those_of_the_moment(portfolio: Portfolio) -> None:
    changes = {
        "country": "TW", "annual_value": Decimal("1250000.50"), "currency": "TWD", "share": 0.12, "single_source": True,
        "months_to_replace": 9.0, "contract_end": date(2026, 9, 1), "tags": ["strategic", "lens"],
    }  # fmt: skip
    with portfolio.db.write() as session:
        partners.update(session, portfolio.ids["acme"], changes, version=None, now=NOW - DAY)
    more = portfolio.more()
    assert (more["country"], more["annual_value"], more["currency"]) == ("TW", 1_250_000.5, "TWD")
    assert (more["share"], more["single_source"], more["months_to_replace"]) == (0.12, True, 9.0)
    assert (more["days_to_contract_end"], more["tags"]) == (20.0, ("strategic", "lens"))
    assert portfolio.more(NOW - 2 * DAY)["single_source"] is None


def test_the_coverage_of_four_weeks_ago(portfolio: Portfolio) -> None:
    with portfolio.db.write() as session:
        acme = session.get_one(Partner, portfolio.ids["acme"])
        assess(session, acme, NOW - 30 * DAY, "low")
        assess(session, acme, NOW - 2 * DAY, None)
    assert portfolio.more()["coverage_before"] == 0.9
    assert portfolio.more(NOW - 3 * DAY)["coverage_before"] is None


@pytest.mark.parametrize("together", [1, 1000])
def test_only_what_could_be_read_before_and_is_missed_now_is_lost(
    portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(subjects, "_AT_ONCE", together)
    before = signals()
    silent = {**before[0], "likelihood": None, "state": "blind"}
    extra = {**before[0], "name": "satisfaction", "likelihood": None, "state": "missing"}
    then, today = NOW - 30 * DAY, NOW - DAY
    for name, now_said in (("acme", [silent, *before[1:]]), ("bolt", [*before, extra])):
        with portfolio.db.write() as session:
            who = session.get_one(Partner, portfolio.ids[name])
            assess(session, who, then, "low")
            say(session, who, today, None, now_said)
    assert portfolio.more()["coverage_lost"] == pytest.approx(1 / 3)
    assert portfolio.more(name="bolt")["coverage_lost"] == 0.0, "a survey that is expected only now was never there"
    assert portfolio.more(NOW - 3 * DAY)["coverage_lost"] is None


def test_subjects_see_both_and_many_need_as_many_statements_as_two(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        shipped.seed(session, NOW - 900 * DAY)
    seen: list[str] = []
    event.listen(sqlite_db.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))

    def needed(names: list[str]) -> int:
        with sqlite_db.write() as session:
            ids = []
            for name in names:
                who = partner(session, name, NOW - 100 * DAY, tags=["lens"])
                known_as(session, who, name, NOW - 100 * DAY)
                assess(session, who, NOW - DAY, "high", late=0.4)
                ids.append(who.id)
        with sqlite_db.read() as session:
            seen.clear()
            ranks = matrices.band_ranks(session)
            found = subjects.read(session, ids, NOW, subjects.more(session, ids, NOW), ranks)
        assert [one.partner_id for one in found] == sorted(ids)
        assert {one.values["band_rank"] for one in found} == {2}
        assert {one.values["tags"] for one in found} == {("lens",)}
        return len(seen)

    assert needed(["Acme", "Bolt"]) == needed([f"Partner {one}" for one in range(20)])
