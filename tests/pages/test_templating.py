"""Languages and formats of pages."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from jinja2 import UndefinedError
from starlette.requests import Request

from warden.domain import (
    AlertState,
    FactKind,
    Frequency,
    MeetingStatus,
    NotificationReason,
    NotificationStatus,
    Role,
    RuleState,
    RunOutcome,
    Severity,
    SourceState,
    Stage,
)
from warden.web.templating import environment, locale_of, web_address
from warden.web.words import RULE_STATES, WORDS
from warden.wording import percent, reader_of

MOMENT = datetime(2011, 6, 30, 6, 5, tzinfo=UTC)


def request(query: str = "", cookie: str = "", accept: str = "") -> Request:
    headers = [(b"cookie", f"warden_language={cookie}".encode()), (b"accept-language", accept.encode())]
    return Request({"type": "http", "query_string": query.encode(), "headers": headers})


@pytest.mark.parametrize(
    ("own", "query", "cookie", "accept", "expected"),
    [
        ("vi", "lang=zh-TW", "en", "fr", "vi"),
        (None, "lang=zh-TW", "en", "fr", "zh-Hant"),
        (None, "", "zh-Hans", "vi", "zh-Hans"),
        (None, "", "", "fr-FR, vi;q=0.5, zh-HK;q=0.8", "zh-Hant"),
        (None, "", "", "zh", "zh-Hans"),
        (None, "", "", "fr-FR", "vi"),
        (None, "", "", "vi;q=nonsense, en;q=0.1", "en"),
    ],
)
def test_the_closest_wish_wins(own: str | None, query: str, cookie: str, accept: str, expected: str) -> None:
    assert locale_of(request(query, cookie, accept), own, "vi") == expected


def draw(locale: str, template: str, **context: object) -> str:
    reader = reader_of(locale, "Asia/Taipei")
    return environment(locale).from_string(template).render(reader=reader, **context)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("en", "Jun 30, 2011 14:05"),
        ("zh-Hant", "2011年6月30日 14:05"),
        ("zh-Hans", "2011年6月30日 14:05"),
        ("vi", "30 thg 6, 2011 14:05"),
    ],
)
def test_moments_are_local_and_never_say_afternoon(locale: str, expected: str) -> None:
    assert draw(locale, "{{ moment|moment }}", moment=MOMENT) == expected


def test_numbers_follow_the_language() -> None:
    template = "{{ n|number }} {{ p|percent }} {{ m|money('USD') }} {{ d|day }}"
    values = {"n": 1234.56, "p": 0.37, "m": Decimal("4200000"), "d": date(2011, 6, 30)}
    assert draw("en", template, **values) == "1,234.6 37% $4,200,000.00 Jun 30, 2011"
    assert draw("vi", template, **values) == "1.234,6 37% 4.200.000,00\xa0US$ 30 thg 6, 2011"


def test_parts_of_sums_show_their_sign_and_settings_their_unit() -> None:
    template = "{{ a|signed }} {{ b|points }} {{ s|setting('share') }} {{ n|setting(none) }} {{ names|listed }}"
    values = {"a": -0.5, "b": 3.14, "s": 0.995, "n": [None, True, {"gold": 0.125}], "names": ["a", "b", "c"]}
    assert draw("en", template, **values) == "-0.50 +3.1 99.5% not set; Yes; gold 0.125 a, b, and c"
    assert draw("vi", template, **values) == "-0,50 +3,1 99,5% không đặt; Có; gold 0,125 a, b và c"


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert draw("en", "{{ a|points }} {{ b|points }} {{ a|signed }}", a=-0.004, b=0.04) == "0 0 0"


def test_what_is_dated_without_a_time_of_day_shows_none() -> None:
    template = "{{ a|day_or_moment }}; {{ b|day_or_moment }}"
    midnight = datetime(2011, 6, 30, tzinfo=UTC)
    shown = draw("en", template, a=midnight, b=midnight + timedelta(minutes=5))
    assert shown == "Jun 30, 2011; Jun 30, 2011 08:05"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.0001, "<0.1%"), (0.099, "9.9%"), (0.99, "99%"), (0.996, "99.6%"), (0.9999, ">99.9%"), (1, "100%")],
)
def test_nearly_everything_is_not_everything(share: float, text: str) -> None:
    assert percent(share, "en") == text


def test_nothing_known_is_a_dash_and_not_a_zero() -> None:
    template = "{{ x|number }}{{ x|percent }}{{ x|money('USD') }}{{ x|day }}{{ x|moment }}{{ x|word }}{{ x|country }}"
    assert draw("en", template, x=None) == "–" * 7


def test_how_long_ago_is_told_in_words() -> None:
    assert draw("zh-Hant", "{{ m|ago(n) }}", m=MOMENT, n=MOMENT + timedelta(days=3)) == "3 天前"


def test_stored_sentences_are_told_in_the_readers_words() -> None:
    fact = {"message": "silent for %(days_silent)s days; the usual longest gap is %(usual_gap)s"}
    fact["params"] = {"days_silent": 24.0, "usual_gap": 8.5}
    assert draw("zh-Hans", "{{ fact|say }}", fact=fact) == "已沉默 24 天；平常最长间隔为 8.5 天"


def test_texts_are_escaped_and_a_missing_name_is_an_error() -> None:
    assert draw("en", "{{ text }}", text="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        draw("en", "{{ nothing }}")


def test_only_web_addresses_become_links() -> None:
    assert web_address("https://news.example/1") == "https://news.example/1"
    assert web_address("javascript:alert(1)") == "#"


def test_every_state_has_a_word() -> None:
    kinds = (Stage, FactKind, SourceState, RunOutcome, Severity, AlertState, MeetingStatus)
    kinds += (NotificationStatus, NotificationReason, Frequency, Role)
    assert {value for kind in kinds for value in kind} <= WORDS.keys()
    assert set(RuleState) == RULE_STATES.keys()
