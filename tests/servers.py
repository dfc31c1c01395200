"""Real servers on loopback for what Warden reads from: a web server that can misbehave, and an IMAP server."""

import imaplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Page:
    """What a path answers. A body of several parts is sent chunked, part by part, until the client hangs up."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class WebServer:
    """Serves `pages`, or what they return for a request, by path, with its query or without.

    Keeps what was asked and how much was sent.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Page | Callable[[Request], Page]] = {}
        self.requests: list[Request] = []
        self.sent_bytes = 0
        self.stopped = threading.Event()
        self.url = ""

    def answer(self, request: Request) -> Page:
        self.requests.append(request)
        known = self.pages.get(request.path) or self.pages.get(request.path.partition("?")[0])
        page = known or Page(b"no such page", 404)
        return page(request) if callable(page) else page

    def silence(self, _request: Request) -> Page:
        """A page that never comes."""
        self.stopped.wait(30)
        return Page(status=503)


@contextmanager
def serve() -> Iterator[WebServer]:
    """Run a web server on a free loopback port until the block ends."""
    site = WebServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            page = site.answer(Request(self.command, self.path, headers, body))
            with suppress(ConnectionError):
                self._send(page)

        do_POST = do_GET

        def _send(self, page: Page) -> None:
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            if isinstance(page.body, bytes):
                self.send_header("Content-Length", str(len(page.body)))
                self.end_headers()
                self._write(page.body if page.status != 304 else b"")
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in page.body:
                self._write(b"%x\r\n%s\r\n" % (len(part), part))
                if site.stopped.is_set():
                    return
            self._write(b"0\r\n\r\n")

        def _write(self, data: bytes) -> None:
            self.wfile.write(data)
            site.sent_bytes += len(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        site.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class ImapServer:
    """pymap with one empty mailbox that anybody who knows the password may fill."""

    port: int
    username: str = "watch@ours.example"
    password: str = "a secret password"

    @contextmanager
    def session(self) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4("127.0.0.1", self.port)
        try:
            client.login(self.username, self.password)
            yield client
        finally:
            client.logout()

    def deliver(self, message: bytes, received: datetime, folder: str = "INBOX") -> None:
        with self.session() as client:
            state, answer = client.append(folder, "", imaplib.Time2Internaldate(received), message)
            assert state == "OK", answer


@contextmanager
def imap_server(certificate: tuple[Path, Path] | None = None) -> Iterator[ImapServer]:
    """Run pymap in a process of its own; `certificate` (file, key file) lets it offer STARTTLS."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = ImapServer(probe.getsockname()[1])
    tls = ["--cert", str(certificate[0]), "--key", str(certificate[1])] if certificate else ["--no-tls"]
    start = "import sys; from pymap.main import main; sys.exit(main())"
    command = [sys.executable, "-W", "ignore", "-c", start, "--host", "127.0.0.1", "--port", str(server.port)]
    backend = ["dict", "--demo-user", server.username, "--demo-password", server.password]
    process = subprocess.Popen([*command, *tls, *backend], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _wait_for(server.port, process)
        yield server
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {process.stderr.read().decode()[-2000:] if process.stderr else ''}")
        time.sleep(0.05)
    raise RuntimeError("the server did not start")
