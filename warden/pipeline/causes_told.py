"""What belongs to a common cause that was told: partners that join it later, and its end, which is told once."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import AlertEventKind, AlertState, Cause, HeldBack, NoticeReason, NotificationReason, Severity
from warden.i18n import N_
from warden.models import Alert, AlertEvent, Notice, Rule
from warden.pipeline import telling
from warden.pipeline.cases import Case, Place, Round, case_of, place
from warden.pipeline.fence import fence
from warden.pipeline.holding import held_of, keep, occasion
from warden.pipeline.quiet import Held, held
from warden.pipeline.together import Heap, cases, cause_among, fired, heap, rests_on, said, send_all, shared
from warden.store import alert_events, notices, rules, sharing

JOINS_WITHIN = timedelta(days=28)
"""Partners that share a cause and raise the same, or what rests on the same facts, join it for so long."""

JOINED = N_("It joins what was told at %(at)s in one message. %(was)s")
WAITS = N_("It is told once the last alert of the common cause has ended.")
OVER_TITLE = N_("Over: the common cause of alerts of %(partners)s partners")
OVER_WHY = N_(
    "All alerts of this common cause have ended. Partners that joined it after it was told: %(joined)s. %(was)s"
)
TOLD_ELSEWHERE = N_("Whoever was told of this common cause was told of its end with another message.")


def tell(db: Database, turn: Round, waiting: Sequence[uuid.UUID]) -> int:
    """Let partners join the causes told lately, and tell of those that are over; return notices written."""
    written = 0
    with fence("common_causes_not_joined"), db.write() as session:
        written += _join(session, turn, waiting)
    with db.read() as session:
        going_on = sharing.causes_not_over(session)
    for notice_id in going_on:
        with fence("end_of_common_cause_not_announced", notice=str(notice_id)), db.write() as session:
            written += _end(session, turn, session.get_one(Notice, notice_id), waiting)
    return written


# --- joining ----------------------------------------------------------------------------------------------------------


def _join(session: Session, turn: Round, waiting: Sequence[uuid.UUID]) -> int:
    told = sharing.causes_told(session, turn.now - JOINS_WITHIN)
    if not told:
        return 0
    raised: dict[uuid.UUID, list[AlertEvent]] = {}
    for event in fired(session, waiting):
        if event.cause not in (Cause.LATE_FACTS, Cause.FIRST_LOOK):
            raised.setdefault(event.alert.rule_id, []).append(event)
    every = rules.listing(session)
    return sum(_join_by_rule(session, turn, told, every, events) for events in raised.values())


def _join_by_rule(
    session: Session, turn: Round, told: Sequence[Notice], every: Sequence[Rule], events: Sequence[AlertEvent]
) -> int:
    rule = events[0].alert.rule
    joined = _causes(session, turn, told, _alike(session, every, rule, events), events)
    written = 0
    for case, mine in cases(session, turn, joined):
        notice, why = joined[case.partner.id]
        loudest = sharing.loudest(session, notice)
        fresh = [one for one in mine if one.alert.rule_id == rule.id and held_of(case, one) is None]
        quiet = [one for one in fresh if not _is_louder(one.alert, loudest)]
        if quiet and heap({}, case, fresh=[str(one.alert_id) for one in quiet]):
            keep(session, turn, case, NoticeReason.FIRST, why, quiet, f"common/{notice.id}/{occasion(quiet)}")
            written += 1
    return written


def _alike(session: Session, every: Sequence[Rule], rule: Rule, events: Sequence[AlertEvent]) -> list[str]:
    """Return the keys of the rules whose causes this one joins: its own first, then those that rest on the same."""
    mine = rests_on(session, rule, events, of_all=False)
    others = [one for one in every if one.id != rule.id and mine & rests_on(session, one, events, of_all=False)]
    return [rule.key, *(one.key for one in others)]


def _causes(
    session: Session, turn: Round, told: Sequence[Notice], keys: Sequence[str], events: Sequence[AlertEvent]
) -> Mapping[uuid.UUID, tuple[Notice, Held]]:
    """Return which cause each partner joins, of several the one told last, with the line for the ledger."""
    found: dict[uuid.UUID, tuple[Notice, Held]] = {}
    raised = {event.partner_id for event in events}
    for one in shared(session, turn, events[0].alert.rule, events):
        notice = cause_among(session, told, one, keys)
        if notice is None:
            continue
        why = said(JOINED, at=notice.at.isoformat(), was=notice.why, notice=str(notice.id))
        for partner_id in raised & {uuid.UUID(partner) for partner in one.partners}:
            found.setdefault(partner_id, (notice, Held(HeldBack.COMMON_CAUSE, why)))
    return found


def _is_louder(alert: Alert, loudest: Severity | None) -> bool:
    order = list(Severity)
    return loudest is None or order.index(alert.severity) > order.index(loudest)


# --- the end ----------------------------------------------------------------------------------------------------------


def _end(session: Session, turn: Round, notice: Notice, waiting: Collection[uuid.UUID]) -> int:
    members = sharing.members(session, notice, JOINS_WITHIN)
    if not members:
        return 0
    if any(alert.state is AlertState.FIRING for alert in members):
        return _wait(session, turn, notice, members, waiting)
    return _tell_end(session, turn, notice, members)


def _ended(
    session: Session, turn: Round, members: Sequence[Alert], partner_ids: Collection[uuid.UUID]
) -> Iterable[tuple[Case, list[AlertEvent]]]:
    """Yield partners, held, with the ends of alerts of a cause that were not announced yet and that nothing hides."""
    ids = {alert.id for alert in members}
    held_ones = alert_events.hold(session, partner_ids)
    events = alert_events.pending(session, partner_ids)
    for partner in held_ones:
        mine = [one for one in events if one.partner_id == partner.id and one.alert_id in ids]
        of_it = [alert for alert in members if alert.partner_id == partner.id]
        case = case_of(session, turn, partner, of_it)
        yield (
            case,
            [one for one in mine if one.kind is AlertEventKind.RESOLVED and str(one.alert_id) not in case.hidden],
        )


def _wait(
    session: Session, turn: Round, notice: Notice, members: Sequence[Alert], waiting: Collection[uuid.UUID]
) -> int:
    """Hold back what ended of a cause that goes on."""
    concerned = {alert.partner_id for alert in members if alert.state is AlertState.RESOLVED} & set(waiting)
    why = Held(HeldBack.COMMON_CAUSE, said(WAITS, notice=str(notice.id)))
    written = 0
    for case, ended in _ended(session, turn, members, concerned) if concerned else ():
        if ended:
            name = f"common/{notice.id}/{occasion(ended)}"
            keep(session, turn, case, NoticeReason.RESOLVED, why, ended, name)
            telling.tell_of_meetings(session, turn.settings, [], ended, turn.now)
            written += 1
    return written


def _tell_end(session: Session, turn: Round, notice: Notice, members: Sequence[Alert]) -> int:
    """Tell everybody who was told of a cause that its last alert has ended."""
    heaps: dict[Place, Heap] = {}
    ended: list[AlertEvent] = []
    unreached: list[Held] = []
    partner_ids = list(dict.fromkeys(alert.partner_id for alert in members))
    for case, mine in _ended(session, turn, members, partner_ids):
        ended += mine
        of_it = [str(one.id) for one in members]
        unreached += [case.hidden.get(key) or held(HeldBack.NOBODY) for key in of_it if case.is_known(key)]
        keys = set(of_it) - set(case.hidden)
        for recipient in case.recipients:
            group = case.group(recipient)
            if keys & set(group.told):
                known = {key: one for key, one in group.firing.items() if key in group.told}
                part = (case, replace(group, firing=known))
                heaps.setdefault(place(recipient), Heap(recipient)).parts.append(part)
    elsewhere = Held(HeldBack.COMMON_CAUSE, said(TOLD_ELSEWHERE))
    why_not = None if heaps else next(iter(unreached), elsewhere)
    written = notices.add(
        session,
        key=sharing.end_of(notice.id),
        partner_id=None,
        reason=NoticeReason.RESOLVED,
        held_back=why_not.held_back if why_not else None,
        why=why_not.why if why_not else _over(notice, partner_ids),
        alerts=[alert.id for alert in members],
        partners=partner_ids,
        now=turn.now,
    )
    title = said(OVER_TITLE, partners=len(partner_ids))
    send_all(session, turn, written, NotificationReason.ALERT_RESOLVED, title, heaps.values(), known=True)
    alert_events.close(session, ended, written.id, turn.now)
    telling.tell_of_meetings(session, turn.settings, [], ended, turn.now)
    return 1


def _over(notice: Notice, partner_ids: Collection[uuid.UUID]) -> dict[str, object]:
    joined = len({str(one) for one in partner_ids} - set(notice.partners))
    return said(OVER_WHY, joined=joined, was=notice.why)
