"""Warden's own words for people: how states, stages and signals are called on pages. Texts only, no decisions."""

from scorers.news import kinds
from warden import reasons
from warden.domain import (
    AlertState,
    CorrectionKind,
    FactKind,
    Frequency,
    MeetingStatus,
    NotificationReason,
    NotificationStatus,
    Role,
    RuleState,
    RunOutcome,
    Severity,
    SourceState,
    Stage,
    VersionStatus,
    WhenEmpty,
)
from warden.i18n import N_

WORDS: dict[str, str] = {
    Stage.CANDIDATE: N_("Candidate"),
    Stage.ONBOARDING: N_("Onboarding"),
    Stage.ACTIVE: N_("Active"),
    Stage.BUFFER: N_("Buffer period"),
    Stage.EXITING: N_("Exiting"),
    Stage.ENDED: N_("Ended"),
    FactKind.MESSAGE: N_("Message"),
    FactKind.DELIVERY: N_("Delivery"),
    FactKind.ARTICLE: N_("Article"),
    FactKind.MEASURE: N_("Measure"),
    SourceState.NEW: N_("Not visited yet"),
    SourceState.OK: N_("Working"),
    SourceState.UNAVAILABLE: N_("Unavailable"),
    SourceState.REFUSED: N_("Refused"),
    SourceState.CHANGED: N_("Not understood"),
    RunOutcome.FAILED: N_("Failed"),
    AlertState.FIRING: N_("Firing"),
    AlertState.RESOLVED: N_("Resolved"),
    Severity.INFO: N_("Information"),
    Severity.WARNING: N_("Warning"),
    Severity.CRITICAL: N_("Critical"),
    MeetingStatus.PROPOSED: N_("Proposed"),
    MeetingStatus.SCHEDULED: N_("Scheduled"),
    MeetingStatus.HELD: N_("Held"),
    MeetingStatus.WAIVED: N_("Waived"),
    MeetingStatus.MISSED: N_("Missed"),
    NotificationStatus.QUEUED: N_("Waiting"),
    NotificationStatus.CLAIMED: N_("Being sent"),
    NotificationStatus.SENT: N_("Sent"),
    NotificationStatus.ACCEPTED: N_("Accepted, not confirmed"),
    NotificationStatus.CONFIRMED: N_("Confirmed"),
    NotificationReason.ALERT_FIRED: N_("Alert fired"),
    NotificationReason.ALERT_RESOLVED: N_("Alert resolved"),
    NotificationReason.MEETING_PROPOSED: N_("Meeting proposed"),
    NotificationReason.MEETING_SCHEDULED: N_("Meeting scheduled"),
    NotificationReason.MEETING_ESCALATED: N_("Meeting escalated"),
    NotificationReason.MEETING_CANCELLED: N_("Meeting cancelled"),
    NotificationReason.SOURCE_BLIND: N_("Source blind"),
    NotificationReason.SOURCE_REFUSED: N_("Source refused"),
    NotificationReason.SOURCE_CHANGED: N_("Source changed"),
    NotificationReason.SOURCE_RECOVERED: N_("Source recovered"),
    NotificationReason.DESTINATION_DISABLED: N_("Destination disabled"),
    NotificationReason.RULE_FAILED: N_("Rule fails"),
    NotificationReason.ACTION_DUE: N_("Action due"),
    NotificationReason.SILENCE_ENDED: N_("Silence over"),
    NotificationReason.COMMON_CAUSE: N_("Common cause"),
    NotificationReason.CANARY: N_("Check of a destination"),
    NotificationReason.CLOCK_STOPPED: N_("Warden stands still"),
    NotificationReason.DIGEST_UNDELIVERED: N_("Digest does not arrive"),
    NotificationReason.DIGEST: N_("Digest"),
    NotificationReason.SIGN_IN: N_("Sign-in link"),
    NotificationReason.TEST: N_("Test message"),
    Frequency.DAILY: N_("Every day"),
    Frequency.WEEKLY: N_("Every week"),
    Frequency.MONTHLY: N_("Every month"),
    WhenEmpty.SEND: N_("send it and say so"),
    WhenEmpty.SKIP: N_("send nothing"),
    Role.VIEWER: N_("Viewer"),
    Role.MANAGER: N_("Manager"),
    Role.ADMIN: N_("Administrator"),
}
"""Values of the enumerations in warden.domain, all but a rule's state. Equal values share one word on purpose."""

RULE_STATES = {
    RuleState.OK: N_("Quiet"),
    RuleState.PENDING: N_("Pending"),
    RuleState.FIRING: N_("Firing"),
    RuleState.RECOVERING: N_("Recovering"),
    RuleState.UNKNOWN: N_("Unknown"),
    RuleState.ERROR: N_("Fails"),
}

SIGNALS = reasons.SIGNALS

