"""What a condition compares with a word, a number or null: read from its words and signs, CEL showing no tree of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cel

_QUOTED = r"\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|'''(?:\\[\s\S]|[^\\])*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_RAW = r"\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\"[^\"\n]*\"|'[^'\n]*'"
_WORD = re.compile(
    rf"(?P<comment>//[^\n]*)|(?P<string>[bB]?(?:[rR](?:{_RAW})|{_QUOTED}))|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<sign>[=!<>]=|\S)"
)
_SWAPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""What a sign is once its sides are exchanged."""
_BINDS_BEFORE = frozenset({".", "!", "*", "/", "%", "+", "-", "==", "!=", "<", "<=", ">", ">=", "in"})
_BINDS_AFTER = frozenset({".", "[", "(", "*", "/", "%", "+", "-"})


@dataclass(frozen=True, slots=True)
class Compared:
    """A name compared with a string, a number or null: its value, None for null, and where that is written.

    `sign`: the comparison with the name on its left; "==" for an element of a list the name is sought in.
    """

    name: str
    sign: str
    value: Any
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def is_literal(self) -> bool:
        return self.kind in ("string", "number") or self.text == "null"


_EDGE = _Token("edge", "", 0)


def compared(text: str) -> list[Compared]:
    """Return what a condition that is sound CEL compares by itself; what is part of a larger operand is left out."""
    tokens = [_EDGE, _EDGE, *_without_brackets(_tokens(text)), _EDGE, _EDGE]
    found = []
    for place, token in enumerate(tokens):
        name, other = tokens[place - 1], tokens[place + 1 : place + 2]
        if token.text not in ("in", *_SWAPPED) or tokens[place - 2].text in _BINDS_BEFORE:
            continue
        if token.text == "in" and other[0].text == "[":
            found += [(name, "==", one) for one in _elements(tokens[place + 1 :])]
        elif token.text != "in" and tokens[place + 2].text not in _BINDS_AFTER:
            found += [(name, token.text, other[0]), (other[0], _SWAPPED[token.text], name)]
    return [
        Compared(name.text, sign, _value(literal), literal.text, literal.start)
        for name, sign, literal in found
        if name.kind == "name" and literal.is_literal
    ]


def strings(text: str) -> list[str]:
    """Return the strings in a condition as CEL reads them."""
    found = [_value(token) for token in _tokens(text) if token.kind == "string"]
    return [value for value in found if isinstance(value, str)]


def located(text: str, start: int, where: str) -> str:
    """Say where in `where` a character stands, lines and columns counted from 1."""
    before = text[:start]
    return f"{where}, line {before.count(chr(10)) + 1}, column {start - before.rfind(chr(10))}"


def without_strings(text: str) -> str:
    """Return a condition with spaces where its strings and comments stand, so that places stay the same."""
    return _WORD.sub(lambda one: " " * len(one[0]) if one["string"] or one["comment"] else one[0], text)


def _tokens(text: str) -> list[_Token]:
    words = _WORD.finditer(text)
    return [_Token(one.lastgroup or "", one[0], one.start()) for one in words if not one["comment"]]


def _without_brackets(tokens: Sequence[_Token]) -> list[_Token]:
    """Return the tokens without round brackets about a single one, but for those of a call."""
    found: list[_Token] = []
    for token in tokens:
        found.append(token)
        while len(found) > 2 and found[-1].text == ")" and found[-3].text == "(" and not _is_call(found[:-3]):
            found[-3:] = [found[-2]]
    return found


def _is_call(before: Sequence[_Token]) -> bool:
    return bool(before) and before[-1].kind == "name" and before[-1].text != "in"


def _elements(tokens: Sequence[_Token]) -> Iterator[_Token]:
    """Yield the elements that are a single token of the list that `tokens` begin with."""
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token.text in ("[", "(", "{")) - (token.text in ("]", ")", "}"))
        if depth == 0:
            return
        ends = tokens[place - 1].text in ("[", ",") and tokens[place + 1].text in ("]", ",")
        if depth == 1 and ends:
            yield token


def _value(literal: _Token) -> Any:
    """Return a literal as CEL reads it: a string with its escapes, or raw."""
    return None if literal.text == "null" else cel.evaluate(literal.text)
