"""Judges likelihoods by what came of them: ranking, alarms within a budget, lead time, calibration, flapping.

It judges any number that is larger where there is more reason to worry, so that simple rules can be set beside ours.
Intervals are those of the jackknife over partners (Efron & Stein 1981), value ± 1.96 standard errors: leaving out each
partner in turn is exact here and costs one pass, where resampling a million rows would cost minutes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorers.base import Floats, Index, Mask, logit, sigmoid
from scorers.walk import QUARTER_DAYS, STEP_DAYS, Rows, deteriorations

REMINDER_DAYS = 56
"""An alarm reminds once in so many days; one that still stands after them counts again."""

BUDGET = 20.0
"""False alarms per 100 partner-quarters at which methods are compared."""

BINS = 10
"""Of the calibration plot, with equally many rows each."""

BAND_SHARES = (0.85, 0.95)
"""Bands for counting how often they change: cut so that 15 % and 5 % of all weeks lie above."""

SURE = 1.96


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval. All NaN: it cannot be said."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well a score ranks partners: the share of pairs in the right order, and without each partner in turn.

    Pairs are of one week: one partner for whom the outcome began, one for whom it did not. To rank across weeks would
    reward a score that merely follows the calendar.
    """

    auroc: Estimate
    without: Floats  # (p,)

    def ahead_of(self, other: "Ranking") -> Estimate:
        """Return by how much this ranks better than another score on the same rows."""
        return _estimate(self.auroc.value - other.auroc.value, self.without - other.without)


