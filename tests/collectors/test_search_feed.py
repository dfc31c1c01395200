"""Searches that answer with a feed: whose turn it is, what is asked, and what one failing search does to the others."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from contracts import SearchCollectorContract
from pydantic import ValidationError
from servers import Page, Request, WebServer

from collectors.base import Article, Batch, Cursor, Named, SourceChanged, SourceRefused, SourceUnavailable
from collectors.feed_document import MAX_BYTES
from collectors.http import Http
from collectors.search_feed import SearchFeed, query_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ITEM = (
    "<item><title>{0} stops its line - Daily</title><link>https://news.example/{0}?utm_source=rss</link>"
    "<guid>g-{0}</guid><pubDate>Sun, 01 Mar 2026 08:00:00 GMT</pubDate>"
    "<source url='https://daily.example'>Daily</source></item>"
)
UNDATED = "<item><title>{0} names no day</title><link>https://news.example/u-{0}</link></item>"


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the collector would have waited."""
    pauses: list[float] = []
    monkeypatch.setattr(SearchFeed, "sleep", staticmethod(pauses.append))
    return pauses


def rss(*items: str) -> bytes:
    return f"<rss version='2.0'><channel><title>Search: news</title>{''.join(items)}</channel></rss>".encode()


class TestSearchFeed(SearchCollectorContract):
    collector = SearchFeed
    good = rss(ITEM.format("a"), ITEM.format("b"), ITEM.format("c"))
    renamed = good.replace(b"title>", b"headline>")
    content_type = "application/rss+xml"
    cap = MAX_BYTES

    def options(self, url: str) -> dict[str, Any]:
        return {"url": f"{url}?q={{query}}"}


def asked(request: Request) -> str:
    return parse_qs(urlsplit(request.path).query)["q"][0]


@pytest.fixture
def search(site: WebServer) -> Iterator[WebServer]:
    """A search that finds one dated and one undated article about whatever is asked."""

    def answer(request: Request) -> Page:
        name = asked(request).partition(" OR ")[0].strip('"')
        return Page(rss(ITEM.format(name), UNDATED.format(name)))

    site.pages["/search"] = answer
    return site


def named(*partners: str) -> list[Named]:
    return [Named(partner, (partner,)) for partner in partners]


def visit(
    site: WebServer,
    http: Http,
    partners: list[Named],
    cursor: Cursor | None = None,
    now: datetime = NOW,
    **options: Any,
) -> Batch:
    raw = {"url": f"{site.url}/search?q={{query}}&hl=vi", **options}
    return SearchFeed(SearchFeed.Options.model_validate(raw), partners).collect(cursor or {}, http, now)


def titles(batch: Batch) -> list[str]:
    return [fact.title for fact in batch.facts if isinstance(fact, Article)]


def test_what_is_found_becomes_an_article_of_its_outlet(search: WebServer, http: Http) -> None:
    batch = visit(search, http, named("Acme"), language="vi")
    assert batch.facts[0] == Article(
        identity="g-Acme",
        at=datetime(2026, 3, 1, 8, tzinfo=UTC),
        url="https://news.example/Acme",
        title="Acme stops its line",
        outlet="daily.example",
        language="vi",
    )
    other = batch.facts[1]
    assert isinstance(other, Article)
    assert (other.outlet, other.dated) == ("news.example", False)


def test_names_are_phrases_of_one_query(search: WebServer, http: Http) -> None:
    visit(search, http, [Named("台達電", ("台達電", 'The "Delta" &c', "Delta Electronics", "DELTA"))])
    assert [asked(request) for request in search.requests] == ['"台達電" OR "The Delta &c" OR "Delta Electronics"']
    assert "hl=vi" in search.requests[0].path


def test_a_query_does_not_grow_without_end() -> None:
    query = query_of(Named("a", ("a" * 180, "b" * 180, "c" * 180, "d")), 10)
    assert query == f'"{"a" * 180}" OR "{"b" * 180}" OR "d"'


