"""Executive meetings: proposed by rules, then scheduled, held or waived by people, or missed.

    proposed ─▶ scheduled ─▶ held
        │  ╲        │  ╲
        ▼    ▶ missed   ▶ waived      a missed meeting may still be scheduled, held or waived

RFC 5545: the UID of the invitation is the meeting's id. `sequence` rises when what calendars hold changes: time, place,
who is asked no longer or at another address, and that it is called off. That one was missed or held changes nothing
there, and is told to no calendar.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, delete, exists, func, select
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from warden.domain import OPEN_MEETINGS, AlertEventKind, AlertState, HeldBack, MeetingStatus, Severity
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.i18n import N_
from warden.models import Alert, AlertEvent, Meeting, Notice, Notification, Partner, RuleStatus
from warden.store import alerts, attendees
from warden.store.paging import Page, page
from warden.store.visible import is_visible

AWAITED = frozenset({MeetingStatus.PROPOSED, MeetingStatus.SCHEDULED})
"""Meetings that may still be missed."""

RESOLVED_WHY = N_("The alert resolved before the meeting was arranged.")
"""Why Warden itself waives a meeting nobody had scheduled."""

SHARED_WHY = N_("Many partners raised this alert for one cause: it was told in one message and asks for no meeting.")
"""Why Warden itself waives the meeting of an alert of a common cause."""

TOGETHER_WHY = N_("The alert was told in one message about many partners and asks for no meeting of its own.")
"""Why Warden itself waives the meeting of an alert that is told together with others, without a common cause."""

SERVICE = "warden"
"""`closed_by` of what no person closed."""

CALLED_OFF = (Meeting.closed_by == SERVICE, Meeting.waived_why == RESOLVED_WHY)
"""Of meetings that Warden itself called off, as their alert had ended."""

NEEDS_ACTION = "needs-action"
"""The participation status (RFC 5545) of somebody who has not answered."""

DAYS_AHEAD = 5
"""Working days within which a meeting is due that a person asks for and whose alert's rule names no others."""

MOST_DAYS_AHEAD = 90
"""As for a rule that asks for one."""

MOST_WHYS = 5
LONGEST_WHY = 500


def listing(
    session: Session,
    cursor: str | None = None,
    limit: int = 50,
    *,
    status: MeetingStatus | None = None,
    only_open: bool = False,
    partner_id: uuid.UUID | None = None,
    owner_id: uuid.UUID | None = None,
    due_before: date | None = None,
) -> Page[Meeting]:
    """Return one page of meetings, the first due first, with partner and owner. `due_before` is included."""
    query = select_with_names()
    if status is not None:
        query = query.where(Meeting.status == status)
    if only_open:
        query = query.where(Meeting.status.in_(OPEN_MEETINGS))
    if partner_id is not None:
        query = query.where(Meeting.partner_id == partner_id)
    if owner_id is not None:
        query = query.where(Meeting.owner_id == owner_id)
    if due_before is not None:
        query = query.where(Meeting.due_on <= due_before)
    return page(session, query, Meeting.due_on, Meeting.id, cursor, limit)


def select_with_names() -> Select[Meeting]:
    """Return a query for meetings that brings owner, partner with its people, and alert with its rule along."""
    return select(Meeting).options(
        joinedload(Meeting.partner).options(
            joinedload(Partner.owner), joinedload(Partner.sponsor), joinedload(Partner.counterpart)
        ),
        joinedload(Meeting.owner),
        joinedload(Meeting.alert).joinedload(Alert.rule),
    )


def get(session: Session, meeting_id: uuid.UUID, *, lock: bool = False) -> Meeting:
    """Return one meeting with partner, owner and alert, held against other writers if asked. Raises NotFound."""
    query = select_with_names().where(Meeting.id == meeting_id)
    found = session.scalar(query.with_for_update(of=Meeting) if lock else query)
    if found is None:
        raise NotFound(f"There is no meeting {meeting_id}.")
    return found


