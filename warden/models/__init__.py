"""The tables. Importing this package registers all of them on `Base.metadata`."""

from warden.models.access import ApiToken, IdempotentReply, OneTimeLink, User, WebSession
from warden.models.base import Base
from warden.models.calm import Absence, Assignment, Deputy, Duty, EscalationStep, Silence, Verdict
from warden.models.decisions import Alert, AlertEvent, Decision, Meeting, Rule, RuleStatus
from warden.models.facts import Attribution, Correction, Fact, FactKey, Mention, NewsModel, Reading
from warden.models.meetings import Action, Cadence, MeetingReply
from warden.models.notices import Destination, Digest, Notice, Notification, Route, Told
from warden.models.partners import Alias, Identifier, Partner, PartnerVersion, Person
from warden.models.risk import Assessment, Backtest, Criterion, Learned, Matrix, OutcomeState, Override
from warden.models.rulebook import Playbook, RuleSetting, RuleVersion
from warden.models.service import Meta
from warden.models.sources import Run, Source

__all__ = [
    "Absence",
    "Action",
    "Alert",
    "AlertEvent",
    "Alias",
    "ApiToken",
    "Assessment",
    "Assignment",
    "Attribution",
    "Backtest",
    "Base",
    "Cadence",
    "Correction",
    "Criterion",
    "Decision",
    "Deputy",
    "Destination",
    "Digest",
    "Duty",
    "EscalationStep",
    "Fact",
    "FactKey",
    "IdempotentReply",
    "Identifier",
    "Learned",
    "Matrix",
    "Meeting",
    "MeetingReply",
    "Mention",
    "Meta",
    "NewsModel",
    "Notice",
    "Notification",
    "OneTimeLink",
    "OutcomeState",
    "Override",
    "Partner",
    "PartnerVersion",
    "Person",
    "Playbook",
    "Reading",
    "Route",
    "Rule",
    "RuleSetting",
    "RuleStatus",
    "RuleVersion",
    "Run",
    "Silence",
    "Source",
    "Told",
    "User",
    "Verdict",
    "WebSession",
]
