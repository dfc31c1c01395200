import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from fakes import LOOPBACK, Received, Reply, Slack, mail_server, signed_webhook, web_server
from outbox import make_destination, queue, read, rows, webhook_options
from pydantic import SecretStr
from samples import every_message
from sqlalchemy import event

from collectors.http import Http
from warden import messages
from warden.channels.webhook import Webhook
from warden.db import Database
from warden.domain import NotificationReason, NotificationStatus
from warden.pipeline import notices, notify
from warden.settings import Settings
from warden.store import destinations, notifications
from warden.vault import Vault
from warden.wording import reader_of

SENT, QUEUED, FAILED = NotificationStatus.SENT, NotificationStatus.QUEUED, NotificationStatus.FAILED


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    with Http(allowed_networks=LOOPBACK, timeout=5) as client:
        yield client


class Road:
    """The last stage with all it needs."""

    def __init__(self, db: Database, vault: Vault, settings: Settings, http: Http) -> None:
        self.db, self.vault, self.settings, self.http = db, vault, settings, http

    def run(self, now: datetime) -> int:
        return notify.run(self.db, self.vault, self.settings, self.http, now)


@pytest.fixture
def road(db: Database, vault: Vault, settings: Settings, http: Http) -> Road:
    return Road(db, vault, settings, http)


def ids(received: list[Received]) -> list[str]:
    return [one.headers["webhook-id"] for one in received]


def test_what_is_queued_is_sent_in_order_and_once(road: Road, now: datetime) -> None:
    with web_server(signed_webhook) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            queued = [queue(session, place, f"key-{number}", now) for number in range(12)]
        assert road.run(now) == 12
        assert road.run(now + timedelta(days=1)) == 0
    assert ids(inbox.received) == [str(row.id) for row in queued]
    for row in rows(road.db):
        assert (row.status, row.attempts, row.answer, row.lease_until) == (SENT, 1, "204", None)
        assert row.sent_at is not None
        assert row.sent_at >= now


def test_a_key_is_queued_once_per_destination_and_recipient(road: Road, now: datetime) -> None:
    with road.db.write() as session:
        first, second = (
            make_destination(session, road.vault, "webhook", webhook_options("https://a.example"), now, name=name)
            for name in ("one", "two")
        )
        queue(session, first, "alert/7", now)
        queue(session, second, "alert/7", now)
        queue(session, first, "alert/7", now, recipient="an@our.example")
        message = every_message()[NotificationReason.ALERT_FIRED]
        assert not notifications.enqueue(
            session,
            destination=first,
            key="alert/7",
            reason=NotificationReason.ALERT_FIRED,
            message=message,
            locale="en",
            now=now + timedelta(days=1),
        )
    assert len(rows(road.db)) == 3


def test_an_unavailable_destination_is_tried_again_later_and_order_holds(road: Road, now: datetime) -> None:
    with web_server(lambda _: Reply(503, "busy")) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            first, second = (queue(session, place, key, now) for key in ("a", "b"))
        assert road.run(now) == 1, "the second waits behind the first"
        waiting = rows(road.db)[0]
        assert (waiting.status, waiting.attempts) == (QUEUED, 1)
        assert "503 busy" in waiting.answer
        assert waiting.next_attempt_at is not None
        assert now + timedelta(seconds=30) <= waiting.next_attempt_at < now + timedelta(seconds=60)
        assert road.run(now + timedelta(seconds=15)) == 0
        assert road.run(now + timedelta(seconds=60)) == 1
        later = rows(road.db)[0].next_attempt_at
        assert later is not None
        assert later >= now + timedelta(seconds=120), "the wait has doubled"
        inbox.respond = signed_webhook
        assert road.run(now + timedelta(minutes=10)) == 2
    assert ids(inbox.received) == [str(row.id) for row in (first, first, first, second)]


def test_retry_after_holds_the_whole_destination(road: Road, now: datetime) -> None:
    with web_server(lambda _: Reply(429, "slow down", {"Retry-After": "600"})) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            queue(session, place, "a", now)
            queue(session, place, "b", now)
        road.run(now)
        not_before = read(road.db, place.id).not_before
        assert not_before is not None
        assert not_before >= now + timedelta(seconds=600)
        inbox.respond = signed_webhook
        assert road.run(now + timedelta(seconds=580)) == 0
        assert road.run(now + timedelta(seconds=620)) == 2


def test_a_message_refused_fails_alone(road: Road, now: datetime) -> None:
    def respond(received: Received) -> Reply:
        return Reply(422, "odd") if received.json["type"] == "test" else signed_webhook(received)

    with web_server(respond) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            queue(session, place, "a", now, NotificationReason.TEST)
            queue(session, place, "b", now)
        assert road.run(now) == 2
    assert [row.status for row in rows(road.db)] == [FAILED, SENT]
    assert read(road.db, place.id).disabled_at is None


