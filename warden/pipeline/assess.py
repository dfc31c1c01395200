"""Assesses: what the facts known at one moment say of every watched partner, and where that places it on the matrix.

The whole portfolio is always scored, since partners with few facts borrow strength from the others; which partners are
asked for only decides which results are written out.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Row
from sqlalchemy.orm import Session

from scorers import impact, likelihood, matrix
from scorers.base import Floats, Panel, Scorer
from warden import plugins
from warden.db import Database
from warden.domain import FactKind
from warden.i18n import N_
from warden.log import get_logger
from warden.pipeline.explain import Explained, plain
from warden.settings import Settings
from warden.store import assessments, evidence, matrices, panel, partners
from warden.store.assessments import AssessmentDraft
from warden.store.batches import in_batches

log = get_logger(__name__)

SUPPORT = frozenset({"base", "likelihood", "impact", "matrix"})
"""Modules of `scorers` that hold no scorer."""

KINDS = {
    "communication": FactKind.MESSAGE,
    "delivery": FactKind.DELIVERY,
    "sentiment": FactKind.ARTICLE,
}
"""Which facts each family of signals rests on."""

BATCH = 2000
"""Assessments written in one transaction."""

COVERAGE_MESSAGE = N_(
    "Too little is known: %(why)s (%(coverage_share)s of the signals can be read, %(floor_share)s are needed)."
)
UNHEARD_MESSAGE = N_("nobody reports on this partner")


def run(db: Database, settings: Settings, now: datetime, *, known_at: datetime | None = None) -> int:
    """Assess every watched partner at `now`; store what differs from its last assessment and return how many did.

    `known_at` (default `now`): only facts recorded by then count. A process that dies in between leaves whole rows;
    assessing again adds the missing ones.
    """
    known_at = known_at or now
    with db.read() as session:
        drafts = assessments.changed(session, _drafts(session, settings, now, known_at))
        drafts = _with_facts(session, drafts, now, known_at)
    for batch in in_batches(drafts, BATCH):
        with db.write() as session:
            assessments.write(session, batch)
    log.info("partners_assessed", changed=len(drafts))
    return len(drafts)


def compute(
    session: Session,
    settings: Settings,
    as_of: datetime,
    known_at: datetime,
    partner_ids: Collection[uuid.UUID] | None = None,
) -> list[AssessmentDraft]:
    """Return what would be said of the watched partners at `as_of` from what was known at `known_at`; stores nothing.

    Facts are taken as of both moments. Stage, impact attributes and the matrix are those of today.
    """
    return _with_facts(session, _drafts(session, settings, as_of, known_at, partner_ids), as_of, known_at)


def scorers() -> list[Scorer]:
    """Return one of every scorer, by name."""
    found = plugins.find("scorers", Scorer, SUPPORT)
    return [found[name]() for name in sorted(found)]


def _drafts(
    session: Session,
    settings: Settings,
    as_of: datetime,
    known_at: datetime,
    partner_ids: Collection[uuid.UUID] | None = None,
) -> list[AssessmentDraft]:
    """Return the drafts without the facts behind them."""
    watched = {partner.id: partner for partner in partners.watched(session)}
    if not watched:
        return []
    ids, facts = panel.build(session, settings, as_of, known_at)
    wanted = ids if partner_ids is None else [one for one in ids if one in set(partner_ids)]
    rows = {one: number for number, one in enumerate(ids)}
    portfolio = _Portfolio(session, settings, _by_the_day(facts), [watched[one] for one in ids], as_of)
    return [portfolio.draft(rows[one]) for one in wanted]


def _by_the_day(facts: Panel) -> Panel:
    """Count ages in whole days, as everything else in a panel is counted.

    Else news would age with every tick and each would write a new assessment of every partner in the news.
    """
    return replace(
        facts,
        incidents=replace(facts.incidents, age_days=np.floor(facts.incidents.age_days)),
        blind_days={family: np.ceil(days) for family, days in facts.blind_days.items()},
    )


class _Portfolio:
    """All partners scored, fused and placed at one moment; `draft` writes one of them out."""

    def __init__(
        self, session: Session, settings: Settings, facts: Panel, watched: Sequence[Row[Any]], as_of: datetime
    ) -> None:
        self._floor = settings.coverage_floor
        self._as_of = as_of
        self._ids = [partner.id for partner in watched]
        signals = [likelihood.listen(scorer, facts) for scorer in scorers()]
        fused = likelihood.fuse(signals)
        rating = impact.rate(_attributes(watched, as_of.date()))
        enough = fused.coverage >= self._floor
        chance = np.where(enough, fused.value, np.nan)
        active = matrices.active(session)
        grid = matrix.parse(active.data)
        placed = grid.place(chance, rating.value)
        self._matrix_version = active.version
        self._bands = [None if index < 0 else grid.bands[index].key for index in placed.band.tolist()]
        self._levels = placed.likelihood_level.tolist(), placed.impact_level.tolist()
        self._likelihood, self._impact = plain(chance), plain(rating.value)
        self._coverage = fused.coverage.tolist()
        self._parts = [(part.name, plain(part.value), plain(part.score), part.weight) for part in rating.parts]
        self._signals = [
            Explained(scorer.version, signal, fused.shares[signal.name], facts.blind_days[scorer.family])
            for scorer, signal in zip(scorers(), signals, strict=True)
        ]

    def draft(self, row: int) -> AssessmentDraft:
        """Return one partner's assessment."""
        signals = [signal.of(row) for signal in self._signals]
        return AssessmentDraft(
            partner_id=self._ids[row],
            at=self._as_of,
            matrix_version=self._matrix_version,
            likelihood=self._likelihood[row],
            impact=self._impact[row],
            likelihood_level=self._levels[0][row] or None,
            impact_level=self._levels[1][row] or None,
            band=self._bands[row],
            coverage=self._coverage[row],
            not_rated=self._not_rated(row, signals),
            signals=signals,
            impact_parts=[
                {"name": name, "value": values[row], "score": scores[row], "weight": weight}
                for name, values, scores, weight in self._parts
            ],
        )

    def _not_rated(self, row: int, signals: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """Say why a partner has no place on the matrix; the heaviest unknown signal gives the cause."""
        if self._likelihood[row] is None:
            unknown = [signal for signal in signals if signal["unknown"]]
            heaviest = max(unknown, key=lambda signal: float(signal["weight"]), default=None)
            why = heaviest["unknown"] if heaviest else {"message": UNHEARD_MESSAGE, "params": {}}
            params = {"coverage_share": self._coverage[row], "floor_share": self._floor, "why": why}
            return {"message": COVERAGE_MESSAGE, "params": params}
        if self._impact[row] is None:
            return {"message": impact.UNKNOWN_MESSAGE, "params": {}}
        return None


def _attributes(watched: Sequence[Row[Any]], today: date) -> impact.Attributes:
    return impact.Attributes(
        annual_value=_floats([partner.annual_value for partner in watched]),
        currency=[partner.currency for partner in watched],
        share=_floats([partner.share for partner in watched]),
        months_to_replace=_floats([partner.months_to_replace for partner in watched]),
        single_source=_floats([partner.single_source for partner in watched]),
        days_to_contract_end=_floats(
            [(partner.contract_end - today).days if partner.contract_end else None for partner in watched]
        ),
        tier=[partner.tier for partner in watched],
    )


def _floats(values: Sequence[Any]) -> Floats:
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def _with_facts(
    session: Session, drafts: Sequence[AssessmentDraft], as_of: datetime, known_at: datetime
) -> list[AssessmentDraft]:
    """Return the drafts with the newest facts behind each signal."""
    kinds = {scorer.name: KINDS[scorer.family] for scorer in scorers()}
    ids = [draft.partner_id for draft in drafts]
    newest = evidence.newest(session, ids, set(kinds.values()), as_of, known_at)
    return [
        replace(
            draft,
            signals=[
                {**signal, "facts": newest.get((draft.partner_id, kinds[signal["name"]]), [])}
                for signal in draft.signals
            ],
        )
        for draft in drafts
    ]
