"""Writing imported partners: all rows in the caller's transaction or, if anything is wrong with any, none."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Key
from warden.errors import Fault, InvalidInput
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
    """One identifier, normalised, and the column it stood in."""

    column: str
    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class AliasCell:
    """One alias and the flags it is given; without any, an alias the partner has keeps its own."""

    text: str
    flags: frozenset[str] = frozenset()


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
    aliases: Sequence[AliasCell] = ()


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
    taken = [row for row in rows if row.name in known]
    if on_conflict is OnConflict.STOP and taken:
        faults = [
            Fault(f"row {row.number}, column name", f"there is already a partner named {row.name}") for row in taken
        ]
        raise _refused(faults)
    chosen = rows if on_conflict is OnConflict.UPDATE else [row for row in rows if row.name not in known]
    people_ids: dict[PersonCells, uuid.UUID] = {}
    values = [_values(session, row, people_ids) for row in chosen]
    written = _write_partners(session, chosen, values, known, now)
    _write_aliases(session, written, now)
    _write_keys(session, written, now)
    updated = sum(row.name in known for row in chosen)
    return ImportResult(created=len(chosen) - updated, updated=updated, skipped=len(rows) - len(chosen))


def _values(session: Session, row: PartnerRow, people_ids: dict[PersonCells, uuid.UUID]) -> dict[str, Any]:
    """Return a row's fields, its people stored; `people_ids` are those stored already."""
    values = dict(row.values)
    for role, cells in row.people.items():
        values[f"{role}_id"] = people_ids.get(cells) or _person(session, role, cells)
        people_ids[cells] = values[f"{role}_id"]
    return values


def _person(session: Session, role: str, cells: PersonCells) -> uuid.UUID:
    person = people.get_or_create(
        session,
        email=cells.email,
        name=cells.name,
        locale=cells.locale,
        time_zone=cells.time_zone,
        ours=role != "counterpart",
    )
    return person.id


def _write_partners(
    session: Session,
    rows: Sequence[PartnerRow],
    values: Sequence[Mapping[str, Any]],
    known: Mapping[str, Partner],
    now: datetime,
) -> list[tuple[PartnerRow, Partner]]:
    given = list(zip(rows, values, strict=True))
    added = partners.create_many(
        session, [{"name": row.name, **own} for row, own in given if row.name not in known], now
    )
    partners.change_many(session, [(known[row.name], own) for row, own in given if row.name in known], now)
    by_name = {**known, **{partner.name: partner for partner in added}}
    return [(row, by_name[row.name]) for row in rows]


def _write_aliases(session: Session, written: Sequence[tuple[PartnerRow, Partner]], now: datetime) -> None:
    cells = [(partner, cell) for row, partner in written for cell in row.aliases]
    identifiers.add_aliases(session, [(partner, cell.text) for partner, cell in cells if not cell.flags], now)
    for partner, cell in cells:
        if cell.flags:
            identifiers.add_alias(
                session,
                partner,
                cell.text,
                now,
                case_sensitive="case_sensitive" in cell.flags,
                needs_context="needs_context" in cell.flags,
                exclude="exclude" in cell.flags,
            )


def _write_keys(session: Session, written: Sequence[tuple[PartnerRow, Partner]], now: datetime) -> None:
    cells = [(row, partner, cell) for row, partner in written for cell in row.keys]
    wanted = [(partner, Key(cell.scheme, cell.value)) for _row, partner, cell in cells]
    conflicts = identifiers.add_identifiers(session, wanted, now)
    if conflicts:
        places = [(cells[place], what) for place, what in conflicts.items()]
        raise _refused([Fault(f"row {row.number}, column {cell.column}", what) for (row, _, cell), what in places])


def _refused(faults: Sequence[Fault]) -> InvalidInput:
    return InvalidInput(f"The file was not imported: {len(faults)} faults.", faults)


def _existing(session: Session, names: Sequence[str]) -> dict[str, Partner]:
    found = {}
    for batch in in_batches(names):
        rows = session.scalars(select(Partner).where(Partner.name.in_(batch)))
        found.update({partner.name: partner for partner in rows})
    return found
