"""Public talk: how likely most of what is said next about a partner is bad. It reads no text: see scorers.news.

Empirical Bayes on counts (Kleinman 1973), as for late deliveries: the partner's usual share of bad news, shrunk towards
the portfolio's, and what was said lately. Of the latter each bad piece counts by its severity, for as long as such news
lasts, and repeats of it less and less.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from scorers.base import (
    HIGHEST,
    LOWEST,
    Evidence,
    Floats,
    Incidents,
    Known,
    Mask,
    Outcome,
    Panel,
    Scorer,
    Scores,
    Terms,
    in_two,
)
from scorers.rates import portfolio_prior
from scorers.shrinkage import days_ago, fading, newest_of, ripe, sum_of, within

WINDOW_DAYS = 365
"""Mentions older than this are not looked at; a partner without any younger one is unknown, not well."""

RECENT_DAYS = 28
"""The usual share and how many mentions to expect rest on older ones; also the window of `negative_incidents`."""

STALE_DAYS = 90
"""A score whose newest mention is older than this is stale."""

CLEARLY_NEGATIVE = 0.5
"""A mention counts as bad from this p_negative on."""

SLOW_DAYS, FAST_DAYS = 52 * 7.0, 8 * 7.0
"""Half-lives of the two memories: the habit, and recent mentions that are not bad (bad ones bring their own)."""

LEAST_HABIT, MOST_HABIT = 3.0, 8.0
"""The habit counts like half the mentions the portfolio's prior is worth in what is believed of now, within these."""

LOUD = 4.0
"""A bad piece of full severity counts like so many mentions. This and the half-lives were chosen on simulated news, as
no stream of judged news about partners was at hand."""

REPEAT = 0.5
"""The k-th strongest piece of bad news counts REPEAT^(k-1): most of them tell the same story in other words."""

MOST_CALM = 6.0
"""Mentions that are not bad count at most like so many: advertising must not drown a scandal."""

SHORTEST_DAYS, LONGEST_DAYS = 0.01, 45.0
"""Limits of a bad piece's half-life: what it did to the partner may last for years, talk of it does not."""

MOST_NEXT = 40.0
"""More mentions than this are not expected: by then the share to come is as good as the rate."""

UNMENTIONED_MESSAGE = "no public mention in the last %(days)s days"


@dataclass(frozen=True, slots=True)
class _Mentions:
    """All incidents `(m,)` of the window: whose, how many days ago, and whether bad."""

    news: Incidents
    age: Floats
    bad: Mask
    inside: Mask  # the window

    def count(self, partners: int, which: Mask, weight: Floats | None = None) -> Floats:
        """Count `(n,)` some of those inside the window, under weights `(m,)`."""
        chosen = which & self.inside
        counted = chosen.astype(np.float64) if weight is None else np.where(chosen, weight, 0.0)
        return sum_of(partners, self.news.partner, counted)


@dataclass(frozen=True, slots=True)
class _Belief:
    """What is believed, `(n,)` each: the share of bad news that holds now is Beta(bad, calm)."""

    habit: Floats  # share
    bad: Floats
    calm: Floats
    coming: Floats  # mentions to expect within the horizon


class Tone(Scorer):
    """Probability that the share of bad news among the next mentions is at least a half."""

    name: ClassVar[str] = "tone"
    family: ClassVar[str] = "sentiment"
    version: ClassVar[str] = "2"
    min_points: ClassVar[int] = 1
    weight: ClassVar[float] = 0.2

    class Options(Outcome):
        """When public talk counts as turned against a partner."""

        at_least: float = Field(0.5, gt=0, lt=1, description="A share of bad news among incidents of at least this.")
        min_next: float = Field(3, ge=1, le=40, description="Judged only where at least so many incidents follow.")

    def score(self, panel: Panel, terms: Terms) -> Scores:
        """Score every partner at `panel.at`; news ages only while a source could have brought younger ones."""
        mentions = _mentions(panel)
        told = mentions.count(panel.partners, mentions.inside)
        unmentioned = (UNMENTIONED_MESSAGE, told < self.min_points)
        known = Known.unless(panel.blind_days[self.family], few=[], quiet=[unmentioned])
        belief = _believe(panel.partners, mentions, terms)
        sure = belief.bad + belief.calm
        quiet = _most_bad(belief.habit * sure, (1 - belief.habit) * sure, belief.coming, terms["at_least"])
        value = _most_bad(belief.bad, belief.calm, belief.coming, terms["at_least"])
        recent = mentions.count(panel.partners, mentions.bad & (mentions.age < RECENT_DAYS))
        measured = {"negative_incidents": known.only(recent), "mentions": known.only(told)}
        return known.scores(
            value,
            in_two("background", "incidents", quiet, value),
            sample=told,
            old=newest_of(panel.partners, mentions.news.partner, mentions.age) > STALE_DAYS,
            measured=measured,
            evidence=_evidence(known, **measured),
            params={"days": WINDOW_DAYS},
        )

    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        """Return whether at least `at_least` of the next incidents were bad; see Scorer.began.

        NaN where fewer than `min_next` came, or where they were as bad over as many days before.
        """
        horizon = terms["horizon_days"]
        enough, turned = _turned(whole, within(past, whole, whole.incidents, horizon), terms)
        lately = days_ago(past, past.incidents, self.family) < horizon.take(past.incidents.partner)
        already = _turned(past, lately, terms)[1]
        judged = ripe(past, whole, self.family, horizon) & enough & ~already
        return np.where(judged, turned.astype(np.float64), np.nan)


