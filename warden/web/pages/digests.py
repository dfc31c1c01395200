"""Unsubscribing from a digest, without signing in: the signature in the link says that the reader may."""

import uuid

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from warden.errors import NotFound
from warden.models import Digest
from warden.store import digests
from warden.web.deps import Read, Write
from warden.web.pages.drawing import Anyone, View

router = APIRouter(prefix="/digests/{digest_id}/unsubscribe")


@router.get("", response_model=None)
def ask(view: Anyone, session: Read, digest_id: uuid.UUID, signature: str = "") -> Response:
    """Show a button. Nothing happens before it is pressed: mail scanners follow links."""
    found = _signed(view, session, digest_id, signature)
    return view.page("unsubscribe.html", email=found.person.email, is_done=not found.enabled)


@router.post("", response_model=None)
def unsubscribe(view: Anyone, session: Write, digest_id: uuid.UUID, signature: str = "") -> Response:
    """Switch the digest off, for the button and for a mail program's one click (RFC 8058); twice is no error."""
    found = _signed(view, session, digest_id, signature)
    digests.unsubscribe(session, found.id)
    return view.page("unsubscribe.html", email=found.person.email, is_done=True)


def _signed(view: View, session: Session, digest_id: uuid.UUID, signature: str) -> Digest:
    if not view.services.vault.verify(digests.unsubscribe_text(digest_id), signature):
        raise NotFound("This link does not lead to a digest.")
    return digests.get(session, digest_id)
