"""Writes down that people are told of one partner's alerts: the notice, the messages, what each reader knows now."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import (
    AlertEventKind,
    DiagnosedCause,
    MeetingStatus,
    NoticeReason,
    NotificationReason,
    Severity,
    Worth,
)
from warden.errors import NotFound
from warden.log import get_logger
from warden.messages import NOTICE_REASONS, Advice, AlertContext, AlertPart, alert_fired, alert_resolved
from warden.models import Alert, AlertEvent, Assessment, Notice
from warden.pipeline import invitations
from warden.pipeline.cases import Case, Round, place
from warden.rules.diagnosis import CAUSE_NAMES
from warden.rules.grouping import Group
from warden.settings import Settings
from warden.store import (
    assignments,
    matrices,
    meetings,
    notices,
    notifications,
    playbooks,
    told,
    verdicts,
)
from warden.store.destinations import Addressee
from warden.wording import Fact, reader_of

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Telling:
    """One recipient who is told, why, and of what. `why`: the reason in words, with what is particular about it."""

    recipient: Addressee
    reason: NoticeReason
    group: Group
    why: Fact


def in_words(reason: NoticeReason) -> Fact:
    """Return a reason that needs no figures in words."""
    return {"message": NOTICE_REASONS[reason], "params": {}}


def send(
    session: Session, turn: Round, case: Case, tellings: Sequence[Telling], about: Collection[uuid.UUID], name: str
) -> dict[NoticeReason, Notice]:
    """Queue the messages, each under the notice of its reason, and note what their readers know now.

    `about`: the alerts something happened to. `name` tells this occasion from all others of the partner.
    """
    written: dict[NoticeReason, Notice] = {}
    for one in tellings:
        notice = written.get(one.reason)
        if notice is None:
            key = f"{case.partner.id}/{one.reason}/sent/{name}"
            notice = written[one.reason] = write(session, turn, case, key, one.reason, one.why, about)
        enqueue(session, turn, case, one, notice)
        remember(session, case, one.recipient, one.group, turn.now)
    return written


def write(
    session: Session,
    turn: Round,
    case: Case,
    key: str,
    reason: NoticeReason,
    why: Fact,
    about: Collection[uuid.UUID],
) -> Notice:
    """Write the notice of something that is sent."""
    log.info("alerts_told", partner=str(case.partner.id), reason=reason.value)
    return notices.add(
        session, key=key, partner_id=case.partner.id, reason=reason, held_back=None, why=why, alerts=about, now=turn.now
    )


def remember(session: Session, case: Case, recipient: Addressee, group: Group, now: datetime) -> None:
    """Note that a recipient knows of what fires now, and still of what they knew that is kept quiet just now."""
    quiet = {key: one for key, one in group.told.items() if key in case.hidden and key not in group.over}
    known = {key: {"severity": one.severity.value, "rank": one.rank} for key, one in {**quiet, **group.firing}.items()}
    told.put(session, case.partner.id, *place(recipient), known, now)


def enqueue(
    session: Session, turn: Round, case: Case, one: Telling, notice: Notice, meant_for: str | None = None
) -> None:
    """Queue one message under a notice. `meant_for`: somebody else, whom it did not reach."""
    main = main_alert(case, one.group)
    context = replace(_context(session, turn, case, one, main), meant_for=meant_for)
    build, kind = (alert_fired, NotificationReason.ALERT_FIRED)
    if not context.firing:
        build, kind = (alert_resolved, NotificationReason.ALERT_RESOLVED)
    notifications.enqueue(
        session,
        destination=one.recipient.destination,
        key=f"notice/{notice.id}",
        reason=kind,
        message=build(context, reader_of(one.recipient.locale, one.recipient.time_zone)),
        locale=one.recipient.locale,
        now=turn.now,
        recipient=one.recipient.recipient,
        partner_id=case.partner.id,
        alert_id=main.id,
    )


def main_alert(case: Case, group: Group) -> Alert:
    """Return the alert a message is mainly about: the worst of what is new, of what fires, of what ended."""
    new = [one for one in group.fresh if one in group.firing]
    return worst_first(case, new or group.firing or group.told)[0]


def worst_first(case: Case, ids: Collection[str]) -> list[Alert]:
    """Return alerts by severity, of equals the oldest first."""
    order = list(Severity)
    found = (case.alerts[one] for one in ids)
    return sorted(found, key=lambda alert: (-order.index(alert.severity), alert.fired_at, alert.id))


def _context(session: Session, turn: Round, case: Case, one: Telling, main: Alert) -> AlertContext:
    group = one.group
    firing = worst_first(case, group.firing)
    ended = worst_first(case, [key for key in group.told if key in group.over])
    found = meetings.of_alerts(session, [alert.id for alert in firing]).values()
    due = [meeting.due_on for meeting in found if meeting.status is MeetingStatus.PROPOSED]
    assigned = assignments.of_alerts(session, [main.id]).get(main.id)
    to = one.recipient.recipient or one.recipient.destination.name
    return AlertContext(
        partner=case.partner.name,
        reason=one.reason,
        why=one.why,
        at=turn.now,
        partner_url=f"{turn.settings.public_url}/partners/{case.partner.id}",
        firing=[_part(turn.settings, case, alert, group) for alert in firing],
        ended=[_part(turn.settings, case, alert, group) for alert in ended],
        owner=case.partner.owner.name if case.partner.owner else None,
        assigned_to=assigned.name if assigned else None,
        meeting_due_on=min(due, default=None),
        advice=_advice(session, main),
        verdicts=[(worth, verdicts.link(turn.vault, turn.settings.public_url, main.id, worth, to)) for worth in Worth],
        judged=main.rule.names,
        **_placement(session, case.assessment),
    )


def _part(settings: Settings, case: Case, alert: Alert, group: Group) -> AlertPart:
    key = str(alert.id)
    return AlertPart(
        rule_names=alert.rule.names,
        severity=alert.severity,
        url=f"{settings.public_url}/alerts/{alert.id}",
        fired_at=alert.fired_at,
        is_new=key in group.fresh and key not in group.told,
        rose=key in group.fresh and key in group.firing and group.rose(key),
        is_unstable=key in case.unstable,
        why=case.reasons.get(key),
        evidence=alert.evidence,
    )


def _placement(session: Session, assessment: Assessment | None) -> dict[str, Any]:
    if assessment is None:
        return {}
    return {
        "likelihood": assessment.likelihood,
        "impact": assessment.impact,
        "coverage": assessment.coverage,
        "band_names": matrices.band_names(session, assessment.matrix_version, assessment.band),
    }


def _advice(session: Session, alert: Alert) -> Advice | None:
    """Return what an alert's diagnosis says, with the steps of the playbook it names as that stood then."""
    said = alert.diagnosis
    if not said:
        return None
    advice = {"cause": CAUSE_NAMES[DiagnosedCause(said["cause"])], "share": said["share"], "why": said["why"]}
    named = said.get("playbook")
    if not named:
        return Advice(**advice)
    try:
        playbook = playbooks.get(session, DiagnosedCause(named["cause"]), named["number"])
    except NotFound:
        return Advice(**advice)
    return Advice(**advice, playbook=playbook.titles, steps=playbook.steps)


