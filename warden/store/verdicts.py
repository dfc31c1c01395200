"""What people said alerts were worth, and what follows from it for each rule: how often it was right, how much noise.

The newest verdict of each author counts; none is ever changed. Where authors disagree about an alert, most of them are
followed, and where they are evenly split whoever spoke last.
"""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from warden.domain import RuleState, Worth
from warden.errors import Conflict, NotFound
from warden.models import Alert, Decision, Destination, Partner, Verdict
from warden.store.batches import in_batches
from warden.vault import Vault

LINK = "link"
"""How a verdict came whose recipient is neither an address nor a destination any more."""

MOST_OF_ONE = 50
"""Verdicts of one author on one alert that are kept: whoever has a link need not sign in."""

_SURE = 1.96


@dataclass(frozen=True, slots=True)
class JudgedAlert:
    """An alert people judged. `tier`: the partner's of now; `values`: what its condition saw when it fired."""

    alert_id: uuid.UUID
    rule_id: uuid.UUID
    partner_id: uuid.UUID
    tier: str
    fired_at: datetime
    resolved_at: datetime | None
    worth: Worth
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """A transition of a rule for one partner. `values`: what its condition saw, its parameters among them."""

    at: datetime
    before: RuleState
    after: RuleState
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Share:
    """A share 0..1 of n with its 95 % interval (Wilson 1927)."""

    value: float
    low: float
    high: float
    of: int


@dataclass(frozen=True, slots=True)
class Record:
    """How a rule fared by what people said. `right` is None while nobody judged one of its alerts.

    right: of the judged alerts, those that were useful or right but too late. noise_rate: alerts called noise per 100
    partner-quarters; None without any partner watched.
    """

    alerts: int
    useful: int
    noise: int
    too_late: int
    right: Share | None
    noise_rate: float | None

    @property
    def judged(self) -> int:
        """Return how many alerts somebody judged."""
        return self.useful + self.noise + self.too_late


def add(
    session: Session, alert_id: uuid.UUID, worth: Worth, *, author: str, via: str, now: datetime, note: str = ""
) -> Verdict:
    """Note what somebody says an alert was worth; saying the same again changes nothing.

    Raises NotFound, or Conflict for somebody who changed their mind `MOST_OF_ONE` times.
    """
    if session.get(Alert, alert_id) is None:
        raise NotFound(f"There is no alert {alert_id}.")
    query = select(Verdict).where(Verdict.alert_id == alert_id, Verdict.author == author)
    last = session.scalar(query.order_by(Verdict.at.desc(), Verdict.id).limit(1))
    if last is not None and (last.worth, last.note) == (worth, note.strip()):
        return last
    said = session.scalar(select(func.count()).where(Verdict.alert_id == alert_id, Verdict.author == author))
    if said is not None and said >= MOST_OF_ONE:
        raise Conflict(f"You said {MOST_OF_ONE} times what this alert was worth; the last one counts.")
    now = now if last is None else max(now, last.at)
    added = Verdict(alert_id=alert_id, worth=worth, author=author, via=via, note=note.strip(), at=now)
    session.add(added)
    session.flush()
    return added


def of_alerts(session: Session, alert_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Verdict]]:
    """Return the verdicts that count on each alert that has any, newest first."""
    rows = [
        row
        for ids in in_batches(list(alert_ids))
        for row in session.scalars(select(Verdict).where(Verdict.alert_id.in_(ids)))
    ]
    return _counting(rows)


def worth_of(counting: Sequence[Verdict]) -> Worth:
    """Return what an alert was worth by the verdicts that count, newest first; there is at least one."""
    votes = Counter(row.worth for row in counting)
    most = max(votes.values())
    return next(row.worth for row in counting if votes[row.worth] == most)


