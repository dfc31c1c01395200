"""What was said of a partner and when, what today's knowledge says of any moment, and what moved it in between."""

import math
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from scorers.impact import part_known
from warden.domain import WATCHED_STAGES, Quantity
from warden.errors import NotFound
from warden.models import Assessment
from warden.pipeline import assess
from warden.store import assessments, outcomes, partners
from warden.store.assessments import AssessmentDraft
from warden.web.api.shapes import (
    Cursor,
    Limit,
    Listed,
    Moment,
    Sentence,
    Since,
    Until,
    listed,
    not_future,
    sentence,
    shown,
)
from warden.web.deps import SLOW, ApiReader, CurrentServices, Now, Read, guard
from warden.web.outcomes import stated
from warden.web.problems import errors
from warden.wording import Reader

router = APIRouter(tags=["assessments"], dependencies=[guard("assessments")])

AsOf = Annotated[Moment | None, Query(description="What was said at this moment; left out: now.")]
SignalState = Literal["fresh", "stale", "missing", "blind"]


class ModelOut(BaseModel):
    """Which model speaks for an outcome, and why this one."""

    form: Literal["default", "recalibrated", "supervised"]
    number: int | None = Field(description="Of the learned model; null: what ships.")
    why: Sentence | None


class Contribution(BaseModel):
    """What one signal contributes: the likelihood of one outcome. The shares of all signals sum to -log_survival."""

    signal: str = Field(examples=["silence"])
    family: str = Field(description="Of the sources it rests on.", examples=["communication"])
    version: str = Field(description="Of the scorer.")
    outcome: Sentence = Field(description="What is foretold: when it counts as begun, and how far ahead we look.")
    model: ModelOut
    expected: bool = Field(description="False: it is switched off here, or nobody reports what it rests on.")
    state: SignalState
    likelihood: float | None = Field(description="That the outcome begins within its horizon, 0 to 1; null: unknown.")
    share: float = Field(description="-ln(1 - likelihood), at least 0.")
    weight: float = Field(description="Of the signal in coverage.")
    sample: float = Field(description="Effective number of observations behind it.")
    parts: dict[str, float] = Field(description="One per view of the outcome; they sum to logit(likelihood).")
    measured: dict[str, float | None] = Field(description="The figures rules see.", examples=[{"days_silent": 24.0}])
    evidence: list[Sentence]
    unknown: Sentence | None = Field(description="Why the likelihood is null.")
    facts: list[str] = Field(description="Newest first, at most 20.", examples=[["/api/v1/facts/812"]])


class ImpactPart(BaseModel):
    """One attribute's part in the impact."""

    name: str
    value: Any = Field(description="As entered; null if it was not.")
    score: float | None = Field(description="0 to 1.")
    weight: float


class Cell(BaseModel):
    """A place on the matrix, by levels counted from 1."""

    likelihood: int
    impact: int


class Reach(BaseModel):
    """Where the partner could stand once everything missing were known."""

    likelihood: tuple[float, float] | None = Field(description="Lowest and highest; null: nothing is asked about.")
    impact: tuple[float, float] | None = Field(description="Lowest and highest.")
    cells: list[Cell]
    missing: list[str] = Field(description="Signals and attributes that are not known.")


class HeldOverride(BaseModel):
    """An override that held at that moment, beside what was computed."""

    id: uuid.UUID
    quantity: Quantity
    value: float
    computed: float | None
    author: str
    reason: str
    created_at: datetime
    expires_at: datetime


