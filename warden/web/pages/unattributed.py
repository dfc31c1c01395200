"""Facts no partner claims: counted by the name they came with, and given to a partner by hand."""

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from warden.errors import Conflict, InvalidInput
from warden.store import facts, identifiers, partners
from warden.web.deps import Read, Write
from warden.web.pages import choices
from warden.web.pages.drawing import ROWS, Manager, View, Viewer, Written, see_other

router = APIRouter()


@router.get("/unattributed", response_model=None)
def list_unattributed(view: Viewer, session: Read, after: str | None = None) -> Response:
    """Show the names that belong to nobody, those with most facts first."""
    return _draw(view, session, after)


@router.post("/unattributed", response_model=None)
def map_to_partner(
    view: Manager,
    session: Write,
    scheme: Written = "",
    value: Written = "",
    partner: Written = "",
) -> Response:
    """Make a name an identifier of a partner; all its facts follow, past ones too."""
    field = f"{scheme}:{value}"
    found = partners.by_name(session, partner.strip())
    if found is None:
        fault = view.reader.tr("There is no partner of this name: choose one from the list.")
        return _draw(view, session, faults={field: fault}, entered=partner)
    try:
        identifiers.add_identifier(session, found, scheme, value, view.now)
    except (Conflict, InvalidInput):
        fault = view.reader.tr("This name cannot be given to one partner: it is public or taken.")
        return _draw(view, session, faults={field: fault}, entered=partner)
    return see_other("/unattributed")


def _draw(
    view: View, session: Session, after: str | None = None, *, faults: dict[str, str] | None = None, entered: str = ""
) -> Response:
    found = facts.unattributed(session, cursor=after, limit=ROWS)
    _keys, silent_articles = facts.unattributed_total(session)
    return view.page(
        "unattributed.html",
        422 if faults else 200,
        rows=found.items,
        offered=choices.of_partners(session) if view.may_change else [],
        articles=silent_articles,
        faults=faults or {},
        entered=entered,
        older=view.older(found.next, "after"),
    )
