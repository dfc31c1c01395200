"""What a condition may speak of: one table of variables, which the documentation and the API show, and its values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from warden.domain import FactKind, Stage
from warden.i18n import N_

Value = float | int | str | bool | tuple[str, ...] | None
Context = Mapping[str, Value]

Reason = dict[str, Any]
"""{"message": an English gettext message, "params": {…}}: stored, and rendered in the reader's language later."""


class Kind(StrEnum):
    """Type of a variable, in CEL's words. CEL adds and multiplies only numbers of one kind: write `2.0`, not `2`."""

    DOUBLE = "double"
    INT = "int"
    STRING = "string"
    BOOL = "bool"
    STRINGS = "list(string)"


@dataclass(frozen=True, slots=True)
class Variable:
    """One name a condition may use. `values` lists every value a string may take; empty: any. `capitals`: it is made of
    so many of the letters A to Z; 0: of anything.

    `meaning`, and `unit` where it is a word, are English gettext messages.
    """

    name: str
    kind: Kind
    nullable: bool
    unit: str
    meaning: str
    values: tuple[str, ...] = ()
    capitals: int = 0

    def can_be(self, value: object) -> bool:
        """Tell whether a string variable ever takes a value."""
        if self.values:
            return value in self.values
        return not self.capitals or re.fullmatch(f"[A-Z]{{{self.capitals}}}", str(value)) is not None


_STATES = ("fresh", "stale", "missing", "blind")

_NOTHING: Mapping[str, Value] = {}
_ABSENT: Mapping[str, Value] = {"region": "", "tags": (), "meetings_missed": 0.0}
"""Of variables that are never null, as they are of a partner of whom nothing is entered."""

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "communication": ("silence",),
    "delivery": ("late_share",),
    "sentiment": ("tone",),
    "measure": ("satisfaction", "milestones"),
}
"""Which signals say how current a family's facts are: the first of them that says anything."""


THRESHOLDS: Mapping[str, tuple[str, str]] = {
    "silence_threshold_days": ("silence", "days"),
    "reply_threshold_times": ("reply_slowdown", "times_own"),
    "reply_threshold_hours": ("reply_slowdown", "at_least_hours"),
    "late_threshold": ("late_share", "at_least"),
    "late_threshold_times": ("late_share", "times_own"),
    "tone_threshold": ("tone", "at_least"),
    "satisfaction_threshold": ("satisfaction", "below"),
    "missed_threshold": ("milestones", "at_least"),
}
"""Variables that hold the criteria in force for a partner: of which outcome, which option."""


def _number(name: str, unit: str, meaning: str, *, nullable: bool = True) -> Variable:
    return Variable(name, Kind.DOUBLE, nullable, unit, meaning)


def _text(name: str, meaning: str, values: tuple[str, ...] = (), *, nullable: bool = False) -> Variable:
    return Variable(name, Kind.STRING, nullable, "", meaning, values)


def _code(name: str, meaning: str, capitals: int) -> Variable:
    return Variable(name, Kind.STRING, True, "", meaning, capitals=capitals)


_PLACE = (
    _number("likelihood", "0..1", N_("Probability that any outcome begins, or an override's value.")),
    _number("impact", "1..5", N_("How much it would hurt us, or an override's value.")),
    _text("band", N_("Band of the partner's cell on the active matrix, by key."), nullable=True),
    Variable(
        "band_rank",
        Kind.INT,
        True,
        "0..",
        N_("Place of the band, mildest first: 0 low, 1 moderate, 2 high, 3 extreme."),
    ),
    _number("coverage", "0..1", N_("Share of the signals, by weight, that could be read."), nullable=False),
    _number("coverage_before", "0..1", N_("The same 28 days ago.")),
    _number(
        "coverage_lost",
        "0..1",
        N_("Part of what could be read 28 days ago, by weight, that can be no longer; 0: nothing."),
    ),
)

_PARTNER = (
    _text("tier", N_("The partner's tier, as entered.")),
    _text("stage", N_("Stage of the partnership."), tuple(stage.value for stage in Stage)),
    _code("country", N_("ISO 3166-1, two capital letters."), 2),
    _text("region", N_('Region of our own choosing; "" when none is entered.')),
    Variable("tags", Kind.STRINGS, False, "", N_('The partner\'s tags: `"strategic" in tags`.')),
    _number("annual_value", N_("currency"), N_("Yearly spend or revenue, as entered.")),
    _code("currency", N_("ISO 4217, of annual_value."), 3),
    _number("share", "0..1", N_("Part of our spend or revenue.")),
    Variable("single_source", Kind.BOOL, True, "", N_("Nobody else supplies it: `single_source == true`.")),
    _number("months_to_replace", N_("months"), N_("To find and start a replacement.")),
    _number(
        "days_to_contract_end",
        N_("days"),
        N_("Days left of the contract, by the partner's calendar; negative after it."),
    ),
)

