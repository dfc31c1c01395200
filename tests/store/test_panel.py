"""The panel: counts per day, lateness in the partner's own zone, incidents, and blindness."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from factories import (
    ADDRESS,
    CODE,
    DAY,
    NOW,
    article,
    deliveries,
    delivery,
    make_partner,
    make_source,
    measure,
    message,
    messages,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Delivery, Fact, Key
from scorers.base import Panel
from scorers.news import kinds
from warden import models
from warden.db import Database
from warden.domain import FactKind, RunOutcome, Stage
from warden.models import Mention, Reading
from warden.settings import Settings
from warden.store import frame, identifiers, panel, partners, readings, talk
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


def test_messages_are_counted_by_day_and_direction(db: Database, settings: Settings) -> None:
    midnight = datetime(2026, 3, 4, tzinfo=UTC)
    with db.write() as session:
        make_partner(session, keys=[("email", ADDRESS.value)])
        moments = [NOW, midnight, midnight - timedelta(microseconds=1), midnight - 9 * HOUR, NOW - 729 * DAY]
        report(session, messages(moments, sent=False))
        report(session, messages([NOW, NOW - 800 * DAY, NOW + HOUR], sent=True))
        seen = build(session, settings)
        assert seen.daily["received"].dtype == np.uint16
        assert days_ago(seen.daily["received"]) == {0: 2, 1: 2, 729: 1}
        assert days_ago(seen.daily["sent"]) == {0: 1}
        assert seen.partners == 1


def test_the_first_day_is_a_monday_and_all_of_the_history_is_there(db: Database, settings: Settings) -> None:
    with db.write() as session:
        make_partner(session)
        for later in range(8):
            seen = build(session, settings, NOW + later * DAY, known_at=NOW)
            first = (NOW + later * DAY).date() - (seen.days - 1) * DAY
            assert first.weekday() == 0
            assert settings.history_days <= seen.days < settings.history_days + 7


def test_now_is_the_time_in_the_partners_zone(db: Database, settings: Settings) -> None:
    evening = datetime(2026, 3, 4, 17, 0, tzinfo=UTC)  # in Taipei the 5th has begun an hour ago
    with db.write() as session:
        zones = {"East": "Asia/Taipei", "Here": "UTC", "West": "America/Los_Angeles"}
        for name, zone in zones.items():
            make_partner(session, name, keys=[("email", f"{name.lower()}@x.example")], time_zone=zone)
            report(session, messages([evening - 2 * HOUR], key=Key("email", f"{name.lower()}@x.example")), evening)
        ids, seen = panel.build(session, settings, evening, evening)
        names = dict(partners.names(session))
        now = {names[partner]: value - seen.days for partner, value in zip(ids, seen.now, strict=True)}
        assert now == pytest.approx({"East": -1 + 1 / 24, "Here": -2 + 17 / 24, "West": -2 + 9 / 24})
        counted = {names[partner]: days_ago(seen.daily["received"], row) for row, partner in enumerate(ids)}
        assert counted == {"East": {1: 1}, "Here": {1: 1}, "West": {1: 1}}
        midnight = build(session, settings, datetime(2026, 3, 4, 16, tzinfo=UTC), known_at=evening)
        assert midnight.now[ids.index(next(one for one in ids if names[one] == "East"))] % 1 == 0


def test_an_age_and_a_column_name_the_same_day(db: Database, settings: Settings) -> None:
    now = datetime(2026, 3, 12, 9, tzinfo=UTC)  # the clocks of New York were put forward on the 8th
    moments = [datetime(2026, 3, 8, 4, 30, tzinfo=UTC) + hours * HOUR for hours in range(60)]
    with db.write() as session:
        make_partner(session, keys=[("email", ADDRESS.value)], time_zone="America/New_York", now=now)
        report(session, [message(at, reply_seconds=60.0) for at in moments], now)
        seen = build(session, settings, now)
    columns = np.floor(seen.now[seen.replies.partner] - seen.replies.age_days).astype(int)
    counted = np.bincount(columns, minlength=seen.days)
    np.testing.assert_array_equal(counted, seen.daily["received"][0])
    assert np.unique(counted).tolist() == [0, 1, 12, 23, 24], "a day of 23 hours"


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("America/New_York", datetime(2026, 3, 8, 4, 59, tzinfo=UTC), date(2026, 3, 7)),  # the clock moves on the 8th
        ("America/New_York", datetime(2026, 3, 9, 3, 59, tzinfo=UTC), date(2026, 3, 8)),
        ("America/New_York", datetime(2026, 3, 9, 4, 0, tzinfo=UTC), date(2026, 3, 9)),
        ("America/New_York", datetime(2025, 11, 3, 4, 59, tzinfo=UTC), date(2025, 11, 2)),
        ("America/New_York", datetime(2025, 11, 3, 5, 0, tzinfo=UTC), date(2025, 11, 3)),
        ("Africa/Cairo", datetime(2025, 4, 24, 21, 59, tzinfo=UTC), date(2025, 4, 24)),  # midnight is left out
        ("Africa/Cairo", datetime(2025, 4, 24, 22, 0, tzinfo=UTC), date(2025, 4, 25)),
        ("Asia/Kathmandu", datetime(2026, 3, 2, 18, 14, 59, tzinfo=UTC), date(2026, 3, 2)),
        ("Asia/Kathmandu", datetime(2026, 3, 2, 18, 15, tzinfo=UTC), date(2026, 3, 3)),
        ("Pacific/Kiritimati", datetime(2026, 3, 2, 10, 0, tzinfo=UTC), date(2026, 3, 3)),
    ],
)
def test_a_message_belongs_to_the_partners_own_date(
    db: Database, settings: Settings, zone: str, at: datetime, day: date
) -> None:
    now = datetime(2026, 3, 12, 9, tzinfo=UTC)
    with db.write() as session:
        make_partner(session, keys=[("email", ADDRESS.value)], time_zone=zone)
        report(session, messages([at], sent=False), now)
        seen = build(session, settings, now)
        today = now.astimezone(ZoneInfo(zone)).date()
        column = int(seen.now[0]) - (today - day).days
        assert np.flatnonzero(seen.daily["received"][0]).tolist() == [column]


def test_only_watched_partners_have_a_row_and_strangers_count_for_nobody(db: Database, settings: Settings) -> None:
    with db.write() as session:
        make_partner(session, "Old", keys=[("email", "a@old.example")], stage=Stage.ENDED)
        acme = make_partner(session, keys=[("email", ADDRESS.value)])
        zeta = make_partner(session, "Zeta", keys=[("domain", "zeta.example")])
        for address in (ADDRESS.value, "a@old.example", "b@zeta.example", "who@else.example"):
            report(session, messages([NOW - DAY], key=Key("email", address)))
        ids, seen = panel.build(session, settings, NOW, NOW)
        assert ids == sorted([acme.id, zeta.id])
        assert seen.daily["received"].sum(axis=1).tolist() == [1, 1]
        ids, alone = panel.build(session, settings, NOW, NOW, [zeta.id])
        assert ids == [zeta.id]
        assert alone.daily["received"].shape == (1, seen.days)
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
        monkeypatch.setattr(frame, "_FEW_KEYS", 0)
        many = build(session, settings)
        assert all(few.daily[name].sum() > 0 for name in ("received", "sent", "due", "late", "made"))
        for name, counts in few.daily.items():
            np.testing.assert_array_equal(counts, many.daily[name])


STRIKE = (
    "Workers walk out at the Leeds plant over pay",
    "Strike over pay at the Leeds plant, workers walk out",
    "Leeds plant: workers walk out in strike over pay",
)
"""Three reports of one event."""


def tell(session: Session, partner: models.Partner, title: str, at: datetime, outlet: str = "", **values: Any) -> None:
    """An article, read as naming the partner."""
    report(session, [article(title, at)], source="news")
    articles = select(models.Fact).where(models.Fact.kind == FactKind.ARTICLE)
    fact = session.scalars(articles.order_by(models.Fact.id.desc()).limit(1)).one()
    said = {"p_negative": 0.8, "p_neutral": 0.1, "p_positive": 0.1, "event": "strike", "severity": 60.0}
    said |= {"half_life_days": 60.0, "triggers": [], **values}
    mention = Mention(fact_id=fact.id, partner_id=partner.id, alias="Acme", **said)
    reading = Reading(fact_id=fact.id, epoch=1, reader="1", language="en", outlet=outlet, read_at=NOW)
    readings.save(session, [reading], [mention], NOW)


def told(seen: Panel, row: int = 0) -> list[tuple[float, ...]]:
    """(age, p_negative, severity, half-life, outlets) of a partner's incidents, youngest first."""
    news = seen.incidents
    columns = news.age_days, news.p_negative, news.severity, news.half_life_days, news.outlets
    rows = list(zip(*(column[news.partner == row].tolist() for column in columns), strict=True))
    return sorted(rows)


