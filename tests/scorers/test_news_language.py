"""Language by script: Han or Latin, marks of Vietnamese, and what the feed declares where neither decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.news.language import UNKNOWN, language_of


@pytest.mark.parametrize(
    ("text", "declared", "language"),
    [
        ("Acme files for bankruptcy", None, "en"),
        ("Acme files for bankruptcy", "de", UNKNOWN),
        ("Acme files for bankruptcy", "zh-TW", "en"),
        ("Acme opens an office in Đà Nẵng", None, "en"),
        ("Café société anonyme", None, "en"),
        ("Café société anonyme", "fr", UNKNOWN),
        ("Hòa Phát bị phạt vì gây ô nhiễm", None, "vi"),
        ("HÒA PHÁT BỊ PHẠT", None, "vi"),
        ("DBC, EVG, DXG, AGM, ST8, HAX: Thông tin giao dịch cổ phiếu", None, "vi"),
        ("Vinamilk, FPT, Hoa Sen: kết quả kinh doanh quý 2", None, "vi"),
        ("Cong ty Hoa Phat bi phat", "vi-VN", "vi"),
        ("Cong ty Hoa Phat bi phat", "vi", "vi"),
        ("Doanh nghiệp nợ thuế", "en", "vi"),
        ("台積電遭檢方調查", None, "zh-Hant"),
        ("台積電遭檢方調查", "zh-CN", "zh-Hant"),
        ("台积电遭检方调查", "zh-TW", "zh-Hans"),
        ("港股阿里巴巴漲超5%", None, "zh-Hant"),
        ("恒生指數跌0.3%", None, "zh-Hant"),
        ("中文", "zh-HK", "zh-Hant"),
        ("中文", "zh-Hant", "zh-Hant"),
        ("中文", "zh", "zh-Hans"),
        ("中文", None, "zh-Hans"),
        ("Apple 在台灣設廠", None, "zh-Hant"),
        ("Wipro Acme Beta deal 签约", None, "en"),
        ("トヨタ自動車がリコール", None, UNKNOWN),
        ("삼성전자 리콜", None, UNKNOWN),
        ("三星 삼성전자 리콜", None, UNKNOWN),
        ("Компания подала в суд", None, UNKNOWN),
        ("Acme подала заявление о банкротстве", None, UNKNOWN),
        ("12345 !!!", None, UNKNOWN),
        ("", None, UNKNOWN),
        ("", "vi", UNKNOWN),
        ("😀😀", "en", UNKNOWN),
    ],
)
def test_language_by_script(text: str, declared: str | None, language: str) -> None:
    assert language_of(text, declared) == language


@given(st.text(max_size=120), st.one_of(st.none(), st.text(max_size=8)))
def test_any_text_has_one_of_five_answers(text: str, declared: str | None) -> None:
    assert language_of(text, declared) in {"en", "vi", "zh-Hans", "zh-Hant", UNKNOWN}