def open_of(session: Session, partner_id: uuid.UUID) -> Meeting | None:
    """Return the meeting of a partner that somebody still has to hold or waive; there is at most one."""
    query = select_with_names().where(Meeting.partner_id == partner_id, Meeting.status.in_(OPEN_MEETINGS))
    return session.scalar(query)


def count_open(session: Session) -> int:
    """Return how many meetings somebody still has to hold or waive."""
    return session.scalar(select(func.count()).select_from(Meeting).where(Meeting.status.in_(OPEN_MEETINGS))) or 0


def of_alerts(session: Session, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Meeting]:
    """Return the meetings about alerts, of each the one proposed last, by alert; without partner and owner."""
    query = select(Meeting).where(Meeting.alert_id.in_(alert_ids)).order_by(Meeting.proposed_at, Meeting.id)
    return {found.alert_id: found for found in session.scalars(query)}


def worst_alert(session: Session, partner_id: uuid.UUID) -> uuid.UUID | None:
    """Return the alert of a partner that fires and is the most severe, of equals the first; None: none fires."""
    query = select(Alert.id, Alert.severity).where(Alert.partner_id == partner_id, Alert.state == AlertState.FIRING)
    order = list(Severity)
    found = session.execute(query.order_by(Alert.fired_at, Alert.id)).all()
    return max(found, key=lambda row: order.index(row.severity)).id if found else None


def open_alerts(session: Session, partner_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Alert]]:
    """Return the alerts of each partner that fire, the first first, with partners and rules: what to speak of."""
    query = alerts.select_with_names().where(Alert.partner_id.in_(partner_ids), Alert.state == AlertState.FIRING)
    found: dict[uuid.UUID, list[Alert]] = {}
    for alert in session.scalars(query.order_by(Alert.fired_at, Alert.id)):
        found.setdefault(alert.partner_id, []).append(alert)
    return found


def zone_of(meeting: Meeting) -> ZoneInfo:
    """Return the zone its due date is read in: the owner's, without one the partner's."""
    return ZoneInfo(meeting.owner.time_zone if meeting.owner else meeting.partner.time_zone)


def is_overdue(meeting: Meeting, now: datetime) -> bool:
    """Tell whether its due date is over, in the owner's zone, and nobody held or waived it.

    One that is arranged for a later day is due on that day.
    """
    zone, due_on = zone_of(meeting), meeting.due_on
    if meeting.status is MeetingStatus.SCHEDULED and meeting.starts_at is not None:
        due_on = max(due_on, meeting.starts_at.astimezone(zone).date())
    return meeting.status in OPEN_MEETINGS and now.astimezone(zone).date() > due_on


def overdue(session: Session, now: datetime) -> list[Meeting]:
    """Return meetings whose due date is over and that are not marked as missed yet, the oldest first."""
    query = select_with_names().where(Meeting.status.in_(AWAITED), Meeting.due_on <= now.date())
    found = session.scalars(query.order_by(Meeting.due_on, Meeting.id))
    return [meeting for meeting in found if is_overdue(meeting, now)]


def missed_key(meeting_id: uuid.UUID, sequence: int) -> str:
    """Return the key of the line in the ledger about a missed meeting."""
    return f"meeting/{meeting_id}/missed/{sequence}"


AFTER_SILENCE = "/after_silence"
"""Ends the key of the line about the same once the silence is over that kept it from being told."""


def missed_in_silence(session: Session) -> list[Meeting]:
    """Return missed meetings that a silence kept from being told, and that nobody was told of since."""
    missed = select(Meeting.id, Meeting.sequence).where(Meeting.status == MeetingStatus.MISSED)
    keys = {missed_key(*row): row.id for row in session.execute(missed)}
    kept = select(Notice.key).where(Notice.key.in_(keys), Notice.held_back == HeldBack.SILENCED)
    waiting = {key + AFTER_SILENCE: keys[key] for key in session.scalars(kept)} if keys else {}
    if not waiting:
        return []
    for key in session.scalars(select(Notice.key).where(Notice.key.in_(list(waiting)))):
        del waiting[key]
    return list(session.scalars(select_with_names().where(Meeting.id.in_(waiting.values())).order_by(Meeting.id)))