def test_an_incident_is_told_by_its_newest_surest_and_gravest_article(db: Database, settings: Settings) -> None:
    with db.write() as session:
        acme, zeta = make_partner(session), make_partner(session, "Zeta")
        tell(session, acme, STRIKE[0], NOW - 10 * DAY, "a.example", severity=70.0, half_life_days=9.0)
        tell(session, acme, STRIKE[1], NOW - 9 * DAY, "b.example", p_negative=0.9)
        tell(session, acme, STRIKE[2], NOW - 8 * DAY, "b.example")
        tell(session, acme, "Acme in the dock", NOW - 5 * DAY, event=None, severity=25.0, p_negative=0.6)
        tell(session, acme, STRIKE[0], NOW - 800 * DAY)
        tell(session, zeta, STRIKE[0], NOW - 8 * DAY)
        ids, seen = panel.build(session, settings, NOW, NOW)
        row = ids.index(acme.id)
        assert told(seen, row) == [(5, 0.6, 25, 60, 1), (8, 0.9, 70, 9, 2)]
        assert told(seen, 1 - row) == [(8, 0.8, 60, 60, 1)]
        event = {kinds.EVENTS[one] if one >= 0 else None for one in seen.incidents.event}
        assert event == {"strike", None}
        assert len(build(session, settings, NOW - DAY).incidents.partner) == 0, "read only later"


