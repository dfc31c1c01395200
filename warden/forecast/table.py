"""One CSV file, plain or gzipped, read row by row; what is wrong with it is noted by line and column, not raised."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from warden.errors import Fault, InvalidInput

LISTED = 20
"""Faults told one by one; the rest is counted."""

LONGEST_LINE = 64_000
LONGEST_TEXT = 500
"""Bytes of a line, characters of a partner's or an outcome's name."""

FIRST_YEAR, LAST_YEAR = 1900, 2199
MOST = 1e9
"""Limits of what is believed: a moment, a number. Beyond them something else stands in the column."""

GZIP = b"\x1f\x8b"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Readable(Protocol):
    def readline(self, size: int, /) -> bytes: ...


@dataclass
class Faults:
    """What is wrong with the files: the first in words, all of them counted."""

    listed: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, where: str, what: str) -> None:
        """Note one fault."""
        self.count += 1
        if len(self.listed) < LISTED:
            self.listed.append(Fault(where, what))

    def stop(self) -> None:
        """Raise InvalidInput when there is any fault."""
        if not self.count:
            return
        rest = self.count - len(self.listed)
        more = [Fault("and", f"{rest:,} more like these")] if rest else []
        raise InvalidInput("Nothing was forecast: the files cannot be used as they are.", [*self.listed, *more])


@dataclass(frozen=True, slots=True)
class Row:
    """One row: cells by column name, and where it stands."""

    line: int
    cells: Mapping[str, str]


class Table:
    """A CSV file with a header. Iterating yields the rows that have as many cells as the header; the rest are faults.

    UTF-8, with or without byte order mark; gzip is known by its first bytes, not by the file's name. Lines with nothing
    on them are passed over.
    """

    def __init__(self, path: Path, needed: Sequence[str], optional: Sequence[str], faults: Faults) -> None:
        self._path, self._needed, self._optional, self._faults = path, needed, optional, faults

    def __iter__(self) -> Iterator[Row]:
        """Read the file."""
        with self._path.open("rb") as file:
            packed = file.peek(2)[:2] == GZIP
            yield from self._rows(gzip.GzipFile(fileobj=file) if packed else file)

    def blame(self, line: int, column: str, what: str) -> None:
        """Note that a cell is wrong."""
        self._faults.add(f"{self._path.name}, line {line}, column {column}", what)

    def _rows(self, stream: _Readable) -> Iterator[Row]:
        records = self._records(stream)
        first = next(records, None)
        expected = ",".join([*self._needed, *(f"[{name}]" for name in self._optional)])
        if first is None:
            self._blame_line(1, f"nothing stands in the file, expected a header {expected}")
            return
        line, header = first
        if not self._reads_header(line, header, expected):
            return
        some = False
        for line, cells in records:
            some = True
            if len(cells) != len(header):
                self._blame_line(line, f"found {len(cells)} columns, expected {len(header)}: {','.join(header)}")
                continue
            yield Row(line, dict(zip(header, cells, strict=True)))
        if not some:
            self._blame_line(line, "no row follows the header")

    def _reads_header(self, line: int, header: Sequence[str], expected: str) -> bool:
        """Tell whether the header has what is needed, nothing twice, and no column that is nearly one of ours."""
        before = self._faults.count
        known = [*self._needed, *self._optional]
        for name in self._needed:
            if name not in header:
                self._blame_line(line, f"found no column {name} in {','.join(header):.200}, expected {expected}")
        for name in sorted({name for name in header if header.count(name) > 1}):
            self._blame_line(line, f"column {name:.80} stands there twice")
        for name in header:
            close = get_close_matches(name.strip().lower(), known, n=1, cutoff=0.85)
            if name not in known and close and close[0] not in header:
                self._blame_line(line, f"column {name:.80} is not known; did you mean {close[0]}?")
        return self._faults.count == before

    def _records(self, stream: _Readable) -> Iterator[tuple[int, list[str]]]:
        """Yield (line the record begins on, its cells)."""
        reader = csv.reader(self._lines(stream), strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._blame_line(line, f"is no CSV: {error}")
                continue
            if cells:
                yield line, cells

    def _lines(self, stream: _Readable) -> Iterator[str]:
        """Yield every line; an empty one in the place of each that cannot be read."""
        number = 0
        while raw := self._next_line(stream, number + 1):
            number += 1
            yield self._decoded(raw, number)

    def _next_line(self, stream: _Readable, number: int) -> bytes:
        """Return the next line, b"" at the end. Of one that is too long only the beginning is kept."""
        try:
            raw = stream.readline(LONGEST_LINE)
            rest = raw
            while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
                rest = stream.readline(LONGEST_LINE)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self._blame_line(number, f"the gzip data cannot be read on from here: {error}")
            return b""
        return raw

    def _decoded(self, raw: bytes, number: int) -> str:
        if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            self._blame_line(number, f"is longer than {LONGEST_LINE:,} bytes")
            return "\n"
        if b"\0" in raw:
            self._blame_line(number, "holds a NUL byte, expected text")
            return "\n"
        try:
            return raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            self._blame_line(number, f"byte {error.start + 1} is not UTF-8")
            return "\n"

    def _blame_line(self, line: int, what: str) -> None:
        self._faults.add(f"{self._path.name}, line {line}", what)


@lru_cache(maxsize=65_536)
def read_moment(text: str) -> int:
    """Return microseconds since 1970 UTC of an ISO 8601 date or date-time; without a zone it is UTC.

    Raises ValueError saying what was expected.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        expected = "expected a date or date-time such as 2024-03-31 or 2024-03-31T08:00:00Z"
        raise ValueError(f"found {text!r:.80}, {expected}") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"found {text!r:.80}, expected a year from {FIRST_YEAR} to {LAST_YEAR}")
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@lru_cache(maxsize=65_536)
def read_number(text: str) -> float:
    """Return a finite number from 0 to MOST. Raises ValueError saying what was expected."""
    plain = text.strip()
    if not _NUMBER.fullmatch(plain):
        raise ValueError(f"found {text!r:.80}, expected a number such as 3")
    value = float(plain)
    if not 0 <= value <= MOST:
        raise ValueError(f"found {text!r:.80}, expected a number from 0 to {MOST:,.0f}")
    return value


def read_name(text: str) -> str:
    """Return the name of a partner or outcome as it stands. Raises ValueError saying what was expected."""
    if not text.strip():
        raise ValueError("is empty, expected a name")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"found {len(text):,} characters, expected at most {LONGEST_TEXT}")
    return text
