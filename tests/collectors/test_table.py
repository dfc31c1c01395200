"""Tables: which facts rows make, what is visible at which moment, and what is set aside or refused."""

import gzip
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from contracts import FileCollectorContract, HttpCollectorContract
from pydantic import ValidationError
from servers import Page, WebServer
from sheets import workbook

from collectors.base import Batch, Delivery, Key, Measure, Message, SourceChanged, SourceUnavailable
from collectors.http import Http
from collectors.sheet import MAX_BYTES
from collectors.table import MAX_PROBLEMS, Table

GOOD = b"""ID,Vendor,Due,Made,Note
1,Acme,2026-01-10,2026-01-12,late
2,Acme,2026-02-10,,still open
3,Bolt,2026-02-20,2026-02-20,on time
4,Bolt,2026-04-01,,not due yet
"""
DELIVERIES = {
    "kind": "deliveries",
    "key_column": "vendor",
    "key_scheme": "supplier_code",
    "identity_columns": ["id"],
    "due_column": "due",
    "made_column": "made",
}
OFFLINE = Http()


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def visit(data: bytes, path: Path, now: str, cursor: dict[str, Any] | None = None, **options: Any) -> Batch:
    path.write_bytes(data)
    collector = Table(Table.Options.model_validate({**DELIVERIES, **options, "path": str(path)}))
    return collector.collect(cursor or {}, OFFLINE, day(now))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.csv"


class TestTableFromAFile(FileCollectorContract):
    collector = Table
    good = GOOD
    renamed = GOOD.replace(b"Due", b"Deadline")
    cap = MAX_BYTES

    def options(self, path: Path) -> dict[str, Any]:
        return {**DELIVERIES, "path": str(path)}


class TestTableFromAnAddress(HttpCollectorContract):
    collector = Table
    good = GOOD
    renamed = GOOD.replace(b"Due", b"Deadline")
    content_type = "text/csv"
    cap = MAX_BYTES

    def options(self, url: str) -> dict[str, Any]:
        return {**DELIVERIES, "url": url, "token": "a-secret-token"}

    def test_the_token_is_shown_to_the_server(self, source: Table, http: Http, site: WebServer) -> None:
        source.collect({}, http, day("2026-03-02"))
        assert site.requests[0].headers["authorization"] == "Bearer a-secret-token"

    def test_an_unchanged_document_is_fetched_when_it_has_more_to_say(
        self, source: Table, http: Http, site: WebServer
    ) -> None:
        cursor = source.collect({}, http, day("2026-03-02")).cursor
        quiet = source.collect(cursor, http, day("2026-03-31"))
        due = source.collect(cursor, http, day("2026-04-01"))
        assert ["if-none-match" in request.headers for request in site.requests] == [False, True, False]
        assert [fact.identity for fact in (*quiet.facts, *due.facts)] == ["4"]

    def test_a_compressed_document_is_read(self, source: Table, http: Http, site: WebServer) -> None:
        site.pages["/secret-path"] = Page(gzip.compress(GOOD))
        assert len(source.collect({}, http, day("2026-03-02")).facts) == 3


# Deliveries


def test_a_row_becomes_a_delivery(path: Path) -> None:
    data = b'id,vendor,due,made,qty,value\n7.0, Acme  Ltd ,2026-01-10,2026-01-12,1000,"1,234.567"\n'
    options = {"quantity_column": "qty", "amount_column": "Value", "currency": "USD"}
    (fact,) = visit(data, path, "2026-03-02", **options).facts
    assert fact == Delivery(
        identity="7.0",
        key=Key("supplier_code", "Acme Ltd"),
        at=day("2026-01-12"),
        due_on=date(2026, 1, 10),
        made_on=date(2026, 1, 12),
        quantity=1000.0,
        amount=Decimal("1234.57"),
        currency="USD",
    )


def test_a_currency_may_stand_in_a_column(path: Path) -> None:
    data = b"id,vendor,due,made,value,cur\n1,A,2026-01-10,,5,twd\n2,A,2026-01-10,,5,\n3,A,2026-01-10,,,EUR\n"
    options = {"amount_column": "value", "currency_column": "cur", "currency": "USD"}
    facts = visit(data, path, "2026-03-02", **options).facts
    assert [fact.currency for fact in facts if isinstance(fact, Delivery)] == ["TWD", "USD", None]


