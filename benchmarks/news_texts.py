"""The labelled news a benchmark reads, its folds, and texts made of it: syndicated variants, names, hostile ones."""

import csv
import gzip
import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from opencc import OpenCC

ALIASES = 30_000
SEED = 20260101


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled text. `entity`: whom the label is about, "" for the text as a whole."""

    text: str
    label: str
    entity: str = ""


def labelled(folder: Path, name: str) -> list[Labelled]:
    """Return the rows of `<name>.csv.gz`."""
    return [Labelled(row["text"], row["label"], row.get("entity", "")) for row in rows(folder, name)]


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of `<name>.csv.gz`, by column."""
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fold_of(text: str, folds: int) -> int:
    """Return which fold a text belongs to; the same text, the same fold."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % folds


def traditional(text: str) -> str:
    """Return a Simplified text in Traditional characters."""
    return str(_converter().convert(text))


def articles_of(found: Sequence[Labelled]) -> list[dict[str, Any]]:
    """Return each text once as an article to read, with everybody its rows are about as partners."""
    named: dict[str, list[str]] = {}
    for one in found:
        names = named.setdefault(one.text, [])
        if one.entity and one.entity not in names:
            names.append(one.entity)
    return [
        {"id": number, "text": text, **({"partners": [{"name": name} for name in names]} if names else {})}
        for number, (text, names) in enumerate(named.items())
    ]


def conflicting(found: Sequence[Labelled]) -> frozenset[str]:
    """Return the texts whose entities have different labels."""
    labels: dict[str, set[str]] = {}
    for one in found:
        labels.setdefault(one.text, set()).add(one.label)
    return frozenset(text for text, several in labels.items() if len(several) > 1)


_OUTLETS: Mapping[str, Sequence[str]] = {
    "en": ("The Harbour Gazette", "Ledger Daily", "northwire.com", "Capital & Trade", "Business Mirror", "QNC"),
    "zh": ("东岸财经", "每日商报", "海港新闻网", "证券观察", "QNC财经", "汇通网"),
    "vi": ("Báo Thương Mại", "Kinh tế Biển", "tinnhanh.vn", "Đầu Tư Mới", "Nhịp Cầu", "QNC"),
}
_MARKS: Mapping[str, Sequence[str]] = {
    "en": ("UPDATE {n}-{t}", "BREAKING: {t}", "Exclusive: {t}", "LONDON ({o}) - {t}", "WATCH | {t}"),
    "zh": ("快讯：{t}", "【{o}】{t}", "突发｜{t}", "{o}讯：{t}", "[图]{t}"),
    "vi": ("Tin nóng: {t}", "[{o}] {t}", "Cập nhật: {t}", "HÀ NỘI ({o}) - {t}", "NÓNG! {t}"),
}
_ADDED: Mapping[str, Sequence[str]] = {
    "en": (", sources say", " - report", " this week", ": what we know"),
    "zh": ("（附图）", "，消息人士称", "（更新）", " 详情公布"),
    "vi": (", theo nguồn tin", " mới nhất", " (cập nhật)", " trong tuần"),
}


def syndicated(texts: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Return articles {"id", "text", "story"}: each text and 0..6 variants of it, as wires and papers print them."""
    rng = random.Random(SEED)
    found = []
    for language, stories in texts.items():
        for number, story in enumerate(stories):
            told = [story, *(variant(story, language, rng) for _ in range(rng.choice((0, 0, 1, 2, 3, 6))))]
            found += [{"text": text, "story": f"{language}{number}"} for text in told]
    rng.shuffle(found)
    return [{"id": number, **one} for number, one in enumerate(found)]


def variant(text: str, language: str, rng: random.Random) -> str:
    """Return the text under another masthead, cut, edited a little, or two of these."""
    edited = rng.choice((_cut, _reworded, _recased, _extended, _as_it_is, _as_it_is))(text, language, rng)
    outlet = rng.choice(_OUTLETS[language])
    way = rng.randrange(6)
    if way < 2:
        return edited + rng.choice((" - {o}", " | {o}", " ({o})", "_{o}", " – {o}")).format(o=outlet)
    if way < 4:
        return rng.choice(_MARKS[language]).format(n=rng.randint(1, 5), t=edited, o=outlet)
    return f"{outlet}: {edited}" if way == 4 else edited


def _cut(text: str, _language: str, rng: random.Random) -> str:
    return text[: max(18, int(len(text) * rng.uniform(0.75, 0.95)))].rstrip() + rng.choice(("...", "…"))


def _reworded(text: str, language: str, rng: random.Random) -> str:
    """One word, or of Chinese one character, is left out."""
    words = list(text) if language == "zh" else text.split(" ")
    if len(words) > 5:
        del words[rng.randrange(len(words))]
    return ("" if language == "zh" else " ").join(words)