def test_a_destination_that_refuses_for_good_is_switched_off_and_told_elsewhere_once(road: Road, now: datetime) -> None:
    with web_server(lambda _: Reply(404, "no_service")) as gone, web_server(signed_webhook) as admins:
        with road.db.write() as session:
            lost = make_destination(
                session, road.vault, "slack", {"url": gone.url + "/T0/SECRETTOKEN"}, now, operations=True
            )
            options = webhook_options(admins.url)
            make_destination(session, road.vault, "webhook", options, now, operations=True, alerts=False)
            make_destination(session, road.vault, "webhook", options, now, name="for neither", alerts=False)
            queue(session, lost, "a", now)
            queue(session, lost, "b", now)
        road.run(now)
        road.run(now + timedelta(minutes=10))
        with road.db.write() as session:
            notices.tell(session, road.settings, now + timedelta(minutes=20))  # the other stage that could tell of it
        road.run(now + timedelta(minutes=30))
    assert len(gone.received) == 1, "nothing more is sent there"
    destination = read(road.db, lost.id)
    assert destination.disabled_at is not None
    assert "404 no_service" in destination.disabled_why
    assert [row.status for row in rows(road.db, lost)] == [FAILED, QUEUED]
    (told,) = admins.received
    assert told.json["type"] == "destination_disabled"
    assert "Messages that did not arrive" in told.body.decode()
    assert "SECRETTOKEN" not in told.body.decode() + destination.disabled_why


def test_however_many_did_not_arrive_they_are_counted_and_that_is_reckoned_once(road: Road, now: datetime) -> None:
    with web_server(lambda _: Reply(410)) as gone, web_server(signed_webhook) as admins:
        with road.db.write() as session:
            lost = make_destination(session, road.vault, "webhook", webhook_options(gone.url), now, name="lost")
            options = webhook_options(admins.url)
            make_destination(session, road.vault, "webhook", options, now, operations=True, alerts=False)
            for number in range(105):
                queue(session, lost, f"m{number}", now)
        road.run(now)
    facts = dict(admins.received[0].json["data"]["facts"])
    assert facts["Messages that did not arrive"] == "105"
    assert len(facts["The newest of them"].split("; ")) == 3
    asked: list[str] = []

    def note(*given: Any) -> None:
        asked.append(given[2])

    event.listen(road.db.engine, "before_cursor_execute", note)
    with road.db.write() as session:
        notices.tell(session, road.settings, now + timedelta(minutes=20))
    event.remove(road.db.engine, "before_cursor_execute", note)
    assert [one for one in asked if "notification.answer" in one] == [], "what did not arrive is not looked up again"


def test_a_destination_switched_on_again_gets_what_waited(road: Road, now: datetime) -> None:
    with web_server(lambda _: Reply(410)) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            lost, kept = (queue(session, place, key, now) for key in ("a", "b"))
        road.run(now)
        inbox.respond = signed_webhook
        with road.db.write() as session:
            notifications.resume(session, destinations.get(session, place.id))
            notifications.requeue(session, notifications.get(session, lost.id), now + timedelta(hours=1))
        assert road.run(now + timedelta(hours=1)) == 2
    assert ids(inbox.received) == [str(row.id) for row in (lost, kept, lost)]


def test_a_clock_that_was_ahead_and_is_set_right_keeps_no_message_back(road: Road, now: datetime) -> None:
    """It queued one, died sending another, and noted a pace and what was sent for years from now."""
    ahead = now + timedelta(days=3650)
    with web_server(Slack()) as room:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "slack", {"url": SecretStr(room.url)}, now)
            queue(session, place, "a", ahead)
        assert road.run(ahead) == 1
        with road.db.write() as session:
            for key in ("b", "c"):
                queue(session, place, key, ahead)
            assert notifications.claim_next(session, place.id, ahead + timedelta(minutes=1)) is not None
            queue(session, place, "d", now)
        assert road.run(now) == 3
        assert road.run(now + timedelta(minutes=1)) == 0
    assert [row.status for row in rows(road.db)] == [SENT] * 4


def test_what_is_too_old_is_given_up(road: Road, now: datetime) -> None:
    with web_server(lambda _: Reply(503)) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            queue(session, place, "a", now)
        road.run(now)
        road.run(now + timedelta(hours=48))
    (row,) = rows(road.db)
    assert (row.status, row.next_attempt_at) == (FAILED, None)
    assert row.answer.startswith("Not delivered within 48 hours. The webhook did not take the message for now: 503")


