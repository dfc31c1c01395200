"""What mail headers say about communication: who wrote to whom, when, in which thread, how fast it was answered.

Bodies and subjects are never looked at. `collectors.imap` and `collectors.mbox` fetch the headers.

One message becomes one fact per *correspondent group* on the partner's side: everybody at one domain, or the one
person at a public mail provider. So a letter to five people of one company counts once, and a letter to two companies
once for each. The fact's key is the writer's address, or the first address of the group in To, then Cc.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message as Headers
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from collectors.base import Message, Problem, normalise_key

HEADERS = (
    "Date",
    "From",
    "Sender",
    "To",
    "Cc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "Precedence",
    "List-Id",
    "Content-Type",
)
"""All that is asked of a mail server."""

MAX_HEADER_BYTES = 65_536
MAX_VALUE = 16_384
MAX_GROUPS = 20
"""A message to more correspondent groups is a mailing, not communication."""
MAX_REMEMBERED = 1000
LONGEST_REPLY = timedelta(days=60)
"""An answer that took longer is taken for a new conversation."""
FIRST_YEAR = 1990

_PROVIDERS = """
126.com 139.com 163.com aol.com foxmail.com gmail.com gmx.com gmx.de gmx.net googlemail.com hinet.net hotmail.com
icloud.com live.com mac.com mail.ru me.com msn.com outlook.com pchome.com.tw proton.me protonmail.com qq.com
seed.net.tw sina.com sina.cn sohu.com vnn.vn web.de yahoo.co.jp yahoo.com yahoo.com.tw yahoo.com.vn yandex.ru yeah.net
ymail.com
"""
PUBLIC_PROVIDERS = frozenset(_PROVIDERS.split())
"""Domains whose users have nothing to do with each other."""

_ADDRESS = re.compile(r"[^\s@<>,;:()\[\]\\]{1,64}@[^\s@<>,;:()\[\]\\]{1,255}")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,500})>")
_ROBOTS = re.compile(r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply|noreply-.*|bounces?)@", re.IGNORECASE)


def _clean_domains(domains: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = tuple(domain.strip().lower().lstrip("@.").rstrip(".") for domain in domains)
    if not all(cleaned):
        raise ValueError("expected domains such as ours.example")
    return cleaned


OurDomains = Annotated[
    tuple[str, ...],
    Field(min_length=1, json_schema_extra={"warden": "our_domains"}),
    AfterValidator(_clean_domains),
]
"""An option that lists our own mail domains, subdomains included: they tell messages sent from messages received."""


class LetterError(ValueError):
    """The headers do not make a message; `str(error)` says what is missing."""


@dataclass(frozen=True, slots=True)
class Letter:
    """The headers of one message, read. Addresses are lower case; `parents` are Message-IDs, the closest first."""

    message_id: str
    at: datetime
    writer: str
    readers: tuple[str, ...]
    parents: tuple[str, ...]
    thread: str
    is_automatic: bool


def read_letter(raw: bytes, received: datetime | None, now: datetime) -> Letter:
    """Read a header block.

    A Date that is missing, before 1990 or after `now` gives way to `received`, when the server took the message in; a
    moment after `now` is taken as `now`. Raises LetterError without a writer or without any believable date.
    """
    headers = BytesHeaderParser().parsebytes(raw[:MAX_HEADER_BYTES])
    writers = addresses(_value(headers, "From")) or addresses(_value(headers, "Sender"))
    if not writers:
        raise LetterError("no address in From")
    at = _moment([parse_date(_value(headers, "Date")), received], now)
    own = _MESSAGE_ID.search(_value(headers, "Message-ID"))
    message_id = own[1] if own else hashlib.sha256(raw).hexdigest()[:32]
    ancestors = _MESSAGE_ID.findall(_value(headers, "References"))
    parents = [*_MESSAGE_ID.findall(_value(headers, "In-Reply-To")), *reversed(ancestors)]
    root = ancestors[0] if ancestors else (parents[0] if parents else message_id)
    return Letter(
        message_id=message_id,
        at=at,
        writer=writers[0],
        readers=tuple(dict.fromkeys(addresses(f"{_value(headers, 'To')},{_value(headers, 'Cc')}"))),
        parents=tuple(dict.fromkeys(parents)),
        thread=_short(root),
        is_automatic=_is_automatic(headers, writers[0]),
    )


class Correspondence:
    """Turns the letters of one mailbox into facts, and remembers recent ones so that answers can be timed.

    `remembered` is what `memory()` returned after the last visit. `left_out` counts letters that are no communication
    with a partner, by reason.
    """

    def __init__(self, our_domains: Sequence[str], remembered: dict[str, Any] | None = None) -> None:
        self._ours = tuple(our_domains)
        self._remembered: dict[str, Any] = dict(remembered or {})
        self._taken: set[str] = set()
        self.left_out: Counter[str] = Counter()

    def facts(self, letters: Iterable[Letter]) -> list[Message]:
        """Return the facts of these letters, oldest first; the same letter in two folders counts once."""
        found: list[Message] = []
        for letter in sorted(letters, key=lambda letter: (letter.at, letter.message_id)):
            if letter.message_id in self._taken:
                continue
            self._taken.add(letter.message_id)
            found += self._facts_of(letter)
        return found

    def memory(self) -> dict[str, Any]:
        """Return the most recent letters as {short id: [seconds since 1970, sent, groups]}, for the cursor."""
        newest = sorted(self._remembered.items(), key=lambda entry: (entry[1][0], entry[0]))[-MAX_REMEMBERED:]
        return dict(newest)

    def problems(self, where: str) -> list[Problem]:
        """Return one line per reason for which letters were left out."""
        return [Problem(where, f"{count} left out: {reason}") for reason, count in sorted(self.left_out.items())]

    def _facts_of(self, letter: Letter) -> list[Message]:
        sent = is_of(self._ours, letter.writer)
        groups = groups_of(letter.readers if sent else (letter.writer,), self._ours)
        reason = _no_communication(letter, len(groups))
        if reason:
            self.left_out[reason] += 1
            return []
        facts = [
            Message(
                identity=f"{letter.message_id}|{group}",
                key=normalise_key("email", address),
                at=letter.at,
                sent=sent,
                thread=letter.thread,
                reply_seconds=self._reply_seconds(letter, sent, group),
            )
            for group, address in groups.items()
        ]
        self._remembered[_short(letter.message_id)] = [int(letter.at.timestamp()), sent, list(groups)]
        return facts

    def _reply_seconds(self, letter: Letter, sent: bool, group: str) -> float | None:
        """Time the answer: since the closest parent that went the other way, between us and the same group."""
        for parent in letter.parents:
            at, parent_sent, groups = self._remembered.get(_short(parent), (0, sent, ()))
            if parent_sent != sent and group in groups:
                seconds = int(letter.at.timestamp()) - at
                return float(seconds) if 0 <= seconds <= LONGEST_REPLY.total_seconds() else None
        return None


def groups_of(readers: Iterable[str], ours: Sequence[str]) -> dict[str, str]:
    """Return the first address of each correspondent group that is not ours, by the group's domain or one address."""
    groups: dict[str, str] = {}
    for address in readers:
        if not is_of(ours, address):
            domain = address.rpartition("@")[2]
            groups.setdefault(address if domain in PUBLIC_PROVIDERS else domain, address)
    return groups


