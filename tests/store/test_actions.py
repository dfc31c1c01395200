"""What is promised, by whom and by when; and of which promises somebody is to be reminded, each time once."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from assessed import partner, person
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import Side
from warden.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from warden.models import Action
from warden.store import actions

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NEXT_WEEK = date(2026, 3, 9)


def promise(session: Session, due_on: date = NEXT_WEEK, now: datetime = NOW, **values: Any) -> Action:
    who = values.pop("partner", None) or partner(session, values.pop("name", "Acme"), NOW)
    fixed: dict[str, Any] = {"text": "Send the plan", "side": Side.OURS, "author": "an"}
    return actions.get(session, actions.add(session, who, due_on=due_on, now=now, **{**fixed, **values}).id)


def test_a_promise_is_noted_changed_and_kept(db: Database) -> None:
    with db.write() as session:
        action = promise(session, text="  Send the plan ")
        assert (action.text, action.version, action.done_at) == ("Send the plan", 1, None)
        owner = person(session, "Tran Owner")
        actions.change(session, action.id, {"owner_id": owner.id, "text": "Send it"}, version=1, now=NOW)
        assert (action.text, action.owner, action.version) == ("Send it", owner, 2)
        with pytest.raises(PreconditionFailed, match="version 2"):
            actions.finish(session, action.id, "an", NOW, version=1)
        actions.finish(session, action.id, "an", NOW + DAY)
        assert (action.done_at, action.done_by, action.dropped_why) == (NOW + DAY, "an", None)
        with pytest.raises(Conflict, match="closed already"):
            actions.drop(session, action.id, "late", "an", NOW)
        with pytest.raises(Conflict, match="closed already"):
            actions.change(session, action.id, {"text": "x"}, version=None, now=NOW)


def test_a_promise_is_dropped_with_a_reason(db: Database) -> None:
    with db.write() as session:
        action = promise(session)
        with pytest.raises(InvalidInput, match="dropped with a reason"):
            actions.drop(session, action.id, " ", "an", NOW)
        actions.drop(session, action.id, "They pay instead.", "an", NOW)
        assert (action.done_at, action.dropped_why) == (NOW, "They pay instead.")
        with pytest.raises(NotFound, match="no action"):
            actions.get(session, uuid.UUID(int=5))


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"text": " "}, "text"),
        ({"text": "x" * 501}, "text"),
        ({"due_on": date(2036, 3, 2)}, "due_on"),
        ({"due_on": date(2016, 3, 2)}, "due_on"),
        ({"owner_id": uuid.UUID(int=5)}, "owner_id"),
    ],
)
def test_what_nobody_can_keep_is_refused(db: Database, values: dict[str, Any], place: str) -> None:
    with db.write() as session:
        with pytest.raises(InvalidInput) as caught:
            promise(session, **values)
        assert [fault.where for fault in caught.value.faults] == [place]


def test_an_owner_is_of_the_side_that_promised(db: Database) -> None:
    with db.write() as session:
        theirs = person(session, "Kim Theirs", ours=False)
        with pytest.raises(InvalidInput, match="is not of this side"):
            promise(session, owner_id=theirs.id)
        action = promise(session, name="Bolt", side=Side.THEIRS, owner_id=theirs.id)
        with pytest.raises(InvalidInput, match="is not of this side"):
            actions.change(session, action.id, {"side": Side.OURS}, version=None, now=NOW)


def test_promises_are_listed_the_first_due_first(db: Database) -> None:
    with db.write() as session:
        who = partner(session, "Acme", NOW)
        late = promise(session, NOW.date() + 9 * DAY, partner=who)
        soon = promise(session, NOW.date() + DAY, partner=who, side=Side.THEIRS)
        done = promise(session, NOW.date() + 2 * DAY, partner=who)
        actions.finish(session, done.id, "an", NOW)
        ids = [row.id for row in actions.listing(session).items]
        assert ids == [soon.id, done.id, late.id]
        assert [row.id for row in actions.listing(session, only_open=True, side=Side.OURS).items] == [late.id]
        assert [row.id for row in actions.listing(session, due_before=soon.due_on).items] == [soon.id]
        assert actions.open_by_partner(session, [who.id]) == {who.id: [soon, late]}
        assert actions.count_overdue(session, NOW + 5 * DAY) == 1


# Reminders


def due(session: Session, now: datetime) -> list[tuple[str, bool]]:
    """Who is reminded at `now`, and whether the day is over; noted as told."""
    found = actions.due(session, now)
    assert bool(found) <= actions.may_be_due(session, now)
    for one in found:
        actions.note_reminded(one.action, one.overdue, now)
    session.flush()
    return [(one.action.text, one.overdue) for one in found]


def test_a_promise_is_told_of_once_before_its_day_and_once_after(db: Database) -> None:
    with db.write() as session:
        promise(session, date(2026, 3, 9), text="plan")
        told = {}
        for hours in range(0, 24 * 14):
            if found := due(session, NOW + hours * HOUR):
                told[NOW + hours * HOUR] = found
    assert told == {
        datetime(2026, 3, 9, 8, tzinfo=UTC): [("plan", False)],  # the 7th is a Saturday
        datetime(2026, 3, 10, 8, tzinfo=UTC): [("plan", True)],
    }


def test_its_day_is_the_owners(db: Database) -> None:
    with db.write() as session:
        taipei = person(session, "Lin", "Asia/Taipei")
        promise(session, date(2026, 3, 12), owner_id=taipei.id)
        assert due(session, datetime(2026, 3, 9, 23, 59, tzinfo=UTC)) == []
        assert due(session, datetime(2026, 3, 10, 0, tzinfo=UTC)) == [("Send the plan", False)]
        assert not actions.is_overdue(actions.listing(session).items[0], datetime(2026, 3, 12, 15, 59, tzinfo=UTC))
        assert actions.is_overdue(actions.listing(session).items[0], datetime(2026, 3, 12, 16, tzinfo=UTC))


def test_who_has_just_promised_something_hears_of_it_on_its_day(db: Database) -> None:
    with db.write() as session:
        promise(session, NOW.date() + DAY)
        assert due(session, NOW) == []
        assert due(session, NOW + DAY) == [("Send the plan", False)]


def test_after_a_week_asleep_nothing_is_lost_and_nothing_told_twice(db: Database) -> None:
    with db.write() as session:
        promise(session, date(2026, 3, 5), name="Acme", text="over")
        promise(session, date(2026, 3, 11), name="Bolt", text="coming")
        assert due(session, NOW) == []
        assert due(session, NOW + 7 * DAY) == [("over", True), ("coming", False)]
        assert due(session, NOW + 8 * DAY) == []


def test_what_is_done_is_not_reminded_of_and_a_new_day_is_told_anew(db: Database) -> None:
    with db.write() as session:
        done = promise(session, date(2026, 3, 5), name="Acme")
        moved = promise(session, date(2026, 3, 5), name="Bolt", text="moved")
        actions.finish(session, done.id, "an", NOW)
        assert due(session, NOW + 2 * DAY) == [("moved", False)]
        actions.change(session, moved.id, {"due_on": date(2026, 3, 20)}, version=None, now=NOW + 2 * DAY)
        assert due(session, NOW + 5 * DAY) == []
        assert due(session, NOW + 16 * DAY) == [("moved", False)]
