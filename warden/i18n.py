"""Languages: finds the closest of the four locales and loads its catalogue. It does not format dates or numbers."""

from collections.abc import Callable
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from warden.domain import LOCALES

CATALOGUES = Path(__file__).parent / "locale"

Translate = Callable[[str], str]
"""Turns an English message into the reader's language; placeholders are `%(name)s` and filled in afterwards."""

_SCRIPTS = {"tw": "zh-Hant", "hk": "zh-Hant", "mo": "zh-Hant", "hant": "zh-Hant"}


def N_(message: str) -> str:
    """Mark a message for translation without translating it here."""
    return message


def closest_locale(*tags: str | None) -> str:
    """Return the supported locale closest to the first usable BCP 47 tag, English if none is.

    Chinese is chosen by script (zh-TW, zh-HK → zh-Hant; zh, zh-CN, zh-SG → zh-Hans), which Babel's negotiation
    does not do.
    """
    for tag in tags:
        parts = (tag or "").replace("_", "-").lower().split("-")
        if parts[0] == "zh":
            return next((_SCRIPTS[part] for part in parts[1:] if part in _SCRIPTS), "zh-Hans")
        if parts[0] in ("en", "vi"):
            return parts[0]
    return LOCALES[0]


@lru_cache(maxsize=len(LOCALES))
def translations(locale: str) -> NullTranslations:
    """Return the gettext catalogue of one of `LOCALES`; English is its own catalogue."""
    path = CATALOGUES / locale.replace("-", "_") / "LC_MESSAGES" / "warden.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=locale.replace("-", "_"))
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
