"""One CSV file of a forecast, read row by row; what is wrong with it is noted by line and column, not raised."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from warden.lines import Faults, LineFile

LONGEST_LINE = 64_000
LONGEST_TEXT = 500
"""Bytes of a line, characters of a partner's or an outcome's name."""

FIRST_YEAR, LAST_YEAR = 1900, 2199
MOST = 1e9
"""Limits of what is believed: a moment, a number. Beyond them something else stands in the column."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: cells by column name, and where it stands."""

    line: int
    cells: Mapping[str, str]


class Table:
    """A CSV file with a header. Iterating yields the rows with as many cells as the header; the rest are faults."""

    def __init__(self, path: Path, needed: Sequence[str], optional: Sequence[str], faults: Faults) -> None:
        self._lines = LineFile(path, LONGEST_LINE, faults, plain=True)
        self._needed, self._optional = needed, optional

    def __iter__(self) -> Iterator[Row]:
        """Read the file."""
        records = self._lines.records()
        first = next(records, None)
        expected = ",".join([*self._needed, *(f"[{name}]" for name in self._optional)])
        if first is None:
            self._lines.blame(1, f"nothing stands in the file, expected a header {expected}")
            return
        line, header = first
        if not self._reads_header(line, header, expected):
            return
        some = False
        for line, cells in records:
            some = True
            if len(cells) != len(header):
                self._lines.blame(line, f"found {len(cells)} columns, expected {len(header)}: {','.join(header)}")
                continue
            yield Row(line, dict(zip(header, cells, strict=True)))
        if not some:
            self._lines.blame(line, "no row follows the header")

    def blame(self, line: int, column: str, what: str) -> None:
        """Note that a cell is wrong."""
        self._lines.blame(line, what, f"column {column}")

    def _reads_header(self, line: int, header: Sequence[str], expected: str) -> bool:
        """Tell whether the header has what is needed, nothing twice, and no column that is nearly one of ours."""
        before = self._lines.faults.count
        known = [*self._needed, *self._optional]
        self._lines.blame_header(line, header, self._needed, expected)
        for name in header:
            close = get_close_matches(name.strip().lower(), known, n=1, cutoff=0.85)
            if name not in known and close and close[0] not in header:
                self._lines.blame(line, f"column {name:.80} is not known; did you mean {close[0]}?")
        return self._lines.faults.count == before


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