VIEWS = {
    "week_rhythm": N_("The rhythm of the last week"),
    "month_rhythm": N_("The rhythm of the last month"),
    "own_tail": N_("This gap beside the longest usual one"),
    "habit": N_("What is usual"),
    "lately": N_("What happens lately"),
    "background": N_("News in general"),
    "incidents": N_("Recent incidents"),
    "own_past": N_("What your own past taught"),
    "limit": N_("Kept within limits"),
}
"""Views of an outcome, whose parts make its likelihood; one of a scorer added later shows under its own name."""

SIGNAL_STATES = {
    "fresh": N_("Up to date"),
    "stale": N_("Out of date"),
    "missing": N_("Too little data"),
    "blind": N_("Source is blind"),
}

IMPACT_PARTS = {
    "annual_value": N_("Annual value"),
    "share": N_("Share of our business"),
    "months_to_replace": N_("Months to replace"),
    "single_source": N_("Only source"),
    "contract_end": N_("Contract ends"),
    "tier": N_("Tier"),
}

ATTENDEES = {
    "owner": N_("Owner"),
    "sponsor": N_("Executive sponsor"),
    "counterpart": N_("Counterpart executive"),
    "deputy": N_("Deputy"),
}

ATTENDANCE = {
    "needs-action": N_("No answer yet"),
    "accepted": N_("Accepted the invitation"),
    "declined": N_("Declined"),
    "tentative": N_("Perhaps"),
    "delegated": N_("Sends somebody else"),
}
"""What people answer to an invitation."""

LEVELS = {
    "executive": N_("Executives"),
    "management": N_("Management"),
    "working": N_("Working level"),
}
"""Who meets: the three tiers of the rhythm."""

SIDES = {"ours": N_("We"), "theirs": N_("The partner")}
"""Whose promise an action is."""

MISSING = {**SIGNALS, **IMPACT_PARTS}
"""What may be missing from an assessment."""

CRITERIA = {**SIGNALS, "impact": N_("Impact"), "placement": N_("Place on the matrix")}
"""What risk criteria are set for."""

ABOUT = {
    **MISSING,
    **CRITERIA,
    "likelihood": N_("Likelihood"),
    "stage": N_("Stage"),
    "country": N_("Country"),
    "time_zone": N_("Time zone"),
    "currency": N_("Currency"),
}
"""What a line of the change ledger is about."""

VERSION_STATES = {
    VersionStatus.DRAFT: N_("Draft"),
    VersionStatus.ACTIVE: N_("In use"),
    VersionStatus.RETIRED: N_("Past"),
    "past": N_("Past"),
}
"""Of what is drafted and activated; a version of the matrix is "past" and not "retired"."""

FORMS = {
    "default": N_("Warden's default formula"),
    "recalibrated": N_("The formula, corrected by your own past"),
    "supervised": N_("A model learned from your own past"),
}
"""Who speaks for an outcome."""

CAUSES = {
    "version": N_("A new version of the formula"),
    "late_facts": N_("Facts that came late"),
    "time": N_("Time passing"),
    "new_facts": N_("New facts"),
    "configuration": N_("Criteria, matrix, attributes and models"),
    "overrides": N_("What people set by hand"),
}
"""Steps of the change ledger."""

EVENTS = kinds.EVENT_MESSAGES

TONES = {"negative": N_("Negative"), "neutral": N_("Neutral"), "positive": N_("Positive")}

CORRECTIONS = {
    CorrectionKind.TONE: N_("tone"),
    CorrectionKind.EVENT: N_("kind of event"),
    CorrectionKind.ABOUT: N_("whether it is about this partner"),
    CorrectionKind.INCIDENT: N_("incident"),
}

WEIGHTS = ((60.0, N_("weighs heavily")), (20.0, N_("weighs noticeably")), (1.0, N_("weighs little")))
"""What the weight of an incident (0..300) is called from a figure on, highest first; below the last: NO_WEIGHT."""

NO_WEIGHT = N_("weighs next to nothing")

AMBIGUITIES = {
    "word": N_("also an everyday word"),
    "place": N_("also a place"),
    "number": N_("has no letter"),
    "short": N_("very short: up to two Chinese characters or three letters"),
    "shared": N_("another partner has this name, too"),
}
"""Why a person should look at what a name matches."""

ANSWERS = {
    "by_itself": N_("counts by itself"),
    "second_cue": N_("needs a second cue"),
    "letter_case": N_("upper and lower case must agree"),
    "never": N_("never counts"),
}

MARKS = {"new": N_("would count"), "lost": N_("would count no more"), "kept": N_("counts already")}

NEWS_LANGUAGES = {"en": N_("English"), "zh": N_("Chinese"), "vi": N_("Vietnamese")}
"""Languages whose tone has versions of its own: the parts of the lexicon."""

NOT_USED = N_("not set")
YES, NO = N_("Yes"), N_("No")
