"""Trains a model of tone from labelled texts, and labels texts by the lexicon where nobody has. It stores nothing."""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorers.news.events import LEXICON_OF
from scorers.news.features import NAMES, Place, View, joined, read_article, view
from scorers.news.grams import NEAR, Floats, Rows, Vocabulary, n_grams, weighted
from scorers.news.language import language_of
from scorers.news.match import Alias, Matcher
from scorers.news.model import LABELS, MOST_GRAMS, Model, mixed, softmax
from scorers.news.text import plain

FEWEST = 6
"""Labelled texts of each label without which nothing is trained."""

CONFIDENT = 0.6
"""Probability by the lexicon from which on a text may be learned from without anybody's label."""

LEXICON_SHARE = 0.25
"""What the lexicon has to say beside a model trained on thousands of texts: measured in docs/news.md."""

AS_THEY_ARE = (1.0, 1.0, 1.0)
LENGTHS = {"en": (1.4, 2.0, 0.7), "zh": AS_THEY_ARE, "vi": AS_THEY_ARE}
"""By what the n-grams of the whole text, those around the target, and the counts are multiplied before they are learned
from: counts are few and large, and as they are too much of what many labels say is put down to them and too little to
words. In Chinese and Vietnamese it made nothing better: measured in docs/news.md."""

_C = 3.0  # inverse strength of the regularisation
_FOLDS = 3  # of the cross-fitted calibration
_FEWEST_TEXTS = 2  # that hold an n-gram worth keeping
_WEIGHTS = np.arange(10, 31) / 10  # of a label that is not the commonest
_CALIBRATION_PENALTY = 3.0  # as of so many texts that need none; else a few clear texts would make it too sure


class TooFewLabels(Exception):
    """There is too little to learn from: says what was found and what is needed."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model, and the probabilities (m, 3) of each row it learned from by one that did not see its text.

    They are NaN where there is none: too few labels are left.
    """

    model: Model
    p: NDArray[np.float64]


def fit(
    texts: Sequence[str],
    labels: Sequence[str],
    targets: Sequence[str | None] | None = None,
    weights: Sequence[float] | None = None,
    *,
    language: str,
    summaries: Sequence[str] | None = None,
    lexicon_share: float = LEXICON_SHARE,
    calibrated: bool = True,
    source: str = "",
    trusted: Sequence[bool] | None = None,
    lengths: tuple[float, float, float] | None = None,
) -> Fitted:
    """Return a model of one language part ("en", "zh", "vi") trained on these labels, calibrated by cross-fitting
    unless `calibrated` is off.

    `targets`: the name each label is about, None for the whole text; rows of the same text are the other names of each
    other. A target that is not found in its text is taken as None. `lexicon_share` (0 .. 1): how much the lexicon has
    to say beside what was learned. `source` is kept with the model. `trusted`: rows that say how sure one may be; the
    others teach what is said, not how surely (None: all). `lengths`: each > 0, None for those of LENGTHS. The same rows
    give the same model. Raises TooFewLabels.
    """
    wanted = np.array([LABELS.index(label) for label in labels])
    refuse_too_few(wanted, language)
    views = views_of(texts, targets or [None] * len(texts), summaries or [""] * len(texts), language)
    shares = np.ones(len(texts)) if weights is None else np.asarray(weights, dtype=np.float64)
    grams = _frequent(views, language)
    vocabulary = Vocabulary(grams, language)
    rows, near = vocabulary.rows(views), vocabulary.near
    rarity = _rarity(rows, len(grams), len(views))
    kept = _most_telling(weighted(rows, rarity, near, len(views)), wanted, len(grams))
    grams, rarity = [grams[place] for place in kept], rarity[kept]
    columns = _columns(near[kept], lengths or LENGTHS[language])
    design = _design(weighted(rows.only(kept), rarity, near[kept], len(views)), views, columns)
    coefficients, bias = regression(design, wanted, shares)
    coefficients *= columns[:, None]
    learned = cross_fitted(design, wanted, shares, texts)
    blend = mixed(learned, views, lexicon_share)
    scale, shift = 1.0, np.zeros(3)
    if calibrated:
        scale, shift = calibration(blend, wanted, shares if trusted is None else shares * np.asarray(trusted))
    model = Model(
        language,
        tuple(grams),
        rarity,
        gram_weights=_short(coefficients[: len(grams)]),
        count_weights=_short(coefficients[len(grams) :]),
        bias=_short(bias),
        scale=scale,
        lexicon_share=lexicon_share,
        shift=shift.astype(np.float32),
        trained_on={"source": source, "texts": len(texts), **{label: labels.count(label) for label in LABELS}},
    )
    return Fitted(model, softmax(blend * scale + shift))


