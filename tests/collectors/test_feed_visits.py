"""Feeds that moved, ended, are packed, or are JSON: what one visit does, and what it remembers for the next."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from servers import Page, WebServer

from collectors.base import Article, Batch, SourceChanged, SourceRefused, SourceUnavailable
from collectors.feed import Feed
from collectors.feed_document import MAX_BYTES
from collectors.feed_entries import MAX_SUMMARY, MAX_TITLE
from collectors.http import Http

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DATED = "<pubDate>Sun, 01 Mar 2026 08:00:00 GMT</pubDate>"


def rss(*guids: str, date: str = DATED) -> bytes:
    items = "".join(f"<item><title>Story</title><guid>{guid}</guid>{date}</item>" for guid in guids)
    return f"<rss version='2.0'><channel><title>Wire</title>{items}</channel></rss>".encode()


def articles(batch: Batch) -> list[Article]:
    return [fact for fact in batch.facts if isinstance(fact, Article)]


def at(site: WebServer, http: Http, cursor: dict[str, Any] | None = None, path: str = "/feed", **options: str) -> Batch:
    collector = Feed(Feed.Options.model_validate({"url": f"{site.url}{path}", **options}))
    return collector.collect(cursor or {}, http, NOW)


def moved(site: WebServer, status: int, target: str = "/new") -> Page:
    return Page(status=status, headers={"Location": f"{site.url}{target}"})


@pytest.mark.parametrize("status", [301, 308])
def test_a_feed_that_moved_is_visited_where_it_is_now(site: WebServer, http: Http, status: int) -> None:
    site.pages["/feed"], site.pages["/new"] = moved(site, status), Page(rss("g1"))
    first = at(site, http)
    second = at(site, http, first.cursor)
    assert [request.path for request in site.requests] == ["/feed", "/new", "/new"]
    for batch in (first, second):
        assert [fact.identity for fact in batch.facts] == ["g1"]
        assert [(problem.where, problem.what) for problem in batch.problems] == [
            ("the address", f"the feed has moved for good; set url to {site.url}/new")
        ]


def test_what_may_be_a_key_in_the_address_of_a_feed_that_moved_is_not_shown(site: WebServer, http: Http) -> None:
    site.pages["/feed"] = Page(status=301, headers={"Location": f"{site.url}/new?user=7&key=s3cret"})
    site.pages["/new?user=7&key=s3cret"] = Page(rss("g1"))
    batch = at(site, http)
    assert [fact.identity for fact in batch.facts] == ["g1"]
    (problem,) = batch.problems
    assert f"set url to {site.url}/new?…" in problem.what
    assert "s3cret" not in problem.what


def test_an_unchanged_feed_that_moved_is_asked_once_and_still_told(site: WebServer, http: Http) -> None:
    site.pages["/feed"], site.pages["/new"] = moved(site, 301), Page(rss("g1"), headers={"ETag": '"1"'})
    first = at(site, http)
    site.pages["/new"] = Page(status=304)
    second = at(site, http, first.cursor)
    assert (list(second.facts), second.cursor, len(second.problems)) == ([], first.cursor, 1)
    assert site.requests[-1].headers["if-none-match"] == '"1"'


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_passing_redirect_is_not_remembered(site: WebServer, http: Http, status: int) -> None:
    site.pages["/feed"], site.pages["/new"] = moved(site, status), Page(rss("g1"))
    batch = at(site, http)
    assert (len(batch.facts), list(batch.problems), batch.cursor["moved_to"]) == (1, [], None)


def test_only_the_lasting_part_of_a_way_is_remembered(site: WebServer, http: Http) -> None:
    site.pages |= {"/feed": moved(site, 301, "/a"), "/a": moved(site, 302, "/b"), "/b": moved(site, 301, "/c")}
    site.pages["/c"] = Page(rss("g1"))
    assert at(site, http).cursor["moved_to"] == f"{site.url}/a"


def test_where_it_moved_to_is_kept_though_that_redirects_for_now(site: WebServer, http: Http) -> None:
    site.pages |= {"/feed": moved(site, 301, "/a"), "/a": moved(site, 302, "/b"), "/b": Page(rss("g1"))}
    first = at(site, http)
    second = at(site, http, first.cursor)
    assert second.cursor["moved_to"] == first.cursor["moved_to"] == f"{site.url}/a"


def test_a_feed_that_came_back_is_found_where_it_was(site: WebServer, http: Http) -> None:
    site.pages["/feed"], site.pages["/new"] = moved(site, 301), Page(rss("g1"))
    cursor = at(site, http).cursor
    site.pages["/feed"], site.pages["/new"] = Page(rss("g2")), Page(status=404)
    batch = at(site, http, cursor)
    assert ([fact.identity for fact in batch.facts], list(batch.problems)) == (["g2"], [])
    assert batch.cursor["moved_to"] is None


def test_a_new_address_forgets_where_the_old_one_led_but_not_what_was_seen(site: WebServer, http: Http) -> None:
    site.pages["/feed"], site.pages["/new"] = moved(site, 301), Page(rss("g1", date=""), headers={"ETag": '"1"'})
    cursor = at(site, http).cursor
    collector = Feed(Feed.Options(url=f"{site.url}/new"))
    (article,) = articles(collector.collect(cursor, http, NOW + timedelta(days=1)))
    assert (article.at, article.dated) == (NOW, False)
    assert "if-none-match" not in site.requests[-1].headers


def test_an_address_with_a_password_is_not_shown(site: WebServer, http: Http) -> None:
    secret = site.url.replace("http://", "http://user:secret@")
    site.pages["/feed"] = Page(status=301, headers={"Location": f"{secret}/new"})
    site.pages["/new"] = Page(rss("g1"))
    batch = at(site, http)
    assert "secret" not in repr((batch.problems, batch.cursor, batch.facts))


def test_a_feed_that_is_gone_has_ended(site: WebServer, http: Http) -> None:
    site.pages["/feed"] = Page(status=410)
    with pytest.raises(SourceRefused, match=r"The feed has ended: 127\.0\.0\.1 answers that it is gone for good"):
        at(site, http)


def test_a_gzipped_file_is_unpacked(site: WebServer, http: Http) -> None:
    site.pages["/feed.gz"] = Page(gzip.compress(rss("g1")), headers={"Content-Type": "application/gzip"})
    assert len(at(site, http, path="/feed.gz").facts) == 1
    twice = Page(gzip.compress(gzip.compress(rss("g1"))), headers={"Content-Encoding": "gzip"})
    site.pages["/feed.gz"] = twice
    assert len(at(site, http, path="/feed.gz").facts) == 1


def test_a_gzipped_bomb_a_broken_and_a_cut_file_say_so(site: WebServer, http: Http) -> None:
    packed = gzip.compress(rss("g1"))
    for body, error, words in (
        (gzip.compress(b" " * (MAX_BYTES + 1)), SourceChanged, "more than 5,000,000 bytes"),
        (packed[:10] + b"\xff" * 50, SourceChanged, "cannot be unpacked"),
        (packed[:-20], SourceUnavailable, "broke off"),
    ):
        site.pages["/feed"] = Page(body)
        with pytest.raises(error, match=words):
            at(site, http)


def test_a_json_feed_is_read_whatever_it_is_declared_to_be(site: WebServer, http: Http) -> None:
    body = b'\xef\xbb\xbf {"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "A\nB"}]}'
    for kind in ("application/feed+json", "text/plain", "text/xml"):
        site.pages["/feed"] = Page(body, headers={"Content-Type": kind})
        assert [article.title for article in articles(at(site, http))] == ["A B"]


@pytest.mark.parametrize(
    "body", ['{"a":' * 100_000, '{"items": [' + "[" * 200_000, '{"version": ' + "9" * 10_000 + "}"]
)
def test_hostile_json_is_not_understood(site: WebServer, http: Http, body: str) -> None:
    site.pages["/feed"] = Page(body.encode(), headers={"Content-Type": "application/feed+json"})
    with pytest.raises(SourceChanged):
        at(site, http)


def test_a_json_feed_of_a_megabyte_title_is_cut(site: WebServer, http: Http) -> None:
    long = {"id": "x" * 1_000_000, "title": "<b>" * 300_000 + "word " * 20_000, "content_text": "y" * 1_000_000}
    feed = {"version": "https://jsonfeed.org/version/1", "items": [long]}
    site.pages["/feed"] = Page(json.dumps(feed).encode())
    (article,) = articles(at(site, http))
    assert (len(article.identity), len(article.summary)) == (2000, MAX_SUMMARY)
    assert len(article.title) <= MAX_TITLE
