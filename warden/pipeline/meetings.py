"""Executive meetings: proposed for alerts with all that is known, and marked as missed when their date is over."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from warden.calendars import add_working_days, country_of_zone
from warden.db import Database
from warden.domain import (
    AlertEventKind,
    DiagnosedCause,
    HeldBack,
    MeetingStatus,
    NoticeReason,
    Severity,
    Side,
)
from warden.errors import Conflict
from warden.i18n import N_
from warden.log import get_logger
from warden.models import Action, Alert, AlertEvent, Assessment, Decision, Meeting, Partner, Person, Playbook
from warden.pipeline import alarms, invitations, quiet
from warden.pipeline.fence import fence
from warden.pipeline.quiet import Held, held
from warden.rules import Reason
from warden.rules.states import STEADY_AFTER, UNSTABLE_WITHIN
from warden.settings import Settings
from warden.store import (
    actions,
    alerts,
    assessments,
    attendees,
    duty,
    matrices,
    meetings,
    notices,
    notifications,
    playbooks,
    rhythm,
    rule_settings,
)
from warden.store.rule_settings import NO_SETTINGS

log = get_logger(__name__)

REST = timedelta(days=56)
"""After people met or waived a meeting about a standing alarm, no other is proposed for so long unless it worsens."""

MOST_EVIDENCE, MOST_ALERTS, MOST_COMMITMENTS, MOST_STEPS = 5, 5, 5, 4
"""Lines of each kind on an agenda: what does not fit an hour is looked up."""

PLACEMENT = N_("Where the partner stands: likelihood %(likelihood_share)s, impact %(impact)s of 5.")
UNRATED = N_("Where the partner stands: not rated. %(why)s")
OTHER = N_("Another open alert of this partner: %(rule)s")
OURS = N_("Our open commitment, due %(due_on)s: %(text)s")
THEIRS = N_("The partner's open commitment, due %(due_on)s: %(text)s")
MORE = N_("Further open commitments: %(count)s.")
STEP = N_("From the playbook: %(step)s")
WHYS = N_("Ask five times why it came to this, and write the answers down.")
FIVE_WHYS = "Ask five times why"
"""How WHYS begins, and the step of a playbook that says the same."""

ACTIONS = N_("Agree what each side does, who owns it and by when.")
FLAPPING = N_(
    "No meeting was proposed: one about the same rule was called off less than %(days)s days before, since the alert "
    "had ended. If this one still fires in %(rest)s days, a meeting is proposed then."
)
TOO_SOON = N_(
    "No further meeting was proposed: the last one about this partner was settled less than %(days)s days before, and "
    "nothing is worse since."
)
ONE_IS_OPEN = "An executive meeting with this partner is open already: {meeting}. Hold or waive that one first."


class Proposals:
    """Meetings for alerts of some partners, with what their invitations and agendas need read at once.

    The partners are held, so that nobody else proposes a meeting meanwhile; they come with their people.
    """

    def __init__(self, session: Session, partners: Mapping[uuid.UUID, Partner], now: datetime) -> None:
        ids = list(partners)
        self._session, self._now = session, now
        self._unmet = alarms.without_meeting(session, ids)
        self._commitments = actions.open_by_partner(session, ids)
        self._alerts = meetings.open_alerts(session, ids)
        self._books = {(book.cause, book.number): book for book in playbooks.active(session).values()}
        self._settled = meetings.settled_since(session, ids, now - REST)
        self._called_off = meetings.called_off_since(session, ids, now - UNSTABLE_WITHIN)
        former = [*self._settled.values(), *self._called_off.values()]
        said = [one.alert.assessment_id for one in former if one.alert.assessment_id]
        self._said = {row.id: row for row in assessments.by_ids(session, said)}
        self._ranks = matrices.band_ranks(session)
        people = {person.id for partner in partners.values() for person in attendees.people_of(partner) if person.ours}
        self._stand_ins = duty.standing_in(session, people, now)

    def propose(self, alert: Alert, assessment: Assessment, within_days: int, key: str) -> Meeting | None:
        """Store and return the meeting an alert asks for, within working days.

        None when one is open already, or, as the ledger then says, when one was settled or called off not long ago. The
        alert has its evidence and its diagnosis.
        """
        if alert.partner.id not in self._unmet:
            return None
        why = self._why_not(alert, assessment)
        if why is not None:
            self._note_why_not(alert, why)
            return None
        return self._write(alert, assessment, within_days, key)

    def ask(self, alert: Alert, assessment: Assessment | None, within_days: int, *, who: str, why: str) -> Meeting:
        """Store and return the meeting that a person asks for, however lately people met.

        Raises Conflict where one is open already.
        """
        if alert.partner.id not in self._unmet:
            standing = meetings.open_of(self._session, alert.partner.id)
            raise Conflict(ONE_IS_OPEN.format(meeting=standing.id if standing else ""))
        meeting = self._write(alert, assessment, within_days, f"asked/{alert.id}/{self._now.isoformat()}")
        meeting.proposed_by, meeting.proposed_why = who, why
        return meeting

    def _write(self, alert: Alert, assessment: Assessment | None, within_days: int, key: str) -> Meeting:
        partner = alert.partner
        self._unmet.discard(partner.id)
        owner = attendees.owner_of(partner)
        meeting = Meeting(
            id=alarms.made_id("meeting", key),
            partner=partner,
            alert=alert,
            owner=owner,
            status=MeetingStatus.PROPOSED,
            proposed_at=self._now,
            due_on=due_on(partner, owner, within_days, self._now),
            attendees=attendees.of_partner(partner, self._stand_ins),
            agenda=list(self._agenda(alert, assessment)),
            starts_at=None,
            minutes=60,
            place="",
            sequence=0,
        )
        self._session.add(meeting)
        return meeting

    def _why_not(self, alert: Alert, assessment: Assessment) -> Reason | None:
        """Return why people are not asked again so soon; the rhythm of meetings itself asks whenever they are due."""
        settled, called_off = self._settled.get(alert.partner.id), self._called_off.get(alert.partner.id)
        if settled is not None and not (self._is_worse(alert, assessment, settled) or self._is_overdue(alert)):
            return {"message": TOO_SOON, "params": {"days": REST.days}}
        # Of an alert that has stood since it fired, the meeting called off before is no reason any more.
        is_new = self._now - alert.fired_at < STEADY_AFTER
        if called_off is None or not is_new or called_off.alert.rule_id != alert.rule_id:
            return None
        if self._is_worse(alert, assessment, called_off):
            return None
        return {"message": FLAPPING, "params": {"days": UNSTABLE_WITHIN.days, "rest": STEADY_AFTER.days}}

    def _is_overdue(self, alert: Alert) -> bool:
        """Tell whether an alert fired since people have not met for longer than they should."""
        decision = self._session.get(Decision, alert.decision_id)
        return decision is not None and any((decision.context.get(name) or 0) > 0 for name in rhythm.OVERDUE)

    def _is_worse(self, alert: Alert, assessment: Assessment, before: Meeting) -> bool:
        """Tell whether the alert is more severe, or the partner in a higher band, than at a meeting before."""
        then = self._said.get(before.alert.assessment_id) if before.alert.assessment_id else None
        order = list(Severity)
        if order.index(alert.severity) > order.index(before.alert.severity):
            return True
        return then is not None and self._rank(assessment) > self._rank(then)

    def _rank(self, assessment: Assessment) -> int:
        band = assessment.band
        return -1 if band is None else self._ranks.get((assessment.matrix_version, band), -1)

    def _note_why_not(self, alert: Alert, why: Reason) -> None:
        notices.add(
            self._session,
            key=f"meeting/{alert.id}/{self._now.isoformat()}",
            partner_id=alert.partner.id,
            reason=NoticeReason.REMINDER,
            held_back=HeldBack.TOO_SOON,
            why=why,
            alerts=[alert.id],
            now=self._now,
        )

    def _agenda(self, alert: Alert, assessment: Assessment | None) -> Iterator[dict[str, Any]]:
        if assessment is not None:
            yield from _where_it_stands(assessment)
        for line in alert.evidence[:MOST_EVIDENCE]:
            yield {"message": line["message"], "params": line["params"]}
        others = [one for one in self._alerts.get(alert.partner.id, ()) if one.id != alert.id]
        for other in others[:MOST_ALERTS]:
            yield {"message": OTHER, "params": {"rule": {"names": other.rule.names}}}
        yield from _promised(self._commitments.get(alert.partner.id, ()))
        book = self._book(alert.diagnosis)
        steps = book.steps[:MOST_STEPS] if book else ()
        for step in steps:
            yield {"message": STEP, "params": {"step": {"names": step}}}
        if not any(step["en"].startswith(FIVE_WHYS) for step in steps):  # a playbook that ships asks for them itself
            yield {"message": WHYS, "params": {}}
        yield {"message": ACTIONS, "params": {}}

    def _book(self, diagnosis: Mapping[str, Any]) -> Playbook | None:
        """Return the playbook a diagnosis names, as long as it is the one in force."""
        named = diagnosis.get("playbook")
        return self._books.get((DiagnosedCause(named["cause"]), named["number"])) if named else None


def propose_late(session: Session, told_of: Iterable[AlertEvent], now: datetime) -> None:
    """Propose the meetings of alerts that nobody was to hear of when they fired, now that people are told of them."""
    late = {event.alert_id for event in told_of if _was_unheard(event)}
    late -= meetings.of_alerts(session, list(late)).keys()
    if late:
        propose_all(session, alerts.firing_among(session, late), now)


def propose_all(session: Session, wanted: Sequence[Alert], now: datetime) -> None:
    """Propose the meetings that the rules of these alerts ask for, due from now on."""
    within = wanted_within(session, wanted)
    partners = alarms.partners(session, list({alert.partner_id for alert in wanted}))
    ids = [alert.assessment_id for alert in wanted if alert.assessment_id is not None]
    said = {row.id: row for row in assessments.by_ids(session, ids)}
    proposals = Proposals(session, partners, now)
    for alert in wanted:
        assessment = said.get(alert.assessment_id) if alert.assessment_id is not None else None
        if assessment is not None and alert.id in within:
            proposals.propose(alert, assessment, within[alert.id], f"{alert.id}/{now.isoformat()}")
    session.flush()


def wanted_within(session: Session, found: Iterable[Alert]) -> dict[uuid.UUID, int]:
    """Return within how many working days the rules of alerts ask for a meeting, by alert; some ask for none."""
    settings = rule_settings.in_force_of_all(session)
    wanted = {}
    for alert in found:
        chosen = settings.get(alert.rule_id, NO_SETTINGS)
        own = rule_settings.effective(alert.rule, chosen, alert.partner.tier, alert.partner_id)
        if own.enabled and own.meeting_within_days:
            wanted[alert.id] = own.meeting_within_days
    return wanted


def _where_it_stands(assessment: Assessment) -> Iterator[dict[str, Any]]:
    if assessment.likelihood is not None and assessment.impact is not None:
        params = {"likelihood_share": assessment.likelihood, "impact": assessment.impact}
        yield {"message": PLACEMENT, "params": params}
    elif assessment.not_rated:
        yield {"message": UNRATED, "params": {"why": assessment.not_rated}}


def _was_unheard(event: AlertEvent) -> bool:
    """Tell whether an event was kept back before, or is of an alert that was: one confirmed, or at rest at last."""
    return event.notice_id is not None or event.kind is AlertEventKind.STEADY or event.at > event.alert.fired_at


def _promised(open_actions: Sequence[Action]) -> Iterator[dict[str, Any]]:
    for action in open_actions[:MOST_COMMITMENTS]:
        params = {"due_on": action.due_on.isoformat(), "text": action.text}
        yield {"message": OURS if action.side is Side.OURS else THEIRS, "params": params}
    if len(open_actions) > MOST_COMMITMENTS:
        yield {"message": MORE, "params": {"count": len(open_actions) - MOST_COMMITMENTS}}


def due_on(partner: Partner, owner: Person | None, within_days: int, now: datetime) -> date:
    """Count days that both the owner and the partner work on, from today in the owner's zone."""
    zone = owner.time_zone if owner else partner.time_zone
    countries = {country_of_zone(zone), partner.country or country_of_zone(partner.time_zone)} - {None}
    today = now.astimezone(ZoneInfo(zone)).date()
    return add_working_days(today, within_days, sorted(country for country in countries if country))


