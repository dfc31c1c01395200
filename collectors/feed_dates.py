"""When a feed says something happened: dates as English, Chinese and Vietnamese feeds write them, in every flawed form.

Nothing is guessed: what is not surely a date is None. Feed libraries read "2025年2月3日" as the 1st of November.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FIRST_YEAR, LAST_YEAR = 1990, 2199
MAX_DATE = 120
"""Characters; what is longer is no date."""

_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11,
    "dec": 12,
}  # fmt: skip
_NAMED_HOURS = {
    "ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "bst": 1, "cet": 1, "west": 1, "cest": 2, "eet": 2, "eest": 3,
    "msk": 3, "ict": 7, "wib": 7, "hkt": 8, "myt": 8, "pht": 8, "sgt": 8, "awst": 8, "jst": 9, "kst": 9, "aest": 10,
    "aedt": 11, "nzst": 12, "nzdt": 13, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8,
    "pdt": -7,
}  # fmt: skip
_DAY_FIRST = frozenset({
    "vi", "fr", "de", "es", "it", "pt", "nl", "pl", "id", "ms", "th", "ru", "tr", "en-gb", "en-au", "en-nz", "en-in",
    "en-ie", "en-sg", "en-hk",
})  # fmt: skip
_MONTH_FIRST = frozenset(["en-us"])

_CHINESE = re.compile(r"(民國|民国)?\s*(\d{2,4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日號号]?")
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})\s*([-/.])\s*(\d{1,2})\s*\2\s*(\d{1,2})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2})?)?(?!\d)")
_DAY_MONTH = re.compile(r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?[\s.\-/]*([a-z]{3,9})[\s.,\-/]+(\d{4}|\d{2})(?![\d:])", re.I)
_MONTH_DAY = re.compile(r"\b([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,\s*|\s+)(\d{4})(?!\d)", re.I)
_ASCTIME = re.compile(r"\b([a-z]{3})\s+(\d{1,2})\s+(?=\d{1,2}:).*\s(\d{4})\s*$", re.I)
_VIETNAMESE = re.compile(r"(?<!\d)(\d{1,2})\s+tháng\s+(\d{1,2}),?\s*(?:năm\s+)?(\d{4})(?!\d)", re.I)
_NUMERIC = re.compile(r"(?<!\d)(\d{1,2})\s*([/.\-])\s*(\d{1,2})\s*\2\s*(\d{4})(?!\d)")
_VIETNAMESE_WORDS = re.compile(r"\b(?:thứ|chủ\s+nhật|ngày|tháng|năm|sa|ch)\b", re.I)
_TIME = re.compile(
    r"(?P<before>上午|下午|凌晨|清晨|早上|中午|晚上|傍晚|半夜)?\s*"
    r"(?<!\d)(?P<hour>\d{1,2})\s*[:：hH時时點点]\s*(?P<minute>\d{2})(?!\d)\s*分?"
    r"(?:\s*[:：]?\s*(?P<second>\d{2})(?!\d)\s*秒?)?(?:[.,]\d{1,9})?\s*(?P<after>[ap]\.?m\b\.?|sa\b|ch\b)?",
    re.I,
)
_OFFSET = re.compile(r"(?:gmt|utc)?\s*([+\-−])\s*(\d{1,2})(?::?(\d{2}))?(?!\d)", re.I)
_ZONE = re.compile(r"\b[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_]+)+\b")
_WORD = re.compile(r"(?<![a-z])[a-z]{1,5}(?![a-z])", re.I)


def read_date(text: str, *, zone: tzinfo = UTC, language: str | None = None) -> datetime | None:
    """Return the moment a text names, UTC; None for what is no date, is ambiguous, or lies before 1990.

    `zone` is the zone of dates that name none, or one nobody knows. `language` decides between day and month first
    ("03/02/2025") where nothing in the text does, and what "CST" means.
    """
    text = " ".join(text[: MAX_DATE + 1].split())
    if not text or len(text) > MAX_DATE:
        return None
    moment = _epoch(text)
    if moment is None:
        tag = (language or "").lower().replace("_", "-")
        moment = next((found for found in _readings(text, zone, tag) if found is not None), None)
    return moment if moment and FIRST_YEAR <= moment.year <= LAST_YEAR else None


def _epoch(text: str) -> datetime | None:
    """Read seconds or milliseconds since 1970."""
    if not re.fullmatch(r"\d{10}|\d{13}", text) or not text.isascii():
        return None
    return datetime.fromtimestamp(int(text[:10]), UTC)


def _readings(text: str, zone: tzinfo, language: str) -> Iterator[datetime | None]:
    """Yield the moment, once per form that finds a date in the text."""
    for day, start, end in _days(text, language):
        # what the date took is gone, so that its digits are not read as a time or an offset
        rest = f"{text[:start]} {text[end:]}"
        yield _moment(day, rest, zone, language)
    if match := _COMPACT.search(text):
        compact = _date(match[1], match[2], match[3])
        clock = f" {match[4]}:{match[5]}:{match[6] or '00'} " if match[4] else " "
        if compact:
            yield _moment(compact, clock + text[match.end() :], zone, language)


def _days(text: str, language: str) -> Iterator[tuple[date, int, int]]:
    """Yield (date, start, end) of the first form that fits, at most one, nothing if it is no date of the calendar."""
    day: date | None = None
    if match := _CHINESE.search(text):
        year = int(match[2]) + 1911 if match[1] or len(match[2]) < 4 else int(match[2])
        day = _date(year, match[3], match[4])
    elif match := _YEAR_FIRST.search(text):
        day = _date(match[1], match[3], match[4])
    elif match := _VIETNAMESE.search(text):
        day = _date(match[3], match[2], match[1])
    elif match := _NUMERIC.search(text):
        day = _numeric(int(match[1]), int(match[3]), int(match[4]), text, language)
    elif match := _DAY_MONTH.search(text):
        day = _date(_full_year(match[3]), _MONTHS.get(match[2][:3].lower(), 0), match[1])
    elif match := _MONTH_DAY.search(text):
        day = _date(match[3], _MONTHS.get(match[1][:3].lower(), 0), match[2])
    elif match := _ASCTIME.search(text):
        day = _date(match[3], _MONTHS.get(match[1].lower(), 0), match[2])
        if day:
            yield day, match.start(), match.end(2)
        return
    if match and day:
        yield day, match.start(), match.end()


def _numeric(first: int, second: int, year: int, text: str, language: str) -> date | None:
    """Read "03/02/2025": day first or month first, by what is possible, else by language, else not at all."""
    if first > 12 or second > 12:
        return _date(year, second, first) if first > 12 else _date(year, first, second)
    if first == second or _VIETNAMESE_WORDS.search(text) or {language, language.partition("-")[0]} & _DAY_FIRST:
        return _date(year, second, first)
    return _date(year, first, second) if language in _MONTH_FIRST else None


def _full_year(digits: str) -> int:
    """Return a year of four digits; of two, RFC 2822 reads 00 to 49 as 20xx."""
    year = int(digits)
    return year if len(digits) == 4 else year + (2000 if year < 50 else 1900)


def _date(year: int | str, month: int | str, day: int | str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _moment(day: date, rest: str, zone: tzinfo, language: str) -> datetime | None:
    """Join a date with the time and zone in the rest of the text; midnight where it names no time."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 its zone follows
    match = _TIME.search(rest)
    if match is None:
        wall, tail = midnight, rest
    else:
        passed = _passed(match)
        if passed is None:
            return None
        wall, tail = midnight + passed, rest[match.end() :]
    try:
        return wall.replace(tzinfo=_zone(tail, language) or zone).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _passed(match: re.Match[str]) -> timedelta | None:
    """Return how long after midnight a time of day is; None for 25:61."""
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    mark = (match["before"] or match["after"] or "").lower()
    if mark == "中午":
        hour += 12 if hour < 3 else 0
    elif mark and hour <= 12:
        hour = hour % 12 + (12 if mark[0] in "p下晚傍" or mark == "ch" else 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return None
    return timedelta(hours=hour, minutes=minute, seconds=min(second, 59))


def _zone(text: str, language: str) -> tzinfo | None:
    """Return the zone named after a time: an offset, else a place, else a well-known abbreviation."""
    if match := _OFFSET.search(text):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if offset <= timedelta(hours=14):
            return timezone(offset if match[1] == "+" else -offset)
    if match := _ZONE.search(text):
        try:
            return ZoneInfo(match[0])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None
    for word in _WORD.findall(text):
        name = word.lower()
        if name == "cst" and language.startswith("zh"):  # China Standard Time
            return timezone(timedelta(hours=8))
        if name in _NAMED_HOURS:
            return timezone(timedelta(hours=_NAMED_HOURS[name]))
    return None
