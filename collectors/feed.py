"""Articles from an RSS or Atom feed, as plain text."""

import calendar
import hashlib
import html
import io
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import feedparser
from pydantic import Field

from collectors import base
from collectors.base import Article, Batch, Collector, Cursor, Problem, SourceChanged
from collectors.http import Fetched, Http

MAX_BYTES = 5_000_000
MAX_ENTRIES = 500
MAX_DEPTH = 100
"""Tags inside tags inside one entry. Honest feeds stay below 30."""
MAX_ATTRIBUTES = 300
"""On one tag. Reading them takes the parser quadratic time: 5 MB of them would keep it busy for hours."""
MAX_NAMESPACES = 100
"""Different ones, of which each is compared with each, too. Honest feeds have about ten."""
MAX_TAGS, MAX_ENTITIES = 200_000, 1_000_000
"""A few seconds of parsing; 5 MB of nothing else would be half a minute."""
MAX_TITLE, MAX_SUMMARY, MAX_URL = 300, 2000, 2000
FIRST_YEAR, LAST_YEAR = 1990, 2199
ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1"

_MARKUP = re.compile(rb"<(!\[CDATA\[|!--|\?|/?[A-Za-z_][\w:.\-]*)")
_REST_OF_TAG = re.compile(rb"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*+""")
_VALUE = re.compile(rb"""=\s*+["']""")
_NAMESPACE = re.compile(rb"""\sxmlns[^=<>"']{0,100}=\s*+["'][^"'<]{0,200}""")
_SECTION_ENDS = {b"![CDATA[": b"]]>", b"!--": b"-->", b"?": b"?>"}
_VOID = frozenset(b"area base br col embed hr img input meta source track wbr".split())
_ENTRIES = frozenset((b"item", b"entry", b"rss:item", b"atom:entry"))
_FEED_END = re.compile(rb"</(?:[\w\-]+:)?(?:rss|feed|rdf|channel)\s*>\s*(?:<!--.*?-->\s*)*$", re.IGNORECASE | re.DOTALL)
_UNFINISHED_TAG = re.compile(r"<[^<>]*\Z")
_TAG = re.compile(r"<[/!]?[A-Za-z][^<>]*>")


class FeedOptions(base.Options):
    """See docs/collectors/feed.md. `outlet` and `language` override what the feed says of itself."""

    url: str = Field(pattern="^https?://")
    outlet: str = Field("", max_length=100)
    language: str | None = Field(None, max_length=35)


@dataclass(frozen=True, slots=True)
class Channel:
    """What holds for every entry of one document."""

    url: str
    outlet: str
    language: str | None


class Feed(Collector):
    """A news feed. An unchanged one costs one conditional request."""

    name = "feed"
    facts = frozenset({Article})
    Options = FeedOptions
    options: FeedOptions

    def collect(self, cursor: Cursor, http: Http, now: datetime) -> Batch:
        """See Collector."""
        fetched = http.fetch(
            self.options.url,
            now=now,
            etag=cursor.get("etag"),
            modified=cursor.get("modified"),
            accept=ACCEPT,
            max_bytes=MAX_BYTES,
        )
        if fetched.not_modified:
            return Batch([], cursor)
        host = str(urlsplit(fetched.url).hostname)
        refuse_hostile_markup(fetched.body, host)
        parsed = _parse(fetched, host)
        channel = Channel(
            url=fetched.url,
            outlet=self.options.outlet or plain_text(parsed.feed.get("title", ""), 100),
            language=self.options.language or plain_text(parsed.feed.get("language", ""), 35) or None,
        )
        reading = _Reading(channel, cursor.get("first_seen", {}), now)
        entries, problems = _usable_entries(parsed.entries, fetched.body)
        for place, entry in enumerate(entries, start=1):
            reading.take(entry, place)
        if entries and not reading.articles:
            raise SourceChanged(f"None of the {len(entries)} entries of the feed at {host} has a title or a text.")
        following = {"etag": fetched.etag, "modified": fetched.modified, "first_seen": reading.first_seen}
        return Batch(list(reading.articles.values()), following, problems=[*problems, *reading.problems])


