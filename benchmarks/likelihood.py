"""Measures the likelihood against its peers on real streams, with the check programs that come with them.

python benchmarks/likelihood.py FOLDER [--python PYTHON]

FOLDER holds check/ (evaluate.py, baselines.py, leak_probe.py) and data/early-warning/<stream>/ (observations.csv.gz,
labels.csv.gz, outcomes.json). The check programs need numpy, pandas and scikit-learn: PYTHON names an interpreter that
has them; without it an environment of their own is made in .bench/. Exit status 1 where something that must be met is
not.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import probes
from bar import OURS, OUTCOMES, Measured, lines, table_of_lines, table_of_methods
from environment import ROOT, python_with, say

MODULES = ("numpy", "pandas", "sklearn")
NEEDED = ("numpy", "pandas", "scikit-learn")


def main() -> None:
    """Measure every stream, and print ours beside each peer and the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", type=Path, help="has numpy, pandas and scikit-learn")
    arguments = parser.parse_args()
    python = arguments.python or python_with(MODULES, NEEDED)
    measured = Measured()
    for described in sorted((arguments.folder / "data" / "early-warning").glob("*/outcomes.json")):
        measure(measured, python, arguments.folder / "check", described.parent)
    found = list(lines(measured))
    print("\n".join(["", *table_of_methods(measured), "", *table_of_lines(found), ""]))
    print(f"Had nobody said that the sources were blind: {measured.unflagged_alarms:,} alarms.")
    sys.exit(any(line.verdict() == "MISSED" for line in found))


def measure(measured: Measured, python: Path, check: Path, stream: Path) -> None:
    """Let the peers and us predict one stream, judge all, and probe us."""
    observations, labels, outcomes = (stream / n for n in ("observations.csv.gz", "labels.csv.gz", "outcomes.json"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say(f"{stream.name}: the peers …")
        asked = json.loads(outcomes.read_text(encoding="utf-8"))
        dark = {**os.environ, "DARK_DAYS": str(asked[OUTCOMES["silence"]]["days"])}
        subprocess.run([python, "-B", check / "baselines.py", observations, labels, folder], check=True, env=dark)
        say(f"{stream.name}: warden forecast …")
        ours, start = folder / f"pred_{OURS}.csv", time.perf_counter()
        probes.forecast(observations, labels, outcomes, ours)
        measured.seconds[stream.name] = time.perf_counter() - start
        say(f"{stream.name}: it took {measured.seconds[stream.name]:.1f} s; judging …")
        report = folder / "report.json"
        subprocess.run([python, ROOT / "benchmarks" / "judging.py", check, stream, folder, report], check=True)
        measured.methods[stream.name] = json.loads(report.read_text(encoding="utf-8"))
        say(f"{stream.name}: the future, the sums, blind spells …")
        probe(measured, python, check, stream, ours)


def probe(measured: Measured, python: Path, check: Path, stream: Path, ours: Path) -> None:
    """Add what the probes find on one stream."""
    figures = measured.methods[stream.name][OURS]
    thresholds = {outcome: found["point"]["threshold"] for outcome, found in figures.items()}
    measured.leak = max(measured.leak, probes.largest_leak(python, check, stream))
    measured.gap = max(measured.gap, probes.largest_gap_in_contributions(ours))
    spells = probes.alarms_in_blind_spells(stream, ours.parent, thresholds)
    measured.healthy += spells.healthy
    measured.alarms += spells.alarms
    measured.unflagged_alarms += spells.unflagged


if __name__ == "__main__":
    main()
