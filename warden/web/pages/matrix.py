"""Home: every watched partner on the risk matrix, the worst first, and those not rated with the reason."""

import uuid
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from warden.reasons import reasons
from warden.store import alerts, assessments, meetings, people, sources
from warden.store.assessments import Placement
from warden.web.deps import Read
from warden.web.pages.drawing import Viewer
from warden.web.pages.grid import Board, board

CHIPS = 4
"""Partners named in one cell; the others are one link away."""

LISTED = 10
"""Partners named in each list below the matrix."""

router = APIRouter()


@router.get("/", response_model=None)
def matrix(view: Viewer, session: Read, tier: str = "", owner: str = "") -> Response:
    """Draw the matrix, for all partners or those of one tier or owner."""
    grid = board(session)
    everybody = assessments.placements(session)
    shown = [one for one in everybody if tier in ("", one.tier) and owner in ("", str(one.owner_id))]
    rated = [one for one in shown if one.band and one.matrix_version == grid.version]
    placed = {one.partner_id for one in rated}
    worst = sorted(rated, key=lambda one: _badness(one, grid), reverse=True)[:LISTED]
    return view.page(
        "matrix.html",
        grid=grid,
        rows=grid.rows(rated),
        rated=len(rated),
        not_rated=[one for one in shown if one.partner_id not in placed],
        worst=worst,
        headlines=_headlines(session, worst),
        firing=alerts.count_firing(session),
        open_meetings=meetings.count_open(session),
        blind_sources=sum(1 for source in sources.everything(session) if source.blind_since),
        tiers=sorted({one.tier for one in everybody}),
        owners=people.named(session, {one.owner_id for one in everybody if one.owner_id}),
        chosen={"tier": tier, "owner": owner},
        chips=CHIPS,
        listed=LISTED,
    )


def _badness(one: Placement, grid: Board) -> tuple[int, float, float]:
    return grid.rank(one.band), one.likelihood or 0.0, one.impact or 0.0


def _headlines(session: Session, worst: list[Placement]) -> dict[uuid.UUID, Any]:
    """Return why the signal that weighs most is raised, by partner."""
    headlines = {}
    for assessment in assessments.latest_of_all(session, partner_ids=[one.partner_id for one in worst]):
        told = reasons(assessment.signals)
        if told:
            headlines[assessment.partner_id] = told[0]
    return headlines
