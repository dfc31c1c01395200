"""Runs `warden news read|train|copies` as anybody would, on files, and notes the seconds and the memory they took."""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "warden", "news")


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def read(
    articles: Sequence[Mapping[str, Any]], folder: Path, model: Path | None = None
) -> tuple[list[dict[str, Any]], Run]:
    """Return the answers of `warden news read`, in order."""
    asked, told = folder / "articles.jsonl", folder / "readings.jsonl"
    write_lines(asked, articles)
    trained = [] if model is None else ["--model", str(model)]
    done = run([*COMMAND, "read", "--in", str(asked), "--out", str(told), *trained])
    return read_lines(told), done


def train(rows: Iterable[Sequence[str]], header: Sequence[str], folder: Path, out: Path) -> Run:
    """Train by `warden news train`."""
    labelled = folder / "labelled.csv"
    with labelled.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return run([*COMMAND, "train", "--in", str(labelled), "--out", str(out)])


def copies(articles: Sequence[Mapping[str, Any]], folder: Path) -> tuple[list[Any], Run]:
    """Return the cluster of each article by `warden news copies`."""
    asked, told = folder / "stories.jsonl", folder / "clusters.jsonl"
    write_lines(asked, articles)
    done = run([*COMMAND, "copies", "--in", str(asked), "--out", str(told)])
    return [one["cluster"] for one in read_lines(told)], done


def run(command: Sequence[str]) -> Run:
    """Run one process on one core; its output is shown only when it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=one_thread())
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{said.decode()}")
    return Run(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def one_thread() -> dict[str, str]:
    """Return an environment in which numpy keeps to one core."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line, in escapes: some texts hold what UTF-8 cannot."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON lines."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
