"""Calendars: which events are meetings held, of which level and with whom, and what hostile ones are refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from contracts import FileCollectorContract, HttpCollectorContract
from pydantic import ValidationError
from servers import WebServer

from collectors import calendar_events
from collectors.base import Batch, Key, Measure, SourceChanged, SourceUnavailable
from collectors.calendar import Calendar
from collectors.calendar_events import MAX_BYTES
from collectors.http import Http

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OFFLINE = Http()
OURS = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:lin@ours.example"
THEIRS = "ATTENDEE;CN=An;PARTSTAT=ACCEPTED:mailto:An@Acme.example"
DAY = timedelta(days=1)


def event(start: str, *lines: str, uid: str = "1", people: tuple[str, ...] = (OURS, THEIRS)) -> str:
    hour = "" if "VALUE=DATE" in start else "\r\nDURATION:PT1H"
    body = "\r\n".join((f"DTSTART{start}{hour}", *lines, *people))
    return f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n{body}\r\nEND:VEVENT\r\n"


def calendar(*events: str, head: str = "") -> bytes:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n{head}{''.join(events)}END:VCALENDAR\r\n".encode()


GOOD = calendar(
    event(":20260105T020000Z", "SUMMARY:Weekly", "RRULE:FREQ=WEEKLY;COUNT=30"),
    event(":20260110T020000Z", "SUMMARY:QBR", uid="2", people=(OURS, THEIRS, "ATTENDEE:mailto:bo@bolt.example")),
)


def collector(path: Path, **options: Any) -> Calendar:
    return Calendar(Calendar.Options.model_validate({"path": str(path), "our_domains": ["ours.example"], **options}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calendar.ics"


def visit(path: Path, data: bytes, now: datetime = NOW, cursor: dict[str, Any] | None = None, **options: Any) -> Batch:
    path.write_bytes(data)
    return collector(path, **options).collect(cursor or {}, OFFLINE, now)


def told(batch: Batch) -> list[tuple[str, str, str, float]]:
    facts = [fact for fact in batch.facts if isinstance(fact, Measure)]
    return [(fact.at.strftime("%m-%d %H:%M"), fact.name, fact.key.value, fact.value) for fact in facts]


class TestCalendarFromAFile(FileCollectorContract):
    collector = Calendar
    good = GOOD
    renamed = GOOD.replace(b"DTSTART", b"BEGINS")
    cap = MAX_BYTES

    def options(self, path: Path) -> dict[str, Any]:
        return {"path": str(path), "our_domains": ["ours.example"]}


class TestCalendarFromAnAddress(HttpCollectorContract):
    collector = Calendar
    good = GOOD
    renamed = GOOD.replace(b"DTSTART", b"BEGINS")
    content_type = "text/calendar"
    cap = MAX_BYTES

    def options(self, url: str) -> dict[str, Any]:
        return {"url": url, "our_domains": ["ours.example"]}

    def test_an_unchanged_calendar_is_fetched_once_a_meeting_in_it_has_ended(
        self, source: Calendar, http: Http, site: WebServer
    ) -> None:
        before = datetime(2026, 3, 2, 1, tzinfo=UTC)
        cursor = source.collect({}, http, before).cursor
        quiet = source.collect(cursor, http, before + timedelta(hours=1))
        over = source.collect(cursor, http, before + timedelta(hours=2))
        assert ["if-none-match" in request.headers for request in site.requests] == [False, True, False]
        assert (len(quiet.facts), told(over)[-1][0]) == (0, "03-02 02:00")

    def test_the_address_may_not_be_told(self, source: Calendar) -> None:
        assert "secret-path" not in repr(source.options)


# Which events are meetings held


def test_a_meeting_is_told_once_it_is_over_with_each_partner_there(path: Path) -> None:
    data = calendar(event(":20260302T080000Z", people=(OURS, THEIRS, "ATTENDEE:mailto:bo@bolt.example")))
    assert told(visit(path, data, NOW - timedelta(minutes=1))) == []
    batch = visit(path, data)
    assert batch.facts == [
        Measure(
            identity=f"1||{domain}",
            key=Key("email", address),
            at=NOW - timedelta(hours=1),
            name="meeting_working",
            value=1.0,
        )
        for domain, address in (("acme.example", "an@acme.example"), ("bolt.example", "bo@bolt.example"))
    ]


def test_each_occurrence_counts_unless_it_was_taken_out_moved_or_called_off(path: Path) -> None:
    series = event(
        ";TZID=Asia/Taipei:20260105T100000", "RRULE:FREQ=WEEKLY;UNTIL=20260209T020000Z",
        "EXDATE;TZID=Asia/Taipei:20260112T100000",
    )  # fmt: skip
    moved = event(";TZID=Asia/Taipei:20260120T160000", "RECURRENCE-ID;TZID=Asia/Taipei:20260119T100000")
    off = event(
        ";TZID=Asia/Taipei:20260126T100000", "RECURRENCE-ID;TZID=Asia/Taipei:20260126T100000", "STATUS:CANCELLED"
    )
    assert [(at, value) for at, _, _, value in told(visit(path, calendar(series, moved, off)))] == [
        ("01-05 02:00", 1.0),
        ("01-20 08:00", 1.0),
        ("01-26 02:00", 0.0),
        ("02-02 02:00", 1.0),
        ("02-09 02:00", 1.0),
    ]


def test_what_is_called_off_later_corrects_the_same_fact(path: Path) -> None:
    (held,) = visit(path, calendar(event(":20260301T080000Z"))).facts
    (off,) = visit(path, calendar(event(":20260301T080000Z", "STATUS:CANCELLED"))).facts
    assert isinstance(held, Measure)
    assert isinstance(off, Measure)
    assert (held.identity, held.value, off.value) == (off.identity, 1.0, 0.0)


def test_an_hour_stays_at_its_hour_when_the_clocks_change(path: Path) -> None:
    data = calendar(event(";TZID=Europe/Berlin:20251020T100000", "RRULE:FREQ=WEEKLY;COUNT=2"))
    assert [at for at, *_ in told(visit(path, data))] == ["10-20 08:00", "10-27 09:00"]


@pytest.mark.parametrize(
    ("start", "head", "at"),
    [
        (":20260115T100000", "", "01-15 02:00"),  # floating: in the source's zone
        (":20260115T100000", "X-WR-TIMEZONE:Asia/Tokyo\r\n", "01-15 01:00"),  # or the calendar's own
        (";VALUE=DATE:20260115", "", "01-14 16:00"),  # a whole day
        (":20260115T100000Z", "X-WR-TIMEZONE:Asia/Tokyo\r\n", "01-15 10:00"),
    ],
)
def test_times_without_a_zone_are_read_in_one(path: Path, start: str, head: str, at: str) -> None:
    (fact,) = told(visit(path, calendar(event(start), head=head), time_zone="Asia/Taipei"))
    assert fact[0] == at


@pytest.mark.parametrize(
    ("people", "value"),
    [
        ((OURS, THEIRS.replace("ACCEPTED", "DECLINED")), 0.0),
        ((OURS.replace("ACCEPTED", "DECLINED"), THEIRS), 0.0),
        ((OURS, THEIRS.replace("ACCEPTED", "DECLINED"), "ATTENDEE:mailto:bo@acme.example"), 1.0),
        ((THEIRS,), 1.0),  # one's own calendar need not name oneself
        (("ORGANIZER:mailto:an@acme.example", OURS), 1.0),
    ],
)
def test_a_meeting_that_one_side_declined_was_not_held(path: Path, people: tuple[str, ...], value: float) -> None:
    assert [fact[3] for fact in told(visit(path, calendar(event(":20260301T080000Z", people=people))))] == [value]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (event(":20260201T080000Z", people=(OURS,)), "nobody from outside is invited"),
        (event(":20260201T080000Z", people=("ATTENDEE;CUTYPE=ROOM:mailto:r1@acme.example",)), "nobody from outside"),
        (event(";VALUE=DATE:20260201", "DTEND;VALUE=DATE:20260206"), "longer than 3 days"),
        (event(":20260201T080000Z", uid="b6a1@warden"), "invitations of Warden's own"),
        (
            event(":20260201T080000Z", people=tuple(f"ATTENDEE:mailto:a@p{number}.example" for number in range(21))),
            "events for more than 20 correspondents",
        ),
    ],
)
def test_what_is_no_meeting_with_a_partner_is_left_out_and_counted(path: Path, changed: str, why: str) -> None:
    batch = visit(path, calendar(changed))
    assert batch.facts == []
    assert [problem.what for problem in batch.problems if problem.what.startswith(f"1 left out: {why}")]


@pytest.mark.parametrize(
    ("lines", "level"),
    [
        (("SUMMARY:Weekly call",), "working"),
        (("SUMMARY:Q1 qbr with Acme",), "executive"),
        (("SUMMARY:Acme 高層會議",), "executive"),
        (("SUMMARY:Executives only",), "working"),  # another word
        (("SUMMARY:Steering committee",), "management"),
        (("SUMMARY:Steering, executive part",), "executive"),  # the highest
        (("SUMMARY:QBR rehearsal", "CATEGORIES:Red,Working"), "working"),  # a category says so
        (("SUMMARY:Call", "CATEGORIES:EXECUTIVE"), "executive"),
    ],
)
def test_the_level_follows_from_a_category_or_from_words(path: Path, lines: tuple[str, ...], level: str) -> None:
    (fact,) = told(visit(path, calendar(event(":20260201T080000Z", *lines))))
    assert fact[1] == f"meeting_{level}"


def test_other_words_may_be_given(path: Path) -> None:
    data = calendar(event(":20260201T080000Z", "SUMMARY:Jour fixe"))
    assert told(visit(path, data, level="management"))[0][1] == "meeting_management"
    assert told(visit(path, data, executive_words=["jour fixe"]))[0][1] == "meeting_executive"


@pytest.mark.parametrize(
    "options",
    [
        {"path": "a", "url": "https://x.example/a"},
        {"path": ""},
        {"path": "", "url": "webcal://x.example"},
        {"path": "a", "time_zone": "Nowhere"},
        {"path": "a", "executive_words": [" "]},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Calendar.Options.model_validate({"our_domains": ["ours.example"], **options})


def test_only_the_span_asked_for_is_told(path: Path) -> None:
    data = calendar(event(":20250101T080000Z", "RRULE:FREQ=DAILY"))
    assert len(visit(path, data, since_days=10).facts) == 10


# What is hostile


def test_an_event_that_cannot_be_read_is_set_aside_and_many_are_a_changed_calendar(path: Path) -> None:
    good = [event(":20260201T080000Z", uid=str(number)) for number in range(20)]
    bad = [event(":2026-02-01", uid="bad"), event(":20260201T080000Z", "RRULE:FREQ=SECONDLY", uid="worse")]
    batch = visit(path, calendar(*good, *bad))
    assert len(batch.facts) == 20
    assert [(problem.where, problem.what) for problem in batch.problems] == [
        ("the event bad", "no DTSTART that can be read"),
        ("the event worse", "recurs by a rule that is none, or more than once a day"),
    ]
    with pytest.raises(SourceChanged, match="2 of 3 events cannot be read; first: no DTSTART"):
        visit(path, calendar(good[0], *bad))


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYHOUR=1,2,3",
        "FREQ=MINUTELY",
        "FREQ=DAILY;COUNT=x",
        "COUNT=3",
        "FREQ=DAILY;UNTIL=never",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=-1",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=4,6;BYMONTHDAY=-31",
        "FREQ=DAILY;BYYEARDAY=366;BYMONTH=1",
        "FREQ=MONTHLY;BYWEEKNO=20",
        "FREQ=DAILY;BYSETPOS=2",
        "\r\nRRULE:".join(["FREQ=DAILY"] * 4),
    ],
)
def test_rules_that_are_none_or_endless_are_set_aside(path: Path, rule: str) -> None:
    good = [event(":20260201T080000Z", uid=f"good {number}") for number in range(10)]
    batch = visit(path, calendar(*good, event(":20260201T080000Z", f"RRULE:{rule}", uid="bad")))
    assert (len(batch.facts), len(batch.problems)) == (10, 1)


@pytest.mark.parametrize(
    "rule", ["FREQ=MONTHLY;BYMONTHDAY=31,1", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO"]
)
def test_rules_that_some_day_fits_are_read(path: Path, rule: str) -> None:
    assert visit(path, calendar(event(":20250131T080000Z", f"RRULE:{rule}"))).problems == []


def test_a_series_of_thousands_of_listed_dates_is_set_aside(path: Path) -> None:
    good = [event(":20260201T080000Z", uid=f"good {number}") for number in range(10)]
    dates = ",".join(["20260202T080000Z"] * 2001)
    batch = visit(path, calendar(*good, event(":20260201T080000Z", f"RDATE:{dates}", uid="bad")))
    assert [problem.what for problem in batch.problems] == ["lists 2,001 dates; at most 2,000 are read"]


def test_a_series_from_before_there_were_calendars_is_set_aside(path: Path) -> None:
    good = [event(":20260201T080000Z", uid=f"good {number}") for number in range(10)]
    batch = visit(path, calendar(*good, event(":00010101T080000Z", "RRULE:FREQ=DAILY", uid="old")))
    assert [problem.what for problem in batch.problems] == ["recurs since before 1990"]


def test_a_rule_that_takes_for_ever_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar_events, "SECONDS_PER_CALENDAR", 0.0)
    with pytest.raises(SourceChanged, match="The rule by which the event 1 recurs takes too long"):
        visit(path, calendar(event(":20260201T080000Z")))


def test_parts_without_end_are_refused(path: Path) -> None:
    deep = "BEGIN:VEVENT\r\n" * 5_000 + "END:VEVENT\r\n" * 5_000
    with pytest.raises(SourceChanged, match="do not lie inside each other"):
        visit(path, calendar(deep))
    with pytest.raises(SourceChanged, match="at most 20,000 are read"):
        visit(path, calendar("BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 20_001))


def test_a_calendar_still_being_written_is_tried_later(path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="ends in the middle"):
        visit(path, GOOD[:-30])


def test_an_unchanged_file_is_not_told_again(path: Path) -> None:
    first = visit(path, GOOD)
    assert visit(path, GOOD, NOW + timedelta(hours=1), dict(first.cursor)).facts == []
    assert len(visit(path, GOOD, NOW + 7 * DAY, dict(first.cursor)).facts) == len(first.facts) + 1
