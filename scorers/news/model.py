"""A trained model of tone: arrays only, which turn views of texts into probabilities and reasons. It does not train."""

import io
import json
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorers.news import features
from scorers.news.features import NAMES, NEAR, SUMMARY_WEIGHT, WORD, View, n_grams

LABELS = ("negative", "neutral", "positive")
"""Columns of every array of probabilities, in order."""

FORMAT = 1
MOST_BYTES = 20_000_000
"""Of a stored model; one that is longer is not read."""

MOST_GRAMS = 60_000
"""N-grams a model knows, so that it stays below 5 MB."""

REASONS = 3
"""N-grams told as reasons of one judgement."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


_BROKEN = (
    *(ValueError, KeyError, OSError, EOFError, MemoryError, RecursionError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error, SyntaxError, tokenize.TokenError),  # numpy reads the heads of arrays as Python
)
"""What reading a file of arrays raises when it is none."""


class ModelUnreadable(Exception):
    """The file is no model this version can use: says which file and what was expected."""


@dataclass(frozen=True, slots=True)
class Rows:
    """N-grams of m views: entry k says that view `row[k]` holds the n-gram `gram[k]` in this strength."""

    row: Ints
    gram: Ints
    strength: Floats


@dataclass(frozen=True, slots=True)
class Judged:
    """Probabilities (m, 3), and for each view the n-grams that spoke loudest for the likeliest label."""

    p: NDArray[np.float64]
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

    def judge(self, views: Sequence[View]) -> Judged:
        """Return the calibrated probabilities of each view, and reasons."""
        if not views:
            return Judged(np.zeros((0, 3)), [])
        rows = weighted(gram_rows(views, self._places, self.language), self.rarity, self._near, len(views))
        said = rows.strength[:, None] * self.gram_weights[rows.gram]
        spoken = np.stack([np.bincount(rows.row, said[:, at], len(views)) for at in range(3)], axis=1)
        counts = np.array([view.counts for view in views], dtype=np.float64)
        scores = spoken + counts @ self.count_weights.astype(np.float64) + self.bias
        p = softmax(mixed(scores, views, self.lexicon_share) * self.scale + self.shift)
        return Judged(p, self._reasons(rows, said, p.argmax(axis=1)))

    def _reasons(self, rows: Rows, said: Floats, chosen: Ints) -> list[tuple[tuple[str, float], ...]]:
        """The strongest n-grams a person can read, none inside another."""
        apart = said[np.arange(len(said)), chosen[rows.row]] - said.mean(axis=1)
        kept = np.flatnonzero(self._readable[rows.gram] & (apart > 0.01))
        kept = kept[np.lexsort((-apart[kept], rows.row[kept]))]
        starts = np.searchsorted(rows.row[kept], np.arange(len(chosen) + 1))
        return [
            _strongest([(self.grams[rows.gram[k]], float(apart[k])) for k in kept[start : min(end, start + 12)]])
            for start, end in pairwise(starts.tolist())
        ]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {gram: place for place, gram in enumerate(self.grams)}

    @cached_property
    def _near(self) -> NDArray[np.bool_]:
        return np.array([gram.startswith(NEAR) for gram in self.grams], dtype=np.bool_)

    @cached_property
    def _readable(self) -> NDArray[np.bool_]:
        least = 2 if self.language == "zh" else 1
        shown = (_shown(gram) for gram in self.grams)
        words = (self.language == "zh" or WORD in gram[:2] for gram in self.grams)
        return np.array([w and len(s) >= least and s.isprintable() for w, s in zip(words, shown, strict=True)])

    def to_bytes(self) -> bytes:
        """Return the model as one file of arrays; equal models give equal bytes."""
        packed = io.BytesIO()
        arrays = {name: getattr(self, name) for name in ("rarity", "gram_weights", "count_weights", "bias", "shift")}
        arrays |= {name: np.float64(getattr(self, name)) for name in ("scale", "lexicon_share")}
        about = {
            "format": FORMAT,
            "features": features.VERSION,
            "language": self.language,
            "trained_on": dict(self.trained_on),
            "grams": list(self.grams),
        }
        arrays["about"] = np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8)
        _write_npz(packed, arrays)
        return packed.getvalue()

    @classmethod
    def from_bytes(cls, raw: bytes, name: str = "the model") -> "Model":
        """Return the model that `to_bytes` wrote. Raises ModelUnreadable, which tells `name`."""
        arrays, about = _unpacked(raw, name)
        grams = about.get("grams")
        if not isinstance(grams, list) or len(grams) > 10 * MOST_GRAMS or not all(isinstance(g, str) for g in grams):
            raise ModelUnreadable(f"{name}: expected a list of n-grams.")
        if about.get("language") not in ("en", "zh", "vi") or not isinstance(about.get("trained_on"), dict):
            raise ModelUnreadable(f"{name}: expected a language part en, zh or vi and what it was trained on.")
        shapes = {"rarity": (len(grams),), "gram_weights": (len(grams), 3), "count_weights": (len(NAMES), 3)}
        shapes |= {"bias": (3,), "shift": (3,), "scale": (), "lexicon_share": ()}
        read = {key: _array(arrays, key, shape, name) for key, shape in shapes.items()}
        scale, share = (float(read.pop(key)) for key in ("scale", "lexicon_share"))
        if not (scale > 0 and 0 <= share <= 1):
            raise ModelUnreadable(
                f"{name}: found {scale:g} and {share:g}, expected a scale above 0 and a share up to 1."
            )
        described = {"scale": scale, "lexicon_share": share, "trained_on": about["trained_on"]}
        return cls(about["language"], tuple(grams), **read, **described)

    def save(self, folder: Path) -> None:
        """Write LANGUAGE.npz and LANGUAGE.json (what it was trained on) into the folder."""
        folder.joinpath(f"{self.language}.npz").write_bytes(self.to_bytes())
        about = {"language": self.language, "features": features.VERSION, "trained_on": dict(self.trained_on)}
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


def gram_rows(views: Sequence[View], places: Mapping[str, int], language: str) -> Rows:
    """Return the n-grams of the views that have a place, each once a view, with how often it stands there.

    Those of the title count 1, of the summary SUMMARY_WEIGHT, and up to one as they are, above it less and less:
    1 + ln(n).
    """
    gram: list[int] = []
    lengths: list[int] = []
    for view in views:
        for found in grams_of(view, language):
            gram += map(places.get, found, repeat(-1))
            lengths.append(len(found))
    row = np.repeat(np.arange(len(lengths)) // 3, lengths)
    weight_of = np.repeat(np.tile([1.0, SUMMARY_WEIGHT, 1.0], len(views)), lengths)
    ids = np.array(gram, dtype=np.int64)
    known = ids >= 0
    keys, inverse = np.unique(row[known] * max(len(places), 1) + ids[known], return_inverse=True)
    counts = np.bincount(inverse, weight_of[known], len(keys))
    strength = np.where(counts > 1, 1 + np.log(np.maximum(counts, 1)), counts).astype(np.float32)
    return Rows(keys // max(len(places), 1), keys % max(len(places), 1), strength)


def grams_of(view: View, language: str) -> tuple[list[str], list[str], list[str]]:
    """Return the n-grams of the title, of the summary, and of the words around the target."""
    title, summary, near = (n_grams(text, language) if text else [] for text in (view.title, view.summary, view.near))
    return title, summary, [NEAR + gram for gram in near]


def weighted(rows: Rows, rarity: Floats, near: NDArray[np.bool_], views: int) -> Rows:
    """Return TF-IDF: strengths by rarity, of length 1 per view, for the whole text and the target's words apart."""
    strength = rows.strength * rarity[rows.gram]
    block = rows.row * 2 + near[rows.gram]
    length = np.sqrt(np.bincount(block, strength**2, views * 2))
    return Rows(rows.row, rows.gram, (strength / np.maximum(length, 1e-9)[block]).astype(np.float32))


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


