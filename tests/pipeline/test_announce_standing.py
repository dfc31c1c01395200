"""What stands: who is told by the routes, how alerts climb, who stands in, and how rarely people are reminded."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alarmed import (
    NOW,
    SETTINGS,
    a_rule,
    announced,
    destabilise,
    end,
    fire,
    happened,
    kept,
    messages,
    renewed,
    sent,
    silenced,
    worsen,
)
from assessed import destination, partner, person
from sqlalchemy import select

from warden.db import Database
from warden.domain import Cause, EscalateTo, HeldBack, NoticeReason, Severity
from warden.errors import Conflict, InvalidInput
from warden.models import Alert, Destination, Notice, Partner, Person, Told
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


def test_an_acknowledged_alert_that_rises_is_told_and_climbs_though_another_is_as_loud(watched: Database) -> None:
    chain(watched, {"after_minutes": 30})
    raised = [happened(watched, key) for key in ("late", "grave")]
    announced(watched, NOW)
    with watched.write() as session:
        for one in raised:
            alerts.acknowledge(session, alerts.get(session, one.id), reason="We know.", who="olga", now=NOW)
        worsen(session, raised[0], Severity.CRITICAL, NOW + DAY)
    assert announced(watched, NOW + DAY) == [("worse", None)]
    with watched.read() as session:
        climbs = {one.id: one.escalate_at for one in session.scalars(select(Alert))}
    assert climbs == {raised[0].id: NOW + DAY + timedelta(minutes=30), raised[1].id: None}


def test_an_alert_that_another_message_has_shown_before_its_turn_climbs_all_the_same(watched: Database) -> None:
    chain(watched, {"after_minutes": 30})
    happened(watched, "late")
    announced(watched, NOW)
    silenced(watched, NOW + DAY)
    grave = happened(watched, "grave", NOW + DAY)
    slow = SETTINGS.model_copy(update={"group_wait_seconds": 60})
    assert announced(watched, NOW + DAY, slow) == [("silence_ended", None)]
    assert messages(watched)[-1]["title"] == "Critical: Acme – Grave and 1 more"
    minute = NOW + DAY + timedelta(minutes=1)
    assert announced(watched, minute, slow) == [("new_in_group", "partly")]
    with watched.read() as session:
        assert session.get_one(Alert, grave.id).escalate_at == minute + timedelta(minutes=30)
        said = session.scalars(select(Notice.why).where(Notice.held_back == HeldBack.PARTLY.value)).one()
    assert said["message"] == "Another message about this partner has shown it already."


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
    silence = silenced(watched, NOW + 9 * DAY)
    assert announced(watched, NOW + HOUR) == [("escalation", "silenced")]
    assert announced(watched, NOW + 2 * HOUR) == []
    with watched.write() as session:
        silences.end(session, silences.get(session, silence.id), who="olga", now=NOW + DAY)
    assert announced(watched, NOW + DAY) == [("escalation", None), ("silence_ended", None)]


@pytest.mark.parametrize(("count", "mails"), [(4, 4), (5, 1)])
def test_five_partners_whose_steps_are_due_together_are_one_message(watched: Database, count: int, mails: int) -> None:
    chain(watched, {"after_minutes": 30}, {"after_minutes": 60, "to": EscalateTo.SPONSOR})
    for name in many(watched, count):
        happened(watched, "grave", name=name, cause=Cause.FIRST_LOOK)
    announced(watched, NOW)
    for minutes, who_hears in ((30, "olga.owner@us.example"), (90, "sam.sponsor@us.example")):
        assert announced(watched, NOW + timedelta(minutes=minutes)) == [("escalation", None)] * mails
        assert outbox(watched).count(("mail", who_hears)) == mails
    assert announced(watched, NOW + 30 * DAY) == []


def test_a_common_cause_of_critical_alerts_climbs_as_one_message(watched: Database) -> None:
    chain(watched, {"after_minutes": 30}, {"after_minutes": 60, "to": EscalateTo.SPONSOR})
    raised = [happened(watched, "grave", name=name) for name in many(watched, 6, region="APAC")]
    assert announced(watched, NOW) == [("common_cause", None), *[("first", "common_cause")] * 6]
    assert announced(watched, NOW + timedelta(minutes=30)) == [("escalation", None)]
    with watched.write() as session:
        for one in raised[:3]:
            alerts.acknowledge(session, alerts.get(session, one.id), reason="We know.", who="olga", now=NOW)
    assert announced(watched, NOW + timedelta(minutes=90)) == [("escalation", None)], "few of a cause are one, too"
    assert sorted(outbox(watched)) == [
        ("hook", ""),
        ("mail", "olga.owner@us.example"),
        ("mail", "sam.sponsor@us.example"),
    ]
    (first, second) = messages(watched)[1:]
    assert first["title"] == "尚未確認：6 家合作夥伴的預警"
    assert second["title"] == "Not acknowledged: alerts of 3 partners"
    assert first["notice"] == "escalation"
    assert second["lead"].startswith("Nobody has acknowledged this yet. Within 24 hours this fired for 6 of")


def test_what_fires_besides_a_common_cause_climbs_by_itself(watched: Database) -> None:
    chain(watched, {"after_minutes": 30})
    for name in many(watched, 6, region="APAC"):
        happened(watched, "grave", name=name)
    happened(watched, "grave")
    announced(watched, NOW)
    assert announced(watched, NOW + timedelta(minutes=30)) == [("escalation", None)] * 2
    assert {message["title"] for message in messages(watched)[-2:]} == {
        "嚴重：Acme – Grave",
        "尚未確認：6 家合作夥伴的預警",
    }


def switch(db: Database, name: str, *, takes_alerts: bool) -> None:
    with db.write() as session:
        destinations.named(session, name).alerts = takes_alerts


def test_what_fired_while_nobody_took_it_is_told_once_somebody_does(watched: Database) -> None:
    chain(watched, {"after_minutes": 30})
    switch(watched, "hook", takes_alerts=False)
    grave = happened(watched, "grave")
    ended = happened(watched, "late")
    assert announced(watched, NOW) == [("first", "nobody")]
    assert announced(watched, NOW + DAY) == []
    with watched.write() as session:
        end(session, ended, NOW + DAY)
    assert announced(watched, NOW + DAY) == [("resolved", "over")]
    switch(watched, "hook", takes_alerts=True)
    assert announced(watched, NOW + 2 * DAY) == [("first", None)]
    assert announced(watched, NOW + 2 * DAY + timedelta(minutes=29)) == []
    assert announced(watched, NOW + 2 * DAY + timedelta(minutes=30)) == [("escalation", None)], "it climbs from then on"
    (message, _) = messages(watched)
    assert message["lead"].startswith("This fired while nobody could be told of it, and fires still.")
    with watched.write() as session:
        end(session, grave, NOW + 3 * DAY)
    assert announced(watched, NOW + 3 * DAY) == [("resolved", None)]


def test_what_nobody_took_waits_for_the_end_of_a_silence(watched: Database) -> None:
    switch(watched, "hook", takes_alerts=False)
    happened(watched, "late")
    announced(watched, NOW)
    silenced(watched, NOW + 9 * DAY)
    switch(watched, "hook", takes_alerts=True)
    assert announced(watched, NOW + DAY) == []
    assert announced(watched, NOW + 9 * DAY) == [("first", None)]


def test_what_was_told_by_another_way_is_not_told_again_for_nobody_took_it_once(watched: Database) -> None:
    switch(watched, "hook", takes_alerts=False)
    happened(watched, "late")
    announced(watched, NOW)
    switch(watched, "hook", takes_alerts=True)
    happened(watched, "grave", NOW + DAY)
    assert announced(watched, NOW + DAY) == [("first", None)]
    assert announced(watched, NOW + 2 * DAY) == []
    with watched.read() as session:
        (row,) = session.scalars(select(Notice).where(Notice.held_back == HeldBack.NOBODY.value))
        assert row.reason is NoticeReason.FIRST


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


def many(db: Database, count: int, **values: Any) -> list[str]:
    """Partners of Acme's owner and sponsor."""
    with db.write() as session:
        acme = session.scalars(select(Partner).where(Partner.name == "Acme")).one()
        people = {"owner_id": acme.owner_id, "sponsor_id": acme.sponsor_id}
        return [partner(session, f"P{number:02}", NOW, **people, **values).name for number in range(count)]


