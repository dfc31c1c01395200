"""What a row of a table means: the options that name its columns, and one reader per kind of fact.

It opens no files and no connections: collectors.table does.
"""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from collectors.base import Delivery, Fact, Key, LocalPath, Measure, Message, Options, expected_of, normalise_key
from collectors.cells import CellError, CellReader, Day, quote
from collectors.codes import is_currency
from collectors.guard import web_address
from collectors.sheet import normalise_header

_DIRECTIONS = {
    **dict.fromkeys(("sent", "send", "out", "outbound", "outgoing", "true", "1", "yes"), True),
    **dict.fromkeys(("received", "receive", "in", "inbound", "incoming", "false", "0", "no"), False),
}
_OF_KIND = {
    "deliveries": {"due_column", "made_column", "quantity_column", "amount_column", "currency_column", "currency"},
    "messages": {"events", "at_column", "direction_column"},
    "measures": {"at_column", "measures"},
}


class Event(BaseModel):
    """A date column that stands for one message per filled cell. `sent`: from us; else from the partner."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    sent: bool


class Figure(BaseModel):
    """A number column that stands for one measure per filled cell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    name: str = Field(min_length=1, max_length=100)
    unit: str | None = None


class TableOptions(Options):
    """See docs/collectors/table.md. Columns are compared without regard to case, spaces, "-" and "_"."""

    path: LocalPath = ""
    url: str = ""
    token: SecretStr | None = None
    kind: Literal["deliveries", "messages", "measures"]
    key_column: str
    key_scheme: str
    identity_columns: tuple[str, ...] = ()
    encoding: str | None = None
    sheet: str | None = None
    time_zone: str = "UTC"
    date_format: str | None = None
    blank_values: tuple[str, ...] = ("-", "n/a", "na", "null", "none")
    due_column: str | None = None
    made_column: str | None = None
    quantity_column: str | None = None
    amount_column: str | None = None
    currency_column: str | None = None
    currency: str | None = None
    events: tuple[Event, ...] = ()
    at_column: str | None = None
    direction_column: str | None = None
    measures: tuple[Figure, ...] = ()

    @field_validator("key_scheme")
    @classmethod
    def _scheme_is_wellformed(cls, value: str) -> str:
        return normalise_key(value, "x").scheme

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f'"{value}" is not a time zone; expected a name such as Asia/Taipei') from error
        return value

    @field_validator("date_format")
    @classmethod
    def _format_names_a_day(cls, value: str | None) -> str | None:
        if value is not None and not (re.search("%[yYcx]", value) and re.search("%[dejcx]", value)):
            raise ValueError("expected a pattern with year, month and day, such as %d/%m/%Y")
        return value

    @field_validator("url")
    @classmethod
    def _can_be_fetched(cls, value: str) -> str:
        return value and web_address(value)

    @field_validator("currency")
    @classmethod
    def _currency_exists(cls, value: str | None) -> str | None:
        if value is not None and not is_currency(value):
            raise ValueError("expected a currency code such as TWD (ISO 4217)")
        return value

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if bool(self.path) == bool(self.url):
            raise ValueError("give either path or url")
        if self.token and not self.url:
            raise ValueError("token goes with url")
        misplaced = self.model_fields_set & set().union(*_OF_KIND.values()) - _OF_KIND[self.kind]
        if misplaced:
            raise ValueError(f"{', '.join(sorted(misplaced))}: not used for kind {self.kind}")
        if self.kind == "deliveries" and not self.due_column:
            raise ValueError("kind deliveries needs due_column")
        if self.kind == "messages" and bool(self.events) == bool(self.at_column and self.direction_column):
            raise ValueError("kind messages needs either events, or at_column with direction_column")
        if self.kind == "measures" and not (self.at_column and self.measures):
            raise ValueError("kind measures needs at_column and measures")
        return self


Version = tuple[datetime, Fact | None]
"""Since when a fact is true, and the fact; None if that moment is still to come."""