def how_alert_was_told(session: Session, meeting: Meeting) -> Row[datetime | None, uuid.UUID | None] | None:
    """Return when its alert was announced last as it fired or rose (None: it waits), and by which notice.

    Without a notice it was decided for the past; None for an alert that never waited to be announced.
    """
    query = (
        select(AlertEvent.announced_at, AlertEvent.notice_id)
        .where(
            AlertEvent.alert_id == meeting.alert_id,
            AlertEvent.kind.in_((AlertEventKind.FIRED, AlertEventKind.WORSE)),
        )
        .order_by(AlertEvent.id.desc())
        .limit(1)
    )
    return session.execute(query).first()


def schedule(
    session: Session, meeting: Meeting, *, starts_at: datetime, minutes: int = 60, place: str = "", now: datetime
) -> Meeting:
    """Fix or move the time and place. A missed meeting is due on its new day; a new time asks everybody anew.

    Those are to attend who are to as things are now, see store.attendees. What is scheduled so already stays as it is,
    its sequence too, unless that are others by now.
    Raises InvalidInput for a time that is over or a length outside 15 to 480 minutes, Conflict for a closed meeting.
    """
    _require_open(meeting, "scheduled")
    faults = []
    if starts_at <= now:
        faults.append(Fault("starts_at", f"is {starts_at.isoformat()}; expected a time after now"))
    if not 15 <= minutes <= 480:
        faults.append(Fault("minutes", f"is {minutes}; expected 15 to 480"))
    if len(place) > 300:
        faults.append(Fault("place", f"has {len(place)} characters; expected at most 300"))
    if faults:
        raise InvalidInput(f"The meeting cannot be scheduled: {faults[0]}.", faults)
    if meeting.status is MeetingStatus.MISSED:
        meeting.due_on = starts_at.astimezone(zone_of(meeting)).date()
    invited = attendees.today(session, meeting, now, starts_at)
    is_moved = (starts_at, minutes) != (meeting.starts_at, meeting.minutes)
    is_same = not is_moved and (place.strip(), invited) == (meeting.place, meeting.attendees)
    if is_same and meeting.status is MeetingStatus.SCHEDULED:
        return meeting
    meeting.starts_at, meeting.minutes, meeting.place = starts_at, minutes, place.strip()
    meeting.attendees, meeting.owner = invited, attendees.owner_of(meeting.partner)
    meeting.sequence += 1
    if is_moved:
        meeting.attendees = [{**one, "partstat": NEEDS_ACTION, "asked": meeting.sequence} for one in meeting.attendees]
    return _become(session, meeting, MeetingStatus.SCHEDULED)


def held(
    session: Session, meeting: Meeting, *, outcome: str, who: str, now: datetime, held_at: datetime | None = None
) -> Meeting:
    """Close a meeting that took place, with what came of it. `held_at` defaults to now.

    Raises InvalidInput without an outcome or for a time to come, Conflict for a closed meeting.
    """
    _require_open(meeting, "held")
    if not is_visible(outcome):
        fault = Fault("outcome", "is empty; expected what was agreed")
        raise InvalidInput("A meeting is closed with its outcome.", [fault])
    if held_at is not None and held_at > now:
        fault = Fault("held_at", f"is {held_at.isoformat()}; expected a time before now")
        raise InvalidInput("The meeting cannot have been held yet.", [fault])
    meeting.held_at, meeting.recorded_at = held_at or now, now
    meeting.outcome, meeting.closed_by = outcome.strip(), who
    return _become(session, meeting, MeetingStatus.HELD)


