"""Articles from an RSS, Atom or JSON feed, as plain text."""

from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field

from collectors import base
from collectors.base import Article, Batch, Collector, Cursor, Problem, SourceError, SourceRefused
from collectors.feed_document import ACCEPT, MAX_BYTES, read_document
from collectors.feed_entries import MAX_LANGUAGE, MAX_NAME, Channel, Document, TimeZone, read_entries
from collectors.feed_text import plain_text
from collectors.guard import WebAddress
from collectors.http import Fetched, Http

GONE = 410


class FeedOptions(base.Options):
    """See docs/collectors/feed.md. `outlet` and `language` override what the feed says of itself."""

    url: WebAddress
    outlet: str = Field("", max_length=MAX_NAME)
    language: str | None = Field(None, max_length=MAX_LANGUAGE)
    time_zone: TimeZone = "UTC"


class Feed(Collector):
    """A news feed. An unchanged one costs one conditional request, one that moved is visited where it is now."""

    name = "feed"
    facts = frozenset({Article})
    Options = FeedOptions
    options: FeedOptions

    def collect(self, cursor: Cursor, http: Http, now: datetime) -> Batch:
        """See Collector."""
        known = cursor if cursor.get("url") == self.options.url else {}
        fetched, moved_to = self._fetch(known, http, now)
        moves = _moves(moved_to)
        if fetched.not_modified:
            return Batch([], cursor, problems=moves)
        document = read_document(fetched)
        reading = read_entries(document, self._channel(document, fetched), cursor.get("first_seen", {}), now)
        following = {
            "url": self.options.url,
            "moved_to": moved_to if moves else None,
            "etag": fetched.etag,
            "modified": fetched.modified,
            "first_seen": reading.first_seen,
        }
        return Batch(list(reading.articles.values()), following, problems=[*moves, *reading.problems])

    def _fetch(self, known: Cursor, http: Http, now: datetime) -> tuple[Fetched, str | None]:
        """Fetch the feed from where it moved to, or if it is not there either, from where it was.

        Return the address it has moved to, too.
        """
        if moved_to := known.get("moved_to"):
            try:
                fetched = _fetch(moved_to, known, http, now)
            except SourceError:
                known = {}
            else:
                return fetched, fetched.moved_to or moved_to
        fetched = _fetch(self.options.url, known, http, now)
        return fetched, fetched.moved_to

    def _channel(self, document: Document, fetched: Fetched) -> Channel:
        return Channel(
            url=fetched.url,
            outlet=self.options.outlet,
            title=plain_text(document.title, MAX_NAME),
            language=self.options.language or plain_text(document.language, MAX_LANGUAGE) or None,
            zone=ZoneInfo(self.options.time_zone),
        )


def _fetch(url: str, known: Cursor, http: Http, now: datetime) -> Fetched:
    try:
        return http.fetch(
            url,
            now=now,
            etag=known.get("etag"),
            modified=known.get("modified"),
            accept=ACCEPT,
            max_bytes=MAX_BYTES,
        )
    except SourceRefused as error:
        if error.status != GONE:
            raise
        host = urlsplit(url).hostname
        raise SourceRefused(
            f"The feed has ended: {host} answers that it is gone for good (status 410).", GONE
        ) from error


def _moves(moved_to: str | None) -> list[Problem]:
    """Return what to tell a person about a feed that moved; nothing about an address that may hold a password."""
    if not moved_to or "@" in urlsplit(moved_to).netloc:
        return []
    shown, mark, _query = moved_to.partition("?")  # what follows may be a key that lets one read the feed
    hidden = "…, as the server says behind the question mark" if mark else ""
    return [Problem("the address", f"the feed has moved for good; set url to {shown}{mark}{hidden}")]
