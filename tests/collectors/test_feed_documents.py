"""Every document in feeds/ is read as the file of its name says: invented feeds with the flaws of real ones.

GOLDEN=write writes what is read anew, for review.
"""

import dataclasses
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from servers import Page, WebServer

from collectors.base import Article, SourceError
from collectors.feed import Feed
from collectors.http import Http

FEEDS = Path(__file__).parent / "feeds"
EXPECTED = FEEDS / "expected"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TYPES = {".xml": "text/xml", ".json": "application/json", ".html": "text/html", ".txt": "text/plain"}


def read(document: Path, site: WebServer, http: Http) -> dict[str, Any]:
    """Return what one visit to a document brings: articles and problems, or the error."""
    site.pages["/feed"] = Page(document.read_bytes(), headers={"Content-Type": TYPES[document.suffix]})
    collector = Feed(Feed.Options.model_validate({"url": f"{site.url}/feed"}))
    try:
        batch = collector.collect({}, http, NOW)
    except SourceError as error:
        return {"error": type(error).__name__, "says": str(error)}
    articles = [dataclasses.asdict(fact) for fact in batch.facts if isinstance(fact, Article)]
    return {"articles": articles, "problems": [[problem.where, problem.what] for problem in batch.problems]}


@pytest.mark.parametrize("document", sorted(path for path in FEEDS.iterdir() if path.is_file()), ids=lambda p: p.name)
def test_a_document_is_read_as_expected(document: Path, site: WebServer, http: Http) -> None:
    found = json.dumps(read(document, site, http), ensure_ascii=False, indent=1, default=datetime.isoformat)
    found = found.replace(site.url, "https://feed.example") + "\n"
    path = EXPECTED / f"{document.name}.json"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(found)
    assert found == path.read_text()


def test_nothing_is_expected_of_a_document_that_is_not_there() -> None:
    documents = {path.name for path in FEEDS.iterdir() if path.is_file()}
    assert {path.name.removesuffix(".json") for path in EXPECTED.iterdir()} == documents
