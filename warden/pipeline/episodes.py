"""Steps a rule over what was said of a partner: when it would have fired, for how long, and how much was not known.

It reads nothing and stores nothing: the same state machine that decides, on moments of the past.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from warden.domain import RuleState
from warden.rules import CompiledRule, Outcome, Reason, Status, Transition, Value, Verdict, due, evaluate, retire, step


@dataclass(frozen=True, slots=True)
class Moment:
    """What a rule would have seen at one moment: the values of `Said.names`, and which are null for good and why."""

    at: datetime
    seen: tuple[Value, ...]
    over: Mapping[str, Reason]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of one partner, oldest first, from `since` until `until`; so many of the moments are assessments.

    A moment at `since` is what was last said before it. `left`: when the partner ceased to be watched, in order.
    Whatever is open then ends.
    """

    partner_id: uuid.UUID
    tier: str
    names: tuple[str, ...]
    moments: Sequence[Moment]
    left: Sequence[datetime]
    since: datetime
    until: datetime
    assessments: int


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert a rule would have raised.

    standing: the condition held already by what was last said before the look back: when it began is not known.
    held: for how long the condition held, as far as it was seen; `resolved_at` None: it still stands.
    """

    partner_id: uuid.UUID
    fired_at: datetime
    resolved_at: datetime | None
    standing: bool
    held: timedelta


@dataclass(frozen=True, slots=True)
class Replayed:
    """The alerts of one partner, and for how long the rule could and could not be judged."""

    episodes: Sequence[Episode]
    known: timedelta
    unknown: timedelta


def verdicts(said: Said, rule: CompiledRule) -> list[Verdict]:
    """Return what a rule says at each moment. It depends on the rule's conditions and parameters, not on its clocks."""
    places = [said.names.index(name) for name in rule.uses]
    return [
        evaluate(rule, dict(zip(rule.uses, (moment.seen[place] for place in places), strict=True)), moment.over)
        for moment in said.moments
    ]


def replay(said: Said, rule: CompiledRule, says: Sequence[Verdict]) -> Replayed:
    """Step a rule over everything said of a partner, and at each moment at which its clocks run out between two.

    What runs out at the very moment at which something else is said, or at which the partner is no longer watched, is
    judged by that: the rule never looks at what is over. `says`: what `verdicts` returned for the rule.
    """
    walk = _Walk(said, rule)
    ends = [*(moment.at for moment in said.moments[1:]), said.until]
    for place, (moment, verdict, until) in enumerate(zip(said.moments, says, ends, strict=True), start=1):
        gone = next((at for at in said.left if moment.at < at <= until), None) if said.left else None
        walk.judge(verdict, moment.at, gone or until, is_last=place == len(ends) and gone is None)
        if gone is not None:
            walk.leave(gone)
    return Replayed(walk.closed(), walk.known, walk.unknown)


_SETTLED = {Outcome.MET: RuleState.FIRING, Outcome.UNMET: RuleState.OK, Outcome.OVER: RuleState.OK}
"""States in which the same said again changes nothing."""


class _Walk:
    """One partner's state as time goes by."""

    def __init__(self, said: Said, rule: CompiledRule) -> None:
        self._said, self._rule = said, rule
        self._status: Status | None = None
        self._opened: Transition | None = None
        self._episodes: list[Episode] = []
        self.known = self.unknown = timedelta()

    def judge(self, verdict: Verdict, at: datetime, until: datetime, *, is_last: bool) -> None:
        """Apply what is said at a moment, and what follows from it alone before `until`, by then if it is the last."""
        if self._status is None or self._status.state is not _SETTLED.get(verdict.outcome):
            self._move(verdict, at, until, is_last)
        if verdict.outcome in (Outcome.MET, Outcome.UNMET, Outcome.OVER):
            self.known += until - at
        else:
            self.unknown += until - at

    def _move(self, verdict: Verdict, at: datetime, until: datetime, is_last: bool) -> None:
        self._apply(step(self._status, verdict, at, self._rule))
        moment = self._due()
        while moment is not None and (at < moment < until or (is_last and at < moment == until)):
            self._apply(step(self._status, verdict, moment, self._rule))
            following = self._due()
            moment = following if following != moment else None

    def leave(self, at: datetime) -> None:
        """End what is open: the partner is no longer watched."""
        if self._status is not None:
            self._apply(retire(self._status, at))
        self._status = None

    def closed(self) -> Sequence[Episode]:
        """Return all alerts, the one that still stands last."""
        if self._opened is not None:
            self._close(None)
        return self._episodes

    def _apply(self, transition: Transition | None) -> None:
        if transition is None:
            return
        was, self._status = self._status, transition.status
        if transition.opens:
            self._opened = transition
        elif transition.resolves and self._opened is not None:
            self._close(transition.status.since, was)

    def _close(self, at: datetime | None, was: Status | None = None) -> None:
        opened = self._opened
        if opened is None:
            return
        ceased = (was.recovering_at if was else None) or at or self._said.until
        began = opened.status.episode_at or opened.status.since
        standing = began <= self._said.since
        episode = Episode(self._said.partner_id, opened.status.since, at, standing, max(ceased - began, timedelta()))
        self._episodes.append(episode)
        self._opened = None

    def _due(self) -> datetime | None:
        """Return when the state changes by the clock alone."""
        return due(self._status, self._rule) if self._status is not None else None
