"""Local files, opened so that whatever lies at their path cannot hold a visit up: only an ordinary file is read."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from collectors.base import SourceChanged, SourceRefused, SourceUnavailable


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open an ordinary file for reading, wherever links lead.

    Raises SourceUnavailable where there is nothing at the moment, SourceRefused where it may not be read or is no
    ordinary file: a pipe would wait for a writer, and a device may never end.
    """
    try:
        _check_ordinary(path.stat(), path.name)  # before it is opened: opening some devices does something
        # without waiting, and looked at once more: what lies there may have been exchanged since
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 - Path takes no descriptor
            _check_ordinary(os.fstat(file.fileno()), path.name)
            yield file
    except FileNotFoundError as error:
        raise SourceUnavailable(f"There is no file {path.name} at the moment.") from error
    except OSError as error:
        raise SourceRefused(f"The file {path.name} cannot be read: {error.strerror}.") from error


def read_whole(path: Path, max_bytes: int) -> bytes:
    """Return what an ordinary file holds. Raises as `opened`, and SourceChanged above so many bytes."""
    with opened(path) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise SourceChanged(f"{path.name} is larger than {max_bytes:,} bytes; at most that many are read.")
    return data


def _check_ordinary(status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SourceRefused(f"The file {name} cannot be read: a folder, a pipe, a socket or a device is none.")
