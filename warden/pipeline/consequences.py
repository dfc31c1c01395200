"""What follows from the moves of one rule: decisions and states, alerts that open, resolve or change, and their events.

All of it is written in the transaction that holds the rule; nothing is sent.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import AlertEventKind, Cause, FactKind, Severity
from warden.i18n import N_
from warden.log import get_logger
from warden.models import Alert, Assessment, Rule
from warden.pipeline import alarms, diagnose, handing_over
from warden.pipeline import meetings as proposing
from warden.pipeline.subjects import Subject
from warden.rules import Reason, Transition, Value, becomes_unstable, is_steady
from warden.rules.sentences import SENTENCES, sentences
from warden.rules.states import INTERRUPTIONS, STEADY_AFTER, UNSTABLE_WITHIN
from warden.store import alert_events, alerts, assessments, evidence, flapping, quarters, rules
from warden.store.evidence import Evidence
from warden.store.rules import Standing

log = get_logger(__name__)

WORSE_MESSAGES = {
    Severity.INFO: N_("What this rule says of this partner now counts as information."),
    Severity.WARNING: N_("What this rule says of this partner now counts as a warning."),
    Severity.CRITICAL: N_("What this rule says of this partner now counts as critical."),
}
UNSTABLE_MESSAGE = N_(
    "This alert has opened %(times)s times within %(days)s days: from now on only the digest tells of it, until it has"
    " not changed for %(rest)s days."
)
STEADY_MESSAGE = N_("This alert has not changed for %(rest)s days; openings while it was unstable: %(times)s.")


CONFIRMED_MESSAGE = N_("Facts of long ago had raised this, and nobody was told; facts of these days confirm it.")
STOOD_MESSAGE = N_("Facts of long ago had raised this, and nobody was told; %(days)s days later it holds still.")
PAST_MESSAGE = N_("This was decided for the past, and nobody was told; it fires still.")


@dataclass(frozen=True, slots=True)
class Move:
    """One transition to be stored. `subject` is None for what ends because nobody looks at it any more.

    `uses`: the variables of the condition. `severity` and `meeting_within_days`: what the rule is for this partner.
    """

    key: str
    partner_id: uuid.UUID
    transition: Transition
    cause: Cause = Cause.CONFIGURATION
    subject: Subject | None = None
    seen: Mapping[str, Value] = field(default_factory=dict)
    uses: Sequence[str] = ()
    severity: Severity = Severity.WARNING
    meeting_within_days: int | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that befell an alert."""

    kind: AlertEventKind
    alert: Alert
    cause: Cause
    reason: Reason


def carry_out(
    session: Session,
    rule: Rule,
    moves: Sequence[Move],
    states: Mapping[uuid.UUID, Standing],
    now: datetime,
    send: bool,
) -> int:
    """Store the moves and what follows from them; return how many were new. `states`: as they were before.

    That a rule knows nothing at its first look is a state, not a change of it: no decision is stored, for there would
    be one for every rule and partner that nobody has facts for.
    """
    begins = {move.key for move in moves if move.partner_id not in states and _is_interruption(move)}
    rules.put_statuses(session, [_status_row(rule, move, None) for move in moves if move.key in begins])
    taken = rules.add_decisions(session, [_decision_row(rule, move) for move in moves if move.key not in begins])
    moves = [move for move in moves if move.key in taken]
    rules.put_statuses(session, [_status_row(rule, move, states.get(move.partner_id)) for move in moves])
    resolving = [move for move in moves if move.transition.resolves]
    opening = [move for move in moves if move.transition.opens]
    happened = [*_resolve(session, rule, resolving, now), *_open(session, rule, opening, states, now)]
    _note(session, happened, now, send)
    return len(moves)


def _is_interruption(move: Move) -> bool:
    return move.transition.status.state in INTERRUPTIONS


def _decision_row(rule: Rule, move: Move) -> dict[str, Any]:
    transition = move.transition
    return {
        "id": alarms.made_id("decision", move.key),
        "key": move.key,
        "rule_id": rule.id,
        "partner_id": move.partner_id,
        "at": transition.status.since,
        "before": transition.before,
        "after": transition.status.state,
        "reason": transition.reason,
        "context": dict(move.seen),
        "cause": move.cause,
        "rule_version": rule.version,
    }


def _status_row(rule: Rule, move: Move, before: Standing | None) -> dict[str, Any]:
    status = move.transition.status
    return {
        "rule_id": rule.id,
        "partner_id": move.partner_id,
        "state": status.state,
        "before_unknown": status.before_unknown,
        "since": status.since,
        "episode_at": status.episode_at,
        "recovering_at": status.recovering_at,
        "reason": move.transition.reason,
        "unstable_since": before.unstable_since if before else None,
    }


