"""Actions: what one side promised to do by a day, and which of these somebody has to be reminded of.

Reminding is by ledger: an action is due for it when its moment is past and it was not reminded of yet, whatever day
it is. A service that slept for a week loses nothing and tells nothing twice.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from warden.calendars import country_of_zone, is_working_day
from warden.domain import Side
from warden.errors import Conflict, Fault, InvalidInput, NotFound, PreconditionFailed
from warden.models import Action, Partner, Person
from warden.store.paging import Page, page
from warden.store.visible import is_visible

LONGEST_TEXT = 500
AHEAD_DAYS = 2
"""The first reminder comes so many days before the day."""
MORNING = timedelta(hours=8)
"""Reminders come from this hour of the owner's day on."""
FURTHEST_DAYS = 1_096
"""A promise for later than in three years is a mistyped year."""

CHANGEABLE = frozenset({"text", "side", "owner_id", "due_on"})

_DAY = timedelta(days=1)
_FURTHEST_ZONE = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Due:
    """An action somebody is to be reminded of. `overdue`: its day is over."""

    action: Action
    overdue: bool


def add(
    session: Session,
    partner: Partner,
    *,
    text: str,
    side: Side,
    due_on: date,
    author: str,
    now: datetime,
    owner_id: uuid.UUID | None = None,
    meeting_id: uuid.UUID | None = None,
) -> Action:
    """Note a promise. Raises InvalidInput with the place of each fault; a day that is over may be noted, too."""
    _refuse_faults(session, {"text": text, "side": side, "due_on": due_on, "owner_id": owner_id}, now)
    action = Action(
        partner_id=partner.id,
        meeting_id=meeting_id,
        text=text.strip(),
        side=side,
        owner_id=owner_id,
        due_on=due_on,
        author=author,
        created_at=now,
    )
    session.add(action)
    session.flush()
    return action


def change(
    session: Session, action_id: uuid.UUID, values: Mapping[str, Any], *, version: int | None, now: datetime
) -> Action:
    """Change text, side, owner or day; with another day or owner it is reminded of anew.

    Raises NotFound, PreconditionFailed, InvalidInput, or Conflict for one that is done.
    """
    action = get(session, action_id, lock=True)
    _require_version(action, version)
    _require_open(action)
    _refuse_faults(session, {"side": action.side, "owner_id": action.owner_id, **values}, now)
    changed = {name: value for name, value in values.items() if getattr(action, name) != value}
    for name, value in changed.items():
        setattr(action, name, value.strip() if name == "text" else value)
    if not changed.keys().isdisjoint(("due_on", "owner_id")):
        action.reminded_at = action.chased_at = None
    return _changed(session, action) if changed else action


def finish(session: Session, action_id: uuid.UUID, who: str, now: datetime, *, version: int | None = None) -> Action:
    """Note that it was done. Raises NotFound, PreconditionFailed, or Conflict when it was closed already."""
    action = get(session, action_id, lock=True)
    _require_version(action, version)
    _require_open(action)
    action.done_at, action.done_by = now, who
    return _changed(session, action)


def drop(
    session: Session, action_id: uuid.UUID, reason: str, who: str, now: datetime, *, version: int | None = None
) -> Action:
    """Note that it will not be done, and why. Raises as `finish`, and InvalidInput without a reason."""
    if not is_visible(reason):
        fault = Fault("reason", "is empty; expected why it will not be done")
        raise InvalidInput("An action is dropped with a reason.", [fault])
    action = get(session, action_id, lock=True)
    _require_version(action, version)
    _require_open(action)
    action.done_at, action.done_by, action.dropped_why = now, who, reason.strip()
    return _changed(session, action)


def get(session: Session, action_id: uuid.UUID, *, lock: bool = False) -> Action:
    """Return one action with partner and owner, held against other writers if asked. Raises NotFound."""
    query = _with_names().where(Action.id == action_id).execution_options(populate_existing=lock)
    found = session.scalar(query.with_for_update(of=Action) if lock else query)
    if found is None:
        raise NotFound(f"There is no action {action_id}.")
    return found


def listing(
    session: Session,
    cursor: str | None = None,
    limit: int = 50,
    *,
    only_open: bool = False,
    partner_id: uuid.UUID | None = None,
    owner_id: uuid.UUID | None = None,
    meeting_id: uuid.UUID | None = None,
    side: Side | None = None,
    due_before: date | None = None,
) -> Page[Action]:
    """Return one page of actions, the first due first, with partner and owner. `due_before` is included."""
    filters = {
        Action.partner_id: partner_id, Action.owner_id: owner_id, Action.meeting_id: meeting_id, Action.side: side
    }  # fmt: skip
    query = _with_names().where(*(column == value for column, value in filters.items() if value is not None))
    if only_open:
        query = query.where(Action.done_at.is_(None))
    if due_before is not None:
        query = query.where(Action.due_on <= due_before)
    return page(session, query, Action.due_on, Action.id, cursor, limit)


def open_by_partner(session: Session, partner_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Action]]:
    """Return what each partner and we still owe each other, the first due first; with owners."""
    query = _with_names().where(Action.partner_id.in_(partner_ids), Action.done_at.is_(None))
    found: dict[uuid.UUID, list[Action]] = {}
    for action in session.scalars(query.order_by(Action.due_on, Action.id)):
        found.setdefault(action.partner_id, []).append(action)
    return found


