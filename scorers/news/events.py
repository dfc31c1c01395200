"""What happened, recognised by trigger phrases of the taxonomy, and whom of those named it happened to."""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from operator import itemgetter
from typing import Any

import ahocorasick

from scorers.news.text import lower

LEXICON_OF = {"en": "en", "zh-Hant": "zh", "zh-Hans": "zh", "vi": "vi"}
"""Which part of the taxonomy reads a language; texts are Simplified by then."""

POSSIBLE_WEIGHT = 0.5
"""What may happen ("could face a strike") is this much as severe as what did."""

_REACH = {"en": 60, "zh": 15, "vi": 50}
"""How many characters before its trigger a negation may stand."""

_CLAUSE_END = re.compile(
    r"[,;:!?|，。；：！？…]|\.(?!\d)(?!\w\.)| [-–—]+ |(?<=[\u3400-\u9fff）)”]) +(?=[\u3400-\u9fff《“<〈【_])"
)

_CODE = re.compile(r"\((?:[a-z]{2,6}: ?)?(?:\d{4,6}|[a-z]{2,5})(?:\.[a-z]{1,2})?\)", re.IGNORECASE)
"""A share's code stands right behind its company: it marks one that nobody asked about."""

_ONLY_NAMES = re.compile(r"[\s_()\d,、&和与及và]*(?:and)?\s*")
_JOINED = re.compile(r"\s*(?:,|、|&|/|\band\b|和|与|及|và)?\s*")


@dataclass(frozen=True, slots=True)
class Event:
    """One type of event. `severity` 0..100; the weight of the news halves every `half_life_days`."""

    name: str
    severity: float
    half_life_days: float
    hard: bool  # bad news whatever the tone


@dataclass(frozen=True, slots=True)
class Trigger:
    """One event recognised in a text, and the phrase that decided, as it stands there.

    `possible`: the text says it may happen; the event's severity is that of its type times `POSSIBLE_WEIGHT` then.
    """

    event: Event
    phrase: str
    start: int
    possible: bool = False

    @property
    def end(self) -> int:
        """Where the phrase ends in the text."""
        return self.start + len(self.phrase)


@dataclass(frozen=True, slots=True)
class _Type:
    event: Event
    mutual: bool  # all who are named in the clause take part: a lawsuit, a merger
    outlives: bool  # stays news when it is called off: a merger
    hinders: bool  # may hold up somebody else's work: a strike


@dataclass(frozen=True, slots=True)
class _Rule:
    """What recognises a type where one of its needles stands: the needle itself, or else a pattern."""

    kind: _Type
    pattern: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class _Lexicon:
    needles: ahocorasick.Automaton  # in lower case; each to (length, rules)
    bounded: bool  # phrases stand between word boundaries
    false_friends: re.Pattern[str]
    denied_before: re.Pattern[str]
    denied_after: re.Pattern[str]
    ended_before: re.Pattern[str]
    ended_after: re.Pattern[str]
    ended_within: re.Pattern[str]
    possible: re.Pattern[str]
    macro: re.Pattern[str]  # a clause about the economy
    acting: re.Pattern[str]  # triggers whose subject does it to somebody else: "downgrades"
    hindering: re.Pattern[str]  # from a trigger to whom it holds up: "strike at Beta delays deliveries to "
    reach: int


@lru_cache(maxsize=1)
def taxonomy() -> dict[str, Any]:
    """Return the taxonomy as shipped: event types with severity, half-life and triggers."""
    loaded: dict[str, Any] = json.loads(files("scorers.news").joinpath("taxonomy.json").read_text("utf-8"))
    return loaded


def phrase_pattern(phrase: str, lexicon: str) -> str:
    """Return the regular expression of one phrase: `*` is a word tail, `~` up to 3 words or 6 Han characters.

    Latin phrases are to be set between word boundaries.
    """
    if lexicon == "zh":
        return re.escape(phrase).replace(r"\~", "[^，。；：！？]{0,6}").replace(r"\*", "").replace(r"\ ", "")
    words = [re.escape(word).replace(r"\*", r"\w*") for word in phrase.split()]
    return r"\s+".join(words).replace(r"\s+\~\s+", r"\s+(?:[\w'’&.$%,-]+\s+){0,3}")


