"""Which rows are one and the same article, seen through several feeds or edited by its source. It knows no partner."""

import re
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from collectors.feed_links import canonical
from scorers.news.copies import components, strip
from scorers.news.outlets import outlet_of
from warden.models import Fact

SAME_ADDRESS = timedelta(days=7)
"""Feeds that date one article further apart than this mean different states of a page."""

SAME_WORDS = timedelta(hours=12)
"""An outlet that gives the same headline later than this gives it anew: "shares at noon" stands there every day."""

_AMP_HOST = re.compile(r"(?:www|amp|m|mobile)\.")
_AMP_PATH = re.compile(r"(?<=/)amp/|(?:/amp|/index\.html)?/?$|\.amp(?=\.html$|$)")
_AMP_PARAMETERS = {("amp", ""), ("amp", "1"), ("amp", "true"), ("outputtype", "amp")}


@dataclass(frozen=True, slots=True)
class Sighting:
    """One row of an article. `address`, `words`: by which others are known as the same; "" tells nothing."""

    fact_id: int
    source_id: uuid.UUID
    identity: bytes
    at: datetime
    address: str
    words: str


def sighting(
    fact_id: int, source_id: uuid.UUID, identity: bytes, at: datetime, detail: Mapping[str, Any] | None
) -> Sighting:
    """Return what tells a row of the fact table apart; `detail` None: its words were erased."""
    url, outlet = (detail or {}).get("url") or "", (detail or {}).get("outlet") or ""
    title, where = strip((detail or {}).get("title") or ""), outlet_of(url, outlet)
    return Sighting(fact_id, source_id, identity, at, address_of(url), f"{where}\n{title}" if where and title else "")


def seen(session: Session, where: Select[int]) -> list[Sighting]:
    """Return the rows of articles whose numbers a query selects."""
    columns = (Fact.id, Fact.source_id, Fact.identity, Fact.observed_at, Fact.detail)
    return [sighting(*row) for row in session.execute(select(*columns).where(Fact.id.in_(where)))]


def address_of(url: str) -> str:
    """Return an address as articles are compared by it: without scheme, tracking, and what makes it a mobile page.

    "" for a whole site, which is the address of no article.
    """
    try:
        parts = urlsplit(canonical(url))
        query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=200)
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port not in {None, 80, 443} else "")
    except ValueError:  # "http://[", a port of letters: whoever pushes articles may write anything
        return ""
    kept = sorted((name, value) for name, value in query if (name.lower(), value.lower()) not in _AMP_PARAMETERS)
    path = _AMP_PATH.sub("", parts.path)
    return f"{_AMP_HOST.sub('', host, count=1)}{path}?{urlencode(kept)}#{parts.fragment}" if path or kept else ""


def same(rows: Sequence[Sighting]) -> list[int]:
    """Return for each row the place of the first row that is the same article, maybe its own.

    The same are rows of one identity at one source; rows of one address, unless a source has several articles there;
    and rows of different sources with one headline of one outlet.
    """
    pairs = [
        *(pair for several in _alike(rows, "identity") for pair in pairwise(several)),
        *(pair for several in _alike(rows, "address") for pair in _of_address(rows, several)),
        *(pair for several in _alike(rows, "words") for pair in _of_words(rows, several)),
    ]
    found: list[int] = components(len(rows), pairs).tolist()
    return found


def _alike(rows: Sequence[Sighting], name: str) -> Iterator[list[int]]:
    """Yield the places of rows that have something in common, by time."""
    found: dict[Any, list[int]] = defaultdict(list)
    for place in sorted(range(len(rows)), key=lambda place: (rows[place].at, rows[place].fact_id)):
        if key := getattr(rows[place], name):
            found[key].append(place)
    return (several for several in found.values() if len(several) > 1)


def _of_address(rows: Sequence[Sighting], several: Sequence[int]) -> Iterator[tuple[int, int]]:
    shared = _holds_several([rows[place] for place in several])
    articles: dict[str, list[int]] = defaultdict(list)
    for place in several:
        articles[rows[place].words if shared else ""].append(place)
    for places in articles.values():
        yield from (pair for pair in pairwise(places) if rows[pair[1]].at - rows[pair[0]].at <= SAME_ADDRESS)


def _holds_several(rows: Sequence[Sighting]) -> bool:
    """Tell whether a source has several articles at one address: a page of short notices, a site that is one script."""
    first: dict[uuid.UUID, Sighting] = {}
    for row in rows:
        known = first.setdefault(row.source_id, row)
        if known.identity != row.identity and known.words != row.words:
            return True
    return False


def _of_words(rows: Sequence[Sighting], several: Sequence[int]) -> Iterator[tuple[int, int]]:
    for first, second in pairwise(several):
        is_near = rows[second].at - rows[first].at <= SAME_WORDS
        if is_near and rows[first].source_id != rows[second].source_id:
            yield first, second
