"""Whether people met as often as they should: the last meeting of each level, the next, and what is overdue.

A meeting is one of Warden's own that somebody closed as held, or a fact: the measure "meeting", or that of one level.
Who met at a higher level has met: an executive meeting counts for managers and for the working level too. A plain
"meeting", whose level nobody told, counts for the working level only.

A level whose meetings nobody reports is unknown and never overdue. It is known for a partner once a meeting of that
level was reported of it, or once a calendar has reported one of that level with any partner: who keeps a calendar would
have noted this one. A meeting of Warden's own counts as the last one, but makes a level known only where somebody set
how often it should meet: one held for an alert begins no rhythm that nobody asked for. While a source that reports a
level is blind, nothing is overdue for want of it.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select
from sqlalchemy.orm import Session

from collectors.base import MEETING, MEETINGS
from warden.domain import WATCHED_STAGES, FactKind, MeetingLevel, MeetingStatus
from warden.models import Attribution, Fact, Meeting, Partner, PartnerVersion, Source
from warden.store import cadences
from warden.store.batches import in_batches
from warden.store.cadences import Effective
from warden.store.facts import in_force
from warden.store.periods import held

CALENDAR = "calendar"
"""The collector that speaks of everybody a calendar's owners meet."""

LEVEL_OF: Mapping[str, MeetingLevel] = {
    MEETING: MeetingLevel.WORKING,
    **{f"{MEETING}_{level}": level for level in MeetingLevel},
}
"""What the measures that tell of meetings count for."""

OVERDUE = frozenset(f"{level}_overdue_days" for level in MeetingLevel)
"""The variables of conditions that say by how much a rhythm is overdue."""

_AND_HIGHER: Mapping[MeetingLevel, Sequence[MeetingLevel]] = {
    level: list(MeetingLevel)[: place + 1] for place, level in enumerate(MeetingLevel)
}
_DAY = timedelta(days=1)
_FEW_KEYS = 2_000  # up to here facts are found by key; beyond, all measures are read


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How one level of one partner keeps its rhythm.

    last: when they last met at this level or a higher one, None: never that we know of. next: the meeting scheduled.
    due: when the next one has to be held by, None: unknown, or none is expected. overdue_days: whole days since then,
    0.0 when nothing is overdue or expected, None when it is not known whether they met.
    """

    level: MeetingLevel
    every: Effective
    last: datetime | None
    next: datetime | None
    due: datetime | None
    overdue_days: float | None


@dataclass(slots=True)
class _Seen:
    """What was reported of one partner's meetings, by level: the last one, and which sources told of any."""

    last: dict[MeetingLevel, datetime]
    sources: dict[MeetingLevel, set[uuid.UUID | None]]  # None: Warden itself

    def note(self, level: MeetingLevel, at: datetime, source_id: uuid.UUID | None) -> None:
        self.last[level] = max(at, self.last.get(level, at))
        self.sources.setdefault(level, set()).add(source_id)


def overdue_days(
    session: Session, partner_ids: Collection[uuid.UUID], now: datetime, *, known_at: datetime | None = None
) -> dict[uuid.UUID, dict[MeetingLevel, float | None]]:
    """Return for each partner and level for how many whole days a meeting is overdue; None: not known (see Rhythm)."""
    found = rhythms(session, partner_ids, now, known_at=known_at)
    return {owner: {level: one.overdue_days for level, one in levels.items()} for owner, levels in found.items()}


def rhythms(
    session: Session, partner_ids: Collection[uuid.UUID], now: datetime, *, known_at: datetime | None = None
) -> dict[uuid.UUID, dict[MeetingLevel, Rhythm]]:
    """Return how each partner keeps each level's rhythm, the highest level first; ids of nobody are left out.

    What was recorded or set after `now` is not looked at, nor facts learned after `known_at` (None: `now`).
    """
    ids, known_at = list(partner_ids), known_at or now
    rules = cadences.in_force(session, now)
    known = _Known(
        now=now,
        seen=_seen(session, ids, now, known_at),
        calendars=_calendars(session, now, known_at),
        blind=frozenset(session.scalars(select(Source.id).where(Source.blind_since <= now))),
        scheduled=_scheduled(session, ids, now),
    )
    return {
        row.id: {level: known.rhythm(row.id, row.since, level, every) for level, every in effective.items()}
        for row in _partners(session, ids)
        for effective in (rules.effective((row.id, row.tier)),)
    }


