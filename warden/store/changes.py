"""What changed, and when: whatever assessments and verdicts rest on. It says nothing of what a change led to."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from warden.domain import FactKind, Scope
from warden.models import (
    Attribution,
    Correction,
    Criterion,
    Fact,
    Learned,
    Matrix,
    Mention,
    NewsModel,
    Override,
    Partner,
    PartnerVersion,
)
from warden.store.evidence import KEPT
from warden.store.facts import in_force, last_recorded_at
from warden.store.periods import held, mentioned, valid


def last_change(session: Session, now: datetime) -> datetime | None:
    """Return when, up to `now`, anything last changed that an assessment rests on; an override's end is a change, too.

    None when nothing ever did.
    """
    moments = [
        last_recorded_at(session),
        *(
            session.scalar(select(func.max(column)).where(column <= now))
            for column in (
                Partner.updated_at,
                Criterion.created_at,
                Criterion.ended_at,
                Override.created_at,
                Override.withdrawn_at,
                Override.expires_at,
                Matrix.activated_at,
                Learned.created_at,
                Learned.retired_at,
                Correction.created_at,
                NewsModel.active_since,
                NewsModel.retired_at,
            )
        ),
    ]
    return max((moment for moment in moments if moment is not None), default=None)


@dataclass(frozen=True, slots=True)
class Told:
    """How many facts of one kind, and the numbers of the newest."""

    count: int
    newest: list[int]


@dataclass(frozen=True, slots=True)
class Window:
    """Facts in force at `known_at` that were true after `after` (None: at any time) and by `until`.

    `learned_after`: and were not known by then. Keys are those of `configured_at`.
    """

    until: datetime
    known_at: datetime
    configured_at: datetime
    after: datetime | None = None
    learned_after: datetime | None = None


def facts(session: Session, partner_id: uuid.UUID, window: Window) -> dict[FactKind, Told]:
    """Return a partner's facts within a window by kind; kinds without any are absent."""
    keys = select(Attribution.key_id).where(
        Attribution.partner_id == partner_id, held(window.configured_at, window.known_at)
    )
    keyed = select(Fact.kind, Fact.id, Fact.observed_at).where(Fact.key_id.in_(keys), *_within(window))
    articles = select(Fact.kind, Fact.id, Fact.observed_at).join(Mention, Mention.fact_id == Fact.id)
    articles = articles.where(
        Mention.partner_id == partner_id,
        mentioned(window.known_at),
        *_within(window, Mention.first_attributed_at),
    )
    if window.learned_after is not None:
        articles = articles.where(Fact.id.not_in(_named_before(partner_id, window.learned_after)))
    found: dict[FactKind, list[tuple[datetime, int]]] = {}
    for query in (keyed, articles):
        for kind, number, observed_at in session.execute(query):
            found.setdefault(kind, []).append((observed_at, number))
    return {
        kind: Told(len(rows), [number for _, number in sorted(rows, reverse=True)[:KEPT]])
        for kind, rows in sorted(found.items())
    }


def reread(session: Session, partner_id: uuid.UUID, window: Window) -> Told:
    """Return a window's articles that named a partner by `learned_after` and were read or grouped otherwise since.

    Those that a person corrected since are left out: see `corrections`.
    """
    if window.learned_after is None:
        return Told(0, [])
    corrected = [row.fact_id for row in corrections(session, partner_id, window)]
    query = select(Fact.id).join(Mention, Mention.fact_id == Fact.id)
    query = query.where(Mention.partner_id == partner_id, mentioned(window.known_at), Fact.id.not_in(corrected))
    query = query.where(
        Mention.first_attributed_at > window.learned_after, *_within(window, Mention.first_attributed_at)
    )
    query = query.where(Fact.id.in_(_named_before(partner_id, window.learned_after)))
    found = session.scalars(query.order_by(Fact.observed_at.desc(), Fact.id.desc())).all()
    return Told(len(found), list(found[:KEPT]))


def _named_before(partner_id: uuid.UUID, at: datetime) -> Select[int]:
    """Select the articles in which a partner was read at a moment."""
    return select(Mention.fact_id).where(Mention.partner_id == partner_id, mentioned(at)).correlate(None)


def corrections(session: Session, partner_id: uuid.UUID, window: Window) -> Sequence[Correction]:
    """Return what people said, by `known_at`, of how a window's articles were read for a partner, oldest first.

    With `learned_after` only what they said since then. Of an article that a person said several things of a kind, the
    last is returned: that holds.
    """
    query = select(Correction).join(Fact, Fact.id == Correction.fact_id)
    query = query.where(Correction.partner_id == partner_id, Correction.created_at <= window.known_at)
    query = query.where(Fact.observed_at <= window.until)
    if window.after is not None:
        query = query.where(Fact.observed_at > window.after)
    if window.learned_after is not None:
        query = query.where(Correction.created_at > window.learned_after)
    rows = session.scalars(query.order_by(Correction.created_at, Correction.id))
    last = {(row.fact_id, row.kind): row for row in rows}
    return sorted(last.values(), key=lambda row: (row.created_at, row.id))


def _within(window: Window, *also_learned: InstrumentedAttribute[datetime]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [in_force(window.known_at), Fact.observed_at <= window.until]
    if window.after is not None:
        conditions.append(Fact.observed_at > window.after)
    if window.learned_after is not None:
        learned = [column > window.learned_after for column in (Fact.recorded_at, *also_learned)]
        conditions.append(or_(*learned))
    return conditions


def criteria(
    session: Session, after: datetime, until: datetime, partner_id: uuid.UUID, tiers: Sequence[str]
) -> list[Criterion]:
    """Return the criteria that began or ended between two moments and that reach a partner of these tiers, by time.

    One that another replaced is left out: the other tells of the change.
    """
    own = {(Scope.PORTFOLIO, ""), (Scope.PARTNER, str(partner_id)), *((Scope.TIER, tier.casefold()) for tier in tiers)}
    began = and_(Criterion.created_at > after, Criterion.created_at <= until)
    ended = and_(Criterion.ended_at > after, Criterion.ended_at <= until)
    rows = [
        row
        for row in session.scalars(select(Criterion).where(or_(began, ended)).order_by(Criterion.created_at))
        if (row.scope, row.subject.casefold()) in own
    ]
    replaced = {(row.name, row.scope, row.subject.casefold(), row.created_at) for row in rows}
    return [row for row in rows if (row.name, row.scope, row.subject.casefold(), row.ended_at) not in replaced]


def attributes(session: Session, partner_id: uuid.UUID, at: datetime) -> PartnerVersion | None:
    """Return what an assessment read of a partner at a moment; None before it was added."""
    return session.scalar(
        select(PartnerVersion).where(PartnerVersion.partner_id == partner_id, valid(PartnerVersion, at))
    )


def keys(session: Session, partner_id: uuid.UUID, at: datetime, known_at: datetime) -> set[int]:
    """Return the keys that stood for a partner at `at`; those first seen later, as at `known_at`."""
    query = select(Attribution.key_id).where(Attribution.partner_id == partner_id, held(at, known_at))
    return set(session.scalars(query))
