"""What a failing partnership would cost us, 1..5, from the partner's attributes. It says nothing of how likely that is.

impact = 1 + 4 · Σ w·s / Σ w over the known parts, each part's score s in 0..1: an additive value function (Keeney &
Raiffa 1976), which is right where the worth of one part does not depend on the others. Scales and weights are
judgements, configurable, and written down in docs/scorers.md.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from scorers.base import Floats, Index, Mask, refusal

Weight = Annotated[float, Field(ge=0, le=100)]
Score = Annotated[float, Field(ge=0, le=1)]

PARTS = ("annual_value", "share", "months_to_replace", "single_source", "contract_end", "tier")

TIER_SCORES = {
    "strategic": 1.0,
    "critical": 1.0,
    "key": 0.75,
    "preferred": 0.75,
    "standard": 0.4,
    "approved": 0.4,
    "tail": 0.1,
    "minor": 0.1,
}

UNKNOWN_MESSAGE = "impact is not known: too few of its attributes are given"
WEIGHTS_MESSAGE = "at least one weight has to be more than 0"
CONTRACT_MESSAGE = "contract_near_days has to be less than contract_far_days"


class Formula(BaseModel):
    """How impact is reckoned; may differ by tier and by partner. The defaults are shipped, and are judgements."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    annual_value_weight: Weight = Field(0.30, description="Weight of the annual value.")
    share_weight: Weight = Field(0.25, description="Weight of the share of our spend or revenue.")
    months_to_replace_weight: Weight = Field(0.20, description="Weight of the time a replacement would take.")
    single_source_weight: Weight = Field(0.15, description="Weight of there being no other source.")
    contract_end_weight: Weight = Field(0.05, description="Weight of a contract about to end.")
    tier_weight: Weight = Field(0.05, description="Weight of the tier.")
    value_decades: float = Field(
        2.0, gt=0, le=10, description="The largest annual value scores 1, one so many powers of ten smaller 0."
    )
    full_share: float = Field(0.25, gt=0, le=1, description="A share of our spend or revenue that scores 1.")
    full_months: float = Field(12.0, gt=0, le=120, description="Months to replace that score 1.")
    contract_near_days: float = Field(90.0, ge=0, le=3650, description="A contract that ends within this scores 1 …")
    contract_far_days: float = Field(365.0, gt=0, le=3650, description="… and one that ends later than this 0.")
    tiers: dict[str, Score] = Field(TIER_SCORES, description="Score of each tier, 0..1; other tiers are not known.")
    coverage_floor: float = Field(0.3, gt=0, le=1, description="Not rated on a smaller share of the weights than this.")

    @field_validator("tiers")
    @classmethod
    def _spelled_alike(cls, tiers: dict[str, float]) -> dict[str, float]:
        return {_plain(name): score for name, score in tiers.items()}

    @model_validator(mode="after")
    def _sensible(self) -> "Formula":
        if not any(getattr(self, f"{part}_weight") > 0 for part in PARTS):
            raise refusal(WEIGHTS_MESSAGE)
        if self.contract_near_days >= self.contract_far_days:
            raise refusal(CONTRACT_MESSAGE)
        return self

    def tier(self, name: str) -> float:
        """Return a tier's score; NaN for one not listed."""
        return self.tiers.get(_plain(name), np.nan)


def _plain(tier: str) -> str:
    return tier.strip().lower()


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is known of all partners, `(n,)` each, NaN or None where it is not.

    Values in different currencies are not compared: only those in the portfolio's most frequent currency count.
    """

    annual_value: Floats  # >= 0, in `currency`
    currency: Sequence[str | None]  # ISO 4217
    share: Floats  # 0..1 of our spend or revenue
    months_to_replace: Floats  # >= 0
    single_source: Floats  # 1 or 0
    days_to_contract_end: Floats  # negative: it has ended
    tier: Sequence[str]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the formula, `(n,)` each. `value` is the attribute as it is (days for "contract_end"; tiers: NaN)."""

    name: str
    value: Floats
    score: Floats  # 0..1, NaN where the attribute is not known
    weight: Floats

    @property
    def missing(self) -> Mask:
        """For whom it would count, but is not known."""
        return np.isnan(self.score) & (self.weight > 0)


