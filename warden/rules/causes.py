"""What made a rule change its state: which of the things that happened since the last look counts."""

from datetime import timedelta

from warden.domain import Cause

LATE_AFTER = timedelta(days=7)
"""A fact learned longer than this after it was true is late: a weekly export is not."""


def cause(*, first_look: bool, configured: bool, lag: timedelta | None, retrained: bool = False) -> Cause:
    """Return why a verdict may have changed since the last look, the first of these that holds.

    first_look: the partner was not assessed then. configured: the rule, its settings, a criterion, an override or the
    partner's attributes changed. lag: how long after it was true the freshest fact learned since was learned, None when
    none was. retrained: a learned model changed, which moves figures when no fact did.
    """
    if first_look:
        return Cause.FIRST_LOOK
    if configured:
        return Cause.CONFIGURATION
    if lag is not None:
        return Cause.NEW_FACTS if lag <= LATE_AFTER else Cause.LATE_FACTS
    return Cause.CONFIGURATION if retrained else Cause.TIME
