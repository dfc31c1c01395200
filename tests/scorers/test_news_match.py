"""Names in texts: longest match, word boundaries by script, and the flags of an alias."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.news.ambiguity import ambiguity
from scorers.news.match import Alias, Matcher, comparable
from scorers.news.spellings import spellings
from scorers.news.text import fold, plain

ALIASES = [
    Alias("acme", "Acme"),
    Alias("acme", "Acme Holdings"),
    Alias("target", "Target", case_sensitive=True),
    Alias("target", "Target Date", exclude=True),
    Alias("next", "Next plc"),
    Alias("gap", "Gap Inc"),
    Alias("gap", "Gap", case_sensitive=True, needs_context=True, cues=("retailer", "服装")),
    Alias("tsmc", "台積電"),
    Alias("tsmc", "TSMC"),
    Alias("mi", "小米", cues=("雷军",)),
    Alias("hp", "HP", cues=("printer",)),
    Alias("hoaphat", "Hòa Phát"),
    Alias("hoaphat", "Hòa phát biểu", exclude=True),
    Alias("mobi", "Thế Giới Di Động"),
    Alias("fpt-retail", "FPT Retail"),
    Alias("fpt", "FPT", cues=("phần mềm",)),
    Alias("straße", "Straße AG"),
]


def named(text: str) -> list[str]:
    return [str(alias.partner) for hit in Matcher(ALIASES).find(comparable(text)) for alias in hit.aliases]


@pytest.mark.parametrize(
    ("text", "partners"),
    [
        ("ACME sues Beta", ["acme"]),
        ("Acme's profit", ["acme"]),
        ("Acmeville floods", []),
        ("PreAcme", []),
        ("Acme Holdings wins", ["acme"]),
        ("Target cuts jobs", ["target"]),
        ("Analysts target growth", []),
        ("Target Date funds fall", []),
        ("Target: Target Date funds fall", ["target"]),
        ("Gap widens", []),
        ("Gap, the retailer, closes stores", ["gap"]),
        ("Gap Inc says Gap will close", ["gap", "gap"]),
        ("mind the gap at the retailer", []),
        ("台积电大跌", ["tsmc"]),
        ("美國對台積電制裁", ["tsmc"]),
        ("台積電TSMC大跌", ["tsmc", "tsmc"]),
        ("吃小米粥", []),
        ("雷軍：小米裁員", ["mi"]),
        ("HP recalls", []),
        ("HP recalls a printer", ["hp"]),
        ("hòa phát lãi lớn", ["hoaphat"]),
        ("Chị Hòa phát biểu", []),
        ("Hòa Phátt", []),
        ("THẾ GIỚI DI ĐỘNG đóng cửa", ["mobi"]),
        ("FPT Retail lỗ", ["fpt-retail"]),
        ("FPT ký hợp đồng phần mềm", ["fpt"]),
        ("Ｔａｒｇｅｔ cuts", ["target"]),
        ("HP shares fall", ["hp"]),
        ("shares of HP fall", ["hp"]),
        ("小米集團裁員", ["mi"]),
        ("小米(1810)裁員", ["mi"]),
        ("Cổ phiếu FPT lao dốc", ["fpt"]),
        ("hp shares fall", []),
        ("Acmes profit", ["acme"]),
        ("acmes profit", []),
        ("Hoà Phát lãi lớn", ["hoaphat"]),
        ("STRASSE AG", []),
        ("", []),
    ],
)
def test_who_is_named(text: str, partners: list[str]) -> None:
    assert named(text) == partners


def test_a_name_two_partners_share_names_both() -> None:
    matcher = Matcher([Alias(1, "Delta Works"), Alias(2, "delta works")])
    assert [alias.partner for hit in matcher.find("Delta Works fails") for alias in hit.aliases] == [1, 2]


def test_no_names_and_blank_names_find_nothing() -> None:
    assert Matcher([]).find("Acme") == []
    assert Matcher([Alias(1, " \0 ")]).find("Acme") == []


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("Acme", "Acme's profit"),
        ("Acme", "Acme’s profit"),
        ("Max India", "Max Indias chief moves on"),
        ("NBFC", "NBFCs look good"),
        ("Coca-Cola", "Coca Cola sued"),
        ("Coca Cola", "Coca-Cola sued"),
        ("Coca-Cola", "Coca‑Cola sued"),
        ("AT&T", "AT&amp;T sued"),
        ("AT&T", "AT & T sued"),
        ("Johnson & Johnson", "Johnson and Johnson sued"),
        ("Johnson and Johnson", "Johnson &amp; Johnson sued"),
        ("Enel S.p.A.", "Enel SpA sued"),
        ("Enel SpA", "Enel S.p.A. sued"),
        ("Heineken NV", "Heineken N.V. sued"),
        ("Acme, Inc.", "Acme Inc sued"),
        ("Acme Inc", "Acme, Inc. sued"),
        ("Acme Limited", "Acme Ltd sued"),
        ("Acme Corp.", "Acme Corporation sued"),
        ("US Steel", "U.S. Steel sued"),
        ("U.S. Steel", "US Steel sued"),
        ("Dr. Reddy's", "Dr Reddys sued"),
        ("McDonald's", "McDonalds sued"),
        ("McDonald's", "McDonald’s sued"),
        ("Acme", "（Acme）被告"),
        ("Acme", "控告Acme公司"),
        ("Acme", "ＡＣＭＥ被告"),
        ("台積電", "台积电被告"),
        ("台积电", "臺積電、台積電被告"),
        ("鴻海", "鸿海(2317)被告"),
        ("阿里·巴巴", "阿里巴巴被告"),
        ("Hòa Phát", "Hoà Phát bị kiện"),
        ("HÒA PHÁT", "Hòa Phát bị kiện"),
        ("Hòa Phát", "Ho\u0300a Pha\u0301t bi\u0323 kie\u0323\u0302n"),
        ("삼성전자", "삼성전자가 리콜"),
        ("Acme", "<b>Acme</b>&nbsp;sued"),
        ("Acme", "$Acme #Acme @Acme"),
    ],
)
def test_a_known_name_is_found_however_it_is_spelled(alias: str, text: str) -> None:
    assert Matcher([Alias(1, alias, trusted=True)]).find(comparable(plain(text)))


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("Acme", "Acmeville"),
        ("Apple", "apples are cheap"),
        ("SpA", "a day at the spas"),
        ("Gap", "Gaps remain"),
        ("Hòa", "Hòan"),
        ("Acme", "Acme_2"),
        ("Acme Inc", "Acme. Inc"),
    ],
)
def test_what_is_another_word_is_not_the_name(alias: str, text: str) -> None:
    assert not Matcher([Alias(1, alias, trusted=True)]).find(comparable(text))


@pytest.mark.parametrize(
    ("alias", "text"),
    [("HP", "HP recalls"), ("小米", "吃小米粥"), ("Target", "target missed"), ("TCS", "tcs rises"), ("V", "V rises")],
)
def test_a_trusted_name_needs_no_second_cue(alias: str, text: str) -> None:
    assert not Matcher([Alias(1, alias)]).find(comparable(text))
    assert Matcher([Alias(1, alias, trusted=True)]).find(comparable(text))


def test_what_a_person_demands_of_a_trusted_name_still_holds() -> None:
    matcher = Matcher([Alias(1, "Gap", needs_context=True, case_sensitive=True, trusted=True)])
    assert not matcher.find("Gap recalls")
    assert not matcher.find("gap recalls")


def test_a_dictionary_word_is_the_name_in_its_own_case_or_in_capitals() -> None:
    matcher = Matcher([Alias(1, "Target")])
    assert matcher.find("Target falls")
    assert matcher.find("TARGET FALLS")
    assert not matcher.find("Analysts cut target")


def test_the_longest_name_wins_and_an_excluded_phrase_shields() -> None:
    matcher = Matcher(
        [Alias(1, "Air India"), Alias(2, "Air India Express"), Alias(1, "Air India Building", exclude=True)]
    )
    found = matcher.find("Air India Express leaves the Air India Building")
    assert [alias.partner for hit in found for alias in hit.aliases] == [2]


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        ("Target", "word"),
        ("NEXT", "word"),
        ("Gap", "word"),
        ("Apple", "word"),
        ("Shell", "word"),
        ("Orange", "word"),
        ("Visa", "word"),
        ("Square", "word"),
        ("Ford", "word"),
        ("大众", "word"),
        ("大眾", "word"),
        ("小米", "word"),
        ("统一", "word"),
        ("平安", "word"),
        ("Hòa Bình", "word"),
        ("Hoà Bình", "word"),
        ("Thành Công", "word"),
        ("Boston", "place"),
        ("北京", "place"),
        ("Hà Nội", "place"),
        ("HP", "short"),
        ("A&B", "short"),
        ("華碩", "short"),
        ("3000", "number"),
        ("", "number"),
        ("Acme Holdings", None),
        ("台積電", None),
        ("Hòa Phát", None),
        ("Target Corporation", None),
    ],
)
def test_why_a_name_is_ambiguous(alias: str, reason: str | None) -> None:
    assert ambiguity(alias) == reason


@given(st.text(max_size=20))
def test_a_name_has_a_handful_of_spellings_itself_among_them(text: str) -> None:
    spelled = comparable(text)
    key = fold(spelled)
    found = spellings(key, spelled) if key else {key}
    assert key in found
    assert len(found) <= 40


@given(st.lists(st.text(min_size=1, max_size=6), max_size=8), st.text(max_size=60))
def test_hits_are_in_order_do_not_overlap_and_are_spelled_so(names: list[str], text: str) -> None:
    compared = comparable(text)
    hits = Matcher([Alias(name, name) for name in names]).find(compared)
    assert all(one.end <= other.start for one, other in pairwise(hits))
    for hit in hits:
        for alias in hit.aliases:
            spelled = comparable(alias.text)
            assert fold(compared)[hit.start : hit.end] in spellings(fold(spelled), spelled)
