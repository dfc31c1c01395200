"""Meetings that a person asks for, and meetings that outlive their alert since another one asks for them, too."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from alarmed import NOW, SETTINGS, a_rule, announced, happened, kept, messages, over, renewed
from assessed import destination, partner, person
from sqlalchemy import select

from warden.db import Database
from warden.domain import MeetingStatus, NoticeReason, NotificationReason, Severity, SilenceKind
from warden.errors import Conflict, InvalidInput
from warden.messages import ManyContext, PartnerPart, many_partners
from warden.messages.alerts import WHERE_TO_ASK
from warden.models import Alert, Destination, Meeting, Notice, Partner
from warden.pipeline import asking, handing_over
from warden.store import meetings, rules, silences
from warden.wording import reader_of

DAY = timedelta(days=1)


def prepare(database: Database) -> None:
    with database.write() as session:
        destination(session, "hook", NOW)
        people = {
            "owner_id": person(session, "Lin", "Asia/Taipei").id,
            "sponsor_id": person(session, "Tran").id,
            "counterpart_id": person(session, "Kim", ours=False).id,
        }
        partner(session, "Acme", NOW, country="VN", **people)
        partner(session, "Beta", NOW)
        a_rule(session, "late", NOW, meeting_within_days=10)
        a_rule(session, "quiet", NOW)
        a_rule(session, "grave", NOW, Severity.CRITICAL, meeting_within_days=3)


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    with kept(sqlite_template, tmp_path_factory.mktemp("asked"), prepare) as found:
        yield found


@pytest.fixture
def watched(prepared: tuple[Database, Path]) -> Database:
    return renewed(*prepared)


def ask(db: Database, alert: Alert, **values: Any) -> Meeting:
    asked: dict[str, Any] = {"who": "lin@us.example", "why": "They do not answer.", "now": NOW + DAY, **values}
    with db.write() as session:
        return asking.ask(session, SETTINGS, alert.id, **asked)


def ruled(db: Database, alert: Alert, **values: Any) -> None:
    """The meeting that an alert's rule asked for, as deciding leaves it."""
    asked: dict[str, Any] = {"alert_id": alert.id, "partner_id": alert.partner_id, "status": MeetingStatus.PROPOSED}
    with db.write() as session:
        session.add(
            Meeting(proposed_at=NOW, due_on=date(2026, 3, 9), **{"attendees": [], "agenda": [], **asked, **values})
        )


def ended(db: Database, alert: Alert, at: Any = NOW + 2 * DAY) -> None:
    """An alert ends, as deciding has it end."""
    over(db, alert, at)
    with db.write() as session:
        handing_over.release(session, [alert.id], at)


def outbox(db: Database) -> list[str]:
    return [message["reason"] for message in messages(db)]


def all_meetings(db: Database) -> list[Meeting]:
    with db.read() as session:
        return list(session.scalars(meetings.select_with_names().order_by(Meeting.proposed_at, Meeting.id)))


def test_people_are_asked_as_by_a_rule_and_hear_who_asks_and_why(watched: Database) -> None:
    alert = happened(watched, "quiet")
    announced(watched, NOW)
    meeting = ask(watched, alert)
    assert (meeting.proposed_by, meeting.proposed_why) == ("lin@us.example", "They do not answer.")
    assert [(one["role"], one["name"]) for one in meeting.attendees] == [
        ("owner", "Lin"), ("sponsor", "Tran"), ("counterpart", "Kim"),
    ]  # fmt: skip
    assert meeting.owner is not None
    assert meeting.owner.name == "Lin"
    assert meeting.agenda[0]["message"] == "what speaks for quiet"
    assert outbox(watched) == ["alert_fired", "meeting_proposed"]
    lead = "lin@us.example asks the executives to meet by Mar 10, 2026: They do not answer."
    assert messages(watched)[-1]["lead"] == lead


@pytest.mark.parametrize(
    ("rule", "within", "due_on"),
    [
        ("quiet", None, date(2026, 3, 10)),  # the rule asks for none: five working days
        ("late", None, date(2026, 3, 17)),
        ("late", 1, date(2026, 3, 4)),
    ],
)
def test_it_is_due_when_the_rule_would_have_it_unless_a_person_says_otherwise(
    watched: Database, rule: str, within: int | None, due_on: date
) -> None:
    assert ask(watched, happened(watched, rule), within_days=within).due_on == due_on


