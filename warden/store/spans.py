"""What was said of many partners over a span of time, and what they were meanwhile: for walking through the past."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Row, Select, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from collectors.base import COMPLIANCE
from warden.domain import FactKind, Stage
from warden.models import Assessment, Attribution, Fact, Partner, PartnerVersion
from warden.store.facts import in_force
from warden.store.partners import VERSIONED
from warden.store.periods import held

_READ = 500  # rows fetched at a time

_COLUMNS = (
    Assessment.partner_id,
    Assessment.at,
    Assessment.matrix_version,
    Assessment.likelihood,
    Assessment.impact,
    Assessment.band,
    Assessment.coverage,
)

_LEFT_OUT = ("evidence", "facts", "contributions")
"""What rules do not look at is most of what a signal holds: parsing it would take most of the time."""

_MOST_SIGNALS = 20


@dataclass(frozen=True, slots=True)
class Held:
    """A partner's tier and stage from a moment on."""

    since: datetime
    tier: str
    stage: Stage


def lives(session: Session) -> Mapping[uuid.UUID, Sequence[Held]]:
    """Return the tier and stage of every partner over time, oldest first, by id in order."""
    found: dict[uuid.UUID, list[Held]] = {}
    for partner_id, since, tier, stage in session.execute(
        select(Partner.id, Partner.created_at, Partner.tier, Partner.stage).order_by(Partner.id)
    ):
        found[partner_id] = [Held(since, tier, stage)]
    kept: dict[uuid.UUID, list[Held]] = {}
    query = select(PartnerVersion.partner_id, PartnerVersion.since, PartnerVersion.tier, PartnerVersion.stage)
    for partner_id, since, tier, stage in session.execute(query.order_by(PartnerVersion.since)):
        kept.setdefault(partner_id, []).append(Held(since, tier, stage))
    return {partner_id: kept.get(partner_id, own) for partner_id, own in found.items()}


def attributes(session: Session, partner_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Sequence[Row[Any]]]:
    """Return all versions of some partners' attributes, oldest first; region and tags are today's in all of them."""
    columns = (PartnerVersion.since, *(getattr(PartnerVersion, name) for name in VERSIONED))
    query = select(PartnerVersion.partner_id, *columns, Partner.region, Partner.tags).join(Partner)
    found: dict[uuid.UUID, list[Row[Any]]] = {}
    for row in session.execute(query.where(Partner.id.in_(partner_ids)).order_by(PartnerVersion.since)):
        found.setdefault(row.partner_id, []).append(row)
    return found


def partner_ids(session: Session) -> list[uuid.UUID]:
    """Return the ids of all partners, in order."""
    return list(session.scalars(select(Partner.id).order_by(Partner.id)))


def count(session: Session, since: datetime, until: datetime) -> int:
    """Return how many assessments there are after `since` up to `until`."""
    query = select(func.count()).select_from(Assessment).where(Assessment.at > since, Assessment.at <= until)
    return session.scalar(query) or 0


def assessments(
    session: Session, partner_ids: Collection[uuid.UUID], since: datetime, until: datetime, every: int = 1
) -> Iterator[Row[Any]]:
    """Yield what was said of some partners, of each oldest first: the last by `since`, every `every`-th after it.

    Rows have partner_id, at, matrix_version, likelihood, impact, band, coverage and signals, those without evidence,
    facts and contributions. They are read as they are asked for: a year of a few partners would fill the memory.
    """
    columns = (*_COLUMNS, _signals(session).label("signals"))
    earlier = aliased(Assessment)
    newest = select(earlier.at).where(earlier.partner_id == Partner.id, earlier.at <= since)
    newest = newest.order_by(earlier.at.desc()).limit(1).correlate(Partner)
    is_last = (Assessment.partner_id == Partner.id) & (Assessment.at == newest.scalar_subquery())
    yield from session.execute(select(*columns).join(Partner, is_last).where(Partner.id.in_(partner_ids)))
    later = _after(select(*columns), partner_ids, since, until, every)
    yield from session.execute(later.execution_options(yield_per=_READ))


def _signals(session: Session) -> ColumnElement[Any]:
    """Return the signals without what rules do not look at."""
    if session.get_bind().dialect.name == "sqlite":
        paths = [f"$[{place}].{name}" for place in range(_MOST_SIGNALS) for name in _LEFT_OUT]
        return func.json_remove(Assessment.signals, *paths, type_=JSON)
    signal = func.jsonb_array_elements(cast(Assessment.signals, JSONB)).column_valued("signal")
    slim: ColumnElement[Any] = cast(signal, JSONB)
    for name in _LEFT_OUT:
        slim = slim.op("-")(literal(name))
    return select(func.jsonb_agg(slim, type_=JSONB)).correlate(Assessment).scalar_subquery()


def _after(
    rows: Select[*tuple[Any, ...]], partner_ids: Collection[uuid.UUID], since: datetime, until: datetime, every: int
) -> Select[*tuple[Any, ...]]:
    within = (Assessment.partner_id.in_(partner_ids), Assessment.at > since, Assessment.at <= until)
    query = rows.order_by(Assessment.partner_id, Assessment.at)
    if every == 1:
        return query.where(*within)
    # Chosen by the index alone: what is left out is never read.
    number = func.row_number().over(partition_by=Assessment.partner_id, order_by=Assessment.at).label("number")
    numbered = select(Assessment.partner_id, Assessment.at, number).where(*within).subquery()
    same = (numbered.c.partner_id == Assessment.partner_id) & (numbered.c.at == Assessment.at)
    return query.join(numbered, same).where(numbered.c.number % every == 0)


def compliance(session: Session, since: datetime, until: datetime) -> list[tuple[uuid.UUID, datetime]]:
    """Return whose compliance incidents were reported, and of when, oldest first."""
    query = select(Attribution.partner_id, Fact.observed_at).join(Fact, Fact.key_id == Attribution.key_id)
    query = query.where(Fact.kind == FactKind.MEASURE, Fact.name == COMPLIANCE, Fact.number > 0)
    query = query.where(Fact.observed_at > since, Fact.observed_at <= until, in_force(until), held(until, until))
    return [(row.partner_id, row.observed_at) for row in session.execute(query.distinct().order_by(Fact.observed_at))]