def waive(session: Session, meeting: Meeting, *, reason: str, who: str) -> Meeting:
    """Close a meeting that need not take place. Raises InvalidInput without a reason, Conflict for a closed meeting."""
    _require_open(meeting, "waived")
    if not is_visible(reason):
        fault = Fault("reason", "is empty; expected why no meeting is needed")
        raise InvalidInput("A meeting is waived with a reason.", [fault])
    meeting.waived_why, meeting.closed_by = reason.strip(), who
    meeting.sequence += 1
    return _become(session, meeting, MeetingStatus.WAIVED)


def miss(session: Session, meeting: Meeting, now: datetime) -> Meeting:
    """Mark a meeting whose due date is over; it stays open until somebody holds or waives it."""
    meeting.escalated_at = now
    return _become(session, meeting, MeetingStatus.MISSED)


def unarranged(session: Session, alert_ids: Sequence[uuid.UUID]) -> list[Meeting]:
    """Return the meetings of these alerts that Warden may call off by itself, held against other writers.

    Nobody had scheduled them, and no person had asked for them: what people agreed on is theirs to call off.
    """
    query = select_with_names().where(Meeting.alert_id.in_(alert_ids), *_UNARRANGED)
    return list(session.scalars(query.with_for_update(of=Meeting)))


_UNARRANGED = (Meeting.status.in_((MeetingStatus.PROPOSED, MeetingStatus.MISSED)), Meeting.proposed_by.is_(None))


def waive_unarranged(session: Session, alert_ids: Sequence[uuid.UUID], why: str) -> list[Meeting]:
    """Waive meetings of these alerts, see `unarranged`, for a reason of Warden's own; return them."""
    return [waive(session, meeting, reason=why, who=SERVICE) for meeting in unarranged(session, alert_ids)]


def withdraw_unasked(session: Session, alert_ids: Collection[uuid.UUID]) -> None:
    """Take back the meetings of these alerts that nobody was asked to, see `unarranged`: as if never proposed."""
    asked = exists().where(Notification.meeting_id == Meeting.id)
    session.execute(delete(Meeting).where(Meeting.alert_id.in_(alert_ids), *_UNARRANGED, ~asked))


def pass_on(session: Session, meeting: Meeting, alert: Alert) -> None:
    """Let a meeting be about another alert of its partner, which fires on."""
    meeting.alert = alert
    meeting.version += 1
    session.flush()


