"""The change ledger: what moved one partner's likelihood and impact between any two moments, step by step and exactly.

Between the ends lies a chain of states that differ in one thing each: what was learned late of the time before; time
that passes while nothing is heard; what happened meanwhile; criteria, the matrix, attributes, learned models and the
mapping of identifiers. Each step is the difference of two states, so that all sum to the whole. Overrides, and what a
newer version of a scorer changes, stand outside the chain: they are the differences at either end between what was
shown, what was said, and what is computed of it now.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import exp, expm1
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import WATCHED_STAGES
from warden.errors import Fault, InvalidInput
from warden.i18n import N_
from warden.models import Assessment
from warden.pipeline import assess, causes
from warden.pipeline.causes import Line
from warden.pipeline.chain import Clocks as Clocks
from warden.pipeline.chain import State, chain
from warden.settings import Settings
from warden.store import assessments, changes
from warden.store.assessments import AssessmentDraft

Figures = Mapping[str, float]

NOTHING = 1e-9
"""Differences below this are rounding, and need no explanation."""

NOT_WATCHED_MESSAGE = N_("The partner was not watched then.")


class Cause(StrEnum):
    """What a step is about, in the order of the steps."""

    VERSION = "version"
    LATE_FACTS = "late_facts"
    TIME = "time"
    NEW_FACTS = "new_facts"
    CONFIGURATION = "configuration"
    OVERRIDES = "overrides"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a ledger. `said_at`: when this was really said; None: it is computed now.

    Figures are None where nothing could be said; `not_rated` says why. shares: of the computed likelihood, by outcome;
    0 where nothing is known of it.
    """

    clocks: Clocks
    said_at: datetime | None = None
    likelihood: float | None = None
    impact: float | None = None
    computed_likelihood: float | None = None
    computed_impact: float | None = None
    band: str | None = None
    matrix_version: int | None = None
    not_rated: Mapping[str, Any] | None = None
    shares: Figures = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What one cause did. Figures are None, and the mappings empty, where either end is unknown: that is said, not
    computed with.

    likelihood, impact: what they are once this step is taken.
    shares: differences by outcome in -ln(1 - p); over all steps they sum to the difference of the ends' shares.
    parts: differences by outcome in the likelihood itself; they sum to `likelihood_difference`, but for overrides:
        these speak of the whole and have none.
    """

    cause: Cause
    lines: Sequence[Line]
    likelihood: float | None
    likelihood_difference: float | None
    impact: float | None
    impact_difference: float | None
    shares: Figures
    parts: Figures


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything between two ends: one step for each cause, in their order; `notes`: what one end alone knows."""

    partner_id: uuid.UUID
    start: End
    end: End
    steps: Sequence[Step]
    notes: Sequence[Line]


@dataclass(frozen=True, slots=True)
class _Told:
    """An end, and what was told there, as far as steps are explained by it."""

    end: End
    signals: Sequence[Mapping[str, Any]] = ()
    overrides: Sequence[Mapping[str, Any]] = ()

    @property
    def watched(self) -> bool:
        return self.end.matrix_version is not None


@dataclass(frozen=True, slots=True)
class _Move:
    """What one step does to the computed figures: in total, and by outcome in shares and in the likelihood."""

    likelihood: float
    impact: float
    shares: Figures
    parts: Figures


def between(session: Session, settings: Settings, partner_id: uuid.UUID, start: Clocks, end: Clocks) -> Ledger:
    """Return what changed from `start` to `end`. Raises InvalidInput when either clock would run backwards.

    An end whose two clocks agree is what was really said then, if anything was: what stood at that moment, and is
    explained from when it was said.
    """
    _refuse_backwards(start, end)
    first = _told(session, settings, partner_id, start)
    last = _told(session, settings, partner_id, end, not_before=first.end.clocks)
    if not (first.watched and last.watched):
        steps = [Step(cause, (), None, None, None, None, {}, {}) for cause in Cause]
        return Ledger(partner_id, first.end, last.end, steps, ())
    states = chain(session, settings, partner_id, first.end.clocks, last.end.clocks)
    moves = _moves(first.end, last.end, states)
    lines = _lines(session, partner_id, first, last, states, moves[Cause.VERSION])
    notes = tuple(causes.of_ends(first.signals, last.signals))
    return Ledger(partner_id, first.end, last.end, _steps(first.end, last.end, moves, lines), notes)


def _refuse_backwards(start: Clocks, end: Clocks) -> None:
    faults = [
        Fault(f"end.{name}", f"found {later.isoformat()}, expected not before {earlier.isoformat()}")
        for name in ("as_of", "known_at")
        if (later := getattr(end, name)) < (earlier := getattr(start, name))
    ]
    if faults:
        raise InvalidInput("The ledger runs forward in time only.", faults)


def _told(
    session: Session, settings: Settings, partner_id: uuid.UUID, clocks: Clocks, not_before: Clocks | None = None
) -> _Told:
    """Return what was said at a moment, or is computed of it; what was said before the other end is too old to tell."""
    attributes = changes.attributes(session, partner_id, clocks.known_at)
    if attributes is None or attributes.stage not in WATCHED_STAGES:
        return _Told(End(clocks, not_rated={"message": NOT_WATCHED_MESSAGE, "params": {}}))
    if clocks.as_of == clocks.known_at:
        said = assessments.latest(session, partner_id, clocks.as_of)
        earliest = max(not_before.as_of, not_before.known_at) if not_before else None
        if said is not None and (earliest is None or said.at >= earliest):
            return _Told(_end(said, Clocks(said.at, said.at), said.at), said.signals, said.overrides)
    (draft,) = assess.compute(session, settings, clocks.as_of, clocks.known_at, [partner_id])
    return _Told(_end(draft, clocks, None), draft.signals, draft.overrides)


