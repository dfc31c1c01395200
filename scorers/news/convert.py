"""Traditional to Simplified Chinese, so that names and phrases need one spelling only."""

from functools import lru_cache

from opencc import OpenCC

from scorers.news.text import HAN


@lru_cache(maxsize=1)
def _converter() -> OpenCC:
    return OpenCC("t2s")


@lru_cache(maxsize=1)
def _reverse() -> OpenCC:
    return OpenCC("s2t")


def to_simplified(text: str) -> str:
    """Return the text with Traditional characters made Simplified; other scripts stay as they are."""
    return str(_converter().convert(text)) if HAN.search(text) else text


@lru_cache(maxsize=30_000)
def is_traditional_only(character: str) -> bool:
    """Tell whether Simplified Chinese writes this character differently."""
    return bool(_converter().convert(character) != character)


@lru_cache(maxsize=30_000)
def is_simplified_only(character: str) -> bool:
    """Tell whether Traditional Chinese writes this character differently."""
    return bool(_reverse().convert(character) != character)
