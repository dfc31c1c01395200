"""What measures tell of each partner, quarter by quarter: surveys of both sides, milestones, compliance incidents.

Quarters and days are those of the calendar in the partner's own zone. It judges nothing.
"""

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from collectors.base import COMPLIANCE, MILESTONE
from warden import calendars
from warden.domain import FactKind
from warden.models import Attribution, Fact, Partner
from warden.store import numbers
from warden.store.counts import MET
from warden.store.facts import in_force
from warden.store.numbers import DAY_MICROS, SECOND_MICROS
from warden.store.periods import held

OURS, THEIRS = "satisfaction", "satisfaction_theirs"
"""Names of measures: how we see the partner, and how it sees us."""

NAMES = (OURS, THEIRS, MILESTONE, COMPLIANCE)
"""Every measure that is read here."""

WINDOW_DAYS = 730
"""Facts older than this are not looked at."""

LATEST_DAYS = 273
"""Quarters are told of only while the newest survey, or milestone, is no older than this: three quarters of a year."""

VIEW_DAYS = 200
"""A view older than this is not held against the other side's: half a year, and some."""

COMPLIANCE_DAYS = 90

_FEW_KEYS = 2_000  # up to here facts are found by key; beyond, all measures are read


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one partner. Empty or None: nothing can be said.

    surveys: mean result of each surveyed quarter, as entered, the newest first. missed: share of milestones missed of
    each quarter with any, the newest first. ours, theirs: mean of each side's results of the last VIEW_DAYS, as
    entered. compliance: incidents of the last COMPLIANCE_DAYS.
    """

    surveys: tuple[float, ...] = ()
    missed: tuple[float, ...] = ()
    ours: float | None = None
    theirs: float | None = None
    compliance: float | None = None


@dataclass(frozen=True, slots=True)
class _Rows:
    """Measures of one name as parallel arrays `(m,)`, by partner and then the newest first."""

    partner: NDArray[np.int64]
    age: NDArray[np.int64]  # whole days by the partner's calendar
    quarter: NDArray[np.int64]  # since 1970
    value: NDArray[np.float64]

    def within(self, days: int) -> "_Rows":
        """Return those of the last `days`."""
        return self.where(self.age < days)

    def where(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> "_Rows":
        """Return some of them, in their order or in that of the indices."""
        return _Rows(self.partner[which], self.age[which], self.quarter[which], self.value[which])


def measured(
    session: Session, partner_ids: Collection[uuid.UUID], at: datetime, *, known_at: datetime | None = None
) -> dict[uuid.UUID, Measured]:
    """Return what was known of partners of whom anything was measured in the two years up to `at`.

    Facts learned after `known_at` (None: `at`) are not looked at.

    A partner of whom no compliance incident was reported has none once anybody's were: who reports some would have
    reported these, too. While nobody's ever were, nothing is known.
    """
    ids, known_at = list(partner_ids), known_at or at
    read = _read(session, ids, at, known_at)
    surveys, theirs, milestones, compliance = (read.get(name, _NONE) for name in NAMES)
    anywhere = len(compliance.partner) > 0 or _ever_reported(session, at, known_at)
    means = _by_quarter(surveys)
    shares = _by_quarter(replace(milestones, value=(milestones.value < MET).astype(np.float64)))
    views = [_means(rows.within(VIEW_DAYS)) for rows in (surveys, theirs)]
    incidents = _sums(compliance.within(COMPLIANCE_DAYS))
    told = range(len(ids)) if anywhere else {*means, *shares, *views[0], *views[1]}
    return {
        ids[place]: Measured(
            surveys=means.get(place, ()),
            missed=shares.get(place, ()),
            ours=views[0].get(place),
            theirs=views[1].get(place),
            compliance=incidents.get(place, 0.0) if anywhere else None,
        )
        for place in told
    }


_NO_NUMBERS = np.zeros(0, dtype=np.int64)
_NONE = _Rows(_NO_NUMBERS, _NO_NUMBERS, _NO_NUMBERS, np.zeros(0, dtype=np.float64))


def _read(session: Session, ids: list[uuid.UUID], at: datetime, known_at: datetime) -> Mapping[str, _Rows]:
    """Return the measures of these partners by name."""
    place = {one: number for number, one in enumerate(ids)}
    query = select(Attribution.key_id, Attribution.partner_id).where(held(known_at, known_at))
    if len(ids) <= _FEW_KEYS:
        query = query.where(Attribution.partner_id.in_(ids))
    owner = {key_id: place[partner_id] for key_id, partner_id in session.execute(query) if partner_id in place}
    facts = select(Fact.name, Fact.key_id, numbers.micros_of(session, Fact.observed_at), Fact.number)
    facts = facts.where(*_reported(at, known_at), Fact.observed_at > at - timedelta(days=WINDOW_DAYS))
    if len(owner) <= _FEW_KEYS:
        facts = facts.where(Fact.key_id.in_(owner))
    zones, zone = _zones(session, place)
    today = np.array([int(calendars.today(at, name)) for name in zones], dtype=np.int64)
    found = {}
    for name, (keys, moments, value) in numbers.by_text(session, facts).items():
        row = np.array([owner.get(int(key), -1) for key in keys], dtype=np.int64)
        ours = row >= 0
        row, micros, value = row[ours], moments[ours].astype(np.int64), value[ours]
        day = (micros + calendars.offsets(zones, zone[row], micros // SECOND_MICROS) * SECOND_MICROS) // DAY_MICROS
        month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        order = np.lexsort((value, -micros, row))  # sums must not depend on the order of rows in the database
        rows = _Rows(row, np.maximum(today[zone[row]] - day, 0), month // 3, value)
        found[name] = rows.where(order)
    return found


def _reported(at: datetime, known_at: datetime) -> list[ColumnElement[bool]]:
    return [Fact.kind == FactKind.MEASURE, Fact.name.in_(NAMES), Fact.observed_at <= at, in_force(known_at)]


def _ever_reported(session: Session, at: datetime, known_at: datetime) -> bool:
    """Tell whether compliance incidents of any partner were reported by `at`."""
    query = select(Fact.id).where(*_reported(at, known_at), Fact.name == COMPLIANCE).limit(1)
    return session.scalar(query) is not None


def _zones(session: Session, place: Mapping[uuid.UUID, int]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the zones of these partners, and the number `(n,)` of each one's."""
    query = select(Partner.id, Partner.time_zone)
    if len(place) <= _FEW_KEYS:
        query = query.where(Partner.id.in_(place))
    known = {row.id: row.time_zone for row in session.execute(query)}
    zones = sorted({*known.values(), "UTC"})
    number = {name: order for order, name in enumerate(zones)}
    return zones, np.array([number[known.get(one, "UTC")] for one in place], dtype=np.int64)


