"""Rules as rows, the state of each for each partner, and the decisions they took."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import String, and_, delete, func, or_, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from warden.domain import LOCALES, WATCHED_STAGES, Cause, NoData, RuleState, Severity
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.i18n import N_
from warden.models import Decision, Partner, Rule, RuleStatus
from warden.store import partners
from warden.store.paging import Page, page

EDITABLE = (
    "names",
    "descriptions",
    "condition",
    "inhibit_when",
    "for_seconds",
    "keep_firing_for_seconds",
    "severity",
    "parameters",
    "no_data",
    "no_data_for_seconds",
    "inhibited_by",
    "meeting_within_days",
    "enabled",
)
"""Fields of a rule that people may change. The key never changes: decisions are named after it."""

_LONGEST = 366 * 86_400  # seconds


def listing(session: Session) -> list[Rule]:
    """Return every rule, by key."""
    return list(session.scalars(select(Rule).order_by(Rule.key)))


def get(session: Session, rule_id: uuid.UUID) -> Rule:
    """Return one rule. Raises NotFound."""
    found = session.get(Rule, rule_id)
    if found is None:
        raise NotFound(f"There is no rule {rule_id}.")
    return found


def by_key(session: Session, key: str) -> Rule:
    """Return one rule by its key. Raises NotFound."""
    found = session.scalar(select(Rule).where(Rule.key == key))
    if found is None:
        raise NotFound(f"There is no rule {key}.")
    return found


def add(session: Session, key: str, values: Mapping[str, Any], now: datetime) -> Rule:
    """Add a rule. Its conditions must have been checked by warden.rules; the rest is checked here.

    Raises Conflict when the key is taken, InvalidInput for a field that does not fit.
    """
    if session.scalar(select(Rule.id).where(Rule.key == key)) is not None:
        raise Conflict(f"There is a rule {key} already.")
    _check(values)
    rule = Rule(key=key, updated_at=now, version=1, **values)
    session.add(rule)
    session.flush()
    return rule


def update(session: Session, rule: Rule, values: Mapping[str, Any], now: datetime) -> Rule:
    """Change a rule; its version rises when anything differs. States, `for` and open alerts carry on.

    Conditions must have been checked by warden.rules. Raises InvalidInput for a field that does not fit.
    """
    _check(values)
    changed = {name: value for name, value in values.items() if getattr(rule, name) != value}
    for name, value in changed.items():
        setattr(rule, name, value)
    if changed:
        rule.version += 1
        rule.updated_at = now
        session.flush()
    return rule


def faults(values: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with the fields given, each by itself; conditions are checked by warden.rules."""
    unknown = N_("is not a field of a rule; expected one of %(names)s")
    found = [Fault.of(name, unknown, names=", ".join(EDITABLE)) for name in values if name not in EDITABLE]
    for name in ("for_seconds", "keep_firing_for_seconds", "no_data_for_seconds"):
        if not 0 <= values.get(name, 0) <= _LONGEST:
            what = N_("is %(found)s; expected 0 to %(most)s seconds")
            found.append(Fault.of(name, what, found=str(values[name]), most=_LONGEST))
    days = values.get("meeting_within_days")
    if days is not None and not 1 <= days <= 90:
        what = N_("is %(found)s; expected 1 to 90 working days, or none")
        found.append(Fault.of("meeting_within_days", what, found=str(days)))
    for name, kind in (("severity", Severity), ("no_data", NoData)):
        if name in values and values[name] not in tuple(kind):
            what = N_("is %(found)s; expected %(names)s")
            found.append(Fault.of(name, what, found=str(values[name]), names=", ".join(kind)))
    names = values.get("names")
    if names is not None and not (names.get("en") and set(names) <= set(LOCALES)):
        what = N_("expected a name in en, others in %(names)s")
        found.append(Fault.of("names", what, names=", ".join(LOCALES[1:])))
    return found


def unnamed_in(names: Mapping[str, str]) -> list[str]:
    """Return the locales a rule has no name in: their readers are told the English one."""
    return [locale for locale in LOCALES if not names.get(locale)]


def _check(values: Mapping[str, Any]) -> None:
    if found := faults(values):
        raise InvalidInput(f"The rule cannot be stored: {found[0]}.", found)


def inhibition_terms(session: Session) -> tuple[frozenset[str], frozenset[str]]:
    """Return the keys of all rules, and the attributes some partner has: what warden.rules.inhibition_faults needs."""
    keys = frozenset(session.scalars(select(Rule.key)))
    held = {
        "partner": Partner.id.is_not(None),
        "tier": Partner.tier != "",
        "region": Partner.region != "",
        "country": Partner.country.is_not(None),
        "owner": Partner.owner_id.is_not(None),
    }
    attributes = {name for name, has in held.items() if session.scalar(select(Partner.id).where(has).limit(1))}
    return keys, frozenset(attributes | {f"tag:{tag}" for tag in partners.tags(session)})


