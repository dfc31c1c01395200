"""The panel: the portfolio's facts up to one moment as dense arrays for the scorers. It scores nothing."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Integer, case, cast, func, select
from sqlalchemy.orm import Session

from scorers.base import Floats, Incidents, Panel
from warden.db import EPOCH, to_micros
from warden.domain import WATCHED_STAGES, FactKind
from warden.models import Fact, FactKey, Mention, Partner
from warden.settings import Settings
from warden.store import blindness, numbers
from warden.store.facts import in_force
from warden.store.numbers import DAY_MICROS, Whole

FAMILIES: Mapping[FactKind, str] = {
    FactKind.MESSAGE: "communication",
    FactKind.DELIVERY: "delivery",
    FactKind.ARTICLE: "sentiment",
}
"""The family of signals each kind of fact feeds."""

_DAY = timedelta(days=1)
_FIRST = date(1970, 1, 1).toordinal()
_NEVER = -1
_MARKS = {FactKind.MESSAGE: Fact.sent, FactKind.DELIVERY: Fact.due_on}  # columns that facts of one kind alone have
_FEW_KEYS = 2_000  # up to here rows are found by key; beyond, all rows of the kind are read
_FEW_PARTNERS = 2_000  # up to here articles are found by the partner they name
_STORY = timedelta(hours=72)  # articles on one event of one partner within this time tell one story

Counts = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Who and when a panel is about. `row_of_key[key id]` is the partner's row, -1 for keys of nobody here."""

    partner_ids: list[uuid.UUID]
    zones: list[str]
    row_of_key: NDArray[np.int32]
    few_keys: list[int] | None
    as_of: datetime
    known_at: datetime
    days: int

    @property
    def last_day(self) -> int:
        """The UTC day of `as_of`, in days since 1970."""
        return to_micros(self.as_of) // DAY_MICROS

    @property
    def first_day(self) -> int:
        """The UTC day of column 0."""
        return self.last_day - self.days + 1

    def known(self) -> list[ColumnElement[bool]]:
        """Return the conditions for facts known at `known_at`; for few partners, for theirs only."""
        conditions = [in_force(self.known_at)]
        return conditions if self.few_keys is None else [*conditions, Fact.key_id.in_(self.few_keys)]

    def rows(self, key_ids: Whole) -> Whole:
        """Return each key's row of the panel, -1 for keys of nobody in it."""
        inside = key_ids < len(self.row_of_key)
        return np.where(inside, self.row_of_key[np.where(inside, key_ids, 0)], -1)

    def local_days(self) -> Whole:
        """Return the date at `as_of` in each partner's zone `(n,)`, in days since 1970."""
        today = {zone: self.as_of.astimezone(ZoneInfo(zone)).date().toordinal() - _FIRST for zone in set(self.zones)}
        return np.array([today[zone] for zone in self.zones], dtype=np.int64)

    def ends_of_days(self, rows: Whole, days: Whole) -> Whole:
        """Return when each day ends in the zone of the partner in that row, in microseconds since 1970."""
        zones = sorted(set(self.zones))
        number = np.array([zones.index(zone) for zone in self.zones], dtype=np.int64)
        pairs, inverse = np.unique(np.stack([number[rows], days]), axis=1, return_inverse=True)
        ends = [_end_of_day(zones[zone], int(day)) for zone, day in pairs.T]
        return np.array(ends, dtype=np.int64)[inverse.ravel()]


def build(
    session: Session,
    settings: Settings,
    as_of: datetime,
    known_at: datetime,
    partner_ids: Sequence[uuid.UUID] | None = None,
) -> tuple[list[uuid.UUID], Panel]:
    """Return the watched partners (all, or of a few `partner_ids`; by id) and their panel at `as_of`, one row each.

    Only facts known at `known_at` count, and nothing that happened after `as_of`: a delivery made later is still open.
    A delivery is late when it was made after its due date in the partner's own zone, or is open past it.
    """
    frame = _frame(session, settings, as_of, known_at, partner_ids)
    received, sent = _messages(session, frame)
    due, late = _deliveries(session, frame)
    return frame.partner_ids, Panel(
        at=as_of,
        daily={"received": received, "sent": sent, "due": due, "late": late},
        blind_days=_blind_days(session, settings, frame),
        incidents=_incidents(session, frame),
        horizon_days=settings.horizon_days,
    )


