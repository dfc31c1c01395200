"""Who is asked to a meeting: its partner's owner and sponsors as they are today, and who stands in for those away.

They are kept on the meeting as {"person", "name", "email", "role"}: the person's id, so that another address loses
nobody, and the address of today. A deputy has "for", whom they stand in for. Besides: "partstat", what they answered;
"asked", since which SEQUENCE answers count; "before", addresses of theirs at which they were asked, too, until the
entry there is taken out.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from warden.domain import OPEN_MEETINGS
from warden.models import Meeting, Partner, Person
from warden.store import duty

Kept = Mapping[str, Any]
"""One attendee, as described above."""

_LASTING = ("partstat", "asked", "before")
"""What is known of an attendee beyond the part they have."""


def people_of(partner: Partner) -> Sequence[Person]:
    """Return owner, sponsor and counterpart of a partner, as far as they are named."""
    return [person for person in (partner.owner, partner.sponsor, partner.counterpart) if person is not None]


def owner_of(partner: Partner) -> Person | None:
    """Return who is to see that a meeting is held: the partner's owner, without one our sponsor."""
    return partner.owner or partner.sponsor


def of_partner(partner: Partner, stand_ins: Mapping[uuid.UUID, Person]) -> list[dict[str, Any]]:
    """Return the owner, both sponsors, and who stands in for those of ours who are away.

    One who has two parts appears once, in the first.
    """
    found: dict[str, dict[str, Any]] = {}
    parts = [("owner", partner.owner), ("sponsor", partner.sponsor), ("counterpart", partner.counterpart)]
    for role, person in parts:
        if person is not None:
            found.setdefault(str(person.id), _part(role, person))
    for principal in people_of(partner):
        deputy = stand_ins.get(principal.id)
        if deputy is not None:
            found.setdefault(str(deputy.id), {**_part("deputy", deputy), "for": str(principal.id)})
    return list(found.values())


def today(session: Session, meeting: Meeting, now: datetime, starts_at: datetime | None = None) -> list[dict[str, Any]]:
    """Return who is to attend as things are now, with what is known of those who were asked before.

    `starts_at`: the time it is being set to; None: its own. Where a time to come is set, exactly those stand in whose
    principals are away then. Else whoever stood in goes on to, and new principals are stood in for as they are away
    now. The meeting must be loaded as store.meetings.get does.
    """
    partner, before = meeting.partner, {one.get("person"): one for one in meeting.attendees}
    ours = {person.id for person in people_of(partner) if person.ours}
    set_to = starts_at or meeting.starts_at
    if set_to is not None and set_to > now:
        found = of_partner(partner, duty.standing_in(session, ours, set_to))
    else:
        new = {one for one in ours if str(one) not in before}
        found = of_partner(partner, duty.standing_in(session, new, now))
        found += _still_standing_in(meeting, partner, {one["person"] for one in found})
    return [{**_lasting(before.get(one["person"], {})), **one} for one in found]


def _part(role: str, person: Person) -> dict[str, Any]:
    return {"person": str(person.id), "name": person.name, "email": person.email, "role": role}


def _still_standing_in(meeting: Meeting, partner: Partner, listed: Collection[str]) -> Iterable[dict[str, Any]]:
    named = {str(person.id) for person in people_of(partner)}
    for one in meeting.attendees:
        is_needed = one["role"] == "deputy" and one.get("for") in (None, *named)  # None: of before that was noted
        if is_needed and one.get("person") not in listed:
            yield {name: value for name, value in one.items() if name not in _LASTING}


def _lasting(one: Kept) -> dict[str, Any]:
    return {name: one[name] for name in _LASTING if name in one}


def ids(attendees: Iterable[Kept]) -> set[uuid.UUID]:
    """Return the people among attendees; those of whom nothing but an address is known are left out."""
    return {uuid.UUID(one["person"]) for one in attendees if "person" in one}


def addresses(one: Kept) -> list[str]:
    """Return the addresses an attendee is asked at: that of today first."""
    return [one["email"], *one.get("before", ())]


def readdress(session: Session, person: Person) -> None:
    """Let open meetings write to the address a person has now, and remember those they were asked at before."""
    for meeting_id in _open_where(session, str(person.id), lambda one: one.get("person") == str(person.id)):
        meeting = session.get_one(Meeting, meeting_id, with_for_update=True)
        meeting.attendees = [
            _readdressed(one, person.email) if one.get("person") == str(person.id) else one for one in meeting.attendees
        ]
        meeting.version += 1
    session.flush()


def _readdressed(one: Kept, email: str) -> dict[str, Any]:
    return {**one, "email": email, "before": sorted({*addresses(one)} - {email})}


def readdressed(session: Session) -> list[uuid.UUID]:
    """Return the open meetings to which people were asked at addresses they no longer have."""
    return _open_where(session, '"before"', lambda one: bool(one.get("before")))


def _open_where(session: Session, word: str, is_meant: Callable[[Kept], bool]) -> list[uuid.UUID]:
    """Return the open meetings with an attendee who is meant; `word` stands in what is kept of every such one."""
    query = select(Meeting.id, Meeting.attendees).where(
        Meeting.status.in_(OPEN_MEETINGS), cast(Meeting.attendees, Text).contains(word, autoescape=True)
    )
    query = query.order_by(Meeting.id)
    return [row.id for row in session.execute(query) if any(is_meant(one) for one in row.attendees)]
