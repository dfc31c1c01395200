"""Spreadsheets as text: CSV or XLSX bytes become headers and numbered rows. It interprets no dates and no numbers.

Everything is capped before it is read, because a small file can unpack into a large one.
"""

import csv
import io
import re
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from charset_normalizer import from_bytes
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from collectors.base import Problem

MAX_BYTES = 50_000_000
"""Of a file after unpacking."""
MAX_ROWS = 500_000
MAX_COLUMNS = 300
MAX_CELLS = 10_000_000
"""Rows times columns of a worksheet, empty cells included: a lone cell far away costs memory for all between."""

_GZIP, _ZIP, _OLD_EXCEL = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_DELIMITERS = ",;\t"
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_LEGACY_ENCODINGS = ["big5", "gb18030", "cp1252"]
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]*)0*(\d*)["']""")
"""Where a cell stands (r="B7"), or a row (r="7"); the reader takes small letters and any number of digits."""
_CELL, _ROW = re.compile(rb"<(?:\w+:)?c[\s/>]"), re.compile(rb"<(?:\w+:)?row[\s/>]")
_FAR = 10_000_000  # further than any worksheet goes


class SheetError(ValueError):
    """The file as a whole cannot be read. One sentence: what was found and what was expected."""


class BrokenOffError(SheetError):
    """The file ends in the middle, as one does that is still being written."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A sheet as read: `rows` yields (row number as a spreadsheet shows it, exactly one text per header).

    Rows can be iterated once; a row with more cells than headers is not yielded but told in `problems`.
    """

    headers: list[str]
    rows: Iterator[tuple[int, Sequence[str]]]
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `cells` are trimmed texts by normalised header, "" where empty."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A whole sheet. `headers` are normalised; `problems` are the rows set aside because cells spilled over."""

    headers: list[str]
    rows: list[Row]
    problems: list[Problem]


def read_table(data: bytes, *, filename: str, encoding: str | None = None, sheet: str | None = None) -> Table:
    """Return all rows of a CSV or XLSX file (either may be gzipped), blank rows left out.

    `filename` is only used in messages. `encoding` overrides detection (CSV). `sheet` names a worksheet, else the
    first is read. Raises SheetError.
    """
    grid = read_grid(data, filename=filename, encoding=encoding, sheet=sheet)
    rows = [
        Row(number, {header: text.strip() for header, text in zip(grid.headers, cells, strict=True)})
        for number, cells in grid.rows
    ]
    return Table(grid.headers, rows, grid.problems)


def read_grid(data: bytes, *, filename: str, encoding: str | None = None, sheet: str | None = None) -> Grid:
    """Return the sheet row by row, without a dictionary per row; see `read_table`. Raises SheetError, also while
    iterating."""
    if data.startswith(_GZIP):
        data = _gunzip(data, filename)
    if len(data) > MAX_BYTES:
        raise SheetError(f"{filename} has {len(data):,} bytes; at most {MAX_BYTES:,} are read.")
    if data.startswith(_OLD_EXCEL):
        raise SheetError(f"{filename} is in the old Excel format or encrypted; save it as .xlsx or .csv.")
    records = _xlsx_records(data, filename, sheet) if data.startswith(_ZIP) else _csv_records(data, filename, encoding)
    return _grid(records, filename)


def normalise_header(text: str) -> str:
    """Return a column's name in the one spelling it is compared in: "Due  Date" and "due_date" are the same."""
    return re.sub(r"[\s_\-]+", "_", unicodedata.normalize("NFKC", text).strip().casefold()).strip("_")


def _grid(records: Iterator[tuple[int, Sequence[str]]], filename: str) -> Grid:
    header = next((cells for _, cells in records if any(cell.strip() for cell in cells)), None)
    if header is None:
        raise SheetError(f"{filename} is empty; a first row with column names was expected.")
    width = max(place for place, cell in enumerate(header, start=1) if cell.strip())
    if width > MAX_COLUMNS:
        raise SheetError(f"{filename} has {width} columns; at most {MAX_COLUMNS} are read.")
    problems: list[Problem] = []
    return Grid(_headers(header[:width]), _body(records, width, filename, problems), problems)


