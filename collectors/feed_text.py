"""Bytes as a feed's server sent them become text, whatever they are declared to be; and text becomes plain text."""

import codecs
import html
import re
import unicodedata
import zlib

from charset_normalizer import from_bytes

from collectors.base import SourceChanged, SourceUnavailable

_GZIP = b"\x1f\x8b"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._:\-]{1,40})["']""")
_KNOWN = re.compile(
    r"utf-?(8|16|32)|us-ascii|ascii|gb(2312|k|18030)|big5(-?hkscs)?|cp\d{3,4}|windows-(125\d|874|949)|euc-(jp|kr|tw|cn)"
    r"|shift[_-]jis|sjis|iso-?8859-\d{1,2}|latin-?1|iso-2022-(jp|kr)|koi8-[ru]|tis-620|mac-?roman|macintosh"
)
"""Names of encodings that feeds are written in. Python knows others, such as "idna", that are no such thing."""
_WIDER = {
    "gb2312": "gb18030", "gbk": "gb18030", "euc-cn": "gb18030", "cp936": "gb18030", "big5": "big5hkscs",
    "cp950": "big5hkscs", "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252",
    "us-ascii": "cp1252", "ascii": "cp1252", "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932",
    "euc-kr": "cp949", "windows-949": "cp949", "tis-620": "cp874", "windows-874": "cp874", "euc-tw": "big5hkscs",
    "macintosh": "mac-roman", "macroman": "mac-roman", "iso-8859-9": "cp1254", "windows-1252": "cp1252",
}  # fmt: skip
"""Servers name the smaller encoding and send characters of the larger one."""
_WESTERN = frozenset(["cp1252", "iso8859-15", "iso-8859-15", "mac-roman"])
_CHINESE = ["big5hkscs", "gb18030"]
_HIGH = re.compile(rb"[\x80-\xff][\x30-\xff]*")
_HIGH_PAIR = re.compile(rb"[\x80-\xff]{2}")
_SAMPLE = 20_000
_MAX_BROKEN = 0.05
"""Share of the letters beyond ASCII: with more of them broken, a text is not in this encoding."""
_UNFINISHED_TAG = re.compile(r"<[^<>]*\Z")
_TAG = re.compile(r"<[/!]?[A-Za-z][^<>]*>")


def unpacked(body: bytes, host: str, limit: int) -> bytes:
    """Return what a gzipped file holds, and anything else as it is.

    Raises SourceChanged for more than `limit` bytes or what cannot be unpacked, SourceUnavailable if it breaks off.
    """
    if not body.startswith(_GZIP):
        return body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise SourceChanged(f"{host} sent a gzipped file that cannot be unpacked.") from error
    if len(data) > limit:
        raise SourceChanged(f"{host} sent more than {limit:,} bytes, gzipped; at most that many are read.")
    if not unpacker.eof:
        raise SourceUnavailable(f"The gzipped file of {host} broke off.")
    return data


def decoded(body: bytes, charset: str | None) -> tuple[str, int]:
    """Return a document's text and how many of its characters could not be read.

    A byte order mark decides, then UTF-16 by its zeros, then UTF-8 if it is that, then what the document says, then
    what the server says (`charset`), then the likeliest of Big5, GB18030 and Windows-1252. What is declared is not
    believed where the bytes say otherwise: nothing but UTF-8 looks like UTF-8, and pairs of high bytes are Chinese and
    not Western.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return _read(body[len(mark) :], name)
    start = body[:400].lstrip(b" \t\r\n")
    if start[:2] in (b"<\0", b"{\0"):
        return _read(body.lstrip(b" \t\r\n"), "utf-16-le")
    if start[:2] in (b"\0<", b"\0{"):
        return _read(body, "utf-16-be")
    if (text := _utf8(body)) is not None:
        return text
    return _read(body, _likeliest(body, charset))


def _read(body: bytes, name: str) -> tuple[str, int]:
    text = body.decode(name, errors="replace")
    return text, text.count("\ufffd")


def _utf8(body: bytes) -> tuple[str, int] | None:
    """Return a text in UTF-8, perhaps with a few broken or foreign characters, None for one in another encoding."""
    try:
        # final=False: a text may be cut within its last letter
        return codecs.getincrementaldecoder("utf-8")().decode(body, final=False), 0
    except UnicodeDecodeError:
        text, broken = _read(body, "utf-8")
        letters = sum(len(run) for run in re.findall(r"[^\x00-\x7f\ufffd]+", text))
        return (text, broken) if letters and broken <= letters * _MAX_BROKEN else None


def _likeliest(body: bytes, charset: str | None) -> str:
    """Return the encoding of a text that is not UTF-8."""
    declared = _DECLARED.search(body[:1000])
    names = [_known(name) for name in (declared[1].decode() if declared else "", charset or "")]
    high = b"".join(_HIGH.findall(body, 0, 500_000))[:_SAMPLE]
    pairs = sum(map(len, _HIGH_PAIR.findall(high))) / max(1, len(re.findall(rb"[\x80-\xff]", high)))
    for name in names:
        if name and not name.startswith("utf") and _fits(body, name) and not (name in _WESTERN and pairs > 0.6):
            return name
    found = [match.encoding for match in from_bytes(high, cp_isolation=[*_CHINESE, "cp1252"])] if high else []
    candidates = [*found, *(_CHINESE if pairs > 0.6 else ["cp1252", *_CHINESE])]
    return next((name for name in candidates if _fits(body, name)), "cp1252")


def _known(name: str) -> str:
    name = name.strip().lower()
    return _WIDER.get(name, name) if _KNOWN.fullmatch(name) else ""


def _fits(body: bytes, name: str) -> bool:
    """Tell whether a text may be in an encoding: hardly a byte of it has no meaning there."""
    try:
        text = body.decode(name, errors="replace")
    except LookupError:
        return False
    letters = len(text) - len(text.encode("ascii", "ignore"))
    return text.count("\ufffd") <= letters * _MAX_BROKEN


def plain_text(value: object, limit: int) -> str:
    """Return the words of a piece of HTML or text on one line, at most `limit` characters, without control characters.

    Markup is removed twice, because feeds often escape it twice.
    """
    text = str(value or "")
    if len(text) > limit * 10:
        text = _UNFINISHED_TAG.sub("", text[: limit * 10])
    for _ in range(2):
        text = html.unescape(_TAG.sub(" ", _without_elements(_without_elements(text, "script"), "style")))
    text = unicodedata.normalize("NFC", " ".join(_TAG.sub(" ", text).split()))
    if not text.isprintable():
        text = " ".join("".join(letter if _is_writing(letter) else " " for letter in text).split())
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def _is_writing(letter: str) -> bool:
    """Tell a letter from a control character; the joiners U+200C and U+200D belong to some scripts."""
    return unicodedata.category(letter)[0] != "C" or letter in "\u200c\u200d"


def _without_elements(text: str, name: str) -> str:
    """Cut out elements whose content is no text. Plain searching: a regular expression would go quadratic."""
    folded, kept, position = text.lower(), [], 0
    if len(folded) != len(text):  # a few letters change their length; then positions would not fit
        folded = text
    while (start := folded.find(f"<{name}", position)) >= 0:
        kept.append(text[position:start])
        end = folded.find(f"</{name}", start)
        position = len(text) if end < 0 else end
    return "".join([*kept, text[position:]])
