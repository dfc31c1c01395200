"""What all tables share: naming of constraints, identifiers, enumerations stored by value."""

import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Enum, Integer, MetaData, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from warden.db import UtcDateTime

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


RowId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER


class Base(DeclarativeBase):
    """Base of every table. Relationships are declared with lazy="raise": a query says what it needs."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own name
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


class HasId:
    """A UUID primary key, made by us so that a row can be named before it is stored."""

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)


def by_value(enumeration: type[StrEnum]) -> Enum:
    """Store an enumeration by its value, as text, checked by us and not by the database."""
    return Enum(
        enumeration,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda kinds: [kind.value for kind in kinds],
    )


__all__ = ["Base", "HasId", "RowId", "UtcDateTime", "by_value"]
