"""Which articles about one partner tell of the same thing, and how much that weighs. It does not read them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_array

from scorers.base import Floats
from scorers.news import copies, kinds
from scorers.news.text import HAN

SAME_DAYS = 3.0
"""Articles further apart than 72 hours are not joined for what they say."""

LIKE = 0.18
"""Least average-link cosine similarity within an incident: headlines about one event share few words."""

_FAR = 2.0  # the distance of what must not be joined; that of texts without a common word is 1
_LATIN_WORD = re.compile(r"[^\W_]+")
_GRAM = 2  # characters of Han


@dataclass(frozen=True, slots=True)
class Told:
    """One article as told of one partner.

    text: title and summary, the partner's own names blanked: they are in all of its articles.
    event: type of the event, None for none.
    age_days: when it was published, in days before any one moment.
    """

    text: str
    event: str | None
    age_days: float


def group(
    articles: Sequence[Told],
    copy_of: NDArray[np.intp],
    apart: frozenset[int] = frozenset(),
    together: Sequence[tuple[int, int]] = (),
) -> NDArray[np.intp]:
    """Return `(m,)` for each article of one partner the place of the first of its incident, maybe its own.

    Copies (`copy_of` as copies.cluster gives it) are of one incident. So are articles on one type of event within 72
    hours whose words are alike: average-link clustering of cosine similarities, cut at `LIKE`. A person has the last
    word: what is in `apart` is joined with nothing, unless a pair of places in `together` says so. The order of the
    articles does not matter but for the places returned.
    """
    pairs: list[tuple[int, int]] = []
    for _, places in sorted(_by_event(articles, copy_of, apart).items()):
        pairs += _joined(articles, places)
    pairs += [(int(first), place) for place, first in enumerate(copy_of) if place not in apart and first not in apart]
    return copies.components(len(articles), [*pairs, *_heirs(copy_of, apart), *together])


def weight(severity: float, p_negative: float, outlets: int) -> float:
    """Return how much an incident weighs, 0..300: severity (0..100) × the most negative article × its reach.

    The reach is log2(1 + distinct outlets), at most `kinds.MOST_REACH`.
    """
    return severity * p_negative * reach(outlets)


def reach(outlets: int) -> float:
    """Return the factor 1..3 by which `outlets` >= 1 distinct outlets raise an incident."""
    return float(kinds.reach(np.array(outlets, dtype=np.float64)))


def _by_event(articles: Sequence[Told], copy_of: NDArray[np.intp], apart: frozenset[int]) -> dict[str, list[int]]:
    """Return the places of those that may be joined, by event: the first of each set of copies speaks for it."""
    found: dict[str, list[int]] = {}
    for place, article in enumerate(articles):
        if place not in apart and copy_of[place] == place:
            found.setdefault(article.event or "", []).append(place)
    return found


def _heirs(copy_of: NDArray[np.intp], apart: frozenset[int]) -> list[tuple[int, int]]:
    """Return links among the copies of an article that a person set apart: they stay one."""
    heir: dict[int, int] = {}
    links = []
    for place, first in enumerate(copy_of.tolist()):
        if first in apart and place != first and place not in apart:
            links.append((heir.setdefault(first, place), place))
    return links


def _joined(articles: Sequence[Told], places: Sequence[int]) -> list[tuple[int, int]]:
    """Return links between the articles of each incident among these of one type of event."""
    if len(places) < 2:
        return []
    ages = np.array([articles[place].age_days for place in places])
    distance = 1.0 - _cosines([articles[place].text for place in places])
    distance[np.abs(ages[:, None] - ages) > SAME_DAYS] = _FAR
    upper = distance[np.triu_indices(len(places), 1)]
    labels = fcluster(linkage(upper, method="average"), 1.0 - LIKE, criterion="distance")
    first: dict[int, int] = {}
    return [(first.setdefault(label, place), place) for label, place in zip(labels.tolist(), places, strict=True)]


def _cosines(texts: Sequence[str]) -> Floats:
    """Return `(m, m)` cosine similarities of word counts; of Han, of pairs of characters."""
    terms: dict[str, int] = {}
    entries = [
        (row, terms.setdefault(term, len(terms)), float(count))
        for row, text in enumerate(texts)
        for term, count in sorted(Counter(_terms(text)).items())
    ]
    rows, columns, counts = zip(*entries, strict=True) if entries else ((), (), ())
    table = coo_array((counts, (rows, columns)), shape=(len(texts), max(len(terms), 1)), dtype=np.float64).tocsr()
    length = np.sqrt(table.multiply(table).sum(axis=1))
    product = np.asarray((table @ table.T).todense(), dtype=np.float64)
    scale = np.where(length > 0, length, 1.0)
    return np.asarray(product / np.outer(scale, scale), dtype=np.float64)


def _terms(text: str) -> list[str]:
    stripped = copies.strip(text)
    han = "".join(HAN.findall(stripped))
    words = _LATIN_WORD.findall(HAN.sub(" ", stripped))
    return words + [han[place : place + _GRAM] for place in range(len(han) - _GRAM + 1)]