class _Reading:
    """One pass over a feed's entries. `known` and `first_seen`: when we first saw entries without a usable date."""

    def __init__(self, channel: Channel, known: dict[str, str], now: datetime) -> None:
        self.channel = channel
        self.articles: dict[str, Article] = {}
        self.first_seen: dict[str, str] = {}
        self.problems: list[Problem] = []
        self._known = known
        self._now = now

    def take(self, entry: Any, place: int) -> None:
        """Read one entry; one that repeats an earlier one is passed over."""
        title = plain_text(entry.get("title", ""), MAX_TITLE)
        summary = plain_text(_text_of(entry), MAX_SUMMARY)
        if not (title or summary):
            self.problems.append(Problem(f"entry {place}", "it has neither a title nor a text"))
            return
        url = _web_address(entry.get("link", ""), self.channel.url)
        identity = plain_text(entry.get("id", ""), MAX_URL) or url or _hash(f"{title}\n{summary}")
        if identity in self.articles:
            return
        published = _published(entry)
        self.articles[identity] = Article(
            identity=identity,
            at=published if published and published <= self._now else self._first_seen_at(identity),
            url=url,
            title=title,
            summary=summary,
            outlet=plain_text(entry.get("source", {}).get("title", ""), 100) or self.channel.outlet,
            language=plain_text(entry.get("language", ""), 35) or self.channel.language,
            dated=published is not None,
        )

    def _first_seen_at(self, identity: str) -> datetime:
        """Return the moment of the first visit that saw the entry, so that later visits report the same fact."""
        name = _hash(identity)
        seen = self.first_seen[name] = self._known.get(name, self._now.isoformat())
        return datetime.fromisoformat(seen)


def refuse_hostile_markup(body: bytes, host: str) -> None:
    """Raise SourceChanged for markup that would only keep the parser busy: too deep, or too much of it.

    Depth is counted anew in each entry, so that entries with a few unclosed tags do not add up. What stands in CDATA
    sections and comments is no markup.
    """
    depth = marks = position = 0
    body = body.replace(b"\0", b"")  # UTF-16, near enough
    if len(set(_NAMESPACE.findall(body))) > MAX_NAMESPACES:
        raise SourceChanged(f"The feed at {host} has more than {MAX_NAMESPACES} namespaces; it is not read.")
    while match := _MARKUP.search(body, position):
        name = match[1].lower()
        terminator = _SECTION_ENDS.get(match[1], b">")
        end = body.find(terminator, match.end())
        if end < 0:
            break
        marks += body.count(b"<", position, end if terminator == b">" else match.end())
        position = end + len(terminator)
        if terminator == b">":
            _refuse_endless_tag(body, match.end(), host)
            depth = _depth_after(name, depth, body[end - 1 : end] == b"/")
        if depth > MAX_DEPTH:
            raise SourceChanged(f"The feed at {host} nests tags more than {MAX_DEPTH} deep; it is not read.")
    if marks + body.count(b"<", position) > MAX_TAGS or body.count(b"&") > MAX_ENTITIES:
        raise SourceChanged(f"The feed at {host} has more than {MAX_TAGS:,} tags or {MAX_ENTITIES:,} entities.")


def _refuse_endless_tag(body: bytes, start: int, host: str) -> None:
    """Raise SourceChanged for a tag with too many attributes; their values may hold ">", which does not end it."""
    rest = _REST_OF_TAG.match(body, start)
    if rest and len(_VALUE.findall(rest[0])) > MAX_ATTRIBUTES:
        raise SourceChanged(f"The feed at {host} has a tag with more than {MAX_ATTRIBUTES} attributes; it is not read.")


def _depth_after(name: bytes, depth: int, is_closed: bool) -> int:
    if name.lstrip(b"/") in _ENTRIES:
        return 0
    if name.startswith(b"/"):
        return max(depth - 1, 0)
    return depth if is_closed or name in _VOID else depth + 1


