"""Decides: what the latest assessments mean by the rules, which alerts open and resolve, which meetings are due.

A batch of partners is one transaction: states, decisions, alerts, meetings and outbox rows appear together or not at
all, so a process that dies leaves nothing half done, and deciding again at the same moment changes nothing.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from warden.db import Database
from warden.log import get_logger
from warden.models import Alert, Meeting, Rule, RuleStatus
from warden.pipeline import alarms, announce, notices
from warden.pipeline.fence import fence
from warden.rules import (
    CompiledRule,
    Reason,
    Status,
    Transition,
    Value,
    Verdict,
    because,
    compile_rule,
    context,
    decision_key,
    evaluate,
    named,
    over,
    retire,
    step,
)
from warden.settings import Settings
from warden.store import alerts, assessments, matrices, meetings, rules
from warden.store.batches import in_batches

log = get_logger(__name__)

BATCH = 1000
"""Partners decided on in one transaction."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One partner as the rules see it. `over`: why variables are null for good; `named`: what a figure is about."""

    partner_id: uuid.UUID
    assessment_id: uuid.UUID
    values: Mapping[str, Value]
    over: Mapping[str, Reason]
    named: Mapping[str, Reason]


@dataclass(frozen=True, slots=True)
class Move:
    """One transition to be stored. `assessment_id` is None when the partner is no longer watched."""

    key: str
    partner_id: uuid.UUID
    transition: Transition
    assessment_id: uuid.UUID | None = None
    seen: Mapping[str, Value] = field(default_factory=dict)


def run(db: Database, settings: Settings, now: datetime, *, send: bool = True) -> int:
    """Judge every watched partner by every rule, then the meetings' due dates; return how much changed.

    `send=False` decides all the same and tells nobody: for replaying the past.
    """
    with db.read() as session:
        subjects = _subjects(session, now)
        rule_ids = [rule.id for rule in rules.listing(session)]
    changed = 0
    for rule_id in rule_ids:
        with fence("rule_not_decided", rule_id=str(rule_id)):
            changed += _decide_rule(db, settings, rule_id, subjects, now, send)
    with fence("meetings_not_checked"):
        changed += _miss_meetings(db, settings, now, send)
    if send:
        with fence("operations_not_told"), db.write() as session:
            notices.tell(session, settings, now)
    return changed


def _subjects(session: Session, now: datetime) -> list[Subject]:
    ranks = matrices.band_ranks(session)
    return [_subject(row, ranks) for row in assessments.figures(session, now)]


def _subject(row: Row[Any], ranks: Mapping[tuple[int, str], int]) -> Subject:
    values = context(
        likelihood=row.likelihood,
        impact=row.impact,
        band=row.band,
        band_rank=ranks.get((row.matrix_version, row.band)),
        coverage=row.coverage,
        tier=row.tier,
        stage=row.stage.value,
        signals=row.signals,
    )
    return Subject(row.partner_id, row.assessment_id, values, over(values, row.signals), named(row.signals))


def _decide_rule(
    db: Database, settings: Settings, rule_id: uuid.UUID, subjects: Sequence[Subject], now: datetime, send: bool
) -> int:
    with db.write() as session:
        changed = _retire(session, settings, rule_id, now, send)
    for batch in in_batches(subjects, BATCH):
        with db.write() as session:
            changed += _decide_batch(session, settings, rule_id, batch, now, send)
    return changed


def _retire(session: Session, settings: Settings, rule_id: uuid.UUID, now: datetime, send: bool) -> int:
    """End what is open for partners no longer watched, or for everybody once the rule is switched off."""
    rule = rules.locked(session, rule_id)
    if rule is None:
        return 0
    moves = []
    for row in rules.retired(session, rule_id, rule.enabled):
        previous = _status(row)
        transition = retire(previous, now)
        if transition is not None:
            moves.append(Move(decision_key(rule.key, row.partner_id, transition, previous), row.partner_id, transition))
    return _carry_out(session, settings, rule, moves, (), now, send)


def _decide_batch(
    session: Session, settings: Settings, rule_id: uuid.UUID, batch: Sequence[Subject], now: datetime, send: bool
) -> int:
    rule = rules.locked(session, rule_id)
    if rule is None or not rule.enabled:
        return 0
    compiled = _compiled(rule.key, rule.condition, rule.inhibit_when, rule.for_seconds, rule.keep_firing_for_seconds)
    states = rules.statuses(session, rule.id, [subject.partner_id for subject in batch])
    moves = list(_moves(compiled, states, batch, now))
    return _carry_out(session, settings, rule, moves, compiled.condition.uses, now, send)


@lru_cache(maxsize=256)
def _compiled(
    key: str, condition: str, inhibit_when: str, for_seconds: int, keep_firing_for_seconds: int
) -> CompiledRule:
    return compile_rule(
        key=key,
        condition=condition,
        inhibit_when=inhibit_when,
        for_seconds=for_seconds,
        keep_firing_for_seconds=keep_firing_for_seconds,
    )


