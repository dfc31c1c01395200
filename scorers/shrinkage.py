"""What the scorers of figures share: whole days, two memories, and shrinkage of Normal figures towards the portfolio.

Conjugate Normal with a known mean to shrink to (empirical Bayes, Efron & Morris 1975): a partner's usual level is
    m = (k·μ + Σ w·y) / (k + Σ w),   w = 2^(-age / half-life),
with the portfolio's mean μ and k = σ²/τ², the weight of the portfolio in figures: how much figures of one partner
scatter (σ²) against how much partners differ (τ²), both by moments. The present level is shrunk towards the usual one
in the same way. It scores nothing.
"""

from dataclasses import dataclass

import numpy as np

from scorers.base import Events, Floats, Incidents, Index, Mask, Panel

INSTANT = 1e-6
"""In days: a moment stored as midnight is of the day that begins, whatever binary fractions make of it."""

LEAST_WEIGHT, MOST_WEIGHT = 0.5, 20.0
"""The portfolio counts at least and at most like so many figures of a partner's own."""

ASSUMED_WEIGHT = 2.0
"""So many where there are not enough partners to see how much they differ."""

SCATTER_WEIGHT = 8.0
"""The portfolio's σ² counts like so many figures of a partner's own (conjugate inverse gamma, Smyth 2004)."""


NO_EVENTS = Events(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0))

_NOBODY, _NOTHING = np.zeros(0, dtype=np.intp), np.zeros(0)
NO_INCIDENTS = Incidents(_NOBODY, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOBODY, _NOBODY)


def days_ago(panel: Panel, events: Events | Incidents, family: str) -> Floats:
    """Return how many whole days ago each fact happened `(m,)`, by the partner's days; blind days do not count."""
    day = np.floor(panel.now.take(events.partner) - events.age_days + INSTANT)
    return np.asarray(np.maximum(panel.seen(family).take(events.partner) - day, 0.0), dtype=np.float64)


def within(past: Panel, whole: Panel, events: Events | Incidents, horizon: Floats) -> Mask:
    """Return which facts `(m,)` of the whole panel are later than `past`, and at most the horizon `(n,)` later."""
    passed = (whole.now - past.now)[events.partner] - events.age_days  # days from `past` to the fact
    # The same difference that Panel.before compares, so that a fact is in the past or in the future and never in both.
    later = events.age_days - (whole.now - past.now)[events.partner] < 0
    return np.asarray(later & (passed <= horizon[events.partner]), dtype=np.bool_)


def ripe(past: Panel, whole: Panel, family: str, horizon: Floats) -> Mask:
    """Return for whom `(n,)` the horizon has passed and could be seen: blind days do not count, nor does no source."""
    blind = np.ceil(whole.blind_days[family])
    return np.asarray(whole.now - blind >= past.now + horizon, dtype=np.bool_)  # False where blind is NaN


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a figure, `(n,)` each: Σw, Σw², Σw·y and Σw·y² over a partner's figures y."""

    weight: Floats
    square_weight: Floats
    total: Floats
    squares: Floats

    @property
    def mean(self) -> Floats:
        """Mean `(n,)`, NaN where nothing is remembered."""
        return np.divide(self.total, self.weight, out=np.full_like(self.total, np.nan), where=self.weight > 0)

    @property
    def sample(self) -> Floats:
        """Effective number of figures `(n,)`: (Σw)²/Σw² (Kish 1965)."""
        return np.divide(
            self.weight**2, self.square_weight, out=np.zeros_like(self.weight), where=self.square_weight > 0
        )

    @property
    def scatter(self) -> Floats:
        """Sum of squared distances from the mean `(n,)`, >= 0."""
        return np.maximum(self.squares - np.nan_to_num(self.total * self.mean), 0.0)

    @property
    def freedom(self) -> Floats:
        """What `scatter` is to be divided by to be σ² `(n,)`: Σw - Σw²/Σw; 0 with a single figure."""
        spent = np.divide(self.square_weight, self.weight, out=self.weight.copy(), where=self.weight > 0)
        return np.maximum(self.weight - spent, 0.0)


def remember(partners: int, owner: Index, value: Floats, weight: Floats) -> Memory:
    """Add up figures `(m,)` of some partners' under weights `(m,)` >= 0."""
    weighted = weight * value
    moments = (weight, weight * weight, weighted, weighted * value)
    return Memory(*(sum_of(partners, owner, one) for one in moments))


def sum_of(partners: int, owner: Index, value: Floats) -> Floats:
    """Return the sum `(n,)` of what each partner owns of some figures `(m,)`."""
    return np.bincount(owner, weights=value, minlength=partners).astype(np.float64)


def mean_of(partners: int, owner: Index, value: Floats) -> tuple[Floats, Floats]:
    """Return (number of figures, their mean), each `(n,)`; NaN without any. `owner` and `value` are `(m,)`."""
    count = np.bincount(owner, minlength=partners).astype(np.float64)
    mean = np.divide(sum_of(partners, owner, value), count, out=np.full(partners, np.nan), where=count > 0)
    return count, mean


