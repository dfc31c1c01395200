"""Slower replies: how likely the partner will soon take so much longer to answer than it usually does.

Times to answer are about log-normal (Stouffer, Malmgren & Amaral 2006). Logarithms of hours are judged as Normal
figures: a usual level from older replies and a present one from recent ones, both shrunk, and the chance that the
median of the next replies crosses the bar. Who begins conversations, and meetings held, are told beside it. It reads no
message and knows nothing of questions that were never answered: those are for the silence outcome.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.special import ndtr

from scorers.base import (
    HIGHEST,
    LOWEST,
    Events,
    Evidence,
    Floats,
    Index,
    Known,
    Mask,
    Outcome,
    Panel,
    Scorer,
    Scores,
    Terms,
    in_two,
    picked,
)
from scorers.shrinkage import (
    Habits,
    Levels,
    Portfolio,
    days_ago,
    levels_of,
    median_of,
    newest_of,
    ripe,
    sum_of,
    within,
)

RECENT_DAYS = 28
"""The usual, the scatter and how many replies to expect rest on older replies: slowing down must not excuse itself."""

HABITS = Habits(
    recent_days=RECENT_DAYS,
    slow_days=26 * 7.0,
    fast_days=2 * 7.0,
    drift=0.2,
    assumed=Portfolio(mean=float(np.log1p(10.0)), variance=1.2, weight=2.0),
)
"""Of ln(1 + hours). The drift is a factor of 1.6, one σ; it and the fast half-life were chosen on two real streams of
e-mail: half or twice of either moves the log loss by less than 2 %. Assumed of a portfolio nothing is known of: ten
hours, half of the replies within a factor of two."""

STALE_DAYS = 56
"""A score whose newest reply is older than this is stale."""

SEASON_DAYS, YEAR_DAYS = 91, 364
"""Conversations begun in the last quarter of a year are set beside those of the year before it."""

LEAST_THREADS = 5
"""No share is told of fewer conversations than this."""

TOO_FEW_MESSAGE = "replies in the %(days)s days before the last %(recent)s: %(replies)s, needed: %(needed)s"


@dataclass(frozen=True, slots=True)
class _Belief:
    """What is believed, `(n,)` each. Levels and variance are of ln(1 + hours)."""

    bar: Floats  # hours, NaN without a usual
    usual: Floats  # hours
    replies: Floats  # that "usual" rests on
    levels: Levels
    variance: Floats  # of the median of the replies to come, about the level


class ReplySlowdown(Scorer):
    """Probability that the median reply time within the horizon is at least twice the partner's usual."""

    name: ClassVar[str] = "reply_slowdown"
    family: ClassVar[str] = "communication"
    version: ClassVar[str] = "1"
    min_points: ClassVar[int] = 5
    weight: ClassVar[float] = 0.2
    optional: ClassVar[bool] = True

    class Options(Outcome):
        """When replies count as too slow."""

        times_own: float = Field(2.0, gt=1, le=20, description="A median reply time of so many times the usual …")
        at_least_hours: float = Field(4, ge=0, le=720, description="… and of at least so many hours.")
        own_days: float = Field(
            182, ge=28, le=730, description="Usual is the median over so many days, the last four weeks left out."
        )
        min_next: float = Field(3, ge=1, description="Judged only where at least so many replies come …")
        min_history: float = Field(8, ge=1, description="… and at least so many came in the days of the usual.")

    def score(self, panel: Panel, terms: Terms) -> Scores:
        """Score every partner at `panel.at`; days on which no source could report pass nobody by."""
        replies = _replies(panel)
        belief = _believe(panel.partners, replies, terms)
        known = Known.unless(panel.blind_days[self.family], few=[(TOO_FEW_MESSAGE, belief.replies < self.min_points)])
        by_habit, value = (_crossing(belief, level) for level in (belief.levels.usual, belief.levels.now))
        told = {
            "reply_hours": known.only(np.expm1(belief.levels.now)),
            "usual_reply_hours": known.only(belief.usual),
        }
        threads, meetings = _threads(panel), _meetings(panel)
        return known.scores(
            value,
            in_two("habit", "lately", by_habit, value),
            sample=belief.levels.sample,
            old=newest_of(panel.partners, replies.partner, replies.age_days) > STALE_DAYS,
            measured={**told, "their_threads_share": threads["theirs_share"], **meetings},
            evidence=_evidence(known, told, replies, threads, meetings),
            params={
                "days": terms["own_days"],
                "recent": RECENT_DAYS,
                "replies": belief.replies,
                "needed": self.min_points,
            },
        )

    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        """Return whether the median of the next replies reached the bar; see Scorer.began.

        NaN where fewer than `min_next` came or fewer than `min_history` were there before, and where the median of the
        last four weeks had reached it already.
        """
        horizon, before = terms["horizon_days"], _replies(past)
        own, usual = _usual(past.partners, before, terms["own_days"])
        bar = _bar(usual, terms)
        enough, slowed = _slowed(picked(_replies(whole), within(past, whole, whole.replies, horizon)), bar, terms)
        already = _slowed(picked(before, before.age_days < RECENT_DAYS), bar, terms)[1]
        judged = ripe(past, whole, self.family, horizon) & enough & (own >= terms["min_history"]) & ~already
        return np.where(judged, slowed.astype(np.float64), np.nan)