def _recased(text: str, language: str, rng: random.Random) -> str:
    if language == "zh":
        return rng.choice((traditional(text), text.replace("，", " ").replace("。", "")))
    return rng.choice((text.upper(), text.title(), text.replace(",", "").replace("'", "’").replace("-", "–")))


def _extended(text: str, language: str, rng: random.Random) -> str:
    return text + rng.choice(_ADDED[language])


def _as_it_is(text: str, _language: str, _rng: random.Random) -> str:
    return text


def aliases(folder: Path) -> list[str]:
    """Return 30,000 names: everybody the labelled texts are about, and invented firms."""
    named = {
        one.entity for name in ("en_sentfin_entity_train", "zh_cfsc_entity_train") for one in labelled(folder, name)
    }
    for one in labelled(folder, "vi_cafef_train"):
        named.update(re.findall(r"\(([A-Z]{3})\)", one.text))
    others = {row["entity"] for row in rows(folder, "zh_finese_event_train")} - named - {"NaN", ""}
    found = [*sorted(named), *sorted(others)][:ALIASES]
    rng = random.Random(SEED)
    parts = (
        "bel",
        "cor",
        "dan",
        "fer",
        "gal",
        "hol",
        "jin",
        "kar",
        "lum",
        "mor",
        "nav",
        "ost",
        "pra",
        "rud",
        "tal",
        "ven",
    )
    kinds = ("Group", "Industries", "Logistics", "Foods", "Steel", "Bank", "Pharma", "Motors")
    taken = set(found)
    while len(found) < ALIASES:
        name = f"{''.join(rng.choices(parts, k=3)).title()} {rng.choice(kinds)}"
        if name not in taken:
            taken.add(name)
            found.append(name)
    return found


def mixed(folder: Path, each: int) -> dict[str, list[str]]:
    """Return as many headlines of each language, over and over where there are fewer."""
    chinese = [one.text for one in labelled(folder, "zh_cfsc_train")]
    found = {
        "en": [one.text for one in labelled(folder, "en_sentfin_train")],
        "zh-Hans": chinese,
        "zh-Hant": [traditional(text) for text in chinese[:each]],
        "vi": [one.text for one in labelled(folder, "vi_cafef_train")],
    }
    return {language: [texts[at % len(texts)] for at in range(each)] for language, texts in found.items()}


def to_refit(folder: Path, count: int) -> list[Labelled]:
    """Return this many English rows, of the whole text and of entities."""
    names = ("en_tfns_train", "en_sentfin_train", "en_sentfin_entity_train")
    return [one for name in names for one in labelled(folder, name)][:count]


def in_traditional(found: Sequence[Labelled]) -> list[Labelled]:
    """Return the same rows in Traditional characters."""
    return [replace(one, text=traditional(one.text), entity=traditional(one.entity)) for one in found]


def hostile() -> dict[str, str]:
    """Return texts that nobody would print, by what is wrong with them."""
    rng = random.Random(SEED)
    return {
        "empty": "",
        "spaces": " \t\r\n\u3000\u00a0" * 50,
        "a megabyte of letters": "a" * 1_000_000,
        "a megabyte of Han": "债务违约" * 250_000,
        "a megabyte of words": "Acme files for bankruptcy, denies fraud. " * 25_000,
        "a megabyte of open tags": "<a " * 340_000,
        "a megabyte of ampersands": "&amp;" * 200_000,
        "a megabyte of brackets": "(" * 1_000_000,
        "NUL and controls": "Acme\x00 files\x00 for bank\x00ruptcy \x01\x02\x1b[31m\x7f\u0085",
        "lone surrogates": "Acme \ud83d files \udc00 for bankruptcy",
        "emoji": "🔥📉 Acme 💥 bankruptcy 👩‍👩‍👧‍👦🏳️‍🌈 " * 40,
        "combining marks": "A" + "\u0301" * 5_000 + "cme files for bankruptcy",
        "right to left": "\u202eyctpurknab rof selif emcA\u202c إفلاس شركة Acme",
        "mixed scripts": "Acme 破產 vỡ nợ 倒产 파산 банкротство إفلاس दिवालिया ล้มละลาย πτώχευση " * 20,
        "full width": "Ａｃｍｅ　ｆｉｌｅｓ　ｆｏｒ　ｂａｎｋｒｕｐｔｃｙ　㍿㌔㏂ﷺ" * 10,
        "nested markup": "<div><!-- <script>" * 3_000 + "Acme files for bankruptcy" + "</script>" * 3_000,
        "commas only": "，、。；：" * 60_000,
        "any characters": "".join(map(chr, rng.choices(range(0x20, 0x2FFFF), k=20_000))),
    }


@lru_cache(maxsize=1)
def _converter() -> Any:
    return OpenCC("s2t")
