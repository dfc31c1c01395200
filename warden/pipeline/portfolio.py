"""The whole portfolio at one moment: its facts scored by what is asked of each partner, fused, and its impact rated.

Always the whole: partners with few facts borrow strength from the others. It places nobody and writes nothing out.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Row
from sqlalchemy.orm import Session

from scorers import impact, likelihood
from scorers.base import Floats, Outcome, Panel, Scorer, spread
from scorers.impact import Formula, Impact
from scorers.learning import Speaker
from scorers.likelihood import Likelihood, Signal
from scorers.matrix import Thresholds
from warden import plugins
from warden.settings import Settings
from warden.store import criteria, learning, panel, partners
from warden.store.criteria import Resolved


@dataclass(frozen=True, slots=True)
class Moment:
    """Which moment is judged, and from what was known when.

    Facts count that were recorded by `known_at`; criteria, the matrix, learned models, the partners' attributes and
    whose keys are whose are those of `configured_at`. Facts of after `observed_until` are left out (None: none are).
    """

    as_of: datetime
    known_at: datetime
    configured_at: datetime
    observed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One outcome as it is asked about: by which scorer, on which terms, and who speaks in the scorer's place."""

    scorer: Scorer
    terms: Resolved
    speaker: Speaker


@dataclass(frozen=True, slots=True)
class Portfolio:
    """All partners watched at one moment, in the order of `ids`; every array is `(n,)` in that order."""

    moment: Moment
    ids: Sequence[uuid.UUID]
    partners: Sequence[Row[Any]]  # as store.partners.watched gives them
    panel: Panel
    asked: Sequence[Asked]
    signals: Sequence[Signal]
    fused: Likelihood
    rating: Impact
    placement: Resolved  # scorers.matrix.Thresholds
    floor: Floats  # coverage below which a partner is not rated

    @property
    def likelihood(self) -> Floats:
        """The likelihood computed, NaN where too little is covered."""
        return np.where(self.fused.coverage >= self.floor, self.fused.value, np.nan)

    @property
    def thresholds(self) -> list[Thresholds]:
        """The thresholds that `placement.of` counts through."""
        return cast(list[Thresholds], self.placement.options)

    def blind_days(self, asked: Asked) -> Floats:
        """Return for how many days nobody could report on what an outcome rests on; see scorers.base.Panel."""
        return self.panel.blind_days[asked.scorer.family]


def judge(session: Session, settings: Settings, moment: Moment) -> Portfolio | None:
    """Return the portfolio at a moment; None when nobody was watched then."""
    ids, facts = panel.build(
        session,
        settings,
        moment.as_of,
        moment.known_at,
        configured_at=moment.configured_at,
        observed_until=moment.observed_until,
    )
    if not ids:
        return None
    by_id = {partner.id: partner for partner in partners.watched(session, moment.configured_at)}
    watched = [by_id[one] for one in ids]
    whose = [(partner.id, partner.tier) for partner in watched]
    facts = _in_whole_days(facts)
    learned = learning.in_force(session, moment.configured_at)
    asked = [
        Asked(
            scorer,
            criteria.resolve(session, scorer.name, whose, moment.configured_at),
            learning.speaker(learned.get(scorer.name), scorer),
        )
        for scorer in plugins.scorers()
    ]
    signals = [_listen(one, facts) for one in asked]
    formulas = criteria.resolve(session, criteria.IMPACT, whose, moment.configured_at)
    placement = criteria.resolve(session, criteria.PLACEMENT, whose, moment.configured_at)
    return Portfolio(
        moment=moment,
        ids=ids,
        partners=watched,
        panel=facts,
        asked=asked,
        signals=signals,
        fused=likelihood.fuse(signals),
        rating=impact.rate(_attributes(watched, moment.as_of), cast(list[Formula], formulas.options), formulas.of),
        placement=placement,
        floor=_floor(placement, settings),
    )


def _listen(asked: Asked, facts: Panel) -> Signal:
    terms = spread(cast(list[Outcome], asked.terms.options), asked.terms.of)
    enabled = np.array(asked.terms.enabled, dtype=np.bool_)[asked.terms.of]
    return likelihood.listen(asked.scorer, facts, terms, enabled, asked.speaker)


def _in_whole_days(facts: Panel) -> Panel:
    """Count blind days in whole ones: else each tick would write a new assessment of every partner who cannot be heard.

    Scorers count everything else in days by themselves.
    """
    return replace(facts, blind_days={family: np.ceil(days) for family, days in facts.blind_days.items()})


def _floor(placement: Resolved, settings: Settings) -> Floats:
    chosen = [one.coverage_floor for one in cast(list[Thresholds], placement.options)]
    return np.array([settings.coverage_floor if one is None else one for one in chosen])[placement.of]


def _attributes(watched: Sequence[Row[Any]], as_of: datetime) -> impact.Attributes:
    today = {zone: as_of.astimezone(ZoneInfo(zone)).date() for zone in {partner.time_zone for partner in watched}}
    return impact.Attributes(
        annual_value=_floats([partner.annual_value for partner in watched]),
        currency=[partner.currency for partner in watched],
        share=_floats([partner.share for partner in watched]),
        months_to_replace=_floats([partner.months_to_replace for partner in watched]),
        single_source=_floats([partner.single_source for partner in watched]),
        days_to_contract_end=_floats([_days_to_contract_end(partner, today) for partner in watched]),
        tier=[partner.tier for partner in watched],
    )


def _days_to_contract_end(partner: Row[Any], today: Mapping[str, date]) -> int | None:
    ends: date | None = partner.contract_end
    return None if ends is None else (ends - today[partner.time_zone]).days


def _floats(values: Sequence[Any]) -> Floats:
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
