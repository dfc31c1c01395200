"""Satisfaction: how likely the next surveys of a partner fall below the bar.

Results are judged as Normal figures on a scale from 0 (worst) to 1 (best): a usual level from older surveys and a
present one from recent ones, both shrunk towards the portfolio (Efron & Morris 1975), and the chance that the mean of
the next ones is below the bar. It reads no comments, and does not ask who was asked.
"""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr

from scorers.base import (
    HIGHEST,
    LOWEST,
    Events,
    Evidence,
    Floats,
    Known,
    Mask,
    Outcome,
    Panel,
    Scorer,
    Scores,
    Terms,
    in_two,
    picked,
    refusal,
)
from scorers.shrinkage import (
    NO_EVENTS,
    Habits,
    Levels,
    Portfolio,
    days_ago,
    levels_of,
    mean_of,
    newest_of,
    ripe,
    sum_of,
    within,
)

RECENT_DAYS = 91
"""The usual and the scatter rest on older surveys: falling must not lower the bar it is measured against."""

HABITS = Habits(
    recent_days=RECENT_DAYS,
    slow_days=104 * 7.0,
    fast_days=26 * 7.0,
    drift=0.02,
    assumed=Portfolio(mean=0.7, variance=0.0225, weight=2.0),
)
"""On a scale of 0 to 1; surveys are held every quarter or half-year. The drift is a seventh of the scale, one σ. A
portfolio nothing is known of is taken to be fairly satisfied, results within .15 of the scale, one σ. All of these are
judgements: no stream of real surveys was at hand to choose them on."""

WINDOW_DAYS = 730
"""Surveys older than this are not looked at."""

STALE_DAYS = 273
"""A score whose newest survey is older than three quarters of a year is stale."""

NOT_ASKED_MESSAGE = "no satisfaction survey in the last %(days)s days"
BELOW_MESSAGE = "below has to lie between worst and best"
OFF_SCALE_MESSAGE = "survey results outside the scale from %(worst)s to %(best)s: %(off_scale)s"


class Satisfaction(Scorer):
    """Probability that the mean of the surveys within the horizon is below the bar."""

    name: ClassVar[str] = "satisfaction"
    family: ClassVar[str] = "measure"
    version: ClassVar[str] = "1"
    min_points: ClassVar[int] = 1
    weight: ClassVar[float] = 0.2
    optional: ClassVar[bool] = True

    class Options(Outcome):
        """When satisfaction counts as fallen."""

        horizon_days: float = Field(91, ge=7, le=365, description="How far ahead the likelihood looks, in days.")
        below: float = Field(3, description="A mean result below this, on the survey's own scale …")
        fall: float | None = Field(
            0.2, gt=0, lt=1, description="… or so far below the partner's own usual mean, as a part of the scale."
        )
        worst: float = Field(1, ge=-1e6, le=1e6, description="The worst result a survey can have.")
        best: float = Field(5, ge=-1e6, le=1e6, description="The best result a survey can have.")
        min_next: float = Field(1, ge=1, description="Judged only where at least so many results follow.")

        @model_validator(mode="after")
        def _ordered(self) -> "Satisfaction.Options":
            if not self.worst < self.below < self.best:
                raise refusal(BELOW_MESSAGE)
            return self

    def score(self, panel: Panel, terms: Terms) -> Scores:
        """Score every partner at `panel.at`; days on which no source could report pass nobody by."""
        surveys = _surveys(panel, terms)
        inside = (surveys.value >= 0) & (surveys.value <= 1)
        off_scale, asked = (
            sum_of(panel.partners, surveys.partner, one.astype(np.float64)) for one in (~inside, inside)
        )
        surveys = picked(surveys, inside)
        known = Known.unless(
            panel.blind_days[self.family],
            few=[(OFF_SCALE_MESSAGE, off_scale > 0), (NOT_ASKED_MESSAGE, asked < self.min_points)],
        )
        levels = levels_of(panel.partners, surveys, HABITS)
        by_habit, value = _falling(surveys, levels, terms)
        newest = newest_of(panel.partners, surveys.partner, surveys.age_days)
        told = {
            "satisfaction": known.only(_as_entered(levels.now, terms)),
            "usual_satisfaction": known.only(_as_entered(levels.usual, terms)),
        }
        return known.scores(
            value,
            in_two("habit", "lately", by_habit, value),
            sample=asked,
            old=newest > STALE_DAYS,
            measured=told,
            evidence=_evidence(known, told, newest, _newest_result(surveys, newest, terms)),
            params={"worst": terms["worst"], "best": terms["best"], "off_scale": off_scale, "days": WINDOW_DAYS},
        )

    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        """Return whether the mean of the next results was below the bar; see Scorer.began.

        NaN where fewer than `min_next` came, or where the mean of as many days before was below it already.
        """
        horizon, before, later = terms["horizon_days"], _surveys(past, terms), _results(whole, terms)
        bar = _bar(past.partners, before, terms)
        enough, fallen = _fallen(picked(later, within(past, whole, later, horizon)), bar, terms)
        already = _fallen(picked(before, before.age_days < horizon.take(before.partner)), bar, terms)[1]
        judged = ripe(past, whole, self.family, horizon) & enough & ~already
        return np.where(judged, fallen.astype(np.float64), np.nan)


