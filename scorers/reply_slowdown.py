"""Slower replies: how likely the partner will soon take so much longer to answer than it usually does.

Times to answer are about log-normal (Stouffer, Malmgren & Amaral 2006). Logarithms of hours are judged as Normal
figures: a usual level from older replies and a present one from recent ones, both shrunk, and the chance that the
median of the next replies crosses the bar. Who begins conversations, and meetings held, are told beside it. It reads no
message and knows nothing of questions that were never answered: those are for the silence outcome.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field
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
    Portfolio,
    days_ago,
    fading,
    level_now,
    median_of,
    portfolio_of,
    remember,
    ripe,
    sum_of,
    within,
)

RECENT_DAYS = 28
"""The usual, the scatter and how many replies to expect rest on older replies: slowing down must not excuse itself."""

SLOW_DAYS, FAST_DAYS = 26 * 7.0, 2 * 7.0
"""Half-lives of the two memories: the habit, and what happens now."""

DRIFT = 0.2
"""Variance of how far a partner's present level strays from its usual one, in logarithms: a factor of 1.6, one σ. It
and FAST_DAYS were chosen on two real streams of e-mail; half or twice of either moves the log loss by less than 2 %."""

ASSUMED = Portfolio(mean=float(np.log1p(10.0)), variance=1.2, weight=2.0)
"""Before anything is known of a portfolio: ten hours, half of the replies within a factor of two."""

STALE_DAYS = 56
"""A score whose newest reply is older than this is stale."""

SEASON_DAYS, YEAR_DAYS = 91, 364
"""Conversations begun in the last quarter of a year are set beside those of the year before it."""

LEAST_THREADS = 5
"""No share is told of fewer conversations than this."""

TOO_FEW_MESSAGE = "replies in the %(days)s days before the last %(recent)s: %(replies)s, needed: %(needed)s"


@dataclass(frozen=True, slots=True)
class _Replies:
    """All replies `(m,)`: whose, how many days ago, and how many hours they took, free days not counted."""

    partner: Index
    age: Floats
    hours: Floats

    def of(self, chosen: Mask) -> "_Replies":
        return _Replies(self.partner[chosen], self.age[chosen], self.hours[chosen])


@dataclass(frozen=True, slots=True)
class _Belief:
    """What is believed, `(n,)` each. Levels and variance are of ln(1 + hours)."""

    bar: Floats  # hours, NaN without a usual
    usual: Floats  # hours
    replies: Floats  # that "usual" rests on
    habit: Floats
    now: Floats
    variance: Floats  # of the median of the replies to come, about the level
    sample: Floats


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
        blind = panel.blind_days[self.family]
        replies = _replies(panel, self.family)
        belief = _believe(panel.partners, replies, terms)
        newest = np.full(panel.partners, np.inf)
        np.minimum.at(newest, replies.partner, replies.age)
        unknown, reason = first_reason(
            panel.partners,
            [
                (NO_SOURCE_MESSAGE, np.isnan(blind)),
                (TOO_FEW_MESSAGE, belief.replies < self.min_points),
                (BLIND_MESSAGE, blind > BLIND_LIMIT_DAYS),
            ],
        )
        known = reason < 0
        habit, value = _crossing(belief, belief.habit), _crossing(belief, belief.now)
        recent = replies.of(replies.age < RECENT_DAYS)
        answered, median = median_of(panel.partners, recent.partner, recent.hours)
        told = {
            "reply_hours": np.where(known, np.expm1(belief.now), np.nan),
            "usual_reply_hours": np.where(known, belief.usual, np.nan),
        }
        threads, meetings = _threads(panel, blind), _meetings(panel, blind)
        return Scores(
            value=np.where(known, value, np.nan),
            sample=belief.sample,
            stale=known & ((newest > STALE_DAYS) | (blind > STALE_BLIND_DAYS)),
            contributions={
                "habit": np.where(known, logit(habit), np.nan),
                "lately": np.where(known, logit(value) - logit(habit), np.nan),
            },
            measured={**told, "their_threads_share": threads["theirs_share"], **meetings},
            evidence=_evidence(known, told, answered, median, threads, meetings),
            unknown=unknown,
            unknown_reason=reason,
            unknown_params={
                "days": terms["own_days"],
                "recent": np.full(panel.partners, float(RECENT_DAYS)),
                "replies": belief.replies,
                "needed": np.full(panel.partners, float(self.min_points)),
                "blind_days": blind,
            },
        )

    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        """Return whether the median of the next replies reached the bar; see Scorer.began.

        NaN where fewer than `min_next` came or fewer than `min_history` were there before, and where the median of the
        last four weeks had reached it already.
        """
        before = _replies(past, self.family)
        own, usual = _usual(past.partners, before, terms["own_days"])
        bar = _bar(usual, terms)
        next_ones = _replies(whole, self.family).of(within(past, whole, whole.replies, terms["horizon_days"]))
        enough, slowed = _slowed(next_ones, bar, terms)
        already = _slowed(before.of(before.age < RECENT_DAYS), bar, terms)[1]
        judged = ripe(past, whole, self.family, terms["horizon_days"]) & enough & (own >= terms["min_history"])
        return np.where(judged & ~already, slowed.astype(np.float64), np.nan)


def _slowed(replies: _Replies, bar: Floats, terms: Terms) -> tuple[Mask, Mask]:
    """Return whether `(n,)` there are enough replies to judge by, and whether their median is at the bar or above."""
    came, median = median_of(len(bar), replies.partner, replies.hours)
    enough = np.asarray(came >= terms["min_next"], dtype=np.bool_)
    return enough, enough & np.asarray(median >= bar - 1e-9, dtype=np.bool_)


def _replies(panel: Panel, family: str) -> _Replies:
    events = panel.replies
    return _Replies(events.partner, days_ago(panel, events, family), working_hours(panel, events))


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


def _usual(partners: int, replies: _Replies, days: Floats) -> tuple[Floats, Floats]:
    """Return (number, median hours) `(n,)` of the replies of so many days, the last RECENT_DAYS left out."""
    own = replies.of((replies.age >= RECENT_DAYS) & (replies.age < RECENT_DAYS + days.take(replies.partner)))
    return median_of(partners, own.partner, own.hours)


def _bar(usual: Floats, terms: Terms) -> Floats:
    return np.maximum(terms["times_own"] * usual, terms["at_least_hours"])


def _believe(partners: int, replies: _Replies, terms: Terms) -> _Belief:
    own, usual = _usual(partners, replies, terms["own_days"])
    logs = np.log1p(replies.hours)
    old = replies.age >= RECENT_DAYS
    slow = remember(partners, replies.partner, logs, np.where(old, fading(replies.age, SLOW_DAYS), 0.0))
    lately = fading(replies.age, FAST_DAYS)
    recent, recent_total = (sum_of(partners, replies.partner, one) for one in (lately, lately * logs))
    portfolio = portfolio_of(slow, ASSUMED)
    habit, scatter = portfolio.level(slow), portfolio.variances(slow)
    now, unsure = level_now(habit, scatter, DRIFT, recent, recent_total)
    coming = np.maximum(own / terms["own_days"] * terms["horizon_days"], terms["min_next"])
    return _Belief(
        bar=_bar(usual, terms),
        usual=usual,
        replies=own,
        habit=habit,
        now=now,
        variance=unsure + scatter * median_variance(coming),
        sample=slow.weight,
    )


def median_variance(figures: Floats) -> Floats:
    """Return the variance of the median of so many Normal figures >= 1 of variance 1.

    π/2n for many (Laplace 1818) and 1 for one; for an odd number between, within 3 % of what it is.
    """
    return np.asarray(np.pi / 2 / (figures - 1 + np.pi / 2), dtype=np.float64)


def _crossing(belief: _Belief, level: Floats) -> Floats:
    """Return the probability `(n,)` that the median of the next replies is at the bar or above."""
    chance = ndtr((level - np.log1p(belief.bar)) / np.sqrt(belief.variance))
    return np.asarray(np.clip(chance, LOWEST, HIGHEST), dtype=np.float64)


def _threads(panel: Panel, blind: Floats) -> dict[str, Floats]:
    """Return the share of conversations that the partner began, lately and before, NaN where there were few."""
    by_them, by_us = (_lately_and_before(panel, name, blind) for name in ("threads_in", "threads_out"))
    lately, before = by_them[0] + by_us[0], by_them[1] + by_us[1]
    some = (lately >= LEAST_THREADS) & (before >= LEAST_THREADS)
    return {
        "theirs_share": np.divide(by_them[0], lately, out=np.full(panel.partners, np.nan), where=some),
        "usual_share": np.divide(by_them[1], before, out=np.full(panel.partners, np.nan), where=some),
        "threads": np.where(some, lately, np.nan),
    }


def _lately_and_before(panel: Panel, name: str, blind: Floats) -> tuple[Floats, Floats]:
    """Return a daily count's sum `(n,)` over the last quarter of a year and over the year before it."""
    owner, age, count = _dated(panel, name, blind)
    lately = age < SEASON_DAYS
    before = ~lately & (age < SEASON_DAYS + YEAR_DAYS)
    sums = [sum_of(panel.partners, owner, np.where(which, count, 0.0)) for which in (lately, before)]
    return sums[0], sums[1]


