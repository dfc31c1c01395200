"""Slack: one incoming webhook, one channel. Messages are Block Kit, kept within Slack's limits by construction."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field, SecretStr, field_validator

from collectors.http import Answer, Http
from warden.channels import base
from warden.domain import NotificationStatus
from warden.messages import Item, Message

HEADER_LENGTH = 150
SECTION_LENGTH = 3000
FIELDS_PER_SECTION = 10
BUTTON_LENGTH = 75
BLOCKS = 50
ALL_CHARACTERS = 12_000
"""Slack refuses about 13,200 characters over all blocks (`msg_blocks_too_long`), without documenting it."""

# With these the parts around the items stay within ALL_CHARACTERS, whatever a message holds.
_LEAD_LENGTH = 1500
_ITEM_LENGTH = 800  # a section holds a heading, an address and two of these: less than SECTION_LENGTH
_ADDRESS_LENGTH = 1000
_VALUE_LENGTH = 200
_LABEL_LENGTH = 80
_FOOTER_LENGTH = 300
_MOST_FACTS = 15
_MOST_LINKS = 5

_GONE = frozenset(
    {
        "invalid_token",
        "no_service",
        "no_service_id",
        "no_team",
        "team_disabled",
        "channel_not_found",
        "channel_is_archived",
        "action_prohibited",
        "posting_to_general_channel_denied",
    }
)
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BAD_MESSAGE = frozenset({"invalid_payload", "no_text", "invalid_blocks", "msg_blocks_too_long"})


class Options(base.Options):
    """Where to post. The address is a secret as a whole: whoever has it can post."""

    url: SecretStr = Field(description="The incoming webhook's address, https://hooks.slack.com/services/…")

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: SecretStr) -> SecretStr:
        return base.http_address(value)


class Slack(base.Channel):
    """Posts to an incoming webhook. Slack gives back no message id, so nothing is threaded or edited."""

    name: ClassVar[str] = "slack"
    Options = Options
    limits: ClassVar[tuple[base.Limit, ...]] = (base.Limit(1, timedelta(seconds=1)),)

    def render(self, message: Message, envelope: base.Envelope, now: datetime) -> bytes:
        """Return the payload as JSON."""
        message = base.bounded(message, facts=_MOST_FACTS, links=_MOST_LINKS)
        fitted = base.fit(message, lambda candidate: _fits(_blocks(candidate, envelope)))
        text = _escaped(f"{message.title} – {message.lead}", SECTION_LENGTH)
        return base.to_json({"text": text, "blocks": _blocks(fitted, envelope)})

    def send(self, message: Message, envelope: base.Envelope, http: Http, now: datetime) -> base.Receipt:
        """Post once. Only 200 with the body `ok` is a delivery."""
        url: SecretStr = self.options.url
        answer = base.post(http, url, self.render(message, envelope, now))
        if answer.status == 200 and answer.text.strip() == "ok":
            return base.Receipt(NotificationStatus.SENT, "200 ok")
        raise _error(answer, base.answer_text(answer, url), now)


def _error(answer: Answer, said: str, now: datetime) -> base.ChannelError:
    word = answer.text.strip()
    if word in _GONE:
        return base.ChannelRefused(f"Slack takes nothing at this address any more: {said}.")
    if word in _BAD_MESSAGE:
        return base.MessageRefused(f"Slack did not take this message: {said}.")
    return base.failure(answer, "Slack", said, now)


def _blocks(message: Message, envelope: base.Envelope) -> list[dict[str, Any]]:
    notes = [text for text in (base.more(message, envelope.reader), message.closing) if text]
    more_url = message.links[0][1] if message.left_out and message.links else ""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _escaped(message.title, HEADER_LENGTH)}},
        *([_section(_escaped(message.lead, _LEAD_LENGTH))] if message.lead else []),
        *_fact_sections(message),
        *_item_sections(message.items),
        *(_section(_linked(note, more_url if index == 0 else "")) for index, note in enumerate(notes)),
        *_buttons(message.links),
    ]
    if message.footer:
        blocks.append({"type": "context", "elements": [_markdown(_escaped(message.footer, _FOOTER_LENGTH))]})
    return blocks


def _fact_sections(message: Message) -> list[dict[str, Any]]:
    fields = [
        _markdown(f"*{_escaped(label, _LABEL_LENGTH)}*\n{_escaped(value, _VALUE_LENGTH)}")
        for label, value in message.facts
    ]
    return [
        {"type": "section", "fields": fields[start : start + FIELDS_PER_SECTION]}
        for start in range(0, len(fields), FIELDS_PER_SECTION)
    ]


def _item_sections(items: tuple[Item, ...]) -> list[dict[str, Any]]:
    sections = []
    group = ""
    for item in items:
        heading = f"*{_escaped(item.group, _LABEL_LENGTH)}*\n" if item.group and item.group != group else ""
        group = item.group
        text = f"\n{_escaped(item.text, _ITEM_LENGTH)}" if item.text else ""
        sections.append(_section(f"{heading}• {_linked(item.title, item.url)}{text}"))
    return sections


def _buttons(links: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    elements = [
        {"type": "button", "text": {"type": "plain_text", "text": _escaped(label, BUTTON_LENGTH)}, "url": url}
        for label, url in links
    ]
    return [{"type": "actions", "elements": elements}] if elements else []


def _section(markdown: str) -> dict[str, Any]:
    return {"type": "section", "text": _markdown(markdown)}


def _markdown(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}  # verbatim: names and addresses are not made into links


def _linked(text: str, url: str) -> str:
    label = _escaped(text, _ITEM_LENGTH)
    address = "".join(_ESCAPES.get(letter, letter) for letter in url).replace("|", "%7C")
    if not address or len(address) > _ADDRESS_LENGTH:
        return label
    return f"<{address}|{label.replace('|', '¦')}>"


def _escaped(text: str, limit: int) -> str:
    """Escape & < > as Slack asks, and cut so that no escape is torn."""
    kept: list[str] = []
    used = 0
    for letter in text:
        escaped = _ESCAPES.get(letter, letter)
        kept.append(escaped)
        used += len(escaped)
        if used > limit:
            break
    else:
        return "".join(kept)
    while used > limit - 1:
        used -= len(kept.pop())
    return "".join(kept).rstrip() + "…"


def _fits(blocks: list[dict[str, Any]]) -> bool:
    return len(blocks) <= BLOCKS and _characters(blocks) <= ALL_CHARACTERS


def _characters(value: Any) -> int:
    """Count every string in the blocks; Slack does not say which of them it counts."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if isinstance(value, list) else 0
