"""Cells of a sheet as dates and numbers. What cannot be read for certain is an error, never a guess."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1980, 2199
"""A date outside is taken for a slip."""

_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")


class CellError(ValueError):
    """One cell cannot be read; `str(error)` says what was found and what was expected."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(what)
        self.column = column


@dataclass(frozen=True, slots=True)
class Day:
    """A date cell. `on`: its day in the reader's zone. `at`: its moment, UTC; the start of that day if `exact` is
    False, that is if the cell has no time."""

    on: date
    at: datetime
    exact: bool


class CellReader:
    """Reads the cells of one sheet as dates and numbers. Texts repeat a lot, so dates already read are remembered.

    `date_format`: a strptime pattern; without one, dates are ISO 8601 or year first (2024-01-05, 2024/1/5). `blanks`:
    texts that stand for an empty cell, in any case.
    """

    def __init__(self, time_zone: str = "UTC", date_format: str | None = None, blanks: Sequence[str] = ()) -> None:
        self._zone = ZoneInfo(time_zone)
        self._date_format = date_format
        self._blanks = frozenset(text.casefold() for text in ("", *blanks))
        self._days: dict[str, Day | None] = {}

    def is_blank(self, text: str) -> bool:
        """Tell whether a cell stands for nothing."""
        return text.strip().casefold() in self._blanks

    def day(self, text: str, column: str) -> Day | None:
        """Read a date or a moment; None for a blank cell. Raises CellError."""
        try:
            return self._days[text]
        except KeyError:
            day = self._days[text] = None if self.is_blank(text) else self._parse_day(text.strip(), column)
            return day

    def number(self, text: str, column: str) -> Decimal | None:
        """Read a number such as 1234.5 or 1,234.5; None for a blank cell. Raises CellError."""
        if self.is_blank(text):
            return None
        plain = text.strip()
        try:
            number = Decimal(plain.replace(",", "") if _THOUSANDS.fullmatch(plain) else plain)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or abs(number) >= 10**15:
            raise CellError(column, f"{quote(text)} found, a number such as 1234.5 expected")
        return number

    def start_of(self, day: date) -> datetime:
        """Return the moment a day begins in the reader's zone, as UTC."""
        return datetime.combine(day, time(), self._zone).astimezone(UTC)

    def _parse_day(self, text: str, column: str) -> Day:
        try:
            moment = self._parse_moment(text)
        except ValueError as error:
            expected = f"in the format {self._date_format}" if self._date_format else "such as 2024-01-05"
            raise CellError(column, f"{quote(text)} found, a date {expected} expected") from error
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise CellError(column, f"{quote(text)} found, a year from {FIRST_YEAR} to {LAST_YEAR} expected")
        exact = moment.tzinfo is not None or moment.time() != time()
        local = moment.astimezone(self._zone) if moment.tzinfo else moment.replace(tzinfo=self._zone)
        return Day(local.date(), local.astimezone(UTC), exact)

    def _parse_moment(self, text: str) -> datetime:
        """Return the moment as written, naive if it names no zone."""
        if self._date_format:
            return datetime.strptime(text, self._date_format)  # noqa: DTZ007
        if match := _YEAR_FIRST.fullmatch(text):
            return datetime(int(match[1]), int(match[3]), int(match[4]))  # noqa: DTZ001
        return datetime.fromisoformat(text)


def quote(text: str) -> str:
    """Return a cell's text for a message, cut short."""
    shown = text.strip()
    return f'"{shown[:40]}…"' if len(shown) > 40 else f'"{shown}"'
