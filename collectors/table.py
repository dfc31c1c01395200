"""Deliveries, messages or measures from a CSV or XLSX file, local or by address, with its columns named in options."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from collectors.base import (
    Batch,
    Collector,
    Cursor,
    Delivery,
    Fact,
    Measure,
    Message,
    Problem,
    SourceChanged,
    SourceUnavailable,
)
from collectors.cells import CellError
from collectors.files import read_whole
from collectors.http import Http
from collectors.rows import Place, TableOptions, row_reader
from collectors.sheet import MAX_BYTES, BrokenOffError, Grid, SheetError, normalise_header, read_grid

MAX_BAD_SHARE = 0.10
"""Above this share of unreadable rows the file is taken for changed, not for flawed."""
MAX_PROBLEMS = 100
"""That many rows set aside are told one by one."""


@dataclass(slots=True)
class Reading:
    """What one pass over the rows found. `upcoming`: the next moment at which the same file will say more."""

    facts: list[Fact] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    upcoming: datetime | None = None
    rows: int = 0


class Table(Collector):
    """A spreadsheet somebody exports regularly. An unchanged file is not read again until it has more to say."""

    name = "table"
    facts = frozenset({Delivery, Message, Measure})
    Options = TableOptions
    options: TableOptions

    def collect(self, cursor: Cursor, http: Http, now: datetime) -> Batch:
        """See Collector. After the first visit only facts that are new since then are reported, unless the file
        changed."""
        fingerprint = hashlib.sha256(self.options.model_dump_json().encode()).hexdigest()[:16]
        seen = _moment(cursor.get("seen"))
        known = cursor if cursor.get("options") == fingerprint and seen is not None and seen <= now else {}
        upcoming = _moment(known.get("upcoming"))
        is_quiet = bool(known) and (upcoming is None or upcoming > now)
        data, validators = self._load(http, now, known if is_quiet else {})
        if data is None:
            return Batch([], cursor)
        content = hashlib.sha256(data).hexdigest()
        is_same = known.get("content") == content
        if is_same and is_quiet:
            return Batch([], {**cursor, **validators})
        reading = self._read(data, now, seen if is_same else None)
        following = {
            "options": fingerprint,
            "content": content,
            "seen": now.isoformat(),
            "upcoming": reading.upcoming.isoformat() if reading.upcoming else None,
            **validators,
        }
        return Batch(reading.facts, following, problems=_told(reading.problems))

    def _load(self, http: Http, now: datetime, known: Cursor) -> tuple[bytes | None, Cursor]:
        """Return the file's bytes, None if the server says that they are the same, and what to ask it next time."""
        if self.options.path:
            return read_whole(Path(self.options.path), MAX_BYTES), {}
        token = self.options.token
        fetched = http.fetch(
            self.options.url,
            now=now,
            headers={"Authorization": f"Bearer {token.get_secret_value()}"} if token else None,
            etag=known.get("etag"),
            modified=known.get("modified"),
            max_bytes=MAX_BYTES,
        )
        if fetched.not_modified:
            return None, {}
        if fetched.content_type in ("text/html", "application/xhtml+xml"):
            raise SourceChanged(f"{self._filename()} is a web page; a CSV or XLSX file was expected.")
        return fetched.body, {"etag": fetched.etag, "modified": fetched.modified}

    def _filename(self) -> str:
        return Path(self.options.path).name or f"The file at {urlsplit(self.options.url).hostname}"

    def _read(self, data: bytes, now: datetime, after: datetime | None) -> Reading:
        try:
            grid = read_grid(data, filename=self._filename(), encoding=self.options.encoding, sheet=self.options.sheet)
            reading = self._read_rows(grid, now, after)
        except BrokenOffError as error:
            raise SourceUnavailable(f"{error} It may still be being written.") from error
        except SheetError as error:
            raise SourceChanged(str(error)) from error
        bad = len(reading.problems)
        if bad > reading.rows * MAX_BAD_SHARE:
            first = reading.problems[0]
            raise SourceChanged(
                f"{bad} of {reading.rows} rows of {self._filename()} cannot be read; first {first.where}: {first.what}."
            )
        return reading

    def _read_rows(self, grid: Grid, now: datetime, after: datetime | None) -> Reading:
        """Read all rows; with `after`, report only facts that became true since then."""
        reader = row_reader(self.options)(self.options, self._place_in(grid.headers))
        reading = Reading()
        for number, row in grid.rows:
            reading.rows += 1
            try:
                versions = reader.read(number, row, now)
            except CellError as error:
                reading.problems.append(Problem(f"row {number}, column {error.column}", str(error)))
                continue
            for since, fact in versions:
                if fact is None:
                    reading.upcoming = min(since, reading.upcoming or since)
                elif after is None or since > after:
                    reading.facts.append(fact)
        reading.problems += grid.problems
        reading.rows += len(grid.problems)
        return reading

    def _place_in(self, headers: list[str]) -> Place:
        def place(column: str) -> int:
            try:
                return headers.index(normalise_header(column))
            except ValueError as error:
                raise SourceChanged(
                    f'{self._filename()} has no column "{column}"; it has: {", ".join(headers[:40])}.'
                ) from error

        return place


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _told(problems: list[Problem]) -> list[Problem]:
    left_out = len(problems) - MAX_PROBLEMS
    if left_out <= 0:
        return problems
    return [*problems[:MAX_PROBLEMS], Problem("further rows", f"{left_out} more were set aside")]
