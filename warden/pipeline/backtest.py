"""Backtests: walks through our own past, Monday by Monday, and reports how good each likelihood was, beside its peers.

Nothing later than a Monday enters what is said on it. The default formulas speak, not what was learned from this very
past. The report of a Backtest row is JSON, null where a figure cannot be said; a *fact* is {"message", "params"}:

    weeks, from, until   Mondays walked; the first and the last of them as dates, null without any
    partners             partners watched
    budget               false alarms per 100 partner-quarters at which alarms are compared
    reminder_days        an alarm that stands for longer counts again
    exit_margin          log-odds by which the likelihood's bands are left late; the peers' bands have none
    least_events         below so many deteriorations, or so many partners they came to, an outcome is not judged
    least_partners
    summary              [fact], what to read first
    notes                [fact], how it was done and what it cannot show
    outcomes             one per outcome, by name:
        name, family, version, horizon_days [shortest, longest]
        rows, partners, events    partner-weeks judged, of how many partners, and the deteriorations in them
        spoken_share              of the rows: about the others nothing was said, which raises no alarm
        began_share               of the rows
        enough                    false: `methods` is empty and `calibration` null
        sentence                  fact
        remarks                   [fact], what the figures show against the likelihood; empty without methods
        methods                   the likelihood first, then each peer:
            name, title           "likelihood" or a name of scorers.peers; fact
            auroc, ahead          {"value", "low", "high"}, 95 % intervals: same-week AUROC; ours minus this one's
            threshold             alarms are raised from it on, chosen on these rows to keep the budget; null: never
            foretold, recall      deteriorations with an alarm before they had begun; their share, with interval
            lead_days             median, from the first alarm to the last day by which it had begun
            false_alarms          per 100 partner-quarters, at the threshold
            carried_false_alarms  in the second half of the weeks at the threshold that kept the budget in the first
            band_changes          per partner-quarter, bands cut at scorers.judging.BAND_SHARES
        calibration               bins [{"said_share", "came_share", "rows"}], error (ECE), skill (Brier)
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from scorers import peers
from scorers.base import Floats, Mask, Panel
from scorers.judging import BUDGET, REMINDER_DAYS, Calibration, Estimate, Judge, Ranking
from scorers.walk import Figures, Rows, join, judge, mondays, recent
from warden.db import Database
from warden.i18n import N_
from warden.log import get_logger
from warden.models import Backtest
from warden.pipeline import past
from warden.pipeline.past import Asked, Past
from warden.pipeline.remarks import remarks
from warden.settings import Settings
from warden.store import learning

log = get_logger(__name__)

WEEKS = 104

EXIT_MARGIN = 1.0
"""As shipped with the matrix."""

LEAST_EVENTS, LEAST_PARTNERS = 10, 5
"""Fewer deteriorations, or partners they came to, make figures that the next one would overturn."""

LIKELIHOOD = "likelihood"

Progress = Callable[[int, int], bool]
"""Told (weeks walked, weeks in all) after each; the walk is given up when it answers False."""

Fact = dict[str, Any]

KINDS_MESSAGES = {
    "silence": "silences",
    "late_share": "runs of late deliveries",
    "reply_slowdown": "slowdowns of replies",
    "tone": "turns to bad news",
    "satisfaction": "falls of satisfaction",
    "milestones": "runs of missed milestones",
}
"""What is counted of each outcome, in the plural."""

KIND = N_("beginnings of an outcome")
LIKELIHOOD_TITLE = N_("likelihood")
WALKED = N_("%(weeks)s weeks of %(partners)s partners, week by week, from %(from)s to %(until)s.")
NOTHING = N_("There is no past to judge yet: no horizon has passed since the first facts.")
FORETOLD = N_(
    "Of %(events)s %(what)s it foretold %(foretold)s, %(lead_days)s days ahead on the median, with %(false_alarms)s "
    "false alarms per 100 partner-quarters; the best simple rule, “%(rule)s”, foretold %(rule_foretold)s."
)
NONE_FORETOLD = N_(
    "Of %(events)s %(what)s it foretold none with at most %(budget)s false alarms per 100 partner-quarters; the best "
    "simple rule, “%(rule)s”, foretold %(rule_foretold)s."
)
TOO_FEW = N_(
    "Too few to say: %(events)s %(what)s, of %(partners)s partners; "
    "needed are %(needed)s, of %(needed_partners)s partners."
)
NOTES = (
    N_("All may raise equally many false alarms. An alarm that still stands after %(days)s days counts again."),
    N_(
        "Facts count from the day they were true. When each was recorded cannot be replayed: imported history was "
        "recorded on the day of its import. Facts that come late in real life were therefore known too early here."
    ),
    N_("Partners, criteria and formulas are those of today. Partners who are no longer watched are missing."),
    N_("The default formulas speak: what was learned from this past would know its outcome."),
    N_("Weeks in which a source was blind look like weeks without facts."),
)  # fmt: skip


def run(
    db: Database,
    settings: Settings,
    now: datetime,
    author: str,
    *,
    weeks: int = WEEKS,
    progress: Progress = lambda _walked, _total: True,
) -> Backtest | None:
    """Walk through at most the last `weeks` that can be judged, store the report and return it.

    None, and nothing stored, when `progress` gave it up. It takes minutes for thousands of partners.
    """
    with db.read() as session:
        known = past.read(session, settings, now, weeks)
    report = replay(known, weeks, progress)
    if report is None:
        return None
    with db.write() as session:
        stored = learning.add_backtest(session, author, report, now)
    log.info("backtest_done", weeks=report["weeks"], partners=report["partners"])
    return stored


def run_requested(db: Database, settings: Settings, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
    """Do the backtest somebody asked for (store.learning.request_backtest), if one waits; return how many were done.

    The clock calls it from a tick of its own, every minute or so, not from the road: it takes minutes. How far it is
    stands in `store.learning.pending_backtest`. When `go_on` answers False it stops after the week at hand and waits
    for its next turn.
    """
    with db.write() as session:
        claimed = learning.claim_backtest(session, now)
    if claimed is None:
        return 0

    def progress(walked: int, total: int) -> bool:
        with db.write() as session:
            ours = learning.note_progress(session, claimed, walked, total)
        return ours and go_on()

    done = None
    try:
        done = run(db, settings, now, claimed.author, progress=progress)
    finally:  # a walk that breaks must not keep the next one waiting until its lease ends
        with db.write() as session:
            learning.finish_backtest(session, claimed) if done else learning.release_backtest(session, claimed)
    return 1 if done else 0


def replay(known: Past, weeks: int, progress: Progress) -> dict[str, Any] | None:
    """Return the report on a past; None when `progress` gave it up."""
    asked = [one for one in known.asked if one.of.any()]
    shortest = min((float(one.terms["horizon_days"][one.of].min()) for one in asked), default=0.0)
    columns = mondays(known.panel, weeks, shortest) if asked else []
    found: list[list[Rows]] = []
    for walked, column in enumerate(columns, start=1):
        found.append(_judged(known, asked, column))
        if not progress(walked, len(columns)):
            return None
    outcomes = [_outcome(one, join([week[place] for week in found])) for place, one in enumerate(asked)]
    return _report(known, [_monday(known.panel, column) for column in columns], outcomes)


def _judged(known: Past, asked: Sequence[Asked], column: int) -> list[Rows]:
    """Return one Monday's judged rows of each outcome, with what each peer says of them."""
    whole, days = known.panel, known.history_days
    then = whole.before(column)
    rivals = peers.peers(recent(then, days))

    def figures(outcome: str) -> Figures:
        return lambda _scores: rivals(outcome)

    return [
        judge(one.scorer, then, whole, one.terms, one.of, history_days=days, figures=figures(one.scorer.name))
        for one in asked
    ]


