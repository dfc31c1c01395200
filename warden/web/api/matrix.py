"""The risk matrix: where every watched partner stands, or stood."""

import uuid
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from warden.store import assessments, matrices
from warden.store.assessments import Placement
from warden.web.answers import why_unrated
from warden.web.api.assessments import AsOf
from warden.web.api.shapes import not_future, shown
from warden.web.deps import ApiReader, Now, Read, guard
from warden.web.problems import errors
from warden.wording import Reader

router = APIRouter(tags=["assessments"], dependencies=[guard("assessments")])


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
def get_matrix(session: Read, reader: ApiReader, now: Now, as_of: AsOf = None) -> MatrixOut:
    """Return where every watched partner stands, or stood at `as_of`, on the matrix that was active then."""
    matrix = matrices.in_force(session, not_future(as_of, now, "as_of"))
    placed: dict[tuple[int, int], list[PlacedPartner]] = {}
    unrated: list[UnratedPartner] = []
    for one in assessments.placements(session, as_of):
        cell = one.cell_on(matrix.version)
        if cell is None:
            unrated.append(UnratedPartner(id=one.partner_id, name=one.name, reason=reader.fact(why_unrated(one))))
        else:
            placed.setdefault(cell, []).append(_placed(one))
    cells = [
        MatrixCell(likelihood=row, impact=column, band=band, partners=placed.get((row, column), []))
        for row, bands in enumerate(matrix.data["grid"], 1)
        for column, band in enumerate(bands, 1)
    ]
    return MatrixOut(levels=_levels(matrix.data, reader), cells=cells, not_rated=unrated)


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
            "coverage": shown(one.coverage),
        }
    )
