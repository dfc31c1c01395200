"""What Warden says to people, channel-neutral: the message, and one builder per reason. Pure; nothing is sent here."""

from warden.messages.alerts import SEVERITY_NAMES, AlertContext, alert_fired, alert_resolved
from warden.messages.digests import DigestContext, DigestMeeting, DigestPartner, DigestSource, digest
from warden.messages.meetings import (
    MeetingContext,
    meeting_cancelled,
    meeting_escalated,
    meeting_proposed,
    meeting_scheduled,
)
from warden.messages.message import SEALED, Attendee, Invitation, Item, Message
from warden.messages.service import (
    SourceContext,
    destination_disabled,
    reachable,
    sign_in,
    source_blind,
    source_changed,
    source_recovered,
    source_refused,
)

__all__ = [
    "SEALED",
    "SEVERITY_NAMES",
    "AlertContext",
    "Attendee",
    "DigestContext",
    "DigestMeeting",
    "DigestPartner",
    "DigestSource",
    "Invitation",
    "Item",
    "MeetingContext",
    "Message",
    "SourceContext",
    "alert_fired",
    "alert_resolved",
    "destination_disabled",
    "digest",
    "meeting_cancelled",
    "meeting_escalated",
    "meeting_proposed",
    "meeting_scheduled",
    "reachable",
    "sign_in",
    "source_blind",
    "source_changed",
    "source_recovered",
    "source_refused",
]