def _headers(cells: Sequence[str]) -> list[str]:
    """Normalise; a nameless column is called by its number, a repeated name gets "_2", "_3", …"""
    headers: list[str] = []
    for place, cell in enumerate(cells, start=1):
        name = normalise_header(cell) or f"column_{place}"
        unique, count = name, 1
        while unique in headers:
            count += 1
            unique = f"{name}_{count}"
        headers.append(unique)
    return headers


def _body(
    records: Iterator[tuple[int, Sequence[str]]], width: int, filename: str, problems: list[Problem]
) -> Iterator[tuple[int, Sequence[str]]]:
    count = 0
    for number, cells in records:
        found = len(cells)
        if found != width:
            if any(cell.strip() for cell in cells[width:]):
                problems.append(Problem(f"row {number}", f"{found} cells found, {width} expected"))
                continue
            cells = [*cells[:width], *[""] * (width - found)]
        if not any(map(str.strip, cells)):
            continue
        count += 1
        if count > MAX_ROWS:
            raise SheetError(f"{filename} has more than {MAX_ROWS:,} rows; at most that many are read.")
        yield number, cells


def _gunzip(data: bytes, filename: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise SheetError(f"{filename} is not a valid gzip file.") from error
    if len(unpacked) > MAX_BYTES:
        raise _too_large(filename)
    if not unpacker.eof:
        raise BrokenOffError(f"{filename} ends in the middle of its compressed data.")
    return unpacked


def _too_large(filename: str) -> SheetError:
    return SheetError(f"{filename} unpacks to more than {MAX_BYTES:,} bytes; at most that many are read.")


# CSV


def _csv_records(data: bytes, filename: str, encoding: str | None) -> Iterator[tuple[int, Sequence[str]]]:
    text = decode(data, filename=filename, encoding=encoding).replace("\0", "")
    # strict: a quote that is never closed would otherwise swallow every row after it
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=_delimiter(text), strict=True)
    is_open = not text.endswith(("\n", "\r"))
    number = width = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _not_csv(error, filename, number) from error
        width = width or len(cells)
        if is_open and len(cells) < width and lines.tell() == len(text):
            raise BrokenOffError(f"{filename} ends in the middle of row {number}.")
        yield number, cells


def _not_csv(error: csv.Error, filename: str, number: int) -> SheetError:
    if "unexpected end" in str(error):
        return BrokenOffError(f"{filename} ends inside a quoted cell of row {number}.")
    return SheetError(f"{filename}, row {number}, is not valid CSV: {error}.")


def decode(data: bytes, *, filename: str, encoding: str | None = None) -> str:
    """Return the text of a CSV file: a stated encoding, else a byte order mark, else UTF-8, UTF-16, Big5, GB18030 or
    Windows-1252, whichever fits. Raises SheetError."""
    for candidate in [encoding] if encoding else _candidates(data):
        try:
            return data.decode(candidate)
        except UnicodeDecodeError as error:
            failure = error
        except (LookupError, ValueError) as error:  # ValueError: a name with a NUL in it
            raise SheetError(f'"{candidate[:40]}" is not the name of an encoding.') from error
    if "unexpected end" in failure.reason or "truncated" in failure.reason or "incomplete" in failure.reason:
        raise BrokenOffError(f"{filename} ends in the middle of a letter.") from failure
    place = f"byte {failure.start + 1} does not fit"
    raise SheetError(f"{filename} is not {failure.encoding} text: {place}. State its encoding.") from failure


def guessed_encoding(data: bytes) -> tuple[str, str] | None:
    """Return what a CSV file is guessed to be encoded in, and a line of it read so, for a person to judge.

    None where nothing is guessed: a workbook, a gzipped file, UTF-8, UTF-16, or a file with a byte order mark.
    """
    candidates = [] if data.startswith((_GZIP, _ZIP, _OLD_EXCEL)) else _candidates(data)
    for candidate in candidates if len(candidates) > 1 else ():
        try:
            lines = data.decode(candidate).splitlines()
        except UnicodeDecodeError:
            continue
        return candidate, next((line for line in lines if not line.isascii()), "")[:80]
    return None


def _candidates(data: bytes) -> list[str]:
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return [name]
    sample = data[:4096]
    if sample[1::2].count(0) > len(sample) // 4:
        return ["utf-16-le"]
    if sample[::2].count(0) > len(sample) // 4:
        return ["utf-16-be"]
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if "unexpected end" in error.reason:
            return ["utf-8"]
        telling = b"\n".join(line for line in data.splitlines() if not line.isascii())[:65536]
        return [*(match.encoding for match in from_bytes(telling, cp_isolation=_LEGACY_ENCODINGS)), "utf-8"]
    return ["utf-8"]