def newest_of(partners: int, owner: Index, age: Floats) -> Floats:
    """Return the least age `(n,)` of what each partner owns, infinite without any. `owner` and `age` are `(m,)`."""
    newest = np.full(partners, np.inf)
    np.minimum.at(newest, owner, age)
    return newest


def fading(age: Floats, half_life: float) -> Floats:
    """Return the weight `(m,)` of figures of some age, halved every half-life; both in days."""
    return np.asarray(np.exp2(age * (-1.0 / half_life)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What the portfolio says of a partner nobody knows: its level is N(mean, variance/weight), σ² is `variance`."""

    mean: float
    variance: float
    weight: float  # in figures

    def level(self, own: Memory) -> Floats:
        """Return the partners' levels `(n,)`, shrunk."""
        return (self.weight * self.mean + own.total) / (self.weight + own.weight)

    def variances(self, own: Memory) -> Floats:
        """Return the partners' σ² `(n,)`, shrunk."""
        return (SCATTER_WEIGHT * self.variance + own.scatter) / (SCATTER_WEIGHT + own.freedom)


def portfolio_of(memory: Memory, assumed: Portfolio) -> Portfolio:
    """Estimate the portfolio by moments: pooled σ², and τ² after DerSimonian & Laird (1986), by effective numbers.

    What is assumed stands in where too little is there to see, and counts like one figure in the mean and like
    `assumed.weight` figures in the variance: a handful of figures cannot claim to scatter not at all.
    """
    n = memory.sample
    total, freedom = float(n.sum()), float(memory.freedom.sum())
    some = n > 0
    own = memory.mean[some]
    mean = (assumed.mean + float((n[some] * own).sum())) / (1.0 + total)
    variance = (assumed.weight * assumed.variance + float(memory.scatter.sum())) / (assumed.weight + freedom)
    spare = int(some.sum()) - 1
    if spare < 1:
        return Portfolio(mean, variance, assumed.weight)
    raw = float((n[some] * own).sum()) / total
    room = total - float((n**2).sum()) / total
    between = (float((n[some] * (own - raw) ** 2).sum()) - spare * variance) / room
    weight = variance / max(between, variance / MOST_WEIGHT)
    return Portfolio(mean, variance, max(weight, LEAST_WEIGHT))


def level_now(usual: Floats, variance: Floats, drift: float, weight: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Return the present level `(n,)` and how unsure it is (its variance), given recent figures' Σw and Σw·y.

    It is taken to have strayed from the usual one by N(0, drift), and figures to scatter by `variance` (the local level
    of West & Harrison 1997): figures that scatter little are believed at once, others only when there are many.
    """
    kappa = variance / drift  # what the usual level is worth, in figures
    return (kappa * usual + total) / (kappa + weight), variance / (kappa + weight)


@dataclass(frozen=True, slots=True)
class Habits:
    """How figures of one kind are believed; all in days, except `drift`, a variance, and `assumed`.

    recent_days: younger figures say nothing of what is usual, nor of how much figures scatter: trouble must not excuse
        itself. slow_days, fast_days: half-lives of the two memories. drift: how far a partner's present level strays
        from its usual one. assumed: before anything is known of a portfolio.
    """

    recent_days: float
    slow_days: float
    fast_days: float
    drift: float
    assumed: Portfolio


@dataclass(frozen=True, slots=True)
class Levels:
    """What is believed of each partner `(n,)`: its usual and its present level, and how far to trust them."""

    usual: Floats
    now: Floats
    unsure: Floats  # variance of `now`
    scatter: Floats  # variance of single figures about the level
    sample: Floats  # figures that the usual level rests on, by weight


def levels_of(partners: int, figures: Events, habits: Habits) -> Levels:
    """Return the levels that figures speak for, their ages being those of `days_ago`."""
    owner, age = figures.partner, figures.age_days
    old = age >= habits.recent_days
    slow = remember(partners, owner, figures.value, np.where(old, fading(age, habits.slow_days), 0.0))
    lately = fading(age, habits.fast_days)
    weight, total = (sum_of(partners, owner, one) for one in (lately, lately * figures.value))
    portfolio = portfolio_of(slow, habits.assumed)
    usual, scatter = portfolio.level(slow), portfolio.variances(slow)
    now, unsure = level_now(usual, scatter, habits.drift, weight, total)
    return Levels(usual, now, unsure, scatter, slow.weight)


def median_of(partners: int, owner: Index, value: Floats) -> tuple[Floats, Floats]:
    """Return (number of figures, their median), each `(n,)`; NaN without any. `owner` and `value` are `(m,)`."""
    count = np.bincount(owner, minlength=partners)
    ordered = np.sort(owner + 1j * value).imag  # complex numbers sort by their real part first, faster than lexsort
    first = np.cumsum(count) - count
    some = count > 0
    low, high = (first + (count - 1) // 2)[some], (first + count // 2)[some]
    median = np.full(partners, np.nan)
    median[some] = (ordered[low] + ordered[high]) / 2.0
    return count.astype(np.float64), median
