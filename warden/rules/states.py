"""The state machine of one rule for one partner: ok, pending, firing, recovering, and what interrupts them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from warden.domain import NoData, RuleState
from warden.i18n import N_
from warden.rules.conditions import FAILED_MESSAGE, OVER_MESSAGE, UNKNOWN_MESSAGE, CompiledRule, Outcome, Verdict
from warden.rules.context import Reason

HELD_MESSAGE = N_("The condition of the rule holds.")
HELD_FOR_MESSAGE = N_("The condition of the rule holds: %(why)s.")
HELD_LONG_MESSAGE = N_("The condition of the rule has held for %(hours)s hours.")
HELD_AGAIN_MESSAGE = N_("The condition of the rule holds again.")
WAITING_MESSAGE = N_("The condition of the rule holds; the alert waits until it has held for %(hours)s hours.")
ENDED_MESSAGE = N_("The condition of the rule no longer holds.")
ENDING_MESSAGE = N_("The condition of the rule no longer holds; the alert stays open for another %(hours)s hours.")
NO_DATA_ENDED_MESSAGE = N_("Nothing has been known for %(hours)s hours: the alert ends without an answer. %(why)s")
NO_DATA_FIRED_MESSAGE = N_("Nothing has been known for %(hours)s hours, and this rule asks to be told so. %(why)s")
RETIRED_MESSAGE = N_("The rule was switched off, or the partner is no longer watched.")


INTERRUPTIONS = frozenset({RuleState.UNKNOWN, RuleState.ERROR})
"""States that interrupt another and remember it."""

OPEN = frozenset({RuleState.FIRING, RuleState.RECOVERING})
"""States in which there is an alert."""


@dataclass(frozen=True, slots=True)
class Status:
    """State of one rule for one partner; what a restart finds again.

    `before_unknown` is the state an unknown or an error interrupted. `episode_at` is when the condition began to hold,
    kept until the state is ok again; `recovering_at` is when it ceased, while the state is (or was) recovering.
    """

    state: RuleState
    since: datetime
    before_unknown: RuleState | None = None
    episode_at: datetime | None = None
    recovering_at: datetime | None = None

    @property
    def known(self) -> RuleState:
        """The state, looking through an interruption."""
        return self.before_unknown or self.state


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state, with its reason. `status` is the new one; `opens` and `resolves` speak of the alert."""

    before: RuleState
    status: Status
    reason: Reason
    opens: bool = False
    resolves: bool = False


def step(previous: Status | None, verdict: Verdict, now: datetime, rule: CompiledRule) -> Transition | None:
    """Return the transition a verdict causes, or None. No status yet is the same as ok.

    The clocks of `for` and `keep_firing_for` run on through an unknown or an error: a gap in what we know neither
    restarts them nor opens or resolves anything, unless the rule's no-data policy says so; that never counts for a
    rule that is held back or fails. A verdict older than the present state is ignored. Where nothing is left to be
    forecast, nothing is waited for: whatever was open ends.
    """
    was = previous or Status(RuleState.OK, now)
    if now < was.since:
        return None
    if verdict.outcome in _INTERRUPTED:
        return _interrupted(was, verdict, now) or _without_data(was, verdict, now, rule)
    if verdict.outcome is Outcome.OVER:
        return _ended(was, now, verdict.reason or {"message": OVER_MESSAGE, "params": {"why": ""}})
    after = _when_met(was, now, rule) if verdict.outcome is Outcome.MET else _when_unmet(was, now, rule)
    if after.state is was.state:
        return None
    return Transition(
        before=was.state,
        status=after,
        reason=_reason(was, after, now, rule),
        opens=after.state is RuleState.FIRING and was.known in (RuleState.OK, RuleState.PENDING),
        resolves=after.state is RuleState.OK and was.known in OPEN,
    )


def due(status: Status, rule: CompiledRule) -> datetime | None:
    """Return when the same verdict will next change this status, by the clock alone; None: not by the clock."""
    if status.state is RuleState.PENDING and status.episode_at is not None:
        return status.episode_at + rule.hold
    if status.state is RuleState.RECOVERING and status.recovering_at is not None:
        return status.recovering_at + rule.linger
    if status.state is not RuleState.UNKNOWN or rule.no_data is NoData.KEEP:
        return None
    waits = status.known is not RuleState.OK if rule.no_data is NoData.RESOLVE else status.known not in OPEN
    return status.since + rule.grace if waits else None


def because(transition: Transition, whys: Iterable[Reason]) -> Transition:
    """Return the transition with the first of these sentences in its reason, where an alert opens at once."""
    why = next(iter(whys), None)
    if why is None or not transition.opens or transition.reason["message"] != HELD_MESSAGE:
        return transition
    return replace(transition, reason={"message": HELD_FOR_MESSAGE, "params": {"why": why}})


def retire(previous: Status, now: datetime) -> Transition | None:
    """Return the transition to ok for a rule that was switched off or a partner no longer watched."""
    return _ended(previous, now, {"message": RETIRED_MESSAGE, "params": {}})


