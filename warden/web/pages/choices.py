"""Names to choose from while one is typed: a bounded part of all there are, so that nobody is out of reach."""

from collections.abc import Sequence

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from warden.i18n import N_
from warden.store import partners, people
from warden.web.deps import Read
from warden.web.pages.drawing import Asked, Manager, Viewer

router = APIRouter(prefix="/choices")

OFFERED = 50
"""Names offered at once; who types on is offered others."""

PERSON_MESSAGE = N_("Nobody of ours has this name or address, or several have this name: give the address.")

Option = tuple[str, str]
"""What is filled in, and what is shown beside it."""


@router.get("/people", response_model=None)
def list_people(view: Manager, session: Read, person: Asked = "", deputy: Asked = "") -> Response:
    """Offer people of ours for what stands in either field."""
    return view.page("choices.html", options=of_people(session, person or deputy))


@router.get("/partners", response_model=None)
def list_partners(view: Viewer, session: Read, partner: Asked = "") -> Response:
    """Offer partners for what stands in the field."""
    return view.page("choices.html", options=of_partners(session, partner))


def of_people(session: Session, text: str = "") -> Sequence[Option]:
    """Return people of ours that a text may mean, by name."""
    return [(one.email, one.name) for one in people.search(session, text.strip(), OFFERED)]


def of_partners(session: Session, text: str = "") -> Sequence[Option]:
    """Return partners that a text may mean, by name."""
    return [(name, "") for name in partners.names_with(session, text.strip(), OFFERED)]
