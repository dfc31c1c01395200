"""Facts counted per partner and day, and figures with their times: the arrays a panel is made of. It judges nothing.

A portfolio has millions of facts: each kind is read once, as whole numbers straight from the driver, and placed by
array operations. Of the conditions only those are asked for that SQLite answers in one pass over the table.
"""

from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Integer, case, cast, func, or_, select
from sqlalchemy.orm import Session

from collectors.base import MEETINGS, MILESTONE
from scorers.base import Counts, Events
from warden.calendars import FIRST_DAY
from warden.db import EPOCH, to_micros
from warden.domain import FactKind, MeetingStatus
from warden.models import Fact, Meeting
from warden.store import numbers
from warden.store.facts import of_kind
from warden.store.frame import Frame
from warden.store.numbers import SECOND_MICROS, Whole

LONGEST_DELAY = 10**9
"""Seconds: an answer that took longer than these 31 years counts as if it took them; what fits a whole number must."""

MOST_MEETINGS = 1_000
"""That one fact can tell of: more is a mistake and counts as this."""

MET = 0.5
"""A milestone of less was missed."""

Figures = tuple[Whole, Whole, Whole, NDArray[np.float64]]
"""Row, column, microseconds since 1970 and value of each measure `(m,)`."""

_NOTHING = np.zeros(0, dtype=np.int64)
_NO_FIGURES: Figures = (_NOTHING, _NOTHING, _NOTHING, np.zeros(0))

_NEVER = -1