def judged_alerts(session: Session, since: datetime, rule_id: uuid.UUID | None = None) -> list[JudgedAlert]:
    """Return the alerts fired since a moment that people judged, of one rule or of all, oldest first."""
    query = select(Verdict).join(Alert, Alert.id == Verdict.alert_id).where(Alert.fired_at >= since)
    query = query if rule_id is None else query.where(Alert.rule_id == rule_id)
    counting = _counting(session.scalars(query))
    found = []
    for ids in in_batches(list(counting)):
        fired = select(Alert, Partner.tier, Decision.context).join(Decision, Decision.id == Alert.decision_id)
        fired = fired.join(Partner, Partner.id == Alert.partner_id).where(Alert.id.in_(ids))
        for alert, tier, values in session.execute(fired):
            worth, resolved_at = worth_of(counting[alert.id]), alert.resolved_at
            own = (alert.id, alert.rule_id, alert.partner_id, tier, alert.fired_at, resolved_at)
            found.append(JudgedAlert(*own, worth, values))
    return sorted(found, key=lambda one: (one.fired_at, one.alert_id))


def courses(session: Session, rule_id: uuid.UUID, partner_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Turn]]:
    """Return all transitions of a rule for each of these partners that has any, oldest first."""
    found: dict[uuid.UUID, list[Turn]] = {}
    query = select(Decision.partner_id, Decision.at, Decision.before, Decision.after, Decision.context)
    for ids in in_batches(sorted(partner_ids)):
        those = query.where(Decision.rule_id == rule_id, Decision.partner_id.in_(ids))
        for partner_id, *turn in session.execute(those.order_by(Decision.at, Decision.id)):
            found.setdefault(partner_id, []).append(Turn(*turn))
    return found


def records(session: Session, since: datetime, quarters: float) -> dict[uuid.UUID, Record]:
    """Return how each rule with alerts since a moment fared; `quarters` are the partner-quarters watched since."""
    worths: dict[uuid.UUID, Counter[Worth]] = {}
    for one in judged_alerts(session, since):
        worths.setdefault(one.rule_id, Counter())[one.worth] += 1
    query = select(Alert.rule_id, func.count()).where(Alert.fired_at >= since).group_by(Alert.rule_id)
    fired = {rule_id: alerts for rule_id, alerts in session.execute(query)}  # noqa: C416
    return {rule_id: _record(alerts, worths.get(rule_id, Counter()), quarters) for rule_id, alerts in fired.items()}


def share(part: int, of: int) -> Share | None:
    """Return a share with its 95 % interval, which holds for few and for extreme ones too; None of nothing.

    Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference.
    """
    if not of:
        return None
    value, z = part / of, _SURE
    middle = (value + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * sqrt(value * (1 - value) / of + z * z / (4 * of * of))
    return Share(value, max(0.0, middle - half), min(1.0, middle + half), of)


def link_text(alert_id: uuid.UUID, worth: Worth, to: str) -> str:
    """Return what the vault signs and verifies for `/alerts/{id}/verdict/{worth}?to=…&signature=…`."""
    return f"alert-verdict:{alert_id}:{worth}:{to}"


def link(vault: Vault, public_url: str, alert_id: uuid.UUID, worth: Worth, to: str) -> str:
    """Return the address under which `to` (a mail address, or a destination's name) says what an alert was worth."""
    query = urlencode({"to": to, "signature": vault.sign(link_text(alert_id, worth, to))})
    return f"{public_url}/alerts/{alert_id}/verdict/{worth.value}?{query}"


def via_of(session: Session, to: str) -> str:
    """Return by which channel the recipient of a link gets messages."""
    if "@" in to:
        return "email"
    return session.scalar(select(Destination.channel).where(Destination.name == to)) or LINK


def _counting(rows: Iterable[Verdict]) -> dict[uuid.UUID, list[Verdict]]:
    newest: dict[tuple[uuid.UUID, str], Verdict] = {}
    for row in sorted(rows, key=lambda row: row.at):
        newest[row.alert_id, row.author] = row
    found: dict[uuid.UUID, list[Verdict]] = {}
    for row in sorted(newest.values(), key=lambda row: row.at, reverse=True):
        found.setdefault(row.alert_id, []).append(row)
    return found


def _record(alerts: int, worths: Counter[Worth], quarters: float) -> Record:
    useful, noise, late = (worths[one] for one in (Worth.USEFUL, Worth.NOISE, Worth.TOO_LATE))
    right = share(useful + late, useful + noise + late)
    return Record(alerts, useful, noise, late, right, 100 * noise / quarters if quarters else None)
