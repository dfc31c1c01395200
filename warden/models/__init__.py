"""The tables. Importing this package registers all of them on `Base.metadata`."""

from warden.models.access import ApiToken, IdempotentReply, OneTimeLink, User, WebSession
from warden.models.base import Base
from warden.models.decisions import Alert, Decision, Meeting, Rule, RuleStatus
from warden.models.facts import Attribution, Correction, Fact, FactKey, Mention, NewsModel, Reading
from warden.models.notices import Destination, Digest, Notification
from warden.models.partners import Alias, Identifier, Partner, PartnerVersion, Person
from warden.models.risk import Assessment, Backtest, Criterion, Learned, Matrix, OutcomeState, Override
from warden.models.service import Meta
from warden.models.sources import Run, Source

__all__ = [
    "Alert",
    "Alias",
    "ApiToken",
    "Assessment",
    "Attribution",
    "Backtest",
    "Base",
    "Correction",
    "Criterion",
    "Decision",
    "Destination",
    "Digest",
    "Fact",
    "FactKey",
    "IdempotentReply",
    "Identifier",
    "Learned",
    "Matrix",
    "Meeting",
    "Mention",
    "Meta",
    "NewsModel",
    "Notification",
    "OneTimeLink",
    "OutcomeState",
    "Override",
    "Partner",
    "PartnerVersion",
    "Person",
    "Reading",
    "Rule",
    "RuleStatus",
    "Run",
    "Source",
    "User",
    "WebSession",
]
