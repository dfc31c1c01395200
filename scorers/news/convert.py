"""Traditional to Simplified Chinese, so that names and phrases need one spelling only."""

import re
from functools import lru_cache
from typing import Any

from opencc import OpenCC

from scorers.news.text import HAN

_HAN_RANGES = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00))

# What a character means in these words is not what it means by itself; they are written after their characters were
# made Simplified, and every one keeps its length.
_WORDS = {
    "计画": "计划",
    "规画": "规划",
    "企画": "企划",
    "筹画": "筹划",
    "策画": "策划",
    "答覆": "答复",
    "回覆": "回复",
    "函覆": "函复",
    "反覆": "反复",
    "重覆": "重复",
    "藉由": "借由",
    "藉口": "借口",
    "藉此": "借此",
    "藉机": "借机",
    "藉以": "借以",
    "藉助": "借助",
    "凭藉": "凭借",
    "瞭解": "了解",
    "明瞭": "明了",
    "项炼": "项链",
    "供应炼": "供应链",
    "沈没": "沉没",
    "沈船": "沉船",
    "沈默": "沉默",
    "家俱": "家具",
}
_WORD = re.compile("|".join(_WORDS))

_OF_HONG_KONG = frozenset("恒着群峰")
"""Characters of Traditional texts that the Taiwanese character set lacks."""


def to_simplified(text: str) -> str:
    """Return the text with Traditional characters made Simplified, each in its place; other scripts stay as they are.

    A character is converted without a look at its neighbours, but for a few words: a name reads the same alone and in
    a sentence.
    """
    if text.isascii() or not HAN.search(text):
        return text
    return _WORD.sub(lambda found: _WORDS[found[0]], text.translate(_simplified()))


@lru_cache(maxsize=1)
def traditional_only() -> frozenset[str]:
    """Return the characters that Simplified Chinese writes differently."""
    return frozenset(chr(code) for code in _simplified() if not _is_encoded(chr(code), "gb2312"))


@lru_cache(maxsize=1)
def simplified_only() -> frozenset[str]:
    """Return the characters of Simplified Chinese that Traditional Chinese does not use.

    Told by the two national character sets, because the reverse conversion also changes characters both scripts use.
    """
    return frozenset(c for c in _han() if _is_encoded(c, "gb2312") and not _is_encoded(c, "big5")) - _OF_HONG_KONG


@lru_cache(maxsize=1)
def _simplified() -> dict[int, str]:
    converter: Any = OpenCC("t2s")
    return {
        ord(old): new
        for old, new in zip(_han(), converter.convert("\n".join(_han())).split("\n"), strict=True)
        if old != new and len(new) == 1
    }


@lru_cache(maxsize=1)
def _han() -> tuple[str, ...]:
    return tuple(chr(code) for first, end in _HAN_RANGES for code in range(first, end))


def _is_encoded(character: str, charset: str) -> bool:
    try:
        character.encode(charset)
    except UnicodeEncodeError:
        return False
    return True
