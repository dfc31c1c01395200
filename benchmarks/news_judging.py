"""How good answers on tone and events are, with 95 % intervals: resampled texts, all rows of one text together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LABELS = ("negative", "neutral", "positive")
RESAMPLES = 300
BINS = 15
"""Of equal width, for the expected calibration error of the label told."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and, where there is one, its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered, row by row. `negative`: any score that rises with how negative; `sure`: p of the answer."""

    texts: Sequence[str]
    wanted: Ints  # place in LABELS
    got: Ints
    negative: Floats
    sure: Floats | None = None  # None: it gives no probabilities

    def only(self, rows: NDArray[np.bool_]) -> "Answers":
        """Return some of the rows."""
        texts = [text for text, kept in zip(self.texts, rows, strict=True) if kept]
        sure = None if self.sure is None else self.sure[rows]
        return Answers(texts, self.wanted[rows], self.got[rows], self.negative[rows], sure)


def answers_of(
    texts: Sequence[str], wanted: Sequence[str], told: Sequence[str], p: Sequence[Sequence[float]]
) -> Answers:
    """Return answers given as labels and probabilities (n, 3)."""
    table, got = np.asarray(p, dtype=np.float64).reshape(-1, 3), places(told)
    return Answers(texts, places(wanted), got, table[:, 0], table[np.arange(len(got)), got])


def places(labels: Sequence[str]) -> Ints:
    """Return the places of labels in LABELS."""
    return np.array([LABELS.index(label) for label in labels], dtype=np.int64)


def judged(answers: Answers) -> dict[str, Figure]:
    """Return macro-F1, the precision, recall, F1 and average precision of "negative", and the calibration error."""
    ranked = np.argsort(-answers.negative, kind="stable")
    last = np.flatnonzero(np.append(np.diff(answers.negative[ranked]) != 0, True))  # of equal scores
    bins = None if answers.sure is None else np.minimum((answers.sure * BINS).astype(np.int64), BINS - 1)

    def figures(weights: Floats) -> dict[str, float]:
        table = np.bincount(answers.wanted * 3 + answers.got, weights, 9).reshape(3, 3)
        precision = table.diagonal() / np.maximum(table.sum(axis=0), 1e-12)
        recall = table.diagonal() / np.maximum(table.sum(axis=1), 1e-12)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        found = {"macro_f1": float(f1.mean()), "precision": float(precision[0]), "recall": float(recall[0])}
        found |= {"negative_f1": float(f1[0]), "ap": _average_precision(answers, weights, ranked, last)}
        if bins is not None and answers.sure is not None:
            right = (answers.wanted == answers.got) - answers.sure
            gaps = np.bincount(bins, weights * right, BINS)
            found["ece"] = float(np.abs(gaps).sum() / weights.sum())
        return found

    return resampled(answers.texts, figures)


def difference(first: Answers, second: Answers) -> Figure:
    """Return the macro-F1 of the first less that of the second, on the same rows, resampled together."""

    def figures(weights: Floats) -> dict[str, float]:
        return {"difference": _macro_f1(first, weights) - _macro_f1(second, weights)}

    return resampled(first.texts, figures)["difference"]


def of_events(
    texts: Sequence[str], right: Sequence[int], false: Sequence[int], missed: Sequence[int]
) -> dict[str, Figure]:
    """Return precision and recall of counts by row."""
    counts = np.array([right, false, missed], dtype=np.float64)

    def figures(weights: Floats) -> dict[str, float]:
        hit, wrong, lost = (counts @ weights).tolist()
        return {"precision": hit / max(hit + wrong, 1e-12), "recall": hit / max(hit + lost, 1e-12)}

    return resampled(texts, figures)


def share(texts: Sequence[str], yes: Sequence[bool]) -> Figure:
    """Return the share of rows that are so."""
    told = np.array(yes, dtype=np.float64)
    return resampled(texts, lambda weights: {"share": float(told @ weights / weights.sum())})["share"]


def resampled(texts: Sequence[str], figures: Callable[[Floats], Mapping[str, float]]) -> dict[str, Figure]:
    """Return what `figures` makes of all rows once, and its interval over texts drawn with replacement."""
    places_of = {text: place for place, text in enumerate(sorted(set(texts)))}
    group, size = np.array([places_of[text] for text in texts]), len(places_of)
    rng = np.random.default_rng(1)
    drawn = [
        figures(rng.multinomial(size, np.full(size, 1 / size))[group].astype(np.float64)) for _ in range(RESAMPLES)
    ]
    found = {}
    for name, value in figures(np.ones(len(group))).items():
        low, high = np.percentile([one[name] for one in drawn], [2.5, 97.5])
        found[name] = Figure(value, float(low), float(high))
    return found


def b_cubed(clusters: Sequence[object], stories: Sequence[object]) -> float:
    """Return B-cubed F (Bagga and Baldwin 1998) of clusters against the true stories."""
    told: dict[object, set[int]] = {}
    true: dict[object, set[int]] = {}
    for place, (cluster, story) in enumerate(zip(clusters, stories, strict=True)):
        told.setdefault(cluster, set()).add(place)
        true.setdefault(story, set()).add(place)
    common = [(len(told[a] & true[b]), len(told[a]), len(true[b])) for a, b in zip(clusters, stories, strict=True)]
    precision = sum(both / found for both, found, _ in common) / len(common)
    recall = sum(both / all_ for both, _, all_ in common) / len(common)
    return 2 * precision * recall / (precision + recall)


def _macro_f1(answers: Answers, weights: Floats) -> float:
    table = np.bincount(answers.wanted * 3 + answers.got, weights, 9).reshape(3, 3)
    return float((2 * table.diagonal() / np.maximum(table.sum(axis=0) + table.sum(axis=1), 1e-12)).mean())


def _average_precision(answers: Answers, weights: Floats, ranked: Ints, last: Ints) -> float:
    """The sum of precision times the gain in recall, equal scores taken together."""
    said = np.cumsum(weights[ranked])[last]
    hit = np.cumsum(weights[ranked] * (answers.wanted[ranked] == 0))[last]
    gain = np.diff(np.insert(hit, 0, 0.0))
    return float((gain * hit / np.maximum(said, 1e-12)).sum() / max(hit[-1], 1e-12))
