"""What happened to alerts and waits to be announced: written with each decision, closed with what people were told."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, insert, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from warden.domain import AlertEventKind, AlertState, HeldBack, Severity
from warden.models import Alert, AlertEvent, Notice, Partner
from warden.store import told
from warden.store.batches import in_batches


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write events, in their order; each row has all columns but `id` and `notice_id`."""
    if rows:
        session.execute(insert(AlertEvent), list(rows))


def waiting(session: Session, now: datetime, wait: timedelta) -> list[uuid.UUID]:
    """Return the partners whose oldest event waits for at least `wait` already, the longest waiting first.

    An event of the future was written by a clock that has been set right since: it waits no longer.
    """
    oldest = func.min(AlertEvent.at)
    query = (
        select(AlertEvent.partner_id)
        .where(AlertEvent.announced_at.is_(None))
        .group_by(AlertEvent.partner_id)
        .having(or_(oldest <= now - wait, oldest > now))
        .order_by(oldest, AlertEvent.partner_id)
    )
    return list(session.scalars(query))


def hold(session: Session, partner_ids: Collection[uuid.UUID]) -> list[Partner]:
    """Return partners with their people, held so that nobody else announces anything about them meanwhile."""
    people = (joinedload(Partner.owner), joinedload(Partner.sponsor))
    query = select(Partner).where(Partner.id.in_(partner_ids)).order_by(Partner.id).options(*people)
    held = query.with_for_update(of=Partner, key_share=True).execution_options(populate_existing=True)
    return list(session.scalars(held))


def pending(session: Session, partner_ids: Collection[uuid.UUID]) -> list[AlertEvent]:
    """Return what was not announced yet of partners that are held, oldest first, with alert and rule."""
    query = (
        select(AlertEvent)
        .where(AlertEvent.partner_id.in_(partner_ids), AlertEvent.announced_at.is_(None))
        .options(joinedload(AlertEvent.alert).joinedload(Alert.rule))
        .order_by(AlertEvent.id)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def kept_back(session: Session) -> dict[HeldBack, set[Severity]]:
    """Return the severities of alerts that fire still of which something was kept back, by the reason.

    Of two reasons: that another rule fired, and that nobody took it.
    """
    whys = (HeldBack.INHIBITED, HeldBack.NOBODY)
    query = (
        select(Notice.held_back, Alert.severity)
        .select_from(AlertEvent)
        .join(Notice, Notice.id == AlertEvent.notice_id)
        .join(Alert, Alert.id == AlertEvent.alert_id)
        .where(
            Notice.held_back.in_([one.value for one in whys]),
            Alert.state == AlertState.FIRING,
            AlertEvent.kind != AlertEventKind.RESOLVED,
        )
        .distinct()
    )
    rows = session.execute(query).all()
    return {one: {severity for held_back, severity in rows if held_back == one.value} for one in whys}


def inhibited(session: Session, partner_id: uuid.UUID | None = None) -> list[AlertEvent]:
    """Return what nobody was told of because another rule fired, about alerts that fire still."""
    query = _held_back(HeldBack.INHIBITED).where(
        Alert.state == AlertState.FIRING, AlertEvent.kind != AlertEventKind.RESOLVED
    )
    if partner_id is not None:
        query = query.where(AlertEvent.partner_id == partner_id)
    return list(session.scalars(query))


def untaken(session: Session, severities: Collection[Severity]) -> list[AlertEvent]:
    """Return what fired or became worse while nobody took it, about alerts that fire still, the oldest first."""
    kinds = (AlertEventKind.FIRED, AlertEventKind.WORSE)
    query = _held_back(HeldBack.NOBODY).where(Alert.state == AlertState.FIRING, AlertEvent.kind.in_(kinds))
    return list(session.scalars(query.where(Alert.severity.in_(severities))))


def begun(session: Session, alert_ids: Collection[uuid.UUID]) -> list[AlertEvent]:
    """Return that alerts fired and became worse, as far as it was announced or kept back, the oldest first."""
    kinds = (AlertEventKind.FIRED, AlertEventKind.WORSE)
    query = select(AlertEvent).where(
        AlertEvent.alert_id.in_(alert_ids), AlertEvent.kind.in_(kinds), AlertEvent.notice_id.is_not(None)
    )
    return list(session.scalars(query.options(joinedload(AlertEvent.alert)).order_by(AlertEvent.id)))


def silenced(session: Session) -> list[AlertEvent]:
    """Return what nobody was told of because of a silence: what fired and fires still, and what ended and is known.

    Read by what fires and by what people know of, of which there is little, however much was ever silenced.
    """
    found = list(session.scalars(_silenced_and_firing()))
    kept = _held_back(HeldBack.SILENCED)
    for known in in_batches(list(told.alerts(session))):
        over = kept.where(AlertEvent.alert_id.in_(known), AlertEvent.kind == AlertEventKind.RESOLVED)
        found += session.scalars(over.where(Alert.state != AlertState.FIRING))
    return sorted(found, key=lambda event: event.id)


def silenced_of(session: Session, partner_id: uuid.UUID) -> list[AlertEvent]:
    """Return what fired or became worse while it was silenced, about alerts of a partner that fire still."""
    kinds = (AlertEventKind.FIRED, AlertEventKind.WORSE)
    query = _silenced_and_firing().where(AlertEvent.partner_id == partner_id, AlertEvent.kind.in_(kinds))
    return list(session.scalars(query))


def _silenced_and_firing() -> Select[AlertEvent]:
    return _held_back(HeldBack.SILENCED).where(Alert.state == AlertState.FIRING)


def _held_back(held_back: HeldBack) -> Select[AlertEvent]:
    """Return the query of events whose notice was held back, with alert, rule, partner and its people."""
    alert = contains_eager(AlertEvent.alert)
    people = (joinedload(Partner.owner), joinedload(Partner.sponsor))
    return (
        select(AlertEvent)
        .join(Notice, Notice.id == AlertEvent.notice_id)
        .join(Alert, Alert.id == AlertEvent.alert_id)
        .where(Notice.held_back == held_back.value)
        .options(alert.joinedload(Alert.rule), alert.joinedload(Alert.partner).options(*people))
        .order_by(AlertEvent.id)
    )


def close(session: Session, events: Iterable[AlertEvent], notice_id: uuid.UUID, now: datetime) -> None:
    """Note that events were announced by this notice; one that was held back before is told of now."""
    for event in events:
        event.announced_at, event.notice_id = event.announced_at or now, notice_id
    session.flush()


def last_reasons(session: Session, alert_ids: Collection[uuid.UUID]) -> dict[str, dict[str, Any]]:
    """Return why alerts fired, became worse or ended last, by id as text."""
    query = select(AlertEvent.alert_id, AlertEvent.reason).where(AlertEvent.alert_id.in_(alert_ids))
    return {str(alert_id): reason for alert_id, reason in session.execute(query.order_by(AlertEvent.id))}


def last_worse(session: Session, alert_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """Return when the severity of alerts rose last; alerts of which it never did are left out."""
    query = (
        select(AlertEvent.alert_id, func.max(AlertEvent.at))
        .where(AlertEvent.alert_id.in_(alert_ids), AlertEvent.kind == AlertEventKind.WORSE)
        .group_by(AlertEvent.alert_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}
