"""Which names mean something else as well ("Target", "小米", "Thành Công"), for a person to look at what they match."""

import json
from functools import lru_cache
from importlib.resources import files

from scorers.news.convert import to_simplified
from scorers.news.text import HAN, fold, normalise

_MOST_HAN, _MOST_LETTERS = 2, 3


def ambiguity(alias_text: str) -> str | None:
    """Return why a name may stand for something else in a text, or None.

    "short": up to two Han characters or three letters. "word": an everyday word of English, Chinese or Vietnamese.
    "place": a country, region or city. "number": no letter at all. A name that is both a word and short is a "word".
    """
    text = to_simplified(normalise(alias_text))
    if not any(c.isalpha() for c in text):
        return "number"
    reason = _words().get(fold(text))
    if reason is not None:
        return reason
    return "short" if is_short(text) else None


def is_word(text: str) -> bool:
    """Whether a comparable text is one of the everyday words or places."""
    return fold(text) in _words()


def is_short(text: str) -> bool:
    """Whether a comparable text is too short to be a name by itself."""
    return len(text.replace(" ", "")) <= (_MOST_HAN if HAN.search(text) else _MOST_LETTERS)


@lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    listed = json.loads(files("scorers.news").joinpath("ambiguous.json").read_text("utf-8"))
    return {
        fold(to_simplified(normalise(word))): reason
        for reason in ("place", "word")
        for words in listed[reason].values()
        for word in words
    }
