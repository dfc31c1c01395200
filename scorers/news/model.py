"""A trained model of tone: arrays only, which turn views of texts into probabilities and reasons. It does not train."""

import io
import json
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorers.news import features
from scorers.news.features import NAMES, View
from scorers.news.grams import NEAR, WORD, Floats, Ints, Rows, Vocabulary, weighted

LABELS = ("negative", "neutral", "positive")
"""Columns of every array of probabilities, in order."""

FORMAT = 1
MOST_BYTES = 20_000_000
"""Of a stored model; one that is longer is not read."""

MOST_GRAMS = 60_000
"""N-grams a model knows, so that it stays below 5 MB."""

REASONS = 3
"""N-grams told as reasons of one judgement."""

_BROKEN = (
    *(ValueError, KeyError, OSError, EOFError, MemoryError, RecursionError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error, SyntaxError, tokenize.TokenError),  # numpy reads the heads of arrays as Python
)
"""What reading a file of arrays raises when it is none."""


class ModelUnreadable(Exception):
    """The file is no model this version can use: says which file and what was expected."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Probabilities (m, 3), and for each view the place of its label and the n-grams that spoke loudest for it."""

    p: NDArray[np.float64]
    told: Ints
    reasons: list[tuple[tuple[str, float], ...]]


@dataclass(frozen=True, eq=False)
class Model:
    """Multinomial logistic regression over n-grams and counts, of one language part; see `judge`."""

    language: str  # "en", "zh" or "vi"
    grams: tuple[str, ...]  # those of the words around the target begin with NEAR
    rarity: Floats  # (k,) idf
    gram_weights: Floats  # (k, 3)
    count_weights: Floats  # (len(NAMES), 3)
    bias: Floats  # (3,)
    scale: float  # > 0: of the scores, by calibration
    shift: Floats  # (3,) added to the scaled scores, by calibration
    lexicon_share: float  # 0 .. 1: what the lexicon has to say beside what was learned
    trained_on: Mapping[str, Any]
    label_weights: Floats = field(default_factory=lambda: np.ones(3, dtype=np.float32), kw_only=True)
    """(3,), each > 0: the label is that of the largest p times its weight; training.label_weights chooses them."""

    def judge(self, views: Sequence[View]) -> Judged:
        """Return the calibrated probabilities of each view, its label, and reasons."""
        if not views:
            return Judged(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), [])
        rows = weighted(self._vocabulary.rows(views), self.rarity, self._vocabulary.near, len(views))
        said = rows.strength[:, None] * self.gram_weights[rows.gram]
        spoken = np.stack([np.bincount(rows.row, said[:, at], len(views)) for at in range(3)], axis=1)
        counts = np.array([view.counts for view in views], dtype=np.float64)
        scores = spoken + counts @ self.count_weights.astype(np.float64) + self.bias
        p = softmax(mixed(scores, views, self.lexicon_share) * self.scale + self.shift)
        told = self.told(p)
        return Judged(p, told, self._reasons(rows, said, told))

    def told(self, p: NDArray[np.float64]) -> Ints:
        """Return which label is told of each row of probabilities (m, 3), as its place in LABELS."""
        places: Ints = (p * self.label_weights).argmax(axis=1)
        return places

    def _reasons(self, rows: Rows, said: Floats, chosen: Ints) -> list[tuple[tuple[str, float], ...]]:
        """The strongest n-grams a person can read, none inside another."""
        apart = said[np.arange(len(said)), chosen[rows.row]] - said.mean(axis=1)
        kept = np.flatnonzero(self._readable[rows.gram] & (apart > 0.01))
        kept = kept[np.lexsort((-apart[kept], rows.row[kept]))]
        starts = np.searchsorted(rows.row[kept], np.arange(len(chosen) + 1))
        grams, weights = rows.gram[kept].tolist(), apart[kept].tolist()
        return [
            _strongest([(self._shown[grams[k]], weights[k]) for k in range(start, min(end, start + 12))])
            for start, end in pairwise(starts.tolist())
        ]

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.grams, self.language)

    @cached_property
    def _readable(self) -> NDArray[np.bool_]:
        least = 2 if self.language == "zh" else 1
        words = (self.language == "zh" or WORD in gram[:2] for gram in self.grams)
        return np.array([w and len(s) >= least and s.isprintable() for w, s in zip(words, self._shown, strict=True)])

    @cached_property
    def _shown(self) -> list[str]:
        return [gram.removeprefix(NEAR).removeprefix(WORD).strip() for gram in self.grams]

    def to_bytes(self) -> bytes:
        """Return the model as one file of arrays; equal models give equal bytes."""
        names = ("rarity", "gram_weights", "count_weights", "bias", "shift", "label_weights")
        arrays = {name: getattr(self, name) for name in names}
        arrays |= {name: np.float64(getattr(self, name)) for name in ("scale", "lexicon_share")}
        about = {
            "format": FORMAT,
            "features": features.VERSION,
            "language": self.language,
            "trained_on": dict(self.trained_on),
            "grams": list(self.grams),
        }
        return packed(arrays, about)

    @classmethod
    def from_bytes(cls, raw: bytes, name: str = "the model") -> "Model":
        """Return the model that `to_bytes` wrote. Raises ModelUnreadable, which tells `name`."""
        arrays, about = unpacked(raw, name)
        if "needs" in about:
            raise ModelUnreadable(f"{name}: needs {about['needs']!s:.60}, which is not in use here.")
        grams = about.get("grams")
        if not isinstance(grams, list) or len(grams) > 10 * MOST_GRAMS or not all(isinstance(g, str) for g in grams):
            raise ModelUnreadable(f"{name}: expected a list of n-grams.")
        if about.get("language") not in ("en", "zh", "vi") or not isinstance(about.get("trained_on"), dict):
            raise ModelUnreadable(f"{name}: expected a language part en, zh or vi and what it was trained on.")
        shapes = {"rarity": (len(grams),), "gram_weights": (len(grams), 3), "count_weights": (len(NAMES), 3)}
        shapes |= {"bias": (3,), "shift": (3,), "scale": (), "lexicon_share": ()}
        if "label_weights" in arrays:  # older models have none
            shapes["label_weights"] = (3,)
        read = {key: array_of(arrays, key, shape, name) for key, shape in shapes.items()}
        scale, share = (float(read.pop(key)) for key in ("scale", "lexicon_share"))
        if not (scale > 0 and 0 <= share <= 1):
            raise ModelUnreadable(
                f"{name}: found {scale:g} and {share:g}, expected a scale above 0 and a share up to 1."
            )
        if (read.get("label_weights", np.ones(3)) <= 0).any():
            raise ModelUnreadable(f"{name}: expected label_weights above 0.")
        described = {"scale": scale, "lexicon_share": share, "trained_on": about["trained_on"]}
        return cls(about["language"], tuple(grams), **read, **described)

    def save(self, folder: Path) -> None:
        """Write LANGUAGE.npz and LANGUAGE.json (what it was trained on) into the folder."""
        folder.joinpath(f"{self.language}.npz").write_bytes(self.to_bytes())
        about = {"language": self.language, "features": features.VERSION, "trained_on": dict(self.trained_on)}
        about["label_weights"] = dict(zip(LABELS, np.round(self.label_weights.astype(float), 3).tolist(), strict=True))
        text = json.dumps(about, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        folder.joinpath(f"{self.language}.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, language: str) -> "Model":
        """Return the model of one language part from a folder. Raises ModelUnreadable, and OSError."""
        path = folder / f"{language}.npz"
        if path.stat().st_size > MOST_BYTES:
            raise ModelUnreadable(f"{path.name}: expected at most {MOST_BYTES:,} bytes.")
        model = cls.from_bytes(path.read_bytes(), path.name)
        if model.language != language:
            raise ModelUnreadable(f"{path.name}: found a model of {model.language}, expected one of {language}.")
        return model


def mixed(scores: NDArray[np.float64], views: Sequence[View], lexicon_share: float) -> NDArray[np.float64]:
    """Return the weighted mean of learned scores (m, 3) and the logarithms of the lexicon's probabilities."""
    if not lexicon_share:
        return scores
    by_lexicon = np.log(np.array([view.by_lexicon() for view in views]))
    blend: NDArray[np.float64] = (1 - lexicon_share) * scores + lexicon_share * by_lexicon
    return blend


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities (m, 3) of scores (m, 3)."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
    return shares


def _strongest(found: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    kept: list[tuple[str, float]] = []
    for shown, weight in found:
        if len(kept) < REASONS and not any(shown in other or other in shown for other, _ in kept):
            kept.append((shown, weight))
    return tuple(kept)


def packed(arrays: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """Return arrays and their description as numpy.savez_compressed writes them, but without the time of writing."""
    described = {**arrays, "about": np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8)}
    packing = io.BytesIO()
    with zipfile.ZipFile(packing, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in described.items():
            written = io.BytesIO()
            np.lib.format.write_array(written, np.asanyarray(array), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), written.getvalue(), zipfile.ZIP_DEFLATED)
    return packing.getvalue()


def unpacked(raw: bytes, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what `packed` was given. Raises ModelUnreadable, which tells `name`."""
    if len(raw) > MOST_BYTES:
        raise ModelUnreadable(f"{name}: expected at most {MOST_BYTES:,} bytes.")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as file:
            parts = file.infolist()
        if sum(part.file_size for part in parts) > 4 * MOST_BYTES:
            raise ModelUnreadable(f"{name}: unpacks to more than {4 * MOST_BYTES:,} bytes.")
        if not all(part.filename.endswith(".npy") and _is_plainly_packed(part) for part in parts):
            raise ModelUnreadable(f"{name}: expected arrays alone, deflated and not encrypted.")
        with np.load(io.BytesIO(raw), allow_pickle=False) as packed_arrays:
            arrays = {key: packed_arrays[key] for key in packed_arrays.files}
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ModelUnreadable(f"{name}: expected arrays alone.")
        about = json.loads(arrays["about"].tobytes().decode())
    except _BROKEN as error:
        raise ModelUnreadable(f"{name}: expected a model as it was saved ({error}).") from error
    if not isinstance(about, dict):
        raise ModelUnreadable(f"{name}: expected a description of the model.")
    if (about.get("format"), about.get("features")) != (FORMAT, features.VERSION):
        found = f"{about.get('format')}.{about.get('features')}"
        raise ModelUnreadable(f"{name}: found version {found}, expected {FORMAT}.{features.VERSION}: train it again.")
    return arrays, about


def _is_plainly_packed(part: zipfile.ZipInfo) -> bool:
    return part.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and not part.flag_bits & 1


def array_of(arrays: Mapping[str, Any], key: str, shape: tuple[int, ...], name: str) -> Any:
    """Return one array as float32. Raises ModelUnreadable where it is none of this shape, or holds no numbers."""
    array = arrays.get(key)
    if array is None or array.shape != shape or array.dtype.kind != "f":
        found = "nothing" if array is None else f"{array.dtype} of shape {array.shape}"
        raise ModelUnreadable(f"{name}: found {found} for {key}, expected numbers of shape {shape}.")
    if not (np.abs(array) <= np.finfo(np.float32).max).all():
        raise ModelUnreadable(f"{name}: {key} holds what is no number, or one that is too large.")
    return array.astype(np.float32)
