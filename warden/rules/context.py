"""What a condition may speak of: one table of variables, which the documentation and the API show, and its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from warden.domain import Stage

Value = float | int | str | None
Context = Mapping[str, Value]


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

VARIABLES: tuple[Variable, ...] = (
    Variable("likelihood", Kind.DOUBLE, True, "0..1", "Probability that the partnership worsens within the horizon."),
    Variable("impact", Kind.DOUBLE, True, "1..5", "How much it would hurt us."),
    Variable("band", Kind.STRING, True, "", "Band of the partner's cell on the active matrix, by key."),
    Variable(
        "band_rank", Kind.INT, True, "0..", "Place of the band, mildest first: 0 low, 1 moderate, 2 high, 3 extreme."
    ),
    Variable("coverage", Kind.DOUBLE, False, "0..1", "Share of the signals, by weight, that could be read."),
    Variable("tier", Kind.STRING, False, "", "The partner's tier, as entered."),
    Variable("stage", Kind.STRING, False, "", "Stage of the partnership.", tuple(stage.value for stage in Stage)),
    Variable("days_silent", Kind.DOUBLE, True, "days", "Days since the partner's last message."),
    Variable("usual_gap", Kind.DOUBLE, True, "days", "The longest silence that is usual for this partner."),
    Variable("silence_ratio", Kind.DOUBLE, True, "", "days_silent over usual_gap; 1.0 is the edge of the usual."),
    Variable("late_rate", Kind.DOUBLE, True, "0..1", "Share of deliveries that are late, steadied by the portfolio."),
    Variable(
        "due_recent", Kind.DOUBLE, True, "deliveries", "Deliveries that fell due lately: what late_rate rests on."
    ),
    Variable("negative_incidents", Kind.DOUBLE, True, "articles", "Negative news, older ones counting less."),
    Variable("communication_state", Kind.STRING, False, "", "How current the messages are.", _STATES),
    Variable("delivery_state", Kind.STRING, False, "", "How current the deliveries are.", _STATES),
    Variable("sentiment_state", Kind.STRING, False, "", "How current the news is.", _STATES),
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
    for signal in signals:
        values[f"{signal['name']}_state"] = signal["state"]
        values.update(signal["measured"])
    for family in ("communication", "delivery", "sentiment"):
        values[f"{family}_state"] = values[f"{family}_state"] or "missing"
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