def heard_of(session: Session, alert_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those alerts whose begin was told, waits to be, or would be if anybody took it."""
    query = select(AlertEvent.alert_id, AlertEvent.announced_at, Notice.sent, Notice.held_back)
    query = query.outerjoin(Notice, Notice.id == AlertEvent.notice_id).where(AlertEvent.alert_id.in_(alert_ids))
    begun = (AlertEventKind.FIRED, AlertEventKind.WORSE, AlertEventKind.STEADY)
    rows = session.execute(query.where(AlertEvent.kind.in_(begun)).order_by(AlertEvent.id))
    last = {row.alert_id: row for row in rows}
    return {
        alert_id
        for alert_id, row in last.items()
        if row.announced_at is None or row.sent or row.held_back == HeldBack.NOBODY
    }


def partners_with_open(session: Session, partner_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of the partners have a meeting that somebody still has to hold or waive."""
    query = select(Meeting.partner_id).where(Meeting.partner_id.in_(partner_ids), Meeting.status.in_(OPEN_MEETINGS))
    return set(session.scalars(query))


def settled_since(session: Session, partner_ids: Sequence[uuid.UUID], since: datetime) -> dict[uuid.UUID, Meeting]:
    """Return each partner's last meeting that people held since, or waived and that was proposed since, with its alert.

    A meeting nobody had arranged, which Warden itself waived, settled nothing and is left out.
    """
    query = select(Meeting).options(joinedload(Meeting.alert))
    query = query.where(Meeting.partner_id.in_(partner_ids), Meeting.closed_by != SERVICE)
    query = query.where(func.coalesce(Meeting.held_at, Meeting.proposed_at) >= since)
    query = query.where(Meeting.status.in_((MeetingStatus.HELD, MeetingStatus.WAIVED)))
    return {meeting.partner_id: meeting for meeting in session.scalars(query.order_by(Meeting.proposed_at, Meeting.id))}


def called_off_since(session: Session, partner_ids: Sequence[uuid.UUID], since: datetime) -> dict[uuid.UUID, Meeting]:
    """Return each partner's last meeting that people were asked to and Warden called off, its alert over since."""
    asked = exists().where(Notification.meeting_id == Meeting.id)
    query = select(Meeting).join(Meeting.alert).options(contains_eager(Meeting.alert))
    query = query.where(Meeting.partner_id.in_(partner_ids), *CALLED_OFF, asked, Alert.resolved_at > since)
    return {meeting.partner_id: meeting for meeting in session.scalars(query.order_by(Alert.resolved_at, Meeting.id))}


def put_off(session: Session, before: datetime) -> list[uuid.UUID]:
    """Return the alerts that have fired since `before` without a meeting, of rules whose last one was called off.

    Left out are those of partners with whom one was proposed since, and of rules unstable for the partner.
    """
    earlier = aliased(Alert)
    same = (earlier.rule_id == Alert.rule_id, earlier.partner_id == Alert.partner_id)
    ended = exists().where(Meeting.alert_id == earlier.id, *CALLED_OFF, *same)
    later = exists().where(Meeting.partner_id == Alert.partner_id, Meeting.proposed_at >= Alert.fired_at)
    unstable = exists().where(
        RuleStatus.rule_id == Alert.rule_id,
        RuleStatus.partner_id == Alert.partner_id,
        RuleStatus.unstable_since.is_not(None),
    )
    query = select(Alert.id).where(Alert.state == AlertState.FIRING, Alert.fired_at <= before, ended, ~later, ~unstable)
    return list(session.scalars(query.order_by(Alert.fired_at, Alert.id)))


def put_whys(session: Session, meeting: Meeting, whys: Sequence[Mapping[str, str]]) -> Meeting:
    """Replace the five-whys sheet: at most five {"why", "because"}, the answer to each asked about by the next.

    Lines in which nothing is written are left out. Raises InvalidInput, or Conflict for a meeting that was waived.
    """
    if meeting.status is MeetingStatus.WAIVED:
        raise Conflict("This meeting was waived: there is nothing to look into.")
    rows = [{part: one.get(part, "").strip() for part in ("why", "because")} for one in whys]
    rows = [row for row in rows if any(row.values())]
    faults = (
        [Fault("five_whys", f"has {len(rows)} lines; expected at most {MOST_WHYS}")] if len(rows) > MOST_WHYS else []
    )
    for place, row in enumerate(rows):
        if not row["why"]:
            faults.append(Fault(f"five_whys[{place}].why", "is empty; expected what is asked"))
        for part, text in row.items():
            if len(text) > LONGEST_WHY:
                what = f"has {len(text)} characters; expected at most {LONGEST_WHY}"
                faults.append(Fault(f"five_whys[{place}].{part}", what))
    if faults:
        raise InvalidInput(f"The five whys cannot be stored: {faults[0]}.", faults)
    meeting.five_whys = rows
    meeting.version += 1
    session.flush()
    return meeting


def _require_open(meeting: Meeting, wanted: str) -> None:
    if meeting.status not in OPEN_MEETINGS:
        raise Conflict(f"This meeting was {meeting.status} already; it cannot be {wanted}.")


def _become(session: Session, meeting: Meeting, status: MeetingStatus) -> Meeting:
    meeting.status = status
    meeting.version += 1
    session.flush()
    return meeting
