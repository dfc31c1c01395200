"""Plain text: what is left of hostile input, where it stood, and one spelling for what is written in several."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.news.convert import to_simplified
from scorers.news.match import Alias, Matcher, comparable
from scorers.news.text import MOST, MOST_RAW, fold, normalise, plain, plain_with_offsets, raw_span


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<p>Acme &amp; <b>Beta</b></p>", "Acme & Beta"),
        ("&lt;b&gt;Acme&lt;/b&gt;", "Acme"),
        ("<script>alert(1)</script>Acme<style>p{}</style>", "Acme"),
        ("<!-- Acme --> Beta", "Beta"),
        ("profit < 5 and > 3", "profit < 5 and > 3"),
        ("Ａｃｍｅ　１２", "Acme 12"),
        ("AT&amp;amp;T &amp;#39;s", "AT&T 's"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;Acme", "Acme"),
        ("<div><p><b>Acme</b></p><p>Beta</p></div>", "Acme Beta"),
        ("R&D at Q&A", "R&D at Q&A"),
        ("e\u200b\u0301", "é"),
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


RAW_PIECES = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            [
                "<b>",
                "</b>",
                "&amp;",
                "&amp;amp;",
                "&lt;i&gt;",
                "<!-- x -->",
                "<script>y</script>",
                "  ",
                "\t",
                "ﬁ",
                "e\u0301",
            ]
        ),
    ),
    max_size=8,
).map("".join)


@given(RAW_PIECES)
def test_offsets_are_those_of_the_plain_text(raw: str) -> None:
    text, offsets = plain_with_offsets(raw)
    assert text == plain(raw)
    assert len(offsets) == len(text)
    assert all(0 <= start < end <= len(raw) for start, end in offsets)
    assert [start for start, _ in offsets] == sorted(start for start, _ in offsets)


@given(RAW_PIECES, st.sampled_from(["Acme", "AT&T", "宏達電", "Hòa Phát"]), RAW_PIECES)
def test_a_name_is_found_again_where_it_was_given(before: str, name: str, behind: str) -> None:
    raw = f"{before} {name} {behind}"
    compared = comparable(plain(raw))
    _, offsets = plain_with_offsets(raw)
    for hit in Matcher([Alias(name, name)]).find(compared):
        start, end = raw_span(offsets, hit.start, hit.end)
        assert comparable(plain(raw[start:end])).lower() == comparable(name).lower()


@pytest.mark.parametrize(
    ("raw", "name", "written"),
    [
        ("<p>The   AT&amp;T  deal</p>", "AT&T", "AT&amp;T"),
        ("<b>Ac\u200bme</b> sues", "Acme", "Ac\u200bme"),
        ("Ｔａｒｇｅｔ plc", "Target", "Ｔａｒｇｅｔ"),
        ("今日<i>台積電</i>大跌", "台积电", "台積電"),
        ("Ho\u0300a Pha\u0301t lo\u0303", "Hòa Phát", "Ho\u0300a Pha\u0301t"),
        ("Hewlett\n\t Packard", "Hewlett Packard", "Hewlett\n\t Packard"),
        ("eﬃcient Oﬃce Group", "Office Group", "Oﬃce Group"),
    ],
)
def test_a_span_gives_the_name_as_it_was_written(raw: str, name: str, written: str) -> None:
    hit = Matcher([Alias(1, name)]).find(comparable(plain(raw)))[0]
    start, end = raw_span(plain_with_offsets(raw)[1], hit.start, hit.end)
    assert raw[start:end] == written


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Coca-Cola", "coca cola"),
        ("Coca–Cola", "COCA‑COLA"),
        ("Moody’s", "moody's"),
        ("Hoà Phát", "Hòa Phát"),
        ("Thuỷ sản", "Thủy sản"),
        ("Khoẻ", "Khỏe"),
        ("Jean・Paul", "Jean·Paul"),
    ],
)
def test_spellings_of_one_name_are_folded_into_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("text", "simplified"),
    [
        ("債務違約 Acme — phá sản", "债务违约 Acme — phá sản"),
        ("計畫瞭解供應鍊 藉由答覆", "计划了解供应链 借由答复"),
        ("臺灣裡面後來", "台湾里面后来"),
        ("already simple", "already simple"),
        ("简体不变", "简体不变"),
        ("", ""),
    ],
)
def test_traditional_becomes_simplified_and_nothing_else_changes(text: str, simplified: str) -> None:
    assert to_simplified(text) == simplified


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=60))
def test_conversion_keeps_every_place(before: str, name: str, behind: str) -> None:
    assert len(to_simplified(before + name + behind)) == len(before + name + behind)
    assert to_simplified(to_simplified(name)) == to_simplified(name)


HOSTILE = [
    "a" * 1_000_000,
    "<a" * 500_000,
    "<" * 1_000_000,
    "<a <b>" * 100_000,
    "<!--" * 250_000,
    "<script" * 100_000,
    "</script>" * 100_000,
    "<div>" * 100_000 + "</div>" * 100_000,
    "&" * 1_000_000,
    "&amp;" * 200_000,
    "&a" * 500_000,
    "&#x110000;&#0;&#xD800;&bogus;&notit;" * 1000,
    "&#" + "9" * 100_000 + ";",
    "\0" * 1_000_000,
    "\ud800Acme\udfff",
    "ﷺ" * 20_000,
    "😀🇹🇼👩‍👩‍👧" * 5000,
    "e" + "\u0301" * 20_000,
    "\u1100\u1161\u11a8" * 5000,
    "\u202e\u2066Acme",
    " \n\t" * 200_000,
    "宏達電 Acme Hòa Phát トヨタ подала " * 20_000,
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_cut_short_and_keeps_its_places(raw: str) -> None:
    text, offsets = plain_with_offsets(raw)
    assert text == plain(raw)
    assert len(text) <= MOST
    assert text.isprintable()
    assert all(end <= MOST_RAW for _, end in offsets)
    assert len(comparable(text)) == len(text)