def _ended(was: Status, now: datetime, reason: Reason) -> Transition | None:
    if was.state is RuleState.OK:
        return None
    resolves = was.known in OPEN
    return Transition(was.state, Status(RuleState.OK, now), reason, resolves=resolves)


_INTERRUPTED: Mapping[Outcome, tuple[RuleState, str]] = {
    Outcome.UNKNOWN: (RuleState.UNKNOWN, UNKNOWN_MESSAGE),
    Outcome.HELD_BACK: (RuleState.UNKNOWN, UNKNOWN_MESSAGE),
    Outcome.ERROR: (RuleState.ERROR, FAILED_MESSAGE),
}


def _interrupted(was: Status, verdict: Verdict, now: datetime) -> Transition | None:
    """Enter unknown or error, remembering what it interrupts; None where that is the state already."""
    state, message = _INTERRUPTED[verdict.outcome]
    if was.state is state:
        return None
    status = replace(was, state=state, before_unknown=was.known, since=now)
    return Transition(was.state, status, verdict.reason or {"message": message, "params": {"names": "", "error": ""}})


def _without_data(was: Status, verdict: Verdict, now: datetime, rule: CompiledRule) -> Transition | None:
    """Follow the no-data policy, once per spell: what is unknown stays so, the alert beneath it opens or resolves."""
    ends = due(was, rule)
    if verdict.outcome is not Outcome.UNKNOWN or ends is None or now < ends or now == was.since:
        return None
    passed = now - was.since
    hours = {"hours": passed / timedelta(hours=1), "why": verdict.reason or ""}
    if rule.no_data is NoData.ALERT:
        status = Status(RuleState.UNKNOWN, now, RuleState.FIRING, was.episode_at or now)
        return Transition(was.state, status, {"message": NO_DATA_FIRED_MESSAGE, "params": hours}, opens=True)
    status = Status(RuleState.UNKNOWN, now, RuleState.OK)
    return Transition(
        was.state, status, {"message": NO_DATA_ENDED_MESSAGE, "params": hours}, resolves=was.known in OPEN
    )


def _when_met(was: Status, now: datetime, rule: CompiledRule) -> Status:
    if was.known in OPEN:
        return Status(RuleState.FIRING, now, episode_at=was.episode_at)
    episode_at = was.episode_at or now
    state = RuleState.FIRING if now - episode_at >= rule.hold else RuleState.PENDING
    return Status(state, now, episode_at=episode_at)


def _when_unmet(was: Status, now: datetime, rule: CompiledRule) -> Status:
    if was.known not in OPEN:
        return Status(RuleState.OK, now)
    recovering_at = was.recovering_at or now
    if now - recovering_at >= rule.linger:
        return Status(RuleState.OK, now)
    return Status(RuleState.RECOVERING, now, episode_at=was.episode_at, recovering_at=recovering_at)


def _reason(was: Status, after: Status, now: datetime, rule: CompiledRule) -> Reason:
    if after.state is RuleState.PENDING:
        return {"message": WAITING_MESSAGE, "params": {"hours": rule.hold / timedelta(hours=1)}}
    if after.state is RuleState.RECOVERING and after.recovering_at is not None:
        left = rule.linger - (now - after.recovering_at)
        return {"message": ENDING_MESSAGE, "params": {"hours": left / timedelta(hours=1)}}
    if after.state is RuleState.OK:
        return {"message": ENDED_MESSAGE, "params": {}}
    if was.known is RuleState.RECOVERING:
        return {"message": HELD_AGAIN_MESSAGE, "params": {}}
    if after.episode_at is not None and after.episode_at < now:
        return {"message": HELD_LONG_MESSAGE, "params": {"hours": (now - after.episode_at) / timedelta(hours=1)}}
    return {"message": HELD_MESSAGE, "params": {}}


def decision_key(rule_key: str, partner_id: object, transition: Transition, previous: Status | None) -> str:
    """Return the name of one transition: `rule/partner/episode/after@at`. The same transition has the same name."""
    status = transition.status
    episode_at = status.episode_at or (previous.episode_at if previous else None)
    episode = episode_at.isoformat() if episode_at else "-"
    return f"{rule_key}/{partner_id}/{episode}/{status.state}@{status.since.isoformat()}"


UNSTABLE_OPENINGS, UNSTABLE_WITHIN = 3, timedelta(days=14)
"""A rule whose alert for one partner opened so often within this time changes too often to be told each time."""

STEADY_AFTER = timedelta(days=7)
"""An unstable one is steady again when its alert has neither opened nor resolved for so long."""


def becomes_unstable(openings: Iterable[datetime], now: datetime) -> bool:
    """Tell whether an alert that opens at `now` has opened too often; `openings` are all of its rule and partner."""
    return sum(now - UNSTABLE_WITHIN < at <= now for at in openings) >= UNSTABLE_OPENINGS


def is_steady(changes: Iterable[datetime], now: datetime) -> bool:
    """Tell whether an unstable one has come to rest; `changes` are when its alerts opened and resolved."""
    return all(now - at >= STEADY_AFTER for at in changes)
