"""`warden forecast` as a person types it: no database, no settings, one sentence and the faults when it cannot."""

import csv
import os
import subprocess
from pathlib import Path

import forked
import pytest
from observed import OUTCOMES, PARTNERS, Files


def warden(files: Files, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the folder of the files, to its end."""
    given = ["--observations", files.observations.name, "--keys", files.keys.name, "--outcomes", files.outcomes.name]
    return forked.run(["forecast", *given, "--out", files.out.name, *more], files.folder, os.environ)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_answers_every_key_and_leaves_nothing_else_behind(files: Files) -> None:
    asked = rows(files.fill().keys)
    done = warden(files)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{len(asked)} likelihoods.\n"
    answered = rows(files.out)
    assert [{name: row[name] for name in asked[0]} for row in answered] == asked
    assert len(answered) == len(PARTNERS) * len(OUTCOMES) * 20
    assert sorted(path.name for path in files.folder.iterdir()) == [
        "forecast.csv", "keys.csv", "observations.csv", "outcomes.json",
    ]  # fmt: skip


def test_it_explains_when_asked_to(files: Files) -> None:
    files.fill(keys=[("p1", "2024-06-03", "dark"), ("nobody", "2024-06-03", "dark")])
    done = warden(files, "--explain")
    assert done.stderr == "2 likelihoods, 1 of them the portfolio's for want of facts.\n"
    assert [set(row) - {"partner", "cutoff", "outcome"} for row in rows(files.out)] == [
        {"likelihood", "band", "sample", "contributions"}
    ] * 2


def test_what_is_wrong_is_listed_and_what_was_there_stays(files: Files) -> None:
    files.fill(keys=[("p1", "2024-06-03", "dark"), ("p1", "yesterday", "dark"), ("p1", "2024-06-10", "gone")])
    files.out.write_text("earlier", encoding="utf-8")
    done = warden(files)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "Nothing was forecast: the files cannot be used as they are.",
        "  keys.csv, line 3, column cutoff: found 'yesterday', expected a date or date-time such as 2024-03-31 or "
        "2024-03-31T08:00:00Z",
        "  keys.csv, line 4, column outcome: found 'gone', expected one of dark, late",
    ]
    assert files.out.read_text(encoding="utf-8") == "earlier"


@pytest.mark.parametrize("missing", ["observations", "keys", "outcomes"])
def test_a_file_that_is_not_there_is_named(files: Files, missing: str) -> None:
    path: Path = getattr(files.fill(), missing)
    path.unlink()
    done = warden(files)
    assert (done.returncode, done.stderr) == (1, f"{path.name}: No such file or directory.\n")
    assert not files.out.exists()
