"""Answers to invitations, as they came in by mail: kept, and the newest of each attendee counts."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Reply
from warden.domain import OPEN_MEETINGS
from warden.models import Meeting, MeetingReply
from warden.store import attendees
from warden.store.meetings import NEEDS_ACTION

MOST_OF_ONE = 50
"""Answers of one attendee to one meeting that are kept, the newest ones: however many come, the next one counts."""


def note(session: Session, replies: Iterable[Reply], now: datetime) -> int:
    """Write down answers to invitations of ours and let them count; return how many were new.

    Answers to other invitations, and of people who were not asked, are left out; an address that an attendee had before
    counts until the entry there is taken out. An answer to a time that is no longer
    the meeting's is kept and does not count, nor does one to an invitation that was never sent.
    """
    new = 0
    for reply in replies:
        meeting = session.get(Meeting, reply.meeting_id, with_for_update=True)
        asked = [one for one in meeting.attendees if reply.attendee in _addresses(one)] if meeting is not None else []
        if meeting is not None and asked:
            new += _note(session, meeting, asked[0], reply, now)
    return new


def of_meeting(session: Session, meeting_id: uuid.UUID) -> list[MeetingReply]:
    """Return all answers, newest first."""
    query = select(MeetingReply).where(MeetingReply.meeting_id == meeting_id)
    return list(session.scalars(query.order_by(MeetingReply.at.desc(), MeetingReply.sequence.desc(), MeetingReply.id)))


def _addresses(one: Mapping[str, Any]) -> list[str]:
    return [address.lower() for address in attendees.addresses(one)]


def _note(session: Session, meeting: Meeting, asked: Mapping[str, Any], reply: Reply, now: datetime) -> bool:
    own = select(MeetingReply).where(MeetingReply.meeting_id == meeting.id, MeetingReply.email.in_(_addresses(asked)))
    known = list(session.scalars(own))
    at = min(reply.at, now)  # somebody's clock is ahead: it must not outdate what they say next
    if any((one.sequence, one.at) == (reply.sequence, at) for one in known):
        return False
    if len(known) >= MOST_OF_ONE:
        oldest = min(known, key=lambda one: (one.sequence, one.at))
        if (reply.sequence, at) < (oldest.sequence, oldest.at):
            return False
        session.delete(oldest)
        known.remove(oldest)
    row = MeetingReply(
        meeting_id=meeting.id,
        email=reply.attendee,
        partstat=reply.partstat,
        sequence=reply.sequence,
        comment=reply.comment,
        at=at,
        recorded_at=now,
    )
    session.add(row)
    if meeting.status in OPEN_MEETINGS:
        _count(meeting, asked, [*known, row])
    session.flush()
    return True


def _count(meeting: Meeting, asked: Mapping[str, Any], answers: list[MeetingReply]) -> None:
    """Let the newest answer to the meeting as it stands be the attendee's."""
    valid = [answer for answer in answers if asked.get("asked", 0) <= answer.sequence <= meeting.sequence]
    newest = max(valid, key=lambda answer: (answer.sequence, answer.at), default=None)
    standing = newest.partstat if newest else asked.get("partstat", NEEDS_ACTION)
    listed = [{**one, "partstat": standing} if one == asked else one for one in meeting.attendees]
    if listed != meeting.attendees:
        meeting.attendees = listed
        meeting.version += 1
