"""From a fact's arrival to the webhook leaving, and rules over many partners.

python benchmarks/alerting.py [partners] [judged] [facts]        default 10,000 partners, 100,000 judged, 40 facts
"""

import argparse
import json
import logging
import queue
import random
import sqlite3
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import material
from material import DAY, NOW
from run import Result, Stopwatch, say, served
from sqlalchemy import func, select

from collectors.base import Key, Measure
from collectors.http import Http
from warden import clock, log, plugins
from warden.cli.opening import look_for_cycles_less_often
from warden.db import Database, to_micros
from warden.domain import Role, RuleState
from warden.models import Partner, Rule, RuleStatus
from warden.pipeline import attribute, decide
from warden.scheduler import Clock, tick
from warden.settings import Settings
from warden.store import access, assessments, destinations, facts, sources
from warden.store.assessments import AssessmentDraft
from warden.vault import Vault, open_vault
from warden.web.deps import Services

LIMIT_SECONDS = 60.0
"""A webhook is to leave within so long of the fact that calls for it, the waits that are set left out."""

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
WRITTEN_AT_ONCE = 5_000
COVERED_BEFORE = 30 * DAY
"""So long before they are judged partners were assessed, too: what is lost of coverage is told against then."""

FIGURES = {
    "silence": ("communication", ("silence_ratio",)),
    "reply_slowdown": ("communication", ("reply_hours", "usual_reply_hours")),
    "late_share": ("delivery", ("late_rate", "usual_late_rate", "due_recent")),
    "tone": ("sentiment", ("negative_incidents", "serious_event", "news_load", "usual_news_load")),
}


def main() -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("partners", type=int, nargs="?", default=10_000)
    parser.add_argument("judged", type=int, nargs="?", default=100_000)
    parser.add_argument("facts", type=int, nargs="?", default=40)
    given = parser.parse_args()
    log.configure("ERROR", as_json=False)
    logging.getLogger("apscheduler").setLevel("ERROR")  # ticks are left out while one is at work
    clock.start_at(NOW)
    look_for_cycles_less_often()  # as the service does
    with tempfile.TemporaryDirectory() as folder:
        results = [
            *arriving(Path(folder) / "arriving", given.partners, given.facts),
            *judging(Path(folder) / "judging", given.judged),
        ]
    print("\n| what | measured | against | ratio |\n|---|---|---|---|")
    for result in results:
        ratio = f"{result.ratio:.2f}" if result.ratio is not None else ""
        print(f"| {result.what} | {result.measured} | {result.against} | {ratio} |")


# --- from a fact to the webhook ---------------------------------------------------------------------------------------


def arriving(folder: Path, partners: int, count: int) -> Iterator[Result]:
    """Post facts that each call for an alert, one after another, to a service at work; time the webhooks."""
    settings = material.settings_in(
        folder, allowed_networks=("127.0.0.0/8",), tick_seconds=1, settle_seconds=1, group_wait_seconds=0
    )
    say(f"{partners:,} partners …")
    database, vault = material.database_with_partners(settings, partners), open_vault(settings)
    with receiver() as (url, arrived):
        token = _prepare(database, vault, url)
        with Http(allowed_networks=settings.allowed_networks) as http:
            for _stage in tick(database, vault, settings, http, clock.utc_now(), assess_always=True):
                pass  # what stands before is told first
            while not arrived.empty():
                arrived.get()
            services = Services(db=database, vault=vault, settings=settings, http=http)
            at_work = Clock(database, vault, settings, http)
            with served(services) as address:
                at_work.start()
                say(f"{count} facts, one after another …")
                seconds = sorted(_times(address, token, arrived, random.Random(1).sample(range(partners), count)))
                at_work.stop()
    database.close()
    against = f"the limit, {LIMIT_SECONDS:.0f} s"
    p95 = seconds[min(len(seconds) - 1, round(0.95 * len(seconds)))]
    for what, value in (("p50", statistics.median(seconds)), ("p95", p95)):
        yield Result(f"a fact's arrival → the webhook, {what}", f"{value:.2f} s", against, value / LIMIT_SECONDS)


def _prepare(database: Database, vault: Vault, url: str) -> str:
    kind = plugins.channel("webhook")
    public, secrets = plugins.seal_options(kind.Options.model_validate({"url": url, "secret": SECRET}), vault)
    with database.write() as session:
        destinations.add(session, name="hook", channel="webhook", options=public, secrets=secrets, now=NOW)
        sources.push(session, "benchmark", NOW)
        _token, plain = access.create_token(session, name="bench", role=Role.ADMIN, created_by="bench", now=NOW)
    return plain