Place = Callable[[str], int]
"""Returns the position of a column; raises SourceChanged if the file has no such column."""


class Identities:
    """Names each fact so that reading the file again names it the same."""

    def __init__(self, columns: Sequence[str], place: Place) -> None:
        self._columns = columns
        self._places = [place(column) for column in columns]
        self._rows: dict[str, int] = {}
        self._derived: Counter[str] = Counter()

    def row(self, number: int, row: Sequence[str]) -> str:
        """Return the row's own name, "" when the options name no identity columns. Raises CellError."""
        if not self._places:
            return ""
        parts = [row[place].strip() for place in self._places]
        name = "|".join(parts)
        if not all(parts):
            raise CellError(self._columns[0], "nothing found, a value that names the row expected")
        if (earlier := self._rows.setdefault(name, number)) != number:
            raise CellError(self._columns[0], f"{quote(name)} already names row {earlier}")
        return name

    def fact(self, row_name: str, key: Key, part: str, text: str) -> str:
        """Return the name of the row's fact `part`; in a nameless row, made of key and date, counting equal ones."""
        if row_name:
            return f"{row_name}:{part}" if part else row_name
        derived = f"{key.value}|{part}|{text.strip()}"
        self._derived[derived] += 1
        return f"{derived}|{self._derived[derived]}"


class RowReader(ABC):
    """Turns a row into versions of facts, for one kind."""

    def __init__(self, options: TableOptions, place: Place) -> None:
        self.options = options
        self.cells = CellReader(options.time_zone, options.date_format, options.blank_values)
        self.identities = Identities(options.identity_columns, place)
        self._key_place = place(options.key_column)
        self._keys: dict[str, Key] = {}

    def read(self, number: int, row: Sequence[str], now: datetime) -> list[Version]:
        """Return what the row says at `now`, and the moments at which it will say more. Raises CellError."""
        return list(self.versions(self.identities.row(number, row), self._key(row[self._key_place]), row, now))

    @abstractmethod
    def versions(self, name: str, key: Key, row: Sequence[str], now: datetime) -> Iterator[Version]:
        """Yield the row's facts, see `read`."""

    def required_day(self, text: str, column: str) -> Day:
        """Read a date that must be there. Raises CellError."""
        day = self.cells.day(text, column)
        if day is None:
            raise CellError(column, "nothing found, a date expected")
        return day

    def _key(self, text: str) -> Key:
        key = self._keys.get(text)
        if key is None:
            try:
                key = self._keys[text] = normalise_key(self.options.key_scheme, text)
            except ValueError as error:
                raise CellError(self.options.key_column, f"{quote(text)} found, {error}") from error
        return key


class DeliveryReader(RowReader):
    """One delivery a row: told once it is due, and told again once it was made."""

    def __init__(self, options: TableOptions, place: Place) -> None:
        super().__init__(options, place)
        self._due_column = options.due_column or ""
        self._due = place(self._due_column)
        self._made, self._quantity, self._amount, self._currency = (
            place(column) if column else None
            for column in (options.made_column, options.quantity_column, options.amount_column, options.currency_column)
        )

    def versions(self, name: str, key: Key, row: Sequence[str], now: datetime) -> Iterator[Version]:
        """Yield the delivery. Made after `now` is not made yet; due after `now` and not made is not told yet."""
        due = self.required_day(row[self._due], self._due_column)
        made = None if self._made is None else self.cells.day(row[self._made], self.options.made_column or "")
        due_at = self.cells.start_of(due.on) if due.exact else due.at
        identity = self.identities.fact(name, key, "", row[self._due])
        if made is not None and made.at <= now:
            yield made.at, self._delivery(identity, key, row, made.at, due, made)
            return
        if made is not None:
            yield made.at, None
        yield due_at, self._delivery(identity, key, row, due_at, due, None) if due_at <= now else None

    def _delivery(
        self, identity: str, key: Key, row: Sequence[str], at: datetime, due: Day, made: Day | None
    ) -> Delivery:
        quantity = self._number(row, self._quantity, self.options.quantity_column)
        amount = self._number(row, self._amount, self.options.amount_column)
        return Delivery(
            identity=identity,
            key=key,
            at=at,
            due_on=due.on,
            made_on=made.on if made and not made.exact else None,
            made_at=made.at if made and made.exact else None,
            quantity=None if quantity is None else float(quantity),
            amount=None if amount is None else amount.quantize(Decimal("0.01")),
            currency=self._currency_of(row) if amount is not None else None,
        )

    def _number(self, row: Sequence[str], place: int | None, column: str | None) -> Decimal | None:
        return None if place is None else self.cells.number(row[place], column or "")

    def _currency_of(self, row: Sequence[str]) -> str | None:
        if self._currency is None or self.cells.is_blank(row[self._currency]):
            return self.options.currency
        code = row[self._currency].strip().upper()
        if not is_currency(code):
            what = f"{quote(code)} found, a currency code such as TWD expected"
            raise CellError(self.options.currency_column or "", what)
        return code