def test_a_currency_nobody_has_sets_its_row_aside(path: Path) -> None:
    data = b"id,vendor,due,made,value,cur\n" + b"".join(b"%d,A,2026-01-10,,5,USD\n" % one for one in range(20))
    batch = visit(data + b"99,A,2026-01-10,,5,zzz\n", path, "2026-03-02", amount_column="value", currency_column="cur")
    assert [(one.where, one.what) for one in batch.problems] == [
        ("row 22, column cur", '"ZZZ" found, a currency code such as TWD expected')
    ]


def test_a_replay_sees_each_delivery_as_it_stood(path: Path) -> None:
    """Told from its due day on, or from the day it was made; a made date still to come is not known yet."""
    seen: dict[str, list[str]] = {}
    cursor: dict[str, Any] = {}
    for now in ("2026-01-09", "2026-01-10", "2026-01-11", "2026-01-12", "2026-02-15", "2026-02-20", "2026-03-02"):
        batch = visit(GOOD, path, now, cursor)
        cursor = batch.cursor
        seen[now] = [
            f"{fact.identity} {'made' if fact.made_on else 'open'} {fact.at:%m-%d}"
            for fact in batch.facts
            if isinstance(fact, Delivery)
        ]
    assert seen == {
        "2026-01-09": [],
        "2026-01-10": ["1 open 01-10"],
        "2026-01-11": [],
        "2026-01-12": ["1 made 01-12"],
        "2026-02-15": ["2 open 02-10"],
        "2026-02-20": ["3 made 02-20"],
        "2026-03-02": [],
    }
    assert cursor["upcoming"] == "2026-04-01T00:00:00+00:00"


def test_a_step_by_step_replay_ends_where_one_visit_does(path: Path) -> None:
    known: dict[str, Any] = {}
    cursor: dict[str, Any] = {}
    for week in range(20):
        batch = visit(GOOD, path, (date(2026, 1, 1) + timedelta(weeks=week)).isoformat(), cursor)
        known |= {fact.identity: fact for fact in batch.facts}
        cursor = batch.cursor
    at_once = visit(GOOD, path, (date(2026, 1, 1) + timedelta(weeks=19)).isoformat())
    assert known == {fact.identity: fact for fact in at_once.facts}


@pytest.mark.parametrize("change", ["content", "options", "clock"])
def test_everything_is_told_again_when_something_changed(path: Path, change: str) -> None:
    cursor = visit(GOOD, path, "2026-03-02").cursor
    data = GOOD + b"5,Acme,2026-02-25,,\n" if change == "content" else GOOD
    options = {"blank_values": ["?"]} if change == "options" else {}
    now = "2026-03-01" if change == "clock" else "2026-03-02"
    assert len(visit(data, path, now, cursor, **options).facts) == (4 if change == "content" else 3)


def test_a_day_begins_in_the_zone_of_the_source(path: Path) -> None:
    data = b"id,vendor,due,made\n1,A,2026-03-02,2026-03-02T09:00\n"
    late_evening = "2026-03-01T16:30"
    assert visit(data, path, late_evening).facts == []
    (told,) = visit(data, path, late_evening, time_zone="Asia/Taipei").facts
    assert isinstance(told, Delivery)
    assert (told.at, told.made_at) == (datetime(2026, 3, 1, 16, tzinfo=UTC), None)
    (made,) = visit(data, path, "2026-03-02T01:00", time_zone="Asia/Taipei").facts
    assert isinstance(made, Delivery)
    assert (made.due_on, made.made_on, made.made_at) == (date(2026, 3, 2), None, datetime(2026, 3, 2, 1, tzinfo=UTC))


def test_a_workbook_reads_like_a_csv_file(path: Path) -> None:
    rows = [line.split(",") for line in GOOD.decode().splitlines()]
    assert visit(workbook({"Orders": rows}), path, "2026-03-02").facts == visit(GOOD, path, "2026-03-02").facts
    assert visit(gzip.compress(GOOD), path, "2026-03-02").facts == visit(GOOD, path, "2026-03-02").facts


# Identities


def test_without_identity_columns_facts_are_named_by_key_and_date(path: Path) -> None:
    data = b"vendor,due,made\nA,2026-01-10,\nA,2026-01-10,\nB,2026-01-10,\n"
    more = b"vendor,due,made\nC,2026-01-01,\n" + data.partition(b"\n")[2]
    first = visit(data, path, "2026-03-02", identity_columns=[])
    assert [fact.identity for fact in first.facts] == ["A||2026-01-10|1", "A||2026-01-10|2", "B||2026-01-10|1"]
    grown = visit(more, path, "2026-03-02", identity_columns=[])
    assert {fact.identity for fact in first.facts} < {fact.identity for fact in grown.facts}


