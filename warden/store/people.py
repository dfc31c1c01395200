"""People: owners, sponsors and counterparts of partners. Accounts are not here."""

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import inspect, or_, select
from sqlalchemy.orm import Session

from warden.calendars import time_zones
from warden.domain import LOCALES
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Person
from warden.store import attendees, readdressing
from warden.store.paging import Page, page
from warden.store.visible import is_plain, is_visible

_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")


def email_fault(value: str) -> str | None:
    """Say what is wrong with an e-mail address, None when it looks like one."""
    if len(value) <= 320 and _EMAIL.fullmatch(value):
        return None
    return f"{value!r} is not an e-mail address, expected name@domain"


def get_or_create(
    session: Session,
    *,
    email: str,
    name: str | None = None,
    locale: str | None = None,
    time_zone: str | None = None,
    ours: bool = True,
) -> Person:
    """Return the person with this e-mail address, made if unknown and brought up to date with whatever is given.

    Raises InvalidInput for an address, locale or time zone that is none.
    """
    email = email.strip().lower()
    _refuse_faults(email, locale, time_zone, name)
    person = session.scalar(select(Person).where(Person.email == email))
    if person is None:
        person = Person(email=email, name=name or email.partition("@")[0], ours=ours)
        session.add(person)
    given = (("name", name), ("locale", locale), ("time_zone", time_zone))
    _change(session, person, {field: value for field, value in given if value})
    return person


def get(session: Session, person_id: uuid.UUID, *, lock: bool = False) -> Person:
    """Return one person, held against other writers if asked. Raises NotFound."""
    person = session.get(Person, person_id, with_for_update=lock or None, populate_existing=lock)
    if person is None:
        raise NotFound(f"There is no person {person_id}.")
    return person


def by_email(session: Session, email: str) -> Person | None:
    """Return the person with this e-mail address, None when there is none."""
    return session.scalar(select(Person).where(Person.email == email.strip().lower()))


def listing(session: Session, cursor: str | None, limit: int, *, ours: bool | None = None) -> Page[Person]:
    """Return people by e-mail address; `ours` tells our side from the partners'."""
    query = select(Person)
    if ours is not None:
        query = query.where(Person.ours.is_(ours))
    return page(session, query, Person.email, Person.id, cursor, limit)


def update(session: Session, person: Person, values: Mapping[str, Any]) -> None:
    """Change some of name, email, locale, time_zone and ours of a person that `get` locked.

    Open meetings they are asked to know them by their new address at once, and so does all they were told and are to be
    told of alerts. Raises InvalidInput or Conflict.
    """
    email = values.get("email", person.email).strip().lower()
    _refuse_faults(email, values.get("locale"), values.get("time_zone"), values.get("name"))
    if email != person.email and by_email(session, email) is not None:
        raise Conflict(f"There is already a person with the address {email}.")
    before = person.email
    _change(session, person, {**values, "email": email})
    if email != before:
        attendees.readdress(session, person)
        readdressing.follow(session, before, email)


def _change(session: Session, person: Person, values: Mapping[str, Any]) -> None:
    """Set fields, and raise the version of a person known before if that changes anything."""
    changed = {field: value for field, value in values.items() if getattr(person, field) != value}
    for field, value in changed.items():
        setattr(person, field, value)
    if changed and not inspect(person).pending:
        person.version += 1
    session.flush()


def search(session: Session, text: str, limit: int, *, ours: bool = True) -> Sequence[Person]:
    """Return people of one side whose name or address holds a text, whatever its case, by name."""
    holds = or_(Person.name.icontains(text, autoescape=True), Person.email.icontains(text, autoescape=True))
    query = select(Person).where(Person.ours.is_(ours), *([holds] if text else []))
    return session.scalars(query.order_by(Person.name, Person.email).limit(limit)).all()


def one_called(session: Session, text: str) -> Person | None:
    """Return the one of ours with this e-mail address or this name; None for nobody, or where several have the name."""
    text = text.strip()
    named_so = select(Person).where(Person.ours.is_(True), or_(Person.email == text.lower(), Person.name == text))
    found = session.scalars(named_so.order_by(Person.email != text.lower()).limit(2)).all()
    if found and (found[0].email == text.lower() or len(found) == 1):
        return found[0]
    return None


def named(session: Session, person_ids: Collection[uuid.UUID]) -> Sequence[Person]:
    """Return these people by name; ids of nobody are left out."""
    return session.scalars(select(Person).where(Person.id.in_(person_ids)).order_by(Person.name)).all()


def _refuse_faults(email: str, locale: str | None, time_zone: str | None, name: str | None) -> None:
    faults = []
    if name and not (is_visible(name) and is_plain(name)):
        faults.append(Fault("name", f"{name!a} is not a name without hidden characters"))
    if fault := email_fault(email):
        faults.append(Fault("email", fault))
    if locale and locale not in LOCALES:
        faults.append(Fault("locale", f"{locale!r} is not one of {', '.join(LOCALES)}"))
    if time_zone and time_zone not in time_zones():
        faults.append(Fault("time_zone", f"{time_zone!r} is not a time zone such as Asia/Taipei"))
    if faults:
        raise InvalidInput(f"The person {email!r} cannot be stored.", faults)