def _groups(partner: NDArray[np.int64], second: NDArray[np.int64]) -> Iterator[tuple[int, slice]]:
    """Yield each partner and where the rows of each run of equal values lie."""
    if not len(partner):
        return
    starts = np.flatnonzero((np.diff(partner, prepend=-1) != 0) | (np.diff(second, prepend=second[0]) != 0))
    ends = np.append(starts[1:], len(partner))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        yield int(partner[start]), slice(start, end)


def _by_quarter(rows: _Rows) -> dict[int, tuple[float, ...]]:
    """Return the mean of each quarter, the newest first, by partner; without those whose newest is too old."""
    found: dict[int, list[float]] = {}
    for partner, where in _groups(rows.partner, rows.quarter):
        if partner in found or rows.age[where.start] < LATEST_DAYS:
            found.setdefault(partner, []).append(float(np.mean(rows.value[where])))
    return {partner: tuple(means) for partner, means in found.items()}


def _means(rows: _Rows) -> dict[int, float]:
    return {one: float(np.mean(rows.value[where])) for one, where in _groups(rows.partner, np.zeros_like(rows.partner))}


def _sums(rows: _Rows) -> dict[int, float]:
    """Return how many incidents were reported by partner; a figure is how many there were, never below 0."""
    counts = np.maximum(np.rint(rows.value), 0.0)
    return {one: float(np.sum(counts[where])) for one, where in _groups(rows.partner, np.zeros_like(rows.partner))}