def is_of(domains: Sequence[str], address: str) -> bool:
    """Tell whether an address lies in one of these domains or below it."""
    domain = address.rpartition("@")[2]
    return any(domain == one or domain.endswith(f".{one}") for one in domains)


def addresses(value: str) -> list[str]:
    """Return the plain addresses of a From, To or Cc header, lower case, in order; anything else in it is ignored.

    Written for hostile input: one pass, no recursion. An address inside a quoted display name or a comment is not one.
    """
    found = []
    for part in re.split("[,;]", _without_names(value)):
        angle = part.rfind("<")
        inner = part[angle + 1 :].partition(">")[0] if angle >= 0 else part.rpartition(":")[2]
        address = inner.strip().lower().rstrip(".")
        if _ADDRESS.fullmatch(address):
            found.append(address)
    return found


def parse_date(value: str) -> datetime | None:
    """Return the moment of a Date header as UTC, None if it is not one. A zone that is not told is taken as UTC."""
    try:
        moment = parsedate_to_datetime(value.strip()[:100])
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _moment(candidates: Sequence[datetime | None], now: datetime) -> datetime:
    """Return the first believable candidate; `now` if they all lie ahead of it. Raises LetterError."""
    told = [moment for moment in candidates if moment is not None and moment.year >= FIRST_YEAR]
    if not told:
        raise LetterError("no believable date")
    return next((moment for moment in told if moment <= now), now)


def _no_communication(letter: Letter, groups: int) -> str | None:
    if letter.is_automatic:
        return "automatic messages, lists and bounces"
    if groups == 0:
        return "messages among ourselves"
    return f"mailings to more than {MAX_GROUPS} correspondents" if groups > MAX_GROUPS else None


def _is_automatic(headers: Headers, writer: str) -> bool:
    submitted = _value(headers, "Auto-Submitted").strip().lower()
    return (
        submitted not in ("", "no")
        or _value(headers, "Precedence").strip().lower() in ("bulk", "list", "junk", "auto_reply")
        or "List-Id" in headers
        or _value(headers, "Content-Type").strip().lower().startswith("multipart/report")
        or _ROBOTS.match(writer) is not None
    )


def _value(headers: Headers, name: str) -> str:
    return " ".join(str(headers.get(name, ""))[:MAX_VALUE].split())


def _without_names(value: str) -> str:
    """Return the header without quoted strings and comments, which may hold anything."""
    kept: list[str] = []
    depth, is_quoted, is_escaped = 0, False, False
    for letter in value[: 2 * MAX_VALUE + 1]:
        if is_escaped:
            is_escaped = False
        elif letter == "\\" and (is_quoted or depth):
            is_escaped = True
        elif is_quoted:
            is_quoted = letter != '"'
        elif letter == '"' and not depth:
            is_quoted = True
        elif letter == "(":
            depth += 1
        elif letter == ")":
            depth = max(depth - 1, 0)
        elif not depth:
            kept.append(letter)
    return "".join(kept)


def _short(message_id: str) -> str:
    """Message-IDs may be long and name people: 64 bits of a hash tell a mailbox's letters apart."""
    return hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
