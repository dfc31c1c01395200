"""How a text speaks: negative, neutral or positive, by phrases of the lexicon and what turns them. No training."""

import json
import re
from bisect import bisect
from collections.abc import Sequence, Set
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import ahocorasick

from scorers.news.text import HAN, fold, longest

PRIOR = (0.2, 0.6, 0.2)
"""Pseudo-counts of negative, neutral and positive: what is believed of a text without any evidence."""

EVENT_WEIGHT = 1.5
"""A bad event counts as this many negative phrases."""

MOST_COUNTED = 3.0
"""More phrases than this of one tone add nothing: a headline is not surer for being wordy."""

MILD_WEIGHT = 0.3
"""A word of dull notices or of questions counts as this much of a neutral phrase."""

SIGNALS = {
    "good": 1.0,
    "good_direction": 1.0,  # of a known quantity: "sales rise", "losses narrow"
    "up": 0.8,  # of nothing we know
    "turned_bad": 0.35,  # "denies fraud"
    "mild": 0.0,
    "costs": -0.4,  # "loss", without a direction
    "turned_good": -0.6,  # "no growth"
    "down": -0.8,
    "bad_direction": -1.0,
    "bad": -1.0,
}
"""What a phrase says of the text, and how much: > 0 is good."""

_TURNED = {"good": "turned_good", "good_direction": "turned_good", "up": "turned_good"}
_TURNED |= {"costs": "turned_bad", "bad": "turned_bad", "bad_direction": "turned_bad", "down": "turned_bad"}

BREAK = re.compile(r"[,;:!?|，。；：！？、…]|\.(?!\d)| [-–—] ")
"""What ends the reach of a direction or a negation."""


_AND = re.compile(r"(?i:\b(?:and|or|but|while|as|và|còn)\b)|[和与及而]")
"""Parts a direction from a quantity behind it: "gains and losses"."""


class _Reach(NamedTuple):
    back: int  # characters a direction looks back for its quantity
    ahead: int  # and ahead
    negation: int  # characters a negation reaches ahead


_REACH = {"en": _Reach(34, 24, 24), "zh": _Reach(12, 6, 5), "vi": _Reach(34, 20, 16)}


class Phrase(NamedTuple):
    """One phrase that speaks: text[start:end] in the compared text, its signal being one of SIGNALS."""

    signal: str
    start: int
    end: int

    @property
    def weight(self) -> float:
        """−1 (bad) .. 1 (good)."""
        return SIGNALS[self.signal]


class _Hit(NamedTuple):
    start: int
    end: int
    kinds: frozenset[str]  # lists of the lexicon it stands on
    signal: str | None  # of these lists the one that says most; None: it says nothing by itself
    clause: int


def phrases_in(text: str, lexicon: str) -> list[Phrase]:
    """Return the phrases of a compared text that speak, in order and not overlapping.

    A direction takes its tone from the quantity beside it in its clause; a negation before a phrase turns it.
    """
    hits = _hits(text, lexicon)
    reach = _REACH[lexicon]
    phrases: list[tuple[int, Phrase]] = []
    measured: set[int] = set()
    for place, hit in enumerate(hits):
        signal = hit.signal
        if signal in ("up", "down"):
            quantity = _quantity_of(text, hits, place, reach)
            if quantity is not None:
                measured.add(quantity)
                rising_is_good = "gains" in hits[quantity].kinds
                signal = "good_direction" if (signal == "up") == rising_is_good else "bad_direction"
        if signal in _TURNED and _is_negated(hits, place, reach.negation):
            signal = _TURNED[signal]
        if "ending" in hit.kinds and _is_ended(phrases, hits, place, reach.back):
            continue
        if signal:
            phrases.append((place, Phrase(signal, hit.start, hit.end)))
    return [phrase for place, phrase in phrases if place not in measured]


def balance(phrases: Sequence[Phrase], bad_event: bool) -> tuple[float, float]:
    """Return how much bad and how much good a text says, each 0 .. MOST_COUNTED (+ EVENT_WEIGHT for bad)."""
    weights = [SIGNALS[phrase.signal] for phrase in phrases]
    good = sum(weight for weight in weights if weight > 0)
    bad = -sum(weight for weight in weights if weight < 0)
    return min(bad, MOST_COUNTED) + EVENT_WEIGHT * bad_event, min(good, MOST_COUNTED)


def weighed(phrases: Sequence[Phrase], bad_event: bool) -> tuple[float, float, float]:
    """Return the posterior mean of a Dirichlet prior after the phrases found: (count + PRIOR) / (total + 1)."""
    bad, good = balance(phrases, bad_event)
    mild = MILD_WEIGHT * min(sum(phrase.signal == "mild" for phrase in phrases), MOST_COUNTED)
    total = bad + mild + good + sum(PRIOR)
    return (bad + PRIOR[0]) / total, (mild + PRIOR[1]) / total, (good + PRIOR[2]) / total


