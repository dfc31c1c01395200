"""Who attends a meeting follows the partner, absences and addresses, and calendars follow who attends."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alarmed import NOW, SETTINGS, a_rule, announced, happened, kept, renewed
from assessed import destination, partner, person
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from collectors.base import Reply
from warden.db import Database
from warden.domain import MeetingStatus, NotificationStatus
from warden.messages import Message
from warden.models import Absence, Meeting, Notification, Partner, Person
from warden.pipeline import asking, invitations
from warden.pipeline import meetings as proposing
from warden.store import meetings, people, replies

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LIN, TRAN, EVA, NEW = "lin@us.example", "tran@us.example", "eva@us.example", "tran.new@us.example"


def prepare(database: Database) -> None:
    with database.write() as session:
        destination(session, "mail", NOW, channel="email", alerts=False)
        for name in ("Eva", "Mei"):
            person(session, name)
        people_of = {
            "owner_id": person(session, "Lin", locale="zh-Hant").id,
            "sponsor_id": person(session, "Tran").id,
            "counterpart_id": person(session, "Kim", ours=False).id,
        }
        partner(session, "Acme", NOW, country="VN", **people_of)
        a_rule(session, "late", NOW, meeting_within_days=10)


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    with kept(sqlite_template, tmp_path_factory.mktemp("attendees"), prepare) as found:
        yield found


@pytest.fixture
def asked(prepared: tuple[Database, Path]) -> Database:
    """A meeting was proposed, and everybody of ours was asked by mail."""
    db = renewed(*prepared)
    return proposed(db)


def proposed(db: Database) -> Database:
    alert = happened(db, "late")
    announced(db, NOW)
    with db.write() as session:
        asking.ask(session, SETTINGS, alert.id, who="lin@us.example", why="They do not answer.", now=NOW)
    return db


def one(session: Session, name: str) -> Person:
    return session.scalars(select(Person).where(Person.name == name)).one()


def the(session: Session) -> Meeting:
    return meetings.get(session, session.scalars(select(Meeting.id)).one(), lock=True)


def away(db: Database, name: str, deputy: str, first: int, last: int) -> None:
    """Somebody is away from one day to another, and somebody stands in."""
    with db.write() as session:
        of = {"person_id": one(session, name).id, "deputy_id": one(session, deputy).id}
        session.add(Absence(starts_at=NOW + first * DAY, ends_at=NOW + last * DAY, author="x", created_at=NOW, **of))


def scheduled(db: Database, day: int, now: datetime = NOW, place: str = "Taipei") -> None:
    with db.write() as session:
        invitations.schedule(
            session, SETTINGS, the(session), starts_at=NOW + day * DAY, minutes=60, place=place, now=now
        )


def moved_to(db: Database, name: str, email: str) -> None:
    """What was queued has left, and somebody's address is corrected."""
    with db.write() as session:
        session.execute(update(Notification).values(status=NotificationStatus.SENT))
        people.update(session, one(session, name), {"email": email})


def tick(db: Database, now: datetime) -> None:
    proposing.miss(db, SETTINGS, now)


def told(db: Database, *, since: int = 0) -> list[tuple[str, str, str, int]]:
    """(whom, reason, method, SEQUENCE) of the outbox, but for so many rows, sorted."""
    with db.read() as session:
        rows = session.scalars(select(Notification).order_by(Notification.created_at, Notification.id)).all()
        found = [(row.recipient or "", row.reason.value, Message.from_data(row.message).invitation) for row in rows]
        return sorted((to, why, of.method if of else "", of.sequence if of else -1) for to, why, of in found[since:])


def so_far(db: Database) -> int:
    return len(told(db))


def last(db: Database, to: str) -> Message:
    with db.read() as session:
        mine = select(Notification.message).where(Notification.recipient == to)
        newest = mine.order_by(Notification.created_at.desc(), Notification.id.desc()).limit(1)
        return Message.from_data(session.scalars(newest).one())


def attending(db: Database) -> dict[str, str]:
    with db.read() as session:
        return {one["email"]: one["role"] for one in session.scalars(select(Meeting)).one().attendees}


def standing(db: Database, email: str) -> str:
    with db.read() as session:
        found = session.scalars(select(Meeting)).one().attendees
        return next(str(one.get("partstat", "needs-action")) for one in found if one["email"] == email)


def answer(db: Database, email: str, partstat: str, sequence: int, at: datetime) -> int:
    with db.write() as session:
        reply = Reply(meeting_id=the(session).id, attendee=email, partstat=partstat, sequence=sequence, at=at)
        return replies.note(session, [reply], at)


