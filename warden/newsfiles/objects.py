"""Lines of JSON in and out: one object a line."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from warden.lines import Faults, LineFile

REFUSAL = "Nothing was written: the file cannot be used as it is."

LONGEST_LINE = 16_000_000
"""Bytes: room for a text of a megabyte, however it is escaped."""


def opened(path: Path) -> LineFile:
    """Return a file of articles or labelled texts, with nothing noted yet."""
    return LineFile(path, LONGEST_LINE, Faults(REFUSAL))


def objects_of(lines: LineFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number, object) of every line of JSON; other lines are faults, but for empty ones."""
    for number, line in lines.texts():
        if not line.strip():
            continue
        try:
            found = json.loads(line, parse_constant=_finite, parse_float=_finite)
        except RecursionError:
            lines.blame(number, "is nested too deeply, expected one JSON object")
            continue
        except ValueError as error:
            lines.blame(number, f"is no JSON ({error!s:.120}), expected one JSON object")
            continue
        if isinstance(found, dict):
            yield number, found
        else:
            lines.blame(number, f"found {type(found).__name__}, expected one JSON object")


def line_of(record: Mapping[str, Any]) -> bytes:
    """Return one record as a line of JSON; a text that UTF-8 cannot hold is written in escapes."""
    try:
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(record).encode() + b"\n"


def _finite(written: str) -> float:
    """JSON has no NaN and no infinity, though Python reads and writes both: an answer could then not be read."""
    number = float(written)
    if not math.isfinite(number):
        raise ValueError(f"{written:.40} is no finite number")
    return number
