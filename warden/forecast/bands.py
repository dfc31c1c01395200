"""The band of each answer: the level of the shipped matrix's likelihood axis a partner is on, walked in time."""

import json
from collections.abc import Sequence
from importlib import resources

import numpy as np

from scorers import matrix
from warden.forecast.inputs import Key
from warden.forecast.predict import Answer, by_cutoff

UNKNOWN = "unknown"
"""The band of a partner of whom too little is known; the next known one is entered as if it were the first."""


def bands(keys: Sequence[Key], answers: Sequence[Answer]) -> list[str]:
    """Return the English name of each answer's level; within one partner and outcome, in the order of the cutoffs."""
    grid = matrix.parse(json.loads((resources.files("warden") / "shipped" / "matrix.json").read_text("utf-8")))
    names = [UNKNOWN, *(level.names["en"] for level in grid.levels.likelihood)]
    found = [UNKNOWN] * len(keys)
    levels: dict[tuple[str, str], int] = {}
    for _at, together in by_cutoff(keys):
        for outcome, numbers in together.items():
            likelihood = np.array([answers[n].likelihood if answers[n].known else np.nan for n in numbers])
            before = np.array([levels.get((outcome, keys[n].partner), 0) for n in numbers], dtype=np.intp)
            now = grid.place(likelihood, np.ones(len(numbers)), before).likelihood_level
            for number, level in zip(numbers, now.tolist(), strict=True):
                levels[outcome, keys[number].partner] = level
                found[number] = names[level]
    return found