@pytest.mark.parametrize(("count", "outbox_grows_by"), [(4, 4), (5, 1)])
def test_five_reminders_that_are_due_together_are_one_message(
    watched: Database, count: int, outbox_grows_by: int
) -> None:
    for name in many(watched, count):
        happened(watched, "late", name=name)
        announced(watched, NOW)
    assert len(outbox(watched)) == count
    written = announced(watched, NOW + 56 * DAY)
    assert written == [("reminder", None)] * outbox_grows_by
    assert len(outbox(watched)) == count + outbox_grows_by
    for days in (57, 111):
        assert announced(watched, NOW + days * DAY) == []
    assert len(announced(watched, NOW + 112 * DAY)) == outbox_grows_by


def test_many_reminders_in_one_name_every_partner_and_leave_out_who_rests(watched: Database) -> None:
    raised = [happened(watched, "late", name=name) for name in many(watched, 7)]
    announced(watched, NOW)
    with watched.write() as session:
        alerts.acknowledge(session, alerts.get(session, raised[0].id), reason="We know.", who="olga", now=NOW)
    assert announced(watched, NOW + 56 * DAY) == [("reminder", None), ("reminder", "acknowledged")]
    message = messages(watched)[-1]
    assert message["title"] == "Reminder: alerts of 6 partners have not ended"
    assert [item["title"] for item in message["items"]] == [f"P{number:02}" for number in range(1, 7)]
    with watched.read() as session:
        (notice,) = session.scalars(select(Notice).where(Notice.reason == NoticeReason.REMINDER, Notice.sent.is_(True)))
        assert set(notice.partners) == {str(one.partner_id) for one in raised[1:]}
        assert set(notice.alerts) == {str(one.id) for one in raised[1:]}


