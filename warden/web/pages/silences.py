"""Silences and maintenance windows: what is quiet and until when, and the forms that add one or end one early."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from warden.calendars import time_zones
from warden.domain import SilenceKind
from warden.errors import Fault, InvalidInput, NotFound
from warden.i18n import N_
from warden.rules.matching import matcher_faults
from warden.store import alerts, partners, silences
from warden.web import alert_words
from warden.web.alert_answers import state_of_silence
from warden.web.bounds import is_sane
from warden.web.deps import Read, Write
from warden.web.pages import matcher_form
from warden.web.pages.drawing import ROWS, Asked, Manager, View, Viewer, see_other
from warden.web.pages.matcher_form import Typed, first

router = APIRouter(prefix="/alerts/silences")

USUAL = timedelta(days=7)
"""How long a silence lasts unless another end is typed."""

FAULTS = {
    "reason": N_("Say why nobody is to be told."),
    "starts_at": N_("This is no time that clocks show there."),
    "ends_at": N_("Choose an end after its beginning that is not over yet, at most 90 days away."),
    "time_zone": N_("This is no time zone such as Asia/Taipei."),
    "matchers.partner": N_("There is no partner of this name: %(name)s"),
}
"""What is said beside a field that the store refuses."""


@router.get("", response_model=None)
def list_silences(view: Viewer, session: Read, state: str = "active", before: str | None = None) -> Response:
    """Show what is silenced, the last to end first; all that ever was if asked for."""
    found = silences.listing(session, before, ROWS, now=view.now, in_force=None if state == "all" else True)
    names = matcher_form.names_of(session, [one.matchers for one in found.items])
    return view.page(
        "silences.html",
        rows=[
            (one, state_of_silence(one, view.now), matcher_form.in_words(view.reader, one.matchers, names))
            for one in found.items
        ],
        chosen=state,
        older=view.older(found.next),
        alert_words=alert_words,
    )


@router.get("/new", response_model=None)
def ask(view: Manager, session: Read, alert: Asked = "", partner: Asked = "", rule: Asked = "") -> Response:
    """Show the form, filled for an alert, a partner or a rule where it was come from."""
    matchers = _prefilled(session, alert, partner, rule)
    names = matcher_form.names_of(session, [matchers])
    until = (view.now + USUAL).astimezone(ZoneInfo(view.reader.time_zone))
    entered = {
        **matcher_form.entered(matchers, names),
        "kind": SilenceKind.SILENCE.value,
        "starts_at": "",
        "ends_at": f"{until:%Y-%m-%dT%H:%M}",
        "time_zone": view.reader.time_zone,
        "reason": "",
    }
    return _draw(view, session, entered, ())


@router.post("", response_model=None)
def add(view: Manager, typed: Typed, session: Write) -> Response:
    """Add a silence; what is wrong with it is told beside its fields, and what was typed is kept."""
    try:
        _add(view, session, typed)
    except InvalidInput as error:
        names = ("kind", "starts_at", "ends_at", "time_zone", "reason")
        entered = matcher_form.as_typed(typed) | {name: first(typed, name) for name in names}
        return _draw(view, session, entered, error.faults)
    return see_other("/alerts/silences")


@router.post("/{silence_id}/end", response_model=None)
def end(view: Manager, session: Write, silence_id: uuid.UUID) -> Response:
    """End a silence before its time."""
    silences.end(session, silences.get(session, silence_id, lock=True), who=view.by, now=view.now)
    return see_other("/alerts/silences")


def _add(view: View, session: Session, typed: Mapping[str, Sequence[str]]) -> None:
    matchers, faults = matcher_form.read(session, typed)
    time_zone = first(typed, "time_zone") or view.reader.time_zone
    if time_zone not in time_zones():
        faults.append(Fault("time_zone", f"{time_zone!r:.80} is unknown"))
    kind, begin, until = first(typed, "kind"), first(typed, "starts_at"), local(first(typed, "ends_at"))
    if until is None:
        faults.append(Fault("ends_at", "is no time"))
    starts_at = local(begin) if begin else None
    if begin and starts_at is None:
        faults.append(Fault("starts_at", "is no time"))
    faults += matcher_faults(matchers)
    if faults or until is None:
        reason = [] if first(typed, "reason") else [Fault("reason", "is empty")]
        raise InvalidInput("The silence cannot be stored.", [*faults, *reason])
    silences.add(
        session,
        kind=SilenceKind(kind) if kind in tuple(SilenceKind) else SilenceKind.SILENCE,
        matchers=matchers,
        starts_at=starts_at,
        ends_at=until,
        time_zone=time_zone,
        reason=first(typed, "reason"),
        author=view.by,
        now=view.now,
    )


def _draw(view: View, session: Session, entered: Mapping[str, Any], wrong: Sequence[Fault]) -> Response:
    said = [fault for fault in wrong if fault.where in FAULTS]
    faults = {fault.where: view.reader.say(FAULTS[fault.where], name=fault.what) for fault in said}
    return view.page(
        "silence.html",
        422 if wrong else 200,
        entered=entered,
        choices=matcher_form.choices(session),
        faults=faults,
        others=matcher_form.others(view.reader, [fault for fault in wrong if fault.where not in FAULTS]),
        alert_words=alert_words,
    )


def _prefilled(session: Session, alert: str, partner: str, rule: str) -> dict[str, Any]:
    """Return the matchers an address asks for. Raises NotFound for an alert or a partner there is not."""
    try:
        if alert:
            found = alerts.get(session, uuid.UUID(alert))
            return {"partner": [str(found.partner_id)], "rule": [found.rule.key]}
        if partner:
            return {"partner": [str(partners.get(session, uuid.UUID(partner)).id)]}
    except ValueError as error:
        raise NotFound("There is no such alert or partner.") from error
    return {"rule": [rule]} if rule else {}


def local(text: str) -> datetime | None:
    """Return what a `datetime-local` field holds, without a zone; None when it is no moment to reckon with."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=None) if is_sane(moment.replace(tzinfo=UTC)) else None
