"""Shares of what falls due and goes wrong: how likely that of the next ones too large a share does.

Late deliveries and missed milestones are judged alike. Four beliefs about a partner's rate stand one upon another: the
portfolio's rate; the partner's usual one (half-life 78 weeks); its rate of the season (16 weeks); its rate lately (4
weeks). Each is shrunk towards the one before it (empirical Bayes for many small counts, Efron & Morris 1975; Kleinman
1973), so that a partner with few deliveries is judged by its longer past and a partner with many by what happens now.
The answer is the upper tail of a beta-binomial. More going wrong never lowers it, the bar being equal.

What is kept is of fixed size per partner, so that a week can be added without reading the past again; adding week after
week gives the same digits as reading all of them. It knows neither partners nor words.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy.special import betainc

from scorers.base import HIGHEST, LOWEST, WEEK, Counts, Floats, Index, Mask, Panel, blocks, logit, sigmoid

HALF_LIVES = np.array([78.0, 16.0, 4.0])
"""In weeks: the habit, the season, and lately. Each about a fifth of the one before."""

HABIT, SEASON, LATELY = range(3)

MEMORY_WEIGHT = 20.0
"""A shorter memory starts from what the longer one says, believed like so many deliveries."""

WEEK_LIKENESS = 0.05
"""Correlation of what falls due in one week: one storm makes all of them late. A week's n count like n/(1 + (n-1)·.05)
in the shorter memories (the design effect, Kish 1965), so never like more than twenty."""

SPREAD = 0.01
"""Variance of the rate to come beyond what is known of the present one, to mean·(1 - mean): however much is known of a
partner, it is never believed like more than a hundred deliveries."""

CONTINUITY = 0.25
"""Count by which the bar is lowered where a share of whole things is judged as if it were any number. It would be a
half if bar·expected were always whole, and nothing if it were just as often anything between."""

CERTAIN = 1e-9
"""No rate is believed to be nearer to 0 or 1; it keeps log-odds finite, however large the counts."""

LEAST_WORTH = 1e-6
"""A Beta worth less has all its mass at 0 and 1 to six digits, as has the share of a single one."""

DRIFT_WEIGHT = 0.5
DRIFT_CAP = 20.0
"""How much of the portfolio's drift, season against habit, a partner is taken to share. No partner moves it with more
than so many deliveries; as many again at the usual rate damp it."""

ASSUMED_RATE, ASSUMED_WEIGHT = 0.1, 10.0
"""Before anything is known of a portfolio: one in ten goes wrong, believed like ten deliveries."""

ASSUMED_PRIOR, LEAST_PRIOR, MOST_PRIOR = 20.0, 4.0, 200.0
"""Weight of the portfolio's prior in deliveries: without, and the limits with, enough partners to estimate it from."""

USUALLY_WITHIN = 56
"""Most partners had something due within so many days: the last due day is first looked for there."""

_FADE = 0.5 ** (np.arange(WEEK + 1) / WEEK / HALF_LIVES[:, None])  # (3, 8) by days passed


@dataclass(frozen=True, slots=True)
class Seen:
    """What fell due and what of it went wrong `(n, t)`, by due day; `end` `(n,)`: the column after the last one seen.

    Today is not seen yet: what falls due today may still be made.
    """

    due: Counts
    bad: Counts
    end: Index

    @classmethod
    def of(cls, panel: Panel, due: str, bad: str, family: str) -> "Seen":
        """Return what a working source reported. After the last day one could report, nothing is told from nothing."""
        end = np.clip(panel.seen(family), 0, panel.days).astype(np.intp)
        return cls(panel.daily[due], panel.daily[bad], end)

    def within(self, days: Floats | float) -> tuple[Floats, Floats]:
        """Return (due, bad), each `(n,)`, of the last whole `days`, `(n,)` or as many for all."""
        begin = np.maximum(self.end - np.asarray(days).astype(np.intp), 0)
        return between(self.due, begin, self.end), between(self.bad, begin, self.end)

    def since_due(self) -> Floats:
        """Return how many days ago `(n,)` the last due day was, 0 being the last seen one; NaN without any."""
        days = np.full(len(self.end), np.nan)
        for rows in blocks(len(self.end)):
            due, end, found = self.due[rows], self.end[rows], days[rows]
            first = max(int(end.max(initial=0)) - USUALLY_WITHIN, 0)
            found[:] = _since(due[:, first:], end - first)
            longer = np.flatnonzero(np.isnan(found))
            found[longer] = _since(due[longer], end[longer])
        return days


def _since(due: Counts, end: Index) -> Floats:
    fell_due = _until(due, end) > 0
    if not fell_due.size:
        return np.full(len(end), np.nan)
    last = fell_due.shape[1] - 1 - np.argmax(fell_due[:, ::-1], axis=1)
    return np.where(fell_due.any(axis=1), end - 1.0 - last, np.nan)


