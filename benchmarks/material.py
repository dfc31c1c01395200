"""What the benchmarks work on: databases with partners, made-up facts, and plain SQLite to compare with."""

import csv
import io
import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from warden import db as database_edge
from warden.cli.opening import prepare
from warden.db import Database
from warden.settings import Settings
from warden.store import identifiers, partners

NOW = datetime(2026, 6, 30, 8, tzinfo=UTC)
DAY = timedelta(days=1)
BATCH = 1_000
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-65536", "wal_autocheckpoint=20000")


def settings_in(folder: Path, **values: Any) -> Settings:
    """Return settings for a database of its own in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder}/warden.db",
        secret_key_file=folder / "warden.key",
        file_roots=(folder,),
        **values,
    )


def database_with_partners(settings: Settings, count: int) -> Database:
    """Make a database with partners whose supplier codes are "0", "1", …"""
    database = Database(settings.database_url)
    prepare(database)
    with database.write() as session:
        for number in range(count):
            values = {"name": f"Partner {number}", "annual_value": number + 1, "currency": "USD", "share": 0.01}
            partner = partners.create(session, values, NOW - 800 * DAY)
            identifiers.add_identifier(session, partner, "supplier_code", str(number), NOW - 800 * DAY)
    return database


def deliveries(count: int, suppliers: int) -> Iterator[dict[str, str]]:
    """Yield deliveries as rows of a table, spread over two years, every seventh late."""
    for number in range(count):
        due = NOW - DAY * (1 + number * 727 // count)
        made = due + DAY * (5 if number % 7 == 0 else 0)
        yield {
            "id": f"po-{number}",
            "supplier": str(number % suppliers),
            "due": due.date().isoformat(),
            "made": made.date().isoformat() if made < NOW else "",
        }


def as_csv(rows: Iterator[dict[str, str]]) -> str:
    """Return rows as the text of a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ("id", "supplier", "due", "made"))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_bodies(rows: Iterator[dict[str, str]]) -> list[bytes]:
    """Return rows as bodies of POST /facts, 1,000 facts each."""
    facts = [
        {
            "kind": "delivery",
            "identity": row["id"],
            "at": f"{row['made'] or row['due']}T00:00:00Z",
            "key": {"scheme": "supplier_code", "value": row["supplier"]},
            "due_on": row["due"],
            **({"made_on": row["made"]} if row["made"] else {}),
        }
        for row in rows
    ]
    batches = (facts[start : start + BATCH] for start in range(0, len(facts), BATCH))
    return [json.dumps({"source": "benchmark", "facts": batch}).encode() for batch in batches]


def read_rows(settings: Settings) -> tuple[str, list[tuple[Any, ...]]]:
    """Return the INSERT statement and every row of the table of facts."""
    with sqlite3.connect(_path(settings)) as connection:
        cursor = connection.execute("SELECT * FROM fact")
        marks = ", ".join("?" * len(cursor.description))
        return f"INSERT INTO fact VALUES ({marks})", cursor.fetchall()


def insert_plainly(settings: Settings, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows as fast as Python's own driver does it: the same schema and pragmas, 1,000 rows a transaction."""
    connection = sqlite3.connect(_path(settings), isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    for start in range(0, len(rows), BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows[start : start + BATCH])
        connection.execute("COMMIT")
    connection.close()


def read_plainly(settings: Settings, since: datetime) -> int:
    """Read once what a tick has to read: every fact of the period; return how many."""
    query = "SELECT key_id, kind, observed_at, sent, due_on, made_on, made_at FROM fact WHERE observed_at >= ?"
    with sqlite3.connect(_path(settings)) as connection:
        return len(connection.execute(query, (database_edge.to_micros(since),)).fetchall())


def bytes_on_disk(settings: Settings) -> int:
    """Return the size of the database's file after a checkpoint."""
    with sqlite3.connect(_path(settings)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return _path(settings).stat().st_size


def _path(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))


def without_facts(settings: Settings) -> bytes:
    """Return a copy of the database's file whose table of facts is empty."""
    copy = _path(settings).with_name("copy.db")
    with sqlite3.connect(_path(settings)) as connection, sqlite3.connect(copy) as emptied:
        connection.backup(emptied)
        emptied.execute("PRAGMA journal_mode=DELETE")  # all of it in the one file
        emptied.execute("DELETE FROM fact")
        emptied.commit()
        emptied.execute("VACUUM")
    return copy.read_bytes()