class AssessmentOut(BaseModel):
    """One partner at one moment. Likelihood and impact are null when there is too little to say."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID | None = Field(description="Null: computed now, not stored.")
    partner_id: uuid.UUID
    at: datetime
    likelihood: float | None = Field(description="That at least one outcome begins; an override's value if one holds.")
    computed_likelihood: float | None = Field(description="Without the override.")
    log_survival: float | None = Field(description="ln(1 - computed_likelihood): minus the sum of all shares.")
    impact: float | None = Field(description="1 to 5; an override's value if one holds.")
    computed_impact: float | None = Field(description="Without the override.")
    overrides: list[HeldOverride]
    cell: Cell | None
    band: str | None = Field(examples=["high"])
    reach: Reach | None = Field(description="Null: nothing is missing.")
    coverage: float = Field(description="Share of the signals, by weight, that could be read.")
    not_rated: Sentence | None = Field(description="Why there is no place on the matrix.")
    contributions: list[Contribution]
    impact_parts: list[ImpactPart]
    impact_coverage: float | None = Field(
        description="Share of the attributes, by weight, that is known; `reach.missing` names the others."
    )
    matrix_version: int


class OutcomeOut(BaseModel):
    """What is said of one outcome of a partner now, and on how much it rests."""

    model_config = ConfigDict(from_attributes=True)

    outcome: str
    at: datetime
    likelihood: float | None = Field(description="0 to 1; null: too little to say.")
    sample: float = Field(description="Effective number of observations.")
    state: SignalState
    horizon_days: float
    version: str = Field(description="Of the scorer.")
    model: int | None = Field(description="Number of the learned model that speaks; null: what ships.")


@router.get("/partners/{partner_id}/assessments", responses=errors(404))
def list_assessments(
    session: Read,
    reader: ApiReader,
    partner_id: uuid.UUID,
    cursor: Cursor = None,
    limit: Limit = 50,
    since: Since = None,
    until: Until = None,
) -> Listed[AssessmentOut]:
    """List what was said of a partner, newest first. A new assessment is kept only when something differs."""
    partners.get(session, partner_id)
    page = assessments.listing(session, partner_id, cursor, limit, since, until)
    return listed(page, lambda row: _shape(row, row.id, reader))


@router.get("/partners/{partner_id}/assessments/latest", responses=errors(404))
def get_latest_assessment(
    session: Read, reader: ApiReader, now: Now, partner_id: uuid.UUID, as_of: AsOf = None
) -> AssessmentOut:
    """Return what was last said of a partner, or what had been said by `as_of`: never with later knowledge."""
    partner = partners.get(session, partner_id)
    found = assessments.latest(session, partner_id, as_of and not_future(as_of, now, "as_of"))
    if found is None:
        raise NotFound(f"{partner.name} had not been assessed{f' by {as_of.isoformat()}' if as_of else ''}.")
    return _shape(found, found.id, reader)


@router.get("/partners/{partner_id}/assessments/compute", responses=errors(404), dependencies=[SLOW])
def compute_assessment(
    session: Read,
    services: CurrentServices,
    reader: ApiReader,
    now: Now,
    partner_id: uuid.UUID,
    as_of: Annotated[Moment | None, Query(description="The moment to judge; left out: now.")] = None,
    known_at: Annotated[Moment | None, Query(description="Use only what was known by then; left out: all.")] = None,
) -> AssessmentOut:
    """Assess a partner anew for a moment, with what is known today or was known at `known_at`. Nothing is stored.

    Not only facts: criteria, the matrix, attributes, learned models and overrides are those of `known_at`, too.
    """
    partner = partners.get(session, partner_id)
    moment, known = not_future(as_of, now, "as_of"), not_future(known_at, now, "known_at")
    drafts = assess.compute(session, services.settings, moment, known, [partner_id])
    if not drafts:
        raise NotFound(f"{partner.name} was not watched then: only partners in a watched stage are assessed.")
    return _shape(drafts[0], None, reader)


@router.get("/partners/{partner_id}/outcomes", responses=errors(404))
def list_outcomes(session: Read, partner_id: uuid.UUID) -> Listed[OutcomeOut]:
    """List the state of every outcome of a partner, on one page; empty for one that is not watched (any more)."""
    partner = partners.get(session, partner_id)
    found = outcomes.of(session, partner_id) if partner.stage in WATCHED_STAGES else []
    return Listed(items=[OutcomeOut.model_validate(row) for row in found], next=None)


def _shape(row: Assessment | AssessmentDraft, assessment_id: uuid.UUID | None, reader: Reader) -> AssessmentOut:
    has_cell = row.likelihood_level is not None and row.impact_level is not None
    computed = row.computed_likelihood
    known = part_known((part["weight"], part["score"]) for part in row.impact_parts)
    return AssessmentOut.model_validate(
        {
            "id": assessment_id,
            "partner_id": row.partner_id,
            "at": row.at,
            "likelihood": row.likelihood,
            "computed_likelihood": computed,
            "log_survival": None if computed is None else math.log1p(-computed),
            "impact": row.impact,
            "computed_impact": row.computed_impact,
            "overrides": row.overrides,
            "cell": {"likelihood": row.likelihood_level, "impact": row.impact_level} if has_cell else None,
            "band": row.band,
            "reach": _reach(row.reach) if row.reach else None,
            "coverage": shown(row.coverage),
            "not_rated": sentence(reader, row.not_rated) if row.not_rated else None,
            "contributions": [_contribution(signal, reader) for signal in row.signals],
            "impact_parts": row.impact_parts,
            "impact_coverage": None if known is None else shown(known),
            "matrix_version": row.matrix_version,
        }
    )


def _reach(reach: Mapping[str, Any]) -> dict[str, Any]:
    return {**reach, "cells": [{"likelihood": row, "impact": column} for row, column in reach["cells"]]}


OLD_SIGNAL: Mapping[str, Any] = {
    "family": "",
    "outcome": {},
    "expected": True,
    "model": {"form": "default", "number": None, "why": None},
}
"""What signals lack that were stored before 0.2."""


def _contribution(stored: Mapping[str, Any], reader: Reader) -> Contribution:
    signal = {**OLD_SIGNAL, **stored}
    model = signal["model"]
    return Contribution(
        signal=signal["name"],
        family=signal["family"],
        version=signal["version"],
        outcome=sentence(reader, stated(signal["name"], signal["outcome"])),
        model=ModelOut(
            form=model["form"], number=model["number"], why=sentence(reader, model["why"]) if model["why"] else None
        ),
        expected=signal["expected"],
        state=signal["state"],
        likelihood=signal["likelihood"],
        share=signal["share"],
        weight=signal["weight"],
        sample=signal["sample"],
        parts=signal["contributions"],
        measured=signal["measured"],
        evidence=[sentence(reader, one) for one in signal["evidence"]],
        unknown=sentence(reader, signal["unknown"]) if signal["unknown"] else None,
        facts=[f"/api/v1/facts/{fact_id}" for fact_id in signal["facts"]],
    )
