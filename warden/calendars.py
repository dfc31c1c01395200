"""Calendars: which days people work in a country, and which date it is in a time zone. They know no partner."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import holidays
import numpy as np
from babel.core import get_global
from numpy.typing import NDArray

SATURDAY = 5
WEEK = 7
DAY_SECONDS = 86_400

FIRST_DAY = date(1970, 1, 1).toordinal()
"""Days are counted from 1970-01-01, a Thursday."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all IANA zones, looked for once: that reads six hundred files."""
    return frozenset(available_timezones())


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
    """Tell whether people work that day in every country whose calendar is known; in none of them: Monday to Friday."""
    known = [country for country in countries if is_known(country)]
    if not known:
        return day.weekday() < SATURDAY
    return all(_year(country, day.year)[day.timetuple().tm_yday - 1] > 0 for country in known)


@lru_cache(maxsize=512)
def is_known(country: str) -> bool:
    """Tell whether the library has the calendar of a country (ISO 3166-1 alpha-2)."""
    try:
        holidays.country_holidays(country)
    except NotImplementedError:
        return False
    return True


@lru_cache(maxsize=4096)
def calendar_of(country: str | None, time_zone: str) -> str | None:
    """Return the country whose calendar holds for somebody: their own, else their zone's; None where none is known."""
    found = country or country_of_zone(time_zone)
    return found if found and is_known(found) else None


def exposure(country: str | None, first: int, days: int) -> NDArray[np.float32]:
    """Return how far each of `days` days from `first` (days since 1970) is a working day `(days,)`.

    An ordinary week sums to 7: where five days of a week are worked, each is 7/5, its weekend and holidays are 0. Weeks
    with holidays sum to less. None: a country without a calendar, 1.0 throughout.
    """
    if country is None:
        return np.ones(days, dtype=np.float32)
    begin, end = date.fromordinal(first + FIRST_DAY), date.fromordinal(first + FIRST_DAY + days)
    years = [_year(country, year) for year in range(begin.year, end.year + 1)]
    skipped = begin.timetuple().tm_yday - 1
    return np.concatenate(years)[skipped : skipped + days]


@lru_cache(maxsize=4096)
def _year(country: str, year: int) -> NDArray[np.float32]:
    """Return the exposure of each day of one year."""
    calendar = holidays.country_holidays(country, years=(year - 1, year, year + 1))
    first = date(year, 1, 1).toordinal()
    days = [date.fromordinal(number) for number in range(first, date(year + 1, 1, 1).toordinal())]
    weights = [_weight(calendar, day) if calendar.is_working_day(day) else 0.0 for day in days]
    return np.array(weights, dtype=np.float32)


def _weight(calendar: holidays.HolidayBase, day: date) -> float:
    """Return what one working day counts in the week around a day; countries have moved their weekends."""
    monday = day - timedelta(days=day.weekday())
    free = sum(calendar.is_weekend(monday + timedelta(days=number)) for number in range(WEEK))
    return WEEK / (WEEK - free)


# --- local days -------------------------------------------------------------------------------------------------------


def today(moment: datetime, time_zone: str) -> float:
    """Return the date in a zone as days since 1970, with the time of its day as a fraction (by the wall clock)."""
    local = moment.astimezone(ZoneInfo(time_zone))
    seconds = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
    return local.date().toordinal() - FIRST_DAY + seconds / DAY_SECONDS


def offsets(zones: Sequence[str], zone: NDArray[np.int64], seconds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the seconds east of UTC at moments `(m,)` in seconds since 1970, each in `zones[zone[i]]`."""
    if not len(seconds):
        return np.zeros(0, dtype=np.int64)
    first, last = int(seconds.min()), int(seconds.max())
    years = range(_moment(first).year, _moment(last).year + 1)
    changes = [[change for year in years for change in _changes(name, year)] for name in zones]
    starts = np.array([at for one in changes for at, _ in one], dtype=np.int64)
    east = np.array([offset for one in changes for _, offset in one], dtype=np.int64)
    # Every zone's changes lie in a span of their own, so that one search finds the offset of all moments.
    base = int(starts.min(initial=first))
    span = int(starts.max(initial=last)) - base + 1
    number = np.repeat(np.arange(len(zones)), [len(one) for one in changes])
    place = np.searchsorted(number * span + (starts - base), zone * span + (seconds - base), side="right") - 1
    return east[place]


@lru_cache(maxsize=65_536)
def _changes(time_zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """Return (since when, seconds east of UTC) of a zone through one UTC year, the first at its beginning."""
    zone = ZoneInfo(time_zone)
    begin, end = _seconds(datetime(year, 1, 1, tzinfo=UTC)), _seconds(datetime(year + 1, 1, 1, tzinfo=UTC))
    changes = [(begin, _offset(zone, begin))]
    for day in range(begin, end, DAY_SECONDS):
        low, high = day, min(day + DAY_SECONDS, end - 1)
        if _offset(zone, high) == changes[-1][1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == changes[-1][1] else (low, middle)
        changes.append((high, _offset(zone, high)))
    return tuple(changes)


def _offset(zone: ZoneInfo, seconds: int) -> int:
    offset = _moment(seconds).astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 - of an aware moment
    return round(offset.total_seconds())


def _moment(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _seconds(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds())


def moment_of(local: datetime, time_zone: str, *, last: bool = False) -> datetime | None:
    """Return the moment at which clocks in a zone show `local` (without a zone of its own); None where they never do.

    A time that clocks show twice, because they were set back in between, is the first of the two, or the `last`.
    """
    aware = local.replace(tzinfo=ZoneInfo(time_zone), fold=int(last))
    found = aware.astimezone(UTC)
    return found if found.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None) == local.replace(fold=0) else None
