"""A service goes on writing while others send it bodies that never end."""

import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack

import pytest

PLACES = 4
"""For requests that write at the same time."""


def test_bodies_that_never_end_keep_nobody_from_writing(ready: Callable, start: Callable) -> None:
    token = ready("token", "create", "erp", "--role", "manager", "--scope", "facts:write").stdout.strip()
    service = start("serve")
    service.wait_until_ready()
    head = (
        "POST /api/v1/facts HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n{{"
    )
    with ExitStack() as stack:
        for _ in range(2 * PLACES):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            slow.sendall(head.encode())
        assert service.get("/healthz")[0] == 200
        request = urllib.request.Request(
            f"http://127.0.0.1:{service.port}/api/v1/facts",
            data=b'{"facts": []}',
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with pytest.raises(urllib.error.HTTPError, match="422"):
            urllib.request.urlopen(request, timeout=20)