def test_partners_take_turns(search: WebServer, http: Http) -> None:
    partners = named("E", "B", "A", "D", "C")
    first = visit(search, http, partners, partners_per_visit=2)
    second = visit(search, http, partners, first.cursor, partners_per_visit=2)
    third = visit(search, http, partners, second.cursor, partners_per_visit=2)
    assert [asked(request) for request in search.requests] == ['"A"', '"B"', '"C"', '"D"', '"E"', '"A"']
    assert third.cursor["after"] == "A"


def test_a_partner_that_left_does_not_stop_the_turn(search: WebServer, http: Http) -> None:
    first = visit(search, http, named("A", "B", "C"), partners_per_visit=2)
    visit(search, http, named("A", "C"), first.cursor, partners_per_visit=1)
    assert [asked(request) for request in search.requests][2:] == ['"C"']


def test_nobody_is_asked_for_twice_in_one_visit(search: WebServer, http: Http) -> None:
    visit(search, http, named("A", "B"), {"after": "A"})
    assert [asked(request) for request in search.requests] == ['"B"', '"A"']


def test_requests_are_a_delay_apart(search: WebServer, http: Http, slept: list[float]) -> None:
    visit(search, http, named("A", "B", "C"), delay_seconds=2.5)
    assert slept == [2.5, 2.5]


def test_an_article_that_two_searches_find_is_one(search: WebServer, http: Http) -> None:
    search.pages["/search"] = Page(rss(ITEM.format("Acme")))
    assert len(visit(search, http, named("A", "B")).facts) == 1


def test_an_undated_article_keeps_the_day_it_was_first_seen(search: WebServer, http: Http) -> None:
    partners = named("A", "B")
    first = visit(search, http, partners, partners_per_visit=1)
    second = visit(search, http, partners, first.cursor, NOW + timedelta(days=1), partners_per_visit=1)
    third = visit(search, http, partners, second.cursor, NOW + timedelta(days=2), partners_per_visit=1)
    assert [batch.facts[1].at - NOW for batch in (first, second, third)] == [
        timedelta(0),
        timedelta(days=1),
        timedelta(0),
    ]
    gone = visit(search, http, named("B"), third.cursor, NOW + timedelta(days=3))
    assert len(gone.cursor["first_seen"]) == 1, "a partner that left leaves nothing behind"


def test_one_search_that_fails_does_not_stop_the_others(search: WebServer, http: Http) -> None:
    works = search.pages["/search"]
    assert callable(works)
    broken = {'"B"': Page(status=500), '"C"': Page(b"<html>"), '"D"': Page(status=403)}
    search.pages["/search"] = lambda request: broken.get(asked(request)) or works(request)
    batch = visit(search, http, named("A", "B", "C", "D", "E"))
    assert titles(batch)[::2] == ["A stops its line", "E stops its line"]
    assert [problem.where for problem in batch.problems] == ["B", "C", "D"]
    assert batch.cursor["after"] == "E"


@pytest.mark.parametrize(
    ("page", "error"),
    [(Page(status=500), SourceUnavailable), (Page(status=403), SourceRefused), (Page(b"<html>"), SourceChanged)],
)
def test_all_searches_failing_is_an_error(site: WebServer, http: Http, page: Page, error: type[Exception]) -> None:
    site.pages["/search"] = page
    with pytest.raises(error):
        visit(site, http, named("A", "B", "C"))
    assert len(site.requests) == 3


def test_a_search_that_asks_to_wait_is_left_alone(search: WebServer, http: Http) -> None:
    works = search.pages["/search"]
    assert callable(works)
    busy = Page(status=429, headers={"Retry-After": "600"})
    search.pages["/search"] = lambda request: busy if asked(request) == '"B"' else works(request)
    batch = visit(search, http, named("A", "B", "C"))
    assert len(search.requests) == 2
    assert (batch.not_before, batch.cursor["after"]) == (NOW + timedelta(minutes=10), "A")


@pytest.mark.parametrize(
    "url",
    [
        "https://news.example/rss",
        "https://{query}.example/rss",
        "https://news.example/{query}?q={query}",
        "ftp://news.example/{query}",
    ],
)
def test_the_address_has_one_place_for_the_query(url: str) -> None:
    with pytest.raises(ValidationError):
        SearchFeed.Options.model_validate({"url": url})
