"""A process killed by kill -9 between claiming and noting: nothing is lost, and the second sending has the same id."""

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta

from fakes import LOOPBACK, Received, Reply, signed_webhook, web_server
from outbox import make_destination, queue, rows, webhook_options

from collectors.http import Http
from warden.db import Database
from warden.domain import NotificationStatus
from warden.pipeline import notify
from warden.settings import Settings
from warden.store import notifications
from warden.vault import Vault

WORKER = """
import sys
from datetime import datetime
from collectors.http import Http
from warden.db import Database
from warden.pipeline import notify
from warden.settings import Settings
from warden.vault import open_vault

settings = Settings()
with Http(allowed_networks=settings.allowed_networks) as http:
    print("ready", flush=True)
    sys.stdin.readline()
    db = Database(settings.database_url)
    notify.run(db, open_vault(settings), settings, http, datetime.fromisoformat(sys.argv[1]))
"""


def start_worker(settings: Settings, now: datetime) -> "subprocess.Popen[str]":
    assert settings.secret_key is not None
    environment = os.environ | {
        "WARDEN_DATABASE_URL": settings.database_url,
        "WARDEN_SECRET_KEY": settings.secret_key.get_secret_value(),
        "WARDEN_ALLOWED_NETWORKS": ",".join(settings.allowed_networks),
    }
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, now.isoformat()],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_was_sent_but_not_noted_is_sent_again_under_its_id(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with start_worker(settings, now) as worker, web_server(signed_webhook) as inbox:

        def kill(_received: Received) -> Reply:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
            return Reply(204)

        inbox.respond = kill
        with db.write() as session:
            place = make_destination(session, vault, "webhook", webhook_options(inbox.url), now)
            first, second = (queue(session, place, key, now) for key in ("a", "b"))
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
        assert worker.wait() == -signal.SIGKILL

        inbox.respond = signed_webhook
        claimed = rows(db)[0]
        assert (claimed.status, claimed.attempts) == (NotificationStatus.CLAIMED, 1)
        with Http(allowed_networks=LOOPBACK) as http:
            assert notify.run(db, vault, settings, http, now + timedelta(seconds=30)) == 0, "the lease still holds"
            assert notify.run(db, vault, settings, http, now + notifications.LEASE + timedelta(seconds=30)) == 2

    assert [one.headers["webhook-id"] for one in inbox.received] == [str(row.id) for row in (first, first, second)]
    assert inbox.received[0].body == inbox.received[1].body
    assert [(row.status, row.attempts) for row in rows(db)] == [
        (NotificationStatus.SENT, 2),
        (NotificationStatus.SENT, 1),
    ]