def _resolve(session: Session, rule: Rule, moves: Sequence[Move], now: datetime) -> list[Happened]:
    if not moves:
        return []
    found = alerts.firing(session, rule.id, [move.partner_id for move in moves])
    alerts.resolve(session, list(found.values()), now)
    handing_over.release(session, [alert.id for alert in found.values()], now)
    happened = []
    for move in moves:
        if move.partner_id in found:
            log.info("alert_resolved", rule_key=rule.key, partner=str(move.partner_id), decision_key=move.key)
            alert = found[move.partner_id]
            happened.append(Happened(AlertEventKind.RESOLVED, alert, move.cause, move.transition.reason))
    return happened


def _open(
    session: Session, rule: Rule, moves: Sequence[Move], states: Mapping[uuid.UUID, Standing], now: datetime
) -> list[Happened]:
    subjects = {move.partner_id: move.subject for move in moves if move.subject is not None}
    if not subjects:
        return []
    partners = alarms.partners(session, list(subjects))
    said = {
        row.partner_id: row for row in assessments.by_ids(session, [one.assessment_id for one in subjects.values()])
    }
    diagnoses = diagnose.of(session, {one: subject.values for one, subject in subjects.items()}, now)
    lines = _evidence(session, moves, said, now)
    opened = []
    for move in moves:
        assessment = said[move.partner_id]
        alert = alarms.new_alert(rule, move.severity, partners[move.partner_id], assessment, move.key, now)
        alert.evidence = lines[move.partner_id]
        alert.diagnosis = diagnoses.get(move.partner_id, {})
        session.add(alert)
        opened.append(Happened(AlertEventKind.FIRED, alert, move.cause, move.transition.reason))
        log.info("alert_fired", rule_key=rule.key, partner=str(move.partner_id), decision_key=move.key)
    session.flush()
    unstable = _unstable(session, rule, opened, states, now)
    too_often = {one.alert.partner_id for one in unstable}  # such an alert asks for none until it has come to rest
    calm = [move for move in moves if move.meeting_within_days and move.partner_id not in too_often]
    _propose(session, calm, {one.alert.partner_id: one.alert for one in opened}, said, now)
    return [*opened, *unstable]


def _propose(
    session: Session,
    moves: Sequence[Move],
    opened: Mapping[uuid.UUID, Alert],
    said: Mapping[uuid.UUID, Assessment],
    now: datetime,
) -> None:
    """Propose the meetings that what opened asks for; `opened` and `said` by partner."""
    if not moves:
        return
    proposals = proposing.Proposals(session, {one.partner_id: opened[one.partner_id].partner for one in moves}, now)
    for move in moves:
        if move.meeting_within_days:
            proposals.propose(opened[move.partner_id], said[move.partner_id], move.meeting_within_days, move.key)
    session.flush()


def _evidence(
    session: Session, moves: Sequence[Move], said: Mapping[uuid.UUID, Assessment], now: datetime
) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """Return what speaks for the alerts of some moves, by partner. `said`: their last assessments."""
    before = assessments.in_other_bands(session, list(said.values()))
    facts = _facts(session, moves, now)
    found = {}
    for move in moves:
        assessment = said[move.partner_id]
        earlier = before.get(assessment.id)
        lines = alarms.evidence(assessment.signals, earlier.signals if earlier else (), move.uses, move.seen)
        found[move.partner_id] = [*facts.get(move.partner_id, ()), *lines][: alarms.MAX_EVIDENCE]
    return found


def _facts(session: Session, moves: Sequence[Move], now: datetime) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """Return the sentences about what no assessment holds, each with the facts it rests on, by partner."""
    told = {move.partner_id: sentences(move.uses, move.subject.values) for move in moves if move.subject is not None}
    told = {partner_id: lines for partner_id, lines in told.items() if lines}
    measures = {name: Evidence(FactKind.MEASURE, name) for one in SENTENCES.values() for name in one.measures}
    wanted = {measures[name] for lines in told.values() for variable in lines for name in SENTENCES[variable].measures}
    newest = evidence.newest(session, list(told), wanted, now - timedelta(days=quarters.WINDOW_DAYS), now, now)

    def facts(partner_id: uuid.UUID, variable: str) -> list[int]:
        found = [newest.get((partner_id, measures[name]), []) for name in SENTENCES[variable].measures]
        return sorted(chain.from_iterable(found), reverse=True)[: evidence.KEPT]

    return {
        partner_id: [{**line, "facts": facts(partner_id, variable)} for variable, line in lines.items()]
        for partner_id, lines in told.items()
    }