class EventReader(RowReader):
    """Messages from a row: one per filled event column."""

    def __init__(self, options: TableOptions, place: Place) -> None:
        super().__init__(options, place)
        self._events = [(place(event.column), event.column, event.sent) for event in options.events]

    def versions(self, name: str, key: Key, row: Sequence[str], now: datetime) -> Iterator[Version]:
        """Yield a message for each filled event column."""
        for place, column, sent in self._events:
            day = self.cells.day(row[place], column)
            if day is not None:
                identity = self.identities.fact(name, key, normalise_header(column), row[place])
                message = Message(identity=identity, key=key, at=day.at, sent=sent)
                yield day.at, message if day.at <= now else None


class MessageReader(RowReader):
    """One message a row, with its direction in a column."""

    def __init__(self, options: TableOptions, place: Place) -> None:
        super().__init__(options, place)
        self._at_column, self._direction_column = options.at_column or "", options.direction_column or ""
        self._at, self._direction = place(self._at_column), place(self._direction_column)

    def versions(self, name: str, key: Key, row: Sequence[str], now: datetime) -> Iterator[Version]:
        """Yield the message."""
        day = self.required_day(row[self._at], self._at_column)
        direction = row[self._direction].strip().lower()
        if direction not in _DIRECTIONS:
            raise CellError(self._direction_column, f'{quote(direction)} found, "sent" or "received" expected')
        sent = _DIRECTIONS[direction]
        identity = self.identities.fact(name, key, "" if name else f"sent={sent}", row[self._at])
        yield day.at, Message(identity=identity, key=key, at=day.at, sent=sent) if day.at <= now else None


class MeasureReader(RowReader):
    """Measures from a row: one per filled number column."""

    def __init__(self, options: TableOptions, place: Place) -> None:
        super().__init__(options, place)
        self._at_column = options.at_column or ""
        self._at = place(self._at_column)
        self._figures = [(place(figure.column), figure) for figure in options.measures]

    def versions(self, name: str, key: Key, row: Sequence[str], now: datetime) -> Iterator[Version]:
        """Yield a measure for each filled column."""
        day = self.required_day(row[self._at], self._at_column)
        for place, figure in self._figures:
            value = self.cells.number(row[place], figure.column)
            if value is not None:
                if expected := expected_of(figure.name, float(value)):
                    raise CellError(figure.column, f"{quote(row[place])} found, {expected} expected")
                identity = self.identities.fact(name, key, figure.name, row[self._at])
                measure = Measure(
                    identity=identity, key=key, at=day.at, name=figure.name, value=float(value), unit=figure.unit
                )
                yield day.at, measure if day.at <= now else None


def row_reader(options: TableOptions) -> type[RowReader]:
    """Return the reader for the configured kind."""
    if options.kind == "deliveries":
        return DeliveryReader
    if options.kind == "measures":
        return MeasureReader
    return EventReader if options.events else MessageReader