def between(counts: Counts, begin: Index, end: Index) -> Floats:
    """Return the sums `(n,)` of the columns from `begin` to before `end`, each `(n,)`."""
    total = np.zeros(len(counts))
    spans, which = np.unique(begin * (counts.shape[1] + 1) + end, return_inverse=True)
    for number, span in enumerate(spans):
        first, last = divmod(int(span), counts.shape[1] + 1)
        rows = slice(None) if len(spans) == 1 else np.flatnonzero(which == number)
        total[rows] = _summed(counts[rows, first:last])
    return total


def _until(counts: Counts, end: Index) -> Counts:
    """Return the columns before the last end, with nothing in those that a partner's own end leaves out."""
    last = int(end.max(initial=0))
    kept, cut = counts[:, :last], np.flatnonzero(end < last)
    if cut.size:
        kept = kept.copy()
        kept[cut] *= np.arange(last) < end[cut, None]
    return kept


def _summed(counts: Counts) -> Counts:
    """Return the sums over the last axis, exact below 2^24. A product, because BLAS adds up fastest."""
    return np.asarray(counts.astype(np.float32, copy=False) @ np.ones(counts.shape[-1], dtype=np.float32))


@dataclass(slots=True)
class Record:
    """What is remembered of n partners.

    due, bad: `(3, n)` sums under each of HALF_LIVES; all in the first, by WEEK_LIKENESS in the others.
    volume, weeks: `(n,)` what fell due, and the weeks since something first did, under the season's half-life.
    all_due, all_bad: `(n,)` plain sums.
    """

    due: Floats
    bad: Floats
    volume: Floats
    weeks: Floats
    all_due: Floats
    all_bad: Floats

    @classmethod
    def begin(cls, partners: int) -> "Record":
        """Return what is remembered before column 0: nothing."""
        shapes = [(3, partners)] * 2 + [(partners,)] * 4
        return cls(*(np.zeros(shape) for shape in shapes))

    def part(self, rows: slice) -> "Record":
        """Return some of the partners, as views: what is added to them is added to the whole."""
        return Record(*(getattr(self, field.name)[..., rows] for field in fields(self)))

    def add(self, due: Floats, bad: Floats, days: Index) -> None:
        """Add a week `(n,)` of which `days` `(n,)`, 0 to 7, have been seen; where none was, nothing fades either."""
        alike = 1.0 / (1.0 + WEEK_LIKENESS * np.maximum(due - 1.0, 0.0))
        fade = _FADE.take(days, axis=1)
        for memory, count in ((self.due, due), (self.bad, bad)):
            memory *= fade
            memory[HABIT] += count
            memory[SEASON:] += count * alike
        self.all_due += due
        self.all_bad += bad
        self.volume *= fade[SEASON]
        self.volume += due
        self.weeks *= fade[SEASON]
        self.weeks += np.where(self.all_due > 0, days / WEEK, 0.0)


def remember(seen: Seen) -> Record:
    """Fold all that was seen, each partner's up to its own end."""
    record = Record.begin(len(seen.end))
    for rows in blocks(len(seen.end)):
        part, end = record.part(rows), seen.end[rows]
        due, bad = (_weekly(_until(counts[rows], end)) for counts in (seen.due, seen.bad))
        for week in range(len(due)):
            part.add(due[week], bad[week], np.clip(end - week * WEEK, 0, WEEK))
    return record


