"""The delivery history: who supplied what, for how much, and when the two sides were in touch."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

DELIVERIES = Path(__file__).resolve().parent / "deliveries.csv.gz"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order. Value in US dollars."""

    id: str
    vendor: str
    quoted_on: date | None
    ordered_on: date | None
    due_on: date
    made_on: date
    quantity: int
    value: float

    def exchanges(self) -> Iterator[tuple[date, str]]:
        """Yield the days the two sides were in touch: quotation and order went out, the delivery came in."""
        for sent_on in (self.quoted_on, self.ordered_on):
            if sent_on:
                yield sent_on, "sent"
        yield self.made_on, "received"


def load(path: Path = DELIVERIES) -> list[Line]:
    """Read the whole history."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [
            Line(
                id=row["id"],
                vendor=row["vendor"],
                quoted_on=_day(row["quoted_on"]),
                ordered_on=_day(row["ordered_on"]),
                due_on=date.fromisoformat(row["due_on"]),
                made_on=date.fromisoformat(row["made_on"]),
                quantity=int(row["quantity"]),
                value=float(row["value_usd"]),
            )
            for row in csv.DictReader(file)
        ]


def write_deliveries(lines: list[Line], until: date, path: Path) -> int:
    """Write the table of deliveries an ERP system would export, those due by `until`; return the rows."""
    rows = [
        (line.id, line.vendor, line.due_on, line.made_on, line.quantity, line.value)
        for line in lines
        if line.due_on <= until
    ]
    return _write(path, ("id", "vendor", "due_on", "made_on", "quantity", "value_usd"), rows)


def write_messages(lines: list[Line], until: date, path: Path) -> int:
    """Write who was in touch with whom by `until`: one row per vendor, day and direction. Return the rows."""
    exchanges = {(day, line.vendor, direction) for line in lines for day, direction in line.exchanges() if day <= until}
    return _write(path, ("date", "vendor", "direction"), sorted(exchanges))


def vendors(lines: list[Line], day: date) -> set[str]:
    """Return the vendors who had delivered, or should have, by `day`."""
    return {line.vendor for line in lines if min(line.due_on, line.made_on) <= day}


def annual_values(lines: list[Line], day: date) -> dict[str, float]:
    """Return each vendor's mean yearly value in US dollars over the two years up to `day`."""
    start = day - timedelta(days=730)
    values: defaultdict[str, float] = defaultdict(float)
    for line in lines:
        if start < line.due_on <= day:
            values[line.vendor] += line.value / 2
    return dict(values)


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return len(rows)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
