"""The track record: how good the likelihoods were on our own past beside simple rules, and which model speaks now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from warden import plugins
from warden.store import learning
from warden.web.deps import Read, Write
from warden.web.pages.drawing import Manager, Viewer, see_other

router = APIRouter(prefix="/backtest")

SCALES = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Where the axes of a calibration plot may end."""


@dataclass(frozen=True, slots=True)
class Plot:
    """What was said beside what came, on a square of 100 × 100 whose axes end at `top`; the second axis points up.

    points: (x, y, radius); dots grow with the weeks behind them.
    """

    top: float
    points: Sequence[tuple[float, float, float]]


@router.get("", response_model=None)
def show_record(view: Viewer, session: Read) -> Response:
    """Show the newest backtest, the one under way, and who speaks for each outcome."""
    held = learning.in_force(session, view.now)
    newest = learning.latest_backtest(session)
    outcomes = newest.report["outcomes"] if newest else []
    return view.page(
        "backtest.html",
        newest=newest,
        outcomes=[(outcome, plot(outcome["calibration"])) for outcome in outcomes],
        pending=learning.pending_backtest(session),
        speakers=[
            (scorer, learning.speaker(held.get(scorer.name), scorer), held.get(scorer.name))
            for scorer in plugins.scorers()
        ],
    )


@router.post("", response_model=None)
def request(view: Manager, session: Write) -> Response:
    """Ask for a backtest, unless one waits already."""
    learning.request_backtest(session, view.by, view.now)
    return see_other("/backtest")


def plot(calibration: Mapping[str, Any] | None) -> Plot | None:
    """Return what a report's calibration looks like; None without one."""
    if calibration is None or not calibration["bins"]:
        return None
    bins = calibration["bins"]
    highest = max(max(one["said_share"], one["came_share"]) for one in bins)
    top = next((scale for scale in SCALES if highest <= scale), 1.0)
    most = max(one["rows"] for one in bins)
    points = [
        (100 * one["said_share"] / top, 100 - 100 * one["came_share"] / top, 1.5 + 2 * (one["rows"] / most) ** 0.5)
        for one in bins
    ]
    return Plot(top, points)
