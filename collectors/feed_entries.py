"""What a feed's document says, whatever it is written in, and the articles that come of its entries."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator

from collectors.base import Article, Problem, SourceChanged
from collectors.feed_dates import read_date
from collectors.feed_links import MAX_URL, canonical, host_of, unwrapped, web_address
from collectors.feed_text import plain_text

MAX_ENTRIES = 500
MAX_TITLE, MAX_SUMMARY, MAX_NAME, MAX_LANGUAGE = 300, 2000, 100, 35


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("expected a time zone such as Asia/Ho_Chi_Minh")
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
"""An option that names the zone of dates that name none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as its feed wrote it, at `place` (from 1), every text possibly markup; "" where it says nothing.

    `base`: what relative links start from (xml:base). `outlet`, `home`: whom an aggregator has it from, and the address
    of that. `dates`: the texts of its dates, the most telling first.
    """

    place: int
    id: str = ""
    link: str = ""
    base: str = ""
    title: str = ""
    summary: str = ""
    outlet: str = ""
    home: str = ""
    language: str = ""
    dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A feed as read: its entries, what it says of itself, and what could not be read."""

    entries: Sequence[Entry]
    title: str = ""
    language: str = ""
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """What holds for every entry of one document. `zone`: of dates that name none.

    `outlet`: the publisher of all entries; without it an entry's own, else `title`, else the host its link leads to.
    """

    url: str
    language: str | None
    zone: tzinfo
    outlet: str = ""
    title: str = ""


@dataclass(slots=True)
class Reading:
    """The articles of one document at one visit.

    `known` says when we first saw entries without a usable date, `first_seen` is what to be handed as that next time.
    """

    channel: Channel
    known: dict[str, str]
    now: datetime
    articles: dict[str, Article] = field(default_factory=dict)
    first_seen: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def take(self, entries: Iterable[Entry]) -> None:
        """Read entries; one that repeats an earlier one is passed over, one without any text is set aside."""
        unread: list[tuple[int, str]] = []
        for entry in entries:
            if not self._take_one(entry):
                unread.append((entry.place, entry.dates[0]))
        if unread:
            place, text = unread[0]
            more = f", nor those of {len(unread) - 1} others" if len(unread) > 1 else ""
            what = f'its date "{plain_text(text, 60)}" cannot be read{more}'
            self.problems.append(Problem(f"entry {place}", what))

    def _take_one(self, entry: Entry) -> bool:
        """Read one entry; return False if it names dates and none of them can be read."""
        title, summary = plain_text(entry.title, MAX_TITLE), plain_text(entry.summary, MAX_SUMMARY)
        if not (title or summary):
            self.problems.append(Problem(f"entry {entry.place}", "it has neither a title nor a text"))
            return True
        link = web_address(entry.link, web_address(entry.base, self.channel.url) or self.channel.url)
        target = unwrapped(link)
        identity = plain_text(entry.id, MAX_URL) or canonical_name(target) or hashed(f"{title}\n{summary}")
        if identity in self.articles:
            return True
        source = plain_text(entry.outlet, MAX_NAME)
        language = plain_text(entry.language, MAX_LANGUAGE) or self.channel.language
        moments = (read_date(text, zone=self.channel.zone, language=language) for text in entry.dates)
        published = next(filter(None, moments), None)
        self.articles[identity] = Article(
            identity=identity,
            at=published if published and published <= self.now else self._first_seen_at(identity),
            url=canonical(target),
            title=without_outlet(title, source),
            summary=summary,
            outlet=self.channel.outlet
            or _home_elsewhere(entry.home, target)
            or source
            or (host_of(target) if target != link else "")
            or self.channel.title
            or host_of(target),
            language=language,
            dated=published is not None,
        )
        return published is not None or not entry.dates

    def _first_seen_at(self, identity: str) -> datetime:
        """Return the moment of the first visit that saw the entry, so that later visits report the same fact."""
        name = hashed(identity)
        seen = self.first_seen[name] = self.known.get(name, self.now.isoformat())
        return datetime.fromisoformat(seen)


def read_entries(document: Document, channel: Channel, known: dict[str, str], now: datetime) -> Reading:
    """Return the articles of a document's first MAX_ENTRIES entries, and everything in it that could not be read.

    Raises SourceChanged where it has entries and none of them has a title or a text.
    """
    reading = Reading(channel, known, now, problems=list(document.problems))
    count = len(document.entries)
    if count > MAX_ENTRIES:
        reading.problems.append(Problem("the feed", f"only the first {MAX_ENTRIES} of {count} entries were read"))
    reading.take(document.entries[:MAX_ENTRIES])
    if count and not reading.articles:
        host = urlsplit(channel.url).hostname
        raise SourceChanged(f"None of the {count} entries of the feed at {host} has a title or a text.")
    return reading


def _home_elsewhere(home: str, address: str) -> str:
    """Return the host of whom an entry comes from where its link leads to somebody else's site, "" otherwise.

    Behind an aggregator's link that is how its own feed and other aggregators name the same outlet, too.
    """
    theirs, ours = host_of(web_address(home, "")), host_of(address)
    return "" if not ours or f".{ours}".endswith(f".{theirs}") or f".{theirs}".endswith(f".{ours}") else theirs


def canonical_name(address: str) -> str:
    """Return an address as a name for its article. Its fragment stays: some feeds link to places in one page."""
    kept, mark, fragment = address.partition("#")
    return f"{canonical(kept)}{mark}{fragment}"


def without_outlet(title: str, outlet: str) -> str:
    """Return a title without " - Outlet" at its end, which aggregators put there."""
    for dash in (" - ", " – ", " — ", " | "):
        if outlet and title.endswith(f"{dash}{outlet}") and len(title) > len(outlet) + len(dash):
            return title[: -len(outlet) - len(dash)].rstrip()
    return title


def hashed(text: str) -> str:
    """Return a short name for any text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
