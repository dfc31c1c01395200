"""What did not get to a destination that was switched off is told, once, to whom it would be told now.

Only what is told nowhere else and is so still; it is worded anew, for who reads it now. What waits for the destination
stays there and is sent when it is on again. What nobody takes now is told as soon as somebody does (`untold`).
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from warden.domain import AlertState, HeldBack, NoticeReason, NotificationReason
from warden.i18n import N_
from warden.log import get_logger
from warden.messages.refusals import TOLD_ANEW
from warden.models import Alert, Destination, Meeting, Notice, Notification
from warden.pipeline import invitations, reminding, telling
from warden.pipeline.addressing import directory
from warden.pipeline.cases import Case, Place, Round, case_of, place
from warden.pipeline.cause_named import title_of_cause
from warden.pipeline.causes_told import OVER_TITLE
from warden.pipeline.holding import keep
from warden.pipeline.quiet import Held
from warden.pipeline.telling import Telling
from warden.pipeline.together import Heap, said, send_all
from warden.pipeline.untold import TITLE
from warden.rules import grouping
from warden.rules.grouping import Group, Known
from warden.settings import Settings
from warden.store import alert_events, alerts, meetings, notifications, told
from warden.wording import Fact

log = get_logger(__name__)

OF_ALERTS = frozenset(
    {
        NotificationReason.ALERT_FIRED,
        NotificationReason.ALERT_RESOLVED,
        NotificationReason.COMMON_CAUSE,
        NotificationReason.SILENCE_ENDED,
    }
)

Invite = Callable[[Session, Settings, Meeting, datetime], object]

OF_MEETINGS: Mapping[NotificationReason, Invite] = {
    NotificationReason.MEETING_PROPOSED: invitations.proposed,
    NotificationReason.MEETING_SCHEDULED: invitations.scheduled,
    NotificationReason.MEETING_ESCALATED: invitations.escalated,
    NotificationReason.MEETING_CANCELLED: invitations.cancelled,
}

TOLD_INSTEAD = OF_ALERTS | OF_MEETINGS.keys() | {NotificationReason.ACTION_DUE}
"""What speaks of partners. Digests and sign-in links are for one person, and of the service operators hear anyway."""

NEWS = frozenset(
    {
        NoticeReason.FIRST,
        NoticeReason.WORSE,
        NoticeReason.NEW_IN_GROUP,
        NoticeReason.COMMON_CAUSE,
        NoticeReason.SILENCE_ENDED,
    }
)
"""Reasons for which people are told of what they may not know. The others bring back to mind what they do."""

NOT_ARRIVED = N_("It did not arrive: %(name)s refused it and was switched off, and nobody else takes it.")


@dataclass(frozen=True, slots=True)
class _SoFar:
    """What messages before one, lost like it, told: alerts that fire, and which of these are kept for later."""

    begun: set[str] = field(default_factory=set)
    kept: set[uuid.UUID] = field(default_factory=set)


def tell(session: Session, turn: Round, lost: Destination) -> None:
    """Queue what is told nowhere, now that a destination is off, for whom it would go to today."""
    rows = notifications.stranded(session, lost, TOLD_INSTEAD)
    so_far = _SoFar()
    for row in rows:
        if row.meeting_id is not None:
            if notifications.is_so(session, row):
                meeting = meetings.get(session, row.meeting_id)
                OF_MEETINGS[row.reason](session, turn.settings, meeting, turn.now)
        elif row.reason is NotificationReason.ACTION_DUE:
            reminding.again(session, turn.settings, _actions(row), turn.now)
        else:
            _tell_of_alerts(session, turn, lost, row, so_far)
    if rows:
        log.info("told_instead", destination=lost.name, stranded=len(rows))


def _actions(row: Notification) -> list[uuid.UUID]:
    """Return the actions a reminder lists: each line leads to the page of one."""
    return [uuid.UUID(item["url"].rpartition("/")[2]) for item in row.message["items"]]


def _tell_of_alerts(session: Session, turn: Round, lost: Destination, row: Notification, so_far: _SoFar) -> None:
    """Tell what a message told, as far as it is so."""
    notice, meant_for = notifications.notice_of(session, row), row.recipient or lost.name
    if notice is None:
        return
    if row.reason is NotificationReason.ALERT_RESOLVED:
        if not so_far.begun.issuperset(notice.alerts):
            _tell_end(session, turn, row, notice, meant_for)
        return
    so_far.begun.update(notice.alerts)
    found = [(case, _again(case, row, notice)) for case in _cases(session, turn, notice)]
    _send(session, turn, notice, row.reason, found, meant_for)
    if notice.reason in NEWS:
        why = Held(HeldBack.NOBODY, said(NOT_ARRIVED, name=lost.name))
        _keep_for_later(session, turn, why, row, notice, [case for case, _ in found], so_far.kept)


def _cases(session: Session, turn: Round, notice: Notice) -> Sequence[Case]:
    """Return the partners a notice speaks of, held, with its alerts."""
    of = alerts.by_ids(session, [uuid.UUID(one) for one in notice.alerts])
    partners = alert_events.hold(session, {one.partner_id for one in of})
    return [case_of(session, turn, one, [alert for alert in of if alert.partner_id == one.id]) for one in partners]


def _firing(case: Case, notice: Notice) -> list[Alert]:
    """Return the alerts of a notice that fire still."""
    found = [case.alerts[key] for key in notice.alerts if key in case.alerts]
    return [one for one in found if one.state is AlertState.FIRING]


def _again(case: Case, row: Notification, notice: Notice) -> list[Telling]:
    """Return whoever takes what fires still, and is not told of it otherwise."""
    of_it = {str(one.id) for one in _firing(case, notice)}
    tellings = []
    for recipient in case.recipients:
        group = case.group(recipient)
        if notice.reason is NoticeReason.COMMON_CAUSE:  # it speaks of these alone
            spoken = {key: one for key, one in group.firing.items() if key in of_it or key in group.told}
            group = replace(group, firing=spoken)
        if of_it.isdisjoint(group.firing):
            continue
        group = replace(group, fresh={*of_it, *(key for key in group.firing if key not in group.told)})
        reason, why = _reason(case, group, place(recipient), row, notice)
        if reason is not None:
            tellings.append(Telling(recipient, reason, group, why))
    return tellings


def _reason(case: Case, group: Group, at: Place, row: Notification, notice: Notice) -> tuple[NoticeReason | None, Fact]:
    if notice.reason in NEWS:
        reason = grouping.reason_of(group)
        return reason, telling.in_words(reason) if reason else notice.why
    heard = case.told.get(at)
    return notice.reason if heard is None or heard.at < row.created_at else None, notice.why


def _send(
    session: Session,
    turn: Round,
    notice: Notice,
    kind: NotificationReason,
    told_of: Sequence[tuple[Case, Sequence[Telling]]],
    meant_for: str,
) -> None:
    """Queue it under its own notice: as one message for each reader, if it was one about many partners."""
    if notice.partner_id is not None:
        for case, tellings in told_of:
            for one in tellings:
                telling.enqueue(session, turn, case, one, notice, meant_for)
                telling.remember(session, case, one.recipient, one.group, turn.now)
        return
    heaps: dict[Place, Heap] = {}
    for case, tellings in told_of:
        for one in tellings:
            heaps.setdefault(place(one.recipient), Heap(one.recipient)).parts.append((case, one.group))
    of_cause = kind is NotificationReason.COMMON_CAUSE
    title = title_of_cause(notice) if of_cause else said(TITLE, partners=len(told_of))
    only = notice.alerts if of_cause else None
    send_all(session, turn, notice, kind, title, heaps.values(), known=True, only=only, meant_for=meant_for)


def _tell_end(session: Session, turn: Round, row: Notification, notice: Notice, meant_for: str) -> None:
    """Tell that alerts ended to whoever would take them; they know of none, so that nothing is noted of them."""
    heaps: dict[Place, Heap] = {}
    addresses = directory(session, turn.now)
    for case in _cases(session, turn, notice):
        ended = [case.alerts[key] for key in notice.alerts if key in case.alerts]
        over = {str(one.id): Known(one.severity) for one in ended if one.state is AlertState.RESOLVED}
        group = Group(told=over, over=over.keys())
        takers = {place(to): to for one in ended for to in addresses.of(one, case.partner)} if over else {}
        for to in takers.values():
            heaps.setdefault(place(to), Heap(to)).parts.append((case, group))
            if notice.partner_id is not None:
                telling.enqueue(session, turn, case, Telling(to, notice.reason, group, notice.why), notice, meant_for)
    if notice.partner_id is None:
        title = said(OVER_TITLE, partners=len(notice.partners))
        send_all(session, turn, notice, row.reason, title, heaps.values(), known=False, meant_for=meant_for)


def _keep_for_later(
    session: Session,
    turn: Round,
    why: Held,
    row: Notification,
    notice: Notice,
    found: Sequence[Case],
    kept: set[uuid.UUID],
) -> None:
    """Note that nobody was told of what fires still and nobody takes now: whoever takes it later is told.

    `kept`: the alerts of which that is noted already, as one message went to several readers.
    """
    known = told.heard(session)
    left = {one.id for case in found for one in _firing(case, notice) if one.id not in known}
    # What was told as a common cause is closed by each partner's own line, anything else by the notice itself.
    of_cause = notice.reason is NoticeReason.COMMON_CAUSE
    begun = [one for one in alert_events.begun(session, left) if of_cause or one.notice_id == notice.id]
    kept.update(one.alert_id for one in begun)
    for case in found:
        mine = [one for one in begun if one.partner_id == case.partner.id]
        if mine:
            keep(session, turn, case, notice.reason, why, mine, f"refused/{row.id}")
        _forget(session, case, (row.destination_id, row.recipient or ""), left & kept, turn.now)
    if left & kept:
        notifications.withdraw([row], TOLD_ANEW)


def _forget(session: Session, case: Case, at: Place, gone: Collection[uuid.UUID], now: datetime) -> None:
    """Note that whoever was to hear of alerts does not know of them."""
    if at in case.told and gone:
        known = {key: one for key, one in case.told[at].alerts.items() if uuid.UUID(key) not in gone}
        told.put(session, case.partner.id, *at, known, now)
