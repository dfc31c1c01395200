"""The risk matrix as data: levels, bands, which cell belongs to which band, and when a partner moves to another.

It computes no likelihood or impact.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from scorers.base import Floats, Index, logit, refusal, sigmoid

Locale = Literal["en", "zh-Hant", "zh-Hans", "vi"]
LOCALES: tuple[Locale, ...] = ("en", "zh-Hant", "zh-Hans", "vi")

AXES = {"likelihood": (0.0, 1.0), "impact": (1.0, 5.0)}
"""The two axes and the range of each."""

BEGINS_MESSAGE = "the first level begins at %(least)s, where the axis begins"
RISES_MESSAGE = "each level has to begin above the one before, below %(most)s"
STARTS_MESSAGE = "found %(found)s starts, expected %(levels)s, one per level of the matrix"
AXIS_MESSAGE = "found %(found)s, expected %(least)s, where the axis begins"
LEVEL_MESSAGE = "found %(found)s, expected more than %(lower)s and less than %(most)s"
TWICE_MESSAGE = "%(key)s is used twice"
RANK_MESSAGE = "found %(found)s, expected %(rank)s: bands stand mildest first"
CONTRAST_MESSAGE = "contrast with %(colour)s is %(found)s, expected at least %(least)s"
MISSING_MESSAGE = "missing"
NAME_MESSAGE = "expected a name that can be read, on one line"
ROWS_MESSAGE = "found %(found)s rows, expected %(rows)s, one per likelihood level"
CELLS_MESSAGE = "found %(found)s cells, expected %(columns)s, one per impact level"
KEY_MESSAGE = "no band has the key %(key)s"


class Misfit(NamedTuple):
    """One thing wrong with a matrix: its path, and a sentence whose placeholders `params` fill."""

    path: str
    message: str
    params: Mapping[str, Any] = {}

    @property
    def text(self) -> str:
        """Return the sentence in English."""
        return self.message % self.params


LEAST_CONTRAST = 4.5
"""Of a band's ink on its colour: WCAG 2.2, AA, success criterion 1.4.3."""

Names = dict[Locale, Annotated[str, Field(min_length=1, max_length=60)]]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


Starts = Annotated[list[float], Field(min_length=2, max_length=10)]


class Thresholds(BaseModel):
    """Where a partner's levels begin and when they end; may differ by tier and by partner. The defaults are shipped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exit_margin: float = Field(
        1.0, ge=0, le=5, description="A likelihood level ends so far below its start, in log-odds; 0: at its start."
    )
    coverage_floor: float | None = Field(
        None, ge=0, le=1, description="Below this coverage a partner is not rated; not set: as in the settings."
    )
    likelihood: Starts | None = Field(
        None, description="Where each likelihood level begins, the first at 0; not set: as in the matrix."
    )
    impact: Starts | None = Field(
        None, description="Where each impact level begins, the first at 1; not set: as in the matrix."
    )

    @field_validator(*AXES)
    @classmethod
    def _rising(cls, starts: list[float] | None, info: ValidationInfo) -> list[float] | None:
        least, most = AXES[str(info.field_name)]
        if starts is None:
            return None
        if starts[0] != least:
            raise refusal(BEGINS_MESSAGE, least=f"{least:g}")
        if not all(lower < upper < most for lower, upper in pairwise(starts)):
            raise refusal(RISES_MESSAGE, most=f"{most:g}")
        return starts


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Level(_Part):
    """One step of an axis: from this value up to where the next begins."""

    start: float = Field(alias="from")
    names: Names


class Levels(_Part):
    """The steps of both axes, lowest first."""

    likelihood: Annotated[list[Level], Field(min_length=2, max_length=10)]
    impact: Annotated[list[Level], Field(min_length=2, max_length=10)]


class Band(_Part):
    """What a cell means. `rank` 0 is the mildest; `ink` is the colour of text on `colour`."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    rank: Annotated[int, Field(ge=0)]
    colour: Colour
    ink: Colour
    names: Names