def _results(panel: Panel, terms: Terms) -> Events:
    """Return all results, 0 (worst) to 1 (best)."""
    events = panel.measures.get("satisfaction", NO_EVENTS)
    worst, best = terms["worst"][events.partner], terms["best"][events.partner]
    return replace(events, value=(events.value - worst) / (best - worst))


def _as_entered(level: Floats, terms: Terms) -> Floats:
    return terms["worst"] + level * (terms["best"] - terms["worst"])


def _surveys(panel: Panel, terms: Terms) -> Events:
    """Return the results of the window, their ages in whole days."""
    results = _results(panel, terms)
    aged = replace(results, age_days=days_ago(panel, results, Satisfaction.family))
    return picked(aged, aged.age_days <= WINDOW_DAYS)


def _bar(partners: int, surveys: Events, terms: Terms) -> Floats:
    """Return the bar `(n,)`: what is agreed, or what is far below the partner's own, whichever is higher."""
    old = picked(surveys, surveys.age_days >= RECENT_DAYS)
    _asked, own = mean_of(partners, old.partner, old.value)
    agreed = (terms["below"] - terms["worst"]) / (terms["best"] - terms["worst"])
    return np.asarray(np.fmax(agreed, own - terms["fall"]), dtype=np.float64)  # fmax: NaN is no bar


def _fallen(surveys: Events, bar: Floats, terms: Terms) -> tuple[Mask, Mask]:
    """Return whether `(n,)` there are enough results to judge by, and whether their mean is below the bar."""
    came, mean = mean_of(len(bar), surveys.partner, surveys.value)
    enough = np.asarray(came >= terms["min_next"], dtype=np.bool_)
    return enough, enough & np.asarray(mean < bar - 1e-9, dtype=np.bool_)


def _falling(surveys: Events, levels: Levels, terms: Terms) -> tuple[Floats, Floats]:
    """Return the probabilities `(n,)` that the mean of the next results is below the bar: by habit, and as it is."""
    partners = len(levels.now)
    asked = np.bincount(surveys.partner[surveys.age_days >= RECENT_DAYS], minlength=partners)
    coming = np.maximum(asked / (WINDOW_DAYS - RECENT_DAYS) * terms["horizon_days"], terms["min_next"])
    sigma = np.sqrt(levels.unsure + levels.scatter / coming)
    bar = _bar(partners, surveys, terms)
    by_habit, value = (np.clip(ndtr((bar - level) / sigma), LOWEST, HIGHEST) for level in (levels.usual, levels.now))
    return by_habit, value


def _newest_result(surveys: Events, newest: Floats, terms: Terms) -> Floats:
    """Return the mean result `(n,)` of the newest survey's day, as entered."""
    latest = picked(surveys, surveys.age_days == newest[surveys.partner])
    return _as_entered(mean_of(len(newest), latest.partner, latest.value)[1], terms)


def _evidence(known: Known, told: dict[str, Floats], newest: Floats, result: Floats) -> tuple[Evidence, ...]:
    return (
        Evidence("satisfaction is now about %(satisfaction)s; usual is %(usual_satisfaction)s", told),
        Evidence(
            "the newest survey, %(days)s days ago, gave %(result)s",
            {"days": known.only(newest), "result": known.only(result)},
        ),
    )