# Another address


def test_whose_address_is_corrected_is_asked_at_the_new_one_and_the_entry_at_the_old_one_goes(asked: Database) -> None:
    assert told(asked) == [(LIN, "meeting_proposed", "REQUEST", 0), (TRAN, "meeting_proposed", "REQUEST", 0)]
    moved_to(asked, "Tran", NEW)
    assert attending(asked) == {LIN: "owner", NEW: "sponsor", "kim@them.example": "counterpart"}
    for hours in (1, 2):
        tick(asked, NOW + hours * HOUR)
    assert told(asked, since=2) == [(NEW, "meeting_proposed", "REQUEST", 1), (TRAN, "meeting_cancelled", "CANCEL", 1)]
    gone = last(asked, TRAN)
    assert gone.invitation is not None
    assert [one.email for one in gone.invitation.attendees] == [TRAN]
    assert gone.lead == invitations.READDRESSED_MESSAGE
    assert (gone.items, gone.links, gone.facts) == ((), (), ()), "the address may be a stranger's"


def test_what_follows_goes_to_the_new_address_alone(asked: Database) -> None:
    moved_to(asked, "Tran", NEW)
    before = so_far(asked)
    scheduled(asked, 4)
    assert told(asked, since=before) == [
        (LIN, "meeting_scheduled", "REQUEST", 1),
        (NEW, "meeting_scheduled", "REQUEST", 1),
        (TRAN, "meeting_cancelled", "CANCEL", 1),
    ]  # fmt: skip
    invitation = last(asked, LIN).invitation
    assert invitation is not None
    assert [one.email for one in invitation.attendees] == [LIN, NEW, "kim@them.example"]
    before = so_far(asked)
    tick(asked, NOW + 20 * DAY)
    with asked.write() as session:
        meetings.waive(session, the(session), reason="They called.", who="lin")
        invitations.cancelled(session, SETTINGS, the(session), NOW + 21 * DAY)
    assert {(to, why) for to, why, *_ in told(asked, since=before)} == {
        (to, why) for to in (LIN, NEW) for why in ("meeting_escalated", "meeting_cancelled")
    }


def test_called_off_before_the_next_look_both_addresses_hear_of_it(asked: Database) -> None:
    moved_to(asked, "Tran", NEW)
    before = so_far(asked)
    with asked.write() as session:
        meetings.waive(session, the(session), reason="They called.", who="lin")
        invitations.cancelled(session, SETTINGS, the(session), NOW + HOUR)
    assert told(asked, since=before) == [(to, "meeting_cancelled", "CANCEL", 1) for to in (LIN, NEW, TRAN)]


def test_an_address_corrected_twice_before_the_next_look_is_asked_once(asked: Database) -> None:
    moved_to(asked, "Tran", "typo@us.example")
    moved_to(asked, "Tran", TRAN)
    before = so_far(asked)
    tick(asked, NOW + HOUR)
    assert told(asked, since=before) == []


def test_an_answer_counts_from_the_new_address_and_from_the_old_one_while_it_is_asked_there(asked: Database) -> None:
    moved_to(asked, "Tran", NEW)
    assert answer(asked, TRAN, "tentative", 0, NOW + timedelta(minutes=1)) == 1
    assert standing(asked, NEW) == "tentative"
    tick(asked, NOW + HOUR)
    assert answer(asked, TRAN, "declined", 0, NOW + 2 * HOUR) == 0, "the entry there was taken out"
    assert answer(asked, NEW, "accepted", 1, NOW + 3 * HOUR) == 1
    assert standing(asked, NEW) == "accepted"


def test_where_nobody_was_asked_at_the_old_address_nothing_is_told_of_the_new_one(
    prepared: tuple[Database, Path],
) -> None:
    db = renewed(*prepared)
    alert = happened(db, "late")
    with db.write() as session:
        tran = {"person": str(one(session, "Tran").id), "name": "Tran", "email": TRAN, "role": "sponsor"}
        of: dict[str, Any] = {"alert_id": alert.id, "partner_id": alert.partner_id, "attendees": [tran], "agenda": []}
        session.add(Meeting(status=MeetingStatus.PROPOSED, proposed_at=NOW, due_on=(NOW + 9 * DAY).date(), **of))
    moved_to(db, "Tran", NEW)
    tick(db, NOW + HOUR)
    assert (attending(db), told(db)) == ({NEW: "sponsor"}, [])


# Other people


