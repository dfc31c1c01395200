"""The lexicon alone: directions take their tone from what they move, negations and endings turn it."""

import json
import re
from importlib.resources import files

import pytest

from scorers.news.read import Judgement, judge
from scorers.news.tone import SIGNALS, phrases_in

LISTS = json.loads(files("scorers.news").joinpath("lexicon.json").read_text("utf-8"))
LANGUAGES = ("en", "zh", "vi")


def judged(text: str, language: str) -> Judgement:
    return judge(text, language, models={})


def label(text: str, language: str) -> str:
    return judged(text, language).label


@pytest.mark.parametrize(
    ("text", "lexicon", "expected"),
    [
        ("profit rises", "en", "positive"),
        ("profit falls", "en", "negative"),
        ("costs rise", "en", "negative"),
        ("costs fall", "en", "positive"),
        ("debt falls to lowest in a decade", "en", "positive"),
        ("losses narrow", "en", "positive"),
        ("quarterly loss widens", "en", "negative"),
        ("unemployment rises", "en", "negative"),
        ("rise in sales", "en", "positive"),
        ("利润上升", "zh", "positive"),
        ("成本上升", "zh", "negative"),
        ("成本下降", "zh", "positive"),
        ("負債減少", "zh", "positive"),
        ("亏损收窄", "zh", "positive"),
        ("亏损扩大", "zh", "negative"),
        ("lợi nhuận tăng", "vi", "positive"),
        ("chi phí tăng", "vi", "negative"),
        ("nợ xấu giảm", "vi", "positive"),
        ("doanh thu giảm", "vi", "negative"),
    ],
)
def test_a_direction_is_good_or_bad_by_what_it_moves(text: str, lexicon: str, expected: str) -> None:
    assert label(text, lexicon) == expected


@pytest.mark.parametrize(
    ("text", "lexicon"),
    [
        ("turns loss into profit", "en"),
        ("swings to profit", "en"),
        ("upgraded to buy", "en"),
        ("beats estimates", "en"),
        ("raises full-year forecast", "en"),
        ("扭亏为盈", "zh"),
        ("轉虧為盈", "zh"),
        ("上调评级", "zh"),
        ("上調目標價", "zh"),
        ("产量超标完成", "zh"),
        ("thoát lỗ", "vi"),
        ("chuyển lỗ thành lãi", "vi"),
        ("nâng khuyến nghị mua", "vi"),
    ],
)
def test_good_news_made_of_bad_words_is_good(text: str, lexicon: str) -> None:
    assert label(text, lexicon) == "positive"


@pytest.mark.parametrize(
    ("text", "lexicon"),
    [
        ("downgraded to sell", "en"),
        ("price target cut", "en"),
        ("misses estimates", "en"),
        ("fails to win licence", "en"),
        ("no growth", "en"),
        ("bị hạ bậc", "vi"),
        ("lỗ nặng", "vi"),
        ("业绩不及预期", "zh"),
        ("下调目标价", "zh"),
        ("由盈轉虧", "zh"),
        ("大股東減持", "zh"),
    ],
)
def test_bad_news_made_of_good_words_is_bad(text: str, lexicon: str) -> None:
    assert label(text, lexicon) == "negative"


@pytest.mark.parametrize(
    ("text", "lexicon"),
    [
        ("sanctions lifted", "en"),
        ("lifts sanctions", "en"),
        ("lawsuit dismissed", "en"),
        ("denies fraud", "en"),
        ("strike averted", "en"),
        ("layoffs called off", "en"),
        ("罷工有解", "zh"),
        ("解除制裁", "zh"),
        ("澄清：不存在债务违约", "zh"),
        ("否认裁员", "zh"),
        ("市场调查显示需求平稳", "zh"),
        ("phủ nhận phá sản", "vi"),
        ("không bị kiện", "vi"),
        ("tổ chức sự kiện", "vi"),
        ("điều kiện vay", "vi"),
        ("linh kiện điện tử", "vi"),
        ("bưu kiện ngày lễ", "vi"),
    ],
)
def test_what_is_denied_or_over_or_only_looks_bad_is_not_bad(text: str, lexicon: str) -> None:
    assert label(text, lexicon) != "negative"


