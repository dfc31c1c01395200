"""What a panel is made of beside counts of messages and deliveries: replies, conversations, meetings, milestones."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from factories import ADDRESS, CODE, DAY, NOW, delivery, make_partner, make_source, measure, message
from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Fact, Key
from scorers.base import Events, Panel
from warden import models
from warden.db import Database
from warden.domain import AlertState, MeetingStatus, RuleState, Severity
from warden.settings import Settings
from warden.store import identifiers, meetings, panel, shipped
from warden.store.facts import insert_facts

HOUR = timedelta(hours=1)
TODAY = NOW.date()


@pytest.fixture
def acme(db: Database) -> models.Partner:
    """A partner with an address and a supplier code."""
    with db.write() as session:
        keys = [("email", ADDRESS.value), (CODE.scheme, CODE.value)]
        return make_partner(session, keys=keys, now=NOW - 900 * DAY)


def report(session: Session, facts: list[Fact], at: datetime = NOW) -> None:
    found = session.scalar(select(models.Source))
    insert_facts(session, (found or make_source(session)).id, facts, at)
    identifiers.attribute_new(session, at)


def build(db: Database, settings: Settings, as_of: datetime = NOW, **values: Any) -> Panel:
    with db.read() as session:
        return panel.build(session, settings, as_of, **{"known_at": NOW, **values})[1]


def days_ago(seen: Panel, name: str) -> dict[int, int]:
    """Counts of the first partner that are not zero, by how many days ago."""
    counts = seen.daily[name][0]
    return {int(seen.now[0]) - int(day): int(counts[day]) for day in np.flatnonzero(counts)}


def told(events: Events) -> list[tuple[float, float]]:
    """(days ago, value) of all events, oldest first."""
    pairs = zip(events.age_days.tolist(), events.value.tolist(), strict=True)
    return sorted(((round(age, 9), value) for age, value in pairs), reverse=True)


def test_replies_are_the_partners_own_in_hours(db: Database, settings: Settings, acme: models.Partner) -> None:
    with db.write() as session:
        report(
            session,
            [
                message(NOW - 3 * DAY, reply_seconds=5400.0),
                message(NOW - DAY, reply_seconds=0.0),
                message(NOW - 2 * DAY, reply_seconds=60.0, sent=True),
                message(NOW - 2 * DAY),
                message(NOW - 800 * DAY, reply_seconds=60.0),
                message(NOW - 5 * DAY, reply_seconds=3600.9),
                message(NOW - 4 * DAY, reply_seconds=1e300),
            ],
        )
    assert told(build(db, settings).replies) == [(5.0, 1.0), (4.0, 1e9 / 3600), (3.0, 1.5), (1.0, 0.0)]


def test_a_conversation_begins_with_its_first_message(db: Database, settings: Settings, acme: models.Partner) -> None:
    other = Key("email", "binh@acme.example")
    with db.write() as session:
        identifiers.add_identifier(session, acme, other.scheme, other.value, NOW)
        report(
            session,
            [
                message(NOW - 9 * DAY, thread="a", sent=True),
                message(NOW - 8 * DAY, thread="a"),
                message(NOW - 7 * DAY, thread="b", key=other),
                message(NOW - 6 * DAY, thread="b"),  # another address of the same partner: the same conversation
                message(NOW - 6 * DAY, thread="b", sent=True),
                message(NOW - 5 * DAY, thread="c", reply_seconds=60.0),  # an answer to what we do not have
                message(NOW - 4 * DAY),
            ],
        )
    seen = build(db, settings)
    assert (days_ago(seen, "threads_in"), days_ago(seen, "threads_out")) == ({7: 1}, {9: 1})
    assert days_ago(build(db, settings, NOW - 8.5 * DAY), "threads_out") == {0: 1}


def test_one_thread_with_two_partners_begins_with_each(db: Database, settings: Settings, acme: models.Partner) -> None:
    bolt = Key("email", "bo@bolt.example")
    with db.write() as session:
        make_partner(session, "Bolt", keys=[("email", bolt.value)])
        report(session, [message(NOW - DAY, thread="a", sent=True), message(NOW - HOUR, thread="a", key=bolt)])
    seen = build(db, settings)
    assert seen.daily["threads_out"].sum(axis=1).tolist() in ([1, 0], [0, 1])
    assert seen.daily["threads_in"].sum() == 1


def test_a_later_message_does_not_begin_a_conversation_again(
    db: Database, settings: Settings, acme: models.Partner
) -> None:
    with db.write() as session:
        report(session, [message(NOW - day * DAY, thread="a", sent=day % 2 == 0) for day in range(1, 20)])
    assert days_ago(build(db, settings), "threads_in") == {19: 1}
    assert build(db, settings).daily["threads_out"].sum() == 0


def test_deliveries_are_counted_when_made_too(db: Database, settings: Settings, acme: models.Partner) -> None:
    due = TODAY - 10 * DAY
    with db.write() as session:
        report(
            session,
            [
                delivery(due, TODAY - 8 * DAY),
                delivery(due, made_at=NOW - 3 * DAY, at=NOW - 3 * DAY),
                delivery(TODAY + 9 * DAY, TODAY - DAY),
                delivery(due),
                delivery(TODAY - 800 * DAY, TODAY - 2 * DAY),  # due before there is a column for it
            ],
        )
    seen = build(db, settings)
    assert days_ago(seen, "made") == {8: 1, 3: 1, 2: 1, 1: 1}
    assert (days_ago(seen, "due"), days_ago(seen, "late")) == ({10: 3}, {10: 3})


def test_meetings_are_those_reported_and_our_own(db: Database, settings: Settings, acme: models.Partner) -> None:
    with db.write() as session:
        report(session, [measure("meeting", 1.0, NOW - 5 * DAY), measure("meeting", 2.0, NOW - 2 * DAY)])
        meeting = propose(session, acme)
        meetings.held(session, meeting, outcome="Agreed.", who="an", now=NOW, held_at=NOW - DAY)
    assert days_ago(build(db, settings), "met") == {5: 1, 2: 2, 1: 1}
    assert days_ago(build(db, settings, known_at=NOW - HOUR), "met") == {}, "nobody had told us yet"
    assert days_ago(build(db, settings, NOW - 3 * DAY), "met") == {2: 1}


def test_meetings_of_every_level_are_meetings(db: Database, settings: Settings, acme: models.Partner) -> None:
    names = ("meeting", "meeting_executive", "meeting_management", "meeting_working")
    with db.write() as session:
        report(session, [measure(name, 1.0, NOW - number * DAY) for number, name in enumerate(names, 1)])
    seen = build(db, settings)
    assert days_ago(seen, "met") == {1: 1, 2: 1, 3: 1, 4: 1}
    assert not set(seen.measures) & set(names)


def propose(session: Session, partner: models.Partner) -> models.Meeting:
    """A meeting as a rule proposes it."""
    shipped.seed(session, NOW)
    rule = session.scalars(select(models.Rule)).first()
    assert rule is not None
    whose = {"rule_id": rule.id, "partner_id": partner.id}
    decision = models.Decision(
        key="k", at=NOW - 9 * DAY, before=RuleState.OK, after=RuleState.FIRING, reason={}, context={}, **whose
    )
    session.add(decision)
    session.flush()
    alert = models.Alert(
        decision_id=decision.id, state=AlertState.FIRING, severity=Severity.WARNING, fired_at=NOW - 9 * DAY, **whose
    )
    session.add(alert)
    session.flush()
    meeting = models.Meeting(
        partner_id=partner.id, alert_id=alert.id, status=MeetingStatus.PROPOSED, proposed_at=NOW - 9 * DAY, due_on=TODAY
    )
    session.add(meeting)
    session.flush()
    return meetings.get(session, meeting.id)


def test_milestones_are_met_or_missed_at_their_due_moment(
    db: Database, settings: Settings, acme: models.Partner
) -> None:
    with db.write() as session:
        values = {30: 1.0, 20: 0.0, 10: 0.0}
        report(session, [measure("milestone", value, NOW - days * DAY) for days, value in values.items()])
    seen = build(db, settings)
    assert (days_ago(seen, "milestones"), days_ago(seen, "missed")) == ({30: 1, 20: 1, 10: 1}, {20: 1, 10: 1})
    assert "milestone" not in seen.measures


def test_other_measures_are_there_by_name(db: Database, settings: Settings, acme: models.Partner) -> None:
    with db.write() as session:
        report(
            session,
            [
                measure("satisfaction", 4.5, NOW - 40 * DAY),
                measure("satisfaction", 3.0, NOW - 12 * HOUR),
                measure("defects", 7.0, NOW - DAY),
                measure("satisfaction", 1.0, NOW - DAY, key=Key("supplier_code", "of nobody")),
            ],
        )
    seen = build(db, settings)
    assert told(seen.measures["satisfaction"]) == [(40.0, 4.5), (0.5, 3.0)]
    assert told(seen.measures["defects"]) == [(1.0, 7.0)]
    assert set(build(db, settings, NOW - 2 * DAY).measures) == {"satisfaction"}


def test_a_day_can_count_more_than_sixteen_bits_hold(db: Database, settings: Settings, acme: models.Partner) -> None:
    with db.write() as session:
        report(session, [measure("meeting", 1e300, NOW - DAY) for _ in range(70)])
        report(session, [measure("meeting", -3.0, NOW - 2 * DAY), measure("meeting", 0.4, NOW - 2 * DAY)])
    assert days_ago(build(db, settings), "met") == {1: 70_000}, "and no fact tells of more than a thousand meetings"


def test_what_nobody_reported_takes_no_memory(db: Database, settings: Settings, acme: models.Partner) -> None:
    seen = build(db, settings)
    assert {counts.strides for counts in seen.daily.values()} == {(0, 0)}
    assert {counts.shape for counts in seen.daily.values()} == {(1, seen.days)}


def test_time_can_pass_without_news(db: Database, settings: Settings, acme: models.Partner) -> None:
    then = NOW - 20 * DAY
    due_before, due_since = then.date() - 2 * DAY, then.date() + 5 * DAY
    with db.write() as session:
        report(
            session,
            [
                message(then - DAY, reply_seconds=60.0),
                message(then + DAY, reply_seconds=60.0),
                measure("satisfaction", 4.0, then - DAY),
                measure("satisfaction", 2.0, then + DAY),
                measure("milestone", 0.0, then + DAY),
                delivery(due_before, made_on=then.date() + 3 * DAY),  # made late since: it was late then already
                delivery(due_since, made_on=due_since),  # heard of since
                delivery(due_since, at=then - DAY),  # known of then, and never made
            ],
        )
    seen = build(db, settings, observed_until=then)
    assert seen.at == NOW
    assert days_ago(seen, "received") == {21: 1}
    assert told(seen.replies) == [(21.0, 60 / 3600)]
    assert told(seen.measures["satisfaction"]) == [(21.0, 4.0)]
    assert days_ago(seen, "milestones") == {}
    assert (days_ago(seen, "due"), days_ago(seen, "late")) == ({22: 1, 15: 1}, {22: 1, 15: 1})
    assert days_ago(seen, "made") == {}


def test_the_calendar_of_each_country_is_the_exposure(db: Database, settings: Settings) -> None:
    with db.write() as session:
        places = {"A": (None, "UTC"), "B": ("VN", "UTC"), "C": (None, "Asia/Taipei"), "D": ("VN", "Asia/Taipei")}
        ids = {
            make_partner(session, name, country=country, time_zone=zone).id: name
            for name, (country, zone) in places.items()
        }
        found, seen = panel.build(session, settings, NOW, NOW)
    rows = {ids[one]: seen.exposure.patterns[seen.exposure.of[row]] for row, one in enumerate(found)}
    assert rows["A"].tolist() == [1.0] * seen.days
    np.testing.assert_array_equal(rows["B"], rows["D"])
    tet, feast = (column(seen, day) for day in (date(2026, 2, 17), date(2026, 2, 28)))
    assert (rows["B"][tet], rows["C"][tet]) == (0, 0)
    assert (rows["B"][feast], rows["C"][feast]) == (0, 0), "a Saturday; in Taiwan a holiday on a weekend"
    assert rows["C"][column(seen, date(2026, 2, 27))] == 0, "and its day off is the Friday before"
    assert rows["B"][column(seen, date(2026, 2, 27))] == np.float32(1.4)
    assert len(seen.exposure.patterns) == 3


def column(seen: Panel, day: date) -> int:
    """The column of a date, of partners whose zone has the date of UTC."""
    return seen.days - 1 - (TODAY - day).days
