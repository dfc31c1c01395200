"""Silence: how the days since the last sign of life compare with the partner's own longest usual gap.

The rule is `own_tail`: odds of going silent = (g + .5) / (R + .5), with g the days silent and R the longest gap that is
still usual. People's gaps are heavy-tailed (Barabási 2005), so that a rule on the tail alarms less than an exponential
model would. It does not look at what was written, nor at how fast it was answered.
"""

from typing import ClassVar

import numpy as np

from scorers.base import (
    BLIND_LIMIT_DAYS,
    BLIND_MESSAGE,
    NO_SOURCE_MESSAGE,
    STALE_BLIND_DAYS,
    Evidence,
    Floats,
    Mask,
    Panel,
    Scorer,
    Scores,
    first_reason,
    limited,
)

SHORTEST_SILENCE_DAYS = 30.0
"""No gap shorter than this is a silence, however busy the partner usually is."""

OWN_QUANTILE = 0.99

SHRINK_GAPS = 2.0
"""A partner with this many gaps is believed half; with fewer, the portfolio's gap counts more. On real mail heavier
shrinkage ranked partners worse: a slow rhythm is a partner's own."""

DORMANT_DAYS, DORMANT_RATIO = 180.0, 3.0
"""Silent for longer than both: the outcome began long ago and is no longer a forecast."""

TOO_FEW_MESSAGE = "days with messages: %(active_days)s, needed: %(needed)s"
DORMANT_MESSAGE = "no message for %(days_silent)s days: dormant, nothing to forecast"


class Communication(Scorer):
    """Days silent against max(30 days, own 99th-percentile gap, shrunk in logs towards the portfolio's)."""

    name: ClassVar[str] = "communication"
    family: ClassVar[str] = "communication"
    version: ClassVar[str] = "1"
    min_points: ClassVar[int] = 5
    weight: ClassVar[float] = 0.4

    def score(self, panel: Panel) -> Scores:
        """Score every partner at `panel.at`; days while no source could report do not count as silence."""
        blind = panel.blind_days[self.family]
        alive = _signs_of_life(panel)
        active = alive.sum(axis=1).astype(np.float64)
        silent = np.maximum(_days_since_last(alive) - np.nan_to_num(blind), 0.0)
        usual = _usual_gap(alive, self.min_points)
        required = np.maximum(SHORTEST_SILENCE_DAYS, usual)
        unknown, reason = first_reason(
            panel.partners,
            [
                (NO_SOURCE_MESSAGE, np.isnan(blind)),
                (TOO_FEW_MESSAGE, active < self.min_points),
                (BLIND_MESSAGE, blind > BLIND_LIMIT_DAYS),
                (DORMANT_MESSAGE, silent > np.maximum(DORMANT_DAYS, DORMANT_RATIO * required)),
            ],
        )
        known = reason < 0
        parts = {
            "silence": np.log((silent + 0.5) / (SHORTEST_SILENCE_DAYS + 0.5)),
            "own_habit": np.log((SHORTEST_SILENCE_DAYS + 0.5) / (required + 0.5)),
        }
        value, contributions = limited({name: np.where(known, part, np.nan) for name, part in parts.items()})
        return Scores(
            value=value,
            sample=active,
            stale=known & (blind > STALE_BLIND_DAYS),
            contributions=contributions,
            measured={
                "days_silent": silent,
                "usual_gap": np.where(active < self.min_points, np.nan, usual),
                "silence_ratio": np.where(known, silent / required, np.nan),
            },
            evidence=(_evidence(known, silent, usual),),
            unknown=unknown,
            unknown_reason=reason,
            unknown_params={
                "active_days": active,
                "needed": np.full(panel.partners, float(self.min_points)),
                "blind_days": blind,
                "days_silent": silent,
            },
        )


def _evidence(known: Mask, silent: Floats, usual: Floats) -> Evidence:
    return Evidence(
        "silent for %(days_silent)s days; the usual longest gap is %(usual_gap)s",
        {"days_silent": np.where(known, silent, np.nan), "usual_gap": np.where(known, np.round(usual), np.nan)},
    )


def _signs_of_life(panel: Panel) -> Mask:
    """Days `(n, t)` with a message from either side.

    The outcome is that the conversation dies, on both sides; counting only what the partner writes foretold that worse
    on real mail (same-week AUROC .61 against .68). A conversation that became one-sided is another signal, of replies.
    """
    return (panel.daily["received"] > 0) | (panel.daily["sent"] > 0)


def _days_since_last(alive: Mask) -> Floats:
    """Days `(n,)` since the last True of each row, counted from the last column; NaN for a row without any."""
    if alive.shape[1] == 0:
        return np.full(alive.shape[0], np.nan)
    since = np.argmax(alive[:, ::-1], axis=1).astype(np.float64)
    return np.where(alive.any(axis=1), since, np.nan)


def _usual_gap(alive: Mask, enough: int) -> Floats:
    """The longest usual gap `(n,)` in days: own quantiles shrunk in logs towards the portfolio's, weight n/(n + k).

    The portfolio's is the mean of the log quantiles of partners with `enough` active days, under the same weights. NaN
    where nobody has a gap at all. The running gap is not among the gaps, or a silence would excuse itself.
    """
    gaps, own = own_gap_quantiles(alive, OWN_QUANTILE)
    weight = gaps / (gaps + SHRINK_GAPS)
    counted = np.where(gaps + 1 >= enough, weight, 0.0)
    if not counted.sum() > 0:
        return own
    logs = np.log(np.where(gaps > 0, own, 1.0))
    portfolio = np.average(logs, weights=counted)
    return np.asarray(np.exp(weight * logs + (1 - weight) * portfolio), dtype=np.float64)


def own_gap_quantiles(alive: Mask, quantile: float) -> tuple[Floats, Floats]:
    """Return (number of gaps, their quantile in days), each `(n,)`; NaN quantile for a row without a gap.

    A gap is the distance in days between two neighbouring active days. The quantile is an observed gap: the smallest
    that at least this share of the gaps does not exceed (the inverse of the empirical distribution).
    """
    partners, days = alive.shape
    rows, columns = np.nonzero(alive)
    same = rows[1:] == rows[:-1]
    owner, gap = rows[1:][same], (columns[1:] - columns[:-1])[same]
    count = np.bincount(owner, minlength=partners)
    ordered = np.sort(owner * (days + 1) + gap)  # by partner, then by length
    first = np.cumsum(count) - count
    rank = np.ceil(quantile * count - 1e-9).astype(np.intp) - 1
    found = np.full(partners, np.nan)
    some = count > 0
    found[some] = ordered[(first + rank)[some]] - np.flatnonzero(some) * (days + 1)
    return count.astype(np.float64), found
