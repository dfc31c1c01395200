"""Spreadsheets: every encoding a partner list arrives in, every way a file can be broken, and the caps."""

import csv
import gzip
import io
import zipfile
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sheets import package, workbook

from collectors import sheet
from collectors.sheet import BrokenOffError, Grid, SheetError, normalise_header, read_grid, read_table

HANT = "供應商,到期日,備註\n台積電,2024-01-05,交貨延遲\n鴻海精密,2024-02-01,正常\n"
HANS = "供应商,到期日,备注\n华为技术,2024-01-05,交货延迟\n中兴通讯,2024-02-01,正常\n"
VIET = "nhà cung cấp,ngày đến hạn,ghi chú\nCông ty Đại Dương,2024-01-05,trễ hạn\n"
WEST = "name,country\nSanofi,Côte d'Ivoire\nFarmácia,São Tomé\n"


def texts(data: bytes, **options: str) -> list[list[str]]:
    table = read_table(data, filename="file.csv", **options)  # type: ignore[arg-type]
    return [table.headers, *([*row.cells.values()] for row in table.rows)]


def lines(text: str) -> list[list[str]]:
    rows = [line.split(",") for line in text.splitlines()]
    return [[normalise_header(cell) for cell in rows[0]], *rows[1:]]


@pytest.mark.parametrize("text", [HANT, HANS, VIET, WEST])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_unicode_is_recognised_with_and_without_a_mark(text: str, encoding: str) -> None:
    assert texts(text.encode(encoding)) == lines(text)


@pytest.mark.parametrize(
    ("text", "encoding"), [(HANT, "big5"), (HANT, "gb18030"), (HANS, "gb18030"), (HANS, "gbk"), (WEST, "cp1252")]
)
def test_older_encodings_are_recognised(text: str, encoding: str) -> None:
    assert texts(text.encode(encoding)) == lines(text)


@pytest.mark.parametrize(
    ("data", "guessed"),
    [
        (HANT.encode("big5"), ("big5", "供應商,到期日,備註")),
        ("name\nplain\nÉlan\n".encode("cp1252"), ("big5", "匜an")),
        (HANT.encode(), None),
        (HANT.encode("utf-16"), None),
        (b"name\nplain\n", None),
        (workbook({"A": [["name"], ["艾克美"]]}), None),
        (gzip.compress(HANT.encode("big5"), mtime=0), None),
    ],
)
def test_an_encoding_is_a_guess_only_where_nothing_tells_it(data: bytes, guessed: tuple[str, str] | None) -> None:
    assert sheet.guessed_encoding(data) == guessed


def test_an_older_encoding_is_recognised_where_only_the_last_row_shows_it() -> None:
    text = "name,due\n" + "Acme,2024-01-05\n" * 20_000 + "長江和記實業,2024-01-01\n"
    assert texts(text.encode("big5"))[-1] == ["長江和記實業", "2024-01-01"]


def test_a_stated_encoding_wins() -> None:
    assert texts(WEST.encode("cp850"), encoding="cp850") == lines(WEST)
    with pytest.raises(SheetError, match="not utf-8 text: byte"):
        texts(HANT.encode("big5"), encoding="utf-8")
    with pytest.raises(SheetError, match='"klingon" is not the name of an encoding'):
        texts(b"a\n1\n", encoding="klingon")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_the_one_that_splits_the_header(delimiter: str) -> None:
    data = f'"a;b,c"{delimiter}due\n"1{delimiter}2"{delimiter}3\n'.encode()
    assert texts(data)[1] == [f"1{delimiter}2", "3"]


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    table = read_table(b'\n\na,b\n1,"two\nlines"\n,\n\n3,4\n', filename="file.csv")
    assert [row.number for row in table.rows] == [4, 7]
    assert table.rows[0].cells == {"a": "1", "b": "two\nlines"}


def test_headers_have_one_spelling() -> None:
    data = "\ufeff Due  Date ,due-date,DUE_DATE,,供應商　名稱\n1,2,3,4,5\n".encode()
    assert read_table(data, filename="f").headers == ["due_date", "due_date_2", "due_date_3", "column_4", "供應商_名稱"]


