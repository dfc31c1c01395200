"""Where a partner stands as its page shows it: what each outcome and each view of it adds, and what is still open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from scorers.matrix import Band, Thresholds
from warden.models import Assessment, Fact
from warden.store import assessments, facts
from warden.web.outcomes import stated
from warden.web.pages.grid import Board
from warden.wording import Fact as Said

DIGITS = 2
"""Decimals in which parts of a sum are shown."""

LIMIT = "limit"
"""Name of the part that keeps a likelihood within its limits (scorers.base.limited)."""


@dataclass(frozen=True, slots=True)
class View:
    """One view's part in the log-odds of a likelihood; `begin` and `length` place its bar on a scale of 0 to 100."""

    name: str
    part: float
    begin: float
    length: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome of a partner as it is shown: the stored signal, and what is drawn beside it.

    portion: its part of the whole risk, 0..1; None where its likelihood is not known.
    views: heaviest first; as they are shown they sum to `total`, the log-odds as they are shown.
    """

    signal: Mapping[str, Any]
    statement: Said
    portion: float | None
    views: Sequence[View]
    total: float
    facts: Sequence[Fact]

    @property
    def is_told(self) -> bool:
        """Tell whether there is anything to say: a likelihood, or why an expected one is missing."""
        return (
            self.signal["likelihood"] is not None or self.signal.get("expected", True) or self.signal.get("over", False)
        )


@dataclass(frozen=True, slots=True)
class Reach:
    """The cells a partner could stand in once everything missing were known, and the mildest and worst band there."""

    cells: frozenset[tuple[int, int]]
    mildest: Band
    worst: Band
    missing: Sequence[str]


@dataclass(frozen=True, slots=True)
class Stay:
    """Since when a partner stands in its band, and what would end that.

    below: the likelihood below which it leaves the band; None where none does, or where a person set it.
    start: where its row begins, if its likelihood no longer reaches that and only the margin keeps it there.
    """

    band: Band
    since: datetime
    below: float | None
    start: float | None


def outcomes(session: Session, assessment: Assessment | None) -> list[Outcome]:
    """Return the outcomes of an assessment, the heaviest first."""
    if assessment is None:
        return []
    known = {fact.id: fact for fact in facts.get(session, _fact_ids(assessment))}
    total = sum(signal["share"] for signal in assessment.signals)
    ordered = sorted(assessment.signals, key=lambda signal: (-signal["share"], signal["likelihood"] is None))
    return [_outcome(signal, total, known) for signal in ordered]


def reach(assessment: Assessment | None, grid: Board) -> Reach | None:
    """Return what is still open; None when nothing is missing, or the assessment is of another matrix."""
    if assessment is None or assessment.matrix_version != grid.version or not assessment.reach.get("cells"):
        return None
    cells = frozenset((row, column) for row, column in assessment.reach["cells"])
    bands = [grid.grid.band(grid.grid.grid[row - 1][column - 1]) for row, column in cells]
    ranked = sorted(bands, key=lambda band: band.rank)
    return Reach(cells, ranked[0], ranked[-1], assessment.reach["missing"])


def stay(session: Session, assessment: Assessment | None, grid: Board, thresholds: Thresholds) -> Stay | None:
    """Return what holds a partner in its band; None for one without a place on this matrix."""
    if assessment is None or assessment.matrix_version != grid.version or not assessment.band:
        return None
    level, impact, likelihood = assessment.likelihood_level, assessment.impact_level, assessment.likelihood
    band = grid.band(assessment.band)
    if band is None or level is None or impact is None or likelihood is None:
        return None
    is_computed = likelihood == assessment.computed_likelihood
    start = grid.grid.start(level, thresholds)
    return Stay(
        band=band,
        since=assessments.in_band_since(session, assessment),
        below=grid.grid.leaves_below(level, impact, thresholds) if is_computed else None,
        start=start if is_computed and likelihood < start else None,
    )


def summing(parts: Sequence[float], digits: int = DIGITS) -> list[float]:
    """Return parts rounded so that they sum to their rounded sum; each is off by less than a unit of the last digit.

    What is rounded is the running sum; a part is the step from one to the next.
    """
    rounded, before, running = [], 0.0, 0.0
    for part in parts:
        running += part
        now = round(running, digits)
        rounded.append(round(now - before, digits))
        before = now
    return rounded


def _outcome(signal: Mapping[str, Any], total: float, known: Mapping[int, Fact]) -> Outcome:
    ordered = sorted(signal["contributions"].items(), key=lambda pair: (pair[0] == LIMIT, -abs(pair[1])))
    parts = summing([part for _, part in ordered])
    widest = max((abs(part) for part in parts), default=0.0) or 1.0
    views = [
        View(name, part, 50 + min(part, 0) / widest * 50, abs(part) / widest * 50)
        for (name, _), part in zip(ordered, parts, strict=True)
    ]
    return Outcome(
        signal=signal,
        statement=stated(signal["name"], signal.get("outcome", {})),
        portion=signal["share"] / total if total and signal["likelihood"] is not None else None,
        views=[view for view in views if view.part or view.name != LIMIT],
        total=round(sum(parts), DIGITS),
        facts=[known[number] for number in signal["facts"] if number in known],
    )


def _fact_ids(assessment: Assessment) -> list[int]:
    return [number for signal in assessment.signals for number in signal["facts"]]