def language_part(text: str, declared: str | None = None) -> str | None:
    """Return the part of the lexicon ("en", "zh", "vi") that reads a raw text, None for another language."""
    return LEXICON_OF.get(language_of(plain(text), declared))


def label_by_lexicon(seen: View) -> str | None:
    """Return what the lexicon says of a view when it is sure, and None when it is not.

    It is sure of a tone that nothing contradicts, and of a neutral text that says nothing at all.
    """
    shares = seen.by_lexicon()
    likeliest = max(range(3), key=lambda at: shares[at])
    contradicted = any(phrase.weight < 0 for phrase in seen.phrases) and any(p.weight > 0 for p in seen.phrases)
    return None if shares[likeliest] < CONFIDENT or contradicted else LABELS[likeliest]


def views_of(
    texts: Sequence[str], targets: Sequence[str | None], summaries: Sequence[str], language: str
) -> list[View]:
    """Return each text as seen from its target; the targets of one text are the other names of each other."""
    named: dict[tuple[str, str], list[str]] = {}
    for text, target, summary in zip(texts, targets, summaries, strict=True):
        names = named.setdefault((text, summary), [])
        if target and target not in names:
            names.append(target)
    matchers = {key: Matcher(Alias(name, name, trusted=True) for name in names) for key, names in named.items()}
    return [
        _view(text, target, summary, matchers[text, summary], language)
        for text, target, summary in zip(texts, targets, summaries, strict=True)
    ]


def _view(text: str, target: str | None, summary: str, matcher: Matcher, language: str) -> View:
    whole, title_end = joined(plain(text), plain(summary))
    hits = matcher.find(whole)
    article = read_article(whole, title_end, language, [(hit.start, hit.end) for hit in hits])
    own = [any(alias.partner == target for alias in hit.aliases) for hit in hits]
    return view(article, [Place(hit.start, hit.end, mine) for hit, mine in zip(hits, own, strict=True)])


def refuse_too_few(wanted: NDArray[np.int64], language: str) -> None:
    """Raise TooFewLabels unless there are FEWEST of each label (0, 1, 2)."""
    counts = np.bincount(wanted, minlength=3)
    if counts.min() < FEWEST:
        found = ", ".join(f"{count} {label}" for count, label in zip(counts, LABELS, strict=True))
        raise TooFewLabels(f"{language}: found {found}; at least {FEWEST} of each are needed to train on.")


def _frequent(views: Sequence[View], language: str) -> list[str]:
    """Every n-gram that stands in enough views, in alphabetical order."""
    held: Counter[str] = Counter()
    for seen in views:
        held.update(set(n_grams(seen.title, language)))
        held.update(set(n_grams(seen.summary, language)))
        held.update({NEAR + gram for gram in n_grams(seen.near, language)})
    return sorted(gram for gram, count in held.items() if count >= _FEWEST_TEXTS)


def _rarity(rows: Rows, grams: int, views: int) -> Floats:
    held = np.bincount(rows.gram, minlength=grams)
    return (np.log((1 + views) / (1 + held)) + 1).astype(np.float32)


def _most_telling(rows: Rows, wanted: NDArray[np.int64], grams: int) -> NDArray[np.int64]:
    """The n-grams whose strength differs most between the labels, by chi-squared, at most MOST_GRAMS, in order."""
    if grams <= MOST_GRAMS:
        return np.arange(grams)
    per_label = np.stack(
        [np.bincount(rows.gram, rows.strength * (wanted[rows.row] == label), grams) for label in range(3)]
    )
    expected = per_label.sum(axis=0) * (np.bincount(wanted, minlength=3) / len(wanted))[:, None]
    telling = ((per_label - expected) ** 2 / np.maximum(expected, 1e-12)).sum(axis=0)
    return np.sort(np.argsort(-telling, kind="stable")[:MOST_GRAMS])


def _columns(near: NDArray[np.bool_], lengths: tuple[float, float, float]) -> NDArray[np.float64]:
    """By what each column of a design (k n-grams and the counts) is multiplied."""
    whole, around, counts = lengths
    return np.concatenate([np.where(near, around, whole), np.full(len(NAMES), counts)])


