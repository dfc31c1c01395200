"""Assessments: what we said of each partner, and when. Rows are added when something differs; earlier ones stay.

Shape of `Assessment.signals`, one object per scorer, by name:

    name, family     of the outcome the scorer speaks of, and of the sources it listens to
    version          of the scorer
    model            {"form": "default" | "recalibrated" | "supervised", "number": of the learned model or null,
                     "why": {"message", "params"} or null}: who speaks, and why
    outcome          the terms the likelihood is about: every option of the outcome, null where not used
    expected         whether it should speak: it is asked about this partner, and somebody reports facts of its kind
    likelihood       0..1 that the outcome begins within outcome["horizon_days"], null when there is too little to say
    share            -ln(1 - likelihood), 0.0 when null; all shares sum to -ln(1 - the assessment's computed likelihood)
    weight           of the signal in coverage
    state            "fresh" | "stale" | "missing" | "blind"
    sample           effective number of observations behind it
    contributions    by view; they sum to logit(likelihood); empty when null
    measured         plain figures by name, null where unknown; rules see them under the same names
    evidence         [{"message": English gettext message, "params": {…}}], the headline first; a sentence about one
                     incident has its number, "incident", and the ids of its articles, "facts", newest first, at most 20
    facts            ids of the facts behind it, newest first, at most 20
    unknown          {"message", "params"} when likelihood is null, else null
    over             true: it is null because nothing is left to forecast (a dormant partner), not for want of facts

Rows of before 0.2 have no family, model, outcome, expected and over.

Shape of `Assessment.impact_parts`: [{"name", "value" (as entered, null if not), "score" 0..1 or null, "weight"}].

Shape of `Assessment.overrides`: [{"id", "quantity" "likelihood" | "impact", "value", "computed" (null if unknown),
"author", "reason", "created_at", "expires_at"}], those that hold. `likelihood` and `impact` are then their values, and
shares and contributions explain the computed likelihood.

Shape of `Assessment.reach`: {} when nothing is missing, else {"likelihood": [lowest, highest] or null (not even that is
known), "impact": likewise, "cells": [[likelihood level, impact level], …] it could yet stand in, "missing": [names of
signals and attributes]}.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import blake2b
from typing import Any

from pydantic_core import to_json
from sqlalchemy import ColumnElement, Row, Select, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from warden.domain import WATCHED_STAGES, Stage
from warden.models import Assessment, Partner
from warden.store.batches import in_batches
from warden.store.paging import Page, page


@dataclass(frozen=True, slots=True)
class AssessmentDraft:
    """One partner at one moment, before it is stored. Fields as in models.Assessment."""

    partner_id: uuid.UUID
    at: datetime
    matrix_version: int
    likelihood: float | None
    impact: float | None
    computed_likelihood: float | None
    computed_impact: float | None
    overrides: list[dict[str, Any]]
    reach: dict[str, Any]
    likelihood_level: int | None
    impact_level: int | None
    band: str | None
    coverage: float
    not_rated: dict[str, Any] | None
    signals: list[dict[str, Any]]
    impact_parts: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Said:
    """As much of a partner's last assessment as the next one looks at. `overridden`: its likelihood was a person's."""

    at: datetime
    digest: bytes
    matrix_version: int
    likelihood_level: int | None
    overridden: bool


_COLUMNS = tuple(field.name for field in fields(AssessmentDraft))
_COMPARED = tuple(name for name in _COLUMNS if name not in ("partner_id", "at", "signals"))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one watched partner stands; what the matrix draws. Without the signals, so that thousands are cheap.

    All of the assessment's fields are None for a partner never assessed; `coverage` is then 0.
    """

    partner_id: uuid.UUID
    name: str
    tier: str
    stage: Stage
    owner_id: uuid.UUID | None
    assessment_id: uuid.UUID | None
    at: datetime | None
    matrix_version: int | None
    likelihood: float | None
    impact: float | None
    likelihood_level: int | None
    impact_level: int | None
    band: str | None
    coverage: float
    not_rated: dict[str, Any] | None
    overridden: bool = False  # a person set its likelihood or impact

    def cell_on(self, matrix_version: int) -> tuple[int, int] | None:
        """Return its levels of likelihood and impact on this version of the matrix; None where it is not placed."""
        if self.likelihood_level is None or self.impact_level is None or self.matrix_version != matrix_version:
            return None
        return self.likelihood_level, self.impact_level


