"""Public talk: how much fresh bad news there is about a partner. It reads no text: see scorers.news."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scorers.base import (
    BLIND_LIMIT_DAYS,
    BLIND_MESSAGE,
    NO_SOURCE_MESSAGE,
    STALE_BLIND_DAYS,
    Evidence,
    Floats,
    Incidents,
    Mask,
    Panel,
    Scorer,
    Scores,
    first_reason,
    limited,
    logit,
)

WINDOW_DAYS = 365
"""Mentions older than this are not looked at; a partner without any younger one is unknown, not well."""

RECENT_DAYS = 28
"""Window of the measured figure `negative_incidents`."""

STALE_DAYS = 90
"""A score whose newest mention is older than this is stale."""

QUIET = 0.02
"""Probability for a partner that is talked about without anything bad; an assumption, to be calibrated."""

REPEAT = 0.5
"""The k-th strongest piece of news counts REPEAT^(k-1): most of them tell the same story in other words."""

CLEARLY_NEGATIVE = 0.5

UNMENTIONED_MESSAGE = "no public mention in the last %(days)s days"


class Sentiment(Scorer):
    """1 - (1 - QUIET) · 2^(-load): each unit of bad news halves the chance that all stays well."""

    name: ClassVar[str] = "sentiment"
    family: ClassVar[str] = "sentiment"
    version: ClassVar[str] = "1"
    min_points: ClassVar[int] = 1
    weight: ClassVar[float] = 0.2

    def score(self, panel: Panel) -> Scores:
        """Score every partner at `panel.at`; news ages only while a source could have brought younger ones."""
        blind = panel.blind_days[self.family]
        news = panel.incidents
        age = np.maximum(news.age_days - np.nan_to_num(blind)[news.partner], 0.0)
        inside = age <= WINDOW_DAYS
        mentions = _sums(news.partner, inside, panel.partners)
        newest = np.full(panel.partners, np.inf)
        np.minimum.at(newest, news.partner, age)
        unknown, reason = first_reason(
            panel.partners,
            [
                (NO_SOURCE_MESSAGE, np.isnan(blind)),
                (BLIND_MESSAGE, blind > BLIND_LIMIT_DAYS),
                (UNMENTIONED_MESSAGE, mentions < self.min_points),
            ],
        )
        known = reason < 0
        load = _load(panel, news, np.where(inside, _weights(news, age), 0.0))
        quiet = np.full(panel.partners, QUIET)
        loud = 1.0 - (1.0 - quiet) * 0.5**load
        parts = {"background": logit(quiet), "incidents": logit(loud) - logit(quiet)}
        value, contributions = limited({name: np.where(known, part, np.nan) for name, part in parts.items()})
        recent = (age <= RECENT_DAYS) & (news.p_negative >= CLEARLY_NEGATIVE)
        negative = np.where(known, _sums(news.partner, recent, panel.partners), np.nan)
        return Scores(
            value=value,
            sample=mentions,
            stale=known & ((newest > STALE_DAYS) | (blind > STALE_BLIND_DAYS)),
            contributions=contributions,
            measured={"negative_incidents": negative, "mentions": np.where(known, mentions, np.nan)},
            evidence=_evidence(known, negative, mentions),
            unknown=unknown,
            unknown_reason=reason,
            unknown_params={"blind_days": blind, "days": np.full(panel.partners, float(WINDOW_DAYS))},
        )


def _evidence(known: Mask, negative: Floats, mentions: Floats) -> tuple[Evidence, ...]:
    return (
        Evidence(
            "bad news in the last %(days)s days: %(negative)s",
            {"negative": negative, "days": np.where(known, float(RECENT_DAYS), np.nan)},
        ),
        Evidence(
            "public mentions in the last %(days)s days: %(mentions)s",
            {"mentions": np.where(known, mentions, np.nan), "days": np.where(known, float(WINDOW_DAYS), np.nan)},
        ),
    )


def _weights(news: Incidents, age: Floats) -> Floats:
    """Weight `(m,)` of each piece, 0..1: severity × p(negative), halved every half-life."""
    lasting = news.half_life_days > 0
    halvings = np.divide(age, news.half_life_days, out=np.full_like(age, np.inf), where=lasting)
    return news.severity / 100.0 * news.p_negative * 0.5**halvings


def _load(panel: Panel, news: Incidents, weight: Floats) -> Floats:
    """Sum of the weights per partner `(n,)`, strongest first, each counting REPEAT times the one before; 0..2."""
    order = np.lexsort((-weight, news.partner))
    owner = news.partner[order]
    starts = np.searchsorted(owner, np.arange(panel.partners))
    place = np.arange(len(owner)) - starts[owner]
    return _sums(owner, weight[order] * REPEAT ** np.minimum(place, 60), panel.partners)


def _sums(owner: NDArray[np.intp], amount: Floats | Mask, partners: int) -> Floats:
    return np.bincount(owner, weights=amount, minlength=partners).astype(np.float64)
