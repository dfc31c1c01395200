"""Alerts: what fired and why, what it points to, who was told; acknowledging, assigning and judging one."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from sqlalchemy.orm import Session

from warden.domain import AlertState, Worth
from warden.errors import Conflict
from warden.models import Alert
from warden.rules.context import BY_NAME
from warden.store import alert_history, alerts, assignments, meetings, people, verdicts
from warden.web import alert_answers, alert_words
from warden.web.deps import Read, Write
from warden.web.pages import choices
from warden.web.pages.drawing import ROWS, Manager, View, Viewer, Written, see_other
from warden.web.words import NO, YES
from warden.wording import Reader, number

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Seen:
    """One value a rule saw. `text` None: unknown; `is_text`: it is a key such as a state, and not a figure."""

    name: str
    text: str | None
    is_text: bool
    meaning: str


@router.get("/alerts", response_model=None)
def list_alerts(view: Viewer, session: Read, state: str = "firing", before: str | None = None) -> Response:
    """Show alerts, newest first; those that fire unless asked for others."""
    wanted = AlertState(state) if state in tuple(AlertState) else None
    found = alerts.listing(session, before, ROWS, state=wanted)
    older = view.older(found.next)
    return view.page("alerts.html", alerts=found.items, chosen=state, older=older, **_cards(view, session, found.items))


@router.get("/alerts/{alert_id}", response_model=None)
def show_alert(view: Viewer, session: Read, alert_id: uuid.UUID) -> Response:
    """Show one alert."""
    return _draw(view, session, alerts.get(session, alert_id))


@router.post("/alerts/{alert_id}/acknowledge", response_model=None)
def acknowledge(view: Manager, session: Write, alert_id: uuid.UUID, reason: Written = "") -> Response:
    """Note who has seen the alert and why it may rest."""
    alert = alerts.get(session, alert_id, lock=True)
    if not reason.strip():
        fault = view.reader.tr("Say why this alert may rest.")
        return _draw(view, session, alert, faults={f"reason-{alert.id}": fault})
    alerts.acknowledge(session, alert, reason=reason, who=view.by, now=view.now)
    return see_other(f"/alerts/{alert.id}")


@router.post("/alerts/{alert_id}/assign", response_model=None)
def assign(view: Manager, session: Write, alert_id: uuid.UUID, person: Written = "") -> Response:
    """Give the alert to somebody, or to nobody any more."""
    alert = alerts.get(session, alert_id, lock=True)
    wanted = people.one_called(session, person) if person.strip() else None
    if wanted is None and person.strip():
        said = {"person": view.reader.tr(choices.PERSON_MESSAGE)}
        return _draw(view, session, alerts.get(session, alert_id), faults=said, entered=person)
    assignments.assign(session, alert, wanted, who=view.by, now=view.now)
    return see_other(f"/alerts/{alert.id}#assign")


@router.post("/alerts/{alert_id}/verdicts", response_model=None)
def judge(
    view: Viewer, session: Write, alert_id: uuid.UUID, worth: Annotated[Worth, Form()], note: Written = ""
) -> Response:
    """Note what the alert was worth; everybody who may look may say so."""
    try:
        verdicts.add(session, alert_id, worth, author=view.by, via="page", now=view.now, note=note.strip())
    except Conflict:
        often = view.reader.say(alert_words.OFTEN_MESSAGE, most=verdicts.MOST_OF_ONE)
        return _draw(view, session, alerts.get(session, alert_id), faults={"worth": often})
    return see_other(f"/alerts/{alert_id}#acts")


def _draw(
    view: View,
    session: Session,
    alert: Alert,
    *,
    faults: Mapping[str, str] | None = None,
    entered: str | None = None,
) -> Response:
    """Draw one alert; `entered`: to whom it was to be given, None: who has it stands in the form."""
    opening = alert_history.decision(session, alert)
    cards = _cards(view, session, [alert])
    has_it = cards["assigned"].get(alert.id)
    said = verdicts.of_alerts(session, [alert.id]).get(alert.id, [])
    return view.page(
        "alert.html",
        422 if faults else 200,
        alert=alert,
        opening=opening,
        seen=seen(view.reader, opening.context),
        advice=alert_answers.diagnosed(session, alert),
        events=alert_history.events(session, alert.id),
        given=assignments.history(session, alert.id),
        notices=alert_history.notices(session, alert),
        unstable_since=alert_history.unstable_since(session, alert),
        held=cards["hidden"].get(str(alert.id)),
        climb=alert_answers.next_climb(session, alert),
        standing=meetings.open_of(session, alert.partner_id),
        verdicts=said,
        mine=next((one.worth for one in said if one.author == view.by), None),
        people=choices.of_people(session) if view.may_change else [],
        entered=entered if entered is not None else has_it.email if has_it else "",
        faults=faults or {},
        **cards,
    )


def _cards(view: View, session: Session, found: Sequence[Alert]) -> dict[str, Any]:
    """Return what the cards of alerts show besides the alerts."""
    ids = [alert.id for alert in found]
    return {
        "meetings": meetings.of_alerts(session, ids),
        "assigned": assignments.of_alerts(session, ids),
        "hidden": alert_answers.hidden(session, found, view.now),
        "alert_words": alert_words,
    }


def seen(reader: Reader, values: Mapping[str, Any]) -> list[Seen]:
    """Return what a rule saw, what is known first."""
    rows = [_seen(reader, name, value) for name, value in values.items()]
    return sorted(rows, key=lambda row: row.text is None)


def _seen(reader: Reader, name: str, value: Any) -> Seen:
    meaning = reader.tr(BY_NAME[name].meaning) if name in BY_NAME else ""
    if value is None:
        return Seen(name, None, is_text=False, meaning=meaning)
    if isinstance(value, bool):
        return Seen(name, reader.tr(YES if value else NO), is_text=False, meaning=meaning)
    if isinstance(value, int | float):
        small = abs(value) < 10 and value != int(value)
        return Seen(name, f"{value:.3g}" if small else number(value, reader.locale), is_text=False, meaning=meaning)
    text = ", ".join(value) if isinstance(value, list | tuple) else str(value)
    return Seen(name, text, is_text=True, meaning=meaning)
