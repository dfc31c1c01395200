"""Judges predictions on one stream with the check programs; likelihood.py runs it in an environment that has pandas.

python judging.py CHECK_FOLDER STREAM_FOLDER PREDICTIONS_FOLDER REPORT.json

PREDICTIONS_FOLDER holds one pred_<method>.csv per method. Every figure comes from `evaluate.py` of CHECK_FOLDER; this
file only says which are wanted.
"""

import json
import sys
from pathlib import Path
from typing import Any

BUDGET = 20.0
"""False alarms allowed per 100 partner-quarters."""

RESAMPLES, SAME_WEEK_RESAMPLES = 300, 100
"""Partner resamples behind the intervals, fewer for the same-week AUROC, which takes long. All are paired by seed."""

STEP_DAYS = 7.0


def main(check: str, stream: str, predictions: str, report: str) -> None:
    """Write the report: method → outcome → {"point": figures, "resampled": the same figures, many times}."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, check)
    labels = str(Path(stream) / "labels.csv.gz")
    paths = sorted(Path(predictions).glob("pred_*.csv"))
    found = {path.stem.removeprefix("pred_"): judged(labels, str(path)) for path in paths}
    Path(report).write_text(json.dumps(found), encoding="utf-8")


def judged(labels: str, predictions: str) -> dict[str, Any]:
    """Return the figures of one method, by outcome, on the test phase."""
    import evaluate  # noqa: PLC0415 – it lies in CHECK_FOLDER

    rows = evaluate.load(labels, predictions)
    found = {}
    for outcome in sorted(rows.outcome.unique()):
        tune, test = (evaluate.rows_of(rows, outcome, phase, STEP_DAYS) for phase in ("tune", "test"))
        point = evaluate.point(tune, test, BUDGET)
        if "band" in rows.columns:
            point["flapping"] = band_changes(evaluate, rows[(rows.outcome == outcome) & (rows.phase == "test")])
        found[outcome] = {"point": flat(point), "resampled": resampled(evaluate, test, point)}
    return found


def flat(point: dict[str, Any]) -> dict[str, float]:
    """Return the figures of evaluate.point that are wanted, without nesting."""
    wanted = ("rows", "partners", "base_rate", "auroc", "auroc_within", "brier", "bss", "ece", "flapping")
    best, carried = point["oracle"], point["carried"]
    return {
        **{name: point[name] for name in wanted},
        "recall": best["recall"],
        "lead": best["lead_mean_all"],
        "realised": carried["fa_per_100pq"] / BUDGET,
        "carried_recall": carried["recall"],
        "threshold": carried["threshold"],
    }


def band_changes(evaluate: Any, rows: Any) -> float:
    """Return band changes per partner-quarter, as evaluate.main counts them."""
    band, partner = rows.band.values, rows.partner.values
    changed = (band[1:] != band[:-1]) & (partner[1:] == partner[:-1])
    return float(changed.sum() / (len(rows) * STEP_DAYS / evaluate.QUARTER))


def resampled(evaluate: Any, test: Any, point: dict[str, Any]) -> dict[str, list[float]]:
    """Return figures under resamples of the partners."""
    best = evaluate.bootstrap(test, point["oracle"]["threshold"], RESAMPLES)
    carried = evaluate.bootstrap(test, point["carried"]["threshold"], RESAMPLES)
    rate = point["base_rate"]
    return {
        "auroc_within": evaluate.within_bootstrap(test, SAME_WEEK_RESAMPLES).tolist(),
        "recall": best[:, 2].tolist(),
        "lead": best[:, 3].tolist(),
        "bss": (1 - best[:, 5] / (rate * (1 - rate))).tolist(),
        "realised": (carried[:, 4] / BUDGET).tolist(),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
