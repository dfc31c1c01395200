"""The example's stand-ins take what the channels send, and show it."""

import runpy
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import WEBHOOK_SECRET
from samples import NOW, every_message

from collectors.http import Http
from warden import plugins
from warden.channels.base import Envelope
from warden.domain import NotificationReason

RECEIVER = Path(__file__).parents[2] / "examples" / "receiver.py"


@pytest.fixture(scope="module")
def receiver_class() -> Any:
    return runpy.run_path(str(RECEIVER))["Receiver"]


def test_every_channel_is_received_and_shown(
    receiver_class: Any, tmp_path: Path, http: Http, envelope: Envelope
) -> None:
    message = every_message()[NotificationReason.MEETING_PROPOSED]
    with receiver_class(tmp_path / "received") as receiver:
        options: dict[str, dict[str, Any]] = {
            "slack": {"url": receiver.slack},
            "teams": {"url": receiver.teams},
            "webhook": {"url": receiver.webhook, "secret": WEBHOOK_SECRET},
            "email": {
                "host": "127.0.0.1",
                "port": receiver.mail_port,
                "security": "none",
                "sender": "warden@our.example",
                "to": ["an@our.example"],
            },
        }
        for name, values in options.items():
            kind = plugins.channel(name)
            kind(kind.Options(**values)).send(message, envelope, http, NOW)
        names = [file.name for file in receiver.files()]
        assert names == ["0001-slack.json", "0002-teams.json", "0003-webhook.json", "0004-mail.eml"]
        with httpx.Client(base_url=receiver.url) as client:
            page = client.get("/").text
            assert page.count("Executive meeting proposed: Smith") == 4
            assert "<Taipei>" not in page
            assert "Open the meeting" in client.get("/read/0004-mail.eml").text
            assert 'method="REQUEST"' in client.get("/raw/0004-mail.eml").text
            assert client.get("/raw/../receiver.py").status_code == 404
            assert client.post("/slack", content=b"{}").status_code == 400
        kind = plugins.channel("email")
        rendered = kind(kind.Options(**options["email"])).render(message, envelope, NOW)
        assert receiver.files()[3].read_bytes() == rendered