@pytest.mark.parametrize(
    ("text", "lexicon"),
    [
        ("Customs hold up shipments", "en"),
        ("holds up Acme's deliveries", "en"),
        ("held up thousands of containers for weeks", "en"),
        ("is holding up production", "en"),
        ("holds up work on two plants", "en"),
        ("shipments held up at customs", "en"),
        ("deliveries to Acme held up by storm", "en"),
        ("exports were held up by paperwork", "en"),
        ("出货延误", "zh"),
        ("暴雨耽擱船期", "zh"),
        ("làm chậm các lô hàng", "vi"),
        ("sản xuất đình trệ", "vi"),
        ("giao hàng chậm trễ", "vi"),
    ],
)
def test_what_is_held_up_is_late(text: str, lexicon: str) -> None:
    assert label(text, lexicon) == "negative"


@pytest.mark.parametrize(
    "text",
    [
        "demand holds up",
        "orders hold up",
        "sales are holding up",
        "margins held up as orders rise",
        "demand holds up well despite work on plants",
        "sales held up by strong orders",
        "deliveries held up by strong demand",
        "shipments held up well in March",
    ],
)
def test_what_holds_up_is_steady(text: str) -> None:
    assert label(text, "en") == "positive"


@pytest.mark.parametrize(
    "text",
    [
        "signs contract with Harbour Freight",
        "wins contracts in three countries",
        "contracted to supply rail cars",
        "sales contract for 40 trains",
    ],
)
def test_a_contract_is_no_contraction(text: str) -> None:
    assert label(text, "en") != "negative"


@pytest.mark.parametrize(
    "text",
    [
        "economy contracts 2 pct",
        "orders contracted sharply",
        "output to contract in third quarter",
        "gross margins contract again",
    ],
)
def test_what_contracts_falls(text: str) -> None:
    assert label(text, "en") == "negative"


def test_a_pattern_of_the_lexicon_names_its_phrase_in_its_group() -> None:
    text = "Row holds up Acme’s shipments"
    told = {text[phrase.start : phrase.end]: phrase.signal for phrase in phrases_in(text, "en")}
    assert told == {"Row": "bad", "holds up": "bad"}


def test_kiện_by_itself_is_bad() -> None:
    assert label("bị kiện", "vi") == "negative"


def test_traditional_reads_as_simplified() -> None:
    traditional, simplified = judged("營收創新高，獲利成長", "zh"), judged("营收创新高，获利成长", "zh")
    assert (traditional.language, simplified.language) == ("zh-Hant", "zh-Hans")
    assert traditional.p_positive == simplified.p_positive > 0.5
    assert traditional.reasons == simplified.reasons


def test_phrases_stand_where_they_are_told_to() -> None:
    text = "Costs fall, no growth"
    told = {text[phrase.start : phrase.end]: phrase.signal for phrase in phrases_in(text, "en")}
    assert told == {"fall": "good_direction", "growth": "turned_good"}


def test_a_quantity_behind_an_and_is_another_matter() -> None:
    assert judged("gains and losses", "en").uncertain


def test_mixed_news_is_uncertain_and_no_news_is_not() -> None:
    assert judged("sales surge, customers complain", "en").uncertain
    assert not judged("annual meeting", "en").uncertain


def test_shares_sum_to_one_whatever_is_said() -> None:
    tone = judged("profit surges, record sales, wins order, beats forecast, upgraded, strong demand", "en")
    assert tone.p_negative + tone.p_neutral + tone.p_positive == pytest.approx(1.0)
    assert tone.p_positive < 0.95


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_list_is_known_and_no_phrase_is_both_good_and_bad(language: str) -> None:
    lists = LISTS[language]
    assert set(lists) == {"good", "bad", "up", "down", "gains", "costs", "negation", "ending", "mild", "plain"}
    assert not set(lists["good"]) & set(lists["bad"])
    assert not set(lists["up"]) & set(lists["down"])
    assert not set(lists["gains"]) & set(lists["costs"])
    assert all(phrase == phrase.strip() and phrase for phrases in lists.values() for phrase in phrases)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_pattern_is_of_a_list_and_has_one_group(language: str) -> None:
    assert set(LISTS["patterns"]) == set(LANGUAGES)
    for kind, patterns in LISTS["patterns"][language].items():
        assert kind in SIGNALS
        assert all(re.compile(pattern).groups == 1 for pattern in patterns)


def test_signals_weigh_between_minus_one_and_one() -> None:
    assert all(-1 <= weight <= 1 for weight in SIGNALS.values())