def locked(session: Session, rule_id: uuid.UUID) -> Rule | None:
    """Return a rule as it stands now, holding it against every other process until this transaction ends."""
    query = select(Rule).where(Rule.id == rule_id).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))


class Standing(NamedTuple):
    """What deciding needs of a rule's state for one partner; fields as in models.RuleStatus."""

    partner_id: uuid.UUID
    state: RuleState
    since: datetime
    before_unknown: RuleState | None
    episode_at: datetime | None
    recovering_at: datetime | None
    unstable_since: datetime | None


_STANDING = (
    RuleStatus.partner_id,
    type_coerce(RuleStatus.state, String),
    RuleStatus.since,
    type_coerce(RuleStatus.before_unknown, String),
    RuleStatus.episode_at,
    RuleStatus.recovering_at,
    RuleStatus.unstable_since,
)
_STATES: Mapping[str | None, RuleState | None] = {None: None, **{state.value: state for state in RuleState}}


def statuses(
    session: Session, rule_ids: Collection[uuid.UUID], partner_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, dict[uuid.UUID, Standing]]:
    """Return the states of each rule for those of the partners that have one, by rule; the others are ok.

    Plain rows: objects for every rule and partner of a portfolio would cost more than judging them.
    """
    chosen = select(RuleStatus.rule_id, *_STANDING)
    chosen = chosen.where(RuleStatus.rule_id.in_(rule_ids), RuleStatus.partner_id.in_(partner_ids))
    found: dict[uuid.UUID, dict[uuid.UUID, Standing]] = {rule_id: {} for rule_id in rule_ids}
    for rule_id, *row in session.execute(chosen):
        standing = _standing(row)
        found[rule_id][standing.partner_id] = standing
    return found


def _standing(row: Iterable[Any]) -> Standing:
    partner_id, state, since, beneath, *moments = row
    return Standing(partner_id, RuleState(state), since, _STATES[beneath], *moments)


def statuses_of(session: Session, partner_id: uuid.UUID) -> list[tuple[Rule, RuleStatus | None]]:
    """Return every rule with its state for one partner, by key; None is ok."""
    query = (
        select(Rule, RuleStatus)
        .outerjoin(RuleStatus, (RuleStatus.rule_id == Rule.id) & (RuleStatus.partner_id == partner_id))
        .order_by(Rule.key)
    )
    return [(rule, status) for rule, status in session.execute(query)]


def state_counts(session: Session) -> dict[uuid.UUID, dict[RuleState, int]]:
    """Return how many partners each rule has in each state; those it was never judged for are in none."""
    found: dict[uuid.UUID, dict[RuleState, int]] = {}
    query = select(RuleStatus.rule_id, RuleStatus.state, func.count()).group_by(RuleStatus.rule_id, RuleStatus.state)
    for rule_id, state, count in session.execute(query):
        found.setdefault(rule_id, {})[state] = count
    return found


def in_state(
    session: Session, rule_id: uuid.UUID, states: Collection[RuleState], most: int
) -> list[tuple[RuleStatus, uuid.UUID, str]]:
    """Return at most so many partners in some states, longest first: the state, the partner's id and name."""
    query = select(RuleStatus, Partner.id, Partner.name).join(Partner, Partner.id == RuleStatus.partner_id)
    query = query.where(RuleStatus.rule_id == rule_id, RuleStatus.state.in_(states))
    query = query.order_by(RuleStatus.since, Partner.name).limit(most)
    return [(status, partner_id, name) for status, partner_id, name in session.execute(query)]


def waiting(session: Session, restless: Mapping[uuid.UUID, Collection[RuleState]]) -> dict[uuid.UUID, set[uuid.UUID]]:
    """Return by rule the partners for whom time alone may change the rule's state, or that it is unstable.

    `restless`: of each rule the states that, once unknown, its policies do not leave as they are.
    """
    clocks = RuleStatus.state.in_((RuleState.PENDING, RuleState.RECOVERING))
    unknown = [
        and_(
            RuleStatus.rule_id == rule_id, RuleStatus.state == RuleState.UNKNOWN, RuleStatus.before_unknown.in_(states)
        )
        for rule_id, states in restless.items()
        if states
    ]
    waits = or_(clocks, RuleStatus.unstable_since.is_not(None), *unknown)
    found: dict[uuid.UUID, set[uuid.UUID]] = {rule_id: set() for rule_id in restless}
    query = select(RuleStatus.rule_id, RuleStatus.partner_id)
    for rule_id, partner_id in session.execute(query.where(RuleStatus.rule_id.in_(restless), waits)):
        found[rule_id].add(partner_id)
    return found


