"""What a digest says: the worst first, then what changed, is due, unknown or blind, and one line for the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from warden.domain import NotificationReason, Severity
from warden.i18n import N_
from warden.messages.alerts import SEVERITY_NAMES
from warden.messages.message import Board, Item, Message
from warden.wording import SURE, Fact, Reader, likelihood, number

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
    was_likelihood: float | None = None  # 0..1, at the last digest
    moved: int = 0  # bands up since then; negative: down
    alerts: Mapping[Severity, Sequence[Names]] = field(default_factory=dict)  # rules that fire
    unstable: Sequence[Names] = ()  # rules that change too often to be told each time


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
class DigestAction:
    """One thing somebody promised and has not done."""

    partner: str
    text: str
    url: str
    due_on: date
    is_overdue: bool
    owner: str | None = None  # None: nobody is named
    theirs: bool = False  # the partner's side promised it


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSource:
    """One source that nothing can be trusted from."""

    name: str
    url: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContext:
    """What a digest is made from. Every list is in the order it is told; nobody is in two lists of partners.

    `is_new`: something changed or fell due since the last digest; else it says that nothing is new.
    """

    on: date
    since: datetime  # of the last digest
    is_new: bool
    worst: Sequence[DigestPartner]
    worsened: Sequence[DigestPartner]
    improved: Sequence[DigestPartner]
    rated: Sequence[DigestPartner]  # rated now, and not at the last digest
    unknown: Sequence[DigestPartner]  # not rated any more
    meetings: Sequence[DigestMeeting]
    actions: Sequence[DigestAction]
    blind: Sequence[DigestSource]
    unchanged: int
    not_rated: int  # of all of them
    partners: int  # all of them
    matrix_url: str
    unsubscribe_url: str
    board: Board | None = None


def digest(context: DigestContext, reader: Reader) -> Message:
    """Sum up how all partners stand."""
    groups = _groups(context, reader)
    title = N_("Partners that need attention on %(on)s: %(worst)s")
    if not context.is_new:
        title = N_("Partners that need attention on %(on)s: %(worst)s; nothing is new")
    return Message(
        reason=NotificationReason.DIGEST,
        title=reader.say(title, on=context.on, worst=len(context.worst)),
        lead=_lead(context, reader),
        board=context.board,
        items=tuple(item for group in groups for item in group[:MOST_ROWS]),
        left_out=sum(max(0, len(group) - MOST_ROWS) for group in groups),
        closing=reader.say(
            N_("Unchanged: %(unchanged)s of %(partners)s partners. Not rated: %(not_rated)s."),
            unchanged=context.unchanged,
            partners=context.partners,
            not_rated=context.not_rated,
        ),
        links=((reader.tr(N_("Open the matrix")), context.matrix_url),),
        unsubscribe_url=context.unsubscribe_url,
        footer=reader.tr(N_("Sent because you get a digest.")),
    )


def _lead(context: DigestContext, reader: Reader) -> str:
    if not context.is_new:
        return reader.say(N_("Nothing changed and nothing fell due since %(since)s."), since=context.since)
    partners = (*context.worst, *context.worsened, *context.improved)
    return reader.say(
        N_(
            "Since %(since)s: worsened %(worsened)s, improved %(improved)s. "
            "Meetings to hold: %(meetings)s. Actions due: %(actions)s. Blind sources: %(blind)s."
        ),
        since=context.since,
        worsened=sum(partner.moved > 0 for partner in partners),
        improved=sum(partner.moved < 0 for partner in partners),
        meetings=len(context.meetings),
        actions=len(context.actions),
        blind=len(context.blind),
    )


def _groups(context: DigestContext, reader: Reader) -> list[list[Item]]:
    titled = (
        (N_("Worst first"), context.worst),
        (N_("Worsened since the last digest"), context.worsened),
        (N_("Improved since the last digest"), context.improved),
        (N_("Rated since the last digest"), context.rated),
    )
    unknown = reader.tr(N_("Not rated any more"))
    return [
        *([_partner(partner, reader, reader.tr(title)) for partner in found] for title, found in titled),
        [_meeting(meeting, reader) for meeting in context.meetings],
        [_action(action, reader) for action in context.actions],
        [_partner(partner, reader, unknown) for partner in context.unknown],
        [_source(source, reader) for source in context.blind],
    ]


def _partner(partner: DigestPartner, reader: Reader, group: str) -> Item:
    parts = [reader.name(partner.band) if partner.band else reader.tr(N_("Not rated"))]
    if partner.was is not None:
        before = reader.name(partner.was) if partner.was else reader.tr(N_("Not rated"))
        parts.append(reader.say(N_("was: %(before)s"), before=before))
    if partner.not_rated:
        parts.append(reader.fact(partner.not_rated))
    if partner.likelihood is not None:
        parts.append(_likelihood(partner, partner.likelihood, reader))
    if partner.impact is not None:
        parts.append(reader.say(N_("impact %(value)s of 5"), value=number(partner.impact, reader.locale)))
    for severity in reversed(Severity):
        if rules := partner.alerts.get(severity):
            values = {"severity": reader.tr(SEVERITY_NAMES[severity]), "rule": ", ".join(map(reader.name, rules))}
            parts.append(reader.say(N_("%(severity)s: %(rule)s"), **values))
    if partner.unstable:
        parts.append(reader.say(N_("unstable: %(rules)s"), rules=", ".join(map(reader.name, partner.unstable))))
    return Item(partner.name, " · ".join(parts), partner.url, group)


def _likelihood(partner: DigestPartner, now: float, reader: Reader) -> str:
    """Tell the likelihood and, where both digests told it in digits, by how many points it moved."""
    shown = likelihood(reader.tr, now, reader.locale)
    was = partner.was_likelihood
    points = 0 if was is None or max(was, now) > SURE else round(100 * now) - round(100 * was)
    if not points:
        return reader.say(N_("likelihood %(value)s"), value=shown)
    return reader.say(N_("likelihood %(value)s (%(points)s points)"), value=shown, points=f"{points:+d}")


def _meeting(meeting: DigestMeeting, reader: Reader) -> Item:
    due = N_("overdue since %(due_on)s") if meeting.is_overdue else N_("to be held by %(due_on)s")
    parts = [reader.say(due, due_on=meeting.due_on)]
    if meeting.starts_at is not None:
        parts.append(reader.say(N_("starts %(starts_at)s"), starts_at=meeting.starts_at))
    if meeting.owner:
        parts.append(meeting.owner)
    return Item(meeting.partner, " · ".join(parts), meeting.url, reader.tr(N_("Executive meetings")))


def _action(action: DigestAction, reader: Reader) -> Item:
    due = N_("overdue since %(due_on)s") if action.is_overdue else N_("due by %(due_on)s")
    who = reader.tr(N_("the partner's side")) if action.theirs else action.owner
    parts = [action.text, reader.say(due, due_on=action.due_on), *([who] if who else [])]
    return Item(action.partner, " · ".join(parts), action.url, reader.tr(N_("Actions")))


def _source(source: DigestSource, reader: Reader) -> Item:
    since = reader.say(N_("blind since %(since)s"), since=source.since)
    return Item(source.name, since, source.url, reader.tr(N_("Blind sources")))
