"""Versions of the risk matrix: drafted, looked at, activated, kept."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Response
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema
from sqlalchemy.orm import Session

from scorers.matrix import Grid
from warden.models import Matrix
from warden.pipeline import moves
from warden.pipeline.moves import Move, Place
from warden.store import matrices
from warden.web.answers import State, state_of
from warden.web.api.shapes import IfMatch, Listed, NoBody, Sentence, sentence, set_etag
from warden.web.bounds import check_tag, tag_of
from warden.web.deps import SLOW, ApiReader, Caller, Now, Read, Write, guard
from warden.web.problems import errors
from warden.wording import Reader

router = APIRouter(prefix="/matrices", tags=["matrices"], dependencies=[guard("criteria")])


_TEMPLATE = "#/components/schemas/Matrix{model}"
SCHEMAS: dict[str, Any] = {
    f"Matrix{name}": schema
    for name, schema in models_json_schema([(Grid, "validation")], ref_template=_TEMPLATE)[1]["$defs"].items()
}
"""JSON schemas of a matrix for the API's description. The body is checked by the store, whose faults name the cell."""

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/MatrixGrid"}}},
    }
}

Data = Annotated[dict[str, Any], Body()]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]


class MatrixVersion(BaseModel):
    """One version of the matrix. Exactly one is active; drafts can be changed, all others stay as they were."""

    version: int
    state: State
    author: str
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None
    data: dict[str, Any] = Field(description="Levels, bands and grid; shaped as what POST takes.")


class PlaceOut(BaseModel):
    """A place on a matrix: its cell, by levels counted from 1, and the key of its band."""

    likelihood: int
    impact: int
    band: str


class MoveOut(BaseModel):
    """A partner who would stand elsewhere."""

    id: uuid.UUID
    name: str
    before: PlaceOut | None = Field(description="On the active matrix; null: not rated.")
    after: PlaceOut | None
    direction: Literal["worse", "milder", "same"] = Field(
        description="Of the band; same: another cell of an equal band."
    )
    why: list[Sentence]


class MovesOut(BaseModel):
    """Who would move if this version became the active one, the worst band first; most by far usually stay."""

    version: int
    counts: dict[Literal["worse", "milder", "same"], int] = Field(description="Of the moves, by direction.")
    moves: list[MoveOut]
    stay: int = Field(description="Partners whose cell and band would not change.")
    not_rated: int = Field(description="Partners without a place on either.")
    warnings: list[Sentence] = Field(description="What to think of before activating; nothing is refused for it.")


@router.get("")
def list_matrices(session: Read) -> Listed[MatrixVersion]:
    """List all versions, newest first, on one page."""
    return Listed(items=[_shape(row) for row in matrices.listing(session)], next=None)


@router.post("", status_code=201, openapi_extra=_BODY, responses=errors(422))
def draft_matrix(session: Write, now: Now, caller: Caller, response: Response, data: Data) -> MatrixVersion:
    """Store a draft. One that does not hold water is refused with the path of every fault, such as `grid[2][4]`."""
    return _answer(matrices.draft(session, data, caller.name, now), response)


@router.get("/{version}", responses=errors(404))
def get_matrix_version(session: Read, version: Version, response: Response) -> MatrixVersion:
    """Return one version."""
    return _answer(matrices.get(session, version), response)


@router.put("/{version}", openapi_extra=_BODY, responses=errors(404, 409, 412))
def change_matrix(
    session: Write, now: Now, version: Version, response: Response, data: Data, if_match: IfMatch = None
) -> MatrixVersion:
    """Replace a draft. A version that was ever active cannot be changed: draft a new one."""
    _check(session, version, if_match)
    return _answer(matrices.change(session, version, data, now), response)


@router.delete("/{version}", status_code=204, response_model=None, responses=errors(404, 409, 412))
def delete_matrix(session: Write, version: Version, if_match: IfMatch = None) -> None:
    """Throw a draft away."""
    _check(session, version, if_match)
    matrices.delete(session, version)


@router.get("/{version}/preview", responses=errors(404), dependencies=[SLOW])
def preview_matrix(session: Read, reader: ApiReader, now: Now, version: Version) -> MovesOut:
    """Return who would stand elsewhere, judged by what was last said of everybody. Nothing is changed."""
    found = moves.preview(session, matrices.get(session, version), now)
    return MovesOut(
        version=version,
        counts=found.counts,
        moves=[_move(move, reader) for move in found.moves],
        stay=found.stay,
        not_rated=found.not_rated,
        warnings=[sentence(reader, one) for one in found.warnings],
    )


@router.post("/{version}/activate", responses=errors(404, 409, 412))
def activate_matrix(
    session: Write,
    now: Now,
    caller: Caller,
    version: Version,
    response: Response,
    if_match: IfMatch = None,
    _body: NoBody = None,
) -> MatrixVersion:
    """Make a draft the active version; the next assessment places everybody on it. A past one has to be drafted anew.

    Send the ETag of what you previewed as `If-Match`, so that nobody's change in between goes live unseen.
    """
    _check(session, version, if_match)
    return _answer(matrices.activate(session, version, caller.name, now), response)


def _check(session: Session, version: int, if_match: str | None) -> None:
    found = matrices.get(session, version, lock=True)  # what is compared must not be changed before it is used
    check_tag(if_match, tag_of(found.data), f"Version {version} of the matrix")


def _answer(row: Matrix, response: Response) -> MatrixVersion:
    set_etag(response, tag_of(row.data))
    return _shape(row)


def _shape(row: Matrix) -> MatrixVersion:
    return MatrixVersion(
        version=row.version,
        state=state_of(row),
        author=row.author,
        created_at=row.created_at,
        activated_at=row.activated_at,
        retired_at=row.retired_at,
        data=row.data,
    )


def _move(move: Move, reader: Reader) -> MoveOut:
    return MoveOut(
        id=move.partner_id,
        name=move.name,
        before=_place(move.before),
        after=_place(move.after),
        direction=move.direction,
        why=[sentence(reader, one) for one in move.reasons],
    )


def _place(place: Place | None) -> PlaceOut | None:
    return None if place is None else PlaceOut(likelihood=place.likelihood, impact=place.impact, band=place.band.key)
