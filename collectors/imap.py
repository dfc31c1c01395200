"""Communication from an IMAP mailbox: the headers of its messages, never their bodies or subjects; nothing is marked
as read. Of a message whose structure shows an answer to an invitation, that answer is read, too."""

import imaplib
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Literal

from imap_tools import A, BaseMailBox, ImapToolsError, MailboxFolderSelectError, MailboxLoginError, U
from pydantic import Field, SecretStr

from collectors import base
from collectors.base import (
    Batch,
    Collector,
    Cursor,
    Message,
    Problem,
    Reply,
    SourceChanged,
    SourceRefused,
    SourceUnavailable,
)
from collectors.http import Blocked, Http, HttpError, tls_context
from collectors.mail import (
    HEADERS,
    MAX_HEADER_BYTES,
    Correspondence,
    Letter,
    LetterError,
    OurDomains,
    parse_date,
    read_letter,
)
from collectors.replies import MAX_BYTES, read_replies

SECONDS_PER_ANSWER = 30.0
SECONDS_PER_VISIT = 300.0
MAX_ANSWER_BYTES = 50_000_000
"""Of one visit, all answers together."""
AT_ONCE = 200
"""Messages asked for in one command."""

_PARTS = f"(UID INTERNALDATE BODY.PEEK[HEADER.FIELDS ({' '.join(HEADERS).upper()})])"
_STRUCTURE = "(UID BODYSTRUCTURE)"
_WHOLE = f"(UID BODY.PEEK[]<0.{MAX_BYTES}>)"
_UID = re.compile(rb"\bUID (\d+)")
_BEGINS = re.compile(rb"\d+ \(")
_HAS_PARTS = re.compile(rb"^content-type:\s*(multipart/|text/calendar)", re.IGNORECASE | re.MULTILINE)
_RECEIVED = re.compile(rb'INTERNALDATE "([^"]{1,60})"')
_TRY_LATER = re.compile(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|OVERQUOTA)\]", re.IGNORECASE)


class ImapOptions(base.Options):
    """See docs/collectors/imap.md."""

    host: str = Field(min_length=1, max_length=253)
    port: int | None = Field(None, ge=1, le=65535)
    security: Literal["ssl", "starttls", "none"] = "ssl"
    username: str
    password: SecretStr
    our_domains: OurDomains
    folders: tuple[str, ...] = Field(("INBOX",), min_length=1)
    since_days: int = Field(365, ge=1, le=3650)
    max_messages: int = Field(2000, ge=1, le=20_000)
    replies: bool = True

    @property
    def port_or_default(self) -> int:
        """The port to connect to."""
        return self.port or (993 if self.security == "ssl" else 143)


class Imap(Collector):
    """A mailbox. Each visit reads what arrived since the last one, up to `max_messages` a folder."""

    name = "imap"
    facts = frozenset({Message})
    most_seconds = SECONDS_PER_VISIT + 120
    Options = ImapOptions
    options: ImapOptions

    def collect(self, cursor: Cursor, http: Http, now: datetime) -> Batch:
        """See Collector."""
        problems: list[Problem] = []
        letters: list[Letter] = []
        replies: list[Reply] = []
        marks: dict[str, list[int]] = {}
        with self._mailbox(http) as mailbox:
            for folder in self.options.folders:
                validity = _open_folder(mailbox, folder)
                mark = cursor.get("folders", {}).get(folder, [validity, 0])
                last = mark[1] if mark[0] == validity else 0
                uids = _new_uids(mailbox, last, now - timedelta(days=self.options.since_days))
                uids = uids[: self.options.max_messages]
                for chunk in (uids[start : start + AT_ONCE] for start in range(0, len(uids), AT_ONCE)):
                    with_parts = _read_chunk(mailbox, folder, chunk, now, letters, problems)
                    if self.options.replies:
                        replies += _replies(mailbox, with_parts)
                marks[folder] = [validity, max([last, *uids])]
        correspondence = Correspondence(self.options.our_domains, cursor.get("answers"))
        facts = correspondence.facts(letters)
        following = {"folders": marks, "answers": correspondence.memory()}
        told = [*problems[:100], *correspondence.problems("the mailbox")]
        return Batch(facts, following, problems=told, replies=replies)

    @contextmanager
    def _mailbox(self, http: Http) -> Iterator[BaseMailBox]:
        """Open the mailbox signed in, and turn its errors into those that say who must act."""
        host = self.options.host
        try:
            client = self._connect(http.resolve(host, self.options.port_or_default))
            try:
                mailbox = _SignedIn(client)
                _sign_in(mailbox, self.options)
                yield mailbox
            finally:
                with suppress(imaplib.IMAP4.error, OSError):
                    client.logout()
                _hang_up(client)
        except Blocked as error:
            raise SourceRefused(str(error)) from error
        except HttpError as error:
            raise SourceUnavailable(str(error)) from error
        except ssl.SSLCertVerificationError as error:
            raise SourceRefused(f"The certificate of {host} is not valid: {error.verify_message}.") from error
        except (OSError, imaplib.IMAP4.abort) as error:
            raise SourceUnavailable(f"{host} could not be reached, or the connection broke off.") from error
        except (ImapToolsError, imaplib.IMAP4.error) as error:
            raise SourceChanged(f"{host} did not answer as an IMAP server would.") from error

    def _connect(self, address: str) -> imaplib.IMAP4:
        options = self.options
        tls = tls_context() if options.security != "none" else None
        client = _BoundedImap(
            options.host, options.port_or_default, address, tls if options.security == "ssl" else None
        )
        if options.security == "starttls":
            try:
                client.starttls(tls)
            except BaseException:
                _hang_up(client)
                raise
        return client


