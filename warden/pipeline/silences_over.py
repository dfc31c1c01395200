"""The end of a silence is told: what fires still, and what ended meanwhile."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import AlertEventKind, AlertState, HeldBack, NoticeReason, NotificationReason
from warden.i18n import N_
from warden.log import get_logger
from warden.models import Alert, AlertEvent, Notice, Silence
from warden.pipeline import climbing, telling
from warden.pipeline import meetings as proposing
from warden.pipeline.addressing import subject_of
from warden.pipeline.cases import Case, Place, Round, case_of, place
from warden.pipeline.fence import fence
from warden.pipeline.holding import keep
from warden.pipeline.telling import Telling
from warden.pipeline.together import Heap, said, send_all
from warden.rules.matching import matches
from warden.store import alert_events, alerts, notices, silences

log = get_logger(__name__)

MOST_SINGLE = 4
"""When a silence is over, up to so many partners are told of one by one, with their evidence."""

SILENCE_TITLE = N_("Silence over: %(partners)s partners")
SILENCE_WHY = N_("A silence by %(author)s is over (%(reason)s). This fires still.")
SILENCE_WHY_OF_MANY = N_(
    "A silence by %(author)s is over (%(reason)s). Partners of which something fires still: %(firing)s. Partners of "
    "which all of it ended meanwhile: %(ended)s."
)


def tell(db: Database, turn: Round) -> int:
    """Tell that silences are over, with what fires still and what ended meanwhile; return notices written."""
    with db.read() as session:
        over = silences.untold(session, turn.now)
    written = 0
    for silence_id in over:
        with fence("end_of_silence_not_announced", silence=str(silence_id)), db.write() as session:
            written += _tell_of_silence(session, turn, silence_id)
    return written


def _tell_of_silence(session: Session, turn: Round, silence_id: uuid.UUID) -> int:
    silence = silences.get(session, silence_id, lock=True)
    if silence.announced_at is not None:
        return 0
    silence.announced_at = turn.now
    log.info("silence_over", silence=str(silence_id), author=silence.author)
    if silence.ended_at is not None and silence.ended_at <= silence.starts_at:
        return 0  # it never began
    kept = [one for one in alert_events.silenced(session) if _is_released(turn, silence, one.alert)]
    standing_ones = [one for one in alerts.firing_everywhere(session) if _covers(silence, one)]
    partner_ids = {one.partner_id for one in kept} | {one.partner_id for one in standing_ones}
    released: list[tuple[Case, list[Telling], list[AlertEvent]]] = []
    written = 0
    for partner in alert_events.hold(session, partner_ids):
        mine = [one for one in kept if one.partner_id == partner.id]
        case = case_of(session, turn, partner, [one.alert for one in mine])
        _go_on_climbing(silence, case, turn)
        waiting = [one for one in mine if _is_inhibited(case, one)]
        if waiting:
            written += _hold_back(session, turn, silence, case, waiting)
            mine = [one for one in mine if one not in waiting]
        tellings = list(_after_silence(silence, case, mine, turn.now))
        if tellings:
            released.append((case, tellings, mine))
    single = len(released) <= MOST_SINGLE
    return written + (_tell_each if single else _tell_all)(session, turn, silence, released)


def _is_released(turn: Round, silence: Silence, alert: Alert) -> bool:
    """Tell whether an alert is this silence's, or none's any more: its partner has another owner or tier by now."""
    uncovered = alert.state is AlertState.FIRING and turn.quiet.silence(alert, alert.partner) is None
    return uncovered or _covers(silence, alert)


def _is_inhibited(case: Case, event: AlertEvent) -> bool:
    why = case.hidden.get(str(event.alert_id))
    return why is not None and why.held_back is HeldBack.INHIBITED and event.kind is not AlertEventKind.RESOLVED


def _hold_back(session: Session, turn: Round, silence: Silence, case: Case, events: Sequence[AlertEvent]) -> int:
    """Note that another rule keeps back now what the silence did: it is told when that one fires no more."""
    why = case.hidden[str(events[0].alert_id)]
    keep(session, turn, case, NoticeReason.SILENCE_ENDED, why, events, f"inhibited/{silence.id}")
    return 1


def _covers(silence: Silence, alert: Alert) -> bool:
    return matches(silence.matchers, subject_of(alert, alert.partner), silence.starts_at)


def _go_on_climbing(silence: Silence, case: Case, turn: Round) -> None:
    """Let alerts climb on that waited for the end of a silence somebody ended early."""
    for alert in case.alerts.values():
        if alert.escalate_at == silence.ends_at and alert.state is AlertState.FIRING:
            alert.escalate_at = turn.now


def _after_silence(silence: Silence, case: Case, kept: Sequence[AlertEvent], now: datetime) -> Iterable[Telling]:
    """Yield who is told now: of what fires still and was known or kept from them, or that all of it ended.

    Whoever was told of the partner in this very round was shown all that fires.
    """
    fresh = [str(one.alert_id) for one in kept if one.kind is not AlertEventKind.RESOLVED]
    ended = [str(one.alert_id) for one in kept if one.kind is AlertEventKind.RESOLVED]
    for recipient in case.recipients:
        group = case.group(recipient, fresh=fresh, ended=ended)
        released = [key for key in group.firing if key in fresh and key not in group.told]
        known = any(key in group.told and _is_covered(silence, case, key) for key in group.firing)
        if released or (known and not case.is_told_at(recipient, now)):
            why = said(SILENCE_WHY, author=silence.author, reason=silence.reason)
            yield Telling(recipient, NoticeReason.SILENCE_ENDED, group, why)
        elif any(key in group.told for key in ended) and all(key in group.over for key in group.told):
            reason = NoticeReason.RESOLVED_WHILE_SILENCED
            yield Telling(recipient, reason, group, telling.in_words(reason))


def _is_covered(silence: Silence, case: Case, key: str) -> bool:
    return matches(silence.matchers, subject_of(case.alerts[key], case.partner), silence.starts_at)


Released = Sequence[tuple[Case, Sequence[Telling], Sequence[AlertEvent]]]


def _tell_each(session: Session, turn: Round, silence: Silence, released: Released) -> int:
    """Tell of each partner by itself, with its evidence."""
    written = 0
    for case, tellings, kept in released:
        about = list(dict.fromkeys([*(one.alert_id for one in kept), *(_firing_ids(tellings))]))
        proposing.propose_late(session, kept, turn.now)
        notices_written = telling.send(session, turn, case, tellings, about, f"silence/{silence.id}")
        heard = _release(session, turn, case, tellings, kept, next(iter(notices_written.values())))
        telling.tell_of_meetings(session, turn.settings, heard, heard, turn.now)
        written += len(notices_written)
    return written


def _tell_all(session: Session, turn: Round, silence: Silence, released: Released) -> int:
    """Tell of many partners in one message."""
    heaps: dict[Place, Heap] = {}
    for case, tellings, _ in released:
        for one in tellings:
            heaps.setdefault(place(one.recipient), Heap(one.recipient)).parts.append((case, one.group))
    log.info("alerts_told_together", reason=NoticeReason.SILENCE_ENDED.value, partners=len(released))
    firing = sum(any(one.group.firing for one in tellings) for _, tellings, _ in released)
    counts = {"firing": firing, "ended": len(released) - firing}
    notice = notices.add(
        session,
        key=f"silence/{silence.id}",
        partner_id=None,
        reason=NoticeReason.SILENCE_ENDED,
        held_back=None,
        why=said(SILENCE_WHY_OF_MANY, author=silence.author, reason=silence.reason, **counts),
        alerts=list(dict.fromkeys(key for _, tellings, _ in released for key in _firing_ids(tellings))),
        partners=[case.partner.id for case, _, _ in released],
        now=turn.now,
    )
    title = said(SILENCE_TITLE, partners=len(released))
    send_all(session, turn, notice, NotificationReason.SILENCE_ENDED, title, heaps.values(), known=True)
    heard = [one for case, tellings, kept in released for one in _release(session, turn, case, tellings, kept, notice)]
    proposing.propose_late(session, heard, turn.now)
    telling.tell_of_meetings_of_many(session, turn.settings, heard, turn.now)
    return 1


def _firing_ids(tellings: Sequence[Telling]) -> list[uuid.UUID]:
    return [uuid.UUID(key) for one in tellings for key in one.group.firing]


def _release(
    session: Session,
    turn: Round,
    case: Case,
    tellings: Sequence[Telling],
    kept: Sequence[AlertEvent],
    notice: Notice,
) -> list[AlertEvent]:
    """Close what a silence kept back and people hear of now, and let it climb; return it."""
    heard = [one for one in kept if any(one_of.group.concerns([str(one.alert_id)]) for one_of in tellings)]
    alert_events.close(session, heard, notice.id, turn.now)
    climbing.begin(session, turn, case, heard)
    return heard
