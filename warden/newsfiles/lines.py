"""Files of one record a line, plain or gzipped: reads them line by line, and writes them whole or not at all."""

import gzip
import json
import math
import os
import secrets
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from warden.errors import Fault, InvalidInput

LISTED = 20
"""Faults told one by one; the rest is counted."""

LONGEST_LINE = 16_000_000
"""Bytes: room for a text of a megabyte, however it is escaped."""

_GZIP = b"\x1f\x8b"


class _Readable(Protocol):
    def readline(self, size: int, /) -> bytes: ...


class _Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...


@dataclass
class Faults:
    """What is wrong with a file: the first in words, all of them counted."""

    file: str
    listed: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, what: str, name: str = "") -> None:
        """Note one fault of a line, or of one field or column on it."""
        self.count += 1
        if len(self.listed) < LISTED:
            where = f"{self.file}, line {line}"
            self.listed.append(Fault(f"{where}, {name}" if name else where, what))

    def stop(self) -> None:
        """Raise InvalidInput when there is any fault."""
        if not self.count:
            return
        rest = self.count - len(self.listed)
        more = [Fault("and", f"{rest:,} more like these")] if rest else []
        raise InvalidInput("Nothing was written: the file cannot be used as it is.", [*self.listed, *more])


def lines_of(path: Path, faults: Faults) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of every line, its end included; a line that cannot be read is a fault and left out.

    UTF-8, with or without byte order mark; gzip is known by its first bytes, not by the file's name. Raises OSError.
    """
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == _GZIP
        stream: _Readable = gzip.GzipFile(fileobj=file) if packed else file
        number = 0
        while raw := _next_line(stream, number + 1, faults):
            number += 1
            if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                faults.add(number, f"is longer than {LONGEST_LINE:,} bytes")
                continue
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                faults.add(number, f"byte {error.start + 1} is not UTF-8")


def objects_of(path: Path, faults: Faults) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number, object) of every line of JSON; other lines are faults, but for empty ones."""
    for number, line in lines_of(path, faults):
        if not line.strip():
            continue
        try:
            found = json.loads(line, parse_constant=_finite, parse_float=_finite)
        except RecursionError:
            faults.add(number, "is nested too deeply, expected one JSON object")
            continue
        except ValueError as error:
            faults.add(number, f"is no JSON ({error!s:.120}), expected one JSON object")
            continue
        if isinstance(found, dict):
            yield number, found
        else:
            faults.add(number, f"found {type(found).__name__}, expected one JSON object")


def _finite(written: str) -> float:
    """JSON has no NaN and no infinity, though Python reads and writes both: an answer could then not be read."""
    number = float(written)
    if not math.isfinite(number):
        raise ValueError(f"{written:.40} is no finite number")
    return number


def line_of(record: Mapping[str, Any]) -> bytes:
    """Return one record as a line of JSON; a text that UTF-8 cannot hold is written in escapes."""
    try:
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(record).encode() + b"\n"


@contextmanager
def whole_file(out: Path) -> Iterator[_Writable]:
    """Open a file beside `out` for writing, that takes its place at the end; when anything is raised, `out` stays.

    A name that ends in .gz gets a gzipped file.
    """
    beside = out.with_name(f".news-{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            if out.suffix == ".gz":
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                    yield packed
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def refuse_unless_writable(out: Path, inputs: Sequence[Path]) -> None:
    """Raise InvalidInput where no file can stand at `out`, or where it would replace one that is read."""
    if not out.parent.is_dir():
        raise InvalidInput(f"{out.parent} is no folder; --out must lie in one.")
    if out.exists() and not out.is_file():
        raise InvalidInput(f"{out} is no file that could be replaced.")
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise InvalidInput(f"--out is {path.name}, which is read: it would be lost.")


def _next_line(stream: _Readable, number: int, faults: Faults) -> bytes:
    """Return the next line, b"" at the end. Of one that is too long only the beginning is kept."""
    try:
        raw = stream.readline(LONGEST_LINE)
        rest = raw
        while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        faults.add(number, f"the gzip data cannot be read on from here: {error}")
        return b""
    return raw
