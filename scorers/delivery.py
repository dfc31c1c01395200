"""Late deliveries: how likely it is that too large a share of the next ones is late.

Empirical Bayes with a slow and a fast memory, and the upper tail of a beta-binomial (the method of Efron & Morris 1975
for many small counts). It judges shares of deliveries, not how many days late they are, nor what they are worth.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from scorers.base import (
    BLIND_LIMIT_DAYS,
    BLIND_MESSAGE,
    HIGHEST,
    LOWEST,
    NO_SOURCE_MESSAGE,
    STALE_BLIND_DAYS,
    Evidence,
    Floats,
    Mask,
    Panel,
    Scorer,
    Scores,
    first_reason,
    logit,
    sigmoid,
)

SLOW_DAYS, FAST_DAYS = 78 * 7.0, 8 * 7.0
"""Half-lives of the two memories: the habit, and what happens now."""

DRIFT_WEIGHT = 0.7
DRIFT_CAP = 20.0
"""No partner moves the portfolio's drift with more than so many deliveries; as many again at the slow rate damp it."""

LEAST_BAR, BAR_RATIO, MOST_BAR = 0.2, 2.0, 0.5
"""The outcome: late share of the next deliveries >= twice the partner's habit, at least .2, at most .5."""

LEAST_NEXT = 5.0
"""The outcome is judged on at least this many deliveries."""

ASSUMED_RATE, ASSUMED_WEIGHT = 0.1, 10.0
"""Before anything is known of a portfolio: one in ten late, believed like ten deliveries."""

ASSUMED_PRIOR, LEAST_PRIOR, MOST_PRIOR = 20.0, 4.0, 200.0
"""Weight of the portfolio's prior in deliveries: without, and the limits with, enough partners to estimate it from."""

RECENT_DAYS, SHARE_DAYS, DORMANT_DAYS = 56, 182, 182
"""Windows of `due_recent`, of `late_share`, and without any due date after which there is nothing to forecast."""

TOO_FEW_MESSAGE = "deliveries that fell due: %(deliveries)s, needed: %(needed)s"
NONE_DUE_MESSAGE = "no delivery was due for %(days_since_due)s days: nothing to forecast"


@dataclass(frozen=True, slots=True)
class Prior:
    """What the portfolio says of a partner nobody knows: Beta(mean·weight, (1 - mean)·weight)."""

    mean: float
    weight: float  # in deliveries


@dataclass(frozen=True, slots=True)
class _Counts:
    """Deliveries due and late per partner `(n,)`: under the slow and the fast memory, and in plain windows."""

    slow_due: Floats
    slow_late: Floats
    fast_due: Floats
    fast_late: Floats
    all_due: Floats
    recent_due: Floats
    recent_late: Floats
    share_due: Floats
    share_late: Floats
    since_due: Floats  # days since the last due date, NaN without any
    slow_days: Floats  # days under the slow memory since the first due date