@dataclass(frozen=True, slots=True)
class Alarms:
    """What alarms at a threshold would have done.

    threshold: alarms are raised at and above it; infinite where even the highest score would exceed the budget.
    foretold: deteriorations with an alarm before they had begun, of `events`.
    recall: their share.
    lead_days: median over the foretold ones of the days from the first alarm to the last day by which it had begun; NaN
        without any.
    false_alarms: per 100 partner-quarters.
    """

    threshold: float
    events: int
    foretold: int
    recall: Estimate
    lead_days: float
    false_alarms: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was said beside what came.

    said, came: `(b,)` mean likelihood and share that began, of `rows` `(b,)` each, lowest first.
    error: expected calibration error, the mean |said − came| weighted by rows.
    skill: Brier skill, 1 − Brier score / that of always saying the overall share; 0 is no better, 1 perfect.
    """

    said: Floats
    came: Floats
    rows: Index
    error: float
    skill: float


class Judge:
    """The rows of one outcome, ready to judge scores `(m,)` given in the order of the rows; NaN: nothing was said."""

    def __init__(self, rows: Rows) -> None:
        self._order = np.lexsort((rows.column, rows.partner))
        ordered = self._order
        _ids, self._partner = np.unique(rows.partner[ordered], return_inverse=True)
        self._column, self._began = rows.column[ordered], rows.began[ordered]
        self._case = deteriorations(rows)[ordered]
        self._begins = _begins(self._partner, self._column, rows.horizon[ordered], self._began, self._case)
        self._reminders = _Reminders(self._partner, self._column)
        self.partners = len(_ids)
        self.events = int(self._case.max(initial=-1)) + 1
        self.quarters = len(rows) * STEP_DAYS / QUARTER_DAYS  # partner-quarters

    def ranking(self, score: Floats) -> Ranking:
        """Return the same-week AUROC; weeks count by their pairs. Rows about which nothing was said are left out."""
        score = score[self._order]
        said = ~np.isnan(score)
        right, pairs = _pairs(score[said], self._column[said], self._began[said])
        own_right = np.bincount(self._partner[said], right, self.partners)
        own_pairs = np.bincount(self._partner[said], pairs, self.partners)
        return _ratio_without(own_right, own_pairs, counted=2)

    def threshold(self, score: Floats, budget: float = BUDGET) -> float:
        """Return the lowest threshold that, like every stricter one, keeps within so many false alarms.

        `budget` is per 100 partner-quarters.
        """
        heights, before = self._false_records(score)
        known = score[~np.isnan(score)]
        steps = np.unique(known)
        raised = _at_or_above(heights, steps) - _at_or_above(before, steps)
        too_many = np.flatnonzero(raised > budget / 100 * self.quarters)
        first = int(too_many[-1]) + 1 if too_many.size else 0
        return float(steps[first]) if first < steps.size else np.inf

    def alarms(self, score: Floats, threshold: float) -> Alarms:
        """Return what alarms at and above the threshold would have done."""
        ordered = np.nan_to_num(score[self._order], nan=-np.inf)
        lead = np.where((ordered >= threshold) & self._began, self._begins - self._column, 0.0)
        longest = np.zeros(self.events)
        np.maximum.at(longest, self._case[self._began], lead[self._began])
        whose = np.zeros(self.events, dtype=np.intp)
        whose[self._case[self._began]] = self._partner[self._began]
        cases = np.bincount(whose, minlength=self.partners).astype(np.float64)
        foretold = np.bincount(whose, longest > 0, self.partners)
        recall = _ratio_without(foretold, cases).auroc
        return Alarms(
            threshold=threshold,
            events=self.events,
            foretold=int(foretold.sum()),
            recall=recall,
            lead_days=float(np.median(longest[longest > 0])) if (longest > 0).any() else np.nan,
            false_alarms=self.false_alarms(score, threshold),
        )

    def false_alarms(self, score: Floats, threshold: float) -> float:
        """Return the reminders, per 100 partner-quarters, after which nothing began within the horizon."""
        heights, before = self._false_records(score)
        raised = int((heights >= threshold).sum()) - int((before >= threshold).sum())
        return 100.0 * raised / self.quarters if self.quarters else np.nan

    def calibration(self, likelihood: Floats) -> Calibration:
        """Return what likelihoods said beside what came; only rows about which something was said."""
        likelihood = likelihood[self._order]
        known = ~np.isnan(likelihood)
        said, came = likelihood[known], self._began[known].astype(np.float64)
        order = np.argsort(said, kind="stable")
        groups = [group for group in np.array_split(order, BINS) if group.size]
        mean = np.array([said[group].mean() for group in groups])
        share = np.array([came[group].mean() for group in groups])
        rows = np.array([group.size for group in groups], dtype=np.intp)
        error = float(np.average(np.abs(mean - share), weights=rows)) if rows.size else np.nan
        return Calibration(mean, share, rows, error, _brier_skill(said, came))

    def band_changes(self, score: Floats, margin: float = 0.0) -> float:
        """Return how often a band changes per partner-quarter, with bands at BAND_SHARES of the score's own values.

        A band is entered at once. With a `margin`, in log-odds and for likelihoods only, it is left only that far
        below where it begins.
        """
        score = score[self._order]
        known = score[~np.isnan(score)]
        if not known.size:
            return np.nan
        cuts = np.quantile(known, BAND_SHARES)
        ends = sigmoid(logit(cuts) - margin) if margin else cuts
        band = np.full(self.partners, -1, dtype=np.intp)
        changes = 0
        for column in np.unique(self._column):
            rows = np.flatnonzero((self._column == column) & ~np.isnan(score))
            was, value = band[self._partner[rows]], score[rows]
            now = np.searchsorted(cuts, value, side="right")
            now = np.maximum(now, np.minimum(was, np.searchsorted(ends, value, side="left")))
            changes += int(((was >= 0) & (now != was)).sum())
            band[self._partner[rows]] = now
        return changes / self.quarters

    def _false_records(self, score: Floats) -> tuple[Floats, Floats]:
        """Return (height, highest before) of rows that would be a false reminder at thresholds between the two.

        In a reminder period the first alarm at a threshold t is the first row with a score of at least t: a row that
        exceeds all before it, seen by thresholds above those and up to itself.
        """
        ordered = np.nan_to_num(score[self._order], nan=-np.inf)
        before = self._reminders.highest_before(ordered)
        counted = (ordered > before) & ~self._began
        return ordered[counted], before[counted]


def onsets(rows: Rows) -> tuple[Index, Floats]:
    """Return (partner, the last day by which it had begun) `(k,)` of each deterioration, as columns of the panel."""
    order = np.lexsort((rows.column, rows.partner))
    partner, began, case = rows.partner[order], rows.began[order], deteriorations(rows)[order]
    day = _begins(partner, rows.column[order], rows.horizon[order], began, case)
    _cases, first = np.unique(case[began], return_index=True)
    return partner[began][first], day[began][first]


class _Reminders:
    """Rows, ordered by partner and week, grouped into the periods in which one reminder is sent."""

    def __init__(self, partner: Index, column: Index) -> None:
        period = column // REMINDER_DAYS
        new = np.ones(partner.size, dtype=np.bool_)
        new[1:] = (partner[1:] != partner[:-1]) | (period[1:] != period[:-1])
        self._group = np.cumsum(new) - 1
        self._place = (column - period * REMINDER_DAYS) // STEP_DAYS
        self._groups = int(new.sum())

    def highest_before(self, score: Floats) -> Floats:
        """Return the highest score `(m,)` before each row within its period, −∞ for the first."""
        table = np.full((self._groups, 1 + REMINDER_DAYS // STEP_DAYS), -np.inf)
        table[self._group, self._place + 1] = score
        highest: Floats = np.maximum.accumulate(table, axis=1)[self._group, self._place]
        return highest


def _begins(partner: Index, column: Index, horizon: Floats, began: Mask, case: Index) -> Floats:
    """Return `(m,)` the last day by which a row's deterioration had begun; NaN where nothing began.

    With the Monday before the first one judged, and negative, it began in the last week of the first one's horizon.
    Where that Monday was not judged, no later than in the week after the last Monday that foresaw it either.
    """
    cases = int(case.max(initial=-1)) + 1
    first = np.zeros(cases, dtype=np.intp)
    last = np.zeros(cases, dtype=np.intp)
    positive = np.flatnonzero(began)
    first[case[positive[::-1]]] = positive[::-1]
    last[case[positive]] = positive
    judged = (first > 0) & (partner[first - 1] == partner[first]) & (column[first - 1] == column[first] - STEP_DAYS)
    day = column[first] + horizon[first]
    day = np.where(judged, day, np.minimum(day, column[last] + STEP_DAYS))
    return np.where(began, day[case], np.nan) if cases else np.full(column.size, np.nan)


def _pairs(score: Floats, column: Index, began: Mask) -> tuple[Floats, Floats]:
    """Return (pairs in the right order, pairs), `(m,)`: of each row with those of its week it is to be told from.

    Ties count half.
    """
    order = np.lexsort((score, column))
    score, column, began = score[order], column[order], began[order]
    week = column * score.size
    place = week + np.cumsum(np.diff(score, prepend=np.nan) != 0)  # rises from week to week and with the score
    right, pairs = np.zeros(score.size), np.zeros(score.size)
    for own in (began, ~began):
        others, rows = place[~own], order[own]
        first, last = (np.searchsorted(others, week[own] + end) for end in (0, score.size + 1))
        below, up_to = (np.searchsorted(others, place[own], side=side) for side in ("left", "right"))
        lower = (below + up_to) / 2 - first
        pairs[rows] = last - first
        right[rows] = lower if own is began else last - first - lower
    return right, pairs


def _at_or_above(values: Floats, steps: Floats) -> NDArray[Any]:
    """Return how many values lie at or above each step."""
    return values.size - np.searchsorted(np.sort(values), steps, side="left")


def _brier_skill(said: Floats, came: Floats) -> float:
    if not came.size or not 0 < came.mean() < 1:
        return np.nan
    return float(1 - np.mean((said - came) ** 2) / (came.mean() * (1 - came.mean())))


def _ratio_without(part: NDArray[Any], whole: NDArray[Any], counted: int = 1) -> Ranking:
    """Return Σ part / Σ whole and its jackknife; a pair that is `counted` at both its partners is lost with either."""
    total, all_ = part.sum() / counted, whole.sum() / counted
    left = all_ - whole
    without = np.divide(total - part, left, out=np.full(part.size, np.nan), where=left > 0)
    found = _estimate(total / all_ if all_ > 0 else np.nan, without)
    return Ranking(Estimate(found.value, max(found.low, 0.0), min(found.high, 1.0)), without)  # of a share


def _estimate(value: float, without: Floats) -> Estimate:
    known = without[~np.isnan(without)]
    if known.size < 2 or np.isnan(value):
        return Estimate(float(value), np.nan, np.nan)
    error = np.sqrt((known.size - 1) / known.size * ((known - known.mean()) ** 2).sum())
    return Estimate(float(value), float(value - SURE * error), float(value + SURE * error))
