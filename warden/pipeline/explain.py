"""Writes out one scorer's arrays, partner by partner, in the shape store.assessments documents."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorers.base import BLIND_LIMIT_DAYS, Evidence, Floats, Scores
from scorers.likelihood import Signal
from warden.pipeline.portfolio import Asked

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")

Plain = list[float | None]


def plain(values: Floats) -> Plain:
    """Return an array as Python numbers, None for NaN: JSON has no NaN."""
    return [None if value != value else value for value in values.tolist()]  # NaN alone differs from itself


class Explained:
    """One signal of the whole portfolio, turned into plain lists once; `of` picks one partner.

    `shares` are the signal's in the fused likelihood, `blind_days` those of its family, `(n,)` each.
    """

    def __init__(self, asked: Asked, signal: Signal, shares: Floats, blind_days: Floats) -> None:
        scores = signal.scores
        self._fixed = {
            "name": signal.name,
            "family": asked.scorer.family,
            "version": asked.scorer.version,
            "model": {"form": asked.speaker.form, "number": asked.speaker.number, "why": asked.speaker.why},
            "weight": signal.weight,
        }
        self._terms = [options.model_dump() for options in asked.terms.options]
        self._of: list[int] = asked.terms.of.tolist()
        self._expected: list[bool] = signal.expected.tolist()
        self._likelihood = plain(scores.value)
        self._share: list[float] = shares.tolist()
        self._sample: list[float] = np.nan_to_num(scores.sample).tolist()
        self._state = _states(scores.value, scores.stale, blind_days).tolist()
        self._contributions = _plain_by_name(scores.contributions)
        self._measured = _plain_by_name(scores.measured)
        self._evidence = [_Sentence(line) for line in scores.evidence]
        self._reasons = [(message, _used(message, scores.unknown_params)) for message in scores.unknown]
        self._reason: list[int] = scores.unknown_reason.tolist()
        self._over: list[bool] = scores.over.tolist() or [False] * len(scores.value)
        self._of_all = self._written(0) if self._is_silent(scores) else None

    def of(self, row: int) -> dict[str, Any]:
        """Return the signal of one partner, without its facts; not to be changed, others may share it."""
        return self._written(row) if self._of_all is None else self._of_all

    def _is_silent(self, scores: Scores) -> bool:
        """Tell whether the same is said of everybody: nothing, for one reason. Most portfolios lack some sources."""
        return bool(
            len(scores.value) > 0
            and np.isnan([scores.value, *scores.measured.values()]).all()
            and not (any(self._sample) or any(self._expected))
            and len(set(self._reason)) == len(set(self._state)) == len(self._terms) == 1
            and not self._reasons[self._reason[0]][1]
        )

    def _written(self, row: int) -> dict[str, Any]:
        likelihood = self._likelihood[row]
        known = likelihood is not None
        return {
            **self._fixed,
            "outcome": self._terms[self._of[row]],
            "expected": self._expected[row],
            "likelihood": likelihood,
            "share": self._share[row],
            "state": self._state[row],
            "sample": self._sample[row],
            "contributions": _row(self._contributions, row) if known else {},
            "measured": _row(self._measured, row),
            "evidence": [said for line in self._evidence if (said := line.of(row)) is not None],
            "facts": [],
            "unknown": None if known else self._why(row),
            "over": self._over[row],
        }

    def _why(self, row: int) -> dict[str, Any]:
        message, params = self._reasons[self._reason[row]]
        return {"message": message, "params": _row(params, row)}


class _Sentence:
    """One sentence of evidence for everybody, turned into plain lists once."""

    def __init__(self, line: Evidence) -> None:
        self._message = line.message
        self._params = _plain_by_name(line.params)
        self._words = [(name, messages, which.tolist()) for name, (messages, which) in line.words.items()]
        self._incident: list[int] | None = None if line.incident is None else line.incident.tolist()

    def of(self, row: int) -> dict[str, Any] | None:
        """Return what is said of one partner, without the facts; None where a figure is not known."""
        params: dict[str, Any] = {name: values[row] for name, values in self._params.items()}
        if None in params.values():
            return None
        for name, messages, which in self._words:
            params[name] = {"message": messages[which[row]], "params": {}}
        said = {"message": self._message, "params": params}
        return said if self._incident is None else {**said, "incident": self._incident[row]}


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
