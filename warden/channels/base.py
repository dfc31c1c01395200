"""What every channel speaks: the envelope it is handed, the receipt it returns, three errors, and its base class.

To add a channel, write one file with one subclass of `Channel` (docs/channels.md). A channel renders and sends one
message; it knows nothing of rows, retries or rate limits: `warden.pipeline.notify` owns those.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from collectors.guard import web_address
from collectors.http import Answer, Blocked, Http, HttpError, TimedOut, retry_after
from warden.domain import NotificationStatus
from warden.messages import Message
from warden.wording import Reader

LINK_LENGTH = 700
"""Vendors take longer ones, but a few of those would fill a message. Warden's own are shorter than 200."""

_REFUSING = frozenset({301, 308, 401, 403, 404, 410})
_BAD_MESSAGE = frozenset({400, 413, 415, 422})


class ChannelError(Exception):
    """A message that was not delivered. `str(error)` is one plain sentence without secrets."""


class ChannelRefused(ChannelError):
    """A person has to act: this destination takes nothing any more (address gone, credentials refused, blocked)."""


class MessageRefused(ChannelError):
    """This one message is not taken for good; others may be (unknown recipient, payload not understood)."""


class ChannelUnavailable(ChannelError):
    """Nobody has to act yet: try later. `not_before` is what Retry-After said.

    `whole`: False when only this message has to wait, e.g. for its recipient's greylisting server.
    """

    def __init__(self, message: str, not_before: datetime | None = None, *, whole: bool = True) -> None:
        super().__init__(message)
        self.not_before = not_before
        self.whole = whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What surrounds one message.

    `notification_id` is the same on every attempt. `recipient` replaces the destination's own addresses where a
    channel has addresses. `about` names what it is about, for programs: partner_id, alert_id, meeting_id.
    """

    notification_id: UUID
    created_at: datetime
    reader: Reader
    recipient: str | None = None
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message that was taken: SENT when the other side confirmed it, ACCEPTED when it only queued it."""

    status: NotificationStatus
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` messages within `per`."""

    count: int
    per: timedelta


class Options(BaseModel):
    """Base of every channel's options: unknown names are refused; secrets are `SecretStr`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Channel(ABC):
    """One kind of destination. An instance holds its validated options and nothing else.

    `name` equals the file name; `limits` is how fast the other side may be written to; `confirms` says that its payload
    carries a message's `confirm_url` to a program that can call it.
    """

    name: ClassVar[str]
    Options: ClassVar[type[Options]]
    limits: ClassVar[tuple[Limit, ...]] = ()
    confirms: ClassVar[bool] = False

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def render(self, message: Message, envelope: Envelope, now: datetime) -> bytes:
        """Return the payload, within the vendor's limits whatever the message holds; what is cut is said."""

    @abstractmethod
    def send(self, message: Message, envelope: Envelope, http: Http, now: datetime) -> Receipt:
        """Send the message once. Raises ChannelRefused, MessageRefused or ChannelUnavailable."""


def cut(text: str, limit: int) -> str:
    """Return `text` on at most `limit` characters; a cut shows as "…"."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def fit(message: Message, fits: Callable[[Message], bool]) -> Message:
    """Return the message with as many of its items as fit, as `keeping` chooses; the others are counted as left out.

    `fits` must hold for the message without items: a channel cuts the texts of those parts itself.
    """
    if fits(message):
        return message
    low, high = 0, len(message.items)  # `low` items fit, `high` do not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(message.keeping(middle)) else (low, middle)
    return message.keeping(low)


def bounded(message: Message, *, facts: int, links: int) -> Message:
    """Return the message with at most so many facts and links; the others are counted as left out.

    A link longer than `LINK_LENGTH` is left out too; an item keeps its text and loses such an address.
    """
    given = (*message.links, *message.verdicts)
    usable = [(label, url) for label, url in given if len(url) <= LINK_LENGTH]
    dropped = max(0, len(message.facts) - facts) + len(given) - len(usable[:links])
    return replace(
        message,
        facts=message.facts[:facts],
        links=tuple(usable[:links]),
        verdicts=(),
        items=tuple(item if len(item.url) <= LINK_LENGTH else replace(item, url="") for item in message.items),
        left_out=message.left_out + dropped,
    )


def shortened(message: Message) -> Message:
    """Return the message with every single text cut to a sensible length, so that only the items decide its size."""
    invitation = message.invitation and replace(
        message.invitation,
        summary=cut(message.invitation.summary, 300),
        description=cut(message.invitation.description, 4000),
        place=cut(message.invitation.place, 300),
    )
    return replace(
        message,
        title=cut(message.title, 300),
        lead=cut(message.lead, 2000),
        facts=tuple((cut(label, 100), cut(value, 300)) for label, value in message.facts),
        items=tuple(
            replace(item, title=cut(item.title, 1000), text=cut(item.text, 1000), group=cut(item.group, 100))
            for item in message.items
        ),
        closing=cut(message.closing, 1000),
        links=tuple((cut(label, 100), url) for label, url in message.links),
        invitation=invitation,
        footer=cut(message.footer, 500),
    )


def more(message: Message, reader: Reader) -> str:
    """Return the line that says how many items are not listed, empty when all are."""
    return reader.say("%(count)s more – open Warden to see them", count=message.left_out) if message.left_out else ""


def to_json(payload: Mapping[str, Any]) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def post(http: Http, url: SecretStr, content: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Post to a secret address and return the answer, whatever its status.

    Errors never carry the address. Raises ChannelRefused for a blocked address, ChannelUnavailable when nobody answers.
    """
    try:
        return http.post(
            url.get_secret_value(), content=content, headers={"Content-Type": "application/json", **(headers or {})}
        )
    except Blocked as error:
        raise ChannelRefused("The address is in a private network that Warden may not reach.") from error
    except TimedOut as error:
        raise ChannelUnavailable("The address did not answer in time.") from error
    except HttpError as error:
        raise ChannelUnavailable("The address could not be reached, or its answer broke off.") from error


def answer_text(answer: Answer, *secrets: SecretStr) -> str:
    """Return status and body of an answer on one short line, with secrets blanked, also where it quotes only a part."""
    text = " ".join(answer.text.split())
    for secret in secrets:
        for part in _spellings(secret.get_secret_value()):
            text = text.replace(part, "[redacted]")
    return cut(f"{answer.status} {text}".strip(), 200)


def _spellings(secret: str) -> list[str]:
    """Return a secret and the parts of it that a server might quote alone: of an address its path, say."""
    parts = {part for part in re.split(r"[/?&=#]|whsec_", secret) if len(part) >= 8}
    return [secret, *sorted(parts, key=len, reverse=True)]


def failure(answer: Answer, who: str, said: str, now: datetime) -> ChannelError:
    """Return the error that an answer's status stands for, by who must act. `now`: when it was asked.

    A moved address (301, 308) is not followed: somebody has to enter the new one, so it counts as refused.
    """
    if answer.status in _REFUSING:
        return ChannelRefused(f"{who} takes nothing at this address any more: {said}.")
    if answer.status in _BAD_MESSAGE:
        return MessageRefused(f"{who} did not take this message: {said}.")
    not_before = retry_after(answer.headers, now + answer.took)
    return ChannelUnavailable(f"{who} did not take the message for now: {said}.", not_before)


def http_address(value: SecretStr) -> SecretStr:
    """Validate a secret address without ever quoting it. Raises ValueError."""
    web_address(value.get_secret_value())
    return value
