"""Reads a collection of real feeds over loopback, beside a plain reading of each, and fails if an entry goes missing.

    python benchmarks/feeds.py feeds-real.tar.gz

One line per document: entries read (- for what is refused as no feed), of which undated, problems told; in brackets
what feedparser or json alone makes of it: entries, undated ones. An entry with neither title nor text counts as none.
"""

import argparse
import http.server
import io
import json
import tarfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import feedparser

from collectors.base import Article, SourceChanged
from collectors.feed import Feed
from collectors.http import Http

# Entries per document, as its tags count them, those without title and text left out; None: refused as no feed.
FEEDJIRA: Mapping[str, int | None] = {
    "AmazonWebServicesBlog.xml": 10,
    "AmazonWebServicesBlogFirstEntryContent.xml": None,
    "AtomEscapedHTMLInPreTag.xml": 1,
    "AtomFeedWithSpacesAroundEquals.xml": 1,
    "AtomWithITunesInCDATA.xml": 1,
    "CRE.xml": 30,
    "DuplicateContentAtomFeed.xml": 10,
    "FeedBurnerUrlNoAlternate.xml": 1,
    "FeedBurnerXHTML.xml": 10,
    "FeedjiraBlog.xml": 1,
    "GiantRobotsSmashingIntoOtherGiantRobots.xml": 3,
    "GoogleDocsList.xml": 2,
    "HREFConsideredHarmful.xml": 10,
    "HREFConsideredHarmfulFirstEntry.xml": None,
    "HuffPostCanada.xml": 2,
    "ITunesWithSingleQuotedAttributes.xml": 3,
    "ITunesWithSpacesInAttributes.xml": 3,
    "InvalidDateFormat.xml": 2,
    "PaulDixExplainsNothing.xml": 5,
    "PaulDixExplainsNothingAlternate.xml": 5,
    "PaulDixExplainsNothingFirstEntryContent.xml": None,
    "PaulDixExplainsNothingWFW.xml": 5,
    "Permalinks.xml": 4,
    "RSSWithComments.xml": 30,
    "SamRuby.xml": 20,
    "TechCrunch.xml": 20,
    "TechCrunchFirstEntry.xml": None,
    "TechCrunchFirstEntryDescription.xml": None,
    "TenderLovemaking.xml": 10,
    "TenderLovemakingFirstEntry.xml": None,
    "TrotterCashionHome.xml": 14,
    "TypePadNews.xml": 10,
    "a10.xml": 5,
    "atom_simple_single_entry.xml": 1,
    "atom_simple_single_entry_link_self.xml": 1,
    "atom_with_link_tag_for_url_unmarked.xml": 1,
    "google_alerts_atom.xml": 20,
    "itunes.xml": 3,
    "itunes_feedburner.xml": 3,
    "json_feed.json": 20,
    "json_feed_with_escaped_uris.json": 30,
    "pet_atom.xml": 10,
    "youtube_atom.xml": 15,
}
READER: Mapping[str, int | None] = {
    "10.json": 0,
    "custom": None,
    "empty.atom": None,
    "empty.json": 1,
    "empty.rss": None,
    "full.atom": 2,
    "full.json": 2,
    "full.rss": 2,
    "invalid.json": 1,
    "relative.atom": 1,
    "relative.rss": 1,
    "sqlite_releases.html": None,
    "unknown.json": None,
}
EXPECTED: Mapping[str, int | None] = {
    "feedjira/LICENSE": None,
    "lemon24-reader/LICENSE": None,
    **{f"feedjira/spec/sample_feeds/{name}": count for name, count in FEEDJIRA.items()},
    **{f"lemon24-reader/tests/data/{name}": count for name, count in READER.items()},
}


class Read(NamedTuple):
    """What a reading made of one document; `entries` None: refused."""

    entries: int | None
    undated: int = 0
    problems: int = 0


def documents(path: Path) -> dict[str, bytes]:
    """Return the documents of a tar archive or a folder by their names in it."""
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
    with tarfile.open(path) as archive:
        files = sorted((member for member in archive if member.isfile()), key=lambda member: member.name)
        return {member.name.removeprefix("./"): archive.extractfile(member).read() for member in files}  # type: ignore[union-attr]


@contextmanager
def served(found: Mapping[str, bytes]) -> Iterator[str]:
    """Serve documents on loopback as servers often do: as text/xml without a charset. Yield the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = found[unquote(self.path.lstrip("/"))]
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def collected(url: str, client: Http, now: datetime) -> Read:
    """Read one document as the service does."""
    try:
        batch = Feed(Feed.Options(url=url)).collect({}, client, now)
    except SourceChanged:
        return Read(None)
    articles = [fact for fact in batch.facts if isinstance(fact, Article)]
    return Read(len(articles), sum(not article.dated for article in articles), len(batch.problems))


def plain(body: bytes) -> Read:
    """Read one document with nothing but json or feedparser."""
    if body.lstrip().startswith(b"{"):
        items = json.loads(body).get("items", [])
        return Read(len(items), sum("date_published" not in item and "date_modified" not in item for item in items))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        parsed = feedparser.parse(io.BytesIO(body))
        dates = [entry.get("published_parsed") or entry.get("updated_parsed") for entry in parsed.entries]
    return Read(len(dates) if parsed.version else None, sum(date is None for date in dates))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("path", type=Path, help="the archive, or a folder it was unpacked into")
    found = documents(arguments.parse_args().path)
    wrong = sorted(EXPECTED.keys() - found.keys())
    seconds = 0.0
    with served(found) as address, Http(allowed_networks=("127.0.0.0/8",)) as client:
        for name, body in found.items():
            began = time.process_time()
            read = collected(f"{address}/{name}", client, datetime.now(UTC))
            seconds += time.process_time() - began
            print(line(name, read, plain(body)))
            if name not in EXPECTED or EXPECTED[name] != read.entries:
                wrong.append(f"{name}: {shown(EXPECTED.get(name))} expected, {shown(read.entries)} read")
    entries = sum(count or 0 for count in EXPECTED.values())
    print(f"{len(found)} documents, {entries} entries expected, {seconds / max(1, len(found)) * 1000:.0f} ms CPU each")
    if wrong:
        raise SystemExit("\n".join(["Not as expected:", *wrong]))


def line(name: str, read: Read, beside: Read) -> str:
    """Return what is printed of one document."""
    ours = f"{shown(read.entries):>4} {read.undated:>3} undated {read.problems:>2} problems"
    return f"{ours}   [{shown(beside.entries):>3} {beside.undated:>3}]   {name}"


def shown(count: int | None) -> str:
    """Return a count, "-" for a document that is refused."""
    return "-" if count is None else str(count)


if __name__ == "__main__":
    main()
