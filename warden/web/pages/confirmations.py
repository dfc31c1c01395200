"""Calls back from the programs behind destinations, without signing in: the signature says that they may."""

import uuid

from fastapi import APIRouter, Response

from warden.store import confirmations
from warden.web.deps import Write
from warden.web.pages.drawing import Anyone

router = APIRouter(prefix="/confirmations/{destination_id}")


@router.post("", response_model=None)
def confirm(view: Anyone, session: Write, destination_id: uuid.UUID, at: str = "", signature: str = "") -> Response:
    """Note that a check was shown."""
    confirmations.confirm(session, view.services.vault, destination_id, at, signature, view.now)
    return Response(status_code=204)
