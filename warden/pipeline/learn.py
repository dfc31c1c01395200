"""Learns: walks through our own past and decides, per outcome, whether something learned from it may speak.

No label is stored: what came of an earlier likelihood is worked out anew from the facts each time, as far as its
horizon has passed. The clock calls `run` from a tick of its own (`is_due` every few minutes), not from the road:
a walk takes minutes with thousands of partners, and assessing must not wait for it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from scorers import learning
from scorers.walk import Rows, join, walk
from warden.db import Database
from warden.log import get_logger
from warden.pipeline import past
from warden.pipeline.past import Asked, Past
from warden.settings import Settings
from warden.store import learning as lessons

log = get_logger(__name__)

EVERY = timedelta(days=7)
"""Outcomes mature by the week."""

WEEKS = 104
"""How many weeks are learned from: enough for four quarters of training, the trial, and the horizon between them."""


def is_due(db: Database, now: datetime) -> bool:
    """Tell whether the past was not learned from for a week."""
    with db.read() as session:
        last = lessons.last_learned(session)
    # A moment ahead of ours was noted by a clock that has been set right since.
    return last is None or not timedelta() <= now - last < EVERY


def run(db: Database, settings: Settings, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
    """Learn from all that has matured by `now`; store what differs from before and return for how many outcomes.

    When `go_on` answers False it stops after the week at hand and stores nothing: it is still due.
    """
    with db.read() as session:
        known = past.read(session, settings, now, WEEKS)
    fold = learning.folds(one.bytes for one in known.ids)
    found = []
    for one in known.asked:
        rows = _rows(known, one, go_on)
        if rows is None:
            return 0
        found.append((one.scorer, learning.learn(rows, fold)))
    with db.write() as session:
        lessons.note_learned(session, now)
        changed = [(scorer, lesson) for scorer, lesson in found if lessons.keep(session, scorer, lesson, now)]
    for scorer, lesson in changed:
        log.info("outcome_learned", outcome=scorer.name, form=lesson.form, positives=lesson.report["positives"])
    return len(changed)


def _rows(known: Past, asked: Asked, go_on: Callable[[], bool]) -> Rows | None:
    steps = walk(
        asked.scorer,
        known.panel,
        asked.terms,
        asked.of,
        WEEKS,
        history_days=known.history_days,
        figures=learning.evidence,
    )
    weeks = []
    for week in steps:
        if not go_on():
            return None
        weeks.append(week)
    return join(weeks)
