"""Actions: what either side promised, by when, and the forms that note, change and close one."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from sqlalchemy.orm import Session

from warden.domain import Side
from warden.errors import Conflict, InvalidInput, NotFound
from warden.i18n import N_
from warden.models import Action, Partner, Person
from warden.store import actions, meetings, partners, people
from warden.web.bounds import typed_version
from warden.web.deps import Read, Write
from warden.web.pages.drawing import ROWS, Manager, View, Viewer, Written, see_other

router = APIRouter(prefix="/actions")

FAULTS = {
    "text": N_("Say what is to be done, in at most 500 characters."),
    "due_on": N_("Choose a day within three years."),
    "owner_id": N_("This person is not of that side."),
    "reason": N_("Say why it will not be done."),
}
"""What is said beside a field that the store refuses."""

Who = Annotated[str, Form(max_length=40)]


@router.get("", response_model=None)
def list_actions(view: Viewer, session: Read, state: str = "open", before: str | None = None) -> Response:
    """Show actions, the first due first; open ones unless all are asked for."""
    found = actions.listing(session, before, ROWS, only_open=state != "all")
    overdue = {action.id for action in found.items if actions.is_overdue(action, view.now)}
    return view.page("actions.html", actions=found.items, overdue=overdue, chosen=state, older=view.older(found.next))


@router.post("", response_model=None)
def add(
    view: Manager,
    session: Write,
    partner_id: Annotated[uuid.UUID, Form()],
    meeting_id: Annotated[uuid.UUID | None, Form()] = None,
    text: Written = "",
    who: Who = "ours",
    due_on: Written = "",
) -> Response:
    """Note a promise of either side, made in a meeting or outside any."""
    partner = partners.get(session, partner_id)
    back = f"/meetings/{meeting_id}" if meeting_id else f"/partners/{partner_id}/rhythm"
    if meeting_id is not None and meetings.get(session, meeting_id).partner_id != partner_id:
        raise NotFound(f"The partner {partner_id} has no meeting {meeting_id}.")
    try:
        values = {"text": text, "due_on": _day(due_on), **_side(session, who)}
        actions.add(session, partner, **values, meeting_id=meeting_id, author=view.by, now=view.now)
    except InvalidInput as error:
        entered = {"text": text, "who": who, "due_on": due_on}
        return _draw_new(view, partner, meeting_id, back, faults(view, error), entered)
    return see_other(f"{back}#actions")


@router.get("/{action_id}", response_model=None)
def show(view: Viewer, session: Read, action_id: uuid.UUID) -> Response:
    """Show one action, and what can be done with it."""
    return _draw(view, session, actions.get(session, action_id))


@router.post("/{action_id}", response_model=None)
def change(
    view: Manager,
    session: Write,
    action_id: uuid.UUID,
    text: Written = "",
    who: Who = "ours",
    due_on: Written = "",
    version: Written = "",
) -> Response:
    """Change what is promised, by whom, or by when, unless somebody changed it meanwhile."""
    try:
        values = {"text": text, "due_on": _day(due_on), **_side(session, who)}
        actions.change(session, action_id, values, version=typed_version(version), now=view.now)
    except InvalidInput as error:
        entered = {"text": text, "who": who, "due_on": due_on, "version": version}
        return _draw(view, session, actions.get(session, action_id), faults(view, error), entered)
    return see_other(f"/actions/{action_id}")


@router.post("/{action_id}/done", response_model=None)
def finish(view: Manager, session: Write, action_id: uuid.UUID) -> Response:
    """Note that it was done; pressing twice is no error."""
    with suppress(Conflict):  # somebody was faster: the page says who
        actions.finish(session, action_id, view.by, view.now)
    return see_other(f"/actions/{action_id}")


@router.post("/{action_id}/drop", response_model=None)
def drop(view: Manager, session: Write, action_id: uuid.UUID, reason: Written = "") -> Response:
    """Note that it will not be done, and why."""
    try:
        actions.drop(session, action_id, reason, view.by, view.now)
    except InvalidInput as error:
        return _draw(view, session, actions.get(session, action_id), faults(view, error))
    return see_other(f"/actions/{action_id}")


def faults(view: View, error: InvalidInput) -> dict[str, str]:
    """Return what is said beside each field that was refused. Raises the error where it is about none."""
    said = {fault.where: view.reader.tr(FAULTS[fault.where]) for fault in error.faults if fault.where in FAULTS}
    if not said:
        raise error
    return said


def choices(partner: Partner) -> Sequence[Person]:
    """Return who may be named: the partner's people on either side."""
    named = (partner.owner, partner.sponsor, partner.counterpart)
    return list({person.id: person for person in named if person is not None}.values())


def _draw(
    view: View,
    session: Session,
    action: Action,
    faults: Mapping[str, str] | None = None,
    entered: Mapping[str, str] | None = None,
) -> Response:
    partner = partners.get(session, action.partner_id)
    who = str(action.owner_id) if action.owner_id else action.side.value
    extra = [action.owner] if action.owner and action.owner not in choices(partner) else []
    stands = {"text": action.text, "who": who, "due_on": action.due_on.isoformat(), "version": str(action.version)}
    return view.page(
        "action.html",
        422 if faults else 200,
        action=action,
        partner=partner,
        people=[*choices(partner), *extra],
        is_overdue=actions.is_overdue(action, view.now),
        entered=entered or stands,
        faults=faults or {},
    )


def _draw_new(
    view: View,
    partner: Partner,
    meeting_id: uuid.UUID | None,
    back: str,
    faults: Mapping[str, str],
    entered: Mapping[str, str],
) -> Response:
    return view.page(
        "action_new.html",
        422,
        partner=partner,
        meeting_id=meeting_id,
        back=back,
        people=choices(partner),
        faults=faults,
        entered=entered,
    )


def _day(text: str) -> date:
    """Read what an `<input type="date">` sends; a day of long ago, which is refused, when it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date(1970, 1, 1)


def _side(session: Session, who: str) -> dict[str, Any]:
    """Return side and owner of what the form calls who: a side, or somebody's id."""
    if who in list(Side):
        return {"side": Side(who), "owner_id": None}
    try:
        person = people.get(session, uuid.UUID(who))
    except ValueError:
        return {"side": Side.OURS, "owner_id": None}
    return {"side": Side.OURS if person.ours else Side.THEIRS, "owner_id": person.id}
