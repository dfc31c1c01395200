"""Silences and maintenance windows: nobody is told meanwhile, and everybody what stands when they are over."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import simulated_record as record
from alarmed import NOW, a_rule, announced, happened, kept, messages, over, renewed, silenced
from assessed import destination, partner, person
from sqlalchemy import select

from warden.db import Database
from warden.domain import EscalateTo, NoticeReason, Severity, SilenceKind
from warden.errors import Conflict, InvalidInput
from warden.models import Alert, Notice, Notification, Partner
from warden.rules.escalation import MOST_MINUTES
from warden.store import alert_events, destinations, escalation, notices, routes, rules, silences

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def prepare(database: Database) -> None:
    with database.write() as session:
        destination(session, "hook", NOW)
        partner(session, "Acme", NOW, region="APAC")
        for key in ("late", "quiet"):
            a_rule(session, key, NOW)


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    with kept(sqlite_template, tmp_path_factory.mktemp("announce"), prepare) as found:
        yield found


@pytest.fixture
def watched(prepared: tuple[Database, Path]) -> Database:
    return renewed(*prepared)


def test_nobody_is_told_while_a_silence_holds_and_the_ledger_says_who_asked_for_it(watched: Database) -> None:
    silenced(watched, NOW + DAY, matchers={"partner": [str(partner_id(watched))]})
    happened(watched, "late", NOW)
    assert announced(watched, NOW) == [("first", "silenced")]
    with watched.read() as session:
        (notice,) = session.scalars(select(Notice))
    assert notice.why["params"] == {
        "author": "olga@us.example",
        "until": (NOW + DAY).isoformat(),
        "reason": "They move their plant.",
    }
    assert messages(watched) == []


def partner_id(db: Database) -> Any:
    with db.read() as session:
        return session.scalars(select(Partner.id).where(Partner.name == "Acme")).one()


def test_when_it_is_over_people_are_told_what_fires_still(watched: Database) -> None:
    silenced(watched, NOW + DAY)
    happened(watched, "late", NOW)
    announced(watched, NOW)
    assert announced(watched, NOW + DAY - HOUR) == []
    assert announced(watched, NOW + DAY) == [("silence_ended", None)]
    (message,) = messages(watched)
    assert message["title"] == "Warning: Acme – Late"
    assert "olga@us.example is over (They move their plant.). This fires still." in message["lead"]
    assert announced(watched, NOW + 2 * DAY) == []


def test_an_alert_that_stood_before_the_silence_is_told_of_again_after_it(watched: Database) -> None:
    happened(watched, "late", NOW)
    announced(watched, NOW)
    silenced(watched, NOW + DAY)
    assert announced(watched, NOW + DAY) == [("silence_ended", None)]


def test_what_was_told_before_a_silence_stays_known_though_another_alert_is_told_meanwhile(watched: Database) -> None:
    happened(watched, "late", NOW)
    announced(watched, NOW)
    silenced(watched, NOW + DAY, matchers={"rule": ["late"]})
    happened(watched, "quiet", NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("new_in_group", None)]
    assert announced(watched, NOW + DAY) == [("silence_ended", None)]


def test_what_fires_as_a_silence_ends_is_told_once_and_was_never_silenced(watched: Database) -> None:
    silenced(watched, NOW + DAY)
    announced(watched, NOW)
    happened(watched, "late", NOW + DAY + HOUR)
    assert announced(watched, NOW + DAY + HOUR) == [("first", None)]
    assert len(messages(watched)) == 1
    with watched.read() as session:
        assert record.doubled(session) == []


def test_what_gets_worse_as_a_silence_ends_is_told_once_with_all_that_was_silenced(watched: Database) -> None:
    happened(watched, "late", NOW)
    announced(watched, NOW)
    silenced(watched, NOW + DAY)
    quiet = happened(watched, "quiet", NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("new_in_group", "silenced")]
    with watched.write() as session:
        step = {"after_minutes": 60, "working_hours": False, "to": EscalateTo.OWNER, "min_severity": Severity.WARNING}
        escalation.put(session, [step], MOST_MINUTES)
        a_rule(session, "grave", NOW, Severity.CRITICAL)
    happened(watched, "grave", NOW + DAY)
    assert announced(watched, NOW + DAY) == [("worse", None)]
    assert messages(watched)[-1]["title"] == "Critical: Acme – Grave and 2 more"
    with watched.read() as session:
        assert record.doubled(session) == []
        assert alert_events.silenced(session) == [], "no later silence tells of it"
        assert session.get_one(Alert, quiet.id).escalate_at == NOW + DAY + HOUR


def test_two_messages_about_one_alert_in_one_minute_are_found_in_the_record(watched: Database) -> None:
    late = happened(watched, "late", NOW)
    announced(watched, NOW)
    again = {"key": "again", "partner_id": late.partner_id, "reason": NoticeReason.SILENCE_ENDED, "held_back": None}
    with watched.write() as session:
        assert record.doubled(session) == []
        (row,) = session.scalars(select(Notification))
        at = NOW + timedelta(seconds=59)
        notice = notices.add(session, why={"message": "", "params": {}}, alerts=[late.id], now=at, **again)
        copied = {name: getattr(row, name) for name in ("reason", "locale", "message", "status", "destination_id")}
        session.add(Notification(key=f"notice/{notice.id}:x", created_at=at, **copied))
        session.flush()
        assert record.doubled(session) == [f"{NOW.date()} None again within a minute"]


def test_two_silences_that_end_at_once_are_told_once(watched: Database) -> None:
    happened(watched, "late", NOW)
    announced(watched, NOW)
    silenced(watched, NOW + DAY, matchers={"region": ["APAC"]})
    silenced(watched, NOW + DAY + HOUR)
    assert announced(watched, NOW + 2 * DAY) == [("silence_ended", None)]


def test_what_ended_during_the_silence_is_told_after_it(watched: Database) -> None:
    late = happened(watched, "late", NOW)
    announced(watched, NOW)
    silenced(watched, NOW + DAY)
    over(watched, late, NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("resolved", "silenced")]
    assert announced(watched, NOW + DAY) == [("resolved_while_silenced", None)]
    message = messages(watched)[-1]
    assert (message["reason"], message["notice"]) == ("alert_resolved", "resolved_while_silenced")
    assert [item["title"] for item in message["items"]] == ["Late"]


def test_what_began_and_ended_within_a_silence_is_told_to_nobody(watched: Database) -> None:
    silenced(watched, NOW + DAY)
    late = happened(watched, "late", NOW)
    announced(watched, NOW)
    over(watched, late, NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("resolved", "silenced")]
    assert announced(watched, NOW + DAY) == []
    assert messages(watched) == []
    with watched.read() as session:
        assert alert_events.silenced(session) == [], "no later silence has to look at it again"


def test_a_silence_ended_early_is_told_with_the_next_tick(watched: Database) -> None:
    silence = silenced(watched, NOW + DAY)
    happened(watched, "late", NOW)
    announced(watched, NOW)
    with watched.write() as session:
        silences.end(session, silences.get(session, silence.id, lock=True), who="an", now=NOW + HOUR)
        with pytest.raises(Conflict):
            silences.end(session, silences.get(session, silence.id), who="an", now=NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("silence_ended", None)]


def test_what_another_silence_covers_stays_quiet(watched: Database) -> None:
    silenced(watched, NOW + DAY)
    silenced(watched, NOW + 2 * DAY, matchers={"region": ["APAC"]})
    happened(watched, "late", NOW)
    announced(watched, NOW)
    assert announced(watched, NOW + DAY) == []
    assert announced(watched, NOW + 2 * DAY) == [("silence_ended", None)]


def test_a_silence_is_about_what_it_names(watched: Database) -> None:
    silenced(watched, NOW + DAY, matchers={"rule": ["quiet"]})
    happened(watched, "late", NOW)
    happened(watched, "quiet", NOW)
    assert announced(watched, NOW) == [("first", None), ("first", "silenced")]
    assert messages(watched)[0]["title"] == "Warning: Acme – Late"
    assert announced(watched, NOW + DAY) == [("silence_ended", None)]
    assert messages(watched)[1]["title"] == "Warning: Acme – Late and 1 more"


def test_a_silence_over_many_partners_ends_in_one_message(watched: Database) -> None:
    with watched.write() as session:
        for number in range(5):
            partner(session, f"P{number}", NOW)
    silenced(watched, NOW + DAY)
    for number in range(5):
        happened(watched, "late", NOW, f"P{number}")
    announced(watched, NOW)
    assert announced(watched, NOW + DAY) == [("silence_ended", None)]
    (message,) = messages(watched)
    assert message["title"] == "Silence over: 5 partners"
    assert [item["title"] for item in message["items"]] == [f"P{number}" for number in range(5)]
    happened(watched, "quiet", NOW + 2 * DAY, "P0")
    assert announced(watched, NOW + 2 * DAY) == [("new_in_group", None)], "they know of what fires"


def test_the_end_of_a_silence_over_many_says_how_many_fire_still_and_which_ended(watched: Database) -> None:
    with watched.write() as session:
        destination(session, "plant", NOW, alerts=False)
        plant = destinations.named(session, "plant").id
        for number in range(5):
            partner(session, f"P{number}", NOW, region="EMEA" if number < 3 else "")
        matchers = {"region": ["EMEA"]}
        route = {"name": "emea", "matchers": matchers, "destination_ids": [str(plant)], "people": [], "goes_on": True}
        routes.add(session, route)
        every = {"name": "all", "matchers": {}, "people": []}
        routes.add(session, {**every, "destination_ids": [str(destinations.named(session, "hook").id)]})
    raised = [happened(watched, "late", NOW, f"P{number}") for number in range(5)]
    announced(watched, NOW)
    silenced(watched, NOW + DAY)
    for alert in raised[:2]:
        over(watched, alert, NOW + HOUR)
    announced(watched, NOW + HOUR)
    assert announced(watched, NOW + DAY) == [("silence_ended", None)]
    leads = {message["title"]: message["lead"] for message in messages(watched)[-2:]}
    assert "still: 3. Partners of which all of it ended meanwhile: 2." in leads["Silence over: 5 partners"]
    assert "still: 1. Partners of which all of it ended meanwhile: 2." in leads["Silence over: 3 partners"]
    (whole,) = [one for one in messages(watched)[-2:] if one["title"] == "Silence over: 5 partners"]
    told = {item["title"]: item["text"] for item in whole["items"]}
    assert told == {f"P{n}": "no longer firing: Late" if n < 2 else "Warning: Late" for n in range(5)}


@pytest.mark.parametrize(
    ("values", "where", "what"),
    [
        ({"until": NOW + 91 * DAY}, "ends_at", "more than 90 days ahead"),
        ({"until": NOW - DAY}, "ends_at", "is not after its beginning"),
        ({"until": NOW - DAY, "starts_at": NOW - 2 * DAY}, "ends_at", "is over already"),
        ({"reason": " "}, "reason", "expected why"),
        ({"time_zone": "Mars/Phobos"}, "time_zone", "is not a time zone"),
        ({"matchers": {"rule": ["late", "nonesuch"]}}, "matchers.rule[1]", "there is no rule"),
        ({"matchers": {"partner": ["7"]}}, "matchers.partner[0]", "there is no partner"),
        ({"matchers": {"owner": ["x@us.example"]}}, "matchers.owner[0]", "there is no person"),
    ],
)
def test_a_silence_that_does_not_fit_is_refused(
    watched: Database, values: dict[str, Any], where: str, what: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        silenced(watched, **{"until": NOW + DAY} | values)
    (fault,) = refused.value.faults
    assert fault.where == where
    assert what in fault.what


def test_every_fault_is_told_at_once(watched: Database) -> None:
    with pytest.raises(InvalidInput) as refused:
        silenced(watched, NOW + DAY, time_zone="Mars", reason="", matchers={"rule": ["x"]})
    assert [fault.where for fault in refused.value.faults] == ["matchers.rule[0]", "reason", "time_zone"]


@pytest.mark.parametrize(
    ("zone", "begin", "end", "expected"),
    [
        ("Asia/Taipei", "2026-03-07T22:00", "2026-03-08T06:00", ("2026-03-07T14:00", "2026-03-07T22:00")),
        ("Europe/Berlin", "2026-03-28T22:00", "2026-03-29T06:00", ("2026-03-28T21:00", "2026-03-29T04:00")),
        ("America/New_York", "2026-03-08T01:00", "2026-03-08T04:00", ("2026-03-08T06:00", "2026-03-08T08:00")),
    ],
)
def test_the_times_of_a_maintenance_window_are_what_clocks_show_in_its_zone(
    watched: Database, zone: str, begin: str, end: str, expected: tuple[str, str]
) -> None:
    window = silenced(
        watched,
        datetime.fromisoformat(end),
        kind=SilenceKind.MAINTENANCE,
        starts_at=datetime.fromisoformat(begin),
        time_zone=zone,
    )
    assert (window.starts_at, window.ends_at) == tuple(
        datetime.fromisoformat(one).replace(tzinfo=UTC) for one in expected
    )


def test_a_time_that_clocks_never_show_is_refused(watched: Database) -> None:
    with pytest.raises(InvalidInput, match="they are set forward then"):
        silenced(watched, datetime(2026, 3, 29, 2, 30), time_zone="Europe/Berlin")  # noqa: DTZ001


def test_a_window_over_an_hour_that_clocks_show_twice_covers_both(watched: Database) -> None:
    twice = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001
    now = datetime(2026, 10, 20, tzinfo=UTC)
    window = silenced(watched, twice, now, starts_at=twice, time_zone="Europe/Berlin")
    assert window.ends_at - window.starts_at == HOUR


def test_a_maintenance_window_holds_from_its_beginning_to_its_end(watched: Database) -> None:
    silenced(watched, NOW + 3 * HOUR, kind=SilenceKind.MAINTENANCE, starts_at=NOW + 2 * HOUR)
    happened(watched, "late", NOW)
    assert announced(watched, NOW) == [("first", None)]
    happened(watched, "quiet", NOW + 2 * HOUR)
    assert announced(watched, NOW + 2 * HOUR) == [("new_in_group", "silenced")]
    assert announced(watched, NOW + 3 * HOUR) == [("silence_ended", None)]


def test_a_window_called_off_before_it_began_is_told_to_nobody(watched: Database) -> None:
    happened(watched, "late", NOW)
    announced(watched, NOW)
    window = silenced(watched, NOW + DAY, kind=SilenceKind.MAINTENANCE, starts_at=NOW + 2 * HOUR)
    with watched.write() as session:
        silences.end(session, silences.get(session, window.id), who="an", now=NOW + HOUR)
    assert announced(watched, NOW + HOUR) == []


def test_silences_are_listed_with_those_in_force_apart(watched: Database) -> None:
    ended, held = silenced(watched, NOW + HOUR), silenced(watched, NOW + DAY)
    with watched.read() as session:
        now = NOW + 2 * HOUR
        assert [one.id for one in silences.listing(session, None, 9, now=now, in_force=True).items] == [held.id]
        assert [one.id for one in silences.listing(session, None, 9, now=now, in_force=False).items] == [ended.id]
        assert len(silences.listing(session, None, 9, now=now).items) == 2


def test_a_silence_about_an_owner_follows_the_owner(watched: Database) -> None:
    with watched.write() as session:
        owner = person(session, "Olga Owner")
        session.get_one(Partner, session.scalars(select(Partner.id)).one()).owner_id = owner.id
    silenced(watched, NOW + DAY, matchers={"owner": ["olga.owner@us.example"]})
    happened(watched, "late", NOW)
    assert announced(watched, NOW) == [("first", "silenced")]
    with watched.write() as session:
        session.scalars(select(Partner)).one().owner_id = None
    assert announced(watched, NOW + DAY) == [("silence_ended", None)], "it is nobody's to silence any more"


def test_what_another_rule_keeps_back_when_a_silence_is_over_is_told_once_that_one_ends(watched: Database) -> None:
    with watched.write() as session:
        rules.by_key(session, "late").inhibited_by = [{"rule": "quiet", "equal": ["partner"]}]
    silenced(watched, NOW + DAY)
    quiet = happened(watched, "quiet", NOW)
    happened(watched, "late", NOW)
    assert announced(watched, NOW) == [("first", "silenced")]
    assert announced(watched, NOW + DAY) == [("silence_ended", None), ("silence_ended", "inhibited")]
    over(watched, quiet, NOW + 2 * DAY)
    assert announced(watched, NOW + 2 * DAY) == [("new_in_group", None)]