def count_overdue(session: Session, now: datetime) -> int:
    """Return how many open actions' days are over everywhere or nearly so: judged by the date in UTC."""
    query = select(func.count()).select_from(Action).where(Action.done_at.is_(None), Action.due_on < now.date())
    return session.scalar(query) or 0


def zone_of(action: Action) -> ZoneInfo:
    """Return the zone its day is read in: the owner's, without one the partner's."""
    return ZoneInfo(action.owner.time_zone if action.owner else action.partner.time_zone)


def is_overdue(action: Action, now: datetime) -> bool:
    """Tell whether its day is over in its owner's zone, and it is not done."""
    return action.done_at is None and now.astimezone(zone_of(action)).date() > action.due_on


def may_be_due(session: Session, now: datetime) -> bool:
    """Tell whether there is anything to remind of, in some zone or other."""
    return session.scalar(select(Action.id).where(*_may_be_due(now)).limit(1)) is not None


def due(session: Session, now: datetime) -> list[Due]:
    """Return the actions to remind of, the first due first, held against other processes; with people and partners.

    Once from AHEAD_DAYS before its day, or on its day if it was noted later than that; once when its day is over; each
    on the next working day of the owner's zone.
    """
    query = _with_names().where(*_may_be_due(now)).order_by(Action.due_on, Action.id).with_for_update(of=Action)
    return [Due(action, _is_over(action, now)) for action in session.scalars(query) if _is_due(action, now)]


def _may_be_due(now: datetime) -> list[ColumnElement[bool]]:
    latest = (now + _FURTHEST_ZONE).date()
    first = and_(Action.reminded_at.is_(None), Action.due_on <= latest + AHEAD_DAYS * _DAY)
    second = and_(Action.chased_at.is_(None), Action.due_on < latest)
    return [Action.done_at.is_(None), or_(first, second)]


def note_reminded(action: Action, overdue: bool, now: datetime) -> None:
    """Note that somebody was reminded; one that is overdue needs no earlier reminder any more."""
    action.reminded_at = action.reminded_at or now
    if overdue:
        action.chased_at = now


def _is_due(action: Action, now: datetime) -> bool:
    """Tell whether somebody is to be reminded now: never on a day on which people do not work in the owner's zone."""
    country = country_of_zone(str(zone_of(action)))
    if not is_working_day(_today(action, now), [country] if country else []):
        return False
    if _is_over(action, now):
        return action.chased_at is None
    return action.reminded_at is None and _reminder_day(action) <= _today(action, now)


def _is_over(action: Action, now: datetime) -> bool:
    return _today(action, now) > action.due_on


def _today(action: Action, now: datetime) -> date:
    """Return the date in the owner's zone; until the morning it is still the day before."""
    return (now.astimezone(zone_of(action)) - MORNING).date()


def _reminder_day(action: Action) -> date:
    """Return the first day of the first reminder; who has just promised something need not hear of it at once."""
    early = action.due_on - AHEAD_DAYS * _DAY
    return early if action.created_at.astimezone(zone_of(action)).date() < early else action.due_on


def _with_names() -> Select[Action]:
    people = (joinedload(Partner.owner), joinedload(Partner.sponsor))
    return select(Action).options(joinedload(Action.owner), joinedload(Action.partner).options(*people))


def _changed(session: Session, action: Action) -> Action:
    action.version += 1
    session.flush()
    session.expire(action, ["owner"])
    return get(session, action.id)


def _require_version(action: Action, version: int | None) -> None:
    if version is not None and version != action.version:
        raise PreconditionFailed(f"The action was changed meanwhile: it is at version {action.version}.")


def _require_open(action: Action) -> None:
    if action.done_at is not None:
        raise Conflict("This action was closed already.")


def _refuse_faults(session: Session, values: Mapping[str, Any], now: datetime) -> None:
    faults = [Fault(name, "cannot be changed") for name in values if name not in CHANGEABLE]
    faults += [Fault(name, "is needed") for name in sorted(CHANGEABLE - {"owner_id"}) if values.get(name, name) is None]
    values = {name: value for name, value in values.items() if value is not None}
    text = values.get("text", "x").strip()
    if not 0 < len(text) <= LONGEST_TEXT:
        faults.append(Fault("text", f"expected 1 to {LONGEST_TEXT} characters: what is to be done"))
    due_on = values.get("due_on", now.date())
    if not now.date() - FURTHEST_DAYS * _DAY <= due_on <= now.date() + FURTHEST_DAYS * _DAY:
        faults.append(Fault("due_on", f"is {due_on}; expected a day within three years"))
    faults += _owner_faults(session, values.get("owner_id"), values.get("side", Side.OURS))
    if faults:
        raise InvalidInput(f"The action cannot be stored: {faults[0]}.", faults)


def _owner_faults(session: Session, owner_id: uuid.UUID | None, side: Side) -> Sequence[Fault]:
    if owner_id is None:
        return []
    owner = session.get(Person, owner_id)
    if owner is None:
        return [Fault("owner_id", f"found {owner_id}; expected the id of a person")]
    if owner.ours != (side is Side.OURS):
        return [Fault("owner_id", f"{owner.name} is not of this side")]
    return []
