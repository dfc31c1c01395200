"""Announces what was decided: one message per partner and recipient, or a line in the ledger that says why not.

One partner is one transaction: notices, what each recipient knows, outbox rows and the events that led to them are
stored together or not at all. The partner is held meanwhile, so two processes never tell the same thing twice.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import AlertEventKind, HeldBack, NoticeReason
from warden.i18n import N_
from warden.models import AlertEvent
from warden.pipeline import (
    causes_told,
    climbing,
    quiet,
    reminding,
    silences_over,
    standing,
    telling,
    together,
    untold,
)
from warden.pipeline import meetings as proposing
from warden.pipeline.cases import Case, Round, case_of
from warden.pipeline.fence import fence
from warden.pipeline.holding import BEGINS, held_of, keep, occasion
from warden.pipeline.quiet import Held, held
from warden.pipeline.telling import Telling
from warden.rules import grouping
from warden.settings import Settings
from warden.store import alert_events, meetings, silences, told
from warden.vault import Vault
from warden.wording import Fact

SHOWN = N_("Another message about this partner has shown it already.")


def run(db: Database, vault: Vault, settings: Settings, now: datetime, *, at_once: bool = False) -> int:
    """Announce what has waited long enough, or all of it; return how many notices were written, sent or held back.

    Besides what was decided, that is: silences that are over, what no other rule holds back any more or nobody took
    before, steps of the escalation chain and reminders that are due, of alerts and of actions. Most rounds find nothing
    of all that.
    """
    wait = timedelta(seconds=0 if at_once else settings.group_wait_seconds)
    with db.read() as session:
        waiting = alert_events.waiting(session, now, wait)
        back = alert_events.kept_back(session)
        kept = alert_events.inhibited(session) if back[HeldBack.INHIBITED] else []
        untaken = untold.waiting(session, now, back[HeldBack.NOBODY])
        due = waiting or kept or untaken or silences.untold(session, now) or standing.is_due(session, now)
        turn = Round(vault, settings, now, quiet.read(session, now)) if due else None
    written = _tell(db, turn, waiting, kept, untaken) if turn else 0
    with fence("actions_not_reminded_of"):
        written += reminding.run(db, settings, now)
    return written


def _tell(
    db: Database, turn: Round, waiting: Sequence[uuid.UUID], kept: Iterable[AlertEvent], untaken: Sequence[uuid.UUID]
) -> int:
    written = causes_told.tell(db, turn, waiting) + together.tell(db, turn, waiting) if waiting else 0
    released = [one.partner_id for one in kept if turn.quiet.hides(one.alert, one.alert.partner) is None]
    for partner_id in dict.fromkeys([*waiting, *released]):
        with fence("partner_not_announced", partner=str(partner_id)), db.write() as session:
            written += _announce(session, turn, partner_id)
    return written + silences_over.tell(db, turn) + untold.tell(db, turn, untaken) + standing.run(db, turn)


def _announce(session: Session, turn: Round, partner_id: uuid.UUID) -> int:
    partners = alert_events.hold(session, [partner_id])
    if not partners:
        return 0
    events = alert_events.pending(session, [partner_id])
    if any(event.kind is AlertEventKind.RESOLVED for event in events):
        told.forget_unshown(session, partner_id)
    kept = [*alert_events.inhibited(session, partner_id), *alert_events.silenced_of(session, partner_id)]
    case = case_of(session, turn, partners[0], [event.alert for event in events])
    released = [event for event in kept if str(event.alert_id) not in case.hidden]
    if not events and not released:
        return 0
    holds = {event.id: why for event in events if (why := held_of(case, event)) is not None}
    heard = [event for event in [*released, *events] if event.id not in holds]
    tellings = list(_tellings(case, heard))
    written = _send(session, turn, case, tellings, heard)
    return written + _hold_back(session, turn, case, [*released, *events], tellings, holds)


def _tellings(case: Case, heard: Sequence[AlertEvent]) -> Iterable[Telling]:
    """Yield whom to tell now of what they are to hear of."""

    def alerts(*kinds: AlertEventKind) -> list[str]:
        return [str(event.alert_id) for event in heard if event.kind in kinds]

    def of_rules(kind: AlertEventKind) -> list[str]:
        return [key for event in heard if event.kind is kind for key in _of_its_rule(case, event)]

    for recipient in case.recipients:
        group = case.group(
            recipient,
            fresh=alerts(*BEGINS),
            ended=alerts(AlertEventKind.RESOLVED),
            unstable=of_rules(AlertEventKind.UNSTABLE),
            steady=of_rules(AlertEventKind.STEADY),
        )
        reason = grouping.reason_of(group)
        # Whoever knows of what fires by the chain alone, or by a route of other hours, is not sent an empty message.
        if reason is not None and (group.firing or any(one in group.over for one in group.told)):
            yield Telling(recipient, reason, group, _in_words(reason, heard))


def _in_words(reason: NoticeReason, heard: Sequence[AlertEvent]) -> Fact:
    """Return a reason in words; how often something fired too often is known to whoever decided so."""
    own = {NoticeReason.UNSTABLE: AlertEventKind.UNSTABLE, NoticeReason.STEADY: AlertEventKind.STEADY}.get(reason)
    return next((event.reason for event in heard if event.kind is own), telling.in_words(reason))


def _send(session: Session, turn: Round, case: Case, tellings: Sequence[Telling], heard: Sequence[AlertEvent]) -> int:
    if not heard:
        return 0
    told_of = [event for event in heard if _told_by(case, event, tellings)]
    about = dict.fromkeys(event.alert_id for event in told_of)
    proposing.propose_late(session, told_of, turn.now)
    written = telling.send(session, turn, case, tellings, list(about), occasion(heard))
    for one in reversed(tellings):
        mine = [event for event in told_of if _told_by(case, event, [one])]
        alert_events.close(session, mine, written[one.reason].id, turn.now)
    telling.tell_of_meetings(session, turn.settings, told_of, heard, turn.now)
    climbing.begin(session, turn, case, told_of)
    return len(written)


def _told_by(case: Case, event: AlertEvent, tellings: Sequence[Telling]) -> bool:
    """Tell whether somebody hears of this event: what fires is shown to them, or they knew of what ended."""
    alert = str(event.alert_id)
    if event.kind in BEGINS:
        return any(alert in one.group.firing for one in tellings)
    if event.kind is AlertEventKind.RESOLVED:
        return any(alert in one.group.told for one in tellings)
    return any(one.group.concerns(_of_its_rule(case, event)) for one in tellings)


def _of_its_rule(case: Case, event: AlertEvent) -> list[str]:
    """Return all alerts of an event's rule: being unstable is a matter of the rule and the partner."""
    return [key for key, one in case.alerts.items() if one.rule_id == event.alert.rule_id]


