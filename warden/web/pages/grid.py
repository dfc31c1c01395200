"""A risk matrix as pages draw it: names of levels and bands, and the bands' colours as a style sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from scorers.matrix import LEAST_CONTRAST, Band, Grid, Level, Locale, contrast
from warden.models import Matrix
from warden.store import matrices
from warden.store.assessments import Placement
from warden.web.bounds import tag_of
from warden.web.deps import Read
from warden.web.pages.drawing import Viewer

NIGHT = "#18212c"
"""Surface of cards on a dark page, as in warden.css."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, and who stands in it, most likely to worsen first."""

    impact: int
    band: Band
    partners: Sequence[Placement]


@dataclass(frozen=True, slots=True)
class Row:
    """One likelihood level, its cells by rising impact."""

    level: int
    start: float
    names: Mapping[Locale, str]
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Board:
    """One version of the matrix; most pages draw the active one."""

    version: int
    grid: Grid
    tag: str  # hash of its data

    @property
    def style_sheet(self) -> str:
        """Return the address of the bands' colours."""
        return f"/matrix.css?v={self.version}&tag={self.tag}"

    @property
    def bands(self) -> Sequence[Band]:
        """Return the bands, mildest first."""
        return self.grid.bands

    @property
    def columns(self) -> Sequence[tuple[int, Level]]:
        """Return (level, its names) of the impact axis."""
        return list(enumerate(self.grid.levels.impact, start=1))

    def band(self, key: str) -> Band | None:
        """Return a band; None for one an earlier matrix had."""
        return next((band for band in self.grid.bands if band.key == key), None)

    def rank(self, key: str | None) -> int:
        """Return the place of a band, mildest 0; -1 for none."""
        band = self.band(key) if key else None
        return band.rank if band else -1

    def rows(self, placements: Sequence[Placement]) -> list[Row]:
        """Return the rows, the highest likelihood first, with the partners placed on this matrix in their cells."""
        placed: dict[tuple[int, int], list[Placement]] = {}
        for one in placements:
            if (cell := one.cell_on(self.version)) is not None:
                placed.setdefault(cell, []).append(one)
        return [
            Row(level, names.start, names.names, [self._cell(level, impact, placed) for impact, _names in self.columns])
            for level, names in reversed(list(enumerate(self.grid.levels.likelihood, start=1)))
        ]

    def _cell(self, level: int, impact: int, placed: Mapping[tuple[int, int], list[Placement]]) -> Cell:
        band = self.grid.band(self.grid.grid[level - 1][impact - 1])
        partners = sorted(placed.get((level, impact), ()), key=lambda one: -(one.likelihood or 0))
        return Cell(impact, band, partners)


def board(session: Session) -> Board:
    """Return the active matrix."""
    return board_of(matrices.active(session))


def board_of(matrix: Matrix) -> Board:
    """Return one version of the matrix."""
    return Board(matrix.version, Grid.model_validate(matrix.data), tag_of(matrix.data))


@router.get("/matrix.css", response_model=None)
def band_colours(
    _view: Viewer, session: Read, version: Annotated[int, Query(alias="v", ge=1, le=2**31 - 1)]
) -> Response:
    """Send the colours of the bands: they are data, and our content policy allows no style inside a page."""
    drawn = board_of(matrices.get(session, version))
    rules = (
        f".band-{band.key} {{ --tone: {band.colour}; --ink: {band.ink}; --night: {_at_night(band, drawn)}; }}\n"
        for band in drawn.bands
    )
    # Kept for good: the address holds a hash of the matrix, since a draft may change.
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "ETag": f'"matrix-{drawn.tag}"'}
    return Response("".join(rules), media_type="text/css", headers=headers)


def _at_night(band: Band, active: Board) -> str:
    """Return a band's colour on a dark page: the milder the band, the closer to the page, so that the worst stands out.

    White text on it keeps the contrast that the matrix asks of its own colours.
    """
    weight = (band.rank + 0.5) / (len(active.bands) - 0.5)
    while contrast(mixed := _mixed(band.colour, NIGHT, weight), "#ffffff") < LEAST_CONTRAST:
        weight -= 0.05
    return mixed


def _mixed(colour: str, ground: str, weight: float) -> str:
    channels = ((int(colour[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(weight * over + (1 - weight) * under):02x}" for over, under in channels)
