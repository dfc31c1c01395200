"""Work that may never end, such as reading from a network drive that hangs: whoever waits for it goes on in time."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")

_under_way: set[Hashable] = set()
_lock = threading.Lock()


class GivenUpError(Exception):
    """The work did not end in time."""


def within(seconds: float, key: Hashable, work: Callable[[], T]) -> T:
    """Return what `work` returns, or raise what it raises; raise GivenUpError after so many seconds.

    Work given up stays in its thread, which nothing can end and which no exit waits for. Until it ends, no other is
    begun under its `key` but given up at once, so that such threads do not become ever more.
    """
    with _lock:
        if key in _under_way:
            raise GivenUpError
        _under_way.add(key)
    future: Future[T] = Future()
    threading.Thread(target=_settle, args=(future, key, work), name=f"bounded {key}", daemon=True).start()
    if not wait([future], seconds).done:
        raise GivenUpError
    return future.result()


def _settle(future: Future[T], key: Hashable, work: Callable[[], T]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - handed on to whoever waits
        _end(key)
        future.set_exception(error)
    else:
        _end(key)
        future.set_result(result)


def _end(key: Hashable) -> None:
    with _lock:
        _under_way.discard(key)
