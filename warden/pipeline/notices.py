"""Notices about the service itself: sources in trouble, destinations given up, and rules that fail.

Each is told once, and once more when a source is back. What was told is remembered in Meta, beside the outbox rows.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.domain import NotificationReason, SourceState
from warden.messages import (
    Message,
    SourceContext,
    destination_disabled,
    rule_failed,
    source_blind,
    source_changed,
    source_recovered,
    source_refused,
)
from warden.models import Destination, Person, Source
from warden.settings import Settings
from warden.store import destinations, meta, notifications, rules, sources
from warden.store.destinations import Addressee
from warden.wording import Reader, reader_of

MISSED_SHOWN = 3
"""Of the messages that did not get to a destination, so many are named."""

TOLD = "told_of_sources"
"""Meta: {source id: {"problem": what was told, "since": ISO moment}} of the sources known to be in trouble."""

TOLD_RULES = "told_of_rules"
"""Meta: {rule id: {"version": the rule's, "since": ISO moment}} of the rules known to fail."""


_NOTICES: dict[str, tuple[NotificationReason, Callable[[SourceContext, Reader], Message]]] = {
    "blind": (NotificationReason.SOURCE_BLIND, source_blind),
    SourceState.REFUSED.value: (NotificationReason.SOURCE_REFUSED, source_refused),
    SourceState.CHANGED.value: (NotificationReason.SOURCE_CHANGED, source_changed),
    "back": (NotificationReason.SOURCE_RECOVERED, source_recovered),
}


def tell(session: Session, settings: Settings, now: datetime) -> None:
    """Queue the notices that are due."""
    told = meta.get(session, TOLD) or {}
    present: dict[str, Any] = {}
    for source in sources.everything(session):
        trouble = trouble_of(source)
        if trouble is not None:
            present[str(source.id)] = trouble
        if trouble != told.get(str(source.id)):
            _tell_of_source(session, settings, source, trouble, now)
    if present != told:
        meta.put(session, TOLD, present)
    _tell_of_destinations(session, settings, now)
    _tell_of_rules(session, settings, now)


def trouble_of(source: Source) -> dict[str, str] | None:
    """Return what is wrong with a source and since when; None when nothing is."""
    if source.state in (SourceState.REFUSED, SourceState.CHANGED):
        return {"problem": source.state.value, "since": source.state_since.isoformat()}
    if source.blind_since is not None:
        return {"problem": "blind", "since": source.blind_since.isoformat()}
    return None


def _tell_of_source(
    session: Session, settings: Settings, source: Source, trouble: dict[str, str] | None, now: datetime
) -> None:
    reason, build = _NOTICES[trouble["problem"] if trouble else "back"]
    since = datetime.fromisoformat(trouble["since"]) if trouble else source.last_success_at or now
    context = SourceContext(
        source=source.name,
        url=f"{settings.public_url}/sources",
        since=since,
        why=source.reason,
        owner=source.owner.name if source.owner else None,
    )
    key = f"source/{source.id}/{trouble['problem'] if trouble else 'back'}/{since.isoformat()}"
    _enqueue(session, key, reason, partial(build, context), now, owner=source.owner)


def _tell_of_destinations(session: Session, settings: Settings, now: datetime) -> None:
    for lost in session.scalars(select(Destination).where(Destination.disabled_at.is_not(None))):
        tell_of_destination(session, settings, lost, now)


def tell_of_destination(session: Session, settings: Settings, lost: Destination, now: datetime) -> None:
    """Tell once, through the other destinations, that one was switched off and what did not arrive there."""
    url = f"{settings.public_url}/notifications"

    def build(reader: Reader) -> Message:
        missed = notifications.not_arrived(session, lost, MISSED_SHOWN)
        return destination_disabled(lost.name, lost.disabled_why, *missed, url, reader)

    _enqueue(session, destinations.disabled_key(lost), NotificationReason.DESTINATION_DISABLED, build, now)


def _tell_of_rules(session: Session, settings: Settings, now: datetime) -> None:
    """Tell once of each version of a rule whose condition fails, and again when it fails after it had worked."""
    told = meta.get(session, TOLD_RULES) or {}
    present: dict[str, Any] = {}
    for broken in rules.failing(session):
        rule, version = broken.rule, broken.rule.version
        known = told.get(str(rule.id))
        since = known["since"] if known and known["version"] == version else now.isoformat()
        present[str(rule.id)] = {"version": version, "since": since}
        build = partial(rule_failed, rule.names, broken.why, broken.partners, f"{settings.public_url}/rules/{rule.id}")
        _enqueue(session, f"rule/{rule.id}/{version}/failed/{since}", NotificationReason.RULE_FAILED, build, now)
    if present != told:
        meta.put(session, TOLD_RULES, present)


def _enqueue(
    session: Session,
    key: str,
    reason: NotificationReason,
    build: Callable[[Reader], Message],
    now: datetime,
    owner: Person | None = None,
) -> None:
    """Write, once, to those who look after the service, and to the owner by mail; never to a disabled destination."""
    addressees = destinations.operators(session)
    by_mail = destinations.for_mail(session)
    if owner is not None and by_mail is not None:
        addressees.append(Addressee(by_mail, owner.email, owner.locale, owner.time_zone))
    for addressee in notifications.unqueued(session, key, addressees):
        notifications.enqueue(
            session,
            destination=addressee.destination,
            key=key,
            reason=reason,
            message=build(reader_of(addressee.locale, addressee.time_zone)),
            locale=addressee.locale,
            now=now,
            recipient=addressee.recipient,
        )
