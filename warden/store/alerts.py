"""Alerts: rules that fired for a partner, until they resolve. Opening and resolving is the business of deciding."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from warden.domain import AlertEventKind, AlertState, Cause, HeldBack, NoticeReason, Severity
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Alert, AlertEvent, Notice, Partner, Rule, RuleStatus, Told
from warden.store import told
from warden.store.paging import Page, page
from warden.store.visible import is_visible


def listing(
    session: Session,
    cursor: str | None = None,
    limit: int = 50,
    *,
    state: AlertState | None = None,
    severity: Severity | None = None,
    partner_id: uuid.UUID | None = None,
    rule_id: uuid.UUID | None = None,
    owner_id: uuid.UUID | None = None,
    acknowledged: bool | None = None,
) -> Page[Alert]:
    """Return one page of alerts, newest first, with their partner and rule. `owner_id` is the partner's owner."""
    query = select_with_names()
    if state is not None:
        query = query.where(Alert.state == state)
    if severity is not None:
        query = query.where(Alert.severity == severity)
    if partner_id is not None:
        query = query.where(Alert.partner_id == partner_id)
    if rule_id is not None:
        query = query.where(Alert.rule_id == rule_id)
    if owner_id is not None:
        query = query.join(Partner, Partner.id == Alert.partner_id).where(Partner.owner_id == owner_id)
    if acknowledged is not None:
        query = query.where(Alert.acknowledged_at.is_not(None) if acknowledged else Alert.acknowledged_at.is_(None))
    return page(session, query, Alert.fired_at, Alert.id, cursor, limit, descending=True)


def select_with_names() -> Select[Alert]:
    """Return a query for alerts that brings the partner with its owner, and the rule along."""
    return select(Alert).options(joinedload(Alert.partner).joinedload(Partner.owner), joinedload(Alert.rule))


def get(session: Session, alert_id: uuid.UUID, *, lock: bool = False) -> Alert:
    """Return one alert with its partner and rule, held against other writers if asked. Raises NotFound."""
    query = select_with_names().where(Alert.id == alert_id)
    found = session.scalar(query.with_for_update(of=Alert) if lock else query)
    if found is None:
        raise NotFound(f"There is no alert {alert_id}.")
    return found


def count_firing(session: Session) -> int:
    """Return how many alerts are open."""
    return session.scalar(select(func.count()).select_from(Alert).where(Alert.state == AlertState.FIRING)) or 0


def firing(session: Session, rule_id: uuid.UUID, partner_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Alert]:
    """Return a rule's open alerts of some partners, by partner."""
    query = select_with_names().where(
        Alert.rule_id == rule_id, Alert.partner_id.in_(partner_ids), Alert.state == AlertState.FIRING
    )
    return {alert.partner_id: alert for alert in session.scalars(query)}


def severities(session: Session, partner_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[uuid.UUID, Severity]]:
    """Return of some partners what their open alerts count as, by rule and partner."""
    query = select(Alert.rule_id, Alert.partner_id, Alert.severity)
    query = query.where(Alert.partner_id.in_(partner_ids), Alert.state == AlertState.FIRING)
    found: dict[uuid.UUID, dict[uuid.UUID, Severity]] = {}
    for rule_id, partner_id, severity in session.execute(query):
        found.setdefault(rule_id, {})[partner_id] = severity
    return found


