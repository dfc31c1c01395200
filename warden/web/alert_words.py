"""Words about alerts for people: what happened, why somebody was told or not, whom they climb to. Texts only."""

from warden.domain import (
    AlertEventKind,
    Cause,
    EscalateTo,
    HeldBack,
    NoticeReason,
    SilenceKind,
)
from warden.i18n import N_
from warden.messages import WORTH_NAMES
from warden.rules.diagnosis import CAUSE_NAMES

EVENTS = {
    AlertEventKind.FIRED: N_("Began to fire"),
    AlertEventKind.WORSE: N_("Became worse"),
    AlertEventKind.RESOLVED: N_("Resolved"),
    AlertEventKind.UNSTABLE: N_("Became unstable"),
    AlertEventKind.STEADY: N_("Became steady"),
}
"""What happened to an alert."""

CAUSES = {
    Cause.NEW_FACTS: N_("New facts"),
    Cause.LATE_FACTS: N_("Facts that came late"),
    Cause.TIME: N_("Time passing"),
    Cause.CONFIGURATION: N_("Rules, criteria or attributes were changed"),
    Cause.FIRST_LOOK: N_("The first look at this partner"),
}
"""What made a rule change its state."""

REASONS = {
    NoticeReason.FIRST: N_("First alert"),
    NoticeReason.WORSE: N_("Worse"),
    NoticeReason.NEW_IN_GROUP: N_("Another alert"),
    NoticeReason.RESOLVED: N_("Over"),
    NoticeReason.RESOLVED_WHILE_SILENCED: N_("Over while silenced"),
    NoticeReason.REMINDER: N_("Reminder"),
    NoticeReason.UNSTABLE: N_("Unstable"),
    NoticeReason.STEADY: N_("Steady again"),
    NoticeReason.SILENCE_ENDED: N_("Silence over"),
    NoticeReason.COMMON_CAUSE: N_("Common cause"),
    NoticeReason.ESCALATION: N_("Escalation"),
    NoticeReason.ACTION_DUE: N_("Action due"),
}
"""Why people were told, or would have been."""

HELD_BACK = {
    HeldBack.SILENCED: N_("Silenced"),
    HeldBack.INHIBITED: N_("Another rule says more"),
    HeldBack.ACKNOWLEDGED: N_("Acknowledged"),
    HeldBack.UNSTABLE: N_("Unstable"),
    HeldBack.LATE_FACTS: N_("Facts that came late"),
    HeldBack.COMMON_CAUSE: N_("Common cause"),
    HeldBack.TOO_SOON: N_("Too soon"),
    HeldBack.NOBODY: N_("Nobody to tell"),
    HeldBack.OVER: N_("Over before it was told"),
    HeldBack.PARTLY: N_("With the next message"),
    HeldBack.PAST: N_("Decided for the past"),
}
"""Why nobody was told."""

WORTHS = WORTH_NAMES
OFTEN_MESSAGE = N_(
    "You have said %(most)s times what this alert was worth: your last word counts, and no more are noted."
)
DIAGNOSES = CAUSE_NAMES

SILENCE_KINDS = {SilenceKind.SILENCE: N_("Silence"), SilenceKind.MAINTENANCE: N_("Maintenance window")}

SILENCE_STATES = {
    "active": N_("In force"),
    "coming": N_("To come"),
    "over": N_("Over"),
    "ended": N_("Ended early"),
}
"""What a silence is at a moment; see alert_answers.state_of_silence."""

MATCHERS = {
    "severity": N_("Severity"),
    "rule": N_("Rule"),
    "partner": N_("Partner"),
    "tier": N_("Tier"),
    "tag": N_("Tag"),
    "owner": N_("Owner"),
    "region": N_("Region"),
    "country": N_("Country"),
    "language": N_("Language of the owner"),
    "hours": N_("Hours"),
}
"""What silences and routes may speak of."""

PEOPLE = {"owner": N_("Owner"), "sponsor": N_("Executive sponsor"), "on_duty": N_("Whoever is on duty")}
"""Whom a route may write to by role."""

ESCALATE_TO = {
    EscalateTo.OWNER: N_("Owner"),
    EscalateTo.SPONSOR: N_("Executive sponsor"),
    EscalateTo.ON_DUTY: N_("Whoever is on duty"),
    EscalateTo.DESTINATION: N_("A destination"),
}
"""Whom a step of the escalation chain tells."""
