"""Columns of whole numbers, read in bulk: moments and dates as numbers in SQL, rows as numpy arrays."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, ColumnElement, Date, Integer, Select, cast, extract, func, literal, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session

Whole = NDArray[np.int64]

SECOND_MICROS = 1_000_000
DAY_MICROS = 86_400 * SECOND_MICROS

_JULIAN_1970 = 2_440_587.5


def columns(session: Session, query: Select[*tuple[Any, ...]]) -> list[Whole]:
    """Return the columns of a query whose every value is a whole number.

    The rows come straight from the driver: objects for millions of rows would cost more than reading them.
    """
    width = len(query.selected_columns)
    result = session.connection().execute(query)
    rows: Iterable[Iterable[int]] = result.cursor or ()  # type: ignore[assignment]
    flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64)
    result.close()
    table = flat.reshape(-1, width)
    return [table[:, column] for column in range(width)]


def by_text(session: Session, query: Select[*tuple[Any, ...]]) -> dict[str, tuple[NDArray[np.float64], ...]]:
    """Return the columns of a query, all numbers but for the first: a text, by which they are grouped."""
    result = session.connection().execute(query)
    rows: Sequence[Sequence[Any]] = result.cursor.fetchall() if result.cursor else ()
    result.close()
    texts, *values = zip(*rows, strict=True) if rows else [(), *((),) * (len(query.selected_columns) - 1)]
    numbered: defaultdict[str, int] = defaultdict(count().__next__)
    number = np.fromiter(map(numbered.__getitem__, texts), dtype=np.int64, count=len(texts))
    table = [np.array(column, dtype=np.float64) for column in values]
    return {text: tuple(column[number == place] for column in table) for text, place in numbered.items()}


def micros_of(session: Session, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return a moment as microseconds since 1970."""
    if session.get_bind().dialect.name == "sqlite":
        return type_coerce(column, BigInteger)
    return cast(extract("epoch", column) * 1_000_000, BigInteger)


def whole_part(session: Session, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return a number without its fraction; PostgreSQL alone would round."""
    return cast(column if session.get_bind().dialect.name == "sqlite" else func.trunc(column), BigInteger)


def date_number(session: Session, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return a date as days since 1970."""
    if session.get_bind().dialect.name == "sqlite":
        return cast(func.julianday(column) - _JULIAN_1970, Integer)
    return column.op("-", return_type=Integer())(literal(date(1970, 1, 1), Date))
