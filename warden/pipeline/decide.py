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
from warden.pipeline import consequences, judging, meetings, notices, put_off, subjects
from warden.pipeline.consequences import Move
from warden.pipeline.fence import fence
from warden.pipeline.in_time import InTime
from warden.pipeline.subjects import Subject
from warden.pipeline.terms import RuleTerms
from warden.rules import kinds_of
from warden.rules.causes import cause
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
    """Whom which rule looks at. `before`: the last look, `since`: up to when facts counted; None: there was none."""

    rules: Sequence[Wanted]
    everybody: Sequence[uuid.UUID]  # whom any of them looks at, by id
    since: datetime | None
    before: Look | None
    this: Look
    ranks: Mapping[Any, int]  # of bands
    beside: subjects.More
    in_time: InTime | None  # as nothing had been learned since then


def run(db: Database, settings: Settings, now: datetime, *, send: bool = True) -> int:
    """Judge by every rule every partner it has to look at, then the meetings' due dates; return how much changed.

    `send=False` decides all the same and tells nobody: for replaying the past. What that left standing is told of, as
    what is found at a first look, once it is decided again for people to be told.
    """
    with db.read() as session:
        plan = _plan(session, settings, now)
    if plan.before is not None and plan.before.told and not send:
        with db.write() as session:
            looks.note(session, replace(plan.before, told=False))  # though this one may not come to its end
    changed, broken = _retire_all(db, plan, now, send)
    for batch in in_batches(plan.everybody, BATCH):
        changed += _look_at(db, plan, batch, broken, now, send)
    with db.write() as session:
        if send and plan.before is not None and not plan.before.told:
            consequences.tell_of_the_past(session, now)
        looks.note(session, replace(plan.this, failed=broken, told=send))
    with fence("meetings_not_checked"):
        changed += meetings.miss(db, settings, now, send=send)
    if send:
        with fence("meetings_not_proposed"):
            changed += put_off.run(db, settings, now)
        with fence("operations_not_told"), db.write() as session:
            notices.tell(session, settings, now)
    return changed


def _plan(session: Session, settings: Settings, now: datetime) -> Plan:
    look, this = looks.last(session), looks.begin(session, now)
    assessed = assessments.last_moments(session, now)
    touched = _touched(session, look, assessed, now)
    anew = looks.touched_rules(look, this) if look else set()
    wanted = _wanted(session, anew, assessed.keys(), touched)
    everybody = sorted(set().union(*(one.partners for one in wanted)) & assessed.keys())
    since = min(look.known_at, now) if look else None
    ranks = matrices.band_ranks(session)
    in_time = InTime(settings, ranks, since, now) if since else None
    return Plan(wanted, everybody, since, look, this, ranks, subjects.more(session, everybody, now), in_time)


def _touched(
    session: Session, look: Look | None, assessed: Mapping[uuid.UUID, datetime], now: datetime
) -> set[uuid.UUID] | None:
    """Return whom every rule looks at; None: at everybody."""
    if look is None or looks.everybody_is_touched(session, look, now):
        return None
    return looks.touched(session, look, assessed)


