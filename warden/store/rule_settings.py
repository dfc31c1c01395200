"""Other values of a rule's fields and parameters, for a tier or a partner, and which value holds for whom and why.

Rows are ended and never changed. Value by value the narrowest wins: partner, tier, and the rule itself.
"""

import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from warden.domain import NoData, Scope, Severity
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.i18n import N_
from warden.models import Partner, Rule, RuleSetting
from warden.store import meta, partners, rules
from warden.store.partners import unknown_tier

FIELDS: Mapping[str, type] = {
    "enabled": bool,
    "severity": Severity,
    "for_seconds": int,
    "keep_firing_for_seconds": int,
    "no_data": NoData,
    "no_data_for_seconds": int,
    "meeting_within_days": int,
}
"""The fields of a rule that a tier or a partner may have its own value of, besides every parameter."""

_NULLABLE = frozenset({"meeting_within_days"})

_LOCK = "rule_settings"

ONE_OF_MESSAGE = N_("found %(found)s; expected one of %(names)s")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: the rule itself (scope PORTFOLIO, no setting), or a setting for a tier or a partner."""

    scope: Scope = Scope.PORTFOLIO
    setting_id: uuid.UUID | None = None
    subject: str = ""  # the tier, or the partner's id
    author: str | None = None
    reason: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """What a rule is for one partner. `origins`: of each field in FIELDS and of each parameter."""

    enabled: bool
    severity: Severity
    for_seconds: int
    keep_firing_for_seconds: int
    no_data: NoData
    no_data_for_seconds: int
    meeting_within_days: int | None
    parameters: Mapping[str, float]
    origins: Mapping[str, Origin]


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings of one rule that hold at one moment, by tier (any case) and by partner."""

    by_tier: Mapping[str, Sequence[RuleSetting]]
    by_partner: Mapping[uuid.UUID, Sequence[RuleSetting]]

    def chain(self, tier: str, partner_id: uuid.UUID | None) -> tuple[uuid.UUID, ...]:
        """Return what names the values of a partner: two with the same chain have the same; () has the rule's own."""
        return tuple(row.id for row in self.rows(tier, partner_id))

    def rows(self, tier: str, partner_id: uuid.UUID | None) -> Sequence[RuleSetting]:
        """Return the settings that reach a partner (None: a tier as such), the widest first."""
        if not self.by_tier and not self.by_partner:
            return ()
        own = self.by_partner.get(partner_id, ()) if partner_id is not None else ()
        return (*self.by_tier.get(tier.strip().casefold(), ()), *own)


NO_SETTINGS = InForce({}, {})
"""Of a rule for which nothing is set."""


def in_force(session: Session, rule_id: uuid.UUID, at: datetime | None = None) -> InForce:
    """Return the settings of a rule that hold at `at` (default: that nobody has ended), for everybody, in one query."""
    return _sorted(_rows(session, at, rule_id))


def in_force_of_all(session: Session, at: datetime | None = None) -> Mapping[uuid.UUID, InForce]:
    """Return the same for every rule that has settings, by the rule's id, in one query."""
    found: dict[uuid.UUID, list[RuleSetting]] = {}
    for row in _rows(session, at):
        found.setdefault(row.rule_id, []).append(row)
    return {rule_id: _sorted(rows) for rule_id, rows in found.items()}


def effective(rule: Rule, settings: InForce, tier: str, partner_id: uuid.UUID | None) -> Effective:
    """Return every value that holds for a partner (None: a tier as such), with where it comes from.

    A setting of a parameter the rule no longer has reaches nothing.
    """
    values = {name: getattr(rule, name) for name in FIELDS}
    parameters = {name: float(value) for name, value in rule.parameters.items()}
    origins = dict.fromkeys([*values, *parameters], Origin())
    for row in settings.rows(tier, partner_id):
        value = row.value["value"]
        if row.name in values:
            kind = FIELDS[row.name]
            values[row.name] = None if value is None else kind(value)
        elif row.name in parameters:
            parameters[row.name] = float(value)
        else:
            continue
        origins[row.name] = Origin(row.scope, row.id, _subject(row), row.author, row.reason, row.created_at)
    return Effective(**values, parameters=parameters, origins=origins)


def listing(session: Session, rule_id: uuid.UUID, *, history: bool = False) -> list[RuleSetting]:
    """Return a rule's settings, newest first: those that hold, or with `history` the ended ones too."""
    query = select(RuleSetting).where(RuleSetting.rule_id == rule_id)
    if not history:
        query = query.where(RuleSetting.ended_at.is_(None))
    return list(session.scalars(query.order_by(RuleSetting.created_at.desc(), RuleSetting.id)))


