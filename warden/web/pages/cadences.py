"""The rhythm: how often whom should meet, where that comes from, who is overdue, and one partner's meetings."""

import uuid
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Response
from sqlalchemy.orm import Session

from warden.domain import MeetingLevel, Scope
from warden.errors import InvalidInput
from warden.i18n import N_
from warden.store import actions, cadences, meetings, partners, rhythm
from warden.web.bounds import typed_days
from warden.web.deps import Read, Write
from warden.web.pages.actions import choices
from warden.web.pages.drawing import ROWS, Manager, View, Viewer, Written, see_other

router = APIRouter()

FAULTS = {
    "every_days": N_("Give 1 to 1,096 days, or leave it empty: no such meetings are expected."),
    "tier": N_("No partner has this tier."),
}
"""What is said beside a field that the store refuses."""

BLANK: Mapping[str, str] = {"level": "", "tier": "", "every_days": "", "reason": ""}
"""What stands in the form at first."""


@router.get("/cadences", response_model=None)
def list_cadences(view: Viewer, session: Read, ended: bool = False) -> Response:
    """Show what holds for everybody, everything that was set, and who is overdue, the worst first."""
    return _draw(view, session, ended=ended)


@router.post("/cadences", response_model=None)
def put(
    view: Manager,
    session: Write,
    level: Annotated[MeetingLevel, Form()],
    partner_id: Annotated[uuid.UUID | None, Form()] = None,
    tier: Annotated[str, Form(max_length=40)] = "",
    every_days: Annotated[str, Form(max_length=10)] = "",
    reason: Written = "",
) -> Response:
    """Set how often a level should meet, for one partner, a tier or everybody; an empty number: never."""
    scope = Scope.PARTNER if partner_id else Scope.TIER if tier.strip() else Scope.PORTFOLIO
    try:
        cadences.put(
            session,
            level,
            scope,
            tier=tier if scope is Scope.TIER else None,
            partner_id=partner_id,
            every_days=typed_days(every_days),
            author=view.by,
            reason=reason,
            now=view.now,
        )
    except InvalidInput as error:
        faults = {fault.where: view.reader.tr(FAULTS[fault.where]) for fault in error.faults if fault.where in FAULTS}
        if not faults:
            raise
        entered = {"level": level.value, "tier": tier, "every_days": every_days, "reason": reason}
        if partner_id:
            return _draw_partner(view, session, partner_id, faults, entered)
        return _draw(view, session, faults=faults, entered=entered)
    return see_other(f"/partners/{partner_id}/rhythm" if partner_id else "/cadences")


@router.post("/cadences/{cadence_id}/end", response_model=None)
def end(view: Manager, session: Write, cadence_id: uuid.UUID) -> Response:
    """Let a cadence hold no longer."""
    row = cadences.end(session, cadence_id, view.now)
    return see_other(f"/partners/{row.partner_id}/rhythm" if row.partner_id else "/cadences")


@router.get("/partners/{partner_id}/rhythm", response_model=None)
def show_partner(view: Viewer, session: Read, partner_id: uuid.UUID) -> Response:
    """Show how one partner keeps its rhythm, its meetings, and what both sides still owe each other."""
    return _draw_partner(view, session, partner_id)


def _draw(
    view: View,
    session: Session,
    *,
    ended: bool = False,
    faults: Mapping[str, str] | None = None,
    entered: Mapping[str, str] = BLANK,
) -> Response:
    rows = cadences.listing(session, history=ended)
    watched = [row.id for row in partners.watched(session, view.now)]
    late = [
        (partner_id, one)
        for partner_id, levels in rhythm.rhythms(session, watched, view.now).items()
        for one in levels.values()
        if one.overdue_days
    ]
    late.sort(key=lambda found: -(found[1].overdue_days or 0))
    named = {found[0] for found in late[:ROWS]} | {row.partner_id for row in rows if row.partner_id}
    return view.page(
        "cadences.html",
        422 if faults else 200,
        effective=cadences.effective(session, None, view.now),
        rows=rows,
        late=late[:ROWS],
        more=max(len(late) - ROWS, 0),
        names=partners.named(session, named),
        tiers=partners.tiers(session),
        levels=list(MeetingLevel),
        ended=ended,
        entered=entered,
        faults=faults or {},
    )


def _draw_partner(
    view: View,
    session: Session,
    partner_id: uuid.UUID,
    faults: Mapping[str, str] | None = None,
    cadence: Mapping[str, str] = BLANK,
) -> Response:
    partner = partners.get(session, partner_id)
    return view.page(
        "partner_rhythm.html",
        422 if faults else 200,
        partner=partner,
        people=choices(partner),
        rhythms=rhythm.rhythms(session, [partner_id], view.now)[partner_id],
        own=cadences.listing(session, partner_id=partner_id),
        meetings=meetings.listing(session, None, ROWS, partner_id=partner_id).items,
        actions=actions.listing(session, None, ROWS, partner_id=partner_id, only_open=True).items,
        is_overdue=lambda action: actions.is_overdue(action, view.now),
        levels=list(MeetingLevel),
        entered={"text": "", "who": "ours", "due_on": ""},
        cadence=cadence,
        faults=faults or {},
    )
