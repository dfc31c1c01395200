"""Who is on duty, who is away, and who stands in: asked at the moment somebody is to be told."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Absence, Deputy, Duty, Person
from warden.store.paging import Page, page


def on_duty(session: Session, at: datetime) -> Person | None:
    """Return who is on duty, without looking for a deputy; of several whoever began last."""
    query = select(Duty).where(Duty.starts_at <= at, Duty.ends_at > at).options(joinedload(Duty.person))
    found = session.scalars(query.order_by(Duty.starts_at.desc(), Duty.id)).first()
    return found.person if found else None


def standing_in(session: Session, person_ids: Collection[uuid.UUID], at: datetime) -> dict[uuid.UUID, Person]:
    """Return who stands in for those of the people who are away, by person.

    The deputy the absence names, else the standing one; if that one is away too, theirs, and so on. Whoever is here, or
    has nobody standing in, is left out.
    """
    away = {
        row.person_id: row.deputy_id
        for row in session.scalars(
            select(Absence).where(Absence.starts_at <= at, Absence.ends_at > at).order_by(Absence.starts_at, Absence.id)
        )
    }
    if not away.keys() & set(person_ids):
        return {}
    standing = {row.person_id: row.deputy_id for row in session.scalars(select(Deputy))}
    found = {one: _followed(one, away, standing) for one in person_ids if one in away}
    chosen = {deputy for deputy in found.values() if deputy is not None}
    people = {person.id: person for person in session.scalars(select(Person).where(Person.id.in_(chosen)))}
    return {one: people[deputy] for one, deputy in found.items() if deputy is not None}


def _followed(
    person_id: uuid.UUID, away: Mapping[uuid.UUID, uuid.UUID | None], standing: Mapping[uuid.UUID, uuid.UUID]
) -> uuid.UUID | None:
    """Follow deputies until one is here; None when there is none, or when they stand in for each other."""
    passed = {person_id}
    deputy = away[person_id] or standing.get(person_id)
    while deputy is not None and deputy in away:
        if deputy in passed:
            return None
        passed.add(deputy)
        deputy = away[deputy] or standing.get(deputy)
    return deputy if deputy not in passed else None


def stand_in(session: Session, person: Person, at: datetime) -> Person:
    """Return who is to be told in a person's place: the person, unless away with somebody standing in."""
    return standing_in(session, [person.id], at).get(person.id, person)


def set_deputy(session: Session, person_id: uuid.UUID, deputy_id: uuid.UUID | None) -> None:
    """Set or take away who stands in whenever an absence names nobody. Raises InvalidInput for oneself."""
    if person_id == deputy_id:
        raise InvalidInput("Nobody stands in for themselves.", [Fault("deputy_id", "is the person; expected another")])
    found = session.get(Deputy, person_id)
    if deputy_id is None:
        if found is not None:
            session.delete(found)
    elif found is None:
        session.add(Deputy(person_id=person_id, deputy_id=deputy_id))
    else:
        found.deputy_id = deputy_id
    session.flush()


def deputies(session: Session) -> list[Deputy]:
    """Return the standing deputies, each with the deputy's row."""
    return list(session.scalars(select(Deputy).options(joinedload(Deputy.deputy)).order_by(Deputy.person_id)))


def add_absence(
    session: Session,
    *,
    person_id: uuid.UUID,
    deputy_id: uuid.UUID | None,
    starts_at: datetime,
    ends_at: datetime,
    author: str,
    now: datetime,
) -> Absence:
    """Note that somebody is away. Raises InvalidInput, or Conflict where another absence of theirs overlaps."""
    faults = _span_faults(starts_at, ends_at)
    if deputy_id == person_id:
        faults.append(Fault("deputy_id", "is the person who is away; expected another"))
    if faults:
        raise InvalidInput(f"The absence cannot be stored: {faults[0]}.", faults)
    overlaps = select(Absence.id).where(
        Absence.person_id == person_id, Absence.starts_at < ends_at, Absence.ends_at > starts_at
    )
    if session.scalar(overlaps.limit(1)) is not None:
        raise Conflict("This person is away at that time already.")
    absence = Absence(
        person_id=person_id,
        deputy_id=deputy_id,
        starts_at=starts_at,
        ends_at=ends_at,
        author=author,
        created_at=now,
    )
    session.add(absence)
    session.flush()
    return absence


def absences(
    session: Session, cursor: str | None, limit: int, *, ending_after: datetime | None = None
) -> Page[Absence]:
    """Return one page of absences, the last to begin first, with the people."""
    query = select(Absence).options(joinedload(Absence.person), joinedload(Absence.deputy))
    if ending_after is not None:
        query = query.where(Absence.ends_at > ending_after)
    return page(session, query, Absence.starts_at, Absence.id, cursor, limit, descending=True)


def remove_absence(session: Session, absence_id: uuid.UUID) -> None:
    """Take an absence back. Raises NotFound."""
    found = session.get(Absence, absence_id)
    if found is None:
        raise NotFound(f"There is no absence {absence_id}.")
    session.delete(found)
    session.flush()


def add(
    session: Session, *, person_id: uuid.UUID, starts_at: datetime, ends_at: datetime, author: str, now: datetime
) -> Duty:
    """Put somebody on duty. Raises InvalidInput, or Conflict where somebody else is on duty at that time."""
    faults = _span_faults(starts_at, ends_at)
    if faults:
        raise InvalidInput(f"The duty cannot be stored: {faults[0]}.", faults)
    overlaps = select(Duty.id).where(Duty.starts_at < ends_at, Duty.ends_at > starts_at)
    if session.scalar(overlaps.limit(1)) is not None:
        raise Conflict("Somebody is on duty at that time already.")
    duty = Duty(person_id=person_id, starts_at=starts_at, ends_at=ends_at, author=author, created_at=now)
    session.add(duty)
    session.flush()
    return duty


def listing(session: Session, cursor: str | None, limit: int, *, ending_after: datetime | None = None) -> Page[Duty]:
    """Return one page of who is on duty when, the last to begin first, with the people."""
    query = select(Duty).options(joinedload(Duty.person))
    if ending_after is not None:
        query = query.where(Duty.ends_at > ending_after)
    return page(session, query, Duty.starts_at, Duty.id, cursor, limit, descending=True)


def remove(session: Session, duty_id: uuid.UUID) -> None:
    """Take a duty back. Raises NotFound."""
    found = session.get(Duty, duty_id)
    if found is None:
        raise NotFound(f"There is no duty {duty_id}.")
    session.delete(found)
    session.flush()


def _span_faults(starts_at: datetime, ends_at: datetime) -> list[Fault]:
    return [] if starts_at < ends_at else [Fault("ends_at", "is not after its beginning")]
