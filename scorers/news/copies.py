"""Which texts are copies of one another: one wire story under many mastheads. It does not know partners or events."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorers.base import Floats
from scorers.news.convert import to_simplified
from scorers.news.text import HAN, plain

SAME = 0.6
"""Least Jaccard similarity of character 3-grams at which two texts are copies. On syndicated variants of real headlines
this agreed best with the truth (B-cubed F .99)."""

WINDOW_DAYS = 7.0
"""Texts published further apart are not copies: the same words a month later are news again."""

FEW = 16
"""Up to so many wordings comparing every pair is faster than hashing them."""

_GRAM = 3
_KEPT = 500  # characters: of longer texts twenty thousand would fill the memory
_HASHES = 128
_SEED = 1
_CANDIDATE = 0.5  # of the hashing, below SAME: what it proposes is then compared exactly

_TAIL = re.compile(
    r"\s+[-–—|·•»]+\s+[^-–—|·•»]{2,40}$|[_|][^_|]{2,20}$|\s*[(（\[][^()（）\[\]]{2,40}[)）\]]$|(?:\.{3}|…)$"
)
"""What a masthead adds behind a headline: " - Example Times", "| Example", "(Example)", and the dots of a cut."""

_HEAD = re.compile(
    r"^(?:update \d+|brief|exclusive|breaking(?: news)?|wrapup \d+|refile|correct(?:ed|ion)|focus|analysis|watch|video|"
    r"快讯|突发|独家|最新|重磅|更新|焦点|tin nóng|tin mới|độc quyền|cập nhật|nóng)\s*[-–—:：|!！]+\s*"
    r"|^[【\[(（〈《][^【】\[\]()（）〈〉《》]{1,20}[】\])）〉》]\s*(?:[-–—:：]+\s*)?"
    r"|^[^\W\d_][\w .&]{1,30}(?: [-–—]{1,2} |: )(?=\S+ \S+ \S+|[㐀-鿿])|^[^()]{2,30}\([^()]{2,20}\)\s*[-–—]+\s*"
)
"""What it sets before one: "UPDATE 2-", "【快讯】", "Example Times: ", "TAIPEI (Example) - "."""

_KEPT_SHARE = 0.5  # what is cut off must not be most of the text
_FIGURE = re.compile(r"(?<!\d)\d++(?!$)")  # one at the very end may be cut short
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")  # mastheads differ in setting this comma
_NO_WORD = re.compile(r"[\W_]+")


def cluster(texts: Sequence[str], age_days: Sequence[float] | None = None) -> NDArray[np.intp]:
    """Return `(m,)` for each text the place of the first copy of it, which is its own where it is none.

    `age_days`: when each was published, in days before any one moment; without it, time does not count. Texts are told
    apart from mastheads, letter case, marks and the two Chinese scripts. An empty text is a copy of nothing.
    """
    bare = [strip(text) for text in texts]
    grams = [_grams(text) for text in bare]
    age = np.zeros(len(texts)) if age_days is None else np.asarray(age_days, dtype=np.float64)
    near = ((a, b) for a, b in _candidates(bare, grams, age) if age[a] - age[b] <= WINDOW_DAYS)
    alike = ((jaccard(grams[a], grams[b]), a, b) for a, b in near)
    links = sorted((-likeness, bare[a], bare[b], a, b) for likeness, a, b in alike if likeness >= SAME)
    return components(len(texts), _agreeing([(a, b) for *_, a, b in links], [_figures(text) for text in bare]))


def strip(text: str) -> str:
    """Return the words of a text as copies are compared: Simplified, lower case, without marks and mastheads."""
    shown = to_simplified(plain(text)).lower()
    for pattern in (_HEAD, _TAIL, _TAIL):
        cut = pattern.sub("", shown, count=1).strip()
        if len(cut) >= _KEPT_SHARE * len(shown):
            shown = cut
    return _NO_WORD.sub(" ", _THOUSANDS.sub("", shown)).strip()


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Return the Jaccard similarity of two sets, 0..1; of an empty set with anything 0."""
    common = len(a & b)
    return common / (len(a) + len(b) - common) if common else 0.0


