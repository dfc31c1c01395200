"""What a backtest shows against the likelihood, in words: too high or too low, too many alarms, a rival as good.

Pure; figures are those of a report, see pipeline.backtest.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scorers.walk import STEP_DAYS
from warden.i18n import N_

Fact = dict[str, Any]
Method = Mapping[str, Any]

LEAST_GAP = 0.05
"""What was said and what came may differ by so much before it is worth a word."""

SURE = 1.96
"""Standard errors by which they have to differ, too."""

LEAST_CASES = 20
"""Horizons that do not overlap, below which a share is not judged."""

TOO_MUCH = N_(
    "Where it gave %(what)s a likelihood of %(said_share)s, they came in %(came_share)s of the cases: it says too much."
)
TOO_LITTLE = N_(
    "Where it gave %(what)s a likelihood of %(said_share)s, they came in %(came_share)s of the cases: "
    "it says too little."
)
CARRIED = N_(
    "With the threshold set on the older half of the weeks, %(what)s would have raised %(carried)s false alarms per "
    "100 partner-quarters in the newer half instead of %(budget)s."
)
NO_BETTER = N_(
    "In ranking partners by %(what)s it is not surely better than “%(rule)s”: it put %(own_share)s of pairs in the "
    "right order, the rule %(rule_share)s."
)


def remarks(
    what: Fact, methods: Sequence[Method], calibration: Mapping[str, Any], horizon_days: float, budget: float
) -> list[Fact]:
    """Return the sentences on one outcome, none where there is nothing to say. `what` names it in the plural.

    methods: the likelihood first; horizon_days: the longest, since rows of one horizon judge the same days.
    """
    ours, *rivals = methods
    found = [*_calibration(what, calibration["bins"], horizon_days)]
    if ours["carried_false_alarms"] is not None:
        found.append(_fact(CARRIED, what=what, carried=ours["carried_false_alarms"], budget=budget))
    ranked = [rival for rival in rivals if rival["auroc"]["value"] is not None]
    best = max(ranked, key=lambda rival: float(rival["auroc"]["value"]), default=None)
    if best is not None and best["ahead"]["low"] is not None and best["ahead"]["low"] <= 0:
        shares = {"own_share": ours["auroc"]["value"], "rule_share": best["auroc"]["value"]}
        found.append(_fact(NO_BETTER, what=what, rule=best["title"], **shares))
    return found


def _calibration(what: Fact, bins: Sequence[Mapping[str, Any]], horizon_days: float) -> Iterator[Fact]:
    """Yield the worst bin on either side."""
    wrong = [one for one in bins if _is_off(one, horizon_days)]
    gap = {id(one): one["came_share"] - one["said_share"] for one in wrong}
    for message, side in ((TOO_MUCH, -1), (TOO_LITTLE, 1)):
        worst = max((one for one in wrong if side * gap[id(one)] > 0), key=lambda one: abs(gap[id(one)]), default=None)
        if worst is not None:
            yield _fact(message, what=what, said_share=worst["said_share"], came_share=worst["came_share"])


def _is_off(one: Mapping[str, Any], horizon_days: float) -> bool:
    """Tell whether what came differs from what was said by more than chance explains, and enough to matter."""
    said = float(one["said_share"])
    cases = int(one["rows"]) * STEP_DAYS / max(horizon_days, STEP_DAYS)
    gap = abs(float(one["came_share"]) - said)
    return cases >= LEAST_CASES and gap >= LEAST_GAP and gap > SURE * (said * (1 - said) / cases) ** 0.5


def _fact(message: str, **params: Any) -> Fact:
    return {"message": message, "params": params}
