"""A pace holds for all threads, and whatever becomes of a request."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from collectors.pace import Pace


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def test_the_first_request_does_not_wait_and_the_next_waits_from_its_end() -> None:
    clock = Clock()
    pace = Pace(5.0, clock, clock.sleep)
    with pace.turn():
        clock.seconds += 2.0
    clock.seconds += 1.0
    with pace.turn():
        pass
    assert clock.slept == [4.0]


def test_a_request_that_failed_counts() -> None:
    clock = Clock()
    pace = Pace(5.0, clock, clock.sleep)
    with pytest.raises(ValueError, match="broken"), pace.turn():
        raise ValueError("broken")
    with pace.turn():
        pass
    assert clock.slept == [5.0]


def test_no_two_threads_have_a_turn_at_once() -> None:
    clock = Clock()
    pace = Pace(5.0, clock, clock.sleep)
    inside, starts, lock = [], [], threading.Lock()

    def request(number: int) -> None:
        with pace.turn():
            with lock:
                inside.append(number)
            starts.append(clock())
            assert inside == [number]
            inside.clear()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(request, range(8)))
    assert starts == [5.0 * turn for turn in range(8)]
