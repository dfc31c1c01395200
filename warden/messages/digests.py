"""What a digest says: the worst first, then what changed, what is due, what is blind, and one line for the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from warden.domain import NotificationReason
from warden.i18n import N_
from warden.messages.message import Item, Message
from warden.wording import Fact, Reader, likelihood, number

MOST_ROWS = 40
"""Rows per heading. A longer list is no summary; what is not listed is counted."""

Names = Mapping[str, str]
"""Names by locale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPartner:
    """One partner's line. `was` names the earlier band when it is another one now; empty: it was not rated then."""

    name: str
    url: str
    band: Names | None  # None: not rated
    likelihood: float | None = None  # 0..1
    impact: float | None = None  # 1..5
    not_rated: Fact | None = None
    was: Names | None = None
    alerts: Sequence[Names] = ()  # rules that fire


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestMeeting:
    """One meeting somebody still has to hold."""

    partner: str
    url: str
    due_on: date
    is_overdue: bool
    starts_at: datetime | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSource:
    """One source that nothing can be trusted from."""

    name: str
    url: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContext:
    """What a digest is made from. Every list is in the order it is told; nobody is in both lists of partners."""

    on: date
    since: datetime  # of the last digest
    worst: Sequence[DigestPartner]
    changed: Sequence[DigestPartner]
    meetings: Sequence[DigestMeeting]
    blind: Sequence[DigestSource]
    unchanged: int
    partners: int  # all of them
    matrix_url: str
    unsubscribe_url: str


def digest(context: DigestContext, reader: Reader) -> Message:
    """Sum up how all partners stand."""
    groups = (
        [_partner(partner, reader, reader.tr(N_("Worst first"))) for partner in context.worst],
        [_partner(partner, reader, reader.tr(N_("Changed since the last digest"))) for partner in context.changed],
        [_meeting(meeting, reader) for meeting in context.meetings],
        [_source(source, reader) for source in context.blind],
    )
    return Message(
        reason=NotificationReason.DIGEST,
        title=reader.say(N_("Partners on %(on)s: %(worst)s need attention"), on=context.on, worst=len(context.worst)),
        lead=reader.say(
            N_("Changed since %(since)s: %(changed)s. Meetings to hold: %(meetings)s. Blind sources: %(blind)s."),
            since=context.since,
            changed=sum(partner.was is not None for partner in (*context.worst, *context.changed)),
            meetings=len(context.meetings),
            blind=len(context.blind),
        ),
        items=tuple(item for group in groups for item in group[:MOST_ROWS]),
        left_out=sum(max(0, len(group) - MOST_ROWS) for group in groups),
        closing=reader.say(
            N_("Unchanged: %(unchanged)s of %(partners)s partners."),
            unchanged=context.unchanged,
            partners=context.partners,
        ),
        links=((reader.tr(N_("Open the matrix")), context.matrix_url),),
        unsubscribe_url=context.unsubscribe_url,
        footer=reader.tr(N_("Sent because you get a digest.")),
    )


def _partner(partner: DigestPartner, reader: Reader, group: str) -> Item:
    parts = [reader.name(partner.band) if partner.band else reader.tr(N_("Not rated"))]
    if partner.was is not None:
        before = reader.name(partner.was) if partner.was else reader.tr(N_("not rated"))
        parts.append(reader.say(N_("was: %(before)s"), before=before))
    if partner.not_rated:
        parts.append(reader.fact(partner.not_rated))
    if partner.likelihood is not None:
        parts.append(
            reader.say(N_("likelihood %(value)s"), value=likelihood(reader.tr, partner.likelihood, reader.locale))
        )
    if partner.impact is not None:
        parts.append(reader.say(N_("impact %(value)s of 5"), value=number(partner.impact, reader.locale)))
    if partner.alerts:
        parts.append(reader.say(N_("alerts: %(rules)s"), rules=", ".join(map(reader.name, partner.alerts))))
    return Item(partner.name, " · ".join(parts), partner.url, group)


def _meeting(meeting: DigestMeeting, reader: Reader) -> Item:
    due = N_("overdue since %(due_on)s") if meeting.is_overdue else N_("to be held by %(due_on)s")
    parts = [reader.say(due, due_on=meeting.due_on)]
    if meeting.starts_at is not None:
        parts.append(reader.say(N_("starts %(starts_at)s"), starts_at=meeting.starts_at))
    if meeting.owner:
        parts.append(meeting.owner)
    return Item(meeting.partner, " · ".join(parts), meeting.url, reader.tr(N_("Executive meetings")))


def _source(source: DigestSource, reader: Reader) -> Item:
    since = reader.say(N_("blind since %(since)s"), since=source.since)
    return Item(source.name, since, source.url, reader.tr(N_("Blind sources")))
