"""What a condition may speak of: one table of variables, which the documentation and the API show, and its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from warden.domain import Stage

Value = float | int | str | None
Context = Mapping[str, Value]

Reason = dict[str, Any]
"""{"message": an English gettext message, "params": {…}}: stored, and rendered in the reader's language later."""


class Kind(StrEnum):
    """Type of a variable, in CEL's words. CEL adds and multiplies only numbers of one kind: write `2.0`, not `2`."""

    DOUBLE = "double"
    INT = "int"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Variable:
    """One name a condition may use. `values` lists every value a string may take; empty: any."""

    name: str
    kind: Kind
    nullable: bool
    unit: str
    meaning: str
    values: tuple[str, ...] = ()


_STATES = ("fresh", "stale", "missing", "blind")

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "communication": ("silence",),
    "delivery": ("late_share",),
    "sentiment": ("tone",),
    "measure": ("satisfaction", "milestones"),
}
"""Which signals say how current a family's facts are: the first of them that says anything."""


def _likelihood(outcome: str, meaning: str) -> Variable:
    return Variable(f"{outcome}_likelihood", Kind.DOUBLE, True, "0..1", meaning)


VARIABLES: tuple[Variable, ...] = (
    Variable("likelihood", Kind.DOUBLE, True, "0..1", "Probability that any outcome begins, or an override's value."),
    Variable("impact", Kind.DOUBLE, True, "1..5", "How much it would hurt us, or an override's value."),
    Variable("band", Kind.STRING, True, "", "Band of the partner's cell on the active matrix, by key."),
    Variable(
        "band_rank", Kind.INT, True, "0..", "Place of the band, mildest first: 0 low, 1 moderate, 2 high, 3 extreme."
    ),
    Variable("coverage", Kind.DOUBLE, False, "0..1", "Share of the signals, by weight, that could be read."),
    Variable("tier", Kind.STRING, False, "", "The partner's tier, as entered."),
    Variable("stage", Kind.STRING, False, "", "Stage of the partnership.", tuple(stage.value for stage in Stage)),
    _likelihood("silence", "Probability that a silence begins."),
    _likelihood("reply_slowdown", "Probability that replies become much slower."),
    _likelihood("late_share", "Probability that too large a share of deliveries will be late."),
    _likelihood("tone", "Probability that public talk turns bad."),
    _likelihood("satisfaction", "Probability that satisfaction falls below its threshold."),
    _likelihood("milestones", "Probability that too many milestones will be missed."),
    Variable("days_silent", Kind.DOUBLE, True, "days", "Days since the partner's last message."),
    Variable("usual_gap", Kind.DOUBLE, True, "days", "The longest silence that is usual for this partner."),
    Variable("silence_ratio", Kind.DOUBLE, True, "", "days_silent over usual_gap; 1.0 is the edge of the usual."),
    Variable("reply_hours", Kind.DOUBLE, True, "hours", "How long the partner now takes to answer."),
    Variable("usual_reply_hours", Kind.DOUBLE, True, "hours", "How long it usually took."),
    Variable("their_threads_share", Kind.DOUBLE, True, "0..1", "Share of recent conversations that the partner began."),
    Variable("days_since_meeting", Kind.DOUBLE, True, "days", "Days since a meeting was held."),
    Variable("late_rate", Kind.DOUBLE, True, "0..1", "Share of deliveries that are late, steadied by the portfolio."),
    Variable(
        "due_recent", Kind.DOUBLE, True, "deliveries", "Deliveries that fell due lately: what late_rate rests on."
    ),
    Variable("negative_incidents", Kind.DOUBLE, True, "incidents", "Incidents of bad news in the last 28 days."),
    Variable(
        "serious_event",
        Kind.DOUBLE,
        True,
        "0..100",
        "Severity of the gravest incident of bad news in the last 14 days; 0 when there is none.",
    ),
    Variable("news_load", Kind.DOUBLE, True, "0..600", "What the bad news that still counts weighs together."),
    Variable("usual_news_load", Kind.DOUBLE, True, "0..600", "What it usually weighed over the last year."),
    Variable("satisfaction", Kind.DOUBLE, True, "as entered", "Mean of the newest surveys, steadied by older ones."),
    Variable("missed_share", Kind.DOUBLE, True, "0..1", "Share of milestones that are missed, steadied alike."),
    Variable("communication_state", Kind.STRING, False, "", "How current the messages are.", _STATES),
    Variable("delivery_state", Kind.STRING, False, "", "How current the deliveries are.", _STATES),
    Variable("sentiment_state", Kind.STRING, False, "", "How current the news is.", _STATES),
    Variable("measure_state", Kind.STRING, False, "", "How current surveys and milestones are.", _STATES),
)
"""Everything a condition can see, in the order people read it. Each name is always present; null means not known."""

BY_NAME: Mapping[str, Variable] = {variable.name: variable for variable in VARIABLES}


def context(
    *,
    likelihood: float | None,
    impact: float | None,
    band: str | None,
    band_rank: int | None,
    coverage: float,
    tier: str,
    stage: str,
    signals: Sequence[Mapping[str, Any]],
) -> dict[str, Value]:
    """Return what a condition sees of one assessment; `signals` have the shape store.assessments documents."""
    values: dict[str, Value] = dict.fromkeys(BY_NAME)
    states: dict[str, str] = {}
    for signal in signals:
        values.update(signal["measured"])
        values[f"{signal['name']}_likelihood"] = signal["likelihood"]
        states[signal["name"]] = signal["state"]
    for family, names in FAMILIES.items():
        found = [states[name] for name in names if name in states]
        values[f"{family}_state"] = next((state for state in found if state != "missing"), "missing")
    values.update(
        likelihood=likelihood,
        impact=impact,
        band=band,
        band_rank=band_rank,
        coverage=coverage,
        tier=tier,
        stage=stage,
    )
    return {name: values[name] for name in BY_NAME}


def named(signals: Sequence[Mapping[str, Any]]) -> dict[str, Reason]:
    """Return, by variable, the sentence that names the incident its figure is about; `signals` as for `context`."""
    for signal in signals:
        for line in signal["evidence"]:
            if "incident" in line:
                return {"serious_event": {"message": line["message"], "params": line["params"]}}
    return {}


def heaviest_unknown(signals: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the heaviest of the signals that should speak and cannot: the cause of a likelihood that is unknown."""
    silent = [signal for signal in signals if signal["unknown"] and signal.get("expected", True)]
    return max(silent, key=lambda signal: float(signal["weight"]), default=None)


def over(context: Context, signals: Sequence[Mapping[str, Any]]) -> dict[str, Reason]:
    """Return why variables are null for good, by name: nothing is left to forecast, as of a dormant partner.

    The values are reasons as signals give them, {"message", "params"}. A partner as a whole is over when it has no
    likelihood and the heaviest of the signals that should speak is over.
    """
    ended = [signal for signal in signals if signal.get("over")]
    found = {
        name: signal["unknown"]
        for signal in ended
        for name in (*signal["measured"], f"{signal['name']}_likelihood")
        if context.get(name) is None
    }
    if context["likelihood"] is None:
        heaviest = heaviest_unknown(signals)
        if heaviest is not None and heaviest.get("over"):
            found |= dict.fromkeys(("likelihood", "band", "band_rank"), heaviest["unknown"])
    return found