def components(size: int, pairs: Sequence[tuple[int, int]]) -> NDArray[np.intp]:
    """Return `(size,)` for each item the least number of those it is linked with, directly or not; maybe its own."""
    leader = list(range(size))
    for pair in pairs:
        first, second = sorted(_leader(leader, place) for place in pair)
        leader[second] = first
    return np.array([_leader(leader, place) for place in range(size)], dtype=np.intp)


def _figures(text: str) -> frozenset[str]:
    return frozenset(_FIGURE.findall(text))


def _agreeing(links: Sequence[tuple[int, int]], figures: Sequence[frozenset[str]]) -> list[tuple[int, int]]:
    """Return the links, in their order, that join no text with one that gives a figure in place of one of its own.

    A headline cut short before its figures is like several; it goes with the first of them and links it to no other.
    """
    leader = list(range(len(figures)))
    given = list(figures)  # by leader: the figures of the text that gives most
    kept = []
    for a, b in links:
        first, second = _leader(leader, a), _leader(leader, b)
        if given[first] <= given[second] or given[second] <= given[first]:
            kept.append((a, b))
            given[first] = given[first] | given[second]
            leader[second] = first
    return kept


def _leader(leader: list[int], place: int) -> int:
    while leader[place] != place:
        leader[place] = leader[leader[place]]
        place = leader[place]
    return place


def _grams(text: str) -> frozenset[str]:
    squeezed = text.replace(" ", "") if HAN.search(text) else text
    if len(squeezed) <= _GRAM:
        return frozenset((squeezed,)) if squeezed else frozenset()
    return frozenset(squeezed[place : place + _GRAM] for place in range(len(squeezed) - _GRAM + 1))


def _candidates(bare: Sequence[str], grams: Sequence[frozenset[str]], age: Floats) -> Iterator[tuple[int, int]]:
    """Yield pairs that may be copies: each text with the newest earlier one of each wording that is like its own.

    Alike by MinHash (Broder 1997), so that the time does not grow with the square of the texts; of few texts every
    pair is compared.
    """
    distinct = {text: grams[place] for place, text in enumerate(bare) if text}
    index = None if len(distinct) <= FEW else _Index(distinct)
    newest: dict[str, int] = {}
    for place in sorted(range(len(bare)), key=lambda one: (-age[one], bare[one])):
        text = bare[place]
        if text in newest:
            yield newest[text], place
        elif text:
            yield from ((newest[other], place) for other in (newest if index is None else index.alike(text)))
        if text:
            newest[text] = place


@lru_cache(maxsize=20_000)
def _kept_sketch(text: str) -> Any:
    """Return the MinHash of a headline; kept, because the next article is compared with the same others."""
    return _sketch(text)


def _sketch(text: str) -> Any:
    sketch = _empty_sketch().copy()
    sketch.update_batch([gram.encode() for gram in _grams(text)])
    return sketch


@lru_cache(maxsize=1)
def _empty_sketch() -> Any:
    from datasketch import MinHash  # noqa: PLC0415

    return MinHash(num_perm=_HASHES, seed=_SEED)


@lru_cache(maxsize=1)
def _bands() -> tuple[int, int]:
    """Return into how many bands of how many hashes sketches are cut; finding that out takes as long as 100 texts."""
    from datasketch import MinHashLSH  # noqa: PLC0415

    cut = MinHashLSH(threshold=_CANDIDATE, num_perm=_HASHES)
    return cut.b, cut.r


class _Index:
    """Wordings by their hashes; each is found by those asked for later."""

    def __init__(self, distinct: Mapping[str, frozenset[str]]) -> None:
        from datasketch import MinHashLSH  # noqa: PLC0415  # half a second to import, and few texts need it

        self._sketches = {text: (_kept_sketch if len(text) <= _KEPT else _sketch)(text) for text in distinct}
        self._hashed: Any = MinHashLSH(threshold=_CANDIDATE, num_perm=_HASHES, params=_bands())

    def alike(self, text: str) -> list[str]:
        """Return the wordings asked for before that may be like this one."""
        found: list[str] = self._hashed.query(self._sketches[text])
        self._hashed.insert(text, self._sketches[text])
        return found