def firing_of(session: Session, partner_id: uuid.UUID) -> list[Alert]:
    """Return the open alerts of a partner with their rules, oldest first."""
    query = select(Alert).where(Alert.partner_id == partner_id, Alert.state == AlertState.FIRING)
    query = query.options(joinedload(Alert.rule)).order_by(Alert.fired_at, Alert.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def firing_everywhere(session: Session) -> list[Alert]:
    """Return every open alert, with partners and their owners."""
    return list(session.scalars(select_with_names().where(Alert.state == AlertState.FIRING)))


def standing_long(session: Session, before: datetime) -> list[uuid.UUID]:
    """Return the partners of whose open alerts somebody may have to be reminded: one fired, and was announced, before a
    moment, somebody knows of some, and no reminder was considered since. One that came too soon is due when nobody was
    told since.
    """
    announced_since = exists().where(AlertEvent.alert_id == Alert.id, AlertEvent.kind == AlertEventKind.FIRED)
    announced_since = announced_since.where(AlertEvent.announced_at > before)
    is_known = exists().where(Told.partner_id == Alert.partner_id)
    reminder = exists().where(
        Notice.partner_id == Alert.partner_id, Notice.reason == NoticeReason.REMINDER, Notice.at > before
    )
    too_soon = HeldBack.TOO_SOON.value
    query = (
        select(Alert.partner_id)
        .where(
            Alert.state == AlertState.FIRING,
            Alert.fired_at <= before,
            ~announced_since,
            is_known,
            ~reminder.where(or_(Notice.held_back.is_(None), Notice.held_back != too_soon)),
            or_(~reminder.where(Notice.held_back == too_soon), ~is_known.where(Told.at > before)),
        )
        .distinct()
        .order_by(Alert.partner_id)
    )
    found = list(session.scalars(query))
    if not found:
        return []
    many = (Notice.partner_id.is_(None), Notice.reason == NoticeReason.REMINDER, Notice.at > before)
    reminded = {one for some in session.scalars(select(Notice.partners).where(*many)) for one in some}
    return [one for one in found if str(one) not in reminded]


_BEGUN = exists().where(
    AlertEvent.alert_id == Alert.id, AlertEvent.kind.in_((AlertEventKind.FIRED, AlertEventKind.WORSE))
)
_OF_LATE_FACTS = and_(
    Alert.state == AlertState.FIRING,
    _BEGUN.where(AlertEvent.cause == Cause.LATE_FACTS),
    ~_BEGUN.where(AlertEvent.cause != Cause.LATE_FACTS),
)
"""It is open, late facts raised it and nothing else since: nobody is told of it."""


def of_late_facts(session: Session, partner_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[uuid.UUID, datetime]]:
    """Return when alerts of some partners fired that nobody is told of, as late facts raised them, by rule and partner.

    Only open ones.
    """
    found: dict[uuid.UUID, dict[uuid.UUID, datetime]] = {}
    query = select(Alert.rule_id, Alert.partner_id, Alert.fired_at)
    for rule_id, partner_id, at in session.execute(query.where(Alert.partner_id.in_(partner_ids), _OF_LATE_FACTS)):
        found.setdefault(rule_id, {})[partner_id] = at
    return found


def decided_for_the_past(session: Session) -> list[Alert]:
    """Return the open alerts that only decisions for the past raised, and nobody heard of since."""
    for_now = or_(AlertEvent.announced_at.is_(None), AlertEvent.notice_id.is_not(None))
    query = select(Alert).where(Alert.state == AlertState.FIRING, _BEGUN, ~_BEGUN.where(for_now), ~_OF_LATE_FACTS)
    known = told.alerts(session)
    return [one for one in session.scalars(query.order_by(Alert.fired_at, Alert.id)) if one.id not in known]


def firing_by_rules(session: Session, keys: Collection[str]) -> list[Alert]:
    """Return the open alerts of some rules, with partners and their owners; without those of late facts, which nobody
    is told of.
    """
    query = select_with_names().join(Rule, Rule.id == Alert.rule_id)
    query = query.where(Rule.key.in_(keys), Alert.state == AlertState.FIRING, ~_OF_LATE_FACTS)
    return list(session.scalars(query))


def unstable(session: Session, partner_id: uuid.UUID) -> set[uuid.UUID]:
    """Return the rules that change too often for a partner to be told each time."""
    query = select(RuleStatus.rule_id).where(
        RuleStatus.partner_id == partner_id, RuleStatus.unstable_since.is_not(None)
    )
    return set(session.scalars(query))


def firing_among(session: Session, alert_ids: Collection[uuid.UUID]) -> list[Alert]:
    """Return those of some alerts that are open, with their partners and rules, oldest first."""
    query = select_with_names().where(Alert.id.in_(alert_ids), Alert.state == AlertState.FIRING)
    return list(session.scalars(query.order_by(Alert.fired_at, Alert.id)))


def by_ids(session: Session, alert_ids: Collection[uuid.UUID]) -> list[Alert]:
    """Return some alerts with their rules, oldest first."""
    query = select(Alert).where(Alert.id.in_(alert_ids)).options(joinedload(Alert.rule))
    return list(session.scalars(query.order_by(Alert.fired_at, Alert.id)))


def resolve(session: Session, open_alerts: Iterable[Alert], now: datetime) -> None:
    """Close alerts whose rule no longer fires."""
    for alert in open_alerts:
        alert.state = AlertState.RESOLVED
        alert.resolved_at = now
        alert.escalate_at = None
        alert.version += 1
    session.flush()


def acknowledge(session: Session, alert: Alert, *, reason: str, who: str, now: datetime) -> Alert:
    """Note that somebody has seen an alert and why it may rest. It stays open until its rule resolves it.

    It climbs no further, and nobody is reminded of it, until its severity rises.

    Raises InvalidInput without a reason, Conflict when it is resolved or somebody acknowledged it before.
    """
    if not is_visible(reason):
        fault = Fault("reason", "is empty; expected why this alert may rest")
        raise InvalidInput("An alert is acknowledged with a reason.", [fault])
    if alert.state is AlertState.RESOLVED:
        raise Conflict("This alert is resolved already.")
    if alert.acknowledged_at is not None:
        raise Conflict(f"This alert was acknowledged by {alert.acknowledged_by} already.")
    alert.acknowledged_at = now
    alert.acknowledged_by = who
    alert.acknowledged_why = reason.strip()
    alert.escalate_at = None
    alert.version += 1
    session.flush()
    return alert
