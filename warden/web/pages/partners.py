"""Partners: the list, and one partner's page with where it stands, why, and what that rests on."""

import uuid
from collections.abc import Mapping
from typing import Any, cast

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from scorers.impact import part_known
from scorers.matrix import Thresholds
from warden.domain import WATCHED_STAGES, Stage
from warden.models import Partner
from warden.store import (
    alerts,
    assessments,
    criteria,
    facts,
    meetings,
    notices,
    overrides,
    partners,
    people,
    rules,
    sources,
)
from warden.web import alert_words
from warden.web.deps import Read
from warden.web.pages import incidents, standing, trend
from warden.web.pages.drawing import ROWS, Asked, Level, View, Viewer
from warden.web.pages.grid import board

FACTS = 20
"""Facts on one page of a partner's table."""

RECENT = 5
"""Alerts and meetings shown on a partner's page."""

UNRATED = "-"
"""Among bands in an address: none. No band's key is this."""

router = APIRouter(prefix="/partners")


@router.get("", response_model=None)
def list_partners(
    view: Viewer,
    session: Read,
    text: Asked = "",
    band: Asked = "",
    stage: str = "",
    tier: Asked = "",
    owner: uuid.UUID | None = None,
    likelihood: Level = None,
    impact: Level = None,
    after: str | None = None,
) -> Response:
    """List partners by name; `likelihood` and `impact` (levels) name one cell of the matrix."""
    grid = board(session)
    cell = (likelihood, impact) if likelihood is not None and impact is not None else None
    filters = partners.Filters(
        text=text.strip() or None,
        band=band if band not in ("", UNRATED) else None,
        unplaced_on=grid.version if band == UNRATED else None,
        tier=tier or None,
        owner_id=owner,
        stage=Stage(stage) if stage in tuple(Stage) else None,
        cell=cell,
    )
    found = partners.listing(session, filters, cursor=after, limit=ROWS)
    placed = assessments.latest_of_all(session, partner_ids=[partner.id for partner in found.items])
    return view.page(
        "partners.html",
        grid=grid,
        partners=found.items,
        placed_by_partner={one.partner_id: one for one in placed},
        stages=list(Stage),
        cell=cell,
        chosen={"text": text, "band": band, "stage": stage, "tier": tier, "owner": owner},
        owners=people.named(session, {owner} if owner else ()),
        unrated=UNRATED,
        older=view.older(found.next, "after"),
    )


@router.get("/{partner_id}", response_model=None)
def show_partner(view: Viewer, session: Read, partner_id: uuid.UUID, before: str | None = None) -> Response:
    """Show one partner."""
    return draw(view, session, partners.get(session, partner_id), before=before)


@router.get("/{partner_id}/trend.json", response_model=None)
def trend_of(view: Viewer, session: Read, partner_id: uuid.UUID) -> Response:
    """Return what the charts of a partner's page draw."""
    partners.get(session, partner_id)
    return JSONResponse(trend.charts(session, view, partner_id))


def draw(
    view: View,
    session: Session,
    partner: Partner,
    *,
    before: str | None = None,
    faults: Mapping[str, str] | None = None,
    entered: Mapping[str, str] | None = None,
) -> Response:
    """Return a partner's page; `faults` and `entered` are of an override that was refused."""
    assessment = assessments.latest(session, partner.id)
    found = facts.listing(session, partner_id=partner.id, cursor=before, limit=FACTS)
    grid = board(session)
    said = overrides.listing(session, partner.id)
    parts = assessment.impact_parts if assessment else []
    return view.page(
        "partner.html",
        422 if faults else 200,
        grid=grid,
        partner=partner,
        is_watched=partner.stage in WATCHED_STAGES,
        assessment=assessment,
        outcomes=standing.outcomes(session, assessment),
        reach=standing.reach(assessment, grid),
        stay=standing.stay(session, assessment, grid, _thresholds(view, session, partner)),
        impact_parts=parts,
        impact_known=part_known((part["weight"], part["score"]) for part in parts),
        holding=[one for one in said if overrides.holds(one, view.now)],
        past=[one for one in said if not overrides.holds(one, view.now)],
        counted={one["id"] for one in assessment.overrides} if assessment else set(),
        facts=found.items,
        older=view.older(found.next),
        notices=notices.listing(session, limit=RECENT, partner_id=partner.id).items,
        alert_words=alert_words,
        alerts=alerts.listing(session, limit=RECENT, partner_id=partner.id).items,
        meetings=meetings.listing(session, limit=RECENT, partner_id=partner.id).items,
        may_ask=view.may_change and _may_be_met(session, partner),
        rules=[(rule, status) for rule, status in rules.statuses_of(session, partner.id) if rule.enabled],
        faults=faults or {},
        entered=entered or {"quantity": ""},
        back=f"/partners/{partner.id}#incidents",
        **incidents.context(view, session, partner.id),
        **_sources(session, partner),
    )


def _may_be_met(session: Session, partner: Partner) -> bool:
    """Tell whether something fires that a meeting could be about, and none is open."""
    return meetings.worst_alert(session, partner.id) is not None and meetings.open_of(session, partner.id) is None


def _thresholds(view: View, session: Session, partner: Partner) -> Thresholds:
    whose = (partner.id, partner.tier)
    return cast(Thresholds, criteria.effective(session, criteria.PLACEMENT, whose, view.now).options)


def _sources(session: Session, partner: Partner) -> dict[str, Any]:
    """Return the names of all sources, and what those that speak of this partner note about their data."""
    speaking = facts.sources_of(session, partner.id)
    everything = sources.everything(session)
    return {
        "source_names": {source.id: source.name for source in everything},
        "speaking": [source for source in everything if source.id in speaking],
    }
