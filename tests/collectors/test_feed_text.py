"""Bytes become text in the encoding they are in, not the one they are declared to be in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.feed_text import decoded

HANT = "遠山精密延後交貨，客戶改找別家，供應商違約"
HANS = "远山精密推迟交货，客户另寻他家，供应商违约"
VIETNAMESE = "Nhà máy dừng dây chuyền"
FRENCH = "La société générale livre en retard à Châlons"
RUSSIAN = "Завод остановил линию"
JAPANESE = "工場がラインを止めた、納期は未定です"


def document(text: str, encoding: str, declared: str = "") -> bytes:
    said = f" encoding='{declared}'" if declared else ""
    return f"<?xml version='1.0'{said}?><rss><title>{text}</title></rss>".encode(encoding)


@pytest.mark.parametrize(
    ("text", "encoding", "declared", "charset"),
    [
        (HANT, "utf-8", "", None),
        (HANT, "utf-8", "big5", "big5"),
        (VIETNAMESE, "utf-8", "iso-8859-1", "iso-8859-1"),
        (HANT, "utf-8-sig", "gb2312", None),
        (HANT, "utf-16", "utf-8", None),
        (HANT, "utf-16-le", "", None),
        (HANT, "utf-16-be", "", "utf-8"),
        (HANT, "utf-32", "", None),
        (HANT, "big5", "big5", None),
        (HANT, "big5", "", "big5"),
        (HANT, "big5", "", None),
        (HANT, "big5", "utf-8", None),
        (HANT, "big5", "iso-8859-1", "iso-8859-1"),
        (HANS, "gb18030", "", None),
        (HANS, "gbk", "gb2312", None),
        (HANS, "gbk", "utf-8", "utf-8"),
        (HANS, "gbk", "windows-1252", None),
        (HANS, "gbk", "no-such-thing", "idna"),
        (FRENCH, "cp1252", "", None),
        (FRENCH, "cp1252", "utf-8", "utf-8"),
        (FRENCH, "iso-8859-1", "iso-8859-1", None),
        (RUSSIAN, "cp1251", "windows-1251", None),
        (RUSSIAN, "koi8-r", "", "koi8-r"),
        (JAPANESE, "shift_jis", "Shift_JIS", None),
        (JAPANESE, "euc-jp", "euc-jp", None),
    ],
)
def test_a_text_is_read_in_the_encoding_it_is_in(text: str, encoding: str, declared: str, charset: str | None) -> None:
    found, broken = decoded(document(text, encoding, declared), charset)
    assert text in found
    assert broken == 0


def test_a_text_cut_within_a_letter_is_whole_up_to_there() -> None:
    body = document(HANT, "utf-8")
    assert decoded(body[: body.index("貨".encode()) + 1], None)[1] == 0


def test_a_few_foreign_letters_are_counted_and_cost_no_others() -> None:
    body = document(HANT * 5, "utf-8").replace("別家".encode(), "別家".encode("big5"), 1)
    found, broken = decoded(body, None)
    assert broken == 2
    assert found.count("違約") == 5


@pytest.mark.parametrize("name", ["idna", "punycode", "unicode_escape", "rot13", "hex", "zip", "utf-7", "mbcs"])
def test_names_of_other_codecs_are_no_encoding(name: str) -> None:
    found, _ = decoded(document(FRENCH, "cp1252", name), name)
    assert FRENCH in found


@given(st.binary(max_size=400), st.sampled_from([None, "big5", "utf-8", "utf-16", "gb2312", "windows-1258", "cp9999"]))
def test_any_bytes_become_some_text(body: bytes, charset: str | None) -> None:
    found, broken = decoded(body, charset)
    assert found.count("\ufffd") == broken