def another(db: Database, **values: uuid.UUID | None) -> None:
    with db.write() as session:
        acme = session.scalars(select(Partner)).one()
        for name, value in values.items():
            setattr(acme, name, value)


def test_who_owns_and_sponsors_the_partner_today_is_asked_and_who_does_no_longer_is_released(asked: Database) -> None:
    with asked.read() as session:
        mei = one(session, "Mei").id
    another(asked, owner_id=mei, sponsor_id=None)
    before = so_far(asked)
    scheduled(asked, 4)
    assert told(asked, since=before) == [
        (LIN, "meeting_cancelled", "CANCEL", 1),
        ("mei@us.example", "meeting_scheduled", "REQUEST", 1),
        (TRAN, "meeting_cancelled", "CANCEL", 1),
    ]  # fmt: skip
    assert last(asked, TRAN).lead == invitations.RELEASED_MESSAGE
    assert last(asked, LIN).title == "不再邀請您出席：高層會議，Acme"
    assert attending(asked) == {"mei@us.example": "owner", "kim@them.example": "counterpart"}
    before = so_far(asked)
    tick(asked, NOW + 20 * DAY)
    assert told(asked, since=before) == [("mei@us.example", "meeting_escalated", "", -1)]
    with asked.read() as session:
        assert session.scalars(select(Meeting)).one().owner_id == mei


def test_of_a_missed_meeting_the_owner_of_that_day_hears_and_the_former_one_is_released(asked: Database) -> None:
    with asked.read() as session:
        another(asked, owner_id=one(session, "Mei").id)
    before = so_far(asked)
    tick(asked, NOW + 20 * DAY)
    assert told(asked, since=before) == [
        (LIN, "meeting_cancelled", "CANCEL", 1),
        ("mei@us.example", "meeting_escalated", "", -1),
        (TRAN, "meeting_escalated", "", -1),
    ]  # fmt: skip
    scheduled(asked, 30, NOW + 21 * DAY)
    assert last(asked, TRAN).title == "Executive meeting scheduled: Acme", "its time was never set before"


def test_who_comes_back_as_owner_is_asked_anew(asked: Database) -> None:
    with asked.read() as session:
        lin, mei = one(session, "Lin").id, one(session, "Mei").id
    another(asked, owner_id=mei)
    scheduled(asked, 4)
    another(asked, owner_id=lin)
    before = so_far(asked)
    scheduled(asked, 4, place="Hanoi")
    assert (LIN, "meeting_scheduled", "REQUEST", 2) in told(asked, since=before)
    assert ("mei@us.example", "meeting_cancelled", "CANCEL", 2) in told(asked, since=before)


# Who stands in


def test_who_stood_in_is_released_when_the_principal_can_come_at_the_time_set(prepared: tuple[Database, Path]) -> None:
    db = renewed(*prepared)
    away(db, "Tran", "Eva", -1, 3)
    proposed(db)
    assert (EVA, "meeting_proposed", "REQUEST", 0) in told(db)
    before = so_far(db)
    scheduled(db, 5)
    assert told(db, since=before) == [
        (EVA, "meeting_cancelled", "CANCEL", 1),
        (LIN, "meeting_scheduled", "REQUEST", 1),
        (TRAN, "meeting_scheduled", "REQUEST", 1),
    ]  # fmt: skip
    assert EVA not in attending(db)
    before = so_far(db)
    tick(db, NOW + 20 * DAY)
    assert {to for to, *_ in told(db, since=before)} == {LIN, TRAN}


def test_one_moved_into_an_absence_and_out_of_it_asks_and_releases_who_stands_in(asked: Database) -> None:
    away(asked, "Tran", "Eva", 7, 9)
    scheduled(asked, 5)
    assert EVA not in attending(asked)
    scheduled(asked, 8)
    assert attending(asked)[EVA] == "deputy"
    before = so_far(asked)
    scheduled(asked, 10)
    assert (EVA, "meeting_cancelled", "CANCEL", 3) in told(asked, since=before)
    assert {to for to, why, *_ in told(asked, since=before) if why == "meeting_scheduled"} == {LIN, TRAN}


def test_while_no_time_is_set_who_stands_in_goes_on_to(prepared: tuple[Database, Path]) -> None:
    db = renewed(*prepared)
    away(db, "Tran", "Eva", -1, 3)
    proposed(db)
    before = so_far(db)
    tick(db, NOW + 20 * DAY)
    assert {to for to, *_ in told(db, since=before)} == {LIN, TRAN, EVA}
