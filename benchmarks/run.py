"""`make bench`: throughput as ratios to plain SQLite within one run, so that the machine's speed cancels out.

python benchmarks/run.py [facts] [partners]        default 50,000 facts, 10,000 partners
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import material
import uvicorn
from material import NOW

from collectors.base import Delivery, Fact, Key, Message
from collectors.http import Http
from warden import clock, log, plugins
from warden.cli.opening import look_for_cycles_less_often
from warden.cli.serving import listening
from warden.db import Database
from warden.domain import Role
from warden.pipeline import assess, attribute, collect, decide
from warden.settings import Settings
from warden.store import access, facts, sources
from warden.vault import Vault, open_vault
from warden.web.app import create_app
from warden.web.deps import Services

SUPPLIERS = 500
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report. `against`: what the ratio compares with."""

    what: str
    measured: str
    against: str
    ratio: float | None


class Stopwatch:
    """Seconds a block took."""

    seconds = 0.0

    def __enter__(self) -> "Stopwatch":
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._start


def main() -> None:
    """Measure everything and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=int, nargs="?", default=50_000)
    parser.add_argument("partners", type=int, nargs="?", default=10_000)
    given = parser.parse_args()
    log.configure("ERROR", as_json=False)
    clock.start_at(NOW)
    look_for_cycles_less_often()  # as the service does
    with tempfile.TemporaryDirectory() as folder:
        results = [*writing(Path(folder), given.facts), *ticking(Path(folder), given.partners)]
    print("\n| what | measured | against | ratio |\n|---|---|---|---|")
    for result in results:
        ratio = f"{result.ratio:.2f}" if result.ratio is not None else ""
        print(f"| {result.what} | {result.measured} | {result.against} | {ratio} |")


def writing(folder: Path, count: int) -> Iterator[Result]:
    """Write the same facts through the API, through `table`, and plainly; the best of three rounds of each."""
    rounds = [one_round(folder / str(number), count) for number in range(ROUNDS)]
    push_seconds, table_seconds, plain_seconds = (min(column) for column in zip(*rounds, strict=True))
    against = f"executemany, {count / plain_seconds:,.0f} rows/s"
    yield Result("POST /facts", f"{count / push_seconds:,.0f} facts/s", against, plain_seconds / push_seconds)
    yield Result("table", f"{count / table_seconds:,.0f} facts/s", against, plain_seconds / table_seconds)
    size = material.bytes_on_disk(material.settings_in(folder / "0" / "push")) / count
    yield Result("a delivery on disk, all indexes", f"{size:,.0f} bytes", "", None)


def one_round(folder: Path, count: int) -> tuple[float, float, float]:
    """Return the seconds of POST /facts, of `table`, and of executemany of the same rows."""
    say(f"{count:,} facts through POST /facts, table and executemany …")
    pushed = material.settings_in(folder / "push")
    push_seconds = push(pushed, count)
    table_seconds = read_table(material.settings_in(folder / "table"), count)
    statement, rows = material.read_rows(pushed)
    return push_seconds, table_seconds, insert_plainly(material.settings_in(folder / "plain"), pushed, statement, rows)


def ticking(folder: Path, partners: int) -> Iterator[Result]:
    """Walk the road over two years of facts, and read the same rows once."""
    settings = material.settings_in(folder / "tick")
    say(f"two years of facts of {partners:,} partners …")
    database = material.database_with_partners(settings, partners)
    count = fill(database, partners)
    say("ticks …")
    with Stopwatch() as first:
        walk(database, settings, 0)
    with Stopwatch() as second:
        walk(database, settings, 1)
    with Stopwatch() as reading:
        material.read_plainly(settings, NOW - timedelta(days=settings.history_days))
    database.close()
    against = f"reading the {count:,} rows once, {reading.seconds:.2f} s"
    for what, watch in (("first tick, every partner written", first), ("a tick an hour later", second)):
        yield Result(what, f"{watch.seconds:.2f} s", against, watch.seconds / reading.seconds)


def push(settings: Settings, count: int) -> float:
    """Post all facts over one connection to a real server; return the seconds."""
    database = material.database_with_partners(settings, SUPPLIERS)
    with database.write() as session:
        _token, plain = access.create_token(session, name="bench", role=Role.ADMIN, created_by="bench", now=NOW)
    bodies = material.as_bodies(material.deliveries(count, SUPPLIERS))
    with Http() as http, served(Services(db=database, vault=open_vault(settings), settings=settings, http=http)) as url:
        headers = {"Authorization": f"Bearer {plain}", "Content-Type": "application/json"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client, Stopwatch() as watch:
            for number, body in enumerate(bodies):
                client.post("/api/v1/facts", content=body, headers={"Idempotency-Key": str(number)}).raise_for_status()
    database.close()
    return watch.seconds


def read_table(settings: Settings, count: int) -> float:
    """Collect all facts from one CSV file; return the seconds."""
    database = material.database_with_partners(settings, SUPPLIERS)
    file = settings.file_roots[0] / "deliveries.csv"
    file.write_text(material.as_csv(material.deliveries(count, SUPPLIERS)), encoding="utf-8")
    options = {
        "path": str(file),
        "kind": "deliveries",
        "key_column": "supplier",
        "key_scheme": "supplier_code",
        "identity_columns": ["id"],
        "due_column": "due",
        "made_column": "made",
    }
    vault: Vault = open_vault(settings)
    kind = plugins.collector("table")
    public, secrets = plugins.seal_options(plugins.read_options(kind.Options, options, settings), vault)
    with database.write() as session:
        sources.add(session, name="table", collector="table", options=public, secrets=secrets, now=NOW)
    with Stopwatch() as watch:
        collect.run_due(database, vault, settings, NOW)
    database.close()
    return watch.seconds


def insert_plainly(settings: Settings, like: Settings, statement: str, rows: list[tuple[object, ...]]) -> float:
    """Insert the rows of another database into an empty one with the same keys and sources; return the seconds."""
    Path(settings.database_url.removeprefix("sqlite:///")).write_bytes(material.without_facts(like))
    with Stopwatch() as watch:
        material.insert_plainly(settings, statement, rows)
    return watch.seconds


def fill(database: Database, partners: int) -> int:
    """Write a message a week and a delivery a month per partner for two years; return the facts."""
    with database.write() as session:
        source_id = sources.push(session, "erp", NOW - timedelta(days=740)).id
    total = 0
    for week in range(104):
        at = NOW - timedelta(weeks=104 - week)
        batch: list[Fact] = [
            Message(identity=f"m{week}-{number}", key=Key("supplier_code", str(number)), at=at, sent=False)
            for number in range(partners)
        ]
        if week % 4 == 0:
            batch += [delivery(number, week) for number in range(partners)]
        with database.write() as session:
            total += facts.insert_facts(session, source_id, batch, at)
        if week % 13 == 12:
            say(f"  {week + 1} of 104 weeks")
    return total


def delivery(number: int, week: int) -> Delivery:
    """Return a partner's delivery of one month; every ninth is three days late."""
    due = NOW - timedelta(weeks=104 - week, days=4)
    made = due + timedelta(days=3 if (number + week) % 9 == 0 else 0)
    return Delivery(
        identity=f"d{week}-{number}",
        key=Key("supplier_code", str(number)),
        at=made,
        due_on=due.date(),
        made_on=made.date(),
    )


def walk(database: Database, settings: Settings, hours: int) -> None:
    """Attribute, assess and decide."""
    now = NOW + timedelta(hours=hours)
    attribute.run(database, now)
    assess.run(database, settings, now)
    decide.run(database, settings, now, send=False)


@contextmanager
def served(services: Services) -> Iterator[str]:
    """Serve the application from a thread, on a free port."""
    with listening("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(services), log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def say(text: str) -> None:
    """Show progress."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
