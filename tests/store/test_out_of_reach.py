"""Which errors of a database mean that it cannot be reached or written to, and which that something wrong was asked."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from warden.db import Database, is_out_of_reach


def failure(db: Database, statement: str, pragma: str = "foreign_keys=1") -> OperationalError:
    def ask() -> None:
        with db.engine.connect() as connection:
            connection.execute(text(f"PRAGMA {pragma}"))
            connection.execute(text(statement))

    with pytest.raises(OperationalError) as failed:
        ask()
    return failed.value


def test_a_full_or_read_only_file_is_out_of_reach_and_a_missing_table_is_not(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'warden.db'}")
    try:
        assert is_out_of_reach(failure(db, "CREATE TABLE a (b)", "max_page_count=1"))
        assert is_out_of_reach(failure(db, "CREATE TABLE a (b)", "query_only=1"))
        assert not is_out_of_reach(failure(db, "SELECT b FROM a", "query_only=0"))
    finally:
        db.close()


def test_a_folder_that_is_not_there_is_out_of_reach(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'gone' / 'warden.db'}")
    assert is_out_of_reach(failure(db, "SELECT 1"))
    db.close()
