"""Chains the stages and runs them by the clock: APScheduler only ticks; what is due is written in the database."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from collectors.http import Http
from warden.clock import utc_now
from warden.db import Database
from warden.log import get_logger
from warden.pipeline import announce, assess, attribute, backtest, canary, collect, decide, digest, learn, news, notify
from warden.pipeline.fence import fence
from warden.settings import Settings
from warden.store import changes, looks, meta
from warden.vault import Vault

log = get_logger(__name__)

DECIDED = "decided"
"""Name in the service's memory of when the rules last judged."""

HEARTBEAT_SECONDS = 10
DIGEST_SECONDS = 60
LEARN_SECONDS = 600
BACKTEST_SECONDS = 30
NEWS_SECONDS = 600
GRACE_SECONDS = 300

Step = tuple[str, int]
"""A stage that has just finished, and how many sources, keys, assessments, … it dealt with; 0 if it broke."""


def advance(
    db: Database, vault: Vault, settings: Settings, now: datetime, *, send: bool = True, assess_always: bool = False
) -> Iterator[Step]:
    """Walk from the sources to the outbox, yielding after each stage: collect, attribute, assess and decide (when due),
    announce. With `assess_always` nothing waits for a next time.

    `send=False` ends at the decisions and queues no notification: for the past. Whoever stops iterating stops between
    two stages; what is left undone waits in the database. A stage that breaks does not stop the next ones: they work
    with what is there.
    """
    visited = _walk(db, "collect", now, lambda: collect.run_due(db, vault, settings, now))
    yield "collect", visited
    yield "attribute", _walk(db, "attribute", now, lambda: attribute.run(db, now, embeddings=settings.news_embeddings))
    due = assess_always or _assessment_is_due(db, settings, now)
    if due:
        yield "assess", _walk(db, "assess", now, lambda: _assess(db, settings, now))
    if due or visited or _decision_is_due(db):
        yield "decide", _walk(db, "decide", now, lambda: _decide(db, settings, now, send))
    if send:
        at_once = assess_always
        yield "announce", _walk(db, "announce", now, lambda: announce.run(db, vault, settings, now, at_once=at_once))


def tick(
    db: Database,
    vault: Vault,
    settings: Settings,
    http: Http,
    now: datetime,
    *,
    send: bool = True,
    assess_always: bool = False,
) -> Iterator[Step]:
    """Walk the whole road once, yielding after each stage; with `send=False` it ends at the decisions."""
    yield from advance(db, vault, settings, now, send=send, assess_always=assess_always)
    if send:
        yield "digest", _walk(db, "digest", now, lambda: digest.run(db, vault, settings, now))
        yield "notify", _walk(db, "notify", now, lambda: notify.run(db, vault, settings, http, now))


def _walk(db: Database, stage: str, now: datetime, work: Callable[[], int]) -> int:
    """Run a stage and remember whether it broke, for whoever asks if the service is well."""
    count = 0
    with fence("stage_broke", stage=stage) as fenced:
        count = work()
    with db.read() as session:
        known = meta.broken_stages(session).get(stage)
    error = type(fenced.error).__name__ if fenced.error else None
    if error != (known and known.error):
        with db.write() as session:
            meta.note_stage(session, stage, error, now)
    return count


def _assessment_is_due(db: Database, settings: Settings, now: datetime) -> bool:
    with db.read() as session:
        last = meta.last_assessed(session)
        # A moment ahead of ours was noted by a clock that has been set right since.
        if last is None or not timedelta() <= now - last < timedelta(minutes=settings.assess_minutes):
            return True
        if now - last < timedelta(seconds=settings.settle_seconds):
            return False
        changed = changes.last_change(session, now)
    return changed is not None and changed > last


def _assess(db: Database, settings: Settings, now: datetime) -> int:
    written = assess.run(db, settings, now)
    with db.write() as session:
        meta.put(session, meta.ASSESSED, {"at": now.isoformat()})
    return written


