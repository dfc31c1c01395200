"""A new version of what reads one language: learned from headlines of our own, and judged beside the present one.

Headlines nobody labelled are labelled by the lexicon, as far as it is sure. They teach which words go with what it
knows, but not how sure one may be: of that only what people said, and the headlines that ship, tell. It stores nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from scorers.news.embedding import fit_with_meaning
from scorers.news.invented import headlines
from scorers.news.model import LABELS, Model
from scorers.news.training import fit, label_by_lexicon, views_of

HUMAN_WEIGHT = 5.0
"""What a person's label counts beside one of the headlines that ship: it is of the news that is read here."""

WEAK_WEIGHT = 0.2
"""What a label by the lexicon counts beside one of those: many of them say the same."""

ENOUGH_TO_CALIBRATE = 100
"""Labels by people from which on they alone say how sure one may be."""

MOST_EMBEDDED = 4_000
"""Headlines whose meaning is learned from, those labelled by people first: some 10 (Chinese) to 40 are looked at a
second, and the process may take ten minutes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One headline towards one partner. `target` None: towards nobody in particular."""

    title: str
    summary: str = ""
    target: str | None = None
    label: str | None = None  # by a person, one of LABELS; None: nobody said
    judges: bool = False  # a person's label that the present version did not learn from


@dataclass(frozen=True, slots=True)
class Figures:
    """How well labels are met: the mean F1 of the tones people named (0..1), and the mean log loss (>= 0)."""

    macro_f1: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class Refitted:
    """A version learned. The figures are of the labels that judge, None without any."""

    model: Model
    headlines: int  # of our own, labelled by people or by the lexicon
    labels: int  # by people
    judged: int
    candidate: Figures | None
    present: Figures | None


def refit(rows: Sequence[Row], present: Model, *, language: str, embeddings: bool = False) -> Refitted:
    """Learn a new version of a language part ("en", "zh", "vi"), with embeddings where told to; the same rows give the
    same version.

    No label judges a model that saw its headline: the candidate's probabilities are cross-fitted, and of the present
    version only those labels judge that came later. Raises TooFewLabels, and with embeddings EmbeddingsMissing.
    """
    taught, labels = _taught(rows, language)
    invented = headlines(language)
    by_people = np.array([row.label is not None for row in taught] + [False] * len(invented.texts))
    by_lexicon = np.array([row.label is None for row in taught] + [False] * len(invented.texts), dtype=np.bool_)
    trusted = by_people if by_people.sum() >= ENOUGH_TO_CALIBRATE else ~by_lexicon
    learn = partial(fit_with_meaning, most=MOST_EMBEDDED) if embeddings else fit
    fitted = learn(
        [*(row.title for row in taught), *invented.texts],
        [*labels, *invented.labels],
        [*(row.target for row in taught), *invented.targets],
        np.where(by_people, HUMAN_WEIGHT, np.where(by_lexicon, WEAK_WEIGHT, 1.0)).tolist(),
        language=language,
        summaries=[*(row.summary for row in taught), *([""] * len(invented.texts))],
        source="our own headlines",
        trusted=trusted.tolist(),
    )
    judges = [at for at, row in enumerate(taught) if row.judges and not np.isnan(fitted.p[at]).any()]
    truth = np.array([LABELS.index(labels[at]) for at in judges], dtype=np.int64)
    judged = [taught[at] for at in judges]
    candidate = figures(fitted.p[judges], truth) if judges else None
    former = figures(_judged(present, judged, language), truth) if judges else None
    return Refitted(fitted.model, len(taught), int(by_people.sum()), len(judges), candidate, former)


def figures(p: NDArray[np.float64], truth: NDArray[np.int64]) -> Figures:
    """Return how well probabilities (m, 3) meet the labels (m,), m > 0."""
    said = p.argmax(axis=1)
    scores = []
    for label in np.unique(truth):
        hits = int(((said == label) & (truth == label)).sum())
        scores.append(2 * hits / int((said == label).sum() + (truth == label).sum()))
    loss = -np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-9)).mean()
    return Figures(float(np.mean(scores)), float(loss))


def as_good(candidate: Figures, present: Figures) -> bool:
    """Tell whether a candidate is at least as good in both figures, to the third decimal."""
    better_told = round(candidate.macro_f1, 3) >= round(present.macro_f1, 3)
    return better_told and round(candidate.log_loss, 3) <= round(present.log_loss, 3)


def _taught(rows: Sequence[Row], language: str) -> tuple[list[Row], list[str]]:
    """Return the rows somebody, or the lexicon, has a label for, and the labels."""
    views = views_of([row.title for row in rows], [row.target for row in rows], [row.summary for row in rows], language)
    labelled = [(row, row.label or label_by_lexicon(seen)) for row, seen in zip(rows, views, strict=True)]
    known = [(row, label) for row, label in labelled if label is not None]
    return [row for row, _ in known], [label for _, label in known]


def _judged(model: Model, rows: Sequence[Row], language: str) -> NDArray[np.float64]:
    views = views_of([row.title for row in rows], [row.target for row in rows], [row.summary for row in rows], language)
    return model.judge(views).p
