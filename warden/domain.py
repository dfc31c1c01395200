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
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How loudly an alert speaks, mildest first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    """State of an alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


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
    FAILED = "failed"  # given up, with the reason


class NotificationReason(StrEnum):
    """Why a message is sent; every notification says which."""

    ALERT_FIRED = "alert_fired"
    ALERT_RESOLVED = "alert_resolved"
    MEETING_PROPOSED = "meeting_proposed"
    MEETING_SCHEDULED = "meeting_scheduled"
    MEETING_ESCALATED = "meeting_escalated"
    MEETING_CANCELLED = "meeting_cancelled"
    SOURCE_BLIND = "source_blind"
    SOURCE_REFUSED = "source_refused"
    SOURCE_CHANGED = "source_changed"
    SOURCE_RECOVERED = "source_recovered"
    DESTINATION_DISABLED = "destination_disabled"
    DIGEST = "digest"
    SIGN_IN = "sign_in"
    TEST = "test"


class Frequency(StrEnum):
    """How often a digest is sent."""

    DAILY = "daily"
    WEEKLY = "weekly"


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
