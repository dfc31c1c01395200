"""Communication from an mbox file: the headers of its messages, never their bodies or subjects."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from collectors import base
from collectors.base import (
    Batch,
    Collector,
    Cursor,
    LocalPath,
    Message,
    Problem,
    SourceChanged,
)
from collectors.files import opened
from collectors.http import Http
from collectors.mail import MAX_HEADER_BYTES, Correspondence, Letter, LetterError, OurDomains, parse_date, read_letter

MAX_MESSAGES = 20_000
"""Per visit; the rest is read at the next ones."""
_HEAD = 1024
_LINE = 65_536


@dataclass(frozen=True, slots=True)
class Block:
    """The headers of one message: where it starts in the file, its "From " line, and whether they are complete."""

    start: int
    envelope: bytes
    headers: bytes
    is_complete: bool


class MboxOptions(base.Options):
    """See docs/collectors/mbox.md."""

    path: LocalPath
    our_domains: OurDomains


class Mbox(Collector):
    """An archive that a mail server or a person appends to. Only what was added is read at the next visit."""

    name = "mbox"
    facts = frozenset({Message})
    Options = MboxOptions
    options: MboxOptions

    def collect(self, cursor: Cursor, http: Http, now: datetime) -> Batch:
        """See Collector. A message whose headers are still being written is left for the next visit."""
        path = Path(self.options.path)
        with opened(path) as file:
            return self._collect(file, path.name, cursor, now)

    def _collect(self, file: BinaryIO, name: str, cursor: Cursor, now: datetime) -> Batch:
        size = os.fstat(file.fileno()).st_size
        if not _is_continued(file, size, cursor):
            cursor = {}
        elif cursor["size"] == size:
            return Batch([], cursor)
        correspondence = Correspondence(self.options.our_domains, cursor.get("answers"))
        letters, problems = [], []
        position, is_finished = cursor.get("position", 0), False
        for count, block in enumerate(_blocks(file, position, name)):
            position = block.start
            if count == MAX_MESSAGES or not block.is_complete:
                break
            try:
                letters.append(_letter(block, now))
            except LetterError as error:
                problems.append(Problem(f"the message at byte {block.start}", str(error)))
        else:
            is_finished = True
        head = min(size, _HEAD)
        following = {
            "position": position,  # of the last message: it is read again, as a start to go on from
            "size": size if is_finished else -1,
            "head": [head, _fingerprint(file, head)],
        }
        facts = correspondence.facts(letters)
        following["answers"] = correspondence.memory()
        return Batch(facts, following, problems=[*problems[:100], *correspondence.problems(name)])


def _is_continued(file: BinaryIO, size: int, cursor: Cursor) -> bool:
    """Tell whether this is last time's file, grown or not: it begins the same and is not shorter."""
    if not cursor:
        return False
    length, fingerprint = cursor["head"]
    is_shorter = size < max(cursor["position"], cursor["size"], length)
    return not is_shorter and _fingerprint(file, length) == str(fingerprint)


def _fingerprint(file: BinaryIO, length: int) -> str:
    file.seek(0)
    return hashlib.sha256(file.read(length)).hexdigest()[:16]


def _letter(block: Block, now: datetime) -> Letter:
    written = block.envelope.decode("ascii", "replace").split(maxsplit=2)  # From sender@there Thu Jan  4 10:00:00 2024
    return read_letter(block.headers, parse_date(written[2]) if len(written) > 2 else None, now)


def _blocks(file: BinaryIO, position: int, name: str) -> Iterator[Block]:
    """Yield the header block of each message from `position` on. Raises SourceChanged if no message starts there."""
    file.seek(position)
    line = file.readline(_LINE)
    if line and not line.startswith(b"From "):
        raise SourceChanged(f'{name} is not an mbox file: its messages would start with a line "From …".')
    while line:
        start, envelope = position, line
        position += len(line)
        headers = bytearray()
        line = file.readline(_LINE)
        while line and line.strip(b"\r\n"):
            position += len(line)
            if len(headers) < MAX_HEADER_BYTES:
                headers += line
            line = file.readline(_LINE)
        yield Block(start, envelope, bytes(headers), is_complete=bool(line))
        line, position = _skip_body(file, line, position)


def _skip_body(file: BinaryIO, line: bytes, position: int) -> tuple[bytes, int]:
    """Return the next message's "From " line, which follows a blank one, and where it starts."""
    is_after_blank = False
    while line and not (is_after_blank and line.startswith(b"From ")):
        is_after_blank = line in (b"\n", b"\r\n")
        position += len(line)
        line = file.readline(_LINE)
    return line, position