def miss(db: Database, settings: Settings, now: datetime, *, send: bool = True) -> int:
    """Mark the meetings not held by their date, and escalate each once; return how many.

    Before that, people are asked to open meetings at the addresses they have now.
    Of those whose alert is silenced people are told when the silence is over, if they are to be held still.
    """
    with db.read() as session:
        overdue = [meeting.id for meeting in meetings.overdue(session, now)]
        released = _released(session, now) if send else []
        moved = attendees.readdressed(session) if send else []
    for meeting_id in moved:
        with fence("meeting_not_readdressed", meeting=str(meeting_id)), db.write() as session:
            invitations.readdressed(session, settings, meetings.get(session, meeting_id, lock=True), now)
    missed = 0
    for meeting_id in overdue:
        with fence("meeting_not_missed", meeting=str(meeting_id)), db.write() as session:
            missed += _miss(session, settings, meeting_id, now, send)
    for meeting_id in released:
        with fence("missed_meeting_not_told", meeting=str(meeting_id)), db.write() as session:
            _tell_after_silence(session, settings, meeting_id, now)
    return missed


def _miss(session: Session, settings: Settings, meeting_id: uuid.UUID, now: datetime, send: bool) -> int:
    meeting = meetings.get(session, meeting_id, lock=True)
    if meeting.status not in meetings.AWAITED or not meetings.is_overdue(meeting, now):
        return 0  # somebody closed or moved it meanwhile
    meetings.miss(session, meeting, now)
    log.info("meeting_missed", meeting=str(meeting.id), partner=str(meeting.partner_id))
    why = _escalate(session, settings, meeting, now) if send else None
    if why is not None:
        _note_missed(session, meeting, meetings.missed_key(meeting.id, meeting.sequence), why.held_back, why.why, now)
    return 1


