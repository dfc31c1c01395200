"""Rehearses a version of a rule: would it have fired, for whom, how early, how often for nothing? It changes nothing.

What was said then is what counts: stored assessments, stepped through by the same states that decide. The report is
JSON, null where a figure cannot be said; a *fact* is {"message", "params"}, a *tally* the figures of `_figures`:

    since, until, days   the span, moments in ISO 8601
    looked_up_days       how often what is neither assessed nor an attribute was looked up; null: nothing of it used
    rows, every          assessments looked at: each, or every so many-th of a partner
    partners_every       of so many partners one was looked at
    watched              partners of whom anything was said
    judged_every         of so many partners the outcomes of one were looked at
    known_until          up to when it is known what went wrong
    budget               false alarms per 100 partner-quarters a rule may raise
    summary, notes       [fact]; where some value advised costs nothing, the summary names only such
    this, active         tally; active is null when there is nothing to compare with
    active_number        version it is compared with, or null
    both, only_here, only_there    alerts that began since, matched where they stood at the same time
    incidents            [{"kind", "told", "late", "missed"}]
    alerts               newest first, at most MOST_LISTED, of this version and those only the active one has:
                         [{"partner", "fired_at", "resolved_at", "days", "how", "kind", "lead_days", "whose"}]
    listed_all           whether all are listed
    sweeps               [{"name", "before", "rows": [{"value", tally}], "advice": fact or null}]
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import Worth
from warden.errors import InvalidInput
from warden.i18n import N_
from warden.log import get_logger
from warden.models import Rule
from warden.pipeline import recorded, said, subjects
from warden.pipeline.episodes import Replayed, Said, replay
from warden.pipeline.episodes import verdicts as verdicts_of
from warden.pipeline.hindsight import AHEAD, LATE, How, Judged, Tally, judge, shared
from warden.pipeline.recorded import Deteriorations, Incident
from warden.pipeline.said import Span
from warden.pipeline.tried import Variant, Version, advice, before_of, is_free, variants
from warden.rules import CompiledRule, Verdict
from warden.settings import Settings
from warden.store import rule_settings, rule_versions, rules, verdicts
from warden.store.rule_settings import InForce

log = get_logger(__name__)

DAYS = 365
MOST_DAYS = 1095

MOST_ROWS = 30_000
"""Assessments looked at; of more, those of some partners, and of each every so many-th. With the steps below it bounds
time and memory whatever the portfolio: somebody waits for the answer."""

MOST_STEPS = 300_000
"""Assessments times values tried."""

MOST_LISTED = 200

_QUARTER = timedelta(days=91.25)
_DAY = timedelta(days=1)
_NOTHING = Replayed((), timedelta(), timedelta())

NOTHING = N_("Nothing was said of anybody in this time: there is nothing to look back at.")
FIRED = N_(
    "Alerts in %(days)s days: %(alerts)s, for %(partners)s of %(watched)s partners. Right: %(right)s; false alarms: "
    "%(false)s; not to be judged yet: %(open)s."
)
NEVER = N_("In %(days)s days it would not have fired for any of %(watched)s partners.")
STANDING = N_("Not counted are alerts that stood already when the look back begins: %(standing)s.")
LEAD = N_(
    "Known to have gone wrong: %(incidents)s. Told beforehand: %(told)s, %(lead_days)s days ahead on the median; "
    "afterwards: %(late)s; not at all: %(missed)s."
)
NO_LEAD = N_("Known to have gone wrong: %(incidents)s. It would have told of none beforehand; afterwards: %(late)s.")
NO_INCIDENTS = N_("Nothing is known to have gone wrong in this time: how early it would have told cannot be said.")
RATE = N_("False alarms per 100 partner-quarters: %(rate)s; the budget is %(budget)s.")
NO_RATE = N_("None of them can be judged yet: whether it keeps to the budget of %(budget)s cannot be said.")
COMPARED = N_(
    "Beside version %(number)s, which is active: alerts in both: %(both)s, only with this version: %(here)s, only with "
    "the active one: %(there)s."
)
UNKNOWN = N_(
    "Part of the time in which it could not be judged, since something it needs was not known: %(unknown_share)s."
)

SAID_NOTE = N_(
    "What was said of partners then counts, not what would be said now. Settings for tiers and partners are today's."
)
RIGHT_NOTE = N_(
    "An alert is right when something went wrong while it stood or within %(ahead)s days after it, or had begun at "
    "most %(late)s days before. What goes wrong are the outcomes by today's criteria, grave public events, compliance "
    "incidents, and alerts people called useful or too late. What people called noise is false."
)
OPEN_NOTE = N_(
    "Nothing can be said yet of alerts of the %(ahead)s days before %(until)s and later, nor of partners of whom no "
    "outcome can be judged."
)
ALONE_NOTE = N_(
    "Other rules that hold this one back, silences and grouping are left out: alerts are counted, not messages."
)
EVERY_NOTE = N_("There are more assessments than can be looked at: of each partner only every %(every)sth was.")
PARTNERS_NOTE = N_(
    "There are many partners: one in %(every)s was looked at, and alerts, rates and what went wrong are of these only."
)
JUDGED_NOTE = N_("There are many partners: outcomes were looked at for one in %(every)s, and the others left open.")
SPARSE_NOTE = N_(
    "Some of what it uses is kept in no assessment, such as overdue meetings: that was looked up every %(days)s days."
)


def run(
    db: Database, settings: Settings, rule_id: uuid.UUID, number: int, now: datetime, days: int = DAYS
) -> dict[str, Any]:
    """Rehearse one version of a rule over the last `days`, keep the report beside it and return it.

    A draft that was changed meanwhile keeps no report of what it was. Raises NotFound, or InvalidInput for a
    condition that can no longer be used.
    """
    with db.read() as session:
        definition = rule_versions.get(session, rule_id, number).definition
        report = rehearse(session, settings, rules.get(session, rule_id), definition, now, days)
    with db.write() as session:
        rules.locked(session, rule_id)  # nobody changes it between being compared and kept
        if rule_versions.get(session, rule_id, number).definition == definition:
            rule_versions.keep_rehearsal(session, rule_id, number, report, now)
    log.info("rule_rehearsed", rule=str(rule_id), number=number, rows=report["rows"])
    return report


def rehearse(
    session: Session, settings: Settings, rule: Rule, definition: Mapping[str, Any], now: datetime, days: int = DAYS
) -> dict[str, Any]:
    """Return the report on a definition of a rule, beside what is active; stores nothing."""
    held = rule_settings.in_force(session, rule.id)
    this = Version(rule_versions.as_rule(rule, {**definition, "enabled": True}), held)
    active = _active(rule, definition, held)
    span = said.span_of(session, now - days * _DAY, now, MOST_ROWS)
    known = recorded.deteriorations(session, settings, span.since, now, span.partners)
    others = [*recorded.called_right(session, span.since), *recorded.compliance(session, span.since, now)]
    found = recorded.by_partner([*known.incidents, *others])
    noise = _noise(session, rule.id, span.since, now)
    look = _Look({one: Tally() for one in variants(this, int(MOST_STEPS / max(span.rows, 1)))})
    uses = {*this.compiled.uses, *(active.compiled.uses if active else ()), recorded.SERIOUS_EVENT}
    more = None if uses.isdisjoint(subjects.MORE - subjects.ATTRIBUTES) else partial(_more, session, uses)
    for batch in said.read(session, span, sorted(uses), more):
        for one in batch:
            incidents = sorted([*found.get(one.partner_id, ()), *recorded.of_said(one)], key=lambda each: each.at)
            _Partner(one, incidents, noise.get(one.partner_id, ()), known).look(look, this, active)
    return _report(look, span, known, this, active, budget=settings.noise_budget, looked_up=more is not None)


def _more(session: Session, names: Collection[str], at: datetime, ids: Collection[uuid.UUID]) -> subjects.More:
    return subjects.more(session, ids, at, names=names)


def _active(rule: Rule, definition: Mapping[str, Any], held: InForce) -> Version | None:
    """Return what is active, if it differs and would decide anything."""
    present = rule_versions.definition_of(rule)
    if not rule.enabled or not rule_versions.differences(present, present | dict(definition)):
        return None
    try:
        return Version(rule, held)
    except InvalidInput:
        return None  # it fails wherever it is used: there is nothing to compare with


def _noise(
    session: Session, rule_id: uuid.UUID, since: datetime, now: datetime
) -> dict[uuid.UUID, list[tuple[datetime, datetime]]]:
    """Return, by partner, when alerts of the rule stood that people called noise."""
    found: dict[uuid.UUID, list[tuple[datetime, datetime]]] = {}
    for one in verdicts.judged_alerts(session, since, rule_id):
        if one.worth is Worth.NOISE:
            found.setdefault(one.partner_id, []).append((one.fired_at, one.resolved_at or now))
    return found


@dataclass(slots=True)
class _Look:
    """All that is found while partners pass by."""

    tried: dict[Variant, Tally]
    this: Tally = field(default_factory=Tally)
    active: Tally = field(default_factory=Tally)
    both: int = 0
    only_here: int = 0
    only_there: int = 0
    alerts: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    watched: int = 0


@dataclass(frozen=True, slots=True)
class _Partner:
    """One partner: what was said of it, what went wrong, and when people called alerts of the rule noise."""

    said: Said
    incidents: Sequence[Incident]
    noise: Sequence[tuple[datetime, datetime]]
    known: Deteriorations
    said_by: dict[tuple[int, tuple[tuple[str, float], ...]], list[Verdict]] = field(default_factory=dict)

    def look(self, look: _Look, this: Version, active: Version | None) -> None:
        """Add this partner to what was found."""
        look.rows += self.said.assessments
        look.watched += 1
        ours, judged = self._tally(this.of(self.said), look.this)
        for variant, tally in look.tried.items():
            self._tally(this.of(self.said, variant), tally)
        theirs, theirs_judged = self._tally(active.of(self.said), look.active) if active else (_NOTHING, [])
        also = shared(ours.episodes, theirs.episodes, self.known.now)
        too = shared(theirs.episodes, ours.episodes, self.known.now)
        began = [one for one in also if not one.standing]
        look.both += sum(also[one] for one in began)
        look.only_here += sum(not also[one] for one in began)
        look.only_there += sum(not too[one] for one in too if not one.standing)
        look.alerts += [self._listed(one, "both" if also[one.episode] else "here") for one in judged]
        look.alerts += [self._listed(one, "there") for one in theirs_judged if not too[one.episode]]

    def _tally(self, rule: CompiledRule | None, tally: Tally) -> tuple[Replayed, list[Judged]]:
        replayed = replay(self.said, rule, self._says(rule)) if rule is not None else _NOTHING
        judged = [judge(one, self.incidents, self.noise, self.known) for one in replayed.episodes]
        tally.add(replayed, judged, self.incidents, self.known.now)
        return replayed, judged

    def _says(self, rule: CompiledRule) -> list[Verdict]:
        """Return what a rule says at each moment; rules that differ in their clocks only say the same."""
        key = (id(rule.condition), tuple(sorted(rule.parameters.items())))
        if key not in self.said_by:
            self.said_by[key] = verdicts_of(self.said, rule)
        return self.said_by[key]

    def _listed(self, one: Judged, whose: str) -> dict[str, Any]:
        episode = one.episode
        return {
            "partner": str(episode.partner_id),
            "fired_at": episode.fired_at.isoformat(),
            "resolved_at": episode.resolved_at.isoformat() if episode.resolved_at else None,
            "days": ((episode.resolved_at or self.known.now) - episode.fired_at) / _DAY,
            "how": one.how.value,
            "kind": one.incident.kind if one.incident else None,
            "lead_days": one.lead_days,
            "whose": whose,
        }


def _report(
    look: _Look,
    span: Span,
    known: Deteriorations,
    this: Version,
    active: Version | None,
    *,
    budget: float,
    looked_up: bool,
) -> dict[str, Any]:
    newest = sorted(look.alerts, key=lambda one: one["fired_at"], reverse=True)
    kinds = sorted({*look.this.told, *look.this.late, *look.this.missed})
    report = {
        "since": span.since.isoformat(),
        "until": span.until.isoformat(),
        "days": round((span.until - span.since) / _DAY),
        "rows": look.rows,
        "every": span.every,
        "partners_every": span.one_in,
        "looked_up_days": said.more_every(span, look.watched) / _DAY if looked_up else None,
        "watched": look.watched,
        "judged_every": known.every,
        "known_until": known.matured.isoformat(),
        "budget": budget,
        "this": _figures(look.this),
        "active": _figures(look.active) if active else None,
        "active_number": active.rule.version if active else None,
        "both": look.both,
        "only_here": look.only_here,
        "only_there": look.only_there,
        "incidents": [
            {"kind": kind, **{name: getattr(look.this, name)[kind] for name in ("told", "late", "missed")}}
            for kind in kinds
        ],
        "alerts": newest[:MOST_LISTED],
        "listed_all": len(newest) <= MOST_LISTED,
        "sweeps": [_sweep(name, this, look) for name in dict.fromkeys(one.name for one in look.tried)],
    }
    return {**report, "summary": _summary(report), "notes": _notes(report)}


def _figures(tally: Tally) -> dict[str, Any]:
    quarters = (tally.known + tally.unknown) / _QUARTER
    spent = tally.known + tally.unknown
    return {
        "alerts": tally.alerts,
        "partners": len(tally.partners),
        "open_now": tally.open_now,
        **{how.value: tally.hows[how] for how in How},
        "told": tally.told.total(),
        "late": tally.late.total(),
        "missed": tally.missed.total(),
        "lead_days": tally.lead_days,
        "false_rate": 100 * tally.hows[How.FALSE] / quarters if quarters and tally.judged else None,
        "unknown_share": tally.unknown / spent if spent else None,
    }


def _sweep(name: str, this: Version, look: _Look) -> dict[str, Any]:
    tried = {one.value: tally for one, tally in look.tried.items() if one.name == name}
    before = before_of(this, name)
    rows = sorted([*tried.items(), (before, look.this)], key=lambda row: row[0])
    return {
        "name": name,
        "before": before,
        "rows": [{"value": value, **_figures(tally)} for value, tally in rows],
        "advice": advice(name, before, tried, look.this),
    }


def _summary(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the report in sentences, what matters most first."""
    this = report["this"]
    about = {"days": report["days"], "watched": report["watched"]}
    if not report["rows"]:
        return [_fact(NOTHING)]
    if not this["alerts"]:
        facts = [_fact(NEVER, **about)]
    else:
        counts = {name: this[name] for name in ("partners", "right", "false", "open")}
        facts = [_fact(FIRED, **about, **counts, alerts=this["alerts"])]
        if this["false_rate"] is not None:
            facts.append(_fact(RATE, rate=this["false_rate"], budget=report["budget"]))
        else:
            facts.append(_fact(NO_RATE, budget=report["budget"]))
    if this["standing"]:
        facts.append(_fact(STANDING, standing=this["standing"]))
    facts += _leads(this)
    if report["active"]:
        counts = {"both": report["both"], "here": report["only_here"], "there": report["only_there"]}
        facts.append(_fact(COMPARED, number=report["active_number"], **counts))
    advised = [sweep["advice"] for sweep in report["sweeps"] if sweep["advice"]]
    facts += [one for one in advised if is_free(one)] or advised
    if this["unknown_share"]:
        facts.append(_fact(UNKNOWN, unknown_share=this["unknown_share"]))
    return facts


