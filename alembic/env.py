"""Runs migrations on the engine warden.db hands over, or on WARDEN_DATABASE_URL when `alembic` itself calls."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from alembic import context
from warden.db import Database, UtcDateTime
from warden.models import Base
from warden.settings import Settings


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Write our column type by its name in generated migrations."""
    return "UtcDateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    """Migrate over one connection, in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_item,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


@contextmanager
def unlinked(connection: Connection) -> Iterator[None]:
    """Let tables be made anew on SQLite without emptying those that refer to them; rows keep their keys.

    It is said between transactions, for SQLite heeds it nowhere else (https://sqlite.org/lang_altertable.html, 7).
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


engine = context.config.attributes.get("engine") or Database(Settings().database_url).engine
with engine.execution_options(warden_write=True).connect() as connection, unlinked(connection), connection.begin():
    run(connection)
