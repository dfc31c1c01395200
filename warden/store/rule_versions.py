"""Versions of rules: drafted, rehearsed, activated, kept. The rule's own row repeats the active one.

Conditions are checked by warden.rules before they come here; the other fields are checked here.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from warden.domain import NoData, Severity, VersionStatus
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.i18n import N_
from warden.models import Rule, RuleVersion
from warden.store import rules

KEY = re.compile(r"[a-z][a-z0-9_]{1,59}")
"""What the key of a rule of one's own looks like. It never changes: decisions are named after it."""

NOTHING: Mapping[str, Any] = {}

_DEFAULTS: Mapping[str, Any] = {
    "descriptions": {},
    "inhibit_when": "",
    "for_seconds": 0,
    "keep_firing_for_seconds": 0,
    "severity": Severity.WARNING.value,
    "parameters": {},
    "no_data": NoData.KEEP.value,
    "no_data_for_seconds": 0,
    "inhibited_by": [],
    "meeting_within_days": None,
    "enabled": True,
}
"""What a new rule is where nobody says otherwise. Names and a condition have to be said."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs between two definitions."""

    name: str
    before: Any
    after: Any


def definition_of(rule: Rule) -> dict[str, Any]:
    """Return what stands in a rule's row, as JSON values."""
    return {name: _plain(getattr(rule, name)) for name in rules.EDITABLE}


def as_rule(rule: Rule, definition: Mapping[str, Any]) -> Rule:
    """Return the rule as it would be with this definition; it belongs to no session. What is left out is as it is."""
    return Rule(id=rule.id, key=rule.key, version=rule.version, updated_at=rule.updated_at, **_values(rule, definition))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return the fields that differ, in the order rules.EDITABLE has them."""
    return [
        Difference(name, before.get(name), after.get(name))
        for name in rules.EDITABLE
        if before.get(name) != after.get(name)
    ]


def listing(session: Session, rule_id: uuid.UUID) -> list[RuleVersion]:
    """Return all versions of a rule, newest first."""
    query = select(RuleVersion).where(RuleVersion.rule_id == rule_id)
    return list(session.scalars(query.order_by(RuleVersion.number.desc())))


def get(session: Session, rule_id: uuid.UUID, number: int) -> RuleVersion:
    """Return one version. Raises NotFound."""
    query = select(RuleVersion).where(RuleVersion.rule_id == rule_id, RuleVersion.number == number)
    found = session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise NotFound(f"The rule has no version {number}.")
    return found


def active(session: Session, rule_id: uuid.UUID) -> RuleVersion | None:
    """Return the active version; None for a rule that was never activated."""
    return session.scalar(
        select(RuleVersion).where(RuleVersion.rule_id == rule_id, RuleVersion.status == VersionStatus.ACTIVE)
    )


def rehearsals(session: Session, status: VersionStatus) -> dict[uuid.UUID, tuple[dict[str, Any], datetime]]:
    """Return, by rule, what was found when versions of a status were rehearsed, and when; without those never asked."""
    query = select(RuleVersion.rule_id, RuleVersion.rehearsal, RuleVersion.rehearsed_at)
    query = query.where(RuleVersion.status == status, RuleVersion.rehearsed_at.is_not(None)).order_by(
        RuleVersion.number
    )
    return {rule_id: (report, at) for rule_id, report, at in session.execute(query) if report and at}


def latest(session: Session, rule: Rule) -> Mapping[str, Any]:
    """Return the definition that is active; of a rule that was never activated, the newest draft's."""
    return definition_of(rule) if rule.version else listing(session, rule.id)[0].definition


def first(rule: Rule, author: str) -> RuleVersion:
    """Return what stands in a stored rule's row as its active version; it belongs to no session."""
    at = rule.updated_at
    return RuleVersion(
        rule_id=rule.id, number=rule.version, status=VersionStatus.ACTIVE, definition=definition_of(rule),
        author=author, created_at=at, activated_at=at, activated_by=author,
    )  # fmt: skip


def keep_first(session: Session, rule: Rule, author: str) -> RuleVersion:
    """Store what stands in a rule's row as its active version, unless the rule has one; return it."""
    found = active(session, rule.id)
    if found is None:
        found = first(rule, author)
        session.add(found)
        session.flush()
    return found


def key_faults(key: str) -> list[Fault]:
    """Return what is wrong with the key of a rule of one's own."""
    if KEY.fullmatch(key):
        return []
    what = N_("found %(found)s; expected 2 to 60 of a-z, 0-9 and _, a letter first")
    return [Fault.of("key", what, found=f"{key!r:.80}")]


def create(
    session: Session, key: str, definition: Mapping[str, Any], author: str, now: datetime, note: str = ""
) -> RuleVersion:
    """Add a rule of one's own as a draft: it decides nothing before it is activated.

    Raises Conflict when the key is taken, InvalidInput for a field that does not fit.
    """
    whole = {**_DEFAULTS, **definition}
    faults = [Fault.of(name, N_("is missing")) for name in ("names", "condition") if not whole.get(name)]
    _refuse([*key_faults(key), *faults, *rules.faults(definition)])
    whole = {name: _plain(whole[name]) for name in rules.EDITABLE}
    rule = rules.add(session, key, {**_typed(whole), "enabled": False}, now)
    rule.version = 0  # no version is active yet
    return _add(session, rule, whole, author, now, note)