class Delivery(Scorer):
    """Probability that the late share of the next deliveries reaches max(20 %, twice the partner's habit)."""

    name: ClassVar[str] = "delivery"
    family: ClassVar[str] = "delivery"
    version: ClassVar[str] = "1"
    min_points: ClassVar[int] = 5
    weight: ClassVar[float] = 0.4

    def score(self, panel: Panel) -> Scores:
        """Score every partner at `panel.at`; days while no source could report are left out, late or not."""
        blind = panel.blind_days[self.family]
        counts = _count(panel, np.nan_to_num(blind))
        unknown, reason = first_reason(
            panel.partners,
            [
                (NO_SOURCE_MESSAGE, np.isnan(blind)),
                (TOO_FEW_MESSAGE, counts.all_due < self.min_points),
                (BLIND_MESSAGE, blind > BLIND_LIMIT_DAYS),
                (NONE_DUE_MESSAGE, counts.since_due > DORMANT_DAYS),
            ],
        )
        known = reason < 0
        usual, late, on_time = _beliefs(counts)
        bar = np.clip(BAR_RATIO * usual, LEAST_BAR, MOST_BAR)
        expected = np.maximum(counts.slow_due / np.maximum(counts.slow_days, 7.0) * panel.horizon_days, LEAST_NEXT)
        value = np.clip(share_tail(expected, late, on_time, bar), LOWEST, HIGHEST)
        sure = late + on_time
        habit = np.clip(share_tail(expected, usual * sure, (1 - usual) * sure, bar), LOWEST, HIGHEST)
        return Scores(
            value=np.where(known, value, np.nan),
            sample=counts.slow_due,
            stale=known & ((counts.since_due > RECENT_DAYS) | (blind > STALE_BLIND_DAYS)),
            contributions={
                "habit": np.where(known, logit(habit), np.nan),
                "lately": np.where(known, logit(value) - logit(habit), np.nan),
            },
            measured=_measured(counts, known, late / sure, usual),
            evidence=_evidence(counts, known, late / sure, usual),
            unknown=unknown,
            unknown_reason=reason,
            unknown_params={
                "deliveries": counts.all_due,
                "needed": np.full(panel.partners, float(self.min_points)),
                "blind_days": blind,
                "days_since_due": counts.since_due,
            },
        )


def _measured(counts: _Counts, known: Mask, rate: Floats, usual: Floats) -> dict[str, Floats]:
    share = np.divide(counts.share_late, counts.share_due, out=np.full_like(rate, np.nan), where=counts.share_due > 0)
    return {
        "late_rate": np.where(known, rate, np.nan),
        "usual_late_rate": np.where(known, usual, np.nan),
        "due_recent": np.where(known, counts.recent_due, np.nan),
        "late_share": share,
    }


def _evidence(counts: _Counts, known: Mask, rate: Floats, usual: Floats) -> tuple[Evidence, ...]:
    some = known & (counts.recent_due > 0)
    return (
        Evidence(
            "about %(late_rate)s of deliveries are now late; usual is %(usual_late_rate)s",
            {"late_rate": np.where(known, rate, np.nan), "usual_late_rate": np.where(known, usual, np.nan)},
        ),
        Evidence(
            "%(late)s of the %(due)s deliveries due in the last %(days)s days were late",
            {
                "late": np.where(some, counts.recent_late, np.nan),
                "due": np.where(some, counts.recent_due, np.nan),
                "days": np.where(some, float(RECENT_DAYS), np.nan),
            },
        ),
    )


def _beliefs(counts: _Counts) -> tuple[Floats, Floats, Floats]:
    """Return (habit, A, B), each `(n,)`: the slow late rate, and the Beta(A, B) of the rate that holds now."""
    prior = portfolio_prior(counts.slow_due, counts.slow_late)
    habit = (prior.mean * prior.weight + counts.slow_late) / (prior.weight + counts.slow_due)
    centre = sigmoid(logit(habit) + DRIFT_WEIGHT * _drift(counts, prior))
    kappa = np.clip(prior.weight / 2, 10.0, 20.0)
    return habit, kappa * centre + counts.fast_late, kappa * (1 - centre) + counts.fast_due - counts.fast_late


def portfolio_prior(due: Floats, late: Floats) -> Prior:
    """Estimate the spread of late rates among partners by moments (Kleinman 1973, weights = deliveries).

    `due` and `late` are `(n,)`, `late` <= `due`, discounted counts allowed. Fewer than two partners with deliveries
    cannot show a spread: then the assumed weight is used.
    """
    some = due > 0
    n, k = due[some], late[some]
    total = float(n.sum())
    mean = (float(k.sum()) + ASSUMED_RATE * ASSUMED_WEIGHT) / (total + ASSUMED_WEIGHT)
    raw = float(k.sum()) / total if total > 0 else 0.0
    spare = len(n) - 1
    room = total - float((n**2).sum()) / total - spare if total > 0 else 0.0
    if spare < 1 or room <= 0 or not 0 < raw < 1:
        return Prior(mean, ASSUMED_PRIOR)
    spread = float((n * (k / n - raw) ** 2).sum()) / (raw * (1 - raw))
    correlation = min(max((spread - spare) / room, 1e-6), 1 - 1e-6)
    return Prior(mean, float(np.clip((1 - correlation) / correlation, LEAST_PRIOR, MOST_PRIOR)))