def _frame(
    session: Session,
    settings: Settings,
    as_of: datetime,
    known_at: datetime,
    partner_ids: Sequence[uuid.UUID] | None,
) -> _Frame:
    partners = select(Partner.id, Partner.time_zone).where(Partner.stage.in_(WATCHED_STAGES)).order_by(Partner.id)
    keys = select(FactKey.id, FactKey.partner_id).where(FactKey.partner_id.is_not(None))
    if partner_ids is not None:
        partners = partners.where(Partner.id.in_(partner_ids))
        keys = keys.where(FactKey.partner_id.in_(partner_ids))
    found = session.execute(partners).all()
    rows = {row.id: number for number, row in enumerate(found)}
    owned = [(key_id, rows[partner]) for key_id, partner in session.execute(keys) if partner in rows]
    row_of_key = np.full(max((key_id for key_id, _row in owned), default=0) + 1, -1, dtype=np.int32)
    for key_id, row in owned:
        row_of_key[key_id] = row
    return _Frame(
        partner_ids=[row.id for row in found],
        zones=[row.time_zone for row in found],
        row_of_key=row_of_key,
        few_keys=[key_id for key_id, _row in owned] if len(owned) <= _FEW_KEYS else None,
        as_of=as_of,
        known_at=known_at,
        days=settings.history_days,
    )


def _end_of_day(zone: str, day: int) -> int:
    return to_micros(datetime.combine(date.fromordinal(day + _FIRST + 1), time(), ZoneInfo(zone)))


def _messages(session: Session, frame: _Frame) -> tuple[Counts, Counts]:
    """Return daily counts of messages (received, sent), each `(n, t)`."""
    place = Fact.key_id * frame.days + numbers.day_of(session, Fact.observed_at) - frame.first_day
    packed = place * 2 + cast(Fact.sent, Integer)  # one whole number a row: a portfolio has millions of rows
    start = EPOCH + frame.first_day * _DAY
    # "sent" is set for messages alone. Asking for the kind would send SQLite through an index, row by row: 7 × slower.
    conditions = [Fact.sent.is_not(None), Fact.observed_at >= start, Fact.observed_at <= frame.as_of]
    (packed_rows,) = numbers.columns(session, select(packed).where(*conditions, *frame.known()))
    key_and_day, sent = np.divmod(packed_rows, 2)
    key, day = np.divmod(key_and_day, frame.days)
    row = frame.rows(key)
    return _count(frame, row, day, (row >= 0) & (sent == 0)), _count(frame, row, day, (row >= 0) & (sent == 1))


def _deliveries(session: Session, frame: _Frame) -> tuple[Counts, Counts]:
    """Return daily counts of deliveries by due date (due, late of these), each `(n, t)`."""
    query = select(
        Fact.key_id,
        numbers.date_number(session, Fact.due_on),
        func.coalesce(numbers.date_number(session, Fact.made_on), _NEVER),
        func.coalesce(numbers.micros_of(session, Fact.made_at), _NEVER),
    )
    first, last = (date.fromordinal(day + _FIRST) for day in (frame.first_day, frame.last_day))
    key, due, made_on, made_at = numbers.columns(session, query.where(Fact.due_on.between(first, last), *frame.known()))
    row = frame.rows(key)
    ours = row >= 0
    row, due, made_on, made_at = row[ours], due[ours], made_on[ours], made_at[ours]
    today = frame.local_days()[row]
    dated = (made_on != _NEVER) & (made_on <= today)
    timed = (made_on == _NEVER) & (made_at != _NEVER) & (made_at <= to_micros(frame.as_of))
    late = (dated & (made_on > due)) | (~dated & ~timed & (due < today))
    late[timed] = made_at[timed] >= frame.ends_of_days(row[timed], due[timed])
    counted = dated | timed | (due < today)
    day = due - frame.first_day
    return _count(frame, row, day, counted), _count(frame, row, day, late)


