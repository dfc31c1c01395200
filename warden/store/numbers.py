"""Columns of whole numbers, read in bulk: moments and dates as numbers in SQL, rows as numpy arrays."""

from collections.abc import Iterable
from datetime import date
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, ColumnElement, Date, Integer, Select, cast, extract, func, literal, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session

Whole = NDArray[np.int64]

DAY_MICROS = 86_400_000_000
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


def micros_of(session: Session, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return a moment as microseconds since 1970."""
    if session.get_bind().dialect.name == "sqlite":
        return type_coerce(column, BigInteger)
    return cast(extract("epoch", column) * 1_000_000, BigInteger)


def day_of(session: Session, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return the UTC day of a moment as days since 1970."""
    return micros_of(session, column) // DAY_MICROS


def date_number(session: Session, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return a date as days since 1970."""
    if session.get_bind().dialect.name == "sqlite":
        return cast(func.julianday(column) - _JULIAN_1970, Integer)
    return column.op("-", return_type=Integer())(literal(date(1970, 1, 1), Date))
