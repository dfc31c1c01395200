"""Satisfaction: how likely the next surveys of a partner fall below the bar.

Results are judged as Normal figures on a scale from 0 (worst) to 1 (best): a usual level from older surveys and a
present one from recent ones, both shrunk towards the portfolio (Efron & Morris 1975), and the chance that the mean of
the next ones is below the bar. It reads no comments, and does not ask who was asked.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr

from scorers.base import (
    BLIND_LIMIT_DAYS,
    BLIND_MESSAGE,
    HIGHEST,
    LOWEST,
    NO_SOURCE_MESSAGE,
    STALE_BLIND_DAYS,
    Events,
    Evidence,
    Floats,
    Index,
    Mask,
    Outcome,
    Panel,
    Scorer,
    Scores,
    Terms,
    first_reason,
    logit,
)
from scorers.shrinkage import (
    NO_EVENTS,
    Portfolio,
    days_ago,
    fading,
    level_now,
    portfolio_of,
    remember,
    ripe,
    sum_of,
    within,
)

RECENT_DAYS = 91
"""The usual and the scatter rest on older surveys: falling must not lower the bar it is measured against."""

SLOW_DAYS, FAST_DAYS = 104 * 7.0, 26 * 7.0
"""Half-lives of the two memories, the habit and what happens now: surveys are held every quarter or half-year."""

DRIFT = 0.02
"""Variance of how far a partner's present level strays from its usual one: a seventh of the scale, one σ."""

ASSUMED = Portfolio(mean=0.7, variance=0.0225, weight=2.0)
"""Before anything is known of a portfolio: fairly satisfied, results within .15 of the scale, one σ. These and the
half-lives are judgements: no stream of real surveys was at hand to choose them on."""

WINDOW_DAYS = 730
"""Surveys older than this are not looked at."""

STALE_DAYS = 273
"""A score whose newest survey is older than three quarters of a year is stale."""

NOT_ASKED_MESSAGE = "no satisfaction survey in the last %(days)s days"
OFF_SCALE_MESSAGE = "survey results outside the scale from %(worst)s to %(best)s: %(off_scale)s"


@dataclass(frozen=True, slots=True)
class _Surveys:
    """All results `(m,)` of the window: whose, how many days ago, and how good, 0 (worst) to 1 (best)."""

    partner: Index
    age: Floats
    result: Floats

    def of(self, chosen: Mask) -> "_Surveys":
        return _Surveys(self.partner[chosen], self.age[chosen], self.result[chosen])


@dataclass(frozen=True, slots=True)
class _Belief:
    """What is believed, `(n,)` each, 0..1 of the scale."""

    bar: Floats
    habit: Floats
    now: Floats
    variance: Floats  # of the mean of the results to come, about the level


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
                raise ValueError("below has to lie between worst and best")
            return self

    def score(self, panel: Panel, terms: Terms) -> Scores:
        """Score every partner at `panel.at`; days on which no source could report pass nobody by."""
        blind = panel.blind_days[self.family]
        surveys = _surveys(panel, self.family, terms)
        inside = (surveys.result >= 0) & (surveys.result <= 1)
        off_scale = np.bincount(surveys.partner[~inside], minlength=panel.partners).astype(np.float64)
        surveys = surveys.of(inside)
        asked = np.bincount(surveys.partner, minlength=panel.partners).astype(np.float64)
        unknown, reason = first_reason(
            panel.partners,
            [
                (NO_SOURCE_MESSAGE, np.isnan(blind)),
                (OFF_SCALE_MESSAGE, off_scale > 0),
                (NOT_ASKED_MESSAGE, asked < self.min_points),
                (BLIND_MESSAGE, blind > BLIND_LIMIT_DAYS),
            ],
        )
        known = reason < 0
        belief = _believe(panel.partners, surveys, terms)
        habit, value = _falling(belief, belief.habit), _falling(belief, belief.now)
        newest = np.full(panel.partners, np.inf)
        np.minimum.at(newest, surveys.partner, surveys.age)
        told = {
            "satisfaction": np.where(known, _as_entered(belief.now, terms), np.nan),
            "usual_satisfaction": np.where(known, _as_entered(belief.habit, terms), np.nan),
        }
        return Scores(
            value=np.where(known, value, np.nan),
            sample=asked,
            stale=known & ((newest > STALE_DAYS) | (blind > STALE_BLIND_DAYS)),
            contributions={
                "habit": np.where(known, logit(habit), np.nan),
                "lately": np.where(known, logit(value) - logit(habit), np.nan),
            },
            measured=told,
            evidence=_evidence(known, told, newest, _newest_result(surveys, newest, terms)),
            unknown=unknown,
            unknown_reason=reason,
            unknown_params={
                "worst": terms["worst"],
                "best": terms["best"],
                "off_scale": off_scale,
                "days": np.full(panel.partners, float(WINDOW_DAYS)),
                "blind_days": blind,
            },
        )

    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        """Return whether the mean of the next results was below the bar; see Scorer.began.

        NaN where fewer than `min_next` came, or where the mean of as many days before was below it already.
        """
        horizon, before = terms["horizon_days"], _surveys(past, self.family, terms)
        events = _events(whole)
        next_ones = _Surveys(events.partner, events.age_days, _on_scale(events.value, events.partner, terms))
        bar = _bar(past.partners, before, terms)
        enough, fallen = _fallen(next_ones.of(within(past, whole, events, horizon)), bar, terms)
        already = _fallen(before.of(before.age < horizon.take(before.partner)), bar, terms)[1]
        judged = ripe(past, whole, self.family, horizon) & enough & ~already
        return np.where(judged, fallen.astype(np.float64), np.nan)


