"""Why somebody is not told of an alert: silences and other rules that fire, and every such reason in words."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import HeldBack, Severity
from warden.i18n import N_
from warden.models import Alert, Partner
from warden.pipeline.addressing import subject_of
from warden.rules.matching import Subject, holds_back, matches
from warden.store import alerts, rules, silences
from warden.wording import Fact

WORDS: Mapping[HeldBack, str] = {
    HeldBack.SILENCED: N_("%(author)s silenced it until %(until)s: %(reason)s"),
    HeldBack.INHIBITED: N_("It is held back while the rule %(rule)s fires."),
    HeldBack.ACKNOWLEDGED: N_("%(author)s acknowledged it: %(reason)s"),
    HeldBack.UNSTABLE: N_("It fires and ends again and again; it is told again once it is steady."),
    HeldBack.LATE_FACTS: N_("It follows from facts of long ago that became known only now."),
    HeldBack.COMMON_CAUSE: N_("It was told in one message about many partners that share a cause."),
    HeldBack.TOO_SOON: N_("People were told at %(at)s; of a standing alarm they are reminded once in %(days)s days."),
    HeldBack.NOBODY: N_("No destination takes it, and no route leads to anybody."),
    HeldBack.OVER: N_("It ended before anybody was told that it had begun."),
    HeldBack.PARTLY: N_("Other alerts of this partner still fire; it is told with the next message."),
    HeldBack.PAST: N_("It was decided for the past."),
}


@dataclass(frozen=True, slots=True)
class Held:
    """Why somebody is not told, as the ledger keeps it."""

    held_back: HeldBack
    why: Fact


@dataclass(frozen=True, slots=True)
class Silenced:
    """One silence in force."""

    matchers: Mapping[str, Any]
    ends_at: datetime
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """The silences in force and the open alerts that hold others back, as read once for one round of announcing.

    `mutual`: which rules hold each rule back, by key. `behind`: the same, and which hold those back, and so on.
    `names`: what rules are called, by key.
    """

    now: datetime
    silences: Sequence[Silenced]
    inhibitors: Mapping[str, Sequence[Subject]]
    mutual: Mapping[str, Collection[str]]
    behind: Mapping[str, Collection[str]]
    names: Mapping[str, Mapping[str, str]]

    def silence(self, alert: Alert, partner: Partner) -> Silenced | None:
        """Return the silence that covers an alert, of several the last to end."""
        subject = subject_of(alert, partner)
        return next((one for one in self.silences if matches(one.matchers, subject, self.now)), None)

    def hides(self, alert: Alert, partner: Partner) -> Held | None:
        """Return why nobody is told of an alert just now, None when nothing holds it back."""
        found = self.silence(alert, partner)
        if found is not None:
            return held(HeldBack.SILENCED, author=found.author, until=found.ends_at.isoformat(), reason=found.reason)
        rule = self.inhibitor(alert, partner)
        return held(HeldBack.INHIBITED, rule={"names": self.names[rule]}) if rule else None

    def inhibitor(self, alert: Alert, partner: Partner) -> str | None:
        """Return the key of a rule that fires and holds an alert back, None when there is none."""
        subject = subject_of(alert, partner)
        for one in alert.rule.inhibited_by:
            if alert.rule.key in self.mutual.get(one["rule"], ()):
                continue  # two rules that hold each other back would both be told to nobody
            others = self._inhibiting(one["rule"], subject)
            if any(holds_back(one["equal"], subject, other) for other in others):
                return str(one["rule"])
        return None

    def _inhibiting(self, rule: str, subject: Subject) -> Iterable[Subject]:
        """Return the open alerts of a rule that may hold another back; in a ring of rules only what is louder may.

        Else each would be held back by the next, and nobody told of any. Of equally loud ones the first key counts.
        """
        found = self.inhibitors.get(rule, ())
        if subject.rule not in self.behind.get(rule, ()):
            return found
        return (other for other in found if _before(other, subject))


def read(session: Session, now: datetime) -> Quiet:
    """Read what keeps alerts quiet at a moment."""
    every = rules.listing(session)
    listed = {rule.key: {one["rule"] for one in rule.inhibited_by} for rule in every}
    inhibiting = {key for keys in listed.values() for key in keys}
    inhibitors: dict[str, list[Subject]] = {}
    for alert in alerts.firing_by_rules(session, inhibiting) if inhibiting else ():
        inhibitors.setdefault(alert.rule.key, []).append(subject_of(alert, alert.partner))
    found = [Silenced(one.matchers, one.ends_at, one.author, one.reason) for one in silences.active(session, now)]
    names = {rule.key: rule.names for rule in every}
    return Quiet(now, found, inhibitors, listed, {key: _behind(key, listed) for key in listed}, names)


def _behind(key: str, listed: Mapping[str, Collection[str]]) -> set[str]:
    """Return the rules that hold a rule back, those that hold these back, and so on."""
    found: set[str] = set()
    left = list(listed[key])
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left.extend(listed.get(one, ()))
    return found


def _before(one: Subject, other: Subject) -> bool:
    """Tell whether one alert is louder than another; of equally loud ones the first key is."""
    order = list(Severity)
    loud, louder = order.index(other.severity), order.index(one.severity)
    return louder > loud or (louder == loud and one.rule < other.rule)


def held(held_back: HeldBack, **params: Any) -> Held:
    """Return a reason with its words."""
    return Held(held_back, {"message": WORDS[held_back], "params": params})