def _design(rows: Rows, views: Sequence[View], columns: NDArray[np.float64]) -> Any:
    from scipy import sparse  # noqa: PLC0415 – heavy, and needed for training only

    grams = len(columns) - len(NAMES)
    counts = np.array([seen.counts for seen in views]) * columns[grams:]
    strength = rows.strength * columns[rows.gram]
    said = sparse.csr_matrix((strength, (rows.row, rows.gram)), (len(views), grams))
    return sparse.hstack([said, sparse.csr_matrix(counts)]).tocsr()


def regression(
    design: Any, wanted: NDArray[np.int64], shares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients (k, 3) and bias (3,)."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 – heavy, and needed for training only

    model = LogisticRegression(C=_C, class_weight="balanced", max_iter=300, tol=1e-3)
    model.fit(design, wanted, sample_weight=shares)
    return model.coef_.T, model.intercept_


def cross_fitted(
    design: Any, wanted: NDArray[np.int64], shares: NDArray[np.float64], texts: Sequence[str]
) -> NDArray[np.float64]:
    """Scores (m, 3) each text gets from a model that did not see it; equal texts share a fold. NaN: there is none."""
    fold = np.array([zlib.crc32(text.encode("utf-8", "replace")) % _FOLDS for text in texts])
    scores = np.full((len(texts), 3), np.nan)
    for at in range(_FOLDS):
        inside, outside = fold != at, fold == at
        if outside.any() and len(set(wanted[inside].tolist())) == 3:
            coefficients, bias = regression(design[inside], wanted[inside], shares[inside])
            scores[outside] = design[outside] @ coefficients + bias
    return scores


def calibration(
    scores: NDArray[np.float64], wanted: NDArray[np.int64], shares: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Vector scaling: the scale and the shifts (3,) under which the labels are likeliest."""
    from scipy.optimize import minimize  # noqa: PLC0415 – heavy, and needed for training only

    known = ~np.isnan(scores).any(axis=1)
    if not known.any():
        return 1.0, np.zeros(3)
    scores, wanted, shares = scores[known], wanted[known], shares[known]

    def loss(parameters: NDArray[np.float64]) -> float:
        scale, shift = np.exp(parameters[0]), np.array([parameters[1], 0.0, parameters[2]])
        p = softmax(scores * scale + shift)[np.arange(len(wanted)), wanted]
        penalty = _CALIBRATION_PENALTY * float(parameters @ parameters) / len(wanted)
        return float(-(shares * np.log(np.maximum(p, 1e-12))).sum() / shares.sum()) + penalty

    found = minimize(loss, np.zeros(3), method="Nelder-Mead").x
    return float(np.exp(found[0])), np.array([found[1], 0.0, found[2]])


def label_weights(p: NDArray[np.float64]) -> Floats:
    """Return by what the probability of each label (3,) is multiplied before the largest is told, so that rare labels
    are not told too rarely: 1 for the commonest, 1 .. 3 in steps of .1 for the others.

    p (m, 3): calibrated, of texts the model did not see; rows of NaN do not count. Of all weights those are chosen, and
    of equals the least, under which the macro-F1 to be expected is highest. That of one label is 2·(sum of p where it
    is told)/(sum of p + how often it is told): Lipton, Elkan and Naryanaswamy 2014.
    """
    known = p[~np.isnan(p).any(axis=1)]
    if not len(known):
        return np.ones(3, dtype=np.float32)
    due = known.sum(axis=0)

    def expected(weights: NDArray[np.float64]) -> float:
        told = (known * weights).argmax(axis=1)
        right = np.bincount(told, known[np.arange(len(told)), told], 3)
        return float((2 * right / (due + np.bincount(told, minlength=3))).mean())

    one, other = (at for at in range(3) if at != due.argmax())
    tried = np.ones((len(_WEIGHTS) ** 2, 3))
    tried[:, one], tried[:, other] = np.repeat(_WEIGHTS, len(_WEIGHTS)), np.tile(_WEIGHTS, len(_WEIGHTS))
    return max(tried, key=expected).astype(np.float32)


def _short(array: NDArray[np.float64]) -> Floats:
    """Half precision is enough, and packs to half the size."""
    return array.astype(np.float16).astype(np.float32)
