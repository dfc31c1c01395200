"""When the rules last looked at everybody, and what changed since of all that their verdicts depend on."""

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from warden.domain import FactKind
from warden.models import Attribution, Cadence, Criterion, Fact, Meeting, Partner, Rule, RuleSetting
from warden.store import meta

LOOKED = "rules_looked"

OVERLAP = timedelta(minutes=15)
"""What changed so long before the last look is looked at again: another process may have committed it only since."""

OVERLAPPING_FACTS = 10_000
"""So many of the facts that were there at the last look are searched again, for the same reason."""


Mark = tuple[int, int, int]
"""A rule's version, how many settings were made for it and how many ended: none of these ever falls."""


@dataclass(frozen=True, slots=True)
class Look:
    """A time all rules looked: the moment, the newest fact there was, and what each rule was.

    `known_at`: up to when facts counted, for the assessments may have been made before. `failed`: rules that could not
    be decided by. `told`: whether people are told of what it decided, which they are not of the past.
    """

    at: datetime
    known_at: datetime
    newest_fact: int
    rules: Mapping[uuid.UUID, Mark]
    failed: Collection[uuid.UUID] = ()
    told: bool = False


def last(session: Session) -> Look | None:
    """Return the last look that came to its end; None when none ever did."""
    value = meta.get(session, LOOKED)
    if value is None:
        return None
    at, known_at = (datetime.fromisoformat(value.get(name, value["at"])) for name in ("at", "known_at"))
    marks = {uuid.UUID(rule_id): (mark[0], mark[1], mark[2]) for rule_id, mark in value.get("rules", {}).items()}
    failed = {uuid.UUID(one) for one in value.get("failed", ())}
    return Look(at, known_at, value["newest_fact"], marks, failed, value.get("told", False))


def begin(session: Session, now: datetime) -> Look:
    """Return a look at `now`, to be noted once it has come to its end; to be asked for before anything is looked at."""
    known_at = min(meta.last_assessed(session) or now, now)
    return Look(now, known_at, session.scalar(select(func.max(Fact.id))) or 0, _marks(session))


def _marks(session: Session) -> dict[uuid.UUID, Mark]:
    """Return what each rule is that was ever active."""
    query = select(Rule.id, Rule.version, func.count(RuleSetting.id), func.count(RuleSetting.ended_at))
    query = query.outerjoin(RuleSetting, RuleSetting.rule_id == Rule.id).where(Rule.version > 0)
    return {
        rule_id: (version, made, ended)
        for rule_id, version, made, ended in session.execute(query.group_by(Rule.id, Rule.version))
    }


def note(session: Session, look: Look) -> None:
    """Keep a look that came to its end."""
    value = {
        "at": look.at.isoformat(),
        "known_at": look.known_at.isoformat(),
        "newest_fact": look.newest_fact,
        "rules": {str(rule_id): list(mark) for rule_id, mark in sorted(look.rules.items())},
        "failed": sorted(map(str, look.failed)),
        "told": look.told,
    }
    meta.put(session, LOOKED, value)


def everybody_is_touched(session: Session, look: Look | None, now: datetime) -> bool:
    """Tell whether all partners are to be looked at: a new day, or something was set for many of them.

    Of what a verdict depends on only assessments and what `touched` names change within a day. Counted days and windows
    change at midnight UTC; that an overdue meeting's day is over, or that a calendar turned blind, may be seen a day
    late.
    """
    if look is None or now < look.at or now.date() != look.at.date():
        return True
    since = look.at - OVERLAP
    columns = (Criterion.created_at, Criterion.ended_at, Cadence.created_at, Cadence.ended_at)
    return any(session.scalar(select(func.max(column)).where(column > since)) is not None for column in columns)


def touched_rules(before: Look, this: Look) -> set[uuid.UUID]:
    """Return the rules that changed between two looks, or what is set for which did, and those that failed at the last.

    They are compared as they are, not by moments: what was noted before a look may have been committed after it.
    """
    return {one for one, mark in this.rules.items() if before.rules.get(one) != mark or one in before.failed}


def rules_changed(session: Session) -> bool:
    """Tell whether some rule, or what is set for one, is not what it was at the last look; False if there was none."""
    look = last(session)
    return look is not None and _marks(session) != look.rules


def touched(session: Session, look: Look, assessed: Mapping[uuid.UUID, datetime]) -> set[uuid.UUID]:
    """Return the partners something changed about since the last look: assessed anew, measured, met, edited, mapped.

    `assessed`: when each partner was assessed last.
    """
    since = look.at - OVERLAP
    found = {partner_id for partner_id, at in assessed.items() if at > since}
    for query in _changes(look, since):
        found |= set(session.scalars(query))
    return found


def _changes(look: Look, since: datetime) -> Iterator[Select[Any]]:
    measured = select(Attribution.partner_id).join(Fact, Fact.key_id == Attribution.key_id)
    newer = Fact.id > look.newest_fact - OVERLAPPING_FACTS, Fact.recorded_at > since
    yield measured.where(*newer, Fact.kind == FactKind.MEASURE, Attribution.until.is_(None))
    yield select(Attribution.partner_id).where(or_(Attribution.since > since, Attribution.until > since))
    yield select(Partner.id).where(Partner.updated_at > since)
    yield select(Meeting.partner_id).where(or_(Meeting.recorded_at > since, Meeting.escalated_at > since))