def test_what_is_missing_or_out_of_bounds_is_told_at_once(watched: Database) -> None:
    alert = happened(watched, "quiet")
    for days in (0, 91):
        with pytest.raises(InvalidInput) as refused:
            ask(watched, alert, why=" \u200b", within_days=days)
        assert [fault.where for fault in refused.value.faults] == ["reason", "within_days"]
    assert all_meetings(watched) == []


def test_one_is_open_at_a_time_and_only_about_what_fires(watched: Database) -> None:
    alert, other = happened(watched, "quiet"), happened(watched, "late")
    asked = ask(watched, alert)
    with pytest.raises(Conflict, match=str(asked.id)):
        ask(watched, other)
    over(watched, other, NOW + DAY)
    with watched.write() as session:
        meetings.waive(session, meetings.get(session, asked.id), reason="Settled.", who="lin")
    with pytest.raises(Conflict, match="is over"):
        ask(watched, other)


def test_it_is_about_the_worst_that_fires_unless_another_is_named(watched: Database) -> None:
    quiet, grave = happened(watched, "quiet"), happened(watched, "grave", NOW + DAY)
    happened(watched, "late", name="Beta")
    with watched.read() as session:
        assert asking.about(session, quiet.partner_id, None) == grave.id
        assert asking.about(session, quiet.partner_id, quiet.id) == quiet.id
        beta = session.scalars(select(Partner).where(Partner.name == "Beta")).one()
        with pytest.raises(InvalidInput) as refused:
            asking.about(session, beta.id, quiet.id)
        assert [fault.where for fault in refused.value.faults] == ["alert_id"]
    for alert in (quiet, grave):
        over(watched, alert, NOW + DAY)
    with watched.read() as session, pytest.raises(Conflict, match="No alert of this partner fires"):
        asking.about(session, quiet.partner_id, None)


def test_an_alert_whose_meeting_was_settled_may_be_met_about_again_however_lately(watched: Database) -> None:
    alert = happened(watched, "late")
    first = ask(watched, alert)
    with watched.write() as session:
        meetings.held(session, meetings.get(session, first.id), outcome="Agreed.", who="lin", now=NOW + DAY)
    second = ask(watched, alert, now=NOW + 2 * DAY)
    assert [one.status for one in all_meetings(watched)] == [MeetingStatus.HELD, MeetingStatus.PROPOSED]
    with watched.read() as session:
        assert meetings.of_alerts(session, [alert.id])[alert.id].id == second.id


def test_what_warden_let_go_of_may_be_asked_for_and_is_asked_to_once(watched: Database) -> None:
    alert = happened(watched, "late")
    ruled(watched, alert)
    announced(watched, NOW)
    with watched.write() as session:
        meetings.waive_unarranged(session, [alert.id], meetings.TOGETHER_WHY)
    asked = ask(watched, alert)
    statuses = {one.id: one.status for one in all_meetings(watched)}
    assert sorted(statuses.values()) == [MeetingStatus.PROPOSED, MeetingStatus.WAIVED]
    assert statuses[asked.id] is MeetingStatus.PROPOSED


def test_a_meeting_a_person_asked_for_is_theirs_to_call_off(watched: Database) -> None:
    alert = happened(watched, "late")
    ask(watched, alert)
    with watched.write() as session:
        meetings.waive_unarranged(session, [alert.id], meetings.TOGETHER_WHY)
        meetings.withdraw_unasked(session, [alert.id])
    ended(watched, alert)
    announced(watched, NOW + 2 * DAY)
    assert [one.status for one in all_meetings(watched)] == [MeetingStatus.PROPOSED]
    assert "meeting_cancelled" not in outbox(watched)


def test_who_asks_before_the_alert_was_told_has_people_asked_once(watched: Database) -> None:
    alert = happened(watched, "quiet", NOW + DAY)
    ask(watched, alert)
    announced(watched, NOW + DAY)
    assert sorted(outbox(watched)) == ["alert_fired", "meeting_proposed"]


# What outlives its alert


