"""Partners named in a text: every alias at once, longest match first. It does not judge tone."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import ahocorasick

from scorers.news.convert import to_simplified
from scorers.news.text import HAN, fold, normalise


@dataclass(frozen=True, slots=True)
class Alias:
    """One name under which the public speaks of a partner.

    `partner` is the caller's own id, handed back as it is. `case_sensitive`: letter case must agree. `needs_context`:
    counts only beside a second cue: one of `cues`, or another name of the partner. `exclude`: this phrase is not the
    partner and shields a shorter name inside it. Names of two Han characters or up to three letters
    always need context.
    """

    partner: Hashable
    text: str
    case_sensitive: bool = False
    needs_context: bool = False
    exclude: bool = False
    cues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One place of a comparable text where a name stands: text[start:end], and the aliases spelled so."""

    start: int
    end: int
    aliases: tuple[Alias, ...]


@dataclass(frozen=True, slots=True)
class _Name:
    alias: Alias
    spelled: str
    key: str  # folded: what is searched for
    needs_context: bool
    cues: tuple[str, ...]  # folded


@dataclass(frozen=True, slots=True)
class _Place:
    start: int
    end: int
    names: tuple[_Name, ...]  # empty: an excluded phrase, which only shields


def comparable(text: str) -> str:
    """Return text in the spelling names and phrases are compared in: NFKC, Simplified characters, its own case."""
    return to_simplified(normalise(text))


class Matcher:
    """Finds the names of all partners in a text; the time does not grow with the number of names."""

    def __init__(self, aliases: Iterable[Alias]) -> None:
        names: dict[str, list[_Name]] = {}
        for alias in aliases:
            name = _name(alias)
            if name.key:
                names.setdefault(name.key, []).append(name)
        self._automaton = ahocorasick.Automaton()
        for key, same in names.items():
            self._automaton.add_word(key, tuple(same))
        self._automaton.make_automaton()
        self._empty = not names

    def find(self, text: str) -> list[Hit]:
        """Return the places, in order and not overlapping, where names stand in a `comparable` text.

        Names that need context are kept only where the text holds a second cue of their partner.
        """
        if self._empty:
            return []
        folded = fold(text)
        places = [place for place in self._longest(text, folded) if place.names]
        hits = []
        for place in places:
            kept = [n.alias for n in place.names if not n.needs_context or _has_cue(n, places, folded)]
            if kept:
                hits.append(Hit(place.start, place.end, tuple(kept)))
        return hits

    def _longest(self, text: str, folded: str) -> list[_Place]:
        found = []
        for last, names in self._automaton.iter(folded):
            start, end = last + 1 - len(names[0].key), last + 1
            if _bounded(folded, start, end):
                fitting = [n for n in names if not n.alias.case_sensitive or text[start:end] == n.spelled]
                if fitting:
                    found.append(_Place(start, end, tuple(n for n in fitting if not n.alias.exclude)))
        found.sort(key=lambda place: (place.start - place.end, place.start))
        taken = bytearray(len(folded))
        longest = []
        for place in found:
            if not any(taken[place.start : place.end]):
                taken[place.start : place.end] = b"\1" * (place.end - place.start)
                longest.append(place)
        return sorted(longest, key=lambda place: place.start)


def _name(alias: Alias) -> _Name:
    spelled = comparable(alias.text)
    short = len(spelled) <= (2 if HAN.search(spelled) else 3)
    cues = tuple(cue for cue in (fold(comparable(text)) for text in alias.cues) if cue)
    return _Name(alias, spelled, fold(spelled), short or alias.needs_context, cues)


def _bounded(text: str, start: int, end: int) -> bool:
    """Names in letters stand between word boundaries; Han is written without spaces and has none."""
    before = start > 0 and _in_word(text[start - 1]) and _in_word(text[start])
    after = end < len(text) and _in_word(text[end - 1]) and _in_word(text[end])
    return not before and not after


def _in_word(character: str) -> bool:
    return (character.isalnum() or character == "_") and not HAN.match(character)


def _has_cue(name: _Name, places: list[_Place], folded: str) -> bool:
    """A second cue is another name of the partner, or one of the alias's cues, anywhere in the text."""
    others = (n for place in places for n in place.names)
    if any(other.alias.partner == name.alias.partner and other.key != name.key for other in others):
        return True
    return any(_contains(folded, cue) for cue in name.cues if cue != name.key)


def _contains(folded: str, cue: str) -> bool:
    start = folded.find(cue)
    while start >= 0:
        if _bounded(folded, start, start + len(cue)):
            return True
        start = folded.find(cue, start + 1)
    return False
