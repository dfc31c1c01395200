import json
from collections.abc import Callable

import pytest
from contracts import HttpChannelContract
from fakes import Reply, teams, teams_fault, web_server
from samples import NOW, awkward_messages, every_message

from collectors.http import Http
from warden.channels.base import Envelope
from warden.channels.teams import PAYLOAD_BYTES, Options, Teams
from warden.domain import NotificationReason, NotificationStatus
from warden.messages import Item, Message


class TestTeams(HttpChannelContract):
    secrets = ("secret-token",)
    delivered = Reply(202)

    def channel(self, url: str) -> Teams:
        return Teams(Options(url=url))

    def fault(self, payload: bytes) -> str | None:
        return teams_fault(payload) or ("over budget" if len(payload) > PAYLOAD_BYTES else None)

    def test_queued_is_not_called_sent(self, http: Http, envelope: Envelope) -> None:
        with web_server(lambda _: Reply(202)) as inbox:
            receipt = self.channel(inbox.url).send(awkward_messages()[0], envelope, http, NOW)
        assert receipt.status is NotificationStatus.ACCEPTED

    def test_a_strict_teams_takes_every_reason(self, http: Http, envelope: Envelope) -> None:
        with web_server(teams) as inbox:
            for message in [*every_message().values(), *awkward_messages()]:
                self.channel(inbox.url).send(message, envelope, http, NOW)
        assert len(inbox.received) == len(every_message()) + len(awkward_messages())

    def test_the_budget_counts_bytes_and_not_characters(self, envelope: Envelope) -> None:
        message = Message(
            reason=NotificationReason.DIGEST, title="t", lead="", items=tuple(Item("危" * 100) for _ in range(100))
        )
        payload = self.channel("https://a.example").render(message, envelope, NOW)
        assert 0.9 * PAYLOAD_BYTES < len(payload) <= PAYLOAD_BYTES
        assert "危" in payload.decode(), "not spent on \\u escapes"

    def test_a_name_cannot_become_a_link(self, envelope: Envelope) -> None:
        message = Message(reason=NotificationReason.TEST, title="[pay](http://evil.example)", lead="*x* `y`")
        body = json.loads(self.channel("https://a.example").render(message, envelope, NOW))["attachments"][0]
        texts = [element["text"] for element in body["content"]["body"]]
        assert texts == [r"\[pay\](http://evil.example)", r"\*x\* \`y\`"]


@pytest.mark.parametrize("reason", list(NotificationReason))
def test_payload(reason: NotificationReason, envelope: Envelope, golden: Callable[[str, bytes], None]) -> None:
    payload = Teams(Options(url="https://a.example")).render(every_message()[reason], envelope, NOW)
    golden(f"teams-{reason}.json", json.dumps(json.loads(payload), indent=1, ensure_ascii=False).encode() + b"\n")