def clauses(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of the clauses of a text, in order, together covering it but for the marks between them.

    A space between Han characters ends a clause, as headlines mean it.
    """
    edges = [0, *(edge for mark in _CLAUSE_END.finditer(text) for edge in mark.span()), len(text)]
    return list(zip(edges[::2], edges[1::2], strict=True))


def clear_false_friends(text: str, lexicon: str) -> str:
    """Return the text with phrases blanked that only look like triggers ("sự kiện" holds "kiện"); same length."""
    for found in _lexicon(lexicon).false_friends.finditer(lower(text)):
        text = text[: found.start()] + " " * len(found[0]) + text[found.end() :]
    return text


def triggers_in(text: str, lexicon: str) -> list[Trigger]:
    """Return the events a text speaks of, worst first, one per type.

    What the text denies or calls over is left out, and so are clauses about the economy ("US layoffs").
    """
    read = _lexicon(lexicon)
    stated = [trigger for trigger, _ in _stated(text, lexicon)]
    spans = clauses(text) if stated else []
    economy = [(a, b) for a, b in spans if read.macro.search(lower(text[a:b]))]
    return _worst_first(t for t in stated if not any(a <= t.start < b for a, b in economy))


def triggers_about(
    text: str, lexicon: str, own: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]] = ()
) -> list[Trigger]:
    """Return the events of the one who is named at the spans `own`, worst first, one per type.

    `others` are the spans of everybody else who is named. Names should be blanked ("____") if their own words could be
    triggers. An event counts for the names of its clause: for all of them where it takes two (a lawsuit, a merger),
    otherwise for the one it is done to ("Fitch downgrades Acme") or for the nearest before it, and for those joined
    to that by "and"; a strike or an accident also for those whose work it holds up. Where a clause names nobody, its
    events go to the last one named before, if they are worse than what the clauses with the name say; what stands
    before anybody is named goes to the first who is, if that is all there is. The economy ("US layoffs") counts as
    somebody else, and so does whom a share's code tells to be named.
    """
    names = _names(text, lexicon, own, others)
    spans = clauses(text)
    found = [t for t, kind in _stated(text, lexicon) if _is_about(text, t, kind, names, spans, lexicon)]
    named = [(a, b) for a, b in spans if any(a <= start < b for start, _ in own)]
    beside = [t for t in found if any(a <= t.start < b for a, b in named)]
    behind = [t for t in found if t.start >= min((a for a, _ in named), default=0)]
    if not beside:
        return _worst_first(behind or found)
    worst = max(t.event.severity for t in beside)
    return _worst_first([t for t in behind if t in beside or t.event.severity > worst])


def _worst_first(triggers: Iterable[Trigger]) -> list[Trigger]:
    worst: dict[str, Trigger] = {}
    for trigger in triggers:
        known = worst.get(trigger.event.name)
        if known is None or trigger.event.severity > known.event.severity:
            worst[trigger.event.name] = trigger
    return sorted(worst.values(), key=lambda trigger: (-trigger.event.severity, trigger.event.name))


def _stated(text: str, lexicon: str) -> Iterator[tuple[Trigger, _Type]]:
    read = _lexicon(lexicon)
    if next(iter(_found(text, lower(text), read)), None) is None:
        return
    cleared = clear_false_friends(text, lexicon)
    lowered = lower(cleared)
    spans = clauses(cleared)
    for start, end, kind in sorted(_found(cleared, lowered, read), key=lambda found: (found[0], -found[1])):
        clause_start, clause_end = _clause_of(start, end, spans)
        before = lowered[max(clause_start, start - read.reach) : start]
        if _is_over(before, lowered[start:end], lowered[end:clause_end], kind, read):
            continue
        possible = bool(read.possible.search(before + lowered[start:end]))
        event = replace(kind.event, severity=kind.event.severity * POSSIBLE_WEIGHT) if possible else kind.event
        yield Trigger(event, text[start:end], start, possible), kind


def _found(text: str, lowered: str, read: _Lexicon) -> Iterator[tuple[int, int, _Type]]:
    """Yield where a phrase or pattern stands; each pattern is tried only where one of its needles stands."""
    tried: set[int] = set()
    for last, (length, rules) in read.needles.iter(lowered):
        start, end = last + 1 - length, last + 1
        for rule in rules:
            if rule.pattern is None:
                if not read.bounded or _is_word(lowered, start, end):
                    yield start, end, rule.kind
            elif id(rule) not in tried:
                tried.add(id(rule))
                yield from _matches(rule.pattern, rule.kind, text, lowered)


def _matches(pattern: re.Pattern[str], kind: _Type, text: str, lowered: str) -> Iterator[tuple[int, int, _Type]]:
    for found in pattern.finditer(lowered):
        if "name" in pattern.groupindex and found["name"]:
            first = text[found.start("name")]
            if not (first.isupper() or first == "_"):
                continue
        if found[0]:
            yield found.start(), found.end(), kind


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether neither end of text[start:end] stands inside a word."""
    if start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        return False
    return end == len(text) or not (text[end].isalnum() or text[end] == "_")


def _clause_of(start: int, end: int, spans: list[tuple[int, int]]) -> tuple[int, int]:
    first = bisect_right(spans, start, key=itemgetter(0)) - 1
    last = min(bisect_left(spans, end, key=itemgetter(1)), len(spans) - 1)
    return spans[max(first, 0)][0], max(spans[last][1], end)


def _is_over(before: str, phrase: str, behind: str, kind: _Type, read: _Lexicon) -> bool:
    """Whether the text says that it is not so, or, unless the end is news as well, that it is so no more."""
    if read.denied_before.search(before) or read.denied_after.search(behind):
        return True
    if kind.outlives:
        return False
    ended = read.ended_before.search(before) or read.ended_after.search(behind) or read.ended_within.search(phrase)
    return bool(ended)


@dataclass(frozen=True, slots=True)
class _NamePlace:
    start: int
    end: int
    own: bool
    named: bool = True  # False: a share's code tells that somebody is, or the text speaks of the economy


def _names(
    text: str, lexicon: str, own: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]
) -> list[_NamePlace]:
    places = [_NamePlace(start, end, own=True) for start, end in own]
    places += [_NamePlace(start, end, own=False) for start, end in others]
    ends = {end + gap for end in (place.end for place in places) for gap in (0, 1)}
    unnamed = [found.span() for found in _CODE.finditer(text) if found.start() not in ends]
    unnamed += [found.span() for found in _lexicon(lexicon).macro.finditer(lower(text))]
    places += [_NamePlace(start, end, own=False, named=False) for start, end in unnamed]
    return sorted(places, key=lambda place: place.start)


