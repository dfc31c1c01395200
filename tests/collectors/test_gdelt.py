"""GDELT: queries it accepts at a pace it asks for, and its articles, against a server that enforces its limits."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from contracts import SearchCollectorContract
from hypothesis import given
from hypothesis import strategies as st
from servers import Page, Request, WebServer

from collectors.base import Article, Batch, Cursor, Named, SourceChanged, SourceRefused, SourceUnavailable
from collectors.gdelt import MAX_BYTES, Gdelt
from collectors.gdelt_answer import read_answer, tidy
from collectors.gdelt_query import MAX_QUERY, MAX_TERMS, Sought, first_group, query_of, sought, term_of
from collectors.http import Http
from collectors.pace import Pace

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TOO_FAST = b"Please limit requests to one every 5 seconds or contact us for larger queries.\n"
BAD_LENGTH = b"Your query was too short or too long.\n"


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.seconds += seconds


def item(name: str, seen: str = "20260301T081500Z", **more: str) -> dict[str, str]:
    return {
        "url": f"https://news.example/{name}?utm_source=x",
        "url_mobile": "",
        "title": f"{name} stops its line",
        "seendate": seen,
        "socialimage": "",
        "domain": "news.example",
        "language": "English",
        "sourcecountry": "Vietnam",
        **more,
    }


def answer(*items: dict[str, str]) -> bytes:
    return json.dumps({"articles": items} if items else {}, indent=1).encode()


class FakeGdelt:
    """Answers as the API does, with the articles whose title holds a term of the query, and refuses as it does."""

    def __init__(self, clock: Clock) -> None:
        self.articles: list[dict[str, str]] = []
        self.refused_words: set[str] = set()
        self.breaking_words: set[str] = set()
        self.queries: list[str] = []
        self.spans: list[tuple[str, str]] = []
        self.fastest = 5.0
        self._clock = clock
        self._last = -1000.0

    def __call__(self, request: Request) -> Page:
        given = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        if self._clock() - self._last < self.fastest:
            return Page(TOO_FAST, 429)
        self._last = self._clock()
        if (given["mode"], given["format"], given["maxrecords"]) != ("artlist", "json", "250"):
            return self._text(b"Invalid mode.")
        self.queries.append(given["query"])
        self.spans.append((given["startdatetime"], given["enddatetime"]))
        if refusal := self._refusal(given["query"]):
            return self._text(refusal)
        if any(word in given["query"] for word in self.breaking_words):
            return self._text(b"<html>Error</html>")
        return Page(self._found(given), headers={"Content-Type": "application/json; charset=utf-8"})

    def _text(self, sentence: bytes) -> Page:
        return Page(sentence, headers={"Content-Type": "text/html; charset=utf-8"})

    def _refusal(self, query: str) -> bytes:
        bare = re.sub(r'"[^"]*"', "Q", query)
        groups = re.findall(r"\(([^()]*)\)", bare)
        words = re.findall(r"[^\s()]+", bare)
        if not 3 <= len(query) <= 250:
            return BAD_LENGTH
        if " OR " in re.sub(r"\([^()]*\)", "", bare):
            return b"Queries containing OR'd terms must be surrounded by ()."
        if any(" OR " not in group for group in groups):
            return b"Parentheses may only be used around OR'd statements."
        if any(len(phrase) < 5 for phrase in re.findall(r'"([^"]*)"', query)):
            return b"The specified phrase is too short."
        if any(len(word) < 3 for word in words if word not in ("Q", "OR")) or self.refused_words & set(words):
            return b"One or more of your keywords were too short, too long or too common: (x)"
        if not query.isascii() or any(not re.fullmatch(r"[A-Za-z0-9]+|sourcelang:[a-z]+", word) for word in words):
            return b"One or more of your keywords contained an illegal character."
        return b""

    def _found(self, given: dict[str, str]) -> bytes:
        terms = [term.strip('"').lower() for term in re.findall(r'"[^"]*"|[A-Za-z0-9:]+', given["query"])]
        seen = [
            one
            for one in self.articles
            if any(term in one["title"].lower() for term in terms)
            and given["startdatetime"] <= re.sub("[TZ]", "", one["seendate"]) <= given["enddatetime"]
        ]
        return answer(*sorted(seen, key=lambda one: one["seendate"], reverse=True)[:250])


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(Gdelt, "pace", Pace(5.0, clock, clock.sleep))
    return clock


@pytest.fixture
def gdelt(site: WebServer, clock: Clock) -> Iterator[FakeGdelt]:
    fake = FakeGdelt(clock)
    site.pages["/doc"] = fake
    return fake


class TestGdelt(SearchCollectorContract):
    collector = Gdelt
    good = answer(item("a"), item("b"), item("c"))
    renamed = good.replace(b'"title"', b'"headline"')
    content_type = "application/json"
    cap = MAX_BYTES

    def options(self, url: str) -> dict[str, Any]:
        return {"url": url}


def visit(
    site: WebServer,
    http: Http,
    *partners: Named | str,
    cursor: Cursor | None = None,
    now: datetime = NOW,
    **options: Any,
) -> Batch:
    collector = Gdelt(
        Gdelt.Options.model_validate({"url": f"{site.url}/doc", **options}),
        [Named(one, (one,)) if isinstance(one, str) else one for one in partners],
    )
    return collector.collect(json.loads(json.dumps(cursor or {})), http, now)


def titles(batch: Batch) -> list[str]:
    return [fact.title for fact in batch.facts if isinstance(fact, Article)]


# What is asked


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("Acme", "Acme"),
        ("Acme Steel", '"Acme Steel"'),
        ("IBM", "IBM"),
        ("LG", ""),
        ("A B", ""),
        ("D-Wave", '"D-Wave"'),
        ("3-M", ""),
        ("Hòa Phát", '"Hoa Phat"'),
        ("Đạm Phú Mỹ", '"Dam Phu My"'),
        ("台積電", ""),
        ("台積電 TSMC", ""),
        ("Procter & Gamble", '"Procter & Gamble"'),
        ("Tesla, Inc.", '"Tesla Inc"'),
        ('The "Old" (House)', '"The Old House"'),
        ("Yahoo!", "Yahoo"),
        ("NOT", ""),
        ("", ""),
        ("...", ""),
    ],
)
def test_a_name_becomes_a_term_gdelt_accepts_or_none(name: str, term: str) -> None:
    assert term_of(name) == term


@given(st.lists(st.text(max_size=80), min_size=1, max_size=30), st.sampled_from([(), ("english",), ("a" * 20,) * 5]))
def test_no_query_breaks_a_rule(names: list[str], languages: tuple[str, ...]) -> None:
    waiting = [one for one in (sought(Named(name, (name, f"{name} Group"))) for name in names) if one.terms]
    while waiting:
        group = first_group(waiting, languages)
        query = query_of(group, languages)
        assert FakeGdelt(Clock())._refusal(query) == b""
        assert len(query) <= MAX_QUERY
        waiting = waiting[len(group) :]


def test_partners_share_a_query_as_far_as_it_goes() -> None:
    few = [Sought(name, (name,)) for name in ("Acme", "Bolt")]
    assert query_of(few, ()) == "(Acme OR Bolt)"
    assert query_of(few[:1], ["english"]) == "Acme sourcelang:english"
    assert query_of(few, ["english", "chinese"]) == "(Acme OR Bolt) (sourcelang:english OR sourcelang:chinese)"
    many = [Sought(f"P{number}", (f"Partner{number}",)) for number in range(30)]
    assert len(first_group(many, ())) == MAX_TERMS


def test_a_partner_of_many_names_is_asked_for_by_the_first() -> None:
    one = Sought("P", tuple(f'"A long enough name of number {number}"' for number in range(20)))
    (kept,) = first_group([one], ())
    assert kept.terms == one.terms[: len(kept.terms)]
    assert 4 <= len(kept.terms) < 8


def test_a_partner_without_a_searchable_name_is_told(site: WebServer, http: Http, gdelt: FakeGdelt) -> None:
    gdelt.articles = [item("Acme")]
    batch = visit(site, http, "台積電", "Acme", "LG")
    assert titles(batch) == ["Acme stops its line"]
    assert [problem.where for problem in batch.problems] == ["LG", "台積電"]


# Pace


def test_requests_are_five_seconds_apart(site: WebServer, http: Http, gdelt: FakeGdelt, clock: Clock) -> None:
    began = clock()
    partners = [f"Partner{number:02}" for number in range(30)]
    gdelt.articles = [item(name) for name in partners]
    batch = visit(site, http, *partners)
    assert len(batch.facts) == 30
    assert (len(gdelt.queries), clock() - began) == (3, 10.0)
    visit(site, http, "Partner01", now=NOW + timedelta(minutes=1))
    assert clock() - began == 15.0, "another visit waits its turn, too"


def test_a_long_portfolio_is_asked_for_over_several_visits(site: WebServer, http: Http, gdelt: FakeGdelt) -> None:
    partners = [f"Partner{number:03}" for number in range(100)]
    gdelt.articles = [item(name) for name in partners]
    first = visit(site, http, *partners, requests_per_visit=5)
    second = visit(site, http, *partners, cursor=first.cursor, now=NOW + timedelta(hours=1), requests_per_visit=5)
    assert (len(first.facts), len(second.facts)) == (60, 40)
    assert {*titles(first), *titles(second)} == {f"{name} stops its line" for name in partners}
    assert gdelt.spans[0][0] == gdelt.spans[-1][0] == "20260228093000", "a round asks for one span"


def test_a_new_round_asks_for_what_is_new_since_the_last_began(site: WebServer, http: Http, gdelt: FakeGdelt) -> None:
    first = visit(site, http, "Acme", days=7)
    visit(site, http, "Acme", cursor=first.cursor, now=NOW + timedelta(hours=6), days=7)
    assert gdelt.spans == [("20260223093000", "20260302093000"), ("20260302073000", "20260302153000")]


def test_a_long_silence_is_not_caught_up_beyond_thirty_days(site: WebServer, http: Http, gdelt: FakeGdelt) -> None:
    first = visit(site, http, "Acme")
    visit(site, http, "Acme", cursor=first.cursor, now=NOW + timedelta(days=300))
    assert gdelt.spans[-1] == ("20261127093000", "20261227093000")


def test_a_clock_that_was_ahead_does_not_keep_us_from_asking(site: WebServer, http: Http, gdelt: FakeGdelt) -> None:
    ahead = visit(site, http, "Acme", now=NOW + timedelta(days=900))
    visit(site, http, "Acme", cursor=ahead.cursor)
    assert gdelt.spans[-1] == ("20260302073000", "20260302093000")


def test_being_told_to_slow_down_ends_the_visit_and_keeps_its_place(
    site: WebServer, http: Http, gdelt: FakeGdelt
) -> None:
    partners = [f"Partner{number:02}" for number in range(30)]
    gdelt.articles = [item(name) for name in partners]
    site.pages["/doc"] = lambda request: Page(TOO_FAST, 429) if len(site.requests) == 2 else gdelt(request)
    batch = visit(site, http, *partners)
    assert (len(batch.facts), batch.cursor["after"]) == (12, "Partner11")
    assert batch.not_before == NOW + timedelta(minutes=15)
    assert [problem.where for problem in batch.problems] == ["Partner12"]
    rest = visit(site, http, *partners, cursor=batch.cursor, now=NOW + timedelta(hours=1))
    assert len(rest.facts) == 18


@pytest.mark.parametrize("status", [200, 429])
def test_being_told_to_slow_down_at_once_is_tried_later(site: WebServer, http: Http, status: int) -> None:
    site.pages["/doc"] = Page(TOO_FAST, status)
    with pytest.raises(SourceUnavailable):
        visit(site, http, "Acme")
    assert len(site.requests) == 1


# What it answers


def test_an_answer_becomes_articles(site: WebServer, http: Http, gdelt: FakeGdelt) -> None:
    gdelt.articles = [
        item("Acme", title="Acme , Inc . stops ( for now ) : it 's over", language="Vietnamese"),
        item("Acme2", seen="20260301T080000Z", language="Klingon"),
    ]
    first, second = visit(site, http, "Acme").facts
    assert first == Article(
        identity="https://news.example/Acme",
        at=datetime(2026, 3, 1, 8, 15, tzinfo=UTC),
        url="https://news.example/Acme",
        title="Acme, Inc. stops (for now): it's over",
        outlet="news.example",
        language="vi",
    )
    assert isinstance(second, Article)
    assert second.language is None


def test_finding_nothing_is_an_empty_answer(site: WebServer, http: Http, gdelt: FakeGdelt) -> None:
    assert list(visit(site, http, "Acme").facts) == []


def test_more_than_one_answer_holds_is_asked_for_in_pages(site: WebServer, http: Http, gdelt: FakeGdelt) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    moments = [(start + timedelta(minutes=number)).strftime("%Y%m%dT%H%M%SZ") for number in range(1200)]
    gdelt.articles = [item(f"Acme{number}", seen) for number, seen in enumerate(moments)] + [item("Bolt")]
    batch = visit(site, http, "Acme", "Bolt")
    assert len(gdelt.queries) == 4
    assert len(batch.facts) == 4 * 250 - 3, "pages touch at their ends"
    assert [problem.what for problem in batch.problems] == [
        "250 articles or more in each answer; older ones since the last visit are missing"
    ]


def test_a_query_that_is_refused_is_asked_in_parts(site: WebServer, http: Http, gdelt: FakeGdelt) -> None:
    gdelt.articles = [item(name) for name in ("Acme", "Bolt", "Target", "Zinc")]
    gdelt.refused_words = {"Target"}
    batch = visit(site, http, "Acme", "Bolt", "Target", "Zinc")
    assert sorted(titles(batch)) == ["Acme stops its line", "Bolt stops its line", "Zinc stops its line"]
    (problem,) = batch.problems
    assert problem.where == "Target"
    assert "too common" in problem.what


def test_a_partner_whose_answer_cannot_be_read_does_not_keep_the_others_waiting(
    site: WebServer, http: Http, gdelt: FakeGdelt
) -> None:
    gdelt.articles = [item("Acme"), item("Bolt"), item("Zinc")]
    gdelt.breaking_words = {"Bolt"}
    batch = visit(site, http, "Acme", "Bolt", "Zinc")
    assert sorted(titles(batch)) == ["Acme stops its line", "Zinc stops its line"]
    (unread,) = batch.problems
    assert unread.where == "Bolt"
    assert "sent no JSON" in unread.what
    with pytest.raises(SourceChanged, match="sent no JSON"):
        visit(site, http, "Bolt")


def test_everything_refused_is_for_a_person(site: WebServer, http: Http, gdelt: FakeGdelt) -> None:
    gdelt.refused_words = {"Target"}
    with pytest.raises(SourceRefused, match=r"does not accept the query.*too common"):
        visit(site, http, "Target")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (BAD_LENGTH, SourceRefused),
        (b"The specified phrase is too short.", SourceRefused),
        (b"Queries containing OR'd terms must be surrounded by ().", SourceRefused),
        (b"Invalid/Unsupported Language.", SourceRefused),
        (TOO_FAST, SourceUnavailable),
        (b"Timespan must be within the last 3 months.", SourceChanged),
        (b"<html><body>Server error", SourceChanged),
        (b"", SourceChanged),
        (b"[]", SourceChanged),
        (b'{"timeline": []}', SourceChanged),
        (b'{"articles": {}}', SourceChanged),
        (b'{"articles": [{"url": 1}]}', SourceChanged),
        (b'{"a":' * 100_000, SourceChanged),
    ],
)
def test_what_is_no_list_of_articles_says_who_must_act(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        read_answer(body, "gdelt.example", NOW)
    assert 10 < len(str(caught.value)) < 400


def test_stray_backslashes_and_control_characters_do_no_harm() -> None:
    body = answer(item("a"), item("b")).replace(b"a stops", b"a \\p stops\x01\n")
    found = read_answer(body, "gdelt.example", NOW)
    assert [article.title for article in found.articles] == ["a \\p stops its line", "b stops its line"]
    assert list(found.problems) == []


def test_backslashes_that_are_escaped_well_stay_as_they_are() -> None:
    titles_told = ["a \\ b", "ends \\", "\\u0041 and A", 'says "x"']
    body = answer(*(item(f"n{at}", title=title) for at, title in enumerate(titles_told)))
    found = read_answer(body, "gdelt.example", NOW)
    assert [article.title for article in found.articles] == titles_told
    assert list(found.problems) == []


def test_broken_json_that_nests_without_end_is_given_up() -> None:
    body = b'{"articles": [x, ' + b'{"url":[' * 100_000
    with pytest.raises(SourceChanged, match="breaks off or is malformed"):
        read_answer(body, "gdelt.example", NOW)


def test_one_broken_article_does_not_lose_the_others() -> None:
    body = answer(item("a"), item("b"), item("c")).replace(b"b stops", b'b \\\\"stops')
    found = read_answer(body, "gdelt.example", NOW)
    assert [article.title[0] for article in found.articles] == ["a", "c"]
    assert [problem.what for problem in found.problems] == ["it is no valid JSON; 2 of 3 articles could be read"]


@pytest.mark.parametrize(
    "change", [{"url": "javascript:alert(1)"}, {"title": " <b></b> "}, {"seendate": "yesterday"}, {"url": "x" * 3000}]
)
def test_an_article_without_what_every_article_has_is_set_aside(change: dict[str, str]) -> None:
    found = read_answer(answer(item("a"), item("b", **change)), "gdelt.example", NOW)
    assert len(found.articles) == 1
    assert [problem.where for problem in found.problems] == ["article 2"]


def test_an_article_still_to_come_is_left_for_a_later_visit() -> None:
    found = read_answer(answer(item("a"), item("b", seen="20260302T093001Z")), "gdelt.example", NOW)
    assert [article.title for article in found.articles] == ["a stops its line"]


@pytest.mark.parametrize(
    ("title", "plain"),
    [("台積電 ： 延遲", "台積電： 延遲"), ("A , B ( C ) 's", "A, B (C) 's"), ("5 : 3", "5: 3"), ("plain", "plain")],
)
def test_titles_lose_the_spaces_around_marks(title: str, plain: str) -> None:
    assert tidy(title) == plain
