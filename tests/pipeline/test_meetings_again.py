"""How soon people are asked to meet again: not by what comes and goes, and in time by the rhythm of meetings."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alarmed import SETTINGS, announced
from assessed import assess, destination, partner, person
from sqlalchemy import select

from warden.db import Database
from warden.domain import HeldBack, MeetingLevel, MeetingStatus, Scope, SilenceKind
from warden.models import Meeting, Notice, Notification, Partner
from warden.pipeline import decide
from warden.pipeline import meetings as proposing
from warden.store import cadences, meetings, rules, shipped, silences

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ACME = uuid.uuid5(uuid.NAMESPACE_DNS, "Acme")


@pytest.fixture
def watched(db: Database) -> Database:
    """Acme, whose late deliveries ask for a meeting at once, and end at once."""
    with db.write() as session:
        shipped.seed(session, NOW)
        people = {"owner_id": person(session, "Lin").id, "sponsor_id": person(session, "Tran").id}
        partner(session, "Acme", NOW - 10 * DAY, **people)
        destination(session, "hook", NOW)
        destination(session, "mail", NOW, channel="email", alerts=False)
        values = {"keep_firing_for_seconds": 0, "meeting_within_days": 10}
        rules.update(session, rules.by_key(session, "late_rate"), values, NOW)
    return db


def turn(db: Database, at: datetime, *, late: float, band: str = "low") -> None:
    """Assess Acme, decide, and tell."""
    with db.write() as session:
        assess(session, session.get_one(Partner, ACME), at, band, late=late)
    looked(db, at)


def looked(db: Database, at: datetime) -> None:
    decide.run(db, SETTINGS, at)
    announced(db, at)


def on(db: Database, at: datetime) -> None:
    turn(db, at, late=0.5)


def off(db: Database, at: datetime) -> None:
    turn(db, at, late=0.0)


def states(db: Database) -> list[tuple[datetime, MeetingStatus]]:
    with db.read() as session:
        found = session.scalars(select(Meeting).order_by(Meeting.proposed_at)).all()
        return [(one.proposed_at, one.status) for one in found]


def told(db: Database) -> list[str]:
    """What Tran heard of meetings, in order."""
    with db.read() as session:
        mine = select(Notification.reason).where(
            Notification.recipient == "tran@us.example", Notification.meeting_id.is_not(None)
        )
        return [one.value for one in session.scalars(mine.order_by(Notification.created_at, Notification.id))]


def put_off(db: Database) -> list[dict[str, Any]]:
    with db.read() as session:
        return list(
            session.scalars(select(Notice.why).where(Notice.held_back == HeldBack.TOO_SOON).order_by(Notice.at))
        )


def test_what_comes_and_goes_asks_for_one_meeting_and_says_why_for_no_other(watched: Database) -> None:
    for day in range(6):
        on(watched, NOW + day * DAY)
        off(watched, NOW + day * DAY + 4 * HOUR)
    assert states(watched) == [(NOW, MeetingStatus.WAIVED)]
    assert told(watched) == ["meeting_proposed", "meeting_cancelled"]
    assert put_off(watched)[0] == {"message": proposing.FLAPPING, "params": {"days": 14, "rest": 7}}


def test_with_the_notice_that_it_is_unstable_no_meeting_is_proposed_but_once_it_is_steady(watched: Database) -> None:
    opened = []
    for day in (0, 5):  # neither asks for a meeting
        with watched.write() as session:
            rules.update(session, rules.by_key(session, "late_rate"), {"meeting_within_days": None}, NOW)
        on(watched, NOW + day * DAY)
        off(watched, NOW + day * DAY + 4 * HOUR)
    with watched.write() as session:
        rules.update(session, rules.by_key(session, "late_rate"), {"meeting_within_days": 10}, NOW)
    third = NOW + 6 * DAY
    on(watched, third)
    for days in range(1, 7):
        looked(watched, third + days * DAY)
        opened += states(watched)
    assert opened == []
    looked(watched, third + 7 * DAY)
    assert states(watched) == [(third + 7 * DAY, MeetingStatus.PROPOSED)]
    assert told(watched) == ["meeting_proposed"]


@pytest.mark.parametrize("is_silenced", [False, True])
def test_one_that_was_put_off_is_proposed_once_its_alert_has_stood_for_a_week(
    watched: Database, is_silenced: bool
) -> None:
    on(watched, NOW)
    off(watched, NOW + HOUR)
    on(watched, NOW + DAY)
    if is_silenced:
        with watched.write() as session:
            until = NOW + 10 * DAY
            silences.add(
                session, kind=SilenceKind.SILENCE, matchers={}, ends_at=until, reason="Audit", author="lin",
                now=NOW + 2 * DAY,
            )  # fmt: skip
    for days in range(2, 13):
        looked(watched, NOW + days * DAY)
    due = NOW + (10 if is_silenced else 8) * DAY
    assert states(watched) == [(NOW, MeetingStatus.WAIVED), (due, MeetingStatus.PROPOSED)]
    assert told(watched) == ["meeting_proposed", "meeting_cancelled", "meeting_proposed"]
    assert len(put_off(watched)) == 1, "the ledger says so once"


def test_what_is_worse_than_before_is_met_about_at_once(watched: Database) -> None:
    on(watched, NOW)
    off(watched, NOW + HOUR)
    turn(watched, NOW + DAY, late=0.5, band="moderate")
    assert [status for _, status in states(watched)] == [MeetingStatus.WAIVED, MeetingStatus.PROPOSED]


def test_what_ended_longer_ago_is_no_reason_to_put_it_off(watched: Database) -> None:
    on(watched, NOW)
    off(watched, NOW + HOUR)
    on(watched, NOW + 15 * DAY)
    assert [status for _, status in states(watched)] == [MeetingStatus.WAIVED, MeetingStatus.PROPOSED]


def test_a_meeting_that_nobody_was_asked_to_puts_none_off(watched: Database) -> None:
    with watched.write() as session:
        assess(session, session.get_one(Partner, ACME), NOW, "low", late=0.5)
    decide.run(watched, SETTINGS, NOW)
    off(watched, NOW + HOUR)
    on(watched, NOW + DAY)
    assert states(watched)[-1] == (NOW + DAY, MeetingStatus.PROPOSED)


# The rhythm


def met(db: Database, at: datetime) -> None:
    """People hold the meeting that is open."""
    with db.write() as session:
        meeting = meetings.open_of(session, ACME)
        assert meeting is not None
        meetings.held(session, meeting, outcome="Agreed.", who="lin", now=at)


def test_a_rhythm_shorter_than_the_rest_asks_for_the_next_meeting_when_it_is_overdue(watched: Database) -> None:
    with watched.write() as session:
        cadences.put(session, MeetingLevel.EXECUTIVE, Scope.PORTFOLIO, every_days=20, author="lin", now=NOW)
    on(watched, NOW)
    met(watched, NOW + DAY)
    off(watched, NOW + DAY)
    on(watched, NOW + 10 * DAY)
    assert [status for _, status in states(watched)] == [MeetingStatus.HELD], "that they met settles anything else"
    assert put_off(watched)[0]["message"] == proposing.TOO_SOON
    off(watched, NOW + 11 * DAY)
    overdue = NOW + 21 * DAY
    for days in range(3, 30, 3):
        off(watched, overdue + days * DAY)
    assert [status for _, status in states(watched)][:2] == [MeetingStatus.HELD, MeetingStatus.PROPOSED]
    with watched.read() as session:
        meeting = meetings.open_of(session, ACME) or meetings.listing(session).items[-1]
        assert meeting.alert.rule.key == "executives_overdue"