def test_short_rows_are_filled_and_long_ones_set_aside() -> None:
    table = read_table(b"a,b,,\n1\n1,2,,\n1,2,3\n4,5\n", filename="file.csv")
    assert [list(row.cells.values()) for row in table.rows] == [["1", ""], ["1", "2"], ["4", "5"]]
    assert [(problem.where, problem.what) for problem in table.problems] == [("row 4", "3 cells found, 2 expected")]


def test_nuls_vanish_and_formulas_are_only_text() -> None:
    data = b"a\0,b\n=cmd|' /C calc'!A0,@SUM(1+9)*c\0md\n"
    assert texts(data) == [["a", "b"], ["=cmd|' /C calc'!A0", "@SUM(1+9)*cmd"]]


@pytest.mark.parametrize("data", [b"", b"\n\n", b" , ,\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_told(data: bytes) -> None:
    with pytest.raises(SheetError, match=r"file\.csv is empty"):
        texts(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'a,b\n1,"2\n3,4\n', "ends inside a quoted cell of row 2"),
        (b"a,b\n1,2\n3", "ends in the middle of row 3"),
        ("a,b\n1,é".encode()[:-1], "ends in the middle of a letter"),
        ("a,b\n1,2".encode("utf-16")[:-1], "ends in the middle of a letter"),
        (gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], "ends in the middle of its compressed data"),
    ],
)
def test_a_file_that_breaks_off_is_told_apart(data: bytes, message: str) -> None:
    with pytest.raises(BrokenOffError, match=message):
        texts(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'a,b\n"1"x,2\n', "row 2, is not valid CSV"),
        (b'a,b\n1,"' + b"x" * 200_000 + b'"\n', "field larger than field limit"),
        (b"\x1f\x8bnothing", "not a valid gzip file"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 99, "old Excel format or encrypted"),
        (b"PK\x03\x04" + b"\0" * 99, "not a readable XLSX file"),
        (b",".join([b"a"] * 301) + b"\n", "301 columns; at most 300"),
    ],
)
def test_what_is_no_sheet_is_refused_with_its_reason(data: bytes, message: str) -> None:
    with pytest.raises(SheetError, match=message):
        texts(data)


def test_too_much_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SheetError, match="unpacks to more than 50,000,000 bytes"):
        texts(gzip.compress(b"\0" * 60_000_000))
    with pytest.raises(SheetError, match="has 50,000,001 bytes"):
        texts(b"a" * 50_000_001)
    monkeypatch.setattr(sheet, "MAX_ROWS", 2)
    with pytest.raises(SheetError, match="more than 2 rows"):
        texts(b"a\n1\n2\n3\n")


# XLSX


def test_a_workbook_reads_as_text() -> None:
    rows = [
        ["ID", "Due Date", "Open", "Value", "Note"],
        [7.0, datetime(2024, 1, 5), True, 1234.5, " =1+1 "],  # noqa: DTZ001
        [None, None, None, None, None],
        [123456789.0, datetime(2024, 1, 5, 10, 30), False, 0.1, "Công ty 台積電"],  # noqa: DTZ001
    ]
    table = read_table(workbook({"Orders": rows}), filename="a.xlsx")
    assert table.headers == ["id", "due_date", "open", "value", "note"]
    assert [(row.number, [*row.cells.values()]) for row in table.rows] == [
        (2, ["7", "2024-01-05", "true", "1234.5", "=1+1"]),
        (4, ["123456789", "2024-01-05T10:30:00", "false", "0.1", "Công ty 台積電"]),
    ]


def test_a_worksheet_is_chosen_by_name() -> None:
    data = workbook({"A": [["a"], ["1"]], "B & C": [["b"], ["2"]]})
    assert texts(data) == [["a"], ["1"]]
    assert texts(data, sheet="B & C") == [["b"], ["2"]]
    with pytest.raises(SheetError, match='no worksheet "D"; it has: A, B & C'):
        texts(data, sheet="D")


