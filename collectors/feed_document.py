"""A fetched feed (RSS, Atom, JSON Feed) becomes its entries; markup that only keeps the parser busy is refused."""

import io
import re
from typing import Any
from urllib.parse import urlsplit

import feedparser

from collectors.base import Problem, SourceChanged
from collectors.feed_entries import Document, Entry
from collectors.feed_links import host_of
from collectors.feed_text import decoded, unpacked
from collectors.http import Fetched
from collectors.json_feed import is_json, read_json_feed

MAX_BYTES = 5_000_000
MAX_DEPTH = 100
"""Tags inside tags inside one entry. Honest feeds stay below 30."""
MAX_ATTRIBUTES = 300
"""On one tag. Reading them takes the parser quadratic time: 5 MB of them would keep it busy for hours."""
MAX_NAMESPACES = 100
"""Different ones, of which each is compared with each, too. Honest feeds have about ten."""
MAX_TAGS, MAX_ENTITIES = 200_000, 1_000_000
"""A few seconds of parsing; 5 MB of nothing else would be half a minute."""
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.8, "
    "application/json;q=0.8, */*;q=0.1"
)

_MARKUP = re.compile(rb"<(!\[CDATA\[|!--|\?|/?[A-Za-z_][\w:.\-]*)")
_REST_OF_TAG = re.compile(rb"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*+""")
_VALUE = re.compile(rb"""=\s*+["']""")
_NAMESPACE = re.compile(rb"""\sxmlns[^=<>"']{0,100}=\s*+["'][^"'<]{0,200}""")
_SECTION_ENDS = {b"![CDATA[": b"]]>", b"!--": b"-->", b"?": b"?>"}
_VOID = frozenset(b"area base br col embed hr img input meta source track wbr".split())
_ENTRIES = frozenset((b"item", b"entry", b"rss:item", b"atom:entry"))
_FEED_END = re.compile(
    rb"</(?:[\w\-]+:)?(?:rss|feed|rdf|channel)\s*+>\s*+(?>(?><!--.*?-->|</[\w\-:]++\s*+>)\s*+)*+$",
    re.IGNORECASE | re.DOTALL,
)
"""Whatever is closed after it: some feeds stand inside a web page."""
_DECLARATION = re.compile(r"<\?xml\b[^>]{0,300}\?>\s*")
_FEED_START = re.compile(r"<\?xml\b|<(?:[\w\-]+:)?(?:rss|feed|RDF)[\s>]")
_SECTION = "<![CDATA["
_BARE_AMPERSAND = re.compile("&(?!(?:[A-Za-z][A-Za-z0-9.-]{0,40}|#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8});)")
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML does not allow; one of them stops a strict parser."""


def read_document(fetched: Fetched) -> Document:
    """Return what a fetched document says.

    Raises SourceChanged for anything that is no feed, is too large unpacked, or is hostile; SourceUnavailable for a
    gzipped one that breaks off.
    """
    host = str(urlsplit(fetched.url).hostname)
    text, broken = decoded(unpacked(fetched.body, host, MAX_BYTES), fetched.charset)
    text = _FORBIDDEN.sub("", text).lstrip("\ufeff \t\r\n")
    document = read_json_feed(text, host) if is_json(text) else _read_xml(text, fetched.content_type, host)
    if not broken:
        return document
    problem = Problem("the feed", f"{broken} of its characters are broken and could not be read")
    return Document(document.entries, document.title, document.language, [*document.problems, problem])


def _read_xml(text: str, content_type: str, host: str) -> Document:
    if not text.startswith("<") and (start := _FEED_START.search(text[:20_000])):
        text = text[start.start() :]  # a server's warning before the feed
    # the encoding that the document declares is not the one it is in any more
    body = _with_escaped_ampersands(_DECLARATION.sub("", text, count=1)).encode("utf-8", "replace")
    refuse_hostile_markup(body, host)
    parsed = feedparser.parse(
        io.BytesIO(body),  # a stream: given bytes, feedparser would try them as a file name first
        # no address of the feed: it would be put before guids, which then would change when the feed moves
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not parsed.get("version") and not parsed.entries:
        found = content_type or "no content type" if text.strip() else "nothing"
        raise SourceChanged(f"{host} sent {found}; an RSS, Atom or JSON feed was expected.")
    problems: list[Problem] = []
    found_entries = parsed.entries
    if found_entries and not _FEED_END.search(body[-2000:]):
        found_entries = found_entries[:-1]
        problems.append(Problem("the end of the feed", "it breaks off; its last entry was left out"))
    entries = [_entry(found, place) for place, found in enumerate(found_entries, start=1)]
    return Document(entries, parsed.feed.get("title", ""), parsed.feed.get("language", ""), problems)


def _with_escaped_ampersands(text: str) -> str:
    """Return markup in which an ampersand that begins no entity is written as one: the parser reads AT&T as "AT&T;"."""
    first, *others = text.split(_SECTION)
    parts = [_BARE_AMPERSAND.sub("&amp;", first)]
    for other in others:
        section, end, markup = other.partition("]]>")
        parts.append(f"{section}{end}{_BARE_AMPERSAND.sub('&amp;', markup)}")
    return _SECTION.join(parts)


def _entry(found: Any, place: int) -> Entry:
    detail = found.get("title_detail") or found.get("summary_detail") or {}
    content = found.get("content") or [{}]
    source = found.get("source") or {}
    return Entry(
        place=place,
        id=found.get("id", ""),
        link=found.get("feedburner_origlink") or _link(found),
        base=detail.get("base") or "",
        title=found.get("title", ""),
        summary=str(found.get("summary") or content[0].get("value", "")),
        outlet=source.get("title") or host_of(source.get("href") or ""),
        home=source.get("href") or source.get("link") or "",
        language=found.get("language") or detail.get("language") or "",
        dates=_dates(found),
    )


def _link(found: Any) -> str:
    """Return an entry's link; a guid stands in for one only if it is an address, whatever it says of itself."""
    link = str(found.get("link", ""))
    return "" if found.get("guidislink") and link == found.get("id") and "://" not in link else link


def _dates(found: Any) -> tuple[str, ...]:
    # asking for "updated" where only "published" is there would warn
    told = [found[name] for name in ("published", "updated", "created") if name in found]
    return tuple(str(text) for text in told if text)


def refuse_hostile_markup(body: bytes, host: str) -> None:
    """Raise SourceChanged for markup that would only keep the parser busy: too deep, or too much of it.

    Depth is counted anew in each entry, so that entries with a few unclosed tags do not add up. What stands in CDATA
    sections and comments is no markup.
    """
    depth = marks = position = 0
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
