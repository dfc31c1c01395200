"""What the charts of a partner's page draw: its assessments over time, and its messages and deliveries by week."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from warden.models import Assessment
from warden.store import assessments
from warden.store.panel import build
from warden.web.pages.drawing import View
from warden.web.words import SIGNALS

WEEKS = 104
DAYS_A_WEEK = 7


def charts(session: Session, view: View, partner_id: uuid.UUID) -> dict[str, Any]:
    """Return {"time", "zone", "charts": [{"title", "unit", "stepped", "moments", "series": [{"label", "values"}]}]}.

    Moments are seconds since 1970, UTC; `unit` is "share" (0..1) or "count"; texts are in the reader's language.
    """
    history = assessments.history(session, partner_id, view.now - timedelta(weeks=WEEKS))
    drawn = [_likelihoods(view, history)] if history else []
    return {
        "time": view.reader.tr("Date"),
        "zone": view.reader.time_zone,
        "charts": [*drawn, *_activity(session, view, partner_id)],
    }


def _likelihoods(view: View, history: Sequence[Assessment]) -> dict[str, Any]:
    """Draw what was said, when it was said: a step holds until something differed. The last one holds until now."""
    tr = view.reader.tr
    names = [name for name in SIGNALS if any(_signal(row, name) is not None for row in history)]
    whole: list[float | None] = [row.likelihood for row in history]
    series = [{"label": tr("Likelihood"), "values": [*whole, whole[-1]]}]
    for name in names:
        values = [_signal(row, name) for row in history]
        series.append({"label": tr(SIGNALS[name]), "values": [*values, values[-1]]})
    moments = [int(row.at.timestamp()) for row in history]
    return {
        "title": tr("Likelihood of worsening, and what each signal alone would make it"),
        "unit": "share",
        "stepped": True,
        "moments": [*moments, max(int(view.now.timestamp()), moments[-1] + 1)],
        "series": series,
    }


def _signal(row: Assessment, name: str) -> float | None:
    return next((signal["likelihood"] for signal in row.signals if signal["name"] == name), None)


def _activity(session: Session, view: View, partner_id: uuid.UUID) -> list[dict[str, Any]]:
    """Draw the counts of each of the last weeks, the last one ending today; kinds without any fact are left out."""
    found, panel = build(session, view.services.settings, view.now, view.now, [partner_id])
    if not found:
        return []
    tr = view.reader.tr
    drawn = (
        (tr("Messages a week"), {"received": tr("From the partner"), "sent": tr("From us")}),
        (tr("Deliveries a week"), {"due": tr("Due"), "late": tr("Late")}),
    )
    weeks = min(WEEKS, panel.days // DAYS_A_WEEK)
    last = int(view.now.timestamp())
    moments = [last - (weeks - 1 - week) * DAYS_A_WEEK * 86_400 for week in range(weeks)]
    made = []
    for title, names in drawn:
        series = [{"label": label, "values": _weekly(panel.daily[name][0], weeks)} for name, label in names.items()]
        if any(any(one["values"]) for one in series):
            made.append({"title": title, "unit": "count", "stepped": False, "moments": moments, "series": series})
    return made


def _weekly(daily: NDArray[np.float32], weeks: int) -> list[float]:
    sums: list[float] = daily[-weeks * DAYS_A_WEEK :].reshape(weeks, DAYS_A_WEEK).sum(axis=1).tolist()
    return sums
