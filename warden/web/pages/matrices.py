"""Versions of the risk matrix: drafting one, seeing who would move and why, and activating it."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Response

from warden.errors import Fault, InvalidInput
from warden.i18n import N_
from warden.models import Matrix
from warden.pipeline import moves
from warden.store import matrices
from warden.web.answers import state_of
from warden.web.bounds import NO_NUL, check_tag, tag_of
from warden.web.deps import SLOW, Read, Write
from warden.web.pages.drawing import Manager, View, Viewer, Written, see_other
from warden.web.pages.fault_words import told_all
from warden.web.pages.grid import board_of

router = APIRouter(prefix="/matrices")

Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
Data = Annotated[str, Form(max_length=200_000, pattern=NO_NUL)]


@router.get("", response_model=None)
def list_matrices(view: Viewer, session: Read) -> Response:
    """Show all versions, newest first."""
    return view.page("matrices.html", versions=[(row, state_of(row)) for row in matrices.listing(session)])


@router.post("", response_model=None)
def draft(view: Manager, session: Write) -> Response:
    """Make a draft of what is active, to be changed."""
    made = matrices.draft(session, matrices.active(session).data, view.by, view.now)
    return see_other(f"/matrices/{made.version}")


@router.get("/{version}", response_model=None)
def show_matrix(view: Viewer, session: Read, version: Version) -> Response:
    """Draw one version; a draft can be changed here."""
    return _draw(view, matrices.get(session, version))


@router.post("/{version}", response_model=None)
def change(view: Manager, session: Write, version: Version, data: Data = "", tag: Written = "") -> Response:
    """Replace a draft by what was typed; what is wrong with it is told by path, and what was typed is kept."""
    matrix = matrices.get(session, version, lock=True)
    check_tag(f'"{tag}"', tag_of(matrix.data), f"Version {version}")
    try:
        matrices.change(session, version, _parsed(data), view.now)
    except InvalidInput as error:
        return _draw(view, matrix, entered=data, wrong=error.faults)
    return see_other(f"/matrices/{version}/preview")


@router.post("/{version}/delete", response_model=None)
def delete(view: Manager, session: Write, version: Version) -> Response:
    """Throw a draft away."""
    matrices.delete(session, version)
    return see_other("/matrices")


@router.get("/{version}/preview", response_model=None, dependencies=[SLOW])
def preview(view: Viewer, session: Read, version: Version) -> Response:
    """Show who would stand elsewhere and why; managers can activate a draft from here."""
    matrix = matrices.get(session, version)
    found = moves.preview(session, matrix, view.now)
    return view.page(
        "matrix_preview.html",
        matrix=matrix,
        state=state_of(matrix),
        drawn=board_of(matrix),
        moves=found.moves,
        warnings=found.warnings,
        counts=found.counts,
        stay=found.stay,
        not_rated=found.not_rated,
    )


@router.post("/{version}/activate", response_model=None)
def activate(view: Manager, session: Write, version: Version, tag: Written = "") -> Response:
    """Make a draft the active version, unless it was changed since it was looked at."""
    matrix = matrices.get(session, version, lock=True)
    check_tag(f'"{tag}"', tag_of(matrix.data), f"Version {version}")
    matrices.activate(session, version, view.by, view.now)
    return see_other("/matrices")


def _draw(view: View, matrix: Matrix, *, entered: str | None = None, wrong: Sequence[Fault] = ()) -> Response:
    return view.page(
        "matrix_version.html",
        422 if wrong else 200,
        matrix=matrix,
        state=state_of(matrix),
        drawn=board_of(matrix),
        text=written(matrix.data) if entered is None else entered,
        wrong=told_all(view.reader, wrong),
    )


def _parsed(text: str) -> dict[str, Any]:
    """Return the JSON object that was typed. Raises InvalidInput with the place of the mistake."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        fault = Fault.of("matrix", N_("is not JSON that can be read"))
        if isinstance(error, json.JSONDecodeError):
            where = f"line {error.lineno}, column {error.colno}"
            fault = Fault.of(where, N_("this is not JSON: %(said)s"), said=error.msg)
        raise InvalidInput("This is not JSON.", [fault]) from error
    if not isinstance(data, dict):
        what = N_("expected an object with levels, bands and grid")
        raise InvalidInput("This is no matrix.", [Fault.of("matrix", what)])
    return data


def written(data: Mapping[str, Any]) -> str:
    """Return a matrix as JSON that people can edit: one line for each level, band and row of the grid."""
    levels = ",\n".join(f'    "{axis}": [\n{_lines(steps, 6)}\n    ]' for axis, steps in data["levels"].items())
    bands, grid = _lines(data["bands"], 4), _lines(data["grid"], 4)
    return f'{{\n  "levels": {{\n{levels}\n  }},\n  "bands": [\n{bands}\n  ],\n  "grid": [\n{grid}\n  ]\n}}\n'


def _lines(parts: Sequence[Any], indent: int) -> str:
    return ",\n".join(" " * indent + json.dumps(part, ensure_ascii=False) for part in parts)
