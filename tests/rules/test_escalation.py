"""When a step of the escalation chain is due."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.domain import EscalateTo, Severity
from warden.rules.escalation import BEGINS, ENDS, MOST_MINUTES, Step, due_at, next_step

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
FRIDAY = datetime(2026, 3, 6, tzinfo=UTC)


def on_weekdays(day: date) -> bool:
    return day.weekday() < 5


def step(minutes: int, working_hours: bool = True, position: int = 1, least: Severity = Severity.INFO) -> Step:
    return Step(position, minutes, working_hours, EscalateTo.OWNER, least)


@pytest.mark.parametrize(
    ("minutes", "since", "zone", "due"),
    [
        (60, MONDAY, "UTC", MONDAY + timedelta(hours=1)),
        (9 * 60, MONDAY, "UTC", MONDAY + timedelta(hours=9)),
        (9 * 60 + 1, MONDAY, "UTC", MONDAY + timedelta(days=1, minutes=1)),
        (60, MONDAY - timedelta(hours=5), "UTC", MONDAY + timedelta(hours=1)),  # 4:00 is before work begins
        (60, FRIDAY + timedelta(hours=17, minutes=30), "UTC", FRIDAY + timedelta(days=3, hours=9, minutes=30)),
        (30, MONDAY, "Asia/Taipei", MONDAY + timedelta(minutes=30)),  # 17:00 there
        (120, MONDAY, "Asia/Taipei", datetime(2026, 3, 3, 2, tzinfo=UTC)),
        (60, datetime(2026, 3, 27, 16, 30, tzinfo=UTC), "Europe/Berlin", datetime(2026, 3, 30, 7, 30, tzinfo=UTC)),
        (60, datetime(2026, 10, 23, 15, 30, tzinfo=UTC), "Europe/Berlin", datetime(2026, 10, 26, 8, 30, tzinfo=UTC)),
    ],
)
def test_working_minutes_are_counted_where_the_recipient_is(
    minutes: int, since: datetime, zone: str, due: datetime
) -> None:
    assert due_at(step(minutes), since, zone, on_weekdays) == due


def test_a_step_that_counts_every_hour_does_not_wait_for_work_to_begin() -> None:
    assert due_at(step(60, working_hours=False), FRIDAY, "UTC", lambda _day: False) == FRIDAY + timedelta(hours=1)


def test_where_nobody_ever_works_a_step_is_due_some_day() -> None:
    assert due_at(step(1), MONDAY, "UTC", lambda _day: False) > MONDAY


@given(
    st.integers(0, 2 * 366 * 24 * 60).map(
        lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.integers(1, MOST_MINUTES),
    st.sampled_from(["UTC", "Asia/Taipei", "America/New_York", "Europe/Berlin", "Pacific/Apia"]),
)
def test_a_step_is_due_within_working_hours_and_later_the_longer_it_waits(
    since: datetime, minutes: int, zone: str
) -> None:
    due = due_at(step(minutes), since, zone, on_weekdays)
    local = due.astimezone(ZoneInfo(zone))
    assert due >= since + timedelta(minutes=minutes)
    assert on_weekdays(local.date())
    assert BEGINS < local.time() <= ENDS
    assert due_at(step(minutes + 1), since, zone, on_weekdays) > due


@pytest.mark.parametrize(
    ("taken", "severity", "position"),
    [
        (0, Severity.CRITICAL, 1),
        (0, Severity.WARNING, 2),
        (2, Severity.CRITICAL, 4),
        (2, Severity.WARNING, None),
        (4, Severity.CRITICAL, None),
    ],
)
def test_the_next_step_is_the_first_after_the_last_for_its_severity(
    taken: int, severity: Severity, position: int | None
) -> None:
    chain = [step(1, position=4, least=Severity.CRITICAL), step(1, position=1, least=Severity.CRITICAL)]
    chain.append(step(1, position=2))
    found = next_step(chain, taken, severity)
    assert (found.position if found else None) == position
