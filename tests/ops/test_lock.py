"""One clock per SQLite file; everything else may work beside it."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.parametrize("command", [("serve",), ("run",), ("tick",), ("db", "upgrade")])
def test_a_second_process_that_would_walk_the_road_is_refused(
    start: Callable, warden: Callable, command: tuple[str, ...]
) -> None:
    first = start("run")
    first.wait_for(lambda: "clock_started" in first.output, "clock_started")
    ended = warden(*command)
    assert ended.returncode == 1
    assert "Another Warden process is using" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_link_to_the_file_is_the_same_file(start: Callable, warden: Callable, tmp_path: Path) -> None:
    first = start("run")
    first.wait_for(lambda: "clock_started" in first.output, "clock_started")
    (tmp_path / "link.db").symlink_to(tmp_path / "warden.db")
    ended = warden("tick", WARDEN_DATABASE_URL="sqlite:///link.db")
    assert ended.returncode == 1
    assert "Another Warden process is using link.db" in ended.stderr


def test_commands_that_walk_no_road_work_beside_a_running_clock(start: Callable, warden: Callable) -> None:
    first = start("run")
    first.wait_for(lambda: "clock_started" in first.output, "clock_started")
    assert warden("user", "add", "lan@example.com").returncode == 0
    assert warden("token", "create", "export").returncode == 0
    assert warden("source", "list").returncode == 0
    assert first.process.poll() is None


def test_the_lock_is_free_again_after_a_kill(start: Callable) -> None:
    first = start("run")
    first.wait_for(lambda: "clock_started" in first.output, "clock_started")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    second = start("run")
    second.wait_for(lambda: "clock_started" in second.output, "clock_started")
