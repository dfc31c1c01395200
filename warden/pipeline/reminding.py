"""Reminds of actions: one message per person with all that is due, by the ledger and never by the date alone.

Ours are told to who owns them, the partner's to our owner of the partner: nothing is ever sent to a partner.
"""

import hashlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import HeldBack, NoticeReason, NotificationReason, Severity
from warden.i18n import N_
from warden.log import get_logger
from warden.messages import ActionLine, actions_due
from warden.models import Action, Person
from warden.pipeline.addressing import Directory, directory, subject_about
from warden.pipeline.cases import Place, place
from warden.settings import Settings
from warden.store import actions, duty, notices, notifications
from warden.store.actions import Due
from warden.store.destinations import Addressee
from warden.wording import reader_of

log = get_logger(__name__)

DUE_MESSAGE = N_("An action is due on %(due_on)s: %(text)s")
OVERDUE_MESSAGE = N_("An action was due on %(due_on)s: %(text)s")


def run(db: Database, settings: Settings, now: datetime) -> int:
    """Remind of every action that is due for it; return how many notices that adds.

    One transaction: told and noted, or neither. What nobody can be told of is noted once, and told once somebody can.
    """
    with db.read() as session:
        if not actions.may_be_due(session, now):
            return 0
    with db.write() as session:
        due = actions.due(session, now)
        return _remind(session, settings, due, now) if due else 0


def again(session: Session, settings: Settings, action_ids: Collection[uuid.UUID], now: datetime) -> None:
    """Remind, whoever gets it now, of those of these actions that are not done: the reminder did not arrive."""
    undone = session.scalars(select(Action.id).where(Action.id.in_(action_ids), Action.done_at.is_(None)))
    found = [actions.get(session, one) for one in undone]
    _tell_each(session, settings, _spread(session, [Due(one, actions.is_overdue(one, now)) for one in found], now), now)


Spread = Sequence[tuple[Due, Sequence[Addressee]]]
"""What is due, each with who is told."""


def _remind(session: Session, settings: Settings, due: Sequence[Due], now: datetime) -> int:
    spread = _spread(session, due, now)
    written = sum(_note(session, one, bool(reached), now) for one, reached in spread)
    if any(reached for _, reached in spread):
        _tell_each(session, settings, spread, now)
    return written


def _spread(session: Session, due: Sequence[Due], now: datetime) -> Spread:
    stand_ins, addresses = _stand_ins(session, due, now), directory(session, now)
    return [(one, _reached(addresses, one.action, stand_ins)) for one in due]


def _tell_each(session: Session, settings: Settings, spread: Spread, now: datetime) -> None:
    """Write to each reader once, of all that is due."""
    to: dict[Place, Addressee] = {}
    told: dict[Place, list[Due]] = {}
    for one, reached in spread:
        for addressee in reached:
            to[place(addressee)] = addressee
            told.setdefault(place(addressee), []).append(one)
    for where, some in told.items():
        _tell(session, settings, to[where], some, now)
    log.info("actions_reminded", actions=sum(bool(reached) for _, reached in spread), messages=len(told))


def _stand_ins(session: Session, due: Sequence[Due], now: datetime) -> Mapping[uuid.UUID, Person]:
    people = {person.id for one in due if (person := _responsible(one.action)) is not None}
    return duty.standing_in(session, people, now)


def _responsible(action: Action) -> Person | None:
    """Return whom of ours to remind: who owns the action, else the partner's owner, else its sponsor."""
    return next(
        (
            person
            for person in (action.owner, action.partner.owner, action.partner.sponsor)
            if person is not None and person.ours
        ),
        None,
    )


def _reached(addresses: Directory, action: Action, stand_ins: Mapping[uuid.UUID, Person]) -> Sequence[Addressee]:
    """Return who gets the reminder: one person by mail; without anybody, or without mail, whom a warning goes to."""
    person = _responsible(action)
    if person is not None and addresses.by_mail is not None:
        here = stand_ins.get(person.id, person)
        return [Addressee(addresses.by_mail, here.email, here.locale, here.time_zone)]
    return addresses.of_subject(subject_about(action.partner, Severity.WARNING), action.partner)


def _note(session: Session, one: Due, is_told: bool, now: datetime) -> int:
    """Note that somebody is reminded, or once that nobody can be; return how many notices that adds."""
    action = one.action
    message = OVERDUE_MESSAGE if one.overdue else DUE_MESSAGE
    key = f"action/{action.id}/{'overdue' if one.overdue else 'due'}/{action.due_on.isoformat()}/{action.version}"
    if not is_told:
        key += f"/{HeldBack.NOBODY}"
        if notices.is_written(session, key):
            return 0
    notices.add(
        session,
        key=key,
        partner_id=action.partner_id,
        reason=NoticeReason.ACTION_DUE,
        held_back=None if is_told else HeldBack.NOBODY,
        why={"message": message, "params": {"due_on": action.due_on.isoformat(), "text": action.text}},
        alerts=[],
        now=now,
    )
    if is_told:
        actions.note_reminded(action, one.overdue, now)
    return 1


def _tell(session: Session, settings: Settings, to: Addressee, some: Sequence[Due], now: datetime) -> None:
    named = ",".join(sorted(f"{one.action.id}/{one.action.version}/{one.overdue}" for one in some))
    partners = {one.action.partner_id for one in some}
    notifications.enqueue(
        session,
        destination=to.destination,
        key=f"{NotificationReason.ACTION_DUE}/{hashlib.sha256(named.encode()).hexdigest()[:32]}",
        reason=NotificationReason.ACTION_DUE,
        message=actions_due(
            [_line(settings, one) for one in some],
            f"{settings.public_url}/actions",
            reader_of(to.locale, to.time_zone),
        ),
        locale=to.locale,
        now=now,
        recipient=to.recipient,
        partner_id=partners.pop() if len(partners) == 1 else None,
    )


def _line(settings: Settings, one: Due) -> ActionLine:
    action = one.action
    return ActionLine(
        partner=action.partner.name,
        text=action.text,
        side=action.side,
        due_on=action.due_on,
        overdue=one.overdue,
        url=f"{settings.public_url}/actions/{action.id}",
        owner=action.owner.name if action.owner else None,
    )