def latest(session: Session, partner_id: uuid.UUID, as_of: datetime | None = None) -> Assessment | None:
    """Return what was last said of a partner at or before `as_of` (default: ever)."""
    query = select(Assessment).where(Assessment.partner_id == partner_id).order_by(Assessment.at.desc()).limit(1)
    if as_of is not None:
        query = query.where(Assessment.at <= as_of)
    return session.scalar(query)


def latest_of_all(
    session: Session, as_of: datetime | None = None, partner_ids: Collection[uuid.UUID] | None = None
) -> list[Assessment]:
    """Return the last assessment of every watched partner that has one, or of the partners named, watched or not."""
    query = select(Assessment).join(Partner, _is_last(as_of))
    if partner_ids is None:
        return list(session.scalars(query.where(Partner.stage.in_(WATCHED_STAGES))))
    return [row for ids in in_batches(list(partner_ids)) for row in session.scalars(query.where(Partner.id.in_(ids)))]


def placements(session: Session, as_of: datetime | None = None) -> list[Placement]:
    """Return every watched partner with its last placement at or before `as_of`, by name, in one query."""
    query = (
        select(
            Partner.id.label("partner_id"),
            Partner.name,
            Partner.tier,
            Partner.stage,
            Partner.owner_id,
            Assessment.id.label("assessment_id"),
            Assessment.at,
            Assessment.matrix_version,
            Assessment.likelihood,
            Assessment.impact,
            Assessment.likelihood_level,
            Assessment.impact_level,
            Assessment.band,
            func.coalesce(Assessment.coverage, 0.0).label("coverage"),
            Assessment.not_rated,
            or_(
                Assessment.likelihood.is_distinct_from(Assessment.computed_likelihood),
                Assessment.impact.is_distinct_from(Assessment.computed_impact),
            ).label("overridden"),
        )
        .select_from(Partner)
        .outerjoin(Assessment, _is_last(as_of))
        .where(Partner.stage.in_(WATCHED_STAGES))
        .order_by(Partner.name)
    )
    return [Placement(*tuple(row)) for row in session.execute(query)]


def figures(session: Session, as_of: datetime, partner_ids: Collection[uuid.UUID] | None = None) -> Sequence[Row[Any]]:
    """Return what rules look at: for every watched partner (or of these) its last assessment at or before `as_of`.

    Rows have partner_id, tier, stage, assessment_id, matrix_version, likelihood, impact, band, coverage and signals, by
    partner_id.
    """
    query = (
        select(
            Partner.id.label("partner_id"),
            Partner.tier,
            Partner.stage,
            Assessment.id.label("assessment_id"),
            Assessment.matrix_version,
            Assessment.likelihood,
            Assessment.impact,
            Assessment.band,
            Assessment.coverage,
            Assessment.signals,
        )
        .join(Assessment, _is_last(as_of))
        .where(Partner.stage.in_(WATCHED_STAGES))
        .order_by(Partner.id)
    )
    if partner_ids is None:
        return session.execute(query).all()
    ids = sorted(partner_ids)
    return [row for some in in_batches(ids) for row in session.execute(query.where(Partner.id.in_(some)))]


