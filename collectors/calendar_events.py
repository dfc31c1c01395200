"""iCalendar text (RFC 5545) as meetings: each occurrence of a recurring one by itself, in UTC. It knows no partner.

Written for hostile input: anybody may invite somebody, and so write into a calendar.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar
from icalendar.prop import vBroken

from collectors.base import Problem
from collectors.mail import addresses

MAX_BYTES = 10_000_000
MAX_EVENTS = 20_000
MAX_OCCURRENCES = 100_000
SECONDS_PER_CALENDAR = 20.0
"""Of processor time, for working out when everything recurs."""
MAX_DEPTH = 8
"""Parts inside components: a calendar, an event, an alarm, and some."""
MAX_PEOPLE = 500
MAX_RULES = 3
"""By which one event recurs; RFC 5545 wants no more than one."""
MAX_DATES = 2_000
"""Listed one by one for one event, added or left out."""
FIRST_YEAR = 1990
MAX_TEXT = 500

Part = Any
"""A calendar, an event or a rule as icalendar has it, whose types promise no more than that a property is one."""

_SPANS = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 31, "YEARLY": 366}
"""Frequencies of meetings, and the most days that a period of each has."""
_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_CLOCK = ("BYHOUR", "BYMINUTE", "BYSECOND")
_DATES = ("RDATE", "EXDATE")
_EDGE = re.compile(rb"^(BEGIN|END):", re.MULTILINE | re.IGNORECASE)
UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError)
"""What the readers of dates and rules raise for what is no date and no rule."""


class CalendarError(ValueError):
    """The text as a whole cannot be read. One sentence: what was found and what was expected."""


class BrokenOffError(CalendarError):
    """The text ends in the middle, as a file does that is still being written."""


class EventError(ValueError):
    """One event cannot be read; `str(error)` says why."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invited, or the one who invites; the address is in lower case."""

    address: str
    declined: bool


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One meeting. `recurrence`: which of a series, "" where it stands alone. Moments are UTC."""

    uid: str
    recurrence: str
    starts_at: datetime
    ends_at: datetime
    cancelled: bool
    title: str
    categories: tuple[str, ...]
    people: tuple[Person, ...]


@dataclass(slots=True)
class Reading:
    """What a calendar says about a span of time. `events`: how many it has, those set aside included."""

    occurrences: list[Occurrence] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    events: int = 0


def read_calendar(data: bytes, zone: str, since: datetime, until: datetime) -> Reading:
    """Return every meeting that touches the span from `since` to `until`, in order of time.

    `zone`: where whole days and times without a zone are meant, unless the calendar names its own. Raises
    CalendarError.
    """
    reading = Reading()
    deadline = time.thread_time() + SECONDS_PER_CALENDAR
    for calendar in calendars_in(data):
        own = _zone(str(calendar.get("X-WR-TIMEZONE", ""))) or ZoneInfo(zone)
        zones = calendar.walk("VTIMEZONE")
        for uid, events in _by_uid(calendar).items():
            reading.events += len(events)
            try:
                reading.occurrences += _occurrences(uid, events, zones, own, since, until)
            except EventError as error:
                reading.problems.append(Problem(f"the event {uid[:60]}", str(error)))
            if time.thread_time() > deadline:
                raise CalendarError(f"The rule by which the event {uid[:60]} recurs takes too long to work out.")
            if len(reading.occurrences) > MAX_OCCURRENCES:
                raise CalendarError(f"More than {MAX_OCCURRENCES:,} meetings fall into the span that is looked at.")
    reading.occurrences.sort(key=lambda one: (one.starts_at, one.uid, one.recurrence))
    return reading


def calendars_in(data: bytes) -> list[Part]:
    """Return the calendars of a text, within its caps. Raises CalendarError."""
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if not text[:15].upper().startswith(b"BEGIN:VCALENDAR"):
        raise CalendarError('This is no calendar: it would begin with "BEGIN:VCALENDAR".')
    if not text[-13:].upper().endswith(b"END:VCALENDAR"):
        raise BrokenOffError("The calendar ends in the middle.")
    events = len(re.findall(rb"^BEGIN:VEVENT", text, re.MULTILINE | re.IGNORECASE))
    if events > MAX_EVENTS:
        raise CalendarError(f"The calendar has {events:,} events; at most {MAX_EVENTS:,} are read.")
    _refuse_depths(text)
    try:
        return [one for one in Calendar.from_ical(text, multiple=True) if one.name == "VCALENDAR"]
    except UNREADABLE as error:
        raise CalendarError("The calendar is not valid iCalendar text (RFC 5545).") from error


def _refuse_depths(text: bytes) -> None:
    depth = 0
    for edge in _EDGE.findall(text):
        depth += 1 if edge.upper() == b"BEGIN" else -1
        if not 0 <= depth <= MAX_DEPTH:
            raise CalendarError("The calendar's parts do not lie inside each other as RFC 5545 has them.")


def _by_uid(calendar: Part) -> dict[str, list[Part]]:
    """Return the events by what names them, an event with those of its occurrences that were changed."""
    found: dict[str, list[Part]] = defaultdict(list)
    for event in calendar.walk("VEVENT"):
        found[str(event.get("UID", ""))].append(event)
    return found


def _occurrences(
    uid: str, events: Sequence[Part], zones: Sequence[Part], own: ZoneInfo, since: datetime, until: datetime
) -> list[Occurrence]:
    """Raises EventError."""
    if not uid:
        raise EventError("no UID")
    for event in events:
        _refuse_rules(event)
    recurs = len(events) > 1 or any(name in events[0] for name in ("RRULE", "RDATE", "RECURRENCE-ID"))
    alone = Calendar()
    alone.subcomponents = [*zones, *events]
    try:
        query = recurring_ical_events.of(alone)
        return [_occurrence(uid, one, own, recurs) for one in _within(query, since, until)]
    except EventError:
        raise
    except UNREADABLE as error:
        raise EventError("its times or the rule by which it recurs cannot be read") from error


def _within(query: Any, since: datetime, until: datetime) -> Iterator[Part]:
    # A day more on either side: times without a zone are compared as if they were UTC.
    yield from query.between(since - timedelta(days=1), until + timedelta(days=1))


def _refuse_rules(event: Part) -> None:
    """Refuse what is no event of people: rules of hours and less, and what began before anybody kept calendars."""
    broken = [name for name in _TIMES if any(isinstance(one, vBroken) for one in _listed(event.get(name)))]
    if broken or "DTSTART" not in event:
        raise EventError(f"no {[*broken, 'DTSTART'][0]} that can be read")
    rules = _listed(event.get("RRULE"))
    if len(rules) > MAX_RULES:
        raise EventError(f"recurs by {len(rules)} rules; at most {MAX_RULES} are read")
    for rule in rules:
        _refuse_rule(rule)
    dates = sum(len(getattr(one, "dts", ())) for name in _DATES for one in _listed(event.get(name)))
    if dates > MAX_DATES:
        raise EventError(f"lists {dates:,} dates; at most {MAX_DATES:,} are read")
    if "RRULE" in event and event["DTSTART"].dt.year < FIRST_YEAR:
        raise EventError(f"recurs since before {FIRST_YEAR}")


def _refuse_rule(rule: Any) -> None:
    """Refuse a rule that is none, and one that no day fits: such a day would be sought for thousands of years."""
    frequency = str(_first(rule, "FREQ")).upper()
    if frequency not in _SPANS:
        raise EventError("recurs by a rule that is none, or more than once a day")
    if any(len(rule.get(name, ())) > 1 for name in _CLOCK):
        raise EventError("recurs several times a day")
    if any(step < 1 for step in rule.get("INTERVAL", ())):
        raise EventError("recurs after no time at all")
    if frequency != "YEARLY" and ("BYYEARDAY" in rule or "BYWEEKNO" in rule):
        raise EventError("recurs by days or weeks of the year, but not yearly")
    positions, days, months = (rule.get(name, ()) for name in ("BYSETPOS", "BYMONTHDAY", "BYMONTH"))
    longest = max((_MONTHS[(int(month) - 1) % 12] for month in months), default=31)
    is_never = (positions and min(map(abs, positions)) > _SPANS[frequency]) or (days and min(map(abs, days)) > longest)
    if is_never:
        raise EventError("recurs on days that never come")


def _first(rule: Any, name: str) -> Any:
    value = rule.get(name, "")
    return value[0] if isinstance(value, list) and value else value


def _occurrence(uid: str, event: Part, own: ZoneInfo, recurs: bool) -> Occurrence:
    """Raises EventError, or what `UNREADABLE` lists."""
    start, end = _moment(event["DTSTART"].dt, own), _moment(event["DTEND"].dt, own)
    recurrence = _moment(event["RECURRENCE-ID"].dt, own).isoformat() if recurs else ""
    return Occurrence(
        uid=uid,
        recurrence=recurrence,
        starts_at=start,
        ends_at=max(start, end),
        cancelled=str(event.get("STATUS", "")).upper() == "CANCELLED",
        title=str(event.get("SUMMARY", ""))[:MAX_TEXT],
        categories=tuple(_categories(event)),
        people=tuple(_people(event)),
    )


def _moment(value: date, own: ZoneInfo) -> datetime:
    """Return the moment of a date, which is a whole day, or of a time; of one without a zone, in `own`."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=own)
    moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=own).astimezone(UTC)
    if moment.year < FIRST_YEAR:
        raise EventError(f"a time before {FIRST_YEAR}")
    return moment


def _categories(event: Part) -> Iterator[str]:
    for one in _listed(event.get("CATEGORIES")):
        for name in getattr(one, "cats", [one]):
            yield str(name)[:MAX_TEXT].strip()


def _people(event: Part) -> Iterator[Person]:
    """Yield whoever takes part, each once; rooms and things do not."""
    seen = set()
    for one in [*_listed(event.get("ATTENDEE"))[:MAX_PEOPLE], *_listed(event.get("ORGANIZER"))[:1]]:
        params = getattr(one, "params", {})
        if str(params.get("CUTYPE", "")).upper() in ("ROOM", "RESOURCE"):
            continue
        declined = str(params.get("PARTSTAT", "")).upper() == "DECLINED"
        for address in addresses(re.sub("^mailto:", "", str(one)[:1000], flags=re.IGNORECASE))[:1]:
            if address not in seen:
                seen.add(address)
                yield Person(address, declined)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError):
        return None
