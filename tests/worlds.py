"""Small pasts whose truth is known: a scorer that reads plain numbers off a panel, and rows of a walk made directly."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from contracts import make_panel

from scorers.base import Evidence, Floats, Outcome, Panel, Scorer, Scores, Terms, first_reason, logit
from scorers.walk import Rows


class Forecast(Scorer):
    """Says in per cent what "received" of yesterday says, nothing at 0. The outcome: a "late" within the horizon."""

    name: ClassVar[str] = "forecast"
    family: ClassVar[str] = "delivery"
    version: ClassVar[str] = "1"
    min_points: ClassVar[int] = 1
    weight: ClassVar[float] = 1.0

    class Options(Outcome):
        """As every outcome."""

    def score(self, panel: Panel, terms: Terms) -> Scores:
        """Read the numbers."""
        percent = panel.daily["received"][:, -1].astype(np.float64)
        value = np.where(percent > 0, percent, np.nan) / 100
        unknown, reason = first_reason(panel.partners, [("nothing was said", np.isnan(value))])
        return Scores(
            value=value,
            sample=np.ones(panel.partners),
            stale=np.zeros(panel.partners, dtype=np.bool_),
            contributions={"half": logit(value) / 2, "other half": logit(value) / 2},
            measured={"mood": panel.daily["sent"][:, -1].astype(np.float64)},
            evidence=(Evidence("said", {}),),
            unknown=unknown,
            unknown_reason=reason,
        )

    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        """Look for a "late" within the horizon; of a partner with one yesterday it had begun before."""
        horizon = terms["horizon_days"].astype(int)
        day = np.arange(whole.days) - past.days
        within = (day >= 0) & (day < horizon[:, None])
        begins = ((whole.daily["late"] > 0) & within).any(axis=1).astype(np.float64)
        matured = past.days + horizon <= np.floor(whole.now)
        running = past.daily["late"][:, -1] > 0
        return np.where(matured & ~running, begins, np.nan)


def terms(partners: int, horizon: float = 28.0) -> Terms:
    """The terms of `Forecast`."""
    return {"horizon_days": np.full(partners, horizon)}


def random_panel(seed: int, partners: int = 12, weeks: int = 30) -> Panel:
    """Noise: each day some number was said, and now and then something was late."""
    rng = np.random.default_rng(seed)
    shape = (partners, weeks * 7)
    daily = {
        "received": rng.integers(0, 99, shape),
        "sent": rng.integers(0, 5, shape),
        "late": rng.random(shape) < 0.01,
        "made": rng.random(shape) < 0.3,
        "due": rng.integers(0, 3, shape),
    }
    return make_panel(partners, weeks * 7, daily=daily)


def rows_of(
    partner: Sequence[int], week: Sequence[int], value: Sequence[float], began: Sequence[int], horizon: float = 28.0
) -> Rows:
    """Rows as given, in the order of a walk."""
    order = np.lexsort((partner, week))
    return Rows(
        partner=np.array(partner, dtype=np.intp)[order],
        column=7 * np.array(week, dtype=np.intp)[order],
        value=np.array(value, dtype=np.float64)[order],
        began=np.array(began, dtype=np.bool_)[order],
        horizon=np.full(len(partner), horizon),
        figures={},
    )


def past_rows(
    seed: int,
    *,
    partners: int = 60,
    weeks: int = 104,
    bias: tuple[float, float] = (0.0, 1.0),
    hidden: float = 0.0,
    base: float = -3.0,
    horizon: float = 7.0,
) -> Rows:
    """Every partner every week: said is σ(L); what comes has the log-odds a + b·L + hidden·mood, (a, b) the `bias`.

    "mood" is among the figures, "noise" too; with a horizon of a week every positive row is a case of its own.
    """
    rng = np.random.default_rng(seed)
    count = partners * weeks
    said = base + rng.normal(size=count)
    mood, noise = rng.normal(size=count), rng.normal(size=count)
    truth = bias[0] + bias[1] * said + hidden * mood
    return Rows(
        partner=np.tile(np.arange(partners), weeks),
        column=np.repeat(7 * np.arange(4, 4 + weeks), partners),
        value=1 / (1 + np.exp(-said)),
        began=rng.random(count) < 1 / (1 + np.exp(-truth)),
        horizon=np.full(count, horizon),
        figures={"figure mood": mood.astype(np.float32), "figure noise": noise.astype(np.float32)},
    )


def with_cases(rows: Rows, cases: int) -> Rows:
    """The same rows with exactly so many of their cases: positive ones of every other week, spread evenly."""
    positive = np.flatnonzero(rows.began & (rows.column // 7 % 2 == 0))
    kept = np.zeros(len(rows), dtype=np.bool_)
    kept[positive[np.linspace(0, positive.size - 1, cases).round().astype(int)]] = True
    assert kept.sum() == cases
    return Rows(rows.partner, rows.column, rows.value, kept, rows.horizon, rows.figures)
