import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from contracts import HttpChannelContract
from fakes import Reply, slack_fault, web_server
from fakes import Slack as SlackServer
from samples import NOW, awkward_messages, every_message

from collectors.http import Http
from warden.channels.base import ChannelRefused, ChannelUnavailable, Envelope, Limit, MessageRefused
from warden.channels.slack import Options, Slack
from warden.domain import NotificationReason, NotificationStatus


class TestSlack(HttpChannelContract):
    secrets = ("secret-token",)
    delivered = Reply(200, "ok")

    def channel(self, url: str) -> Slack:
        return Slack(Options(url=url))

    def fault(self, payload: bytes) -> str | None:
        return slack_fault(json.loads(payload))

    def test_only_ok_is_a_delivery(self, http: Http, envelope: Envelope) -> None:
        with web_server(lambda _: Reply(200, "<html>welcome</html>")) as inbox, pytest.raises(ChannelUnavailable):
            self._send(inbox.url, http, envelope)

    @pytest.mark.parametrize("word", ["invalid_token", "no_service", "channel_is_archived", "action_prohibited"])
    @pytest.mark.parametrize("status", [400, 403, 404, 410])
    def test_permanent_words_ask_for_a_person(self, http: Http, envelope: Envelope, word: str, status: int) -> None:
        with web_server(lambda _: Reply(status, word)) as inbox, pytest.raises(ChannelRefused, match=word):
            self._send(inbox.url, http, envelope)

    def test_a_message_not_understood_says_nothing_about_the_channel(self, http: Http, envelope: Envelope) -> None:
        with web_server(lambda _: Reply(400, "invalid_payload")) as inbox, pytest.raises(MessageRefused):
            self._send(inbox.url, http, envelope)

    def test_a_strict_slack_takes_every_reason(self, http: Http, envelope: Envelope) -> None:
        with web_server(SlackServer()) as inbox:
            for message in [*every_message().values(), *awkward_messages()]:
                receipt = self.channel(inbox.url).send(message, envelope, http, NOW)
                assert receipt.status is NotificationStatus.SENT

    def test_markup_in_names_is_escaped(self, envelope: Envelope) -> None:
        payload = self.channel("https://a.example").render(
            every_message()[NotificationReason.MEETING_PROPOSED], envelope, NOW
        )
        assert "<Taipei>" not in payload.decode()
        assert "&lt;Taipei&gt;" in payload.decode()

    def test_one_message_a_second(self) -> None:
        assert Slack.limits == (Limit(1, timedelta(seconds=1)),)


@pytest.mark.parametrize("reason", list(NotificationReason))
def test_payload(reason: NotificationReason, envelope: Envelope, golden: Callable[[str, bytes], None]) -> None:
    payload = Slack(Options(url="https://a.example")).render(every_message()[reason], envelope, NOW)
    golden(f"slack-{reason}.json", json.dumps(json.loads(payload), indent=1, ensure_ascii=False).encode() + b"\n")