class Grid(_Part):
    """A whole matrix: `grid[likelihood level - 1][impact level - 1]` is the key of a band."""

    levels: Levels
    bands: Annotated[list[Band], Field(min_length=2, max_length=10)]
    grid: list[list[str]]

    def band(self, key: str) -> Band:
        """Return the band of this key; raises KeyError."""
        return {band.key: band for band in self.bands}[key]

    def place(
        self,
        likelihood: Floats,
        impact: Floats,
        before: Index | None = None,
        thresholds: Sequence[Thresholds] = (Thresholds(),),
        of: Index | None = None,
    ) -> "Placement":
        """Place partners `(n,)`; where either is NaN, nothing is placed.

        A likelihood level is entered at once. A partner that stood on it (`before`, `(n,)`, 1-based, 0 for unknown)
        leaves only when its likelihood is down to the level's start less the exit margin, in log-odds: else one that
        wavers about a start would cry wolf each time it passes. `of` `(n,)` says whose thresholds are whose,
        default all the first; starts for another number of levels than the matrix has (see `misfits`) are not used.
        """
        whose = np.zeros(len(likelihood), dtype=np.intp) if of is None else of
        rows, columns = np.zeros(len(likelihood), dtype=np.intp), np.zeros(len(likelihood), dtype=np.intp)
        for number, chosen in enumerate(thresholds):
            own = whose == number
            starts = self._starts("likelihood", chosen)
            rows[own] = _level(likelihood[own], starts)
            if before is not None:
                rows[own] = _held(rows[own], before[own], likelihood[own], starts, chosen.exit_margin)
            columns[own] = _level(impact[own], self._starts("impact", chosen))
        placed = (rows > 0) & (columns > 0)
        index = {band.key: number for number, band in enumerate(self.bands)}
        cells = np.array([[index[key] for key in row] for row in self.grid], dtype=np.intp)
        bands = np.where(placed, cells[np.maximum(rows, 1) - 1, np.maximum(columns, 1) - 1], -1)
        return Placement(rows, columns, bands)

    def leaves_below(self, level: int, impact: int, thresholds: Thresholds) -> float | None:
        """Return the likelihood below which a partner on these levels, 1-based, leaves its band; None if none does."""
        column = [row[impact - 1] for row in self.grid[:level]]
        while column and column[-1] == self.grid[level - 1][impact - 1]:
            column.pop()
        if not column:
            return None
        start = self._starts("likelihood", thresholds)[len(column) :][:1]
        return float(sigmoid(logit(start) - thresholds.exit_margin)[0])

    def start(self, level: int, thresholds: Thresholds) -> float:
        """Return the likelihood at which a level, 1-based, begins."""
        return float(self._starts("likelihood", thresholds)[level - 1])

    def faults(self) -> list[Misfit]:
        """Return everything wrong with how the parts go together; each part by itself is as its class says."""
        return [*_axis_faults(self), *_band_faults(self), *_cell_faults(self)]

    def misfits(self, thresholds: Thresholds) -> list[Misfit]:
        """Return the starts given for another number of levels than this matrix has."""
        faults = []
        for axis in AXES:
            given, levels = getattr(thresholds, axis), getattr(self.levels, axis)
            if given is not None and len(given) != len(levels):
                faults.append(Misfit(axis, STARTS_MESSAGE, {"found": len(given), "levels": len(levels)}))
        return faults

    def milder_steps(self) -> list[tuple[str, int, int]]:
        """Return where one step up an axis leads to a milder band, as (axis, likelihood level, impact level) reached.

        Nobody is kept from drawing such a matrix; it is seldom meant.
        """
        rank = {band.key: band.rank for band in self.bands}
        ranks = [[rank[key] for key in row] for row in self.grid]
        cells = [(row, column) for row in range(len(ranks)) for column in range(len(ranks[0]))]
        up = [("likelihood", r + 1, c + 1) for r, c in cells if r and ranks[r][c] < ranks[r - 1][c]]
        right = [("impact", r + 1, c + 1) for r, c in cells if c and ranks[r][c] < ranks[r][c - 1]]
        return up + right

    def _starts(self, axis: str, thresholds: Thresholds) -> Floats:
        levels: list[Level] = getattr(self.levels, axis)
        given: list[float] | None = getattr(thresholds, axis)
        own = given is not None and len(given) == len(levels)
        return np.array(given if own else [level.start for level in levels], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where partners stand, `(n,)` each.

    Levels are 1-based, 0 for unknown; `band` is an index into Grid.bands, -1 for none.
    """

    likelihood_level: NDArray[np.intp]
    impact_level: NDArray[np.intp]
    band: NDArray[np.intp]


def validate(data: Any) -> list[tuple[str, str]]:
    """Return everything wrong with a matrix as (path, message), e.g. ("grid[2][4]", "no band has the key 'severe'")."""
    try:
        grid = Grid.model_validate(data)
    except ValidationError as error:
        return [(_path(fault["loc"]), fault["msg"]) for fault in error.errors(include_url=False)]
    return [(fault.path, fault.text) for fault in grid.faults()]


def parse(data: Any) -> Grid:
    """Return the matrix; raises ValueError naming the first fault and how many there are."""
    faults = validate(data)
    if faults:
        path, message = faults[0]
        raise ValueError(f"the matrix has {len(faults)} fault(s), the first at {path}: {message}")
    return Grid.model_validate(data)


def contrast(first: str, second: str) -> float:
    """Return the WCAG contrast ratio of two colours `#rrggbb`, 1..21."""
    lights = sorted((_luminance(first), _luminance(second)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _level(values: Floats, starts: Floats) -> Index:
    """Return the 1-based levels `(n,)` of values, 0 for NaN."""
    found = np.clip(np.searchsorted(starts, values, side="right"), 1, len(starts))
    return np.where(np.isnan(values), 0, found).astype(np.intp)


def _held(levels: Index, before: Index, likelihood: Floats, starts: Floats, margin: float) -> Index:
    """Return the levels `(n,)` of partners that leave the one they stood on only beyond the margin."""
    ends = np.append(starts[0], sigmoid(logit(starts[1:]) - margin))
    not_yet_left = np.maximum(np.searchsorted(ends, likelihood, side="left"), 1)
    held = np.maximum(levels, np.minimum(before, not_yet_left))
    return np.where(levels > 0, held, 0).astype(np.intp)


def _path(location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.removeprefix(".") or "matrix"


def _axis_faults(grid: Grid) -> list[Misfit]:
    faults = []
    for axis, (least, most) in AXES.items():
        levels: list[Level] = getattr(grid.levels, axis)
        if levels[0].start != least:
            params = {"found": str(levels[0].start), "least": str(least)}
            faults.append(Misfit(f"levels.{axis}[0].from", AXIS_MESSAGE, params))
        for number, (lower, upper) in enumerate(pairwise(levels), start=1):
            if not lower.start < upper.start < most:
                params = {"found": str(upper.start), "lower": str(lower.start), "most": str(most)}
                faults.append(Misfit(f"levels.{axis}[{number}].from", LEVEL_MESSAGE, params))
        for number, level in enumerate(levels):
            faults += _name_faults(f"levels.{axis}[{number}].names", level.names)
    return faults


def _band_faults(grid: Grid) -> list[Misfit]:
    faults = []
    keys: set[str] = set()
    for number, band in enumerate(grid.bands):
        path = f"bands[{number}]"
        if band.key in keys:
            faults.append(Misfit(f"{path}.key", TWICE_MESSAGE, {"key": repr(band.key)}))
        keys.add(band.key)
        if band.rank != number:
            faults.append(Misfit(f"{path}.rank", RANK_MESSAGE, {"found": band.rank, "rank": number}))
        if (ratio := contrast(band.colour, band.ink)) < LEAST_CONTRAST:
            params = {"colour": band.colour, "found": f"{ratio:.1f}", "least": str(LEAST_CONTRAST)}
            faults.append(Misfit(f"{path}.ink", CONTRAST_MESSAGE, params))
        faults += _name_faults(f"{path}.names", band.names)
    return faults


def _name_faults(path: str, names: Names) -> list[Misfit]:
    missing = [Misfit(f"{path}.{locale}", MISSING_MESSAGE) for locale in LOCALES if locale not in names]
    blank = [locale for locale, name in names.items() if not _is_readable(name)]
    return missing + [Misfit(f"{path}.{locale}", NAME_MESSAGE) for locale in blank]


def _is_readable(name: str) -> bool:
    """Tell whether there is something to see, on one line: no control character or line break, not only white space."""
    kinds = {unicodedata.category(one) for one in name}
    return kinds.isdisjoint({"Cc", "Cs", "Zl", "Zp"}) and any(kind[0] not in "ZC" for kind in kinds)


def _cell_faults(grid: Grid) -> list[Misfit]:
    rows, columns = len(grid.levels.likelihood), len(grid.levels.impact)
    keys = {band.key for band in grid.bands}
    faults = []
    if len(grid.grid) != rows:
        faults.append(Misfit("grid", ROWS_MESSAGE, {"found": len(grid.grid), "rows": rows}))
    for i, row in enumerate(grid.grid):
        if len(row) != columns:
            faults.append(Misfit(f"grid[{i}]", CELLS_MESSAGE, {"found": len(row), "columns": columns}))
        unknown = [(j, key) for j, key in enumerate(row) if key not in keys]
        faults += [Misfit(f"grid[{i}][{j}]", KEY_MESSAGE, {"key": repr(key)}) for j, key in unknown]
    return faults
