"""Meetings that were put off, as an alert had come and gone shortly before: proposed once it has stood long enough."""

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import MeetingStatus
from warden.models import Alert
from warden.pipeline import invitations, quiet
from warden.pipeline import meetings as proposing
from warden.pipeline.fence import fence
from warden.rules.states import STEADY_AFTER
from warden.settings import Settings
from warden.store import alert_events, alerts, meetings


def run(db: Database, settings: Settings, now: datetime) -> int:
    """Propose them and ask people to them; return how many."""
    with db.read() as session:
        found = _due(session, now)
    proposed = 0
    for partner_id in dict.fromkeys(alert.partner_id for alert in found):
        with fence("meeting_not_proposed", partner=str(partner_id)), db.write() as session:
            proposed += _propose(session, settings, partner_id, now)
    return proposed


def _due(session: Session, now: datetime) -> list[Alert]:
    """Return the alerts whose meeting is due: what people were told of, nothing hides and no meeting settled since."""
    waiting = meetings.put_off(session, now - STEADY_AFTER)
    firing = alerts.firing_among(session, meetings.heard_of(session, waiting)) if waiting else []
    within = proposing.wanted_within(session, firing) if firing else {}
    if not within:
        return []
    silences = quiet.read(session, now)
    settled = meetings.settled_since(session, [one.partner_id for one in firing], now - proposing.REST)
    due = [one for one in firing if one.id in within and one.partner_id not in settled]
    return [one for one in due if silences.hides(one, one.partner) is None]


def _propose(session: Session, settings: Settings, partner_id: uuid.UUID, now: datetime) -> int:
    if not alert_events.hold(session, [partner_id]):
        return 0
    mine = [one for one in _due(session, now) if one.partner_id == partner_id]
    proposing.propose_all(session, mine, now)
    found = meetings.of_alerts(session, [one.id for one in mine]).values()
    asked = [one.id for one in found if one.status is MeetingStatus.PROPOSED and one.proposed_at == now]
    for meeting_id in asked:
        invitations.proposed(session, settings, meetings.get(session, meeting_id), now)
    return len(asked)
