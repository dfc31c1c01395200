"""Answers to invitations: the newest to the meeting as it stands counts, and only of people who were asked."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assessed import assess, partner, person
from sqlalchemy.orm import Session

from collectors.base import Reply
from warden.db import Database
from warden.models import Meeting
from warden.pipeline import decide
from warden.settings import Settings
from warden.store import meetings, replies, shipped

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TRAN = "tran.sponsor@us.example"


@pytest.fixture
def asked(db: Database) -> Database:
    """A meeting proposed with Lin, who owns the partner, and Tran, who sponsors it."""
    with db.write() as session:
        shipped.seed(session, NOW)
        people = {"owner_id": person(session, "Lin Owner").id, "sponsor_id": person(session, "Tran Sponsor").id}
        assess(session, partner(session, "Acme", NOW, **people), NOW, "high")
    decide.run(db, Settings(), NOW)
    return db


def the(session: Session) -> Meeting:
    (meeting,) = meetings.listing(session).items
    return meeting


def answer(session: Session, partstat: str, sequence: int = 0, at: datetime = NOW, **values: Any) -> int:
    fixed = {"meeting_id": the(session).id, "attendee": TRAN}
    return replies.note(session, [Reply(partstat=partstat, sequence=sequence, at=at, **{**fixed, **values})], NOW + DAY)


def standing(session: Session) -> dict[str, str]:
    return {one["email"]: one.get("partstat", "needs-action") for one in the(session).attendees}


def move(session: Session, days: int, place: str = "Taipei") -> None:
    meetings.schedule(session, the(session), starts_at=NOW + days * DAY, place=place, now=NOW)


def test_an_answer_is_the_attendees_and_nobody_elses(asked: Database) -> None:
    with asked.write() as session:
        version = the(session).version
        assert answer(session, "accepted") == 1
        assert standing(session) == {"lin.owner@us.example": "needs-action", TRAN: "accepted"}
        assert the(session).version == version + 1
        assert answer(session, "accepted") == 0, "the same mail in another folder"
        assert [row.partstat for row in replies.of_meeting(session, the(session).id)] == ["accepted"]


def test_the_newest_answer_counts_in_whatever_order_they_come(asked: Database) -> None:
    with asked.write() as session:
        answer(session, "declined", at=NOW + 2 * HOUR)
        answer(session, "accepted", at=NOW + HOUR)
        assert standing(session)[TRAN] == "declined"
        answer(session, "tentative", at=NOW + 3 * HOUR)
        assert standing(session)[TRAN] == "tentative"


def test_an_answer_to_a_time_that_is_no_more_is_kept_and_does_not_count(asked: Database) -> None:
    with asked.write() as session:
        move(session, 3)
        answer(session, "accepted", sequence=1)
        move(session, 4)
        assert standing(session)[TRAN] == "needs-action", "a new time asks anew"
        answer(session, "declined", sequence=1, at=NOW + HOUR)
        assert standing(session)[TRAN] == "needs-action"
        answer(session, "accepted", sequence=2)
        assert standing(session)[TRAN] == "accepted"
        assert len(replies.of_meeting(session, the(session).id)) == 3


def test_another_place_at_the_same_time_asks_nobody_anew(asked: Database) -> None:
    with asked.write() as session:
        move(session, 3)
        answer(session, "accepted", sequence=1)
        move(session, 3, place="Room 2")
        assert (the(session).sequence, standing(session)[TRAN]) == (2, "accepted")
        answer(session, "declined", sequence=1, at=NOW + HOUR)
        assert standing(session)[TRAN] == "declined"


def test_an_answer_to_what_was_never_sent_does_not_count(asked: Database) -> None:
    with asked.write() as session:
        answer(session, "accepted", sequence=7)
        assert standing(session)[TRAN] == "needs-action"


def test_a_clock_ahead_does_not_outdate_what_is_said_next(asked: Database) -> None:
    with asked.write() as session:
        answer(session, "accepted", at=NOW + 400 * DAY)
        assert replies.of_meeting(session, the(session).id)[0].at == NOW + DAY
        replies.note(
            session,
            [Reply(meeting_id=the(session).id, attendee=TRAN, partstat="declined", sequence=0, at=NOW + 2 * DAY)],
            NOW + 2 * DAY,
        )
        assert standing(session)[TRAN] == "declined"


@pytest.mark.parametrize("values", [{"attendee": "stranger@us.example"}, {"meeting_id": uuid.UUID(int=3)}])
def test_answers_of_strangers_and_to_others_are_left_out(asked: Database, values: dict[str, Any]) -> None:
    with asked.write() as session:
        assert answer(session, "accepted", **values) == 0
        assert set(standing(session).values()) == {"needs-action"}


def test_an_answer_after_the_end_is_kept(asked: Database) -> None:
    with asked.write() as session:
        meetings.held(session, the(session), outcome="Agreed.", who="lin", now=NOW)
        assert answer(session, "declined") == 1
        assert standing(session)[TRAN] == "needs-action"


def test_of_a_flood_of_answers_the_newest_are_kept_and_the_last_counts(asked: Database) -> None:
    with asked.write() as session:
        for number in range(replies.MOST_OF_ONE + 5):
            assert answer(session, "accepted", at=NOW + number * timedelta(minutes=1)) == 1
        assert answer(session, "accepted", at=NOW) == 0, "older than all that are kept"
        assert answer(session, "declined", at=NOW + timedelta(hours=2)) == 1
        kept = replies.of_meeting(session, the(session).id)
        assert len(kept) == replies.MOST_OF_ONE
        assert (kept[0].partstat, kept[-1].at) == ("declined", NOW + 6 * timedelta(minutes=1))
