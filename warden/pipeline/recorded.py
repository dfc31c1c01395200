"""What is known to have gone wrong: deteriorations that matured, grave events, incidents, and what people called right.

Against these the alerts of a rule are judged. What cannot be known yet is told, never taken for "nothing happened".
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from sqlalchemy.orm import Session

from scorers.base import Panel
from scorers.judging import onsets
from scorers.walk import STEP_DAYS, Rows, join, mondays
from warden.domain import Worth
from warden.pipeline import past
from warden.pipeline.episodes import Said
from warden.pipeline.past import Asked, Past
from warden.settings import Settings
from warden.store import partners, spans, verdicts

SERIOUS = 70.0
"""Severity from which a public event counts by itself: as the shipped rule has it."""

SERIOUS_EVENT, COMPLIANCE, CALLED_RIGHT = "serious_event", "compliance", "called_right"
"""Kinds of incidents besides the outcomes; the first is also the variable whose rise is one."""


MOST_JUDGED = 1500
"""Partners whose outcomes are looked at; of more, every so many-th: a year of each takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that went wrong for a partner; `until`: as far as is known it went on until then."""

    partner_id: uuid.UUID
    kind: str  # an outcome, or one of the kinds above
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Deteriorations:
    """Those of the outcomes, and how much could be judged of whom.

    judged: by partner, the weeks, as whole weeks before `now`, in which some outcome could be judged.
    matured: the moment up to which all that began is known.
    every: of so many partners one was looked at; of the others nothing is known.
    """

    incidents: Sequence[Incident]
    judged: Mapping[uuid.UUID, frozenset[int]]
    matured: datetime
    now: datetime
    every: int

    def could_be_judged(self, partner_id: uuid.UUID, start: datetime, end: datetime) -> bool:
        """Tell whether anything could have been found of a partner between two moments."""
        if end > self.matured:
            return False
        weeks = self.judged.get(partner_id, frozenset())
        return any(week in weeks for week in range(_weeks_ago(end, self.now), _weeks_ago(start, self.now) + 2))


def deteriorations(
    session: Session,
    settings: Settings,
    since: datetime,
    now: datetime,
    among: Collection[uuid.UUID] | None = None,
) -> Deteriorations:
    """Return the beginnings of outcomes since a moment, by the criteria of today, as learning and backtests do.

    `among`: partners that are looked at, None: all.
    """
    span = int((now - since) / timedelta(days=STEP_DAYS)) + 1
    watched = [row.id for row in partners.watched(session, now) if among is None or row.id in among]
    every = max(1, -(-len(watched) // MOST_JUDGED))
    whom = None if among is None and every == 1 else sorted(watched)[::every]
    known = past.read(session, settings, now, span + 13, whom)
    asked = [one for one in known.asked if one.of.any()]
    walked = _walked(known, asked, span) if asked else []
    incidents: list[Incident] = []
    judged: dict[uuid.UUID, set[int]] = {}
    longest = 0.0
    for one, rows in zip(asked, walked, strict=True):
        if not len(rows):
            continue
        longest = max(longest, float(rows.horizon.max()))
        incidents += [found for found in _incidents(known, one.scorer.name, rows, now) if found.until >= since]
        for partner, column in zip(rows.partner.tolist(), rows.column.tolist(), strict=True):
            judged.setdefault(known.ids[partner], set()).add(_weeks_ago(_moment(known.panel, partner, column), now))
    weeks = {partner_id: frozenset(found) for partner_id, found in judged.items()}
    return Deteriorations(incidents, weeks, now - timedelta(days=longest), now, every)


def _walked(known: Past, asked: Sequence[Asked], weeks: int) -> list[Rows]:
    """Return the judged Mondays of each outcome; what was said on them is of no interest here."""
    shortest = min(float(one.terms["horizon_days"][one.of].min()) for one in asked)
    found: list[list[Rows]] = [[] for _ in asked]
    for column in mondays(known.panel, weeks, shortest):
        then = known.panel.before(column)
        for one, rows in zip(asked, found, strict=True):
            began = one.scorer.began(then, known.panel, one.terms)
            judged = np.flatnonzero(one.of & ~np.isnan(began))
            rows.append(
                Rows(
                    partner=judged,
                    column=np.full(judged.size, column, dtype=np.intp),
                    value=np.full(judged.size, np.nan),
                    began=began[judged] > 0,
                    horizon=one.terms["horizon_days"][judged],
                    figures={},
                )
            )
    return [join(rows) for rows in found]


def _incidents(known: Past, kind: str, rows: Rows, now: datetime) -> Iterator[Incident]:
    """Yield what began; it goes on until the outcome can be judged again, for then it is over."""
    partners, days = onsets(rows)
    width = known.panel.days + 1
    judged = np.sort(rows.partner * width + rows.column)
    places = np.searchsorted(judged, partners * width + days, side="right")
    for partner, day, place in zip(partners.tolist(), days.tolist(), places.tolist(), strict=True):
        again = int(judged[place]) if place < judged.size else -1
        at = min(_moment(known.panel, partner, day), now)
        until = _moment(known.panel, partner, again % width) if again // width == partner else now
        yield Incident(known.ids[partner], kind, at, max(at, until))


def _moment(panel: Panel, partner: int, column: float) -> datetime:
    return panel.at - timedelta(days=float(panel.now[partner]) - column)


def _weeks_ago(moment: datetime, now: datetime) -> int:
    return int((now - moment) / timedelta(days=STEP_DAYS))


def of_said(said: Said) -> Iterator[Incident]:
    """Yield the grave events that came up in what was said of a partner."""
    place = said.names.index(SERIOUS_EVENT)
    for before, after in pairwise(said.moments):
        if _number(after.seen[place]) >= SERIOUS > _number(before.seen[place]):
            yield Incident(said.partner_id, SERIOUS_EVENT, after.at, after.at)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def compliance(session: Session, since: datetime, now: datetime) -> list[Incident]:
    """Return the compliance incidents that were reported."""
    return [Incident(whose, COMPLIANCE, at, at) for whose, at in spans.compliance(session, since, now)]


def called_right(session: Session, since: datetime) -> list[Incident]:
    """Return the alerts people called useful, or right but too late: something was the matter."""
    return [
        Incident(one.partner_id, CALLED_RIGHT, one.fired_at, one.fired_at)
        for one in verdicts.judged_alerts(session, since)
        if one.worth in (Worth.USEFUL, Worth.TOO_LATE)
    ]


def by_partner(incidents: Iterable[Incident]) -> dict[uuid.UUID, list[Incident]]:
    """Return incidents by partner, oldest first."""
    found: dict[uuid.UUID, list[Incident]] = {}
    for one in sorted(incidents, key=lambda one: one.at):
        found.setdefault(one.partner_id, []).append(one)
    return found
