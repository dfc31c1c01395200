"""One message about many partners: at a first look, and of a common cause."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import (
    FAMILIES,
    AlertEventKind,
    AlertState,
    Cause,
    FactKind,
    HeldBack,
    NoticeReason,
    NotificationReason,
    Severity,
)
from warden.i18n import N_
from warden.log import get_logger
from warden.messages import ManyContext, PartnerPart, many_partners
from warden.models import AlertEvent, Notice, Rule
from warden.pipeline import climbing, telling
from warden.pipeline.cases import Case, Place, Round, case_of, place
from warden.pipeline.cause_named import in_words
from warden.pipeline.fence import fence
from warden.pipeline.holding import held_of, keep, occasion
from warden.pipeline.quiet import held
from warden.pipeline.telling import worst_first
from warden.rules import common_cause, compile_condition
from warden.rules.common_cause import CommonCause
from warden.rules.grouping import Group, loudness
from warden.store import alert_events, alerts, assessments, notices, notifications, rules, sharing
from warden.store.batches import in_batches
from warden.store.destinations import Addressee
from warden.wording import Fact, reader_of

log = get_logger(__name__)

LEAST_FIRST_LOOKS = 5
"""So many partners looked at for the first time at once are told in one message."""

MOST_AT_ONCE = 500
"""Partners told of in one transaction and one message; the others follow in the next."""

SPEAKS_LATELY = timedelta(days=180)
"""A source shares in what is said of a partner if it reported on it within so long."""

FIRST_LOOK_TITLE = N_("First look: %(partners)s partners have alerts")
FIRST_LOOK_WHY = N_("Warden looked at these partners for the first time; what it found stood before.")

COVERAGE = frozenset({"coverage", "coverage_before", "coverage_lost"})
"""Variables that say how much is known: they fall where a source is blind."""


@dataclass(slots=True)
class Heap:
    """What one recipient is told in one message: of each partner what concerns them."""

    recipient: Addressee
    parts: list[tuple[Case, Group]] = field(default_factory=list)


def tell(db: Database, turn: Round, waiting: Sequence[uuid.UUID]) -> int:
    """Tell at once of partners looked at for the first time, then of those with a common cause; return notices written.

    What is told here waits no longer; everything else still does.
    """
    written = 0
    with db.read() as session:
        firsts = [event.partner_id for event in fired(session, waiting) if event.cause is Cause.FIRST_LOOK]
    for seen in in_batches(list(dict.fromkeys(firsts)), MOST_AT_ONCE):
        with fence("first_looks_not_announced"), db.write() as session:
            written += _tell_first_looks(session, turn, seen)
    with fence("common_causes_not_announced"), db.write() as session:
        written += _tell_common_causes(session, turn, set(waiting))
    return written


def _tell_first_looks(session: Session, turn: Round, seen: Sequence[uuid.UUID]) -> int:
    if len(seen) < LEAST_FIRST_LOOKS:
        return 0
    heaps: dict[Place, Heap] = {}
    told: list[tuple[Case, list[AlertEvent]]] = []
    for case, events in cases(session, turn, seen):
        fresh = [one for one in events if one.cause is Cause.FIRST_LOOK and held_of(case, one) is None]
        if heap(heaps, case, fresh=[str(one.alert_id) for one in fresh]):
            told.append((case, fresh))
    if len(told) < LEAST_FIRST_LOOKS:
        return 0
    notice = write(session, turn, NoticeReason.FIRST, said(FIRST_LOOK_WHY), told, f"first_look/{_last(told)}")
    title = said(FIRST_LOOK_TITLE, partners=len(told))
    send_all(session, turn, notice, NotificationReason.ALERT_FIRED, title, heaps.values(), known=True)
    everything: list[AlertEvent] = []
    for case, events in told:
        heard = [one for one in events if _is_heard(heaps.values(), one)]
        alert_events.close(session, heard, notice.id, turn.now)
        climbing.begin(session, turn, case, heard)
        everything += heard
    telling.tell_of_meetings_of_many(session, turn.settings, everything, turn.now)
    return 1


def fired(session: Session, partner_ids: Collection[uuid.UUID]) -> list[AlertEvent]:
    """Return what fired, fires still and was not announced yet."""
    found = alert_events.pending(session, partner_ids)
    return [one for one in found if one.kind is AlertEventKind.FIRED and one.alert.state is AlertState.FIRING]


def cases(session: Session, turn: Round, partner_ids: Iterable[uuid.UUID]) -> Iterable[tuple[Case, list[AlertEvent]]]:
    """Yield partners, held, with what fired and was not announced yet."""
    ids = list(partner_ids)
    held_ones = alert_events.hold(session, ids)
    events = fired(session, ids)
    for partner in held_ones:
        mine = [one for one in events if one.partner_id == partner.id]
        yield case_of(session, turn, partner, [one.alert for one in mine]), mine


def heap(
    heaps: dict[Place, Heap], case: Case, *, only: Collection[str] | None = None, **happened: Collection[str]
) -> bool:
    """Add a partner to what each recipient is told who is concerned; tell whether anybody is.

    `only`: besides what they know, these alerts alone are spoken of.
    """
    found = False
    for recipient in case.recipients:
        group = case.group(recipient, **happened)
        if only is not None:
            spoken = {key: one for key, one in group.firing.items() if key in only or key in group.told}
            group = replace(group, firing=spoken)
        if group.concerns([one for some in happened.values() for one in some]):
            heaps.setdefault(place(recipient), Heap(recipient)).parts.append((case, group))
            found = True
    return found


def _is_heard(heaps: Iterable[Heap], event: AlertEvent) -> bool:
    alert = str(event.alert_id)
    return any(group.concerns([alert]) for heap in heaps for _, group in heap.parts)


def _tell_common_causes(session: Session, turn: Round, waiting: Collection[uuid.UUID]) -> int:
    since = turn.now - common_cause.WITHIN
    told = sharing.causes_told(session, since)
    found: dict[CommonCause, list[Rule]] = {}
    for rule_id, events in sharing.raised_since(session, since).items():
        raised = sorted({str(one.partner_id) for one in events})
        pending = {str(one.partner_id) for one in events if one.announced_at is None and one.partner_id in waiting}
        if len(raised) < common_cause.LEAST_PARTNERS or not pending:
            continue
        rule = rules.get(session, rule_id)
        for cause in common_cause.find(raised, shared(session, turn, rule, events)):
            # Else it was told already, and what did not join it is louder.
            if not pending.isdisjoint(cause.partners) and cause_among(session, told, cause, [rule.key]) is None:
                found.setdefault(cause, []).append(rule)
    return sum(_tell_common_cause(session, turn, loudest_first(of), cause, waiting) for cause, of in found.items())


def loudest_first(of: Iterable[Rule]) -> list[Rule]:
    """Return rules by severity, of equals by key."""
    order = list(Severity)
    return sorted(of, key=lambda rule: (-order.index(rule.severity), rule.key))


def shared(session: Session, turn: Round, rule: Rule, events: Sequence[AlertEvent]) -> list[common_cause.Shared]:
    """Return what watched partners have in common that may explain why they raise the same."""
    kinds = rests_on(session, rule, events)
    speaking = sharing.sources(session, kinds, turn.now - SPEAKS_LATELY) if kinds else {}
    blind = sharing.blind(session, turn.now) if _uses(rule) & COVERAGE else ()
    return [
        *common_cause.inverted(speaking, "source", blind),
        *common_cause.inverted(sharing.regions(session), "region"),
        common_cause.Shared("everybody", "", sharing.watched(session)),
    ]


def rests_on(session: Session, rule: Rule, events: Sequence[AlertEvent], *, of_all: bool = True) -> set[FactKind]:
    """Return the kinds of facts that a rule rests on.

    `of_all`: of every signal where it speaks of the placement, or of what is known, as a whole.
    """
    uses = _uses(rule)
    found = alerts.by_ids(session, [events[0].alert_id])
    said = assessments.by_ids(session, [one.assessment_id for one in found if one.assessment_id])
    whole = of_all and bool(uses & {"likelihood", "band", "band_rank", *COVERAGE})
    families = {
        signal["family"]
        for assessment in said
        for signal in assessment.signals
        if whole or uses & {*signal["measured"], f"{signal['name']}_likelihood", f"{signal['family']}_state"}
    }
    return {kind for kind, family in FAMILIES.items() if family in families and kind is not FactKind.ARTICLE}


def _uses(rule: Rule) -> set[str]:
    return set(compile_condition(rule.condition, parameters=rule.parameters).uses)


def _tell_common_cause(
    session: Session, turn: Round, of: Sequence[Rule], cause: CommonCause, waiting: Collection[uuid.UUID]
) -> int:
    """Tell of a cause once, of all rules that fire for its partners, and hold back each partner's own notice."""
    rule_ids = {rule.id for rule in of}
    heaps: dict[Place, Heap] = {}
    told: list[tuple[Case, list[AlertEvent]]] = []
    spoken: set[str] = set()
    for case, events in cases(session, turn, map(uuid.UUID, cause.partners)):
        fresh = [one for one in events if one.alert.rule_id in rule_ids and held_of(case, one) is None]
        firing = {key: one for key, one in case.alerts.items() if one.state is AlertState.FIRING}
        raised = [key for key, one in firing.items() if one.rule_id in rule_ids]
        spoken.update(raised)
        if heap(heaps, case, only=raised, fresh=raised) and fresh and case.partner.id in waiting:
            told.append((case, fresh))
    if not told:
        return 0
    notice = _tell_of_cause(session, turn, of, cause, told, heaps, spoken)
    why = held(HeldBack.COMMON_CAUSE, notice=str(notice.id))
    for case, events in told:
        keep(session, turn, case, NoticeReason.FIRST, why, events, f"common/{occasion(events)}")
        climbing.begin(session, turn, case, events)
    return 1 + len(told)


