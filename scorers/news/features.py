"""What the model sees of a text towards one target: its words with the names masked, and counts of what they say.

The target is masked as ◆ and other partners as ◇, so that nothing is learned about a name itself.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scorers.news.convert import to_simplified
from scorers.news.events import Trigger, triggers_about, triggers_in
from scorers.news.text import fold
from scorers.news.tone import BREAK, SIGNALS, Phrase, balance, phrases_in, weighed

VERSION = 1
"""Rises whenever the same text gives other counts or n-grams: a model of another version cannot be used."""

SUMMARY_WEIGHT = 0.5
"""What a word of the summary counts beside one of the title."""

BETWEEN = " | "
"""Stands between title and summary; ends a clause."""

TARGET, OTHER = "◆", "◇"

COUNTED = (
    *SIGNALS,
    *("bad_event", "other_event", "balance", "good_outweighs", "bad_outweighs", "nothing"),
    *("first_good", "first_bad", "last_good", "last_bad"),
)
RELATIONS = (
    *("behind_good", "behind_bad", "before_good", "before_bad"),
    *("own_good", "own_bad", "near_good", "near_bad"),
)
NAMES = (*COUNTED, *(f"near_{name}" for name in COUNTED), *RELATIONS)
"""Names of the counts of a view, in order."""

_MOST_NAMINGS = 6  # of the target, whose surroundings are looked at
_MOST_NEAR = {"en": 140, "zh": 60, "vi": 140}  # characters of a window around the target
_RELATION_REACH = {"en": 80, "zh": 45, "vi": 80}  # characters between the target and a phrase said of it


class Place(NamedTuple):
    """text[start:end] names somebody: the target of a view, or another."""

    start: int
    end: int
    target: bool


@dataclass(frozen=True, slots=True)
class Article:
    """One compared text with its names blanked, read once for all its targets."""

    text: str  # names blanked: their own words ("Fidelity Recall Services") say nothing about what happened
    title_end: int  # characters of the title
    lexicon: str
    phrases: tuple[Phrase, ...]
    triggers: tuple[Trigger, ...]
    folded: str
    counts: tuple[float, ...]  # (len(COUNTED),)
    sides: tuple[tuple[int, bool], ...]  # where each phrase that takes a side begins, and whether it is good
    edges: tuple[int, ...]  # where its clauses begin, and where the last one ends


@dataclass(frozen=True, slots=True)
class View:
    """One article towards one target. `near` is "" and says nothing of its own where the whole text is the target."""

    article: Article
    title: str  # masked and folded, as the two that follow
    summary: str
    near: str
    counts: tuple[float, ...]  # (len(NAMES),)
    phrases: tuple[Phrase, ...]  # those near the target
    triggers: tuple[Trigger, ...]  # those about the target

    def by_lexicon(self) -> tuple[float, float, float]:
        """Return p(negative), p(neutral) and p(positive) by the lexicon alone."""
        return weighed(self.phrases, any(trigger.event.hard for trigger in self.triggers))

    def words(self, phrase: Phrase) -> str:
        """Return a phrase as it stands in the compared text."""
        return self.article.text[phrase.start : phrase.end]


def joined(title: str, summary: str) -> tuple[str, int]:
    """Return title and summary, both plain, as one compared text, and where the title ends in it."""
    between = BETWEEN if title and summary else ""
    return to_simplified(f"{title}{between}{summary}"), len(title)


def read_article(text: str, title_end: int, lexicon: str, names: Sequence[tuple[int, int]] = ()) -> Article:
    """Read phrases and events of a compared text in which these spans are names."""
    for start, end in names:
        text = text[:start] + "_" * (end - start) + text[end:]
    phrases, triggers = tuple(phrases_in(text, lexicon)), tuple(triggers_in(text, lexicon))
    return Article(
        text,
        title_end,
        lexicon,
        phrases,
        triggers,
        folded=fold(text),
        counts=_counts(phrases, triggers, title_end),
        sides=tuple((phrase.start, phrase.weight > 0) for phrase in phrases if phrase.signal != "mild"),
        edges=(0, *(mark.end() for mark in BREAK.finditer(text) if mark[0] != "、"), len(text)),
    )


def view(article: Article, places: Sequence[Place] = ()) -> View:
    """Return the article towards the target among these places, which are in order; no target: the whole text."""
    folded, whole = article.folded, article.counts
    title = _masked(folded, 0, article.title_end, places)
    summary = _masked(folded, article.title_end, len(folded), places)
    own = [place for place in places if place.target]
    if not own:
        relations = (0.0,) * len(RELATIONS)
        return View(article, title, summary, "", whole + whole + relations, article.phrases, article.triggers)
    windows = _windows(article, own)
    phrases = tuple(p for p in article.phrases if any(start <= p.start < end for start, end in windows))
    triggers = _triggers_about(article, places)
    near = BETWEEN.join(_masked(folded, start, end, places) for start, end in windows)
    counts = whole + _counts(phrases, triggers, article.title_end) + _relations(article, places, windows)
    return View(article, title, summary, near, counts, phrases, triggers)


def _masked(folded: str, start: int, end: int, places: Sequence[Place]) -> str:
    pieces, done = [], start
    for place in places:
        if start <= place.start < end:
            pieces += [folded[done : place.start], TARGET if place.target else OTHER]
            done = place.end
    return "".join([*pieces, folded[done:end]]).strip(" |")


def _windows(article: Article, own: Sequence[Place]) -> list[tuple[int, int]]:
    """From the beginning of each clause that names the target to the end of the first clause that says something."""
    edges = article.edges
    most = _MOST_NEAR[article.lexicon]
    spoken = [start for start, _ in article.sides]
    windows = []
    for place in own[:_MOST_NAMINGS]:
        first = bisect_right(edges, place.start) - 1
        start, last = edges[first], first + 1
        while last < len(edges) - 1 and edges[last] - start < most and not _any_within(spoken, start, edges[last]):
            last += 1
        if (start, edges[last]) not in windows:
            windows.append((start, edges[last]))
    return windows


def _any_within(starts: Sequence[int], start: int, end: int) -> bool:
    return any(start <= at < end for at in starts)


def _triggers_about(article: Article, places: Sequence[Place]) -> tuple[Trigger, ...]:
    if not article.triggers:
        return ()
    own, others = ([(p.start, p.end) for p in places if p.target is side] for side in (True, False))
    return tuple(triggers_about(article.text, article.lexicon, own, others))


def _counts(phrases: Sequence[Phrase], triggers: Sequence[Trigger], title_end: int) -> tuple[float, ...]:
    numbers = dict.fromkeys(SIGNALS, 0.0)
    for phrase in phrases:
        numbers[phrase.signal] += 1.0 if phrase.start < title_end else SUMMARY_WEIGHT
    bad_event = any(trigger.event.hard for trigger in triggers)
    other_event = any(not trigger.event.hard for trigger in triggers)
    bad, good = balance(phrases, bad_event)
    sides = [phrase.weight > 0 for phrase in phrases if phrase.signal != "mild"]
    first, last = (sides[0], sides[-1]) if sides else (None, None)
    return (
        *(min(number, 3.0) / 1.5 for number in numbers.values()),
        float(bad_event),
        float(other_event),
        max(-1.0, min(1.0, (good - bad) / 2)),
        float(good > bad),
        float(bad > good),
        float(good == bad == 0),
        float(first is True),
        float(first is False),
        float(last is True),
        float(last is False),
    )


def _relations(article: Article, places: Sequence[Place], windows: Sequence[tuple[int, int]]) -> tuple[float, ...]:
    """What is said first behind the target, last before it, before the next name, and behind it in its own window."""
    own = next(place for place in places if place.target)
    reach = _RELATION_REACH[article.lexicon]
    sides = article.sides
    behind = [(at, good) for at, good in sides if 0 <= at - own.end < reach]
    before = [good for at, good in sides if 0 < own.start - at < reach]
    following = min((p.start for p in places if p.start >= own.end and not p.target), default=len(article.text))
    near = [good for at, good in sides if at >= own.end and any(start <= at < end for start, end in windows)]
    said = (
        behind[0][1] if behind else None,
        before[-1] if before else None,
        next((good for at, good in behind if at < following), None),
        near[0] if near else None,
    )
    return tuple(float(side is wanted) for side in said for wanted in (True, False))
