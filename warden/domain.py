"""The words Warden is written in: enumerations and constants shared by every layer. No behaviour, no dependencies."""

from collections.abc import Mapping
from enum import StrEnum

LOCALES = ("en", "zh-Hant", "zh-Hans", "vi")
"""BCP 47 tags of the languages every text for people exists in."""


class Stage(StrEnum):
    """Where a partnership stands in its life cycle."""

    CANDIDATE = "candidate"
    ONBOARDING = "onboarding"
    ACTIVE = "active"
    BUFFER = "buffer"
    EXITING = "exiting"
    ENDED = "ended"


WATCHED_STAGES = frozenset({Stage.ONBOARDING, Stage.ACTIVE, Stage.BUFFER, Stage.EXITING})
"""Stages in which a partner is assessed: a candidate is not a partner yet, an ended one no longer."""


class FactKind(StrEnum):
    """What kind of thing a source reported."""

    MESSAGE = "message"
    DELIVERY = "delivery"
    ARTICLE = "article"
    MEASURE = "measure"


FAMILIES: Mapping[FactKind, str] = {
    FactKind.MESSAGE: "communication",
    FactKind.DELIVERY: "delivery",
    FactKind.ARTICLE: "sentiment",
    FactKind.MEASURE: "measure",
}
"""The family of signals each kind of fact feeds."""


class SourceState(StrEnum):
    """How a source fared last time, by who must act."""

    NEW = "new"
    OK = "ok"
    UNAVAILABLE = "unavailable"  # nobody yet: it is tried again, later and later
    REFUSED = "refused"  # a person: paused until its credentials or address are mended
    CHANGED = "changed"  # a developer: the payload is no longer understood


class RunOutcome(StrEnum):
    """How one collecting run ended."""

    OK = "ok"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    CHANGED = "changed"
    FAILED = "failed"  # a defect of ours


class RuleState(StrEnum):
    """State of one rule for one partner."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"
    UNKNOWN = "unknown"  # something the condition uses is not known, or the rule is held back
    ERROR = "error"  # the condition itself failed: whoever wrote the rule has to mend it


class NoData(StrEnum):
    """What a rule does once it has been unknown for longer than its grace."""

    KEEP = "keep"  # whatever is open stays open
    RESOLVE = "resolve"  # whatever is open resolves
    ALERT = "alert"  # it fires, saying that nothing is known


class VersionStatus(StrEnum):
    """Where a version of a rule or a playbook stands."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class Cause(StrEnum):
    """What made a rule change its state."""

    NEW_FACTS = "new_facts"
    LATE_FACTS = "late_facts"  # facts of long ago that became known only now
    TIME = "time"  # nothing new: time passed
    CONFIGURATION = "configuration"  # the rule, a criterion, an override or the partner's attributes changed
    FIRST_LOOK = "first_look"  # the partner was never judged before


class Severity(StrEnum):
    """How loudly an alert speaks, mildest first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    """State of an alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


class AlertEventKind(StrEnum):
    """What happened to an alert; announcing turns these into messages, or notes why not."""

    FIRED = "fired"
    WORSE = "worse"  # its severity rose
    RESOLVED = "resolved"
    UNSTABLE = "unstable"  # it fires and resolves too often to be told each time
    STEADY = "steady"  # it no longer does


class NoticeReason(StrEnum):
    """Why people are told about a partner's alerts, or would have been."""

    FIRST = "first"
    WORSE = "worse"
    NEW_IN_GROUP = "new_in_group"
    RESOLVED = "resolved"
    RESOLVED_WHILE_SILENCED = "resolved_while_silenced"
    REMINDER = "reminder"
    UNSTABLE = "unstable"
    STEADY = "steady"
    SILENCE_ENDED = "silence_ended"
    COMMON_CAUSE = "common_cause"
    ESCALATION = "escalation"
    ACTION_DUE = "action_due"


class HeldBack(StrEnum):
    """Why somebody was not told."""

    SILENCED = "silenced"
    INHIBITED = "inhibited"
    ACKNOWLEDGED = "acknowledged"
    UNSTABLE = "unstable"
    LATE_FACTS = "late_facts"
    COMMON_CAUSE = "common_cause"  # told in one notice for many partners
    TOO_SOON = "too_soon"  # a standing alarm is reminded of once in 56 days
    NOBODY = "nobody"  # no destination takes it
    OVER = "over"  # it began and ended before anybody was told
    PARTLY = "partly"  # other alerts of the partner still fire: it is told with the next message
    PAST = "past"  # decided for the past: a replay or a backfill


