"""What one rule makes of partners as they are seen now: who moves, who stands as before, how severe it is for each."""

import uuid
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from warden.domain import Cause, RuleState, Severity
from warden.models import Rule
from warden.pipeline.consequences import CONFIRMED_MESSAGE, STOOD_MESSAGE, Move
from warden.pipeline.subjects import Subject
from warden.pipeline.terms import RuleTerms, Terms
from warden.rules import OPEN, Status, Transition, because, decision_key, retire, step
from warden.rules.causes import LATE_AFTER
from warden.rules.context import ABSENCES
from warden.rules.sentences import sentences
from warden.store.rules import Standing


def moves(
    rule: Rule, terms: RuleTerms, states: Mapping[uuid.UUID, Standing], batch: Sequence[Subject], now: datetime
) -> Iterator[Move]:
    """Yield who of some partners moves, without the cause. `states`: those that have one."""
    for subject in batch:
        own = terms.of(subject.tier, subject.partner_id)
        row = states.get(subject.partner_id)
        if own.enabled:
            move = _move(rule, own, _status(row) if row else None, subject, now)
        else:
            move = retired(rule, row, now) if row else None
        if move is not None:
            yield move


def _move(rule: Rule, own: Terms, previous: Status | None, subject: Subject, now: datetime) -> Move | None:
    seen = own.seen(subject.values)
    transition = step(previous, own.verdict(seen, subject.values, subject.over), now, own.rule)
    if transition is None:
        return None
    if transition.opens:
        whys = {**subject.named, **sentences(own.uses, subject.values)}
        transition = because(transition, (whys[name] for name in own.uses if name in whys))
    return Move(
        key=decision_key(rule.key, subject.partner_id, transition, previous),
        partner_id=subject.partner_id,
        transition=transition,
        subject=subject,
        seen=own.rule.seen(seen),
        uses=own.rule.condition.uses,
        severity=own.severity,
        meeting_within_days=own.meeting_within_days,
    )


def retired(rule: Rule, row: Standing, now: datetime) -> Move | None:
    """Return the move of a partner that the rule looks at no more; None where nothing is open."""
    previous = _status(row)
    transition = retire(previous, now)
    if transition is None:
        return None
    return Move(decision_key(rule.key, row.partner_id, transition, previous), row.partner_id, transition)


def confirmed(
    terms: RuleTerms,
    states: Mapping[uuid.UUID, Standing],
    unmoved: Iterable[Subject],
    fresh: Container[uuid.UUID],
    unsaid: Mapping[uuid.UUID, datetime],
    now: datetime,
) -> Iterator[Move]:
    """Yield those of whom the rule fires still, as what came now shows, or what did not come; no state changes.

    `fresh`: of whom facts came. `unsaid`: of whom late facts raised an alert, and when it fired.
    """
    for subject in unmoved:
        partner_id = subject.partner_id
        row = states.get(partner_id)
        if partner_id not in unsaid or row is None or row.state is not RuleState.FIRING:
            continue
        own = terms.of(subject.tier, partner_id)
        if partner_id in fresh:
            cause, reason = Cause.NEW_FACTS, {"message": CONFIRMED_MESSAGE, "params": {}}
        elif now - unsaid[partner_id] >= LATE_AFTER and not ABSENCES.isdisjoint(own.rule.condition.uses):
            cause, reason = Cause.TIME, {"message": STOOD_MESSAGE, "params": {"days": LATE_AFTER.days}}
        else:
            continue
        seen = own.rule.seen(own.seen(subject.values))
        same = Transition(row.state, _status(row), reason)
        yield Move("", partner_id, same, cause, subject, seen, own.rule.condition.uses)


def severities(
    terms: RuleTerms, states: Mapping[uuid.UUID, Standing], batch: Sequence[Subject]
) -> dict[uuid.UUID, Severity]:
    """Return what the rule is for every partner that had an open alert."""
    return {
        subject.partner_id: terms.of(subject.tier, subject.partner_id).severity
        for subject in batch
        if (row := states.get(subject.partner_id)) is not None and _status(row).known in OPEN
    }


def _status(row: Standing) -> Status:
    return Status(row.state, row.since, row.before_unknown, row.episode_at, row.recovering_at)
