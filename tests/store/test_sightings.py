"""Rows of articles that are one article: through several feeds, over mobile pages, or edited by their source."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from factories import NOW

from warden.store import sightings
from warden.store.sightings import Sighting

HERE, THERE = uuid.UUID(int=1), uuid.UUID(int=2)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PAGE = "https://paper.example/news/strike-7"


def row(number: int, source: uuid.UUID, url: str = PAGE, title: str = "Acme on strike", at: datetime = NOW) -> Sighting:
    detail = {"url": url, "title": title}
    return sightings.sighting(number, source, number.to_bytes(16), at, detail)


@pytest.mark.parametrize(
    "url",
    [
        "http://paper.example/news/strike-7",
        "https://www.paper.example/news/strike-7/",
        "https://PAPER.example:443/news/strike-7#top",
        f"{PAGE}?utm_source=feed&fbclid=1",
        f"{PAGE}/amp",
        f"{PAGE}/amp/?amp=1",
        f"{PAGE}?outputType=amp",
        "https://amp.paper.example/news/strike-7",
        "https://m.paper.example/amp/news/strike-7",
        "https://reader:secret@paper.example/news/strike-7",
    ],
)
def test_an_article_has_one_address_however_a_feed_writes_it(url: str) -> None:
    assert sightings.address_of(url) == sightings.address_of(PAGE)
    assert sightings.same([row(1, HERE), row(2, THERE, url, "Walkout at Acme", NOW + DAY)]) == [0, 0]


def test_an_ending_of_an_amp_page_is_that_of_the_page() -> None:
    assert sightings.address_of("https://x.example/a.amp.html") == sightings.address_of("http://x.example/a.html")


@pytest.mark.parametrize("url", ["", "https://paper.example", "https://paper.example/", "http://[", "https://a:b/c"])
def test_a_whole_site_is_the_address_of_no_article(url: str) -> None:
    assert sightings.address_of(url) == ""
    assert sightings.same([row(1, HERE, url), row(2, THERE, url, "Walkout at Acme")]) == [0, 1]


@pytest.mark.parametrize("url", [f"{PAGE}?id=2", "https://paper.example/news/strike-8", "https://post.example/news"])
def test_other_addresses_are_other_articles(url: str) -> None:
    assert sightings.same([row(1, HERE), row(2, THERE, url, "Walkout at Acme")]) == [0, 1]


def test_one_headline_of_one_outlet_is_one_article_through_two_feeds() -> None:
    other = "https://paper.example/rss/9"
    assert sightings.same([row(1, HERE), row(2, THERE, other, "ACME on strike | Paper", NOW + HOUR)]) == [0, 0]
    assert sightings.same([row(1, HERE), row(2, THERE, "https://post.example/1")]) == [0, 1], "another outlet prints it"
    assert sightings.same([row(1, HERE), row(2, HERE, other)]) == [0, 1], "its own source says they are two"


def test_a_headline_of_every_day_is_an_article_of_every_day() -> None:
    daily = [row(n, (HERE, THERE)[n % 2], f"{PAGE}{n}", at=NOW + (n // 2) * DAY + (n % 2) * HOUR) for n in range(6)]
    assert sightings.same(daily) == [0, 0, 2, 2, 4, 4]


def test_a_page_of_short_notices_is_the_address_of_no_article() -> None:
    notices = [row(n, source, title=f"Notice {n} of Acme") for n, source in enumerate([HERE, HERE, THERE])]
    assert sightings.same(notices) == [0, 1, 2]
    twice = row(9, HERE, title="Notice 1 of Acme")
    assert sightings.same([*notices, twice]) == [0, 1, 2, 1], "the same words at the same address"


def test_an_address_taken_up_again_later_is_another_article() -> None:
    assert sightings.same([row(1, HERE), row(2, THERE, title="Walkout", at=NOW + 8 * DAY)]) == [0, 1]


def test_what_a_source_edits_stays_one_article() -> None:
    def edition(number: int, detail: dict[str, Any] | None) -> Sighting:
        return sightings.sighting(number, HERE, b"one", NOW + number * 30 * DAY, detail)

    seen = [edition(1, {"title": "Acme on strike"}), edition(2, {"title": "It is over"}), edition(3, None)]
    assert sightings.same([row(7, THERE), *seen]) == [0, 1, 1, 1]
