"""Events in four languages: what triggers them, what is denied, over or a false friend, and whom they are about."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorers.news.convert import to_simplified
from scorers.news.events import (
    POSSIBLE_WEIGHT,
    Trigger,
    clauses,
    clear_false_friends,
    phrase_pattern,
    taxonomy,
    triggers_about,
    triggers_in,
)
from scorers.news.match import comparable
from scorers.news.text import MOST, plain

NAMES = re.compile("Acme Air|Acme|宏达电|台塑集团|Hòa Phát|Beta|Gamma")

LANGUAGES = ("en", "zh", "vi")


def events_of(headline: str, language: str, *own: str) -> list[Trigger]:
    """The events about the names in `own` (by default all but Beta and Gamma); names are blanked as a reader does."""
    text = comparable(headline)
    found = [(name.span(), name[0]) for name in NAMES.finditer(text)]
    mine = [span for span, name in found if name in own or (not own and name not in ("Beta", "Gamma"))]
    others = [span for span, name in found if span not in mine]
    return triggers_about(NAMES.sub(lambda name: "_" * len(name[0]), text), language, mine, others if own else ())


STATED = [
    ("Port strike holds up Acme shipments", "en", "strike"),
    ("Strike delays Acme's deliveries", "en", "strike"),
    ("Acme shipments held up by dock strike", "en", "strike"),
    ("Acme files for bankruptcy protection", "en", "insolvency"),
    ("Acme misses another bond payment", "en", "insolvency"),
    ("Acme enters administration after talks fail", "en", "insolvency"),
    ("Acme defaults on $40m of notes", "en", "insolvency"),
    ("Auditors raise going concern doubts at Acme", "en", "insolvency"),
    ("Acme to run out of cash by March", "en", "insolvency"),
    ("Liquidators appointed at Acme Foods", "en", "insolvency"),
    ("Acme goes bust owing suppliers millions", "en", "insolvency"),
    ("Acme seeks creditor protection in Ontario", "en", "insolvency"),
    ("Supplier sues Acme over unpaid bills", "en", "lawsuit"),
    ("Acme hit with class action over faulty heaters", "en", "lawsuit"),
    ("Acme loses patent appeal in German court", "en", "lawsuit"),
    ("Jury awards $12m against Acme", "en", "lawsuit"),
    ("Beta files suit against Acme for breach of contract", "en", "lawsuit"),
    ("Acme recalls 40,000 heaters", "en", "recall"),
    ("Acme pulls baby food from shelves after salmonella found", "en", "recall"),
    ("Defective airbags from Acme under review", "en", "recall"),
    ("Acme issues safety recall over battery fires", "en", "recall"),
    ("Hackers steal customer records from Acme", "en", "breach"),
    ("Acme confirms data breach", "en", "breach"),
    ("Ransomware attack cripples Acme", "en", "breach"),
    ("Personal data of 2 million Acme clients leaked online", "en", "breach"),
    ("US adds Acme to entity list", "en", "sanction"),
    ("EU sanctions Acme over shipments", "en", "sanction"),
    ("Treasury blacklists Acme", "en", "sanction"),
    ("World Bank debars Acme: debarred for three years", "en", "sanction"),
    ("Washington bans Acme from federal contracts", "en", "sanction"),
    ("Acme to cut 2,000 jobs", "en", "layoffs"),
    ("Acme lays off a tenth of its staff", "en", "layoffs"),
    ("Acme slashes workforce by 12%", "en", "layoffs"),
    ("Acme plans 300 redundancies", "en", "layoffs"),
    ("Acme freezes hiring", "en", "layoffs"),
    ("Acme chief executive steps down", "en", "exec_departure"),
    ("Acme CFO resigns", "en", "exec_departure"),
    ("Founder of Acme dies", "en", "exec_departure"),
    ("Acme ousts chairman", "en", "exec_departure"),
    ("Acme names new ceo", "en", "exec_departure"),
    ("Dock workers at Acme vote for strike", "en", "strike"),
    ("Pilots walk out at Acme Air", "en", "strike"),
    ("Acme faces strike over pay", "en", "strike"),
    ("Union calls strike at Acme", "en", "strike"),
    ("Prosecutors raid offices of Acme", "en", "fraud_investigation"),
    ("SEC investigates Acme", "en", "fraud_investigation"),
    ("Acme fined $5m for price-fixing", "en", "fraud_investigation"),
    ("Regulator opens probe into Acme", "en", "fraud_investigation"),
    ("Acme accused of bribing officials", "en", "fraud_investigation"),
    ("Whistleblower alleges accounting fraud at Acme", "en", "fraud_investigation"),
    ("Police arrest Acme directors", "en", "fraud_investigation"),
    ("Moody's downgrades Acme", "en", "downgrade"),
    ("Acme cut to junk by Fitch", "en", "downgrade"),
    ("S&P lowers Acme rating to BB", "en", "downgrade"),
    ("Acme price target cut at Beta Research", "en", "downgrade"),
    ("Acme to close two plants", "en", "closure"),
    ("Acme shuts Ohio factory", "en", "closure"),
    ("Acme halts production after flood", "en", "closure"),
    ("Acme closes 50 stores", "en", "closure"),
    ("Acme declares force majeure", "en", "closure"),
    ("Beta to acquire Acme for $2bn", "en", "mna"),
    ("Acme sells packaging unit", "en", "mna"),
    ("Acme rejects takeover bid", "en", "mna"),
    ("Acme and Beta agree merger", "en", "mna"),
    ("Beta buys 30% stake in Acme", "en", "mna"),
    ("Fire breaks out at Acme plant", "en", "accident"),
    ("Explosion at Acme refinery kills three workers", "en", "accident"),
    ("Chemical spill at Acme site", "en", "accident"),
    ("Acme issues profit warning", "en", "profit_warning"),
    ("Acme cuts full-year guidance", "en", "profit_warning"),
    ("Acme posts quarterly loss", "en", "profit_warning"),
    ("Acme sales fall 12%", "en", "profit_warning"),
    ("Acme misses estimates", "en", "profit_warning"),
    ("Court denies Acme's bid to toss fraud charges", "en", "fraud_investigation"),
    ("Ceo exits Acme amid fraud probe", "en", "fraud_investigation"),
    ("Acme shares drop on accounting probe", "en", "fraud_investigation"),
    ("Acme shares drop 20% after bankruptcy filing", "en", "insolvency"),
    ("Acme drops 8% fraud probe widens", "en", "fraud_investigation"),
    ("Acme fails to avoid bankruptcy", "en", "insolvency"),
    ("宏達電債務違約", "zh", "insolvency"),
    ("宏達電聲請重整", "zh", "insolvency"),
    ("宏達電資金鏈斷裂", "zh", "insolvency"),
    ("宏达电银行账户被冻结", "zh", "insolvency"),
    ("宏达电被列为失信被执行人", "zh", "insolvency"),
    ("宏达电未能按期兑付债券", "zh", "insolvency"),
    ("宏達電遭檢方調查 涉嫌詐欺", "zh", "fraud_investigation"),
    ("宏达电被证监会立案调查", "zh", "fraud_investigation"),
    ("宏达电因信披违规收警示函", "zh", "fraud_investigation"),
    ("宏達電前董座涉內線交易遭收押", "zh", "fraud_investigation"),
    ("宏达电财务造假遭罚款500万元", "zh", "fraud_investigation"),
    ("宏達電遭供應商提告求償", "zh", "lawsuit"),
    ("宏达电被诉侵犯专利", "zh", "lawsuit"),
    ("法院判宏達電敗訴", "zh", "lawsuit"),
    ("宏達電召回手機電池", "zh", "recall"),
    ("宏达电产品抽检不合格", "zh", "recall"),
    ("宏達電甲醛超標遭下架", "zh", "recall"),
    ("宏達電資料外洩 百萬用戶受影響", "zh", "breach"),
    ("宏达电遭黑客攻击", "zh", "breach"),
    ("宏達電遭駭客勒索", "zh", "breach"),
    ("宏达电被列入实体清单", "zh", "sanction"),
    ("美國制裁宏達電", "zh", "sanction"),
    ("宏达电大规模裁员", "zh", "layoffs"),
    ("宏達電放無薪假", "zh", "layoffs"),
    ("宏達電裁減千人", "zh", "layoffs"),
    ("宏達電執行長請辭", "zh", "exec_departure"),
    ("宏达电董事长失联", "zh", "exec_departure"),
    ("宏达电总经理辞职", "zh", "exec_departure"),
    ("宏達電員工罷工", "zh", "strike"),
    ("宏达电工人讨薪", "zh", "strike"),
    ("穆迪下调宏达电评级", "zh", "downgrade"),
    ("宏達電目標價遭下修", "zh", "downgrade"),
    ("外資調降宏達電評等", "zh", "downgrade"),
    ("宏達電關閉桃園廠", "zh", "closure"),
    ("宏达电停产", "zh", "closure"),
    ("宏达电门店关闭", "zh", "closure"),
    ("宏達電遭併購 股權易主", "zh", "mna"),
    ("宏达电实控人变更", "zh", "mna"),
    ("宏达电终止重大资产重组", "zh", "mna"),
    ("宏達電工廠爆炸", "zh", "accident"),
    ("宏達電廠房大火", "zh", "accident"),
    ("宏達電營收年減三成", "zh", "profit_warning"),
    ("宏达电净利同比下降40%", "zh", "profit_warning"),
    ("宏达电预亏5亿元", "zh", "profit_warning"),
    ("宏達電每股虧2元", "zh", "profit_warning"),
    ("Hòa Phát nộp đơn phá sản", "vi", "insolvency"),
    ("Hòa Phát chậm trả nợ trái phiếu", "vi", "insolvency"),
    ("Hòa Phát mất khả năng thanh toán", "vi", "insolvency"),
    ("Hòa Phát vỡ nợ", "vi", "insolvency"),
    ("Hòa Phát bị kiện", "vi", "lawsuit"),
    ("Nhà cung cấp khởi kiện Hòa Phát ra tòa", "vi", "lawsuit"),
    ("Tòa án buộc Hòa Phát bồi thường", "vi", "lawsuit"),
    ("Hòa Phát triệu hồi 2.000 tủ lạnh", "vi", "recall"),
    ("Hòa Phát thu hồi sản phẩm kém chất lượng", "vi", "recall"),
    ("Hòa Phát bị tấn công mạng", "vi", "breach"),
    ("Hòa Phát rò rỉ dữ liệu khách hàng", "vi", "breach"),
    ("Mỹ trừng phạt Hòa Phát", "vi", "sanction"),
    ("Hòa Phát vào danh sách đen", "vi", "sanction"),
    ("Hòa Phát sa thải 300 công nhân", "vi", "layoffs"),
    ("Hòa Phát cắt giảm nhân sự", "vi", "layoffs"),
    ("Tổng giám đốc Hòa Phát từ nhiệm", "vi", "exec_departure"),
    ("Chủ tịch Hòa Phát qua đời", "vi", "exec_departure"),
    ("Công nhân Hòa Phát đình công", "vi", "strike"),
    ("Công nhân Hòa Phát ngừng việc tập thể", "vi", "strike"),
    ("Khởi tố lãnh đạo Hòa Phát", "vi", "fraud_investigation"),
    ("Hòa Phát bị phạt vì gây ô nhiễm", "vi", "fraud_investigation"),
    ("Công an khám xét trụ sở Hòa Phát", "vi", "fraud_investigation"),
    ("Moody's hạ xếp hạng Hòa Phát", "vi", "downgrade"),
    ("Hòa Phát đóng cửa nhà máy", "vi", "closure"),
    ("Hòa Phát ngừng sản xuất", "vi", "closure"),
    ("Hòa Phát thâu tóm Beta", "vi", "mna"),
    ("Beta thoái vốn khỏi Hòa Phát", "vi", "mna"),
    ("Cháy lớn tại nhà máy Hòa Phát", "vi", "accident"),
    ("Tai nạn lao động tại Hòa Phát", "vi", "accident"),
    ("Hòa Phát báo lỗ quý 2", "vi", "profit_warning"),
    ("Lợi nhuận Hòa Phát giảm 40%", "vi", "profit_warning"),
]

OVER_DENIED_OR_FALSE_FRIEND = [
    ("Acme denies fraud", "en"),
    ("Court dismisses lawsuit against Acme", "en"),
    ("US lifts sanctions on Acme", "en"),
    ("Sanctions on Acme lifted", "en"),
    ("Acme emerges from bankruptcy", "en"),
    ("Acme avoids bankruptcy", "en"),
    ("Acme averts strike with pay deal", "en"),
    ("Strike at Acme called off", "en"),
    ("Acme strike ends", "en"),
    ("Probe into Acme dropped", "en"),
    ("Regulator drops probe of Acme", "en"),
    ("Acme settles lawsuit with Beta", "en"),
    ("Acme cleared of fraud", "en"),
    ("Acme has no plans for layoffs", "en"),
    ("Acme rules out job cuts", "en"),
    ("Acme upgraded to buy", "en"),
    ("Beta Research raises Acme to buy from hold", "en"),
    ("Acme strikes deal with Beta City", "en"),
    ("Acme strike price set at 40", "en"),
    ("Acme holds fire sale of old stock", "en"),
    ("Acme wins chess tournament", "en"),
    ("Acme customers recall when shops were open", "en"),
    ("Fidelity opens office next to Acme", "en"),
    ("Acme hosts hackathon", "en"),
    ("Acme narrows loss", "en"),
    ("Acme swings to profit from loss a year ago", "en"),
    ("Acme launches fraud detection service", "en"),
    ("Acme bank loan sanctioned", "en"),
    ("Acme buys back shares", "en"),
    ("Acme stock on fire after launch", "en"),
    ("Acme denies reports it is to cut 500 jobs", "en"),
    ("Acme says reports of insolvency are untrue", "en"),
    ("Acme not under investigation", "en"),
    ("Acme recovers from cyberattack", "en"),
    ("Acme lawsuit dismissed", "en"),
    ("Acme escapes antitrust fine", "en"),
    ("Acme fine-tunes its strategy", "en"),
    ("Strike at Acme resolved after talks", "en"),
    ("Acme wins dismissal of investor suit", "en"),
    ("Acme to be upgraded to outperform", "en"),
    ("Acme joins anti-bribery initiative", "en"),
    ("Pilots' strike at Acme suspended", "en"),
    ("Acme strikes gold in Peru", "en"),
    ("Acme closure of issue set for May", "en"),
    ("宏達電轉虧為盈", "zh"),
    ("宏達電：市場調查顯示消費者滿意", "zh"),
    ("台塑集團罷工有解", "zh"),
    ("宏達電停工結束 恢復生產", "zh"),
    ("美國解除對宏達電制裁", "zh"),
    ("宏達電否認裁員", "zh"),
    ("宏達電產量超標完成", "zh"),
    ("宏达电澄清：不存在债务违约", "zh"),
    ("宏達電有望避免破產", "zh"),
    ("宏達電撤銷訴訟", "zh"),
    ("宏達電與對手和解 專利訴訟落幕", "zh"),
    ("宏达电获撤案", "zh"),
    ("宏達電虧損收斂", "zh"),
    ("宏達電參加問卷調查", "zh"),
    ("宏達電合併營收創新高", "zh"),
    ("宏達電舉辦黑客松", "zh"),
    ("宏达电宣布复工", "zh"),
    ("宏达电退休金计划", "zh"),
    ("宏达电获反洗钱先进单位", "zh"),
    ("宏達電獲撤銷處分 恢復上市", "zh"),
    ("宏達電辟謠：高管失聯不實", "zh"),
    ("調查：消費者最愛宏達電", "zh"),
    ("宏達電罷工危機化解", "zh"),
    ("宏達電並未違約", "zh"),
    ("Hòa Phát tổ chức sự kiện lớn", "vi"),
    ("Điều kiện làm việc tại Hòa Phát", "vi"),
    ("Linh kiện do Hòa Phát sản xuất", "vi"),
    ("Phụ kiện của Hòa Phát", "vi"),
    ("Hòa Phát ký văn kiện hợp tác", "vi"),
    ("Hòa Phát kiện toàn bộ máy", "vi"),
    ("Hòa Phát phủ nhận tin đồn phá sản", "vi"),
    ("Hòa Phát bác bỏ thông tin bị điều tra", "vi"),
    ("Hòa Phát không bị kiện", "vi"),
    ("Hòa Phát thoát lỗ", "vi"),
    ("Hòa Phát tránh được phá sản", "vi"),
    ("Mỹ dỡ bỏ trừng phạt Hòa Phát", "vi"),
    ("Đình công tại Hòa Phát kết thúc", "vi"),
    ("Hòa Phát cháy hàng dịp Tết", "vi"),
    ("Cổ phiếu Hòa Phát đóng cửa tăng 2%", "vi"),
    ("Hòa Phát lãi hợp nhất 2.000 tỷ", "vi"),
    ("Nguyên đơn rút đơn kiện Hòa Phát", "vi"),
    ("Phòng cháy chữa cháy tại Hòa Phát", "vi"),
    ("Hòa Phát chưa bị khởi tố", "vi"),
    ("Hòa Phát thu hồi vốn nhanh", "vi"),
    ("Bưu kiện gửi Hòa Phát", "vi"),
]

POSSIBLE = [
    ("Acme could face bankruptcy", "en", "insolvency"),
    ("Acme may face strike in May", "en", "strike"),
    ("Acme sells assets to avoid bankruptcy", "en", "insolvency"),
    ("Acme at risk of sanctions", "en", "sanction"),
    ("宏達電恐破產", "zh", "insolvency"),
    ("宏達電可能裁員", "zh", "layoffs"),
    ("宏達電面臨制裁風險", "zh", "sanction"),
    ("Hòa Phát có nguy cơ phá sản", "vi", "insolvency"),
]


@pytest.mark.parametrize(("headline", "language", "event"), STATED)
def test_an_event_is_recognised(headline: str, language: str, event: str) -> None:
    first = events_of(headline, language)[0]
    assert first.event.name == event
    assert first.event.severity == taxonomy()["events"][event]["severity"]
    assert first.event.half_life_days == taxonomy()["events"][event]["half_life_days"]
    assert not first.possible


@pytest.mark.parametrize(("headline", "language"), OVER_DENIED_OR_FALSE_FRIEND)
def test_what_is_denied_over_or_only_looks_like_it_is_no_event(headline: str, language: str) -> None:
    assert events_of(headline, language) == []


@pytest.mark.parametrize(("headline", "language", "event"), POSSIBLE)
def test_what_may_happen_weighs_half(headline: str, language: str, event: str) -> None:
    first = events_of(headline, language)[0]
    assert first.event.name == event
    assert first.possible
    assert first.event.severity == taxonomy()["events"][event]["severity"] * POSSIBLE_WEIGHT


@pytest.mark.parametrize(
    ("headline", "language", "phrase"),
    [
        ("ACME Files For BANKRUPTCY", "en", "BANKRUPTCY"),
        ("Acme to Cut 2,000 Jobs", "en", "Cut 2,000 Jobs"),
        ("宏達電遭列入實體清單", "zh", "列入实体清单"),
        ("Hòa Phát Phá Sản", "vi", "Phá Sản"),
        ("İİİ Acme bankruptcy", "en", "bankruptcy"),
    ],
)
def test_the_trigger_is_shown_as_it_stands_in_the_compared_text(headline: str, language: str, phrase: str) -> None:
    text = comparable(headline)
    trigger = triggers_in(text, language)[0]
    assert trigger.phrase == phrase
    assert text[trigger.start : trigger.end] == phrase


@pytest.mark.parametrize(
    ("headline", "language", "own", "event"),
    [
        ("Acme sues Beta", "en", "Acme", "lawsuit"),
        ("Acme sues Beta", "en", "Beta", "lawsuit"),
        ("Acme acquires Beta", "en", "Beta", "mna"),
        ("Beta downgrades Acme", "en", "Acme", "downgrade"),
        ("Beta downgrades Acme", "en", "Beta", None),
        ("Acme downgrades its supplier", "en", "Acme", None),
        ("Acme rises as Beta recalls cars", "en", "Beta", "recall"),
        ("Acme rises as Beta recalls cars", "en", "Acme", None),
        ("Acme and Beta recall cars", "en", "Acme", "recall"),
        ("Acme and Beta recall cars", "en", "Beta", "recall"),
        ("Acme profit jumps, Beta lays off staff", "en", "Acme", None),
        ("Acme profit jumps, Beta lays off staff", "en", "Beta", "layoffs"),
        ("Acme, Beta: court orders recall", "en", "Acme", "recall"),
        ("Acme, Beta: court orders recall", "en", "Beta", "recall"),
        ("Acme names new head of sales. Beta, insolvent, closes", "en", "Acme", None),
        ("Strike looms at Acme and Gamma", "en", "Acme", "strike"),
        ("Strike at Beta holds up Acme shipments", "en", "Beta", "strike"),
        ("Strike at Beta holds up Acme shipments", "en", "Acme", "strike"),
        ("Beta strike delays deliveries to Acme and Gamma", "en", "Gamma", "strike"),
        ("Acme deliveries delayed by strike at Beta", "en", "Acme", "strike"),
        ("Acme deliveries delayed by strike at Beta", "en", "Beta", "strike"),
        ("Explosion at Beta plant halts output at Acme", "en", "Acme", "accident"),
        ("Strike at Beta will not delay Acme deliveries", "en", "Acme", None),
        ("Strike at Beta halts talks with Acme", "en", "Acme", None),
        ("Strike at Beta as Gamma hits Acme", "en", "Acme", None),
        ("Beta strike delayed until Acme answers", "en", "Acme", None),
        ("高盛下调宏达电评级", "zh", "宏达电", "downgrade"),
        ("台塑集团罢工延误宏达电出货", "zh", "台塑集团", "strike"),
        ("台塑集团罢工延误宏达电出货", "zh", "宏达电", "strike"),
        ("台塑集團罷工耽擱了宏达电交貨", "zh", "宏达电", "strike"),
        ("台塑集团罢工未影响宏达电出货", "zh", "宏达电", None),
        ("宏达电下调台塑集团评级", "zh", "宏达电", None),
        ("宏达电下调台塑集团评级", "zh", "台塑集团", "downgrade"),
        ("宏达电大涨 台塑集团工厂爆炸", "zh", "宏达电", None),
        ("宏达电大涨 台塑集团工厂爆炸", "zh", "台塑集团", "accident"),
        ("宏达电与台塑集团遭罚款", "zh", "宏达电", "fraud_investigation"),
        ("宏达电获大单某公司(600519)财务造假", "zh", "宏达电", None),
        ("宏达电(002498)财务造假", "zh", "宏达电", "fraud_investigation"),
        ("Hòa Phát lãi lớn, Beta bị kiện", "vi", "Hòa Phát", None),
        ("Hòa Phát lãi lớn, Beta bị kiện", "vi", "Beta", "lawsuit"),
        ("Đình công tại Beta làm chậm các lô hàng của Hòa Phát", "vi", "Hòa Phát", "strike"),
        ("Đình công tại Beta làm đình trệ sản xuất của Hòa Phát", "vi", "Beta", "strike"),
        ("Đình công tại Beta không ảnh hưởng đến Hòa Phát", "vi", "Hòa Phát", None),
    ],
)
def test_whom_an_event_is_about(headline: str, language: str, own: str, event: str | None) -> None:
    found = events_of(headline, language, own)
    assert (found[0].event.name if found else None) == event


def test_a_nameless_clause_adds_only_what_is_worse() -> None:
    assert [t.event.name for t in events_of("Acme ceo resigns; files for bankruptcy", "en")] == [
        "insolvency",
        "exec_departure",
    ]
    assert [t.event.name for t in events_of("Acme files for bankruptcy; ceo resigns", "en")] == ["insolvency"]


@pytest.mark.parametrize(
    ("headline", "language"),
    [
        ("OPEC cuts output as layoffs spread", "en"),
        ("US layoffs rise to a three-year high", "en"),
        ("Fed warns of fraud in pandemic loans", "en"),
        ("Retail sales fall 2%, below expectations", "en"),
        ("Jobless claims climb on tech layoffs; Acme opens an office", "en"),
        ("Acme opens an office; US layoffs rise", "en"),
        ("Acme says US layoffs rise", "en"),
        ("宏达电新厂动土 美国零售销售下滑 低于预期", "zh"),
        ("美国零售销售下滑 低于预期", "zh"),
        ("台股評等遭下調", "zh"),
        ("央行：失业率上升 裁员潮来袭 宏达电新厂动土", "zh"),
        ("Lạm phát Mỹ tăng, doanh thu bán lẻ cả nước giảm", "vi"),
    ],
)
def test_news_about_the_economy_is_no_event_of_a_partner(headline: str, language: str) -> None:
    assert events_of(headline, language) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("US layoffs rise to a three-year high", "en"),
        ("美国零售销售下滑", "zh"),
        ("台股评等遭下调", "zh"),
        ("Doanh thu bán lẻ cả nước giảm", "vi"),
    ],
)
def test_a_clause_about_the_economy_is_no_event_of_the_text(text: str, language: str) -> None:
    assert triggers_in(text, language) == []
    assert triggers_in(f"{text}; Acme bankrupt, phá sản, 破产", language)[0].event.name == "insolvency"


def test_a_partner_named_in_news_about_the_economy_has_its_event() -> None:
    assert events_of("Acme cuts 500 jobs as US retail sales fall", "en")[0].event.name == "layoffs"
    assert events_of("Acme cuts 500 jobs, US layoffs rise", "en")[0].phrase == "cuts 500 jobs"


@pytest.mark.parametrize(
    ("headline", "language"),
    [
        ("Beta Corp survives: no strike, no layoffs", "en"),
        ("Regulator drops probe of Acme", "en"),
        ("US suspends sanctions on Acme", "en"),
        ("监管部门解除对宏达电的立案调查", "zh"),
        ("Mỹ gỡ bỏ lệnh cấm vận với Hòa Phát", "vi"),
    ],
)
def test_an_end_is_seen_before_behind_and_within_the_trigger(headline: str, language: str) -> None:
    assert events_of(headline, language) == []


def test_a_merger_called_off_is_still_news_of_a_merger() -> None:
    assert events_of("Acme drops merger with Beta", "en")[0].event.name == "mna"
    assert events_of("宏达电终止重组", "zh")[0].event.name == "mna"
    assert events_of("Acme denies merger talks", "en") == []


def test_the_worst_event_comes_first_and_each_type_once() -> None:
    found = triggers_in("Recall, strike, recall, bankruptcy and sanctions", "en")
    severities = [trigger.event.severity for trigger in found]
    assert severities == sorted(severities, reverse=True)
    assert len({trigger.event.name for trigger in found}) == len(found)


def test_a_name_is_no_trigger_once_it_is_blanked() -> None:
    text = "Fidelity Recall Services opens a warehouse"
    assert triggers_in(text, "en")[0].event.name == "recall"
    assert triggers_about(text.replace("Fidelity Recall Services", "_" * 24), "en", [(0, 24)]) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Acme rises, Beta falls; net 1.5 – up", ["Acme rises", "Beta falls", "net 1.5", "up"]),
        ("宏达电大涨 台塑集团停工，获利减", ["宏达电大涨", "台塑集团停工", "获利减"]),
        ("Apple 在台湾设厂", ["Apple 在台湾设厂"]),
        ("Enel S.p.A. falls", ["Enel S.p.A", "falls"]),
        ("", [""]),
    ],
)
def test_clauses_cover_the_text_in_order(text: str, parts: list[str]) -> None:
    assert [text[a:b].strip() for a, b in clauses(text)] == parts


def test_false_friends_are_blanked_in_their_place() -> None:
    assert clear_false_friends("Sự Kiện: kiện tụng", "vi") == "       : kiện tụng"


@pytest.mark.parametrize(
    ("text", "language", "event"),
    [
        ("misses its second debt payment", "en", "insolvency"),
        ("close its two plants", "en", "closure"),
        ("a default setting on all of those many new bonds", "en", None),
        ("bond-strikebreaking", "en", None),
        ("sự kiện kiện tụng", "vi", "lawsuit"),
    ],
)
def test_phrase_syntax(text: str, language: str, event: str | None) -> None:
    found = triggers_in(text, language)
    assert (found[0].event.name if found else None) == event


def test_a_tilde_stands_for_at_most_three_words_or_six_characters() -> None:
    assert re.fullmatch(phrase_pattern("cut* ~ jobs", "en"), "cuts up to 900 jobs")
    assert not re.fullmatch(phrase_pattern("cut* ~ jobs", "en"), "cuts up to nine hundred jobs")
    assert re.fullmatch(phrase_pattern("关闭~厂", "zh"), "关闭桃园二号工厂")
    assert not re.fullmatch(phrase_pattern("关闭~厂", "zh"), "关闭，厂")


PATTERNS = [
    pytest.param(pattern, id=f"{name}-{language}-{at}")
    for name, entry in taxonomy()["events"].items()
    for language in LANGUAGES
    for at, pattern in enumerate(entry["patterns"][language])
]


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_pattern_matches_holds_one_of_its_needles(pattern: dict[str, Any], data: st.DataObject) -> None:
    text = data.draw(st.from_regex(pattern["find"]))
    assert any(needle in text for needle in pattern["when"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_words_of_the_taxonomy_are_in_lower_case_and_simplified(language: str) -> None:
    for entry in taxonomy()["events"].values():
        needles = [needle for pattern in entry["patterns"][language] for needle in pattern["when"]]
        for phrase in [*entry["phrases"][language], *needles]:
            assert phrase == to_simplified(phrase).lower()


def test_every_type_has_a_severity_a_half_life_and_phrases_in_each_language() -> None:
    events = taxonomy()["events"]
    assert len(events) == 14
    for entry in events.values():
        assert 0 < entry["severity"] <= 100
        assert entry["half_life_days"] > 0
        assert all(len(entry["phrases"][language]) >= 5 for language in LANGUAGES)


HOSTILE = [
    "not " * 5000 + "bankrupt",
    "default on " * 2000,
    "cuts " * 5000,
    "profit " * 5000,
    "no denies avoids " * 2000 + "strike",
    "strike " * 5000,
    "ceo " * 5000,
    "a-b " * 5000,
    "被" * 20_000,
    "下调" * 10_000,
    "净利" * 10_000 + "降",
    "收购 " * 5000,
    "lãi " * 5000,
    "không " * 5000 + "bị kiện",
    "_" * 20_000,
    " " * 20_000,
    "\0\ud800" * 5000,
    "(600000)" * 2000,
    "İ" * 5000,
    "e" + "\u0301" * 9000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_texts_do_no_harm(text: str, language: str) -> None:
    compared = comparable(plain(text))
    assert len(compared) <= MOST
    found = triggers_about(compared, language, [(0, min(3, len(compared)))], [(5, 6)])
    assert len(found) <= 14
    assert len(triggers_in(text[:2000], language)) <= 14


@given(st.text(max_size=200), st.sampled_from(LANGUAGES))
def test_any_text_is_read_the_same_twice(text: str, language: str) -> None:
    found = triggers_in(text, language)
    assert found == triggers_in(text, language)
    assert all(text[trigger.start : trigger.end] == trigger.phrase for trigger in found)
