"""Decides: what the latest assessments mean by the rules, which alerts open and resolve, which meetings are due.

A batch of partners is one transaction for each rule: states, decisions, alerts, meetings and what is to be announced
appear together or not at all, so a process that dies leaves nothing half done, and deciding again at the same moment
changes nothing.

Only partners are looked at whom something changed about since the last look that came to its end. A verdict depends on
the rule and its settings, on the partner's last assessment, and on figures that follow from measures, meetings, the
partner's attributes and the date; a state on verdicts and the clocks of that state. While none of these changed, the
same verdict would meet the same state, and `warden.rules.step` answers nothing to that, whatever the hour. So left out
are exactly those whose step is known to be none: everybody is looked at on a new day (UTC), after any change to a rule
(by that rule), to criteria or cadences; and always those whom something was assessed, measured, mapped, edited or met
of, and those whose state waits for the clock. What was noted up to a quarter of an hour before the last look is looked
at again, for it may have been committed after it; and whatever slipped through all the same is found within a day.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import Cause, FactKind, RuleState, Severity
from warden.log import get_logger
from warden.models import Rule
from warden.pipeline import consequences, meetings, notices, subjects
from warden.pipeline.consequences import Move
from warden.pipeline.fence import fence
from warden.pipeline.subjects import Subject
from warden.pipeline.terms import RuleTerms, Terms
from warden.rules import OPEN, Status, because, decision_key, kinds_of, retire, step
from warden.rules.causes import cause
from warden.rules.sentences import sentences
from warden.settings import Settings
from warden.store import alerts, assessments, looks, matrices, occasions, rule_settings, rules
from warden.store.batches import in_batches
from warden.store.looks import Look
from warden.store.rule_settings import NO_SETTINGS, InForce
from warden.store.rules import Standing

log = get_logger(__name__)

BATCH = 1000
"""Partners decided on in one transaction."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom one rule looks at. `changed`: it, or what is set for it, since the last look; `ends`: some states may."""

    rule: Rule  # as it was read; its version is looked at again once it is held
    settings: InForce
    partners: Collection[uuid.UUID]
    changed: bool
    ends: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom which rule looks at. `since`: the last look, None where nobody ever looked."""

    rules: Sequence[Wanted]
    everybody: Sequence[uuid.UUID]  # whom any of them looks at, by id
    since: datetime | None
    newest_fact: int
    ranks: Mapping[Any, int]  # of bands
    beside: subjects.More


def run(db: Database, settings: Settings, now: datetime, *, send: bool = True) -> int:
    """Judge by every rule every partner it has to look at, then the meetings' due dates; return how much changed.

    `send=False` decides all the same and tells nobody: for replaying the past.
    """
    with db.read() as session:
        plan = _plan(session, now)
    changed, broken = _retire_all(db, plan, now, send)
    for batch in in_batches(plan.everybody, BATCH):
        changed += _look_at(db, plan, batch, broken, now, send)
    with db.write() as session:
        versions = {one.rule.id: one.rule.version for one in plan.rules if one.rule.id not in broken}
        looks.note(session, Look(now, plan.newest_fact, versions))
    with fence("meetings_not_checked"):
        changed += meetings.miss(db, settings, now, send=send)
    if send:
        with fence("operations_not_told"), db.write() as session:
            notices.tell(session, settings, now)
    return changed


def _plan(session: Session, now: datetime) -> Plan:
    look = looks.last(session)
    newest_fact = looks.newest_fact(session)
    assessed = assessments.last_moments(session, now)
    touched = _touched(session, look, assessed, now)
    wanted = _wanted(session, look, assessed.keys(), touched)
    everybody = sorted(set().union(*(one.partners for one in wanted)) & assessed.keys())
    since = min(look.at, now) if look else None
    beside = subjects.more(session, everybody, now)
    return Plan(wanted, everybody, since, newest_fact, matrices.band_ranks(session), beside)


def _touched(
    session: Session, look: Look | None, assessed: Mapping[uuid.UUID, datetime], now: datetime
) -> set[uuid.UUID] | None:
    """Return whom every rule looks at; None: at everybody."""
    if look is None or looks.everybody_is_touched(session, look, now):
        return None
    return looks.touched(session, look, assessed)


def _wanted(
    session: Session, look: Look | None, everybody: Collection[uuid.UUID], touched: set[uuid.UUID] | None
) -> list[Wanted]:
    settings = rule_settings.in_force_of_all(session)
    terms = [RuleTerms(rule, settings.get(rule.id, NO_SETTINGS)) for rule in rules.listing(session)]
    ending = rules.ending(session, [one.rule.id for one in terms if one.is_off])
    versions = {one.rule.id: one.rule.version for one in terms}
    changed = looks.touched_rules(session, look, versions) if look else set()
    partners: Mapping[uuid.UUID, Collection[uuid.UUID]] = {}
    if look is not None and touched is not None:
        anew = looks.touched_rules(session, look, versions, looks.OVERLAP)
        waiting = rules.waiting(session, {one.rule.id: one.restless for one in terms if one.rule.id not in anew})
        partners = {rule_id: touched | waits for rule_id, waits in waiting.items()}
    return [
        Wanted(
            one.rule, one.settings, partners.get(one.rule.id, everybody), one.rule.id in changed, one.rule.id in ending
        )
        for one in terms
    ]


def _retire_all(db: Database, plan: Plan, now: datetime, send: bool) -> tuple[int, set[uuid.UUID]]:
    """End by every rule what nobody looks at any more; return how much changed, and which rules failed."""
    changed, broken = 0, set()
    for one in plan.rules:
        if not one.ends:
            continue
        with fence("rule_not_decided", rule_id=str(one.rule.id)) as fenced, db.write() as session:
            changed += _retire(session, one, now, send)
        if fenced.error:
            broken.add(one.rule.id)
    return changed, broken


def _retire(session: Session, wanted: Wanted, now: datetime, send: bool) -> int:
    """End what is open for partners no longer watched, or for everybody once the rule is switched off."""
    rule = _held(session, wanted)
    if rule is None:
        return 0
    off = RuleTerms(rule, wanted.settings).is_off
    rules.forget_unknown(session, rule.id, enabled=not off)
    states = {row.partner_id: row for row in rules.retired(session, rule.id, enabled=not off)}
    moves = [move for row in states.values() if (move := _retired(rule, row, now)) is not None]
    return consequences.carry_out(session, rule, moves, states, now, send)


def _held(session: Session, wanted: Wanted) -> Rule | None:
    """Hold a rule; None for one that was changed or deleted since it was read: the next look is by what it is then."""
    rule = rules.locked(session, wanted.rule.id)
    return rule if rule is not None and rule.version == wanted.rule.version else None


def _retired(rule: Rule, row: Standing, now: datetime) -> Move | None:
    previous = _status(row)
    transition = retire(previous, now)
    if transition is None:
        return None
    return Move(decision_key(rule.key, row.partner_id, transition, previous), row.partner_id, transition)


def _look_at(
    db: Database, plan: Plan, batch: Sequence[uuid.UUID], broken: set[uuid.UUID], now: datetime, send: bool
) -> int:
    """Judge some partners by every rule that has to; a rule that fails is left alone until the next look.

    First it is only read who moves: a rule that nobody moves by, which is almost every one, is neither held nor
    written about.
    """
    with db.read() as session:
        seen = subjects.read(session, batch, now, plan.beside, plan.ranks)
        asked = _asked(session, plan, seen, broken)
    changed = 0
    for one in asked:
        with fence("rule_not_decided", rule_id=str(one.wanted.rule.id)) as fenced:
            if one.stirs(now):
                with db.write() as session:
                    changed += _decide(session, plan, one, now, send)
        if fenced.error:
            broken.add(one.wanted.rule.id)
    return changed


@dataclass(frozen=True, slots=True)
class Asked:
    """One rule, the partners it judges, their states as they were read, and the severities of their open alerts."""

    wanted: Wanted
    terms: RuleTerms
    batch: Sequence[Subject]
    states: Mapping[uuid.UUID, Standing]
    severities: Mapping[uuid.UUID, Severity]

    def stirs(self, now: datetime) -> bool:
        """Tell whether anybody moves by the rule, or one of its open alerts has to be seen to."""
        if next(_moves(self.wanted.rule, self.terms, self.states, self.batch, now), None) is not None:
            return True
        if any(row.unstable_since is not None for row in self.states.values()):
            return True
        due = _severities(self.terms, self.states, self.batch)
        return any(due.get(partner_id, severity) is not severity for partner_id, severity in self.severities.items())


def _asked(session: Session, plan: Plan, seen: Sequence[Subject], broken: Collection[uuid.UUID]) -> list[Asked]:
    """Return the rules that judge some of the partners, in their order."""
    asked: list[tuple[Wanted, RuleTerms, list[Subject]]] = []
    whom: dict[tuple[uuid.UUID, ...], list[uuid.UUID]] = {}  # the rules that judge the same partners
    for one in plan.rules:
        terms = RuleTerms(one.rule, one.settings)
        chosen = [subject for subject in seen if subject.partner_id in one.partners]
        if chosen and one.rule.id not in broken and not terms.is_off:
            asked.append((one, terms, chosen))
            whom.setdefault(tuple(subject.partner_id for subject in chosen), []).append(one.rule.id)
    states: dict[uuid.UUID, dict[uuid.UUID, Standing]] = {}
    for partner_ids, rule_ids in whom.items():
        states |= rules.statuses(session, rule_ids, partner_ids)
    severities = alerts.severities(session, [subject.partner_id for subject in seen])
    return [
        Asked(one, terms, chosen, states[one.rule.id], severities.get(one.rule.id, {})) for one, terms, chosen in asked
    ]


def _decide(session: Session, plan: Plan, asked: Asked, now: datetime, send: bool) -> int:
    rule = _held(session, asked.wanted)
    if rule is None:
        return 0
    terms, batch = asked.terms, asked.batch
    states = rules.statuses(session, [rule.id], [subject.partner_id for subject in batch])[rule.id]
    moves = _caused(session, plan, asked.wanted, rule, list(_moves(rule, terms, states, batch, now)), states, now)
    done = consequences.carry_out(session, rule, moves, states, now, send)
    consequences.reconsider(session, rule, states, _severities(terms, states, batch), now, send)
    return done


def _moves(
    rule: Rule, terms: RuleTerms, states: Mapping[uuid.UUID, Standing], batch: Sequence[Subject], now: datetime
) -> Iterator[Move]:
    for subject in batch:
        own = terms.of(subject.tier, subject.partner_id)
        row = states.get(subject.partner_id)
        if own.enabled:
            move = _move(rule, own, _status(row) if row else None, subject, now)
        else:
            move = _retired(rule, row, now) if row else None
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


def _caused(
    session: Session,
    plan: Plan,
    wanted: Wanted,
    rule: Rule,
    moves: Sequence[Move],
    states: Mapping[uuid.UUID, Standing],
    now: datetime,
) -> list[Move]:
    """Return the moves, each with its cause; what only waited for the clock has the cause of what it waited on."""
    if not moves:
        return []
    happened = occasions.since(session, [move.partner_id for move in moves], plan.since, now)
    causes = {
        move.partner_id: cause(
            first_look=move.partner_id in happened.first,
            configured=wanted.changed or move.partner_id in happened.configured,
            lag=_lag(happened.lag.get(move.partner_id, {}), move),
            retrained=happened.retrained,
        )
        for move in moves
    }
    begun = rules.pending_causes(session, rule, _waited(moves, causes, states))
    return [replace(move, cause=begun.get(move.partner_id, causes[move.partner_id])) for move in moves]


def _lag(lags: Mapping[FactKind, timedelta], move: Move) -> timedelta | None:
    """Return the smallest lag among the kinds of facts that the rule's condition rests on."""
    return min((lags[kind] for kind in kinds_of(move.uses) if kind in lags), default=None)


def _waited(
    moves: Iterable[Move], causes: Mapping[uuid.UUID, Cause], states: Mapping[uuid.UUID, Standing]
) -> dict[uuid.UUID, datetime]:
    """Return since when the condition held of alerts that open by the clock alone, by partner."""
    return {
        move.partner_id: row.episode_at
        for move in moves
        if move.transition.opens and causes[move.partner_id] is Cause.TIME
        if (row := states.get(move.partner_id)) is not None and row.episode_at is not None
        if RuleState.PENDING in (row.state, row.before_unknown)
    }


def _severities(
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
