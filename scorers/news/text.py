"""Plain text out of whatever a feed sends: bounded, without markup or control characters, in one Unicode spelling."""

import html
import re
import unicodedata

MOST_RAW = 20_000
"""Characters looked at before anything else is done, so that a hostile text costs no more than a long one."""

MOST = 300
"""Characters kept of one title or summary: what a headline and its first sentence need."""

HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
"""One Chinese character."""

_DROPPED = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!?][^<>]*>")
_KEPT_SPACE = re.compile(r"[\t\n\r\v\f\x1c-\x1f\x85]+")


def plain(raw: str, most: int = MOST) -> str:
    """Return the text people would see, on one line, at most `most` characters; empty for nothing readable."""
    text = html.unescape(_TAG.sub(" ", _DROPPED.sub(" ", raw[:MOST_RAW])))
    return normalise(_TAG.sub(" ", text)[: most * 4])[:most].rstrip()


def normalise(text: str) -> str:
    """Return the text in NFKC with single spaces and without control, format, surrogate or private characters."""
    spaced = _KEPT_SPACE.sub(" ", unicodedata.normalize("NFKC", text))
    if not spaced.isprintable():
        spaced = "".join(c for c in spaced if unicodedata.category(c)[0] != "C")
    return " ".join(spaced.split())


def fold(text: str) -> str:
    """Return the text in lower case, character by character, so that positions stay the same."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)