def _tell_of_cause(
    session: Session,
    turn: Round,
    of: Sequence[Rule],
    cause: CommonCause,
    told: Sequence[tuple[Case, Sequence[AlertEvent]]],
    heaps: Mapping[Place, Heap],
    spoken: Collection[str],
) -> Notice:
    title, why = in_words(session, of, cause)
    key = f"common/{of[0].key}/{_place_of(cause)}{_last(told)}"
    notice = write(session, turn, NoticeReason.COMMON_CAUSE, why, told, key)
    send_all(session, turn, notice, NotificationReason.COMMON_CAUSE, title, heaps.values(), known=True, only=spoken)
    return notice


def _place_of(cause: CommonCause | common_cause.Shared) -> str:
    """Return what names a cause, but for the rules, in the key of its notice."""
    return f"{cause.kind}/{cause.key}/"


def cause_among(
    session: Session, told: Iterable[Notice], cause: CommonCause | common_cause.Shared, rule_keys: Collection[str]
) -> Notice | None:
    """Return the first of these notices that told of this source or region, or of everybody, for one of these rules."""
    for notice in told:
        place_and_occasion = notice.key.split("/", 2)[2]  # common/RULE/…
        if place_and_occasion.startswith(_place_of(cause)) and not sharing.rules_of(session, notice).isdisjoint(
            rule_keys
        ):
            return notice
    return None