def _signal_of(kinds: Set[str]) -> str | None:
    """The list that says most; "plain" phrases say nothing and only shield a shorter one inside them."""
    return next((kind for kind in ("good", "bad", "up", "down", "mild", "costs") if kind in kinds), None)


def _quantity_of(text: str, hits: Sequence[_Hit], place: int, reach: _Reach) -> int | None:
    """The nearest quantity before the direction, else behind it."""
    hit = hits[place]
    for other in range(place - 1, -1, -1):
        if hits[other].clause != hit.clause or hit.start - hits[other].end > reach.back:
            break
        if hits[other].kinds & {"gains", "costs"}:
            return other
    for other in range(place + 1, len(hits)):
        if hits[other].clause != hit.clause or hits[other].start - hit.end > reach.ahead:
            break
        if hits[other].kinds & {"gains", "costs"}:
            return None if _AND.search(text, hit.end, hits[other].start) else other
    return None


def _is_negated(hits: Sequence[_Hit], place: int, reach: int) -> bool:
    hit = hits[place]
    for other in range(place - 1, -1, -1):
        if hits[other].clause != hit.clause or hit.start - hits[other].end > reach:
            return False
        if "negation" in hits[other].kinds:
            return True
    return False


def _is_ended(phrases: list[tuple[int, Phrase]], hits: Sequence[_Hit], place: int, reach: int) -> bool:
    """Whether this ending follows something bad in its clause; that is turned then."""
    if not phrases:
        return False
    before, phrase = phrases[-1]
    near = hits[before].clause == hits[place].clause and hits[place].start - phrase.end <= reach
    if not near or phrase.signal not in ("bad", "costs"):
        return False
    phrases[-1] = (before, phrase._replace(signal="turned_bad"))
    return True


def _hits(text: str, lexicon: str) -> list[_Hit]:
    """Every phrase of the lexicon in the text, longest first, not overlapping, in order."""
    folded = fold(text)
    breaks = [mark.start() for mark in BREAK.finditer(text)]
    found = _beside_others(folded, lexicon, breaks)
    for last, (length, tail, kinds, signal) in _automaton(lexicon).iter(folded):
        start, end = last + 1 - length, last + 1
        if _stands(folded, start, end, tail=tail):
            found.append(_Hit(start, end, kinds, signal, bisect(breaks, start)))
    return longest(found, len(folded))


def _beside_others(folded: str, lexicon: str, breaks: Sequence[int]) -> list[_Hit]:
    spans = [(kind, match.span(1)) for kind, pattern in _patterns(lexicon) for match in pattern.finditer(folded)]
    return [_Hit(start, end, frozenset({kind}), kind, bisect(breaks, start)) for kind, (start, end) in spans]


def _stands(text: str, start: int, end: int, *, tail: bool) -> bool:
    """Phrases in letters stand between word boundaries; `tail`: the last word may go on."""
    if start and _in_word(text[start - 1]) and _in_word(text[start]):
        return False
    return tail or end == len(text) or not (_in_word(text[end]) and _in_word(text[end - 1]))


def _in_word(character: str) -> bool:
    return character.isalnum() and not HAN.match(character)


@lru_cache(maxsize=1)
def _lists() -> dict[str, Any]:
    lists: dict[str, Any] = json.loads(files("scorers.news").joinpath("lexicon.json").read_text("utf-8"))
    return lists


@lru_cache(maxsize=3)
def _patterns(lexicon: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Phrases that speak only beside others: "holds up shipments" hinders, "demand holds up" does not. Group 1 each."""
    listed: dict[str, list[str]] = _lists()["patterns"][lexicon]
    return tuple((kind, re.compile(one)) for kind, expressions in listed.items() for one in expressions)


@lru_cache(maxsize=3)
def _automaton(lexicon: str) -> Any:
    """Folded phrase → (length, whether its last word may go on, lists it stands on, the one that says most)."""
    entries: dict[str, tuple[bool, set[str]]] = {}
    for kind, phrases in _lists()[lexicon].items():
        for phrase in phrases:
            key = fold(phrase.removesuffix("*"))
            tail, kinds = entries.get(key, (False, set()))
            entries[key] = (tail or phrase.endswith("*"), kinds | {kind})
    automaton = ahocorasick.Automaton()
    for key, (tail, kinds) in entries.items():
        automaton.add_word(key, (len(key), tail, frozenset(kinds), _signal_of(kinds)))
    automaton.make_automaton()
    return automaton
