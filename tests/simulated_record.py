"""What a simulated year left behind, as lines a person can read: who was told of what, when and how, or why not."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from warden import plugins
from warden.channels.base import Envelope
from warden.domain import NoticeReason, NotificationReason, NotificationStatus
from warden.messages import Message
from warden.models import Alert, AlertEvent, Destination, Meeting, Notice, Notification, Partner
from warden.settings import Settings
from warden.vault import Vault
from warden.wording import reader_of

Line = tuple[str, str, str, str]
"""Day, partner or "-", kind of line, what it says; lines are sorted as they stand."""

DIGEST = NotificationReason.DIGEST
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Names:
    """Names of what ids stand for."""

    partners: Mapping[uuid.UUID, str]
    rules: Mapping[uuid.UUID, str]  # of alerts
    places: Mapping[uuid.UUID, str]


def lines(session: Session) -> list[str]:
    """Return the record of a year, by day and partner."""
    loaded = list(session.scalars(select(Alert).options(joinedload(Alert.rule))))
    names = Names(
        {one.id: one.name for one in session.scalars(select(Partner))},
        {one.id: one.rule.key for one in loaded},
        {one.id: one.name for one in session.scalars(select(Destination))},
    )
    found = [
        *_alerts(session, loaded, names),
        *_meetings(session, names),
        *_notices(session, names),
        *_messages(session, names),
        *_digests(session),
    ]
    return [f"{day}  {who:<17} {kind:<8} {what}" for day, who, kind, what in sorted(found)]


def _alerts(session: Session, loaded: Iterable[Alert], names: Names) -> Iterator[Line]:
    fired = select(AlertEvent).where(AlertEvent.kind == "fired").order_by(AlertEvent.id.desc())  # the opening is last
    causes = {one.alert_id: one.cause for one in session.scalars(fired)}
    for one in loaded:
        who, rule = names.partners[one.partner_id], names.rules[one.id]
        cause = one.diagnosis.get("cause", "no cause known")
        yield _day(one.fired_at), who, "alert", f"{rule} opens, {one.severity} ({causes[one.id]}; {cause})"
        if one.resolved_at is not None:
            yield _day(one.resolved_at), who, "alert", f"{rule} resolved"


def _meetings(session: Session, names: Names) -> Iterator[Line]:
    for one in session.scalars(select(Meeting)):
        who, rule = names.partners[one.partner_id], names.rules[one.alert_id]
        answers = ", ".join(f"{who['role']} {who.get('partstat', 'not asked')}" for who in one.attendees)
        yield _day(one.proposed_at), who, "meeting", f"for {rule} due {one.due_on}; {answers or 'nobody'}"
        if one.escalated_at is not None:
            yield _day(one.escalated_at), who, "meeting", f"for {rule} missed"
        if one.held_at is not None:
            yield _day(one.held_at), who, "meeting", f"for {rule} held, sequence {one.sequence}"
        if one.waived_why is not None:
            yield _day(one.proposed_at), who, "meeting", f"for {rule} waived by {one.closed_by}: {one.waived_why}"


def _notices(session: Session, names: Names) -> Iterator[Line]:
    for one in session.scalars(select(Notice)):
        who = names.partners[one.partner_id] if one.partner_id else f"{len(one.partners)} partners"
        rules = Counter(names.rules[uuid.UUID(alert)] for alert in one.alerts)
        about = ", ".join(f"{rule} x{count}" if count > 1 else rule for rule, count in sorted(rules.items()))
        said = "sent" if one.sent else f"held back, {one.held_back}"
        yield _day(one.at), who, "notice", f"{one.reason} {said}: {about or 'no alert'}"


def _messages(session: Session, names: Names) -> Iterator[Line]:
    """Yield one line for all messages of one day, partner, reason and outcome."""
    to: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for one in session.scalars(select(Notification).where(Notification.reason != DIGEST)):
        who = names.partners[one.partner_id] if one.partner_id else "-"
        place = one.recipient or names.places[one.destination_id]
        late = f" on {_day(one.sent_at)}" if one.sent_at and _day(one.sent_at) != _day(one.created_at) else ""
        why = f": {one.answer}" if one.status is NotificationStatus.FAILED else ""
        to[(_day(one.created_at), who, one.reason.value, f"{one.status}{late}{why}")].append(f"{place} ({one.locale})")
    for (day, who, reason, outcome), places in to.items():
        yield day, who, "message", f"{reason} to {', '.join(sorted(places))} {outcome}"


def _digests(session: Session) -> Iterator[Line]:
    sent: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in session.scalars(select(Notification).where(Notification.reason == DIGEST)):
        outcome = one.status.value if one.sent_at else f"{one.status}: {one.answer}"
        sent[(_day(one.created_at)[:7], f"{one.recipient} ({one.locale})", outcome)].append(_day(one.created_at)[8:])
    for (month, to, outcome), days in sent.items():
        yield f"{month}   ", "-", "digest", f"{to} {outcome} on {_runs(sorted(days))}"


def _runs(days: Sequence[str]) -> str:
    """Return days of a month, with those that follow each other as a span."""
    spans: list[list[str]] = []
    for day in days:
        if spans and int(day) == int(spans[-1][-1]) + 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    return " ".join(span[0] if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans)


def _day(moment: datetime) -> str:
    return moment.date().isoformat()


# --- the counts that matter -------------------------------------------------------------------------------------------


Taken = tuple[str, str, bytes]
"""Destination, the message's id where the channel has one ("" elsewhere), content."""


