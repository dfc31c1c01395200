"""How often whom should meet: what is set for everybody, a tier or a partner. Rows are ended and never changed.

Level by level the narrowest scope wins: partner, tier, portfolio, and what ships where nobody set anything. Whether
people kept to it is in store.rhythm.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from warden.domain import MeetingLevel, Scope
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Cadence, Partner
from warden.store import meta
from warden.store.partners import tiers as tiers_in_use

SHIPPED: Mapping[MeetingLevel, int] = {
    MeetingLevel.EXECUTIVE: 91,
    MeetingLevel.MANAGEMENT: 30,
    MeetingLevel.WORKING: 7,
}
"""Days from one meeting to the next: executives quarterly, managers monthly, the working level weekly. The rhythm of
three tiers that guides on keeping partnerships agree on."""

LONGEST = 1_096
"""Days: who meets less than once in three years keeps no rhythm; say instead that none is expected."""

Whose: TypeAlias = tuple[uuid.UUID | None, str]
"""A partner's id and tier; without an id, the tier as such."""


@dataclass(frozen=True, slots=True)
class Effective:
    """How often a level should meet, and who said so. `every_days` None: no such meetings are expected.

    `scope` None: it is what ships.
    """

    every_days: int | None
    scope: Scope | None = None
    tier: str | None = None
    cadence_id: uuid.UUID | None = None
    author: str | None = None
    since: datetime | None = None


class InForce:
    """The cadences that held at one moment, for looking up many partners."""

    def __init__(self, rows: Iterable[Cadence]) -> None:
        self._rows = {(row.level, *_place(row.scope, row.tier, row.partner_id)): row for row in rows}
        self._with_own = {row.partner_id for row in self._rows.values() if row.scope is Scope.PARTNER}
        self._of_tiers: dict[str, Mapping[MeetingLevel, Effective]] = {}

    def effective(self, whose: Whose | None) -> Mapping[MeetingLevel, Effective]:
        """Return what holds for a partner, a tier as such, or (None) the portfolio, by level, the highest first."""
        partner_id, tier = whose or (None, "")
        if partner_id in self._with_own:
            return {level: self._of(level, partner_id, tier) for level in MeetingLevel}
        if tier not in self._of_tiers:  # nearly everybody's is that of the tier
            self._of_tiers[tier] = {level: self._of(level, None, tier) for level in MeetingLevel}
        return self._of_tiers[tier]

    def _of(self, level: MeetingLevel, partner_id: uuid.UUID | None, tier: str) -> Effective:
        places = [(Scope.PARTNER, str(partner_id)), (Scope.TIER, tier.casefold()), (Scope.PORTFOLIO, "")]
        row = next((self._rows[level, *place] for place in places if (level, *place) in self._rows), None)
        if row is None:
            return Effective(SHIPPED[level])
        return Effective(row.every_days, row.scope, row.tier, row.id, row.author, row.created_at)


def in_force(session: Session, at: datetime) -> InForce:
    """Return the cadences that held at `at`."""
    holds = and_(Cadence.created_at <= at, or_(Cadence.ended_at.is_(None), Cadence.ended_at > at))
    return InForce(session.scalars(select(Cadence).where(holds).order_by(Cadence.created_at, Cadence.id)))


def effective(session: Session, whose: Whose | None, at: datetime) -> Mapping[MeetingLevel, Effective]:
    """Return what held at `at` for a partner, a tier as such, or (None) the portfolio."""
    return in_force(session, at).effective(whose)


def put(
    session: Session,
    level: MeetingLevel,
    scope: Scope,
    *,
    tier: str | None = None,
    partner_id: uuid.UUID | None = None,
    every_days: int | None,
    author: str,
    reason: str = "",
    now: datetime,
) -> Cadence:
    """Let a cadence hold from `now` on in place of what was set for the same level and scope.

    Nothing happens when that is the same. `every_days` None: no such meetings are expected. Raises InvalidInput.
    """
    tier = tier.strip() if tier is not None else None
    _refuse_faults(session, scope, tier, partner_id, every_days)
    meta.hold(session, "cadences")
    place = _place(scope, tier, partner_id)
    standing = session.scalars(select(Cadence).where(Cadence.level == level, Cadence.ended_at.is_(None)))
    former = next((row for row in standing if _place(row.scope, row.tier, row.partner_id) == place), None)
    if former is not None and former.every_days == every_days and reason.strip() in ("", former.reason):
        return former
    if former is not None:
        now = max(now, former.created_at)  # what was set a moment ago by another clock
        former.ended_at = now
    added = Cadence(
        level=level,
        scope=scope,
        tier=tier,
        partner_id=partner_id,
        every_days=every_days,
        reason=reason.strip(),
        author=author,
        created_at=now,
    )
    session.add(added)
    session.flush()
    return added


def end(session: Session, cadence_id: uuid.UUID, now: datetime) -> Cadence:
    """Let a cadence hold no longer: the next wider one, or what ships, holds again. Raises NotFound or Conflict."""
    meta.hold(session, "cadences")
    row = session.get(Cadence, cadence_id, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no cadence {cadence_id}.")
    if row.ended_at is not None:
        raise Conflict("This cadence has ended already.")
    row.ended_at = max(now, row.created_at)
    session.flush()
    return row


def listing(
    session: Session, *, scope: Scope | None = None, partner_id: uuid.UUID | None = None, history: bool = False
) -> Sequence[Cadence]:
    """Return what was set, newest first: what holds now, or with `history` what has ended too."""
    query = select(Cadence).order_by(Cadence.created_at.desc(), Cadence.id.desc())
    if scope is not None:
        query = query.where(Cadence.scope == scope)
    if partner_id is not None:
        query = query.where(Cadence.partner_id == partner_id)
    if not history:
        query = query.where(Cadence.ended_at.is_(None))
    return session.scalars(query).all()


def _place(scope: Scope, tier: str | None, partner_id: uuid.UUID | None) -> tuple[Scope, str]:
    """Return whom a cadence is for, as it is compared: tiers are written in any case."""
    subjects = {Scope.PORTFOLIO: "", Scope.TIER: (tier or "").casefold(), Scope.PARTNER: str(partner_id)}
    return scope, subjects[scope]


def _refuse_faults(
    session: Session, scope: Scope, tier: str | None, partner_id: uuid.UUID | None, every_days: int | None
) -> None:
    faults = []
    if every_days is not None and not 1 <= every_days <= LONGEST:
        faults.append(Fault("every_days", f"is {every_days}; expected 1 to {LONGEST}, or null: none are expected"))
    if (tier is not None) != (scope is Scope.TIER):
        faults.append(Fault("tier", "expected a tier for the scope tier, and none for any other"))
    elif tier is not None and tier.casefold() not in {known.casefold() for known in tiers_in_use(session)}:
        faults.append(Fault("tier", f"found {tier!r:.80}; no partner has this tier"))
    if (partner_id is not None) != (scope is Scope.PARTNER):
        faults.append(Fault("partner_id", "expected a partner for the scope partner, and none for any other"))
    elif partner_id is not None and session.get(Partner, partner_id) is None:
        faults.append(Fault("partner_id", f"found {partner_id}; expected the id of a partner"))
    if faults:
        raise InvalidInput(f"The cadence cannot be set: {faults[0]}.", faults)
