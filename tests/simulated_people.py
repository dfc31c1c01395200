"""What people do in the simulated year: arrange, move and hold meetings, answer, silence, acknowledge, be away."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta

from simulated_portfolio import DAY, partner_id
from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Reply
from warden.calendars import add_working_days
from warden.db import Database
from warden.domain import AlertState, Frequency, MeetingStatus, Side, SilenceKind
from warden.models import Action, Alert, Digest, Meeting
from warden.pipeline import invitations
from warden.settings import Settings
from warden.store import actions, alerts, digests, duty, meetings, people, replies, silences

ANN, LIN, WANG = (f"{name}@us.example" for name in ("ann.baker", "lin.yuchen", "wang.fang"))

LETS_SLIP = "Maple Labels"
"""Nobody arranges this partner's meetings until they are missed."""

MOVES = "Kestrel Motors"
"""Its meeting is moved by a day after the owner has declined."""

WAIVES = "Nimbus Labels"
"""Its meeting is called off: there was a talk already."""

NOBODY_SEES_TO = ("Tidal Valves", "Onyx Labels")
"""Their critical alerts are acknowledged by nobody, and climb."""


def morning(db: Database, settings: Settings, day: int, now: datetime) -> None:
    """Do what people do before Warden looks."""
    with db.write() as session:
        for since in DIARY.get(day, ()):
            since(session, now)
        _see_to_alerts(session, now)
        for action in session.scalars(select(Action).where(Action.done_at.is_(None))):
            if action.side is Side.OURS and now.date() >= action.due_on:
                actions.finish(session, action.id, ANN, now)
        waiting = list(session.scalars(select(Meeting.id).where(Meeting.status.in_(_ARRANGED)).order_by(Meeting.id)))
    for meeting_id in waiting:
        with db.write() as session:
            _see_to(session, settings, meetings.get(session, meeting_id, lock=True), now)


_ARRANGED = (MeetingStatus.PROPOSED, MeetingStatus.SCHEDULED, MeetingStatus.MISSED)


def _see_to_alerts(session: Session, now: datetime) -> None:
    """Acknowledge what is critical two days after it fired."""
    query = alerts.select_with_names().where(Alert.state == AlertState.FIRING, Alert.acknowledged_at.is_(None))
    for alert in session.scalars(query.where(Alert.severity == "critical", Alert.fired_at <= now - 2 * DAY)):
        if alert.partner.name not in NOBODY_SEES_TO:
            who = alert.partner.owner.email if alert.partner.owner else ANN
            alerts.acknowledge(session, alert, reason="We are talking to them.", who=who, now=now)


def _see_to(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    name, age = meeting.partner.name, (now - meeting.proposed_at) / DAY
    if meeting.status is MeetingStatus.SCHEDULED:
        _go(session, settings, meeting, now)
    elif name == WAIVES:
        if age >= 2:
            meetings.waive(session, meeting, reason="We talked last week.", who=ANN)
            invitations.cancelled(session, settings, meeting, now)
    elif (name != LETS_SLIP and age >= 1) or age >= 20:
        zone = meetings.zone_of(meeting)
        on = add_working_days(now.astimezone(zone).date(), 2, [])
        _schedule(session, settings, meeting, datetime.combine(on, time(10), zone), now)


def _schedule(session: Session, settings: Settings, meeting: Meeting, starts_at: datetime, now: datetime) -> None:
    meetings.schedule(session, meeting, starts_at=starts_at.astimezone(UTC), now=now)
    invitations.scheduled(session, settings, meeting, now)
    session.flush()


def _go(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> None:
    """Answer the invitation, move the meeting once, or hold it."""
    assert meeting.starts_at is not None
    if meeting.partner.name == MOVES and meeting.sequence == 1:
        starts_at = meeting.starts_at + DAY
        _answer(session, meeting, "declined", now)
        _schedule(session, settings, meetings.get(session, meeting.id), starts_at, now)
    elif meeting.starts_at + timedelta(hours=1) <= now:
        meetings.held(session, meeting, outcome="Agreed on steps.", who=ANN, now=now, held_at=meeting.starts_at)
        for side in (Side.OURS, Side.THEIRS):
            actions.add(
                session,
                meeting.partner,
                text=f"{side} steps",
                side=side,
                due_on=add_working_days(now.date(), 8, []),
                author=ANN,
                now=now,
                meeting_id=meeting.id,
                owner_id=meeting.owner_id if side is Side.OURS else None,
            )
    else:
        _answer(session, meeting, "accepted", now)


def _answer(session: Session, meeting: Meeting, partstat: str, now: datetime) -> None:
    if meeting.owner is not None:
        answer = Reply(
            meeting_id=meeting.id, attendee=meeting.owner.email, partstat=partstat, sequence=meeting.sequence, at=now
        )
        replies.note(session, [answer], now)


# --- once a year ------------------------------------------------------------------------------------------------------


Act = Callable[[Session, datetime], None]


def _silence(name: str, days: int) -> Act:
    def act(session: Session, now: datetime) -> None:
        silences.add(
            session,
            kind=SilenceKind.SILENCE,
            matchers={"partner": [str(partner_id(name))]},
            ends_at=now + days * DAY,
            reason="Their move to another site is known.",
            author=ANN,
            now=now,
        )

    return act


def _maintenance(session: Session, now: datetime) -> None:
    silences.add(
        session,
        kind=SilenceKind.MAINTENANCE,
        matchers={"region": ["apac"]},
        starts_at=datetime(2025, 9, 15),  # noqa: DTZ001 - as the clock in Berlin shows it
        ends_at=datetime(2025, 9, 29),  # noqa: DTZ001
        time_zone="Europe/Berlin",
        reason="The ERP moves.",
        author=ANN,
        now=now,
    )


def _less_often(session: Session, now: datetime) -> None:
    """Ann has seen enough of daily digests."""
    ann = people.by_email(session, ANN)
    assert ann is not None
    order = session.scalars(digests.listing().where(Digest.person_id == ann.id)).one()
    digests.change(session, order, version=None, now=now, frequency=Frequency.WEEKLY)


def _away(session: Session, now: datetime) -> None:
    lin, wang = (people.by_email(session, one) for one in (LIN, WANG))
    assert lin is not None
    assert wang is not None
    duty.add_absence(
        session, person_id=lin.id, deputy_id=wang.id, starts_at=now, ends_at=now + 14 * DAY, author=LIN, now=now
    )


DIARY: Mapping[int, Sequence[Act]] = {
    6 * 7: [_less_often],
    5 * 7 + 2: [_silence("Amber Bearings", 28)],
    20 * 7: [_away],
    21 * 7 + 2: [_silence("Jade Bearings", 60)],
    35 * 7: [_maintenance],
}
"""Day → what somebody does on it."""
