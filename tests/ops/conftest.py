"""Runs Warden as a person does: a process of its own, in a folder of its own, with settings from the environment."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import forked
import pytest

Environment = dict[str, str]
Warden = Callable[..., subprocess.CompletedProcess[str]]


def environment_without_settings() -> Environment:
    """Return the environment of the tests, without any setting of Warden."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WARDEN_")}


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An environment without any setting but a database in `tmp_path`."""
    return environment_without_settings() | {
        "WARDEN_DATABASE_URL": f"sqlite:///{tmp_path}/warden.db",
        "WARDEN_PORT": str(free_port()),
    }


@pytest.fixture
def warden(tmp_path: Path, environment: Environment) -> Warden:
    """Run `warden …` to its end; keyword arguments are settings, `stdin` is typed in."""

    def run(*arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        return forked.run(arguments, tmp_path, environment | settings, stdin)

    return run


@pytest.fixture(scope="session")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that `warden db upgrade` made, to be copied."""
    folder = tmp_path_factory.mktemp("upgraded")
    path = folder / "warden.db"
    ended = forked.run(
        ("db", "upgrade"), folder, environment_without_settings() | {"WARDEN_DATABASE_URL": f"sqlite:///{path}"}
    )
    assert ended.returncode == 0, ended.stderr
    return path


@pytest.fixture
def ready(warden: Warden, upgraded: Path, tmp_path: Path) -> Warden:
    """`warden` on a database that is at the newest version."""
    shutil.copy(upgraded, tmp_path)
    return warden


class Serving:
    """A `warden serve` or `run` process."""

    def __init__(self, process: forked.Running, port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self._log = log

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8")

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a page."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait_for(self, is_there: Callable[[], bool], what: str) -> None:
        """Wait until something is so; fail when the process ends before, or when a minute has passed."""
        for _ in range(600):
            if is_there():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail(f"{what} did not happen; exit status {self.process.poll()}, output:\n{self.output}")

    def wait_until_ready(self) -> None:
        """Wait until /readyz answers 200."""
        self.wait_for(self._is_ready, "readyz")

    def _is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path, environment: Environment) -> Iterator[Callable[..., Serving]]:
    """Start `warden …` in the background; whatever still runs at the end is killed."""
    started: list[forked.Running] = []

    def launch(*arguments: str, **settings: str) -> Serving:
        port = free_port()
        log = tmp_path / f"output-{len(started)}.log"
        log.touch()
        given = environment | {"WARDEN_PORT": str(port)} | settings
        process = forked.Running(arguments, tmp_path, given, (Path(os.devnull), log, log))
        started.append(process)
        return Serving(process, port, log)

    yield launch
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def a_port() -> int:
    """A port nobody listens on."""
    return free_port()


@pytest.fixture
def a_taken_port() -> Iterator[int]:
    """A port somebody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield int(taken.getsockname()[1])
