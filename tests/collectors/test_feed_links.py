"""Addresses of articles: one for each, whoever links to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.feed_entries import canonical_name, without_outlet
from collectors.feed_links import canonical, host_of, unwrapped, web_address

GOOGLE = "https://www.google.com/url?rct=j&sa=t&url=https://a.example/x%3Fid%3D1&ct=ga&usg=AF"


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("https://a.example/x?utm_source=rss&id=1&utm_medium=feed#top", "https://a.example/x?id=1"),
        ("https://a.example/x?fbclid=1", "https://a.example/x"),
        ("https://a.example/x?GCLID=1&q=", "https://a.example/x?q="),
        ("https://a.example", "https://a.example/"),
        ("https://a.example/x?b=2&a=1&b=1", "https://a.example/x?b=2&a=1&b=1"),
        ("https://a.example/x?q=%20+%E5%8F%B0", "https://a.example/x?q=%20+%E5%8F%B0"),
        ("https://a.example/#!/story/1", "https://a.example/#!/story/1"),
        ("https://a.example/#/story/1", "https://a.example/#/story/1"),
        ("https://user:secret@a.example:8443/x", "https://a.example:8443/x"),
        ("https://a.example/x?" + "&".join(["a=1"] * 500), "https://a.example/x?" + "&".join(["a=1"] * 500)),
        ("", ""),
    ],
)
def test_what_tells_only_where_a_reader_came_from_is_left_out(address: str, same: str) -> None:
    assert canonical(address) == same


@pytest.mark.parametrize(
    ("address", "target"),
    [
        (GOOGLE, "https://a.example/x?id=1"),
        ("https://www.google.com.vn/url?q=https://a.example/", "https://a.example/"),
        ("https://www.bing.com/news/apiclick.aspx?ref=x&url=https%3a%2f%2fa.example%2f1", "https://a.example/1"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fa.example%2F", "https://a.example/"),
        ("https://www.google.com/url?url=javascript:alert(1)", "https://www.google.com/url?url=javascript:alert(1)"),
        ("https://www.google.com/url?url=/relative", "https://www.google.com/url?url=/relative"),
        ("https://www.google.com.evil.example/url?url=https://a.example", ""),
        ("https://a.example/url?url=https://b.example", ""),
        ("https://www.google.com/search?q=https://a.example", ""),
    ],
)
def test_only_well_known_redirectors_are_unwrapped(address: str, target: str) -> None:
    assert unwrapped(address) == (target or address)


def test_the_name_of_an_article_keeps_its_place_in_a_page() -> None:
    assert canonical_name("https://a.example/log?utm_source=x#v2") == "https://a.example/log#v2"
    assert canonical_name("https://a.example/log") == "https://a.example/log"
    assert canonical_name("") == ""


@pytest.mark.parametrize(
    ("title", "outlet", "bare"),
    [
        ("A - B - Daily", "Daily", "A - B"),
        ("A | Daily", "Daily", "A"),
        ("Daily", "Daily", "Daily"),
        (" - Daily", "Daily", " - Daily"),
        ("A - daily", "Daily", "A - daily"),
        ("A - Daily", "", "A - Daily"),
    ],
)
def test_only_its_own_outlet_is_cut_from_a_title(title: str, outlet: str, bare: str) -> None:
    assert without_outlet(title, outlet) == bare


@given(st.text(max_size=80), st.text(max_size=20))
def test_any_text_is_an_address_or_none(link: str, base: str) -> None:
    address = web_address(f"https://a.example/{link}", f"https://{base}")
    for found in (address, unwrapped(address), canonical(unwrapped(address))):
        assert found == "" or found.startswith(("http://", "https://"))
    assert isinstance(host_of(address), str)
    assert canonical(canonical(address)) == canonical(address)
