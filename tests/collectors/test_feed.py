"""Feeds: what becomes an article, how it is dated and named, and that no markup gets through or gets stuck."""

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

import pytest
from contracts import HttpCollectorContract
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from servers import Page, WebServer

from collectors.base import Article, Batch, SourceChanged
from collectors.feed import Feed
from collectors.feed_document import MAX_BYTES, refuse_hostile_markup
from collectors.feed_entries import MAX_ENTRIES, MAX_SUMMARY, MAX_TITLE
from collectors.feed_text import plain_text
from collectors.http import Http

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def rss(*items: str, head: str = "<title>Wire</title><language>vi</language>") -> bytes:
    inner = "".join(f"<item>{item}</item>" for item in items)
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{inner}</channel></rss>'.encode()


def item(number: int, date: str = "Sun, 01 Mar 2026 08:00:00 GMT", title: str = "", **more: str) -> str:
    parts = {
        "title": title or f"Story {number}",
        "link": f"https://news.example/{number}",
        "guid": f"g{number}",
        **more,
    }
    return "".join(f"<{name}>{text}</{name}>" for name, text in {**parts, "pubDate": date}.items() if text)


ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="zh-TW"><title>財經</title><id>urn:f</id>
<entry><id>urn:1</id><title type="html">台積電 &lt;b&gt;延遲&lt;/b&gt;</title><link href="/1"/>
<updated>2026-03-01T08:00:00+08:00</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One</p><p>two</p></div></content></entry>
<entry><id>urn:2</id><title>Second</title><link href="https://news.example/2"/>
<published>2026-03-01T00:00:00Z</published><summary>Short</summary><source><title>Agency</title></source></entry>
</feed>
""".encode()


class TestFeed(HttpCollectorContract):
    collector = Feed
    good = rss(*(item(number) for number in range(5)))
    renamed = good.replace(b"title>", b"headline>")
    content_type = "application/rss+xml"
    cap = MAX_BYTES

    def options(self, url: str) -> dict[str, Any]:
        return {"url": url}


class TestAtomFeed(TestFeed):
    good = ATOM
    renamed = (
        ATOM.replace(b"title>", b"t>").replace(b"title ", b"t ").replace(b"summary", b"s").replace(b"content", b"c")
    )
    content_type = "application/atom+xml"


def visit(
    site: WebServer, http: Http, body: bytes, now: datetime = NOW, cursor: dict[str, Any] | None = None, **options: str
) -> Batch:
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    site.pages["/feed"] = Page(body, headers=headers)
    collector = Feed(Feed.Options.model_validate({"url": f"{site.url}/feed", **options}))
    return collector.collect(cursor or {}, http, now)


def articles(batch: Batch) -> list[Article]:
    return [fact for fact in batch.facts if isinstance(fact, Article)]


# What an entry becomes


def test_an_rss_item_becomes_an_article(site: WebServer, http: Http) -> None:
    (article,) = articles(visit(site, http, rss(item(1, description="&lt;p&gt;Acme &amp;amp; Bolt&lt;/p&gt;"))))
    assert article == Article(
        identity="g1",
        at=datetime(2026, 3, 1, 8, tzinfo=UTC),
        url="https://news.example/1",
        title="Story 1",
        summary="Acme & Bolt",
        outlet="Wire",
        language="vi",
    )


def test_an_atom_entry_becomes_an_article(site: WebServer, http: Http) -> None:
    first, second = articles(visit(site, http, ATOM))
    assert (first.title, first.summary, first.url) == ("台積電 延遲", "One two", f"{site.url}/1")
    assert (first.at, first.language, first.outlet) == (datetime(2026, 3, 1, tzinfo=UTC), "zh-TW", "財經")
    assert (second.summary, second.outlet) == ("Short", "Agency")


def test_options_override_what_the_feed_says_of_itself(site: WebServer, http: Http) -> None:
    (article,) = articles(visit(site, http, rss(item(1)), outlet="Ours", language="en"))
    assert (article.outlet, article.language) == ("Ours", "en")


@pytest.mark.parametrize(
    ("link", "outlet"),
    [
        ("https://news.aggregator.example/articles/x", "paper.example"),
        ("https://www.paper.example/7", "The Paper"),
        ("https://live.paper.example/7", "The Paper"),
    ],
)
def test_behind_an_aggregator_an_outlet_is_known_by_its_address(
    site: WebServer, http: Http, link: str, outlet: str
) -> None:
    source = "<source url='https://www.paper.example/rss'>The Paper</source>"
    told = item(1, link=link, title="Acme on strike - The Paper") + source
    (article,) = articles(visit(site, http, rss(told)))
    assert (article.title, article.outlet) == ("Acme on strike", outlet)
    (article,) = articles(visit(site, http, rss(told), outlet="Ours"))
    assert article.outlet == "Ours"


@pytest.mark.parametrize(
    ("entry", "identity"),
    [
        (item(1), "g1"),
        (item(1, guid=""), "https://news.example/1"),
        (item(1, guid="", link=""), "a hash"),
    ],
)
def test_an_entry_is_named_by_guid_else_link_else_content(
    site: WebServer, http: Http, entry: str, identity: str
) -> None:
    first, second = (articles(visit(site, http, rss(entry)))[0] for _ in range(2))
    assert first.identity == second.identity
    assert first.identity == identity or (identity == "a hash" and len(first.identity) == 32)


def test_the_same_entry_twice_is_one_article(site: WebServer, http: Http) -> None:
    assert len(visit(site, http, rss(item(1), item(1), item(2))).facts) == 2


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "mailto:a@b.example", "http://[::1", "//", "ftp://x/y"]
)
def test_only_web_addresses_are_links(site: WebServer, http: Http, link: str) -> None:
    (article,) = articles(visit(site, http, rss(item(1, link=link))))
    assert article.url == "" or article.url.startswith(site.url)


# When


def test_an_undated_entry_is_dated_by_first_sight(site: WebServer, http: Http) -> None:
    first = visit(site, http, rss(item(1, date="")))
    later = visit(site, http, rss(item(1, date=""), item(2, date="")), NOW + timedelta(days=1), first.cursor)
    assert [(article.identity, article.at, article.dated) for article in articles(later)] == [
        ("g1", NOW, False),
        ("g2", NOW + timedelta(days=1), False),
    ]


@pytest.mark.parametrize("date", ["Tue, 03 Mar 2026 08:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_date_still_to_come_is_clipped_once_and_stays(site: WebServer, http: Http, date: str) -> None:
    first = visit(site, http, rss(item(1, date=date)))
    again = visit(site, http, rss(item(1, date=date)), NOW + timedelta(hours=3), first.cursor)
    assert [(article.at, article.dated) for article in articles(first)] == [(NOW, True)]
    assert first.facts == again.facts


@pytest.mark.parametrize("date", ["Thu, 01 Jan 1970 00:00:00 GMT", "yesterday", "0000-00-00", "9999-99-99T99:99:99Z"])
def test_an_absurd_date_is_none(site: WebServer, http: Http, date: str) -> None:
    (article,) = articles(visit(site, http, rss(item(1, date=date))))
    assert (article.at, article.dated) == (NOW, False)


def test_first_sights_of_entries_that_left_are_forgotten(site: WebServer, http: Http) -> None:
    first = visit(site, http, rss(item(1, date="")))
    assert len(first.cursor["first_seen"]) == 1
    assert visit(site, http, rss(item(2)), NOW, first.cursor).cursor["first_seen"] == {}


# Flawed feeds


def test_a_flawed_feed_is_read_as_far_as_it_goes(site: WebServer, http: Http) -> None:
    flawed = rss(item(1, title="A & B <br> C"), item(2)).replace(b"</title><link>", b"</title></b><link>", 1)
    assert [article.title for article in articles(visit(site, http, flawed))] == ["A & B C", "Story 2"]


def test_a_feed_that_breaks_off_loses_only_its_last_entry(site: WebServer, http: Http) -> None:
    batch = visit(site, http, rss(item(1), item(2), item(3)).partition(b"<title>Story 3")[0] + b"<title>Sto")
    assert [article.title for article in articles(batch)] == ["Story 1", "Story 2"]
    assert [problem.where for problem in batch.problems] == ["the end of the feed"]


def test_an_empty_feed_is_an_empty_answer(site: WebServer, http: Http) -> None:
    assert list(visit(site, http, rss()).facts) == []


def test_entries_with_nothing_to_read_are_set_aside(site: WebServer, http: Http) -> None:
    batch = visit(site, http, rss(item(1), "<guid>g2</guid><title> <b> </b> </title>"))
    assert [(problem.where, problem.what) for problem in batch.problems] == [
        ("entry 2", "it has neither a title nor a text")
    ]


def test_entries_beyond_the_cap_are_told(site: WebServer, http: Http) -> None:
    batch = visit(site, http, rss(*(item(number) for number in range(MAX_ENTRIES + 7))))
    assert len(batch.facts) == MAX_ENTRIES
    assert [problem.what for problem in batch.problems] == ["only the first 500 of 507 entries were read"]


@pytest.mark.parametrize("encoding", ["utf-16", "big5", "utf-8-sig"])
def test_feeds_come_in_their_declared_encoding(site: WebServer, http: Http, encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = rss(item(1, title="交貨延遲")).decode().replace('version="1.0"', f'version="1.0" encoding="{declared}"', 1)
    site.pages["/feed"] = Page(text.encode(encoding), headers={"Content-Type": "application/rss+xml"})
    collector = Feed(Feed.Options.model_validate({"url": f"{site.url}/feed"}))
    assert [article.title for article in articles(collector.collect({}, http, NOW))] == ["交貨延遲"]


# Hostile feeds


@pytest.mark.parametrize("first", ["", "first='>' "])
def test_a_tag_with_endless_attributes_is_refused_before_it_is_parsed(first: str) -> None:
    """The parser compares each with each; one such feed kept every other source from being visited."""
    attributes = " ".join(f"a{number} = 'x'" for number in range(100_000))
    with pytest.raises(SourceChanged, match="a tag with more than 300 attributes"):
        refuse_hostile_markup(rss(f"<title>T</title><enclosure {first}{attributes}/>"), "news.example")


def test_markup_as_text_may_have_any_number_of_attributes() -> None:
    body = rss(item(1, description=escape("<a href='https://news.example/?a=1' rel='next'>more</a>" * 1000)))
    refuse_hostile_markup(body, "news.example")


def test_endless_namespaces_are_refused_before_they_are_parsed() -> None:
    tags = "".join(f"<a{number}:b xmlns:a{number}='u{number}'/>" for number in range(20_000))
    with pytest.raises(SourceChanged, match="more than 100 namespaces"):
        refuse_hostile_markup(rss(item(1) + tags), "news.example")
    honest = "<div xmlns='http://www.w3.org/1999/xhtml'>text</div>"
    refuse_hostile_markup(rss(*(item(number, description=honest) for number in range(500))), "news.example")


@pytest.mark.parametrize("tag", ["div", "b", "zzz", "x:y"])
def test_deep_nesting_is_refused_before_it_is_parsed(site: WebServer, http: Http, tag: str) -> None:
    nested = f"<{tag}>" * 400 + f"</{tag}>" * 400
    for body in (
        rss(item(1, description=nested)),
        rss(item(1, description=f"<{tag}>" * 400)),
        rss(item(1)) + nested.encode(),
    ):
        with pytest.raises(SourceChanged, match="nests tags more than 100 deep"):
            visit(site, http, body)
    with pytest.raises(SourceChanged, match="nests tags more than 100 deep"):
        visit(site, http, rss(item(1, description=nested)).decode().encode("utf-16"))


def test_megabytes_of_tags_are_refused_before_they_are_parsed() -> None:
    for body in (b"<item>" * 800_000, b"<b></b>" * 200_000, rss() + b"<br>" * 300_000, b"<a/>" * 300_000):
        with pytest.raises(SourceChanged, match="more than 200,000 tags or 1,000,000 entities"):
            refuse_hostile_markup(body, "news.example")


@pytest.mark.parametrize("piece", [b"<", b"<a ", b"<!", b"</", b"<a href='", b"&", b"<!--"])
def test_megabytes_of_unfinished_markup_are_refused_before_they_are_parsed(piece: bytes) -> None:
    with pytest.raises(SourceChanged, match="more than 200,000 tags or 1,000,000 entities"):
        refuse_hostile_markup(rss() + piece * (4_000_000 // len(piece)), "news.example")


@pytest.mark.parametrize("section", [b"<![CDATA[%s]]>", b"<!--%s-->"])
def test_megabytes_inside_a_section_are_only_text(section: bytes) -> None:
    refuse_hostile_markup(rss() + section % (b"<p>&" * 240_000), "news.example")


def test_markup_in_text_does_not_count_as_nesting(site: WebServer, http: Http) -> None:
    deep = "<div>" * 300 + "deep" + "</div>" * 300
    body = rss(
        item(1, description=f"<![CDATA[{deep}]]>"), item(2, description=escape(deep)), f"<!-- {deep} -->{item(3)}"
    )
    assert [article.summary for article in articles(visit(site, http, body))] == ["deep", "deep", ""]


def test_unclosed_tags_of_many_entries_do_not_add_up(site: WebServer, http: Http) -> None:
    body = rss(*(item(number, description="one<br>two<p>three") for number in range(150)))
    assert len(visit(site, http, body).facts) == 150


def test_entities_do_not_expand(site: WebServer, http: Http) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {name} "{f"&{inner};" * 10}">' for inner, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    body = rss(item(1, description="&i;")).replace(b"<rss", f"{bomb}]><rss".encode(), 1)
    assert all(len(article.summary) < 100 for article in articles(visit(site, http, body)))


def test_files_of_the_host_are_not_read(site: WebServer, http: Http) -> None:
    body = rss(item(1, description="&f;")).replace(
        b"<rss", b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><rss', 1
    )
    assert "root:" not in repr(visit(site, http, body).facts)
    with pytest.raises(SourceChanged, match="an RSS, Atom or JSON feed was expected"):
        visit(site, http, b"/etc/passwd")


# Text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("&lt;b&gt;twice&lt;/b&gt; escaped", "twice escaped"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ("a<script>alert('x')</script>b<STYLE>p{}</STYLE>c", "a b c"),
        ("a<script>never closed", "a"),
        ("<img src=x onerror=alert(1)>", ""),
        ("null\0 bell\x07 mark\u202e end", "null bell mark end"),
        ("Cafe\u0301", "Café"),
        ("\ud800 lone", "lone"),
        ("x" * 400, "x" * 299 + "…"),
        (None, ""),
    ],
)
def test_text_is_plain(text: str | None, plain: str) -> None:
    assert plain_text(text, MAX_TITLE) == plain


@pytest.mark.parametrize("piece", ["<", "<a ", "<script>", "<style", "&lt;", "&amp;", "<!--", "\0", "İ", "<a>"])
def test_a_megabyte_of_anything_becomes_short_plain_text(piece: str) -> None:
    text = plain_text(piece * (1_000_000 // len(piece)), MAX_SUMMARY)
    assert len(text) <= MAX_SUMMARY


@given(st.text(), st.integers(1, 50))
def test_any_text_becomes_printable_and_short(text: str, limit: int) -> None:
    plain = plain_text(text, limit)
    assert len(plain) <= limit
    assert all(letter.isprintable() or letter in "\u200c\u200d" for letter in plain)


@given(st.binary(max_size=300))
def test_any_bytes_are_scanned(body: bytes) -> None:
    refuse_hostile_markup(body, "news.example")


def test_the_address_is_a_web_address() -> None:
    for url in ("file:///etc/passwd", "news.example/feed", ""):
        with pytest.raises(ValidationError):
            Feed.Options.model_validate({"url": url})


def test_a_megabyte_title_is_cut(site: WebServer, http: Http) -> None:
    (article,) = articles(visit(site, http, rss(item(1, title="long " * 200_000))))
    assert len(article.title) == MAX_TITLE


def test_sections_that_never_end_are_read_without_going_through_them_again_and_again(
    site: WebServer, http: Http
) -> None:
    batch = visit(site, http, rss(item(1), item(2)) + b"<![CDATA[" * 190_000)
    assert [article.title for article in articles(batch)] == ["Story 1"]


@pytest.mark.parametrize("piece", [b"<!---->", b"<!-- --", b"</a>", b" ", b"</rss>"])
def test_what_follows_the_end_of_a_feed_is_gone_through_once(site: WebServer, http: Http, piece: bytes) -> None:
    batch = visit(site, http, rss(item(1), item(2)) + piece * (1900 // len(piece)) + b"x")
    assert [article.title for article in articles(batch)] == ["Story 1"]


def test_dates_without_a_zone_are_in_the_zone_of_the_options(site: WebServer, http: Http) -> None:
    body = rss(item(1, date="2026-03-01 08:00:00"), item(2, date="2026-03-01 08:00:00 +0000"))
    found = articles(visit(site, http, body, time_zone="Asia/Ho_Chi_Minh"))
    assert [article.at.hour for article in found] == [1, 8]
    with pytest.raises(ValidationError, match="a time zone such as"):
        Feed.Options.model_validate({"url": "https://a.example", "time_zone": "Saigon"})


def test_dates_that_cannot_be_read_are_told_once(site: WebServer, http: Http) -> None:
    batch = visit(site, http, rss(*(item(number, date="soon") for number in range(1, 4)), item(4, date="")))
    assert [article.dated for article in articles(batch)] == [False] * 4
    assert [(problem.where, problem.what) for problem in batch.problems] == [
        ("entry 1", 'its date "soon" cannot be read, nor those of 2 others')
    ]
