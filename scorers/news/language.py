"""Which of the four languages a text is written in, told by its script. It does not guess between other languages."""

import re

from scorers.news.convert import is_simplified_only, is_traditional_only
from scorers.news.text import HAN

UNKNOWN = "und"

_KANA_OR_HANGUL = re.compile(r"[぀-ヿㇰ-ㇿ가-힣ᄀ-ᇿ]")
_LATIN_WORD = re.compile(r"[^\W\d_]+")
_LATIN_LETTER = re.compile(r"[A-Za-zÀ-ɏḀ-ỿ]")
_VIETNAMESE_ONLY = re.compile(r"[ăđơưĂĐƠƯẠ-ỹ]")
_MARKED = re.compile(r"[À-ÃÈ-ÊÌÍÒ-ÕÙÚÝà-ãè-êìíò-õùúýăđĩũơưĂĐĨŨƠƯẠ-ỹ]")

_VIETNAMESE_WORDS_SHARE = 0.35
"""Least share of words with Vietnamese marks. Running text has about three quarters, an English headline that names
Đà Nẵng stays below."""


def language_of(text: str, declared: str | None = None) -> str:
    """Return "en", "zh-Hant", "zh-Hans", "vi" or "und" of plain text of plain text.

    `declared` is a BCP 47 tag; it counts only where the script does not decide.
    """
    han = len(HAN.findall(text))
    latin = len(_LATIN_LETTER.findall(text))
    if len(_KANA_OR_HANGUL.findall(text)) > han // 4:
        return UNKNOWN
    if han * 3 > latin and han:
        return _chinese(text, declared)
    if latin * 2 <= sum(c.isalpha() for c in text):
        return UNKNOWN
    return _latin(text, declared)


def _chinese(text: str, declared: str | None) -> str:
    traditional = sum(is_traditional_only(c) for c in text if HAN.match(c))
    simplified = sum(is_simplified_only(c) for c in text if HAN.match(c))
    if traditional != simplified:
        return "zh-Hant" if traditional > simplified else "zh-Hans"
    tag = (declared or "").lower()
    return "zh-Hant" if re.search(r"hant|-(tw|hk|mo)\b", tag) else "zh-Hans"


def _latin(text: str, declared: str | None) -> str:
    words = _LATIN_WORD.findall(text)
    marked = sum(bool(_MARKED.search(word)) for word in words)
    if _VIETNAMESE_ONLY.search(text) and marked >= _VIETNAMESE_WORDS_SHARE * len(words):
        return "vi"
    tag = (declared or "en").lower().split("-")[0]
    if tag == "vi":
        return "vi"
    return "en" if tag in ("en", "zh") else UNKNOWN