def _is_about(
    text: str, trigger: Trigger, kind: _Type, names: list[_NamePlace], spans: list[tuple[int, int]], lexicon: str
) -> bool:
    if all(place.own for place in names):
        return not _acts(text, trigger, names, lexicon)
    start, end = _clause_of(trigger.start, trigger.end, spans)
    told = [place for place in names if place.named or place.start <= trigger.start]
    beside = [place for place in told if start <= place.start < end]
    if not beside:
        return _inherits(text, trigger, told)
    if kind.mutual:
        return any(place.own for place in beside)
    if kind.hinders and any(place.own for place in _held_up(text, trigger, beside, lexicon)):
        return True
    before = [place for place in beside if place.end <= trigger.start or not place.named]
    behind = [place for place in beside if place not in before]
    acts = _lexicon(lexicon).acting.search(lower(trigger.phrase))
    if behind and (not before or acts or _leads_to(text, trigger, behind[0])):
        return any(place.own for place in _joined(text, behind))
    return any(place.own for place in _joined(text, before[::-1]))


def _leads_to(text: str, trigger: Trigger, place: _NamePlace) -> bool:
    """Whether the name is what the trigger ends in: "strike at Beta"."""
    return trigger.phrase.endswith((" at", " by")) and not text[trigger.end : place.start].strip()


