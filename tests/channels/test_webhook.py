import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from contracts import HttpChannelContract
from fakes import WEBHOOK_SECRET, Reply, signed_webhook, web_server
from pydantic import ValidationError
from samples import NOW, every_message
from standardwebhooks import Webhook as Signer

from collectors.http import Http
from warden.channels.base import Envelope
from warden.channels.webhook import PAYLOAD_BYTES, Options, Webhook
from warden.domain import NotificationReason, NotificationStatus


class TestWebhook(HttpChannelContract):
    secrets = ("secret-token", WEBHOOK_SECRET, WEBHOOK_SECRET.removeprefix("whsec_"))
    delivered = Reply(204)

    def channel(self, url: str) -> Webhook:
        return Webhook(Options(url=url, secret=WEBHOOK_SECRET))

    def fault(self, payload: bytes) -> str | None:
        data = json.loads(payload)
        if set(data) != {"type", "timestamp", "data"} or len(payload) > PAYLOAD_BYTES:
            return "not a Standard Webhooks payload, or too large"
        return None

    def test_the_signature_covers_what_arrives(self, http: Http, envelope: Envelope) -> None:
        now = datetime.now(UTC)
        with web_server(signed_webhook) as inbox:
            for message in every_message("zh-Hant").values():
                receipt = self.channel(inbox.url).send(message, envelope, http, now)
                assert receipt.status is NotificationStatus.SENT
        received = inbox.received[0]
        Signer(WEBHOOK_SECRET).verify(received.body, dict(received.headers))  # its clock included
        assert received.headers["webhook-id"] == str(envelope.notification_id)
        assert received.headers["webhook-timestamp"] == str(int(now.timestamp()))

    def test_another_key_does_not_verify(self, http: Http, envelope: Envelope) -> None:
        other = Webhook(Options(url="https://a.example", secret="whsec_" + base64.b64encode(b"y" * 32).decode()))
        headers = other._signature(b"{}", "id", NOW)
        with web_server(signed_webhook) as inbox:
            answer = http.post(inbox.url, content=b"{}", headers=headers)
        assert answer.status == 401

    @pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_YWJj", "plain words"])
    def test_a_weak_or_unreadable_key_is_refused(self, secret: str) -> None:
        with pytest.raises(ValidationError, match="24 to 64 bytes"):
            Options(url="https://a.example", secret=secret)

    def test_secrets_of_a_message_stay_out(self, envelope: Envelope) -> None:
        message = every_message()[NotificationReason.DIGEST]
        data = json.loads(self.channel("https://a.example").render(message, envelope, NOW))["data"]
        assert "unsubscribe_url" not in data
        assert "sealed" not in data
        assert data["about"] == dict(envelope.about)


@pytest.mark.parametrize("reason", list(NotificationReason))
def test_payload(reason: NotificationReason, envelope: Envelope, golden: Callable[[str, bytes], None]) -> None:
    channel = Webhook(Options(url="https://a.example", secret=WEBHOOK_SECRET))
    payload = channel.render(every_message()[reason], envelope, NOW)
    golden(f"webhook-{reason}.json", json.dumps(json.loads(payload), indent=1, ensure_ascii=False).encode() + b"\n")
