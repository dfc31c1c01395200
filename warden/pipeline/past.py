"""The portfolio's past as one panel, with each outcome as it is asked about now: what learning and backtests walk."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import numpy as np
from sqlalchemy.orm import Session

from scorers.base import Mask, Outcome, Panel, Scorer, Terms, spread
from scorers.walk import STEP_DAYS
from warden import plugins
from warden.settings import Settings
from warden.store import criteria, panel, partners


@dataclass(frozen=True, slots=True)
class Asked:
    """One outcome: its scorer, its terms, and the partners `(n,)` it is asked about."""

    scorer: Scorer
    terms: Terms
    of: Mask


@dataclass(frozen=True, slots=True)
class Past:
    """The watched partners, by row of the panel, and what is asked about them.

    history_days: how far back a score reads; the panel reaches back further.
    """

    ids: Sequence[uuid.UUID]
    panel: Panel
    asked: Sequence[Asked]
    history_days: int


def read(
    session: Session,
    settings: Settings,
    now: datetime,
    weeks: int,
    partner_ids: Sequence[uuid.UUID] | None = None,
) -> Past:
    """Return the past up to `now`, long enough that each of the last `weeks` has the history a score reads behind it.

    `partner_ids`: only of these, where given.

    Facts stand where they were true, not when they were recorded. Partners and criteria are those of now.
    """
    longer = settings.model_copy(update={"history_days": settings.history_days + weeks * STEP_DAYS})
    ids, facts = panel.build(session, longer, now, now, partner_ids)
    tiers = {partner.id: partner.tier for partner in partners.watched(session, now)}
    whose = [(one, tiers[one]) for one in ids]
    asked = []
    for scorer in plugins.scorers():
        resolved = criteria.resolve(session, scorer.name, whose, now)
        terms = spread(cast(list[Outcome], resolved.options), resolved.of)
        asked.append(Asked(scorer, terms, np.array(resolved.enabled, dtype=np.bool_)[resolved.of]))
    return Past(ids, facts, asked, settings.history_days)