def test_a_meeting_passes_to_the_worst_alert_that_asks_for_one_too(watched: Database) -> None:
    first, heirs = happened(watched, "late"), [happened(watched, key) for key in ("quiet", "grave")]
    ruled(watched, first)
    announced(watched, NOW)
    ended(watched, first)
    announced(watched, NOW + 2 * DAY)
    (meeting,) = all_meetings(watched)
    assert (meeting.status, meeting.alert.rule.key, meeting.sequence) == (MeetingStatus.PROPOSED, "grave", 0)
    assert "meeting_cancelled" not in outbox(watched)
    with watched.read() as session:
        (line,) = session.scalars(select(Notice).where(Notice.key.contains("passed_on")))
    assert (line.reason, line.held_back) == (NoticeReason.RESOLVED, "partly")
    assert line.why["message"] == handing_over.PASSED_ON
    assert line.alerts == [str(first.id), str(heirs[1].id)]
    ended(watched, heirs[1], NOW + 3 * DAY)
    announced(watched, NOW + 3 * DAY)
    (meeting,) = all_meetings(watched)
    assert (meeting.status, meeting.waived_why) == (MeetingStatus.WAIVED, meetings.RESOLVED_WHY)
    assert outbox(watched).count("meeting_cancelled") == 1


def test_it_passes_to_none_that_asks_for_none_or_has_had_its_own(watched: Database) -> None:
    first, quiet, grave = (happened(watched, key) for key in ("late", "quiet", "grave"))
    happened(watched, "late", name="Beta")
    ruled(watched, grave, status=MeetingStatus.HELD, closed_by="lin", held_at=NOW)
    ruled(watched, first)
    announced(watched, NOW)
    ended(watched, first)
    assert {one.alert_id: one.status for one in all_meetings(watched)} == {
        grave.id: MeetingStatus.HELD, first.id: MeetingStatus.WAIVED,
    }  # fmt: skip
    assert quiet.id not in {one.alert_id for one in all_meetings(watched)}


def test_it_passes_to_none_that_nobody_was_to_hear_of(watched: Database) -> None:
    first = happened(watched, "late")
    ruled(watched, first)
    announced(watched, NOW)
    with watched.write() as session:
        grave = rules.by_key(session, "grave")
        silences.add(
            session, kind=SilenceKind.SILENCE, matchers={"rule": [grave.key]}, ends_at=NOW + 30 * DAY,
            reason="Known.", author="lin", now=NOW,
        )  # fmt: skip
    happened(watched, "grave", NOW + DAY)
    announced(watched, NOW + DAY)
    ended(watched, first)
    assert [one.status for one in all_meetings(watched)] == [MeetingStatus.WAIVED]


def test_it_passes_to_one_that_still_waits_to_be_told(watched: Database) -> None:
    first = happened(watched, "late")
    ruled(watched, first)
    announced(watched, NOW)
    grave = happened(watched, "grave", NOW + 2 * DAY)
    ended(watched, first)
    assert [(one.status, one.alert_id) for one in all_meetings(watched)] == [(MeetingStatus.PROPOSED, grave.id)]


def test_those_asked_by_mail_alone_hear_that_it_is_called_off_though_nobody_took_the_alert(watched: Database) -> None:
    with watched.write() as session:
        session.scalars(select(Destination)).one().alerts = False
        destination(session, "mail", NOW, channel="email", alerts=False)
    alert = happened(watched, "late")
    ruled(watched, alert, attendees=[{"name": "Lin", "email": "lin@us.example", "role": "owner"}])
    announced(watched, NOW)
    ended(watched, alert)
    assert announced(watched, NOW + 2 * DAY) == [("resolved", "over")]
    assert outbox(watched) == ["meeting_proposed"] * 2 + ["meeting_cancelled"] * 2, "Lin and Tran"


@pytest.mark.parametrize(("severity", "says"), [(Severity.WARNING, True), (None, False)])
def test_a_message_about_many_says_where_to_ask_for_a_meeting_while_something_fires(
    severity: Severity | None, says: bool
) -> None:
    part = PartnerPart(partner="Acme", url="https://warden.example/partners/1", severity=severity)
    context = ManyContext(
        kind=NotificationReason.ALERT_FIRED, reason=NoticeReason.FIRST, title={"message": "First look", "params": {}},
        why={"message": "It stood before.", "params": {}}, at=NOW, url="https://warden.example/alerts", partners=[part],
    )  # fmt: skip
    lead = many_partners(context, reader_of("en")).lead
    assert lead == ("It stood before. " + WHERE_TO_ASK if says else "It stood before.")
