"""Judges the alerts a rule would have raised by what is known to have gone wrong; pure, partner by partner."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from warden.pipeline.episodes import Episode, Replayed
from warden.pipeline.recorded import Deteriorations, Incident

AHEAD = timedelta(days=28)
"""An alert is right when something goes wrong within so long after it fired, or while it stands."""

LATE = timedelta(days=14)
"""It is right, but late, when something had begun no longer ago than this, or goes on."""

_DAY = timedelta(days=1)


class How(StrEnum):
    """What can be said of one alert with hindsight."""

    RIGHT = "right"
    FALSE = "false"
    OPEN = "open"  # nothing can be said yet, or of this partner at all
    STANDING = "standing"  # it stood already when the look back began: when it began is not known


@dataclass(frozen=True, slots=True)
class Judged:
    """One alert and what came of it. `lead_days` is negative where it came after the incident began."""

    episode: Episode
    how: How
    incident: Incident | None = None
    lead_days: float | None = None


def judge(
    episode: Episode, incidents: Sequence[Incident], noise: Sequence[tuple[datetime, datetime]], known: Deteriorations
) -> Judged:
    """Judge one alert by its partner's incidents, oldest first; `noise`: spans of alerts people called noise."""
    if episode.standing:
        return Judged(episode, How.STANDING)
    end = _end(episode, known.now)
    if any(start <= (episode.resolved_at or known.now) and episode.fired_at <= over for start, over in noise):
        return Judged(episode, How.FALSE)
    about = [one for one in incidents if one.at <= end and one.until + LATE >= episode.fired_at]
    if about:
        ahead = [one for one in about if one.at >= episode.fired_at]
        one = ahead[0] if ahead else about[-1]
        return Judged(episode, How.RIGHT, one, (one.at - episode.fired_at) / _DAY)
    judgeable = known.could_be_judged(episode.partner_id, episode.fired_at, episode.fired_at + AHEAD)
    return Judged(episode, How.FALSE if judgeable else How.OPEN)


def _end(episode: Episode, now: datetime) -> datetime:
    return max(episode.resolved_at or now, episode.fired_at + AHEAD)


@dataclass(slots=True)
class Tally:
    """What came of all alerts of one version of a rule, and of all incidents."""

    hows: Counter[How] = field(default_factory=Counter)
    leads: list[float] = field(default_factory=list)
    partners: set[uuid.UUID] = field(default_factory=set)
    told: Counter[str] = field(default_factory=Counter)  # incidents by kind: an alert stood before
    late: Counter[str] = field(default_factory=Counter)  # one came afterwards
    missed: Counter[str] = field(default_factory=Counter)
    open_now: int = 0
    known: timedelta = timedelta()
    unknown: timedelta = timedelta()

    @property
    def alerts(self) -> int:
        """Return how many alerts there would have been, without those that stood already."""
        return self.hows.total() - self.hows[How.STANDING]

    @property
    def judged(self) -> bool:
        """Tell whether anything is known of the alerts: there were none, or some can be called right or false."""
        return not self.alerts or self.hows[How.RIGHT] + self.hows[How.FALSE] > 0

    @property
    def lead_days(self) -> float | None:
        """Return the median of the days by which right alerts came before; None without any."""
        ahead = [lead for lead in self.leads if lead > 0]
        return median(ahead) if ahead else None

    def add(self, replayed: Replayed, judged: Iterable[Judged], incidents: Sequence[Incident], now: datetime) -> None:
        """Count one partner's alerts and incidents."""
        self.known += replayed.known
        self.unknown += replayed.unknown
        for one in judged:
            self.hows[one.how] += 1
            if one.how is not How.STANDING:
                self.partners.add(one.episode.partner_id)
            self.open_now += one.episode.resolved_at is None
            if one.lead_days is not None:
                self.leads.append(one.lead_days)
        for incident in incidents:
            _told(incident, replayed.episodes, now, self)[incident.kind] += 1


def _told(incident: Incident, episodes: Sequence[Episode], now: datetime, tally: Tally) -> Counter[str]:
    if any(one.fired_at <= incident.at <= _end(one, now) for one in episodes):
        return tally.told
    if any(incident.at < one.fired_at <= incident.until + LATE for one in episodes):
        return tally.late
    return tally.missed


def shared(ours: Sequence[Episode], theirs: Sequence[Episode], now: datetime) -> Mapping[Episode, bool]:
    """Tell of each of our alerts whether one of theirs stood at the same time."""
    spans = [(one.fired_at, one.resolved_at or now) for one in theirs]
    return {one: any(start <= (one.resolved_at or now) and one.fired_at <= end for start, end in spans) for one in ours}
