"""A destination is switched off: what reached nobody is told once to whom its alert would go now, and nothing twice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import forked
import killed
import pytest
from alarmed import NOW, a_rule, happened, kept, over, pristine, renewed, worsen
from assessed import destination, partner, person
from cryptography.fernet import Fernet
from fakes import LOOPBACK, Inbox, Reply, signed_webhook, web_server
from outbox import make_destination, queue, read, rows, webhook_options
from pydantic import SecretStr
from sqlalchemy import select

from collectors.http import Http
from warden.db import Database
from warden.domain import Cause, MeetingStatus, NotificationStatus, Severity, Side
from warden.models import Alert, Destination, Meeting, Notice, Notification, Partner, Told
from warden.pipeline import announce, instead, notify, quiet
from warden.pipeline.cases import Round
from warden.settings import Settings
from warden.store import actions, destinations, notifications, routes
from warden.vault import Vault

HOUR = timedelta(hours=1)
KEY = Fernet.generate_key().decode()
VAULT = Vault([KEY])
SETTINGS = Settings(group_wait_seconds=0, allowed_networks=LOOPBACK, public_url="https://warden.example")
APART = 7
"""Every so many-th thing it does kills it once; all of them take a minute."""

SENT, QUEUED, FAILED = NotificationStatus.SENT, NotificationStatus.QUEUED, NotificationStatus.FAILED


def prepare(database: Database) -> None:
    with database.write() as session:
        for name in ("Acme", "Beta"):
            partner(session, name, NOW)
        a_rule(session, "late", NOW)
        a_rule(session, "grave", NOW, Severity.CRITICAL)


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    with kept(sqlite_template, tmp_path_factory.mktemp("instead"), prepare) as found:
        yield found


@pytest.fixture
def watched(prepared: tuple[Database, Path]) -> Database:
    return renewed(*prepared)


@pytest.fixture
def room() -> Iterator[Inbox]:
    """A room that is gone for good."""
    with web_server(lambda _: Reply(410)) as inbox:
        yield inbox


@pytest.fixture
def other() -> Iterator[Inbox]:
    with web_server(signed_webhook) as inbox:
        yield inbox


def places(db: Database, room: Inbox, other: Inbox, *, routed: bool = True, **values: Any) -> tuple[Any, Any]:
    """A room that alone takes alerts, by a route; and another place that takes what no route does."""
    with db.write() as session:
        lost = make_destination(session, VAULT, "slack", {"url": SecretStr(room.url)}, NOW)
        spare = make_destination(session, VAULT, "webhook", webhook_options(other.url), NOW, **values)
        if routed:
            routes.add(session, {"name": "all", "matchers": {}, "destination_ids": [str(lost.id)], "people": []})
        return lost, spare


def run(db: Database, hours: float = 0) -> None:
    """Announce and send."""
    at = NOW + hours * HOUR
    announce.run(db, VAULT, SETTINGS, at)
    with Http(allowed_networks=LOOPBACK, timeout=5) as http:
        notify.run(db, VAULT, SETTINGS, http, at)


def meeting_for(db: Database, alert: Alert, status: MeetingStatus) -> None:
    asked = {"alert_id": alert.id, "partner_id": alert.partner_id, "status": status}
    with db.write() as session:
        session.add(Meeting(proposed_at=NOW, due_on=NOW.date(), attendees=[], agenda=[], **asked))


def told(inbox: Inbox) -> list[tuple[str, str]]:
    return [(one.json["type"], one.json["data"]["title"]) for one in inbox.received]


def test_what_reached_nobody_is_told_instead_once_in_order(watched: Database, room: Inbox, other: Inbox) -> None:
    lost, _ = places(watched, room, other)
    happened(watched, "late")
    announce.run(watched, VAULT, SETTINGS, NOW)
    happened(watched, "grave", NOW + HOUR)
    run(watched, 1)
    assert told(other) == [("alert_fired", "Critical: Acme – Grave and 1 more")], "what fires now, in one message"
    assert other.received[0].json["data"]["notice"] == "first"
    assert other.received[0].json["data"]["facts"][0] == ["Meant for", "slack"]
    assert len(room.received) == 1
    assert [row.status for row in rows(watched, lost)] == [FAILED, QUEUED], "it is mended and gets what waits"
    run(watched, 2)
    assert len(other.received) == 1


def test_it_is_worded_for_who_reads_it_now(watched: Database, room: Inbox, other: Inbox) -> None:
    _, spare = places(watched, room, other, locale="zh-Hant", time_zone="Asia/Taipei")
    happened(watched, "late")
    run(watched)
    (message,) = [one.json["data"] for one in other.received]
    assert (message["locale"], message["title"]) == ("zh-Hant", "警告：Acme – Late")
    assert message["facts"][0] == ["原定收件處", "slack"]
    assert "17:00 (Asia/Taipei)" in str(message["facts"])
    (row,) = rows(watched, spare)
    assert row.message["verdicts"], "they say what it was worth themselves"


def test_many_partners_are_told_of_in_the_words_of_who_reads_it_now(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    places(watched, room, other, locale="vi")
    with watched.write() as session:
        names = [partner(session, f"P{number}", NOW).name for number in range(5)]
    for name in names:
        happened(watched, "late", name=name, cause=Cause.FIRST_LOOK)
    run(watched)
    assert told(other) == [("alert_fired", "Trước đây chưa báo được: cảnh báo về 5 đối tác")]


def test_what_ended_meanwhile_is_not_told_as_if_it_fired(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other)
    late = happened(watched, "late")
    announce.run(watched, VAULT, SETTINGS, NOW)
    over(watched, late, NOW + HOUR)
    run(watched, 1)
    assert told(other) == [], "nobody heard that it fired, so that it ended is no news"
    announce.run(watched, VAULT, SETTINGS, NOW + HOUR)
    assert told(other) == []


def test_that_something_ended_which_its_reader_knew_is_told_instead(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    places(watched, room, other)
    room.respond = lambda _: Reply(200, "ok")
    late = happened(watched, "late")
    run(watched)
    room.respond = lambda _: Reply(410)
    over(watched, late, NOW + HOUR)
    run(watched, 1)
    assert told(other) == [("alert_resolved", "Resolved: Acme – Late")]


def test_a_meeting_that_was_called_off_meanwhile_is_not_proposed_instead(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    places(watched, room, other)
    alert = happened(watched, "grave")
    meeting_for(watched, alert, MeetingStatus.PROPOSED)
    announce.run(watched, VAULT, SETTINGS, NOW)
    with watched.write() as session:
        session.scalars(select(Meeting)).one().status = MeetingStatus.HELD
    run(watched)
    assert [kind for kind, _ in told(other)] == ["alert_fired"]


def test_a_reminder_of_actions_is_given_instead_but_for_what_is_done(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    places(watched, room, other, locale="vi")
    with watched.write() as session:
        acme = session.scalars(select(Partner).where(Partner.name == "Acme")).one()
        done, undone = (
            actions.add(
                session, acme, text=text, side=Side.THEIRS, due_on=NOW.date(), author="a", now=NOW - timedelta(days=9)
            )
            for text in ("Send the plan", "Mend the line")
        )
    announce.run(watched, VAULT, SETTINGS, NOW)
    with watched.write() as session:
        actions.finish(session, done.id, "olga", NOW)
    run(watched)
    (message,) = [one.json["data"] for one in other.received]
    assert message["title"] == "Hành động đến hạn: 1"
    assert [item["title"] for item in message["items"]] == [undone.text]


def test_what_nobody_takes_is_told_to_whoever_takes_it_days_later(watched: Database, room: Inbox, other: Inbox) -> None:
    """Nobody else takes alerts as the room goes; the ledger says what became of it."""
    lost, spare = places(watched, room, other, alerts=False)
    late, ended = happened(watched, "late"), happened(watched, "late", name="Beta")
    run(watched)
    assert told(other) == []
    with watched.read() as session:
        lines = session.scalars(select(Notice).where(Notice.held_back == "nobody")).all()
    assert {line.why["params"]["name"] for line in lines} == {"slack"}
    over(watched, ended, NOW + HOUR)
    run(watched, 2)
    with watched.write() as session:
        destinations.get(session, spare.id).alerts = True
    run(watched, 72)
    assert told(other) == [("alert_fired", "Warning: Acme – Late")]
    assert other.received[0].json["data"]["lead"].startswith("This fired while nobody could be told of it")
    over(watched, late, NOW + 73 * HOUR)
    run(watched, 73)
    assert told(other)[1:] == [("alert_resolved", "Resolved: Acme – Late")]
    assert QUEUED not in {row.status for row in rows(watched, lost)}


def test_a_common_cause_that_nobody_takes_is_told_to_whoever_takes_it_later(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    _, spare = places(watched, room, other, alerts=False)
    with watched.write() as session:
        names = [partner(session, f"P{number}", NOW).name for number in range(5)]
    for name in names:
        happened(watched, "late", name=name)
    run(watched)
    with watched.write() as session:
        destinations.get(session, spare.id).alerts = True
    run(watched, 72)
    assert told(other) == [("alert_fired", "Not told before: alerts of 5 partners")]


@pytest.mark.parametrize("hours", [2, 72])
def test_a_destination_that_alone_takes_it_is_told_once_it_is_mended(
    watched: Database, room: Inbox, other: Inbox, hours: float
) -> None:
    lost, _ = places(watched, room, other, alerts=False)
    happened(watched, "late")
    happened(watched, "late", name="Beta")
    run(watched)
    room.received.clear()
    room.respond = lambda _: Reply(200, "ok")
    with watched.write() as session:
        notifications.resume(session, destinations.get(session, lost.id))
    for later in (0, 1, 2):
        run(watched, hours + later)
    assert len(room.received) == 2, "of each partner once"


def test_what_went_to_several_people_of_one_mail_server_is_told_to_all_once_it_is_mended(watched: Database) -> None:
    """Two people by mail, nobody else: neither keeps the other from being told for being written to alone."""
    with watched.write() as session:
        mail = destination(session, "mail", NOW, channel="email", alerts=False)
        people = {"owner_id": person(session, "Olga Owner").id, "sponsor_id": person(session, "Sam Sponsor").id}
        for name, value in people.items():
            setattr(session.scalars(select(Partner).where(Partner.name == "Acme")).one(), name, value)
        routes.add(session, {"name": "all", "matchers": {}, "destination_ids": [], "people": ["owner", "sponsor"]})
    happened(watched, "late")
    announce.run(watched, VAULT, SETTINGS, NOW)
    with watched.write() as session:
        first, _ = session.scalars(select(Notification).order_by(Notification.id))
        first.status, first.answer = FAILED, "535 no"
        off = destinations.get(session, mail.id)
        destinations.disable(session, off, "535 no", NOW)
        session.flush()
        instead.tell(session, Round(VAULT, SETTINGS, NOW, quiet.read(session, NOW)), off)
        notifications.resume(session, off)
    announce.run(watched, VAULT, SETTINGS, NOW + 72 * HOUR)
    queued = [row for row in rows(watched) if row.status is QUEUED]
    assert sorted(str(row.recipient) for row in queued) == ["olga.owner@us.example", "sam.sponsor@us.example"]


def test_what_waited_and_is_so_no_more_is_not_sent_when_a_destination_is_on_again(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    lost, _ = places(watched, room, other)
    grave = happened(watched, "grave")
    meeting_for(watched, grave, MeetingStatus.PROPOSED)
    happened(watched, "late", name="Beta")
    run(watched)
    over(watched, grave, NOW + HOUR)
    run(watched, 1)
    with watched.write() as session:
        session.scalars(select(Meeting)).one().status = MeetingStatus.WAIVED
        notifications.resume(session, destinations.get(session, lost.id))
    room.respond = lambda _: Reply(200, "ok")
    run(watched, 2)
    assert [row.message["title"] for row in rows(watched, lost) if row.status is SENT] == ["Warning: Beta – Late"]


def test_whoever_is_told_instead_hears_of_the_end_too(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other)
    late = happened(watched, "late")
    run(watched)
    over(watched, late, NOW + HOUR)
    run(watched, 1)
    assert told(other) == [("alert_fired", "Warning: Acme – Late"), ("alert_resolved", "Resolved: Acme – Late")]


def test_a_destination_that_never_showed_an_alert_does_not_hear_of_its_end_when_it_is_mended(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    lost, _ = places(watched, room, other)
    refused, shown = happened(watched, "late"), happened(watched, "late", name="Beta")
    run(watched)
    room.received.clear()
    room.respond = lambda _: Reply(200, "ok")
    with watched.write() as session:
        notifications.resume(session, destinations.get(session, lost.id))
    run(watched, 1)
    assert len(room.received) == 1, "of one it was refused for good, the other waited"
    room.received.clear()
    for alert in (refused, shown):
        over(watched, alert, NOW + 2 * HOUR)
    run(watched, 2)
    assert [kind for kind, _ in told(other)] == ["alert_fired", "alert_fired", "alert_resolved", "alert_resolved"]
    assert len(room.received) == 1
    with watched.read() as session:
        assert session.scalars(select(Told)).all() == []


def test_what_others_were_told_of_is_not_told_again(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other, routed=False)
    happened(watched, "late")
    run(watched)
    assert told(other) == [("alert_fired", "Warning: Acme – Late")]


def test_an_alert_they_knew_before_is_not_told_again_as_another_readers_message(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    """The room hears first of the alert when it is worse: for the other it is another reason, so another message."""
    places(watched, room, other, routed=False)
    with watched.write() as session:
        destinations.named(session, "slack").min_severity = Severity.CRITICAL
    alert = happened(watched, "late")
    run(watched)
    with watched.write() as session:
        worsen(session, alert, Severity.CRITICAL, NOW + HOUR)
    run(watched, 1)
    assert [kind for kind, _ in told(other)] == ["alert_fired", "alert_fired"]
    assert [one.json["data"]["notice"] for one in other.received] == ["first", "worse"]


def test_that_an_alert_they_were_told_of_instead_is_worse_is_told_instead_too(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    lost, _ = places(watched, room, other)
    alert = happened(watched, "late")
    run(watched)
    with watched.write() as session:
        notifications.resume(session, destinations.get(session, lost.id))
        routes.listing(session)[0].matchers = {"severity": ["critical"]}
        worsen(session, alert, Severity.CRITICAL, NOW + HOUR)
    run(watched, 1)
    assert len(room.received) == 2, "it refuses for good again"
    assert [one.json["data"]["notice"] for one in other.received] == ["first", "worse"]


def test_invitations_that_reached_nobody_follow(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other)
    alert = happened(watched, "grave")
    meeting_for(watched, alert, MeetingStatus.PROPOSED)
    run(watched)
    assert [kind for kind, _ in told(other)] == ["alert_fired", "meeting_proposed"]


def test_a_message_about_many_is_told_instead_and_known_of_each(watched: Database, room: Inbox, other: Inbox) -> None:
    lost, spare = places(watched, room, other)
    with watched.write() as session:
        names = [f"P{number}" for number in range(4)]
        for name in names:
            partner(session, name, NOW)
    for name in ("Acme", "Beta", *names):
        happened(watched, "late", name=name)
    run(watched)
    assert [kind for kind, _ in told(other)] == ["common_cause"]
    with watched.read() as session:
        known = session.scalars(select(Told.destination_id)).all()
    assert sorted(known, key=str) == sorted([lost.id, spare.id] * 6, key=str)


def test_where_both_are_gone_each_message_is_tried_once(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other)
    other.respond = lambda _: Reply(410)
    happened(watched, "late")
    for hours in (0, 1, 2):
        run(watched, hours)
    assert (len(room.received), len(other.received)) == (1, 1)
    with watched.read() as session:
        assert all(one.disabled_at for one in session.scalars(select(Destination)))


def test_a_defect_in_it_keeps_no_destination_from_being_switched_off(
    watched: Database, room: Inbox, other: Inbox
) -> None:
    lost, _ = places(watched, room, other, operations=True)
    with watched.write() as session:
        queue(session, lost, "notice/of nobody", NOW)
    run(watched)
    assert read(watched, lost.id).disabled_at is not None
    assert [kind for kind, _ in told(other)] == ["destination_disabled"]


def test_killed_on_the_way_it_is_told_instead_once_under_one_id(watched: Database, room: Inbox, other: Inbox) -> None:
    places(watched, room, other)
    happened(watched, "late")
    announce.run(watched, VAULT, SETTINGS, NOW)
    copy, died, fatal = pristine(watched), 0, 1
    while True:
        other.received.clear()
        status = forked.call(killed.sending, f"sqlite:///{watched.url.database}", NOW, fatal, KEY)
        for minutes in (6, 12):
            with Http(allowed_networks=LOOPBACK, timeout=5) as http:
                notify.run(watched, VAULT, SETTINGS, http, NOW + timedelta(minutes=minutes))
        assert len({one.headers["webhook-id"] for one in other.received}) == 1
        assert [row.status for row in rows(watched)] == [FAILED, SENT]
        if status == 0:
            break
        died, fatal = died + 1, fatal + APART
        renewed(watched, copy)
    assert died > 10