def _shown(gram: str) -> str:
    return gram.removeprefix(NEAR).removeprefix(WORD).strip()


def _strongest(found: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    kept: list[tuple[str, float]] = []
    for gram, weight in found:
        shown = _shown(gram)
        if len(kept) < REASONS and not any(shown in other or other in shown for other, _ in kept):
            kept.append((shown, weight))
    return tuple(kept)


def _write_npz(file: io.BytesIO, arrays: Mapping[str, Any]) -> None:
    """Like numpy.savez_compressed, but without the time of writing."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, array in arrays.items():
            written = io.BytesIO()
            np.lib.format.write_array(written, np.asanyarray(array), allow_pickle=False)
            packed.writestr(zipfile.ZipInfo(f"{name}.npy"), written.getvalue(), zipfile.ZIP_DEFLATED)


def _unpacked(raw: bytes, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(raw) > MOST_BYTES:
        raise ModelUnreadable(f"{name}: expected at most {MOST_BYTES:,} bytes.")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            parts = packed.infolist()
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


def _array(arrays: Mapping[str, Any], key: str, shape: tuple[int, ...], name: str) -> Any:
    array = arrays.get(key)
    if array is None or array.shape != shape or array.dtype.kind != "f":
        found = "nothing" if array is None else f"{array.dtype} of shape {array.shape}"
        raise ModelUnreadable(f"{name}: found {found} for {key}, expected numbers of shape {shape}.")
    if not (np.abs(array) <= np.finfo(np.float32).max).all():
        raise ModelUnreadable(f"{name}: {key} holds what is no number, or one that is too large.")
    return array.astype(np.float32)
