"""Assesses: what the facts known at one moment say of every watched partner, and where that places it on the matrix.

The whole portfolio is always judged; which partners are asked for only decides which results are written out.
"""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from scorers import impact
from scorers.likelihood import DISABLED_MESSAGE
from warden.db import Database
from warden.domain import Quantity
from warden.i18n import N_
from warden.log import get_logger
from warden.pipeline.explain import Explained, plain
from warden.pipeline.placing import Places, place
from warden.pipeline.portfolio import Moment, Portfolio, judge
from warden.rules import heaviest_unknown
from warden.settings import Settings
from warden.store import assessments, evidence, outcomes
from warden.store.assessments import AssessmentDraft, Said
from warden.store.batches import in_batches

log = get_logger(__name__)

BATCH = 2000
"""Assessments written in one transaction."""

COVERAGE_MESSAGE = N_(
    "Too little is known: %(why)s (%(coverage_share)s of the signals can be read, %(floor_share)s are needed)."
)
UNHEARD_MESSAGE = N_("nobody reports on this partner")
ALL_OFF_MESSAGE = N_("every outcome is switched off for this partner")
UNASKED_MESSAGE = N_("nobody reports on the outcomes that are switched on for this partner")


def run(db: Database, settings: Settings, now: datetime) -> int:
    """Assess every watched partner at `now`; store what differs from its last assessment and return how many did.

    A process that dies in between leaves whole rows; assessing again adds the missing ones.
    """
    with db.read() as session:
        said = assessments.last_said(session, now)
        drafts = assessments.differing(_drafts(session, settings, now, now, _before(session, now, said)), said)
        drafts = _with_facts(session, settings, drafts, now, now)
    for batch in in_batches(drafts, BATCH):
        with db.write() as session:
            assessments.write(session, batch)
            outcomes.write(session, batch)
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

    Everything is taken as it was known then: facts, whose they are, the partners' attributes, criteria, the matrix,
    learned models and overrides. So `compute(X, X)` is to the digit what was said at X, unless another version of a
    scorer said it, and `compute(X, now)` what today's knowledge would have said. A level is held by what was in fact
    said before `as_of`. Partners not watched at `known_at` are left out.
    """
    said = assessments.last_said(session, as_of, partner_ids, strictly=True)
    drafts = _drafts(session, settings, as_of, known_at, said, partner_ids)
    return _with_facts(session, settings, drafts, as_of, known_at)


def _before(session: Session, now: datetime, said: Mapping[uuid.UUID, Said]) -> Mapping[uuid.UUID, Said]:
    """Return what was last said strictly before `now`; this very moment may have been assessed already."""
    again = [partner_id for partner_id, last in said.items() if last.at == now]
    if not again:
        return said
    earlier = assessments.last_said(session, now, again, strictly=True)
    return {partner_id: last for partner_id, last in said.items() if last.at < now} | earlier


def _drafts(
    session: Session,
    settings: Settings,
    as_of: datetime,
    known_at: datetime,
    said: Mapping[uuid.UUID, Said],
    partner_ids: Collection[uuid.UUID] | None = None,
) -> list[AssessmentDraft]:
    """Return the drafts without the facts behind them; `said` is what was last said before `as_of`."""
    portfolio = judge(session, settings, Moment(as_of, known_at, known_at))
    if portfolio is None:
        return []
    written = _Written(portfolio, place(session, portfolio, said))
    wanted = None if partner_ids is None else set(partner_ids)
    return [written.draft(row) for row, one in enumerate(portfolio.ids) if wanted is None or one in wanted]


class _Written:
    """A portfolio that was judged and placed, written out partner by partner."""

    def __init__(self, portfolio: Portfolio, places: Places) -> None:
        self._ids, self._at, self._places = portfolio.ids, portfolio.moment.as_of, places
        self._coverage: list[float] = portfolio.fused.coverage.tolist()
        self._floor: list[float] = portfolio.floor.tolist()
        self._parts = [
            (part.name, plain(part.value), plain(part.score), part.weight.tolist()) for part in portfolio.rating.parts
        ]
        self._signals = [
            Explained(asked, signal, portfolio.fused.shares[signal.name], portfolio.blind_days(asked))
            for asked, signal in zip(portfolio.asked, portfolio.signals, strict=True)
        ]

    def draft(self, row: int) -> AssessmentDraft:
        """Return one partner's assessment."""
        places = self._places
        likelihood, impact_ = places.shown[Quantity.LIKELIHOOD], places.shown[Quantity.IMPACT]
        signals = [signal.of(row) for signal in self._signals]
        return AssessmentDraft(
            partner_id=self._ids[row],
            at=self._at,
            matrix_version=places.version,
            likelihood=likelihood.value[row],
            impact=impact_.value[row],
            computed_likelihood=places.computed[Quantity.LIKELIHOOD][row],
            computed_impact=places.computed[Quantity.IMPACT][row],
            overrides=places.overrides(row),
            reach=places.reach(row),
            likelihood_level=likelihood.level[row] or None,
            impact_level=impact_.level[row] or None,
            band=places.band[row],
            coverage=self._coverage[row],
            not_rated=self._not_rated(row, signals),
            signals=signals,
            impact_parts=[
                {"name": name, "value": values[row], "score": scores[row], "weight": weights[row]}
                for name, values, scores, weights in self._parts
            ],
        )

    def _not_rated(self, row: int, signals: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """Say why a partner has no place on the matrix; the heaviest signal that should speak gives the cause."""
        if self._places.shown[Quantity.LIKELIHOOD].value[row] is None:
            heaviest = heaviest_unknown(signals)
            why = heaviest["unknown"] if heaviest else {"message": _unheard(signals), "params": {}}
            params = {"coverage_share": self._coverage[row], "floor_share": self._floor[row], "why": why}
            return {"message": COVERAGE_MESSAGE, "params": params}
        if self._places.shown[Quantity.IMPACT].value[row] is None:
            return {"message": impact.UNKNOWN_MESSAGE, "params": {}}
        return None


def _unheard(signals: Sequence[Mapping[str, Any]]) -> str:
    """Say why no signal is expected of a partner at all."""
    off = [signal for signal in signals if (signal["unknown"] or {}).get("message") == DISABLED_MESSAGE]
    if len(off) == len(signals):
        return ALL_OFF_MESSAGE
    return UNASKED_MESSAGE if off else UNHEARD_MESSAGE


def _with_facts(
    session: Session, settings: Settings, drafts: Sequence[AssessmentDraft], as_of: datetime, known_at: datetime
) -> list[AssessmentDraft]:
    """Return the drafts with the newest facts behind each signal that rests on any."""
    heard = {
        signal["name"]: evidence.of_signal(signal["name"], signal["family"])
        for draft in drafts
        for signal in draft.signals
        if signal["sample"]
    }
    ids = [draft.partner_id for draft in drafts]
    since = as_of - timedelta(days=settings.history_days)
    newest = evidence.newest(session, ids, set(heard.values()), since, as_of, known_at)
    told = evidence.of_incidents(session, set(_incidents(drafts)), as_of, known_at)

    def with_facts(partner_id: uuid.UUID, signal: dict[str, Any]) -> dict[str, Any]:
        if not signal["sample"]:
            return signal
        lines = [
            {**line, "facts": told[partner_id, line["incident"]]} if "incident" in line else line
            for line in signal["evidence"]
        ]
        return {**signal, "evidence": lines, "facts": newest.get((partner_id, heard[signal["name"]]), [])}

    return [
        replace(draft, signals=[with_facts(draft.partner_id, signal) for signal in draft.signals]) for draft in drafts
    ]


def _incidents(drafts: Sequence[AssessmentDraft]) -> Iterator[tuple[uuid.UUID, int]]:
    """Yield (partner, number) of every incident that is named."""
    for draft in drafts:
        for signal in draft.signals:
            yield from ((draft.partner_id, line["incident"]) for line in signal["evidence"] if "incident" in line)
