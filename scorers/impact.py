"""What a failing partnership would cost us, 1..5, from the partner's attributes. It says nothing of how likely that is.

impact = 1 + 4 · Σ w·s / Σ w over the known parts, each part's score s in 0..1. Scales and weights are assumptions of
ours, written down in docs/scorers.md; no partner is rated on fewer than COVERAGE_FLOOR of the weights.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scorers.base import Floats

COVERAGE_FLOOR = 0.3

WEIGHTS = {
    "annual_value": 0.30,
    "share": 0.25,
    "months_to_replace": 0.20,
    "single_source": 0.15,
    "contract_end": 0.05,
    "tier": 0.05,
}

FULL_SHARE = 0.25
"""A quarter of our spend or revenue is as dependent as the scale goes."""

FULL_MONTHS = 12.0
"""So is a year to find and set up a replacement."""

VALUE_DECADES = 2.0
"""The partner of the largest annual value scores 1, one with a hundredth of it 0, in logarithms between."""

CONTRACT_NEAR_DAYS, CONTRACT_FAR_DAYS = 90.0, 365.0
"""A contract that ends within 90 days (or has ended) scores 1, one with a year or more to go 0."""

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
    """One part of the formula. `value` is the attribute as it is (days for "contract_end"); tiers have none: NaN."""

    name: str
    value: Floats
    score: Floats  # 0..1, NaN where the attribute is not known
    weight: float


@dataclass(frozen=True, slots=True)
class Impact:
    """The rating `(n,)` 1..5, NaN below the floor (why: UNKNOWN_MESSAGE), the weights known 0..1, and the parts."""

    value: Floats
    coverage: Floats
    parts: tuple[Part, ...]

    def missing(self, partner: int) -> tuple[str, ...]:
        """Name the attributes not known of one partner, heaviest first."""
        return tuple(part.name for part in self.parts if np.isnan(part.score[partner]))


def rate(attributes: Attributes) -> Impact:
    """Rate all partners at once."""
    value = _comparable(attributes.annual_value, attributes.currency)
    days = attributes.days_to_contract_end
    tier = np.array([TIER_SCORES.get(name.strip().lower(), np.nan) for name in attributes.tier], dtype=np.float64)
    scores = {
        "annual_value": (attributes.annual_value, _value_score(value)),
        "share": (attributes.share, attributes.share / FULL_SHARE),
        "months_to_replace": (attributes.months_to_replace, attributes.months_to_replace / FULL_MONTHS),
        "single_source": (attributes.single_source, attributes.single_source),
        "contract_end": (days, (CONTRACT_FAR_DAYS - days) / (CONTRACT_FAR_DAYS - CONTRACT_NEAR_DAYS)),
        "tier": (np.full_like(tier, np.nan), tier),
    }
    parts = tuple(Part(name, raw, np.clip(score, 0.0, 1.0), WEIGHTS[name]) for name, (raw, score) in scores.items())
    coverage = np.sum([part.weight * ~np.isnan(part.score) for part in parts], axis=0)
    weighted = np.sum([part.weight * np.nan_to_num(part.score) for part in parts], axis=0)
    enough = coverage >= COVERAGE_FLOOR - 1e-9
    mean = np.divide(weighted, coverage, out=np.full_like(weighted, np.nan), where=enough)
    return Impact(1.0 + 4.0 * mean, coverage / sum(WEIGHTS.values()), parts)


def _comparable(value: Floats, currency: Sequence[str | None]) -> Floats:
    counted = Counter(code for code, amount in zip(currency, value, strict=True) if code and not np.isnan(amount))
    if not counted:
        return np.full_like(value, np.nan)
    main = min(counted, key=lambda code: (-counted[code], code))
    return np.where(np.array([code == main for code in currency], dtype=bool), value, np.nan)


def _value_score(value: Floats) -> Floats:
    known = value[~np.isnan(value)]
    largest = known.max() if known.size else 0.0
    if largest <= 0:
        return np.where(np.isnan(value), np.nan, 0.0)
    with np.errstate(divide="ignore"):
        return 1.0 + np.log10(value / largest) / VALUE_DECADES
