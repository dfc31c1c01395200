"""What each outcome is, in words: the sentence that states what a likelihood foretells, from the terms of the time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warden.i18n import N_

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Statement:
    """One way of stating an outcome, said when the terms it needs are used (neither null nor 0).

    A placeholder is a term's name; with `_share` behind it, the term is a share and prints as a percentage.
    """

    message: str
    needs: frozenset[str] = frozenset()


STATEMENTS: Mapping[str, tuple[Statement, ...]] = {
    "silence": (
        Statement(
            N_(
                "goes silent: no sign of life (message, meeting or delivery) for at least %(days)s days and for longer "
                "than %(own_gap_quantile_share)s of its own gaps, beginning within %(horizon_days)s days"
            ),
            frozenset({"own_gap_quantile", "deliveries_count"}),
        ),
        Statement(
            N_(
                "goes silent: no sign of life (message or meeting) for at least %(days)s days and for longer than "
                "%(own_gap_quantile_share)s of its own gaps, beginning within %(horizon_days)s days"
            ),
            frozenset({"own_gap_quantile"}),
        ),
        Statement(
            N_(
                "goes silent: no sign of life (message, meeting or delivery) for at least %(days)s days, "
                "beginning within %(horizon_days)s days"
            ),
            frozenset({"deliveries_count"}),
        ),
        Statement(
            N_(
                "goes silent: no sign of life (message or meeting) for at least %(days)s days, "
                "beginning within %(horizon_days)s days"
            )
        ),
    ),
    "late_share": (
        Statement(
            N_(
                "delivers late: of what falls due within %(horizon_days)s days, at least %(at_least_share)s is late, "
                "%(times_own)s times its own share of the last %(own_days)s days, "
                "or %(times_portfolio)s times everybody's, whichever is most; %(at_most_share)s counts in any case"
            ),
            frozenset({"times_own", "times_portfolio", "at_most"}),
        ),
        Statement(
            N_(
                "delivers late: of what falls due within %(horizon_days)s days, at least %(at_least_share)s is late, "
                "or %(times_own)s times its own share of the last %(own_days)s days, whichever is more; "
                "%(at_most_share)s counts in any case"
            ),
            frozenset({"times_own", "at_most"}),
        ),
        Statement(
            N_(
                "delivers late: of what falls due within %(horizon_days)s days, at least %(at_least_share)s is late, "
                "or %(times_portfolio)s times everybody's share, whichever is more; "
                "%(at_most_share)s counts in any case"
            ),
            frozenset({"times_portfolio", "at_most"}),
        ),
        Statement(
            N_(
                "delivers late: of what falls due within %(horizon_days)s days, at least %(at_least_share)s is late, "
                "%(times_own)s times its own share of the last %(own_days)s days, "
                "or %(times_portfolio)s times everybody's, whichever is most"
            ),
            frozenset({"times_own", "times_portfolio"}),
        ),
        Statement(
            N_(
                "delivers late: of what falls due within %(horizon_days)s days, at least %(at_least_share)s is late, "
                "or %(times_own)s times its own share of the last %(own_days)s days, whichever is more"
            ),
            frozenset({"times_own"}),
        ),
        Statement(
            N_(
                "delivers late: of what falls due within %(horizon_days)s days, at least %(at_least_share)s is late, "
                "or %(times_portfolio)s times everybody's share, whichever is more"
            ),
            frozenset({"times_portfolio"}),
        ),
        Statement(
            N_("delivers late: of what falls due within %(horizon_days)s days, at least %(at_least_share)s is late")
        ),
    ),
    "reply_slowdown": (
        Statement(
            N_(
                "answers more slowly: within %(horizon_days)s days it takes at least %(times_own)s times as long as "
                "usual to reply, and at least %(at_least_hours)s hours (medians)"
            )
        ),
    ),
    "tone": (
        Statement(
            N_("turns up in bad news: within %(horizon_days)s days at least %(at_least_share)s of its news is negative")
        ),
    ),
    "satisfaction": (
        Statement(
            N_(
                "becomes dissatisfied: within %(horizon_days)s days the mean of its surveys is below %(below)s, "
                "or %(fall_share)s of the scale below its usual mean, whichever is higher"
            ),
            frozenset({"fall"}),
        ),
        Statement(N_("becomes dissatisfied: within %(horizon_days)s days the mean of its surveys is below %(below)s")),
    ),
    "milestones": (
        Statement(
            N_(
                "misses milestones: of those due within %(horizon_days)s days, at least %(at_least_share)s "
                "are not met in time"
            )
        ),
    ),
}
"""By outcome; the first statement whose terms are all used is the one that is said."""

OTHER_MESSAGE = N_("the outcome “%(name)s” begins within %(horizon_days)s days")
OLD_MESSAGE = N_("the partnership worsens")
"""Said of what was stored before outcomes were stated."""


def stated(name: str, terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return {"message", "params"}: what an outcome's likelihood foretells, by the terms stored beside it."""
    if not terms:
        return {"message": OLD_MESSAGE, "params": {}}
    used = {term for term, value in terms.items() if value}
    for statement in STATEMENTS.get(name, ()):
        if statement.needs <= used:
            return {"message": statement.message, "params": _params(statement.message, terms)}
    return {"message": OTHER_MESSAGE, "params": {"name": name, "horizon_days": terms["horizon_days"]}}


def _params(message: str, terms: Mapping[str, Any]) -> dict[str, Any]:
    given = {**terms, **{f"{term}_share": value for term, value in terms.items()}}
    return {name: given[name] for name in _PLACEHOLDER.findall(message)}
