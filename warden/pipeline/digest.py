"""Queues the digests that are due, as notifications: one per person and slot, however many slots were missed."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from warden.db import Database
from warden.domain import OPEN_MEETINGS, AlertState, NotificationReason, Severity, Side, WhenEmpty
from warden.i18n import N_
from warden.log import get_logger
from warden.messages import (
    Board,
    Cell,
    DigestAction,
    DigestContext,
    DigestMeeting,
    DigestPartner,
    DigestSource,
    Message,
)
from warden.messages import digest as digest_message
from warden.models import Action, Alert, Digest, Matrix, Meeting, Rule, RuleStatus
from warden.pipeline.fence import fence
from warden.settings import Settings
from warden.store import actions, alerts, assessments, digests, matrices, meetings, notifications, sources
from warden.store.assessments import Placement
from warden.vault import Vault
from warden.wording import Reader, reader_of

log = get_logger(__name__)

RuleNames = Mapping[uuid.UUID, list[Mapping[str, str]]]
"""Partner → names of rules."""


@dataclass(slots=True)
class _Portfolio:
    """How all partners stand now, read once for all digests of a run. `before` holds earlier placements by moment."""

    placements: list[Placement]
    matrix: Matrix | None
    bands: Mapping[tuple[int, str], Mapping[str, Any]]  # (matrix version, key) → band as in the matrix
    alerts: list[Alert]
    rules: Mapping[uuid.UUID, Mapping[Severity, list[Mapping[str, str]]]]  # names of those that fire, by partner
    unstable: RuleNames
    meetings: list[Meeting]
    actions: list[Action]
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
    reader = _reader(digest)
    portfolio = _read_portfolio(session, settings, now)
    return digest_message(_context(session, vault, settings, digest, portfolio, reader, now), reader)


def _reader(digest: Digest) -> Reader:
    return reader_of(digest.person.locale, digest.person.time_zone)


def _queue(db: Database, vault: Vault, settings: Settings, digest: Digest, portfolio: _Portfolio, now: datetime) -> int:
    if digest.next_run_at > now:
        with db.write() as session:
            digests.plan_anew(session, digest, now)
        log.warning("digest_planned_anew", digest_id=str(digest.id), was=digest.next_run_at.isoformat())
        return 0
    reader = _reader(digest)
    with db.read() as session:
        context = _context(session, vault, settings, digest, portfolio, reader, now)
    if not context.is_new and digest.when_empty is WhenEmpty.SKIP:
        with db.write() as session:
            digests.advance(session, digest, now)
        log.info("digest_skipped", digest_id=str(digest.id), slot=digest.next_run_at.isoformat())
        return 0
    message = digest_message(context, reader)
    with db.write() as session:
        return _enqueue(session, digest, message, now) if digests.advance(session, digest, now) else 0


def _enqueue(session: Session, digest: Digest, message: Message, now: datetime) -> int:
    queued = notifications.enqueue(
        session,
        destination=digest.destination,
        key=digests.slot_key(digest),
        reason=NotificationReason.DIGEST,
        message=message,
        locale=digest.person.locale,
        now=now,
        recipient=digest.person.email,
    )
    log.info("digest_queued", digest_id=str(digest.id), slot=digest.next_run_at.isoformat())
    return int(queued is not None)


def _read_portfolio(session: Session, settings: Settings, now: datetime) -> _Portfolio:
    firing = alerts.select_with_names().where(Alert.state == AlertState.FIRING).order_by(Alert.fired_at, Alert.id)
    found = list(session.scalars(firing))
    still_open = meetings.select_with_names().where(Meeting.status.in_(OPEN_MEETINGS))
    versions = matrices.listing(session)
    undone = select(Action).where(Action.done_at.is_(None)).order_by(Action.due_on, Action.id)
    return _Portfolio(
        placements=assessments.placements(session, now),
        matrix=next((matrix for matrix in versions if matrix.active), None),
        bands={(matrix.version, band["key"]): band for matrix in versions for band in matrix.data["bands"]},
        alerts=found,
        rules=_firing(found),
        unstable=_by_partner(session.execute(_unstable())),
        meetings=list(session.scalars(still_open.order_by(Meeting.due_on, Meeting.id))),
        actions=list(session.scalars(undone.options(joinedload(Action.partner), joinedload(Action.owner)))),
        blind=[
            DigestSource(name=source.name, url=f"{settings.public_url}/sources", since=source.blind_since)
            for source in sources.everything(session)
            if source.blind_since is not None
        ],
    )


def _unstable() -> Any:
    query = select(RuleStatus.partner_id, Rule.names).join(Rule, Rule.id == RuleStatus.rule_id)
    return query.where(RuleStatus.unstable_since.is_not(None)).order_by(Rule.key)


def _firing(found: Iterable[Alert]) -> dict[uuid.UUID, dict[Severity, list[Mapping[str, str]]]]:
    rules: dict[uuid.UUID, dict[Severity, list[Mapping[str, str]]]] = {}
    for alert in found:
        rules.setdefault(alert.partner_id, {}).setdefault(alert.severity, []).append(alert.rule.names)
    return rules


def _by_partner(pairs: Iterable[tuple[uuid.UUID, Mapping[str, str]]]) -> RuleNames:
    found: dict[uuid.UUID, list[Mapping[str, str]]] = {}
    for partner_id, names in pairs:
        found.setdefault(partner_id, []).append(names)
    return found


def _context(
    session: Session,
    vault: Vault,
    settings: Settings,
    digest: Digest,
    portfolio: _Portfolio,
    reader: Reader,
    now: datetime,
) -> DigestContext:
    # The first looks back from when it was due: a clock that slept must not leave out what came before it woke.
    since = digest.last_run_at or min(now, digest.next_run_at) - digests.period(digest.frequency)
    if since not in portfolio.before:
        portfolio.before[since] = {row.partner_id: row for row in assessments.placements(session, since)}
    mine = digests.partners_of(session, digest.person_id) if digest.only_mine else None
    placements = [row for row in portfolio.placements if _is_told(mine, row.partner_id)]
    lines = [(row, _line(settings, portfolio, portfolio.before[since].get(row.partner_id), row)) for row in placements]
    partners = _sorted_out(portfolio, lines)
    open_meetings = [_meeting(settings, row, now) for row in portfolio.meetings if _is_told(mine, row.partner_id)]
    undone = [_action(settings, row, now) for row in portfolio.actions if _is_told(mine, row.partner_id)]
    due = [action for action, is_due in undone if is_due]
    opened = any(alert.fired_at > since and _is_told(mine, alert.partner_id) for alert in portfolio.alerts)
    blinded = any(source.since > since for source in portfolio.blind)
    signature = vault.sign(digests.unsubscribe_text(digest.id))
    return DigestContext(
        on=now.astimezone(ZoneInfo(digest.person.time_zone)).date(),
        since=since,
        is_new=any(line.was is not None for _, line in lines) or opened or blinded or bool(open_meetings or due),
        **partners,
        meetings=open_meetings,
        actions=due,
        blind=portfolio.blind,
        unchanged=sum(line.was is None for _, line in lines),
        not_rated=sum(row.band is None for row in placements),
        partners=len(lines),
        matrix_url=f"{settings.public_url}/",
        unsubscribe_url=f"{settings.public_url}/digests/{digest.id}/unsubscribe?signature={signature}",
        board=_board(portfolio.matrix, placements, reader) if portfolio.matrix else None,
    )


def _is_told(mine: set[uuid.UUID] | None, partner_id: uuid.UUID) -> bool:
    return mine is None or partner_id in mine


def _sorted_out(
    portfolio: _Portfolio, lines: Iterable[tuple[Placement, DigestPartner]]
) -> dict[str, list[DigestPartner]]:
    """Return the partners that are told one by one, under the heading each belongs to, worst first."""
    found: dict[str, list[tuple[Placement, DigestPartner]]] = {
        heading: [] for heading in ("worst", "worsened", "improved", "rated", "unknown")
    }
    for row, line in lines:
        if _needs_attention(portfolio, row):
            found["worst"].append((row, line))
        elif line.was is not None:
            found[_change(row, line)].append((row, line))
    return {heading: _worst_first(portfolio, members) for heading, members in found.items()}


def _change(row: Placement, line: DigestPartner) -> str:
    if row.band is None:
        return "unknown"
    if line.moved == 0:
        return "rated"
    return "worsened" if line.moved > 0 else "improved"


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
        was_likelihood=before.likelihood if before else None,
        moved=int(band["rank"]) - int(was["rank"]) if band and was else 0,
        alerts=portfolio.rules.get(row.partner_id, {}),
        unstable=portfolio.unstable.get(row.partner_id, ()),
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


def _action(settings: Settings, action: Action, now: datetime) -> tuple[DigestAction, bool]:
    """Return what is told of an action, and whether its day has come, in the zone of whoever owes it."""
    today = now.astimezone(actions.zone_of(action)).date()
    told = DigestAction(
        partner=action.partner.name,
        text=action.text,
        url=f"{settings.public_url}/partners/{action.partner_id}",
        due_on=action.due_on,
        is_overdue=actions.is_overdue(action, now),
        owner=action.owner.name if action.owner else None,
        theirs=action.side is Side.THEIRS,
    )
    return told, today >= action.due_on


def _board(matrix: Matrix, placements: Iterable[Placement], reader: Reader) -> Board:
    """Return the active matrix with how many of these partners stand in each cell."""
    data = matrix.data
    counts: dict[tuple[int, int], int] = {}
    for row in placements:
        if (cell := row.cell_on(matrix.version)) is not None:
            counts[cell] = counts.get(cell, 0) + 1
    bands = {band["key"]: band for band in data["bands"]}
    rows = [
        (
            reader.name(level["names"]),
            tuple(
                Cell(counts.get((number, place), 0), reader.name(bands[key]["names"]), **_colours(bands[key]))
                for place, key in enumerate(data["grid"][number - 1], start=1)
            ),
        )
        for number, level in enumerate(data["levels"]["likelihood"], start=1)
    ]
    columns = tuple(reader.name(level["names"]) for level in data["levels"]["impact"])
    caption = reader.tr(N_("How many partners stand where"))
    return Board(caption, reader.tr(N_("Likelihood / impact")), columns, tuple(reversed(rows)))


def _colours(band: Mapping[str, Any]) -> dict[str, str]:
    return {"ground": band["colour"], "ink": band["ink"]}


def _band(portfolio: _Portfolio, row: Placement) -> Mapping[str, Any] | None:
    if row.band is None or row.matrix_version is None:
        return None
    return portfolio.bands.get((row.matrix_version, row.band))


def _needs_attention(portfolio: _Portfolio, row: Placement) -> bool:
    """In the upper half of the bands, or an alert fires, or does so too often to be told each time."""
    half = max((band["rank"] for band in portfolio.bands.values()), default=0) / 2
    troubled = row.partner_id in portfolio.rules or row.partner_id in portfolio.unstable
    return troubled or _rank(portfolio, row) > half


def _rank(portfolio: _Portfolio, row: Placement) -> int:
    band = _band(portfolio, row)
    return int(band["rank"]) if band else -1


def _worst_first(portfolio: _Portfolio, lines: Iterable[tuple[Placement, DigestPartner]]) -> list[DigestPartner]:
    """Sort by band, after those of whom something critical fires: that is known also where nothing can be rated."""
    order = list(Severity)

    def badness(pair: tuple[Placement, DigestPartner]) -> tuple[float | str, ...]:
        row, line = pair
        loudest = max(map(order.index, line.alerts), default=-1)
        rank, placed = _rank(portfolio, row), (-(row.likelihood or 0.0), -(row.impact or 0.0))
        return Severity.CRITICAL not in line.alerts, -rank, -loudest, *placed, row.name

    return [line for _, line in sorted(lines, key=badness)]