def _end(said: Assessment | AssessmentDraft, clocks: Clocks, said_at: datetime | None) -> End:
    return End(
        clocks=clocks,
        said_at=said_at,
        likelihood=said.likelihood,
        impact=said.impact,
        computed_likelihood=said.computed_likelihood,
        computed_impact=said.computed_impact,
        band=said.band,
        matrix_version=said.matrix_version,
        not_rated=said.not_rated,
        shares={signal["name"]: signal["share"] for signal in said.signals},
    )


def _moves(start: End, end: End, states: Sequence[State]) -> dict[Cause, _Move]:
    """Return what each cause does to the computed figures; overrides do nothing to them."""
    shares = [{name: share or 0.0 for name, share in state.shares.items()} for state in states]
    impacts = [state.impact for state in states]
    chained = (Cause.LATE_FACTS, Cause.TIME, Cause.NEW_FACTS, Cause.CONFIGURATION)
    found = {
        cause: _move(shares[number], shares[number + 1], _rise(impacts[number], impacts[number + 1]))
        for number, cause in enumerate(chained)
    }
    first, last = _move(shares[0], start.shares, 0.0), _move(shares[-1], end.shares, 0.0)
    rise = _rise(start.computed_impact, end.computed_impact)
    return found | {Cause.VERSION: _minus(last, first, rise - sum(move.impact for move in found.values()))}


def _rise(before: float | None, after: float | None) -> float:
    """Return the difference, 0 where either is unknown: what the states so leave open falls to the version."""
    return 0.0 if before is None or after is None else after - before


def _move(before: Figures, after: Figures, impact: float) -> _Move:
    """Return the difference of likelihoods 1 - exp(-Σ shares), and of shares, both by outcome.

    By the logarithmic mean (Ang 2004): an outcome's part is its difference of shares times the mean of exp(-Σ shares)
    on the straight way from before to after. The parts sum exactly, and an outcome that stayed has none.
    """
    shares = {name: after.get(name, 0.0) - before.get(name, 0.0) for name in {**before, **after}}
    rise = sum(shares.values())
    mean = exp(-sum(before.values())) * (-expm1(-rise) / rise if rise else 1.0)
    return _Move(mean * rise, impact, shares, {name: mean * share for name, share in shares.items()})


def _minus(one: _Move, other: _Move, impact: float) -> _Move:
    def by_outcome(figures: Figures, others: Figures) -> Figures:
        return {name: figures.get(name, 0.0) - others.get(name, 0.0) for name in {**figures, **others}}

    parts = by_outcome(one.parts, other.parts)
    return _Move(one.likelihood - other.likelihood, impact, by_outcome(one.shares, other.shares), parts)


def _steps(start: End, end: End, moves: Mapping[Cause, _Move], lines: Mapping[Cause, Sequence[Line]]) -> list[Step]:
    likelihoods = _path(
        (start.likelihood, end.likelihood),
        (start.computed_likelihood, end.computed_likelihood),
        {cause: move.likelihood for cause, move in moves.items()},
    )
    impacts = _path(
        (start.impact, end.impact),
        (start.computed_impact, end.computed_impact),
        {cause: move.impact for cause, move in moves.items()},
    )
    told = start.computed_likelihood is not None and end.computed_likelihood is not None
    return [
        Step(
            cause,
            lines[cause],
            *likelihoods[cause],
            *impacts[cause],
            moves[cause].shares if told and cause in moves else {},
            moves[cause].parts if told and cause in moves else {},
        )
        for cause in Cause
    ]


def _path(
    shown: tuple[float | None, float | None], computed: tuple[float | None, float | None], moves: Mapping[Cause, float]
) -> dict[Cause, tuple[float | None, float | None]]:
    """Return, for each step, (what is shown once it is taken, its difference); None where an end is unknown.

    What is shown though nothing could be computed is a person's word: then all of the difference is the overrides'.
    """
    if shown[0] is None or shown[1] is None:
        return dict.fromkeys(Cause, (None, None))
    rise = shown[1] - shown[0]
    if computed[0] is None or computed[1] is None:
        return {**dict.fromkeys(Cause, (None, None)), Cause.OVERRIDES: (shown[1], rise)}
    over = (shown[1] - computed[1]) - (shown[0] - computed[0])
    found: dict[Cause, tuple[float | None, float | None]] = {}
    standing = shown[0]
    for cause in Cause:
        difference = moves.get(cause, over)
        standing += difference
        found[cause] = standing, difference
    return found


def _lines(
    session: Session, partner_id: uuid.UUID, first: _Told, last: _Told, states: Sequence[State], version: _Move
) -> dict[Cause, Sequence[Line]]:
    start, end = first.end.clocks, last.end.clocks
    differs = any(abs(share) > NOTHING for share in version.shares.values()) or abs(version.impact) > NOTHING
    said = [signal for told in (first, last) if told.end.said_at for signal in told.signals]
    return {
        Cause.VERSION: tuple(causes.of_versions(said, differs)),
        Cause.LATE_FACTS: tuple(causes.of_late_facts(session, partner_id, start, end)),
        Cause.TIME: tuple(causes.of_time(start, end, states[1], states[2])),
        Cause.NEW_FACTS: tuple(causes.of_new_facts(session, partner_id, start, end)),
        Cause.CONFIGURATION: tuple(causes.of_configuration(session, partner_id, start, end)),
        Cause.OVERRIDES: tuple(causes.of_overrides(first.overrides, last.overrides)),
    }
