"""Has reading learned anew in a process of its own, with low priority, and waits for it no longer than it may take."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

from warden.errors import WardenError
from warden.pipeline.refit_child import TOO_FEW
from warden.store.headlines import Headline

LIMIT_SECONDS = 600.0
"""After so long the process is killed: 20,000 headlines take half a minute of one core."""

_LOOK_SECONDS = 0.2

COMMAND = (sys.executable, "-P", "-m", "warden.pipeline.refit_child")


class RefitBroke(WardenError):
    """The process was killed, took too long or failed."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A version learned: its bytes, and what refit_child tells of it."""

    raw: bytes
    report: dict[str, Any]


def learn_apart(
    language: str,
    rows: Sequence[tuple[Headline, bool]],
    present: bytes | None,
    go_on: Callable[[], bool] = lambda: True,
    *,
    embeddings: bool = False,
    limit_seconds: float = LIMIT_SECONDS,
    command: Sequence[str] = COMMAND,
) -> Learned | None:
    """Return what is learned from headlines, each with whether it judges; None when there is too little to learn from.

    `present`: the version that speaks, None for the shipped one; `embeddings`: whether it, and what is learned, may use
    them. When `go_on` answers False the process is killed;
    that, too, gives None. Raises RefitBroke.
    """
    asked = {
        "language": language,
        "rows": [[one.title, one.summary, one.target, one.label, judges] for one, judges in rows],
        "present": None if present is None else base64.b64encode(present).decode(),
        "embeddings": embeddings,
    }
    with TemporaryFile() as request:  # a process that reads slowly must not hold up whoever asks
        request.write(json.dumps(asked).encode())
        request.seek(0)
        said, status = _run(command, request, go_on, time.monotonic() + limit_seconds)
    if said is None or status == TOO_FEW:
        return None
    out, complaint = said
    if status:
        raise RefitBroke(f"Learning to read {language} anew {_end(status)}{_last_line(complaint)}.")
    report, _, raw = out.partition(b"\n")
    return Learned(raw, json.loads(report))


def _run(
    command: Sequence[str], request: IO[bytes], go_on: Callable[[], bool], until: float
) -> tuple[tuple[bytes, bytes] | None, int]:
    """Return what the process writes and complains of, None when told to stop, and its exit status."""
    with subprocess.Popen(  # noqa: S603 – our own module, by our own interpreter
        command, stdin=request, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
    ) as child:
        try:
            return _wait(child, go_on, until), child.returncode or 0
        finally:
            child.kill()


def _wait(child: subprocess.Popen[bytes], go_on: Callable[[], bool], until: float) -> tuple[bytes, bytes] | None:
    while True:
        try:
            return child.communicate(timeout=_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if not go_on():
                return None
            if time.monotonic() > until:
                raise RefitBroke("Learning to read anew took too long and was stopped.") from None


def _environment() -> dict[str, str]:
    """One thread of arithmetic is enough, and leaves the other cores to the service."""
    found = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": found, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _end(status: int) -> str:
    return f"was killed by signal {-status}" if status < 0 else f"failed with exit status {status}"


def _last_line(complaint: bytes) -> str:
    lines = complaint.decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:300].rstrip('.')}" if lines else ""
