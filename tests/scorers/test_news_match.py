"""Names in texts: longest match, word boundaries by script, and the flags of an alias."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.news.match import Alias, Matcher, comparable

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


@given(st.lists(st.text(min_size=1, max_size=6), max_size=8), st.text(max_size=60))
def test_hits_are_in_order_do_not_overlap_and_are_spelled_so(names: list[str], text: str) -> None:
    compared = comparable(text)
    hits = Matcher([Alias(name, name) for name in names]).find(compared)
    assert all(one.end <= other.start for one, other in pairwise(hits))
    for hit in hits:
        for alias in hit.aliases:
            assert comparable(alias.text).lower() == compared[hit.start : hit.end].lower()
