"""Partners: the list, and one partner's page with where it stands, why, and what that rests on."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from warden.domain import Stage
from warden.models import Assessment, Partner
from warden.store import alerts, assessments, facts, meetings, partners, rules, sources
from warden.web.deps import Read
from warden.web.pages import trend
from warden.web.pages.drawing import ROWS, Asked, Level, Viewer
from warden.web.pages.grid import board

FACTS = 20
"""Facts on one page of a partner's table."""

RECENT = 5
"""Alerts and meetings shown on a partner's page."""

router = APIRouter(prefix="/partners")


@router.get("", response_model=None)
def list_partners(
    view: Viewer,
    session: Read,
    text: Asked = "",
    band: Asked = "",
    stage: str = "",
    likelihood: Level = None,
    impact: Level = None,
    after: str | None = None,
) -> Response:
    """List partners by name; `likelihood` and `impact` (levels) name one cell of the matrix."""
    cell = (likelihood, impact) if likelihood is not None and impact is not None else None
    filters = partners.Filters(
        text=text.strip() or None,
        band=band or None,
        stage=Stage(stage) if stage in tuple(Stage) else None,
        cell=cell,
    )
    found = partners.listing(session, filters, cursor=after, limit=ROWS)
    placed = assessments.latest_of_all(session, partner_ids=[partner.id for partner in found.items])
    return view.page(
        "partners.html",
        grid=board(session),
        partners=found.items,
        placed_by_partner={one.partner_id: one for one in placed},
        stages=list(Stage),
        cell=cell,
        chosen={"text": text, "band": band, "stage": stage},
        older=view.older(found.next, "after"),
    )


@router.get("/{partner_id}", response_model=None)
def show_partner(view: Viewer, session: Read, partner_id: uuid.UUID, before: str | None = None) -> Response:
    """Show one partner."""
    partner = partners.get(session, partner_id)
    assessment = assessments.latest(session, partner_id)
    found = facts.listing(session, partner_id=partner_id, cursor=before, limit=FACTS)
    return view.page(
        "partner.html",
        grid=board(session),
        partner=partner,
        assessment=assessment,
        signals=_signals(session, assessment),
        impact_parts=assessment.impact_parts if assessment else [],
        facts=found.items,
        older=view.older(found.next),
        alerts=alerts.listing(session, limit=RECENT, partner_id=partner_id).items,
        meetings=meetings.listing(session, limit=RECENT, partner_id=partner_id).items,
        rules=[(rule, status) for rule, status in rules.statuses_of(session, partner_id) if rule.enabled],
        horizon_days=view.services.settings.horizon_days,
        **_sources(session, partner),
    )


@router.get("/{partner_id}/trend.json", response_model=None)
def trend_of(view: Viewer, session: Read, partner_id: uuid.UUID) -> Response:
    """Return what the charts of a partner's page draw."""
    partners.get(session, partner_id)
    return JSONResponse(trend.charts(session, view, partner_id))


def _signals(session: Session, assessment: Assessment | None) -> Sequence[Mapping[str, Any]]:
    """Return the signals, the heaviest first, each with its part of the whole risk (0..1) and its facts."""
    if assessment is None:
        return []
    known = {fact.id: fact for fact in facts.get(session, _fact_ids(assessment))}
    total = sum(signal["share"] for signal in assessment.signals)
    ordered = sorted(assessment.signals, key=lambda signal: -signal["share"])
    return [
        {
            **signal,
            "portion": signal["share"] / total if total and signal["likelihood"] is not None else None,
            "facts": [known[number] for number in signal["facts"] if number in known],
        }
        for signal in ordered
    ]


def _fact_ids(assessment: Assessment) -> list[int]:
    return [number for signal in assessment.signals for number in signal["facts"]]


def _sources(session: Session, partner: Partner) -> dict[str, Any]:
    """Return the names of all sources, and what those that speak of this partner note about their data."""
    speaking = facts.sources_of(session, partner.id)
    everything = sources.everything(session)
    return {
        "source_names": {source.id: source.name for source in everything},
        "speaking": [source for source in everything if source.id in speaking],
    }