def _events(panel: Panel) -> Events:
    return panel.measures.get("satisfaction", NO_EVENTS)


def _on_scale(value: Floats, owner: Index, terms: Terms) -> Floats:
    worst, best = terms["worst"][owner], terms["best"][owner]
    return np.asarray((value - worst) / (best - worst), dtype=np.float64)


def _as_entered(level: Floats, terms: Terms) -> Floats:
    return terms["worst"] + level * (terms["best"] - terms["worst"])


def _surveys(panel: Panel, family: str, terms: Terms) -> _Surveys:
    events = _events(panel)
    age = days_ago(panel, events, family)
    surveys = _Surveys(events.partner, age, _on_scale(events.value, events.partner, terms))
    return surveys.of(age <= WINDOW_DAYS)


def _bar(partners: int, surveys: _Surveys, terms: Terms) -> Floats:
    """Return the bar `(n,)`: what is agreed, or what is far below the partner's own, whichever is higher."""
    old = surveys.of(surveys.age >= RECENT_DAYS)
    own = remember(partners, old.partner, old.result, np.ones_like(old.result)).mean
    agreed = (terms["below"] - terms["worst"]) / (terms["best"] - terms["worst"])
    return np.asarray(np.fmax(agreed, own - terms["fall"]), dtype=np.float64)  # fmax: NaN is no bar


def _fallen(surveys: _Surveys, bar: Floats, terms: Terms) -> tuple[Mask, Mask]:
    """Return whether `(n,)` there are enough results to judge by, and whether their mean is below the bar."""
    came = remember(len(bar), surveys.partner, surveys.result, np.ones_like(surveys.result))
    enough = np.asarray(came.weight >= terms["min_next"], dtype=np.bool_)
    return enough, enough & np.asarray(came.mean < bar - 1e-9, dtype=np.bool_)


def _believe(partners: int, surveys: _Surveys, terms: Terms) -> _Belief:
    old = surveys.of(surveys.age >= RECENT_DAYS)
    slow = remember(partners, old.partner, old.result, fading(old.age, SLOW_DAYS))
    lately = fading(surveys.age, FAST_DAYS)
    recent, recent_total = (sum_of(partners, surveys.partner, one) for one in (lately, lately * surveys.result))
    portfolio = portfolio_of(slow, ASSUMED)
    habit, scatter = portfolio.level(slow), portfolio.variances(slow)
    now, unsure = level_now(habit, scatter, DRIFT, recent, recent_total)
    asked = np.bincount(old.partner, minlength=partners)
    coming = np.maximum(asked / (WINDOW_DAYS - RECENT_DAYS) * terms["horizon_days"], terms["min_next"])
    return _Belief(bar=_bar(partners, surveys, terms), habit=habit, now=now, variance=unsure + scatter / coming)


def _falling(belief: _Belief, level: Floats) -> Floats:
    """Return the probability `(n,)` that the mean of the next results is below the bar."""
    chance = ndtr((belief.bar - level) / np.sqrt(belief.variance))
    return np.asarray(np.clip(chance, LOWEST, HIGHEST), dtype=np.float64)


def _newest_result(surveys: _Surveys, newest: Floats, terms: Terms) -> Floats:
    """Return the mean result `(n,)` of the newest survey's day, as entered."""
    latest = surveys.of(surveys.age == newest[surveys.partner])
    mean = remember(len(newest), latest.partner, latest.result, np.ones_like(latest.result)).mean
    return _as_entered(mean, terms)


def _evidence(known: Mask, told: dict[str, Floats], newest: Floats, result: Floats) -> tuple[Evidence, ...]:
    return (
        Evidence("satisfaction is now about %(satisfaction)s; usual is %(usual_satisfaction)s", told),
        Evidence(
            "the newest survey, %(days)s days ago, gave %(result)s",
            {"days": np.where(known, newest, np.nan), "result": np.where(known, result, np.nan)},
        ),
    )
