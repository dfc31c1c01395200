"""Microsoft Teams: one Workflows webhook ("when a webhook request is received"). Messages are Adaptive Cards 1.2."""

import re
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field, SecretStr, field_validator

from collectors.http import Http
from warden.channels import base
from warden.domain import NotificationStatus, Severity
from warden.messages import Item, Message

PAYLOAD_BYTES = 20_480
"""Teams refuses about 28 KB and is unreliable from 21 KB; counted in UTF-8 bytes, three per Chinese character."""

# With these the parts around the items stay within PAYLOAD_BYTES, whatever a message holds.
_TITLE_LENGTH = 200
_LEAD_LENGTH = 500
_ITEM_LENGTH = 1000
_CLOSING_LENGTH = 300
_VALUE_LENGTH = 120
_LABEL_LENGTH = 60
_MOST_FACTS = 12
_MOST_BUTTONS = 5

_COLOURS = {Severity.CRITICAL: "Attention", Severity.WARNING: "Warning", Severity.INFO: "Accent"}


class Options(base.Options):
    """Where to post. The address carries its own signature: it is a secret as a whole, and its host varies."""

    url: SecretStr = Field(description="The workflow's address, as Teams shows it when the workflow is made.")

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: SecretStr) -> SecretStr:
        return base.http_address(value)


class Teams(base.Channel):
    """Posts to a Workflows webhook. Its 202 means queued, not shown: such a message counts as accepted, not as sent."""

    name: ClassVar[str] = "teams"
    Options = Options
    confirms: ClassVar[bool] = True
    limits: ClassVar[tuple[base.Limit, ...]] = (
        base.Limit(4, timedelta(seconds=1)),
        base.Limit(60, timedelta(seconds=30)),
        base.Limit(100, timedelta(hours=1)),
    )

    def render(self, message: Message, envelope: base.Envelope, now: datetime) -> bytes:
        """Return the payload as JSON."""
        message = base.bounded(message, facts=_MOST_FACTS, links=_MOST_BUTTONS)
        fitted = base.fit(message, lambda candidate: len(_payload(candidate, envelope)) <= PAYLOAD_BYTES)
        return _payload(fitted, envelope)

    def send(self, message: Message, envelope: base.Envelope, http: Http, now: datetime) -> base.Receipt:
        """Post once."""
        url: SecretStr = self.options.url
        answer = base.post(http, url, self.render(message, envelope, now))
        said = base.answer_text(answer, url)
        if answer.status == 202:
            return base.Receipt(NotificationStatus.ACCEPTED, said)
        if answer.status == 200:
            return base.Receipt(NotificationStatus.SENT, said)
        raise base.failure(answer, "Teams", said, now)


def _payload(message: Message, envelope: base.Envelope) -> bytes:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "msteams": {"width": "Full"},
        "fallbackText": base.cut(f"{message.title} – {message.lead}", _CLOSING_LENGTH),
        "body": _body(message, envelope),
        "actions": [
            {"type": "Action.OpenUrl", "title": base.cut(label, _LABEL_LENGTH), "url": url}
            for label, url in message.links
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    payload: dict[str, Any] = {"type": "message", "attachments": [attachment]}
    if message.confirm_url:
        payload["confirmUrl"] = message.confirm_url  # for a step of the flow after the one that posts the card
    return base.to_json(payload)


def _body(message: Message, envelope: base.Envelope) -> list[dict[str, Any]]:
    colour = _COLOURS[message.severity] if message.severity else "Default"
    body = [_text(message.title, _TITLE_LENGTH, size="Large", weight="Bolder", color=colour)]
    if message.lead:
        body.append(_text(message.lead, _LEAD_LENGTH))
    if message.facts:
        body.append({"type": "FactSet", "facts": [_fact(*pair) for pair in message.facts]})
    body += _items(message.items)
    if note := base.more(message, envelope.reader):
        body.append(_text(note, url=message.links[0][1] if message.links else ""))
    if message.closing:
        body.append(_text(message.closing, _CLOSING_LENGTH))
    if message.footer:
        body.append(_text(message.footer, _CLOSING_LENGTH, size="Small", isSubtle=True))
    return body


def _items(items: tuple[Item, ...]) -> list[dict[str, Any]]:
    blocks = []
    group = ""
    for item in items:
        if item.group and item.group != group:
            blocks.append(_text(item.group, _LABEL_LENGTH, weight="Bolder", separator=True))
        group = item.group
        blocks.append(_text(item.title, url=item.url, spacing="Small"))
        if item.text:
            blocks.append(_text(item.text, spacing="None", isSubtle=True))
    return blocks


def _fact(label: str, value: str) -> dict[str, str]:
    return {"title": _plain(label, _LABEL_LENGTH), "value": _plain(value, _VALUE_LENGTH)}


def _text(text: str, limit: int = _ITEM_LENGTH, url: str = "", **look: Any) -> dict[str, Any]:
    shown = _plain(text, limit)
    return {"type": "TextBlock", "text": f"[{shown}]({_address(url)})" if url else shown, "wrap": True, **look}


def _plain(text: str, limit: int) -> str:
    """Cut, and escape what Teams' Markdown would read as a link, emphasis or code."""
    return re.sub(r"([\\`*_\[\]])", r"\\\1", base.cut(text, limit))


def _address(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
