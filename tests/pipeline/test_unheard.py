"""Alerts that nobody was to hear of when they fired: no meeting is asked for meanwhile, and nothing of them is lost."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from alarmed import SETTINGS, VAULT, messages
from assessed import destination, known_as, partner, person, report
from sqlalchemy import select

from collectors.base import Key, Measure
from warden.db import Database
from warden.domain import SilenceKind
from warden.models import Alert, Destination, Meeting, Notice, Partner
from warden.pipeline import announce, assess, decide
from warden.store import destinations, meetings, rules, shipped, silences

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ACME = Key("supplier_code", "S-1")


@pytest.fixture
def watched(sqlite_db: Database) -> Database:
    """Acme, assessed before anything happened. A compliance incident is critical and asks for a meeting in 5 days."""
    with sqlite_db.write() as session:
        shipped.seed(session, NOW - 400 * DAY)
        destination(session, "hook", NOW)
        known_as(session, partner(session, "Acme", NOW - 400 * DAY), "S-1", NOW - 400 * DAY)
    turn(sqlite_db, NOW - 2 * DAY)
    return sqlite_db


def turn(db: Database, now: datetime) -> None:
    assess.run(db, SETTINGS, now)
    decide.run(db, SETTINGS, now)
    announce.run(db, VAULT, SETTINGS, now, at_once=True)


def incident(db: Database, at: datetime, learned: datetime) -> None:
    fact = Measure(identity=f"i{at.isoformat()}", key=ACME, at=at, name="compliance_incident", value=1.0)
    report(db, [fact], learned)
    turn(db, learned)


def silence(db: Database, now: datetime, until: datetime) -> None:
    with db.write() as session:
        silences.add(
            session, kind=SilenceKind.SILENCE, matchers={}, ends_at=until, reason="They move.", author="olga", now=now
        )


def outbox(db: Database) -> list[str]:
    return [message["reason"] for message in messages(db)]


def proposed(db: Database) -> list[date]:
    """Due dates of all meetings there are."""
    with db.read() as session:
        return list(session.scalars(select(Meeting.due_on)))


def ledger(db: Database) -> Sequence[tuple[str, str | None]]:
    with db.read() as session:
        return [(one.reason.value, one.held_back) for one in session.scalars(select(Notice).order_by(Notice.at))]


def test_a_fresh_fact_lets_people_hear_of_what_late_ones_had_raised(watched: Database) -> None:
    incident(watched, NOW - 20 * DAY, NOW)
    assert (outbox(watched), proposed(watched)) == ([], [])
    assert ledger(watched) == [("first", "late_facts")]
    incident(watched, NOW + 2 * DAY - HOUR, NOW + 2 * DAY)
    assert outbox(watched) == ["alert_fired", "meeting_proposed"]
    assert proposed(watched) == [date(2026, 3, 11)], "five working days from the day people are told"
    with watched.read() as session:
        assert session.scalars(select(Alert)).one().evidence[0]["params"]["incidents"] == 2


def test_it_is_told_once_however_many_fresh_facts_follow(watched: Database) -> None:
    incident(watched, NOW - 20 * DAY, NOW)
    for day in range(2, 5):
        incident(watched, NOW + day * DAY - HOUR, NOW + day * DAY)
    assert outbox(watched) == ["alert_fired", "meeting_proposed"]


def test_further_late_facts_and_time_say_nothing_of_it(watched: Database) -> None:
    incident(watched, NOW - 20 * DAY, NOW)
    incident(watched, NOW - 30 * DAY, NOW + DAY)
    for day in range(2, 40, 5):
        turn(watched, NOW + day * DAY)
    assert (outbox(watched), proposed(watched)) == ([], [])


def test_a_silenced_alert_asks_for_its_meeting_when_the_silence_is_over(watched: Database) -> None:
    silence(watched, NOW, NOW + 20 * DAY)
    incident(watched, NOW, NOW + HOUR)
    for day in range(1, 20):
        turn(watched, NOW + day * DAY)
    assert (outbox(watched), proposed(watched)) == ([], [])
    turn(watched, NOW + 20 * DAY + HOUR)
    assert outbox(watched) == ["alert_fired", "meeting_proposed"]
    assert proposed(watched) == [date(2026, 3, 27)]


def test_what_nobody_heard_of_takes_no_meeting_from_what_is_told(watched: Database) -> None:
    changes: dict[str, Any] = {
        "condition": "coverage < 0.9 || coverage >= 0.9",
        "for_seconds": 0,
        "meeting_within_days": 3,
    }
    incident(watched, NOW - 20 * DAY, NOW)
    with watched.write() as session:
        rules.update(session, rules.by_key(session, "coverage_lost"), changes, NOW + HOUR)
    turn(watched, NOW + 2 * HOUR)
    assert outbox(watched) == ["alert_fired", "meeting_proposed"]
    assert proposed(watched) == [date(2026, 3, 5)]


def test_an_inhibited_alert_asks_for_its_meeting_when_it_is_released(watched: Database) -> None:
    changes = {"condition": "compliance_incidents >= 2", "for_seconds": 0, "parameters": {}}
    with watched.write() as session:
        rules.update(session, rules.by_key(session, "coverage_lost"), changes, NOW - HOUR)
        held = {"inhibited_by": [{"rule": "coverage_lost", "equal": ["partner"]}]}
        rules.update(session, rules.by_key(session, "compliance_incident"), held, NOW - HOUR)
    for number in range(2):
        report(
            watched,
            [Measure(identity=f"i{number}", key=ACME, at=NOW - number * HOUR, name="compliance_incident", value=1.0)],
            NOW,
        )
    turn(watched, NOW + HOUR)
    assert "meeting_proposed" not in outbox(watched)
    assert proposed(watched) == []
    with watched.write() as session:
        rules.update(session, rules.by_key(session, "coverage_lost"), {"enabled": False}, NOW + 8 * DAY)
    turn(watched, NOW + 9 * DAY)
    assert outbox(watched)[-1] == "meeting_proposed"
    assert proposed(watched) == [date(2026, 3, 18)]


def test_what_only_late_facts_tell_of_does_not_ride_along_with_another_alert(watched: Database) -> None:
    incident(watched, NOW - 20 * DAY, NOW)
    always = {"condition": "coverage < 0.9 || coverage >= 0.9", "for_seconds": 0}
    with watched.write() as session:
        rules.update(session, rules.by_key(session, "coverage_lost"), always, NOW + HOUR)
    turn(watched, NOW + 2 * HOUR)
    (message,) = messages(watched)
    assert message["title"] == "Warning: Acme – Much less is known than four weeks ago"
    assert {item["group"] for item in message["items"]} & {"Critical: Compliance incident"} == set()
    incident(watched, NOW + 2 * DAY - HOUR, NOW + 2 * DAY)
    assert outbox(watched)[-2:] == ["alert_fired", "meeting_proposed"]
    assert ledger(watched)[-1] == ("worse", None)


@pytest.mark.parametrize(("count", "asked"), [(5, 5), (4, 4)])
def test_a_silence_over_many_lets_go_of_their_meetings_with_a_reason_or_asks_for_them(
    watched: Database, count: int, asked: int
) -> None:
    keys = [Key("supplier_code", f"S-{number}") for number in range(1, count + 1)]
    with watched.write() as session:
        for number, key in enumerate(keys[1:]):
            known_as(session, partner(session, f"P{number}", NOW - 400 * DAY), key.value, NOW - 400 * DAY)
    turn(watched, NOW - DAY)
    silence(watched, NOW, NOW + 20 * DAY)
    facts = [Measure(identity=f"i{key.value}", key=key, at=NOW, name="compliance_incident", value=1.0) for key in keys]
    report(watched, facts, NOW + HOUR)
    turn(watched, NOW + HOUR)
    assert proposed(watched) == []
    turn(watched, NOW + 20 * DAY + HOUR)
    with watched.read() as session:
        found = session.scalars(select(Meeting)).all()
        assert len(found) == asked
        assert {one.waived_why for one in found} == ({meetings.TOGETHER_WHY} if count > 4 else {None})
    assert outbox(watched).count("meeting_proposed") == (0 if count > 4 else count)


@pytest.mark.parametrize("by_mail", [False, True])
def test_a_meeting_nobody_could_be_asked_to_is_due_from_when_its_alert_is_told(
    watched: Database, by_mail: bool
) -> None:
    with watched.write() as session:
        session.scalars(select(Destination)).one().alerts = False
        if by_mail:
            destination(session, "mail", NOW, channel="email", alerts=False)
            session.scalars(select(Partner)).one().owner_id = person(session, "Olga Owner").id
    incident(watched, NOW, NOW + HOUR)
    assert ledger(watched) == [("first", "nobody")]
    assert outbox(watched) == (["meeting_proposed"] if by_mail else [])
    assert proposed(watched) == ([date(2026, 3, 9)] if by_mail else []), "who has a mailbox was asked"
    for day in range(1, 20):
        turn(watched, NOW + day * DAY)
    with watched.write() as session:
        destinations.named(session, "hook").alerts = True
    turn(watched, NOW + 20 * DAY)
    if not by_mail:
        assert outbox(watched) == ["alert_fired", "meeting_proposed"]
        assert proposed(watched) == [date(2026, 3, 27)]


def test_what_a_fresh_fact_confirmed_while_nobody_took_it_asks_for_its_meeting_when_it_is_told(
    watched: Database,
) -> None:
    with watched.write() as session:
        session.scalars(select(Destination)).one().alerts = False
    incident(watched, NOW - 20 * DAY, NOW)
    incident(watched, NOW + DAY - HOUR, NOW + DAY)
    assert (outbox(watched), proposed(watched)) == ([], [])
    with watched.write() as session:
        session.scalars(select(Destination)).one().alerts = True
    turn(watched, NOW + 2 * DAY)
    assert outbox(watched) == ["alert_fired", "meeting_proposed"]
    assert proposed(watched) == [date(2026, 3, 11)]
