"""Which of the four languages a text is written in, told by its script. It does not guess between other languages."""

import re

from scorers.news.convert import simplified_only, traditional_only

UNKNOWN = "und"

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LATIN = r"A-Za-z\u00c0-\u024f\u1e00-\u1eff"
_HAN_RUN = re.compile(f"[{_HAN}]+")
_KANA_OR_HANGUL_RUN = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff\uac00-\ud7a3\u1100-\u11ff]+")
_LATIN_RUN = re.compile(f"[{_LATIN}]+")
_LATIN_LETTER = re.compile(r"[A-Za-z]")
_OTHER_LETTER_RUN = re.compile(rf"[^\W\d_{_LATIN}{_HAN}]+")
_VIETNAMESE_ONLY = re.compile(r"[ăđơưĂĐƠƯ\u1ea0-\u1ef9]")
_MARKED = re.compile(r"[À-ÃÈ-ÊÌÍÒ-ÕÙÚÝà-ãè-êìíò-õùúýăđĩũơưĂĐĨŨƠƯ\u1ea0-\u1ef9]")
_TRADITIONAL_PLACE = re.compile(r"hant|-(?:tw|hk|mo)\b")

_VIETNAMESE_WORDS_SHARE = 0.35
"""Least share of words with Vietnamese marks. Running text has about three quarters, an English headline that names
Đà Nẵng stays below."""


def language_of(text: str, declared: str | None = None) -> str:
    """Return "en", "zh-Hant", "zh-Hans", "vi" or "und" of plain text.

    `declared` is a BCP 47 tag; it counts only where the script does not decide.
    """
    if text.isascii():
        return _declared(declared) if _LATIN_LETTER.search(text) else UNKNOWN
    han = _length(_HAN_RUN, text)
    latin = _length(_LATIN_RUN, text)
    others = _length(_OTHER_LETTER_RUN, text)
    if others and _length(_KANA_OR_HANGUL_RUN, text) > han // 4:
        return UNKNOWN
    if han * 3 > latin and han:
        return _chinese(text, declared)
    return _latin(text, declared) if latin > han + others else UNKNOWN


def _length(runs: re.Pattern[str], text: str) -> int:
    return sum(map(len, runs.findall(text)))


def _chinese(text: str, declared: str | None) -> str:
    traditional = sum(map(traditional_only().__contains__, text))
    simplified = sum(map(simplified_only().__contains__, text))
    if traditional != simplified:
        return "zh-Hant" if traditional > simplified else "zh-Hans"
    return "zh-Hant" if _TRADITIONAL_PLACE.search((declared or "").lower()) else "zh-Hans"


def _latin(text: str, declared: str | None) -> str:
    if _VIETNAMESE_ONLY.search(text):
        # Codes of shares, all in capitals, are words of no language.
        words = [word for word in _LATIN_RUN.findall(text) if not (word.isascii() and word.isupper())]
        marked = sum(bool(_MARKED.search(word)) for word in words if not word.isascii())
        if marked >= _VIETNAMESE_WORDS_SHARE * len(words):
            return "vi"
    return _declared(declared)


def _declared(declared: str | None) -> str:
    tag = (declared or "en").lower().split("-")[0]
    if tag == "vi":
        return "vi"
    return "en" if tag in ("en", "zh") else UNKNOWN
