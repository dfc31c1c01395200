"""What partners have in common: the sources that speak of them, and their regions; and what was told of that lately."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from warden.domain import WATCHED_STAGES, AlertEventKind, Cause, FactKind, HeldBack, NoticeReason, Severity
from warden.models import Alert, AlertEvent, Fact, FactKey, Notice, Partner, Rule, Source
from warden.store.batches import in_batches
from warden.store.notices import NAMESPACE


def raised_since(session: Session, since: datetime) -> Mapping[uuid.UUID, list[AlertEvent]]:
    """Return what fired after a moment by rule, oldest first, but for what says nothing of the present."""
    query = (
        select(AlertEvent, Alert.rule_id)
        .join(Alert, Alert.id == AlertEvent.alert_id)
        .where(
            AlertEvent.kind == AlertEventKind.FIRED,
            AlertEvent.at > since,
            # None was announced before it happened: so only what is of late is read, by the index, if in no order.
            or_(AlertEvent.announced_at.is_(None), AlertEvent.announced_at > since),
            AlertEvent.cause.not_in((Cause.LATE_FACTS, Cause.FIRST_LOOK)),
        )
    )
    found: dict[uuid.UUID, list[AlertEvent]] = {}
    for event, rule_id in sorted(session.execute(query), key=lambda row: row[0].id):
        found.setdefault(rule_id, []).append(event)
    return found


def watched(session: Session) -> set[str]:
    """Return the ids of all watched partners."""
    return {str(one) for one in session.scalars(select(Partner.id).where(Partner.stage.in_(WATCHED_STAGES)))}


def regions(session: Session) -> dict[str, set[str]]:
    """Return the region of every watched partner that has one, by the partner's id."""
    query = select(Partner.id, Partner.region).where(Partner.stage.in_(WATCHED_STAGES), Partner.region != "")
    return {str(partner_id): {region} for partner_id, region in session.execute(query)}


def sources(session: Session, kinds: Collection[FactKind], since: datetime) -> dict[str, set[str]]:
    """Return the sources that reported facts of these kinds on each watched partner after a moment, by its id.

    Articles are left out: a feed speaks of whom it likes.
    """
    query = (
        select(FactKey.partner_id, Fact.source_id)
        .join(FactKey, FactKey.id == Fact.key_id)
        .join(Partner, Partner.id == FactKey.partner_id)
        .where(Fact.kind.in_(kinds), Fact.observed_at > since, Partner.stage.in_(WATCHED_STAGES))
        .distinct()
    )
    found: dict[str, set[str]] = {}
    for partner_id, source_id in session.execute(query):
        found.setdefault(str(partner_id), set()).add(str(source_id))
    return found


def blind(session: Session, now: datetime) -> set[str]:
    """Return the ids of the sources that are blind."""
    return {str(one) for one in session.scalars(select(Source.id).where(Source.blind_since <= now))}


def source(session: Session, source_id: str) -> Source:
    return session.get_one(Source, uuid.UUID(source_id))


def causes_told(session: Session, since: datetime) -> list[Notice]:
    """Return the notices of common causes sent after a moment, the last first."""
    query = _causes().where(Notice.at > since).order_by(Notice.at.desc(), Notice.id)
    return list(session.scalars(query))


def causes_not_over(session: Session) -> list[uuid.UUID]:
    """Return the ids of the notices of common causes whose end was not told, the oldest first."""
    causes = session.scalars(_causes().with_only_columns(Notice.id).order_by(Notice.at, Notice.id))
    ends = {uuid.uuid5(NAMESPACE, end_of(one)): one for one in causes}
    told = {
        one for some in in_batches(list(ends)) for one in session.scalars(select(Notice.id).where(Notice.id.in_(some)))
    }
    return [one for end, one in ends.items() if end not in told]


def _causes() -> Select[Notice]:
    return select(Notice).where(
        Notice.partner_id.is_(None), Notice.reason == NoticeReason.COMMON_CAUSE, Notice.sent.is_(True)
    )


def end_of(notice_id: uuid.UUID) -> str:
    """Return the key of the notice that tells of the end of a common cause."""
    return f"common_over/{notice_id}"


def members(session: Session, notice: Notice, joined_within: timedelta) -> list[Alert]:
    """Return the alerts nobody was told of one by one for the sake of a common cause, those that joined it too.

    `joined_within`: so long after it was told others may have joined it.
    """
    query = (
        select(AlertEvent, Notice.why)
        .join(Notice, Notice.id == AlertEvent.notice_id)
        .where(
            AlertEvent.kind == AlertEventKind.FIRED,
            Notice.held_back == HeldBack.COMMON_CAUSE.value,
            Notice.at >= notice.at,
            AlertEvent.announced_at.between(notice.at, notice.at + joined_within),
        )
        .options(joinedload(AlertEvent.alert).joinedload(Alert.rule))
        .order_by(AlertEvent.id)
        .execution_options(populate_existing=True)
    )
    of_it = str(notice.id)
    return [event.alert for event, why in session.execute(query) if why["params"].get("notice") == of_it]


def causes_of(session: Session, alert_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Notice]:
    """Return the notice of the common cause by which alerts were told, by alert.

    What was told by itself, and what only joined a cause, is left out.
    """
    query = (
        select(AlertEvent.alert_id, Notice.why)
        .join(Notice, Notice.id == AlertEvent.notice_id)
        .where(
            AlertEvent.alert_id.in_(alert_ids),
            AlertEvent.kind == AlertEventKind.FIRED,
            Notice.held_back == HeldBack.COMMON_CAUSE.value,
        )
    )
    ids = {alert_id: uuid.UUID(why["params"]["notice"]) for alert_id, why in session.execute(query)}
    causes = {one.id: one for one in session.scalars(select(Notice).where(Notice.id.in_(set(ids.values()))))}
    found = {alert_id: causes[notice_id] for alert_id, notice_id in ids.items() if notice_id in causes}
    return {alert_id: notice for alert_id, notice in found.items() if str(alert_id) in notice.alerts}


def rules_of(session: Session, notice: Notice) -> set[str]:
    """Return the keys of the rules whose alerts a notice speaks of."""
    ids = [uuid.UUID(one) for one in notice.alerts]
    query = select(Rule.key).join(Alert, Alert.rule_id == Rule.id).distinct()
    return {key for some in in_batches(ids) for key in session.scalars(query.where(Alert.id.in_(some)))}


def loudest(session: Session, notice: Notice) -> Severity | None:
    """Return the highest severity among the alerts a notice speaks of; None: they were deleted."""
    ids = [uuid.UUID(one) for one in notice.alerts]
    found = session.scalars(select(Alert.severity).where(Alert.id.in_(ids)).distinct())
    return max(found, key=list(Severity).index, default=None)
