"""Meetings nobody held by their date: told once to those who know of the alert, and in the ledger why not."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from alarmed import NOW, SETTINGS, a_rule, announced, happened, kept, messages, renewed
from assessed import destination, partner
from sqlalchemy import event, select

from warden.db import Database
from warden.domain import MeetingStatus, Severity, SilenceKind
from warden.models import Alert, Destination, Meeting, Notice
from warden.pipeline import meetings
from warden.store import meetings as stored
from warden.store import silences

DAY = timedelta(days=1)
DUE = date(2026, 3, 5)
OVER = NOW + 4 * DAY


def prepare(database: Database) -> None:
    with database.write() as session:
        destination(session, "hook", NOW)
        for name in ("Acme", "Beta"):
            partner(session, name, NOW)
        a_rule(session, "grave", NOW, Severity.CRITICAL)


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    with kept(sqlite_template, tmp_path_factory.mktemp("missed"), prepare) as found:
        yield found


@pytest.fixture
def watched(prepared: tuple[Database, Path]) -> Database:
    return renewed(*prepared)


def silence(db: Database, until_days: int) -> None:
    with db.write() as session:
        silences.add(
            session, kind=SilenceKind.SILENCE, matchers={}, ends_at=NOW + until_days * DAY,
            reason="They move their plant.", author="olga@us.example", now=NOW,
        )  # fmt: skip


def propose(db: Database, alert: Alert, **values: Any) -> None:
    """The meeting an alert asks for, as deciding leaves it."""
    with db.write() as session:
        asked: dict[str, Any] = {"alert_id": alert.id, "partner_id": alert.partner_id, "status": MeetingStatus.PROPOSED}
        session.add(Meeting(proposed_at=NOW, due_on=DUE, **{"attendees": [], "agenda": [], **asked, **values}))


def outbox(db: Database) -> list[str]:
    return [message["reason"] for message in messages(db)]


def ledger(db: Database) -> list[tuple[str, str | None]]:
    """(reason, held back) of the lines about missed meetings."""
    with db.read() as session:
        rows = session.scalars(select(Notice).where(Notice.key.startswith("meeting/")).order_by(Notice.at))
        return [(row.reason.value, row.held_back) for row in rows]


def statuses(db: Database) -> list[MeetingStatus]:
    with db.read() as session:
        return list(session.scalars(select(Meeting.status).order_by(Meeting.id)))


def test_people_who_were_asked_before_a_silence_hear_when_it_is_over_that_it_was_missed(watched: Database) -> None:
    propose(watched, happened(watched, "grave"))
    announced(watched, NOW)
    silence(watched, until_days=7)
    assert [meetings.miss(watched, SETTINGS, OVER + hours * DAY / 24) for hours in (0, 1)] == [1, 0]
    assert statuses(watched) == [MeetingStatus.MISSED], "rules count it all the same"
    assert outbox(watched) == ["alert_fired", "meeting_proposed"]
    assert ledger(watched) == [("escalation", "silenced")]
    assert [meetings.miss(watched, SETTINGS, NOW + days * DAY) for days in (7, 8)] == [0, 0]
    assert outbox(watched) == ["alert_fired", "meeting_proposed", "meeting_escalated"]
    assert ledger(watched) == [("escalation", "silenced"), ("escalation", None)]


@pytest.mark.parametrize("done", ["held", "waived", "scheduled"])
def test_what_people_saw_to_during_the_silence_is_not_told_as_missed(watched: Database, done: str) -> None:
    propose(watched, happened(watched, "grave"))
    announced(watched, NOW)
    silence(watched, until_days=7)
    meetings.miss(watched, SETTINGS, OVER)
    with watched.write() as session:
        (meeting,) = session.scalars(stored.select_with_names())
        if done == "held":
            stored.held(session, meeting, outcome="Agreed.", who="olga", now=OVER)
        elif done == "waived":
            stored.waive(session, meeting, reason="They called.", who="olga")
        else:
            stored.schedule(session, meeting, starts_at=NOW + 20 * DAY, now=OVER)
    meetings.miss(watched, SETTINGS, NOW + 8 * DAY)
    assert "meeting_escalated" not in outbox(watched)
    assert ledger(watched) == [("escalation", "silenced")]


def test_where_nobody_is_left_to_be_told_after_the_silence_the_ledger_says_so_once(watched: Database) -> None:
    propose(watched, happened(watched, "grave"))
    announced(watched, NOW)
    silence(watched, until_days=7)
    meetings.miss(watched, SETTINGS, OVER)
    with watched.write() as session:
        session.scalars(select(Destination)).one().alerts = False
    for days in (8, 9):
        meetings.miss(watched, SETTINGS, NOW + days * DAY)
    assert ledger(watched) == [("escalation", "silenced"), ("escalation", "nobody")]


def test_what_was_decided_for_the_past_is_not_first_heard_of_as_missed(watched: Database) -> None:
    propose(watched, happened(watched, "grave", sent=False))
    announced(watched, NOW)
    meetings.miss(watched, SETTINGS, OVER)
    assert outbox(watched) == []
    assert ledger(watched) == [("escalation", "past")]


def test_a_meeting_missed_while_its_alert_waits_to_be_told_is_told_with_it(watched: Database) -> None:
    propose(watched, happened(watched, "grave"))
    assert meetings.miss(watched, SETTINGS, OVER) == 1, "the clock stood still in between"
    assert outbox(watched) == []
    announced(watched, OVER)
    assert outbox(watched) == ["alert_fired", "meeting_escalated"]
    assert ledger(watched) == []


def test_without_any_destination_the_ledger_says_that_nobody_could_be_told(watched: Database) -> None:
    propose(watched, happened(watched, "grave"))
    announced(watched, NOW)
    with watched.write() as session:
        session.scalars(select(Destination)).one().alerts = False
    meetings.miss(watched, SETTINGS, OVER)
    assert ledger(watched) == [("escalation", "nobody")]


def test_where_nobody_took_the_alert_nobody_was_asked_to_meet_and_no_meeting_is_missed(watched: Database) -> None:
    with watched.write() as session:
        session.scalars(select(Destination)).one().alerts = False
    propose(watched, happened(watched, "grave"))
    announced(watched, NOW)
    assert meetings.miss(watched, SETTINGS, OVER) == 0
    assert (outbox(watched), statuses(watched)) == ([], [])


def test_one_that_cannot_be_told_of_does_not_keep_the_others_from_being_missed(watched: Database) -> None:
    for name in ("Acme", "Beta"):
        propose(watched, happened(watched, "grave", name=name))
    announced(watched, NOW)
    with watched.write() as session:
        first = session.scalars(select(Meeting).order_by(Meeting.due_on, Meeting.id)).first()
        assert first is not None
        first.attendees = [{"who": "nobody knows"}]
    assert meetings.miss(watched, SETTINGS, OVER) == 1
    assert statuses(watched) == [MeetingStatus.PROPOSED, MeetingStatus.MISSED]


def test_with_nothing_to_miss_nothing_is_locked(watched: Database) -> None:
    propose(watched, happened(watched, "grave"))
    said: list[str] = []

    def note(*given: Any) -> None:
        said.append(given[2])

    event.listen(watched.engine, "before_cursor_execute", note)
    assert meetings.miss(watched, SETTINGS, NOW) == 0
    event.remove(watched.engine, "before_cursor_execute", note)
    assert said[0] == "BEGIN"
    assert "BEGIN IMMEDIATE" not in said
