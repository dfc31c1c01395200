"""Whole articles in four languages: events, tone, traps, several partners, and text meant to break things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.news.events import clauses, taxonomy, triggers_in
from scorers.news.read import Alias, Mention, Reader, judge
from scorers.news.text import MOST_RAW

READER = Reader(
    [
        Alias("acme", "Acme"),
        Alias("beta", "Beta Corp"),
        Alias("hongda", "宏達電"),
        Alias("formosa", "台塑集團"),
        Alias("hoaphat", "Hòa Phát"),
        Alias("recall", "Total Recall Logistics"),
    ]
)


def only(title: str, summary: str = "") -> Mention:
    mentions = READER.read(title, summary).mentions
    assert len(mentions) == 1
    return mentions[0]


@pytest.mark.parametrize(
    ("title", "event"),
    [
        ("Acme files for bankruptcy protection", "insolvency"),
        ("Acme misses another bond payment", "insolvency"),
        ("Supplier sues Acme over unpaid bills", "lawsuit"),
        ("Acme recalls 40,000 heaters", "recall"),
        ("Hackers steal customer records from Acme", "breach"),
        ("US adds Acme to entity list", "sanction"),
        ("Acme to cut 2,000 jobs", "layoffs"),
        ("Acme chief executive steps down", "exec_departure"),
        ("Dock workers at Acme vote for strike", "strike"),
        ("Prosecutors raid offices of Acme", "fraud_investigation"),
        ("Fire breaks out at Acme plant", "accident"),
        ("宏達電遭檢方調查 涉嫌詐欺", "fraud_investigation"),
        ("宏達電債務違約", "insolvency"),
        ("台塑集團工廠爆炸", "accident"),
        ("宏达电大规模裁员", "layoffs"),
        ("宏达电被列入实体清单", "sanction"),
        ("Hòa Phát bị khởi kiện vì chậm thanh toán", "insolvency"),
        ("Hòa Phát bị kiện", "lawsuit"),
        ("Công nhân Hòa Phát đình công", "strike"),
        ("Hòa Phát bị phạt vì gây ô nhiễm", "fraud_investigation"),
    ],
)
def test_events(title: str, event: str) -> None:
    mention = only(title)
    assert mention.event == event
    assert mention.severity == taxonomy()["events"][event]["severity"]
    assert mention.half_life_days == taxonomy()["events"][event]["half_life_days"]
    assert mention.triggers


@pytest.mark.parametrize(
    "title",
    [
        "Acme denies fraud",
        "Court dismisses lawsuit against Acme",
        "US lifts sanctions on Acme",
        "Sanctions on Acme lifted",
        "Acme emerges from bankruptcy",
        "Acme has no plans for layoffs",
        "Acme upgraded to buy",
        "Acme strikes deal with Beta City",
        "Acme wins chess tournament",
        "Total Recall Logistics opens a warehouse",
        "宏達電轉虧為盈",
        "宏達電：市場調查顯示消費者滿意",
        "台塑集團罷工有解",
        "美國解除對宏達電制裁",
        "宏達電否認裁員",
        "宏達電產量超標完成",
        "宏达电澄清：不存在债务违约",
        "Hòa Phát tổ chức sự kiện lớn",
        "Điều kiện làm việc tại Hòa Phát",
        "Linh kiện do Hòa Phát sản xuất",
        "Hòa Phát kiện toàn bộ máy",
        "Hòa Phát phủ nhận tin đồn phá sản",
        "Hòa Phát không bị kiện",
    ],
)
def test_traps_are_no_event_and_not_bad_news(title: str) -> None:
    mention = only(title)
    assert mention.event is None
    assert mention.p_negative < 0.5
    assert mention.severity == 0.0


@pytest.mark.parametrize(
    ("title", "tone"),
    [
        ("Acme profit jumps to record", "positive"),
        ("Acme shares plunge", "negative"),
        ("Acme to hold annual meeting in May", "neutral"),
        ("宏達電營收創新高", "positive"),
        ("宏達電股價重挫", "negative"),
        ("宏達電將於五月舉行股東會", "neutral"),
        ("Hòa Phát báo lãi kỷ lục", "positive"),
        ("Cổ phiếu Hòa Phát lao dốc", "negative"),
        ("Hòa Phát họp đại hội cổ đông", "neutral"),
    ],
)
def test_tone(title: str, tone: str) -> None:
    mention = only(title)
    shares = {"negative": mention.p_negative, "neutral": mention.p_neutral, "positive": mention.p_positive}
    assert max(shares, key=lambda name: shares[name]) == tone
    assert sum(shares.values()) == pytest.approx(1.0)


def test_bad_news_of_no_known_event_still_counts() -> None:
    mention = only("Worries: Acme under pressure as demand crashes")
    assert mention.event is None
    assert mention.p_negative >= 0.5
    assert 0 < mention.severity < 40


def test_two_partners_are_judged_each_by_its_own_clause() -> None:
    mentions = {m.partner: m for m in READER.read("Acme profit jumps, Beta Corp recalls 1,000 cars").mentions}
    assert mentions["acme"].event is None
    assert mentions["acme"].p_positive > 0.5
    assert mentions["beta"].event == "recall"
    assert mentions["beta"].p_negative > 0.5


def test_a_clause_that_says_nothing_leaves_the_whole_text_to_judge_by() -> None:
    mentions = READER.read("Acme, Beta Corp: court orders recall").mentions
    assert {mention.event for mention in mentions} == {"recall"}


def test_the_worst_event_is_told_and_the_summary_is_read_too() -> None:
    assert only("Acme chief resigns", "The company filed for bankruptcy on Monday.").event == "insolvency"


def test_a_partner_named_often_is_mentioned_once() -> None:
    assert only("Acme Acme Acme", "Acme").alias == "Acme"


def test_nobody_named_is_no_mention_but_a_language() -> None:
    reading = READER.read("OPEC cuts output as layoffs spread")
    assert reading.language == "en"
    assert reading.mentions == ()


def test_a_language_without_lexicon_names_partners_and_abstains() -> None:
    reading = READER.read("Acme подала заявление о банкротстве", language="ru")
    assert reading.language == "und"
    assert reading.mentions[0].event is None
    assert reading.mentions[0].p_neutral == pytest.approx(0.6)


@pytest.mark.parametrize(
    "text",
    [
        "Acme " * (1_000_000 // 5),
        "a" * 1_000_000,
        "<a" * 500_000,
        "<!--" * 250_000,
        "&" * 1_000_000,
        "&#x110000;&#0;&#xD800;&bogus;" * 1000,
        "\0" * 1000 + "Acme",
        "\ud800Acme\udfff",
        "ﷺ" * 300,
        "😀🇹🇼👩‍👩‍👧" * 500,
        "Acme 宏達電 Hòa Phát подала トヨタ \u202e\u2066",
        "not " * 5000 + "Acme bankrupt",
        "default on " * 2000 + "Acme",
        "利" * MOST_RAW,
        "̈" * 5000,
    ],
    ids=range(15),
)
def test_hostile_text_does_no_harm(text: str) -> None:
    reading = READER.read(text, text, "x" * 1000)
    partners = [mention.partner for mention in reading.mentions]
    assert len(set(partners)) == len(partners)
    for mention in reading.mentions:
        assert mention.p_negative + mention.p_neutral + mention.p_positive == pytest.approx(1.0)
        assert 0 <= mention.span[0] < mention.span[1] <= 2 * len(text) + 1


@given(st.text(max_size=200), st.text(max_size=200), st.one_of(st.none(), st.text(max_size=8)))
def test_any_text_reads_the_same_twice_and_names_who_is_named(title: str, summary: str, language: str | None) -> None:
    title = f"Acme {title}"
    reading = READER.read(title, summary, language)
    assert reading == READER.read(title, summary, language)
    assert reading.mentions[0].partner == "acme"
    assert reading.mentions[0].span == (0, 4)


@pytest.mark.parametrize(
    ("title", "summary", "name"),
    [
        ("Shares of Acme plunge", "", "Acme"),
        ("Markets", "Shares of Acme plunge", "Acme"),
        ("<b>Ｓhares</b> of&nbsp;&nbsp;Ａcme plunge", "", "Ａcme"),
        ("“<i>Bad</i>” news", "from \u200b ACME", "ACME"),
        ("外資看好宏達電，股價大漲", "", "宏達電"),
        ("　宏达电　裁员", "", "宏达电"),
        ("Cổ phiếu Ho\u0300a Phát lao dốc", "", "Ho\u0300a Phát"),
    ],
    ids=range(7),
)
def test_a_span_is_the_name_as_it_was_written(title: str, summary: str, name: str) -> None:
    start, end = only(title, summary).span
    assert f"{title} {summary}"[start:end] == name


def test_reading_many_gives_the_same_as_reading_each() -> None:
    sources = [
        ("Acme sued, Beta Corp wins order", "Acme denies it", None),
        ("宏達電營收創新高", "", "zh-TW"),
        ("nobody", "", None),
        ("", "", None),
        ("Hòa Phát bị kiện", "", "vi"),
        ("Acme подала", "", "ru"),
    ] * 60
    together = READER.read_many(sources)
    assert [one.language for one in together[:6]] == ["en", "zh-Hant", "en", "und", "vi", "und"]
    for read, source in zip(together[:6], sources[:6], strict=True):
        alone = READER.read(*source)
        assert [(m.partner, m.event, m.span, m.triggers) for m in read.mentions] == [
            (m.partner, m.event, m.span, m.triggers) for m in alone.mentions
        ]
        for one, other in zip(read.mentions, alone.mentions, strict=True):
            assert one.p_negative == pytest.approx(other.p_negative, abs=1e-6)


@pytest.mark.parametrize(
    ("title", "good", "bad"),
    [
        ("Acme profit jumps, Beta Corp misses forecasts", "acme", "beta"),
        ("Acme loses contract to Beta Corp; Beta Corp shares surge", "beta", "acme"),
        ("台塑集團獲大單，宏達電遭檢調搜索", "formosa", "hongda"),
        ("Beta Corp up 5%, Acme down 6%", "beta", "acme"),
    ],
)
def test_a_conflicting_headline_is_good_for_one_and_bad_for_the_other(title: str, good: str, bad: str) -> None:
    mentions = {mention.partner: mention for mention in READER.read(title).mentions}
    assert mentions[good].p_positive > mentions[good].p_negative
    assert mentions[bad].p_negative > mentions[bad].p_positive


@pytest.mark.parametrize(
    "title",
    [
        "OPEC to cut output as US layoffs spread",
        "Unemployment rises to ten-year high",
        "央行維持利率不變",
        "VN-Index lao dốc",
    ],
)
def test_macro_news_is_about_nobody(title: str) -> None:
    assert READER.read(title).mentions == ()


def test_reasons_tell_events_and_phrases_with_their_weight() -> None:
    reasons = only("Acme recalls heaters as losses mount").reasons
    kinds = {kind for kind, _, _ in reasons}
    assert {"event", "phrase"} <= kinds
    assert ("event", "recalls", 70.0) in [(kind, text, float(weight)) for kind, text, weight in reasons]
    assert all(-1 <= weight <= 1 for kind, _, weight in reasons if kind == "phrase")


def test_without_models_the_lexicon_judges_alone() -> None:
    alone = Reader([Alias("acme", "Acme")], models={}).read("Acme shares plunge").mentions[0]
    # One bad phrase beside the prior of .2, .6 and .2: see docs/news.md.
    assert (alone.p_negative, alone.p_neutral, alone.p_positive) == pytest.approx((0.6, 0.3, 0.1))
    assert not any(kind == "words" for kind, _, _ in alone.reasons)


def test_a_text_as_a_whole_needs_no_partner() -> None:
    said = judge("Court orders recall of heaters")
    assert (said.language, said.label, said.uncertain) == ("en", "negative", False)
    assert "recall" in {trigger.event.name for trigger in said.triggers}
    assert judge("").label == "neutral"
    assert judge("Компания подала заявление").language == "und"


def test_clauses_cover_the_text_in_order() -> None:
    text = "Acme rises, Beta falls; net 1.5 – up"
    assert [text[a:b].strip() for a, b in clauses(text)] == ["Acme rises", "Beta falls", "net 1.5", "up"]


@pytest.mark.parametrize(
    ("text", "lexicon", "event"),
    [
        ("default on the company bonds", "en", "insolvency"),
        ("bankruptcies", "en", "insolvency"),
        ("a default setting on all of those many new bonds", "en", None),
        ("sự kiện kiện tụng", "vi", "lawsuit"),
    ],
)
def test_phrase_syntax(text: str, lexicon: str, event: str | None) -> None:
    found = triggers_in(text, lexicon)
    assert (found[0].event.name if found else None) == event