class SilenceKind(StrEnum):
    """Why nobody is to be told."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"


class Worth(StrEnum):
    """What somebody says an alert was worth."""

    USEFUL = "useful"
    NOISE = "noise"
    TOO_LATE = "too_late"


class DiagnosedCause(StrEnum):
    """What a partnership may suffer from."""

    COMMUNICATION = "communication"
    EXPECTATIONS = "expectations"
    INTERESTS = "interests"
    TRUST = "trust"
    PERFORMANCE = "performance"
    EXTERNAL = "external"
    CULTURE = "culture"


class EscalateTo(StrEnum):
    """Whom a step of the escalation chain tells."""

    OWNER = "owner"
    SPONSOR = "sponsor"
    ON_DUTY = "on_duty"
    DESTINATION = "destination"


class MeetingLevel(StrEnum):
    """Who meets: the three tiers of the rhythm."""

    EXECUTIVE = "executive"
    MANAGEMENT = "management"
    WORKING = "working"


class Side(StrEnum):
    """Whose commitment an action is."""

    OURS = "ours"
    THEIRS = "theirs"


class MeetingStatus(StrEnum):
    """State of an executive meeting."""

    PROPOSED = "proposed"
    SCHEDULED = "scheduled"
    HELD = "held"
    WAIVED = "waived"
    MISSED = "missed"


OPEN_MEETINGS = frozenset({MeetingStatus.PROPOSED, MeetingStatus.SCHEDULED, MeetingStatus.MISSED})
"""Meetings somebody still has to hold or waive."""


class NotificationStatus(StrEnum):
    """State of one outbound message."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENT = "sent"  # the channel confirmed it
    ACCEPTED = "accepted"  # the channel took it without saying that it was shown (Teams: 202)
    CONFIRMED = "confirmed"  # shown: the other side called back to say so
    FAILED = "failed"  # given up, with the reason


class NotificationReason(StrEnum):
    """Why a message is sent; every notification says which."""

    ALERT_FIRED = "alert_fired"
    ALERT_RESOLVED = "alert_resolved"
    COMMON_CAUSE = "common_cause"
    ACTION_DUE = "action_due"
    SILENCE_ENDED = "silence_ended"
    CANARY = "canary"
    CLOCK_STOPPED = "clock_stopped"
    DIGEST_UNDELIVERED = "digest_undelivered"
    MEETING_PROPOSED = "meeting_proposed"
    MEETING_SCHEDULED = "meeting_scheduled"
    MEETING_ESCALATED = "meeting_escalated"
    MEETING_CANCELLED = "meeting_cancelled"
    SOURCE_BLIND = "source_blind"
    SOURCE_REFUSED = "source_refused"
    SOURCE_CHANGED = "source_changed"
    SOURCE_RECOVERED = "source_recovered"
    DESTINATION_DISABLED = "destination_disabled"
    RULE_FAILED = "rule_failed"
    DIGEST = "digest"
    SIGN_IN = "sign_in"
    TEST = "test"


class Frequency(StrEnum):
    """How often a digest is sent."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class WhenEmpty(StrEnum):
    """What becomes of a digest that has nothing to tell."""

    SEND = "send"  # it says that nothing is new
    SKIP = "skip"


class Role(StrEnum):
    """What a user or a token may do; each includes the ones before it."""

    VIEWER = "viewer"
    MANAGER = "manager"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Tell whether this role may do everything `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Scope(StrEnum):
    """Whom a risk criterion is set for; the narrower one wins."""

    PORTFOLIO = "portfolio"
    TIER = "tier"
    PARTNER = "partner"


class CorrectionKind(StrEnum):
    """What of a read article a person corrects, for one partner."""

    TONE = "tone"
    EVENT = "event"
    ABOUT = "about"  # whether it is about the partner at all
    INCIDENT = "incident"  # which articles tell of the same thing


class Quantity(StrEnum):
    """What somebody may override."""

    LIKELIHOOD = "likelihood"
    IMPACT = "impact"