def _held_up(text: str, trigger: Trigger, beside: list[_NamePlace], lexicon: str) -> list[_NamePlace]:
    """Return those whose work it holds up, whoever it befell: Acme in "Strike at Beta delays Acme's shipments"."""
    behind = [place for place in beside if place.start >= trigger.end and place.named]
    hindering, lowered = _lexicon(lexicon).hindering, lower(text)
    held_up = (bool(hindering.search(lowered[trigger.start : place.start])) for place in behind)
    first = next((at for at, hindered in enumerate(held_up) if hindered), None)
    return [] if first is None else _joined(text, behind[first:])


def _acts(text: str, trigger: Trigger, names: list[_NamePlace], lexicon: str) -> bool:
    """Whether the only one named does it to somebody unknown: "Acme downgrades its supplier"."""
    if not _lexicon(lexicon).acting.search(lower(trigger.phrase)):
        return False
    if any(place.end > trigger.start for place in names):
        return False
    return any(not text[place.end : trigger.start].strip() for place in names)


def _inherits(text: str, trigger: Trigger, names: list[_NamePlace]) -> bool:
    """Nobody is named in the clause: who was named last before it, a list of names counting as one, or else first."""
    before = [place for place in names if place.end <= trigger.start]
    if not before:
        return any(place.own for place in _joined(text, names))
    last = [before[-1]]
    for later, earlier in pairwise(before[::-1]):
        if not _ONLY_NAMES.fullmatch(text[earlier.end : later.start]):
            break
        last.append(earlier)
    return any(place.own for place in last)


def _joined(text: str, nearest_first: list[_NamePlace]) -> list[_NamePlace]:
    """Return the nearest name and those that a mere "and" joins to it."""
    group = nearest_first[:1]
    for place in nearest_first[1:]:
        first, second = sorted((group[-1], place), key=lambda one: one.start)
        if not _JOINED.fullmatch(text[first.end : second.start]):
            break
        group.append(place)
    return group


@lru_cache(maxsize=3)
def _lexicon(lexicon: str) -> _Lexicon:
    data = taxonomy()
    negation = data["negation"][lexicon]
    return _Lexicon(
        needles=_needles(lexicon),
        bounded=lexicon != "zh",
        false_friends=_any(data["false_friends"][lexicon]),
        denied_before=_any(negation["denied_before"]),
        denied_after=_any(negation["denied_after"]),
        ended_before=_any(negation["ended_before"]),
        ended_after=_any(negation["ended_after"]),
        ended_within=_any(negation["ended_within"]),
        possible=_any(data["possible"][lexicon]),
        macro=_any(data["macro"][lexicon]),
        acting=_any(data["acting"][lexicon]),
        hindering=_any(data["hindering"][lexicon]),
        reach=_REACH[lexicon],
    )


def _needles(lexicon: str) -> ahocorasick.Automaton:
    """Return all phrases, and the strings without which no pattern can match, with the rules they call for."""
    rules: dict[str, list[_Rule]] = {}
    for name, entry in taxonomy()["events"].items():
        kind = _type(name, entry)
        for phrase in entry["phrases"][lexicon]:
            exact = not re.search(r"[*~]", phrase)
            rule = _Rule(kind, None if exact else re.compile(_bounded(phrase, lexicon)))
            needle = max((part.strip() for part in re.split(r"[*~]", phrase)), key=len)
            rules.setdefault(needle, []).append(rule)
        for pattern in entry["patterns"][lexicon]:
            rule = _Rule(kind, re.compile(pattern["find"]))
            for needle in pattern["when"]:
                rules.setdefault(needle, []).append(rule)
    automaton = ahocorasick.Automaton()
    for needle, called in rules.items():
        automaton.add_word(needle, (len(needle), tuple(called)))
    automaton.make_automaton()
    return automaton


def _bounded(phrase: str, lexicon: str) -> str:
    pattern = phrase_pattern(phrase, lexicon)
    return pattern if lexicon == "zh" else rf"(?<!\w){pattern}(?!\w)"


def _type(name: str, entry: dict[str, Any]) -> _Type:
    data = taxonomy()
    return _Type(
        event=Event(name, entry["severity"], entry["half_life_days"], name in data["hard_negative_events"]),
        mutual=name in data["mutual_events"],
        outlives=name in data["outliving_events"],
        hinders=name in data["hindering_events"],
    )


def _any(expressions: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{expression})" for expression in expressions))
