"""Overrides: what people say against the computed likelihood or impact of a partner, for a time. They place nobody."""

import math
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from warden.domain import WATCHED_STAGES, Quantity
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Override, Partner
from warden.store.visible import is_visible

LONGEST = timedelta(days=366)
"""An override that is not renewed within a year has been forgotten."""

_RANGES: Mapping[Quantity, tuple[Callable[[float], bool], str]] = {
    Quantity.LIKELIHOOD: (lambda value: 0 < value < 1, "a probability between 0 and 1, both excluded"),
    Quantity.IMPACT: (lambda value: 1 <= value <= 5, "an impact from 1 to 5"),
}


def add(
    session: Session,
    partner: Partner,
    quantity: Quantity,
    value: float,
    author: str,
    reason: str,
    expires_at: datetime,
    now: datetime,
) -> Override:
    """Let a value stand in place of the computed one from `now` until `expires_at`; a former one is withdrawn.

    Raises InvalidInput for a value out of range, no reason, or an end that is past or more than a year away; Conflict
    for a partner in a stage that is not watched, whom it would place nowhere.
    """
    _refuse_faults(quantity, value, reason, expires_at, now)
    if partner.stage not in WATCHED_STAGES:
        raise Conflict(f"{partner.name} is not watched in the stage {partner.stage}: there is nothing to override.")
    session.execute(select(Partner.id).where(Partner.id == partner.id).with_for_update())  # one at a time per partner
    own = (Override.partner_id == partner.id, Override.quantity == quantity)
    standing = select(Override).where(*own, Override.withdrawn_at.is_(None), Override.expires_at > now)
    for former in session.scalars(standing):
        now = max(now, former.created_at)  # it may be of a moment ago, by another clock
        former.withdrawn_at, former.withdrawn_by = now, author
    override = Override(
        partner_id=partner.id,
        quantity=quantity,
        value=value,
        author=author,
        reason=reason.strip(),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(override)
    session.flush()
    return override


def withdraw(session: Session, partner_id: uuid.UUID, override_id: uuid.UUID, author: str, now: datetime) -> Override:
    """Let the computed value stand again. Raises NotFound, or Conflict when it is over already."""
    override = session.get(Override, override_id, with_for_update=True)
    if override is None or override.partner_id != partner_id:
        raise NotFound(f"The partner {partner_id} has no override {override_id}.")
    if override.withdrawn_at is not None or override.expires_at <= now:
        raise Conflict("This override is over already.")
    override.withdrawn_at, override.withdrawn_by = max(now, override.created_at), author
    session.flush()
    return override


def holding(
    session: Session, at: datetime, known_at: datetime | None = None
) -> Mapping[tuple[uuid.UUID, Quantity], Override]:
    """Return the overrides that held at `at`, by partner and quantity, as was known at `known_at` (default `at`)."""
    rows = session.scalars(select(Override).where(in_force(at, known_at)).order_by(Override.created_at, Override.id))
    return {(row.partner_id, row.quantity): row for row in rows}


def listing(session: Session, partner_id: uuid.UUID) -> list[Override]:
    """Return all overrides of a partner, those that are over too, newest first."""
    query = select(Override).where(Override.partner_id == partner_id)
    return list(session.scalars(query.order_by(Override.created_at.desc(), Override.id.desc())))


def in_force(at: datetime, known_at: datetime | None = None) -> ColumnElement[bool]:
    """Return the condition that an override held at `at`, as was known at `known_at` (default `at`).

    One that was withdrawn held until then, and for those who do not know yet that it will be, until its expiry.
    """
    known = at if known_at is None else known_at
    seen = min(at, known)
    stands = or_(Override.withdrawn_at.is_(None), Override.withdrawn_at > seen)
    return and_(Override.created_at <= seen, Override.expires_at > at, stands)


def holds(override: Override, now: datetime) -> bool:
    """Tell whether an override is in force at `now`, as `in_force` asks the database."""
    return override.created_at <= now < min(override.expires_at, override.withdrawn_at or override.expires_at)


def _refuse_faults(quantity: Quantity, value: float, reason: str, expires_at: datetime, now: datetime) -> None:
    fits, expected = _RANGES[quantity]
    faults = []
    if not (math.isfinite(value) and fits(value)):
        faults.append(Fault("value", f"found {value}, expected {expected}"))
    if not is_visible(reason):
        faults.append(Fault("reason", "is empty; expected why the computed value does not hold"))
    if not now < expires_at <= now + LONGEST:
        expected = f"a moment after now and at most {LONGEST.days} days away"
        faults.append(Fault("expires_at", f"found {expires_at.isoformat()}, expected {expected}"))
    if faults:
        raise InvalidInput(f"The override cannot be stored: {faults[0]}.", faults)
