"""Serves the invented headlines on loopback, each only once its day has come."""

import hashlib
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

ATOM = "{http://www.w3.org/2005/Atom}"


class Newsstand:
    """A feed server. `now` is the day of the replay; set it before every tick."""

    def __init__(self, feed: Path, now: datetime) -> None:
        self.now = now
        self._feed = feed.read_bytes()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where the feed is."""
        return f"http://127.0.0.1:{self._server.server_port}/headlines.atom"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _edition(self) -> bytes:
        """Return the feed with the entries published by now."""
        feed = ElementTree.fromstring(self._feed)
        for entry in feed.findall(f"{ATOM}entry"):
            if datetime.fromisoformat(entry.findtext(f"{ATOM}published", "")) > self.now:
                feed.remove(entry)
        return ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        newsstand = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = newsstand._edition()
                etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                is_known = self.headers.get("If-None-Match") == etag
                self.send_response(304 if is_known else 200)
                self.send_header("ETag", etag)
                self.send_header("Content-Type", "application/atom+xml; charset=utf-8")
                self.send_header("Content-Length", "0" if is_known else str(len(body)))
                self.end_headers()
                if not is_known:
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
