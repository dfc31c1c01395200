"""Plain text out of whatever a feed sends: bounded, without markup or control characters, in one Unicode spelling."""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol, TypeVar

S = TypeVar("S", bound="Spanned")

MOST_RAW = 12_000
"""Characters looked at before anything else is done, so that a hostile text costs no more than a long one."""

MOST = 300
"""Characters kept of one title or summary: what a headline and its first sentence need."""

HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""One Chinese character."""

Offsets = list[tuple[int, int]]
"""For each character of a cleaned text, [start, end) of what stood for it in the text as it was given."""

_DROPPED = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!?][^<>]*>")
_REFERENCE = re.compile(r"&(?:#(?:\d{1,8}|[xX][0-9a-fA-F]{1,8})|[A-Za-z][A-Za-z0-9]{1,31});?")
_SPACE = re.compile(r"[\t\n\r\v\f\x1c-\x1f\x85]+")


def _blank(_: re.Match[str]) -> str:
    return " "


def _unescaped(reference: re.Match[str]) -> str:
    return html.unescape(reference[0])


# Character references are read twice and markup is sought again behind them: feeds escape what is escaped already.
_STEPS: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    ("<", _DROPPED, _blank),
    ("<", _TAG, _blank),
    ("&", _REFERENCE, _unescaped),
    ("&", _REFERENCE, _unescaped),
    ("<", _DROPPED, _blank),
    ("<", _TAG, _blank),
)


def plain(raw: str, most: int = MOST) -> str:
    """Return the text people would see, on one line, at most `most` characters; empty for nothing readable."""
    text = raw[:MOST_RAW]
    for mark, pattern, replacement in _STEPS:
        if mark in text:
            text = pattern.sub(replacement, text)
    return normalise(text[: most * 4])[:most].rstrip()


def plain_with_offsets(raw: str, most: int = MOST) -> tuple[str, Offsets]:
    """Return `plain(raw, most)` and where each of its characters stood in `raw`.

    Slower than `plain`: for texts in which something was found. See `raw_span`.
    """
    text = raw[:MOST_RAW]
    places = _Places(list(range(len(text))), list(range(1, len(text) + 1)))
    for mark, pattern, replacement in _STEPS:
        if mark in text:
            text, places = _substituted(text, places, pattern, replacement)
    text, offsets = _normalised(text[: most * 4], places.cut(most * 4))
    kept = len(text[:most].rstrip())
    return text[:kept], offsets[:kept]


def raw_span(offsets: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """Return [start, end) in the given text of the characters [start, end) of the cleaned text; end > start."""
    return offsets[start][0], max(last for _, last in offsets[start:end])


def normalise(text: str) -> str:
    """Return the text in NFKC with single spaces and without control, format, surrogate or private characters."""
    if not text.isprintable():
        spaced = _SPACE.sub(" ", text)
        text = "".join(c for c in spaced if not _is_control(c))
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.split())


_SAME_WHEN_FOLDED = str.maketrans(
    {
        **dict.fromkeys("’‘‛ʼʹ`´＇", "'"),
        **dict.fromkeys("-‐‑‒–—―−", " "),  # "Coca-Cola" is "Coca Cola"
        **dict.fromkeys("・•‧∙⋅", "·"),
    }
)
_FOLDED_AWAY = re.compile("[" + re.escape("".join(map(chr, _SAME_WHEN_FOLDED))) + "]")
_TONE_PLACES = re.compile("o[àáảãạèéẻẽẹ]|u[ỳýỷỹỵ]")
_TONE_MOVED = {
    f"{first}{marked}": f"{first_marked}{second}"
    for first, firsts, second, seconds in (
        ("o", "òóỏõọ", "a", "àáảãạ"),
        ("o", "òóỏõọ", "e", "èéẻẽẹ"),
        ("u", "ùúủũụ", "y", "ỳýỷỹỵ"),
    )
    for first_marked, marked in zip(firsts, seconds, strict=True)
}


def lower(text: str) -> str:
    """Return the text in lower case, character by character, so that positions stay the same."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def fold(text: str) -> str:
    """Return the text as names are compared, character by character, so that positions stay the same.

    Lower case, one apostrophe, a dash is a space, and one of the two places where Vietnamese may set a tone mark
    ("Hoà" is "Hòa").
    """
    lowered = lower(text)
    if lowered.isascii():
        return lowered.replace("-", " ").replace("`", "'")
    if _FOLDED_AWAY.search(lowered):
        lowered = lowered.translate(_SAME_WHEN_FOLDED)
    return _TONE_PLACES.sub(lambda found: _TONE_MOVED[found[0]], lowered)