MOST_MEETINGS = 4
"""To so many meetings people are asked for what is told in one message; more would only bury them on one day."""


def tell_of_meetings_of_many(
    session: Session, settings: Settings, told_of: Sequence[AlertEvent], now: datetime
) -> None:
    """Queue the invitations for what was told of many partners in one message, or waive the meetings where many ask."""
    ids = sorted({event.alert_id for event in told_of})
    asked = [one for one in meetings.of_alerts(session, ids).values() if one.status is MeetingStatus.PROPOSED]
    if len(asked) > MOST_MEETINGS:
        meetings.waive_unarranged(session, ids, meetings.TOGETHER_WHY)
        tell_of_meetings(session, settings, [], told_of, now)
    else:
        tell_of_meetings(session, settings, told_of, told_of, now)


def tell_of_meetings(
    session: Session, settings: Settings, told_of: Sequence[AlertEvent], events: Sequence[AlertEvent], now: datetime
) -> None:
    """Queue the invitations to meetings of alerts that people are told of, and call off those an end has waived.

    A meeting nobody was asked to is not called off either. One that was missed before people heard of its alert is told
    of as missed.
    """
    found = meetings.of_alerts(session, list({event.alert_id for event in (*told_of, *events)}))
    for alert_id in dict.fromkeys(event.alert_id for event in told_of if event.kind is not AlertEventKind.RESOLVED):
        meeting = found.get(alert_id)
        if meeting is None:
            continue
        if meeting.status is MeetingStatus.PROPOSED:
            invitations.proposed(session, settings, meetings.get(session, meeting.id), now)
        elif meeting.status is MeetingStatus.MISSED and not notifications.speaks_of_meeting(session, meeting.id):
            invitations.escalated(session, settings, meetings.get(session, meeting.id), now)
    for event in events:
        asked = found.get(event.alert_id)
        if event.kind is not AlertEventKind.RESOLVED or asked is None or asked.closed_by != meetings.SERVICE:
            continue
        if notifications.speaks_of_meeting(session, asked.id):
            invitations.cancelled(session, settings, meetings.get(session, asked.id), now)
