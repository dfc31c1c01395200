"""Commands of Warden and functions, each in a process of its own that need not import everything anew.

A server process imports the command line once and forks for each command (multiprocessing's forkserver): what a command
does to its process stays there, as it would with a process started from nothing, at a twentieth of the price. That the
command starts from nothing is tested beside this, by tests that do start it so.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import NoReturn

TIMEOUT = 120
"""Seconds a command may take."""

Spoken = tuple[Path, Path, Path]
"""Files that are its standard input, output and errors; the last two may be one."""

CHANNELS = tuple(f"warden.channels.{name}" for name in ("email", "slack", "teams", "webhook"))
LOADED = ("warden.cli", "warden.scheduler", "warden.web.app", "uvicorn", *CHANNELS)


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *LOADED])
    return context


class Running:
    """A command at work, with what tests use of subprocess.Popen."""

    def __init__(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], spoken: Spoken) -> None:
        given = (list(arguments), str(folder), dict(environment), spoken)
        self._process = _server().Process(target=_command, args=given)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, minus the number of the signal that ended it, None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit status, None while it runs."""
        return self.returncode

    def wait(self, timeout: float = TIMEOUT) -> int:
        """Wait for its end and return the exit status. Raises TimeoutExpired."""
        self._process.join(timeout)
        status = self.returncode
        if status is None:
            raise subprocess.TimeoutExpired("warden", timeout)
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run `warden` with these arguments in a folder, and with nothing but this environment, to its end."""
    with tempfile.TemporaryDirectory() as kept:
        spoken = Path(kept) / "stdin", Path(kept) / "stdout", Path(kept) / "stderr"
        spoken[0].write_text(stdin, encoding="utf-8")
        running = Running(arguments, folder, environment, spoken)
        try:
            status = running.wait()
        finally:
            running.kill()
        said = [path.read_text(encoding="utf-8") for path in spoken[1:]]
    return subprocess.CompletedProcess(["warden", *arguments], status, *said)


def call(function: Callable[..., object], *arguments: object) -> int:
    """Call a function of a module under tests/ in a process of its own, and return that process's exit status."""
    process = _server().Process(target=function, args=arguments)
    process.start()
    process.join(TIMEOUT)
    status = process.exitcode
    if status is None:
        process.kill()
        raise subprocess.TimeoutExpired(function.__name__, TIMEOUT)
    return status


def _command(arguments: Sequence[str], folder: str, environment: Mapping[str, str], spoken: Spoken) -> NoReturn:
    """Become the command: its folder, environment, arguments and three open files, then its exit status."""
    for number, path in enumerate(spoken):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process lives
        for number, mode in enumerate(("r", "w", "w"))
    )
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["warden", *arguments]
    status = _main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _main() -> int:
    from warden.cli import main

    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return ended.code or 0
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
        return 1
    return 0
