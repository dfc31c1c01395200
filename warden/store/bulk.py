"""Rows by the thousand: converted column by column, where SQLAlchemy would work through every value of every row."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Dialect, Table, insert
from sqlalchemy.orm import Session


def add(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all fill the same columns, in the same order; at least one."""
    dialect = session.get_bind().dialect
    names = list(rows[0])
    statement = insert(table).inline().compile(dialect=dialect, column_keys=names)
    columns = {name: _bound(table.c[name], [row[name] for row in rows], dialect) for name in names}
    parameters: Sequence[Any]
    if dialect.positional:
        order = [column.name for column in table.columns if column.name in columns]  # as the statement has them
        parameters = list(zip(*(columns[name] for name in order), strict=True))
    else:
        parameters = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    session.connection().exec_driver_sql(str(statement), parameters)


def _bound(column: Column[Any], values: list[Any], dialect: Dialect) -> list[Any]:
    """Return values as the driver takes them. Many a column has one value throughout: that is converted once."""
    convert = column.type.dialect_impl(dialect).bind_processor(dialect)
    if convert is None:
        return values
    if values.count(values[0]) == len(values):
        return [convert(values[0])] * len(values)
    return [convert(value) for value in values]
