"""Deciding on a real database: alerts, meetings, what is announced, and what never is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from assessed import assess, destination, over, partner, person, signals, told
from assessed import say as said
from cryptography.fernet import Fernet
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import AlertState, Cause, MeetingStatus, RuleState, Severity, Stage
from warden.models import Alert, AlertEvent, Decision, Meeting, Notice, Notification, Partner, Rule, RuleStatus
from warden.pipeline import announce, decide
from warden.pipeline.consequences import PAST_MESSAGE
from warden.rules.conditions import OVER_MESSAGE
from warden.settings import Settings
from warden.store import alerts, meetings, rules, shipped
from warden.vault import Vault

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings(public_url="https://warden.example", group_wait_seconds=0)
VAULT = Vault([Fernet.generate_key().decode()])


@pytest.fixture
def seeded(db: Database) -> Database:
    with db.write() as session:
        shipped.seed(session, MONDAY)
    return db


def a_partner(db: Database, name: str = "Acme", **values: Any) -> Partner:
    with db.write() as session:
        return partner(session, name, MONDAY, **values)


def with_a_hook(db: Database) -> None:
    """Somebody is told: what nobody hears of asks for no meeting."""
    with db.write() as session:
        destination(session, "hook", MONDAY)


def say(db: Database, who: Partner, at: datetime, band: str | None = "low", **measured: Any) -> None:
    with db.write() as session:
        assess(session, who, at, band, **measured)


def decided(db: Database, now: datetime, send: bool = True) -> int:
    """Decide, and announce what follows; return how much was decided."""
    changed = decide.run(db, SETTINGS, now, send=send)
    announce.run(db, VAULT, SETTINGS, now)
    return changed


def look(db: Database, query: Callable[[Session], Any]) -> Any:
    with db.read() as session:
        return query(session)


def all_alerts(db: Database) -> list[Alert]:
    return look(db, lambda session: list(session.scalars(alerts.select_with_names().order_by(Alert.fired_at))))


def all_meetings(db: Database) -> list[Meeting]:
    return look(db, lambda session: list(session.scalars(meetings.select_with_names().order_by(Meeting.proposed_at))))


def test_many_alerts_open_in_as_many_statements_as_two(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        shipped.seed(session, MONDAY)
    statements: list[str] = []
    event.listen(sqlite_db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    def needed(names: list[str], now: datetime) -> int:
        for name in names:
            who = a_partner(sqlite_db, name)
            say(sqlite_db, who, now - DAY, "low")
            say(sqlite_db, who, now, "high")
        statements.clear()
        assert decided(sqlite_db, now, send=False) == len(names)
        return len(statements)

    needed(["First"], MONDAY)  # the first look of all need not ask what has changed
    assert needed(["Acme", "Bolt"], MONDAY + DAY) == needed([f"Partner {one}" for one in range(20)], MONDAY + 2 * DAY)


def test_a_partner_in_a_high_band_raises_one_alert_with_evidence_and_a_meeting(seeded: Database) -> None:
    with_a_hook(seeded)
    acme = a_partner(seeded)
    say(seeded, acme, MONDAY, "high", silence=0.6)
    assert decided(seeded, MONDAY) == 1
    (alert,) = all_alerts(seeded)
    assert (alert.rule.key, alert.state, alert.severity) == ("band_high", AlertState.FIRING, Severity.CRITICAL)
    told = alert.evidence[0]["params"]
    assert told["signal"] == {"message": "Going silent", "params": {}}
    assert told["likelihood_share"] == 0.3
    assert told["why"]["message"].startswith("The silence of this partner")
    assert alert.evidence[0]["facts"] == [7, 5]
    (meeting,) = all_meetings(seeded)
    assert meeting.alert_id == alert.id
    assert meeting.agenda[0]["params"] == {"likelihood_share": 0.5, "impact": 4.0}
    assert meeting.agenda[-1]["message"] == "Agree what each side does, who owns it and by when."


def test_deciding_again_changes_nothing(seeded: Database) -> None:
    acme = a_partner(seeded)
    with seeded.write() as session:
        destination(session, "hook", MONDAY)
    say(seeded, acme, MONDAY, "extreme", late=0.4)
    assert decided(seeded, MONDAY) == 3
    before = look(seeded, told)
    assert decided(seeded, MONDAY) == 0
    assert decided(seeded, MONDAY + HOUR) == 0
    assert look(seeded, told) == before
    assert len(all_alerts(seeded)) == 3


def test_evidence_of_a_rule_on_one_signal_is_that_signals(seeded: Database) -> None:
    acme = a_partner(seeded)
    say(seeded, acme, MONDAY, late=0.4)
    decided(seeded, MONDAY)
    (alert,) = all_alerts(seeded)
    assert [line["message"].split(" of ")[0] for line in alert.evidence] == ["The late_share"]


def test_an_alert_reaches_every_destination_of_its_severity(seeded: Database) -> None:
    with seeded.write() as session:
        destination(session, "all", MONDAY)
        destination(session, "warnings", MONDAY, min_severity=Severity.WARNING)
        destination(session, "critical only", MONDAY, min_severity=Severity.CRITICAL)
        destination(session, "operations", MONDAY, alerts=False, operations=True)
        destination(session, "off", MONDAY, disabled_at=MONDAY - DAY)
    acme = a_partner(seeded)
    say(seeded, acme, MONDAY, late=0.4)
    decided(seeded, MONDAY)
    assert ("alert_fired", "all", "") in look(seeded, told)
    assert [line for line in look(seeded, told) if line[0] == "alert_fired"] == [
        ("alert_fired", "all", ""),
        ("alert_fired", "warnings", ""),
    ]


def test_of_a_replayed_past_only_what_stands_today_is_told_and_only_once(seeded: Database) -> None:
    with seeded.write() as session:
        destination(session, "hook", MONDAY)
    gone, standing = a_partner(seeded, "Gone"), a_partner(seeded, "Standing")
    for who in (gone, standing):
        say(seeded, who, MONDAY - 60 * DAY, late=0.5)
    decided(seeded, MONDAY - 60 * DAY, send=False)
    say(seeded, gone, MONDAY - 40 * DAY, late=0.0)
    for days in (40, 30):  # keep_firing_for is seven days
        decided(seeded, MONDAY - days * DAY, send=False)
    assert look(seeded, told) == []
    say(seeded, standing, MONDAY, late=0.6)
    decided(seeded, MONDAY)
    assert look(seeded, told) == [("alert_fired", "hook", "")]
    with seeded.read() as session:
        last = session.scalars(select(AlertEvent).order_by(AlertEvent.id.desc()).limit(1)).one()
    assert (last.cause, last.reason["message"]) == (Cause.FIRST_LOOK, PAST_MESSAGE)
    decided(seeded, MONDAY + DAY)
    assert len(look(seeded, told)) == 1
    decided(seeded, MONDAY + DAY + HOUR, send=False)
    decided(seeded, MONDAY + 2 * DAY)
    assert len(look(seeded, told)) == 1, "they know of it"
    say(seeded, standing, MONDAY + 10 * DAY, late=0.0)
    decided(seeded, MONDAY + 10 * DAY)
    decided(seeded, MONDAY + 18 * DAY)
    assert [line[0] for line in look(seeded, told)] == ["alert_fired", "alert_resolved"]
    assert [alert.state for alert in all_alerts(seeded)] == [AlertState.RESOLVED, AlertState.RESOLVED]


def test_what_a_replayed_past_left_standing_of_many_is_one_message_as_at_a_first_look(seeded: Database) -> None:
    with seeded.write() as session:
        destination(session, "hook", MONDAY)
    for name in ("One", "Two", "Three", "Four", "Five"):
        say(seeded, a_partner(seeded, name), MONDAY - 60 * DAY, late=0.5)
    decided(seeded, MONDAY - 60 * DAY, send=False)
    decided(seeded, MONDAY)
    assert look(seeded, told) == [("alert_fired", "hook", "")]
    with seeded.read() as session:
        assert [len(one.partners) for one in session.scalars(select(Notice)) if one.sent] == [5]


def test_for_goes_on_through_restarts_and_unknowns(seeded: Database) -> None:
    acme = a_partner(seeded)
    say(seeded, acme, MONDAY, silence=1.2)
    decided(seeded, MONDAY)
    assert all_alerts(seeded) == []  # gone_quiet waits a day
    say(seeded, acme, MONDAY + 10 * HOUR, silence=None)
    decided(seeded, MONDAY + 10 * HOUR)
    again = Database(seeded.url.render_as_string(hide_password=False))
    say(again, acme, MONDAY + 23 * HOUR, silence=1.3)
    decided(again, MONDAY + 23 * HOUR)
    assert all_alerts(again) == []
    decided(again, MONDAY + 24 * HOUR)
    assert [alert.rule.key for alert in all_alerts(again)] == ["gone_quiet"]
    path = look(
        again, lambda s: [(d.before.value, d.after.value) for d in s.scalars(select(Decision).order_by(Decision.at))]
    )
    assert path == [("ok", "pending"), ("pending", "unknown"), ("unknown", "pending"), ("pending", "firing")]
    again.close()


def test_silence_of_a_blind_source_raises_no_alert(seeded: Database) -> None:
    acme = a_partner(seeded)
    say(seeded, acme, MONDAY, silence=2.0, states={"communication": "blind"})
    decided(seeded, MONDAY)
    decided(seeded, MONDAY + 5 * DAY)
    assert all_alerts(seeded) == []
    query = select(RuleStatus).join(Rule, Rule.id == RuleStatus.rule_id).where(Rule.key == "gone_quiet")
    status = look(seeded, lambda session: session.scalars(query).one())
    assert status.state is RuleState.UNKNOWN
    assert status.reason["params"] == {"condition": 'communication_state == "blind"'}


def test_an_unknown_keeps_an_open_alert_open(seeded: Database) -> None:
    acme = a_partner(seeded)
    say(seeded, acme, MONDAY, late=0.5)
    decided(seeded, MONDAY)
    say(seeded, acme, MONDAY + DAY, late=None)
    decided(seeded, MONDAY + DAY)
    decided(seeded, MONDAY + 30 * DAY)
    (alert,) = all_alerts(seeded)
    assert alert.state is AlertState.FIRING


def test_an_alert_on_a_partner_that_became_dormant_closes_and_says_why(seeded: Database) -> None:
    """Else it would stay open as unknown for ever: nobody will hear of a dormant partner again."""
    acme = a_partner(seeded)
    with seeded.write() as session:
        destination(session, "hook", MONDAY)
    say(seeded, acme, MONDAY, "high", silence=1.5)
    for hours in (0, 24):
        decided(seeded, MONDAY + hours * HOUR)
    assert {alert.rule.key for alert in all_alerts(seeded)} == {"gone_quiet", "band_high"}
    quiet, *others = signals(silence=None)
    with seeded.write() as session:
        said(session, acme, MONDAY + 200 * DAY, None, [over(quiet, "no message for 200 days: dormant"), *others])
    assert decided(seeded, MONDAY + 200 * DAY) > 0
    assert {alert.state for alert in all_alerts(seeded)} == {AlertState.RESOLVED}
    reasons = look(seeded, lambda session: [row.reason for row in session.scalars(select(RuleStatus))])
    why = {"message": "no message for 200 days: dormant", "params": {}}
    assert {"message": OVER_MESSAGE, "params": {"why": why}} in reasons
    text = look(seeded, lambda session: [row.message for row in session.scalars(select(Notification))])
    assert "The rule cannot be judged any more: no message for 200 days: dormant." in str(text)
    assert decided(seeded, MONDAY + 201 * DAY) == 0


def test_a_partner_has_one_open_meeting_at_a_time(seeded: Database) -> None:
    with_a_hook(seeded)
    acme = a_partner(seeded)
    with seeded.write() as session:
        rules.update(session, rules.by_key(session, "late_rate"), {"meeting_within_days": 10}, MONDAY)
    say(seeded, acme, MONDAY, "high", late=0.5)
    decided(seeded, MONDAY)
    assert len(all_alerts(seeded)) == 2
    assert len(all_meetings(seeded)) == 1


@pytest.mark.parametrize(
    ("zone", "country", "now", "due_on"),
    [
        ("UTC", None, MONDAY, date(2026, 3, 9)),
        ("Europe/Berlin", "DE", datetime(2026, 4, 1, 9, tzinfo=UTC), date(2026, 4, 10)),  # Good Friday, Easter Monday
        ("Europe/Berlin", "TW", datetime(2026, 2, 12, 9, tzinfo=UTC), date(2026, 2, 26)),  # Lunar New Year
        ("Asia/Taipei", "US", datetime(2026, 3, 2, 20, tzinfo=UTC), date(2026, 3, 10)),  # already Tuesday for the owner
        ("UTC", "AE", MONDAY, date(2026, 3, 9)),
        ("UTC", "XX", MONDAY, date(2026, 3, 9)),
    ],
)
def test_a_meeting_is_due_in_five_days_both_sides_work_on(
    seeded: Database, zone: str, country: str | None, now: datetime, due_on: date
) -> None:
    with_a_hook(seeded)
    with seeded.write() as session:
        owner = person(session, "Olga Owner", zone)
    acme = a_partner(seeded, owner_id=owner.id, country=country)
    say(seeded, acme, now, "high")
    decided(seeded, now)
    (meeting,) = all_meetings(seeded)
    assert meeting.due_on == due_on


def with_people(db: Database) -> Partner:
    """A partner with an owner, our sponsor and a counterpart; a hook and a mail server to tell them by."""
    with db.write() as session:
        owner = person(session, "Olga Owner", "Asia/Taipei", "zh-Hant")
        sponsor = person(session, "Sam Sponsor")
        counterpart = person(session, "Carla Counterpart", ours=False)
        destination(session, "hook", MONDAY)
        destination(session, "mail", MONDAY, channel="email", alerts=False)
    return a_partner(db, owner_id=owner.id, sponsor_id=sponsor.id, counterpart_id=counterpart.id)


def test_owner_and_sponsors_attend_and_only_our_own_people_are_written_to(seeded: Database) -> None:
    acme = with_people(seeded)
    say(seeded, acme, MONDAY, "high")
    decided(seeded, MONDAY)
    (meeting,) = all_meetings(seeded)
    assert [(one["role"], one["name"]) for one in meeting.attendees] == [
        ("owner", "Olga Owner"),
        ("sponsor", "Sam Sponsor"),
        ("counterpart", "Carla Counterpart"),
    ]
    assert look(seeded, told) == [
        ("alert_fired", "hook", ""),
        ("meeting_proposed", "hook", ""),
        ("meeting_proposed", "mail", "olga.owner@us.example"),
        ("meeting_proposed", "mail", "sam.sponsor@us.example"),
    ]


def test_a_meeting_not_held_by_its_date_escalates_once(seeded: Database) -> None:
    acme = with_people(seeded)
    say(seeded, acme, MONDAY, "high")
    decided(seeded, MONDAY)
    due = datetime(2026, 3, 9, 15, 59, tzinfo=UTC)  # one minute before the day ends in Taipei
    decided(seeded, due)
    assert all_meetings(seeded)[0].status is MeetingStatus.PROPOSED
    for minutes in (1, 30, 3000):
        decided(seeded, due + timedelta(minutes=minutes))
    (meeting,) = all_meetings(seeded)
    assert (meeting.status, meeting.escalated_at) == (MeetingStatus.MISSED, due + timedelta(minutes=1))
    assert [line for line in look(seeded, told) if line[0] == "meeting_escalated"] == [
        ("meeting_escalated", "hook", ""),
        ("meeting_escalated", "mail", "olga.owner@us.example"),
        ("meeting_escalated", "mail", "sam.sponsor@us.example"),
    ]


def resolve_band(db: Database, who: Partner) -> None:
    say(db, who, MONDAY + DAY, "low")
    decided(db, MONDAY + DAY)
    decided(db, MONDAY + 4 * DAY + HOUR)  # keep_firing_for is three days


def test_an_alert_that_resolves_waives_the_meeting_nobody_arranged(seeded: Database) -> None:
    acme = with_people(seeded)
    say(seeded, acme, MONDAY, "high")
    decided(seeded, MONDAY)
    resolve_band(seeded, acme)
    (meeting,) = all_meetings(seeded)
    assert (meeting.status, meeting.closed_by, meeting.sequence) == (MeetingStatus.WAIVED, "warden", 1)
    reasons = [line[0] for line in look(seeded, told)]
    assert reasons.count("alert_resolved") == 1
    assert reasons.count("meeting_cancelled") == 3


def test_a_meeting_outlives_its_alert_while_another_that_asks_for_one_fires_on(seeded: Database) -> None:
    acme = a_partner(seeded)
    with seeded.write() as session:
        destination(session, "hook", MONDAY)
        rules.update(session, rules.by_key(session, "late_rate"), {"meeting_within_days": 10}, MONDAY)
    say(seeded, acme, MONDAY, "high")
    decided(seeded, MONDAY)
    for days, band in ((1, "high"), (2, "low"), (6, "low")):
        say(seeded, acme, MONDAY + days * DAY, band, late=0.5)
        decided(seeded, MONDAY + days * DAY)
    assert {alert.rule.key: alert.state for alert in all_alerts(seeded)} == {
        "band_high": AlertState.RESOLVED, "late_rate": AlertState.FIRING,
    }  # fmt: skip
    (meeting,) = all_meetings(seeded)
    assert (meeting.status, meeting.alert.rule.key) == (MeetingStatus.PROPOSED, "late_rate")
    assert "meeting_cancelled" not in [line[0] for line in look(seeded, told)]


def test_a_meeting_people_agreed_on_outlives_its_alert(seeded: Database) -> None:
    acme = with_people(seeded)
    say(seeded, acme, MONDAY, "high")
    decided(seeded, MONDAY)
    with seeded.write() as session:
        meeting = meetings.open_of(session, acme.id)
        assert meeting is not None
        meetings.schedule(session, meeting, starts_at=MONDAY + 6 * DAY, now=MONDAY)
    resolve_band(seeded, acme)
    assert all_meetings(seeded)[0].status is MeetingStatus.SCHEDULED


@pytest.mark.parametrize("end", ["partner", "rule"])
def test_what_is_no_longer_watched_resolves(seeded: Database, end: str) -> None:
    acme = a_partner(seeded)
    say(seeded, acme, MONDAY, late=0.5)
    decided(seeded, MONDAY)
    with seeded.write() as session:
        if end == "partner":
            session.get_one(Partner, acme.id).stage = Stage.ENDED
        else:
            rules.update(session, rules.by_key(session, "late_rate"), {"enabled": False}, MONDAY)
    assert decided(seeded, MONDAY + HOUR) == 1
    assert decided(seeded, MONDAY + 2 * HOUR) == 0
    (alert,) = all_alerts(seeded)
    assert (alert.state, alert.resolved_at) == (AlertState.RESOLVED, MONDAY + HOUR)


def test_a_broken_rule_does_not_stop_the_others(seeded: Database) -> None:
    acme = a_partner(seeded)
    say(seeded, acme, MONDAY, "high", late=0.5)
    with seeded.write() as session:
        rules.by_key(session, "band_high").condition = "this is no rule"
    decided(seeded, MONDAY)
    assert [alert.rule.key for alert in all_alerts(seeded)] == ["late_rate"]


def test_an_assessment_of_the_future_is_not_looked_at(seeded: Database) -> None:
    acme = a_partner(seeded)
    say(seeded, acme, MONDAY, late=0.0)
    say(seeded, acme, MONDAY + DAY, late=0.5)
    assert decided(seeded, MONDAY) == 0


def test_messages_are_written_in_the_readers_language(seeded: Database) -> None:
    acme = with_people(seeded)
    with seeded.write() as session:
        destination(session, "vi", MONDAY, locale="vi", time_zone="Asia/Ho_Chi_Minh")
    say(seeded, acme, MONDAY, late=0.5)
    decided(seeded, MONDAY)
    titles = look(
        seeded,
        lambda session: {row.locale: row.message["title"] for row in session.scalars(select(Notification))},
    )
    assert "Tỷ lệ giao hàng trễ vượt ngưỡng" in titles["vi"]
    assert "Delivery-delay rate above the threshold" in titles["en"]
