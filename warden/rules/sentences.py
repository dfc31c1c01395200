"""Sentences about the figures that no assessment holds: what an alert says of them, and the facts they rest on.

Where there is none, an alert says what its condition saw, name by name. What is not known is named with what it means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warden.i18n import N_
from warden.rules.context import BY_NAME, Context, Reason, Value

SAW_MESSAGE = N_("the rule saw %(name)s = %(value)s. %(meaning)s")
COMPARED_MESSAGE = N_("the rule compares with %(name)s = %(value)s")
TRUE, FALSE = N_("Yes"), N_("No")
EXPLAINED_MESSAGE = N_("%(name)s (%(meaning)s)")
ALSO_EXPLAINED_MESSAGE = N_("%(others)s, %(name)s (%(meaning)s)")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, with the variable each placeholder shows, and the measures it rests on."""

    message: str
    params: Mapping[str, str]
    measures: Sequence[str] = ()


SENTENCES: Mapping[str, Sentence] = {
    "coverage_before": Sentence(
        N_("four weeks ago %(before_share)s of the signals could be read, now %(now_share)s"),
        {"before_share": "coverage_before", "now_share": "coverage"},
    ),
    "coverage_lost": Sentence(
        N_("of what could be read four weeks ago, %(lost_share)s can no longer be read"),
        {"lost_share": "coverage_lost"},
    ),
    "days_to_contract_end": Sentence(N_("days left of the contract: %(days)s"), {"days": "days_to_contract_end"}),
    "meetings_missed": Sentence(
        N_("executive meetings not held by their date and still to be held: %(meetings)s"),
        {"meetings": "meetings_missed"},
    ),
    "executive_overdue_days": Sentence(
        N_("the executives should have met %(days)s days ago"),
        {"days": "executive_overdue_days"},
        ("meeting_executive",),
    ),
    "management_overdue_days": Sentence(
        N_("the managers should have met %(days)s days ago"),
        {"days": "management_overdue_days"},
        ("meeting_executive", "meeting_management"),
    ),
    "working_overdue_days": Sentence(
        N_("the people at work should have met %(days)s days ago"),
        {"days": "working_overdue_days"},
        ("meeting_executive", "meeting_management", "meeting_working", "meeting"),
    ),
    "satisfaction_falls": Sentence(
        N_(
            "surveyed quarters in a row in which satisfaction fell: %(quarters)s; in all by %(fall_share)s of the scale"
        ),
        {"quarters": "satisfaction_falls", "fall_share": "satisfaction_fall"},
        ("satisfaction",),
    ),
    "perception_gap": Sentence(
        N_("the two sides see the partnership %(gap_share)s of the scale apart"),
        {"gap_share": "perception_gap"},
        ("satisfaction", "satisfaction_theirs"),
    ),
    "missed_quarters": Sentence(
        N_("quarters in a row in which too many milestones were missed: %(quarters)s"),
        {"quarters": "missed_quarters"},
        ("milestone",),
    ),
    "compliance_incidents": Sentence(
        N_("compliance incidents reported in the last 90 days: %(incidents)s"),
        {"incidents": "compliance_incidents"},
        ("compliance_incident",),
    ),
}
"""By the variable each is about."""


def sentences(uses: Sequence[str], values: Context) -> dict[str, Reason]:
    """Return what is to be said of the variables a condition uses, by variable; of those not known nothing is."""
    found = {}
    for name in uses:
        sentence = SENTENCES.get(name)
        if sentence is not None and all(values[variable] is not None for variable in sentence.params.values()):
            params = {placeholder: values[variable] for placeholder, variable in sentence.params.items()}
            found[name] = {"message": sentence.message, "params": params}
    return found


def saw(seen: Context) -> list[Reason]:
    """Return what a condition saw, by name: variables that are known, then the parameters they are compared with."""
    variables = [
        {"message": SAW_MESSAGE, "params": {"name": name, "value": _told(name, value), "meaning": _meaning(name)}}
        for name, value in seen.items()
        if name in BY_NAME and value is not None
    ]
    parameters = [
        {"message": COMPARED_MESSAGE, "params": {"name": name, "value": value}}
        for name, value in seen.items()
        if name not in BY_NAME
    ]
    return [*variables, *parameters] if variables else []


def explained(names: Sequence[str]) -> Reason:
    """Return variables as one part of a sentence, each by its name and what it means; of none an empty part."""
    found: Reason = {"message": "", "params": {}}
    for name in names:
        params = {"name": name, "meaning": _meaning(name)}
        if found["message"]:
            found = {"message": ALSO_EXPLAINED_MESSAGE, "params": {"others": found, **params}}
        else:
            found = {"message": EXPLAINED_MESSAGE, "params": params}
    return found


def _meaning(name: str) -> Reason:
    return {"message": BY_NAME[name].meaning, "params": {}}


def _told(name: str, value: Value) -> Value | Reason:
    if isinstance(value, bool):
        return {"message": TRUE if value else FALSE, "params": {}}
    if isinstance(value, tuple | list):
        return ", ".join(value)
    if BY_NAME[name].unit == "0..1":
        return {"message": "%(value_share)s", "params": {"value_share": value}}
    return value
