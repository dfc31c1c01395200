"""Why a signal is raised: the sentence among its evidence whose figures are worse than usual. Pure; it scores nothing.

A signal says several true things; one that is better than usual is no reason for a high number. So of the sentences
that set a figure beside the usual one, the one furthest above it is told, and if none is above it, that is told.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from warden.i18n import N_
from warden.wording import Fact

SIGNALS = {
    "silence": N_("Going silent"),
    "late_share": N_("Late deliveries"),
    "reply_slowdown": N_("Slower replies"),
    "tone": N_("Negative news"),
    "satisfaction": N_("Falling satisfaction"),
    "milestones": N_("Missed milestones"),
}
"""Outcomes by the scorer that speaks of them; a scorer added later shows under its own name."""

REASON_MESSAGE = N_("%(signal)s %(likelihood_share)s: %(why)s")
AS_USUAL_MESSAGE = N_("this is its usual level, and nothing lately adds to it")

LEAST_PART = 0.1
"""A signal that carries less than this part of the risk is no reason, unless it rose most."""

_BESIDE = {
    "days_silent": "usual_gap",
    "recent_interval": "usual_interval",
    "late_rate": "usual_late_rate",
    "missed_share": "usual_missed_share",
    "reply_hours": "usual_reply_hours",
    "news_load": "usual_news_load",
}
"""Figures that are worse the higher they are, and the usual one told beside each."""

_COUNTS = {"late": "usual_late_rate", "missed": "usual_missed_share"}
"""Counts out of those due, and the usual share among the signal's figures."""

_NEAR = 0.5
"""A silence that has come further than this towards one that counts raises the likelihood (its view "own_tail")."""


def why(signal: Mapping[str, Any]) -> Fact | None:
    """Return the sentence that tells why a stored signal is raised, or that its level is the usual one.

    Where no sentence sets a figure beside the usual one, the headline, which is the first; None if nothing is said.
    """
    lines: Sequence[Fact] = signal["evidence"]
    weighed = [(weight, line) for line in lines if (weight := _times_usual(line["params"], signal)) is not None]
    if not weighed:
        return lines[0] if lines else None
    weight, line = max(weighed, key=lambda pair: pair[0])
    return line if weight > 1 else {"message": AS_USUAL_MESSAGE, "params": {}}


def reasons(signals: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return one sentence with its facts for each signal that carries the risk, by its likelihood, heaviest first.

    `before` are the signals of an earlier assessment: the one that rose most since is named however little it carries.
    """
    least = LEAST_PART * sum(signal["share"] for signal in signals)
    rose = _rose_most(signals, before)
    carrying = [one for one in signals if one["share"] > 0 and (one["share"] >= least or one["name"] == rose)]
    ordered = sorted(carrying, key=lambda signal: -float(signal["share"]))
    return [_reason(signal, said) for signal in ordered if (said := why(signal)) is not None]


def _reason(signal: Mapping[str, Any], said: Fact) -> dict[str, Any]:
    if "days_over" in said["params"]:  # it has come: nothing is likely about it any more
        return {**said, "facts": signal["facts"]}
    name = {"message": SIGNALS.get(signal["name"], signal["name"]), "params": {}}
    params = {"signal": name, "likelihood_share": signal["likelihood"], "why": dict(said)}
    return {"message": REASON_MESSAGE, "params": params, "facts": signal["facts"]}


def _rose_most(signals: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> str | None:
    was = {signal["name"]: float(signal["share"]) for signal in before}
    rises = {one["name"]: one["share"] - was[one["name"]] for one in signals if one["name"] in was}
    name = max(rises, key=lambda one: rises[one], default=None)
    return name if name is not None and rises[name] > 0 else None


def _times_usual(params: Mapping[str, Any], signal: Mapping[str, Any]) -> float | None:
    """Return how many times the usual a sentence's figure is, above 1 for worse; None if it tells no such figure."""
    measured, outcome = signal["measured"], signal.get("outcome", {})
    if "days_over" in params:
        return float("inf")
    if params.get("negative") == 0:
        return 1.0
    if "negative" in params or "outlets" in params:  # bad news: by what it weighs beside the usual
        return _ratio(measured.get("news_load", 1), measured.get("usual_news_load", 0))
    if "satisfaction" in params and "usual_satisfaction" in params:
        pair = params["usual_satisfaction"], params["satisfaction"]
        return _ratio(*(pair if outcome.get("best", 1) >= outcome.get("worst", 0) else pair[::-1]))
    for name, usual in _COUNTS.items():
        if name in params and measured.get(usual) is not None:
            return _ratio(params[name] / params["due"], measured[usual])
    for name, usual in _BESIDE.items():
        if name in params and usual in params:
            ratio = _ratio(params[name], params[usual])
            is_near = name == "days_silent" and (measured.get("silence_ratio") or 0.0) > _NEAR
            return max(ratio, 1.0 + measured["silence_ratio"]) if is_near else ratio
    return None


def _ratio(now: float, usual: float) -> float:
    if usual > 0:
        return now / usual
    return float("inf") if now > usual else 1.0
