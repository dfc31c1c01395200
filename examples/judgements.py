"""What people say while the past is replayed: risk criteria, an override, two corrections of news. Invented."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.domain import CorrectionKind, FactKind, Quantity, Scope
from warden.models import Fact
from warden.store import corrections, criteria, overrides, partners, readings
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


def _corrected(
    title: str, name: str, kind: CorrectionKind, value: dict[str, Any], author: str
) -> Callable[[Session, datetime], object]:
    """Correct how the article of this title was read for the partner of this name."""

    def correct(session: Session, now: datetime) -> None:
        partner = partners.by_name(session, name)
        articles = session.scalars(select(Fact).where(Fact.kind == FactKind.ARTICLE))
        article = next((one for one in articles if (one.detail or {})["title"] == title), None)
        assert partner is not None, "partners.csv has it"
        if article is None:  # a replay of a few weeks has not read it yet
            return
        said = corrections.add(session, article.id, partner.id, kind, value, author=author, now=now)
        readings.correct(session, said, now)

    return correct


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
    Judgement(
        datetime(2011, 6, 13, tzinfo=UTC),
        _corrected(
            "Orgenics slashes the price of rapid test kits by a fifth",
            "Orgenics",
            CorrectionKind.TONE,
            {"label": "positive"},  # "slashes" reads as bad news; to a buyer it is good
            DANIEL,
        ),
    ),
    Judgement(
        datetime(2011, 6, 13, tzinfo=UTC),
        _corrected(
            "Senator Roche loses vote on harbour dues",
            "Hoffmann-La Roche",
            CorrectionKind.ABOUT,
            {"about": False},
            MEI_LIN,
        ),
    ),
    Judgement(datetime(2011, 6, 13, tzinfo=UTC), _pause),
)
"""Oldest first."""
