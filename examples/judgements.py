"""What people set while the past is replayed: risk criteria and one override, each with author and reason. Invented."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from warden.domain import Quantity, Scope
from warden.store import criteria, overrides, partners
from warden.web.deps import Services

MEI_LIN, DANIEL, WANG_JUN = (f"{name}@programme.example" for name in ("mei.lin", "daniel.okafor", "wang.jun"))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody sets, and when; those of before the replay hold from its beginning."""

    at: datetime
    set: Callable[[Session, datetime], object]


def apply(services: Services, after: datetime | None, until: datetime) -> None:
    """Set what people set after one week of the replay (None: ever before) and until the next."""
    for judgement in JUDGEMENTS:
        if (after is None or judgement.at > after) and judgement.at <= until:
            with services.db.write() as session:
                judgement.set(session, until)


def _criterion(
    name: str, scope: Scope, subject: str, data: dict[str, Any], author: str, reason: str
) -> Callable[[Session, datetime], object]:
    return lambda session, now: criteria.put(session, name, scope, subject, data, author, reason, now)


def _pause(session: Session, now: datetime) -> object:
    partner = partners.by_name(session, "Bristol-Myers Squibb")
    assert partner is not None, "partners.csv has it"
    reason = "Silent by agreement: the contract pauses until September, and we speak on the phone every month."
    return overrides.add(
        session, partner, Quantity.LIKELIHOOD, 0.15, WANG_JUN, reason, now + timedelta(days=75), now
    )  # fmt: skip


def _off(outcome: str, reason: str) -> Judgement:
    start = datetime(2009, 6, 1, tzinfo=UTC)
    return Judgement(start, _criterion(outcome, Scope.PORTFOLIO, "", {"enabled": False}, MEI_LIN, reason))


JUDGEMENTS: Sequence[Judgement] = (
    _off("milestones", "Our suppliers have orders and due dates, not milestones."),
    _off("satisfaction", "Nobody surveys suppliers here."),
    _off("reply_slowdown", "The order system tells when, not how long an answer took."),
    Judgement(
        datetime(2011, 4, 4, tzinfo=UTC),
        _criterion(
            "silence",
            Scope.TIER,
            "preferred",
            {"days": 45},
            DANIEL,
            "Preferred suppliers ship every other month at most.",
        ),
    ),
    Judgement(datetime(2011, 6, 13, tzinfo=UTC), _pause),
)
"""Oldest first."""