def _slowed(replies: Events, bar: Floats, terms: Terms) -> tuple[Mask, Mask]:
    """Return whether `(n,)` there are enough replies to judge by, and whether their median is at the bar or above."""
    came, median = median_of(len(bar), replies.partner, replies.value)
    enough = np.asarray(came >= terms["min_next"], dtype=np.bool_)
    return enough, enough & np.asarray(median >= bar - 1e-9, dtype=np.bool_)


def _replies(panel: Panel) -> Events:
    """Return all replies, their ages in whole days and their hours by the partner's calendar."""
    events = panel.replies
    return Events(events.partner, days_ago(panel, events, ReplySlowdown.family), working_hours(panel, events))


def working_hours(panel: Panel, replies: Events) -> Floats:
    """Return how many hours each reply took `(m,)` by the partner's calendar: on a free day no clock runs.

    A day of exposure below one counts in part, one above it (a Monday to Friday calendar's) as one.
    """
    speed = np.pad(np.minimum(panel.exposure.patterns, 1.0), ((0, 0), (1, 1)), constant_values=1.0).astype(np.float64)
    passed = np.cumsum(speed, axis=1) - speed - 1.0  # the panel's first day begins at 0
    first = panel.exposure.of.take(replies.partner) * speed.shape[1]

    def clock(at: Floats) -> Floats:
        """Return the working days `(m,)` from the panel's start to these moments; before it every day counts."""
        column = np.clip(np.floor(at) + 1.0, 0.0, speed.shape[1] - 1.0)
        place = first + column.astype(np.intp)
        return np.asarray(passed.take(place) + speed.take(place) * (at + 1.0 - column), dtype=np.float64)

    end = panel.now.take(replies.partner) - replies.age_days
    hours = 24.0 * (clock(end) - clock(end - replies.value / 24.0))
    return np.round(hours, 6)  # else the last binary digit would differ from tick to tick


def _usual(partners: int, replies: Events, days: Floats) -> tuple[Floats, Floats]:
    """Return (number, median hours) `(n,)` of the replies of so many days, the last RECENT_DAYS left out."""
    age = replies.age_days
    own = picked(replies, (age >= RECENT_DAYS) & (age < RECENT_DAYS + days.take(replies.partner)))
    return median_of(partners, own.partner, own.value)


def _bar(usual: Floats, terms: Terms) -> Floats:
    return np.maximum(terms["times_own"] * usual, terms["at_least_hours"])


def _believe(partners: int, replies: Events, terms: Terms) -> _Belief:
    own, usual = _usual(partners, replies, terms["own_days"])
    levels = levels_of(partners, replace(replies, value=np.log1p(replies.value)), HABITS)
    coming = np.maximum(own / terms["own_days"] * terms["horizon_days"], terms["min_next"])
    variance = levels.unsure + levels.scatter * median_variance(coming)
    return _Belief(_bar(usual, terms), usual, own, levels, variance)


