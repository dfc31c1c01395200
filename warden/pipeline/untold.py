"""Alerts that fired while nobody could be told of them, and fire still: told as soon as somebody takes them."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import AlertEventKind, Cause, NoticeReason, NotificationReason, Severity
from warden.i18n import N_
from warden.models import AlertEvent, Rule
from warden.pipeline import climbing, telling
from warden.pipeline import meetings as proposing
from warden.pipeline.addressing import directory
from warden.pipeline.cases import Case, Place, Round, case_of
from warden.pipeline.cause_named import in_words
from warden.pipeline.fence import fence
from warden.pipeline.holding import held_of, occasion
from warden.pipeline.telling import Telling
from warden.pipeline.together import (
    LEAST_FIRST_LOOKS,
    MOST_AT_ONCE,
    Heap,
    heap,
    loudest_first,
    said,
    send_all,
    shared,
    write,
)
from warden.rules import common_cause, grouping
from warden.rules.common_cause import CommonCause
from warden.store import alert_events, told
from warden.store.batches import in_batches
from warden.wording import Fact

TITLE = N_("Not told before: alerts of %(partners)s partners")
WHY = N_("This fired while nobody could be told of it, and fires still.")

WHY_OF_CAUSE = N_("This fired while nobody could be told of it, and fires still. %(was)s")

Untold = tuple[Case, Sequence[AlertEvent]]
"""A partner, and what nobody could be told of before."""


def waiting(session: Session, now: datetime, severities: Collection[Severity]) -> list[uuid.UUID]:
    """Return the partners of which somebody can be told now what nobody took before, the longest waiting first.

    `severities`: of what nobody took.
    """
    if not severities:
        return []
    addresses = directory(session, now)
    # Most of what nobody takes, nobody ever will: it is not read each time where its severity says so.
    taken = [one for one in severities if addresses.routes or addresses.by_default(one)]
    kept = alert_events.untaken(session, taken) if taken else []
    known = told.heard(session) if kept else set()
    some = (one for one in kept if one.alert_id not in known)
    return list(dict.fromkeys(one.partner_id for one in some if addresses.of(one.alert, one.alert.partner)))


def tell(db: Database, turn: Round, partner_ids: Sequence[uuid.UUID]) -> int:
    """Tell of it; return notices written."""
    written = 0
    for some in in_batches(partner_ids, MOST_AT_ONCE):
        with fence("untold_alerts_not_announced", partners=len(some)), db.write() as session:
            written += _tell(session, turn, some)
    return written


def _tell(session: Session, turn: Round, partner_ids: Sequence[uuid.UUID]) -> int:
    heaps: dict[Place, Heap] = {}
    found: list[Untold] = []
    for case, events in _cases(session, turn, partner_ids):
        if heap(heaps, case, fresh=[str(one.alert_id) for one in events]):
            found.append((case, [one for one in events if _is_taken(case, one)]))
    if len(found) >= LEAST_FIRST_LOOKS:
        return _tell_all(session, turn, found, heaps.values())
    return sum(_tell_one(session, turn, case, events) for case, events in found)


def _cases(session: Session, turn: Round, partner_ids: Collection[uuid.UUID]) -> Iterable[Untold]:
    """Yield partners, held, with what nobody was told of until now and nothing else hides."""
    held_ones = alert_events.hold(session, partner_ids)
    kept = alert_events.untaken(session, list(Severity))
    known = told.heard(session)
    for partner in held_ones:
        mine = [one for one in kept if one.partner_id == partner.id]
        case = case_of(session, turn, partner, [one.alert for one in mine])
        unknown = [one for one in mine if one.alert_id not in known and held_of(case, one) is None]
        if unknown:
            yield case, unknown


def _is_taken(case: Case, event: AlertEvent) -> bool:
    return any(str(event.alert_id) in taken for taken in case.takes.values())


def _tell_one(session: Session, turn: Round, case: Case, events: Sequence[AlertEvent]) -> int:
    """Tell of one partner by itself, with its evidence."""
    tellings = []
    for recipient in case.recipients:
        group = case.group(recipient, fresh=[str(one.alert_id) for one in events])
        reason = grouping.reason_of(group)
        if reason is not None:
            tellings.append(Telling(recipient, reason, group, said(WHY)))
    about = list(dict.fromkeys(one.alert_id for one in events))
    proposing.propose_late(session, events, turn.now)
    written = telling.send(session, turn, case, tellings, about, f"untold/{occasion(events)}")
    alert_events.close(session, events, next(iter(written.values())).id, turn.now)
    telling.tell_of_meetings(session, turn.settings, events, events, turn.now)
    climbing.begin(session, turn, case, events)
    return len(written)


def _tell_all(session: Session, turn: Round, found: Sequence[Untold], heaps: Iterable[Heap]) -> int:
    """Tell of many partners in one message."""
    everything = [event for _, events in found for event in events]
    why = _with_its_cause(session, turn, everything)
    notice = write(session, turn, NoticeReason.FIRST, why, found, f"untold/{occasion(everything)}")
    title = said(TITLE, partners=len(found))
    send_all(session, turn, notice, NotificationReason.ALERT_FIRED, title, heaps, known=True)
    alert_events.close(session, everything, notice.id, turn.now)
    proposing.propose_late(session, everything, turn.now)
    telling.tell_of_meetings_of_many(session, turn.settings, everything, turn.now)
    for case, events in found:
        climbing.begin(session, turn, case, events)
    return 1


def _with_its_cause(session: Session, turn: Round, events: Sequence[AlertEvent]) -> Fact:
    """Return why it is told only now, with what most of these partners have in common if they raised the same at once.

    Nobody took the one message that would have said so then.
    """
    raised: dict[uuid.UUID, list[AlertEvent]] = {}
    for event in events:
        if event.kind is AlertEventKind.FIRED and event.cause not in (Cause.LATE_FACTS, Cause.FIRST_LOOK):
            raised.setdefault(event.alert.rule_id, []).append(event)
    causes: dict[CommonCause, list[Rule]] = {}
    for some in raised.values():
        last = max(event.at for event in some)
        at_once = [event for event in some if event.at > last - common_cause.WITHIN]
        rule = at_once[0].alert.rule
        partners = sorted({str(event.partner_id) for event in at_once})
        for cause in common_cause.find(partners, shared(session, turn, rule, at_once)):
            causes.setdefault(cause, []).append(rule)
    if not causes:
        return said(WHY)
    most = max(causes, key=lambda cause: len(cause.partners))
    _, was = in_words(session, loudest_first(causes[most]), most)
    return said(WHY_OF_CAUSE, was=was)