def said(message: str, **params: Any) -> dict[str, Any]:
    return {"message": message, "params": params}


def _last(told: Sequence[tuple[Case, Sequence[AlertEvent]]]) -> str:
    return occasion([event for _, events in told for event in events])


def write(
    session: Session,
    turn: Round,
    reason: NoticeReason,
    why: Fact,
    told: Sequence[tuple[Case, Sequence[AlertEvent]]],
    key: str,
) -> Notice:
    """Write the notice of what is told of many partners at once."""
    log.info("alerts_told_together", reason=reason.value, partners=len(told))
    return notices.add(
        session,
        key=key,
        partner_id=None,
        reason=reason,
        held_back=None,
        why=why,
        alerts=list(dict.fromkeys(event.alert_id for _, events in told for event in events)),
        partners=[case.partner.id for case, _ in told],
        now=turn.now,
    )


def send_all(
    session: Session,
    turn: Round,
    notice: Notice,
    kind: NotificationReason,
    title: Fact,
    heaps: Iterable[Heap],
    *,
    known: bool,
    only: Collection[str] | None = None,
    meant_for: str | None = None,
) -> None:
    """Queue one message for each recipient; `known`: they know of every partner's alerts from now on.

    `only`: of what fires, these alerts alone are listed. `meant_for`: somebody else, whom it did not reach.
    """
    for heap in heaps:
        context = ManyContext(
            kind=kind,
            reason=notice.reason,
            title={**title, "params": {**title["params"], "partners": len(heap.parts)}},
            why=_as_read(notice.why, heap),
            at=turn.now,
            url=f"{turn.settings.public_url}/alerts",
            partners=_parts(turn, heap, only),
            meant_for=meant_for,
        )
        notifications.enqueue(
            session,
            destination=heap.recipient.destination,
            key=f"notice/{notice.id}",
            reason=kind,
            message=many_partners(context, reader_of(heap.recipient.locale, heap.recipient.time_zone)),
            locale=heap.recipient.locale,
            now=turn.now,
            recipient=heap.recipient.recipient,
        )
        for case, group in heap.parts if known else ():
            telling.remember(session, case, heap.recipient, group, turn.now)


def _as_read(why: Fact, heap: Heap) -> Fact:
    """Return why people are told with the counts of what one of them is told, where it has such."""
    firing = sum(bool(group.firing) for _, group in heap.parts)
    own = {"firing": firing, "ended": len(heap.parts) - firing}
    return {**why, "params": {**why["params"], **{name: own[name] for name in own if name in why["params"]}}}


def _parts(turn: Round, heap: Heap, only: Collection[str] | None) -> list[PartnerPart]:
    """Return the partners worst first."""
    found = []
    for case, group in heap.parts:
        listed = {key: one for key, one in group.firing.items() if only is None or key in only}
        firing = worst_first(case, listed)
        ended = worst_first(case, [key for key in group.told if key in group.over])
        part = PartnerPart(
            partner=case.partner.name,
            url=f"{turn.settings.public_url}/partners/{case.partner.id}",
            severity=firing[0].severity if firing else None,
            rules=[alert.rule.names for alert in firing],
            ended=[alert.rule.names for alert in ended],
        )
        found.append((-loudness(listed.values()), case.partner.name, part))
    return [part for _, _, part in sorted(found, key=lambda one: one[:2])]