def _unstable(
    session: Session, rule: Rule, opened: Sequence[Happened], states: Mapping[uuid.UUID, Standing], now: datetime
) -> list[Happened]:
    """Note which of the alerts that opened have opened too often."""
    calm = [
        one for one in opened
        if (state := states.get(one.alert.partner_id)) is not None and state.unstable_since is None
    ]  # fmt: skip
    if not calm:
        return []
    lately = flapping.alerts_since(session, rule.id, [one.alert.partner_id for one in calm], now - UNSTABLE_WITHIN)
    happened = []
    for one in calm:
        openings = [alert.fired_at for alert in lately[one.alert.partner_id] if alert.fired_at > now - UNSTABLE_WITHIN]
        if becomes_unstable(openings, now):
            params = {"times": len(openings), "days": UNSTABLE_WITHIN.days, "rest": STEADY_AFTER.days}
            reason = {"message": UNSTABLE_MESSAGE, "params": params}
            happened.append(Happened(AlertEventKind.UNSTABLE, one.alert, one.cause, reason))
    flapping.mark(session, rule.id, {one.alert.partner_id: now for one in happened})
    return happened


def confirm(session: Session, rule: Rule, standing: Sequence[Move], now: datetime, send: bool) -> None:
    """Let people be told of alerts that late facts raised, unsaid, and that fresh facts or time confirm.

    `standing`: of these partners, what the rule sees now, and no change of state.
    """
    unsaid = alerts.of_late_facts(session, [move.partner_id for move in standing]).get(rule.id, {})
    moves = [move for move in standing if move.partner_id in unsaid and move.subject is not None]
    if not moves:
        return
    found = alerts.firing(session, rule.id, [move.partner_id for move in moves])
    ids = [move.subject.assessment_id for move in moves if move.subject is not None]
    said = {row.partner_id: row for row in assessments.by_ids(session, ids)}
    lines = _evidence(session, moves, said, now)
    happened = []
    for move in moves:
        alert = found[move.partner_id]
        alert.evidence = lines[move.partner_id]
        alert.version += 1
        happened.append(Happened(AlertEventKind.FIRED, alert, move.cause, move.transition.reason))
        log.info("alert_confirmed", rule_key=rule.key, partner=str(move.partner_id))
    _note(session, happened, now, send)


def tell_of_the_past(session: Session, now: datetime) -> None:
    """Let people be told of what was decided for the past and fires still, as of what is found at a first look."""
    reason = {"message": PAST_MESSAGE, "params": {}}
    found = alerts.decided_for_the_past(session)
    _note(session, [Happened(AlertEventKind.FIRED, one, Cause.FIRST_LOOK, reason) for one in found], now, send=True)


def reconsider(
    session: Session,
    rule: Rule,
    states: Mapping[uuid.UUID, Standing],
    severities: Mapping[uuid.UUID, Severity],
    now: datetime,
    send: bool,
) -> None:
    """See to alerts that stand: their severity is what it is now, and those at rest are unstable no longer.

    `severities`: of every partner with an open alert, what the rule is for it.
    """
    happened = [*_rank(session, rule, severities), *_steady(session, rule, states, now)]
    _note(session, happened, now, send)


def _rank(session: Session, rule: Rule, severities: Mapping[uuid.UUID, Severity]) -> list[Happened]:
    if not severities:
        return []
    order = list(Severity)
    happened = []
    for partner_id, alert in sorted(alerts.firing(session, rule.id, list(severities)).items()):
        before, after = alert.severity, severities[partner_id]
        if before is after:
            continue
        alert.severity = after
        alert.version += 1
        if order.index(after) > order.index(before):
            reason = {"message": WORSE_MESSAGES[after], "params": {}}
            happened.append(Happened(AlertEventKind.WORSE, alert, Cause.CONFIGURATION, reason))
    session.flush()
    return happened


def _steady(session: Session, rule: Rule, states: Mapping[uuid.UUID, Standing], now: datetime) -> list[Happened]:
    unstable = {one: row.unstable_since for one, row in states.items() if row.unstable_since is not None}
    if not unstable:
        return []
    since = min(unstable.values()) - timedelta(microseconds=1)
    lately = flapping.alerts_since(session, rule.id, list(unstable), since)
    happened = []
    for partner_id, begun in sorted(unstable.items()):
        own = lately.get(partner_id, [])
        changes = [moment for alert in own for moment in (alert.fired_at, alert.resolved_at) if moment is not None]
        if not own or not is_steady(changes, now):
            continue
        params = {"rest": STEADY_AFTER.days, "times": sum(alert.fired_at > begun for alert in own)}
        happened.append(
            Happened(AlertEventKind.STEADY, own[-1], Cause.TIME, {"message": STEADY_MESSAGE, "params": params})
        )
    flapping.mark(session, rule.id, dict.fromkeys((one.alert.partner_id for one in happened), None))
    return happened


def _note(session: Session, happened: Sequence[Happened], now: datetime, send: bool) -> None:
    """Leave word of what happened for announcing; of the past nobody is told (`send` is false)."""
    rows = [
        {
            "alert_id": one.alert.id,
            "partner_id": one.alert.partner_id,
            "kind": one.kind,
            "cause": one.cause,
            "at": now,
            "reason": one.reason,
            "announced_at": None if send else now,
        }
        for one in happened
    ]
    alert_events.add(session, rows)