def _note_missed(
    session: Session, meeting: Meeting, key: str, held_back: HeldBack | None, why: Mapping[str, Any], now: datetime
) -> None:
    notices.add(
        session,
        key=key,
        partner_id=meeting.partner_id,
        reason=NoticeReason.ESCALATION,
        held_back=held_back,
        why=why,
        alerts=[meeting.alert_id],
        now=now,
    )


def _escalate(session: Session, settings: Settings, meeting: Meeting, now: datetime) -> Held | None:
    """Tell that a meeting was missed; return why nobody is told.

    Nobody hears so first of a meeting whose alert was decided for the past, and nobody while the alert is silenced.
    """
    begun = meetings.how_alert_was_told(session, meeting)
    by_rule = meeting.proposed_by is None
    if by_rule and begun is not None and not notifications.speaks_of_meeting(session, meeting.id):
        announced_at, notice_id = begun
        if announced_at is None:
            return None  # the alert waits to be told, and this with it
        if notice_id is None:
            return held(HeldBack.PAST)
    why = quiet.read(session, now).hides(meeting.alert, meeting.partner)
    if why is not None and why.held_back is HeldBack.SILENCED:
        return why
    return None if invitations.escalated(session, settings, meeting, now) else held(HeldBack.NOBODY)


def _released(session: Session, now: datetime) -> list[uuid.UUID]:
    """Return the missed meetings that a silence kept from being told, and none does any more."""
    waiting = meetings.missed_in_silence(session)
    silences = quiet.read(session, now) if waiting else None
    return [one.id for one in waiting if silences and silences.silence(one.alert, one.partner) is None]


def _tell_after_silence(session: Session, settings: Settings, meeting_id: uuid.UUID, now: datetime) -> None:
    meeting = meetings.get(session, meeting_id, lock=True)
    if meeting.status is not MeetingStatus.MISSED:
        return  # somebody closed or moved it meanwhile
    key = meetings.missed_key(meeting.id, meeting.sequence) + meetings.AFTER_SILENCE
    if invitations.escalated(session, settings, meeting, now):
        _note_missed(session, meeting, key, None, invitations.missed(meeting), now)
    else:
        nobody = held(HeldBack.NOBODY)
        _note_missed(session, meeting, key, nobody.held_back, nobody.why, now)