def lost(session: Session) -> list[str]:
    """Return what never reached anybody without anybody being told so: events, sent notices, and messages."""
    pending = [
        f"{one.at.date()} {one.kind} never announced"
        for one in session.scalars(select(AlertEvent).where(AlertEvent.announced_at.is_(None)))
    ]
    rows, by_notice = list(session.scalars(select(Notification))), _by_notice(session)
    silent = [
        f"{one.at.date()} {one.reason} {one.key}"
        for one in session.scalars(select(Notice).where(Notice.sent, Notice.alerts != []))
        if not by_notice[one.id]
    ]
    open_ones = [
        f"{row.created_at.date()} {row.reason} {row.status}: {row.answer}"
        for row in rows
        if row.sent_at is None and row.status is not NotificationStatus.FAILED
    ]
    unexplained = [
        f"{row.created_at.date()} {row.reason} failed without a reason"
        for row in rows
        if row.status is NotificationStatus.FAILED and not row.answer
    ]
    return [*pending, *silent, *open_ones, *unexplained]


def mistaken(session: Session, vault: Vault, settings: Settings, taken: Sequence[Taken]) -> list[str]:
    """Return where outbox and receivers differ: what is noted as sent arrived, once, and nothing else did.

    Messages are compared by their ids, those of channels that have none by what is made of them anew.
    """
    places = {one.id: one for one in session.scalars(select(Destination))}
    named = {place for place, identity, _ in taken if identity}
    noted = Counter(
        (place.name, str(row.id).encode() if place.name in named else _content(row, place, vault, settings))
        for row in session.scalars(select(Notification).where(Notification.sent_at.is_not(None)))
        for place in (places[row.destination_id],)
    )
    arrived = Counter((place, identity.encode() or content) for place, identity, content in taken)
    return [
        *(f"did not arrive: {one}" for one in (noted - arrived).elements()),
        *(f"noted less often than it arrived: {one}" for one in (arrived - noted).elements()),
        *(f"noted {count} times: {one}" for one, count in noted.items() if count > 1),
    ]


def _content(row: Notification, place: Destination, vault: Vault, settings: Settings) -> bytes:
    """Return what a channel makes of a message that holds no secret."""
    kind = plugins.channel(place.channel)
    options = plugins.load_options(kind.Options, place.options, place.secrets, vault, settings)
    reader = reader_of(row.locale, place.time_zone)
    envelope = Envelope(notification_id=row.id, created_at=row.created_at, reader=reader)
    return kind(options).render(Message.from_data(row.message), envelope, row.created_at)


def doubled(session: Session) -> list[str]:
    """Return who was told the same twice, and when.

    That is: for the first time of a partner of whose alerts they knew already, or of one alert twice within a minute.
    """
    by_notice = _by_notice(session)
    return [*_first_again(session, by_notice), *_at_once(session, by_notice)]


def _at_once(session: Session, by_notice: Mapping[uuid.UUID, Sequence[Notification]]) -> list[str]:
    last: dict[tuple[object, ...], datetime] = {}
    found = []
    for notice in session.scalars(select(Notice).order_by(Notice.at, Notice.id)):
        for row in by_notice[notice.id]:
            told = [(row.destination_id, row.recipient, alert) for alert in notice.alerts]
            if any(one in last and notice.at - last[one] < MINUTE for one in told):
                found.append(f"{notice.at.date()} {row.recipient} {notice.key} within a minute")
            last |= dict.fromkeys(told, notice.at)
    return found


def _first_again(session: Session, by_notice: Mapping[uuid.UUID, Sequence[Notification]]) -> list[str]:
    known: set[tuple[object, ...]] = set()
    found = []
    for notice in session.scalars(select(Notice).where(Notice.partner_id.is_not(None)).order_by(Notice.at, Notice.id)):
        for row in by_notice[notice.id]:
            whom = (notice.partner_id, row.destination_id, row.recipient)
            if notice.reason == NoticeReason.FIRST:
                found += [f"{notice.at.date()} {row.recipient} {notice.key}"] if whom in known else []
                known.add(whom)
            elif notice.reason in (NoticeReason.RESOLVED, NoticeReason.RESOLVED_WHILE_SILENCED):
                known.discard(whom)
    return found


def _by_notice(session: Session) -> Mapping[uuid.UUID, Sequence[Notification]]:
    found: dict[uuid.UUID, list[Notification]] = defaultdict(list)
    for row in session.scalars(select(Notification).where(Notification.key.startswith("notice/"))):
        found[uuid.UUID(row.key.split("/")[1].split(":")[0])].append(row)
    return found


def per_partner_quarter(session: Session, partners: int) -> float:
    """Return how many messages about single partners each recipient got per partner and quarter, at most."""
    about = (NotificationReason.ALERT_FIRED, NotificationReason.ALERT_RESOLVED)
    rows = session.scalars(select(Notification).where(Notification.reason.in_(about)))
    counts = Counter((row.destination_id, row.recipient) for row in rows)
    return max(counts.values(), default=0) / partners / 4