def test_a_wait_beyond_the_life_of_a_message_holds_the_destination_and_gives_nothing_up_at_once(
    road: Road, now: datetime
) -> None:
    with web_server(lambda _: Reply(503, "later", {"Retry-After": str(10 * 86400)})) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            queue(session, place, "a", now)
            queue(session, place, "b", now)
        assert road.run(now) == 1
        assert [(row.status, row.attempts) for row in rows(road.db)] == [(QUEUED, 1), (QUEUED, 0)]
        for hours in (1, 24, 47):
            assert road.run(now + timedelta(hours=hours)) == 0, "the other side asked to be left alone"
            assert [row.status for row in rows(road.db)] == [QUEUED, QUEUED]
        assert road.run(now + timedelta(hours=48)) == 0
        assert [(row.status, row.answer) for row in rows(road.db)] == [
            (FAILED, "Not delivered within 48 hours. The webhook did not take the message for now: 503 later."),
            (FAILED, "Not delivered within 48 hours."),
        ]
        inbox.respond = signed_webhook
        with road.db.write() as session:
            queue(session, place, "c", now + timedelta(days=5))
        assert road.run(now + timedelta(days=5)) == 0, "seven days are the longest it is left alone for"
        with road.db.write() as session:
            queue(session, place, "d", now + timedelta(days=7, minutes=1))
        assert road.run(now + timedelta(days=7, minutes=1)) == 1
    assert len(inbox.received) == 2


def test_what_is_too_old_by_the_time_it_is_answered_is_not_tried_again(road: Road, now: datetime) -> None:
    with road.db.write() as session:
        place = make_destination(session, road.vault, "webhook", webhook_options("https://a.example"), now)
        row = queue(session, place, "a", now)
        claim = notifications.claim(session, row, now + timedelta(hours=47, minutes=59))
        assert claim is not None
        notifications.retry(session, claim, "503 busy", now + timedelta(hours=48, seconds=1))
    (row,) = rows(road.db)
    assert (row.status, row.answer) == (FAILED, "Not delivered within 48 hours. 503 busy")


def test_attempts_end(road: Road, now: datetime) -> None:
    with web_server(lambda _: Reply(503)) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            queue(session, place, "a", now).attempts = notifications.MAX_ATTEMPTS - 1
        road.run(now)
    (row,) = rows(road.db)
    assert (row.status, row.attempts) == (FAILED, notifications.MAX_ATTEMPTS)
    assert row.answer.startswith("Given up after 30 attempts. ")


def test_one_slow_destination_does_not_hold_up_another(road: Road, now: datetime) -> None:
    with web_server(lambda _: Reply(503)) as broken, web_server(signed_webhook) as well:
        with road.db.write() as session:
            for name, inbox in (("broken", broken), ("well", well)):
                options = webhook_options(inbox.url)
                place = make_destination(session, road.vault, "webhook", options, now, name=name)
                for key in ("a", "b", "c"):
                    queue(session, place, key, now)
        assert road.run(now) == 4
    assert (len(broken.received), len(well.received)) == (1, 3)


def test_slack_is_written_to_once_a_second(road: Road, now: datetime) -> None:
    with web_server(Slack(pace=1.0)) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "slack", {"url": inbox.url}, now)
            for key in ("a", "b", "c"):
                queue(session, place, key, now)
        assert road.run(now) == 3
    assert [row.status for row in rows(road.db)] == [SENT] * 3
    assert len(inbox.received) == 3, "Slack had nothing to refuse"


def test_teams_gets_at_most_a_hundred_an_hour(road: Road, now: datetime) -> None:
    with web_server(lambda _: Reply(202)) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "teams", {"url": inbox.url}, now)
            for number in range(100):
                row = queue(session, place, f"old-{number}", now)
                row.status, row.next_attempt_at, row.sent_at = SENT, None, now - timedelta(minutes=59 - number // 2)
            queue(session, place, "a", now)
            queue(session, place, "b", now)
        assert road.run(now) == 1
        assert rows(road.db)[-2].status is NotificationStatus.ACCEPTED
        assert road.run(now + timedelta(minutes=2)) == 1


def test_a_greylisted_recipient_holds_up_nobody_else(road: Road, now: datetime) -> None:
    def refuse(command: str, address: str) -> str | None:
        return "450 4.2.0 greylisted" if command == "RCPT" and address.startswith("new") else None

    with mail_server(refuse) as server:
        options = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "warden@our.example"}
        with road.db.write() as session:
            place = make_destination(session, road.vault, "email", options, now)
            queue(session, place, "a", now, recipient="new@our.example")
            queue(session, place, "a", now, recipient="an@our.example")
        assert road.run(now) == 2
    assert [row.status for row in rows(road.db)] == [QUEUED, SENT]
    assert server.mails[0].recipients == ["an@our.example"]


