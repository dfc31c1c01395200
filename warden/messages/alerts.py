"""What is said of alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from warden.domain import NotificationReason, Severity
from warden.i18n import N_
from warden.messages.message import Item, Message, facts_of, likelihood_of, percent_of
from warden.wording import Fact, Reader

SEVERITY_NAMES = {
    Severity.INFO: N_("Information"),
    Severity.WARNING: N_("Warning"),
    Severity.CRITICAL: N_("Critical"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContext:
    """What an alert message is made from; nothing in it depends on the reader."""

    partner: str
    rule_names: Mapping[str, str]  # locale → name
    severity: Severity
    reason: Fact  # of the transition: why it fired, or why it resolved
    at: datetime  # of the transition
    partner_url: str
    alert_url: str
    evidence: Sequence[Fact] = ()
    band_names: Mapping[str, str] = field(default_factory=dict)  # empty: not rated
    likelihood: float | None = None  # 0..1
    impact: float | None = None  # 1..5
    coverage: float | None = None  # 0..1
    owner: str | None = None
    meeting_due_on: date | None = None
    fired_at: datetime | None = None  # of a resolved alert


def alert_fired(context: AlertContext, reader: Reader) -> Message:
    """A rule fired for a partner."""
    title = N_("%(severity)s: %(partner)s – %(rule)s")
    lead = context.evidence[0] if context.evidence else context.reason
    return _alert(context, reader, NotificationReason.ALERT_FIRED, title, lead)


def alert_resolved(context: AlertContext, reader: Reader) -> Message:
    """A partner recovered."""
    title = N_("Resolved: %(partner)s – %(rule)s")
    return _alert(context, reader, NotificationReason.ALERT_RESOLVED, title, context.reason)


def _alert(context: AlertContext, reader: Reader, reason: NotificationReason, title: str, lead: Fact) -> Message:
    severity = reader.tr(SEVERITY_NAMES[context.severity])
    return Message(
        reason=reason,
        severity=context.severity if reason is NotificationReason.ALERT_FIRED else None,
        title=reader.say(title, severity=severity, partner=context.partner, rule=reader.name(context.rule_names)),
        lead=_sentence(reader.fact(lead)),
        facts=facts_of(
            reader,
            (N_("Band"), reader.name(context.band_names) or None),
            (N_("Likelihood"), likelihood_of(reader, context.likelihood)),
            (N_("Impact, of 5"), context.impact),
            (N_("Signals that are fresh"), percent_of(reader, context.coverage)),
            (N_("Owner"), context.owner),
            (N_("Meeting to be held by"), context.meeting_due_on),
            (N_("Fired"), context.fired_at),
            (N_("Decided"), context.at),
        ),
        items=tuple(Item(reader.fact(fact), group=reader.tr(N_("Evidence"))) for fact in context.evidence),
        links=(
            (reader.tr(N_("Open the partner")), context.partner_url),
            (reader.tr(N_("Open the alert")), context.alert_url),
        ),
        footer=reader.tr(N_("Sent because alerts of this severity are sent here.")),
    )


def _sentence(text: str) -> str:
    """Begin a line of evidence like the sentence it now is."""
    return text[:1].upper() + text[1:]
