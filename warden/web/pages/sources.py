"""Sources: how each fares, since when it is blind, and its last runs."""

from fastapi import APIRouter, Response

from warden.store import sources
from warden.web.deps import Read
from warden.web.pages.drawing import Viewer

RUNS = 5
"""Runs shown of each source."""

router = APIRouter()


@router.get("/sources", response_model=None)
def list_sources(view: Viewer, session: Read) -> Response:
    """Show every source with its last runs."""
    found = sources.everything(session)
    runs = sources.last_runs(session, [source.id for source in found], RUNS)
    return view.page("sources.html", sources=found, runs=runs)