_LIKELIHOODS = (
    _number("silence_likelihood", "0..1", N_("Probability that a silence begins.")),
    _number("reply_slowdown_likelihood", "0..1", N_("Probability that replies become much slower.")),
    _number("late_share_likelihood", "0..1", N_("Probability that too large a share of deliveries will be late.")),
    _number("tone_likelihood", "0..1", N_("Probability that public talk turns bad.")),
    _number("satisfaction_likelihood", "0..1", N_("Probability that satisfaction falls below its threshold.")),
    _number("milestones_likelihood", "0..1", N_("Probability that too many milestones will be missed.")),
)

_COMMUNICATION = (
    _number("days_silent", N_("days"), N_("Days since the partner's last message.")),
    _number("usual_gap", N_("days"), N_("The longest silence that is usual for this partner.")),
    _number(
        "silence_ratio",
        "",
        N_(
            "days_silent over what counts as a silence: usual_gap or silence_threshold_days, the longer; "
            "1.0 is its edge."
        ),
    ),
    _number("silence_threshold_days", N_("days"), N_("Criterion: no shorter silence counts.")),
    _number("reply_hours", N_("hours"), N_("How long the partner now takes to answer.")),
    _number("usual_reply_hours", N_("hours"), N_("How long it usually took.")),
    _number("reply_threshold_times", "", N_("Criterion: so many times the usual counts as slow …")),
    _number("reply_threshold_hours", N_("hours"), N_("… and no fewer hours.")),
    _number("their_threads_share", "0..1", N_("Share of recent conversations that the partner began.")),
)

_MEETINGS = (
    _number("days_since_meeting", N_("days"), N_("Days since a meeting was held.")),
    _number("meetings_held", N_("meetings"), N_("Held in the last 91 days; null when none ever was.")),
    _number(
        "meetings_missed",
        N_("meetings"),
        N_("Executive meetings not held by their date and still to be held."),
        nullable=False,
    ),
    _number("executive_overdue_days", N_("days"), N_("Days by which the executives' rhythm is overdue; 0: it is not.")),
    _number("management_overdue_days", N_("days"), N_("The same of the management's rhythm.")),
    _number("working_overdue_days", N_("days"), N_("The same of the working level's.")),
)

_DELIVERY = (
    _number("late_rate", "0..1", N_("Share of deliveries that are late, steadied by the portfolio.")),
    _number("usual_late_rate", "0..1", N_("The partner's own history of it, without the last weeks.")),
    _number("late_threshold", "0..1", N_("Criterion: a late share of at least this …")),
    _number("late_threshold_times", "", N_("… and of so many times the partner's own.")),
    _number("due_recent", N_("deliveries"), N_("Deliveries that fell due lately: what late_rate rests on.")),
)

_NEWS = (
    _number("negative_incidents", N_("incidents"), N_("Incidents of bad news in the last 28 days.")),
    _number("mentions", N_("incidents"), N_("All incidents in the news of the last 365 days.")),
    _number(
        "serious_event",
        "0..100",
        N_("Severity of the gravest incident of bad news in the last 14 days; 0 when there is none."),
    ),
    _number("news_load", "0..600", N_("What the bad news that still counts weighs together.")),
    _number("usual_news_load", "0..600", N_("What it usually weighed over the last year.")),
    _number("tone_threshold", "0..1", N_("Criterion: share of bad news from which talk counts as bad.")),
)

_MEASURES = (
    _number("satisfaction", N_("as entered"), N_("Mean of the newest surveys, steadied by older ones.")),
    _number("usual_satisfaction", N_("as entered"), N_("The partner's own history of it.")),
    _number("satisfaction_threshold", N_("as entered"), N_("Criterion: below this it counts as fallen.")),
    _number("satisfaction_falls", N_("quarters"), N_("Surveyed quarters in a row, up to the newest, whose mean fell.")),
    _number("satisfaction_fall", "0..1", N_("By how much it fell in these quarters, as a part of the scale.")),
    _number("perception_gap", "0..1", N_("How far apart the two sides see the partnership, as a part of the scale.")),
    _number("missed_share", "0..1", N_("Share of milestones that are missed, steadied alike.")),
    _number("usual_missed_share", "0..1", N_("The partner's own history of it.")),
    _number("missed_threshold", "0..1", N_("Criterion: share missed from which too many are.")),
    _number("milestones_recent", N_("milestones"), N_("Milestones that fell due in the last 182 days.")),
    _number(
        "missed_quarters",
        N_("quarters"),
        N_("Quarters in a row, up to the newest with milestones, that missed too many."),
    ),
    _number("compliance_incidents", N_("incidents"), N_("Compliance incidents reported in the last 90 days.")),
)

_CURRENCY = (
    _text("communication_state", N_("How current the messages are."), _STATES),
    _text("delivery_state", N_("How current the deliveries are."), _STATES),
    _text("sentiment_state", N_("How current the news is."), _STATES),
    _text("measure_state", N_("How current surveys and milestones are."), _STATES),
)

