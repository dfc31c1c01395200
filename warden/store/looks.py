"""When the rules last looked at everybody, and what changed since of all that their verdicts depend on."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from warden.domain import FactKind
from warden.models import Attribution, Cadence, Criterion, Fact, Meeting, Partner, RuleSetting
from warden.store import meta

LOOKED = "rules_looked"

OVERLAP = timedelta(minutes=15)
"""What changed so long before the last look is looked at again: another process may have committed it only since."""

OVERLAPPING_FACTS = 10_000
"""So many of the facts that were there at the last look are searched again, for the same reason."""


@dataclass(frozen=True, slots=True)
class Look:
    """The last time all rules looked: the moment, the newest fact there was, and the version each rule had.

    A rule that could not be decided by is absent.
    """

    at: datetime
    newest_fact: int
    versions: Mapping[uuid.UUID, int]


def last(session: Session) -> Look | None:
    """Return the last look that came to its end; None when none ever did."""
    value = meta.get(session, LOOKED)
    if value is None:
        return None
    versions = {uuid.UUID(rule_id): version for rule_id, version in value["versions"].items()}
    return Look(datetime.fromisoformat(value["at"]), value["newest_fact"], versions)


def newest_fact(session: Session) -> int:
    """Return the number of the newest fact, 0 without any."""
    return session.scalar(select(func.max(Fact.id))) or 0


def note(session: Session, look: Look) -> None:
    """Keep a look that came to its end."""
    versions = {str(rule_id): version for rule_id, version in sorted(look.versions.items())}
    value = {"at": look.at.isoformat(), "newest_fact": look.newest_fact, "versions": versions}
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


def touched_rules(
    session: Session, look: Look, versions: Mapping[uuid.UUID, int], overlap: timedelta = timedelta()
) -> set[uuid.UUID]:
    """Return the rules that changed, or what is set for which did, since the last look (less `overlap`)."""
    changed = select(RuleSetting.rule_id).where(_after(look.at - overlap, RuleSetting)).distinct()
    return {rule_id for rule_id, version in versions.items() if look.versions.get(rule_id) != version}.union(
        session.scalars(changed)
    )


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


def _after(since: datetime, row: Any) -> ColumnElement[bool]:
    created: InstrumentedAttribute[datetime] = row.created_at
    ended: InstrumentedAttribute[datetime | None] = row.ended_at
    return or_(created > since, ended > since)
