"""Requests to one place, kept apart in time for every source of this process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pace:
    """At most one request at a time, each `seconds` after the end of the one before. Any thread may take a turn."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until a request may be made; whatever becomes of it, the next waits from its end."""
        with self._lock:
            pause = self._free_at - self._clock()
            if pause > 0:
                self._sleep(pause)
            try:
                yield
            finally:
                self._free_at = self._clock() + self._seconds
