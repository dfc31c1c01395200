"""N-grams of what is seen of a text: all of them to learn from, and those of a vocabulary to judge by."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import ahocorasick
import numpy as np
from numpy.typing import NDArray

from scorers.news.features import SUMMARY_WEIGHT, View

NEAR = "@"
"""Begins every n-gram of the words around the target."""

WORD = "\x01"
"""Begins every n-gram of whole words."""

_SIZES = {"en": (2, 3, 4, 5), "zh": (1, 2, 3, 4), "vi": (2, 3, 4, 5)}
"""Of n-grams of characters; Chinese has no others."""

_WORDS = re.compile(r"[^\W_]+|[◆◇%$?]")
_DIGIT = re.compile(r"\d")

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """N-grams of m views: entry k says that view `row[k]` holds the n-gram `gram[k]` in this strength."""

    row: Ints
    gram: Ints
    strength: Floats

    def only(self, kept: Ints) -> "Rows":
        """Return the rows of these n-grams alone, which are in order and take the places 0, 1, …"""
        place = np.searchsorted(kept, self.gram)
        there = kept[np.minimum(place, len(kept) - 1)] == self.gram
        return Rows(self.row[there], place[there], self.strength[there])


class Vocabulary:
    """N-grams in a fixed order, and where they stand in views."""

    def __init__(self, grams: Sequence[str], language: str) -> None:
        self.near: NDArray[np.bool_] = np.array([gram.startswith(NEAR) for gram in grams], dtype=np.bool_)
        places = {gram: place for place, gram in enumerate(grams)}
        self._whole = _Places(places, language)
        self._near = _Places({gram[len(NEAR) :]: at for gram, at in places.items() if gram.startswith(NEAR)}, language)

    def rows(self, views: Sequence[View]) -> Rows:
        """Return the n-grams of the views that it holds, each once a view, with how often it stands there.

        Those of the title count 1, of the summary SUMMARY_WEIGHT, and up to one as they are, above it less and less:
        1 + ln(n).
        """
        gram: list[int] = []
        lengths: list[int] = []
        for view in views:
            for places, text in ((self._whole, view.title), (self._whole, view.summary), (self._near, view.near)):
                found = places.of(text)
                gram += found
                lengths.append(len(found))
        row = np.repeat(np.arange(len(lengths)) // 3, lengths)
        weight_of = np.repeat(np.tile([1.0, SUMMARY_WEIGHT, 1.0], len(views)), lengths)
        size = max(len(self.near), 1)
        keys, inverse = np.unique(row * size + np.array(gram, dtype=np.int64), return_inverse=True)
        counts = np.bincount(inverse, weight_of, len(keys))
        strength = np.where(counts > 1, 1 + np.log(np.maximum(counts, 1)), counts).astype(np.float32)
        return Rows(keys // size, keys % size, strength)


class _Places:
    """Finds the n-grams of texts that have a place."""

    def __init__(self, places: Mapping[str, int], language: str) -> None:
        self._language = language
        self._of_words = {gram: place for gram, place in places.items() if gram.startswith(WORD)}
        self._of_characters = ahocorasick.Automaton(ahocorasick.STORE_INTS)
        for gram, place in places.items():
            if len(gram) in _SIZES[language]:
                self._of_characters.add_word(gram, place)
        self._of_characters.make_automaton()
        self._has_characters = len(self._of_characters) > 0

    def of(self, masked: str) -> list[int]:
        """Return the place of every n-gram of a masked text that has one, as often as it stands there."""
        if not masked:
            return []
        text = _spaced(masked, self._language)
        found = [place for _, place in self._of_characters.iter(text)] if self._has_characters else []
        if self._of_words:
            found += [place for gram in _of_words(text) if (place := self._of_words.get(gram)) is not None]
        return found


def n_grams(masked: str, language: str) -> list[str]:
    """Return the n-grams of a masked text: 1–2 words and 2–5 characters; of Chinese 1–4 characters. Digits are 0."""
    if not masked:
        return []
    text = _spaced(masked, language)
    of_characters = _of_characters(text, _SIZES[language])
    return of_characters if language == "zh" else _of_words(text) + of_characters


def weighted(rows: Rows, rarity: Floats, near: NDArray[np.bool_], views: int) -> Rows:
    """Return TF-IDF: strengths by rarity, of length 1 per view, for the whole text and the target's words apart."""
    strength = rows.strength * rarity[rows.gram]
    block = rows.row * 2 + near[rows.gram]
    length = np.sqrt(np.bincount(block, strength**2, views * 2))
    return Rows(rows.row, rows.gram, (strength / np.maximum(length, 1e-9)[block]).astype(np.float32))


def _spaced(masked: str, language: str) -> str:
    text = _DIGIT.sub("0", masked)
    return text.replace(" ", "") if language == "zh" else f" {text} "


def _of_words(text: str) -> list[str]:
    words = _WORDS.findall(text)
    return [WORD + word for word in words] + [f"{WORD}{first} {second}" for first, second in pairwise(words)]


def _of_characters(text: str, sizes: Sequence[int]) -> list[str]:
    return [text[at : at + size] for size in sizes for at in range(len(text) - size + 1)]