def last_moments(session: Session, as_of: datetime) -> dict[uuid.UUID, datetime]:
    """Return when each watched partner was last assessed at or before `as_of`, by id; those never assessed are absent.

    Read from the index alone.
    """
    newest = select(Assessment.at).where(Assessment.partner_id == Partner.id, Assessment.at <= as_of)
    last = newest.order_by(Assessment.at.desc()).limit(1).correlate(Partner).scalar_subquery()
    query = select(Partner.id, last).where(Partner.stage.in_(WATCHED_STAGES)).order_by(Partner.id)
    return {partner_id: at for partner_id, at in session.execute(query) if at is not None}


def coverages(session: Session, as_of: datetime, partner_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, float]:
    """Return the coverage last said of these partners at or before `as_of`; those never assessed are absent."""
    query = select(Partner.id, Assessment.coverage).join(Assessment, _is_last(as_of))
    batches = in_batches(list(partner_ids))
    return {one: said for ids in batches for one, said in session.execute(query.where(Partner.id.in_(ids)))}


def first_moments(session: Session, partner_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """Return when each of these partners was assessed first; those never assessed are absent."""
    query = select(Assessment.partner_id, func.min(Assessment.at)).group_by(Assessment.partner_id)
    batches = in_batches(list(partner_ids))
    return dict(row for ids in batches for row in session.execute(query.where(Assessment.partner_id.in_(ids))).all())


def first_at(session: Session, partner_id: uuid.UUID) -> datetime | None:
    """Return when a partner was assessed first, None for never."""
    return session.scalar(select(func.min(Assessment.at)).where(Assessment.partner_id == partner_id))


def in_another_band(session: Session, assessment: Assessment) -> Assessment | None:
    """Return the partner's last assessment before this one that placed it in another band or none; None without one."""
    return in_other_bands(session, [assessment]).get(assessment.id)


def in_other_bands(session: Session, rows: Sequence[Assessment]) -> dict[uuid.UUID, Assessment]:
    """Return, by id of each assessment, the one `in_another_band` would; those without one are absent."""
    later, other = aliased(Assessment), aliased(Assessment)
    newest = select(other.at).where(
        other.partner_id == later.partner_id, other.at < later.at, other.band.is_distinct_from(later.band)
    )
    newest = newest.order_by(other.at.desc()).limit(1).correlate(later)
    is_newest = (Assessment.partner_id == later.partner_id) & (Assessment.at == newest.scalar_subquery())
    query = select(later.id, Assessment).join(Assessment, is_newest)
    found: dict[uuid.UUID, Assessment] = {}
    for ids in in_batches([row.id for row in rows]):
        found |= dict(session.execute(query.where(later.id.in_(ids))).all())
    return found


def in_band_since(session: Session, assessment: Assessment) -> datetime:
    """Return when the partner was first said to stand in the band of this assessment, without leaving it since."""
    own = Assessment.partner_id == assessment.partner_id
    elsewhere = own, Assessment.at < assessment.at, Assessment.band.is_distinct_from(assessment.band)
    left = session.scalar(select(func.max(Assessment.at)).where(*elsewhere))
    query = select(func.min(Assessment.at)).where(own)
    return session.scalar(query if left is None else query.where(Assessment.at > left)) or assessment.at


def by_ids(session: Session, ids: Collection[uuid.UUID]) -> list[Assessment]:
    """Return assessments by id, in any order."""
    return [
        row
        for some in in_batches(list(ids))
        for row in session.scalars(select(Assessment).where(Assessment.id.in_(some)))
    ]


def _is_last(as_of: datetime | None, strictly: bool = False) -> ColumnElement[bool]:
    """Join partner and assessment on the partner's last row; a seek in the (partner, at) index for each partner."""
    other = aliased(Assessment)
    newest = select(other.at).where(other.partner_id == Partner.id).order_by(other.at.desc()).limit(1)
    if as_of is not None:
        newest = newest.where(other.at < as_of if strictly else other.at <= as_of)
    return (Assessment.partner_id == Partner.id) & (Assessment.at == newest.correlate(Partner).scalar_subquery())


def history(
    session: Session, partner_id: uuid.UUID, since: datetime | None = None, until: datetime | None = None
) -> list[Assessment]:
    """Return a partner's assessments, oldest first, `since` and `until` included."""
    return list(session.scalars(_history(partner_id, since, until).order_by(Assessment.at)))


def listing(
    session: Session,
    partner_id: uuid.UUID,
    cursor: str | None = None,
    limit: int = 50,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Assessment]:
    """Return one page of a partner's assessments, newest first."""
    query = _history(partner_id, since, until)
    return page(session, query, Assessment.at, Assessment.id, cursor, limit, descending=True)


def _history(partner_id: uuid.UUID, since: datetime | None, until: datetime | None) -> Select[Assessment]:
    query = select(Assessment).where(Assessment.partner_id == partner_id)
    if since is not None:
        query = query.where(Assessment.at >= since)
    return query if until is None else query.where(Assessment.at <= until)


def last_said(
    session: Session,
    as_of: datetime,
    partner_ids: Collection[uuid.UUID] | None = None,
    *,
    strictly: bool = False,
) -> dict[uuid.UUID, Said]:
    """Return what was last said of each partner (default: all) at or before `as_of`; `strictly`: before it."""
    query = select(
        Assessment.partner_id,
        Assessment.at,
        Assessment.digest,
        Assessment.matrix_version,
        Assessment.likelihood_level,
        Assessment.likelihood.is_distinct_from(Assessment.computed_likelihood).label("overridden"),
    ).join(Partner, _is_last(as_of, strictly))
    batches: Iterable[Any] = (
        [query] if partner_ids is None else [query.where(Partner.id.in_(ids)) for ids in in_batches(list(partner_ids))]
    )
    return {
        row.partner_id: Said(row.at, row.digest, row.matrix_version, row.likelihood_level, bool(row.overridden))
        for one in batches
        for row in session.execute(one)
    }


def differing(drafts: Sequence[AssessmentDraft], said: Mapping[uuid.UUID, Said]) -> list[AssessmentDraft]:
    """Return the drafts that differ from what was last said at or before their moment.

    Compared exactly, but for the facts named beside each signal: those follow from what is compared, and reading them
    for a portfolio in which nothing moved would cost more than all the rest.
    """
    return [draft for draft in drafts if (last := said.get(draft.partner_id)) is None or last.digest != _digest(draft)]


def _digest(draft: AssessmentDraft) -> bytes:
    """Return a hash of what is compared: comparing it spares reading and parsing the last row of every partner."""
    said = [getattr(draft, name) for name in _COMPARED]
    signals = [{**signal, "facts": None, "evidence": _without_facts(signal["evidence"])} for signal in draft.signals]
    return blake2b(to_json([*said, signals]), digest_size=16).digest()


def _without_facts(evidence: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not any("facts" in line for line in evidence):
        return evidence
    return [{name: value for name, value in line.items() if name != "facts"} for line in evidence]


def write(session: Session, drafts: Sequence[AssessmentDraft]) -> int:
    """Store drafts, all of one moment and at most batches.BINDABLE; return how many.

    A row of the very same partner and moment is replaced.
    """
    if not drafts:
        return 0
    ids = [draft.partner_id for draft in drafts]
    there = select(Assessment.partner_id, Assessment.id)
    there = there.where(Assessment.partner_id.in_(ids), Assessment.at == drafts[0].at)
    replaced = {row.partner_id: row.id for row in session.execute(there)}
    rows = [
        {
            "id": replaced.get(draft.partner_id) or uuid.uuid4(),
            "digest": _digest(draft),
            **{name: getattr(draft, name) for name in _COLUMNS},
        }
        for draft in drafts
    ]
    new = [row for row in rows if row["partner_id"] not in replaced]
    again = [row for row in rows if row["partner_id"] in replaced]
    if new:
        session.execute(insert(Assessment), new)
    if again:
        session.execute(update(Assessment), again)
    return len(rows)