def test_rows_keep_their_number_when_the_sheet_starts_lower() -> None:
    lone = '<row r="3"><c r="B3" t="inlineStr"><is><t>h</t></is></c></row><row r="5"><c r="B5"><v>1</v></c></row>'
    table = read_table(package({"A": lone}), filename="a.xlsx")
    assert [(row.number, row.cells["h"]) for row in table.rows] == [(5, "1")]


@pytest.mark.parametrize("reference", ["A1048576", "XFD1", "ZZ500000", "KN40000"])
def test_a_lone_cell_far_away_does_not_cost_memory(reference: str) -> None:
    far = f'<row><c r="A1"><v>1</v></c></row><row><c r="{reference}"><v>1</v></c></row>'
    with pytest.raises(SheetError, match="has a worksheet of"):
        texts(package({"A": far}))


FAR_CELLS = {
    "small letters": '<row r="2"><c r="xfd1048576"><v>1</v></c></row>',
    "many digits": '<row r="2"><c r="A099999999"><v>1</v></c></row>',
    "a far row": '<row r="4294967290"><c><v>1</v></c></row>',
    "no references": f'<row r="2">{"<c><v>1</v></c>" * 1000}</row><row r="400000"><c><v>1</v></c></row>',
    "rows and cells without references": f'<row r="400000"><c r="B2"/></row><row>{"<c><v>1</v></c>" * 30}</row>',
}


@pytest.mark.parametrize("rows", FAR_CELLS.values(), ids=FAR_CELLS)
def test_however_a_far_cell_is_written_the_process_survives_it(rows: str) -> None:
    """The reader would allocate all between, and end the process where it cannot."""
    with pytest.raises(SheetError, match="has a worksheet of"):
        texts(package({"A": rows}))


def test_a_worksheet_with_a_far_cell_is_found_wherever_the_workbook_keeps_it() -> None:
    packed, moved = package({"A": '<row r="2"><c r="XFD1048576"><v>1</v></c></row>'}), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(moved, "w") as new:
        for name in old.namelist():
            new.writestr(name.replace("worksheets", "w"), old.read(name).replace(b"worksheets/", b"w/"))
    with pytest.raises(SheetError, match="has a worksheet of"):
        texts(moved.getvalue())


def test_a_worksheet_without_references_is_read() -> None:
    assert texts(package({"A": "<row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c></row>"})) == [
        ["1", "2"],
        ["3", ""],
    ]


def test_another_kind_of_package_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("content.xml", "<office:document-content/>")
    with pytest.raises(SheetError, match=r"a\.xlsx is not an XLSX file"):
        read_table(packed.getvalue(), filename="a.xlsx")


def test_a_directory_of_entries_that_points_nowhere_is_refused() -> None:
    data = package({"A": "<row><c><v>1</v></c></row>"})
    end = data.rindex(b"PK\x05\x06")
    with pytest.raises(SheetError, match="not a readable XLSX file"):
        texts(data[: end + 12] + b"\xff\xff\xff\x7f" + data[end + 16 :])


def test_an_endless_time_is_refused() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2" s="1"><v>1e300</v></c></row>'
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package({"A": rows}))) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'numFmtId="22"', b'numFmtId="46"'))  # [h]:mm:ss
    with pytest.raises(SheetError, match="row 2, has a time that is too large"):
        texts(changed.getvalue())


def test_a_workbook_that_unpacks_too_large_is_refused_whatever_it_declares() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 60_000_000)
    honest = packed.getvalue()
    lying = honest.replace((60_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != honest
    for data in (honest, lying):
        with pytest.raises(SheetError, match="unpacks to more than 50,000,000 bytes"):
            texts(data)


@given(st.binary(max_size=300) | st.text(alphabet=',;\t"\n\r\0a1é', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        table = read_table(data, filename="f")
    except SheetError:
        return
    assert all(list(row.cells) == table.headers for row in table.rows)


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), min_size=3, max_size=3)),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_was_written_is_read(rows: list[list[str]], encoding: str) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([["a", "b", "c"], *rows])
    grid: Grid = read_grid(written.getvalue().encode(encoding), filename="f")
    assert [list(cells) for _, cells in grid.rows] == [row for row in rows if any(cell.strip() for cell in row)]
