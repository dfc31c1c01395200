"""Calendars: which days people work, country by country, and which date it is, zone by zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden import calendars

MONDAY = date(2026, 1, 5)
ZONES = (
    "UTC", "Asia/Taipei", "Asia/Ho_Chi_Minh", "Asia/Kathmandu", "Africa/Cairo", "Africa/Casablanca", "Europe/Berlin",
    "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati",
    "America/Caracas", "Asia/Pyongyang", "Etc/GMT+12",
)  # fmt: skip


def day_number(day: date) -> int:
    return day.toordinal() - calendars.FIRST_DAY


def week(country: str | None, monday: date) -> list[float]:
    return [round(float(value), 4) for value in calendars.exposure(country, day_number(monday), 7)]


@pytest.mark.parametrize(
    ("country", "monday", "expected"),
    [
        (None, date(2026, 2, 16), [1, 1, 1, 1, 1, 1, 1]),
        ("DE", date(2026, 1, 12), [1.4, 1.4, 1.4, 1.4, 1.4, 0, 0]),
        ("CN", date(2026, 2, 16), [0, 0, 0, 0, 0, 0, 0]),  # Spring Festival
        ("TW", date(2026, 2, 16), [0, 0, 0, 0, 0, 0, 0]),  # Lunar New Year
        ("HK", date(2026, 2, 16), [1.1667, 0, 0, 0, 1.1667, 1.1667, 0]),  # of six working days three are holidays
        ("SG", date(2026, 2, 16), [1.4, 0, 0, 1.4, 1.4, 0, 0]),
        ("VN", date(2026, 2, 16), [0, 0, 0, 0, 0, 0, 0]),  # Tết
        ("VN", date(2026, 4, 27), [0, 1.4, 1.4, 0, 0, 0, 0]),  # Hùng Kings, Reunification, Labour
        ("JP", date(2026, 5, 4), [0, 0, 0, 1.4, 1.4, 0, 0]),  # Golden Week
        ("SA", date(2026, 1, 12), [1.4, 1.4, 1.4, 1.4, 0, 0, 1.4]),  # Friday and Saturday are free
        ("IL", date(2026, 1, 12), [1.4, 1.4, 1.4, 1.4, 0, 0, 1.4]),
        ("IR", date(2026, 1, 5), [1.1667, 1.1667, 1.1667, 1.1667, 0, 1.1667, 1.1667]),
        ("BN", date(2026, 1, 26), [1.4, 1.4, 1.4, 1.4, 0, 1.4, 0]),  # Friday and Sunday
    ],
)
def test_a_week_is_worked_as_its_country_does(country: str | None, monday: date, expected: list[float]) -> None:
    assert week(country, monday) == expected


@pytest.mark.parametrize("country", ["CN", "TW", "HK", "SG", "VN", "JP", "SA", "IR", "US", "DE"])
def test_an_ordinary_week_sums_to_seven_and_a_year_to_less(country: str) -> None:
    weeks = calendars.exposure(country, day_number(MONDAY), 104 * 7).reshape(-1, 7).sum(axis=1)
    assert np.median(weeks) == pytest.approx(7.0)
    assert 0.85 < weeks.sum() / 728 < 1.0


def test_a_weekend_that_is_worked_for_a_long_holiday_counts() -> None:
    assert week("CN", date(2026, 2, 9)) == [1.4, 1.4, 1.4, 1.4, 1.4, 1.4, 0], "Saturday the 14th is worked"


def test_a_country_moves_its_weekend(monkeypatch: pytest.MonkeyPatch) -> None:
    assert week("AE", date(2026, 1, 12))[4:] == [1.4, 0, 0]
    assert week("AE", date(2019, 1, 14))[4:] == [0, 0, 1.4], "until 2022 it was Friday and Saturday"


@pytest.mark.parametrize(
    ("country", "zone", "found"),
    [
        ("VN", "Asia/Taipei", "VN"),
        (None, "Asia/Taipei", "TW"),
        (None, "UTC", None),
        ("XX", "Asia/Taipei", None),
        (None, "Etc/GMT+5", None),
    ],
)
def test_the_calendar_is_that_of_the_country_else_of_its_zone(
    country: str | None, zone: str, found: str | None
) -> None:
    assert calendars.calendar_of(country, zone) == found


def test_working_days_are_counted_over_years_and_countries() -> None:
    assert calendars.is_working_day(date(2026, 2, 28), []) is False
    assert calendars.is_working_day(date(2026, 2, 27), ["XX"])
    assert not calendars.is_working_day(date(2026, 2, 27), ["VN", "TW"])
    assert calendars.add_working_days(date(2026, 2, 13), 1, ["VN", "TW"]) == date(2026, 2, 23)
    assert calendars.add_working_days(date(2025, 12, 31), 1, ["DE"]) == date(2026, 1, 2)


@given(
    st.lists(st.tuples(st.integers(0, len(ZONES) - 1), st.integers(0, 2_000_000_000)), max_size=40),
)
def test_many_moments_get_the_date_their_zone_says(moments: list[tuple[int, int]]) -> None:
    zone = np.array([place for place, _ in moments], dtype=np.int64)
    seconds = np.array([at for _, at in moments], dtype=np.int64)
    expected = [
        day_number((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).astimezone(ZoneInfo(ZONES[place])).date())
        for place, at in moments
    ]
    assert ((seconds + calendars.offsets(ZONES, zone, seconds)) // calendars.DAY_SECONDS).tolist() == expected
