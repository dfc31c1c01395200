"""Keyset paging: pages that stay stable while rows are added. It knows nothing of HTTP."""

import base64
import binascii
import json
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from warden.errors import Fault, InvalidInput

MAX_LIMIT = 200
"""Most items on one page."""

_LARGEST = 2**63 - 1  # of an integer either database can compare

T = TypeVar("T")
Column = InstrumentedAttribute[Any] | ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and the cursor of the page after them; None when there is none."""

    items: list[T]
    next: str | None


def page(
    session: Session,
    select: Select[T],
    sort_column: Column,
    id_column: Column,
    cursor: str | None,
    limit: int,
    descending: bool = False,
) -> Page[T]:
    """Return the page of `select` that begins after `cursor`, ordered by `sort_column`, then `id_column`.

    `sort_column` must not be nullable; together with `id_column` it must be unique. Raises InvalidInput for a cursor
    that this list did not hand out.
    """
    place = tuple_(sort_column, id_column)
    if cursor is not None:
        after = _decode(cursor, sort_column, id_column)
        select = select.where(place < after if descending else place > after)
    order = [column.desc() if descending else column.asc() for column in (sort_column, id_column)]
    # The two columns travel as extra ones, so that items need not have them as attributes.
    rows = session.execute(select.add_columns(sort_column, id_column).order_by(*order).limit(limit + 1)).all()
    kept = rows[:limit]
    more = _encode(kept[-1][-2], kept[-1][-1]) if len(rows) > limit else None
    return Page([row[0] for row in kept], more)


def _encode(sort_value: Any, id_value: Any) -> str:
    text = json.dumps([_plain(sort_value), _plain(id_value)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(value: Any) -> str | int | float:
    return value if isinstance(value, str | int | float) else str(value)


def _decode(cursor: str, sort_column: Column, id_column: Column) -> Any:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        sort_value, id_value = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return tuple_(_bound(sort_value, sort_column), _bound(id_value, id_column))
    except (ValueError, TypeError, ArithmeticError, RecursionError, binascii.Error) as error:
        fault = Fault("cursor", "is not one this list returned as `next`; leave it out to begin at the first page")
        raise InvalidInput("The cursor is not valid.", [fault]) from error


def _bound(value: Any, column: Column) -> ColumnElement[Any]:
    return literal(_READERS[column.type.python_type](value), column.type)


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("text expected")
    value.encode()  # refuses lone surrogates, which no database stores
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or not -_LARGEST <= value <= _LARGEST:
        raise ValueError("whole number expected")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("number expected")
    return value


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("moment with its zone expected")
    return moment.astimezone(UTC)


_READERS: dict[type, Callable[[Any], Any]] = {
    str: _text,
    int: _whole,
    float: lambda value: float(_number(value)),
    datetime: _moment,
    date: lambda value: date.fromisoformat(_text(value)),
    uuid.UUID: lambda value: uuid.UUID(_text(value)),
    Decimal: lambda value: Decimal(_text(value)),
}
