"""Faults of forms in the reader's words: where, as far as the field beside it does not say so, and what."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from warden.errors import Fault
from warden.i18n import N_
from warden.wording import Reader

_LINE = re.compile(r"(?:^|, )line (\d+)(?:, column (\d+))?$")
_ENTRY = re.compile(r"^\[(\d+)\].*$")

COLUMN_MESSAGE = N_("line %(line)s, column %(column)s")
LINE_MESSAGE = N_("line %(line)s")
ENTRY_MESSAGE = N_("entry %(number)s")


@dataclass(frozen=True, slots=True)
class Told:
    """One fault: the path within what was typed, which nobody translates, the position in words, and the sentence."""

    path: str
    position: str
    sentence: str


def sentence(reader: Reader, fault: Fault) -> str:
    """Return what is wrong."""
    return reader.fact({"message": fault.message or fault.what, "params": fault.params})


def told(reader: Reader, fault: Fault, field: str = "") -> Told:
    """Return a fault as it stands beside `field`, or by itself."""
    where, position = _LINE.sub("", fault.where), ""
    if field and where.startswith(field):
        where = where.removeprefix(field).removeprefix(".")
    if line := _LINE.search(fault.where):
        message = COLUMN_MESSAGE if line[2] else LINE_MESSAGE
        params = {"line": line[1], "column": line[2]} if line[2] else {"line": line[1]}
        position = reader.say(message, **params)
    elif field and (entry := _ENTRY.match(where)):
        where, position = "", reader.say(ENTRY_MESSAGE, number=int(entry[1]) + 1)
    return Told(where, position, sentence(reader, fault))


def told_all(reader: Reader, faults: Iterable[Fault], field: str = "") -> list[Told]:
    """Return several faults as they stand beside `field`, or by themselves."""
    return [told(reader, fault, field) for fault in faults]
