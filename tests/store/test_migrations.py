"""Migrations: up, the same as the models, down, and up again, on both databases."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, inspect

from alembic import command
from warden.db import Database, alembic_config, pending_migrations, upgrade
from warden.models import Base


@pytest.fixture(params=["sqlite", "postgresql"])
def blank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'blank.db'}")
        yield database
        database.close()
        return
    server: psycopg.Connection = request.getfixturevalue("postgresql")
    url: URL = request.getfixturevalue("postgresql_url")
    name = f"blank_{uuid.uuid4().hex}"
    server.execute(f"CREATE DATABASE {name}")
    database = Database(url.set(database=name).render_as_string(hide_password=False))
    yield database
    database.close()
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        return list(compare_metadata(context, Base.metadata))


def test_up_and_down_and_up_again(blank: Database) -> None:
    before, head = pending_migrations(blank)
    assert before is None
    upgrade(blank)
    assert pending_migrations(blank) == (head, head)
    assert differences(blank) == []
    command.downgrade(alembic_config(blank), "base")
    assert inspect(blank.engine).get_table_names() == ["alembic_version"]
    upgrade(blank)
    assert differences(blank) == []


def test_upgrading_twice_changes_nothing(blank: Database) -> None:
    upgrade(blank)
    upgrade(blank)
    assert differences(blank) == []
