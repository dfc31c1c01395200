"""Which of the seven causes the evidence behind an alert points to, and why. Pure; the playbooks are data elsewhere.

Each indicator is something that can be observed; it speaks for one cause with a strength from 0 to 1 times its weight.
A cause's share is its points over all points. The causes and what hints at them are those partnership practice names;
the weights are ours, stated here and not learned: they order causes, and are no probabilities.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warden.domain import DiagnosedCause
from warden.i18n import N_
from warden.rules.context import Reason, Value

LEAST_POINTS = 0.5
"""Below so many points for the strongest cause nothing is diagnosed: the evidence says too little."""

FEW_DELIVERIES = 5
"""Of fewer that fell due lately a share says nothing."""

CAUSE_NAMES: Mapping[DiagnosedCause, str] = {
    DiagnosedCause.COMMUNICATION: N_("poor communication"),
    DiagnosedCause.EXPECTATIONS: N_("mismatched expectations"),
    DiagnosedCause.INTERESTS: N_("conflict of interest"),
    DiagnosedCause.TRUST: N_("broken trust"),
    DiagnosedCause.PERFORMANCE: N_("under-performance"),
    DiagnosedCause.EXTERNAL: N_("external pressure"),
    DiagnosedCause.CULTURE: N_("cultural difference"),
}
"""What each cause is called, as a message to be translated."""

EVENTS: Mapping[str, DiagnosedCause] = {
    "mna": DiagnosedCause.INTERESTS,
    "exec_departure": DiagnosedCause.INTERESTS,
    "breach": DiagnosedCause.TRUST,
    "fraud_investigation": DiagnosedCause.TRUST,
    "lawsuit": DiagnosedCause.TRUST,
    "recall": DiagnosedCause.PERFORMANCE,
    "profit_warning": DiagnosedCause.PERFORMANCE,
    "layoffs": DiagnosedCause.PERFORMANCE,
    "strike": DiagnosedCause.EXTERNAL,
    "sanction": DiagnosedCause.EXTERNAL,
    "accident": DiagnosedCause.EXTERNAL,
    "closure": DiagnosedCause.EXTERNAL,
    "insolvency": DiagnosedCause.EXTERNAL,
    "downgrade": DiagnosedCause.EXTERNAL,
}
"""What a kind of event in the news (scorers/news/taxonomy.json) hints at."""


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of event in recent bad news; `severity` 0..100, `name` as a message to be translated."""

    kind: str
    name: str
    severity: float


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a diagnosis rests on.

    values: what rules see of the partner; null is unknown and speaks for nothing.
    events: kinds of events in bad news that still counts.
    promises_overdue: actions the partner owes and whose day is over.
    neighbours: 0..1, share of the region's other partners that have open alerts; None with fewer than five of them.
    abroad: whether the partner's country is another than its owner's; None when either is unknown.
    """

    values: Mapping[str, Value]
    events: Sequence[Event] = ()
    promises_overdue: int = 0
    neighbours: float | None = None
    abroad: bool | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """One indicator that speaks: for which cause, with how many points, and the sentence that says so."""

    cause: DiagnosedCause
    points: float
    why: Reason


Indicator = Callable[[Circumstances], Hint | None]


def diagnose(circumstances: Circumstances) -> dict[str, Any]:
    """Return {"cause", "share", "why", "others"} with JSON values, {} where the evidence points nowhere.

    `why` holds the sentences for the cause, strongest first; `others` the further causes, each with its share.
    """
    hints = [hint for indicator in INDICATORS if (hint := indicator(circumstances)) is not None]
    hints += _events(circumstances)
    points: dict[DiagnosedCause, float] = {}
    for hint in hints:
        points[hint.cause] = points.get(hint.cause, 0.0) + hint.points
    ranked = sorted(points, key=lambda cause: (-points[cause], list(DiagnosedCause).index(cause)))
    if not ranked or points[ranked[0]] < LEAST_POINTS:
        return {}
    total = sum(points.values())
    strongest = sorted((hint for hint in hints if hint.cause is ranked[0]), key=lambda hint: -hint.points)
    return {
        "cause": ranked[0].value,
        "share": points[ranked[0]] / total,
        "why": [hint.why for hint in strongest],
        "others": [{"cause": cause.value, "share": points[cause] / total} for cause in ranked[1:]],
    }


def _number(found: Circumstances, name: str) -> float | None:
    value = found.values.get(name)
    return float(value) if isinstance(value, int | float) else None


def _is_under(found: Circumstances, name: str, limit: float) -> bool:
    """Tell whether a figure is known and below a limit: what is unknown is not in order."""
    value = _number(found, name)
    return value is not None and value < limit


def _hint(cause: DiagnosedCause, weight: float, strength: float, message: str, **params: Any) -> Hint | None:
    share = min(max(strength, 0.0), 1.0)
    return Hint(cause, weight * share, {"message": message, "params": params}) if share > 0 else None


def _silent(found: Circumstances) -> Hint | None:
    ratio, days, usual = (_number(found, name) for name in ("silence_ratio", "days_silent", "usual_gap"))
    if ratio is None or ratio < 0.7:
        return None
    message = N_("silent for %(days_silent)s days; the longest usual gap is %(usual_gap)s")
    return _hint(DiagnosedCause.COMMUNICATION, 1.0, ratio, message, days_silent=days, usual_gap=usual)


def _slow(found: Circumstances) -> Hint | None:
    now, usual = _number(found, "reply_hours"), _number(found, "usual_reply_hours")
    if now is None or not usual or now < 1.5 * usual:
        return None
    message = N_("replies take %(reply_hours)s hours; usual are %(usual_reply_hours)s")
    strength = (now / usual - 1.0) / 2.0
    return _hint(DiagnosedCause.COMMUNICATION, 0.8, strength, message, reply_hours=now, usual_reply_hours=usual)


def _unmet(found: Circumstances) -> Hint | None:
    days = _number(found, "executive_overdue_days")
    if not days or days <= 0:
        return None
    message = N_("the executives' meeting is overdue by %(days)s days")
    return _hint(DiagnosedCause.COMMUNICATION, 0.6, days / 30.0, message, days=days)


def _gap(found: Circumstances) -> Hint | None:
    gap = _number(found, "perception_gap")
    if gap is None or gap < 0.2:
        return None
    message = N_("the two sides judge the partnership differently, by %(gap_share)s of the scale")
    return _hint(DiagnosedCause.EXPECTATIONS, 1.0, gap / 0.4, message, gap_share=gap)


def _unhappy(found: Circumstances) -> Hint | None:
    falls = _number(found, "satisfaction_falls")
    if falls is None or falls < 2:
        return None
    calm = _is_under(found, "late_rate", 0.15)
    cause = DiagnosedCause.EXPECTATIONS if calm else DiagnosedCause.PERFORMANCE
    message = N_("satisfaction fell %(falls)s times in a row")
    return _hint(cause, 0.7, falls / 3.0, message, falls=falls)


def _late(found: Circumstances) -> Hint | None:
    """Late deliveries, unless so few fell due or so many are usual that nothing changed."""
    rate, usual, due = (_number(found, name) for name in ("late_rate", "usual_late_rate", "due_recent"))
    if rate is None or due is None or rate < 0.15 or due < FEW_DELIVERIES:
        return None
    if usual is not None and rate < usual + 0.05:
        return None
    message = N_("%(late_share)s of the deliveries are late; fell due lately: %(due_recent)s")
    return _hint(DiagnosedCause.PERFORMANCE, 1.2, rate / 0.4, message, late_share=rate, due_recent=due)


def _missed(found: Circumstances) -> Hint | None:
    share = _number(found, "missed_share")
    if share is None or share < 0.2:
        return None
    message = N_("%(missed_share)s of the milestones are missed")
    return _hint(DiagnosedCause.PERFORMANCE, 0.8, share / 0.5, message, missed_share=share)


def _broken(found: Circumstances) -> Hint | None:
    if not found.promises_overdue:
        return None
    message = N_("promises the partner has not kept in time: %(count)s")
    return _hint(DiagnosedCause.TRUST, 0.8, found.promises_overdue / 2.0, message, count=found.promises_overdue)


def _breached(found: Circumstances) -> Hint | None:
    count = _number(found, "compliance_incidents")
    if not count:
        return None
    message = N_("compliance incidents in the last 90 days: %(count)s")
    return _hint(DiagnosedCause.TRUST, 1.2, 1.0, message, count=count)


def _passive(found: Circumstances) -> Hint | None:
    share = _number(found, "their_threads_share")
    if share is None or share >= 0.3:
        return None
    message = N_("the partner begins only %(theirs_share)s of the conversations")
    return _hint(DiagnosedCause.INTERESTS, 0.4, (0.3 - share) / 0.3, message, theirs_share=share)


def _ending(found: Circumstances) -> Hint | None:
    days = _number(found, "days_to_contract_end")
    if days is None or not 0 <= days <= 180:
        return None
    message = N_("the contract ends in %(days)s days")
    return _hint(DiagnosedCause.INTERESTS, 0.5, 1.0 - days / 360.0, message, days=days)


def _around(found: Circumstances) -> Hint | None:
    if found.neighbours is None or found.neighbours < 0.3:
        return None
    message = N_("%(neighbours_share)s of the other partners of this region have open alerts")
    return _hint(DiagnosedCause.EXTERNAL, 1.0, found.neighbours / 0.6, message, neighbours_share=found.neighbours)


def _abroad(found: Circumstances) -> Hint | None:
    """Friction with a partner abroad that delivers well: nothing better explains it."""
    troubled = _slow(found) or _gap(found)
    if not found.abroad or troubled is None or not _is_under(found, "late_rate", 0.1):
        return None
    message = N_("works in another country and delivers in time, yet the exchange got harder")
    return _hint(DiagnosedCause.CULTURE, 0.5, 1.0, message)


def _events(found: Circumstances) -> list[Hint]:
    """Return a hint for each kind of event, a grave one alone enough for a diagnosis."""
    graver: dict[str, Event] = {}
    for event in found.events:
        if event.kind in EVENTS and event.severity > (graver[event.kind].severity if event.kind in graver else 0.0):
            graver[event.kind] = event
    return [
        Hint(
            EVENTS[event.kind],
            1.2 * min(event.severity, 100.0) / 100.0,
            {"message": N_("in the news: %(event)s"), "params": {"event": {"message": event.name, "params": {}}}},
        )
        for event in graver.values()
    ]


INDICATORS: Sequence[Indicator] = (
    _silent,
    _slow,
    _unmet,
    _gap,
    _unhappy,
    _late,
    _missed,
    _broken,
    _breached,
    _passive,
    _ending,
    _around,
    _abroad,
)
"""Everything that is looked at besides the news."""
