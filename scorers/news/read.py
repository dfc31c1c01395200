"""Articles read: their language, the partners they name, and for each the tone and the event. It stores nothing."""

import unicodedata
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from scorers.news.events import LEXICON_OF, Trigger
from scorers.news.features import BETWEEN, Article, Place, View, joined, read_article, view
from scorers.news.language import language_of
from scorers.news.match import Alias, Hit, Matcher
from scorers.news.model import LABELS, Model
from scorers.news.text import Offsets, plain, plain_with_offsets, raw_span
from scorers.news.tone import PRIOR

VERSION = "4"
"""Rises whenever the same text might be read differently: everything is read again then."""

__all__ = [
    "VERSION",
    "Alias",
    "Judgement",
    "Mention",
    "Reader",
    "Reading",
    "judge",
    "judge_many",
    "read_each",
    "shipped_models",
]

UNNAMED_SEVERITY, UNNAMED_HALF_LIFE_DAYS = 25.0, 30.0
"""Clearly bad news of no known event type still counts, for less and not for long."""

BATCH = 256
"""Articles judged at once: enough to be quick, few enough to need little memory."""

Reason = tuple[str, str, float]
"""(kind, text, weight): an "event" and its severity; a "phrase" of the lexicon, −1 (bad) .. 1 (good); or "words" that
the model has learned, and how much they added to the score of the label."""

_NOBODY = Matcher(())

