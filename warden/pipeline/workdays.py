"""Working days by the public holidays of one or more countries. Without a known country: Monday to Friday."""

from collections.abc import Collection
from datetime import date, timedelta
from functools import lru_cache

import holidays
from babel.core import get_global

SATURDAY = 5


def country_of_zone(time_zone: str) -> str | None:
    """Return the country (ISO 3166-1 alpha-2) an IANA zone lies in; None for UTC and the like."""
    territory: str | None = get_global("zone_territories").get(time_zone)
    return territory if territory and len(territory) == 2 and territory.isalpha() else None


def add_working_days(day: date, count: int, countries: Collection[str]) -> date:
    """Return the day `count` (>= 1) working days after `day`; a day counts when it is one in every country."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day, countries)
    return day


def is_working_day(day: date, countries: Collection[str]) -> bool:
    """Tell whether people work that day in every country that the calendar knows."""
    calendars = [calendar for country in countries if (calendar := _calendar(country)) is not None]
    if not calendars:
        return day.weekday() < SATURDAY
    return all(calendar.is_working_day(day) for calendar in calendars)


@lru_cache(maxsize=256)
def _calendar(country: str) -> holidays.HolidayBase | None:
    try:
        return holidays.country_holidays(country)
    except NotImplementedError:  # the library does not cover this country
        return None
