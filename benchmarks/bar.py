"""What is asked of the likelihood, and how what was measured stands to it, as tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

OURS = "warden"
PEERS = ("days_since", "own_tail", "last_rate", "scorecard", "weighted", "null_low_bar")

OUTCOMES = {"silence": "dark", "late": "late", "sla": "sla"}
"""What the bar calls an outcome, and what the streams call it."""

Bounds = tuple[float, float]


@dataclass
class Measured:
    """What was measured. `methods`: stream → method → outcome → figures, as judging.py reports them."""

    methods: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # of a forecast, by stream
    leak: float = 0.0
    gap: float = 0.0
    healthy: int = 0
    alarms: int = 0  # of the healthy, new in a blind spell that was flagged
    unflagged_alarms: int = 0  # the same, had nobody said so

    def point(self, outcome: str, method: str, figure: str) -> float:
        """Return a figure, the mean over the streams that have the outcome."""
        return float(np.mean([one["point"][figure] for one in self._each(outcome, method)]))

    def resampled(self, outcome: str, method: str, figure: str) -> NDArray[np.float64]:
        """Return its resamples."""
        drawn = [one["resampled"][figure] for one in self._each(outcome, method)]
        return np.asarray(np.mean(drawn, axis=0), dtype=np.float64)

    def _each(self, outcome: str, method: str) -> list[dict[str, Any]]:
        name = OUTCOMES[outcome]
        return [found[method][name] for found in self.methods.values() if name in found[method]]


@dataclass(frozen=True)
class Line:
    """One line of the bar: a value, its 95 % interval where there is one, and the bounds it must and might meet."""

    quantity: str
    value: float
    interval: Bounds | None
    must: Bounds
    stretch: Bounds

    def verdict(self) -> str:
        """Say what is met."""
        if self.stretch[0] <= self.value <= self.stretch[1]:
            return "stretch"
        return "must" if self.must[0] <= self.value <= self.must[1] else "MISSED"


def lines(measured: Measured) -> Iterator[Line]:
    """Yield the whole bar, each figure the mean over the streams."""
    yield _ahead(measured, "silence", "days_since", 0.05, 0.09)
    yield _ahead(measured, "silence", "own_tail", 0.03, 0.08)
    yield _times(measured, "recall", "days_since", 1.12, 1.3)
    yield _times(measured, "recall", "own_tail", 1.0, 1.15)
    yield _times(measured, "recall", "weighted", 2.0, 2.8)
    yield _times(measured, "recall", "scorecard", 1.6, 2.2)
    yield _times(measured, "lead", "weighted", 2.3, 3.5)
    yield _ahead(measured, "late", "null_low_bar", 0.03, 0.1)
    yield _mean(measured, "late", "ece", (0, 0.03), (0, 0.01))
    yield _mean(measured, "late", "bss", (1e-12, 1), (0.14, 1))
    yield _ahead(measured, "sla", "last_rate", 0.08, 0.15)
    for outcome in OUTCOMES:
        yield _mean(measured, outcome, "realised", (0.5, 1.6), (0.7, 1.3))
    yield _mean(measured, "silence", "flapping", (0, 2.2), (0, 1.5))
    yield _mean(measured, "late", "flapping", (0, 0.5), (0, 0.3))
    yield _exactly(f"newly in alarm of {measured.healthy:,} healthy in a flagged blind spell", measured.alarms, 0)
    yield _exactly("leak_probe: largest difference", measured.leak, 1e-6)
    yield _exactly("contributions: largest gap in a sum", measured.gap, 1e-9)
    yield _exactly("forecast of the slowest stream, s", max(measured.seconds.values()), 60)


def table_of_lines(found: Sequence[Line]) -> Iterator[str]:
    """Yield the bar as a table."""
    yield "| quantity | value | 95 % interval | must | stretch | met |"
    yield "|---|---|---|---|---|---|"
    for line in found:
        interval = f"{line.interval[0]:.3g} … {line.interval[1]:.3g}" if line.interval else ""
        asked = f"{_bounds(line.must)} | {_bounds(line.stretch)}"
        yield f"| {line.quantity} | {line.value:.3g} | {interval} | {asked} | {line.verdict()} |"


def table_of_methods(measured: Measured) -> Iterator[str]:
    """Yield ours beside each peer, stream by stream."""
    heads = ("stream, outcome", "method", "same-week AUROC", "AUROC", "recall", "lead, days", "realised ÷ budget")
    yield f"| {' | '.join([*heads, 'ECE', 'Brier skill'])} |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for stream, methods in measured.methods.items():
        for outcome in OUTCOMES.values():
            for method in (OURS, *PEERS):
                if outcome in methods[method]:
                    yield f"| {stream}, {outcome} | {method} | {_cells(methods[method][outcome])} |"


def _cells(found: dict[str, Any]) -> str:
    point, resampled = found["point"], found["resampled"]
    low, high = np.nanpercentile(resampled["auroc_within"], [2.5, 97.5])
    figures = [f"{point['auroc_within']:.3f} [{low:.3f}, {high:.3f}]", f"{point['auroc']:.3f}"]
    low, high = np.nanpercentile(resampled["recall"], [2.5, 97.5])
    figures += [f"{point['recall']:.2f} [{low:.2f}, {high:.2f}]", f"{point['lead']:.1f}", f"{point['realised']:.2f}"]
    return " | ".join([*figures, f"{point['ece']:.3f}", f"{point['bss']:.3f}"])


def _ahead(measured: Measured, outcome: str, peer: str, must: float, stretch: float) -> Line:
    """Return how far our same-week AUROC is ahead of a peer's."""
    ours, theirs = (measured.point(outcome, method, "auroc_within") for method in (OURS, peer))
    drawn = [measured.resampled(outcome, method, "auroc_within") for method in (OURS, peer)]
    quantity = f"{outcome}: AUROC − {peer}"
    return Line(quantity, ours - theirs, _interval(drawn[0] - drawn[1]), (must, 1), (stretch, 1))


def _times(measured: Measured, figure: str, peer: str, must: float, stretch: float) -> Line:
    """Return how many times a peer's mean recall, or lead, on silences ours is."""
    ours, theirs = (measured.point("silence", method, figure) for method in (OURS, peer))
    drawn = [measured.resampled("silence", method, figure) for method in (OURS, peer)]
    interval = _interval(drawn[0] / np.maximum(drawn[1], 1e-9))
    return Line(f"silence: {figure} ÷ {peer}", ours / max(theirs, 1e-9), interval, (must, np.inf), (stretch, np.inf))


def _mean(measured: Measured, outcome: str, figure: str, must: Bounds, stretch: Bounds) -> Line:
    words = {
        "ece": "ECE without labels",
        "bss": "Brier skill",
        "realised": "realised ÷ budgeted false alarms",
        "flapping": "band changes per partner-quarter",
    }
    drawn = figure in ("bss", "realised")
    interval = _interval(measured.resampled(outcome, OURS, figure)) if drawn else None
    return Line(f"{outcome}: {words[figure]}", measured.point(outcome, OURS, figure), interval, must, stretch)


def _exactly(quantity: str, value: float, most: float) -> Line:
    return Line(quantity, value, None, (0, most), (0, most))


def _interval(drawn: NDArray[np.float64]) -> Bounds:
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _bounds(bounds: Bounds) -> str:
    low, high = bounds
    if high in (1, np.inf):
        return f"≥ {low:.3g}" if low > 1e-6 else "> 0"
    return f"{low:.3g} … {high:.3g}" if low else f"≤ {high:.3g}"
