"""Public talk: how likely most of what is said next about a partner is bad. It reads no text: see scorers.news.

Empirical Bayes on counts (Kleinman 1973), as for late deliveries: the partner's usual share of bad news, shrunk towards
the portfolio's, and what was said lately. Of the latter each bad incident counts by its severity and its reach, for as
long as such news lasts, and several at once less and less. Only what is beyond the partner's usual counts: who is in
the news every week has a lawsuit every month.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from scorers.base import (
    BLIND_LIMIT_DAYS,
    HIGHEST,
    LOWEST,
    Evidence,
    Floats,
    Incidents,
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
from scorers.news import kinds
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

SERIOUS_DAYS = 14
"""The window of `serious_event`, and of the incident that is named: a grave event is news for so long."""

LOUD = 4.0
"""A bad incident of full severity in one outlet counts like so many mentions. This and the half-lives were chosen on
simulated news, as no stream of judged news about partners was at hand."""

REPEAT = 0.5
"""The k-th strongest bad incident counts REPEAT^(k-1): trouble comes in several reports of other words."""

ANCHOR_DAYS, ANCHORS = 28, 12
"""The usual load of bad news is the mean of what it was so many times, so many days apart, over the last year …"""

CALM_ANCHORS = 2.0
"""… and so many more without any: after a first incident little is usual yet."""

MOST_CALM = 6.0
"""Mentions that are not bad count at most like so many: advertising must not drown a scandal."""

SHORTEST_DAYS, LONGEST_DAYS = 0.01, 45.0
"""Limits of a bad piece's half-life: what it did to the partner may last for years, talk of it does not."""

MOST_NEXT = 40.0
"""More mentions than this are not expected: by then the share to come is as good as the rate."""

UNMENTIONED_MESSAGE = "no public mention in the last %(days)s days"
NAMELESS_MESSAGE = "Bad news of another kind"


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
    version: ClassVar[str] = "3"
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
        blind = panel.blind_days[self.family]
        known = Known.unless(blind, few=[], quiet=[(UNMENTIONED_MESSAGE, told < self.min_points)])
        load, usual = _load(panel.partners, mentions), _usual_load(panel.partners, mentions)
        belief = _believe(panel.partners, mentions, np.maximum(load - usual, 0.0), terms)
        sure = belief.bad + belief.calm
        quiet = _most_bad(belief.habit * sure, (1 - belief.habit) * sure, belief.coming, terms["at_least"])
        value = _most_bad(belief.bad, belief.calm, belief.coming, terms["at_least"])
        gravest = _gravest(panel.partners, mentions)
        recent = mentions.count(panel.partners, mentions.bad & (mentions.age < RECENT_DAYS))
        measured = {
            "negative_incidents": known.only(recent),
            "mentions": known.only(told),
            "serious_event": np.where(blind <= BLIND_LIMIT_DAYS, _of(mentions.news.severity, gravest, 0.0), np.nan),
            "news_load": known.only(100.0 * load),
            "usual_news_load": known.only(100.0 * usual),
        }
        return known.scores(
            value,
            in_two("background", "incidents", quiet, value),
            sample=told,
            old=newest_of(panel.partners, mentions.news.partner, mentions.age) > STALE_DAYS,
            measured=measured,
            evidence=(_named(known, mentions, gravest), *_evidence(known, measured)),
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


def _believe(partners: int, mentions: _Mentions, beyond: Floats, terms: Terms) -> _Belief:
    """Return what is believed; `beyond` `(n,)`: the load of bad news beyond the usual one."""
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
        bad=kappa * habit + LOUD * beyond,
        calm=kappa * (1 - habit) + np.minimum(calm, MOST_CALM),
        coming=np.clip(rate * terms["horizon_days"], terms["min_next"], MOST_NEXT),
    )