def _dated(panel: Panel, name: str, blind: Floats) -> tuple[Index, Floats, Floats]:
    """Return (partner, days ago, count), `(m,)` each, of the days with any; blind days do not pass."""
    counts = panel.daily[name]
    owner, column = np.divmod(np.flatnonzero(counts != 0), max(panel.days, 1))  # np.nonzero takes three times as long
    today = np.floor(panel.now) - np.ceil(np.nan_to_num(blind))
    age = np.maximum(today.take(owner) - column, 0.0)
    return owner, age, counts[owner, column].astype(np.float64)


def _meetings(panel: Panel, blind: Floats) -> dict[str, Floats]:
    """Return meetings held in the last quarter of a year, and days since the last; NaN where none ever was."""
    owner, age, count = _dated(panel, "met", blind)
    since = np.full(panel.partners, np.inf)
    np.minimum.at(since, owner, age)
    ever = np.isfinite(since)
    recent = age < SEASON_DAYS
    held = sum_of(panel.partners, owner, np.where(recent, count, 0.0))
    return {"meetings_held": np.where(ever, held, np.nan), "days_since_meeting": np.where(ever, since, np.nan)}


def _evidence(
    known: Mask,
    told: dict[str, Floats],
    answered: Floats,
    median: Floats,
    threads: dict[str, Floats],
    meetings: dict[str, Floats],
) -> tuple[Evidence, ...]:
    some = known & (answered > 0)
    days = float(RECENT_DAYS)
    return (
        Evidence("they now take about %(reply_hours)s hours to reply; usual is %(usual_reply_hours)s", told),
        Evidence(
            "replies in the last %(days)s days: %(replies)s; the median took %(hours)s hours",
            {
                "days": np.where(some, days, np.nan),
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