def test_unknown_outlets_count_as_one(db: Database, settings: Settings) -> None:
    with db.write() as session:
        acme = make_partner(session)
        for title, outlet in zip(STRIKE, ("", "", "a.example"), strict=True):
            tell(session, acme, title, NOW - DAY, outlet)
        assert told(build(session, settings)) == [(1, 0.8, 60, 60, 2)]


def test_uncertain_articles_turn_nothing_and_calm_ones_do_not_make_bad_news_worse(
    db: Database, settings: Settings
) -> None:
    uncertain = {"p_negative": 0.45, "p_neutral": 0.4, "p_positive": 0.15}
    calm = {"p_negative": 0.2, "p_neutral": 0.8, "p_positive": 0.0}
    with db.write() as session:
        acme = make_partner(session)
        tell(session, acme, STRIKE[0], NOW - 3 * DAY, "a.example", **uncertain, severity=90.0)
        assert told(build(session, settings)) == []
        tell(session, acme, STRIKE[1], NOW - 2 * DAY, "b.example")
        bad = [(2, 0.8, 60, 60, 1)]
        assert told(build(session, settings)) == bad
        tell(session, acme, STRIKE[2], NOW - DAY, "c.example", **calm, severity=90.0)
        assert told(build(session, settings)) == bad
        tell(session, acme, "Acme opens a plant in Hue", NOW - DAY, "d.example", **calm, event=None, severity=0.0)
        assert told(build(session, settings)) == [(1, 0.2, 0, 60, 1), *bad]


