"""Where partners stand: people's overrides in place of what was computed, and both figures placed on the matrix."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from scorers import matrix
from scorers.base import Floats
from scorers.matrix import Placement
from warden.domain import Quantity
from warden.models import Override
from warden.pipeline.explain import Plain, plain
from warden.pipeline.portfolio import Portfolio
from warden.store import matrices, overrides
from warden.store.assessments import Said

Held = Mapping[tuple[uuid.UUID, Quantity], Override]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the matrix for all partners, `(n,)` each: a value, and the 1-based level it leads to, 0 for NaN."""

    value: Plain
    level: list[int]


@dataclass(frozen=True, slots=True)
class Places:
    """Where all partners of a portfolio stand, in its order; `lowest` and `highest`: where they could stand yet."""

    version: int  # of the matrix
    computed: Mapping[Quantity, Plain]
    shown: Mapping[Quantity, Axis]
    lowest: Mapping[Quantity, Axis]
    highest: Mapping[Quantity, Axis]
    missing: Sequence[Mapping[Quantity, Sequence[str]]]  # names of signals and of attributes
    band: Sequence[str | None]
    ids: Sequence[uuid.UUID]
    held: Held

    def overrides(self, row: int) -> list[dict[str, Any]]:
        """Return one partner's overrides that hold, each beside what was computed."""
        found = [(one, self.held.get((self.ids[row], one))) for one in Quantity]
        return [_told(override, self.computed[one][row]) for one, override in found if override is not None]

    def reach(self, row: int) -> dict[str, Any]:
        """Return where one partner could still stand once what is missing were known; empty when nothing is."""
        missing = {
            one: names for one, names in self.missing[row].items() if names and (self.ids[row], one) not in self.held
        }
        if not missing:
            return {}
        steps = [self._levels(one, row) for one in Quantity]
        return {
            **{one.value: self._range(one, row) for one in Quantity},
            "cells": [[first, second] for first in steps[0] for second in steps[1]],
            "missing": [name for names in missing.values() for name in names],
        }

    def _range(self, axis: Quantity, row: int) -> list[float] | None:
        ends = self.lowest[axis].value[row], self.highest[axis].value[row]
        return None if None in ends else [end for end in ends if end is not None]

    def _levels(self, axis: Quantity, row: int) -> range:
        """Return the levels within reach; the one it stands on is, though only the exit margin may hold it there."""
        known = [one[axis].level[row] for one in (self.lowest, self.shown, self.highest)]
        levels = [level for level in known if level]
        return range(min(levels), max(levels) + 1) if levels else range(0)


def place(session: Session, portfolio: Portfolio, said: Mapping[uuid.UUID, Said]) -> Places:
    """Place everybody on the matrix in force; `said` is what was last said of each strictly before the moment.

    A level holds a partner only if it was computed, and on a matrix whose likelihood levels begin where they do now:
    nothing that a person's word led to outlives that word, and new limits place everybody afresh.
    """
    moment, ids = portfolio.moment, portfolio.ids
    held = overrides.holding(session, moment.as_of, moment.known_at)
    in_force = matrices.in_force(session, moment.configured_at)
    grid = matrix.parse(in_force.data)
    computed = {Quantity.LIKELIHOOD: portfolio.likelihood, Quantity.IMPACT: portfolio.rating.value}
    fused, rating = portfolio.fused, portfolio.rating
    alike = matrices.same_likelihood_starts(session, in_force.data)
    before = np.array(
        [0 if (one, Quantity.LIKELIHOOD) in held else _level_before(said.get(one), alike) for one in ids],
        dtype=np.intp,
    )

    def placed(values: Mapping[Quantity, Floats], stood: Any = None) -> tuple[dict[Quantity, Axis], Placement]:
        shown = {one: _with_overrides(values[one], ids, held, one) for one in Quantity}
        pair = shown[Quantity.LIKELIHOOD], shown[Quantity.IMPACT]
        found = grid.place(*pair, stood, portfolio.thresholds, portfolio.placement.of)
        levels = found.likelihood_level.tolist(), found.impact_level.tolist()
        return {one: Axis(plain(shown[one]), own) for one, own in zip(Quantity, levels, strict=True)}, found

    shown, standing = placed(computed, before)
    return Places(
        version=in_force.version,
        computed={one: plain(values) for one, values in computed.items()},
        shown=shown,
        lowest=placed({Quantity.LIKELIHOOD: fused.lowest, Quantity.IMPACT: rating.lowest})[0],
        highest=placed({Quantity.LIKELIHOOD: fused.highest, Quantity.IMPACT: rating.highest})[0],
        missing=_missing(portfolio),
        band=[None if index < 0 else grid.bands[index].key for index in standing.band.tolist()],
        ids=ids,
        held=held,
    )


def _level_before(said: Said | None, versions: Collection[int]) -> int:
    """Return the level that may hold a partner, 0 for none: one of these versions of the matrix."""
    if said is None or said.overridden or said.matrix_version not in versions:
        return 0
    return said.likelihood_level or 0


def _with_overrides(values: Floats, ids: Sequence[uuid.UUID], held: Held, quantity: Quantity) -> Floats:
    own = [held.get((one, quantity)) for one in ids] if held else []
    rows = [row for row, override in enumerate(own) if override is not None]
    shown = values.copy()
    shown[rows] = [override.value for override in own if override is not None]
    return shown


def _missing(portfolio: Portfolio) -> list[dict[Quantity, list[str]]]:
    """Name, for each partner, the signals that should speak and cannot, and the attributes that would count."""
    found: list[dict[Quantity, list[str]]] = [{one: [] for one in Quantity} for _ in portfolio.ids]
    named = [(Quantity.LIKELIHOOD, signal.name, signal.missing) for signal in portfolio.signals]
    named += [(Quantity.IMPACT, part.name, part.missing) for part in portfolio.rating.parts]
    for quantity, name, missing in named:
        for row in np.flatnonzero(missing).tolist():
            found[row][quantity].append(name)
    return found


def _told(override: Override, computed: float | None) -> dict[str, Any]:
    return {
        "id": str(override.id),
        "quantity": override.quantity.value,
        "value": override.value,
        "computed": computed,
        "author": override.author,
        "reason": override.reason,
        "created_at": override.created_at.isoformat(),
        "expires_at": override.expires_at.isoformat(),
    }
