"""Invitations as others read them: a parser that is not ours, and a real CalDAV server (Radicale) over loopback.

A mail program that takes an invitation stores its event without METHOD (RFC 4791, 4.1), by plain PUT, and finds it
again by REPORT; that is what these tests do.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
import radicale
import radicale.config
import vobject
from samples import NOW, SCHEDULED, meeting

from warden.channels.base import Envelope
from warden.channels.email import Email, Options
from warden.messages import Attendee, MeetingContext, Message, meeting_cancelled, meeting_proposed, meeting_scheduled
from warden.wording import reader_of

UID = "5f0c8b0e-0000-4000-8000-000000000001@warden"
LONG = "我們要一起看的事情：" * 20 + "đối tác giao hàng trễ; cần họp, ngay\\nhôm nay"
CHANNEL = Email(Options(host="127.0.0.1", sender="warden@our.example", to=("ops@our.example",)))

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<D:prop><D:getetag/><C:calendar-data/></D:prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">
<C:time-range start="{start}" end="{end}"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def calendar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of an empty calendar on a Radicale of this module's own."""
    configuration = radicale.config.load()
    configuration.update(
        {
            "storage": {"filesystem_folder": str(tmp_path_factory.mktemp("radicale"))},
            "auth": {"type": "none"},
            "rights": {"type": "authenticated"},
            "logging": {"level": "critical"},
        },
        "tests",
        privileged=True,
    )
    with make_server("127.0.0.1", 0, radicale.Application(configuration), handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/lin/meetings/"
        with httpx.Client(base_url=address, auth=("lin", "any")) as client:
            assert client.request("MKCALENDAR", "").status_code == 201
            yield client
        server.shutdown()
        thread.join()


def calendar_of(message: Message, envelope: Envelope, now: datetime = NOW) -> bytes:
    """The calendar part of the mail, as it travels."""
    mail = message_from_bytes(CHANNEL.render(message, envelope, now), policy=policy.default)
    (part,) = [one for one in mail.walk() if one.get_content_type() == "text/calendar"]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def stored(body: bytes) -> bytes:
    """What a mail program stores of it."""
    return b"".join(line for line in body.splitlines(keepends=True) if not line.startswith(b"METHOD:"))


def find(calendar: httpx.Client, start: datetime, days: int = 1) -> list[str]:
    """What the server finds in a span of time."""
    times = {"start": f"{start:%Y%m%dT%H%M%SZ}", "end": f"{start + timedelta(days=days):%Y%m%dT%H%M%SZ}"}
    answer = calendar.request("REPORT", "", content=REPORT.format(**times), headers={"Depth": "1"})
    assert answer.status_code == 207
    return answer.text.split("BEGIN:VCALENDAR")[1:]


@pytest.mark.parametrize("locale", ["en", "zh-Hant", "zh-Hans", "vi"])
def test_another_parser_reads_what_was_written(envelope: Envelope, locale: str) -> None:
    reader = reader_of(locale, "Asia/Taipei")
    agenda = ({"message": "%(text)s", "params": {"text": LONG}},)
    message = meeting_scheduled(meeting(**SCHEDULED, agenda=agenda), reader)
    body = calendar_of(message, replace(envelope, reader=reader))
    assert all(len(line) <= 75 for line in body.split(b"\r\n")), "folded at 75 octets (RFC 5545, 3.1)"
    assert b"\n" not in body.replace(b"\r\n", b"")
    read = vobject.readOne(body.decode())
    event = read.vevent
    assert read.method.value == "REQUEST"
    assert (event.uid.value, event.sequence.value, event.status.value) == (UID, "1", "CONFIRMED")
    assert event.dtstart.value == SCHEDULED["starts_at"]
    assert event.dtend.value == SCHEDULED["starts_at"] + timedelta(hours=1)
    assert event.location.value == "Room 3; 台北"
    assert LONG in event.description.value
    assert message.invitation is not None
    assert event.summary.value == message.invitation.summary
    assert event.organizer.value == "mailto:warden@our.example"
    told = [(one.value, one.params["CN"], one.params["PARTSTAT"]) for one in event.attendee_list]
    assert told == [
        ("mailto:an@our.example", ["An Nguyễn"], ["NEEDS-ACTION"]),
        ("mailto:chen@our.example", ["陳, 美玲"], ["NEEDS-ACTION"]),
    ]


def test_whoever_answered_is_not_asked_again(envelope: Envelope) -> None:
    attendees = (
        Attendee("An", "an@our.example", "owner", "accepted"),
        Attendee("Bo", "bo@our.example", "sponsor", "declined"),
        Attendee("Cy", "cy@our.example", "deputy"),
    )
    body = calendar_of(meeting_scheduled(meeting(**SCHEDULED, attendees=attendees), envelope.reader), envelope)
    told = [
        (one.params["PARTSTAT"], one.params.get("RSVP")) for one in vobject.readOne(body.decode()).vevent.attendee_list
    ]
    assert told == [(["ACCEPTED"], None), (["DECLINED"], None), (["NEEDS-ACTION"], ["TRUE"])]


def test_a_calendar_server_takes_the_invitation_its_update_and_its_end(
    calendar: httpx.Client, envelope: Envelope
) -> None:
    def put(build: Any, context: MeetingContext, hour: int) -> httpx.Response:
        body = stored(calendar_of(build(context, envelope.reader), envelope, NOW + timedelta(hours=hour)))
        return calendar.put(f"{UID}.ics", content=body, headers={"Content-Type": "text/calendar; charset=utf-8"})

    assert put(meeting_proposed, meeting(), 0).status_code == 201
    (proposed,) = find(calendar, datetime(2026, 3, 9, tzinfo=UTC))
    assert "DTSTART;VALUE=DATE:20260309" in proposed
    assert "STATUS:TENTATIVE" in proposed

    assert put(meeting_scheduled, meeting(**SCHEDULED), 1).status_code in (201, 204)
    assert find(calendar, datetime(2026, 3, 9, tzinfo=UTC)) == [], "it is the same event, moved"
    (scheduled,) = find(calendar, datetime(2026, 3, 6, tzinfo=UTC))
    assert "SEQUENCE:1" in scheduled
    assert "DTSTART:20260306T010000Z" in scheduled

    moved = {**SCHEDULED, "starts_at": datetime(2026, 3, 11, 2, tzinfo=UTC), "sequence": 2}
    assert put(meeting_scheduled, meeting(**moved), 2).status_code in (201, 204)
    assert find(calendar, datetime(2026, 3, 6, tzinfo=UTC)) == []
    assert "SEQUENCE:2" in find(calendar, datetime(2026, 3, 11, tzinfo=UTC))[0]

    assert put(meeting_cancelled, meeting(**{**moved, "sequence": 3}), 3).status_code in (201, 204)
    (cancelled,) = find(calendar, datetime(2026, 3, 1, tzinfo=UTC), 30)
    assert "STATUS:CANCELLED" in cancelled
    assert "SEQUENCE:3" in cancelled
    stamps = [line for line in cancelled.splitlines() if line.startswith("DTSTAMP")]
    assert stamps == [f"DTSTAMP:{NOW + timedelta(hours=3):%Y%m%dT%H%M%SZ}"]
