"""What a likelihood must not do: look ahead, explain a sum it is not, or take a broken source for a silent partner."""

import csv
import gzip
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

FORECAST = [sys.executable, "-m", "warden", "forecast"]

SPELL = timedelta(days=21)
SPELLS = (0.25, 0.5, 0.75)
"""Where in the cutoffs of the test phase the spells of the blindness probe begin."""

Row = dict[str, str]


def forecast(observations: Path, keys: Path, outcomes: Path, out: Path) -> None:
    """Run `warden forecast`, with explanations."""
    files = ["--observations", observations, "--keys", keys, "--outcomes", outcomes, "--out", out]
    done = subprocess.run([*FORECAST, *map(str, files), "--explain"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)


def largest_leak(python: Path, check: Path, stream: Path) -> float:
    """Return the largest difference between what is said with and without the future, by leak_probe.py."""
    cutoffs = _cutoffs(read(stream / "labels.csv.gz"))
    files = ["--observations", "{obs}", "--keys", "{keys}", "--outcomes", stream / "outcomes.json", "--out", "{out}"]
    observations, labels, middle = stream / "observations.csv.gz", stream / "labels.csv.gz", cutoffs[len(cutoffs) // 2]
    probe = [python, check / "leak_probe.py", observations, labels, middle, "--", *FORECAST, *files]
    done = subprocess.run([str(part) for part in probe], check=False, capture_output=True, text=True)
    found = re.search(r"largest difference (\S+)", done.stdout)
    if found is None:
        raise SystemExit(f"leak_probe.py failed: {done.stderr or done.stdout}")
    return float(found[1])


def largest_gap_in_contributions(predictions: Path) -> float:
    """Return how far, at most, the contributions of one row are from the log-odds of its likelihood."""
    worst = 0.0
    for row in read(predictions):
        p = float(row["likelihood"])
        worst = max(worst, abs(math.fsum(json.loads(row["contributions"]).values()) - math.log(p / (1 - p))))
    return worst


class Spells(NamedTuple):
    """What blind spells did: to how many healthy partners, and how many of these were newly in alarm.

    Healthy: nothing begins within the horizon, and no alarm stood when the spell began.
    """

    healthy: int
    alarms: int
    unflagged: int  # alarms had nobody said that the sources were blind


def alarms_in_blind_spells(stream: Path, folder: Path, thresholds: Mapping[str, float]) -> Spells:
    """Blind everybody for three weeks, three times. `thresholds` by outcome: those carried from the tune phase."""
    labels = [row for row in read(stream / "labels.csv.gz") if row["phase"] == "test"]
    cutoffs = [one for one in _cutoffs(labels) if _healthy(labels, one)]
    healthy = flagged = silent = 0
    for share in SPELLS:
        start = date.fromisoformat(cutoffs[int(share * (len(cutoffs) - 1))])
        asked = _healthy(labels, start.isoformat())
        told, untold = (_in_alarm(stream, folder, start, asked, thresholds, say=say) for say in (True, False))
        calm = [key for key in asked if start.isoformat() not in told[key]]
        healthy += len(calm)
        flagged += sum(bool(told[key]) for key in calm)
        silent += sum(bool(untold[key]) for key in calm)
    return Spells(healthy, flagged, silent)


def read(path: Path) -> list[Row]:
    """Return the rows of a CSV file, gzipped or not."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _cutoffs(labels: Sequence[Row]) -> list[str]:
    return sorted({row["cutoff"] for row in labels})


def _healthy(labels: Sequence[Row], cutoff: str) -> list[tuple[str, str]]:
    return [(row["partner"], row["outcome"]) for row in labels if row["cutoff"] == cutoff and row["label"] == "0"]


def _in_alarm(
    stream: Path,
    folder: Path,
    start: date,
    asked: Sequence[tuple[str, str]],
    thresholds: Mapping[str, float],
    *,
    say: bool,
) -> dict[tuple[str, str], list[str]]:
    """Return at which cutoffs, from the start of the spell to its end, each of those asked about is in alarm."""
    cutoffs = [(start + timedelta(weeks=week)).isoformat() for week in range(4)]
    observations, keys, out = folder / "blind.csv", folder / "blind_keys.csv", folder / "blind_out.csv"
    _write(keys, ("partner", "cutoff", "outcome"), ((one, at, name) for one, name in asked for at in cutoffs))
    seen = read(stream / "observations.csv.gz")
    _write(observations, tuple(seen[0]), _blinded(seen, start, say=say))
    forecast(observations, keys, stream / "outcomes.json", out)
    alarms: dict[tuple[str, str], list[str]] = {key: [] for key in asked}
    for row in read(out):
        if float(row["likelihood"]) >= thresholds[row["outcome"]]:
            alarms[row["partner"], row["outcome"]].append(row["cutoff"])
    return alarms


def _blinded(rows: Sequence[Row], start: date, *, say: bool) -> Iterator[Sequence[str]]:
    """Yield what was seen before the spell and, where it is to be said, that nothing could be seen in it."""
    columns = tuple(rows[0])
    before = [row for row in rows if row["at"] < start.isoformat()]
    yield from ([row[name] for name in columns] for row in before)
    if say:
        for partner in sorted({row["partner"] for row in before}):
            cells = {"partner": partner, "at": start.isoformat(), "kind": "blind", "value": str(SPELL.days)}
            yield [cells.get(name, "") for name in columns]


def _write(path: Path, header: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
