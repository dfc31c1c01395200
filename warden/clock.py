"""The one place that reads the wall clock; everything else takes `now` as a parameter."""

from datetime import UTC, datetime, timedelta

_offset = timedelta()


def utc_now() -> datetime:
    """Return the current moment, aware, in UTC."""
    return datetime.now(UTC) + _offset


def start_at(moment: datetime) -> None:
    """Let this process live as if it were `moment` now; time runs on from there. For the example and for drills."""
    global _offset  # a process has one clock
    _offset = moment - datetime.now(UTC)
