"""Alerts that stand: they climb the escalation chain until somebody acknowledges them, and are reminded of rarely."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import AlertState, HeldBack, NoticeReason, NotificationReason
from warden.i18n import N_
from warden.log import get_logger
from warden.models import Alert, EscalationStep, Notice
from warden.pipeline import climbing, telling
from warden.pipeline.addressing import Directory, directory
from warden.pipeline.cases import Case, Place, Round, case_of, place
from warden.pipeline.fence import fence
from warden.pipeline.holding import keep
from warden.pipeline.quiet import Held, held
from warden.pipeline.telling import Telling
from warden.pipeline.together import MOST_AT_ONCE, Heap, said, send_all
from warden.rules.grouping import Group, Known
from warden.store import alert_events, alerts, escalation, notices, sharing
from warden.store.batches import in_batches
from warden.store.destinations import Addressee
from warden.wording import Fact

log = get_logger(__name__)

REMIND_AFTER = timedelta(days=56)
"""A standing alarm is reminded of at most once in eight weeks: more often, and people stop reading."""

LEAST_TOGETHER = 5
"""Of so many partners a recipient is told in one message, where steps or reminders of them are due together."""

TITLES: Mapping[NoticeReason, str] = {
    NoticeReason.ESCALATION: N_("Not acknowledged: alerts of %(partners)s partners"),
    NoticeReason.REMINDER: N_("Reminder: alerts of %(partners)s partners have not ended"),
}
CAUSE_CLIMBS = N_("Nobody has acknowledged this yet. %(was)s")


@dataclass(frozen=True, slots=True)
class Due:
    """What is due to be told of one partner. `about`: the alerts; `name` tells this occasion from all others of it."""

    case: Case
    tellings: Sequence[Telling]
    about: Sequence[uuid.UUID]
    name: str


def is_due(session: Session, now: datetime) -> bool:
    """Tell whether some step or reminder may be due."""
    return bool(escalation.due(session, now) or alerts.standing_long(session, now - REMIND_AFTER))


def run(db: Database, turn: Round) -> int:
    """Take the steps and send the reminders that are due; return how many notices were written, sent or held back."""
    with db.read() as session:
        due = list(dict.fromkeys(partner_id for partner_id, _ in escalation.due(session, turn.now)))
        long = alerts.standing_long(session, turn.now - REMIND_AFTER)
    written = _each(db, turn, "alerts_not_escalated", _climb, due)
    return written + _each(db, turn, "partners_not_reminded_of", _remind, long)


Work = Callable[[Session, Round, Sequence[uuid.UUID]], int]


def _each(db: Database, turn: Round, event: str, work: Work, partner_ids: Sequence[uuid.UUID]) -> int:
    """Do the same for partners in one transaction; where it breaks, for each alone, so that no other is kept back."""
    written = 0
    for some in in_batches(partner_ids, MOST_AT_ONCE):
        with fence(event, partner=str(some[0]), partners=len(some)) as fenced, db.write() as session:
            written += work(session, turn, some)
        if fenced.error is not None and len(some) > 1:
            written += sum(_each(db, turn, event, work, [one]) for one in some)
    return written


def _send(session: Session, turn: Round, reason: NoticeReason, due: Sequence[Due]) -> int:
    """Tell recipients of few partners of each by itself, with its evidence, those of many in one message."""
    many = {at: heap for at, heap in _heaps(due).items() if len(heap.parts) >= LEAST_TOGETHER}
    written = _send_together(session, turn, reason, telling.in_words(reason), due, many) if many else 0
    for one in due:
        single = [some for some in one.tellings if place(some.recipient) not in many]
        if single:
            written += len(telling.send(session, turn, one.case, single, one.about, one.name))
    return written


def _heaps(due: Sequence[Due]) -> dict[Place, Heap]:
    heaps: dict[Place, Heap] = {}
    for one in due:
        for some in one.tellings:
            heaps.setdefault(place(some.recipient), Heap(some.recipient)).parts.append((one.case, some.group))
    return heaps


def _send_together(
    session: Session, turn: Round, reason: NoticeReason, why: Fact, due: Sequence[Due], heaps: Mapping[Place, Heap]
) -> int:
    inside = [one for one in due if any(place(some.recipient) in heaps for some in one.tellings)]
    partner_ids = list(dict.fromkeys(one.case.partner.id for one in inside))
    log.info("alerts_told_together", reason=reason.value, partners=len(partner_ids))
    notice = notices.add(
        session,
        key=f"together/{reason}/{inside[0].about[0]}/{turn.now.isoformat()}",
        partner_id=None,
        reason=reason,
        held_back=None,
        why=why,
        alerts=list(dict.fromkeys(alert for one in inside for alert in one.about)),
        partners=partner_ids,
        now=turn.now,
    )
    title = said(TITLES[reason], partners=len(partner_ids))
    send_all(session, turn, notice, NotificationReason.ALERT_FIRED, title, heaps.values(), known=True)
    return 1


# --- escalation -------------------------------------------------------------------------------------------------------


def _climb(session: Session, turn: Round, partner_ids: Sequence[uuid.UUID]) -> int:
    steps = escalation.steps(session)
    addresses = directory(session, turn.now)
    heard: list[Due] = []
    written = 0
    for partner in alert_events.hold(session, partner_ids):
        case = case_of(session, turn, partner, [])
        mine: dict[Place, tuple[Addressee, list[Alert]]] = {}
        for alert in _due(case, turn.now):
            recipient = _step_up(session, turn, addresses, case, alert, steps)
            if isinstance(recipient, Held):
                name = f"{alert.id}/{alert.escalation_step}/{turn.now.isoformat()}"
                keep(session, turn, case, NoticeReason.ESCALATION, recipient, (), name, [alert.id])
                written += 1
            elif recipient is not None:
                mine.setdefault(place(recipient), (recipient, []))[1].append(alert)
        heard += [_escalation(turn, case, recipient, some) for recipient, some in mine.values()]
    session.flush()
    return written + _escalate(session, turn, heard)


def _due(case: Case, now: datetime) -> list[Alert]:
    return [
        one
        for one in case.alerts.values()
        if one.state is AlertState.FIRING and one.escalate_at is not None and one.escalate_at <= now
    ]


def _step_up(
    session: Session,
    turn: Round,
    addresses: Directory,
    case: Case,
    alert: Alert,
    steps: Sequence[EscalationStep],
) -> Addressee | Held | None:
    """Let an alert take its step; return who hears of it, or why nobody does, None if there is no step any more."""
    row = climbing.step_of(alert, steps)
    why = case.hidden.get(str(alert.id))
    if row is not None and why is not None:
        climbing.put_off(turn, addresses, case, alert, steps)
        return why
    recipient = climbing.recipient_of(addresses, case, row) if row else None
    alert.escalation_step = row.position if row else alert.escalation_step
    climbing.wait_for_next(addresses, case, alert, steps)
    return recipient or (held(HeldBack.NOBODY) if row else None)


def _escalation(turn: Round, case: Case, recipient: Addressee, some: Sequence[Alert]) -> Due:
    """Return what one recipient hears: of all that fires for the partner, whether it is routed there or not."""
    everything = {
        key: Known(one.severity, case.rank)
        for key, one in case.alerts.items()
        if one.state is AlertState.FIRING and key not in case.hidden
    }
    group = replace(case.group(recipient), firing=everything, fresh=[str(one.id) for one in some])
    one = Telling(recipient, NoticeReason.ESCALATION, group, telling.in_words(NoticeReason.ESCALATION))
    first = some[0]
    name = (
        f"{first.id}/{first.escalation_step}/{recipient.recipient or recipient.destination.id}/{turn.now.isoformat()}"
    )
    return Due(case, [one], [alert.id for alert in some], name)


def _escalate(session: Session, turn: Round, heard: Sequence[Due]) -> int:
    """Send what climbed: what was told as a common cause goes on as one message, however few partners are left."""
    causes = sharing.causes_of(session, [alert for one in heard for alert in one.about])
    shared: dict[Notice, list[Due]] = {}
    alone = []
    for one in heard:
        cause = causes.get(one.about[0])
        if cause is not None and all(causes.get(alert) is cause for alert in one.about):
            shared.setdefault(cause, []).append(one)
        else:
            alone.append(one)
    written = _send(session, turn, NoticeReason.ESCALATION, alone)
    for cause, some in shared.items():
        why = said(CAUSE_CLIMBS, was=cause.why)
        written += _send_together(session, turn, NoticeReason.ESCALATION, why, some, _heaps(some))
    return written


# --- reminders --------------------------------------------------------------------------------------------------------


def _remind(session: Session, turn: Round, partner_ids: Sequence[uuid.UUID]) -> int:
    partners = alert_events.hold(session, partner_ids)
    before = turn.now - REMIND_AFTER
    long = set(alerts.standing_long(session, before)) if partners else set()
    due: list[Due] = []
    written = 0
    for partner in partners:
        if partner.id not in long:
            continue
        case = case_of(session, turn, partner, [])
        old = [one for one in case.alerts.values() if one.state is AlertState.FIRING and one.fired_at <= before]
        about = [one.id for one in old]
        why = _why_not_now(session, turn, case, old)
        tellings = [] if why else list(_reminded(case))
        name = turn.now.isoformat()
        if tellings:
            due.append(Due(case, tellings, about, name))
        else:
            keep(session, turn, case, NoticeReason.REMINDER, why or held(HeldBack.NOBODY), (), name, about)
            written += 1
    return written + _send(session, turn, NoticeReason.REMINDER, due)


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
        return _why_unknown(case, old)
    last = max(row.at for row in case.told.values())
    if last > turn.now - REMIND_AFTER:
        return held(HeldBack.TOO_SOON, at=last.isoformat(), days=REMIND_AFTER.days)
    worse = alert_events.last_worse(session, [one.id for one in known])
    awake = [one for one in known if not _rests(one, worse.get(one.id))]
    if not awake:
        said_by = known[0]
        return held(HeldBack.ACKNOWLEDGED, author=said_by.acknowledged_by, reason=said_by.acknowledged_why)
    hidden = [case.hidden[str(one.id)] for one in awake if str(one.id) in case.hidden]
    if len(hidden) == len(awake):
        return hidden[0]
    return held(HeldBack.UNSTABLE) if all(str(one.id) in case.unstable for one in awake) else None


def _why_unknown(case: Case, old: Sequence[Alert]) -> Held:
    """Return why nobody is reminded of alerts nobody was ever told of: what is known of them could not be told."""
    open_ones = [one for one in old if str(one.id) not in case.hidden]
    if not open_ones:
        return case.hidden[str(old[0].id)]
    if all(str(one.id) in case.unstable for one in open_ones):
        return held(HeldBack.UNSTABLE)
    is_taken = any(str(one.id) in taken for one in open_ones for taken in case.takes.values())
    return held(HeldBack.PAST if is_taken else HeldBack.NOBODY)


def _rests(alert: Alert, worse_at: datetime | None) -> bool:
    """Tell whether somebody acknowledged an alert, and it has not become worse since."""
    return alert.acknowledged_at is not None and (worse_at is None or worse_at <= alert.acknowledged_at)