def _decision_is_due(db: Database) -> bool:
    """Tell whether rules changed since they judged, or the last assessments were never decided on: a process died."""
    with db.read() as session:
        assessed, decided = meta.get(session, meta.ASSESSED), meta.get(session, DECIDED)
        changed = looks.rules_changed(session)
    if assessed is None or decided is None:
        return assessed is not None
    return changed or decided["at"] < assessed["at"]


def _decide(db: Database, settings: Settings, now: datetime, send: bool) -> int:
    changed = decide.run(db, settings, now, send=send)
    with db.write() as session:
        meta.put(session, DECIDED, {"at": now.isoformat()})
    return changed


class Clock:
    """Ticks the stages in background threads until it is stopped. One clock per database file (db.sole_process)."""

    def __init__(self, db: Database, vault: Vault, settings: Settings, http: Http) -> None:
        self._db = db
        self._vault = vault
        self._settings = settings
        self._http = http
        self.stopping = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(7)},  # one for each tick: walks through the past take minutes
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_SECONDS},
        )
        self._every(HEARTBEAT_SECONDS, "heartbeat", self._beat)
        self._every(settings.tick_seconds, "advance", self._advance)
        self._every(settings.tick_seconds, "notify", self._notify)
        self._every(DIGEST_SECONDS, "digest", self._digest)
        self._every(LEARN_SECONDS, "learn", self._learn)
        self._every(BACKTEST_SECONDS, "backtest", self._backtest)
        self._every(NEWS_SECONDS, "news", self._news)

    def start(self) -> None:
        """Start ticking; the first tick of everything comes at once."""
        self._scheduler.start()
        log.info("clock_started", tick_seconds=self._settings.tick_seconds)

    def stop(self) -> None:
        """Stop ticking and wait until the stage at work has finished."""
        self.stopping.set()
        self._scheduler.shutdown(wait=True)
        log.info("clock_stopped")

    def _every(self, seconds: int, name: str, work: Callable[[datetime], object]) -> None:
        # APScheduler keeps real time; only `now` may be pretended (settings.start_at).
        self._scheduler.add_job(
            self._guarded, "interval", (name, work), seconds=seconds, id=name, next_run_time=datetime.now(UTC)
        )

    def _guarded(self, name: str, work: Callable[[datetime], object]) -> None:
        """Run one tick; a defect in it is logged and the clock goes on."""
        if self.stopping.is_set():
            return
        try:
            work(utc_now())
        except Exception:
            log.exception("tick_failed", tick=name)

    def _beat(self, now: datetime) -> None:
        with self._db.write() as session:
            meta.heartbeat(session, now)

    def _advance(self, now: datetime) -> None:
        for _step in advance(self._db, self._vault, self._settings, now):
            if self.stopping.is_set():
                return

    def _notify(self, now: datetime) -> None:
        _walk(self._db, "notify", now, lambda: notify.run(self._db, self._vault, self._settings, self._http, now))

    def _digest(self, now: datetime) -> None:
        _walk(self._db, "digest", now, lambda: digest.run(self._db, self._vault, self._settings, now))
        _walk(self._db, "canary", now, lambda: canary.run(self._db, self._vault, self._settings, now))

    def _learn(self, now: datetime) -> None:
        if learn.is_due(self._db, now):
            _walk(self._db, "learn", now, lambda: learn.run(self._db, self._settings, now, self._goes_on))

    def _backtest(self, now: datetime) -> None:
        _walk(self._db, "backtest", now, lambda: backtest.run_requested(self._db, self._settings, now, self._goes_on))

    def _news(self, now: datetime) -> None:
        """Learn only from what may be kept: erase first."""
        if news.is_due(self._db, self._settings, now):
            _walk(self._db, "erase", now, lambda: news.erase(self._db, self._settings, now, self._goes_on))
            _walk(self._db, "learn_news", now, lambda: self._learn_news(now))

    def _learn_news(self, now: datetime) -> int:
        return news.run(self._db, now, self._goes_on, embeddings=self._settings.news_embeddings) or 0

    def _goes_on(self) -> bool:
        return not self.stopping.is_set()