def test_a_name_used_twice_is_set_aside(path: Path) -> None:
    data = b"id,vendor,due,made\n" + b"".join(b"%d,A,2026-01-10,\n" % number for number in range(20))
    batch = visit(data + b"7,B,2026-01-11,\n", path, "2026-03-02")
    assert [(problem.where, problem.what) for problem in batch.problems] == [
        ("row 22, column id", '"7" already names row 9')
    ]


# Messages


def test_event_columns_become_one_message_per_filled_cell(path: Path) -> None:
    data = b"id,vendor,quoted,ordered,delivered\n1,A,2026-01-01,2026-01-05,2026-02-01\n2,A,-,2026-01-06,2026-05-01\n"
    events = [
        {"column": "Quoted", "sent": True},
        {"column": "ordered", "sent": True},
        {"column": "delivered", "sent": False},
    ]
    collector = Table(_options(path, data, kind="messages", events=events))
    batch = collector.collect({}, OFFLINE, day("2026-03-02"))
    assert [(fact.identity, fact.at, fact.sent) for fact in batch.facts if isinstance(fact, Message)] == [
        ("1:quoted", day("2026-01-01"), True),
        ("1:ordered", day("2026-01-05"), True),
        ("1:delivered", day("2026-02-01"), False),
        ("2:ordered", day("2026-01-06"), True),
    ]
    later = collector.collect(batch.cursor, OFFLINE, day("2026-05-02"))
    assert [fact.identity for fact in later.facts] == ["2:delivered"]


def test_a_direction_may_stand_in_a_column(path: Path) -> None:
    data = b"vendor,at,way\nA,2026-01-01T10:00,Sent\nA,2026-01-01T10:00,in\nA,2026-01-02,OUT\n"
    options = _options(path, data, kind="messages", at_column="at", direction_column="way", identity_columns=[])
    facts = Table(options).collect({}, OFFLINE, day("2026-03-02")).facts
    assert [fact.sent for fact in facts if isinstance(fact, Message)] == [True, False, True]
    assert len({fact.identity for fact in facts}) == 3


# Measures


def test_number_columns_become_measures(path: Path) -> None:
    data = b"vendor,month,score,defects\nA,2026-01-01,3.8,\nA,2026-02-01,4,0.02\n"
    figures = [{"column": "score", "name": "satisfaction"}, {"column": "defects", "name": "defect_rate", "unit": "%"}]
    options = _options(path, data, kind="measures", at_column="month", measures=figures, identity_columns=[])
    facts = Table(options).collect({}, OFFLINE, day("2026-03-02")).facts
    assert [(fact.name, fact.value, fact.unit, fact.at.month) for fact in facts if isinstance(fact, Measure)] == [
        ("satisfaction", 3.8, None, 1),
        ("satisfaction", 4.0, None, 2),
        ("defect_rate", 0.02, "%", 2),
    ]


@pytest.mark.parametrize(
    ("name", "cell", "expected"),
    [
        ("compliance_incident", "-1", "0 or more"),
        ("meeting", "-2", "0 or more"),
        ("milestone", "7", "0 (missed) to 1 (met)"),
    ],
)
def test_a_measure_that_cannot_be_sets_its_row_aside(path: Path, name: str, cell: str, expected: str) -> None:
    data = b"vendor,month,figure\n" + b"".join(b"A,2026-01-%02d,1\n" % day for day in range(1, 21))
    figures = {"kind": "measures", "at_column": "month", "measures": [{"column": "figure", "name": name}]}
    options = _options(path, data + f"B,2026-01-01,{cell}\n".encode(), identity_columns=[], **figures)
    batch = Table(options).collect({}, OFFLINE, day("2026-03-02"))
    assert [(problem.where, problem.what) for problem in batch.problems] == [
        ("row 22, column figure", f'"{cell}" found, {expected} expected')
    ]
    assert len(batch.facts) == 20


def _options(path: Path, data: bytes, **options: Any) -> Any:
    path.write_bytes(data)
    shared = {name: DELIVERIES[name] for name in ("key_column", "key_scheme", "identity_columns")}
    return Table.Options.model_validate({**shared, "path": str(path), **options})


# What is set aside, and what is refused