def draft(
    session: Session,
    rule: Rule,
    author: str,
    now: datetime,
    *,
    of: int | None = None,
    changes: Mapping[str, Any] = NOTHING,
    note: str = "",
) -> RuleVersion:
    """Store a draft of version `of` (default: what is active) with changes; nothing is decided by it.

    An equal draft of the same author is returned, and none added. Raises NotFound, or InvalidInput for a field that
    does not fit.
    """
    _refuse(rules.faults(changes))
    rules.locked(session, rule.id)  # of two at once, each needs a number of its own
    if rule.version:
        keep_first(session, rule, "")
    base = latest(session, rule) if of is None else get(session, rule.id, of).definition
    wanted = {**definition_of(rule), **base, **_json(changes)}
    query = select(RuleVersion).where(
        RuleVersion.rule_id == rule.id,
        RuleVersion.status == VersionStatus.DRAFT,
        RuleVersion.author == author,
        RuleVersion.note == note.strip(),
    )
    equal = [one for one in session.scalars(query.order_by(RuleVersion.number)) if one.definition == wanted]
    return equal[0] if equal else _add(session, rule, wanted, author, now, note)


def change(
    session: Session, rule: Rule, number: int, changes: Mapping[str, Any], author: str, now: datetime, note: str
) -> RuleVersion:
    """Change a draft; what was rehearsed of it no longer counts. Raises NotFound, InvalidInput, or Conflict."""
    found = _draft(session, rule, number)
    _refuse(rules.faults(changes))
    changed = {**found.definition, **_json(changes)}
    if changed != found.definition:
        found.rehearsal, found.rehearsed_at = None, None
    found.definition, found.note, found.author, found.created_at = changed, note.strip(), author, now
    session.flush()
    return found


def delete(session: Session, rule: Rule, number: int) -> None:
    """Throw a draft away, and the rule with the last one if it was never active. Raises NotFound, or Conflict."""
    found = _draft(session, rule, number)
    session.delete(found)
    session.flush()
    if rule.version == 0 and not listing(session, rule.id):
        session.delete(rule)
        session.flush()


def activate(session: Session, rule: Rule, number: int, author: str, now: datetime, note: str = "") -> RuleVersion:
    """Let a draft decide from the next tick on; the version that was active retires. States and alerts carry on.

    Versions rise: a draft older than the active version takes the next number. Raises NotFound, or Conflict for what
    is no draft: of an earlier version, make a draft.
    """
    found = _draft(session, rule, number)
    former = active(session, rule.id)
    if former is not None:
        now = max(now, former.activated_at or now)  # it may be of a moment ago, by another clock
        former.status, former.retired_at = VersionStatus.RETIRED, now
    if number < rule.version:
        found.number = _next_number(session, rule)
    rules.update(session, rule, _values(rule, found.definition), now)
    rule.version, rule.updated_at = found.number, now
    found.status, found.activated_at, found.activated_by = VersionStatus.ACTIVE, now, author
    found.note = note.strip() or found.note
    session.flush()
    return found


def put(
    session: Session, rule: Rule, changes: Mapping[str, Any], author: str, now: datetime, note: str = ""
) -> RuleVersion:
    """Change a rule in one step: a draft that is activated at once. Nothing happens when nothing differs.

    Raises InvalidInput for a field that does not fit.
    """
    _refuse(rules.faults(changes))
    if rule.version and not differences(definition_of(rule), definition_of(rule) | _json(changes)):
        return keep_first(session, rule, "")
    made = draft(session, rule, author, now, changes=changes, note=note)
    return activate(session, rule, made.number, author, now)


def keep_rehearsal(session: Session, rule_id: uuid.UUID, number: int, report: dict[str, Any], now: datetime) -> None:
    """Keep what a rehearsal found beside the version it was about. Raises NotFound."""
    found = get(session, rule_id, number)
    found.rehearsal, found.rehearsed_at = report, now
    session.flush()


def _add(
    session: Session, rule: Rule, definition: dict[str, Any], author: str, now: datetime, note: str
) -> RuleVersion:
    added = RuleVersion(
        rule_id=rule.id, number=_next_number(session, rule), status=VersionStatus.DRAFT, definition=definition,
        note=note.strip(), author=author, created_at=now,
    )  # fmt: skip
    session.add(added)
    session.flush()
    return added


def _next_number(session: Session, rule: Rule) -> int:
    newest = session.scalar(select(func.max(RuleVersion.number)).where(RuleVersion.rule_id == rule.id)) or 0
    return max(newest, rule.version) + 1


def _draft(session: Session, rule: Rule, number: int) -> RuleVersion:
    rules.locked(session, rule.id)  # one change of a rule at a time
    found = get(session, rule.id, number)
    if found.status is not VersionStatus.DRAFT:
        raise Conflict(f"Version {number} of the rule {rule.key} is no draft and stays as it is: make a draft of it.")
    return found


def _values(rule: Rule, definition: Mapping[str, Any]) -> dict[str, Any]:
    return _typed({**definition_of(rule), **definition})


def _typed(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition as the columns of a rule hold it."""
    kinds = {"severity": Severity, "no_data": NoData}
    return {name: kinds[name](value) if name in kinds else value for name, value in definition.items()}


def _json(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in changes.items()}


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Severity | NoData) else value


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise InvalidInput(f"The rule cannot be stored: {faults[0]}.", faults)
