"""Stand-ins for the services Warden writes to: real HTTP over loopback, as strict as the vendors are."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Session
from aiosmtpd.smtp import Envelope as SmtpEnvelope
from slack_sdk.models.blocks import Block
from standardwebhooks import Webhook

LOOPBACK = ("127.0.0.0/8",)
WEBHOOK_SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


Respond = Callable[[Received], Reply]


class Inbox:
    """A web server that keeps what it got. `respond` may be exchanged while it runs."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.received: list[Received] = []
        self.url = ""


@contextmanager
def web_server(respond: Respond) -> Iterator[Inbox]:
    """Serve POST on a free loopback port until the block ends."""
    inbox = Inbox(respond)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            inbox.received.append(received)
            reply = inbox.respond(received)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.text.encode())))
            self.end_headers()
            self.wfile.write(reply.text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    inbox.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield inbox
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Slack:
    """An incoming webhook: the documented limits, the undocumented one, and one message a second."""

    def __init__(self, pace: float = 0.0) -> None:
        self.pace = pace
        self._last = -1e9

    def __call__(self, received: Received) -> Reply:
        if time.monotonic() - self._last < self.pace:
            return Reply(429, "rate_limited", {"Retry-After": "1"})
        fault = slack_fault(received.json)
        if fault:
            return Reply(400, fault)
        self._last = time.monotonic()
        return Reply(200, "ok")


def slack_fault(payload: Any) -> str | None:
    """Return what Slack would refuse the payload for, None when it takes it."""
    blocks = payload.get("blocks", [])
    if not payload.get("text"):
        return "no_text"
    if not 1 <= len(blocks) <= 50:
        return "invalid_blocks: 1 to 50 blocks"
    for block in Block.parse_all(blocks):
        block.validate_json()
    faults = [fault for block in blocks for fault in _slack_block_faults(block)]
    if sum(len(text) for text in _texts(blocks)) > 13_200:
        faults.append("msg_blocks_too_long")
    return f"invalid_blocks: {faults}" if faults else None


def _slack_block_faults(block: Mapping[str, Any]) -> Iterator[str]:
    if block["type"] == "header" and not 1 <= len(block["text"]["text"]) <= 150:
        yield "header: 1 to 150 characters"
    if block["type"] == "section" and "text" in block and not 1 <= len(block["text"]["text"]) <= 3000:
        yield "section: 1 to 3000 characters"
    if len(block.get("fields", [])) > 10 or any(len(one["text"]) > 2000 for one in block.get("fields", [])):
        yield "fields: 10 of 2000 characters"
    if block["type"] == "context" and not 1 <= len(block["elements"]) <= 10:
        yield "context: 1 to 10 elements"
    if block["type"] == "actions":
        if not 1 <= len(block["elements"]) <= 25:
            yield "actions: 1 to 25 elements"
        for button in block["elements"]:
            if not 1 <= len(button["text"]["text"]) <= 75 or len(button["url"]) > 3000:
                yield "button: text 75, url 3000"


def teams(received: Received) -> Reply:
    """A Workflows webhook: 202 and nothing more, or a refusal."""
    fault = teams_fault(received.body)
    return Reply(400, fault) if fault else Reply(202)


def teams_fault(body: bytes) -> str | None:
    """Return what Teams would not show, or not show well, None when all is well."""
    payload = json.loads(body)
    if len(body) > 28_000:
        return "RequestEntityTooLarge"
    attachment = payload["attachments"][0]
    card = attachment["content"]
    faults = []
    if payload["type"] != "message" or attachment["contentType"] != "application/vnd.microsoft.card.adaptive":
        faults.append("no adaptive card in a message")
    if attachment["contentUrl"] is not None or (card["type"], card["version"]) != ("AdaptiveCard", "1.2"):
        faults.append("not AdaptiveCard 1.2")
    if not card["fallbackText"] or card["msteams"] != {"width": "Full"}:
        faults.append("no fallbackText or not of full width")
    for element in card["body"]:
        if element["type"] not in ("TextBlock", "FactSet"):
            faults.append(f"unknown element {element['type']}")
        if element["type"] == "TextBlock" and not (element.get("wrap") and element["text"]):
            faults.append("a TextBlock that is empty or not wrapped")
    if any(action["type"] != "Action.OpenUrl" for action in card["actions"]) or len(card["actions"]) > 6:
        faults.append("actions: at most six, Action.OpenUrl only")
    return f"invalid card: {faults}" if faults else None


def signed_webhook(received: Received) -> Reply:
    """A receiver that checks the signature over exactly what arrived; the time of sending may be any."""
    headers = received.headers
    sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    expected = Webhook(WEBHOOK_SECRET).sign(headers["webhook-id"], sent_at, received.body.decode())
    return Reply(204) if headers["webhook-signature"] == expected else Reply(401, "No matching signature found")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in ("text", "url") and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


@dataclass(frozen=True)
class Mail:
    """One mail as an SMTP server took it."""

    sender: str
    recipients: list[str]
    content: bytes
    user: str | None
    is_encrypted: bool

    @property
    def parsed(self) -> EmailMessage:
        message = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message


class MailHandler:
    """Takes mail, or answers what `refuse` says for a command ("RCPT", "DATA") and its argument."""

    def __init__(self, refuse: Callable[[str, str], str | None]) -> None:
        self.mails: list[Mail] = []
        self.refuse = refuse
        self.port = 0

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: SmtpEnvelope, address: str, _options: list[str]
    ) -> str:
        refusal = self.refuse("RCPT", address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: SmtpEnvelope) -> str:
        refusal = self.refuse("DATA", "")
        if refusal:
            return refusal
        user = session.auth_data.login.decode() if session.auth_data else None
        assert isinstance(envelope.content, bytes)
        self.mails.append(
            Mail(
                envelope.mail_from or "",
                list(envelope.rcpt_tos),
                envelope.content,
                user,
                session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            )
        )
        return "250 2.0.0 queued"


class _AnyPort(Controller):
    """Lets the system choose the port, which aiosmtpd then has to be told before it knocks on it."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(
    refuse: Callable[[str, str], str | None] = lambda _command, _argument: None,
    *,
    certificate: ssl.SSLContext | None = None,
    tls_at_once: bool = False,
    password: str | None = None,
) -> Iterator[MailHandler]:
    """Run a real SMTP server on a free loopback port: with a certificate it offers STARTTLS, or TLS at once."""
    handler = MailHandler(refuse)

    def check(_server: SMTP, _session: Session, _envelope: SmtpEnvelope, _mechanism: str, data: Any) -> AuthResult:
        is_right = data.password == (password or "").encode()
        return AuthResult(success=is_right, handled=is_right, auth_data=data)

    controller = _AnyPort(
        handler,
        hostname="127.0.0.1",
        port=0,
        ssl_context=certificate if tls_at_once else None,
        tls_context=None if tls_at_once else certificate,
        authenticator=check if password else None,
        auth_required=password is not None and not tls_at_once,
        auth_require_tls=not tls_at_once,
    )
    controller.start()
    handler.port = controller.port
    try:
        yield handler
    finally:
        controller.stop()