@pytest.mark.parametrize(
    ("row", "where", "what"),
    [
        (b"99,A,31/12/2025,", "row 22, column due", '"31/12/2025" found, a date such as 2024-01-05 expected'),
        (b"99,A,,", "row 22, column due", "nothing found, a date expected"),
        (b"99,A,2026-01-01,soon", "row 22, column made", '"soon" found, a date such as 2024-01-05 expected'),
        (b"99,,2026-01-01,", "row 22, column vendor", '"" found, an identifier needs 1 to 320 characters'),
        (b",A,2026-01-01,", "row 22, column id", "nothing found, a value that names the row expected"),
        (b"99,A,2026-01-01,,extra", "row 22", "5 cells found, 4 expected"),
    ],
)
def test_a_bad_cell_sets_its_row_aside(path: Path, row: bytes, where: str, what: str) -> None:
    data = b"id,vendor,due,made\n" + b"".join(b"%d,A,2026-01-10,\n" % number for number in range(20)) + row + b"\n"
    batch = visit(data, path, "2026-03-02")
    assert [(problem.where, problem.what) for problem in batch.problems] == [(where, what)]
    assert len(batch.facts) == 20


def test_more_than_a_tenth_of_bad_rows_is_a_changed_file(path: Path) -> None:
    good = b"".join(b"%d,A,2026-01-10,\n" % number for number in range(9))
    one_in_ten = b"id,vendor,due,made\n" + good + b"99,A,soon,\n"
    assert len(visit(one_in_ten, path, "2026-03-02").problems) == 1
    with pytest.raises(SourceChanged, match=r"2 of 11 rows .* first row 11, column due: \"soon\" found"):
        visit(one_in_ten + b"100,A,soon,\n", path, "2026-03-02")


def test_many_problems_are_counted_rather_than_listed(path: Path) -> None:
    rows = b"".join(b"%d,A,2026-01-10,\n" % number for number in range(2000))
    bad = b"".join(b"x%d,A,soon,\n" % number for number in range(150))
    problems = visit(b"id,vendor,due,made\n" + rows + bad, path, "2026-03-02").problems
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].what == "50 more were set aside"


def test_a_missing_column_is_named_with_those_there_are(path: Path) -> None:
    with pytest.raises(SourceChanged, match='has no column "due"; it has: id, vendor, made'):
        visit(b"id,vendor,made\n1,A,2026-01-01\n", path, "2026-03-02")


def test_a_file_still_being_written_is_tried_later(path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="may still be being written"):
        visit(b"id,vendor,due,made\n1,A,2026-01-10,\n2,A", path, "2026-03-02")


def test_hostile_cells_are_only_text(path: Path) -> None:
    data = b"id,vendor,due,made\n=1+1,\"=cmd|' /C calc'!A0\",2026-01-10,\0\n"
    (fact,) = visit(data, path, "2026-03-02").facts
    assert isinstance(fact, Delivery)
    assert (fact.identity, fact.key.value) == ("=1+1", "=cmd|' /C calc'!A0")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"due_column": None}, "kind deliveries needs due_column"),
        ({"events": [{"column": "a", "sent": True}]}, "events: not used for kind deliveries"),
        ({"kind": "messages", "due_column": "due"}, "due_column, made_column: not used for kind messages"),
        ({"kind": "gossip"}, "'deliveries', 'messages' or 'measures'"),
        ({"url": "https://a.example"}, "give either path or url"),
        ({"path": ""}, "give either path or url"),
        ({"token": "t"}, "token goes with url"),
        ({"time_zone": "Mars/Olympus"}, "is not a time zone"),
        ({"time_zone": "../../etc/passwd"}, "is not a time zone"),
        ({"date_format": "%H"}, "year, month and day"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "ZZZ"}, "currency"),
        ({"key_scheme": "Supplier Code"}, "letters, digits and underscores"),
        ({"due": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_options_that_do_not_fit_are_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Table.Options.model_validate({**DELIVERIES, "path": "a.csv", **change})


def test_messages_need_exactly_one_way_to_tell_direction() -> None:
    shared = {"path": "a.csv", "kind": "messages", "key_column": "k", "key_scheme": "domain"}
    for options in (
        {},
        {"at_column": "at"},
        {"at_column": "at", "direction_column": "d", "events": [{"column": "a", "sent": True}]},
    ):
        with pytest.raises(ValidationError, match="either events, or at_column with direction_column"):
            Table.Options.model_validate({**shared, **options})
    with pytest.raises(ValidationError, match="kind measures needs at_column and measures"):
        Table.Options.model_validate({**shared, "kind": "measures"})