def test_incidents_are_the_same_whether_few_or_many_are_asked_for(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.write() as session:
        for name in ("Acme", "Zeta"):
            who = make_partner(session, name)
            tell(session, who, STRIKE[0], NOW - 3 * DAY, "a.example")
        few = build(session, settings)
        monkeypatch.setattr(talk, "_FEW_PARTNERS", 0)
        many = build(session, settings)
    assert [told(few, row) for row in (0, 1)] == [told(many, row) for row in (0, 1)] == [[(3, 0.8, 60, 60, 1)]] * 2


def run(session: Session, source: models.Source, at: datetime, outcome: RunOutcome = RunOutcome.OK) -> None:
    """One visit of a source, over at once."""
    session.add(models.Run(source_id=source.id, started_at=at, finished_at=at, outcome=outcome))
    session.flush()


def test_blindness_is_that_of_the_partners_own_sources(db: Database, settings: Settings) -> None:
    with db.write() as session:
        make_partner(session, "Both", keys=[("email", "b@both.example")])
        make_partner(session, "Dark", keys=[("email", "d@dark.example")])
        make_partner(session, "Silent")
        for source, addresses in {"seeing": ["b@both.example"], "dark": ["b@both.example", "d@dark.example"]}.items():
            for address in addresses:
                report(session, messages([NOW - DAY], key=Key("email", address)), source=source)
        dark = session.scalars(select(models.Source).where(models.Source.name == "dark")).one()
        dark.collector = "imap"
        run(session, dark, NOW - 12 * HOUR)
        run(session, dark, NOW - HOUR, RunOutcome.REFUSED)
        ids, seen = panel.build(session, settings, NOW, NOW)
        names = dict(partners.names(session))
        days = {names[ids[row]]: value for row, value in enumerate(seen.blind_days["communication"])}
        assert days == {"Both": 0.0, "Dark": 0.5, "Silent": 0.0}
        for family in ("delivery", "sentiment", "measure"):
            assert np.isnan(seen.blind_days[family]).all()


def test_measures_have_a_family_of_their_own_that_can_be_blind(db: Database, settings: Settings) -> None:
    with db.write() as session:
        make_partner(session, keys=[(CODE.scheme, CODE.value)])
        report(session, [measure("satisfaction", 4.0)], source="survey")
        survey = session.scalars(select(models.Source).where(models.Source.name == "survey")).one()
        survey.collector = "table"
        run(session, survey, NOW - 3 * DAY)
        run(session, survey, NOW - DAY, RunOutcome.UNAVAILABLE)
        assert build(session, settings).blind_days["measure"].tolist() == [3.0]


def test_whether_a_source_was_blind_then_does_not_depend_on_what_came_later(db: Database, settings: Settings) -> None:
    with db.write() as session:
        make_partner(session, keys=[("email", ADDRESS.value)])
        report(session, messages([NOW - 9 * DAY]), NOW - 9 * DAY, source="mail")
        mail = session.scalars(select(models.Source).where(models.Source.name == "mail")).one()
        mail.collector = "imap"
        run(session, mail, NOW - 9 * DAY)

        def blind(as_of: datetime) -> float:
            return float(build(session, settings, as_of, known_at=NOW).blind_days["communication"][0])

        moments = [NOW - 9 * DAY + hours * HOUR for hours in (1, 25, 30)]
        before = [blind(moment) for moment in moments]
        assert before == pytest.approx([0.0, 0.0, 30 / 24])
        mail.blind_since = NOW - 9 * DAY  # as the scheduler notes once the time has passed
        run(session, mail, NOW - 7 * DAY, RunOutcome.CHANGED)
        run(session, mail, NOW - 6 * DAY, RunOutcome.UNAVAILABLE)
        assert [blind(moment) for moment in moments] == before
        assert blind(NOW - 6 * DAY) == pytest.approx(3.0), "still dark: nothing has gone well since"
        run(session, mail, NOW - 5 * DAY)
        assert blind(NOW - 5 * DAY) == 0.0
        assert blind(NOW - 6 * DAY) == pytest.approx(3.0)