@dataclass(frozen=True, slots=True)
class _Known:
    """All that is known at `now` of many partners' meetings; calendars: see `_calendars`."""

    now: datetime
    seen: Mapping[uuid.UUID, _Seen]
    calendars: Mapping[MeetingLevel, Mapping[uuid.UUID, datetime]]
    blind: Collection[uuid.UUID]
    scheduled: Mapping[tuple[uuid.UUID, MeetingLevel], datetime]

    def rhythm(self, partner_id: uuid.UUID, watched_since: datetime, level: MeetingLevel, every: Effective) -> Rhythm:
        """Judge one level of one partner."""
        seen, calendars = self.seen[partner_id], self.calendars.get(level, {})
        sources = {*seen.sources.get(level, ()), *calendars}
        if every.scope is None:  # a meeting held for an alert begins no rhythm that nobody asked for
            sources.discard(None)
        last = max((seen.last[one] for one in _AND_HIGHER[level] if one in seen.last), default=None)
        following = self.scheduled.get((partner_id, level))
        if every.every_days is None:
            return Rhythm(level, every, last, following, None, 0.0)
        if not sources:
            return Rhythm(level, every, last, following, None, None)
        # of the time before its first entry a calendar tells nothing
        start = last or max(watched_since, min(calendars.values()))
        due = start + every.every_days * _DAY
        overdue = float(max((self.now - due) // _DAY, 0))
        is_known = not overdue or sources.isdisjoint(self.blind)
        return Rhythm(level, every, last, following, due, overdue if is_known else None)


def _seen(session: Session, ids: Sequence[uuid.UUID], now: datetime, known_at: datetime) -> Mapping[uuid.UUID, _Seen]:
    seen: dict[uuid.UUID, _Seen] = defaultdict(lambda: _Seen({}, {}))
    for partner_id, name, source_id, at in _told(session, ids, now, known_at):
        seen[partner_id].note(LEVEL_OF[name], at, source_id)
    own = select(Meeting.partner_id, Meeting.level, func.max(Meeting.held_at)).where(
        Meeting.status == MeetingStatus.HELD, Meeting.held_at <= now, Meeting.recorded_at <= now
    )
    for partner_id, level, held_at in session.execute(own.group_by(Meeting.partner_id, Meeting.level)):
        if held_at is not None:
            seen[partner_id].note(level, held_at, None)
    return seen


def _told(
    session: Session, ids: Sequence[uuid.UUID], now: datetime, known_at: datetime
) -> Iterator[tuple[uuid.UUID, str, uuid.UUID, datetime]]:
    """Yield (partner, measure, source, last moment) of the meetings that facts tell of."""
    last = select(Fact.key_id, Fact.name, Fact.source_id, func.max(Fact.observed_at))
    last = last.group_by(Fact.key_id, Fact.name, Fact.source_id)
    wanted, keys = set(ids), select(Attribution.key_id, Attribution.partner_id).where(held(known_at, known_at))
    if len(ids) <= _FEW_KEYS:
        keys = keys.where(Attribution.partner_id.in_(ids))
    owner = {key_id: partner_id for key_id, partner_id in session.execute(keys) if partner_id in wanted}
    is_few = len(owner) <= _FEW_KEYS
    # Of few keys' facts the kind is compared as an expression: else SQLite would walk all measures.
    of_kind = Fact.kind.concat("") == FactKind.MEASURE.value if is_few else Fact.kind == FactKind.MEASURE
    last = last.where(of_kind, *_meetings(now, known_at))
    for key_id, name, source_id, at in session.execute(last.where(Fact.key_id.in_(owner)) if is_few else last):
        if key_id in owner and name is not None:
            yield owner[key_id], name, source_id, at


def _meetings(now: datetime, known_at: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions that a measure tells of a meeting held; one of 0 says that there was none."""
    return [
        Fact.name.in_(MEETINGS),
        Fact.number >= 0.5,  # as store.counts rounds
        Fact.observed_at <= now,
        in_force(known_at),
    ]


def _calendars(session: Session, now: datetime, known_at: datetime) -> dict[MeetingLevel, dict[uuid.UUID, datetime]]:
    """Return the calendars that have told of a meeting of each level, with the first moment they told of."""
    found: dict[MeetingLevel, dict[uuid.UUID, datetime]] = defaultdict(dict)
    for source_id in session.scalars(select(Source.id).where(Source.collector == CALENDAR)):
        for name, level in LEVEL_OF.items():
            query = select(Fact.observed_at).where(Fact.kind == FactKind.MEASURE, *_meetings(now, known_at))
            query = query.where(Fact.name == name, Fact.source_id == source_id)
            first = session.scalar(query.order_by(Fact.observed_at).limit(1))
            if first is not None:
                found[level][source_id] = min(first, found[level].get(source_id, first))
    return found


def _scheduled(
    session: Session, ids: Sequence[uuid.UUID], now: datetime
) -> dict[tuple[uuid.UUID, MeetingLevel], datetime]:
    """Return when the next meeting begins whose time is fixed, by partner and level."""
    query = select(Meeting.partner_id, Meeting.level, func.min(Meeting.starts_at)).where(
        Meeting.status == MeetingStatus.SCHEDULED, Meeting.starts_at > now
    )
    if len(ids) <= _FEW_KEYS:
        query = query.where(Meeting.partner_id.in_(ids))
    rows = session.execute(query.group_by(Meeting.partner_id, Meeting.level))
    return {(partner_id, level): at for partner_id, level, at in rows if at is not None}


def _partners(session: Session, ids: Sequence[uuid.UUID]) -> Iterator[Row[Any]]:
    """Yield id, tier, and since when each partner is watched without a break: else since when it is known."""
    is_watched = PartnerVersion.stage.in_(WATCHED_STAGES)
    ended = func.max(case((~is_watched, PartnerVersion.until)))
    begun = func.min(case((is_watched, PartnerVersion.since)))
    since = func.coalesce(ended, begun, Partner.created_at).label("since")
    query = select(Partner.id, Partner.tier, since).outerjoin(PartnerVersion, PartnerVersion.partner_id == Partner.id)
    for batch in in_batches(ids):
        yield from session.execute(query.where(Partner.id.in_(batch)).group_by(Partner.id))
