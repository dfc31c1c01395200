"""What was said of a partner and when, what today's knowledge says of any moment, and the risk matrix."""

import math
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from warden.errors import NotFound
from warden.i18n import N_
from warden.models import Assessment
from warden.pipeline import assess
from warden.store import assessments, matrices, partners
from warden.store.assessments import AssessmentDraft, Placement
from warden.web.api.shapes import Cursor, Limit, Listed, Moment, Sentence, Since, Until, listed, sentence
from warden.web.deps import SLOW, ApiReader, CurrentServices, Now, Read, guard
from warden.web.problems import errors
from warden.wording import Reader

router = APIRouter(tags=["assessments"], dependencies=[guard("assessments")])

AsOf = Annotated[Moment | None, Query(description="What was said at this moment; left out: now.")]
NOT_ASSESSED_MESSAGE = N_("Not assessed yet.")


class Contribution(BaseModel):
    """What one signal contributes. The shares of all signals sum to -log_survival."""

    signal: str = Field(examples=["communication"])
    version: str
    state: Literal["fresh", "stale", "missing", "blind"]
    likelihood: float | None = Field(description="0 to 1; null: too little to say.")
    share: float = Field(description="-ln(1 - likelihood), at least 0.")
    weight: float = Field(description="Of the signal in coverage.")
    sample: float = Field(description="Effective number of observations behind it.")
    parts: dict[str, float] = Field(description="Terms that sum to logit(likelihood).")
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


class AssessmentOut(BaseModel):
    """One partner at one moment. Likelihood and impact are null when there is too little to say."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID | None = Field(description="Null: computed now, not stored.")
    partner_id: uuid.UUID
    at: datetime
    likelihood: float | None = Field(description="Probability that the partnership worsens within the horizon.")
    log_survival: float | None = Field(description="ln(1 - likelihood): minus the sum of all shares.")
    impact: float | None = Field(description="1 to 5.")
    cell: Cell | None
    band: str | None = Field(examples=["high"])
    coverage: float = Field(description="Share of the signals, by weight, that could be read.")
    not_rated: Sentence | None = Field(description="Why there is no place on the matrix.")
    contributions: list[Contribution]
    impact_parts: list[ImpactPart]
    matrix_version: int


class Level(BaseModel):
    """One level of the matrix: it begins at `from`."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    level: int
    lowest: float = Field(alias="from")
    name: str


class Band(BaseModel):
    """One band of the matrix, mildest first."""

    key: str
    rank: int
    name: str


class Levels(BaseModel):
    """The matrix' two axes and its bands, named in the language asked for."""

    likelihood: list[Level]
    impact: list[Level]
    bands: list[Band]


class PlacedPartner(BaseModel):
    """A partner on the matrix."""

    id: uuid.UUID
    name: str
    likelihood: float
    impact: float
    coverage: float


class MatrixCell(BaseModel):
    """One cell of the matrix and who stands in it."""

    likelihood: int
    impact: int
    band: str
    partners: list[PlacedPartner]


class UnratedPartner(BaseModel):
    """A partner without a place on the matrix."""

    id: uuid.UUID
    name: str
    reason: str


class MatrixOut(BaseModel):
    """The risk matrix: every cell, the mildest first, and who could not be placed."""

    levels: Levels
    cells: list[MatrixCell]
    not_rated: list[UnratedPartner]


@router.get("/matrix", responses=errors(404))
def get_matrix(session: Read, reader: ApiReader, as_of: AsOf = None) -> MatrixOut:
    """Return where every watched partner stands, or stood at `as_of`."""
    grid = matrices.active(session).data
    placed: dict[tuple[int, int], list[PlacedPartner]] = {}
    unrated: list[UnratedPartner] = []
    for one in assessments.placements(session, as_of):
        if one.likelihood_level is None or one.impact_level is None:
            unrated.append(_unrated(one, reader))
        else:
            placed.setdefault((one.likelihood_level, one.impact_level), []).append(_placed(one))
    cells = [
        MatrixCell(likelihood=row, impact=column, band=band, partners=placed.get((row, column), []))
        for row, bands in enumerate(grid["grid"], 1)
        for column, band in enumerate(bands, 1)
    ]
    return MatrixOut(levels=_levels(grid, reader), cells=cells, not_rated=unrated)


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
def get_latest_assessment(session: Read, reader: ApiReader, partner_id: uuid.UUID, as_of: AsOf = None) -> AssessmentOut:
    """Return what was last said of a partner, or what had been said by `as_of`: never with later knowledge."""
    partner = partners.get(session, partner_id)
    found = assessments.latest(session, partner_id, as_of)
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
    known_at: Annotated[Moment | None, Query(description="Use only what was recorded by then; left out: all.")] = None,
) -> AssessmentOut:
    """Assess a partner anew for a moment, with what is known today or was known at `known_at`. Nothing is stored."""
    partner = partners.get(session, partner_id)
    moment = min(as_of or now, now)
    drafts = assess.compute(session, services.settings, moment, min(known_at or now, now), [partner_id])
    if not drafts:
        raise NotFound(f"{partner.name} is not assessed: partners in the stage {partner.stage} are not watched.")
    return _shape(drafts[0], None, reader)


def _shape(row: Assessment | AssessmentDraft, assessment_id: uuid.UUID | None, reader: Reader) -> AssessmentOut:
    has_cell = row.likelihood_level is not None and row.impact_level is not None
    return AssessmentOut.model_validate(
        {
            "id": assessment_id,
            "partner_id": row.partner_id,
            "at": row.at,
            "likelihood": row.likelihood,
            "log_survival": None if row.likelihood is None else math.log1p(-row.likelihood),
            "impact": row.impact,
            "cell": {"likelihood": row.likelihood_level, "impact": row.impact_level} if has_cell else None,
            "band": row.band,
            "coverage": row.coverage,
            "not_rated": sentence(reader, row.not_rated) if row.not_rated else None,
            "contributions": [_contribution(signal, reader) for signal in row.signals],
            "impact_parts": row.impact_parts,
            "matrix_version": row.matrix_version,
        }
    )


def _contribution(signal: Mapping[str, Any], reader: Reader) -> Contribution:
    return Contribution(
        signal=signal["name"],
        version=signal["version"],
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


def _levels(grid: Mapping[str, Any], reader: Reader) -> Levels:
    def axis(name: str) -> list[Level]:
        found = enumerate(grid["levels"][name], 1)
        return [Level(level=number, lowest=one["from"], name=reader.name(one["names"])) for number, one in found]

    bands = [Band(key=one["key"], rank=one["rank"], name=reader.name(one["names"])) for one in grid["bands"]]
    return Levels(likelihood=axis("likelihood"), impact=axis("impact"), bands=bands)


def _placed(one: Placement) -> PlacedPartner:
    return PlacedPartner.model_validate(
        {
            "id": one.partner_id,
            "name": one.name,
            "likelihood": one.likelihood,
            "impact": one.impact,
            "coverage": one.coverage,
        }
    )


def _unrated(one: Placement, reader: Reader) -> UnratedPartner:
    reason = reader.fact(one.not_rated) if one.not_rated else reader.say(NOT_ASSESSED_MESSAGE)
    return UnratedPartner(id=one.partner_id, name=one.name, reason=reason)
