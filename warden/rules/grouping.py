"""Whether one recipient is told of one partner's alerts now, and why. Pure: what was told and what fires comes in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from warden.domain import NoticeReason, Severity

_ORDER = list(Severity)


@dataclass(frozen=True, slots=True)
class Known:
    """One alert as it was told, or as it is to be told: its severity, and the rank of the partner's band beside it."""

    severity: Severity
    rank: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One partner's alerts as they concern one recipient; alerts by their ids.

    `told`: what the recipient knows as firing. `firing`: what fires and may be shown. `fresh`: of these, what is to be
    told of, for it fired or became worse just now. `ended`: what resolved just now. `unstable`, `steady`: what began or
    ceased to change too often just now. `over`: all that fires no more.
    """

    told: Mapping[str, Known] = field(default_factory=dict)
    firing: Mapping[str, Known] = field(default_factory=dict)
    fresh: Collection[str] = ()
    ended: Collection[str] = ()
    unstable: Collection[str] = ()
    steady: Collection[str] = ()
    over: Collection[str] = ()

    def concerns(self, alerts: Collection[str]) -> bool:
        """Tell whether the recipient is shown one of the alerts, or was told of one."""
        return any(one in self.firing or one in self.told for one in alerts)

    def rose(self, alert: str) -> bool:
        """Tell whether an alert that fires is louder than the recipient knows it, however loud others are."""
        return alert in self.told and loudness([self.firing[alert]]) > loudness([self.told[alert]])


def reason_of(group: Group) -> NoticeReason | None:
    """Return why the recipient is told now; None: nothing new, or what ended is told with the next message."""
    fresh = [one for one in group.fresh if one in group.firing]
    if fresh and group.told and is_worse(group.told.values(), group.firing.values()):
        return NoticeReason.WORSE
    if any(group.rose(one) for one in fresh):
        return NoticeReason.WORSE
    if group.concerns(group.unstable):
        return NoticeReason.UNSTABLE
    if fresh and not group.told:
        return NoticeReason.FIRST
    if any(one not in group.told for one in fresh):
        return NoticeReason.NEW_IN_GROUP
    if group.concerns(group.steady):
        return NoticeReason.STEADY
    if any(one in group.told for one in group.ended) and all(one in group.over for one in group.told):
        return NoticeReason.RESOLVED
    return None


def is_worse(told: Collection[Known], firing: Collection[Known]) -> bool:
    """Tell whether the highest severity, or the partner's band, is above all that was told."""
    if loudness(firing) > loudness(told):
        return True
    before = [one.rank for one in told if one.rank is not None]
    now = [one.rank for one in firing if one.rank is not None]
    return bool(before and now) and max(now) > max(before)


def loudness(alerts: Collection[Known]) -> int:
    """Return the place of the highest severity among alerts, mildest first; -1 for none."""
    return max((_ORDER.index(one.severity) for one in alerts), default=-1)
