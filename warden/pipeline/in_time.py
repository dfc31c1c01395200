"""What rules would see now, had the facts not come that were learned since a moment: what time alone makes of them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import Quantity
from warden.pipeline import subjects
from warden.pipeline.explain import Explained
from warden.pipeline.placing import Places, place
from warden.pipeline.portfolio import Moment, Portfolio, judge
from warden.pipeline.subjects import Subject
from warden.rules import context, over
from warden.settings import Settings
from warden.store import assessments


class InTime:
    """The portfolio at `now` by what was known, and whose keys were whose, at `since`; judged when first asked for.

    That sources report nothing is seen as it is at `now`.
    """

    def __init__(self, settings: Settings, ranks: Mapping[Any, int], since: datetime, now: datetime) -> None:
        """`ranks`: store.matrices.band_ranks."""
        self._settings, self._ranks, self._since, self._now = settings, ranks, since, now
        self._judged: tuple[Portfolio, Places, list[Explained]] | None = None

    def subjects(self, session: Session, seen: Collection[Subject]) -> list[Subject]:
        """Return partners as rules would see them; those not watched at `since` are left out. `seen`: as they do."""
        if self._judged is None:
            self._judged = self._judge(session)
        if self._judged is None:
            return []
        portfolio, places, signals = self._judged
        rows = {one: row for row, one in enumerate(portfolio.ids)}
        beside = subjects.more(session, [one.partner_id for one in seen], self._now, known_at=self._since)
        found = []
        for one in seen:
            row = rows.get(one.partner_id)
            if row is None:
                continue
            said = [signal.of(row) for signal in signals]
            values = context(
                likelihood=places.shown[Quantity.LIKELIHOOD].value[row],
                impact=places.shown[Quantity.IMPACT].value[row],
                band=places.band[row],
                band_rank=self._ranks.get((places.version, places.band[row])),
                coverage=float(portfolio.fused.coverage[row]),
                tier=one.tier,
                stage=portfolio.partners[row].stage.value,
                signals=said,
                more=beside.get(one.partner_id, {}),
            )
            found.append(Subject(one.partner_id, one.assessment_id, one.tier, values, over(values, said), {}))
        return found

    def _judge(self, session: Session) -> tuple[Portfolio, Places, list[Explained]] | None:
        portfolio = judge(session, self._settings, Moment(self._now, self._since, self._since))
        if portfolio is None:
            return None
        said = assessments.last_said(session, self._now, strictly=True)
        signals = [
            Explained(asked, signal, portfolio.fused.shares[signal.name], portfolio.blind_days(asked))
            for asked, signal in zip(portfolio.asked, portfolio.signals, strict=True)
        ]
        return portfolio, place(session, portfolio, said), signals