def _moves(
    rule: CompiledRule, states: Mapping[uuid.UUID, RuleStatus], batch: Sequence[Subject], now: datetime
) -> Iterable[Move]:
    uses = rule.uses
    verdicts: dict[tuple[Value, ...], Verdict] = {}  # many partners look the same to a rule
    for subject in batch:
        seen = tuple(subject.values[name] for name in uses)
        verdict = verdicts.get(seen) if not subject.over else evaluate(rule, subject.values, subject.over)
        if verdict is None:
            verdict = verdicts[seen] = evaluate(rule, subject.values)
        row = states.get(subject.partner_id)
        previous = _status(row) if row else None
        transition = step(previous, verdict, now, rule)
        if transition is not None:
            transition = because(transition, (subject.named[name] for name in uses if name in subject.named))
            key = decision_key(rule.key, subject.partner_id, transition, previous)
            values = dict(zip(uses, seen, strict=True))
            yield Move(key, subject.partner_id, transition, subject.assessment_id, values)


def _status(row: RuleStatus) -> Status:
    return Status(row.state, row.since, row.before_unknown, row.episode_at, row.recovering_at)


def _carry_out(
    session: Session,
    settings: Settings,
    rule: Rule,
    moves: Sequence[Move],
    uses: Sequence[str],
    now: datetime,
    send: bool,
) -> int:
    """Store the moves and what follows from them; return how many were new."""
    taken = rules.add_decisions(session, [_decision_row(rule, move) for move in moves])
    moves = [move for move in moves if move.key in taken]
    rules.put_statuses(session, [_status_row(rule, move) for move in moves])
    opening = [move for move in moves if move.transition.opens]
    resolving = [move for move in moves if move.transition.resolves]
    if resolving:
        _resolve(session, settings, rule, resolving, now, send)
    if opening:
        _open(session, settings, rule, opening, uses, now, send)
    return len(moves)


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
    }


def _status_row(rule: Rule, move: Move) -> dict[str, Any]:
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
    }


def _open(
    session: Session,
    settings: Settings,
    rule: Rule,
    moves: Sequence[Move],
    uses: Sequence[str],
    now: datetime,
    send: bool,
) -> None:
    partner_ids = [move.partner_id for move in moves]
    partners = alarms.partners(session, partner_ids)
    said = {
        row.partner_id: row
        for row in assessments.by_ids(session, [move.assessment_id for move in moves if move.assessment_id])
    }
    before = assessments.in_other_bands(session, list(said.values()))
    unmet = alarms.without_meeting(session, partner_ids) if rule.meeting_within_days else set()
    opened = []
    for move in moves:
        assessment = said[move.partner_id]
        earlier = before.get(assessment.id)
        alert = alarms.new_alert(rule, partners[move.partner_id], assessment, earlier, uses, move.key, now)
        meeting = None
        if rule.meeting_within_days and move.partner_id in unmet:
            meeting = alarms.new_meeting(alert, assessment, rule.meeting_within_days, move.key, now)
        session.add_all([alert, meeting] if meeting else [alert])
        opened.append((alert, meeting, move))
    session.flush()
    for alert, meeting, move in opened:
        log.info("alert_fired", rule_key=rule.key, partner=str(move.partner_id), decision_key=move.key)
        if send:
            _announce_opened(session, settings, alert, meeting, move, now)


def _announce_opened(
    session: Session, settings: Settings, alert: Alert, meeting: Meeting | None, move: Move, now: datetime
) -> None:
    due_on = meeting.due_on if meeting else None
    announce.fired(session, settings, alert, move.transition.reason, due_on, now)
    if meeting is not None:
        announce.proposed(session, settings, meeting, now)


def _resolve(
    session: Session, settings: Settings, rule: Rule, moves: Sequence[Move], now: datetime, send: bool
) -> None:
    found = alerts.firing(session, rule.id, [move.partner_id for move in moves])
    alerts.resolve(session, list(found.values()), now)
    waived = meetings.waive_unarranged(session, [alert.id for alert in found.values()])
    for move in moves:
        alert = found.get(move.partner_id)
        if alert is not None:
            log.info("alert_resolved", rule_key=rule.key, partner=str(move.partner_id), decision_key=move.key)
            if send:
                announce.resolved(session, settings, alert, move.transition.reason, now)
    for meeting in waived if send else ():
        announce.cancelled(session, settings, meeting, now)


def _miss_meetings(db: Database, settings: Settings, now: datetime, send: bool) -> int:
    """Mark meetings not held by their date, and escalate each once."""
    with db.write() as session:
        overdue = meetings.overdue(session, now)
        for meeting in overdue:
            meetings.miss(session, meeting, now)
            log.info("meeting_missed", meeting=str(meeting.id), partner=str(meeting.partner_id))
            if send:
                announce.escalated(session, settings, meeting, now)
        return len(overdue)