def _report(known: Past, days: list[str], outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    partners = len(known.ids)
    walked = {"weeks": len(days), "partners": partners, "from": days[0], "until": days[-1]} if days else None
    summary = [_fact(WALKED, **walked) if walked else _fact(NOTHING)]
    told = [one for outcome in outcomes if outcome["enough"] for one in (outcome["sentence"], *outcome["remarks"])]
    return {
        "weeks": len(days),
        "from": days[0] if days else None,
        "until": days[-1] if days else None,
        "partners": partners,
        "budget": BUDGET,
        "reminder_days": REMINDER_DAYS,
        "exit_margin": EXIT_MARGIN,
        "least_events": LEAST_EVENTS,
        "least_partners": LEAST_PARTNERS,
        "summary": summary + told,
        "notes": [_fact(note, **({"days": REMINDER_DAYS} if "%(days)s" in note else {})) for note in NOTES],
        "outcomes": outcomes,
    }


def _monday(whole: Panel, column: int) -> str:
    """Return the date of a column: columns count days in each partner's own zone, dates are the same in all."""
    back = float(np.max(whole.now, initial=0.0)) - column
    day = (whole.at - timedelta(days=back - 3.5)).date()  # somewhere in its week, wherever the easternmost partner is
    return (day - timedelta(days=day.weekday())).isoformat()


def _outcome(asked: Asked, rows: Rows) -> dict[str, Any]:
    judged = Judge(rows)
    struck = int(np.unique(rows.partner[rows.began]).size)
    enough = judged.events >= LEAST_EVENTS and struck >= LEAST_PARTNERS
    horizons = asked.terms["horizon_days"][asked.of]
    methods = _methods(rows, judged) if enough else []
    calibration = _calibration(judged.calibration(rows.value)) if enough else None
    what = _fact(KINDS_MESSAGES.get(asked.scorer.name, KIND))
    few = _fact(
        TOO_FEW, events=judged.events, what=what, partners=struck, needed=LEAST_EVENTS, needed_partners=LEAST_PARTNERS
    )
    return {
        "name": asked.scorer.name,
        "family": asked.scorer.family,
        "version": asked.scorer.version,
        "horizon_days": [float(horizons.min()), float(horizons.max())],
        "rows": len(rows),
        "partners": judged.partners,
        "events": judged.events,
        "spoken_share": _plain(float((~np.isnan(rows.value)).mean()) if len(rows) else np.nan),
        "began_share": _plain(float(rows.began.mean()) if len(rows) else np.nan),
        "enough": enough,
        "sentence": _sentence(what, judged.events, methods) if enough else few,
        "remarks": remarks(what, methods, calibration, float(horizons.max()), BUDGET) if calibration else [],
        "methods": methods,
        "calibration": calibration,
    }


def _methods(rows: Rows, judged: Judge) -> list[dict[str, Any]]:
    """Judge the likelihood and each peer on the same rows."""
    early = rows.column < np.median(rows.column)
    halves = (Judge(rows.where(early)), early), (Judge(rows.where(~early)), ~early)
    ours = judged.ranking(rows.value)
    found = [_method(LIKELIHOOD, _fact(LIKELIHOOD_TITLE), rows.value, judged, ours, ours, halves)]
    for name in peers.NAMES:
        # Ranked on what we ranked, too: a rule that speaks of everybody would else be asked harder questions.
        said = rows.figures[name].astype(np.float64)
        ranked = judged.ranking(np.where(np.isnan(rows.value), np.nan, said))
        found.append(_method(name, _fact(peers.TITLE_MESSAGES[name]), said, judged, ranked, ours, halves))
    return found


def _method(
    name: str,
    title: Fact,
    score: Floats,
    judged: Judge,
    ranked: Ranking,
    ours: Ranking,
    halves: tuple[tuple[Judge, Mask], tuple[Judge, Mask]],
) -> dict[str, Any]:
    alarms = judged.alarms(score, judged.threshold(score))
    (first, early), (second, late) = halves
    carried = second.false_alarms(score[late], first.threshold(score[early]))
    ahead = None if name == LIKELIHOOD else _interval(ours.ahead_of(ranked))
    return {
        "name": name,
        "title": title,
        "auroc": _interval(ranked.auroc),
        "ahead": ahead,
        "threshold": _plain(alarms.threshold),
        "foretold": alarms.foretold,
        "recall": _interval(alarms.recall),
        "lead_days": _plain(alarms.lead_days),
        "false_alarms": _plain(alarms.false_alarms),
        "carried_false_alarms": _plain(carried),
        "band_changes": _plain(judged.band_changes(score, EXIT_MARGIN if name == LIKELIHOOD else 0.0)),
    }


def _sentence(what: Fact, events: int, methods: list[dict[str, Any]]) -> Fact:
    ours, *rivals = methods
    best = max(rivals, key=lambda rival: rival["foretold"])
    rule = {"rule": best["title"], "rule_foretold": best["foretold"]}
    if not ours["foretold"]:
        return _fact(NONE_FORETOLD, events=events, what=what, budget=BUDGET, **rule)
    figures = {name: ours[name] for name in ("foretold", "lead_days", "false_alarms")}
    return _fact(FORETOLD, events=events, what=what, **figures, **rule)


def _calibration(found: Calibration) -> dict[str, Any]:
    bins = zip(found.said.tolist(), found.came.tolist(), found.rows.tolist(), strict=True)
    return {
        "bins": [{"said_share": said, "came_share": came, "rows": rows} for said, came, rows in bins],
        "error": _plain(found.error),
        "skill": _plain(found.skill),
    }


def _interval(estimate: Estimate) -> Mapping[str, float | None]:
    return {"value": _plain(estimate.value), "low": _plain(estimate.low), "high": _plain(estimate.high)}


def _plain(value: float) -> float | None:
    """Return a figure as JSON knows it: None for NaN and for a threshold nothing reaches."""
    return float(value) if np.isfinite(value) else None


def _fact(message: str, **params: Any) -> Fact:
    return {"message": message, "params": params}