def median_variance(figures: Floats) -> Floats:
    """Return the variance of the median of so many Normal figures >= 1 of variance 1.

    π/2n for many (Laplace 1818) and 1 for one; for an odd number between, within 3 % of what it is.
    """
    return np.asarray(np.pi / 2 / (figures - 1 + np.pi / 2), dtype=np.float64)


def _crossing(belief: _Belief, level: Floats) -> Floats:
    """Return the probability `(n,)` that the median of the next replies is at the bar or above."""
    chance = ndtr((level - np.log1p(belief.bar)) / np.sqrt(belief.variance))
    return np.asarray(np.clip(chance, LOWEST, HIGHEST), dtype=np.float64)


def _threads(panel: Panel) -> dict[str, Floats]:
    """Return the share of conversations that the partner began, lately and before, NaN where there were few."""
    by_them, by_us = (_lately_and_before(panel, name) for name in ("threads_in", "threads_out"))
    lately, before = by_them[0] + by_us[0], by_them[1] + by_us[1]
    some = (lately >= LEAST_THREADS) & (before >= LEAST_THREADS)
    return {
        "theirs_share": np.divide(by_them[0], lately, out=np.full(panel.partners, np.nan), where=some),
        "usual_share": np.divide(by_them[1], before, out=np.full(panel.partners, np.nan), where=some),
        "threads": np.where(some, lately, np.nan),
    }


def _lately_and_before(panel: Panel, name: str) -> tuple[Floats, Floats]:
    """Return a daily count's sum `(n,)` over the last quarter of a year and over the year before it."""
    owner, age, count = _dated(panel, name)
    lately = age < SEASON_DAYS
    before = ~lately & (age < SEASON_DAYS + YEAR_DAYS)
    sums = [sum_of(panel.partners, owner, np.where(which, count, 0.0)) for which in (lately, before)]
    return sums[0], sums[1]


def _dated(panel: Panel, name: str) -> tuple[Index, Floats, Floats]:
    """Return (partner, days ago, count), `(m,)` each, of the days with any; blind days do not pass."""
    counts = panel.daily[name]
    owner, column = np.divmod(np.flatnonzero(counts != 0), max(panel.days, 1))  # np.nonzero takes three times as long
    age = np.maximum(panel.seen(ReplySlowdown.family).take(owner) - column, 0.0)
    return owner, age, counts[owner, column].astype(np.float64)


def _meetings(panel: Panel) -> dict[str, Floats]:
    """Return meetings held in the last quarter of a year, and days since the last; NaN where none ever was."""
    owner, age, count = _dated(panel, "met")
    since = newest_of(panel.partners, owner, age)
    ever = np.isfinite(since)
    recent = age < SEASON_DAYS
    held = sum_of(panel.partners, owner, np.where(recent, count, 0.0))
    return {"meetings_held": np.where(ever, held, np.nan), "days_since_meeting": np.where(ever, since, np.nan)}


def _evidence(
    known: Known,
    told: dict[str, Floats],
    replies: Events,
    threads: dict[str, Floats],
    meetings: dict[str, Floats],
) -> tuple[Evidence, ...]:
    recent = picked(replies, replies.age_days < RECENT_DAYS)
    answered, median = median_of(len(known.mask), recent.partner, recent.value)
    some = known.mask & (answered > 0)
    return (
        Evidence("they now take about %(reply_hours)s hours to reply; usual is %(usual_reply_hours)s", told),
        Evidence(
            "replies in the last %(days)s days: %(replies)s; the median took %(hours)s hours",
            {
                "days": np.where(some, float(RECENT_DAYS), np.nan),
                "replies": np.where(some, answered, np.nan),
                "hours": np.where(some, median, np.nan),
            },
        ),
        Evidence("they began %(theirs_share)s of %(threads)s recent conversations; usual is %(usual_share)s", threads),
        Evidence(
            "the last meeting was held %(days_since_meeting)s days ago",
            {"days_since_meeting": meetings["days_since_meeting"]},
        ),
    )
