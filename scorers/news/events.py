"""What happened, recognised by trigger phrases of the taxonomy. It does not say whom it happened to."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

LEXICON_OF = {"en": "en", "zh-Hant": "zh", "zh-Hans": "zh", "vi": "vi"}
"""Which part of the taxonomy reads a language; texts are Simplified by then."""

_REACH = {"en": 40, "zh": 15, "vi": 40}
"""How many characters before its trigger a negation may stand."""

_CLAUSE_END = re.compile(r"[,;:!?|，。；：！？、…]|\.(?!\d)| [-–—] ")


@dataclass(frozen=True, slots=True)
class Event:
    """One type of event. `severity` 0..100; the weight of the news halves every `half_life_days`."""

    name: str
    severity: float
    half_life_days: float
    hard: bool  # bad news whatever the tone


@dataclass(frozen=True, slots=True)
class Trigger:
    """One event recognised in a text, and the phrase that decided."""

    event: Event
    phrase: str
    start: int


@dataclass(frozen=True, slots=True)
class _Lexicon:
    events: tuple[tuple[Event, re.Pattern[str]], ...]
    false_friends: re.Pattern[str]
    denied_before: re.Pattern[str]
    denied_after: re.Pattern[str]
    reach: int


@lru_cache(maxsize=1)
def taxonomy() -> dict[str, Any]:
    """Return the taxonomy as shipped: event types with severity, half-life and triggers, and the tone lexicon."""
    loaded: dict[str, Any] = json.loads(files("scorers.news").joinpath("taxonomy.json").read_text("utf-8"))
    return loaded


def phrase_pattern(phrase: str, lexicon: str) -> str:
    """Return the regular expression of one phrase: `*` is a word tail, `~` up to 3 words or 6 Han characters.

    Latin phrases are to be set between word boundaries.
    """
    if lexicon == "zh":
        return re.escape(phrase).replace(r"\~", ".{0,6}").replace(r"\*", "").replace(r"\ ", "")
    words = [re.escape(word).replace(r"\*", r"\w*") for word in phrase.split()]
    return r"\s+".join(words).replace(r"\s+\~\s+", r"\s+(?:[\w'’&.-]+\s+){0,3}")


def clauses(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of the clauses of a text, in order, together covering it but for the marks between them."""
    edges = [0, *(edge for mark in _CLAUSE_END.finditer(text) for edge in mark.span()), len(text)]
    return list(zip(edges[::2], edges[1::2], strict=True))


def clear_false_friends(text: str, lexicon: str) -> str:
    """Return the text with phrases blanked that only look like triggers ("sự kiện" holds "kiện"); same length."""
    return _lexicon(lexicon).false_friends.sub(lambda found: " " * len(found[0]), text)


def triggers_in(text: str, lexicon: str) -> list[Trigger]:
    """Return the events a text speaks of, worst first, one per type, leaving out what it denies or calls over."""
    read = _lexicon(lexicon)
    text = clear_false_friends(text, lexicon)
    spans = clauses(text)
    found = []
    for event, pattern in read.events:
        stated = (m for m in pattern.finditer(text) if not _denied(text, m.start(), m.end(), spans, read))
        first = next(stated, None)
        if first is not None:
            found.append(Trigger(event, first[0], first.start()))
    return sorted(found, key=lambda trigger: (-trigger.event.severity, trigger.event.name))


def _denied(text: str, start: int, end: int, spans: list[tuple[int, int]], read: _Lexicon) -> bool:
    clause_start = max((a for a, _ in spans if a <= start), default=0)
    clause_end = min((b for _, b in spans if b >= end), default=len(text))
    before = text[max(clause_start, start - read.reach) : start]
    return bool(read.denied_before.search(before) or read.denied_after.search(text[end:clause_end]))


@lru_cache(maxsize=3)
def _lexicon(lexicon: str) -> _Lexicon:
    data = taxonomy()
    hard = set(data["hard_negative_events"])
    events = []
    for name, entry in data["events"].items():
        phrases = "|".join(phrase_pattern(phrase, lexicon) for phrase in entry["phrases"][lexicon])
        bounded = phrases if lexicon == "zh" else rf"(?<!\w)(?:{phrases})(?!\w)"
        pattern = re.compile("|".join([bounded, *entry["patterns"][lexicon]]), re.IGNORECASE)
        events.append((Event(name, entry["severity"], entry["half_life_days"], name in hard), pattern))
    negation = data["negation"][lexicon]
    return _Lexicon(
        events=tuple(events),
        false_friends=re.compile(data["false_friends"][lexicon], re.IGNORECASE),
        denied_before=re.compile("|".join(negation["before"]), re.IGNORECASE),
        denied_after=re.compile("|".join(negation["after"]), re.IGNORECASE),
        reach=_REACH[lexicon],
    )