@dataclass(frozen=True, slots=True)
class Impact:
    """What a failure would cost, `(n,)` each.

    value: 1..5; NaN where too little is known (why: UNKNOWN_MESSAGE).
    coverage: the part of the weights that is known, 0..1.
    lowest, highest: 1..5, what it could be once the missing attributes were known: all counting nothing, all in full.
    """

    value: Floats
    coverage: Floats
    lowest: Floats
    highest: Floats
    parts: tuple[Part, ...]

    def missing(self, partner: int) -> tuple[str, ...]:
        """Name the attributes not known of one partner."""
        return tuple(part.name for part in self.parts if part.missing[partner])


def rate(attributes: Attributes, formulas: Sequence[Formula] = (Formula(),), of: Index | None = None) -> Impact:
    """Rate all partners at once; `of` `(n,)` says whose formula is whose, default all the first."""
    whose = np.zeros(len(attributes.share), dtype=np.intp) if of is None else of

    def own(field: str) -> Floats:
        return np.array([getattr(formula, field) for formula in formulas], dtype=np.float64)[whose]

    parts = tuple(
        Part(name, raw, np.clip(score, 0.0, 1.0), own(f"{name}_weight"))
        for name, (raw, score) in _scores(attributes, own, [formulas[number] for number in whose]).items()
    )
    total = np.sum([part.weight for part in parts], axis=0)
    known = np.sum([part.weight * ~np.isnan(part.score) for part in parts], axis=0)
    scored = np.sum([part.weight * np.nan_to_num(part.score) for part in parts], axis=0)
    enough = (known > 0) & (known >= own("coverage_floor") * total - 1e-9)
    mean = np.divide(scored, known, out=np.full_like(scored, np.nan), where=enough)
    return Impact(
        value=1.0 + 4.0 * mean,
        coverage=known / total,
        lowest=1.0 + 4.0 * scored / total,
        highest=1.0 + 4.0 * (scored + (total - known)) / total,  # in this order: not a hair below the lowest
        parts=parts,
    )


def part_known(parts: Iterable[tuple[float, float | None]]) -> float | None:
    """Return the coverage 0..1 of one partner's parts, each its weight and its score; None without any weight."""
    weighed = [(weight, score) for weight, score in parts if weight > 0]
    known = sum(weight for weight, score in weighed if score is not None)
    return known / sum(weight for weight, _ in weighed) if weighed else None


def _scores(
    attributes: Attributes, own: Callable[[str], Floats], formulas: Sequence[Formula]
) -> dict[str, tuple[Floats, Floats]]:
    """Return the attribute as it is and its score before it is cut to 0..1, by part."""
    value = _comparable(attributes.annual_value, attributes.currency)
    days = attributes.days_to_contract_end
    near, far = own("contract_near_days"), own("contract_far_days")
    tier = np.array([one.tier(name) for one, name in zip(formulas, attributes.tier, strict=True)], dtype=np.float64)
    return {
        "annual_value": (attributes.annual_value, _value_score(value, own("value_decades"))),
        "share": (attributes.share, attributes.share / own("full_share")),
        "months_to_replace": (
            attributes.months_to_replace,
            attributes.months_to_replace / own("full_months"),
        ),
        "single_source": (attributes.single_source, attributes.single_source),
        "contract_end": (days, (far - days) / (far - near)),
        "tier": (np.full_like(tier, np.nan), tier),
    }


def _comparable(value: Floats, currency: Sequence[str | None]) -> Floats:
    counted = Counter(code for code, amount in zip(currency, value, strict=True) if code and not np.isnan(amount))
    if not counted:
        return np.full_like(value, np.nan)
    main = min(counted, key=lambda code: (-counted[code], code))
    return np.where(np.array([code == main for code in currency], dtype=bool), value, np.nan)


def _value_score(value: Floats, decades: Floats) -> Floats:
    known = value[~np.isnan(value)]
    largest = known.max() if known.size else 0.0
    if largest <= 0:
        return np.where(np.isnan(value), np.nan, 0.0)
    with np.errstate(divide="ignore"):
        return 1.0 + np.log10(value / largest) / decades