def plain_text(value: object, limit: int) -> str:
    """Return the words of a piece of HTML or text on one line, at most `limit` characters, without control characters.

    Markup is removed twice, because feeds often escape it twice.
    """
    text = str(value or "")
    if len(text) > limit * 10:
        text = _UNFINISHED_TAG.sub("", text[: limit * 10])
    for _ in range(2):
        text = html.unescape(_TAG.sub(" ", _without_elements(_without_elements(text, "script"), "style")))
    text = unicodedata.normalize("NFC", " ".join(_TAG.sub(" ", text).split()))
    if not text.isprintable():
        text = " ".join("".join(letter if _is_writing(letter) else " " for letter in text).split())
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def _is_writing(letter: str) -> bool:
    """Tell a letter from a control character; the joiners U+200C and U+200D belong to some scripts."""
    return unicodedata.category(letter)[0] != "C" or letter in "\u200c\u200d"


def _without_elements(text: str, name: str) -> str:
    """Cut out elements whose content is no text. Plain searching: a regular expression would go quadratic."""
    folded, kept, position = text.lower(), [], 0
    if len(folded) != len(text):  # a few letters change their length; then positions would not fit
        folded = text
    while (start := folded.find(f"<{name}", position)) >= 0:
        kept.append(text[position:start])
        end = folded.find(f"</{name}", start)
        position = len(text) if end < 0 else end
    return "".join([*kept, text[position:]])


def _parse(fetched: Fetched, host: str) -> Any:
    # a stream: given bytes, feedparser would try them as a file name first
    parsed = feedparser.parse(
        io.BytesIO(fetched.body),
        # no address of the feed: it would be put before guids, which then would change when the feed moves
        response_headers={"content-type": _content_type(fetched)},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not parsed.get("version") and not parsed.entries:
        found = fetched.content_type or "no content type" if fetched.body.strip() else "nothing"
        raise SourceChanged(f"{host} sent {found}; an RSS or Atom feed was expected.")
    return parsed


def _content_type(fetched: Fetched) -> str:
    kind = fetched.content_type if fetched.content_type.endswith("xml") else "application/xml"
    return f"{kind}; charset={fetched.charset}" if fetched.charset else kind


def _usable_entries(entries: list[Any], body: bytes) -> tuple[list[Any], list[Problem]]:
    """Return the entries to read: without one that was cut off in the middle, and at most 500."""
    problems = []
    if entries and not _FEED_END.search(body[-2000:].replace(b"\0", b"")):
        entries = entries[:-1]
        problems.append(Problem("the end of the feed", "it breaks off; its last entry was left out"))
    if len(entries) > MAX_ENTRIES:
        problems.append(Problem("the feed", f"only the first {MAX_ENTRIES} of {len(entries)} entries were read"))
    return entries[:MAX_ENTRIES], problems


def _text_of(entry: Any) -> str:
    content = entry.get("content") or [{}]
    return str(entry.get("summary") or content[0].get("value", ""))


def _published(entry: Any) -> datetime | None:
    """Return when the entry was published, UTC; None if it does not say or says something absurd."""
    for name in ("published_parsed", "updated_parsed", "created_parsed"):
        if name not in entry:  # asking for "updated" where only "published" is there would warn
            continue
        told = entry[name]
        if told and FIRST_YEAR <= told[0] <= LAST_YEAR:
            return datetime.fromtimestamp(calendar.timegm(told), UTC)
    return None


def _web_address(link: object, base_url: str) -> str:
    """Return an absolute http(s) address, "" for anything else: javascript:, data:, a mail address."""
    try:
        address = urljoin(base_url, str(link).strip()) if link else ""
        parts = urlsplit(address)
    except ValueError:
        return ""
    is_usable = parts.scheme in ("http", "https") and parts.netloc and len(address) <= MAX_URL and address.isprintable()
    return address if is_usable else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