def _wanted(
    session: Session, anew: set[uuid.UUID], everybody: Collection[uuid.UUID], touched: set[uuid.UUID] | None
) -> list[Wanted]:
    """Return whom each rule looks at; `anew`: rules that changed, `touched`: what `_touched` says."""
    settings = rule_settings.in_force_of_all(session)
    terms = [RuleTerms(rule, settings.get(rule.id, NO_SETTINGS)) for rule in rules.listing(session)]
    ending = rules.ending(session, [one.rule.id for one in terms if one.is_off])
    partners: Mapping[uuid.UUID, Collection[uuid.UUID]] = {}
    if touched is not None:
        waiting = rules.waiting(session, {one.rule.id: one.restless for one in terms if one.rule.id not in anew})
        partners = {rule_id: touched | waits for rule_id, waits in waiting.items()}
    return [
        Wanted(one.rule, one.settings, partners.get(one.rule.id, everybody), one.rule.id in anew, one.rule.id in ending)
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
    moves = [move for row in states.values() if (move := judging.retired(rule, row, now)) is not None]
    return consequences.carry_out(session, rule, moves, states, now, send)


def _held(session: Session, wanted: Wanted) -> Rule | None:
    """Hold a rule; None for one that was changed or deleted since it was read: the next look is by what it is then."""
    rule = rules.locked(session, wanted.rule.id)
    return rule if rule is not None and rule.version == wanted.rule.version else None


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
        stirring = _stirring(asked, broken, now)
        causes = _causes(session, plan, stirring, now)
    with fence("late_facts_not_judged"), db.read() as session:
        causes |= dict.fromkeys(_by_time(session, plan, stirring, causes, now), Cause.TIME)
    changed = 0
    for one, _ in stirring:
        with fence("rule_not_decided", rule_id=str(one.wanted.rule.id)) as fenced, db.write() as session:
            changed += _decide(session, one, causes, now, send)
        if fenced.error:
            broken.add(one.wanted.rule.id)
    return changed


@dataclass(frozen=True, slots=True)
class Asked:
    """One rule, the partners it judges, their states as they were read, and what their open alerts are."""

    wanted: Wanted
    terms: RuleTerms
    batch: Sequence[Subject]
    states: Mapping[uuid.UUID, Standing]
    severities: Mapping[uuid.UUID, Severity]
    unsaid: Mapping[uuid.UUID, datetime]  # when open alerts fired that late facts raised, and nobody was told of

    def moves(self, now: datetime, batch: Sequence[Subject]) -> list[Move]:
        """Return who of some partners moves by the rule, without the cause."""
        return list(judging.moves(self.wanted.rule, self.terms, self.states, batch, now))

    def unsaid_uses(self) -> Iterator[tuple[uuid.UUID, Sequence[str]]]:
        """Yield the partners of `unsaid` with the variables that the rule's condition uses for them."""
        for subject in self.batch:
            if subject.partner_id in self.unsaid:
                yield subject.partner_id, self.terms.of(subject.tier, subject.partner_id).rule.condition.uses

    @property
    def is_to_be_seen_to(self) -> bool:
        """Tell whether one of its open alerts has to be, though nobody moves."""
        if self.unsaid or any(row.unstable_since is not None for row in self.states.values()):
            return True
        due = judging.severities(self.terms, self.states, self.batch)
        return any(due.get(partner_id, severity) is not severity for partner_id, severity in self.severities.items())


Stirring = Sequence[tuple[Asked, Sequence[Move]]]
"""Rules that have something to do, each with who moves by it."""

Causes = dict[tuple[uuid.UUID, uuid.UUID], Cause]
"""Causes of moves, by rule and partner."""


def _stirring(asked: Iterable[Asked], broken: set[uuid.UUID], now: datetime) -> Stirring:
    found = []
    for one in asked:
        with fence("rule_not_decided", rule_id=str(one.wanted.rule.id)) as fenced:
            moves = one.moves(now, one.batch)
            if moves or one.is_to_be_seen_to:
                found.append((one, moves))
        if fenced.error:
            broken.add(one.wanted.rule.id)
    return found


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
    for judged, rule_ids in whom.items():
        states |= rules.statuses(session, rule_ids, judged)
    partner_ids = [subject.partner_id for subject in seen]
    severities, unsaid = alerts.severities(session, partner_ids), alerts.of_late_facts(session, partner_ids)
    return [
        Asked(
            one,
            terms,
            chosen,
            states[one.rule.id],
            severities.get(one.rule.id, {}),
            _of(chosen, unsaid.get(one.rule.id, {})),
        )
        for one, terms, chosen in asked
    ]


def _of(batch: Iterable[Subject], moments: Mapping[uuid.UUID, datetime]) -> dict[uuid.UUID, datetime]:
    return {one.partner_id: moments[one.partner_id] for one in batch if one.partner_id in moments}


def _decide(session: Session, asked: Asked, causes: Causes, now: datetime, send: bool) -> int:
    """Carry out who moves by a rule, once it is held: by then another process may have moved some of them."""
    rule = _held(session, asked.wanted)
    if rule is None:
        return 0
    terms, batch = asked.terms, asked.batch
    states = rules.statuses(session, [rule.id], [subject.partner_id for subject in batch])[rule.id]
    moves = _caused(session, rule, list(judging.moves(rule, terms, states, batch, now)), causes, states)
    done = consequences.carry_out(session, rule, moves, states, now, send)
    consequences.reconsider(session, rule, states, judging.severities(terms, states, batch), now, send)
    moved = {move.partner_id for move in moves}
    unmoved = [subject for subject in batch if subject.partner_id not in moved]
    fresh = {partner_id for partner_id in asked.unsaid if causes.get((rule.id, partner_id)) is Cause.NEW_FACTS}
    confirmed = judging.confirmed(terms, states, unmoved, fresh, asked.unsaid, now)
    consequences.confirm(session, rule, list(confirmed), now, send)
    return done


def _causes(session: Session, plan: Plan, stirring: Stirring, now: datetime) -> Causes:
    """Return what made everybody move who does, and what would make anybody who is looked at without moving."""
    about = [
        (one, partner_id, uses)
        for one, moves in stirring
        for partner_id, uses in [*((move.partner_id, move.uses) for move in moves), *one.unsaid_uses()]
    ]
    if not about:
        return {}
    happened = occasions.since(session, {partner_id for _, partner_id, _ in about}, plan.since, now)
    return {
        (one.wanted.rule.id, partner_id): cause(
            first_look=partner_id in happened.first,
            configured=one.wanted.changed or partner_id in happened.configured,
            lag=_lag(happened.lag.get(partner_id, {}), uses),
            retrained=happened.retrained,
        )
        for one, partner_id, uses in about
    }


def _by_time(
    session: Session, plan: Plan, stirring: Stirring, causes: Causes, now: datetime
) -> Iterator[tuple[uuid.UUID, uuid.UUID]]:
    """Yield rule and partner of what begins as late facts come and would without them, too: time alone did it."""
    for one, moves in stirring:
        rule_id = one.wanted.rule.id
        late = [move for move in moves if causes[rule_id, move.partner_id] is Cause.LATE_FACTS and _begins(move)]
        seen = [move.subject for move in late if move.subject is not None]
        if not seen or plan.in_time is None:
            continue
        without = {move.key: move for move in one.moves(now, plan.in_time.subjects(session, seen))}
        yield from ((rule_id, move.partner_id) for move in late if move.key in without)


def _begins(move: Move) -> bool:
    return move.transition.opens or move.transition.status.state is RuleState.PENDING


def _caused(
    session: Session, rule: Rule, moves: Sequence[Move], causes: Causes, states: Mapping[uuid.UUID, Standing]
) -> list[Move]:
    """Return the moves, each with its cause; what only waited for the clock has the cause of what it waited on."""
    own = {move.partner_id: causes.get((rule.id, move.partner_id), Cause.TIME) for move in moves}
    begun = rules.pending_causes(session, rule, _waited(moves, own, states))
    return [replace(move, cause=begun.get(move.partner_id, own[move.partner_id])) for move in moves]


def _lag(lags: Mapping[FactKind, timedelta], uses: Sequence[str]) -> timedelta | None:
    """Return the smallest lag among the kinds of facts that a condition which uses these variables rests on."""
    return min((lags[kind] for kind in kinds_of(uses) if kind in lags), default=None)


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
