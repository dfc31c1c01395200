"""Alerts that stand: they climb the escalation chain until somebody acknowledges them, and are reminded of rarely."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from warden.calendars import country_of_zone, is_working_day
from warden.db import Database
from warden.domain import AlertEventKind, AlertState, EscalateTo, HeldBack, NoticeReason
from warden.models import Alert, AlertEvent, EscalationStep
from warden.pipeline import telling
from warden.pipeline.addressing import Directory, addressee, directory
from warden.pipeline.cases import Case, Place, Round, case_of, place
from warden.pipeline.fence import fence
from warden.pipeline.holding import keep
from warden.pipeline.quiet import Held, held
from warden.pipeline.telling import Telling
from warden.rules import escalation as chain
from warden.rules.grouping import Group, Known
from warden.store import alert_events, alerts, escalation
from warden.store.destinations import Addressee

REMIND_AFTER = timedelta(days=56)
"""A standing alarm is reminded of at most once in eight weeks: more often, and people stop reading."""


def is_due(session: Session, now: datetime) -> bool:
    """Tell whether some step or reminder may be due."""
    return bool(escalation.due(session, now) or alerts.standing_long(session, now - REMIND_AFTER))


def run(db: Database, turn: Round) -> int:
    """Take the steps and send the reminders that are due; return how many notices were written, sent or held back."""
    with db.read() as session:
        climbing = list(dict.fromkeys(partner_id for partner_id, _ in escalation.due(session, turn.now)))
        long = alerts.standing_long(session, turn.now - REMIND_AFTER)
    written = 0
    for partner_id in climbing:
        with fence("alert_not_escalated", partner=str(partner_id)), db.write() as session:
            written += _climb(session, turn, partner_id)
    for partner_id in long:
        with fence("partner_not_reminded_of", partner=str(partner_id)), db.write() as session:
            written += _remind(session, turn, partner_id)
    return written


# --- escalation -------------------------------------------------------------------------------------------------------


def begin(session: Session, turn: Round, case: Case, told_of: Sequence[AlertEvent]) -> None:
    """Let alerts climb that people are told of now: new ones, and acknowledged ones that became worse."""
    steps = escalation.steps(session)
    if not steps:
        return
    addresses = directory(session, turn.now)
    for event in told_of:
        alert = event.alert
        rests = alert.acknowledged_at is not None and event.kind is not AlertEventKind.WORSE
        if event.kind is AlertEventKind.RESOLVED or alert.state is AlertState.RESOLVED or rests:
            continue
        if alert.escalate_at is None:
            alert.escalation_step = 0
            _wait_for_next(addresses, case, alert, steps)
    session.flush()


def _wait_for_next(addresses: Directory, case: Case, alert: Alert, steps: Sequence[EscalationStep]) -> None:
    """Note when the next step of an alert is due, counted from now."""
    step = chain.next_step([_pure(one) for one in steps], alert.escalation_step, alert.severity)
    if step is None:
        alert.escalate_at = None
        return
    row = next(one for one in steps if one.position == step.position)
    recipient = _recipient(addresses, case, row)
    zone = recipient.time_zone if recipient else case.partner.time_zone
    alert.escalate_at = chain.due_at(step, addresses.now, zone, lambda day: _works(zone, day))


def _works(time_zone: str, day: date) -> bool:
    country = country_of_zone(time_zone)
    return is_working_day(day, [country] if country else [])


def _pure(row: EscalationStep) -> chain.Step:
    return chain.Step(row.position, row.after_minutes, row.working_hours, row.to, row.min_severity)


def _recipient(addresses: Directory, case: Case, step: EscalationStep) -> Addressee | None:
    if step.to is EscalateTo.DESTINATION:
        found = addresses.writable.get(str(step.destination_id))
        return addressee(found) if found else None
    return addresses.person(step.to.value, case.partner)


def _climb(session: Session, turn: Round, partner_id: uuid.UUID) -> int:
    partners = alert_events.hold(session, [partner_id])
    if not partners:
        return 0
    case = case_of(session, turn, partners[0], [])
    steps = escalation.steps(session)
    addresses = directory(session, turn.now)
    heard: dict[Place, tuple[Addressee, list[Alert]]] = {}
    written = 0
    for alert in _due(case, turn.now):
        name = f"{alert.id}/{alert.escalation_step}/{alert.escalate_at}"
        step = chain.next_step([_pure(one) for one in steps], alert.escalation_step, alert.severity)
        why = case.hidden.get(str(alert.id))
        row = next((one for one in steps if step and one.position == step.position), None)
        recipient = _recipient(addresses, case, row) if row else None
        if row is not None and why is not None:
            keep(session, turn, case, NoticeReason.ESCALATION, why, (), name, [alert.id])
            written += 1
            _put_off(turn, addresses, case, alert, steps)
            continue
        if row is not None and recipient is None:
            keep(session, turn, case, NoticeReason.ESCALATION, held(HeldBack.NOBODY), (), name, [alert.id])
            written += 1
        if recipient is not None:
            heard.setdefault(place(recipient), (recipient, []))[1].append(alert)
        alert.escalation_step = row.position if row else alert.escalation_step
        _wait_for_next(addresses, case, alert, steps)
    for recipient, some in heard.values():
        written += _escalate(session, turn, case, recipient, some)
    session.flush()
    return written


def _due(case: Case, now: datetime) -> list[Alert]:
    return [
        one
        for one in case.alerts.values()
        if one.state is AlertState.FIRING and one.escalate_at is not None and one.escalate_at <= now
    ]


def _put_off(turn: Round, addresses: Directory, case: Case, alert: Alert, steps: Sequence[EscalationStep]) -> None:
    """Let a step wait that nobody may be told of: for the end of the silence, or as long as the step waits anyway."""
    silence = turn.quiet.silence(alert, case.partner)
    if silence is not None:
        alert.escalate_at = silence.ends_at
    else:
        _wait_for_next(addresses, case, alert, steps)


def _escalate(session: Session, turn: Round, case: Case, recipient: Addressee, some: Sequence[Alert]) -> int:
    """Tell one recipient of all that fires for the partner, whether it is routed there or not."""
    group = case.group(recipient)
    everything = {
        key: Known(one.severity, case.rank)
        for key, one in case.alerts.items()
        if one.state is AlertState.FIRING and key not in case.hidden
    }
    group = replace(group, firing=everything, fresh=[str(one.id) for one in some])
    one = Telling(recipient, NoticeReason.ESCALATION, group, telling.in_words(NoticeReason.ESCALATION))
    first = some[0]
    name = (
        f"{first.id}/{first.escalation_step}/{recipient.recipient or recipient.destination.id}/{turn.now.isoformat()}"
    )
    return len(telling.send(session, turn, case, [one], [alert.id for alert in some], name))


# --- reminders --------------------------------------------------------------------------------------------------------


def _remind(session: Session, turn: Round, partner_id: uuid.UUID) -> int:
    partners = alert_events.hold(session, [partner_id])
    if not partners or partner_id not in alerts.standing_long(session, turn.now - REMIND_AFTER):
        return 0
    case = case_of(session, turn, partners[0], [])
    before = turn.now - REMIND_AFTER
    old = [one for one in case.alerts.values() if one.state is AlertState.FIRING and one.fired_at <= before]
    about = [one.id for one in old]
    why = _why_not_now(session, turn, case, old)
    tellings = [] if why else list(_reminded(case))
    name = turn.now.isoformat()
    if tellings:
        return len(telling.send(session, turn, case, tellings, about, name))
    keep(session, turn, case, NoticeReason.REMINDER, why or held(HeldBack.NOBODY), (), name, about)
    return 1


def _reminded(case: Case) -> Sequence[Telling]:
    """Return everybody who knows of something that fires still; where none of them can be reached, whoever takes it."""
    why = telling.in_words(NoticeReason.REMINDER)
    groups: list[tuple[Addressee, Group]] = [(one, case.group(one)) for one in case.recipients]
    knowing = [(one, group) for one, group in groups if any(key in group.firing for key in group.told)]
    others = [(one, group) for one, group in groups if any(case.is_known(key) for key in group.firing)]
    return [Telling(recipient, NoticeReason.REMINDER, group, why) for recipient, group in knowing or others]


def _why_not_now(session: Session, turn: Round, case: Case, old: Sequence[Alert]) -> Held | None:
    """Return why nobody is reminded of alerts that have stood for long, None if they are to be."""
    known = [one for one in old if case.is_known(str(one.id))]
    if not known:
        return held(HeldBack.PAST)
    last = max(row.at for row in case.told.values())
    if last > turn.now - REMIND_AFTER:
        return held(HeldBack.TOO_SOON, at=last.isoformat(), days=REMIND_AFTER.days)
    worse = alert_events.last_worse(session, [one.id for one in known])
    awake = [one for one in known if not _rests(one, worse.get(one.id))]
    if not awake:
        said = known[0]
        return held(HeldBack.ACKNOWLEDGED, author=said.acknowledged_by, reason=said.acknowledged_why)
    hidden = [case.hidden[str(one.id)] for one in awake if str(one.id) in case.hidden]
    if len(hidden) == len(awake):
        return hidden[0]
    return held(HeldBack.UNSTABLE) if all(str(one.id) in case.unstable for one in awake) else None


def _rests(alert: Alert, worse_at: datetime | None) -> bool:
    """Tell whether somebody acknowledged an alert, and it has not become worse since."""
    return alert.acknowledged_at is not None and (worse_at is None or worse_at <= alert.acknowledged_at)
