"""The panel: counts per day, lateness in the partner's own zone, incidents, and blindness."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from factories import ADDRESS, CODE, DAY, NOW, article, deliveries, delivery, make_partner, make_source, messages
from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Delivery, Fact, Key
from scorers.base import Panel
from warden import models
from warden.db import Database
from warden.domain import FactKind, Stage
from warden.models import Mention, Reading
from warden.settings import Settings
from warden.store import identifiers, panel, partners, readings
from warden.store.facts import insert_facts

TODAY = NOW.date()
HOUR = timedelta(hours=1)


def report(session: Session, facts: list[Fact], at: datetime = NOW, source: str = "source") -> None:
    found = session.scalar(select(models.Source).where(models.Source.name == source))
    insert_facts(session, (found or make_source(session, source)).id, facts, at)
    identifiers.attribute_new(session, at)


def build(session: Session, settings: Settings, as_of: datetime = NOW, **values: Any) -> Panel:
    return panel.build(session, settings, as_of, **{"known_at": as_of, **values})[1]


def days_ago(counts: Any, row: int = 0) -> dict[int, int]:
    """Counts of one partner that are not zero, by how many days ago."""
    return {len(counts[row]) - 1 - int(day): int(counts[row][day]) for day in np.nonzero(counts[row])[0]}


def test_messages_are_counted_by_utc_day_and_direction(db: Database, settings: Settings) -> None:
    midnight = datetime(2026, 3, 4, tzinfo=UTC)
    with db.write() as session:
        make_partner(session, keys=[("email", ADDRESS.value)])
        moments = [NOW, midnight, midnight - timedelta(microseconds=1), midnight - 9 * HOUR, NOW - 729 * DAY]
        report(session, messages(moments, sent=False))
        report(session, messages([NOW, NOW - 800 * DAY], sent=True))
        seen = build(session, settings)
        assert seen.daily["received"].dtype == np.float32
        assert days_ago(seen.daily["received"]) == {0: 2, 1: 2, 729: 1}
        assert days_ago(seen.daily["sent"]) == {0: 1}
        assert (seen.partners, seen.days, seen.horizon_days) == (1, settings.history_days, settings.horizon_days)


def test_only_watched_partners_have_a_row_and_strangers_count_for_nobody(db: Database, settings: Settings) -> None:
    with db.write() as session:
        make_partner(session, "Old", keys=[("email", "a@old.example")], stage=Stage.ENDED)
        acme = make_partner(session, keys=[("email", ADDRESS.value)])
        zeta = make_partner(session, "Zeta", keys=[("domain", "zeta.example")])
        for address in (ADDRESS.value, "a@old.example", "b@zeta.example", "who@else.example"):
            report(session, messages([NOW - DAY], key=Key("email", address)))
        ids, seen = panel.build(session, settings, NOW, NOW)
        assert ids == sorted([acme.id, zeta.id])
        assert seen.daily["received"].sum(axis=1).tolist() == [1.0, 1.0]
        ids, seen = panel.build(session, settings, NOW, NOW, [zeta.id])
        assert ids == [zeta.id]
        assert seen.daily["received"].shape == (1, settings.history_days)
        assert panel.build(session, settings, NOW, NOW, [])[1].partners == 0


def test_a_delivery_is_late_by_its_dates(db: Database, settings: Settings) -> None:
    ago = [TODAY - days * DAY for days in range(10)]
    with db.write() as session:
        make_partner(session, keys=[(CODE.scheme, CODE.value)])
        report(
            session,
            [
                delivery(ago[9], ago[9]),  # on the day
                delivery(ago[8], ago[9]),  # early
                delivery(ago[7], ago[6]),  # a day late
                delivery(ago[5]),  # open and overdue
                delivery(ago[0]),  # open, due today: nothing to say yet
                delivery(ago[0] + DAY, ago[1]),  # early, due tomorrow: tomorrow's
            ],
        )
        seen = build(session, settings)
        assert days_ago(seen.daily["due"]) == {9: 1, 8: 1, 7: 1, 5: 1}
        assert days_ago(seen.daily["late"]) == {7: 1, 5: 1}


@pytest.mark.parametrize(
    ("zone", "made_at", "late"),
    [
        ("UTC", datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), False),
        ("UTC", datetime(2026, 3, 2, tzinfo=UTC), True),
        ("Asia/Taipei", datetime(2026, 3, 1, 15, 59, tzinfo=UTC), False),
        ("Asia/Taipei", datetime(2026, 3, 1, 16, 0, tzinfo=UTC), True),
        ("America/New_York", datetime(2026, 3, 2, 4, 59, tzinfo=UTC), False),
        ("America/New_York", datetime(2026, 3, 2, 5, 0, tzinfo=UTC), True),
    ],
)
def test_a_moment_is_judged_in_the_partners_zone(
    db: Database, settings: Settings, zone: str, made_at: datetime, late: bool
) -> None:
    with db.write() as session:
        make_partner(session, keys=[(CODE.scheme, CODE.value)], time_zone=zone)
        make_partner(session, "Elsewhere", keys=[("supplier_code", "8")], time_zone="Asia/Tokyo")
        other = delivery(date(2026, 3, 1), key=Key("supplier_code", "8"), made_at=datetime(2026, 3, 1, 14, tzinfo=UTC))
        report(session, [delivery(date(2026, 3, 1), made_at=made_at, at=made_at), other])
        seen = build(session, settings)
        assert seen.daily["due"].sum() == 2
        assert seen.daily["late"].sum() == int(late)


@pytest.mark.parametrize(("zone", "counted"), [("Pacific/Auckland", 1), ("America/Los_Angeles", 0)])
def test_a_due_date_has_passed_when_it_is_over_for_the_partner(
    db: Database, settings: Settings, zone: str, counted: int
) -> None:
    evening = datetime(2026, 3, 4, 23, 0, tzinfo=UTC)
    with db.write() as session:
        make_partner(session, keys=[(CODE.scheme, CODE.value)], time_zone=zone)
        report(session, [delivery(evening.date())], evening)
        seen = build(session, settings, evening)
        assert (seen.daily["due"].sum(), seen.daily["late"].sum()) == (counted, counted)


def test_a_delivery_made_after_the_moment_was_still_open_then(db: Database, settings: Settings) -> None:
    due = TODAY - 10 * DAY
    made_at = NOW - 2 * DAY
    with db.write() as session:
        make_partner(session, keys=[(CODE.scheme, CODE.value)])
        report(session, [delivery(due, TODAY - 2 * DAY), delivery(due, made_at=made_at, at=made_at)])
        assert days_ago(build(session, settings, NOW - 5 * DAY, known_at=NOW).daily["late"]) == {5: 2}
        assert build(session, settings, NOW - 10 * DAY, known_at=NOW).daily["due"].sum() == 0


def test_what_was_known_then_stays_readable_after_a_correction(db: Database, settings: Settings) -> None:
    due = TODAY - 3 * DAY

    def told(made_on: date | None) -> list[Fact]:
        return [Delivery(identity="7", key=CODE, at=NOW - DAY, due_on=due, made_on=made_on)]

    with db.write() as session:
        make_partner(session, keys=[(CODE.scheme, CODE.value)])
        report(session, told(None))
        report(session, told(due), NOW + HOUR)
        assert build(session, settings, NOW).daily["late"].sum() == 1
        assert build(session, settings, NOW + HOUR).daily["late"].sum() == 0
        assert build(session, settings, NOW, known_at=NOW + HOUR).daily["late"].sum() == 0
        assert build(session, settings, NOW - HOUR).daily["due"].sum() == 0, "not known yet"


def test_many_keys_are_read_like_few(db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.write() as session:
        for name in ("A", "B", "C"):
            keys = [("email", f"x@{name.lower()}.example"), ("supplier_code", name)]
            make_partner(session, name, keys=keys)
            report(session, messages([NOW - days * DAY for days in range(9)], key=Key(*keys[0])))
            report(session, deliveries([TODAY - 3 * DAY], days_late=1, key=Key(*keys[1])))
        few = build(session, settings)
        monkeypatch.setattr(panel, "_FEW_KEYS", 0)
        many = build(session, settings)
        for name, counts in few.daily.items():
            assert counts.sum() > 0
            np.testing.assert_array_equal(counts, many.daily[name])


def tell(session: Session, partner: models.Partner, title: str, at: datetime, **values: Any) -> None:
    """An article, read as naming the partner."""
    report(session, [article(title, at)], source="news")
    articles = select(models.Fact).where(models.Fact.kind == FactKind.ARTICLE)
    fact = session.scalars(articles.order_by(models.Fact.id.desc()).limit(1)).one()
    said = {"p_negative": 0.8, "p_neutral": 0.1, "p_positive": 0.1, "event": "recall", "severity": 60.0}
    mention = Mention(
        fact_id=fact.id, partner_id=partner.id, alias="Acme", half_life_days=60.0, triggers=[], **{**said, **values}
    )
    reading = Reading(fact_id=fact.id, epoch=1, reader="1", language="en", read_at=NOW)
    readings.save(session, [reading], [mention], NOW)


def test_articles_on_one_event_within_three_days_are_one_incident(db: Database, settings: Settings) -> None:
    with db.write() as session:
        acme, zeta = make_partner(session), make_partner(session, "Zeta")
        tell(session, acme, "first", NOW - 10 * DAY)
        tell(session, acme, "copy", NOW - 8 * DAY, p_negative=0.9)
        tell(session, acme, "again", NOW - 5 * DAY, severity=40.0)
        tell(session, acme, "unnamed", NOW - 10 * DAY, event=None, severity=25.0)
        tell(session, acme, "unnamed too", NOW - 10 * DAY, event=None, severity=20.0)
        tell(session, zeta, "other", NOW - 8 * DAY)
        tell(session, acme, "too old", NOW - 800 * DAY)
        ids, seen = panel.build(session, settings, NOW, NOW)
        news = seen.incidents
        found = sorted(zip(news.partner, news.age_days, news.severity, news.p_negative, strict=True))
        row = ids.index(acme.id)
        assert [one[1:] for one in found if one[0] == row] == [
            (5, 40, 0.8), (8, 60, 0.9), (10, 20, 0.8), (10, 25, 0.8),
        ]  # fmt: skip
        assert [one[1:] for one in found if one[0] != row] == [(8, 60, 0.8)]
        assert len(build(session, settings, NOW - DAY).incidents.partner) == 0, "read only later"


def test_blindness_is_that_of_the_partners_own_sources(db: Database, settings: Settings) -> None:
    with db.write() as session:
        make_partner(session, "Both", keys=[("email", "b@both.example")])
        make_partner(session, "Dark", keys=[("email", "d@dark.example")])
        make_partner(session, "Silent")
        for source, addresses in {"seeing": ["b@both.example"], "dark": ["b@both.example", "d@dark.example"]}.items():
            for address in addresses:
                report(session, messages([NOW - DAY], key=Key("email", address)), source=source)
        dark = session.scalars(select(models.Source).where(models.Source.name == "dark")).one()
        dark.collector, dark.blind_since = "imap", NOW - 12 * HOUR
        ids, seen = panel.build(session, settings, NOW, NOW)
        names = dict(partners.names(session))
        days = {names[ids[row]]: value for row, value in enumerate(seen.blind_days["communication"])}
        assert days == {"Both": 0.0, "Dark": 0.5, "Silent": 0.0}
        assert np.isnan(seen.blind_days["delivery"]).all()
        assert np.isnan(seen.blind_days["sentiment"]).all()
