"""Home: every watched partner on the risk matrix, the worst first, and those not rated with the reason."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from scorers.matrix import Thresholds
from warden.i18n import N_
from warden.reasons import reasons
from warden.store import alerts, assessments, criteria, meetings, people, sources
from warden.store.assessments import Placement
from warden.web.answers import why_unrated
from warden.web.deps import Read
from warden.web.pages.drawing import Viewer
from warden.web.pages.grid import Board, board
from warden.web.pages.partners import UNRATED

CHIPS = 4
"""Partners named in one cell; the others are one link away."""

LISTED = 10
"""Partners named in each list below the matrix."""

HELD_MESSAGE = N_("%(reason)s; below %(start_share)s, where its row begins, but still held there by a margin")

router = APIRouter()


@router.get("/", response_model=None)
def matrix(view: Viewer, session: Read, tier: str = "", owner: str = "") -> Response:
    """Draw the matrix, for all partners or those of one tier or owner."""
    grid, chosen = board(session), {"tier": tier, "owner": owner}
    everybody = assessments.placements(session)
    shown = [one for one in everybody if tier in ("", one.tier) and owner in ("", str(one.owner_id))]
    rated = [one for one in shown if one.cell_on(grid.version)]
    unrated = (one for one in shown if not one.cell_on(grid.version))
    worst = sorted(rated, key=lambda one: _badness(one, grid), reverse=True)[:LISTED]
    return view.page(
        "matrix.html",
        grid=grid,
        rows=grid.rows(rated),
        rated=len(rated),
        is_overridden=any(one.overridden for one in rated),
        not_rated=len(shown) - len(rated),
        unrated=[(one, why_unrated(one)) for one in islice(unrated, LISTED)],
        worst=worst,
        headlines=_headlines(session, worst, grid, view.now),
        firing=alerts.count_firing(session),
        open_meetings=meetings.count_open(session),
        blind_sources=sum(1 for source in sources.everything(session) if source.blind_since),
        tiers=sorted({one.tier for one in everybody}),
        owners=people.named(session, {one.owner_id for one in everybody if one.owner_id}),
        chosen=chosen,
        chips=CHIPS,
        unrated_address="/partners?"
        + urlencode({name: one for name, one in {"band": UNRATED, **chosen}.items() if one}),
    )


def _badness(one: Placement, grid: Board) -> tuple[int, float, float]:
    return grid.rank(one.band), one.likelihood or 0.0, one.impact or 0.0


def _headlines(session: Session, worst: list[Placement], grid: Board, now: datetime) -> dict[uuid.UUID, Any]:
    """Return by partner why the signal that weighs most is raised, and whether only the margin still holds it there."""
    held = _held_from(session, worst, grid, now)
    headlines = {}
    for assessment in assessments.latest_of_all(session, partner_ids=[one.partner_id for one in worst]):
        told = reasons(assessment.signals)
        if told:
            start = held.get(assessment.partner_id)
            why = {"reason": told[0], "start_share": start}
            headlines[assessment.partner_id] = told[0] if start is None else {"message": HELD_MESSAGE, "params": why}
    return headlines


def _held_from(session: Session, worst: list[Placement], grid: Board, now: datetime) -> dict[uuid.UUID, float]:
    """Return where their row begins, for the partners whose likelihood no longer reaches that."""
    resolved = criteria.resolve(session, criteria.PLACEMENT, [(one.partner_id, one.tier) for one in worst], now)
    thresholds = cast(Sequence[Thresholds], resolved.options)
    held = {}
    for one, number in zip(worst, resolved.of, strict=True):
        start = grid.grid.start(one.likelihood_level or 1, thresholds[number])
        if not one.overridden and one.likelihood is not None and one.likelihood < start:
            held[one.partner_id] = start
    return held