@dataclass(frozen=True, slots=True)
class Failing:
    """A rule whose condition fails, for how many partners, and what it said of the one it failed for first."""

    rule: Rule
    partners: int
    why: dict[str, Any]


def failing(session: Session) -> list[Failing]:
    """Return the rules whose condition fails for somebody, by key; those switched off are judged for nobody."""
    counted = (
        select(RuleStatus.rule_id, func.count().label("partners"))
        .where(RuleStatus.state == RuleState.ERROR)
        .group_by(RuleStatus.rule_id)
        .subquery()
    )
    query = select(Rule, counted.c.partners).join(counted, counted.c.rule_id == Rule.id)
    return [
        Failing(rule, partners, _first_failure(session, rule.id))
        for rule, partners in session.execute(query.order_by(Rule.key))
    ]


def _first_failure(session: Session, rule_id: uuid.UUID) -> dict[str, Any]:
    query = select(RuleStatus.reason).where(RuleStatus.rule_id == rule_id, RuleStatus.state == RuleState.ERROR)
    found: dict[str, Any] = session.scalars(query.order_by(RuleStatus.since, RuleStatus.partner_id).limit(1)).one()
    return found


def ending(session: Session, off: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return the rules of which `retired` and `forget_unknown` may find anything; `off`: those switched off."""
    query = select(RuleStatus.rule_id).where(RuleStatus.state != RuleState.OK).distinct()
    unwatched = query.join(Partner, Partner.id == RuleStatus.partner_id).where(Partner.stage.not_in(WATCHED_STAGES))
    return {*session.scalars(unwatched), *session.scalars(query.where(RuleStatus.rule_id.in_(off)))}


def retired(session: Session, rule_id: uuid.UUID, enabled: bool) -> list[Standing]:
    """Return states still open for partners no longer watched; for all partners when the rule is switched off."""
    query = select(*_STANDING).where(RuleStatus.rule_id == rule_id, RuleStatus.state != RuleState.OK)
    if enabled:
        query = query.join(Partner, Partner.id == RuleStatus.partner_id).where(Partner.stage.not_in(WATCHED_STAGES))
    return [_standing(row) for row in session.execute(query)]


def forget_unknown(session: Session, rule_id: uuid.UUID, enabled: bool) -> None:
    """Drop states of partners no longer watched (of all, when the rule is switched off) that know nothing of anything.

    Beneath them is ok, which is what no state at all means.
    """
    unknown = RuleStatus.state.in_((RuleState.UNKNOWN, RuleState.ERROR)), RuleStatus.before_unknown == RuleState.OK
    query = delete(RuleStatus).where(RuleStatus.rule_id == rule_id, *unknown)
    if enabled:
        unwatched = select(Partner.id).where(Partner.stage.not_in(WATCHED_STAGES))
        query = query.where(RuleStatus.partner_id.in_(unwatched))
    session.execute(query.execution_options(synchronize_session=False))


def put_statuses(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store states, replacing the earlier ones of the same rule and partner."""
    if not rows:
        return
    statement = _insert(session)(RuleStatus)
    keep = ("rule_id", "partner_id")
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in keep}
    session.execute(statement.on_conflict_do_update(index_elements=keep, set_=replaced), rows)


def add_decisions(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Store decisions whose key is new and return these keys; the others were taken before and stay as they are."""
    if not rows:
        return set()
    statement = _insert(session)(Decision).on_conflict_do_nothing(index_elements=["key"]).returning(Decision.key)
    return set(session.scalars(statement, rows))


def pending_causes(session: Session, rule: Rule, episodes: Mapping[uuid.UUID, datetime]) -> dict[uuid.UUID, Cause]:
    """Return what made a rule pending when each episode began, by partner; those it never was are absent."""
    if not episodes:
        return {}
    query = select(Decision.partner_id, Decision.at, Decision.cause).where(
        Decision.rule_id == rule.id, Decision.partner_id.in_(episodes), Decision.after == RuleState.PENDING
    )
    return {row.partner_id: row.cause for row in session.execute(query) if row.at == episodes[row.partner_id]}


def _insert(session: Session) -> Any:
    """Return the dialect's `insert`, the only kind that knows ON CONFLICT."""
    return sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert


def decisions(
    session: Session,
    cursor: str | None = None,
    limit: int = 50,
    partner_id: uuid.UUID | None = None,
    rule_id: uuid.UUID | None = None,
) -> Page[Decision]:
    """Return one page of decisions, newest first."""
    query = select(Decision)
    if partner_id is not None:
        query = query.where(Decision.partner_id == partner_id)
    if rule_id is not None:
        query = query.where(Decision.rule_id == rule_id)
    return page(session, query, Decision.at, Decision.id, cursor, limit, descending=True)
