"""For how long a rule's condition held at a stretch for one partner, by the transitions that were stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from warden.domain import RuleState
from warden.rules.advice import Spell, Values
from warden.rules.states import INTERRUPTIONS
from warden.store.verdicts import Turn

_HOLDS = frozenset({RuleState.PENDING, RuleState.FIRING})


@dataclass(slots=True)
class Stretch:
    """A time during which a condition held, from `began` until `ended` (None: it still does).

    sure: up to when it surely held; gap: when it first could not be judged; broken: nobody knows when it ended.
    seen: what it saw as it began to hold, as the alert fired, and as it held again after a gap, with the moments.
    """

    began: datetime
    sure: datetime
    ended: datetime | None = None
    gap: datetime | None = None
    broken: bool = False
    seen: list[tuple[datetime, Values]] = field(default_factory=list)

    def stands_in(self, start: datetime, end: datetime) -> bool:
        """Tell whether any of it lies within a span."""
        return self.began <= end and (self.ended is None or self.ended > start)

    def spell(self, *, keeps: bool) -> Spell:
        """Return how long it was; `keeps`: whether the rule keeps its state while nothing is known."""
        if self.gap is not None and not keeps:
            return Spell(self.gap - self.began, None)
        within = None if self.ended is None or self.broken else self.ended - self.began
        return Spell(self.sure - self.began, within)


def stretches(turns: Sequence[Turn], now: datetime) -> list[Stretch]:
    """Return the stretches of one partner by the transitions of a rule, both oldest first."""
    found: list[Stretch] = []
    current: Stretch | None = None
    holds = False
    for turn in turns:
        if current is not None and holds:
            current.sure = turn.at
        holds = turn.after in _HOLDS
        if holds:
            if current is None:
                current = Stretch(turn.at, turn.at)
                found.append(current)
            current.seen.append((turn.at, turn.values))
        elif current is not None and turn.after in INTERRUPTIONS and turn.before is not turn.after:
            current.gap = current.gap or turn.at
        elif current is not None:
            # From unknown to unknown: by the policy for what is not known, the alert began or ended without an answer.
            current.ended, current.broken = turn.at, turn.after in INTERRUPTIONS
            current = None
    if current is not None and holds:
        current.sure = now
    return found