def test_a_sign_in_link_is_opened_only_when_it_is_sent(road: Road, now: datetime) -> None:
    sealed = road.vault.encrypt({"url": "https://warden.example/sign-in?token=OPENSESAME"})
    message = messages.sign_in("An", sealed, now, reader_of("en"))
    with mail_server() as server:
        options = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "warden@our.example"}
        with road.db.write() as session:
            place = make_destination(session, road.vault, "email", options, now)
            reason = NotificationReason.SIGN_IN
            queue(session, place, "a", now, reason, message=message, recipient="an@our.example")
        assert road.run(now) == 1
    text = server.mails[0].parsed.get_body(("plain",))
    assert text is not None
    assert "OPENSESAME" in text.get_content()
    assert "OPENSESAME" not in json.dumps(rows(road.db)[0].message)


def test_a_defect_in_one_message_is_tried_again_and_the_others_go_out(
    road: Road, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_server(signed_webhook) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            queue(session, place, "a", now).message = {"nonsense": True}
            queue(session, place, "b", now)
        assert road.run(now) == 2
    broken, good = rows(road.db)
    assert (broken.status, good.status) == (QUEUED, SENT)
    assert "A defect in Warden (KeyError)" in broken.answer


def test_a_destination_whose_secrets_cannot_be_read_is_switched_off(road: Road, now: datetime) -> None:
    with road.db.write() as session:
        place = make_destination(session, road.vault, "webhook", webhook_options("https://a.example"), now)
        place.secrets = "gAAAA-not-ours"
        queue(session, place, "a", now)
    road.run(now)
    assert "cannot be decrypted" in read(road.db, place.id).disabled_why


def test_a_lost_claim_changes_nothing(db: Database, vault: Vault, now: datetime) -> None:
    later = now + notifications.LEASE
    with db.write() as session:
        place = make_destination(session, vault, "webhook", webhook_options("https://a.example"), now)
        queue(session, place, "a", now)
    with db.write() as session:
        slow = notifications.claim_next(session, place.id, now)
    with db.write() as session:
        assert notifications.claim_next(session, place.id, now) is None, "the lease holds"
        quick = notifications.claim_next(session, place.id, later)
    assert slow is not None
    assert quick is not None
    with db.write() as session:
        assert notifications.finish(session, quick, SENT, "200", later)
        assert not notifications.finish(session, slow, FAILED, "late", later)
    assert rows(db)[0].status is SENT


def test_a_test_is_sent_at_once_and_disables_nothing(road: Road, now: datetime) -> None:
    with web_server(signed_webhook) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            destinations.disable(session, place, "gone", now)
        arguments: tuple[Any, ...] = (road.db, road.vault, road.settings, road.http, place.id, now)
        assert notify.send_test(*arguments).status is SENT
        inbox.respond = lambda _: Reply(404)
        failed = notify.send_test(*arguments)
        inbox.respond = lambda _: Reply(503)
        put_off = notify.send_test(*arguments)
    assert (failed.status, put_off.status) == (FAILED, FAILED)
    assert "404" in failed.answer
    assert read(road.db, place.id).disabled_why == "gone"


def test_no_secret_is_stored_or_logged(
    road: Road, now: datetime, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with web_server(lambda got: Reply(500, f"cannot post to {got.path}")) as inbox:
        with road.db.write() as session:
            options = webhook_options(inbox.url + "/hooks/TOPSECRETPATH")
            place = make_destination(session, road.vault, "webhook", options, now)
            queue(session, place, "a", now)
        road.run(now)
        inbox.respond = lambda _: Reply(410, inbox.url + "/hooks/TOPSECRETPATH")
        road.run(now + timedelta(hours=1))
    captured = capsys.readouterr()
    stored = repr([vars(row) for row in rows(road.db)]) + repr(vars(read(road.db, place.id)))
    assert "TOPSECRETPATH" not in stored + captured.out + captured.err + caplog.text
    assert "[redacted]" in stored


def test_every_channel_is_found_and_paced() -> None:
    from warden import plugins

    assert set(plugins.channels()) == {"email", "slack", "teams", "webhook"}
    assert plugins.channel("webhook") is Webhook


def test_two_workers_send_everything_once_and_in_order(road: Road, now: datetime) -> None:
    with web_server(signed_webhook) as inbox:
        with road.db.write() as session:
            place = make_destination(session, road.vault, "webhook", webhook_options(inbox.url), now)
            queued = [str(queue(session, place, f"key-{number}", now).id) for number in range(20)]
        with ThreadPoolExecutor(4) as workers:
            for _ in range(5):
                list(workers.map(lambda _: road.run(now), range(4)))
    assert ids(inbox.received) == queued
