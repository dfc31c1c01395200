"""Files of one record a line, plain or gzipped: read line by line with a note of every fault, and written whole."""

import csv
import gzip
import os
import secrets
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from warden.errors import Fault, InvalidInput

LISTED = 20
"""Faults told one by one; the rest is counted."""

GZIP = b"\x1f\x8b"
"""What gzipped data begins with."""


class _Readable(Protocol):
    def readline(self, size: int, /) -> bytes: ...


@dataclass
class Faults:
    """What is wrong with files: the first in words, all of them counted. `refusal`: what is said above them."""

    refusal: str
    listed: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, where: str, what: str) -> None:
        """Note one fault."""
        self.count += 1
        if len(self.listed) < LISTED:
            self.listed.append(Fault(where, what))

    def stop(self) -> None:
        """Raise InvalidInput when there is any fault."""
        if not self.count:
            return
        rest = self.count - len(self.listed)
        more = [Fault("and", f"{rest:,} more like these")] if rest else []
        raise InvalidInput(self.refusal, [*self.listed, *more])


@dataclass(frozen=True, slots=True)
class LineFile:
    """A file of lines in UTF-8, with or without byte order mark; gzip is known by its first bytes, not by its name.

    `longest`: bytes a line may have. `plain`: a NUL byte is a fault. What is wrong with it is noted in `faults`.
    """

    path: Path
    longest: int
    faults: Faults
    plain: bool = False

    def blame(self, line: int, what: str, place: str = "") -> None:
        """Note one fault of a line, or of one field or column on it."""
        where = f"{self.path.name}, line {line}"
        self.faults.add(f"{where}, {place}" if place else where, what)

    def texts(self) -> Iterator[tuple[int, str]]:
        r"""Yield (number, text) of every line, its end included; "\n" in the place of each that cannot be read.

        Raises OSError.
        """
        with self.path.open("rb") as file:
            packed = file.peek(2)[:2] == GZIP
            stream: _Readable = gzip.GzipFile(fileobj=file) if packed else file
            number = 0
            while raw := self._next(stream, number + 1):
                number += 1
                yield number, self._text(raw, number)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line it begins on, cells) of every record of CSV; lines with nothing on them are passed over."""
        reader = csv.reader((text for _, text in self.texts()), strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.blame(line, f"is no CSV: {error}")
                continue
            if cells:
                yield line, cells

    def blame_header(self, line: int, header: Sequence[str], needed: Sequence[str], expected: str) -> None:
        """Note what is needed and absent from a header, and what stands there twice."""
        for name in needed:
            if name not in header:
                self.blame(line, f"found no column {name} in {','.join(header):.200}, expected {expected}")
        for name in sorted({name for name in header if header.count(name) > 1}):
            self.blame(line, f"column {name:.80} stands there twice")

    def _next(self, stream: _Readable, number: int) -> bytes:
        """Return the next line, b"" at the end. Of one that is too long only the beginning is kept."""
        try:
            raw = stream.readline(self.longest)
            rest = raw
            while len(rest) == self.longest and not rest.endswith(b"\n"):
                rest = stream.readline(self.longest)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self.blame(number, f"the gzip data cannot be read on from here: {error}")
            return b""
        return raw

    def _text(self, raw: bytes, number: int) -> str:
        if len(raw) == self.longest and not raw.endswith(b"\n"):
            self.blame(number, f"is longer than {self.longest:,} bytes")
            return "\n"
        if self.plain and b"\0" in raw:
            self.blame(number, "holds a NUL byte, expected text")
            return "\n"
        try:
            return raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            self.blame(number, f"byte {error.start + 1} is not UTF-8")
            return "\n"


@contextmanager
def whole_file(out: Path) -> Iterator[BinaryIO]:
    """Open a file beside `out` for writing, that takes its place at the end; when anything is raised, `out` stays.

    A name that ends in .gz gets a gzipped file.
    """
    beside = out.with_name(f".warden-{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            if out.suffix == ".gz":
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                    yield cast(BinaryIO, packed)
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
