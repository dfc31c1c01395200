"""What stands: who is told by the routes, how alerts climb, who stands in, and how rarely people are reminded."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alarmed import NOW, a_rule, announced, destabilise, end, fire, happened, kept, messages, renewed, sent, worsen
from assessed import destination, partner, person
from sqlalchemy import select

from warden.db import Database
from warden.domain import EscalateTo, Severity, SilenceKind
from warden.errors import Conflict, InvalidInput
from warden.models import Alert, Destination, Notice, Partner, Person
from warden.rules.escalation import MOST_MINUTES
from warden.store import alerts, assignments, destinations, duty, escalation, routes, rules, silences

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def prepare(database: Database) -> None:
    with database.write() as session:
        destination(session, "hook", NOW)
        destination(session, "desk", NOW, alerts=False)
        destination(session, "mail", NOW, channel="email", alerts=False)
        owner = person(session, "Olga Owner", "Asia/Taipei", "zh-Hant")
        sponsor = person(session, "Sam Sponsor")
        person(session, "Dan Deputy", "UTC", "vi")
        person(session, "Kim Duty")
        partner(session, "Acme", NOW, owner_id=owner.id, sponsor_id=sponsor.id, tier="key")
        for key, severity in (("late", Severity.WARNING), ("grave", Severity.CRITICAL)):
            a_rule(session, key, NOW, severity)


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    with kept(sqlite_template, tmp_path_factory.mktemp("announce"), prepare) as found:
        yield found


@pytest.fixture
def watched(prepared: tuple[Database, Path]) -> Database:
    return renewed(*prepared)


def who(db: Database, name: str) -> Person:
    with db.read() as session:
        return session.scalars(select(Person).where(Person.name == name)).one()


def route(db: Database, name: str, *to: str, people: Any = (), **values: Any) -> None:
    with db.write() as session:
        ids = [str(destinations.named(session, one).id) for one in to]
        routes.add(session, {"name": name, "destination_ids": ids, "people": list(people), "matchers": {}, **values})


def outbox(db: Database) -> list[tuple[str, str]]:
    return [(name, recipient) for _, name, recipient in sent(db)]


def test_the_first_route_that_fits_takes_an_alert(watched: Database) -> None:
    route(watched, "critical", "desk", matchers={"severity": ["critical"]})
    route(watched, "key accounts", "hook", people=["owner"], matchers={"tier": ["key"]})
    happened(watched, "late")
    announced(watched, NOW)
    assert outbox(watched) == [("hook", ""), ("mail", "olga.owner@us.example")]
    happened(watched, "grave", NOW + HOUR)
    announced(watched, NOW + HOUR)
    assert outbox(watched) == [("desk", ""), ("hook", ""), ("mail", "olga.owner@us.example")]
    assert "Grave" in str(messages(watched)[-1]["title"])


def test_people_are_written_to_in_their_own_language_and_zone(watched: Database) -> None:
    route(watched, "all", "hook", people=["owner", "sponsor"])
    happened(watched, "late")
    announced(watched, NOW)
    leads = {message["lead"][:4]: message for message in messages(watched)}
    assert set(leads) == {"This", "這是關於"}
    assert "17:00 (Asia/Taipei)" in str(leads["這是關於"]["facts"])


def test_what_no_route_takes_goes_where_the_destinations_say(watched: Database) -> None:
    route(watched, "others", "desk", matchers={"tier": ["standard"]})
    happened(watched, "late")
    announced(watched, NOW)
    assert outbox(watched) == [("hook", "")]


def test_a_route_whose_destinations_are_switched_off_takes_nothing(watched: Database) -> None:
    route(watched, "all", "desk")
    with watched.write() as session:
        destinations.named(session, "desk").disabled_at = NOW
    happened(watched, "late")
    announced(watched, NOW)
    assert outbox(watched) == [("hook", "")]


def test_a_route_goes_on_and_by_night_somebody_else_is_told(watched: Database) -> None:
    night = {"time_zone": "UTC", "days": list(range(7)), "from": "18:00", "until": "08:00"}
    route(watched, "night", "desk", matchers={"hours": night}, goes_on=True)
    route(watched, "all", "hook")
    happened(watched, "late")
    announced(watched, NOW)
    assert outbox(watched) == [("hook", "")]
    happened(watched, "grave", NOW + 12 * HOUR)
    announced(watched, NOW + 12 * HOUR)
    assert outbox(watched) == [("desk", ""), ("hook", ""), ("hook", "")]


def test_whoever_is_on_duty_is_told_and_the_deputy_of_whoever_is_away(watched: Database) -> None:
    route(watched, "all", people=["on_duty", "owner"])
    olga, dan, kim = (who(watched, name) for name in ("Olga Owner", "Dan Deputy", "Kim Duty"))
    with watched.write() as session:
        duty.add(session, person_id=kim.id, starts_at=NOW, ends_at=NOW + DAY, author="a", now=NOW)
        duty.add_absence(
            session, person_id=olga.id, deputy_id=dan.id, starts_at=NOW, ends_at=NOW + DAY, author="a", now=NOW
        )
    happened(watched, "late")
    announced(watched, NOW)
    assert outbox(watched) == [("mail", "dan.deputy@us.example"), ("mail", "kim.duty@us.example")]


def test_deputies_are_followed_and_two_who_stand_in_for_each_other_are_nobody(watched: Database) -> None:
    olga, dan, sam = (who(watched, name) for name in ("Olga Owner", "Dan Deputy", "Sam Sponsor"))
    away: dict[str, Any] = {"starts_at": NOW, "ends_at": NOW + DAY, "author": "a", "now": NOW}
    with watched.write() as session:
        duty.set_deputy(session, olga.id, dan.id)
        assert duty.standing_in(session, [olga.id], NOW) == {}, "she is here"
        duty.add_absence(session, person_id=olga.id, deputy_id=None, **away)
        assert duty.stand_in(session, olga, NOW).id == dan.id
        duty.add_absence(session, person_id=dan.id, deputy_id=sam.id, **away)
        assert duty.stand_in(session, olga, NOW).id == sam.id
        assert duty.stand_in(session, olga, NOW + DAY).id == olga.id
        duty.set_deputy(session, sam.id, olga.id)
        duty.add_absence(session, person_id=sam.id, deputy_id=None, **away)
        assert duty.standing_in(session, [olga.id, sam.id], NOW) == {}
        with pytest.raises(Conflict, match="away at that time already"):
            duty.add_absence(session, person_id=sam.id, deputy_id=None, **away)
        with pytest.raises(InvalidInput):
            duty.set_deputy(session, sam.id, sam.id)


def chain(db: Database, *steps: dict[str, Any]) -> None:
    defaults: dict[str, Any] = {"working_hours": False, "to": EscalateTo.OWNER, "min_severity": Severity.CRITICAL}
    with db.write() as session:
        escalation.put(session, [defaults | step for step in steps], MOST_MINUTES)


def test_an_alert_nobody_acknowledges_climbs_step_by_step(watched: Database) -> None:
    chain(watched, {"after_minutes": 30}, {"after_minutes": 60, "to": EscalateTo.SPONSOR})
    happened(watched, "grave")
    announced(watched, NOW)
    assert announced(watched, NOW + timedelta(minutes=29)) == []
    assert announced(watched, NOW + timedelta(minutes=30)) == [("escalation", None)]
    assert announced(watched, NOW + timedelta(minutes=89)) == []
    assert announced(watched, NOW + timedelta(minutes=90)) == [("escalation", None)]
    assert announced(watched, NOW + 30 * DAY) == []
    assert outbox(watched) == [("hook", ""), ("mail", "olga.owner@us.example"), ("mail", "sam.sponsor@us.example")]
    assert messages(watched)[-1]["lead"].startswith("Nobody has acknowledged this yet.")


def test_only_alerts_grave_enough_climb(watched: Database) -> None:
    chain(watched, {"after_minutes": 30})
    happened(watched, "late")
    announced(watched, NOW)
    assert announced(watched, NOW + DAY) == []


def test_an_acknowledged_alert_rests_until_it_gets_worse(watched: Database) -> None:
    chain(watched, {"after_minutes": 30, "min_severity": Severity.WARNING})
    late = happened(watched, "late")
    announced(watched, NOW)
    with watched.write() as session:
        alerts.acknowledge(session, alerts.get(session, late.id), reason="We know.", who="olga", now=NOW)
    assert announced(watched, NOW + 30 * DAY) == []
    with watched.write() as session:
        worsen(session, late, Severity.CRITICAL, NOW + 30 * DAY)
    assert announced(watched, NOW + 30 * DAY) == [("worse", None)]
    assert announced(watched, NOW + 31 * DAY) == [("escalation", None)]


def test_an_alert_that_ended_climbs_no_more(watched: Database) -> None:
    chain(watched, {"after_minutes": 30})
    grave = happened(watched, "grave")
    announced(watched, NOW)
    with watched.write() as session:
        alerts.resolve(session, [alerts.get(session, grave.id)], NOW)
    assert announced(watched, NOW + DAY) == []


def test_steps_wait_for_working_hours_where_the_recipient_is(watched: Database) -> None:
    chain(watched, {"after_minutes": 90, "working_hours": True})
    happened(watched, "grave")
    announced(watched, NOW)  # 17:00 in Taipei: an hour is left
    with watched.read() as session:
        assert session.scalars(select(Alert)).one().escalate_at == datetime(2026, 3, 3, 1, 30, tzinfo=UTC)


def test_a_step_to_nobody_is_noted_and_the_next_one_waits(watched: Database) -> None:
    desk = destination_id(watched, "desk")
    chain(
        watched,
        {"after_minutes": 30, "to": EscalateTo.ON_DUTY},
        {"after_minutes": 30, "to": EscalateTo.DESTINATION, "destination_id": desk},
    )
    happened(watched, "grave")
    announced(watched, NOW)
    assert announced(watched, NOW + timedelta(minutes=30)) == [("escalation", "nobody")]
    assert announced(watched, NOW + HOUR) == [("escalation", None)]
    assert outbox(watched) == [("desk", ""), ("hook", "")]


def test_whoever_knows_an_alert_by_the_chain_alone_keeps_nobody_else_from_hearing(watched: Database) -> None:
    chain(watched, {"after_minutes": 30})
    grave = happened(watched, "grave")
    announced(watched, NOW)
    assert announced(watched, NOW + timedelta(minutes=30)) == [("escalation", None)]
    with watched.write() as session:
        destabilise(session, grave, NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("unstable", None)]
    assert outbox(watched) == [("hook", ""), ("hook", ""), ("mail", "olga.owner@us.example")]


def destination_id(db: Database, name: str) -> Any:
    with db.read() as session:
        return session.scalars(select(Destination.id).where(Destination.name == name)).one()


def test_a_step_waits_for_the_end_of_a_silence_even_an_early_one(watched: Database) -> None:
    chain(watched, {"after_minutes": 30})
    happened(watched, "grave")
    announced(watched, NOW)
    with watched.write() as session:
        silence = silences.add(
            session,
            kind=SilenceKind.SILENCE,
            matchers={},
            ends_at=NOW + 9 * DAY,
            reason="Moving.",
            author="olga",
            now=NOW,
        )
    assert announced(watched, NOW + HOUR) == [("escalation", "silenced")]
    assert announced(watched, NOW + 2 * HOUR) == []
    with watched.write() as session:
        silences.end(session, silences.get(session, silence.id), who="olga", now=NOW + DAY)
    assert announced(watched, NOW + DAY) == [("escalation", None), ("silence_ended", None)]


@pytest.mark.parametrize(
    ("step", "where"),
    [
        ({"after_minutes": 0}, "steps[0].after_minutes"),
        ({"after_minutes": MOST_MINUTES + 1}, "steps[0].after_minutes"),
        ({"after_minutes": 1, "to": EscalateTo.DESTINATION}, "steps[0].destination_id"),
        ({"after_minutes": 1, "destination_id": UUID(int=7)}, "steps[0].destination_id"),
        ({"after_minutes": 1, "to": EscalateTo.DESTINATION, "destination_id": UUID(int=7)}, "steps[0].destination_id"),
    ],
)
def test_a_step_that_does_not_fit_is_refused(watched: Database, step: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        chain(watched, step)
    assert [fault.where for fault in refused.value.faults] == [where]


def test_a_standing_alarm_is_reminded_of_once_in_eight_weeks(watched: Database) -> None:
    happened(watched, "late")
    announced(watched, NOW)
    assert announced(watched, NOW + 56 * DAY - HOUR) == []
    assert announced(watched, NOW + 56 * DAY) == [("reminder", None)]
    assert messages(watched)[-1]["lead"].startswith("A reminder: this has not ended yet.")
    for days in (57, 111):
        assert announced(watched, NOW + days * DAY) == []
    assert announced(watched, NOW + 113 * DAY) == [("reminder", None)]


def test_eight_weeks_are_counted_from_the_telling_and_whoever_takes_it_now_is_reminded(watched: Database) -> None:
    happened(watched, "late")
    told_at = NOW + timedelta(minutes=1)
    announced(watched, told_at)
    with watched.write() as session:
        destinations.named(session, "hook").disabled_at = NOW
        destinations.named(session, "desk").alerts = True
        destinations.named(session, "desk").min_severity = Severity.INFO
    assert announced(watched, NOW + 56 * DAY) == []
    assert announced(watched, told_at + 56 * DAY) == [("reminder", None)]
    assert outbox(watched) == [("desk", ""), ("hook", "")]


def test_a_reminder_soon_after_other_news_is_left_out_and_the_ledger_says_why(watched: Database) -> None:
    happened(watched, "late")
    announced(watched, NOW)
    happened(watched, "grave", NOW + 46 * DAY)
    announced(watched, NOW + 46 * DAY)
    assert announced(watched, NOW + 56 * DAY) == [("reminder", "too_soon")]
    with watched.read() as session:
        notice = session.scalars(select(Notice).where(Notice.held_back == "too_soon")).one()
    assert notice.why["params"] == {"at": (NOW + 46 * DAY).isoformat(), "days": 56}
    assert announced(watched, NOW + 101 * DAY) == []
    assert announced(watched, NOW + 102 * DAY) == [("reminder", None)]


@pytest.mark.parametrize("why", ["acknowledged", "silenced", "unstable"])
def test_a_reminder_not_sent_is_considered_once_and_says_why(watched: Database, why: str) -> None:
    late = happened(watched, "late")
    announced(watched, NOW)
    with watched.write() as session:
        found = alerts.get(session, late.id)
        if why == "acknowledged":
            alerts.acknowledge(session, found, reason="We know.", who="olga", now=NOW)
        elif why == "unstable":
            destabilise(session, found, NOW + HOUR)
        else:
            silences.add(
                session,
                kind=SilenceKind.SILENCE,
                matchers={},
                ends_at=NOW + 80 * DAY,
                reason="Moving.",
                author="olga",
                now=NOW,
            )
    announced(watched, NOW + HOUR)
    expected = [("reminder", why)] if why != "unstable" else [("reminder", "too_soon")]
    assert announced(watched, NOW + 56 * DAY) == expected
    if why == "unstable":
        assert announced(watched, NOW + 57 * DAY) == [("reminder", "unstable")]
    assert announced(watched, NOW + 58 * DAY) == []


def test_of_an_alert_nobody_was_told_of_nobody_is_reminded(watched: Database) -> None:
    with watched.write() as session:
        acme = session.scalars(select(Partner)).one()
        fire(session, acme, rules.by_key(session, "late"), NOW - 90 * DAY, sent=False)
    assert announced(watched, NOW) == []


def test_an_alert_is_given_to_somebody_of_ours_and_the_message_says_to_whom(watched: Database) -> None:
    late = happened(watched, "late")
    with watched.write() as session:
        theirs = person(session, "Carla Counterpart", ours=False)
        alert = alerts.get(session, late.id)
        with pytest.raises(Conflict, match="works for the partner"):
            assignments.assign(session, alert, theirs, who="olga", now=NOW)
        assignments.assign(session, alert, session.merge(who(watched, "Sam Sponsor")), who="olga", now=NOW)
        assert len(assignments.history(session, late.id)) == 1
    announced(watched, NOW)
    assert ["Assigned to", "Sam Sponsor"] in messages(watched)[0]["facts"]
    with watched.write() as session:
        alert = alerts.get(session, late.id)
        assignments.assign(session, alert, None, who="olga", now=NOW + HOUR)
        assert assignments.of_alerts(session, [late.id]) == {}
        end(session, alert, NOW + HOUR)
        with pytest.raises(Conflict, match="resolved already"):
            assignments.assign(session, alert, None, who="olga", now=NOW + HOUR)