def messages(session: Session, frame: Frame) -> tuple[dict[str, Counts], Events]:
    """Return counts of messages and of conversations begun, by who wrote, and the partners' replies to us, in hours."""
    moment = numbers.micros_of(session, Fact.observed_at) // SECOND_MICROS - frame.begins
    span = int((frame.until - EPOCH).total_seconds()) - frame.begins + 1
    # Two numbers a row cost half of four: an answer has its delay, which is not negative; any other its thread, below.
    who_when = (Fact.key_id * span + moment) * 2 + cast(Fact.sent, Integer)
    delay = case((Fact.number < LONGEST_DELAY, numbers.whole_part(session, Fact.number)), else_=LONGEST_DELAY)
    delay_or_thread = case((Fact.number.is_(None), -1 - func.coalesce(Fact.thread, 0)), else_=delay)
    conditions = [of_kind(FactKind.MESSAGE), *_between(frame), *frame.known()]
    found = numbers.columns(session, select(who_when, delay_or_thread).where(*conditions))
    row = frame.rows_of(found[0] // 2 // span)
    ours = row >= 0
    row, (rows, delays) = row[ours], (column[ours] for column in found)
    sent, at = rows % 2, (rows // 2 % span + frame.begins) * SECOND_MICROS
    day = frame.columns_of(row, at)
    begun = _first_of_threads(row, np.maximum(-1 - delays, 0), at * 2 + sent)
    answered = (sent == 0) & (delays >= 0) & (day >= 0)
    replies = _events(frame, row[answered], at[answered], delays[answered] / 3600)
    return {
        "received": _count(frame, row, day, sent == 0),
        "sent": _count(frame, row, day, sent == 1),
        "threads_in": _count(frame, row, day, begun & (sent == 0)),
        "threads_out": _count(frame, row, day, begun & (sent == 1)),
    }, replies


def _first_of_threads(row: Whole, thread: Whole, order: Whole) -> NDArray[np.bool_]:
    """Return whether each message is the first of its thread with that partner; thread 0 is none."""
    first = np.zeros(len(row), dtype=bool)
    named = np.flatnonzero(thread)
    named = named[np.lexsort((order[named], row[named], thread[named]))]
    new = (np.diff(thread[named], prepend=0) != 0) | (np.diff(row[named], prepend=-1) != 0)
    first[named[new]] = True
    return first


def deliveries(session: Session, frame: Frame) -> dict[str, Counts]:
    """Return counts of deliveries by due date (due, late of these) and by the day they were made."""
    query = select(
        Fact.key_id,
        numbers.date_number(session, Fact.due_on),
        func.coalesce(numbers.date_number(session, Fact.made_on), _NEVER),
        func.coalesce(numbers.micros_of(session, Fact.made_at), _NEVER),
    )
    monday = date.fromordinal(frame.first + FIRST_DAY)
    recent = or_(Fact.due_on >= monday, Fact.made_on >= monday, Fact.made_at >= _beginning(frame))
    query = query.where(recent, *frame.known())
    if frame.until < frame.as_of:  # what was late by then stays so, whatever was heard of it since
        query = query.where(or_(Fact.observed_at <= frame.until, Fact.due_on < frame.until.date()))
    key, due, made_on, made_at = numbers.columns(session, query)
    row = frame.rows_of(key)
    ours = row >= 0
    row, due, made_on, made_at = row[ours], due[ours], made_on[ours], made_at[ours]
    made = made_on.copy()
    timed = (made_on == _NEVER) & (made_at != _NEVER)
    made[timed] = frame.columns_of(row[timed], made_at[timed]) + frame.first
    today, last = (np.floor(days).astype(np.int64)[row] for days in (frame.today, frame.last))
    seen = (made != _NEVER) & (made <= last) & (~timed | (made_at <= to_micros(frame.until)))
    late = np.where(seen, made > due, due < today)
    counted = seen | (due < today)
    return {
        "due": _count(frame, row, due - frame.first, counted),
        "late": _count(frame, row, due - frame.first, counted & late),
        "made": _count(frame, row, made - frame.first, seen),
    }


def measures(session: Session, frame: Frame) -> tuple[dict[str, Counts], dict[str, Events]]:
    """Return counts of meetings held and of milestones, due and missed, and all other measures by name."""
    query = select(Fact.name, Fact.key_id, numbers.micros_of(session, Fact.observed_at), Fact.number)
    query = query.where(Fact.kind == FactKind.MEASURE, *_between(frame), *frame.known())
    read = {name: _figures(frame, *columns) for name, columns in numbers.by_text(session, query).items()}
    row, day, _, value = read.pop(MILESTONE, _NO_FIGURES)
    counts = {"milestones": _count(frame, row, day), "missed": _count(frame, row, day, value < MET)}
    told = [read.pop(name, _NO_FIGURES) for name in MEETINGS]
    row, day, value = (np.concatenate([figures[place] for figures in told]) for place in (0, 1, 3))
    own_row, own_day = _own_meetings(session, frame)
    times = np.concatenate([np.clip(np.rint(value), 0, MOST_MEETINGS), np.ones(len(own_row))])
    counts["met"] = _count(frame, np.concatenate([row, own_row]), np.concatenate([day, own_day]), times=times)
    events = {name: _events(frame, row, at, value) for name, (row, _, at, value) in read.items()}
    return counts, events


def _figures(
    frame: Frame, keys: NDArray[np.float64], moments: NDArray[np.float64], value: NDArray[np.float64]
) -> Figures:
    """Return the measures that are of the panel's partners and days; a double holds keys and moments exactly."""
    row, at = frame.rows_of(keys.astype(np.int64)), moments.astype(np.int64)
    ours = row >= 0
    row, at, value = row[ours], at[ours], value[ours]
    day = frame.columns_of(row, at)
    inside = day >= 0
    return row[inside], day[inside], at[inside], value[inside]


def _own_meetings(session: Session, frame: Frame) -> tuple[Whole, Whole]:
    """Return (row, column) of the executive meetings held that Warden itself had proposed."""
    query = select(Meeting.partner_id, numbers.micros_of(session, Meeting.held_at))
    query = query.where(Meeting.status == MeetingStatus.HELD, Meeting.held_at <= frame.until)
    query = query.where(Meeting.recorded_at <= frame.known_at)
    held = [(frame.rows[partner], at) for partner, at in session.execute(query) if partner in frame.rows]
    row = np.array([place for place, _ in held], dtype=np.int64)
    return row, frame.columns_of(row, np.array([at for _, at in held], dtype=np.int64))


def _between(frame: Frame) -> list[ColumnElement[bool]]:
    """Return the conditions that a fact came true in the panel's days or a little before, and by `until`."""
    return [Fact.observed_at >= _beginning(frame), Fact.observed_at <= frame.until]


def _beginning(frame: Frame) -> datetime:
    return EPOCH + timedelta(seconds=frame.begins)


def _events(frame: Frame, row: Whole, micros: Whole, value: NDArray[np.float64]) -> Events:
    """Return events by partner, time and value: sums of them must not depend on the order of rows in the database."""
    order = np.lexsort((value, micros, row))
    row, micros, value = row[order], micros[order], value[order]
    return Events(partner=row.astype(np.intp), age_days=frame.ages_of(row, micros), value=value)


def _count(
    frame: Frame,
    row: Whole,
    day: Whole,
    which: NDArray[np.bool_] | None = None,
    *,
    times: NDArray[np.float64] | None = None,
) -> Counts:
    """Count the chosen rows per partner and day, each once or `times`; days outside the panel are left out."""
    chosen = (day >= 0) & (day < frame.days)
    if which is not None:
        chosen &= which
    place = row[chosen] * frame.days + day[chosen]
    weight = None if times is None else times[chosen]
    shape = frame.partners, frame.days
    if not len(place):
        return np.broadcast_to(np.zeros(1, dtype=np.uint16), shape)  # takes no memory
    counts: Counts = np.zeros(shape, dtype=np.uint16)
    once = np.uint16(1) if weight is None else weight.astype(np.uint16)
    np.add.at(counts.reshape(-1), place, once)  # of one type: else 15 × slower
    if int(counts.sum(dtype=np.int64)) != (len(place) if weight is None else int(weight.sum())):
        # More than 65,535 of one day.
        counts = np.bincount(place, weights=weight, minlength=counts.size).astype(np.uint32).reshape(shape)
    return counts