def _times(address: str, token: str, arrived: "queue.Queue[tuple[float, str]]", numbers: list[int]) -> Iterator[float]:
    """Yield the seconds from each request to the message that names its partner."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
        for number in numbers:
            fact = {
                "kind": "measure",
                "identity": f"incident-{number}",
                "at": (clock.utc_now() - timedelta(minutes=5)).isoformat(),
                "key": {"scheme": "supplier_code", "value": str(number)},
                "name": "compliance_incident",
                "value": 1.0,
            }
            begun = time.perf_counter()
            client.post("/api/v1/facts", json={"source": "benchmark", "facts": [fact]}).raise_for_status()
            while True:
                moment, said = arrived.get(timeout=20 * LIMIT_SECONDS)
                if f'Partner {number}"' in said or f"Partner {number} " in said or f"Partner {number}:" in said:
                    break
            yield moment - begun


@contextmanager
def receiver() -> "Iterator[tuple[str, queue.Queue[tuple[float, str]]]]":
    """Take webhooks on a free port; yield the address, and when which arrived."""
    arrived: queue.Queue[tuple[float, str]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            moment = time.perf_counter()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            arrived.put((moment, json.dumps(json.loads(body), ensure_ascii=False)))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", arrived
    server.shutdown()
    thread.join()
    server.server_close()


# --- rules over many partners -----------------------------------------------------------------------------------------


def judging(folder: Path, partners: int) -> Iterator[Result]:
    """Judge assessed partners by the shipped rules: all for the first time, an hour later, and on the next day."""
    settings = material.settings_in(folder)
    say(f"{partners:,} partners, assessed …")
    database = material.database_with_partners(settings, partners)
    _measure(database, partners)
    for at in (NOW - COVERED_BEFORE, NOW):
        _assess(database, at)
    with database.read() as session:
        rules = len(session.scalars(select(Rule.id).where(Rule.enabled)).all())
    with Stopwatch() as reading:
        _read_plainly(settings)
    against = f"reading the {partners:,} assessments once, {reading.seconds:.2f} s"
    for what, hours in (
        ("cold, everybody for the first time", 0),
        ("", 2),  # what was noted within the hour before a look is looked at once more
        ("warm, nothing changed", 4),
        ("the next day, everybody again", 24),
    ):
        say(f"{what} …")
        with Stopwatch() as watch:
            decide.run(database, settings, NOW + timedelta(hours=hours), send=False)
        if what:
            _all_are_known(database)
            verdicts = f"{watch.seconds:.2f} s, {partners * rules / watch.seconds:,.0f} rules × partners/s"
            yield Result(f"{rules} rules, {what}", verdicts, against, watch.seconds / reading.seconds)
    database.close()


def _measure(database: Database, partners: int) -> None:
    """Report of everybody what assessments do not hold: surveys of both sides, milestones, meetings, few incidents."""
    dice = random.Random(2)
    with database.write() as session:
        source_id = sources.push(session, "measures", NOW - 200 * DAY).id
    for start in range(0, partners, WRITTEN_AT_ONCE):
        numbers = range(start, min(start + WRITTEN_AT_ONCE, partners))
        with database.write() as session:
            found = [one for number in numbers for one in _measures(number, dice)]
            facts.insert_facts(session, source_id, found, NOW - DAY)
    attribute.run(database, NOW - DAY)


def _measures(number: int, dice: random.Random) -> Iterator[Measure]:
    told = [
        ("satisfaction", 150, 4.0),
        ("satisfaction", 60, 4.0 - 3.0 * dice.random() ** 24),
        ("satisfaction_theirs", 60, 4.0 - 3.0 * dice.random() ** 24),
        ("milestone", 60, float(dice.random() > 0.02)),
        ("meeting_executive", 30 + int(150 * dice.random() ** 24), 1.0),
        *([("compliance_incident", 20, 1.0)] if number % 100 == 0 else []),
    ]
    key = Key("supplier_code", str(number))
    for name, days_ago, value in told:
        identity = f"{name}-{number}-{days_ago}"
        yield Measure(identity=identity, key=key, at=NOW - days_ago * DAY, name=name, value=value)


def _all_are_known(database: Database) -> None:
    """Ensure that no condition was left out for want of a figure. Raises SystemExit."""
    query = select(Rule.key, func.count()).join(RuleStatus).where(RuleStatus.state == RuleState.UNKNOWN)
    with database.read() as session:
        unknown = dict(session.execute(query.group_by(Rule.key)).all())
    if unknown:
        raise SystemExit(f"unknown, so not judged: {unknown}")


def _assess(database: Database, at: datetime) -> None:
    dice = random.Random(1)
    with database.read() as session:
        ids = list(session.scalars(select(Partner.id).order_by(Partner.id)))
    for start in range(0, len(ids), WRITTEN_AT_ONCE):
        with database.write() as session:
            assessments.write(session, [_draft(one, at, dice) for one in ids[start : start + WRITTEN_AT_ONCE]])


def _draft(partner_id: uuid.UUID, at: datetime, dice: random.Random) -> AssessmentDraft:
    """Return figures of which some hundredths fire."""
    likelihood = dice.random() ** 3
    return AssessmentDraft(
        partner_id=partner_id,
        at=at,
        matrix_version=1,
        likelihood=likelihood,
        impact=2.0,
        computed_likelihood=likelihood,
        computed_impact=2.0,
        overrides=[],
        reach={},
        likelihood_level=1,
        impact_level=2,
        band="low",
        coverage=0.9,
        not_rated=None,
        signals=[_signal(name, family, figures, dice) for name, (family, figures) in FIGURES.items()],
        impact_parts=[],
    )


def _signal(name: str, family: str, figures: tuple[str, ...], dice: random.Random) -> dict[str, Any]:
    return {
        "name": name,
        "family": family,
        "version": "1",
        "model": {"form": "default", "number": None, "why": None},
        "outcome": {"horizon_days": 28.0},
        "expected": True,
        "likelihood": 0.1,
        "share": 0.3,
        "weight": 0.4,
        "state": "fresh",
        "sample": 12.0,
        "contributions": {},
        "measured": {figure: dice.random() ** 8 for figure in figures},
        "evidence": [],
        "facts": [],
        "unknown": None,
        "over": False,
    }


def _read_plainly(settings: Settings) -> int:
    path = settings.database_url.removeprefix("sqlite:///")
    columns = "partner_id, at, likelihood, impact, coverage, band, signals"
    with sqlite3.connect(path) as connection:
        rows = connection.execute(f"SELECT {columns} FROM assessment WHERE at = ?", (to_micros(NOW),))
        return sum(len(json.loads(row[-1])) for row in rows.fetchall())


if __name__ == "__main__":
    main()
