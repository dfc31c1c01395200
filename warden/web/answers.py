"""What the API and the pages both derive from what is stored, in one place, so that they cannot answer differently."""

import uuid
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy.orm import Session

from warden.errors import NotFound
from warden.i18n import N_
from warden.models import Matrix
from warden.store import assessments
from warden.store.assessments import Placement
from warden.wording import Fact

RECENT = timedelta(days=28)
"""What is looked back on where the band never changed."""

State = Literal["draft", "active", "past"]

NOT_ASSESSED_MESSAGE = N_("Not assessed yet.")
NOT_PLACED_MESSAGE = N_("Not placed on the new matrix yet.")


def turning_point(session: Session, partner_id: uuid.UUID, now: datetime) -> datetime:
    """Return since when there is most to explain: when another band was last said of a partner, else RECENT ago.

    It is never before the partner's first assessment. Raises NotFound where there is none.
    """
    last = assessments.latest(session, partner_id, now)
    if last is None:
        raise NotFound(f"The partner {partner_id} was never assessed.")
    before = assessments.in_another_band(session, last)
    if before is not None:
        return before.at
    return max(now - RECENT, assessments.first_at(session, partner_id) or last.at)


def state_of(row: Matrix) -> State:
    """Return whether a version of the matrix is a draft, the active one or one of the past."""
    if row.active:
        return "active"
    return "draft" if row.activated_at is None else "past"


def why_unrated(one: Placement) -> Fact:
    """Return why a partner has no place on the matrix, as a stored sentence."""
    return one.not_rated or {"message": NOT_ASSESSED_MESSAGE if one.band is None else NOT_PLACED_MESSAGE}
