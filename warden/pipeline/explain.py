"""Writes out one scorer's arrays, partner by partner, in the shape store.assessments documents."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorers.base import BLIND_LIMIT_DAYS, Floats
from scorers.likelihood import Signal

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")

Plain = list[float | None]


def plain(values: Floats) -> Plain:
    """Return an array as Python numbers, None for NaN: JSON has no NaN."""
    return [None if value != value else value for value in values.tolist()]  # NaN alone differs from itself


class Explained:
    """One signal of the whole portfolio, turned into plain lists once; `of` picks one partner.

    `shares` are the signal's in the fused likelihood, `blind_days` those of its family, `(n,)` each.
    """

    def __init__(self, version: str, signal: Signal, shares: Floats, blind_days: Floats) -> None:
        scores = signal.scores
        self._name, self._version, self._weight = signal.name, version, signal.weight
        self._likelihood = plain(scores.value)
        self._share: list[float] = shares.tolist()
        self._sample: list[float] = np.nan_to_num(scores.sample).tolist()
        self._state = _states(scores.value, scores.stale, blind_days).tolist()
        self._contributions = _plain_by_name(scores.contributions)
        self._measured = _plain_by_name(scores.measured)
        self._evidence = [(line.message, _plain_by_name(line.params)) for line in scores.evidence]
        self._reasons = [(message, _used(message, scores.unknown_params)) for message in scores.unknown]
        self._reason: list[int] = scores.unknown_reason.tolist()

    def of(self, row: int) -> dict[str, Any]:
        """Return the signal of one partner, without its facts."""
        likelihood = self._likelihood[row]
        known = likelihood is not None
        return {
            "name": self._name,
            "version": self._version,
            "likelihood": likelihood,
            "share": self._share[row],
            "weight": self._weight,
            "state": self._state[row],
            "sample": self._sample[row],
            "contributions": _row(self._contributions, row) if known else {},
            "measured": _row(self._measured, row),
            "evidence": [line for line in self._lines(row) if None not in line["params"].values()],
            "facts": [],
            "unknown": None if known else self._why(row),
        }

    def _lines(self, row: int) -> list[dict[str, Any]]:
        return [{"message": message, "params": _row(params, row)} for message, params in self._evidence]

    def _why(self, row: int) -> dict[str, Any]:
        message, params = self._reasons[self._reason[row]]
        return {"message": message, "params": _row(params, row)}


def _states(value: Floats, stale: NDArray[np.bool_], blind_days: Floats) -> NDArray[np.str_]:
    """Name how current a signal is: blind while no source can report, though its last value may still stand."""
    blind = np.nan_to_num(blind_days) > 0
    unknown = np.isnan(value)
    withdrawn = unknown & (blind_days > BLIND_LIMIT_DAYS)
    return np.select([withdrawn | (blind & ~unknown), unknown, stale], ["blind", "missing", "stale"], "fresh")


def _plain_by_name(arrays: Mapping[str, Floats]) -> dict[str, Plain]:
    return {name: plain(values) for name, values in arrays.items()}


def _used(message: str, params: Mapping[str, Floats]) -> dict[str, Plain]:
    names = _PLACEHOLDER.findall(message)
    return _plain_by_name({name: params[name] for name in names})


def _row(columns: Mapping[str, Plain], row: int) -> dict[str, float | None]:
    return {name: values[row] for name, values in columns.items()}