class _BoundedImap(imaplib.IMAP4):
    """A connection to one checked address, with an end to how long it lasts and how much it reads."""

    def __init__(self, host: str, port: int, address: str, tls: ssl.SSLContext | None) -> None:
        self._address = address
        self._first_tls = tls
        self._ends_at = time.monotonic() + SECONDS_PER_VISIT
        self._room = MAX_ANSWER_BYTES
        super().__init__(host, port, timeout=SECONDS_PER_ANSWER)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((self._address, self.port), timeout)
        if self._first_tls is None:
            return plain
        try:
            return self._first_tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    def read(self, size: int) -> bytes:
        """Read a literal: the header block of one message, or the beginning of one, and no more."""
        if size > 2 * MAX_HEADER_BYTES:
            raise self.abort(f"a literal of {size} bytes")
        return self._counted(super().read(size))

    def readline(self) -> bytes:
        """Read one line."""
        return self._counted(super().readline())

    def _counted(self, data: bytes) -> bytes:
        self._room -= len(data)
        if self._room < 0 or time.monotonic() > self._ends_at:
            raise self.abort("more or longer than one visit may read")
        return data


def _hang_up(client: imaplib.IMAP4) -> None:
    with suppress(OSError):  # closed already, by a proper end or by a broken handshake
        client.shutdown()


class _SignedIn(BaseMailBox):
    """imap_tools' mailbox over a connection made here."""

    def __init__(self, client: imaplib.IMAP4) -> None:
        self._made = client
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        return self._made


def _sign_in(mailbox: BaseMailBox, options: ImapOptions) -> None:
    password = options.password.get_secret_value()
    is_plain = options.username.isascii() and password.isascii()
    try:
        (mailbox.login if is_plain else mailbox.login_utf8)(options.username, password, initial_folder=None)
    except imaplib.IMAP4.abort:
        raise
    except (MailboxLoginError, imaplib.IMAP4.error) as error:
        if _TRY_LATER.search(str(error)):
            raise SourceUnavailable(f"{options.host} does not take sign-ins at the moment.") from None
        # the cause is left out: a server may repeat what it was sent
        raise SourceRefused(f"{options.host} refused the username or the password.") from None


def _open_folder(mailbox: BaseMailBox, folder: str) -> int:
    """Open a folder for reading only and return its UIDVALIDITY: when it changes, numbers mean other messages."""
    try:
        mailbox.folder.set(folder, readonly=True)
    except MailboxFolderSelectError as error:
        raise SourceRefused(f'There is no folder "{folder}" in the mailbox, or it may not be read.') from error
    _, answer = mailbox.client.response("UIDVALIDITY")
    return int(answer[0]) if answer and answer[0] else 0


def _new_uids(mailbox: BaseMailBox, last: int, since: datetime) -> list[int]:
    """Return the messages after `last`, or since a day at the first visit, oldest first."""
    criteria = A(uid=U(str(last + 1), "*")) if last else A(date_gte=since.date())
    # the server always answers "n:*" with its newest message, even if that is older than n
    return sorted(uid for uid in map(int, mailbox.uids(criteria)) if uid > last)


def _read_chunk(
    mailbox: BaseMailBox,
    folder: str,
    uids: list[int],
    now: datetime,
    letters: list[Letter],
    problems: list[Problem],
) -> list[int]:
    """Read the headers of these messages; return which of them may hold an answer to an invitation."""
    with_parts = []
    for uid, received, headers in _fetch(mailbox, uids):
        if _HAS_PARTS.search(headers):
            with_parts.append(uid)
        try:
            letters.append(read_letter(headers, received, now))
        except LetterError as error:
            problems.append(Problem(f"{folder}, message {uid}", str(error)))
    return with_parts


def _replies(mailbox: BaseMailBox, uids: list[int]) -> Iterator[Reply]:
    """Yield the answers to invitations among these messages; of all others only the structure is asked for."""
    if not uids:
        return
    state, items = mailbox.client.uid("FETCH", ",".join(map(str, uids)), _STRUCTURE)
    if state != "OK":
        raise imaplib.IMAP4.error("FETCH was refused")
    for described in _messages(items):
        uid = _UID.search(described)
        if uid is None or b'"calendar"' not in described.lower() or b'"reply"' not in described.lower():
            continue
        state, parts = mailbox.client.uid("FETCH", uid[1].decode(), _WHOLE)
        for part in parts if state == "OK" else ():
            if isinstance(part, tuple):
                yield from read_replies(part[1])


def _messages(items: list[Any]) -> Iterator[bytes]:
    """Yield what was answered of each message in one piece: names in a structure may come as literals of their own."""
    piece = b""
    for item in items:
        text = b" ".join(item) if isinstance(item, tuple) else item or b""
        if _BEGINS.match(text):
            yield piece
            piece = b""
        piece += text
    yield piece


def _fetch(mailbox: BaseMailBox, uids: list[int]) -> Iterator[tuple[int, datetime | None, bytes]]:
    """Yield (uid, when the server received it, header block). Servers may put the UID before or after the block."""
    state, items = mailbox.client.uid("FETCH", ",".join(map(str, uids)), _PARTS)
    if state != "OK":
        raise imaplib.IMAP4.error("FETCH was refused")
    for place, item in enumerate(items):
        if not isinstance(item, tuple):
            continue
        following: Any = items[place + 1] if place + 1 < len(items) else b""
        told = item[0] + (following if isinstance(following, bytes) else b"")
        uid, received = _UID.search(told), _RECEIVED.search(told)
        if uid is None:
            raise imaplib.IMAP4.error("a message came without its UID")
        yield int(uid[1]), parse_date(received[1].decode("ascii", "replace")) if received else None, item[1]
