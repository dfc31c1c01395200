"""The guard around one unit of work: whatever goes wrong in it is logged, and the work beside it goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from warden.log import get_logger

log = get_logger(__name__)


@dataclass(slots=True)
class Fenced:
    """What became of the work inside a fence: `error` is what it raised, if anything."""

    error: Exception | None = None


@contextmanager
def fence(event: str, **facts: Any) -> Iterator[Fenced]:
    """Run a unit of work; log any exception under `event` with `facts` and swallow it.

    For work on one row among many, where one defect must not stop the others. The caller reads `error` to note on the
    row that it failed.
    """
    fenced = Fenced()
    try:
        yield fenced
    except Exception as error:  # the one place besides the clock that may catch everything
        fenced.error = error
        log.error(event, **facts, error=type(error).__name__, exc_info=error)
