"""Which alerts a silence or a route is about: matchers as data, what may be wrong with them, and whether they fit.

{"severity": ["critical"], "tier": ["key"], "tag": [...], "owner": [...], "region": [...], "country": [...],
"rule": [...], "partner": [...], "language": [...]}: every name given has to fit, and fits with any of its values; {}
fits every alert. A route may have "hours" besides: {"time_zone": …, "days": [0..6], "from": "18:00", "until": "08:00"}.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from warden.calendars import time_zones
from warden.domain import LOCALES, Severity
from warden.errors import Fault, hint
from warden.i18n import N_
from warden.rules.inhibition import TAG

NAMES = ("severity", "tier", "tag", "owner", "region", "country", "rule", "partner", "language")
"""What matchers may speak of. Owners by e-mail address, rules by key, partners by id, languages of owners by locale."""

HOURS = "hours"
MOST_VALUES = 500

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_DAYS = range(7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One alert as matchers see it; "" where a partner has none of something."""

    rule: str
    severity: Severity
    partner: str
    tier: str = ""
    tags: frozenset[str] = frozenset()
    owner: str = ""
    region: str = ""
    country: str = ""
    language: str = ""


def matches(matchers: Mapping[str, Any], subject: Subject, now: datetime) -> bool:
    """Tell whether matchers fit an alert at a moment."""
    return all(
        in_hours(wanted, now) if name == HOURS else not _values(subject, name).isdisjoint(wanted)
        for name, wanted in matchers.items()
    )


def _values(subject: Subject, name: str) -> frozenset[str]:
    return subject.tags if name == "tag" else frozenset({str(getattr(subject, name))})


def in_hours(hours: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether a moment lies in hours of the week as clocks show them there.

    Hours that end at or before they begin go on into the next day; the day is the one they begin on.
    """
    local = now.astimezone(ZoneInfo(hours["time_zone"]))
    begin, end = (time.fromisoformat(hours[name]) for name in ("from", "until"))
    clock, days = local.time().replace(tzinfo=None), hours["days"]
    if begin < end:
        return local.weekday() in days and begin <= clock < end
    if clock >= begin:
        return local.weekday() in days
    return clock < end and (local.date() - timedelta(days=1)).weekday() in days


def matcher_faults(matchers: Any, *, hours: bool = False) -> list[Fault]:
    """Return what is wrong with matchers, each fault with its position; `hours`: whether hours are allowed."""
    if not isinstance(matchers, Mapping):
        return [Fault.of("matchers", N_('expected an object such as {"tier": ["key"]}'))]
    faults = []
    for name, wanted in matchers.items():
        where = f"matchers.{name}"
        if name == HOURS and hours:
            faults += _hours_faults(wanted, where)
        elif name not in NAMES:
            meant = hint(str(name), [*NAMES, *([HOURS] if hours else [])])
            faults.append(Fault.of(where, N_("is unknown; %(hint)s"), hint=meant))
        else:
            faults += _value_faults(name, wanted, where)
    return faults


def _value_faults(name: str, wanted: Any, where: str) -> list[Fault]:
    if not isinstance(wanted, list | tuple) or not 1 <= len(wanted) <= MOST_VALUES:
        return [Fault.of(where, N_("expected a list of 1 to %(most)s values"), most=MOST_VALUES)]
    allowed = {"severity": [one.value for one in Severity], "language": LOCALES}.get(name)
    faults = []
    for place, value in enumerate(wanted):
        if not isinstance(value, str) or not value:
            faults.append(Fault.of(f"{where}[{place}]", N_("expected a text")))
        elif allowed is not None and value not in allowed:
            what = N_("%(found)s is unknown; %(hint)s")
            faults.append(Fault.of(f"{where}[{place}]", what, found=f"{value!r:.80}", hint=hint(value, allowed)))
    return faults


def _hours_faults(hours: Any, where: str) -> list[Fault]:
    if not isinstance(hours, Mapping) or set(hours) != {"time_zone", "days", "from", "until"}:
        return [Fault.of(where, N_('expected an object of "time_zone", "days", "from" and "until"'))]
    faults = []
    if hours["time_zone"] not in time_zones():
        what = N_("%(found)s is not a time zone such as Asia/Taipei")
        faults.append(Fault.of(f"{where}.time_zone", what, found=f"{hours['time_zone']!r:.80}"))
    days = hours["days"]
    if not isinstance(days, list | tuple) or not days or any(isinstance(day, bool) or day not in _DAYS for day in days):
        faults.append(Fault.of(f"{where}.days", N_("expected a list of days, 0 (Monday) to 6 (Sunday)")))
    for name in ("from", "until"):
        if not isinstance(hours[name], str) or not _CLOCK.fullmatch(hours[name]):
            what = N_("%(found)s is not a time such as 18:00")
            faults.append(Fault.of(f"{where}.{name}", what, found=f"{hours[name]!r:.80}"))
    return faults


def holds_back(attributes: Sequence[str], mine: Subject, theirs: Subject) -> bool:
    """Tell whether two partners have the same value in every attribute of an inhibition.

    What a partner has no value of is equal to nothing. Of tags with a prefix, one in common is enough.
    """
    return all(not _held(mine, attribute).isdisjoint(_held(theirs, attribute)) for attribute in attributes)


def _held(subject: Subject, attribute: str) -> frozenset[str]:
    if attribute.startswith(TAG):
        return frozenset(tag for tag in subject.tags if tag.startswith(attribute.removeprefix(TAG)))
    value = str(getattr(subject, attribute))
    return frozenset({value}) if value else frozenset()
