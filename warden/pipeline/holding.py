"""Which events nobody is to hear of, and the line in the ledger that says so."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from warden.domain import AlertEventKind, AlertState, Cause, HeldBack, NoticeReason
from warden.log import get_logger
from warden.models import AlertEvent
from warden.pipeline.cases import Case, Round
from warden.pipeline.quiet import Held, held
from warden.rules import grouping
from warden.rules.grouping import Known
from warden.store import alert_events, meetings, notices

log = get_logger(__name__)

BEGINS = (AlertEventKind.FIRED, AlertEventKind.WORSE)
"""Kinds of events after which something fires that did not, or not as loudly."""

UNHEARD = (HeldBack.LATE_FACTS, HeldBack.SILENCED, HeldBack.INHIBITED, HeldBack.UNSTABLE)
"""Why nobody is to hear of what fires, for as long as that holds."""


def held_of(case: Case, event: AlertEvent) -> Held | None:
    """Return why nobody is to hear of an event, None if they are."""
    key = str(event.alert_id)
    if event.kind in BEGINS and event.cause is Cause.LATE_FACTS:
        return held(HeldBack.LATE_FACTS)
    if event.kind in BEGINS and event.alert.state is AlertState.RESOLVED and not case.is_known(key):
        return held(HeldBack.OVER)
    if key in case.hidden:
        return case.hidden[key]
    if event.kind is AlertEventKind.RESOLVED and not case.is_known(key):
        return held(HeldBack.OVER)
    if event.kind in (*BEGINS, AlertEventKind.RESOLVED) and key in case.unstable and not _rises(case, event):
        return held(HeldBack.UNSTABLE)
    return None


def _rises(case: Case, event: AlertEvent) -> bool:
    """Tell whether an alert is louder than all that was told of its partner: that is told however unstable it is."""
    told = case.loudest_told()
    mine = [Known(event.alert.severity)]
    return event.kind in BEGINS and bool(told) and grouping.loudness(mine) > grouping.loudness(told)


def occasion(events: Sequence[AlertEvent]) -> str:
    """Return what tells a notice about these events from all others; their numbers are used again on SQLite."""
    last = max(events, key=lambda event: event.id)
    return f"{last.alert_id}/{last.kind}/{last.at.isoformat()}"


def keep(
    session: Session,
    turn: Round,
    case: Case,
    reason: NoticeReason,
    why: Held,
    events: Collection[AlertEvent],
    name: str,
    about: Collection[uuid.UUID] = (),
) -> None:
    """Write in the ledger that nobody is told of something, and why: of events, or besides these of alerts.

    What is told together with many others asks for no meeting of its own, and what nobody is to hear of for none yet:
    nobody would know of it.
    """
    log.info("alerts_held_back", partner=str(case.partner.id), reason=reason.value, held_back=why.held_back.value)
    notice = notices.add(
        session,
        key=f"{case.partner.id}/{reason}/{name}",
        partner_id=case.partner.id,
        reason=reason,
        held_back=why.held_back,
        why=why.why,
        alerts=list(dict.fromkeys([*(event.alert_id for event in events), *about])),
        now=turn.now,
    )
    alert_events.close(session, events, notice.id, turn.now)
    begun = sorted({event.alert_id for event in events if event.kind in BEGINS})
    if why.held_back is HeldBack.COMMON_CAUSE:
        meetings.waive_unarranged(session, begun, meetings.SHARED_WHY)
    elif begun and why.held_back in UNHEARD:
        meetings.withdraw_unasked(session, begun)
