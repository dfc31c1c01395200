"""Files for `warden forecast`, made by plain functions: what was observed, what is asked, and about which outcomes."""

import csv
import io
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from warden.forecast.run import Written, forecast

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
OUTCOMES = {
    "dark": {"kind": "silence", "days": 30, "horizon_days": 28, "own_gap_quantile": 0.99},
    "late": {"kind": "late_share", "horizon_days": 56, "at_least": 0.2, "times_own": 2.0, "own_days": 182,
             "min_next": 5, "min_history": 10},
}  # fmt: skip
OBSERVED = ("partner", "at", "kind", "value", "late", "cancelled", "made")
KEY = ("partner", "cutoff", "outcome")
PARTNERS = tuple(f"p{number}" for number in range(8))

Rows = list[tuple[Any, ...]]


def day(number: int) -> str:
    """The date so many days after the first Monday."""
    return (MONDAY + timedelta(days=number)).date().isoformat()


def cutoffs(weeks: Iterable[int]) -> list[str]:
    """The Mondays of these weeks."""
    return [day(7 * week) for week in weeks]


def messages(partner: str, days: Iterable[int], kind: str = "message_in") -> Rows:
    """A message on each of these days, at noon."""
    return [(partner, f"{day(number)} 12:00:00", kind, 1, "", "", "") for number in days]


def deliveries(partner: str, days: Iterable[int], late: Sequence[int] = ()) -> Rows:
    """Two deliveries on each of these days; both late on the days in `late`."""
    return [(partner, day(number), "deliveries", 2, 2 if number in late else 0, 0, 2) for number in days]


def blind(partner: str, start: int, days: float) -> tuple[Any, ...]:
    """A time without any source that could report on the partner."""
    return (partner, day(start), "blind", days, "", "", "")


def lively(days: int = 300, seed: int = 7) -> Rows:
    """Eight partners who write, are answered and deliver, each at a pace of its own, now and then late."""
    chance = random.Random(seed)
    rows: Rows = []
    for number, partner in enumerate(PARTNERS):
        some = [at for at in range(days) if chance.random() < 0.15 + 0.08 * number]
        rows += messages(partner, some) + messages(partner, [at + 1 for at in some[::2]], "message_out")
        due = [at for at in range(days) if chance.random() < 0.3]
        rows += deliveries(partner, due, [at for at in due if chance.random() < 0.04 * number])
    return rows


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as the text of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


@dataclass(frozen=True)
class Files:
    """The four files of a forecast in one folder."""

    folder: Path

    @property
    def observations(self) -> Path:
        return self.folder / "observations.csv"

    @property
    def keys(self) -> Path:
        return self.folder / "keys.csv"

    @property
    def outcomes(self) -> Path:
        return self.folder / "outcomes.json"

    @property
    def out(self) -> Path:
        return self.folder / "forecast.csv"

    def fill(self, rows: Rows | None = None, keys: Rows | None = None, outcomes: Any = None) -> "Files":
        """Write the three that are read; what is not given is a lively portfolio, asked about for twenty weeks."""
        asked = [(one, at, name) for one in PARTNERS for at in cutoffs(range(20, 40)) for name in OUTCOMES]
        self.observations.write_text(as_csv(OBSERVED, lively() if rows is None else rows), encoding="utf-8")
        self.keys.write_text(as_csv(KEY, asked if keys is None else keys), encoding="utf-8")
        self.outcomes.write_text(json.dumps(outcomes or OUTCOMES), encoding="utf-8")
        return self

    def run(self, *, explain: bool = False) -> Written:
        """Forecast."""
        return forecast(self.observations, self.keys, self.outcomes, self.out, explain=explain)

    def rows(self, *, explain: bool = False) -> list[dict[str, str]]:
        """Forecast, and return what was written."""
        self.run(explain=explain)
        return list(csv.DictReader(io.StringIO(self.out.read_text(encoding="utf-8"))))

    def likelihoods(self) -> dict[tuple[str, str, str], float]:
        """Forecast, and return the likelihood of each key."""
        return {(row["partner"], row["cutoff"], row["outcome"]): float(row["likelihood"]) for row in self.rows()}