def _load(partners: int, mentions: _Mentions, days_before: float = 0.0) -> Floats:
    """Return what all bad news weighed `(n,)` so many days ago, 0..6: strongest first, each REPEAT times as much.

    An incident weighs severity × p(negative) × reach, halved every half-life of its kind of news; 0..3.
    """
    age = mentions.age - days_before
    chosen = mentions.bad & (age >= 0) & (age <= WINDOW_DAYS)
    news, age = picked(mentions.news, chosen), age[chosen]
    halvings = age / np.clip(news.half_life_days, SHORTEST_DAYS, LONGEST_DAYS)
    weight = news.severity / 100.0 * news.p_negative * kinds.reach(news.outlets) * np.exp2(-halvings)
    order = np.lexsort((-weight, news.partner))
    owner = news.partner[order]
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    repeated = weight[order] * REPEAT ** np.minimum(place, 60)
    return sum_of(partners, owner, repeated)


def _usual_load(partners: int, mentions: _Mentions) -> Floats:
    """Return the mean of earlier loads `(n,)`, as far back as the first bad news of the year, shrunk towards none.

    The youngest of them is of RECENT_DAYS ago: trouble does not excuse itself.
    """
    earlier = np.sum([_load(partners, mentions, ANCHOR_DAYS * (1 + number)) for number in range(ANCHORS)], axis=0)
    since = np.zeros(partners)
    np.maximum.at(since, mentions.news.partner[mentions.bad], mentions.age[mentions.bad])
    lived = np.minimum(np.floor(since / ANCHOR_DAYS), ANCHORS)
    return np.asarray(earlier / (lived + CALM_ANCHORS), dtype=np.float64)


def _gravest(partners: int, mentions: _Mentions) -> Index:
    """Return the place `(n,)` of each partner's gravest bad incident of the last SERIOUS_DAYS, -1 without any.

    Of several that are as severe the one that weighs most, by how sure it is and how widely told; then the youngest.
    """
    news = mentions.news
    recent = np.flatnonzero(mentions.bad & (mentions.age < SERIOUS_DAYS))
    weight = news.p_negative * kinds.reach(news.outlets)
    keys = (news.number, news.event, mentions.age, -weight, -news.severity, news.partner)
    ordered = recent[np.lexsort([key[recent] for key in keys])]
    owner, first = np.unique(news.partner[ordered], return_index=True)
    found = np.full(partners, -1, dtype=np.intp)
    found[owner] = ordered[first]
    return found


def _of(values: Floats, places: Index, nowhere: float) -> Floats:
    """Return values `(m,)` at some places `(n,)`, and `nowhere` where the place is -1."""
    return np.append(values, nowhere)[places]


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


def _named(known: Known, mentions: _Mentions, gravest: Index) -> Evidence:
    """Name the gravest incident; nothing is said where there is none, at place -1."""
    news = mentions.news
    nameless = len(kinds.EVENTS)
    event = np.append(news.event, nameless)[gravest]
    return Evidence(
        "%(event)s, newest report %(days_ago)s days ago; outlets that told of it: %(outlets)s",
        {
            "days_ago": known.only(_of(mentions.age, gravest, np.nan)),
            "outlets": known.only(_of(news.outlets, gravest, np.nan)),
        },
        words={"event": ((*kinds.EVENT_MESSAGES.values(), NAMELESS_MESSAGE), np.where(event < 0, nameless, event))},
        incident=np.append(news.number, -1)[gravest],
    )


def _evidence(known: Known, measured: Mapping[str, Floats]) -> tuple[Evidence, ...]:
    some = np.where(measured["news_load"] + measured["usual_news_load"] > 0, 1.0, np.nan)
    return (
        Evidence(
            "bad news in the last %(days)s days: %(negative)s",
            {"negative": measured["negative_incidents"], "days": known.only(RECENT_DAYS)},
        ),
        Evidence(
            "weight of the bad news that still counts: %(news_load)s; usual here: %(usual_news_load)s",
            {name: np.round(measured[name] * some) for name in ("news_load", "usual_news_load")},
        ),
        Evidence(
            "public mentions in the last %(days)s days: %(mentions)s",
            {"mentions": measured["mentions"], "days": known.only(WINDOW_DAYS)},
        ),
    )
