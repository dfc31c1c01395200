"""Plain text, language and script: what is left of hostile input, and which of the four languages it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.news.convert import to_simplified
from scorers.news.language import language_of
from scorers.news.text import MOST, fold, normalise, plain


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<p>Acme &amp; <b>Beta</b></p>", "Acme & Beta"),
        ("&lt;b&gt;Acme&lt;/b&gt;", "Acme"),
        ("<script>alert(1)</script>Acme<style>p{}</style>", "Acme"),
        ("<!-- Acme --> Beta", "Beta"),
        ("profit < 5 and > 3", "profit < 5 and > 3"),
        ("Ａｃｍｅ　１２", "Acme 12"),
        ("Ac\0me\u200b \x07co\u202ep", "Acme cop"),
        ("a\r\n\tb\u00a0c", "a b c"),
        ("Hòa Phát", "Hòa Phát"),
        ("", ""),
        ("<" * 50_000, "<" * MOST),
    ],
)
def test_plain_text(raw: str, text: str) -> None:
    assert plain(raw) == text


@given(st.text(max_size=400))
def test_plain_text_is_short_one_line_and_without_control_characters(raw: str) -> None:
    text = plain(raw)
    assert len(text) <= MOST
    assert text == text.strip()
    assert text.isprintable()
    assert normalise(text) == text


@given(st.text(max_size=100))
def test_folding_keeps_positions(text: str) -> None:
    assert len(fold(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "declared", "language"),
    [
        ("Acme files for bankruptcy", None, "en"),
        ("Acme opens an office in Đà Nẵng", None, "en"),
        ("Café société anonyme", None, "en"),
        ("Café société anonyme", "fr", "und"),
        ("Hòa Phát bị phạt vì gây ô nhiễm", None, "vi"),
        ("Cong ty Hoa Phat bi phat", "vi-VN", "vi"),
        ("Doanh nghiệp nợ thuế", "en", "vi"),
        ("台積電遭檢方調查", None, "zh-Hant"),
        ("台积电遭检方调查", "zh-TW", "zh-Hans"),
        ("中文", "zh-HK", "zh-Hant"),
        ("中文", "zh", "zh-Hans"),
        ("Apple 在台灣設廠", None, "zh-Hant"),
        ("トヨタ自動車がリコール", None, "und"),
        ("삼성전자 리콜", None, "und"),
        ("Компания подала в суд", None, "und"),
        ("12345 !!!", None, "und"),
        ("", None, "und"),
        ("😀😀", "en", "und"),
    ],
)
def test_language_by_script(text: str, declared: str | None, language: str) -> None:
    assert language_of(text, declared) == language


def test_traditional_becomes_simplified_and_nothing_else_changes() -> None:
    assert to_simplified("債務違約 Acme — phá sản") == "债务违约 Acme — phá sản"
