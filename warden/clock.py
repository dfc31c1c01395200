"""The one place that reads the wall clock; everything else takes `now` as a parameter."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current moment, aware, in UTC."""
    return datetime.now(UTC)