def _weekly(counts: Counts) -> Floats:
    """Return the sums by week `(w, n)` of daily counts `(n, t)`; the last week may be cut short."""
    partners, days = counts.shape
    whole = days // WEEK
    sums = np.zeros((-(-days // WEEK), partners))
    sums[:whole] = _summed(counts[:, : whole * WEEK].reshape(-1, WEEK)).reshape(partners, whole).T
    if days > whole * WEEK:
        sums[whole] = _summed(counts[:, whole * WEEK :])
    return sums


@dataclass(frozen=True, slots=True)
class Prior:
    """What the portfolio says of a partner nobody knows: Beta(mean·weight, (1 - mean)·weight)."""

    mean: float
    weight: float  # in deliveries


def portfolio_prior(due: Floats, bad: Floats) -> Prior:
    """Estimate the spread of rates among partners by moments (Kleinman 1973, weights = deliveries).

    `due` and `bad` are `(n,)`, `bad` <= `due`, discounted counts allowed. Fewer than two partners with deliveries
    cannot show a spread: then the assumed weight is used.
    """
    some = due > 0
    n, k = due[some], bad[some]
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


def portfolio_share(record: Record) -> float:
    """Return the bad share of all that fell due so far in the whole portfolio, NaN before anything did."""
    total = float(record.all_due.sum())
    return float(record.all_bad.sum()) / total if total > 0 else np.nan


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What all partners together say of each: the prior, and how far everybody's rate has lately moved, in log-odds."""

    prior: Prior
    drift: float

    @classmethod
    def of(cls, record: Record) -> "Portfolio":
        """Return what a record of the whole portfolio says."""
        prior = portfolio_prior(record.due[HABIT], record.bad[HABIT])
        slow = _capped_rate(record.due[HABIT], record.bad[HABIT], prior.mean)
        fast = _capped_rate(record.due[SEASON], record.bad[SEASON], slow)
        return cls(prior, float(np.log(fast / (1 - fast)) - np.log(slow / (1 - slow))))


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of each partner `(n,)`: its usual rate, its present one, and the deliveries it is like."""

    usual: Floats
    now: Floats
    worth: Floats


def believe(record: Record, portfolio: Portfolio) -> Belief:
    """Return what a record says, each memory shrunk towards the longer one, the longest towards the portfolio."""
    prior = portfolio.prior
    own = (prior.mean * prior.weight + record.bad[HABIT]) / (prior.weight + record.due[HABIT])
    usual = np.clip(own, CERTAIN, 1 - CERTAIN)
    now = sigmoid(logit(usual) + DRIFT_WEIGHT * portfolio.drift)
    for memory in (SEASON, LATELY):
        now = (MEMORY_WEIGHT * now + record.bad[memory]) / (MEMORY_WEIGHT + record.due[memory])
    known = MEMORY_WEIGHT + record.due[LATELY]
    return Belief(usual, now, 1.0 / (1.0 / (known + 1.0) + SPREAD) - 1.0)


def _capped_rate(due: Floats, bad: Floats, centre: float) -> float:
    cap = np.minimum(1.0, DRIFT_CAP / np.maximum(due, DRIFT_CAP))
    rate = float(((bad * cap).sum() + centre * DRIFT_CAP) / ((due * cap).sum() + DRIFT_CAP))
    return min(max(rate, CERTAIN), 1 - CERTAIN)


def chances(record: Record, belief: Belief, bar: Floats, horizon: Floats, least: Floats) -> tuple[Floats, Floats]:
    """Return the likelihoods `(n,)` that the next share reaches the bar: by habit alone, and by all that is believed.

    `horizon` in days; at least `least` >= 1 are taken to fall due within it. Both are within LOWEST..HIGHEST.
    """
    pace = record.volume / np.maximum(record.weeks, 1 / WEEK)
    expected = np.maximum(pace * horizon / WEEK, least)
    tails = (
        share_tail(expected, rate * belief.worth, (1 - rate) * belief.worth, bar) for rate in (belief.usual, belief.now)
    )
    by_habit, by_all = (np.clip(tail, LOWEST, HIGHEST) for tail in tails)
    return by_habit, by_all


def share_tail(expected: Floats, bad: Floats, good: Floats, bar: Floats) -> Floats:
    """Return P(bad share of the next ones >= bar) `(n,)`, the rate being Beta(bad, good).

    Upper tail of the beta-binomial with `expected` >= 1 draws (not necessarily whole), by the Beta of the same mean and
    variance. It is smooth on purpose: how many will fall due is itself only expected, and the exact tail jumps by .2
    when five become six. Where bar·expected is whole, it lies between the chances to exceed the bar and to reach it.
    """
    mean = bad / (bad + good)
    correlation = 1 / (bad + good + 1)
    variance_ratio = (1 + (expected - 1) * correlation) / expected  # of the share, to mean·(1 - mean)
    weight = np.maximum(1 / variance_ratio - 1, LEAST_WORTH)
    edge = np.clip(bar - CONTINUITY / expected, 0.0, 1.0)
    return np.asarray(1.0 - betainc(mean * weight, (1 - mean) * weight, edge), dtype=np.float64)


def turned_bad(past: Seen, whole: Seen, bar: Floats, horizon: Floats, least: Floats) -> Floats:
    """Return `(n,)` whether the bad share of what fell due within the horizon reached the bar: 1, 0 or NaN.

    NaN with fewer than `least` due in it; where the share of as many days before had reached the bar already; and where
    a partner's first due day is not yet further back than that. Whether the horizon has passed is not looked at.
    """
    now, days = past.end, horizon.astype(np.intp)
    stop = np.minimum(now + days, whole.due.shape[1])
    due, bad = between(whole.due, now, stop), between(whole.bad, now, stop)
    long_known = between(past.due, np.zeros_like(now), np.maximum(now - days, 0)) > 0
    judged = (due >= least) & long_known & ~reached(*past.within(horizon), bar, least)
    return np.where(judged, reached(due, bad, bar, least).astype(np.float64), np.nan)


def reached(due: Floats, bad: Floats, bar: Floats, least: Floats) -> Mask:
    """Tell where `(n,)` at least `least` fell due and the bad share of them is at least the bar."""
    return np.asarray((due >= least) & (bad >= bar * due - 1e-9), dtype=np.bool_)
