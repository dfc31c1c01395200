"""Queues the digests that are due, as notifications: one per person and slot, however many slots were missed."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import OPEN_MEETINGS, AlertState, NotificationReason
from warden.log import get_logger
from warden.messages import DigestContext, DigestMeeting, DigestPartner, DigestSource, Message
from warden.messages import digest as digest_message
from warden.models import Alert, Digest, Meeting
from warden.pipeline.fence import fence
from warden.settings import Settings
from warden.store import alerts, assessments, digests, matrices, meetings, notifications, sources
from warden.store.assessments import Placement
from warden.vault import Vault
from warden.wording import reader_of

log = get_logger(__name__)


@dataclass(slots=True)
class _Portfolio:
    """How all partners stand now, read once for all digests of a run. `before` holds earlier placements by moment."""

    placements: list[Placement]
    bands: Mapping[tuple[int, str], Mapping[str, Any]]  # (matrix version, key) → band as in the matrix
    rules: Mapping[uuid.UUID, list[Mapping[str, str]]]  # partner → names of the rules that fire
    meetings: list[Meeting]
    blind: list[DigestSource]
    before: dict[datetime, Mapping[uuid.UUID, Placement]] = field(default_factory=dict)


def run(db: Database, vault: Vault, settings: Settings, now: datetime) -> int:
    """Queue every digest that is due; return how many. A quiet tick costs one query."""
    with db.read() as session:
        due = digests.due(session, now)
        if not due:
            return 0
        portfolio = _read_portfolio(session, settings, now)
    queued = 0
    for digest in due:
        with fence("digest_not_queued", digest_id=str(digest.id)):
            queued += _queue(db, vault, settings, digest, portfolio, now)
    return queued


def preview(session: Session, vault: Vault, settings: Settings, digest: Digest, now: datetime) -> Message:
    """Return what a digest would say if it were due now. Nothing is queued, and its next run stays."""
    context = _context(session, vault, settings, digest, _read_portfolio(session, settings, now), now)
    return digest_message(context, reader_of(digest.person.locale, digest.person.time_zone))


def _queue(db: Database, vault: Vault, settings: Settings, digest: Digest, portfolio: _Portfolio, now: datetime) -> int:
    with db.read() as session:
        context = _context(session, vault, settings, digest, portfolio, now)
    message = digest_message(context, reader_of(digest.person.locale, digest.person.time_zone))
    with db.write() as session:
        return _enqueue(session, digest, message, now) if digests.advance(session, digest, now) else 0


def _enqueue(session: Session, digest: Digest, message: Message, now: datetime) -> int:
    queued = notifications.enqueue(
        session,
        destination=digest.destination,
        key=f"digest/{digest.id}/{digest.next_run_at.isoformat()}",
        reason=NotificationReason.DIGEST,
        message=message,
        locale=digest.person.locale,
        now=now,
        recipient=digest.person.email,
    )
    log.info("digest_queued", digest_id=str(digest.id), slot=digest.next_run_at.isoformat())
    return int(queued is not None)


def _read_portfolio(session: Session, settings: Settings, now: datetime) -> _Portfolio:
    rules: dict[uuid.UUID, list[Mapping[str, str]]] = {}
    firing = alerts.select_with_names().where(Alert.state == AlertState.FIRING).order_by(Alert.fired_at, Alert.id)
    for alert in session.scalars(firing):
        rules.setdefault(alert.partner_id, []).append(alert.rule.names)
    still_open = meetings.select_with_names().where(Meeting.status.in_(OPEN_MEETINGS))
    return _Portfolio(
        placements=assessments.placements(session, now),
        bands={
            (matrix.version, band["key"]): band for matrix in matrices.listing(session) for band in matrix.data["bands"]
        },
        rules=rules,
        meetings=list(session.scalars(still_open.order_by(Meeting.due_on, Meeting.id))),
        blind=[
            DigestSource(name=source.name, url=f"{settings.public_url}/sources", since=source.blind_since)
            for source in sources.everything(session)
            if source.blind_since is not None
        ],
    )


def _context(
    session: Session, vault: Vault, settings: Settings, digest: Digest, portfolio: _Portfolio, now: datetime
) -> DigestContext:
    since = digest.last_run_at or now - digests.period(digest.frequency)
    if since not in portfolio.before:
        portfolio.before[since] = {row.partner_id: row for row in assessments.placements(session, since)}
    mine = digests.partners_of(session, digest.person_id) if digest.only_mine else None
    placements = [row for row in portfolio.placements if mine is None or row.partner_id in mine]
    lines = [(row, _line(settings, portfolio, portfolio.before[since].get(row.partner_id), row)) for row in placements]
    worst = [(row, line) for row, line in lines if _needs_attention(portfolio, row)]
    changed = [(row, line) for row, line in lines if line.was is not None and not _needs_attention(portfolio, row)]
    signature = vault.sign(digests.unsubscribe_text(digest.id))
    return DigestContext(
        on=now.astimezone(ZoneInfo(digest.person.time_zone)).date(),
        since=since,
        worst=_worst_first(portfolio, worst),
        changed=_worst_first(portfolio, changed),
        meetings=[_meeting(settings, row, now) for row in portfolio.meetings if mine is None or row.partner_id in mine],
        blind=portfolio.blind,
        unchanged=sum(line.was is None for _, line in lines),
        partners=len(lines),
        matrix_url=f"{settings.public_url}/",
        unsubscribe_url=f"{settings.public_url}/digests/{digest.id}/unsubscribe?signature={signature}",
    )


def _line(settings: Settings, portfolio: _Portfolio, before: Placement | None, row: Placement) -> DigestPartner:
    band = _band(portfolio, row)
    was = _band(portfolio, before) if before else None
    is_other = (before.band if before else None) != row.band
    return DigestPartner(
        name=row.name,
        url=f"{settings.public_url}/partners/{row.partner_id}",
        band=band["names"] if band else None,
        likelihood=row.likelihood,
        impact=row.impact,
        not_rated=row.not_rated,
        was=(was["names"] if was else {}) if is_other else None,
        alerts=portfolio.rules.get(row.partner_id, ()),
    )


def _meeting(settings: Settings, meeting: Meeting, now: datetime) -> DigestMeeting:
    return DigestMeeting(
        partner=meeting.partner.name,
        url=f"{settings.public_url}/meetings/{meeting.id}",
        due_on=meeting.due_on,
        is_overdue=meetings.is_overdue(meeting, now),
        starts_at=meeting.starts_at,
        owner=meeting.owner.name if meeting.owner else None,
    )


def _band(portfolio: _Portfolio, row: Placement) -> Mapping[str, Any] | None:
    if row.band is None or row.matrix_version is None:
        return None
    return portfolio.bands.get((row.matrix_version, row.band))


def _needs_attention(portfolio: _Portfolio, row: Placement) -> bool:
    """In the upper half of the bands, or an alert fires."""
    half = max((band["rank"] for band in portfolio.bands.values()), default=0) / 2
    return _rank(portfolio, row) > half or row.partner_id in portfolio.rules


def _rank(portfolio: _Portfolio, row: Placement) -> int:
    band = _band(portfolio, row)
    return int(band["rank"]) if band else -1


def _worst_first(portfolio: _Portfolio, lines: Iterable[tuple[Placement, DigestPartner]]) -> list[DigestPartner]:
    def badness(pair: tuple[Placement, DigestPartner]) -> tuple[float, float, float, str]:
        row = pair[0]
        return -_rank(portfolio, row), -(row.likelihood or 0.0), -(row.impact or 0.0), row.name

    return [line for _, line in sorted(lines, key=badness)]
