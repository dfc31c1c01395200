"""Migrations: up, the same as the models, down, and up again, on both databases."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import first_schema
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from first_schema import ALERT, ASSESSMENT, ATTENDEES, DAY, DESTINATION, EARLY, PARTNER, PERSON, read
from sqlalchemy import URL, inspect, text

from alembic import command
from warden.db import Database, alembic_config, pending_migrations, upgrade
from warden.models import Base
from warden.store.fact_rows import thread_number


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


@pytest.fixture
def second(blank: Database) -> Database:
    """A database of the first version, with rows, brought to the newest schema."""
    command.upgrade(alembic_config(blank), "0001")
    with blank.engine.begin() as connection:
        first_schema.add(connection, first_schema.ROWS)
    upgrade(blank)
    assert differences(blank) == []
    return blank


def test_partners_keys_and_matrices_have_been_so_since_they_are_known(second: Database) -> None:
    with second.engine.connect() as connection:
        versions = read(connection, "partner_version", "since", "until", "tier", "stage", "share", "single_source")
        assert versions == [(EARLY, None, "key", "active", 0.25, True)]
        assert read(connection, "attribution", "key_id", "since", "until", "partner_id") == [
            (1, EARLY + DAY, None, PARTNER),
            (2, EARLY + 2 * DAY, None, PARTNER),
        ]
        assert read(connection, "matrix", "version", "activated_at", "retired_at", "author") == [
            (1, EARLY + DAY, EARLY + 2 * DAY, ""),
            (2, EARLY + 2 * DAY, EARLY + 3 * DAY, ""),
            (3, EARLY + 3 * DAY, None, ""),
        ]


def test_what_was_said_and_read_is_kept_under_its_new_names(second: Database) -> None:
    with second.engine.connect() as connection:
        said = ("computed_likelihood", "computed_impact", "overrides", "reach", "signals")
        signals = [{"name": name, "likelihood": 0.5} for name in ("silence", "late_share", "tone")]
        assert read(connection, "assessment", *said) == [(0.5, None, [], {}, signals)]
        threads = [(1, thread_number("<a@x>")), (2, None), (3, thread_number("<b@x>"))]
        assert read(connection, "fact", "id", "thread") == threads
        mention = ("fact_id", "partner_id", "first_attributed_at", "until", "triggers")
        assert read(connection, "mention", *mention) == [(2, PARTNER, EARLY, None, [])]
        assert read(connection, "meeting", "held_at", "recorded_at") == [(EARLY + 5 * DAY, EARLY + 5 * DAY)]
        assert read(connection, "alert", "assessment_id") == [(ASSESSMENT,)]
        by_person = [{**ATTENDEES[0], "person": str(PERSON)}, ATTENDEES[1]]
        assert read(connection, "meeting", "id", "attendees")[0][1] == by_person, "nobody has the other's address"


def test_whoever_was_told_of_an_alert_that_fires_will_hear_of_its_end(second: Database) -> None:
    with second.engine.connect() as connection:
        known = {str(ALERT): {"severity": "warning", "rank": None}}
        told = ("partner_id", "destination_id", "recipient", "alerts", "at")
        assert read(connection, "told", *told) == [(PARTNER, DESTINATION, "", known, EARLY + DAY)]


def test_the_first_schema_comes_back_as_it_was(second: Database) -> None:
    with second.engine.begin() as connection:
        first_schema.add(connection, [first_schema.DRAFT, first_schema.READ_BEFORE])
    command.downgrade(alembic_config(second), "0001")
    with second.engine.connect() as connection:
        for name, values in first_schema.ROWS:
            found = read(connection, name, *values)
            assert tuple(values.values()) in found, name
            assert len(found) == sum(other == name for other, _ in first_schema.ROWS)
    upgrade(second)
    assert differences(second) == []


def test_a_database_of_the_very_first_version_becomes_whole(blank: Database) -> None:
    command.upgrade(alembic_config(blank), "0001")
    with blank.engine.execution_options(warden_write=True).begin() as connection:
        for statement in (
            "ALTER TABLE person DROP COLUMN version",
            "DROP INDEX ix_decision_at_id",
            "DROP INDEX ix_alert_fired_at_id",
            "DROP INDEX ix_alert_state_fired_at_id",
            "CREATE INDEX ix_alert_state_fired_at ON alert (state, fired_at)",
        ):
            connection.execute(text(statement))
    upgrade(blank)
    assert differences(blank) == []


def test_what_refers_to_a_meeting_outlives_that_its_table_is_made_anew(blank: Database) -> None:
    first, again, at = uuid.UUID(int=7), uuid.UUID(int=70), EARLY + 40 * DAY
    action = {"partner_id": PARTNER, "text": "x", "side": "ours", "due_on": EARLY.date(), "author": "x", "version": 1}
    reply = {"email": "k@x.example", "partstat": "accepted", "sequence": 0, "comment": "", "recorded_at": EARLY}
    command.upgrade(alembic_config(blank), "0001")
    with blank.engine.begin() as connection:
        first_schema.add(connection, first_schema.ROWS)
    command.upgrade(alembic_config(blank), "0005")
    with blank.engine.begin() as connection:
        tied = {"id": uuid.UUID(int=1), "meeting_id": first}
        first_schema.add(connection, [("action", {**tied, "created_at": EARLY, **action})])
        first_schema.add(connection, [("meeting_reply", {**tied, "at": EARLY, **reply})])
    upgrade(blank)
    (meeting,) = (values for name, values in first_schema.ROWS if name == "meeting")
    with blank.engine.begin() as connection:
        assert read(connection, "action", "meeting_id") == [(first,)]
        assert read(connection, "meeting_reply", "meeting_id") == [(first,)]
        asked = {**meeting, "id": again, "proposed_at": at}
        first_schema.add(connection, [("meeting", asked)])
    command.downgrade(alembic_config(blank), "0005")
    with blank.engine.connect() as connection:
        assert read(connection, "meeting", "id", "proposed_at") == [(again, at)]
        assert read(connection, "action", "id", "meeting_id") == [(uuid.UUID(int=1), None)]
        assert read(connection, "meeting_reply", "id") == []
        assert connection.execute(text("SELECT count(*) FROM alert")).scalar() == 1
