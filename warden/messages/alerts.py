"""What is said of one partner's alerts: one message for all of them, worst first, with why it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from warden.domain import NoticeReason, NotificationReason, Severity, Worth
from warden.i18n import N_
from warden.messages.message import Item, Message, facts_of, likelihood_of, percent_of
from warden.wording import Fact, Reader

SEVERITY_NAMES = {
    Severity.INFO: N_("Information"),
    Severity.WARNING: N_("Warning"),
    Severity.CRITICAL: N_("Critical"),
}

NOTICE_REASONS: Mapping[NoticeReason, str] = {
    NoticeReason.FIRST: N_("This is the first alert about this partner."),
    NoticeReason.WORSE: N_("This is worse than what was told before."),
    NoticeReason.NEW_IN_GROUP: N_("Another alert fired for this partner."),
    NoticeReason.RESOLVED: N_("Everything that was told of this partner has ended."),
    NoticeReason.RESOLVED_WHILE_SILENCED: N_("What was told of this partner ended while it was silenced."),
    NoticeReason.REMINDER: N_("A reminder: this has not ended yet."),
    NoticeReason.UNSTABLE: N_("An alert fires and ends again and again: it is not told each time any more."),
    NoticeReason.STEADY: N_("An alert that fired and ended again and again is steady now."),
    NoticeReason.SILENCE_ENDED: N_("A silence is over; this fires still."),
    NoticeReason.COMMON_CAUSE: N_("Many partners raise the same alert at once: they share a cause."),
    NoticeReason.ESCALATION: N_("Nobody has acknowledged this yet."),
    NoticeReason.ACTION_DUE: N_("Something that was agreed on is due."),
}
"""Why people are told, in words."""

WORTH_NAMES = {
    Worth.USEFUL: N_("Useful"),
    Worth.NOISE: N_("Noise"),
    Worth.TOO_LATE: N_("Too late"),
}

MEANT_FOR = N_("Meant for")

WHERE_TO_ASK = N_("Where executives should meet, propose it on the partner's page.")
"""What is told of many partners at once may ask for no meetings: who wants one has to know where to get it."""

MOST_EVIDENCE = 12
"""Lines of evidence of a single alert; of several, each has as many as there are to share, but three at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPart:
    """One alert within a message. `why` is the reason of its last transition, None where that says nothing new."""

    rule_names: Mapping[str, str]  # locale → name
    severity: Severity
    url: str
    fired_at: datetime
    is_new: bool = False  # this message is the first to tell of it
    rose: bool = False  # its severity is above what was told
    is_unstable: bool = False  # it fires and ends again and again
    why: Fact | None = None
    evidence: Sequence[Fact] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What the evidence points to, and what helps: names and steps by locale."""

    cause: str  # a message to be translated
    share: float  # 0..1 of all that speaks for any cause
    why: Sequence[Fact] = ()
    playbook: Mapping[str, str] = field(default_factory=dict)  # its title; empty: there is none
    steps: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContext:
    """What a message about one partner's alerts is made from; nothing in it depends on the reader but `verdicts`."""

    partner: str
    reason: NoticeReason
    why: Fact  # the reason in words
    at: datetime  # when it was decided to tell
    partner_url: str
    firing: Sequence[AlertPart] = ()  # worst first
    ended: Sequence[AlertPart] = ()  # told as firing before, and over by now
    band_names: Mapping[str, str] = field(default_factory=dict)  # empty: not rated
    likelihood: float | None = None  # 0..1
    impact: float | None = None  # 1..5
    coverage: float | None = None  # 0..1
    owner: str | None = None
    assigned_to: str | None = None
    meeting_due_on: date | None = None
    advice: Advice | None = None
    verdicts: Sequence[tuple[Worth, str]] = ()  # addresses at which the reader says what one alert was worth
    judged: Mapping[str, str] = field(default_factory=dict)  # the rule of that alert; locale → name
    meant_for: str | None = None  # somebody else, whom it did not reach


def alert_fired(context: AlertContext, reader: Reader) -> Message:
    """Something fires for a partner; at least one alert."""
    worst = context.firing[0]
    title = N_("%(severity)s: %(partner)s – %(rule)s")
    if len(context.firing) > 1:
        title = N_("%(severity)s: %(partner)s – %(rule)s and %(more)s more")
    values = {"severity": reader.tr(SEVERITY_NAMES[worst.severity]), "more": len(context.firing) - 1}
    return _alerts(
        context, reader, NotificationReason.ALERT_FIRED, reader.say(title, **_named(context, worst, reader), **values)
    )


