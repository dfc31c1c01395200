"""Dates as feeds write them: what is surely a date is read, in its zone; what is not is none."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.feed_dates import MAX_DATE, read_date

MORNING = datetime(2025, 2, 3, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 03 Feb 2025 08:15:00 GMT",
        "Mon,03 Feb 2025 08:15:00 GMT",
        "3 Feb 2025 08:15 UT",
        "Mon, 03 Feb 25 08:15:00 Z",
        "Monday, 03-Feb-25 08:15:00 GMT",
        "Mon Feb  3 08:15:00 2025",
        "Mon Feb 03 2025 16:15:00 GMT+0800 (China Standard Time)",
        "Mon, 03 Feb 2025 15:15:00 ICT",
        "Mon, 03 Feb 2025 16:15:00 HKT",
        "Mon, 03 Feb 2025 09:15:00 CET",
        "Mon, 03 Feb 2025 03:15:00 EST",
        "Mon, 03 Feb 2025 15:15:00 GMT+7",
        "Mon, 03 Feb 2025 15:15:00 +7",
        "Mon, 03 Feb 2025 15:15 +07:00",
        "Mon, 03 Feb 2025 04:45:00 −0330",
        "Mon, 03 Feb 2025 16:15:00 Asia/Taipei",
        "Mon, 03 Feb 2025 08:15:00 +0000 (UTC)",
        "February 3rd, 2025 at 8:15 am",
        "Feb 3, 2025 8:15 AM",
        "2025-02-03T08:15:00Z",
        "2025-02-03T08:15:00.123456Z",
        "2025-02-03T16:15:00 +08:00",
        "2025-02-03 16:15:00 +0800",
        "2025-02-03 08:15",
        "2025/2/3 08:15",
        "2025.02.03 08:15",
        "20250203T081500Z",
        "20250203081500",
        "1738570500",
        "1738570500123",
        "Thứ Hai, 03/02/2025 08:15",
        "Thứ hai, 3/2/2025, 15:15 (GMT+7)",
        "08:15 - ngày 3 tháng 2 năm 2025",
        "3 tháng 2, 2025 8:15 SA",
        "2025年2月3日 上午8:15",
        "2025年02月03日 星期一 08:15:00",
        "2025年2月3日8时15分",
        "民國114年2月3日 08:15",
    ],
)
def test_a_date_is_read_in_its_zone(text: str) -> None:
    found = read_date(text)
    assert found is not None
    assert found.replace(second=0, microsecond=0) == MORNING
    assert found.utcoffset() == MORNING.utcoffset()


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2025年2月3日 下午8:15", 20),
        ("2025年2月3日 晚上8:15", 20),
        ("2025年2月3日 凌晨12:15", 0),
        ("2025年2月3日 中午12:15", 12),
        ("2025年2月3日 中午1:15", 13),
        ("2025年2月3日 下午20:15", 20),
        ("03/02/2025 8:15 CH", 20),
        ("Feb 3, 2025 8:15 p.m.", 20),
        ("Feb 3, 2025 12:15 AM", 0),
        ("Feb 3, 2025 12:15 PM", 12),
    ],
)
def test_the_half_of_the_day_counts(text: str, hour: int) -> None:
    assert read_date(text) == MORNING.replace(hour=hour)


def test_a_time_without_a_zone_is_in_the_zone_given() -> None:
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    assert read_date("2025-02-03 15:15", zone=zone) == MORNING
    assert read_date("2025-02-03 08:15 UTC", zone=zone) == MORNING
    assert read_date("2025-02-03", zone=zone) == datetime(2025, 2, 2, 17, tzinfo=UTC)
    assert read_date("2025-02-03 15:15 Mars/Olympus", zone=zone) == MORNING
    assert read_date("2025-02-03 15:15 +2500", zone=zone) == MORNING


@pytest.mark.parametrize(("language", "hour"), [(None, 14), ("en", 14), ("zh-TW", 0), ("zh", 0)])
def test_cst_is_american_unless_the_feed_is_chinese(language: str | None, hour: int) -> None:
    assert read_date("Mon, 03 Feb 2025 08:15:00 CST", language=language) == MORNING.replace(hour=hour)


@pytest.mark.parametrize(
    ("text", "language", "month"),
    [
        ("03/02/2025", "vi", 2),
        ("03/02/2025", "vi-VN", 2),
        ("03-02-2025", "en_GB", 2),
        ("03/02/2025", "en-US", 3),
        ("03/02/2025", "en", None),
        ("03/02/2025", None, None),
        ("25/02/2025", None, 2),
        ("02/25/2025", "vi", 2),
        ("02/02/2025", None, 2),
    ],
)
def test_day_or_month_first_is_decided_by_the_language_or_not_at_all(
    text: str, language: str | None, month: int | None
) -> None:
    found = read_date(text, language=language)
    assert (found.month if found else None) == month


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2025-13-45",
        "2025-02-30",
        "0000-00-00",
        "9999-99-99T99:99:99Z",
        "Mon, 30 Feb 2025 08:15:00 GMT",
        "Mon, 03 Feb 2025 25:61:00 GMT",
        "Mon, 03 Foo 2025 08:15:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "0000000000",
        "12345",
        "08:15",
        "2025年13月3日",
        "3 tháng 14, 2025",
        "9999年9月9日",
        "x" * 10_000 + "2025-02-03",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_date(text) is None


@given(st.text(max_size=MAX_DATE), st.sampled_from([None, "vi", "zh", "en-US"]))
def test_any_text_is_a_date_of_our_time_or_none(text: str, language: str | None) -> None:
    found = read_date(text, language=language)
    assert found is None or (found.tzinfo is UTC and 1990 <= found.year <= 2199)


@given(
    st.integers(int(datetime(1990, 1, 2, tzinfo=UTC).timestamp()), int(datetime(2199, 12, 30, tzinfo=UTC).timestamp()))
)
def test_what_is_written_as_iso_or_as_rfc_822_is_read_back(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert read_date(moment.isoformat()) == moment
    assert read_date(moment.strftime("%d %b %Y %H:%M:%S +0000")) == moment