Source = tuple[str, str, str | None]  # title, summary, language as its feed declares it


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a text says of one target; the three probabilities sum to 1. `triggers`: events, worst first."""

    language: str  # en, zh-Hant, zh-Hans, vi, or und
    p_negative: float
    p_neutral: float
    p_positive: float
    label: str  # negative, neutral or positive: the likeliest, each p counting as much as the model says
    triggers: tuple[Trigger, ...]
    reasons: tuple[Reason, ...]

    @property
    def uncertain(self) -> bool:
        """Whether no tone reaches one half."""
        return max(self.p_negative, self.p_neutral, self.p_positive) < 0.5


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
    reasons: tuple[Reason, ...]
    span: tuple[int, int]  # of the first naming in title + " " + summary as they were given
    judgement: Judgement  # the same tone, with every event

    @property
    def uncertain(self) -> bool:
        """Whether no tone reaches one half."""
        return self.judgement.uncertain


@dataclass(frozen=True, slots=True)
class Reading:
    """What an article says. `language`: en, zh-Hant, zh-Hans, vi, or und. `mentions`: at most one per partner."""

    language: str
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class _Text:
    """One article made comparable, and the names in it. `article` None: nothing reads its language."""

    source: Source
    cleaned: tuple[str, str]  # title and summary as plain text
    title_end: int
    language: str
    hits: list[Hit]
    article: Article | None


@dataclass(frozen=True, slots=True)
class _Target:
    """One partner in one article of a batch, or nobody: the article as a whole."""

    place: int  # of the article in its batch
    text: _Text
    partner: Hashable = None
    alias: str = ""
    hits: Collection[int] = ()  # which of the text's hits name it; none: the whole text is meant
    span: tuple[int, int] = (0, 0)  # of the first naming, in the text as given

    def view(self) -> View | None:
        """Return the article as seen from this target."""
        if self.text.article is None:
            return None
        places = [Place(hit.start, hit.end, at in self.hits) for at, hit in enumerate(self.text.hits)]
        return view(self.text.article, places)


class Reader:
    """Reads articles about the partners with these names. Build once per set of aliases; reading changes nothing.

    `models`: one per language part, None for those that ship; where there is none, the lexicon judges alone.
    """

    def __init__(self, aliases: Iterable[Alias], models: Mapping[str, Model] | None = None) -> None:
        self._matcher = Matcher(aliases)
        self._models = shipped_models() if models is None else models

    def read(self, title: str, summary: str = "", language: str | None = None) -> Reading:
        """Read one article; `language` is what its feed declares. Any text is safe: it is cleaned and capped here."""
        return self.read_many([(title, summary, language)])[0]

    def read_many(self, articles: Sequence[Source]) -> list[Reading]:
        """Read (title, summary, declared language) of many articles: the same answers, in less time."""
        readings: list[Reading] = []
        for start in range(0, len(articles), BATCH):
            readings += self._read_batch(articles[start : start + BATCH])
        return readings

    def _read_batch(self, articles: Sequence[Source]) -> list[Reading]:
        texts = [_text(source, self._matcher) for source in articles]
        mentions = _mentions([one for at, text in enumerate(texts) for one in _partners(at, text)], self._models)
        return [Reading(text.language, tuple(mentions.get(at, ()))) for at, text in enumerate(texts)]


def judge(text: str, language: str | None = None, models: Mapping[str, Model] | None = None) -> Judgement:
    """Judge a text as a whole, without partners; `language` is what is declared of it."""
    return judge_many([(text, "", language)], models)[0]


def judge_many(sources: Sequence[Source], models: Mapping[str, Model] | None = None) -> list[Judgement]:
    """Judge each text as a whole: the same answers as `judge`, in less time."""
    return [whole for whole, _ in read_each(sources, [_NOBODY] * len(sources), models)]


def read_each(
    sources: Sequence[Source], matchers: Sequence[Matcher], models: Mapping[str, Model] | None = None
) -> list[tuple[Judgement, tuple[Mention, ...]]]:
    """Judge each text as a whole and towards those whom its own matcher finds; their names say nothing themselves."""
    trained = shipped_models() if models is None else models
    read: list[tuple[Judgement, tuple[Mention, ...]]] = []
    for start in range(0, len(sources), BATCH):
        batch = zip(sources[start : start + BATCH], matchers[start : start + BATCH], strict=True)
        texts = [_text(source, matcher, unnamed_too=True) for source, matcher in batch]
        wholes = _judged([_Target(at, text) for at, text in enumerate(texts)], trained)
        mentions = _mentions([one for at, text in enumerate(texts) for one in _partners(at, text)], trained)
        read += [(whole, tuple(mentions.get(at, ()))) for at, whole in enumerate(wholes)]
    return read


@lru_cache(maxsize=1)
def shipped_models() -> Mapping[str, Model]:
    """Return the models that ship, one per language part."""
    folder = Path(str(files("scorers.news"))) / "models"
    return {language: Model.load(folder, language) for language in ("en", "zh", "vi")}


def _text(source: Source, matcher: Matcher, *, unnamed_too: bool = False) -> _Text:
    """Clean a text and find the names; phrases and events are read where there is a name, or `unnamed_too`."""
    title, summary = plain(source[0]), plain(source[1])
    compared, title_end = joined(title, summary)
    spoken = language_of(f"{title} {summary}", source[2])
    hits = matcher.find(compared)
    lexicon = LEXICON_OF.get(spoken)
    article = None
    if lexicon and (hits or unnamed_too):
        article = read_article(compared, title_end, lexicon, [(hit.start, hit.end) for hit in hits])
    return _Text(source, (title, summary), title_end, spoken, hits, article)


def _partners(place: int, text: _Text) -> Iterable[_Target]:
    """Everybody named, where, and by which alias first."""
    named: dict[Hashable, tuple[str, list[int]]] = {}
    for at, hit in enumerate(text.hits):
        for alias in hit.aliases:
            named.setdefault(alias.partner, (alias.text, []))[1].append(at)
    given = _Given(text)
    for partner, (alias_text, hits) in named.items():
        yield _Target(place, text, partner, alias_text, hits, given.span(text.hits[hits[0]]))


def _mentions(targets: Sequence[_Target], models: Mapping[str, Model]) -> dict[int, list[Mention]]:
    """Return the mentions of each article of the batch, by its place."""
    found: dict[int, list[Mention]] = {}
    for target, judged in zip(targets, _judged(targets, models), strict=True):
        found.setdefault(target.place, []).append(_mention(target, judged))
    return found


class _Given:
    """Where the names of one article stand in title + " " + summary as they were given."""

    def __init__(self, text: _Text) -> None:
        self._text = text
        self._offsets: dict[bool, Offsets | None] = {}

    def span(self, hit: Hit) -> tuple[int, int]:
        """Return [start, end) of a hit of the compared text."""
        title, summary, _ = self._text.source
        cleaned_title, cleaned_summary = self._text.cleaned
        in_title = hit.start < self._text.title_end
        skipped = 0 if in_title or not self._text.title_end else self._text.title_end + len(BETWEEN)
        before = 0 if in_title else len(title) + 1
        if in_title not in self._offsets:
            where = (title, cleaned_title) if in_title else (summary, cleaned_summary)
            self._offsets[in_title] = _offsets(*where)
        offsets, start, end = self._offsets[in_title], hit.start - skipped, hit.end - skipped
        if offsets is not None:
            start, end = raw_span(offsets, start, end)
        return before + start, before + end


def _offsets(raw: str, cleaned: str) -> Offsets | None:
    """Where each character of the cleaned text stood; None: every one in its place."""
    for given, kept in zip(raw, cleaned, strict=False):
        if given != kept and unicodedata.normalize("NFKC", given) != kept:
            return plain_with_offsets(raw)[1]
    return None if len(raw) >= len(cleaned) else plain_with_offsets(raw)[1]


def _judged(targets: Sequence[_Target], models: Mapping[str, Model]) -> list[Judgement]:
    """Judge each target with the model of its language part, where there is one, else by the lexicon."""
    views = [target.view() for target in targets]
    judged: dict[int, Judgement] = {}
    for lexicon, model in models.items():
        own = [(at, seen) for at, seen in enumerate(views) if seen and seen.article.lexicon == lexicon]
        found = model.judge([seen for _, seen in own])
        told = [LABELS[place] for place in found.told.tolist()]
        for (at, seen), p, label, grams in zip(own, found.p.tolist(), told, found.reasons, strict=True):
            judged[at] = _judgement(targets[at].text.language, seen, p, label, grams)
    for at, (target, unread) in enumerate(zip(targets, views, strict=True)):
        if at not in judged:
            p = unread.by_lexicon() if unread else PRIOR
            judged[at] = _judgement(target.text.language, unread, p, LABELS[p.index(max(p))], ())
    return [judged[at] for at in range(len(views))]


def _judgement(
    spoken: str, seen: View | None, p: Sequence[float], label: str, grams: Sequence[tuple[str, float]]
) -> Judgement:
    triggers = seen.triggers if seen else ()
    reasons: list[Reason] = [("event", trigger.phrase, trigger.event.severity) for trigger in triggers]
    if seen:
        phrases = {seen.words(phrase): phrase.weight for phrase in seen.phrases if phrase.signal != "mild"}
        reasons += [("phrase", words, weight) for words, weight in phrases.items()]
    reasons += [("words", gram, round(weight, 3)) for gram, weight in grams]
    return Judgement(spoken, p[0], p[1], p[2], label, triggers, tuple(reasons))


def _mention(target: _Target, said: Judgement) -> Mention:
    side = {"negative": -1.0, "neutral": 0.0, "positive": 1.0}[said.label]
    decisive = [text for kind, text, weight in said.reasons if kind == "phrase" and weight * side > 0]
    phrases = tuple(dict.fromkeys([*(trigger.phrase for trigger in said.triggers), *decisive]))
    severity, half_life, event = 0.0, UNNAMED_HALF_LIFE_DAYS, None
    if said.triggers:
        worst = said.triggers[0].event
        severity, half_life, event = worst.severity, worst.half_life_days, worst.name
    elif said.p_negative >= 0.5:
        severity = UNNAMED_SEVERITY
    return Mention(
        target.partner,
        target.alias,
        said.p_negative,
        said.p_neutral,
        said.p_positive,
        event,
        severity,
        half_life,
        phrases,
        said.reasons,
        target.span,
        said,
    )
