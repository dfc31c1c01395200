"""Looks at a rule as it would decide now: for whom a version would hold that does not, and the other way round.

It judges what was last said of everybody. It steps no states, waits for no clock and changes nothing.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from warden.errors import InvalidInput
from warden.models import Rule
from warden.pipeline import subjects
from warden.pipeline.subjects import Subject
from warden.pipeline.tried import Version
from warden.rules import Outcome, evaluate
from warden.store import matrices, partners, rule_settings, rule_versions

Kind = Literal["starts", "stops", "unknown", "known"]

BATCH = 1000
"""Partners held in memory at a time."""


@dataclass(frozen=True, slots=True)
class Change:
    """A partner for whom a version says otherwise than what is active.

    starts, stops: the condition would begin to hold, or cease; unknown: it could not be judged any more; known: it
    could be again, and does not hold.
    """

    partner_id: uuid.UUID
    name: str
    change: Kind


@dataclass(frozen=True, slots=True)
class Preview:
    """All of them, by name within each kind, and for how many partners nothing would change."""

    changes: Sequence[Change]
    same: int

    def count(self, kind: Kind) -> int:
        """Return how many changes are of a kind."""
        return sum(one.change == kind for one in self.changes)


def preview(session: Session, rule: Rule, definition: Mapping[str, Any], now: datetime) -> Preview:
    """Return for whom a definition of a rule would decide otherwise. Raises InvalidInput if it cannot be used."""
    held = rule_settings.in_force(session, rule.id)
    after = Version(rule_versions.as_rule(rule, definition), held)
    try:
        before = Version(rule, held) if rule.version else None
    except InvalidInput:
        before = None  # it fails wherever it is used
    names = dict(partners.names(session))
    found: list[Change] = []
    same = 0
    ids = sorted(names)
    ranks = matrices.band_ranks(session)
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        for subject in subjects.read(session, batch, now, subjects.more(session, batch, now), ranks):
            kind = _kind(_says(before, subject), _says(after, subject))
            if kind is None:
                same += 1
            else:
                found.append(Change(subject.partner_id, names[subject.partner_id], kind))
    order = ("starts", "stops", "unknown", "known")
    return Preview(sorted(found, key=lambda one: (order.index(one.change), one.name)), same)


def _says(version: Version | None, subject: Subject) -> bool | None:
    """Return whether a version's condition holds; None: it cannot be judged. What is switched off never holds."""
    compiled = version.of(subject) if version is not None else None
    if compiled is None:
        return False
    outcome = evaluate(compiled, subject.values, subject.over).outcome
    return None if outcome in (Outcome.UNKNOWN, Outcome.ERROR, Outcome.HELD_BACK) else outcome is Outcome.MET


def _kind(before: bool | None, after: bool | None) -> Kind | None:
    if before == after:
        return None
    if after:
        return "starts"
    if before and after is False:
        return "stops"
    return "unknown" if after is None else "known"
