"""A signed webhook for programs, after the Standard Webhooks specification (standardwebhooks.com)."""

import base64
import binascii
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field, SecretStr, field_validator
from standardwebhooks import Webhook as Signer

from collectors.http import Http
from warden.channels import base
from warden.domain import NotificationStatus
from warden.messages import Message

PAYLOAD_BYTES = 100_000

_MOST_FACTS = 30
_MOST_LINKS = 20


class Options(base.Options):
    """Where to post, and the key both sides share: `whsec_` and the base64 of 24 to 64 random bytes."""

    url: SecretStr = Field(description="The address to post to.")
    secret: SecretStr = Field(description="whsec_ and the base64 of 24 to 64 random bytes.")

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: SecretStr) -> SecretStr:
        return base.http_address(value)

    @field_validator("secret")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        try:
            key = base64.b64decode(value.get_secret_value().removeprefix("whsec_"), validate=True)
        except binascii.Error:
            key = b""
        if not 24 <= len(key) <= 64:
            raise ValueError("expected whsec_ followed by the base64 of 24 to 64 bytes")
        return value


class Webhook(base.Channel):
    """Posts JSON: {"type": reason, "timestamp": when it was decided, "data": the message and what it is about}.

    `webhook-id` is the notification's id, the same on every attempt: receivers drop what they have seen.
    """

    name: ClassVar[str] = "webhook"
    Options = Options
    confirms: ClassVar[bool] = True

    def render(self, message: Message, envelope: base.Envelope, now: datetime) -> bytes:
        """Return the payload as JSON."""
        message = base.shortened(base.bounded(message, facts=_MOST_FACTS, links=_MOST_LINKS))
        fitted = base.fit(message, lambda candidate: len(_payload(candidate, envelope)) <= PAYLOAD_BYTES)
        return _payload(fitted, envelope)

    def send(self, message: Message, envelope: base.Envelope, http: Http, now: datetime) -> base.Receipt:
        """Post once; any 2xx is a delivery. Redirects are not followed."""
        url: SecretStr = self.options.url
        content = self.render(message, envelope, now)
        answer = base.post(http, url, content, self._signature(content, str(envelope.notification_id), now))
        said = base.answer_text(answer, url, self.options.secret)
        if 200 <= answer.status < 300:
            return base.Receipt(NotificationStatus.SENT, said)
        raise base.failure(answer, "The webhook", said, now)

    def _signature(self, content: bytes, identity: str, now: datetime) -> dict[str, str]:
        signer = Signer(self.options.secret.get_secret_value())
        return {
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signer.sign(identity, now, content.decode()),
        }


def _payload(message: Message, envelope: base.Envelope) -> bytes:
    data: dict[str, Any] = {**message.as_data(), "about": dict(envelope.about), "locale": envelope.reader.locale}
    for name in ("sealed", "unsubscribe_url", "verdicts"):
        del data[name]
    return base.to_json({"type": message.reason.value, "timestamp": envelope.created_at.isoformat(), "data": data})