VARIABLES: tuple[Variable, ...] = (
    *_PLACE,
    *_PARTNER,
    *_LIKELIHOODS,
    *_COMMUNICATION,
    *_MEETINGS,
    *_DELIVERY,
    *_NEWS,
    *_MEASURES,
    *_CURRENCY,
)
"""Everything a condition can see, in the order people read it. Each name is always present; null means not known."""

BY_NAME: Mapping[str, Variable] = {variable.name: variable for variable in VARIABLES}


_KINDS: Sequence[tuple[Sequence[Variable], frozenset[FactKind]]] = (
    (_COMMUNICATION, frozenset({FactKind.MESSAGE})),
    (_MEETINGS, frozenset({FactKind.MEASURE})),
    (_DELIVERY, frozenset({FactKind.DELIVERY})),
    (_NEWS, frozenset({FactKind.ARTICLE})),
    (_MEASURES, frozenset({FactKind.MEASURE})),
)
_KINDS_OF: Mapping[str, frozenset[FactKind]] = {
    **{variable.name: kinds for variables, kinds in _KINDS for variable in variables},
    **dict.fromkeys(("likelihood", "band", "band_rank"), frozenset(FactKind)),
    **dict.fromkeys(("silence_likelihood", "reply_slowdown_likelihood"), frozenset({FactKind.MESSAGE})),
    **dict.fromkeys(("satisfaction_likelihood", "milestones_likelihood"), frozenset({FactKind.MEASURE})),
    "late_share_likelihood": frozenset({FactKind.DELIVERY}),
    "tone_likelihood": frozenset({FactKind.ARTICLE}),
}


ABSENCES = frozenset(
    {
        "days_silent",
        "silence_ratio",
        "days_since_meeting",
        "executive_overdue_days",
        "management_overdue_days",
        "working_overdue_days",
    }
)
"""Variables that say what did not come: each day without it confirms them, though nothing is learned."""


def kinds_of(uses: Sequence[str]) -> frozenset[FactKind]:
    """Return the kinds of facts that move these variables; what people set, and which sources work, moves the rest."""
    return frozenset().union(*(_KINDS_OF.get(name, frozenset()) for name in uses))


def context(
    *,
    likelihood: float | None,
    impact: float | None,
    band: str | None,
    band_rank: int | None,
    coverage: float,
    tier: str,
    stage: str,
    signals: Sequence[Mapping[str, Any]],
    more: Mapping[str, Value] = _NOTHING,
) -> dict[str, Value]:
    """Return what a condition sees of one assessment; `signals` have the shape store.assessments documents.

    `more`: variables that no assessment holds, by name; those left out are not known.
    """
    values: dict[str, Value] = dict.fromkeys(BY_NAME)
    values.update(_ABSENT)
    states: dict[str, str] = {}
    terms: dict[str, Mapping[str, float | None]] = {}
    for signal in signals:
        values.update(signal["measured"])
        values[f"{signal['name']}_likelihood"] = signal["likelihood"]
        states[signal["name"]] = signal["state"]
        terms[signal["name"]] = signal.get("outcome") or {}
    for family, names in FAMILIES.items():
        found = [states[name] for name in names if name in states]
        values[f"{family}_state"] = next((state for state in found if state != "missing"), "missing")
    for name, (outcome, option) in THRESHOLDS.items():
        values[name] = terms.get(outcome, {}).get(option)
    values.update(more)
    values.update(
        likelihood=likelihood,
        impact=impact,
        band=band,
        band_rank=band_rank,
        coverage=coverage,
        tier=tier,
        stage=stage,
    )
    return {name: values[name] for name in BY_NAME}


def named(signals: Sequence[Mapping[str, Any]]) -> dict[str, Reason]:
    """Return, by variable, the sentence that names the incident its figure is about; `signals` as for `context`."""
    for signal in signals:
        for line in signal["evidence"]:
            if "incident" in line:
                return {"serious_event": {"message": line["message"], "params": line["params"]}}
    return {}


def heaviest_unknown(signals: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the heaviest of the signals that should speak and cannot: the cause of a likelihood that is unknown."""
    silent = [signal for signal in signals if signal["unknown"] and signal.get("expected", True)]
    return max(silent, key=lambda signal: float(signal["weight"]), default=None)


def over(context: Context, signals: Sequence[Mapping[str, Any]]) -> dict[str, Reason]:
    """Return why variables are null for good, by name: nothing is left to forecast, as of a dormant partner.

    The values are reasons as signals give them, {"message", "params"}. A partner as a whole is over when it has no
    likelihood and the heaviest of the signals that should speak is over.
    """
    ended = [signal for signal in signals if signal.get("over")]
    found = {
        name: signal["unknown"]
        for signal in ended
        for name in (*signal["measured"], f"{signal['name']}_likelihood")
        if context.get(name) is None
    }
    if context["likelihood"] is None:
        heaviest = heaviest_unknown(signals)
        if heaviest is not None and heaviest.get("over"):
            found |= dict.fromkeys(("likelihood", "band", "band_rank"), heaviest["unknown"])
    return found
