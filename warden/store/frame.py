"""The frame of a panel: whom and which days it is about, and whose each key was. It reads no facts."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from warden import calendars
from warden.calendars import WEEK
from warden.domain import WATCHED_STAGES
from warden.models import Attribution, Fact, PartnerVersion
from warden.store.facts import in_force
from warden.store.numbers import DAY_MICROS, SECOND_MICROS, Whole
from warden.store.periods import held, valid

_MONDAY = 4  # 1970-01-05, in days since 1970
_FEW_KEYS = 2_000  # up to here rows are found by key; beyond, all rows of the kind are read
_WIDEST = 15 * 3600  # seconds by which a zone can lie before or behind UTC, and some


@dataclass(frozen=True, slots=True)
class Frame:
    """Who and when a panel is about. Days are counted from 1970-01-01, in each partner's own zone.

    rows: the row of each partner. row_of_key: `row_of_key[key id]` is the partner's row, -1 for keys of nobody here.
    few_keys: the keys of these partners when they are few, else None.
    zones, zone: the time zones there are, and `(n,)` the number of each partner's.
    today: `(n,)` the date at `as_of`, with the time of day as a fraction. first: the Monday of column 0.
    until, last: facts that came true later are left out; `as_of` and `today`, unless time alone is to pass.
    """

    rows: Mapping[uuid.UUID, int]
    countries: list[str | None]
    zones: list[str]
    zone: Whole
    row_of_key: NDArray[np.int32]
    few_keys: list[int] | None
    as_of: datetime
    known_at: datetime
    until: datetime
    today: NDArray[np.float64]
    last: NDArray[np.float64]
    first: int
    days: int

    @property
    def partners(self) -> int:
        """Number of partners."""
        return len(self.rows)

    @property
    def begins(self) -> int:
        """A moment before column 0 begins anywhere, in seconds since 1970."""
        return self.first * calendars.DAY_SECONDS - _WIDEST

    def known(self) -> list[ColumnElement[bool]]:
        """Return the conditions for facts known at `known_at`; for few partners, for theirs only."""
        conditions = [in_force(self.known_at)]
        return conditions if self.few_keys is None else [*conditions, Fact.key_id.in_(self.few_keys)]

    def rows_of(self, key_ids: Whole) -> Whole:
        """Return each key's row of the panel, -1 for keys of nobody in it."""
        inside = key_ids < len(self.row_of_key)
        return np.where(inside, self.row_of_key[np.where(inside, key_ids, 0)], -1).astype(np.int64)

    def columns_of(self, rows: Whole, micros: Whole) -> Whole:
        """Return the column of moments in microseconds since 1970, each in the zone of the partner in that row."""
        return self._local(rows, micros) // DAY_MICROS - self.first

    def ages_of(self, rows: Whole, micros: Whole) -> NDArray[np.float64]:
        """Return how many days ago moments were by the clock on the partner's wall, so that days agree with columns.

        0 for what the clock, put back since, shows to come yet.
        """
        return np.maximum(self.today[rows] - self._local(rows, micros) / DAY_MICROS, 0.0)

    def _local(self, rows: Whole, micros: Whole) -> Whole:
        """Return microseconds since 1970 by the clock on the partner's wall."""
        east = calendars.offsets(self.zones, self.zone[rows], micros // SECOND_MICROS)
        return micros + east * SECOND_MICROS


def frame_of(
    session: Session,
    history_days: int,
    as_of: datetime,
    known_at: datetime,
    until: datetime,
    partner_ids: Sequence[uuid.UUID] | None,
    configured_at: datetime,
) -> Frame:
    """Return the frame of the watched partners, all or of a few, by id; attributes and keys are as of `configured_at`.

    The columns do not depend on which partners are asked for.
    """
    found = _watched(session, configured_at)
    zones = sorted({row.time_zone for row in found})
    number = {zone: place for place, zone in enumerate(zones)}
    until = min(until, as_of)
    local, seen = (
        np.array([calendars.today(moment, zone) for zone in zones], dtype=np.float64) for moment in (as_of, until)
    )
    last = int(np.max(local, initial=calendars.today(as_of, "UTC")))
    first = last + 1 - history_days
    first -= (first - _MONDAY) % WEEK
    wanted = None if partner_ids is None else set(partner_ids)
    kept = [row for row in found if wanted is None or row.id in wanted]
    zone = np.array([number[row.time_zone] for row in kept], dtype=np.int64)
    rows = {row.id: place for place, row in enumerate(kept)}
    row_of_key, few_keys = _keys(session, rows, configured_at, known_at)
    return Frame(
        rows=rows,
        countries=[calendars.calendar_of(row.country, row.time_zone) for row in kept],
        zones=zones,
        zone=zone,
        row_of_key=row_of_key,
        few_keys=few_keys,
        as_of=as_of,
        known_at=known_at,
        until=until,
        today=local[zone],
        last=seen[zone],
        first=first,
        days=last + 1 - first,
    )


def _watched(session: Session, at: datetime) -> Sequence[Any]:
    columns = (PartnerVersion.partner_id.label("id"), PartnerVersion.country, PartnerVersion.time_zone)
    query = select(*columns).where(valid(PartnerVersion, at), PartnerVersion.stage.in_(WATCHED_STAGES))
    return session.execute(query.order_by(PartnerVersion.partner_id)).all()


def _keys(
    session: Session, rows: Mapping[uuid.UUID, int], at: datetime, known_at: datetime
) -> tuple[NDArray[np.int32], list[int] | None]:
    query = select(Attribution.key_id, Attribution.partner_id).where(held(at, known_at))
    if len(rows) <= _FEW_KEYS:
        query = query.where(Attribution.partner_id.in_(rows))
    owned = [(key_id, rows[partner_id]) for key_id, partner_id in session.execute(query) if partner_id in rows]
    row_of_key = np.full(max((key_id for key_id, _row in owned), default=0) + 1, -1, dtype=np.int32)
    for key_id, row in owned:
        row_of_key[key_id] = row
    return row_of_key, [key_id for key_id, _row in owned] if len(owned) <= _FEW_KEYS else None
