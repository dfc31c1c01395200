"""Copies of one story, incidents, and outlets."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorers.news import copies, kinds
from scorers.news.incidents import Told, group, reach, weight
from scorers.news.outlets import outlet_of

STORY = "Acme shuts its Leeds plant after three weeks of strikes over pay"
SAME_STORY = [
    f"{STORY} - Example Times",
    f"{STORY} | Example Business Daily",
    f"UPDATE 2-{STORY}",
    f"LEEDS (Example) - {STORY}",
    f"Example Times: {STORY}",
    STORY.upper(),
    f"<b>{STORY}</b>",
    "Acme shuts its Leeds plant after three weeks of strikes…",
    "Acme shuts Leeds plant after three weeks of strikes over pay",
]
OTHERS = [
    "Acme opens a new plant in Leeds and hires 300",
    "Borealis recalls heaters after two fires",
    "Acme names a new head of finance",
]


@pytest.mark.parametrize("variant", SAME_STORY)
def test_a_story_under_another_masthead_is_a_copy(variant: str) -> None:
    assert copies.cluster([STORY, *OTHERS, variant]).tolist() == [0, 1, 2, 3, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("艾克美罢工有解，周一起恢复生产", "艾克美罷工有解，週一起恢復生產 - 範例時報"),
        ("艾克美召回三万台冰箱，起因是压缩机过热", "【快讯】艾克美召回三万台冰箱，起因是压缩机过热"),
        ("Acme thu hồi ba vạn tủ lạnh do lỗi máy nén", "Tin nóng: Acme thu hồi ba vạn tủ lạnh do lỗi máy nén | Ví Dụ"),
    ],
)
def test_copies_are_found_across_scripts_and_mastheads(one: str, other: str) -> None:
    assert copies.cluster([one, other]).tolist() == [0, 0]


def test_another_figure_is_another_story() -> None:
    texts = ["Acme lays off 300 people at its Leeds plant", "Acme lays off 900 people at its Leeds plant"]
    assert copies.cluster(texts).tolist() == [0, 1]


def test_the_same_words_weeks_later_are_news_again() -> None:
    assert copies.cluster([STORY, STORY, STORY], age_days=[60.0, 2.0, 1.0]).tolist() == [0, 1, 1]


def test_a_story_that_is_retold_day_by_day_stays_one() -> None:
    assert copies.cluster([STORY] * 4, age_days=[18.0, 0.0, 6.0, 12.0]).tolist() == [0, 0, 0, 0]


def test_texts_without_words_are_copies_of_nothing() -> None:
    assert copies.cluster(["", "!!!", "", "\0"]).tolist() == [0, 1, 2, 3]
    assert copies.cluster([]).tolist() == []


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(len(SAME_STORY) + len(OTHERS))))
def test_the_order_of_texts_does_not_matter(order: list[int]) -> None:
    texts = [*SAME_STORY, *OTHERS]
    labels = copies.cluster([texts[place] for place in order])
    together = {frozenset(order[i] for i in np.flatnonzero(labels == label)) for label in labels}
    assert together == {frozenset(range(len(SAME_STORY))), *(frozenset([len(SAME_STORY) + i]) for i in range(3))}


def told(text: str, event: str | None, age_days: float) -> Told:
    return Told(text, event, age_days)


STRIKE = [
    told("____ workers walk out at Leeds plant over pay", "strike", 5.0),
    told("Strike at the Leeds plant of ____ enters second day", "strike", 4.0),
    told("____ strike: union and workers at Leeds plant meet over pay", "strike", 3.5),
    told("____ recalls ten thousand heaters", "recall", 4.0),
    told("Pickets at ____ warehouse in Porto, drivers say", "strike", 4.5),
    told("____ workers at the Leeds plant walk out again over pay", "strike", 0.0),
]


def grouped(articles: list[Told], **said: object) -> list[int]:
    return group(articles, np.arange(len(articles)), **said).tolist()  # type: ignore[arg-type]


def test_articles_on_one_event_within_three_days_and_alike_are_one_incident() -> None:
    assert grouped(STRIKE) == [0, 0, 0, 3, 4, 5]


def test_another_event_or_another_week_is_another_incident() -> None:
    same = "____ workers walk out at Leeds plant"
    assert grouped([told(same, "strike", 9.0), told(same, "lawsuit", 9.0), told(same, "strike", 1.0)]) == [0, 1, 2]


def test_copies_share_the_incident_whatever_their_event() -> None:
    articles = [told(STORY, "strike", 4.0), told(STORY, None, 4.0)]
    assert group(articles, np.array([0, 0])).tolist() == [0, 0]


def test_what_a_person_sets_apart_is_joined_with_nothing() -> None:
    assert grouped(STRIKE, apart=frozenset({1})) == [0, 1, 0, 3, 4, 5]
    copied = [told(STORY, "strike", 4.0)] * 3
    assert group(copied, np.array([0, 0, 0]), apart=frozenset({0})).tolist() == [0, 1, 1]


def test_what_a_person_joins_is_one_incident() -> None:
    assert grouped(STRIKE, together=[(4, 1)]) == [0, 0, 0, 3, 0, 5]
    assert grouped(STRIKE, apart=frozenset({1}), together=[(1, 5)]) == [0, 1, 0, 3, 4, 1]


def test_a_headline_cut_before_its_figures_chains_no_two_stories() -> None:
    story = "Example Steel reports a net profit for the quarter ended in June of %s crore rupees, up on the year"
    whole = [story % 53, story % 57]
    cut = "Example Steel reports a net profit for the quarter ended in June of 5..."
    labels = copies.cluster([*whole, cut, whole[1]])
    assert labels[0] != labels[1]
    assert labels[3] == labels[1]
    assert labels[2] in (labels[0], labels[1])


def test_the_comma_of_thousands_makes_no_other_figure() -> None:
    story = "Foreign investors put %s million euros into Example Steel of Porto"
    assert copies.cluster([story % "4,900", story % "4900", story % "4,901"]).tolist() == [0, 0, 2]


def test_the_order_of_articles_does_not_matter() -> None:
    expected = {frozenset({0, 1, 2}), frozenset({3}), frozenset({4}), frozenset({5})}
    for seed in range(20):
        order = random.Random(seed).sample(range(6), 6)
        labels = grouped([STRIKE[place] for place in order])
        parts = itertools.groupby(sorted(range(6), key=lambda i: labels[i]), key=lambda i: labels[i])
        assert {frozenset(order[i] for i in members) for _, members in parts} == expected


def test_articles_without_words_are_their_own_incidents() -> None:
    assert grouped([told("", "strike", 1.0), told("!!", "strike", 1.0)]) == [0, 1]
    assert grouped([]) == []


def test_one_wire_story_in_forty_outlets_weighs_as_in_seven() -> None:
    assert weight(80.0, 0.5, 1) == 40.0
    assert weight(80.0, 0.5, 3) == 80.0
    assert weight(80.0, 0.5, 7) == weight(80.0, 0.5, 40) == 120.0
    assert reach(2) == math.log2(3)
    assert kinds.MOST_REACH == 3.0


@pytest.mark.parametrize(
    ("url", "name", "outlet"),
    [
        ("https://news.example.co.uk/a/b", "Example News", "example.co.uk"),
        ("https://www.example.com.vn:8443/x?y=1", "", "example.com.vn"),
        ("https://EXAMPLE.com/", "Another Name", "example.com"),
        ("https://news.google.com/articles/x", "Example  Times", "example times"),
        ("https://news.google.com/articles/x", "", "google.com"),
        ("https://news.google.com/articles/x", "www.Example.co.uk", "example.co.uk"),
        ("", "Example.com", "example.com"),
        ("", "St. Example", "st. example"),
        ("", "1.2", "1.2"),
        ("http://192.0.2.7/feed", "Intranet", "192.0.2.7"),
        ("http://localhost/feed", "In House", "in house"),
        ("", "\uff25xample\u3000Times", "example times"),
        ("http://[", "", ""),
        ("", "", ""),
    ],
)
def test_an_outlet_is_its_registrable_domain_or_its_name(url: str, name: str, outlet: str) -> None:
    assert outlet_of(url, name) == outlet


def test_hostile_names_are_capped() -> None:
    assert len(outlet_of("", "x" * 10**6)) == 100
    assert copies.cluster(["a" * 10**6, "\0" * 100, "𝕏" * 5000])[0] == 0
