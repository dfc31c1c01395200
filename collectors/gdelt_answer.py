"""What the GDELT DOC 2.0 API answered: articles, or one of the sentences it refuses with, often under status 200."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from collectors.base import Article, Problem, SourceChanged, SourceError, SourceRefused, SourceUnavailable
from collectors.feed_entries import MAX_NAME, MAX_TITLE, canonical_name
from collectors.feed_links import canonical, web_address
from collectors.feed_text import plain_text

PAUSE = timedelta(minutes=15)
"""How long to stay away after being told to slow down: those who come back at once are kept out longer."""

_TOO_FAST = re.compile(r"limit requests|too many requests|rate limit|temporarily", re.IGNORECASE)
_BAD_QUERY = re.compile(
    r"too short|too long|too common|keyword|phrase|parenthes|surrounded by|your query|invalid/unsupported|illegal",
    re.IGNORECASE,
)
_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')
_MOST_RESCUED = 1_000
"""Of a broken answer no more is tried to be read: each try may go through all that follows."""
_ARTICLE = re.compile(r'\{\s*"url"\s*:')
_LOOSE_MARK = re.compile(r"\s+([,.;:!?%)\]»’”，。：；！？])")
_LOOSE_OPENING = re.compile(r"([(\[«“])\s+")
_SEEN = "%Y%m%dT%H%M%SZ"

LANGUAGES = {
    "arabic": "ar", "bengali": "bn", "chinese": "zh", "dutch": "nl", "english": "en", "french": "fr", "german": "de",
    "hindi": "hi", "indonesian": "id", "italian": "it", "japanese": "ja", "khmer": "km", "korean": "ko", "malay": "ms",
    "polish": "pl", "portuguese": "pt", "russian": "ru", "spanish": "es", "tagalog": "tl", "thai": "th",
    "turkish": "tr", "ukrainian": "uk", "urdu": "ur", "vietnamese": "vi",
}  # fmt: skip
"""GDELT's names of languages as tags. "Chinese" is written both ways."""


class QueryRefused(SourceRefused):
    """GDELT does not accept this query; another may do."""


@dataclass(frozen=True, slots=True)
class Found:
    """The articles of one answer, `count` before any was set aside, and `oldest`: when the last of them was seen."""

    articles: Sequence[Article]
    count: int
    oldest: datetime | None
    problems: Sequence[Problem]


def read_answer(body: bytes, host: str, now: datetime) -> Found:
    """Return the articles of an answer, none for the empty object GDELT sends when it found nothing.

    Raises QueryRefused, SourceUnavailable when asked to slow down, SourceChanged for anything not understood.
    """
    text = body.decode("utf-8", errors="replace").strip().lstrip("\ufeff")
    if not text.startswith("{"):
        raise _refusal(text, host, now)
    items, problems = _items(text, host)
    articles: dict[str, Article] = {}
    seen: list[datetime] = []
    for place, item in enumerate(items, start=1):
        article = _article(item)
        if article is None:
            what = "an address, a title and the time it was seen were expected"
            problems.append(Problem(f"article {place}", what))
        else:
            seen.append(article.at)
            if article.at <= now:
                articles.setdefault(article.identity, article)
    if items and not seen:
        raise SourceChanged(f"None of the {len(items)} articles of {host} has a url, a title and a seendate.")
    return Found(list(articles.values()), len(items), min(seen, default=None), problems)


def _refusal(text: str, host: str, now: datetime) -> SourceError:
    """Return what a sentence in place of an answer means."""
    told = plain_text(text, 160)
    if text.startswith("<") or not told or not told.isascii():
        return SourceChanged(f"{host} sent no JSON; the articles of a search were expected.")
    if _TOO_FAST.search(told):
        return SourceUnavailable(f'{host} asks for fewer requests: "{told}"', now + PAUSE)
    if _BAD_QUERY.search(told):
        return QueryRefused(f'{host} does not accept the query: "{told}"')
    return SourceChanged(f'{host} answered "{told}"; the articles of a search were expected.')


def _items(text: str, host: str) -> tuple[list[Any], list[Problem]]:
    """Return the articles as JSON values; where the whole is broken, those that can be read by themselves.

    GDELT copies titles with stray backslashes and control characters into its JSON.
    """
    try:
        found = json.loads(_repaired(text), strict=False)
    except RecursionError as error:
        raise SourceChanged(f"The JSON of {host} nests too deep; it is not read.") from error
    except ValueError:
        return _rescued(text, host)
    items = found.get("articles") if isinstance(found, dict) else None
    if found == {}:
        return [], []
    if not isinstance(items, list):
        raise SourceChanged(f'The answer of {host} has no list "articles".')
    return items, []


def _repaired(text: str) -> str:
    """Double the backslashes that escape nothing."""
    return _ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", text)


def _rescued(text: str, host: str) -> tuple[list[Any], list[Problem]]:
    decoder = json.JSONDecoder(strict=False)
    repaired = _repaired(text)
    starts = [match.start() for match in islice(_ARTICLE.finditer(repaired), _MOST_RESCUED)]
    items: list[Any] = []
    for start in starts:
        try:
            items.append(decoder.raw_decode(repaired, start)[0])
        except (ValueError, RecursionError):
            continue
    if '"articles"' not in text[:200] or not items:
        raise SourceChanged(
            f"{host} sent JSON that breaks off or is malformed; the articles of a search were expected."
        )
    return items, [Problem("the answer", f"it is no valid JSON; {len(items)} of {len(starts)} articles could be read")]


def _article(item: Any) -> Article | None:
    """Return an article, None for one without what every article has."""
    values = item if isinstance(item, dict) else {}
    url, title, seen = (values.get(name) for name in ("url", "title", "seendate"))
    if not (isinstance(url, str) and isinstance(title, str) and isinstance(seen, str)):
        return None
    address, words = web_address(url, ""), tidy(plain_text(title, MAX_TITLE))
    try:
        moment = datetime.strptime(seen, _SEEN).replace(tzinfo=UTC)
    except ValueError:
        return None
    if not address or not words:
        return None
    return Article(
        identity=canonical_name(address),
        at=moment,
        url=canonical(address),
        title=words,
        outlet=plain_text(values.get("domain"), MAX_NAME),
        language=LANGUAGES.get(str(values.get("language", "")).lower()),
    )


def tidy(title: str) -> str:
    """Return a title without the spaces GDELT puts around marks: "Acme , Inc ." becomes "Acme, Inc."."""
    return _LOOSE_OPENING.sub(r"\1", _LOOSE_MARK.sub(r"\1", title)).replace(" 's ", "'s ").replace(" ’s ", "’s ")
