from datetime import UTC, date, datetime
from typing import Any

import pytest

from warden.wording import Reader, day, moment, number, percent, reader_of, say


def german(message: str) -> str:
    return {"%(days)s days": "%(days)s Tage", "unknown": "unbekannt"}.get(message, message)


@pytest.mark.parametrize(
    ("name", "value", "locale", "expected"),
    [
        ("days", 41.0, "en", "41"),
        ("days", 41.25, "en", "41.2"),
        ("days", 41.25, "vi", "41,2"),
        ("days", 12345, "en", "12,345"),
        ("late_rate", 0.583, "en", "58%"),
        ("late_rate", 0.0731, "en", "7.3%"),
        ("late_rate", 0.0731, "vi", "7,3%"),
        ("value_share", 1.0, "zh-Hant", "100%"),
        ("p_negative", 0.5, "en", "50%"),
        ("late_rate", None, "en", "unknown"),
        ("due_on", "2026-03-09", "en", "Mar 9, 2026"),
        ("due_on", "2026-03-09", "zh-Hant", "2026年3月9日"),
        ("due_on", date(2026, 3, 9), "vi", "9 thg 3, 2026"),
        ("at", "2026-03-09T01:02:00+00:00", "en", "Mar 9, 2026 01:02 (UTC)"),
        ("name", "Smith & Co 100%", "en", "Smith & Co 100%"),
        ("name", "2026-13-45", "en", "2026-13-45"),
        ("name", "2026-03-09T01:02:00+99:99", "en", "2026-03-09T01:02:00+99:99"),
        ("is_single", True, "en", "True"),
        ("rate", 0.5, "en", "0.5"),
    ],
)
def test_parameters_are_told_in_the_readers_form(name: str, value: Any, locale: str, expected: str) -> None:
    fact = {"message": f"%({name})s", "params": {name: value}}
    assert say(lambda text: text, fact, locale) == expected


def test_the_sentence_is_translated_and_then_filled_in() -> None:
    assert say(german, {"message": "%(days)s days", "params": {"days": 3.0}}, "en") == "3 Tage"
    assert say(german, {"message": "%(days)s days", "params": {"days": None}}, "en") == "unbekannt Tage"


def test_a_fact_within_a_fact_is_told_first() -> None:
    inner = {"message": "%(days)s days", "params": {"days": 3}}
    assert say(german, {"message": "Silent for %(span)s.", "params": {"span": inner}}, "en") == "Silent for 3 Tage."


def test_a_persons_own_words_stay_as_they_are() -> None:
    assert say(german, {"message": "100% sure, %(really)s", "params": {}}, "en") == "100% sure, %(really)s"
    assert say(german, {"message": "", "params": {}}, "en") == ""


@pytest.mark.parametrize(
    ("message", "params", "expected"),
    [
        ("newest report %(days_ago)s days ago", {"days_ago": 1.0}, "newest report 1 day ago"),
        ("newest report %(days_ago)s days ago", {"days_ago": 0}, "newest report 0 days ago"),
        ("%(sent)s messages sent, %(days)s days ago", {"sent": 1, "days": 11}, "1 message sent, 11 days ago"),
        ("%(late)s of the %(due)s deliveries", {"late": 1, "due": 1}, "1 of the 1 deliveries"),
        ("at most %(budget)s false alarms", {"budget": 1}, "at most 1 false alarm"),
        ("%(times_own)s times its own share", {"times_own": 1}, "1 times its own share"),
    ],
)
def test_what_there_is_one_of_is_in_the_singular(message: str, params: dict[str, Any], expected: str) -> None:
    assert reader_of("en").say(message, **params) == expected


def test_chinese_times_name_no_part_of_the_day() -> None:
    at = datetime(2026, 3, 9, 7, 5, tzinfo=UTC)
    assert moment(at, "zh-Hant", "Asia/Taipei") == "2026年3月9日 15:05 (Asia/Taipei)"


def test_figures() -> None:
    assert (number(2.0, "en"), number(2.04, "en"), number(-0.5, "vi")) == ("2", "2", "-0,5")
    assert (percent(0.0, "en"), percent(0.0999, "en"), percent(0.1, "en")) == ("0%", "10%", "10%")
    assert day(date(2026, 3, 9), "zh-Hans") == "2026年3月9日"


def test_names_fall_back_to_english() -> None:
    reader = reader_of("vi")
    assert isinstance(reader, Reader)
    assert reader.name({"en": "High", "vi": "Cao"}) == "Cao"
    assert reader.name({"en": "High"}) == "High"
    assert reader.name({}) == ""
    assert reader.say("%(rule)s fires", rule={"names": {"zh-Hant": "靜默"}}) == "靜默 fires"
