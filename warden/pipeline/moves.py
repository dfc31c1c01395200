"""Shows who would stand elsewhere on another version of the matrix, before it is activated. Nothing is stored."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from sqlalchemy.orm import Session

from scorers import matrix
from scorers.base import Floats
from scorers.matrix import Band, Grid
from warden.i18n import N_
from warden.models import Matrix
from warden.pipeline import fitting
from warden.store import assessments, criteria, matrices
from warden.store.assessments import Placement
from warden.store.criteria import Resolved

Direction = Literal["worse", "milder", "same"]

Fact = Mapping[str, Any]
"""A sentence {"message", "params"}."""

LIKELIHOOD_MESSAGE = N_("the new limits put its likelihood, %(p_value)s, into another level")
MARGIN_MESSAGE = N_(
    "its likelihood, %(p_value)s, was below its level: the exit margin held it there, and does not where limits are new"
)
IMPACT_MESSAGE = N_("the new limits put its impact, %(value)s of 5, into another level")
BAND_MESSAGE = N_("its cell has another band")
MILDER_MESSAGES = {
    "likelihood": N_(
        "Likelihood %(row)s with impact %(column)s is in a milder band than the next lower likelihood. Is that meant?"
    ),
    "impact": N_(
        "Impact %(column)s with likelihood %(row)s is in a milder band than the next lower impact. Is that meant?"
    ),
}
ALARMS_MESSAGE = N_(
    "Partners move to a worse band: within minutes of activation rules can fire alerts for them, notify people and "
    "propose meetings."
)


@dataclass(frozen=True, slots=True)
class Place:
    """A cell, by levels counted from 1, and its band."""

    likelihood: int
    impact: int
    band: Band


@dataclass(frozen=True, slots=True)
class Move:
    """A partner who would stand in another cell or band. `likelihood` and `impact` themselves stay as they are."""

    partner_id: uuid.UUID
    name: str
    likelihood: float | None
    impact: float | None
    before: Place | None
    after: Place | None
    held: bool = False  # it stood on its likelihood level only by the exit margin

    @property
    def reasons(self) -> list[Fact]:
        """Say what makes it move; nothing for one without a place on either."""
        if self.before is None or self.after is None:
            return []
        told: list[Fact] = []
        if self.before.likelihood != self.after.likelihood:
            message = MARGIN_MESSAGE if self.held else LIKELIHOOD_MESSAGE
            told.append({"message": message, "params": {"p_value": self.likelihood}})
        if self.before.impact != self.after.impact:
            told.append({"message": IMPACT_MESSAGE, "params": {"value": self.impact}})
        return told or [{"message": BAND_MESSAGE, "params": {}}]

    @property
    def direction(self) -> Direction:
        """Tell whether the band would be worse, milder or of the same rank; from or to nowhere counts as the same."""
        if self.before is None or self.after is None or self.before.band.rank == self.after.band.rank:
            return "same"
        return "worse" if self.after.band.rank > self.before.band.rank else "milder"


@dataclass(frozen=True, slots=True)
class Moves:
    """Everybody who would move, the worst band first, and how many would stay or have no place on either."""

    moves: list[Move]
    stay: int
    not_rated: int
    milder_steps: Sequence[tuple[str, int, int]] = ()  # see Grid.milder_steps
    left_behind: Sequence[Fact] = ()  # what rules ask for and the matrix does not have

    @property
    def warnings(self) -> list[Fact]:
        """Say what to think of before activating."""
        odd: list[Fact] = [
            {"message": MILDER_MESSAGES[axis], "params": {"row": row, "column": column}}
            for axis, row, column in self.milder_steps
        ]
        return [*self.left_behind, *odd] + ([{"message": ALARMS_MESSAGE, "params": {}}] if self.counts["worse"] else [])

    @property
    def counts(self) -> dict[Direction, int]:
        """Return how many would move in each direction."""
        directions: tuple[Direction, ...] = ("worse", "milder", "same")
        return {one: sum(move.direction == one for move in self.moves) for one in directions}


def preview(session: Session, candidate: Matrix, now: datetime) -> Moves:
    """Return who would move, by what was last said of everybody and by the criteria for placing that hold now.

    As when assessing, the exit margin holds nobody in a level where likelihood levels begin elsewhere than before.
    """
    known = assessments.placements(session)
    limits = criteria.resolve(session, criteria.PLACEMENT, [(one.partner_id, one.tier) for one in known], now)
    grid, grids = Grid.model_validate(candidate.data), _grids(session, known)
    before = [_place_before(grids, one) for one in known]
    alike = matrices.same_likelihood_starts(session, candidate.data)
    stood = [(one.likelihood_level or 0) if one.matrix_version in alike else 0 for one in known]
    after = _placed(grid, known, limits, stood)
    entered = {version: _placed(former, known, limits) for version, former in grids.items()}
    moves = [
        Move(one.partner_id, one.name, one.likelihood, one.impact, old, new, _held(old, entered, one, row))
        for row, (one, old, new) in enumerate(zip(known, before, after, strict=True))
        if _differs(old, new)
    ]
    moves.sort(key=lambda move: (-(move.after.band.rank if move.after else -1), move.name))
    unrated = sum(old is None and new is None for old, new in zip(before, after, strict=True))
    left_behind = fitting.left_behind(session, candidate.data)
    return Moves(moves, len(known) - len(moves) - unrated, unrated, grid.milder_steps(), left_behind)


def _grids(session: Session, known: Sequence[Placement]) -> Mapping[int, Grid]:
    """Return the versions of the matrix that anybody was last placed on."""
    versions = {one.matrix_version for one in known if one.matrix_version is not None}
    return {version: Grid.model_validate(matrices.get(session, version).data) for version in versions}


def _place_before(grids: Mapping[int, Grid], one: Placement) -> Place | None:
    """Return where a partner was last said to stand, on the version of that time."""
    if one.likelihood_level is None or one.impact_level is None or one.matrix_version is None:
        return None
    return _place(grids[one.matrix_version], one.likelihood_level, one.impact_level)


def _placed(
    grid: Grid, known: Sequence[Placement], limits: Resolved, stood: Sequence[int] | None = None
) -> list[Place | None]:
    """Return where everybody would stand; `stood`: the levels that may hold them, 0 for none."""
    placed = grid.place(
        _floats([one.likelihood for one in known]),
        _floats([one.impact for one in known]),
        None if stood is None else np.array(stood, dtype=np.intp),
        [option for option in limits.options if isinstance(option, matrix.Thresholds)],
        limits.of,
    )
    levels = zip(placed.likelihood_level.tolist(), placed.impact_level.tolist(), strict=True)
    return [_place(grid, *pair) if all(pair) else None for pair in levels]


def _held(before: Place | None, entered: Mapping[int, Sequence[Place | None]], one: Placement, row: int) -> bool:
    """Tell whether a partner stood on its likelihood level only by the exit margin."""
    if before is None or one.matrix_version is None:
        return False
    own = entered[one.matrix_version][row]
    return own is not None and own.likelihood < before.likelihood


def _place(grid: Grid, likelihood: int, impact: int) -> Place:
    return Place(likelihood, impact, grid.band(grid.grid[likelihood - 1][impact - 1]))


def _differs(old: Place | None, new: Place | None) -> bool:
    if old is None or new is None:
        return old is not new
    return (old.likelihood, old.impact, old.band.key) != (new.likelihood, new.impact, new.band.key)


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
