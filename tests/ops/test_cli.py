"""Every command as a person types it: what it does, and what it says when it cannot."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from warden import __version__
from warden.db import Database
from warden.store import destinations, sources

DELIVERIES = "id,supplier,due,made\n1,S-1,2026-01-05,2026-01-04\n2,S-1,2026-01-12,2026-01-15\n3,S-2,2026-01-12,\n"
COLUMNS = {
    "kind": "deliveries",
    "key_column": "supplier",
    "key_scheme": "supplier_code",
    "identity_columns": ["id"],
    "due_column": "due",
    "made_column": "made",
}


@pytest.fixture
def slack() -> Iterator[str]:
    """The address of something that answers as Slack does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/services/T0/B0/very-secret"
        server.shutdown()
        thread.join()


def fails(ended: object, sentence: str, status: int = 1) -> None:
    """The command ended with this status and a sentence, and without a traceback."""
    assert ended.returncode == status, ended.stdout + ended.stderr
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "command",
    [(), ("serve",), ("tick",), ("import", "partners"), ("source", "add"), ("destination", "add"), ("user", "add")],
)
def test_every_command_has_help(warden: Callable, command: tuple[str, ...]) -> None:
    shown = warden(*command, "--help")
    assert shown.returncode == 0
    assert "Usage: " in shown.stdout


def test_version(warden: Callable) -> None:
    assert warden("version").stdout.strip() == __version__


def test_wrong_usage_exits_2(warden: Callable) -> None:
    fails(warden("nonsense"), "No such command", status=2)
    fails(warden("tick", "--as-of", "yesterday"), "expected ISO 8601", status=2)


def test_a_wrong_setting_is_named_without_its_value(warden: Callable) -> None:
    ended = warden("doctor", WARDEN_PORT="not-a-port")
    fails(ended, "WARDEN_PORT: ")
    assert "not-a-port" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WARDEN_DEFAULT_LOCALE", "xx", "expected one of en, zh-Hant, zh-Hans, vi"),
        ("WARDEN_LOG_LEVEL", "LOUD", "expected one of DEBUG, INFO, WARNING, ERROR"),
        ("WARDEN_ALLOWED_NETWORKS", "10.0.0.0/99", "expected networks such as 10.0.0.0/8"),
        ("WARDEN_PUBLIC_URL", "warden.example.com", "expected an address such as https://warden.example.com"),
        ("WARDEN_PUBLIC_URL", "https://warden.example.com:99999", "Port out of range"),
        ("WARDEN_OUR_DOMAINS", "ours.example, https://ours.example", "expected domains such as ours.example"),
        ("WARDEN_BLIND_HOURS", "999999999999", "less than or equal to 8760"),
        ("WARDEN_DATABASE_URL", "mysql://host/warden", "must begin with sqlite:/// or postgresql+psycopg://"),
    ],
)
def test_a_setting_that_cannot_work_says_what_is_expected(
    warden: Callable, name: str, value: str, expected: str
) -> None:
    ended = warden("doctor", **{name: value})
    fails(ended, name)
    assert expected in ended.stderr


