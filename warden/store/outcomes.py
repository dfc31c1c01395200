"""What is said of each outcome of each partner now, and on how much it rests: one row each."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from warden.models import OutcomeState
from warden.store import bulk, meta
from warden.store.assessments import AssessmentDraft

_KEPT = "outcome_states"


def write(session: Session, drafts: Sequence[AssessmentDraft]) -> None:
    """Keep what drafts, all of one moment and at most batches.BINDABLE, say of each outcome, in place of what was kept.

    Of a partner of whom something later is known already, nothing changes: these rows speak of now.
    """
    if not drafts:
        return
    meta.hold(session, _KEPT)  # of two who put rows in place of the same ones, the second would find its own there
    ids, at = [draft.partner_id for draft in drafts], drafts[0].at
    later = select(OutcomeState.partner_id).where(OutcomeState.partner_id.in_(ids), OutcomeState.at > at)
    ahead = set(session.scalars(later))
    current = [draft for draft in drafts if draft.partner_id not in ahead]
    session.execute(delete(OutcomeState).where(OutcomeState.partner_id.in_([draft.partner_id for draft in current])))
    rows = [
        {
            "partner_id": draft.partner_id,
            "outcome": signal["name"],
            "at": at,
            "likelihood": signal["likelihood"],
            "sample": signal["sample"],
            "state": signal["state"],
            "horizon_days": signal["outcome"]["horizon_days"],
            "version": signal["version"],
            "model": signal["model"]["number"],
        }
        for draft in current
        for signal in draft.signals
    ]
    if rows:
        bulk.add(session, OutcomeState.__table__, rows)  # type: ignore[arg-type]


def of(session: Session, partner_id: uuid.UUID) -> list[OutcomeState]:
    """Return the state of each outcome of a partner, by name; none before its first assessment."""
    query = select(OutcomeState).where(OutcomeState.partner_id == partner_id)
    return list(session.scalars(query.order_by(OutcomeState.outcome)))
