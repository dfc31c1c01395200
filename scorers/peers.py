"""What else one could look at: simple rules that any list or spreadsheet can show, as rivals to measure against.

Each returns `(n,)` numbers of which a larger one means more reason to worry. They are no probabilities, know no blind
spells and no calendars, and nothing in the service acts on them.
"""

from collections.abc import Callable, Mapping

import numpy as np

from scorers.base import Counts, Events, Floats, Mask, Panel

PERIOD_DAYS = 28
"""The last period of a monthly report."""

PERIODS = 12
"""Periods a scorecard looks back on, the last one counting most."""

FLOOR_DAYS = 30.0
"""No gap shorter than this is a silence."""

GAP_QUANTILE = 0.99
FEWEST_GAPS = 5

NEVER_DAYS = 999.0
"""Days since the last sign of life of a partner without any."""

NAMES = ("days_since", "own_tail", "last_period", "scorecard")

TITLE_MESSAGES = {
    "days_since": "days since contact",
    "own_tail": "days silent against the own longest usual gap",
    "last_period": "the last four weeks alone",
    "scorecard": "a scorecard of twelve periods",
}

RATES = {"late_share": ("due", "late"), "milestones": ("milestones", "missed")}
"""Outcomes that are shares: of what (as in Panel.daily), and what is bad of it."""


def peers(panel: Panel) -> Callable[[str], Mapping[str, Floats]]:
    """Return what gives, for the name of an outcome, what each peer says; what they share is worked out once."""
    alive = signs_of_life(panel)
    silent = days_since(alive, panel.now)
    common = {"days_since": silent, "own_tail": own_tail(alive, silent)}
    activity = scorecard(panel, None)

    def of(outcome: str) -> dict[str, Floats]:
        rate = RATES.get(outcome)
        card = scorecard(panel, rate) if rate else activity
        return {**common, "last_period": last_period(panel, outcome), "scorecard": card}

    return of


def signs_of_life(panel: Panel) -> Mask:
    """Return the days `(n, t)` with a message of either side or a delivery made."""
    there = [panel.daily[name] > 0 for name in ("received", "sent", "made") if name in panel.daily]
    return np.asarray(np.logical_or.reduce(there), dtype=np.bool_)


def days_since(alive: Mask, now: Floats) -> Floats:
    """Return the days `(n,)` since the last sign of life; what most tools alert on."""
    last = alive.shape[1] - 1 - np.argmax(alive[:, ::-1], axis=1) if alive.shape[1] else np.zeros(len(alive))
    return np.where(alive.any(axis=1), np.maximum(now - last - 1, 0.0), NEVER_DAYS)


def own_tail(alive: Mask, silent: Floats) -> Floats:
    """Return days silent / max(30, own 99th-percentile gap), the strongest one-line rule for silence.

    A partner with fewer than 5 gaps has no usual one yet: then 30 days are the measure.
    """
    days = alive.shape[1]
    there = np.flatnonzero(alive)
    gap, owner = np.diff(there), there[1:] // days
    own = owner == there[:-1] // days
    count = np.bincount(owner[own], minlength=len(alive))
    ordered = np.sort(owner[own] * days + gap[own])  # by partner, then by length, which is below `days`
    some = count >= FEWEST_GAPS
    rank = np.ceil(GAP_QUANTILE * count).astype(np.intp) - 1 + np.cumsum(count) - count
    usual = np.full(len(alive), FLOOR_DAYS)
    usual[some] = ordered[rank[some]] % days
    return np.asarray(silent / np.maximum(usual, FLOOR_DAYS), dtype=np.float64)


def last_period(panel: Panel, outcome: str) -> Floats:
    """Return what a report on the last 28 days alone would show: the rate itself, no history, no doubt. 0 for nothing.

    For shares the bad share; for tone the negative share of incidents; for replies their mean in hours; for
    satisfaction the newest figure, negated; for silence the messages and deliveries there were, negated.
    """
    if outcome in RATES:
        of, bad = (_last(panel.daily[name]) for name in RATES[outcome])
        return np.divide(bad, of, out=np.zeros(panel.partners), where=of > 0)
    if outcome == "tone":
        news = panel.incidents
        return _mean(Events(news.partner, news.age_days, news.p_negative), panel.partners, PERIOD_DAYS)
    if outcome == "reply_slowdown":
        return _mean(panel.replies, panel.partners, PERIOD_DAYS)
    if outcome == "satisfaction":
        surveys = panel.measures.get("satisfaction")
        return -_newest(surveys, panel.partners) if surveys is not None else np.zeros(panel.partners)
    return -_last(_activity(panel))


def scorecard(panel: Panel, rate: tuple[str, str] | None) -> Floats:
    """Return 1 − a supplier scorecard: twelve four-week periods, weight (12 − age)/12, of the good share.

    The good share of a period is 1 − bad/of for a `rate`; without one, its activity against the partner's own mean, at
    most 1. Periods before a partner's first day, and those with nothing to rate, are left out; 0 where none is left.
    """
    counts = _periods(panel.daily[rate[0]] if rate else _activity(panel))
    if rate:
        usable = counts > 0
        good = 1.0 - np.divide(_periods(panel.daily[rate[1]]), counts, out=np.zeros_like(counts), where=usable)
    else:
        usable = _since_first(counts)
        periods = np.maximum(usable.sum(axis=1), 1)
        good = np.minimum(counts / np.maximum(counts.sum(axis=1) / periods, 1e-9)[:, None], 1.0)
    weight = usable * (PERIODS - np.arange(counts.shape[1])) / PERIODS
    total = weight.sum(axis=1)
    share: Floats = np.divide((weight * good).sum(axis=1), total, out=np.ones(len(counts)), where=total > 0)
    return 1.0 - share


def _activity(panel: Panel) -> Floats:
    """Messages and deliveries made in the days `(n, t)` that any peer looks at."""
    span = PERIODS * PERIOD_DAYS
    there = [panel.daily[name][:, -span:] for name in ("received", "sent", "made") if name in panel.daily]
    return np.asarray(np.sum(there, axis=0), dtype=np.float64)


def _periods(counts: Counts) -> Floats:
    """Sum the last periods of daily counts: `(n, p)`, the newest first, p <= PERIODS whole or begun ones."""
    days = min(counts.shape[1], PERIODS * PERIOD_DAYS)
    starts = np.arange(days - PERIOD_DAYS, -PERIOD_DAYS, -PERIOD_DAYS)
    sums = [counts[:, counts.shape[1] - days :][:, max(at, 0) : at + PERIOD_DAYS].sum(axis=1) for at in starts]
    return np.stack(sums, axis=1).astype(np.float64) if sums else np.zeros((len(counts), 0))


def _since_first(counts: Floats) -> Mask:
    """Mark the periods, newest first, from a partner's first with anything on."""
    return np.asarray(np.cumsum(counts[:, ::-1], axis=1)[:, ::-1] > 0)


def _last(counts: Counts) -> Floats:
    return np.asarray(counts[:, -PERIOD_DAYS:].sum(axis=1), dtype=np.float64)


def _mean(events: Events, partners: int, days: float) -> Floats:
    recent = events.age_days <= days
    count = np.bincount(events.partner[recent], minlength=partners)
    total = np.bincount(events.partner[recent], weights=events.value[recent], minlength=partners)
    return np.divide(total, count, out=np.zeros(partners), where=count > 0)


def _newest(events: Events, partners: int) -> Floats:
    """The newest value `(n,)` of each partner, 0 without any."""
    order = np.argsort(-events.age_days, kind="stable")
    newest = np.zeros(partners)
    newest[events.partner[order]] = events.value[order]
    return newest
