"""The state machine of one rule for one partner: ok, pending, firing, recovering, and unknown."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from warden.domain import RuleState
from warden.i18n import N_
from warden.rules.conditions import OVER_MESSAGE, UNKNOWN_MESSAGE, CompiledRule, Outcome, Verdict
from warden.rules.context import Reason

HELD_MESSAGE = N_("The condition of the rule holds.")
HELD_FOR_MESSAGE = N_("The condition of the rule holds: %(why)s.")
HELD_LONG_MESSAGE = N_("The condition of the rule has held for %(hours)s hours.")
HELD_AGAIN_MESSAGE = N_("The condition of the rule holds again.")
WAITING_MESSAGE = N_("The condition of the rule holds; the alert waits until it has held for %(hours)s hours.")
ENDED_MESSAGE = N_("The condition of the rule no longer holds.")
ENDING_MESSAGE = N_("The condition of the rule no longer holds; the alert stays open for another %(hours)s hours.")
RETIRED_MESSAGE = N_("The rule was switched off, or the partner is no longer watched.")


@dataclass(frozen=True, slots=True)
class Status:
    """State of one rule for one partner; what a restart finds again.

    `before_unknown` is the state an unknown interrupted. `episode_at` is when the condition began to hold, kept until
    the state is ok again; `recovering_at` is when it ceased, while the state is (or was) recovering.
    """

    state: RuleState
    since: datetime
    before_unknown: RuleState | None = None
    episode_at: datetime | None = None
    recovering_at: datetime | None = None

    @property
    def known(self) -> RuleState:
        """The state, looking through an unknown."""
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

    The clocks of `for` and `keep_firing_for` run on through an unknown: a gap in what we know neither restarts them
    nor opens or resolves anything. A verdict older than the present state is ignored. Where nothing is left to be
    forecast, nothing is waited for: whatever was open ends.
    """
    was = previous or Status(RuleState.OK, now)
    if now < was.since:
        return None
    if verdict.outcome is Outcome.UNKNOWN:
        return _to_unknown(was, verdict, now)
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
        resolves=after.state is RuleState.OK and was.known in (RuleState.FIRING, RuleState.RECOVERING),
    )


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
    resolves = was.known in (RuleState.FIRING, RuleState.RECOVERING)
    return Transition(was.state, Status(RuleState.OK, now), reason, resolves=resolves)


def _to_unknown(was: Status, verdict: Verdict, now: datetime) -> Transition | None:
    if was.state is RuleState.UNKNOWN:
        return None
    status = replace(was, state=RuleState.UNKNOWN, before_unknown=was.state, since=now)
    return Transition(was.state, status, verdict.reason or {"message": UNKNOWN_MESSAGE, "params": {"names": ""}})


def _when_met(was: Status, now: datetime, rule: CompiledRule) -> Status:
    if was.known in (RuleState.FIRING, RuleState.RECOVERING):
        return Status(RuleState.FIRING, now, episode_at=was.episode_at)
    episode_at = was.episode_at or now
    state = RuleState.FIRING if now - episode_at >= rule.hold else RuleState.PENDING
    return Status(state, now, episode_at=episode_at)


def _when_unmet(was: Status, now: datetime, rule: CompiledRule) -> Status:
    if was.known not in (RuleState.FIRING, RuleState.RECOVERING):
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
