"""The active risk matrix as pages draw it: names of levels and bands, and the bands' colours as a style sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from scorers.matrix import LEAST_CONTRAST, Band, Grid, Level, Locale, contrast
from warden.store import matrices
from warden.store.assessments import Placement
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
    names: Mapping[Locale, str]
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Board:
    """The active matrix."""

    version: int
    grid: Grid

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
            if one.likelihood_level and one.impact_level:
                placed.setdefault((one.likelihood_level, one.impact_level), []).append(one)
        return [
            Row(level, names.names, [self._cell(level, impact, placed) for impact, _names in self.columns])
            for level, names in reversed(list(enumerate(self.grid.levels.likelihood, start=1)))
        ]

    def _cell(self, level: int, impact: int, placed: Mapping[tuple[int, int], list[Placement]]) -> Cell:
        band = self.grid.band(self.grid.grid[level - 1][impact - 1])
        partners = sorted(placed.get((level, impact), ()), key=lambda one: -(one.likelihood or 0))
        return Cell(impact, band, partners)


def board(session: Session) -> Board:
    """Return the active matrix."""
    matrix = matrices.active(session)
    return Board(matrix.version, Grid.model_validate(matrix.data))


@router.get("/matrix.css", response_model=None)
def band_colours(_view: Viewer, session: Read) -> Response:
    """Send the colours of the bands: they are data, and our content policy allows no style inside a page."""
    active = board(session)
    rules = (
        f".band-{band.key} {{ --tone: {band.colour}; --ink: {band.ink}; --night: {_at_night(band, active)}; }}\n"
        for band in active.bands
    )
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "ETag": f'"matrix-{active.version}"'}
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