def test_whoever_takes_few_of_the_partners_is_reminded_of_each_with_its_evidence(watched: Database) -> None:
    route(watched, "key accounts", people=["owner"], matchers={"tier": ["key"]}, goes_on=True)
    route(watched, "all", "hook")
    for name in ["Acme", *many(watched, 5)]:
        happened(watched, "late", name=name)
    announced(watched, NOW)
    before = outbox(watched)
    assert announced(watched, NOW + 56 * DAY) == [("reminder", None)] * 2
    added = outbox(watched)
    for one in before:
        added.remove(one)
    assert added == [("hook", ""), ("mail", "olga.owner@us.example")]


def test_a_partner_that_cannot_be_reminded_of_keeps_no_other_back(watched: Database) -> None:
    raised = [happened(watched, "late", name=name) for name in many(watched, 6)]
    announced(watched, NOW)
    with watched.write() as session:
        told = session.scalars(select(Told).where(Told.partner_id == raised[2].partner_id)).one()
        told.alerts = {str(raised[2].id): {"severity": "never heard of", "rank": None}}
    assert announced(watched, NOW + 56 * DAY) == [("reminder", None)] * 5


@pytest.mark.parametrize("why", ["acknowledged", "silenced", "unstable"])
def test_a_reminder_not_sent_is_considered_once_and_says_why(watched: Database, why: str) -> None:
    late = happened(watched, "late")
    announced(watched, NOW)
    if why == "silenced":
        silenced(watched, NOW + 80 * DAY)
    with watched.write() as session:
        found = alerts.get(session, late.id)
        if why == "acknowledged":
            alerts.acknowledge(session, found, reason="We know.", who="olga", now=NOW)
        elif why == "unstable":
            destabilise(session, found, NOW + HOUR)
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


@pytest.mark.parametrize("why", ["nobody", "silenced", "unstable"])
def test_of_an_alert_nobody_was_ever_told_of_the_ledger_says_why_nobody_is_reminded(
    watched: Database, why: str
) -> None:
    if why == "silenced":
        silenced(watched, NOW + 80 * DAY, matchers={"rule": ["late"]})
    if why in ("nobody", "unstable"):
        with watched.write() as session:
            destinations.named(session, "hook").min_severity = Severity.CRITICAL
    with watched.write() as session:
        acme = session.scalars(select(Partner)).one()
        late = fire(session, acme, rules.by_key(session, "late"), NOW)
        if why == "unstable":
            destabilise(session, late, NOW + HOUR)
    announced(watched, NOW + HOUR)
    happened(watched, "grave", NOW + 10 * DAY)
    announced(watched, NOW + 10 * DAY)
    assert announced(watched, NOW + 57 * DAY) == [("reminder", why)]


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