def _turned(panel: Panel, which: Mask, terms: Terms) -> tuple[Mask, Mask]:
    """Return whether `(n,)` some of the incidents are enough to judge by, and whether enough of them are bad."""
    news = panel.incidents
    bad = which & (news.p_negative >= CLEARLY_NEGATIVE)
    came, worse = (sum_of(panel.partners, news.partner, one.astype(np.float64)) for one in (which, bad))
    enough = np.asarray(came >= terms["min_next"], dtype=np.bool_)
    return enough, enough & np.asarray(worse >= terms["at_least"] * came - 1e-9, dtype=np.bool_)


def _mentions(panel: Panel) -> _Mentions:
    news = panel.incidents
    age = days_ago(panel, news, Tone.family)
    return _Mentions(news, age, news.p_negative >= CLEARLY_NEGATIVE, age <= WINDOW_DAYS)


def _believe(partners: int, mentions: _Mentions, terms: Terms) -> _Belief:
    old = mentions.age >= RECENT_DAYS
    kept = fading(mentions.age, SLOW_DAYS)
    slow, slow_bad = (mentions.count(partners, which, kept) for which in (old, old & mentions.bad))
    prior = portfolio_prior(slow, slow_bad)
    habit = (prior.mean * prior.weight + slow_bad) / (prior.weight + slow)
    kappa = np.clip(prior.weight / 2, LEAST_HABIT, MOST_HABIT)
    calm = mentions.count(partners, ~mentions.bad, fading(mentions.age, FAST_DAYS))
    rate = mentions.count(partners, old) / (WINDOW_DAYS - RECENT_DAYS)
    return _Belief(
        habit=habit,
        bad=kappa * habit + LOUD * _load(partners, mentions),
        calm=kappa * (1 - habit) + np.minimum(calm, MOST_CALM),
        coming=np.clip(rate * terms["horizon_days"], terms["min_next"], MOST_NEXT),
    )


def _load(partners: int, mentions: _Mentions) -> Floats:
    """Return the weight of all bad news `(n,)`, 0..2: strongest first, each counting REPEAT times the one before.

    A piece weighs severity × p(negative), halved every half-life of its kind of news; 0..1.
    """
    chosen = mentions.bad & mentions.inside
    owner, age = mentions.news.partner[chosen], mentions.age[chosen]
    lasting = mentions.news.half_life_days[chosen]
    halvings = age / np.clip(lasting, SHORTEST_DAYS, LONGEST_DAYS)
    weight = mentions.news.severity[chosen] / 100.0 * mentions.news.p_negative[chosen] * np.exp2(-halvings)
    order = np.lexsort((-weight, owner))
    owner = owner[order]
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    repeated = weight[order] * REPEAT ** np.minimum(place, 60)
    return sum_of(partners, owner, repeated)


def _most_bad(bad: Floats, calm: Floats, coming: Floats, at_least: Floats) -> Floats:
    """Return P(share of bad ones among the next mentions >= at_least) `(n,)`, the rate being Beta(bad, calm).

    The upper tail of the beta-binomial, exact for a whole number of mentions to come and in proportion between two.
    """
    fewer = np.floor(coming)
    part = coming - fewer
    chance = (1 - part) * beta_binomial_tail(fewer, bad, calm, _enough(fewer, at_least))
    chance += part * beta_binomial_tail(fewer + 1, bad, calm, _enough(fewer + 1, at_least))
    return np.asarray(np.clip(chance, LOWEST, HIGHEST), dtype=np.float64)


def _enough(number: Floats, at_least: Floats) -> Floats:
    return np.asarray(np.ceil(number * at_least - 1e-9), dtype=np.float64)


def beta_binomial_tail(number: Floats, a: Floats, b: Floats, least: Floats) -> Floats:
    """Return P(K >= least) `(n,)` for K beta-binomial of whole `number` >= 1 draws, a, b > 0 and 0 < least <= number.

    By the recurrence p(k+1)/p(k) = (number - k)(a + k) / ((k + 1)(b + number - k - 1)), from the lower end.
    """
    term = np.ones_like(number)
    for step in range(int(np.max(number, initial=0.0))):
        more = step < number
        term = np.where(more, term * (b + step) / np.where(more, a + b + step, 1.0), term)
    below = np.zeros_like(number)
    for k in range(int(np.max(least, initial=0.0))):
        below += np.where(k < least, term, 0.0)
        left = np.maximum(number - k, 1.0)
        term = term * left * (a + k) / ((k + 1) * (b + left - 1))
    return np.asarray(np.maximum(1.0 - below, 0.0), dtype=np.float64)


def _evidence(known: Known, negative_incidents: Floats, mentions: Floats) -> tuple[Evidence, ...]:
    return (
        Evidence(
            "bad news in the last %(days)s days: %(negative)s",
            {"negative": negative_incidents, "days": known.only(RECENT_DAYS)},
        ),
        Evidence(
            "public mentions in the last %(days)s days: %(mentions)s",
            {"mentions": mentions, "days": known.only(WINDOW_DAYS)},
        ),
    )
