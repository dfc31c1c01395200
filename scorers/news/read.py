"""One article read: its language, the partners it names, and for each the tone and the event. It stores nothing."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from scorers.news.events import LEXICON_OF, Trigger, clauses, triggers_in
from scorers.news.language import language_of
from scorers.news.match import Alias, Hit, Matcher, comparable
from scorers.news.text import plain
from scorers.news.tone import UNREAD, Tone, tone_of

VERSION = "1"
"""Rises whenever the same text might be read differently: everything is read again then."""

__all__ = ["VERSION", "Alias", "Mention", "Reader", "Reading"]

UNNAMED_SEVERITY, UNNAMED_HALF_LIFE_DAYS = 25.0, 30.0
"""Clearly bad news of no known event type still counts, for less and not for long."""

_BETWEEN = " | "  # between title and summary; ends a clause


@dataclass(frozen=True, slots=True)
class Mention:
    """One partner named in the article; the three probabilities sum to 1. `event` None: no event was recognised."""

    partner: Hashable  # as given in Alias.partner
    alias: str  # as given in Alias.text
    p_negative: float
    p_neutral: float
    p_positive: float
    event: str | None
    severity: float  # 0..100; 0 where nothing bad is said
    half_life_days: float  # > 0
    triggers: tuple[str, ...]  # the phrases that decided, as they stand in the compared text


@dataclass(frozen=True, slots=True)
class Reading:
    """What an article says. `language`: en, zh-Hant, zh-Hans, vi, or und. `mentions`: at most one per partner."""

    language: str
    mentions: tuple[Mention, ...]


class Reader:
    """Reads articles about the partners with these names. Build once per set of aliases; reading changes nothing."""

    def __init__(self, aliases: Iterable[Alias]) -> None:
        self._matcher = Matcher(aliases)

    def read(self, title: str, summary: str = "", language: str | None = None) -> Reading:
        """Read one article; `language` is what its feed declares. Any text is safe: it is cleaned and capped here."""
        parts = [part for part in (plain(title), plain(summary)) if part]
        text = _BETWEEN.join(parts)
        spoken = language_of(text, language)
        compared = comparable(text)
        hits = self._matcher.find(compared)
        if not hits:
            return Reading(spoken, ())
        lexicon = LEXICON_OF.get(spoken)
        return Reading(spoken, tuple(_mentions(compared, hits, lexicon)))


def _mentions(text: str, hits: list[Hit], lexicon: str | None) -> Iterable[Mention]:
    named: dict[Hashable, str] = {}
    for hit in hits:
        for alias in hit.aliases:
            named.setdefault(alias.partner, alias.text)
    masked = _mask(text, hits)
    for partner, alias_text in named.items():
        tone, triggers = _judge(masked, hits, partner, lexicon, alone=len(named) == 1)
        yield _mention(partner, alias_text, tone, triggers)


def _mask(text: str, hits: list[Hit]) -> str:
    """Blank the names, whose own words ("Fidelity Recall Services") say nothing about what happened."""
    for hit in hits:
        text = text[: hit.start] + "_" * (hit.end - hit.start) + text[hit.end :]
    return text


def _judge(
    masked: str, hits: list[Hit], partner: Hashable, lexicon: str | None, *, alone: bool
) -> tuple[Tone, list[Trigger]]:
    """Where several partners are named, a partner is judged by its own clauses as long as those say anything."""
    if lexicon is None:
        return UNREAD, []
    if not alone:
        own = _own_clauses(masked, hits, partner)
        triggers = triggers_in(own, lexicon)
        tone = tone_of(own, lexicon, triggers)
        if triggers or tone.phrases:
            return tone, triggers
    triggers = triggers_in(masked, lexicon)
    return tone_of(masked, lexicon, triggers), triggers


def _own_clauses(text: str, hits: list[Hit], partner: Hashable) -> str:
    starts = [hit.start for hit in hits if any(alias.partner == partner for alias in hit.aliases)]
    own = [text[a:b] for a, b in clauses(text) if any(a <= start < b for start in starts)]
    return _BETWEEN.join(own)


def _mention(partner: Hashable, alias: str, tone: Tone, triggers: list[Trigger]) -> Mention:
    phrases = tuple(dict.fromkeys([*(trigger.phrase for trigger in triggers), *tone.phrases]))
    severity, half_life, event = 0.0, UNNAMED_HALF_LIFE_DAYS, None
    if triggers:
        worst = triggers[0].event
        severity, half_life, event = worst.severity, worst.half_life_days, worst.name
    elif tone.p_negative >= 0.5:
        severity = UNNAMED_SEVERITY
    return Mention(
        partner, alias, tone.p_negative, tone.p_neutral, tone.p_positive, event, severity, half_life, phrases
    )
