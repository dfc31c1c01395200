"""Clocks set forward and back, a leap day, a week asleep: everything due comes once, and not before its moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from alarmed import NOW, SETTINGS, VAULT, a_rule, fire
from assessed import destination, partner, person
from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import (
    EscalateTo,
    Frequency,
    MeetingStatus,
    NoticeReason,
    NotificationReason,
    Severity,
    Side,
    SilenceKind,
)
from warden.models import Meeting, Notice, Notification, Partner
from warden.pipeline import announce, digest, meetings
from warden.rules.escalation import MOST_MINUTES
from warden.store import actions, digests, escalation, routes, rules, silences

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WORKING_MINUTES = 90
STANDING = timedelta(days=56)


@dataclass(frozen=True)
class Jump:
    """A day on which clocks are odd somewhere. `asleep`: nothing runs from that midnight on for a week."""

    zone: str
    on: date
    asleep: bool

    def at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """Return when clocks there show a time, so many days after the odd one."""
        local = datetime.combine(self.on + days * DAY, time(hour, minute), ZoneInfo(self.zone))
        return local.astimezone(UTC)

    def ticks(self) -> Sequence[datetime]:
        """Return when the service looks: every hour around the jump, on the next morning, every twelve hours else."""
        some = [self.at(-3, 6) + number * 12 * HOUR for number in range(26)]
        some += [self.at(0, 0) - HOUR + number * HOUR for number in range(28)]
        some += [self.at(1, 10), self.at(1, 10, 30), self.at(1, 11)]
        asleep = (self.at(0, 0), self.at(7, 0)) if self.asleep else (self.at(0, 0), self.at(0, 0))
        return sorted(tick for tick in set(some) if not asleep[0] <= tick < asleep[1])

    def first_tick(self, moment: datetime) -> datetime:
        return next(tick for tick in self.ticks() if tick >= moment)


ODD_DAYS = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/Berlin", date(2028, 2, 29)),
)


@pytest.fixture(params=[(zone, on, asleep) for asleep in (False, True) for zone, on in ODD_DAYS], ids=str)
def jump(request: pytest.FixtureRequest) -> Jump:
    return Jump(*request.param)


@pytest.fixture
def lived(jump: Jump, sqlite_db: Database) -> Database:
    """The days around the jump, in which all that knows a clock falls due."""
    with sqlite_db.write() as session:
        _prepare(session, jump)
    announce.run(sqlite_db, VAULT, SETTINGS, _stood_since(jump))
    for tick in jump.ticks():
        for moment, name, key in _fires(jump):
            if jump.first_tick(moment) == tick:
                with sqlite_db.write() as session:
                    who = session.scalars(select(Partner).where(Partner.name == name)).one()
                    fire(session, who, rules.by_key(session, key), tick)
        meetings.miss(sqlite_db, SETTINGS, tick)
        announce.run(sqlite_db, VAULT, SETTINGS, tick)
        digest.run(sqlite_db, VAULT, SETTINGS, tick)
    return sqlite_db


def _prepare(session: Session, jump: Jump) -> None:
    start = jump.at(-5, 0)
    destination(session, "hook", start, alerts=True)
    mail = destination(session, "mail", start, channel="email", alerts=False)
    owner = person(session, "Olga Owner", jump.zone)
    stood, told, quiet = (partner(session, name, start, owner_id=owner.id) for name in ("Stood", "Told", "Quiet"))
    a_rule(session, "grave", start, Severity.CRITICAL)
    late = a_rule(session, "late", start)
    step = {"after_minutes": WORKING_MINUTES, "working_hours": True, "to": EscalateTo.OWNER}
    escalation.put(session, [{**step, "min_severity": Severity.CRITICAL}], MOST_MINUTES)
    silences.add(
        session,
        kind=SilenceKind.MAINTENANCE,
        matchers={"partner": [str(quiet.id)]},
        starts_at=datetime.combine(jump.on, time(0)),
        ends_at=datetime.combine(jump.on, time(6)),
        time_zone=jump.zone,
        reason="The ERP moves.",
        author="olga",
        now=start,
    )
    standing = fire(session, stood, late, _stood_since(jump))
    meeting = Meeting(
        alert_id=standing.id,
        partner_id=stood.id,
        owner_id=owner.id,
        status=MeetingStatus.PROPOSED,
        proposed_at=start,
        due_on=jump.on,
        attendees=[{"name": owner.name, "email": owner.email, "role": "owner"}],
    )
    session.add(meeting)
    actions.add(
        session,
        told,
        text="Steps",
        side=Side.OURS,
        due_on=jump.on,
        author="olga",
        now=start - 9 * DAY,
        owner_id=owner.id,
    )
    digests.add(session, person=owner, destination=mail, frequency=Frequency.DAILY, hour=2, now=start)


def _fires(jump: Jump) -> Iterator[tuple[datetime, str, str]]:
    """Yield what fires when: late on the working day before the jump, and in the night of the window."""
    before = next(days for days in (-1, -2, -3) if (jump.on + days * DAY).weekday() < 5)
    yield jump.at(before, 17), "Told", "grave"
    yield jump.at(0, 3, 30), "Quiet", "late"


def _stood_since(jump: Jump) -> datetime:
    return jump.at(0, 5) - STANDING


def moments(db: Database, reason: NoticeReason, name: str) -> list[datetime]:
    """When notices of this reason about a partner, or many, were sent."""
    with db.read() as session:
        who = session.scalars(select(Partner.id).where(Partner.name == name)).one()
        query = select(Notice).where(Notice.reason == reason, Notice.sent).order_by(Notice.at)
        return [one.at for one in session.scalars(query) if one.partner_id == who or str(who) in one.partners]


def local_dates(db: Database, jump: Jump, reason: NotificationReason) -> list[date]:
    """On which days, there, messages of this kind were queued."""
    with db.read() as session:
        query = select(Notification.created_at).where(Notification.reason == reason).order_by(Notification.created_at)
        return [moment.astimezone(ZoneInfo(jump.zone)).date() for moment in session.scalars(query)]


def test_everything_due_comes_once_and_at_its_moment(jump: Jump, lived: Database) -> None:
    assert_the_window_ended_by_the_clock(jump, lived)
    assert_the_alert_climbed_in_working_hours(jump, lived)
    assert moments(lived, NoticeReason.REMINDER, "Stood") == [jump.first_tick(_stood_since(jump) + STANDING)]
    assert_the_meeting_was_missed_once(jump, lived)
    assert len(moments(lived, NoticeReason.ACTION_DUE, "Told")) == 2, "before its day, and once it is over"
    assert_a_digest_came_every_day(jump, lived)


def assert_the_window_ended_by_the_clock(jump: Jump, db: Database) -> None:
    over = jump.first_tick(jump.at(0, 6))
    if jump.asleep:  # it fired after the window
        assert moments(db, NoticeReason.FIRST, "Quiet") == [over]
    else:
        assert moments(db, NoticeReason.FIRST, "Quiet") == []
        assert moments(db, NoticeReason.SILENCE_ENDED, "Quiet") == [over]


def assert_the_alert_climbed_in_working_hours(jump: Jump, db: Database) -> None:
    """It was told at 18:00, when work is over."""
    works = next(days for days in (0, 1) if (jump.on + days * DAY).weekday() < 5)
    assert moments(db, NoticeReason.ESCALATION, "Told") == [jump.first_tick(jump.at(works, 10, 30))]


def assert_the_meeting_was_missed_once(jump: Jump, db: Database) -> None:
    with db.read() as session:
        meeting = session.scalars(select(Meeting)).one()
    assert (meeting.status, meeting.escalated_at) == (MeetingStatus.MISSED, jump.first_tick(jump.at(1, 0)))
    assert len(local_dates(db, jump, NotificationReason.MEETING_ESCALATED)) == 2, "the destination and the owner"


def assert_a_digest_came_every_day(jump: Jump, db: Database) -> None:
    days = local_dates(db, jump, NotificationReason.DIGEST)
    assert days == sorted(set(days))
    missed = 7 if jump.asleep else 0  # made up for once
    assert len(days) == (days[-1] - days[0]).days + 1 - missed


@pytest.mark.parametrize("on", [date(2026, 3, 28), date(2026, 10, 24)], ids=["spring", "autumn"])
def test_a_route_for_the_night_holds_from_ten_to_six_by_the_clock(sqlite_db: Database, on: date) -> None:
    night = Jump("Europe/Berlin", on, asleep=False)
    hours = {"time_zone": night.zone, "days": [on.weekday()], "from": "22:00", "until": "06:00"}
    begin = night.at(0, 22)
    moments = [begin - HOUR, begin - MINUTE, begin, *(begin + number * HOUR for number in range(1, 7))]
    moments += [night.at(1, 6) - MINUTE, night.at(1, 6), night.at(1, 22)]
    with sqlite_db.write() as session:
        destination(session, "by day", NOW)
        watch = destination(session, "by night", NOW, alerts=False)
        to = {"destination_ids": [str(watch.id)], "people": []}
        routes.add(session, {"name": "night", "matchers": {"hours": hours}, **to})
    for number, at in enumerate(moments):
        with sqlite_db.write() as session:
            fire(session, partner(session, f"P{number}", NOW), a_rule(session, f"rule_{number}", NOW), at)
        announce.run(sqlite_db, VAULT, SETTINGS, at)
    with sqlite_db.read() as session:
        rows = session.execute(select(Notification.created_at, Notification.destination_id))
        taken = {at: destination_id == watch.id for at, destination_id in rows}
    assert taken == {at: begin <= at < night.at(1, 6) for at in moments}
