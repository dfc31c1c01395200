"""Executive meetings: proposed, told, moved, answered, missed and called off; nobody outside is written to."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from assessed import assess, destination, partner, person
from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Reply
from warden.db import Database
from warden.domain import AlertState, DiagnosedCause, HeldBack, MeetingStatus, RuleState, Severity, Side
from warden.messages import Message
from warden.models import Absence, Alert, Assessment, Decision, Deputy, Meeting, Notice, Notification, Partner
from warden.pipeline import alarms, invitations
from warden.pipeline import meetings as proposing
from warden.settings import Settings
from warden.store import actions, meetings, playbooks, replies, rules, shipped
from warden.wording import reader_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
SETTINGS = Settings()


@pytest.fixture
def acme(db: Database) -> Database:
    """Acme in Vietnam, owned by Lin in Taipei, sponsored by Tran; Kim is on their side. Alerts go to a webhook."""
    with db.write() as session:
        shipped.seed(session, NOW)
        people = {
            "owner_id": person(session, "Lin", "Asia/Taipei", "zh-Hant").id,
            "sponsor_id": person(session, "Tran", "Asia/Ho_Chi_Minh", "vi").id,
            "counterpart_id": person(session, "Kim", ours=False).id,
        }
        partner(session, "Acme", NOW, country="VN", **people)
        destination(session, "alerts", NOW)
        destination(session, "mail", NOW, channel="email", alerts=False)
    return db


def alarm(session: Session, now: datetime = NOW, severity: Severity = Severity.WARNING, **values: Any) -> Alert:
    """An alert of Acme that has just opened, with one line of evidence."""
    who = alarms.partners(session, list(session.scalars(select(Partner.id))))
    rule, key = rules.listing(session)[0], f"acme/{now.isoformat()}"
    (acme,) = who.values()
    decision = Decision(
        id=alarms.made_id("decision", key), key=key, rule_id=rule.id, partner_id=acme.id, at=now, before=RuleState.OK,
        after=RuleState.FIRING, reason={}, context={},
    )  # fmt: skip
    session.add(decision)
    session.flush()
    evidence = [{"message": "Silent for %(days)s days.", "params": {"days": 41}, "facts": []}]
    alert = Alert(
        rule=rule, partner=acme, decision_id=decision.id, assessment_id=said(session, now).id,
        state=AlertState.FIRING, severity=severity, fired_at=now, evidence=evidence, diagnosis={}, **values,
    )  # fmt: skip
    session.add(alert)
    session.flush()
    return alert


def said(session: Session, at: datetime, band: str = "high") -> Assessment:
    found = session.scalar(select(Assessment).where(Assessment.at == at))
    if found is None:
        assess(session, session.scalars(select(Partner)).one(), at, band)
        found = session.scalars(select(Assessment).where(Assessment.at == at)).one()
    return found


def propose(session: Session, alert: Alert, now: datetime = NOW) -> Meeting | None:
    proposals = proposing.Proposals(session, {alert.partner_id: alert.partner}, now)
    found = proposals.propose(alert, said(session, now), 5, f"acme/{now.isoformat()}")
    session.flush()
    return found


def agenda(meeting: Meeting, locale: str = "en") -> list[str]:
    reader = reader_of(locale)
    return [reader.fact(line) for line in meeting.agenda]


def invited(session: Session) -> list[tuple[str, str, str, int]]:
    """(reason, whom, method, sequence) of everything in the outbox, in order."""
    rows = session.scalars(select(Notification).order_by(Notification.created_at, Notification.id))
    told = []
    for row in rows:
        invitation = Message.from_data(row.message).invitation
        told.append((
            row.reason.value, row.recipient or "", invitation.method if invitation else "",
            invitation.sequence if invitation else -1,
        ))  # fmt: skip
    return told


# Proposed


def test_a_proposal_names_who_by_when_and_about_what(acme: Database) -> None:
    with acme.write() as session:
        alert = alarm(session)
        actions.add(
            session, alert.partner, text="Send the plan", side=Side.THEIRS, due_on=date(2026, 3, 9), author="x", now=NOW
        )
        meeting = propose(session, alert)
        assert meeting is not None
        assert meeting.due_on == date(2026, 3, 9), "five working days in Taiwan and in Vietnam"
        assert [(one["role"], one["email"]) for one in meeting.attendees] == [
            ("owner", "lin@us.example"), ("sponsor", "tran@us.example"), ("counterpart", "kim@them.example"),
        ]  # fmt: skip
        assert agenda(meeting) == [
            "Where the partner stands: likelihood 50%, impact 4 of 5.",
            "Silent for 41 days.",
            "The partner's open commitment, due Mar 9, 2026: Send the plan",
            "Ask five times why it came to this, and write the answers down.",
            "Agree what each side does, who owns it and by when.",
        ]


def test_holidays_on_either_side_move_the_day(acme: Database) -> None:
    before_tet = datetime(2026, 2, 11, 9, tzinfo=UTC)  # Tết is from 16 to 20 February, in Taiwan too
    with acme.write() as session:
        meeting = propose(session, alarm(session, before_tet), before_tet)
        assert meeting is not None
        assert meeting.due_on == date(2026, 2, 25)


def test_the_playbook_the_diagnosis_names_is_on_the_agenda_in_the_readers_language(acme: Database) -> None:
    with acme.write() as session:
        book = next(iter(playbooks.active(session).values()), None)
        assert book is not None
        alert = alarm(session)
        alert.diagnosis = {"playbook": {"cause": book.cause.value, "number": book.number}}
        meeting = propose(session, alert)
        assert meeting is not None
        assert agenda(meeting)[2] == f"From the playbook: {book.steps[0]['en']}"
        assert book.steps[0]["vi"] in agenda(meeting, "vi")[2]
        assert sum("From the playbook" in line for line in agenda(meeting)) == proposing.MOST_STEPS


@pytest.mark.parametrize("cause", list(DiagnosedCause))
def test_people_are_asked_once_to_ask_five_times_why(acme: Database, cause: DiagnosedCause) -> None:
    with acme.write() as session:
        alert = alarm(session)
        alert.diagnosis = {"playbook": {"cause": cause.value, "number": 1}}
        meeting = propose(session, alert)
        assert meeting is not None
        assert sum("Ask five times why" in line for line in agenda(meeting)) == 1


def test_the_agenda_about_a_partner_that_is_not_rated_says_why(acme: Database) -> None:
    with acme.write() as session:
        found = said(session, NOW)
        found.likelihood, found.not_rated = None, {"message": "Too little is known.", "params": {}}
        session.flush()
        meeting = propose(session, alarm(session))
        assert meeting is not None
        unrated = "Where the partner stands: not rated. Too little is known."
        assert agenda(meeting)[:2] == [unrated, "Silent for 41 days."]
        assert agenda(meeting, "vi")[0] == "Tình trạng của đối tác: chưa xếp hạng. Too little is known."


def test_other_open_alerts_are_on_the_agenda_by_name(acme: Database) -> None:
    with acme.write() as session:
        first = alarm(session)
        meeting = propose(session, alarm(session, NOW + DAY), NOW + DAY)
        assert meeting is not None
        named = f"Another open alert of this partner: {first.rule.names['en']}"
        assert [line for line in agenda(meeting) if line.startswith("Another")] == [named]
        assert any(first.rule.names["vi"] in line for line in agenda(meeting, "vi"))


def test_a_long_list_of_commitments_is_cut_and_counted(acme: Database) -> None:
    with acme.write() as session:
        alert = alarm(session)
        for number in range(7):
            actions.add(
                session, alert.partner, text=f"No {number}", side=Side.OURS, due_on=NOW.date(), author="x", now=NOW
            )
        meeting = propose(session, alert)
        assert meeting is not None
        assert "Further open commitments: 2." in agenda(meeting)


def test_whoever_stands_in_is_asked_along(acme: Database) -> None:
    with acme.write() as session:
        lin, eva = session.scalars(select(Partner)).one().owner_id, person(session, "Eva")
        away = Absence(person_id=lin, starts_at=NOW - DAY, ends_at=NOW + DAY, author="x", created_at=NOW)
        session.add_all([away, Deputy(person_id=lin, deputy_id=eva.id)])
        session.flush()
        meeting = propose(session, alarm(session))
        assert meeting is not None
        assert ("deputy", "eva@us.example") in [(one["role"], one["email"]) for one in meeting.attendees]


def test_one_meeting_of_a_partner_is_open_at_a_time(acme: Database) -> None:
    with acme.write() as session:
        assert propose(session, alarm(session)) is not None
        assert propose(session, alarm(session, NOW + DAY), NOW + DAY) is None
        assert session.scalars(select(Notice)).all() == []


@pytest.mark.parametrize(
    ("days", "band", "severity", "is_proposed"),
    [
        (20, "high", Severity.WARNING, False),
        (55, "high", Severity.WARNING, False),
        (57, "high", Severity.WARNING, True),
        (20, "extreme", Severity.WARNING, True),
        (20, "high", Severity.CRITICAL, True),
        (20, "moderate", Severity.INFO, False),
    ],
)
def test_no_meeting_follows_another_too_soon_unless_it_is_worse(
    acme: Database, days: int, band: str, severity: Severity, is_proposed: bool
) -> None:
    later = NOW + DAY + days * DAY
    with acme.write() as session:
        first = propose(session, alarm(session))
        assert first is not None
        meetings.held(session, meetings.get(session, first.id), outcome="Agreed.", who="lin", now=NOW + DAY)
        said(session, later, band)
        second = propose(session, alarm(session, later, severity), later)
        notes = session.scalars(select(Notice)).all()
        assert (second is not None) is is_proposed
        assert [note.held_back for note in notes] == ([] if is_proposed else [HeldBack.TOO_SOON])


def test_a_meeting_that_warden_waived_settles_nothing(acme: Database) -> None:
    with acme.write() as session:
        alert = alarm(session)
        assert propose(session, alert) is not None
        meetings.waive_unarranged(session, [alert.id], meetings.RESOLVED_WHY)
        assert propose(session, alarm(session, NOW + DAY), NOW + DAY) is not None


# Told


def test_our_people_hear_of_every_step_and_the_partner_of_none(acme: Database) -> None:
    with acme.write() as session:
        found = propose(session, alarm(session))
        assert found is not None
        meeting = meetings.get(session, found.id)
        invitations.proposed(session, SETTINGS, meeting, NOW)
        meetings.schedule(session, meeting, starts_at=NOW + 2 * DAY, place="Taipei", now=NOW)
        invitations.scheduled(session, SETTINGS, meeting, NOW + timedelta(minutes=1))
        answer = Reply(meeting_id=meeting.id, attendee="tran@us.example", partstat="accepted", sequence=1, at=NOW)
        replies.note(session, [answer], NOW)
        meetings.schedule(session, meeting, starts_at=NOW + 2 * DAY, place="Hanoi", now=NOW)
        invitations.scheduled(session, SETTINGS, meeting, NOW + timedelta(minutes=2))
        meetings.waive(session, meeting, reason="They called.", who="lin")
        invitations.cancelled(session, SETTINGS, meeting, NOW + timedelta(minutes=3))
        to = ("", "lin@us.example", "tran@us.example")
        steps = [("meeting_proposed", "REQUEST", 0), ("meeting_scheduled", "REQUEST", 1)]
        steps += [("meeting_scheduled", "REQUEST", 2), ("meeting_cancelled", "CANCEL", 3)]
        assert sorted(invited(session)) == sorted(
            (reason, whom, method, sequence) for reason, method, sequence in steps for whom in to
        )
        last = session.scalars(select(Notification).where(Notification.key.contains("meeting_scheduled"))).all()
        (mail,) = [Message.from_data(row.message) for row in last if row.message["invitation"]["sequence"] == 2][:1]
        assert mail.invitation is not None
        assert [one.partstat for one in mail.invitation.attendees] == ["needs-action", "accepted", "needs-action"]
        titles = {row.message["invitation"]["sequence"]: row.message["title"] for row in last if row.locale == "en"}
        assert titles == {1: "Executive meeting scheduled: Acme", 2: "Executive meeting changed: Acme"}
        leads = {row.message["invitation"]["sequence"]: row.message["lead"] for row in last if row.locale == "en"}
        assert leads == {1: invitations.SCHEDULED_MESSAGE, 2: invitations.CHANGED_MESSAGE}


def test_what_nobody_was_asked_to_is_not_called_off(acme: Database) -> None:
    with acme.write() as session:
        found = propose(session, alarm(session))
        assert found is not None
        meeting = meetings.get(session, found.id)
        meetings.waive(session, meeting, reason="They called.", who="lin")
        invitations.cancelled(session, SETTINGS, meeting, NOW)
        assert invited(session) == []


def test_whoever_is_away_at_the_time_of_the_meeting_is_stood_in_for(acme: Database) -> None:
    with acme.write() as session:
        found = propose(session, alarm(session))
        assert found is not None
        eva = person(session, "Eva")
        lin = meetings.get(session, found.id).owner_id
        session.add(
            Absence(
                person_id=lin, deputy_id=eva.id, starts_at=NOW + DAY, ends_at=NOW + 3 * DAY, author="x", created_at=NOW
            )
        )
        session.flush()
        meeting = meetings.get(session, found.id)
        meetings.schedule(session, meeting, starts_at=NOW + 2 * DAY, now=NOW)
        invitations.scheduled(session, SETTINGS, meeting, NOW)
        assert ("meeting_scheduled", "eva@us.example", "REQUEST", 1) in invited(session)


def test_a_meeting_not_held_by_its_date_escalates_once_and_leaves_calendars_alone(acme: Database) -> None:
    with acme.write() as session:
        propose(session, alarm(session))
    over = datetime(2026, 3, 9, 16, tzinfo=UTC)  # midnight in Taipei
    assert proposing.miss(acme, SETTINGS, over - timedelta(seconds=1)) == 0
    assert [proposing.miss(acme, SETTINGS, over + number * DAY) for number in range(3)] == [1, 0, 0]
    with acme.read() as session:
        assert {line[0] for line in invited(session)} == {"meeting_escalated"}
        assert {line[2:] for line in invited(session)} == {("", -1)}
        assert meetings.listing(session).items[0].status is MeetingStatus.MISSED