def _delimiter(text: str) -> str:
    """Choose the delimiter that splits the first non-blank line into the most cells."""
    start = re.search(r"\S", text)
    if start is None:
        return ","
    line = text[start.start() : start.start() + 65536].splitlines()[0]
    return max(_DELIMITERS, key=lambda delimiter: len(next(csv.reader([line], delimiter=delimiter))))


# XLSX


def _xlsx_records(data: bytes, filename: str, sheet: str | None) -> Iterator[tuple[int, Sequence[str]]]:
    _check_unpacked(data, filename)
    rows = enumerate(_open_worksheet(data, filename, sheet).iter_rows(), start=1)
    number = 0
    while True:
        try:
            number, values = next(rows)
        except StopIteration:
            return
        except OverflowError as error:
            raise SheetError(f"{filename}, row {number + 1}, has a time that is too large to be one.") from error
        yield number, [_as_text(value) for value in values]


def _open_worksheet(data: bytes, filename: str, sheet: str | None) -> CalamineSheet:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = workbook.sheet_names
        if sheet is not None and sheet not in names:
            raise SheetError(f'{filename} has no worksheet "{sheet}"; it has: {", ".join(names)}.')
        if not names:
            raise SheetError(f"{filename} has no worksheets.")
        return workbook.get_sheet_by_name(sheet or names[0])
    except CalamineError as error:
        raise SheetError(f"{filename} is not a readable XLSX file: {error}.") from error


def _check_unpacked(data: bytes, filename: str) -> None:
    """Refuse a workbook that unpacks too large, by what it unpacks to and not by what it declares."""
    budget = MAX_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if "xl/workbook.xml" not in map(str.lower, archive.namelist()):
                raise SheetError(f"{filename} is not an XLSX file; save it as .xlsx or .csv.")
            for entry in archive.infolist():
                entry.file_size = budget + 1_000_000  # read on past the declared size: it may be a lie
                with archive.open(entry) as file:
                    content = file.read(budget + 1)
                budget -= len(content)
                if budget < 0:
                    raise SheetError(
                        f"{filename} unpacks to more than {MAX_BYTES:,} bytes; at most that many are read."
                    )
                if b"sheetData" in content:  # wherever in the workbook it stands: any name may be a worksheet's
                    _check_extent(content, filename)
    except SheetError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise SheetError(f"{filename} is not a readable XLSX file: {error}.") from error


def _check_extent(worksheet: bytes, filename: str) -> None:
    """Refuse a worksheet whose outermost cells span more than the caps.

    The reader allocates all between, and where that memory cannot be had the whole process dies: no error is raised.
    """
    height, width = _extent(worksheet)
    if height > MAX_ROWS or width > MAX_COLUMNS or height * width > MAX_CELLS:
        raise SheetError(
            f"{filename} has a worksheet of {height:,} rows and {width:,} columns; "
            f"at most {MAX_ROWS:,}, {MAX_COLUMNS} and {MAX_CELLS:,} cells are read."
        )


def _extent(worksheet: bytes) -> tuple[int, int]:
    """Return at least as many rows and columns as the cells of a worksheet span, from 1 on.

    A cell or row without a reference stands behind the one before it.
    """
    columns: Counter[bytes] = Counter()
    height = rows = 0
    for column, row in _REFERENCE.findall(worksheet):
        if column:
            columns[column] += 1
        else:
            rows += 1
        height = max(height, int(row or 0) if len(row) < 8 else _FAR)
    width = max(map(_column_number, columns), default=0)
    height += max(len(_ROW.findall(worksheet)) - rows, 0)
    if len(_CELL.findall(worksheet)) > columns.total():
        width += max(len(_CELL.findall(row)) for row in _ROW.split(worksheet))
    return height, width


def _column_number(name: bytes) -> int:
    number = 0
    for letter in name.upper() if len(name) < 6 else b"ZZZZZ":
        number = number * 26 + letter - 64
    return number


def _as_text(value: object) -> str:
    """Write a cell as a person would: 7.0 as "7", a date without its empty time, a moment as ISO 8601."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat()
    return value.isoformat() if isinstance(value, date | time) else str(value)
