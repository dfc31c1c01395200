"""Reminders of actions: each person once, before the day and after it, whatever was slept through; nobody outside."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from assessed import destination, partner, person
from sqlalchemy import select

from warden.db import Database
from warden.domain import HeldBack, NoticeReason, Side
from warden.messages import Message
from warden.models import Absence, Notice, Notification, Person
from warden.pipeline import reminding
from warden.settings import Settings
from warden.store import actions, duty, partners, routes

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
DUE = date(2026, 3, 12)  # a Thursday: reminded of on Tuesday, and on Friday


@pytest.fixture
def acme(db: Database) -> Database:
    with db.write() as session:
        lin, kim = person(session, "Lin"), person(session, "Kim", ours=False)
        person(session, "Tran", locale="vi")
        partner(session, "Acme", NOW, owner_id=lin.id, counterpart_id=kim.id)
        partner(session, "Bolt", NOW)
        destination(session, "alerts", NOW)
        destination(session, "mail", NOW, channel="email", alerts=False)
    return db


def promise(db: Database, text: str = "plan", owner: str | None = None, name: str = "Acme", **values: Any) -> None:
    with db.write() as session:
        who = session.scalar(select(Person).where(Person.name == owner)) if owner else None
        found = partners.by_name(session, name)
        assert found is not None
        fixed: dict[str, Any] = {"side": Side.OURS, "due_on": DUE, "author": "x", "now": NOW}
        actions.add(session, found, text=text, owner_id=who.id if who else None, **{**fixed, **values})


def reminded(db: Database, now: datetime) -> list[tuple[str, list[str]]]:
    """(recipient, what) that reminding at `now` adds to the outbox."""
    with db.read() as session:
        before = set(session.scalars(select(Notification.id)))
    reminding.run(db, Settings(), now)
    with db.read() as session:
        rows = [row for row in session.scalars(select(Notification)) if row.id not in before]
    messages = [(row.recipient or "", Message.from_data(row.message)) for row in rows]
    return sorted((whom, [item.title for item in message.items]) for whom, message in messages)


def test_a_promise_is_told_to_its_owner_twice_and_the_ledger_says_so(acme: Database) -> None:
    promise(acme, owner="Tran")
    told = {}
    for day in range(14):
        if lines := reminded(acme, NOW + day * DAY):
            told[day] = lines
    assert told == {8: [("tran@us.example", ["plan"])], 11: [("tran@us.example", ["plan"])]}
    with acme.read() as session:
        notes = session.scalars(select(Notice).order_by(Notice.at)).all()
        assert [(note.reason, note.sent) for note in notes] == [(NoticeReason.ACTION_DUE, True)] * 2
        assert {row.locale for row in session.scalars(select(Notification))} == {"vi"}


def test_the_partners_promise_is_told_to_our_owner_of_the_partner(acme: Database) -> None:
    promise(acme, "their plan", owner="Kim", side=Side.THEIRS)
    assert reminded(acme, NOW + 8 * DAY) == [("lin@us.example", ["their plan"])]


def test_after_a_week_asleep_each_person_gets_one_message_with_everything(acme: Database) -> None:
    promise(acme, "first", due_on=date(2026, 3, 5))
    promise(acme, "second", due_on=date(2026, 3, 11))
    promise(acme, "other", owner="Tran", name="Bolt", due_on=date(2026, 3, 6))
    asleep = NOW + 8 * DAY
    assert reminded(acme, asleep) == [("lin@us.example", ["first", "second"]), ("tran@us.example", ["other"])]
    assert reminded(acme, asleep) == []
    assert reminded(acme, asleep + timedelta(hours=1)) == []


def test_whoever_stands_in_is_reminded(acme: Database) -> None:
    promise(acme)
    with acme.write() as session:
        ids = {row.name: row.id for row in session.scalars(select(Person))}
        away = {"starts_at": NOW, "ends_at": NOW + 30 * DAY, "author": "x", "created_at": NOW}
        session.add(Absence(person_id=ids["Lin"], deputy_id=ids["Tran"], **away))
    assert reminded(acme, NOW + 8 * DAY) == [("tran@us.example", ["plan"])]


def test_without_anybody_of_ours_it_is_told_where_alerts_go(acme: Database) -> None:
    promise(acme, name="Bolt")
    assert reminded(acme, NOW + 8 * DAY) == [("", ["plan"])]


def test_where_nobody_can_be_told_the_ledger_says_so_once(db: Database) -> None:
    with db.write() as session:
        partner(session, "Acme", NOW)
    promise(db)
    for hour in range(3):
        assert reminded(db, NOW + 8 * DAY + timedelta(hours=hour)) == []
    with db.read() as session:
        (note,) = session.scalars(select(Notice)).all()
        assert (note.sent, note.held_back) == (False, HeldBack.NOBODY)


def test_what_nobody_could_be_reminded_of_is_told_as_soon_as_somebody_can(db: Database) -> None:
    with db.write() as session:
        partner(session, "Acme", NOW)
    promise(db)
    assert reminded(db, NOW + 8 * DAY) == []
    with db.write() as session:
        destination(session, "alerts", NOW)
    assert reminded(db, NOW + 9 * DAY) == [("", ["plan"])]
    assert reminded(db, NOW + 9 * DAY + timedelta(hours=1)) == []
    with db.read() as session:
        notes = session.scalars(select(Notice).order_by(Notice.at)).all()
        assert [(note.sent, note.held_back) for note in notes] == [(False, HeldBack.NOBODY), (True, None)]


def test_without_anybody_of_ours_it_takes_the_way_a_warning_about_the_partner_takes(acme: Database) -> None:
    with acme.write() as session:
        place = destination(session, "asia", NOW, alerts=False)
        partner(session, "Cove", NOW, region="APAC")
        matchers = {"region": ["APAC"], "severity": ["warning"]}
        to = {"destination_ids": [str(place.id)], "people": ["on_duty"]}
        routes.add(session, {"name": "asia", "matchers": matchers, **to})
        tran = session.scalars(select(Person).where(Person.name == "Tran")).one()
        duty.add(session, person_id=tran.id, starts_at=NOW, ends_at=NOW + 30 * DAY, author="x", now=NOW)
    promise(acme, "theirs", name="Cove")
    promise(acme, "ours", name="Bolt")
    assert reminded(acme, NOW + 8 * DAY) == [("", ["ours"]), ("", ["theirs"]), ("tran@us.example", ["theirs"])]
    with acme.read() as session:
        rows = session.scalars(select(Notification).where(Notification.destination_id == place.id)).all()
        assert [row.message["items"][0]["title"] for row in rows] == ["theirs"]
        assert {row.locale for row in session.scalars(select(Notification).where(Notification.recipient != ""))} == {
            "vi"
        }
