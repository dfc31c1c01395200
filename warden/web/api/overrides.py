"""Overrides: somebody's word against the computed likelihood or impact of one partner, until it expires."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import Quantity
from warden.models import Override
from warden.store import overrides, partners
from warden.web.api.shapes import Input, Listed, Moment, text
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/partners/{partner_id}/overrides", tags=["overrides"], dependencies=[guard("assessments")])


class NewOverride(Input):
    """What to say instead of what is computed, why, and until when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "quantity": "likelihood",
                    "value": 0.6,
                    "reason": "Their new owner told us on Monday that the contract is under review.",
                    "expires_at": "2026-06-30T00:00:00Z",
                }
            ]
        }
    )

    quantity: Quantity
    value: Annotated[
        float, Field(strict=True, allow_inf_nan=False, description="Likelihood: between 0 and 1; impact: 1 to 5.")
    ]
    reason: Annotated[str, text(2_000, 0)] = Field(
        description="Not empty; refused together with whatever else is wrong."
    )
    expires_at: Moment = Field(description="In the future, at most a year away.")


class OverrideOut(BaseModel):
    """An override. It holds until it expires, is withdrawn or is replaced."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    quantity: Quantity
    value: float
    author: str
    reason: str
    created_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    holds: bool = Field(description="Whether it holds now.")


@router.get("", responses=errors(404))
def list_overrides(session: Read, now: Now, partner_id: uuid.UUID) -> Listed[OverrideOut]:
    """List a partner's overrides, past ones too, newest first, on one page."""
    partners.get(session, partner_id)
    return Listed(items=[_shape(row, now) for row in overrides.listing(session, partner_id)], next=None)


@router.post("", status_code=201, responses=errors(404, 409))
def add_override(
    session: Write, now: Now, caller: Caller, partner_id: uuid.UUID, new: Annotated[NewOverride, Body()]
) -> OverrideOut:
    """Override the likelihood or the impact; the computed value stays beside it. It replaces one that holds.

    Only of a partner that is watched: of others nothing is said that could be overridden.
    """
    partner = partners.get(session, partner_id)
    added = overrides.add(
        session,
        partner,
        new.quantity,
        new.value,
        author=caller.name,
        reason=new.reason,
        expires_at=new.expires_at,
        now=now,
    )
    return _shape(added, now)


@router.delete("/{override_id}", responses=errors(404, 409))
def withdraw_override(
    session: Write, now: Now, caller: Caller, partner_id: uuid.UUID, override_id: uuid.UUID
) -> OverrideOut:
    """Withdraw an override before it expires. It stays in the list."""
    return _shape(overrides.withdraw(session, partner_id, override_id, caller.name, now), now)


def _shape(row: Override, now: datetime) -> OverrideOut:
    columns = {name: getattr(row, name) for name in _COLUMNS}
    return OverrideOut.model_validate({**columns, "holds": overrides.holds(row, now)})


_COLUMNS = tuple(name for name in OverrideOut.model_fields if name != "holds")
