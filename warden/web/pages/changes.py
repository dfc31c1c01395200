"""What changed a partner's placement between two days and why, and one day seen with what was known then and is now."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from warden.models import Partner
from warden.pipeline import ledger
from warden.pipeline.causes import Line
from warden.pipeline.ledger import Cause, Clocks, Ledger, Step
from warden.store import partners
from warden.web import words
from warden.web.answers import turning_point
from warden.web.bounds import is_sane
from warden.web.deps import SLOW, Read
from warden.web.pages.drawing import Asked, View, Viewer
from warden.web.pages.grid import board
from warden.web.pages.standing import summing
from warden.wording import Reader, number, percent

router = APIRouter(prefix="/partners/{partner_id}")

POINT_DIGITS = 1
"""Decimals in which differences of likelihoods are shown, in percentage points."""


@dataclass(frozen=True, slots=True)
class Row:
    """One step as it is shown. `points` and `impact` sum to the whole difference as it is shown; None: not known.

    parts: by outcome, in percentage points; those of a step sum to its `points`.
    """

    cause: Cause
    points: float | None
    impact: float | None
    parts: Mapping[str, float]
    step: Step


@router.get("/changes", response_model=None, dependencies=[SLOW])
def show_changes(
    view: Viewer, session: Read, partner_id: uuid.UUID, since: Asked = "", until: Asked = "", on: Asked = ""
) -> Response:
    """Split the change between two days; with `on`, what was said on a day and what would be said of it now."""
    partner = partners.get(session, partner_id)
    if on:
        return _draw(view, session, partner, on=on)
    return _draw(view, session, partner, since=since, until=until)


def _draw(
    view: View, session: Session, partner: Partner, *, since: str = "", until: str = "", on: str = ""
) -> Response:
    """Days are those of the reader's zone, each taken at its end; what is not over yet is taken now."""
    faults = {
        name: view.reader.tr("Choose a day that has begun.")
        for name, text in (("since", since), ("until", until), ("on", on))
        if text and _end_of(view, text) is None
    }
    found = None
    if not faults:
        found = _ledger(view, session, partner, since=since, until=until, on=on)
        if found is None:
            faults = {"since": view.reader.tr("The first day has to lie before the second.")}
    shown = rows(found) if found else []
    return view.page(
        "changes.html",
        422 if faults else 200,
        said=partial(said, view),
        grid=board(session),
        partner=partner,
        ledger=found,
        rows=shown,
        total={name: _total([getattr(row, name) for row in shown]) for name in ("points", "impact")},
        is_comparable=any(row.points is not None or row.impact is not None for row in shown),
        is_one_day=bool(on),
        entered={"since": since, "until": until, "on": on},
        faults=faults,
    )


def _ledger(view: View, session: Session, partner: Partner, *, since: str, until: str, on: str) -> Ledger | None:
    """Return what the form asks for; None when the first moment lies after the second."""
    then = _end_of(view, on)
    if then is not None:
        clocks = Clocks(then, then), Clocks(then, view.now)
    else:
        end = _end_of(view, until) or view.now
        start = _end_of(view, since) or turning_point(session, partner.id, view.now)
        if start > end:
            return None
        clocks = Clocks(start, start), Clocks(end, end)
    return ledger.between(session, view.services.settings, partner.id, *clocks)


def _end_of(view: View, text: str) -> datetime | None:
    """Return the end of a day, or now when it is not over; None when it is no day or has not begun."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    midnight = datetime.combine(day, time(), ZoneInfo(view.reader.time_zone))
    if not is_sane(midnight) or midnight > view.now:
        return None
    return min((midnight + timedelta(days=1)).astimezone(UTC), view.now)


def rows(found: Ledger) -> list[Row]:
    """Return the steps as they are shown: rounded so that what is shown adds up, too."""
    points = _summing([_points(step.likelihood_difference) for step in found.steps], POINT_DIGITS)
    impacts = _summing([step.impact_difference for step in found.steps], 2)
    made: list[Row] = []
    for step, point, impact in zip(found.steps, points, impacts, strict=True):
        names = [name for name, part in step.parts.items() if part]
        parts = summing([100 * step.parts[name] for name in names], POINT_DIGITS)
        made.append(Row(step.cause, point, impact, dict(zip(names, parts, strict=True)), step))
    return made


def _total(differences: Sequence[float | None]) -> float | None:
    known = [one for one in differences if one is not None]
    return sum(known) if len(known) == len(differences) else None


def said(view: View, line: Line) -> Mapping[str, Any]:
    """Return a line as {"message", "params"}, with values of attributes in the reader's words."""
    reading = _READINGS.get(line.of or "")
    params = line.params
    if reading is not None and "before" in params:
        params = {name: None if value is None else reading(view.reader, value) for name, value in params.items()}
    return {"message": line.message, "params": params}


_READINGS: Mapping[str, Callable[[Reader, Any], str]] = {
    "stage": lambda reader, value: reader.tr(words.WORDS[value]),
    "share": lambda reader, value: percent(value, reader.locale),
    "annual_value": lambda reader, value: number(float(value), reader.locale),
    "single_source": lambda reader, value: reader.tr(words.YES if value == "True" else words.NO),
}
"""How the ledger's values of attributes are read; others stand as they are."""


def _points(difference: float | None) -> float | None:
    return None if difference is None else 100 * difference


def _summing(differences: Sequence[float | None], digits: int) -> list[float | None]:
    """Return differences rounded as `summing` does; where one is not known, each is rounded alone."""
    known = [one for one in differences if one is not None]
    if len(known) == len(differences):
        return list(summing(known, digits))
    return [None if one is None else round(one, digits) for one in differences]
