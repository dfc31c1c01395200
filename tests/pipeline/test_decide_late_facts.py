"""Facts of long ago that come in just when time makes a rule fire: the alert is told all the same."""

from datetime import UTC, datetime, timedelta

import pytest
from assessed import known_as, partner, report
from sqlalchemy import select

from collectors.base import Fact, Key, Measure, Message
from warden.db import Database
from warden.domain import Cause
from warden.models import Alert, AlertEvent, Rule
from warden.pipeline import assess, decide
from warden.settings import Settings
from warden.store import meta, rules, shipped

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings()
ACME = Key("supplier_code", "S-1")


@pytest.fixture
def watched(db: Database) -> Database:
    """Acme, known as S-1, of whom nothing was reported yet; silence is told at once, not after a day."""
    with db.write() as session:
        shipped.seed(session, NOW - 400 * DAY)
        acme = partner(session, "Acme", NOW - 400 * DAY)
        known_as(session, acme, "S-1", NOW - 400 * DAY)
        rules.update(session, rules.by_key(session, "gone_quiet"), {"for_seconds": 0}, NOW - 10 * DAY)
    return db


def wrote(last: datetime, weeks: int = 40) -> list[Fact]:
    """A message every week up to the last one."""
    moments = (last - week * 7 * DAY for week in range(weeks))
    return [Message(identity=f"m{at.isoformat()}", key=ACME, at=at, sent=False) for at in moments]


def measure(name: str, at: datetime, value: float = 1.0) -> Fact:
    return Measure(identity=f"{name}{at.isoformat()}", key=ACME, at=at, name=name, value=value)


def turn(db: Database, now: datetime) -> None:
    assess.run(db, SETTINGS, now)
    decide.run(db, SETTINGS, now)


def fired(db: Database, key: str) -> list[Cause]:
    """The causes of what is left to be told of a rule's alerts."""
    with db.read() as session:
        query = select(AlertEvent.cause).join(Alert, Alert.id == AlertEvent.alert_id)
        return list(session.scalars(query.join(Rule, Rule.id == Alert.rule_id).where(Rule.key == key)))


def test_a_silence_that_time_makes_is_no_late_fact_though_one_comes_in_with_it(watched: Database) -> None:
    report(watched, wrote(NOW - 31 * DAY), NOW - 2 * DAY)
    turn(watched, NOW - DAY)
    assert fired(watched, "gone_quiet") == []
    report(watched, [Message(identity="old", key=ACME, at=NOW - 99 * DAY, sent=False)], NOW - HOUR)
    turn(watched, NOW)
    assert fired(watched, "gone_quiet") == [Cause.TIME]


def test_a_silence_that_only_late_facts_tell_of_is_one(watched: Database) -> None:
    turn(watched, NOW - DAY)
    report(watched, wrote(NOW - 40 * DAY), NOW - HOUR)
    turn(watched, NOW)
    assert fired(watched, "gone_quiet") == [Cause.LATE_FACTS]


def test_late_facts_that_come_in_when_a_wait_is_over_keep_nothing_quiet(watched: Database) -> None:
    with watched.write() as session:
        rules.update(session, rules.by_key(session, "gone_quiet"), {"for_seconds": 86400}, NOW - 9 * DAY)
    report(watched, wrote(NOW - 31 * DAY), NOW - 2 * DAY)
    turn(watched, NOW - DAY)
    turn(watched, NOW)
    report(watched, [Message(identity="old", key=ACME, at=NOW - 99 * DAY, sent=False)], NOW + DAY)
    turn(watched, NOW + DAY + HOUR)
    assert fired(watched, "gone_quiet") == [Cause.TIME]


def test_a_silence_that_late_facts_told_of_is_told_once_it_has_stood_for_a_week(watched: Database) -> None:
    """Nothing that confirms it ever comes from a partner who writes no more."""
    turn(watched, NOW - DAY)
    report(watched, wrote(NOW - 40 * DAY), NOW - HOUR)
    for days in range(7):
        turn(watched, NOW + days * DAY)
    assert fired(watched, "gone_quiet") == [Cause.LATE_FACTS]
    turn(watched, NOW + 7 * DAY)
    turn(watched, NOW + 8 * DAY)
    assert fired(watched, "gone_quiet") == [Cause.LATE_FACTS, Cause.TIME]


def test_what_late_facts_raised_and_ended_within_the_week_is_not_told(watched: Database) -> None:
    turn(watched, NOW - DAY)
    report(watched, wrote(NOW - 40 * DAY), NOW - HOUR)
    turn(watched, NOW)
    report(watched, [Message(identity="new", key=ACME, at=NOW + DAY, sent=False)], NOW + DAY)
    for days in (1, 7, 8):
        turn(watched, NOW + days * DAY + HOUR)
    assert set(fired(watched, "gone_quiet")) == {Cause.LATE_FACTS, Cause.NEW_FACTS}


def test_what_waits_since_late_facts_came_stays_late_when_more_of_them_come(watched: Database) -> None:
    with watched.write() as session:
        rules.update(session, rules.by_key(session, "gone_quiet"), {"for_seconds": 86400}, NOW - 9 * DAY)
    turn(watched, NOW - DAY)
    report(watched, wrote(NOW - 40 * DAY), NOW - HOUR)
    turn(watched, NOW)
    report(watched, [Message(identity="old", key=ACME, at=NOW - 99 * DAY, sent=False)], NOW + DAY)
    turn(watched, NOW + DAY + HOUR)
    assert fired(watched, "gone_quiet") == [Cause.LATE_FACTS]


def test_a_meeting_is_overdue_by_time_though_an_old_survey_comes_in(watched: Database) -> None:
    report(watched, [measure("meeting_executive", NOW - 106 * DAY)], NOW - 100 * DAY)
    turn(watched, NOW - DAY)
    assert fired(watched, "executives_overdue") == []
    report(watched, [measure("satisfaction", NOW - 60 * DAY, 4.0)], NOW - HOUR)
    turn(watched, NOW)
    assert fired(watched, "executives_overdue") == [Cause.TIME]


def test_a_meeting_that_only_a_late_report_shows_to_be_overdue_is_late(watched: Database) -> None:
    turn(watched, NOW - DAY)
    report(watched, [measure("meeting_executive", NOW - 200 * DAY)], NOW - HOUR)
    turn(watched, NOW)
    assert fired(watched, "executives_overdue") == [Cause.LATE_FACTS]


def test_facts_that_came_since_the_last_assessment_are_no_older_than_the_look_that_did_not_see_them(
    watched: Database,
) -> None:
    """Between two assessments rules may look again: what came before that look changes verdicts only afterwards."""
    turn(watched, NOW - 2 * HOUR)
    with watched.write() as session:
        meta.put(session, meta.ASSESSED, {"at": (NOW - 2 * HOUR).isoformat()})
    report(watched, wrote(NOW - 40 * DAY), NOW - HOUR)
    decide.run(watched, SETTINGS, NOW - HOUR)
    turn(watched, NOW)
    assert fired(watched, "gone_quiet") == [Cause.LATE_FACTS]
