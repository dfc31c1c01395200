"""Partners as the rules see them: the last assessment of each, and the figures that no assessment holds.

Everything is taken as it was known at the moment that is asked about, so that the past is seen as it was seen then.
The figures of `MORE` change with time alone only at midnight UTC, but for overdue meetings, which count whole days.
"""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from warden import calendars
from warden.rules import Reason, Value, context, named, over
from warden.rules.coverage import unread
from warden.rules.quarters import falls, in_a_row
from warden.store import assessments, circumstances, criteria, quarters, rhythm
from warden.store.batches import in_batches
from warden.store.quarters import Measured

COVERAGE_DAYS = 28
"""How long ago `coverage_before` was."""

_AT_ONCE = 1000
"""Partners whose signals are held in memory together: a source that goes blind makes coverage fall for everybody."""

_COVERAGE = frozenset({"coverage_before", "coverage_lost"})
_MEASURED = frozenset(
    {"satisfaction_falls", "satisfaction_fall", "perception_gap", "missed_quarters", "compliance_incidents"}
)

ATTRIBUTES = frozenset(
    {
        "country",
        "region",
        "tags",
        "annual_value",
        "currency",
        "share",
        "single_source",
        "months_to_replace",
        "days_to_contract_end",
    }
)
"""Variables that follow from a partner's attributes and the date alone."""

MORE = ATTRIBUTES | _COVERAGE | rhythm.OVERDUE | _MEASURED | {"meetings_missed"}
"""Variables that no assessment holds."""

More = Mapping[uuid.UUID, Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class Subject:
    """One partner as the rules see it. `over`: why variables are null for good; `named`: what a figure is about."""

    partner_id: uuid.UUID
    assessment_id: uuid.UUID
    tier: str
    values: Mapping[str, Value]
    over: Mapping[str, Reason]
    named: Mapping[str, Reason]


def read(
    session: Session, partner_ids: Collection[uuid.UUID], at: datetime, beside: More, ranks: Mapping[Any, int]
) -> list[Subject]:
    """Return those of the partners that are watched and were assessed by `at`, by id.

    `beside`: what `more` returned of them; `ranks`: store.matrices.band_ranks.
    """
    return [
        _subject(row, beside.get(row.partner_id, {}), ranks) for row in assessments.figures(session, at, partner_ids)
    ]


def _subject(row: Row[Any], beside: Mapping[str, Value], ranks: Mapping[Any, int]) -> Subject:
    values = context(
        likelihood=row.likelihood,
        impact=row.impact,
        band=row.band,
        band_rank=ranks.get((row.matrix_version, row.band)),
        coverage=row.coverage,
        tier=row.tier,
        stage=row.stage.value,
        signals=row.signals,
        more=beside,
    )
    return Subject(row.partner_id, row.assessment_id, row.tier, values, over(values, row.signals), named(row.signals))


def more(
    session: Session,
    partner_ids: Collection[uuid.UUID],
    at: datetime,
    *,
    known_at: datetime | None = None,
    names: Collection[str] = MORE,
) -> More:
    """Return the variables of `MORE` of these partners, as they were known at `at`; those left out are not known.

    The partners' attributes are those of `at`, but for region and tags, whose past is not kept. Facts learned after
    `known_at` (None: `at`) are not looked at. `names`: those asked for; others may be left out.
    """
    ids = sorted(partner_ids)
    if not ids:
        return {}
    rows = list(circumstances.attributes(session, ids, at))
    before = _midnight(at) - timedelta(days=COVERAGE_DAYS)
    coverage = {} if _COVERAGE.isdisjoint(names) else assessments.coverages(session, before, ids)
    lost = _lost(session, coverage, before, at)
    overdue = {} if rhythm.OVERDUE.isdisjoint(names) else rhythm.overdue_days(session, ids, at, known_at=known_at)
    missed = circumstances.missed_meetings(session, at)
    measured = {} if _MEASURED.isdisjoint(names) else dict(_measured(session, rows, at, known_at))
    return {
        row.id: {
            **attributes(row, at),
            **measured.get(row.id, {}),
            "coverage_before": coverage.get(row.id),
            "coverage_lost": lost.get(row.id),
            "meetings_missed": float(missed.get(row.id, 0)),
            **{f"{level}_overdue_days": days for level, days in overdue.get(row.id, {}).items()},
        }
        for row in rows
    }


def _lost(
    session: Session, coverage: Mapping[uuid.UUID, float], before: datetime, at: datetime
) -> dict[uuid.UUID, float]:
    """Return how much of what could be read `before` cannot be read now; partners not assessed then are absent.

    Nothing where coverage has not fallen. What nobody asks about any more, or where nothing is left to forecast, is not
    lost; nor is anything where coverage fell because more is expected now: someone's first survey.
    """
    now = assessments.coverages(session, at, coverage)
    fallen = [one for one, share in coverage.items() if now.get(one, share) < share]
    found = dict.fromkeys(coverage, 0.0)
    for some in in_batches(fallen, _AT_ONCE):
        then = {row.partner_id: row.signals for row in assessments.figures(session, before, some)}
        today = {row.partner_id: row.signals for row in assessments.figures(session, at, some)}
        found |= {one: unread(then[one], today[one]) for one in some if one in then and one in today}
    return found


def attributes(row: Row[Any], at: datetime) -> dict[str, Value]:
    """Return the variables of ATTRIBUTES at a moment; `row`: what store.circumstances.attributes gives of a partner."""
    return {
        "country": row.country,
        "region": row.region,
        "tags": tuple(row.tags),
        "annual_value": None if row.annual_value is None else float(row.annual_value),
        "currency": row.currency,
        "share": row.share,
        "single_source": row.single_source,
        "months_to_replace": row.months_to_replace,
        "days_to_contract_end": _days_left(row, _midnight(at)),
    }


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _days_left(row: Row[Any], midnight: datetime) -> float | None:
    if row.contract_end is None:
        return None
    today = int(calendars.today(midnight, row.time_zone))
    return float(row.contract_end.toordinal() - calendars.FIRST_DAY - today)


def _measured(
    session: Session, rows: Sequence[Row[Any]], at: datetime, known_at: datetime | None
) -> Iterator[tuple[uuid.UUID, dict[str, Value]]]:
    """Yield what measures say of partners, by the criteria that held: on the scale of surveys, and of missed ones."""
    found = quarters.measured(session, [row.id for row in rows], at, known_at=known_at)
    whose = [(row.id, row.tier) for row in rows if row.id in found]
    scales = criteria.resolve(session, "satisfaction", whose, at)
    bars = criteria.resolve(session, "milestones", whose, at)
    for place, (partner_id, _tier) in enumerate(whose):
        scale, bar = scales.options[scales.of[place]], bars.options[bars.of[place]]
        yield partner_id, _by_criteria(found[partner_id], scale, bar)


def _by_criteria(seen: Measured, scale: Any, bar: Any) -> dict[str, Value]:
    width = scale.best - scale.worst
    fallen = falls(seen.surveys) if all(scale.worst <= mean <= scale.best for mean in seen.surveys) else None
    views = [view for view in (seen.ours, seen.theirs) if view is not None and scale.worst <= view <= scale.best]
    missed = in_a_row(seen.missed, bar.at_least)
    return {
        "satisfaction_falls": None if fallen is None else float(fallen[0]),
        "satisfaction_fall": None if fallen is None else fallen[1] / width,
        "perception_gap": abs(views[0] - views[1]) / width if len(views) == 2 else None,
        "missed_quarters": None if missed is None else float(missed),
        "compliance_incidents": seen.compliance,
    }
