"""Setting the likelihood or the impact of a partner by hand, and taking it back."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Response

from warden.domain import Quantity
from warden.errors import InvalidInput
from warden.i18n import N_
from warden.store import overrides, partners
from warden.web.bounds import is_sane
from warden.web.deps import Write
from warden.web.pages.drawing import Manager, Written, see_other
from warden.web.pages.partners import draw

router = APIRouter(prefix="/partners/{partner_id}/overrides")

FAULTS = {
    "value": N_("A likelihood lies between 0 and 100 per cent, an impact from 1 to 5."),
    "reason": N_("Say why the computed value does not hold."),
    "expires_at": N_("Choose a day that is not over yet, at most a year away."),
}
"""What is said beside a field that the store refuses."""

NO_DAY = datetime(1900, 1, 1, tzinfo=UTC)


@router.post("", response_model=None)
def add(
    view: Manager,
    session: Write,
    partner_id: uuid.UUID,
    quantity: Annotated[Quantity, Form()],
    value: Written = "",
    reason: Written = "",
    until: Written = "",
) -> Response:
    """Let a person's value hold until the end of a day, in the reader's zone."""
    partner = partners.get(session, partner_id)
    entered = {"quantity": quantity.value, "value": value, "reason": reason, "until": until}
    try:
        overrides.add(
            session,
            partner,
            quantity,
            _number(value) / (100 if quantity is Quantity.LIKELIHOOD else 1),
            author=view.by,
            reason=reason,
            expires_at=_end_of(until, view.reader.time_zone),
            now=view.now,
        )
    except InvalidInput as error:
        faults = {fault.where: view.reader.tr(FAULTS[fault.where]) for fault in error.faults}
        return draw(view, session, partner, faults=faults, entered=entered)
    return see_other(f"/partners/{partner_id}#overrides")


@router.post("/{override_id}/withdraw", response_model=None)
def withdraw(view: Manager, session: Write, partner_id: uuid.UUID, override_id: uuid.UUID) -> Response:
    """Let the computed value stand again."""
    overrides.withdraw(session, partner_id, override_id, view.by, view.now)
    return see_other(f"/partners/{partner_id}#overrides")


def _number(text: str) -> float:
    """Return what was typed; NaN, which the store refuses, when it is no number."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _end_of(text: str, time_zone: str) -> datetime:
    """Return the midnight that ends a day; a moment long past, which the store refuses, when it is no day."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return NO_DAY
    midnight = datetime.combine(day, time(), ZoneInfo(time_zone))
    return (midnight + timedelta(days=1)).astimezone(UTC) if is_sane(midnight) else NO_DAY
