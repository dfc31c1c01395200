"""What people may do with a meeting, and what is refused with a sentence they understand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from assessed import assess, partner
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import MeetingStatus
from warden.errors import Conflict, InvalidInput, NotFound
from warden.models import Meeting
from warden.pipeline import decide
from warden.settings import Settings
from warden.store import meetings, shipped

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
Act = Callable[[Session, Meeting], Meeting]

SCHEDULE: Act = lambda s, m: meetings.schedule(s, m, starts_at=NOW + 2 * DAY, minutes=45, place="Taipei", now=NOW)  # noqa: E731
MOVE: Act = lambda s, m: meetings.schedule(s, m, starts_at=NOW + 2 * DAY, minutes=45, place="Hanoi", now=NOW)  # noqa: E731
HOLD: Act = lambda s, m: meetings.held(s, m, outcome="Weekly calls from now on.", who="olga", now=NOW + DAY)  # noqa: E731
WAIVE: Act = lambda s, m: meetings.waive(s, m, reason="They called first.", who="olga")  # noqa: E731
MISS: Act = lambda s, m: meetings.miss(s, m, NOW + 9 * DAY)  # noqa: E731


@pytest.fixture
def proposed(db: Database) -> Database:
    with db.write() as session:
        shipped.seed(session, NOW)
        assess(session, partner(session, "Acme", NOW), NOW, "high")
    decide.run(db, Settings(), NOW)
    return db


def the_meeting(session: Session) -> Meeting:
    (meeting,) = meetings.listing(session).items
    return meeting


@pytest.mark.parametrize(
    ("acts", "status", "sequence"),
    [
        ([SCHEDULE], MeetingStatus.SCHEDULED, 1),
        ([SCHEDULE, MOVE], MeetingStatus.SCHEDULED, 2),
        ([SCHEDULE, MOVE, SCHEDULE], MeetingStatus.SCHEDULED, 3),
        ([SCHEDULE, HOLD], MeetingStatus.HELD, 1),  # what calendars hold stays as it is
        ([HOLD], MeetingStatus.HELD, 0),
        ([WAIVE], MeetingStatus.WAIVED, 1),
        ([MISS, SCHEDULE], MeetingStatus.SCHEDULED, 1),
        ([MISS, HOLD], MeetingStatus.HELD, 0),
        ([SCHEDULE, MISS, WAIVE], MeetingStatus.WAIVED, 2),
    ],
)
def test_what_may_follow_what(proposed: Database, acts: list[Act], status: MeetingStatus, sequence: int) -> None:
    with proposed.write() as session:
        meeting = the_meeting(session)
        for act in acts:
            act(session, meeting)
    with proposed.read() as session:
        meeting = the_meeting(session)
        assert (meeting.status, meeting.sequence) == (status, sequence)
        assert meeting.version == 1 + len(acts)


@pytest.mark.parametrize("first", [HOLD, WAIVE])
@pytest.mark.parametrize("then", [SCHEDULE, HOLD, WAIVE])
def test_a_closed_meeting_stays_closed(proposed: Database, first: Act, then: Act) -> None:
    with proposed.write() as session:
        meeting = the_meeting(session)
        first(session, meeting)
        with pytest.raises(Conflict, match=r"This meeting was (held|waived) already; it cannot be \w+\."):
            then(session, meeting)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (
            lambda s, m: meetings.schedule(s, m, starts_at=NOW - DAY, now=NOW),
            "starts_at: is .* expected a time after now",
        ),
        (
            lambda s, m: meetings.schedule(s, m, starts_at=NOW + DAY, minutes=5, now=NOW),
            "minutes: is 5; expected 15 to 480",
        ),
        (lambda s, m: meetings.schedule(s, m, starts_at=NOW + DAY, place="x" * 301, now=NOW), "at most 300"),
        (lambda s, m: meetings.held(s, m, outcome=" ", who="o", now=NOW), "closed with its outcome"),
        (lambda s, m: meetings.held(s, m, outcome="\u200b\u2060", who="o", now=NOW), "closed with its outcome"),
        (lambda s, m: meetings.waive(s, m, reason="\u200b", who="o"), "waived with a reason"),
        (
            lambda s, m: meetings.held(s, m, outcome="ok", who="o", now=NOW, held_at=NOW + DAY),
            "cannot have been held yet",
        ),
        (lambda s, m: meetings.waive(s, m, reason="", who="o"), "waived with a reason"),
    ],
)
def test_what_does_not_fit_is_refused(proposed: Database, act: Act, sentence: str) -> None:
    with proposed.write() as session, pytest.raises(InvalidInput, match=sentence):
        act(session, the_meeting(session))


def test_a_meeting_scheduled_as_it_is_already_stays_as_it_is(proposed: Database) -> None:
    with proposed.write() as session:
        SCHEDULE(session, the_meeting(session))
    with proposed.write() as session:
        meeting = SCHEDULE(session, the_meeting(session))
        assert (meeting.sequence, meeting.version) == (1, 2)


def test_a_missed_meeting_scheduled_anew_is_due_on_its_new_day(proposed: Database) -> None:
    with proposed.write() as session:
        meeting = the_meeting(session)
        MISS(session, meeting)
        meetings.schedule(session, meeting, starts_at=NOW + 12 * DAY, now=NOW + 10 * DAY)
        assert meeting.due_on == (NOW + 12 * DAY).date()
        assert not meetings.is_overdue(meeting, NOW + 12 * DAY)
        assert meetings.is_overdue(meeting, NOW + 13 * DAY)


def test_a_meeting_arranged_beyond_its_date_is_not_missed_before_it(proposed: Database) -> None:
    with proposed.write() as session:
        meeting = the_meeting(session)
        meetings.schedule(session, meeting, starts_at=NOW + 12 * DAY, now=NOW)
        assert not meetings.is_overdue(meeting, NOW + 12 * DAY)
        assert meetings.overdue(session, NOW + 12 * DAY) == []
        assert meetings.overdue(session, NOW + 13 * DAY) == [meeting]


def test_meetings_are_listed_the_first_due_first(proposed: Database) -> None:
    with proposed.write() as session:
        assess(session, partner(session, "Bolt", NOW), NOW + DAY, "high")
    decide.run(proposed, Settings(), NOW + DAY)
    with proposed.read() as session:
        page = meetings.listing(session, limit=1)
        assert [meeting.partner.name for meeting in page.items] == ["Acme"]
        assert [m.partner.name for m in meetings.listing(session, page.next, 1).items] == ["Bolt"]
        bolt = meetings.listing(session, due_before=page.items[0].due_on).items
        assert [meeting.partner.name for meeting in bolt] == ["Acme"]
        assert meetings.listing(session, status=MeetingStatus.HELD).items == []


def test_an_unknown_meeting_is_not_found(proposed: Database) -> None:
    with proposed.read() as session, pytest.raises(NotFound, match="There is no meeting"):
        meetings.get(session, the_meeting(session).partner_id)
