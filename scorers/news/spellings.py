"""The ways one name is written: with and without dots, "&" or "and", legal forms. It does not shorten a name."""

import re

from scorers.news.text import HAN

_LEGAL_FORMS = {
    "spa": "s.p.a.",
    "sa": "s.a.",
    "nv": "n.v.",
    "bv": "b.v.",
    "plc": "p.l.c.",
    "llc": "l.l.c.",
    "limited": "ltd",
    "incorporated": "inc",
    "corporation": "corp",
    "company": "co",
}
_SHORT_FORMS = {short: long for long, short in _LEGAL_FORMS.items() if "." not in short}
_LAST_WORD = re.compile(r"(?<= )[a-z]+(?=\.?$)")
_FORM_AT_END = re.compile(r"(?<=\w) (?:inc|ltd|llc|corp|co|plc|limited)\.?$")
_DOTTED = re.compile(r"(?<=[^\W\d_])\.(?=\W|[^\W\d_]\.|$)")
_CAPITALS = re.compile(r"(?<![\w.&])[A-Z]{2,3}(?![\w.&])")
_BETWEEN_HAN = re.compile(r"(?<=[\u3400-\u9fff])[ ·](?=[\u3400-\u9fff])")


def spellings(key: str, spelled: str) -> set[str]:
    """Return the folded spellings under which to look for a name, itself among them: a handful.

    `key` is the name folded, `spelled` the same with its own letter case. Dashes are spaces by then, full-width and
    Traditional characters are gone.
    """
    found = {key}
    if HAN.search(key):
        found.add(_BETWEEN_HAN.sub("", key))
    if key.isalnum() and not spelled.isupper():
        return found
    found |= {_ampersand(name) for name in tuple(found)}
    found |= {_DOTTED.sub("", name) for name in tuple(found)}
    found |= {name.replace("'", "") for name in tuple(found)}
    found |= {name.replace(",", "") for name in tuple(found)}
    found |= {_LAST_WORD.sub(_other_form, name) for name in tuple(found)}
    found |= {_FORM_AT_END.sub(r",\g<0>", name) for name in tuple(found)}
    found.add(_CAPITALS.sub(lambda word: ".".join(word[0]) + ".", spelled).lower().replace("-", " "))
    return {name for name in found if name}


def _ampersand(name: str) -> str:
    if " and " in name:
        return name.replace(" and ", " & ")
    return name.replace(" & ", " and ") if " & " in name else name.replace("&", " & ")


def _other_form(word: re.Match[str]) -> str:
    return _LEGAL_FORMS.get(word[0]) or _SHORT_FORMS.get(word[0], word[0])
