"""Names and what they match: the ambiguous ones to review, and changes of one partner's names looked at beforehand."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from sqlalchemy.orm import Session

from warden.errors import InvalidInput
from warden.models import Partner
from warden.store import identifiers, names, partners
from warden.store.names import Answer, Flags, Mark
from warden.web.bounds import MOST_SKIPPED
from warden.web.deps import SLOW, Read, Write
from warden.web.pages.drawing import Asked, Manager, View, Viewer, Written, see_other

ROWS = 20
"""Names to review on one page: all of them are sought in every headline."""

router = APIRouter()

Skip = Annotated[int, Query(ge=0, le=MOST_SKIPPED)]


@router.get("/names", response_model=None, dependencies=[SLOW])
def list_names(view: Viewer, session: Read, skip: Skip = 0) -> Response:
    """Show ambiguous names that nobody has reviewed, with headlines that hold them."""
    waiting = names.to_review(session)
    after = skip + ROWS
    return view.page(
        "names.html",
        rows=names.with_examples(session, waiting[skip:after], view.now),
        total=len(waiting),
        answers=list(Answer),
        older=f"/names?skip={after}" if after < len(waiting) else None,
        window_days=names.WINDOW.days,
    )


@router.post("/names", response_model=None)
def review(
    view: Manager,
    session: Write,
    partner_id: Annotated[uuid.UUID, Form()],
    text: Annotated[str, Form(max_length=200)],
    answer: Annotated[Answer, Form()],
) -> Response:
    """Write down what a person says of a name; articles are read again with the next tick."""
    partner = partners.get(session, partner_id, lock=True)
    names.review(session, partner, text, answer, author=view.by, now=view.now)
    return see_other("/names")


@router.get("/partners/{partner_id}/names", response_model=None, dependencies=[SLOW])
def preview(
    view: Manager,
    session: Read,
    partner_id: uuid.UUID,
    text: Asked = "",
    case_sensitive: bool = False,
    needs_context: bool = False,
    exclude: bool = False,
    remove: bool = False,
) -> Response:
    """Show what a name would have matched if it were looked for so, with the button that saves it."""
    partner = partners.get(session, partner_id)
    flags = None if remove else Flags(case_sensitive, needs_context, exclude)
    return _draw(view, session, partner, text, flags)


@router.post("/partners/{partner_id}/names", response_model=None)
def save(
    view: Manager,
    session: Write,
    partner_id: uuid.UUID,
    text: Written = "",
    case_sensitive: Annotated[bool, Form()] = False,
    needs_context: Annotated[bool, Form()] = False,
    exclude: Annotated[bool, Form()] = False,
    remove: Annotated[bool, Form()] = False,
) -> Response:
    """Add, change or remove a name as its preview showed; articles are read again with the next tick."""
    partner = partners.get(session, partner_id, lock=True)
    if remove:
        gone = next((alias for alias in partner.aliases if alias.text == text), None)
        if gone is not None:
            identifiers.remove_alias(session, partner, gone.id, view.now)
        return see_other(f"/partners/{partner_id}#names")
    try:
        identifiers.add_alias(
            session,
            partner,
            text,
            view.now,
            case_sensitive=case_sensitive,
            needs_context=needs_context,
            exclude=exclude,
            reviewed_by=view.by,
        )
    except InvalidInput:
        return _draw(view, session, partner, text, Flags(case_sensitive, needs_context, exclude))
    return see_other(f"/partners/{partner_id}#names")


def _draw(view: View, session: Session, partner: Partner, text: str, flags: Flags | None) -> Response:
    faults = {}
    try:
        text = identifiers.alias_text(text)
        found = names.preview(session, partner, text, flags, view.now)
    except InvalidInput:
        faults = {"text": view.reader.tr("Enter a name of 1 to 200 characters.")}
        found = None
    return view.page(
        "name_preview.html",
        422 if faults else 200,
        partner=partner,
        text=text,
        flags=flags or Flags(),
        is_removal=flags is None,
        found=found,
        marks=list(Mark),
        window_days=names.WINDOW.days,
        faults=faults,
    )
