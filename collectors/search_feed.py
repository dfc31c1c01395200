"""Articles that name a partner, from a search that answers with a feed: one request for each partner."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from collectors import base
from collectors.base import Article, Batch, Collector, Cursor, Named, Problem, SourceError, SourceUnavailable
from collectors.feed_document import ACCEPT, MAX_BYTES, read_document
from collectors.feed_entries import MAX_LANGUAGE, MAX_NAME, Channel, TimeZone, hashed, read_entries
from collectors.feed_text import plain_text
from collectors.guard import WebAddress
from collectors.http import Http

PLACEHOLDER = "{query}"
MAX_QUERY = 400
"""Characters of a query before it is encoded; searches refuse long ones."""


def _with_placeholder(url: str) -> str:
    if url.count(PLACEHOLDER) != 1 or PLACEHOLDER in url.partition("://")[2].partition("/")[0]:
        raise ValueError(f"expected an address with {PLACEHOLDER} once, after the host")
    return url


class SearchFeedOptions(base.Options):
    """See docs/collectors/search_feed.md. `delay_seconds`: between two requests of a visit."""

    url: Annotated[WebAddress, Field(max_length=1000), AfterValidator(_with_placeholder)]
    language: str | None = Field(None, max_length=MAX_LANGUAGE)
    time_zone: TimeZone = "UTC"
    names_per_query: int = Field(3, ge=1, le=10)
    partners_per_visit: int = Field(20, ge=1, le=50)
    delay_seconds: float = Field(1.0, ge=0, le=10)


@dataclass(slots=True)
class Visit:
    """What one visit has found so far. `first_seen`: per partner, see feed_entries.Reading."""

    now: datetime
    first_seen: dict[str, dict[str, str]]
    articles: dict[str, Article] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    failures: list[SourceError] = field(default_factory=list)
    asked: int = 0
    not_before: datetime | None = None


class SearchFeed(Collector):
    """A search of the news for some of the watched partners at each visit, in turn."""

    name = "search_feed"
    facts = frozenset({Article})
    needs_names = True
    most_seconds = 1700.0  # the most requests that may be asked for, each as slow as may be
    Options = SearchFeedOptions
    options: SearchFeedOptions
    sleep: ClassVar[Callable[[float], None]] = staticmethod(time.sleep)

    def collect(self, cursor: Cursor, http: Http, now: datetime) -> Batch:
        """See Collector. Which partner an article names is found out later, not by the search that found it.

        One search that fails is a problem of the visit; all of them failing is an error.
        """
        if not self.partners:
            return Batch([], cursor, problems=[Problem("the search", "there is no watched partner to search for")])
        known: dict[str, Any] = cursor.get("first_seen", {})
        present = {hashed(one.partner) for one in self.partners}
        visit = Visit(now, {name: seen for name, seen in known.items() if name in present})
        after = cursor.get("after", "")
        for named in self._turn(after):
            if visit.asked:
                SearchFeed.sleep(self.options.delay_seconds)
            if not self._search(named, visit, http):
                break
            after = named.partner
        if len(visit.failures) == visit.asked:
            raise visit.failures[0]
        following = {"after": after, "first_seen": visit.first_seen}
        problems = visit.problems[:100]
        return Batch(list(visit.articles.values()), following, not_before=visit.not_before, problems=problems)

    def _turn(self, after: str) -> Sequence[Named]:
        """Return whose turn it is: those that follow the last one asked for, and from the first on again."""
        named = sorted(self.partners, key=lambda one: one.partner)
        start = next((place for place, one in enumerate(named) if one.partner > after), 0)
        return [*named[start:], *named[:start]][: self.options.partners_per_visit]

    def _search(self, named: Named, visit: Visit, http: Http) -> bool:
        """Ask for one partner; return False when the search asked not to be asked again for a while."""
        visit.asked += 1
        try:
            self._read(named, visit, http)
        except SourceError as error:
            visit.failures.append(error)
            visit.problems.append(Problem(named.partner, str(error)))
            if isinstance(error, SourceUnavailable) and error.not_before:
                visit.not_before = error.not_before
                return False
        return True

    def _read(self, named: Named, visit: Visit, http: Http) -> None:
        url = self.options.url.replace(PLACEHOLDER, quote(query_of(named, self.options.names_per_query), safe=""))
        fetched = http.fetch(url, now=visit.now, accept=ACCEPT, max_bytes=MAX_BYTES)
        document = read_document(fetched)
        channel = Channel(
            url=fetched.url,
            # no outlet and no title: the feed is named after the search, and its articles are of many outlets
            language=self.options.language or plain_text(document.language, MAX_LANGUAGE) or None,
            zone=ZoneInfo(self.options.time_zone),
        )
        place = hashed(named.partner)
        reading = read_entries(document, channel, visit.first_seen.get(place, {}), visit.now)
        visit.first_seen[place] = reading.first_seen
        visit.problems += [
            Problem(f"{named.partner}: {problem.where}"[:MAX_NAME], problem.what) for problem in reading.problems
        ]
        for identity, article in reading.articles.items():
            visit.articles.setdefault(identity, article)


def query_of(named: Named, limit: int) -> str:
    """Return the first names of a partner as phrases, any of which may be found: `"Acme" OR "Acme Steel"`."""
    phrases = [f'"{" ".join(name.replace(chr(34), " ").split())}"' for name in named.names[:limit]]
    query = phrases[0]
    for phrase in phrases[1:]:
        if len(query) + len(phrase) + 4 <= MAX_QUERY:
            query = f"{query} OR {phrase}"
    return query