def _leads(this: Mapping[str, Any]) -> list[dict[str, Any]]:
    incidents = this["told"] + this["late"] + this["missed"]
    if not incidents:
        return [_fact(NO_INCIDENTS)]
    if not this["told"] or this["lead_days"] is None:
        return [_fact(NO_LEAD, incidents=incidents, late=this["late"])]
    counts = {name: this[name] for name in ("told", "late", "missed", "lead_days")}
    return [_fact(LEAD, incidents=incidents, **counts)]


def _notes(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return how it was done and what it cannot show."""
    facts = [
        _fact(SAID_NOTE),
        _fact(RIGHT_NOTE, ahead=AHEAD / _DAY, late=LATE / _DAY),
        _fact(OPEN_NOTE, until=report["known_until"][:10], ahead=AHEAD / _DAY),
        _fact(ALONE_NOTE),
    ]
    if report["looked_up_days"]:
        facts.append(_fact(SPARSE_NOTE, days=report["looked_up_days"]))
    if report["partners_every"] > 1:
        facts.append(_fact(PARTNERS_NOTE, every=report["partners_every"]))
    if report["judged_every"] > 1:
        facts.append(_fact(JUDGED_NOTE, every=report["judged_every"]))
    if report["every"] > 1:
        facts.append(_fact(EVERY_NOTE, every=report["every"]))
    return facts


def _fact(message: str, **params: Any) -> dict[str, Any]:
    return {"message": message, "params": params}
