"""What is publicly said of one partner: its incidents, and forms to correct how their articles were read."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response
from sqlalchemy.orm import Session

from scorers.news.events import taxonomy
from warden.domain import CorrectionKind
from warden.errors import InvalidInput
from warden.store import articles, corrections, partners
from warden.web import words
from warden.web.bounds import RowNumber
from warden.web.deps import Read, Write
from warden.web.pages.drawing import Manager, View, Viewer, Written, local_path, see_other

SHOWN = 5
"""Incidents on the partner's own page."""

ROWS = 20
"""Incidents on one page of all of them."""

STORIES = 8
"""Articles shown of one incident, copies aside."""

COPIES = 20
"""Copies shown of one article."""

ASIDE = 20
"""Articles shown that are not about the partner."""

router = APIRouter(prefix="/partners/{partner_id}")

Skip = Annotated[int, Query(ge=0, le=articles.MOST_ARTICLES)]


@router.get("/incidents", response_model=None)
def list_incidents(view: Viewer, session: Read, partner_id: uuid.UUID, skip: Skip = 0) -> Response:
    """Show all incidents of a partner, those that weigh most first."""
    return _draw(view, session, partner_id, skip)


@router.post("/articles/{fact_id}/corrections", response_model=None)
def correct(
    view: Manager,
    session: Write,
    partner_id: uuid.UUID,
    fact_id: RowNumber,
    kind: Annotated[CorrectionKind, Form()],
    value: Written = "",
    back: Written = "",
) -> Response:
    """Let a person's word about an article hold; an empty value takes it back."""
    try:
        said = _value(kind, value)
        articles.correct(session, fact_id, partner_id, kind, said, author=view.by, now=view.now)
    except InvalidInput:
        return _draw(view, session, partner_id, wrong=True)
    return see_other(local_path(back) if back else f"/partners/{partner_id}#incidents")


def context(view: View, session: Session, partner_id: uuid.UUID, limit: int = SHOWN, skip: int = 0) -> dict[str, Any]:
    """Return what templates/partner/incidents.html needs."""
    told = articles.incidents(session, partner_id, view.now, limit, skip)
    return {
        "told": told,
        "tone_of": articles.tone_of,
        "weight_of": weight_of,
        "events": sorted(taxonomy()["events"], key=lambda name: -taxonomy()["events"][name]["severity"]),
        "tones": corrections.LABELS,
        "stories_shown": STORIES,
        "copies_shown": COPIES,
        "most_articles": articles.MOST_ARTICLES,
    }


def weight_of(weight: float) -> str:
    """Return the message that calls a weight (0..300)."""
    return next((called for least, called in words.WEIGHTS if weight >= least), words.NO_WEIGHT)


def _draw(view: View, session: Session, partner_id: uuid.UUID, skip: int = 0, *, wrong: bool = False) -> Response:
    partner = partners.get(session, partner_id)
    shown = context(view, session, partner_id, ROWS, skip)
    after = skip + ROWS
    return view.page(
        "incidents.html",
        422 if wrong else 200,
        partner=partner,
        wrong=wrong,
        aside=articles.set_aside(session, partner_id, ASIDE),
        older=f"/partners/{partner_id}/incidents?skip={after}" if after < shown["told"].total else None,
        back=f"/partners/{partner_id}/incidents" + (f"?skip={skip}" if skip else ""),
        **shown,
    )


def _value(kind: CorrectionKind, text: str) -> Mapping[str, Any]:
    """Return what a form's value means; the store refuses what means nothing."""
    if not text:
        return {}
    if kind is CorrectionKind.TONE:
        return {"label": text}
    if kind is CorrectionKind.EVENT:
        return {"event": None if text == "none" else text}
    if kind is CorrectionKind.ABOUT:
        return {"about": text != "no"}
    return {"apart": True} if text == "apart" else {"with": int(text) if text.isdecimal() and len(text) < 19 else None}
