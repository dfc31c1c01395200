"""Rules as rows, the state of each for each partner, and the decisions they took."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from warden.domain import LOCALES, WATCHED_STAGES, RuleState, Severity
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Decision, Partner, Rule, RuleStatus
from warden.store.paging import Page, page

EDITABLE = (
    "names",
    "descriptions",
    "condition",
    "inhibit_when",
    "for_seconds",
    "keep_firing_for_seconds",
    "severity",
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


def _check(values: Mapping[str, Any]) -> None:
    faults = [Fault(name, f"is not a field of a rule; expected one of {', '.join(EDITABLE)}") for name in values]
    faults = [fault for fault in faults if fault.where not in EDITABLE]
    for name in ("for_seconds", "keep_firing_for_seconds"):
        if not 0 <= values.get(name, 0) <= _LONGEST:
            faults.append(Fault(name, f"is {values[name]}; expected 0 to {_LONGEST} seconds"))
    days = values.get("meeting_within_days")
    if days is not None and not 1 <= days <= 90:
        faults.append(Fault("meeting_within_days", f"is {days}; expected 1 to 90 working days, or none"))
    if "severity" in values and values["severity"] not in tuple(Severity):
        faults.append(Fault("severity", f"is {values['severity']}; expected {', '.join(Severity)}"))
    names = values.get("names")
    if names is not None and not (names.get("en") and set(names) <= set(LOCALES)):
        faults.append(Fault("names", f"expected a name in en, others in {', '.join(LOCALES[1:])}"))
    if faults:
        raise InvalidInput(f"The rule cannot be stored: {faults[0]}.", faults)


def locked(session: Session, rule_id: uuid.UUID) -> Rule | None:
    """Return a rule, holding it against every other process that decides, until this transaction ends."""
    return session.scalar(select(Rule).where(Rule.id == rule_id).with_for_update())


def statuses(session: Session, rule_id: uuid.UUID, partner_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, RuleStatus]:
    """Return the state of a rule for those of the partners that have one; the others are ok."""
    query = select(RuleStatus).where(RuleStatus.rule_id == rule_id, RuleStatus.partner_id.in_(partner_ids))
    return {row.partner_id: row for row in session.scalars(query)}


def statuses_of(session: Session, partner_id: uuid.UUID) -> list[tuple[Rule, RuleStatus | None]]:
    """Return every rule with its state for one partner, by key; None is ok."""
    query = (
        select(Rule, RuleStatus)
        .outerjoin(RuleStatus, (RuleStatus.rule_id == Rule.id) & (RuleStatus.partner_id == partner_id))
        .order_by(Rule.key)
    )
    return [(rule, status) for rule, status in session.execute(query)]


def retired(session: Session, rule_id: uuid.UUID, enabled: bool) -> list[RuleStatus]:
    """Return states still open for partners no longer watched; for all partners when the rule is switched off."""
    query = select(RuleStatus).where(RuleStatus.rule_id == rule_id, RuleStatus.state != RuleState.OK)
    if enabled:
        query = query.join(Partner, Partner.id == RuleStatus.partner_id).where(Partner.stage.not_in(WATCHED_STAGES))
    return list(session.scalars(query))


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
