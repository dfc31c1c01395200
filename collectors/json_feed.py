"""JSON Feed 1.0 and 1.1: a document's entries. Strict about what the format requires, patient with the rest."""

import json
from typing import Any

from collectors.base import Problem, SourceChanged
from collectors.feed_entries import Document, Entry

_VERSIONS = tuple(f"{scheme}://jsonfeed.org/version/1{minor}" for scheme in ("https", "http") for minor in ("", ".1"))


def is_json(text: str) -> bool:
    """Tell whether a document may be JSON: everything else a feed is written in begins with "<"."""
    return text.startswith("{")


def read_json_feed(text: str, host: str) -> Document:
    """Return the entries of a JSON Feed.

    Raises SourceChanged for what is no JSON, has another version, or no list of items.
    """
    feed = _parsed(text, host)
    version = feed.get("version")
    if not isinstance(version, str) or version.rstrip("/") not in _VERSIONS:
        told = f"version {version!r:.60}" if "version" in feed else "no version"
        raise SourceChanged(f"{host} sent JSON with {told}; a JSON Feed 1 or 1.1 was expected.")
    items = feed.get("items")
    if not isinstance(items, list):
        raise SourceChanged(f'The JSON Feed at {host} has no list "items".')
    problems: list[Problem] = []
    entries = [entry for place, item in enumerate(items, start=1) if (entry := _entry(item, place, problems))]
    if items and not entries:
        raise SourceChanged(f"None of the {len(items)} items of the JSON Feed at {host} has an id.")
    if feed.get("expired") is True:
        problems.append(Problem("the feed", "it says of itself that it has ended and will bring nothing more"))
    return Document(entries, title=_text(feed, "title"), language=_text(feed, "language"), problems=problems)


def _parsed(text: str, host: str) -> dict[str, Any]:
    try:
        # strict=False: line breaks inside texts, which the format forbids and feeds contain
        found = json.loads(text, strict=False, parse_constant=lambda _name: None)
    except RecursionError as error:
        raise SourceChanged(f"The JSON of {host} nests too deep; it is not read.") from error
    except ValueError as error:
        raise SourceChanged(f"{host} sent JSON that breaks off or is malformed; a feed was expected.") from error
    if not isinstance(found, dict):
        raise SourceChanged(f"{host} sent JSON that is no object; a feed was expected.")
    return found


def _entry(item: Any, place: int, problems: list[Problem]) -> Entry | None:
    """Return an item that has the id it must have. Version 1 allows a number; anything else wrong counts as absent."""
    name = item.get("id") if isinstance(item, dict) else None
    if isinstance(name, bool) or not isinstance(name, str | int | float) or not str(name).strip():
        problems.append(Problem(f"entry {place}", "it has no id, which JSON Feed requires"))
        return None
    texts = (_text(item, field) for field in ("summary", "content_text", "content_html"))
    return Entry(
        place=place,
        id=str(name),
        link=_text(item, "url") or _text(item, "external_url"),
        title=_text(item, "title"),
        summary=next(filter(None, texts), ""),
        language=_text(item, "language"),
        dates=tuple(filter(None, (_text(item, "date_published"), _text(item, "date_modified")))),
    )


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""