def test_a_database_of_a_newer_warden_asks_for_that_one(ready: Callable, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "warden.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    fails(ready("source", "list"), "a newer Warden made it: install that one")


def test_a_database_that_was_never_made_says_what_to_run(warden: Callable) -> None:
    fails(warden("source", "list"), "run `warden db upgrade`")


def test_a_database_that_cannot_be_opened_is_one_sentence(warden: Callable) -> None:
    fails(warden("db", "upgrade", WARDEN_DATABASE_URL="sqlite:////no/such/folder/warden.db"), "/no/such/folder")


def test_an_address_of_no_database_is_one_sentence(warden: Callable) -> None:
    fails(warden("db", "upgrade", WARDEN_DATABASE_URL="nonsense"), "WARDEN_DATABASE_URL is no address")
    fails(warden("db", "upgrade", WARDEN_DATABASE_URL="mysql+mysqldb://h/d"), "must begin with sqlite:/// or")


def test_upgrading_twice_is_harmless(ready: Callable) -> None:
    assert "is at version" in ready("db", "upgrade").stdout


def test_doctor_says_what_is_wrong_and_what_to_do(ready: Callable) -> None:
    ended = ready("doctor")
    assert ended.returncode == 1
    assert "ok   database" in ended.stdout
    assert "clock: has not run yet; start `warden serve`" in ended.stdout
    assert "add one with `warden source add`" in ended.stdout
    ended = ready("doctor", WARDEN_DATABASE_URL="sqlite:////no/such/folder/warden.db")
    assert ended.returncode == 1
    assert "database: does not answer; look at WARDEN_DATABASE_URL" in ended.stdout


def test_doctor_notices_settings_that_mean_nothing(ready: Callable, tmp_path: Path) -> None:
    given = {"WARDEN_FILE_ROOTS": f"{tmp_path},/nonexist", "WARDEN_OUR_DOMAINS": "us.example,,@x"}
    found = [line for line in ready("doctor", **given).stdout.splitlines() if "settings: " in line]
    assert found == [
        "BAD  settings: WARDEN_FILE_ROOTS names /nonexist, which is no folder",
        "BAD  settings: WARDEN_OUR_DOMAINS names '@x', which is no whole domain such as ours.example",
    ]


def test_what_only_looks_makes_no_database_where_it_stands(warden: Callable, tmp_path: Path) -> None:
    for command in (("doctor",), ("source", "list"), ("watch",), ("backtest",)):
        ended = warden(*command)
        assert ended.returncode == 1
        assert f"There is no database {tmp_path}/warden.db. Are you in the folder" in ended.stdout + ended.stderr
    assert not (tmp_path / "warden.db").exists()


def test_a_new_database_is_for_its_owner_only_and_doctor_says_where_it_is_not(ready: Callable, tmp_path: Path) -> None:
    (tmp_path / "warden.db").unlink(missing_ok=True)
    before = os.umask(0o022)
    try:
        assert ready("db", "upgrade").returncode == 0
        with closing(sqlite3.connect(tmp_path / "warden.db")) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = version_num")
            files = sorted(tmp_path.glob("warden.db*"))
            assert {path.name for path in files} >= {"warden.db", "warden.db-shm", "warden.db-wal"}
            modes = {path.name: path.stat().st_mode & 0o777 for path in files if not path.name.endswith(".lock")}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert "others on this machine" not in ready("doctor").stdout
    (tmp_path / "warden.db").chmod(0o644)
    assert "BAD  database: others on this machine may read it" in ready("doctor").stdout


def test_a_database_that_was_open_to_others_is_for_its_owner_only_once_the_service_starts(
    ready: Callable, tmp_path: Path
) -> None:
    assert ready("db", "upgrade").returncode == 0
    with closing(sqlite3.connect(tmp_path / "warden.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = version_num")
        connection.commit()  # while it is connected, the other two files stay
        files = [tmp_path / f"warden.db{suffix}" for suffix in ("", "-wal", "-shm")]
        for path in files:
            path.chmod(0o644)
        assert ready("tick", "--no-send").returncode == 0
        modes = {path.stat().st_mode & 0o777 for path in files}
    assert modes == {0o600}


def test_doctor_names_the_file_of_a_key_that_is_none(ready: Callable, tmp_path: Path) -> None:
    (tmp_path / "warden.key").write_text("garbage\n", encoding="utf-8")
    assert "BAD  key: What warden.key holds is not a valid key" in ready("doctor").stdout


def test_doctor_notices_a_missing_key(ready: Callable, tmp_path: Path, slack: str) -> None:
    secret = {"WARDEN_ALLOWED_NETWORKS": "127.0.0.0/8"}
    assert ready("destination", "add", "team", "slack", "--secret", "url=-", stdin=slack, **secret).returncode == 0
    (tmp_path / "warden.key").unlink()
    assert "BAD  key: warden.key is not there" in ready("doctor").stdout
    fails(ready("tick", **secret), "warden.key is not there")
    assert not (tmp_path / "warden.key").exists()  # a new one would hide that the old one is gone


def test_doctor_notices_a_misspelt_setting(ready: Callable, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WARDEN_FILE_ROOT=/srv\nWARDEN_PORT=8001\nWARDEN_HOOK=x\n", encoding="utf-8")
    shown = ready("doctor", WARDEN_TICK_SECOND="3").stdout
    assert "BAD  settings: WARDEN_FILE_ROOT is not a setting; did you mean WARDEN_FILE_ROOTS?" in shown
    assert "did you mean WARDEN_TICK_SECONDS?" in shown
    assert "WARDEN_PORT" not in shown
    assert "WARDEN_HOOK" not in shown


def test_partners_are_imported_all_or_none(ready: Callable, tmp_path: Path) -> None:
    (tmp_path / "partners.csv").write_text("name,tier,share\nAcme,key,12%\nBeta,key,lots\n", encoding="utf-8")
    ended = ready("import", "partners", "partners.csv")
    fails(ended, "Nothing was imported")
    assert "row 3, column share" in ended.stderr
    (tmp_path / "partners.csv").write_text("Firma,tier\nAcme,key\nBeta,key\n", encoding="utf-8")
    tried = ready("import", "partners", "partners.csv", "--map", "name=Firma", "--dry-run")
    assert "Would be: 2 created" in tried.stdout
    assert "2 created" in ready("import", "partners", "partners.csv", "--map", "name=Firma").stdout
    fails(ready("import", "partners", "partners.csv", "--map", "name=Firma"), "--on-conflict update or skip")
    skipped = ready("import", "partners", "partners.csv", "--map", "name=Firma", "--on-conflict", "skip")
    assert "2 skipped" in skipped.stdout


def test_a_guessed_encoding_is_told_with_a_line_as_it_was_read(ready: Callable, tmp_path: Path) -> None:
    (tmp_path / "partners.csv").write_bytes("name,tier\nÉlan,key\n".encode("cp1252"))
    guessed = ready("import", "partners", "partners.csv", "--dry-run").stderr
    assert "read as big5" in guessed
    assert "匜an,key" in guessed  # wrong, and seen to be wrong
    named = ready("import", "partners", "partners.csv", "--dry-run", "--encoding", "cp1252")
    assert (named.returncode, "guess" in named.stderr) == (0, False)
    (tmp_path / "partners.csv").write_text("name,tier\nÉlan,key\n", encoding="utf-8")
    assert "guess" not in ready("import", "partners", "partners.csv", "--dry-run").stderr


def test_a_file_that_is_not_there_is_one_sentence(ready: Callable) -> None:
    fails(ready("import", "partners", "missing.csv"), "missing.csv: No such file or directory")


def test_a_source_is_added_tried_and_run(ready: Callable, tmp_path: Path) -> None:
    (tmp_path / "deliveries.csv").write_text(DELIVERIES, encoding="utf-8")
    options = COLUMNS | {"path": str(tmp_path / "deliveries.csv")}
    (tmp_path / "options.json").write_text(json.dumps(options), encoding="utf-8")
    roots = {"WARDEN_FILE_ROOTS": str(tmp_path)}
    assert ready("source", "add", "erp", "table", "--options", "options.json", **roots).returncode == 0
    tried = ready("source", "test", "erp", **roots)
    assert tried.stdout.count("Delivery supplier_code:S-") == 3
    assert "3 facts reported, 3 of them new" in ready("source", "run", "erp", **roots).stdout
    assert "erp  table  ok" in ready("source", "list").stdout


def test_a_visit_tells_which_rows_it_set_aside(ready: Callable, tmp_path: Path) -> None:
    rows = "".join(f"{number},S-1,2026-01-05,\n" for number in range(20))
    (tmp_path / "deliveries.csv").write_text(f"id,supplier,due,made\n{rows}20,S-1,soon,\n", encoding="utf-8")
    settings = [f"--set={name}={json.dumps(value)}" for name, value in COLUMNS.items()]
    roots = {"WARDEN_FILE_ROOTS": str(tmp_path)}
    assert ready("source", "add", "erp", "table", "--set=path=deliveries.csv", *settings, **roots).returncode == 0
    ended = ready("source", "run", "erp", **roots)
    assert "20 facts reported, 20 of them new" in ended.stdout
    assert 'set aside: row 22, column due: "soon" found' in ended.stderr


def test_options_that_do_not_fit_are_listed_one_per_line(ready: Callable) -> None:
    ended = ready("source", "add", "erp", "table", "--set", "path=/etc/passwd", "--set", "colour=red")
    fails(ended, "The options are not valid.")
    assert "  options.colour: is not an option" in ended.stderr
    assert "  options.key_column: is needed" in ended.stderr


def test_an_option_that_is_a_list_says_how_one_is_written(ready: Callable) -> None:
    added = ready("destination", "add", "mail", "email", "--set", "host=m.example", "--set", "to=ops@us.example")
    fails(added, 'options.to: expected a list such as ["one", "another"]')


def test_a_file_outside_the_allowed_folders_is_refused(ready: Callable) -> None:
    settings = [f"--set={name}={json.dumps(value)}" for name, value in COLUMNS.items()]
    fails(ready("source", "add", "erp", "table", "--set", "path=/etc/passwd", *settings), "WARDEN_FILE_ROOTS")


def test_a_source_that_is_not_there_names_those_that_are(ready: Callable) -> None:
    fails(ready("source", "run", "mail"), "There is no source 'mail'; there are: none.")


def test_a_refused_source_ends_with_the_reason(ready: Callable) -> None:
    assert ready("source", "add", "news", "feed", "--set", "url=http://127.0.0.1:9/feed").returncode == 0
    fails(ready("source", "run", "news"), "news is refused")


def test_a_refused_source_is_resumed_once_it_is_mended(ready: Callable, tmp_path: Path) -> None:
    (tmp_path / "deliveries.csv").write_text(DELIVERIES, encoding="utf-8")
    options = json.dumps(COLUMNS | {"path": str(tmp_path / "deliveries.csv")})
    (tmp_path / "options.json").write_text(options, encoding="utf-8")
    roots = {"WARDEN_FILE_ROOTS": str(tmp_path)}
    assert ready("source", "add", "erp", "table", "--options", "options.json", **roots).returncode == 0
    fails(ready("source", "run", "erp"), "erp is refused")  # this process was not told of the folder
    assert "then `warden source resume`" in ready("doctor").stdout
    assert "It stays paused: warden source resume 'erp'" in ready("source", "run", "erp", **roots).stderr
    assert ready("source", "resume", "erp").returncode == 0
    assert "paused" not in ready("source", "list").stdout


def test_a_push_source_is_neither_added_nor_visited(ready: Callable, tmp_path: Path) -> None:
    fails(ready("source", "add", "erp", "push"), "it is made when a program first posts facts")
    with closing(Database(f"sqlite:///{tmp_path / 'warden.db'}")) as database, database.write() as session:
        sources.push(session, "erp", datetime(2026, 1, 5, tzinfo=UTC))
    fails(ready("source", "run", "erp"), "erp is fed through the API")
    assert ready("source", "list").stdout == "erp  push  fed through the API\n"
    assert "ok   source erp: fed through the API" in ready("doctor").stdout
    fails(ready("source", "test", "erp"), "erp is fed through the API")


def test_a_destination_takes_its_secret_from_input_or_environment_and_never_shows_it(
    ready: Callable, slack: str
) -> None:
    loopback = {"WARDEN_ALLOWED_NETWORKS": "127.0.0.0/8"}
    added = ready("destination", "add", "team", "slack", "--secret", "url=-", stdin=slack + "\n", **loopback)
    assert added.returncode == 0, added.stderr
    also = ready("destination", "add", "other", "slack", "--secret", "url=HOOK", HOOK=slack, **loopback)
    assert also.returncode == 0, also.stderr
    tested = ready("destination", "test", "team", **loopback)
    assert "Delivered (sent)" in tested.stdout
    listed = ready("destination", "list")
    assert "team  slack  en" in listed.stdout
    assert "very-secret" not in added.stdout + tested.stdout + tested.stderr + listed.stdout


def test_a_secret_from_a_variable_that_is_not_set_is_one_sentence(ready: Callable) -> None:
    fails(ready("destination", "add", "team", "slack", "--secret", "url=NOT_SET"), "no variable NOT_SET")


def test_a_destination_that_refuses_is_told(ready: Callable, slack: str) -> None:
    assert ready("destination", "add", "team", "slack", "--secret", "url=-", stdin=slack).returncode == 0
    fails(ready("destination", "test", "team"), "Not delivered: ")  # loopback is not an allowed network


def test_a_disabled_destination_is_switched_on_again(ready: Callable, tmp_path: Path, slack: str) -> None:
    allowed = {"WARDEN_ALLOWED_NETWORKS": "127.0.0.0/8"}
    assert ready("destination", "add", "team", "slack", "--secret", "url=-", stdin=slack, **allowed).returncode == 0
    with closing(Database(f"sqlite:///{tmp_path}/warden.db")) as database, database.write() as session:
        destinations.disable(session, destinations.named(session, "team"), "404 no_service", datetime.now(UTC))
    assert "404 no_service — mend that, then `warden destination enable`" in ready("doctor").stdout
    assert ready("destination", "enable", "team").stdout == "team is switched on.\n"
    assert "ok   destination team: ready" in ready("doctor").stdout


def test_a_user_gets_a_link_and_a_token_is_shown_once(ready: Callable) -> None:
    assert "/sign-in?token=" in ready("user", "add", "lan@example.com", "--role", "manager").stdout
    fails(ready("user", "add", "lan@example.com"), "exists already")
    assert "/sign-in?token=" in ready("user", "link", "lan@example.com").stdout
    fails(ready("user", "link", "nobody@example.com"), "There is no user")
    assert ready("token", "create", "erp", "--role", "manager", "--scope", "facts:write").stdout.startswith("wdn_")
    fails(ready("token", "create", "erp", "--scope", "facts:write"), "facts:write opens nothing to the role viewer")
    fails(ready("token", "create", "erp", "--scope", "everything"), "'everything' is not one of partners:read")


def test_a_tick_prints_what_each_stage_did(warden: Callable) -> None:
    walked = warden("tick", "--as-of", "2026-03-04T09:30Z")
    assert walked.returncode == 0, walked.stderr
    assert [line.split()[0] for line in walked.stdout.splitlines()] == [
        "collect",
        "attribute",
        "assess",
        "decide",
        "announce",
        "digest",
        "notify",
    ]
    assert "notify" not in warden("tick", "--no-send").stdout


@pytest.mark.parametrize(("arguments", "status"), [(("version",), 0), (("source", "show", "nothing"), 2)])
def test_a_command_starts_from_nothing(environment: dict, tmp_path: Path, arguments: tuple, status: int) -> None:
    command = [sys.executable, "-m", "warden", *arguments]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == status
    assert "Traceback" not in ended.stderr
