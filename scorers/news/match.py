"""Partners named in a text: every alias at once, longest match first. It does not judge tone."""

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import ahocorasick

from scorers.news.ambiguity import is_short, is_word
from scorers.news.convert import to_simplified
from scorers.news.spellings import spellings
from scorers.news.text import fold, longest, normalise

_UNSPACED = re.compile(
    "[\u2e80-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\u0e00-\u0e7f\U00020000-\U0003ffff]"
)
"""Scripts written without spaces between words: Han, kana, Hangul with its endings, Thai."""

# Words that only firms have, right behind or before a name: a cue for names too short to be sure of.
_FIRM_BEHIND = re.compile(
    r"(?:'s)? ?(?:(?:plc|inc|ltd|corp|group|holdings|shares?|stock|ceo|cfo|chairman|board|earnings|profit|revenue)\b"
    r"|[(:]|集团|公司|股份|控股|科技|电子|汽车|银行|股价|董事|总裁|高管|创始人|旗下|财报|营收|净利|业绩|工厂|员工|股东)"
)
_FIRM_BEFORE = re.compile(
    r"(?:\$|\b(?:nyse|nasdaq|hose|hnx|upcom|sehk|twse):? ?|\b(?:shares of|shares in|supplier|maker|retailer) "
    r"|(?:công ty|tập đoàn|ngân hàng|cổ phiếu|hãng|ctcp) (?:cổ phần )?|公司|集团|厂商|企业|供应商|巨头|\()$"
)
_LOOKED_BEFORE = 24


@dataclass(frozen=True, slots=True)
class Alias:
    """One name under which the public speaks of a partner.

    `partner` is the caller's own id, handed back as it is. `case_sensitive`: letter case must agree. `needs_context`:
    counts only beside a second cue: one of `cues`, another name of the partner, or a word that only firms have.
    `exclude`: this phrase is not the partner and shields a shorter name inside it. Names of two Han characters or up to
    three letters always need context, and dictionary words ("Target") their own letter case, unless the name is
    `trusted`: a person named exactly this partner for exactly these texts.
    """

    partner: Hashable
    text: str
    case_sensitive: bool = False
    needs_context: bool = False
    exclude: bool = False
    cues: tuple[str, ...] = ()
    trusted: bool = False


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
    key: str  # folded: the alias itself
    case_sensitive: bool
    needs_context: bool
    everyday: bool  # also a word of the language
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
            for spelling in spellings(name.key, name.spelled) if name.key else ():
                names.setdefault(spelling, []).append(name)
        self._automaton = ahocorasick.Automaton()
        for key, same in names.items():
            self._automaton.add_word(key, (len(key), _in_word(key[0]), _in_word(key[-1]), tuple(same)))
        self._automaton.make_automaton()
        self._empty = not names

    def find(self, text: str) -> list[Hit]:
        """Return the places, in order and not overlapping, where names stand in a `comparable` text.

        Names that need context are kept only where the text holds a second cue of their partner.
        """
        if self._empty:
            return []
        folded = fold(text)
        found = self._found(text, folded)
        if not found:
            return []
        places = [place for place in longest(found, len(folded)) if place.names]
        keys: dict[Hashable, set[str]] = {}
        for place in places:
            for name in place.names:
                keys.setdefault(name.alias.partner, set()).add(name.key)
        hits = []
        for place in places:
            kept = [n.alias for n in place.names if not n.needs_context or _has_cue(n, place, keys, folded)]
            if kept:
                hits.append(Hit(place.start, place.end, tuple(kept)))
        return hits

    def _found(self, text: str, folded: str) -> list[_Place]:
        found = []
        for last, (length, bounded_before, bounded_behind, names) in self._automaton.iter(folded):
            start, end = last + 1 - length, last + 1
            if bounded_before and start and _in_word(folded[start - 1]):
                continue
            plural = bounded_behind and end < len(folded) and _in_word(folded[end])
            if plural and not _is_plural(text, end):
                continue
            fitting = [n for n in names if _fits(n, text[start:end], plural=plural)]
            if fitting:
                found.append(_Place(start, end, tuple(n for n in fitting if not n.alias.exclude)))
        return found


def _fits(name: _Name, written: str, *, plural: bool) -> bool:
    if plural and (name.everyday or written.islower()):
        return False
    return not name.case_sensitive or _same_case(name, written)


def _is_plural(text: str, end: int) -> bool:
    """Headlines lose apostrophes: "Max Indias profit", "NBFCs"."""
    return text[end] == "s" and not (end + 1 < len(text) and _in_word(text[end + 1]))


def _name(alias: Alias) -> _Name:
    spelled = comparable(alias.text)
    everyday = is_word(spelled)
    own_case = not alias.trusted and spelled != spelled.lower() and (everyday or is_short(spelled))
    return _Name(
        alias,
        spelled,
        fold(spelled),
        case_sensitive=alias.case_sensitive or own_case,
        needs_context=alias.needs_context or (is_short(spelled) and not alias.trusted),
        everyday=everyday,
        cues=tuple(cue for cue in (fold(comparable(text)) for text in alias.cues) if cue),
    )


def _same_case(name: _Name, written: str) -> bool:
    return written == name.spelled or (not name.alias.case_sensitive and written == name.spelled.upper())


def _bounded(text: str, start: int, end: int) -> bool:
    """Names in letters stand between word boundaries; Han is written without spaces and has none."""
    before = start > 0 and _in_word(text[start - 1]) and _in_word(text[start])
    after = end < len(text) and _in_word(text[end - 1]) and _in_word(text[end])
    return not before and not after


def _in_word(character: str) -> bool:
    return (character.isalnum() or character == "_") and (character.isascii() or not _UNSPACED.match(character))


def _has_cue(name: _Name, place: _Place, keys: dict[Hashable, set[str]], folded: str) -> bool:
    """A second cue is another name of the partner, one of the alias's cues, or a firm's word beside the name."""
    if len(keys[name.alias.partner]) > 1:
        return True
    if any(_contains(folded, cue) for cue in name.cues if cue != name.key):
        return True
    if name.alias.needs_context:
        return False
    before = folded[max(0, place.start - _LOOKED_BEFORE) : place.start]
    return bool(_FIRM_BEHIND.match(folded, place.end) or _FIRM_BEFORE.search(before))


def _contains(folded: str, cue: str) -> bool:
    start = folded.find(cue)
    while start >= 0:
        if _bounded(folded, start, start + len(cue)):
            return True
        start = folded.find(cue, start + 1)
    return False
