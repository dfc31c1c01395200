"""What becomes of meetings whose alert ended before anybody arranged them: passed on to another, or waived."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from warden.domain import HeldBack, NoticeReason, Severity
from warden.i18n import N_
from warden.models import Alert
from warden.pipeline.meetings import wanted_within
from warden.store import alerts, meetings, notices

PASSED_ON = N_(
    "The executive meeting due by %(due_on)s stays: another alert that fires on asks for one, too, %(rule)s."
)


def release(session: Session, ended: Sequence[uuid.UUID], now: datetime) -> None:
    """See to what alerts that have ended had asked for and nobody arranged.

    Another alert of the partner takes the meeting over if it fires on and asks for one, too; else it is called off.
    """
    left = meetings.unarranged(session, ended)
    heirs = _heirs(session, [meeting.partner_id for meeting in left]) if left else {}
    for meeting in left:
        heir = heirs.get(meeting.partner_id)
        if heir is None:
            meetings.waive(session, meeting, reason=meetings.RESOLVED_WHY, who=meetings.SERVICE)
            continue
        params = {"due_on": meeting.due_on.isoformat(), "rule": {"names": heir.rule.names}}
        notices.add(
            session,
            key=f"meeting/{meeting.id}/passed_on/{heir.id}",
            partner_id=meeting.partner_id,
            reason=NoticeReason.RESOLVED,
            held_back=HeldBack.PARTLY,
            why={"message": PASSED_ON, "params": params},
            alerts=[meeting.alert_id, heir.id],
            now=now,
        )
        meetings.pass_on(session, meeting, heir)


def _heirs(session: Session, partner_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Alert]:
    """Return of each partner the worst alert, of equals the first, that asks for a meeting and has had none.

    Not one that nobody was to hear of, nor one that is unstable: it asks for none until it is told.
    """
    unstable = {partner_id: alerts.unstable(session, partner_id) for partner_id in partner_ids}
    open_alerts = meetings.open_alerts(session, partner_ids)
    firing = [
        alert for some in open_alerts.values() for alert in some if alert.rule_id not in unstable[alert.partner_id]
    ]
    ids = [alert.id for alert in firing]
    asking = wanted_within(session, firing).keys() & meetings.heard_of(session, ids)
    asking -= meetings.of_alerts(session, ids).keys()
    order = list(Severity)
    heirs: dict[uuid.UUID, Alert] = {}
    for alert in sorted(firing, key=lambda alert: order.index(alert.severity), reverse=True):
        if alert.id in asking:
            heirs.setdefault(alert.partner_id, alert)
    return heirs