class Spanned(Protocol):
    """What stands at text[start:end]."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


def longest(found: Sequence[S], length: int) -> list[S]:
    """Return what is left of things found in a text of this length when the longest, and then the first, take their
    place: in order and not overlapping."""
    if len(found) < 2:
        return list(found)
    taken = bytearray(length)
    kept = []
    for one in sorted(found, key=lambda one: (one.start - one.end, one.start)):
        if taken.find(1, one.start, one.end) < 0:
            taken[one.start : one.end] = b"\1" * (one.end - one.start)
            kept.append(one)
    return sorted(kept, key=attrgetter("start"))


def _is_control(character: str) -> bool:
    return not character.isprintable() and unicodedata.category(character)[0] == "C"


@dataclass(frozen=True, slots=True)
class _Places:
    """Offsets as two lists, which are quick to cut and join."""

    starts: list[int]
    ends: list[int]

    def cut(self, most: int) -> "_Places":
        return _Places(self.starts[:most], self.ends[:most])

    def pairs(self) -> Offsets:
        return list(zip(self.starts, self.ends, strict=True))


def _substituted(
    text: str, places: _Places, pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str]
) -> tuple[str, _Places]:
    pieces: list[str] = []
    moved = _Places([], [])
    done = 0
    for found in pattern.finditer(text):
        new = replacement(found)
        pieces += (text[done : found.start()], new)
        moved.starts.extend(places.starts[done : found.start()])
        moved.ends.extend(places.ends[done : found.start()])
        moved.starts.extend([places.starts[found.start()]] * len(new))
        moved.ends.extend([places.ends[found.end() - 1]] * len(new))
        done = found.end()
    moved.starts.extend(places.starts[done:])
    moved.ends.extend(places.ends[done:])
    return "".join([*pieces, text[done:]]), moved


def _normalised(text: str, places: _Places) -> tuple[str, Offsets]:
    """The same as `normalise`, step by step."""
    spaced, moved = _substituted(text, places, _SPACE, _blank)
    kept = [(c, at) for c, at in zip(spaced, moved.pairs(), strict=True) if not _is_control(c)]
    words: list[tuple[str, tuple[int, int]]] = []
    for c, at in ((c, at) for characters, at in _composed(kept) for c in characters):
        if not c.isspace():
            words.append((c, at))
        elif words and words[-1][0] != " ":
            words.append((" ", at))
    if words and words[-1][0] == " ":
        words.pop()
    return "".join(c for c, _ in words), [at for _, at in words]


def _composed(kept: list[tuple[str, tuple[int, int]]]) -> list[tuple[str, tuple[int, int]]]:
    """Return pieces in NFKC, as small as they may be for their sum to be the whole in NFKC, and where each stood."""
    whole = "".join(c for c, _ in kept)
    if unicodedata.is_normalized("NFKC", whole):
        return kept
    pieces: list[tuple[str, tuple[int, int]]] = []
    start = 0
    for end in range(1, len(kept) + 1):
        if end < len(kept) and not _may_be_parted(whole, end):
            continue
        pieces.append((unicodedata.normalize("NFKC", whole[start:end]), (kept[start][1][0], kept[end - 1][1][1])))
        start = end
    return pieces


def _may_be_parted(text: str, at: int) -> bool:
    """Whether no composition reaches over this place: the next character never joins the one before it."""
    following = unicodedata.normalize("NFKD", text[at])[0]
    if unicodedata.combining(following):
        return False
    return unicodedata.category(following) not in ("Mc", "Mn") and not "\u1160" <= following <= "\u11ff"  # Hangul