def _incidents(session: Session, frame: _Frame) -> Incidents:
    """Return what articles say of the partners, articles on one event within three days as one piece of news."""
    rows = {partner_id: row for row, partner_id in enumerate(frame.partner_ids)}
    query = (
        select(
            Mention.partner_id, Mention.event, Fact.observed_at, Mention.p_negative, Mention.severity,
            Mention.half_life_days,
        )
        .join(Fact, Mention.fact_id == Fact.id)
        .where(in_force(frame.known_at), Mention.first_attributed_at <= frame.known_at)
        .where(Fact.observed_at > frame.as_of - frame.days * _DAY, Fact.observed_at <= frame.as_of)
        .order_by(Mention.partner_id, Mention.event, Fact.observed_at, Fact.id)
    )  # fmt: skip
    if len(frame.partner_ids) <= _FEW_PARTNERS:
        query = query.where(Mention.partner_id.in_(frame.partner_ids))
    else:
        query = query.where(Fact.kind == FactKind.ARTICLE)  # spares SQLite all other facts
    told = [row for row in session.execute(query) if row.partner_id in rows]
    pieces = [_merge(story) for story in _stories(told)]
    columns = list(zip(*pieces, strict=True)) or [()] * 5
    return Incidents(
        partner=np.array([rows[partner_id] for partner_id in columns[0]], dtype=np.intp),
        age_days=np.array([(frame.as_of - at) / _DAY for at in columns[1]], dtype=np.float64),
        p_negative=np.array(columns[2], dtype=np.float64),
        severity=np.array(columns[3], dtype=np.float64),
        half_life_days=np.array(columns[4], dtype=np.float64),
    )


def _stories(mentions: Iterable[Any]) -> Iterator[list[Any]]:
    """Group mentions, ordered by partner, event and time. Articles without a known event each tell their own story."""
    story: list[Any] = []
    for mention in mentions:
        same = story and mention.event is not None and (mention.partner_id, mention.event) == story[0][:2]
        if story and not (same and mention.observed_at - story[0].observed_at <= _STORY):
            yield story
            story = []
        story.append(mention)
    if story:
        yield story


def _merge(story: Sequence[Any]) -> tuple[uuid.UUID, datetime, float, float, float]:
    worst = max(story, key=lambda mention: mention.severity * mention.p_negative)
    newest = max(mention.observed_at for mention in story)
    return worst.partner_id, newest, worst.p_negative, worst.severity, worst.half_life_days


def _blind_days(session: Session, settings: Settings, frame: _Frame) -> dict[str, Floats]:
    known = blindness.blind_days(session, settings.blind_hours, frame.as_of, frame.known_at)
    return {family: _family_blindness(session, frame, kind, known.get(kind, {})) for kind, family in FAMILIES.items()}


def _family_blindness(session: Session, frame: _Frame, kind: FactKind, days: Mapping[uuid.UUID, float]) -> Floats:
    """Return `(n,)` days without any seeing source, of those that have reported on the partner, or else of all."""
    if not days:
        return np.full(len(frame.partner_ids), np.nan)
    everyone = np.full(len(frame.partner_ids), min(days.values()))
    if kind is FactKind.ARTICLE or len(set(days.values())) == 1:
        return everyone
    number = {source_id: place for place, source_id in enumerate(days)}
    pairs = select(Fact.key_id, case(number, value=Fact.source_id)).distinct()
    pairs = pairs.where(_MARKS[kind].is_not(None), Fact.source_id.in_(number), *frame.known())
    key, source = numbers.columns(session, pairs)
    row = frame.rows(key)
    own = np.full(len(frame.partner_ids), np.inf)
    np.minimum.at(own, row[row >= 0], np.array(list(days.values()))[source[row >= 0]])
    return np.where(np.isfinite(own), own, everyone)


def _count(frame: _Frame, row: Whole, day: Whole, which: NDArray[np.bool_]) -> Counts:
    """Count the chosen rows per partner and day."""
    counts = np.zeros((len(frame.partner_ids), frame.days), dtype=np.float32)
    np.add.at(counts, (row[which], day[which]), 1)
    return counts