def alert_resolved(context: AlertContext, reader: Reader) -> Message:
    """Everything that was told of a partner is over; at least one alert."""
    worst = context.ended[0]
    title = N_("Resolved: %(partner)s – %(rule)s")
    if len(context.ended) > 1:
        title = N_("Resolved: %(partner)s – %(rule)s and %(more)s more")
    values = {"more": len(context.ended) - 1}
    return _alerts(
        context,
        reader,
        NotificationReason.ALERT_RESOLVED,
        reader.say(title, **_named(context, worst, reader), **values),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerPart:
    """One partner's line in a message about many. `rules`: names of what fires, by locale."""

    partner: str
    url: str
    severity: Severity | None  # the highest of what fires; None: nothing does any more
    rules: Sequence[Mapping[str, str]] = ()
    ended: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyContext:
    """What a message about many partners is made from; `partners` worst first."""

    kind: NotificationReason
    reason: NoticeReason
    title: Fact
    why: Fact
    at: datetime
    url: str
    partners: Sequence[PartnerPart]
    meant_for: str | None = None  # somebody else, whom it did not reach


def many_partners(context: ManyContext, reader: Reader) -> Message:
    """One message instead of one for each of many partners."""
    order = list(Severity)
    severities = [part.severity for part in context.partners if part.severity is not None]
    return Message(
        reason=context.kind,
        notice=context.reason,
        severity=max(severities, key=order.index, default=None),
        title=reader.fact(context.title),
        lead=" ".join([reader.fact(context.why), *([reader.tr(WHERE_TO_ASK)] if severities else [])]),
        facts=facts_of(
            reader,
            (MEANT_FOR, context.meant_for),
            (N_("Partners"), len(context.partners)),
            (N_("Decided"), context.at),
        ),
        items=tuple(_partner(part, reader) for part in context.partners),
        links=((reader.tr(N_("Open the alerts")), context.url),),
        footer=reader.tr(N_("Sent because alerts of this severity are sent here.")),
    )


def _partner(part: PartnerPart, reader: Reader) -> Item:
    said = []
    if part.severity is not None:
        rules = ", ".join(map(reader.name, part.rules))
        said.append(
            reader.say(N_("%(severity)s: %(rule)s"), severity=reader.tr(SEVERITY_NAMES[part.severity]), rule=rules)
        )
    if part.ended:
        said.append(reader.say(N_("no longer firing: %(rules)s"), rules=", ".join(map(reader.name, part.ended))))
    return Item(part.partner, " · ".join(said), part.url, reader.tr(N_("Partners")))


def _named(context: AlertContext, part: AlertPart, reader: Reader) -> dict[str, str]:
    return {"partner": context.partner, "rule": reader.name(part.rule_names)}


def _alerts(context: AlertContext, reader: Reader, reason: NotificationReason, title: str) -> Message:
    links = [(N_("Open the partner"), context.partner_url)]
    links += [(N_("Open the alert"), part.url) for part in (*context.firing, *context.ended)[:1]]
    return Message(
        reason=reason,
        notice=context.reason,
        severity=context.firing[0].severity if context.firing else None,
        title=title,
        lead=_lead(context, reader),
        facts=facts_of(
            reader,
            (MEANT_FOR, context.meant_for),
            (N_("Band"), reader.name(context.band_names) or None),
            (N_("Likelihood"), likelihood_of(reader, context.likelihood)),
            (N_("Impact, of 5"), context.impact),
            (N_("Signals that are fresh"), percent_of(reader, context.coverage)),
            (N_("Owner"), context.owner),
            (N_("Assigned to"), context.assigned_to),
            (N_("Meeting to be held by"), context.meeting_due_on),
            (N_("Fired"), min((part.fired_at for part in (*context.firing, *context.ended)), default=None)),
            (N_("Decided"), context.at),
        ),
        items=(*_firing(context, reader), *_ended(context, reader), *_advice(context.advice, reader)),
        links=tuple((reader.tr(label), url) for label, url in links),
        closing=_judged(context, reader),
        verdicts=tuple((reader.tr(WORTH_NAMES[worth]), url) for worth, url in context.verdicts),
        footer=reader.tr(N_("Sent because alerts of this severity are sent here.")),
    )


def _judged(context: AlertContext, reader: Reader) -> str:
    """Return which of several alerts the links to say what it was worth are about."""
    if not context.verdicts or len(context.firing) + len(context.ended) < 2:
        return ""
    return reader.say(N_("Useful, noise or too late? That is asked of “%(rule)s”."), rule=reader.name(context.judged))


def _lead(context: AlertContext, reader: Reader) -> str:
    """Return the reason, and what speaks for the worst of what is new, or why an alert counts for more than it did."""
    parts = [part for part in context.firing if part.is_new] or [*context.firing, *context.ended]
    part = next((one for one in parts if one.rose), parts[0])
    speaks = context.firing and part.evidence and not part.rose  # for what rose speaks what spoke for it before
    told = part.evidence[0] if speaks else part.why
    return " ".join(
        [reader.fact(context.why), *([_sentence(reader.fact(told))] if told and told != context.why else [])]
    )


def _firing(context: AlertContext, reader: Reader) -> list[Item]:
    most = max(3, MOST_EVIDENCE // len(context.firing)) if context.firing else 0
    items = []
    for part in context.firing:
        group = reader.say(
            N_("%(severity)s: %(rule)s"),
            severity=reader.tr(SEVERITY_NAMES[part.severity]),
            rule=reader.name(part.rule_names),
        )
        lines = [_sentence(reader.fact(line)) for line in part.evidence[:most]]
        if not lines:
            why = part.why if part.why != context.why else None  # the message begins with it
            lines = [reader.fact(why) if why else reader.say(N_("Fires since %(at)s."), at=part.fired_at)]
        if part.is_unstable:
            lines.append(reader.tr(N_("It fires and ends again and again, and is not told each time.")))
        items += [Item(line, url=part.url if number == 0 else "", group=group) for number, line in enumerate(lines)]
    return items


def _ended(context: AlertContext, reader: Reader) -> list[Item]:
    group = reader.tr(N_("No longer firing"))
    return [
        Item(reader.name(part.rule_names), reader.fact(part.why) if part.why else "", part.url, group)
        for part in context.ended
    ]


def _advice(advice: Advice | None, reader: Reader) -> list[Item]:
    if advice is None:
        return []
    points_to = reader.say(
        N_("%(cause)s (%(cause_share)s of what speaks for any cause)"),
        cause=_sentence(reader.tr(advice.cause)),
        cause_share=advice.share,
    )
    why = " ".join(_sentence(reader.fact(line)) for line in advice.why)
    steps = [Item(reader.name(step), group=reader.name(advice.playbook)) for step in advice.steps]
    return [Item(points_to, why, group=reader.tr(N_("What the evidence points to"))), *steps]


def _sentence(text: str) -> str:
    """Begin a line of evidence like the sentence it now is."""
    return text[:1].upper() + text[1:]
