"""Which texts are copies of one another: one wire story under many mastheads. It does not know partners or events."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from scorers.base import Floats
from scorers.news.convert import to_simplified
from scorers.news.text import HAN, plain

SAME = 0.6
"""Least Jaccard similarity of character 3-grams at which two texts are copies. On syndicated variants of real headlines
this agreed best with the truth (B-cubed F .99)."""

WINDOW_DAYS = 7.0
"""Texts published further apart are not copies: the same words a month later are news again."""

_GRAM = 3
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
_FIGURE = re.compile(r"\d+(?!\d*$)")  # one at the very end may be cut short
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
    return components(len(texts), [(a, b) for a, b in near if _tell_the_same(bare[a], bare[b], grams[a], grams[b])])


def strip(text: str) -> str:
    """Return the words of a text as copies are compared: Simplified, lower case, without marks and mastheads."""
    shown = to_simplified(plain(text)).lower()
    for pattern in (_HEAD, _TAIL, _TAIL):
        cut = pattern.sub("", shown, count=1).strip()
        if len(cut) >= _KEPT_SHARE * len(shown):
            shown = cut
    return _NO_WORD.sub(" ", shown).strip()


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Return the Jaccard similarity of two sets, 0..1; of an empty set with anything 0."""
    common = len(a & b)
    return common / (len(a) + len(b) - common) if common else 0.0


def components(size: int, pairs: Sequence[tuple[int, int]]) -> NDArray[np.intp]:
    """Return `(size,)` for each item the least number of those it is linked with, directly or not; maybe its own."""
    first, second = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    links = coo_array((np.ones(len(first)), (first, second)), shape=(size, size))
    _, labels = connected_components(links, directed=False)
    _, least = np.unique(labels, return_index=True)
    return np.asarray(least[labels], dtype=np.intp)


def _tell_the_same(a: str, b: str, grams_a: frozenset[str], grams_b: frozenset[str]) -> bool:
    """Tell whether two texts are worded alike and neither gives a figure in place of one the other gives."""
    figures_a, figures_b = set(_FIGURE.findall(a)), set(_FIGURE.findall(b))
    return (figures_a <= figures_b or figures_b <= figures_a) and jaccard(grams_a, grams_b) >= SAME


def _grams(text: str) -> frozenset[str]:
    squeezed = text.replace(" ", "") if HAN.search(text) else text
    if len(squeezed) <= _GRAM:
        return frozenset((squeezed,)) if squeezed else frozenset()
    return frozenset(squeezed[place : place + _GRAM] for place in range(len(squeezed) - _GRAM + 1))


def _candidates(bare: Sequence[str], grams: Sequence[frozenset[str]], age: Floats) -> Iterator[tuple[int, int]]:
    """Yield pairs that may be copies: each text with the newest earlier one of each wording that is like its own.

    Alike by MinHash (Broder 1997), so that the time does not grow with the square of the texts.
    """
    distinct = {text: grams[place] for place, text in enumerate(bare) if text}
    hashed = MinHash.bulk([[gram.encode() for gram in one] for one in distinct.values()], num_perm=_HASHES, seed=_SEED)
    sketches = dict(zip(distinct, hashed, strict=True))
    newest: dict[str, int] = {}
    index: Any = MinHashLSH(threshold=_CANDIDATE, num_perm=_HASHES)
    for place in sorted(range(len(bare)), key=lambda one: (-age[one], bare[one])):
        text = bare[place]
        if text in newest:
            yield newest[text], place
        elif text:
            yield from ((newest[other], place) for other in index.query(sketches[text]))
            index.insert(text, sketches[text])
        if text:
            newest[text] = place