def add(
    session: Session,
    rule: Rule,
    *,
    scope: Scope,
    subject: str,
    name: str,
    value: Any,
    reason: str,
    author: str,
    now: datetime,
) -> RuleSetting:
    """Let a tier or a partner have its own value from `now` on, in place of what was set for it before.

    `subject`: the tier or the partner's id. Nothing happens when the same is set for the same reason. Raises
    InvalidInput whose faults name the field: scope, subject, name, value or reason.
    """
    reason = reason.strip()
    tier, partner_id, faults = _whom(session, scope, subject)
    faults += value_faults(rule, name, value)
    if not reason:
        faults.append(Fault.of("reason", N_("is empty; expected why this value is right here")))
    if faults:
        raise InvalidInput(f"This cannot be set: {faults[0]}.", faults)
    meta.hold(session, _LOCK)
    former = _standing(session, rule.id, tier, partner_id, name)
    if former is not None:
        if former.value == {"value": value} and former.reason == reason:
            return former
        now = max(now, former.created_at)  # what was set a moment ago by another clock
        former.ended_at, former.ended_by = now, author
    added = RuleSetting(
        id=uuid.uuid4(), rule_id=rule.id, scope=scope, tier=tier, partner_id=partner_id, name=name,
        value={"value": value}, reason=reason, author=author, created_at=now,
    )  # fmt: skip
    session.add(added)
    session.flush()
    return added


def end(session: Session, rule_id: uuid.UUID, setting_id: uuid.UUID, author: str, now: datetime) -> RuleSetting:
    """Let a setting hold no longer: the next wider value holds again. Raises NotFound; Conflict when it has ended."""
    meta.hold(session, _LOCK)
    found = session.get(RuleSetting, setting_id, populate_existing=True)
    if found is None or found.rule_id != rule_id:
        raise NotFound(f"The rule has no setting {setting_id}.")
    if found.ended_at is not None:
        raise Conflict("This setting has ended already.")
    found.ended_at, found.ended_by = max(now, found.created_at), author
    session.flush()
    return found


def value_faults(rule: Rule, name: str, value: Any) -> list[Fault]:
    """Return what is wrong with a value of one field or parameter; faults name "name" or "value"."""
    if name in rule.parameters:
        if is_number(value):
            return []
        return [Fault.of("value", N_("found %(found)s; expected a number"), found=f"{value!r:.80}")]
    if name not in FIELDS:
        known = ", ".join([*rule.parameters, *FIELDS])
        return [Fault.of("name", ONE_OF_MESSAGE, found=f"{name!r:.80}", names=known)]
    if value is None and name in _NULLABLE:
        return []
    kind = FIELDS[name]
    if kind in (int, bool):
        if type(value) is not kind:
            expected = N_("found %(found)s; expected true or false")
            if kind is int:
                expected = N_("found %(found)s; expected a whole number")
            return [Fault.of("value", expected, found=f"{value!r:.80}")]
    elif not isinstance(value, str) or value not in {str(one) for one in kind}:  # type: ignore[attr-defined]
        known = ", ".join(kind)  # type: ignore[arg-type]
        return [Fault.of("value", ONE_OF_MESSAGE, found=f"{value!r:.80}", names=known)]
    return [replace(fault, where="value") for fault in rules.faults({name: value})]


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a number that can be reckoned with; a whole number may be too large for that."""
    is_numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return is_numeric and abs(value) <= sys.float_info.max


def _rows(session: Session, at: datetime | None, rule_id: uuid.UUID | None = None) -> Iterable[RuleSetting]:
    query = select(RuleSetting).order_by(RuleSetting.created_at, RuleSetting.id)
    if rule_id is not None:
        query = query.where(RuleSetting.rule_id == rule_id)
    if at is None:
        query = query.where(RuleSetting.ended_at.is_(None))
    else:
        running = or_(RuleSetting.ended_at.is_(None), RuleSetting.ended_at > at)
        query = query.where(RuleSetting.created_at <= at, running)
    return session.scalars(query)


def _sorted(rows: Iterable[RuleSetting]) -> InForce:
    by_tier: dict[str, list[RuleSetting]] = {}
    by_partner: dict[uuid.UUID, list[RuleSetting]] = {}
    for row in rows:
        if row.partner_id is not None:
            by_partner.setdefault(row.partner_id, []).append(row)
        elif row.tier is not None:
            by_tier.setdefault(row.tier.casefold(), []).append(row)
    return InForce(by_tier, by_partner)


def _subject(row: RuleSetting) -> str:
    return row.tier or str(row.partner_id)


def _whom(session: Session, scope: Scope, subject: str) -> tuple[str | None, uuid.UUID | None, list[Fault]]:
    """Return the tier or the partner's id, and what is wrong with them."""
    subject = subject.strip()
    if scope is Scope.TIER:
        known = {tier.casefold(): tier for tier in partners.tiers(session)}
        if subject.casefold() in known:
            return known[subject.casefold()], None, []
        return None, None, [unknown_tier(subject, known.values())]
    if scope is Scope.PARTNER:
        try:
            partner_id = uuid.UUID(subject)
        except ValueError:
            partner_id = None
        if partner_id is not None and session.get(Partner, partner_id) is not None:
            return None, partner_id, []
        what = N_("found %(found)s; expected the id of a partner")
        return None, None, [Fault.of("subject", what, found=f"{subject!r:.80}")]
    what = N_("found portfolio; expected tier or partner: for everybody, change the rule")
    return None, None, [Fault.of("scope", what)]


def _standing(
    session: Session, rule_id: uuid.UUID, tier: str | None, partner_id: uuid.UUID | None, name: str
) -> RuleSetting | None:
    query = select(RuleSetting).where(
        RuleSetting.rule_id == rule_id, RuleSetting.name == name, RuleSetting.ended_at.is_(None)
    )
    for row in session.scalars(query):
        if row.partner_id == partner_id and (row.tier or "").casefold() == (tier or "").casefold():
            return row
    return None
