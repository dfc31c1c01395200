"""What is known of one partner's alerts at the moment of announcing: what fires, who takes it, who was told of what."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from warden.domain import AlertState, HeldBack, Severity
from warden.models import Alert, Assessment, Destination, Partner, Told
from warden.pipeline.addressing import Directory, addressee, directory
from warden.pipeline.quiet import Held, Quiet, held
from warden.rules.grouping import Group, Known
from warden.settings import Settings
from warden.store import alert_events, alerts, assessments, matrices, people, told
from warden.store.destinations import Addressee
from warden.vault import Vault
from warden.wording import Fact

Place = tuple[uuid.UUID, str]
"""Where a message goes: a destination, and the address of one person or "" for the destination's own readers."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of announcing: what all of it has in common."""

    vault: Vault
    settings: Settings
    now: datetime
    quiet: Quiet


@dataclass(frozen=True, slots=True)
class Case:
    """One partner's alerts.

    `alerts`: those that fire, those something happened to and those people know of, by id. `told`: who knows of what.
    `takes`: ids of alerts by place that are routed to it. `hidden`: why nobody is told of an alert just now.
    `unstable`: ids of alerts whose rule changes too often for this partner. `reasons`: of each alert's last transition.
    """

    partner: Partner
    assessment: Assessment | None
    rank: int | None
    alerts: Mapping[str, Alert]
    told: Mapping[Place, Told]
    recipients: Sequence[Addressee]
    takes: Mapping[Place, Collection[str]]
    hidden: Mapping[str, Held]
    unstable: Collection[str]
    reasons: Mapping[str, Fact]

    def group(self, recipient: Addressee, **happened: Collection[str]) -> Group:
        """Return the partner's alerts as they concern one recipient; `happened`: fresh, ended, unstable and steady."""
        mine = self.takes.get(place(recipient), ())
        row = self.told.get(place(recipient))
        known = row.alerts if row else {}
        return Group(
            told={
                alert: Known(Severity(value["severity"]), value["rank"])
                for alert, value in known.items()
                if alert in self.alerts  # a rule that was deleted took its alerts along
            },
            firing={
                key: Known(alert.severity, self.rank)
                for key, alert in self.alerts.items()
                if alert.state is AlertState.FIRING and key in mine and key not in self.hidden
            },
            over={key for key, alert in self.alerts.items() if alert.state is AlertState.RESOLVED},
            **happened,
        )

    def loudest_told(self) -> Collection[Known]:
        """Return all that anybody was told of."""
        return [
            Known(Severity(value["severity"]), value["rank"])
            for row in self.told.values()
            for value in row.alerts.values()
        ]

    def is_told_at(self, recipient: Addressee, now: datetime) -> bool:
        """Tell whether a recipient was told of the partner at this moment: in the round that goes on."""
        row = self.told.get(place(recipient))
        return row is not None and row.at == now

    def is_known(self, alert: str) -> bool:
        """Tell whether anybody was told of an alert, and not yet of its end."""
        return any(alert in row.alerts for row in self.told.values())


def place(recipient: Addressee) -> Place:
    """Return where a recipient is written to."""
    return recipient.destination.id, recipient.recipient or ""


def case_of(session: Session, turn: Round, partner: Partner, concerned: Sequence[Alert]) -> Case:
    """Return what is known of a partner that is held: its open alerts, the given ones, and who was told of which."""
    addresses = directory(session, turn.now)
    known = {(row.destination_id, row.recipient): row for row in told.of_partner(session, partner.id)}
    ids = {uuid.UUID(alert) for row in known.values() for alert in row.alerts}
    firing = alerts.firing_of(session, partner.id)
    found = {str(one.id): one for one in (*alerts.by_ids(session, ids), *concerned, *firing)}
    assessment = assessments.latest(session, partner.id, turn.now)
    unstable = alerts.unstable(session, partner.id)
    recipients, takes = _routed(addresses, partner, firing)
    for row in known.values():
        reached = _who_was_told(session, addresses, row)
        if reached is not None:
            recipients.setdefault(place(reached), reached)
    return Case(
        partner=partner,
        assessment=assessment,
        rank=_rank(session, assessment),
        alerts=found,
        told=known,
        recipients=list(recipients.values()),
        takes=takes,
        hidden={**_unconfirmed(session, partner, firing), **_hidden(turn.quiet, partner, found.values())},
        unstable={key for key, one in found.items() if one.rule_id in unstable},
        reasons=alert_events.last_reasons(session, [one.id for one in found.values()]),
    )


def _routed(
    addresses: Directory, partner: Partner, firing: Sequence[Alert]
) -> tuple[dict[Place, Addressee], dict[Place, set[str]]]:
    recipients: dict[Place, Addressee] = {}
    takes: dict[Place, set[str]] = {}
    for alert in firing:
        for one in addresses.of(alert, partner):
            recipients.setdefault(place(one), one)
            takes.setdefault(place(one), set()).add(str(alert.id))
    return recipients, takes


def _unconfirmed(session: Session, partner: Partner, firing: Iterable[Alert]) -> dict[str, Held]:
    """Return which alerts only late facts speak for, so that no message about another shows them as if told."""
    late = alerts.of_late_facts(session, [partner.id])
    return {
        str(one.id): held(HeldBack.LATE_FACTS) for one in firing if one.partner_id in late.get(one.rule_id, frozenset())
    }


def _hidden(quiet: Quiet, partner: Partner, some: Iterable[Alert]) -> dict[str, Held]:
    """Return why nobody is told of alerts; of the end of one only a silence keeps people from hearing."""
    found = {}
    for one in some:
        why = quiet.hides(one, partner)
        if why is not None and (one.state is AlertState.FIRING or why.held_back is HeldBack.SILENCED):
            found[str(one.id)] = why
    return found


def _rank(session: Session, assessment: Assessment | None) -> int | None:
    if assessment is None or assessment.band is None:
        return None
    return matrices.band_ranks(session).get((assessment.matrix_version, assessment.band))


def _who_was_told(session: Session, addresses: Directory, row: Told) -> Addressee | None:
    """Return the recipient of what was told; None when its destination is switched off, or the address nobody's."""
    destination = session.get_one(Destination, row.destination_id)
    if destination.disabled_at is not None:
        return None
    if not row.recipient:
        return addressee(destination) if str(destination.id) in addresses.writable else None
    reader = people.by_email(session, row.recipient)
    return Addressee(destination, row.recipient, reader.locale, reader.time_zone) if reader is not None else None
