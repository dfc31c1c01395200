"""What follows from a rule's transition: alerts opened, with what they say as evidence."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from warden.domain import AlertState, Severity
from warden.i18n import N_
from warden.models import Alert, Assessment, Partner, Rule
from warden.reasons import SIGNALS, reasons, why
from warden.rules import Value
from warden.rules.sentences import SENTENCES, saw
from warden.store import meetings

NAMESPACE = uuid.UUID("6f6b1f0e-5d1c-5d3a-9a3e-0c8e3b1b7a11")
"""Ids of decisions, alerts and meetings are made from decision keys: the same decision makes the same rows."""

MAX_EVIDENCE = 12

_OF_ALL = frozenset({"likelihood", "band", "band_rank"})
_COVERAGE = frozenset({"coverage", "coverage_lost"})

UNREAD_MESSAGE = N_("%(signal)s cannot be read: %(why)s")


def made_id(kind: str, key: str) -> uuid.UUID:
    """Return the id of the `kind` of row ("decision", "alert", "meeting") that the decision `key` leads to."""
    return uuid.uuid5(NAMESPACE, f"{kind}/{key}")


def new_alert(
    rule: Rule, severity: Severity, partner: Partner, assessment: Assessment, key: str, now: datetime
) -> Alert:
    """Return the alert of a decision that fired, still without evidence and diagnosis."""
    return Alert(
        id=made_id("alert", key),
        rule=rule,
        partner=partner,
        decision_id=made_id("decision", key),
        assessment_id=assessment.id,
        state=AlertState.FIRING,
        severity=severity,
        fired_at=now,
    )


def evidence(
    signals: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    uses: Sequence[str],
    seen: Mapping[str, Value],
) -> list[dict[str, Any]]:
    """Return the sentences behind an alert, the weightiest signal's first, each with its facts.

    A condition that speaks of the risk as a whole is explained by why each signal that carries it, or rose most since
    `before`, is raised; one on single signals by all that these say; one on coverage by why signals cannot be read; one
    on figures that no assessment holds by nothing here; any other by what it saw: `seen`. A sentence about one incident
    has the articles of that.
    """
    named = [signal for signal in signals if not _names_of(signal).isdisjoint(uses)]
    if not _OF_ALL.isdisjoint(uses):
        lines = reasons(signals, before)
    elif named:
        ordered = sorted(named, key=lambda signal: -signal["share"])
        lines = [_with_facts(line, signal) for signal in ordered for line in _loudest_first(signal)]
    elif not _COVERAGE.isdisjoint(uses):
        lines = _unread(signals)
    elif SENTENCES.keys().isdisjoint(uses):
        lines = [{**line, "facts": []} for line in saw(seen)]
    else:
        lines = []
    return lines[:MAX_EVIDENCE]


def _names_of(signal: Mapping[str, Any]) -> set[str]:
    """Return the variables that speak of one signal."""
    return {*signal["measured"], f"{signal['name']}_likelihood"}


def _unread(signals: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Say of each signal that should speak and cannot why not, the heaviest first."""
    silent = [signal for signal in signals if signal["unknown"] and signal.get("expected", True)]
    return [
        {
            "message": UNREAD_MESSAGE,
            "params": {
                "signal": {"message": SIGNALS.get(signal["name"], signal["name"]), "params": {}},
                "why": signal["unknown"],
            },
            "facts": signal["facts"],
        }
        for signal in sorted(silent, key=lambda signal: -float(signal["weight"]))
    ]


def _loudest_first(signal: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    said = why(signal)
    return sorted(signal["evidence"], key=lambda line: line is not said)


def _with_facts(line: Mapping[str, Any], signal: Mapping[str, Any]) -> dict[str, Any]:
    return {"message": line["message"], "params": line["params"], "facts": line.get("facts", signal["facts"])}


def partners(session: Session, partner_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Partner]:
    """Return partners with their people."""
    people = (joinedload(Partner.owner), joinedload(Partner.sponsor), joinedload(Partner.counterpart))
    query = select(Partner).where(Partner.id.in_(partner_ids)).options(*people)
    return {partner.id: partner for partner in session.scalars(query)}


def without_meeting(session: Session, partner_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return the partners that have no open meeting, holding them so that nobody else proposes one meanwhile."""
    query = select(Partner.id).where(Partner.id.in_(partner_ids)).order_by(Partner.id).with_for_update()
    return set(session.scalars(query)) - meetings.partners_with_open(session, partner_ids)