def _hold_back(
    session: Session,
    turn: Round,
    case: Case,
    events: Sequence[AlertEvent],
    tellings: Sequence[Telling],
    holds: Mapping[int, Held],
) -> int:
    """Note of every event nobody hears of why that is."""
    groups: dict[tuple[NoticeReason, HeldBack], list[tuple[AlertEvent, Held]]] = {}
    for event in events:
        if event.id in holds or not _told_by(case, event, tellings):
            why = holds.get(event.id) or _why_not(case, event)
            groups.setdefault((_reason(case, event), why.held_back), []).append((event, why))
    for (reason, held_back), some in groups.items():
        mine = [event for event, _ in some]
        keep(session, turn, case, reason, some[0][1], mine, f"{held_back}/{occasion(mine)}")
        if held_back is HeldBack.PARTLY:
            _begin(session, turn, case, [one for one in mine if one.kind is AlertEventKind.FIRED])
        if held_back is HeldBack.NOBODY:  # those who are to attend may have a mailbox all the same
            telling.tell_of_meetings(session, turn.settings, mine, [], turn.now)
            meetings.withdraw_unasked(session, [event.alert_id for event in mine])
        if held_back in (HeldBack.UNSTABLE, HeldBack.OVER):  # nobody hears of such an end later on: calendars have to
            telling.tell_of_meetings(session, turn.settings, [], mine, turn.now)
    return len(groups)


def _begin(session: Session, turn: Round, case: Case, fired: Sequence[AlertEvent]) -> None:
    """Let what a message about something else has shown already climb, and ask for its meetings."""
    proposing.propose_late(session, fired, turn.now)
    telling.tell_of_meetings(session, turn.settings, fired, [], turn.now)
    climbing.begin(session, turn, case, fired)


def _reason(case: Case, event: AlertEvent) -> NoticeReason:
    """Return why people would have been told."""
    if event.kind is AlertEventKind.FIRED:
        return NoticeReason.NEW_IN_GROUP if case.told else NoticeReason.FIRST
    return NoticeReason(event.kind.value)


def _why_not(case: Case, event: AlertEvent) -> Held:
    known = case.is_known(str(event.alert_id))
    if known and event.kind in BEGINS:
        return Held(HeldBack.PARTLY, {"message": SHOWN, "params": {}})
    if event.kind is AlertEventKind.RESOLVED or known:
        return held(HeldBack.PARTLY if known else HeldBack.OVER)
    return held(HeldBack.NOBODY)
