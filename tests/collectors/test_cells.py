"""Cells as dates and numbers: what is read, and that nothing is guessed."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.cells import CellError, CellReader, quote


@pytest.mark.parametrize(
    ("text", "on", "at", "exact"),
    [
        ("2024-01-05", date(2024, 1, 5), datetime(2024, 1, 4, 16, tzinfo=UTC), False),
        (" 2024/1/5 ", date(2024, 1, 5), datetime(2024, 1, 4, 16, tzinfo=UTC), False),
        ("2024.01.05", date(2024, 1, 5), datetime(2024, 1, 4, 16, tzinfo=UTC), False),
        ("20240105", date(2024, 1, 5), datetime(2024, 1, 4, 16, tzinfo=UTC), False),
        ("2024-01-05T10:30:00", date(2024, 1, 5), datetime(2024, 1, 5, 2, 30, tzinfo=UTC), True),
        ("2024-01-05 10:30", date(2024, 1, 5), datetime(2024, 1, 5, 2, 30, tzinfo=UTC), True),
        ("2024-01-05T23:30:00Z", date(2024, 1, 6), datetime(2024, 1, 5, 23, 30, tzinfo=UTC), True),
        ("2024-01-05T00:00:00+00:00", date(2024, 1, 5), datetime(2024, 1, 5, tzinfo=UTC), True),
    ],
)
def test_dates_are_in_the_zone_of_the_source(text: str, on: date, at: datetime, exact: bool) -> None:
    day = CellReader("Asia/Taipei").day(text, "due")
    assert day is not None
    assert (day.on, day.at, day.exact) == (on, at, exact)


@pytest.mark.parametrize(
    "text", ["05/01/2024", "2024-13-01", "2024-02-30", "2024-1/5", "soon", "45296", "0001-01-01", "2999-01-01"]
)
def test_what_is_no_date_for_certain_is_an_error(text: str) -> None:
    with pytest.raises(CellError, match="expected") as caught:
        CellReader().day(text, "due")
    assert (caught.value.column, f'"{text}" found' in str(caught.value)) == ("due", True)


def test_a_stated_format_is_the_only_one() -> None:
    cells = CellReader(date_format="%d/%m/%Y")
    day = cells.day("05/01/2024", "due")
    assert day is not None
    assert day.on == date(2024, 1, 5)
    with pytest.raises(CellError, match="a date in the format %d/%m/%Y expected"):
        cells.day("2024-01-05", "due")


def test_blanks_are_nothing() -> None:
    cells = CellReader(blanks=("-", "n/a"))
    assert [cells.day(text, "c") for text in ("", "  ", "-", "N/A")] == [None] * 4
    assert cells.number(" - ", "c") is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", "7"), ("-1.50", "-1.50"), ("1,234,567.8", "1234567.8"), (" 3 ", "3"), ("1e3", "1E+3")],
)
def test_numbers_are_exact(text: str, number: str) -> None:
    assert CellReader().number(text, "c") == Decimal(number)


@pytest.mark.parametrize(
    "text", ["1.234,5", "1,23", "12,34,567", "seven", "nan", "inf", "1e99", "$5", "=1+1", "1_000 USD"]
)
def test_what_is_no_number_for_certain_is_an_error(text: str) -> None:
    with pytest.raises(CellError, match="a number such as"):
        CellReader().number(text, "amount")


def test_a_long_cell_is_cut_in_messages() -> None:
    assert quote(" " + "x" * 90) == f'"{"x" * 40}…"'


@given(st.text(max_size=40))
def test_any_text_is_a_cell_or_an_error(text: str) -> None:
    cells = CellReader("America/New_York")
    for read in (cells.day, cells.number):
        with suppress(CellError):
            read(text, "c")


@given(
    st.dates(date(1980, 1, 2), date(2199, 12, 30)),
    st.sampled_from(["Asia/Taipei", "UTC", "America/New_York"]),
)
def test_a_day_begins_within_a_day_of_itself(on: date, zone: str) -> None:
    day = CellReader(zone).day(on.isoformat(), "c")
    assert day is not None
    assert abs(day.at - datetime(on.year, on.month, on.day, tzinfo=UTC)) < timedelta(days=1)
