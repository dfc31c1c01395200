"""Stands in for Slack, Teams, a webhook receiver and a mail server on free loopback ports, and shows what arrived.

It keeps every message as a file and needs nothing but Python. Run alone, it prints where it listens:

    python examples/receiver.py FOLDER
"""

import asyncio
import html
import json
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LARGEST = 10_000_000
"""Bytes one message may have."""

ANSWERS = {"/slack": (200, b"ok"), "/teams": (202, b""), "/webhook": (204, b"")}
"""How each of them answers when it takes a message: Slack says ok, Teams only queues."""

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>What arrived</title>
<meta http-equiv="refresh" content="10">
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .4rem; border-bottom: 1px solid #bbb }}
</style></head><body>
<h1>What arrived</h1>
<p>This stands in for Slack, Teams, a webhook receiver and a mailbox. {count} messages, newest first.</p>
<table><thead><tr><th>By</th><th>For</th><th>What</th><th>As sent</th></tr></thead>
<tbody>{rows}</tbody></table></body></html>"""


class Receiver:
    """The stand-ins, running while the `with` block lasts. Without a folder, what arrived is forgotten at its end."""

    def __init__(self, folder: Path | None = None) -> None:
        self._open = ExitStack()
        self._given = folder
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.folder = self._given or Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="received-")))
        self.folder.mkdir(parents=True, exist_ok=True)
        web = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        for end in (web.server_close, thread.join, web.shutdown):
            self._open.callback(end)
        mail = _MailServer(lambda content: self.keep("mail", content))
        self._open.callback(mail.close)
        self.mail_port = mail.port
        self.url = f"http://127.0.0.1:{web.server_port}/"
        self.slack, self.teams, self.webhook = (self.url + name for name in ("slack", "teams", "webhook"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def keep(self, by: str, content: bytes) -> Path:
        """Write one message to a file of its own: 0001-slack.json, 0002-mail.eml, …"""
        with self._lock:
            number = len(self.files()) + 1
            file = self.folder / f"{number:04}-{by}.{'eml' if by == 'mail' else 'json'}"
            file.write_bytes(content)
            return file

    def files(self) -> list[Path]:
        """Return what arrived, oldest first."""
        return sorted(file for file in self.folder.iterdir() if file.suffix in (".json", ".eml"))

    def page(self) -> str:
        """Return the list of what arrived."""
        files = self.files()
        return PAGE.format(count=len(files), rows="".join(map(_row, reversed(files))))


def _row(file: Path) -> str:
    by = file.stem.partition("-")[2]
    to, text = _summary(by, file.read_bytes())
    read = f' · <a href="/read/{file.name}">read</a>' if by == "mail" else ""
    cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in (by, to, text))
    return f'<tr>{cells}<td><a href="/raw/{file.name}">{file.name}</a>{read}</td></tr>'


def _summary(by: str, content: bytes) -> tuple[str, str]:
    if by == "mail":
        mail = message_from_bytes(content, policy=policy.default)
        return str(mail["To"]), str(mail["Subject"])
    payload: Any = json.loads(content)
    if by == "slack":
        return "", str(payload["text"])
    if by == "teams":
        return "", str(payload["attachments"][0]["content"]["fallbackText"])
    return "", f"{payload['type']}: {payload['data']['title']}"


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(min(length, LARGEST))
            if self.path not in ANSWERS or length > LARGEST or not _is_message(self.path, body):
                self._answer(400, b"invalid_payload", "text/plain")
                return
            receiver.keep(self.path.strip("/"), body)
            self._answer(*ANSWERS[self.path], "text/plain")

        def do_GET(self) -> None:
            place, _, name = self.path.strip("/").partition("/")
            file = next((file for file in receiver.files() if file.name == name), None)
            if self.path == "/":
                self._answer(200, receiver.page().encode(), "text/html")
            elif place == "raw" and file:
                self._answer(200, file.read_bytes(), "text/plain")
            elif place == "read" and file and file.suffix == ".eml":
                self._answer(200, _html_of(file.read_bytes()), "text/html")
            else:
                self._answer(404, b"nothing here", "text/plain")

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.send_header("X-Content-Type-Options", "nosniff")
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _is_message(path: str, body: bytes) -> bool:
    try:
        _summary(path.strip("/"), body)
    except (ValueError, KeyError, TypeError, IndexError):
        return False
    return True


def _html_of(content: bytes) -> bytes:
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    body = mail.get_body(("html",))
    return body.get_content().encode() if body else b""


class _MailServer:
    """As much SMTP as it takes to be handed a mail. It asks nobody for a password and sends nothing on."""

    def __init__(self, keep: Callable[[bytes], object]) -> None:
        self._keep = keep
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        start = asyncio.start_server(self._talk, "127.0.0.1", 0, limit=LARGEST)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        talks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 receiver\r\n")
            while line := await reader.readline():
                command = line[:4].upper().strip()
                if command == b"DATA":
                    writer.write(b"354 go on\r\n")
                    self._keep(await _read_mail(reader))
                writer.write(_REPLIES.get(command, b"500 not understood\r\n"))
                await writer.drain()
                if command == b"QUIT":
                    break
        except (ValueError, ConnectionError):  # a line without an end, or gone in the middle
            pass
        finally:
            writer.close()


_REPLIES = {
    **dict.fromkeys((b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP"), b"250 OK\r\n"),
    b"DATA": b"250 taken\r\n",
    b"QUIT": b"221 bye\r\n",
}


async def _read_mail(reader: asyncio.StreamReader) -> bytes:
    """Read up to the line with a single dot; a dot that begins a longer line was doubled by the sender."""
    lines = []
    while (line := await reader.readline()) not in (b".\r\n", b""):
        lines.append(line.removeprefix(b"."))
    return b"".join(lines)


def main() -> None:
    """Listen until interrupted."""
    with Receiver(Path(sys.argv[1]) if len(sys.argv) > 1 else None) as receiver:
        print(f"page     {receiver.url}\nslack    {receiver.slack}\nteams    {receiver.teams}")
        print(f"webhook  {receiver.webhook}\nmail     127.0.0.1:{receiver.mail_port}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
