"""Answers to invitations: which mails bring one, from whom they count, and what hostile ones do: nothing."""

import uuid
from datetime import UTC, datetime

import pytest

from collectors.base import Reply
from collectors.replies import MAX_BYTES, read_replies

MEETING = uuid.UUID("7c6b5a49-3827-4615-8403-f2e1d0c9b877")
ANSWER = Reply(
    meeting_id=MEETING,
    attendee="tran@ours.example",
    partstat="accepted",
    sequence=2,
    at=datetime(2026, 3, 2, 9, tzinfo=UTC),
)


def calendar(
    *,
    uid: str = f"{MEETING}@warden",
    method: str = "REPLY",
    attendee: str = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:Tran@ours.example",
    lines: str = "SEQUENCE:2",
    stamp: str = "DTSTAMP:20260302T090000Z",
) -> str:
    event = f"BEGIN:VEVENT\r\nUID:{uid}\r\n{stamp}\r\n{attendee}\r\n{lines}\r\nEND:VEVENT"
    return f"BEGIN:VCALENDAR\r\nPRODID:-//x//EN\r\nVERSION:2.0\r\nMETHOD:{method}\r\n{event}\r\nEND:VCALENDAR\r\n"


def mail(body: str, sender: str = "Tran <tran@ours.example>") -> bytes:
    """As most programs send it: beside a text for people."""
    return (
        f"From: {sender}\r\nTo: warden@ours.example\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nTran accepts.\r\n"
        f"--b\r\nContent-Type: text/calendar; charset=UTF-8; method=REPLY\r\n\r\n{body}\r\n--b--\r\n"
    ).encode()


def test_an_answer_is_read() -> None:
    assert read_replies(mail(calendar())) == [ANSWER]


def test_an_answer_may_be_the_whole_mail_or_come_twice() -> None:
    alone = f"From: tran@ours.example\r\nContent-Type: text/calendar; method=REPLY\r\n\r\n{calendar()}".encode()
    twice = mail(calendar()).replace(
        b"--b--", b"--b\r\nContent-Type: application/ics\r\n\r\n" + calendar().encode() + b"\r\n--b--"
    )
    assert read_replies(alone) == read_replies(twice) == [ANSWER]


def test_a_comment_comes_along_as_plain_text() -> None:
    (reply,) = read_replies(mail(calendar(lines="SEQUENCE:2\r\nCOMMENT:在路上\\n see you\x07")))
    assert reply.comment == "在路上 see you"


@pytest.mark.parametrize(
    "body",
    [
        calendar(uid="somebody-elses@example.com"),
        calendar(uid=f"{MEETING}@warden.example"),
        calendar(method="REQUEST"),
        calendar(attendee="ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:tran@ours.example"),
        calendar(attendee="ATTENDEE;PARTSTAT=ACCEPTED:mailto:boss@ours.example"),  # not for others
        calendar(attendee="ATTENDEE;PARTSTAT=ACCEPTED:tran"),
        calendar(
            attendee="ATTENDEE;PARTSTAT=ACCEPTED:mailto:tran@ours.example\r\nATTENDEE;PARTSTAT=DECLINED:mailto:b@x.y"
        ),
        calendar(attendee="X-NOBODY:1"),
        calendar(stamp="DTSTAMP:yesterday"),
        calendar(stamp="X-STAMP:1"),
        calendar(lines="SEQUENCE:-1"),
        calendar(lines="SEQUENCE:99999999999"),
        calendar(lines="SEQUENCE:two"),
        calendar()[:-20],
        "",
    ],
)
def test_what_is_no_answer_of_the_writer_to_us_is_none(body: str) -> None:
    assert read_replies(mail(body)) == []


def test_an_answer_without_a_writer_or_from_another_one_is_none() -> None:
    assert read_replies(mail(calendar(), sender="boss@ours.example")) == []
    assert read_replies(mail(calendar(), sender="nobody")) == []


def test_hostile_mails_bring_nothing() -> None:
    deep = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\r\n\r\n--{n}\r\n' for n in range(1_500))
    assert read_replies(f"From: tran@ours.example\r\n{deep}".encode()) == []
    forwarded = "Content-Type: message/rfc822\r\n\r\n" * 1_500 + "Content-Type: text/calendar; method=REPLY\r\n\r\n"
    assert read_replies(f"From: tran@ours.example\r\n{forwarded}{calendar()}".encode()) == []
    assert read_replies(mail(calendar() + " " * MAX_BYTES)) == []
    events = calendar().replace("END:VEVENT", "END:VEVENT\r\n" + "BEGIN:VEVENT\r\n" * 50 + "END:VEVENT\r\n" * 50)
    assert read_replies(mail(events)) == []
    many = "".join(
        calendar(lines=f"SEQUENCE:{n}", attendee="ATTENDEE;PARTSTAT=DECLINED:mailto:tran@ours.example")
        for n in range(100)
    )
    assert len(read_replies(mail(many))) == 5
