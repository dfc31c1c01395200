"""Writing imported partners: all rows in the caller's transaction or, if anything is wrong with any, none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.errors import Conflict, Fault, InvalidInput
from warden.models import Partner
from warden.store import identifiers, partners, people
from warden.store.batches import in_batches


class OnConflict(StrEnum):
    """What to do with a row whose partner exists already."""

    STOP = "stop"  # refuse the file
    SKIP = "skip"  # leave the partner as it is
    UPDATE = "update"  # change what the row gives; empty cells change nothing


@dataclass(frozen=True, slots=True)
class PersonCells:
    """A person as a row gives them; `column` is where the address stood."""

    column: str
    email: str
    name: str | None = None
    locale: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class KeyCell:
    """One identifier and the column it stood in."""

    column: str
    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class PartnerRow:
    """One row, read and checked by itself. `values` are fields of store.partners, only those the row gives.

    `people` by role: owner, sponsor, counterpart.
    """

    number: int
    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    people: Mapping[str, PersonCells] = field(default_factory=dict)
    keys: Sequence[KeyCell] = ()
    aliases: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, or with `faults` what kept it from doing anything. `ignored`: headers nobody knows."""

    created: int = 0
    updated: int = 0
    skipped: int = 0
    faults: tuple[Fault, ...] = ()
    ignored: tuple[str, ...] = ()


def write(session: Session, rows: Sequence[PartnerRow], on_conflict: OnConflict, now: datetime) -> ImportResult:
    """Store the rows. Raises InvalidInput listing every fault of every row; the caller then rolls back."""
    known = _existing(session, [row.name for row in rows])
    done = Counter[str]()
    faults: list[Fault] = []
    for row in rows:
        if row.name in known and on_conflict is OnConflict.STOP:
            faults.append(Fault(f"row {row.number}, column name", f"there is already a partner named {row.name}"))
        elif row.name in known and on_conflict is OnConflict.SKIP:
            done["skipped"] += 1
        else:
            done["updated" if row.name in known else "created"] += 1
            faults += _write_row(session, row, known.get(row.name), now)
    if faults:
        raise InvalidInput(f"The file was not imported: {len(faults)} faults.", faults)
    return ImportResult(created=done["created"], updated=done["updated"], skipped=done["skipped"])


def _write_row(session: Session, row: PartnerRow, partner: Partner | None, now: datetime) -> list[Fault]:
    """Store one row and return what kept parts of it from being stored."""
    values = {**row.values, **_people(session, row)}
    if partner is None:
        partner = partners.create(session, {"name": row.name, **values}, now)
    else:
        partner = partners.update(session, partner.id, values, version=None, now=now)
    for alias in row.aliases:
        identifiers.add_alias(session, partner, alias, now)
    faults = []
    for key in row.keys:
        try:
            identifiers.add_identifier(session, partner, key.scheme, key.value, now)
        except Conflict as error:
            faults.append(Fault(f"row {row.number}, column {key.column}", str(error)))
    return faults


def _people(session: Session, row: PartnerRow) -> dict[str, Any]:
    ids = {}
    for role, cells in row.people.items():
        person = people.get_or_create(
            session,
            email=cells.email,
            name=cells.name,
            locale=cells.locale,
            time_zone=cells.time_zone,
            ours=role != "counterpart",
        )
        ids[f"{role}_id"] = person.id
    return ids


def _existing(session: Session, names: Sequence[str]) -> dict[str, Partner]:
    found = {}
    for batch in in_batches(names):
        found.update(
            {partner.name: partner for partner in session.scalars(select(Partner).where(Partner.name.in_(batch)))}
        )
    return found