def _drift(counts: _Counts, prior: Prior) -> float:
    """How far the whole portfolio has lately moved from its habit, in log-odds."""
    slow = _capped_rate(counts.slow_due, counts.slow_late, prior.mean)
    fast = _capped_rate(counts.fast_due, counts.fast_late, slow)
    return float(np.log(fast / (1 - fast)) - np.log(slow / (1 - slow)))


def _capped_rate(due: Floats, late: Floats, centre: float) -> float:
    cap = np.minimum(1.0, DRIFT_CAP / np.maximum(due, DRIFT_CAP))
    return float(((late * cap).sum() + centre * DRIFT_CAP) / ((due * cap).sum() + DRIFT_CAP))


def share_tail(expected: Floats, late: Floats, on_time: Floats, bar: Floats) -> Floats:
    """Return P(late share of the next deliveries >= bar) `(n,)`, the rate being Beta(late, on_time).

    Upper tail of the beta-binomial with `expected` >= 1 draws (not necessarily whole), by the Beta of the same mean and
    variance with half a count of continuity correction. Where bar·expected is whole and expected >= 10 it is within .05
    of the exact tail. Between it is smooth on purpose: how many will fall due is itself only expected, and the exact
    tail jumps by .2 when five become six.
    """
    mean = late / (late + on_time)
    correlation = 1 / (late + on_time + 1)
    variance_ratio = (1 + (expected - 1) * correlation) / expected  # of the share, to mean·(1 - mean)
    weight = 1 / variance_ratio - 1
    edge = np.clip(bar - 0.5 / expected, 0.0, 1.0)
    return np.asarray(1.0 - betainc(mean * weight, (1 - mean) * weight, edge), dtype=np.float64)


def _count(panel: Panel, blind: Floats) -> _Counts:
    """Count what a working source reported: everything is as it was on the last day a source could report."""
    due = _as_last_seen(panel.daily["due"], blind)
    late = _as_last_seen(panel.daily["late"], blind)
    age = np.arange(panel.days - 1, -1, -1, dtype=np.float64)
    weights = np.stack([0.5 ** (age / SLOW_DAYS), 0.5 ** (age / FAST_DAYS)], axis=1)
    slow_due, fast_due = (due @ weights).T
    slow_late, fast_late = (late @ weights).T
    fell_due = due > 0
    ever = fell_due.any(axis=1)
    oldest = panel.days - np.argmax(fell_due, axis=1)  # days since the first due date, that day included
    fade = 0.5 ** (1 / SLOW_DAYS)
    return _Counts(
        slow_due=slow_due,
        slow_late=slow_late,
        fast_due=fast_due,
        fast_late=fast_late,
        all_due=due.sum(axis=1),
        recent_due=due[:, -RECENT_DAYS:].sum(axis=1),
        recent_late=late[:, -RECENT_DAYS:].sum(axis=1),
        share_due=due[:, -SHARE_DAYS:].sum(axis=1),
        share_late=late[:, -SHARE_DAYS:].sum(axis=1),
        since_due=np.where(ever, np.argmax(fell_due[:, ::-1], axis=1), np.nan),
        slow_days=(1 - fade**oldest) / (1 - fade),
    )


def _as_last_seen(daily: NDArray[np.float32], blind: Floats) -> Floats:
    """Return the counts `(n, t)` with each blind row moved right by its blind days, so that its end is its last view.

    The last seen day itself is emptied: what was still open then may have been made while nobody could tell.
    """
    seen = daily.astype(np.float64)
    days = daily.shape[1]
    for row in np.flatnonzero(blind > 0):
        shift = min(int(np.ceil(blind[row])), days)
        seen[row, shift:] = daily[row, : days - shift]
        seen[row, :shift] = 0.0
        seen[row, -1:] = 0.0
    return seen
