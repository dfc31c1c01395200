"""`warden news copies`: tells which texts of a file are copies of one another, one JSON object a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scorers.news.copies import cluster
from warden.lines import LineFile, refuse_unless_writable, whole_file
from warden.newsfiles.objects import line_of, objects_of, opened

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sorted:
    """What came of it. `undated`: how many have no time, though others do; time did not count then."""

    articles: int
    clusters: int
    undated: int


def copies_file(path: Path, out: Path) -> Sorted:
    """Write every article of `path` to `out`, in order and with all its fields, and to which `cluster` it belongs.

    A cluster has the number of its first article in the file, counted from 1. Raises InvalidInput with every fault's
    file, line and field, and OSError; then `out` is as it was.
    """
    refuse_unless_writable(out, [path])
    lines = opened(path)
    articles: list[dict[str, Any]] = []
    moments: list[datetime | None] = []
    for number, found in objects_of(lines):
        if not isinstance(found.get("text"), str):
            lines.blame(number, f"found {found.get('text')!r:.60}, expected a text", "text")
        moments.append(_moment(found.get("at"), number, lines))
        articles.append(found)
    lines.faults.stop()
    undated = moments.count(None)
    labels = cluster([article["text"] for article in articles], None if undated else _ages(moments)).tolist()
    with whole_file(out) as file:
        for article, label in zip(articles, labels, strict=True):
            file.write(line_of({**article, "cluster": label + 1}))
    return Sorted(len(articles), len(set(labels)), undated if undated < len(articles) else 0)


def _moment(value: Any, number: int, lines: LineFile) -> datetime | None:
    """Return a moment; one without a zone is taken to be of UTC."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        lines.blame(number, f"found {value!r:.60}, expected a moment such as 2026-03-02T09:30:00Z", "at")
        return None


def _ages(moments: Sequence[datetime | None]) -> list[float]:
    dated = [moment for moment in moments if moment is not None]
    newest = max(dated, default=None)
    return [(newest - moment) / _DAY for moment in dated] if newest else []
