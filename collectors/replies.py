"""Answers to Warden's invitations in mails (RFC 5546 REPLY, RFC 6047). Written for hostile input; it knows no meeting.

An answer counts only if it comes from the attendee's own address: whether that address is genuine, the mail server's
checks (SPF, DKIM, DMARC) have to say.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message as Mail
from typing import Any
from uuid import UUID

from collectors.base import Reply
from collectors.calendar_events import UNREADABLE, CalendarError, calendars_in
from collectors.mail import addresses

MAX_BYTES = 131_072
"""Of one mail; an answer is some kilobytes."""
MAX_PARTS = 20
MAX_REPLIES = 5
"""In one mail; there is one."""
MAX_COMMENT = 500
MAX_SEQUENCE = 1_000_000

_OURS = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@warden", re.IGNORECASE)
_INSIDE = re.compile(rb"(?:multipart|message)/", re.IGNORECASE)
"""What a content type begins with that holds parts: of several kinds, or another mail."""
_ANSWERS = ("accepted", "declined", "tentative", "delegated")


def read_replies(raw: bytes) -> list[Reply]:
    """Return the answers to invitations of ours that a mail brings; none for any other mail."""
    if len(raw) > MAX_BYTES or len(_INSIDE.findall(raw)) > MAX_PARTS:
        return []  # the parser of mails descends into each part, by recursion
    mail = message_from_bytes(raw)
    writers = addresses(str(mail.get("From", ""))[:1000])
    return list(_replies(mail, writers[0]))[:MAX_REPLIES] if writers else []


def _replies(mail: Mail, writer: str) -> Iterator[Reply]:
    seen: set[Reply] = set()
    for part in list(mail.walk())[: 2 * MAX_PARTS]:
        if part.get_content_type() not in ("text/calendar", "application/ics"):
            continue
        body = part.get_payload(decode=True)
        try:
            calendars = calendars_in(body) if isinstance(body, bytes) else []
        except CalendarError:
            continue
        for calendar in calendars:
            if str(calendar.get("METHOD", "")).upper() == "REPLY":
                found = {reply for event in calendar.walk("VEVENT") for reply in _reply(event, writer)}
                yield from sorted(found - seen, key=lambda one: (one.sequence, one.at))
                seen |= found


def _reply(event: Any, writer: str) -> Iterator[Reply]:
    """Yield the answer of one event, if it is one, by the writer, to an invitation of ours."""
    named = _OURS.fullmatch(str(event.get("UID", "")))
    attendee = event.get("ATTENDEE")
    if named is None or attendee is None or isinstance(attendee, list):
        return
    who = addresses(re.sub("^mailto:", "", str(attendee)[:1000], flags=re.IGNORECASE))
    partstat = str(getattr(attendee, "params", {}).get("PARTSTAT", "")).lower()
    if who != [writer] or partstat not in _ANSWERS:
        return
    try:
        at, sequence = event["DTSTAMP"].dt, int(event.get("SEQUENCE", 0))
        if not isinstance(at, datetime) or not 0 <= sequence <= MAX_SEQUENCE or at.year < 2000:
            return
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except UNREADABLE:
        return
    comment = event.get("COMMENT", "")
    text = " ".join(str(comment[0] if isinstance(comment, list) else comment).split())
    yield Reply(
        meeting_id=UUID(named[1]),
        attendee=writer,
        partstat=partstat,
        sequence=sequence,
        at=at,
        comment="".join(letter for letter in text if letter.isprintable())[:MAX_COMMENT],
    )
