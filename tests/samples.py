"""One message of every reason, and messages that are as awkward as people and partners can make them."""

import uuid
from datetime import UTC, date, datetime
from typing import Any

from warden import messages
from warden.domain import LOCALES, NoticeReason, NotificationReason, Severity, Side
from warden.messages import Attendee, Invitation, Item, Message
from warden.wording import Reader, reader_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
URL = "https://warden.example"
PARTNER_URL = f"{URL}/partners/7"
BANDS = {"en": "High", "zh-Hant": "高", "zh-Hans": "高", "vi": "Cao"}
LOW = {"en": "Low", "zh-Hant": "低", "zh-Hans": "低", "vi": "Thấp"}
RULE = {"en": "Band high or worse", "zh-Hant": "風險等級偏高", "zh-Hans": "风险等级偏高", "vi": "Mức rủi ro cao"}

LATE = {
    "message": "%(late)s of %(due)s deliveries were late (%(late_rate)s).",
    "params": {"late": 7.0, "due": 12.0, "late_rate": 0.583},
}
QUIET = {"message": "Silent for %(days_silent)s days.", "params": {"days_silent": 41.0}}


def part(**values: Any) -> messages.AlertPart:
    defaults: dict[str, Any] = {
        "rule_names": RULE,
        "severity": Severity.CRITICAL,
        "url": f"{URL}/alerts?partner=7",
        "fired_at": NOW,
        "is_new": True,
        "why": {"message": "The band rose to %(band)s.", "params": {"band": "high"}},
        "evidence": (LATE, QUIET),
    }
    return messages.AlertPart(**defaults | values)


STOPPED = {
    "message": "The clock has stood still since %(since)s: nothing is collected, decided or sent.",
    "params": {"since": NOW.isoformat()},
}

UNDELIVERED = {
    "message": "Nothing has left through %(destination)s since %(since)s; digests that wait: %(count)s.",
    "params": {"destination": "Mail", "since": NOW.isoformat(), "count": 2},
}


def alert(**values: Any) -> messages.AlertContext:
    defaults: dict[str, Any] = {
        "partner": "Smith & Co <Taipei>",
        "reason": NoticeReason.FIRST,
        "why": {"message": messages.NOTICE_REASONS[NoticeReason.FIRST], "params": {}},
        "at": NOW,
        "partner_url": PARTNER_URL,
        "firing": (part(),),
        "band_names": BANDS,
        "likelihood": 0.4213,
        "impact": 3.75,
        "coverage": 1.0,
        "owner": "An Nguyễn",
        "meeting_due_on": date(2026, 3, 9),
    }
    return messages.AlertContext(**defaults | values)


ENDED = {
    "reason": NoticeReason.RESOLVED,
    "why": {"message": messages.NOTICE_REASONS[NoticeReason.RESOLVED], "params": {}},
    "firing": (),
    "ended": (part(is_new=False),),
}


def meeting(**values: Any) -> messages.MeetingContext:
    defaults: dict[str, Any] = {
        "meeting_id": uuid.UUID("5f0c8b0e-0000-4000-8000-000000000001"),
        "partner": "Smith & Co <Taipei>",
        "reason": {"message": "The executives should meet by %(due_on)s.", "params": {"due_on": "2026-03-09"}},
        "due_on": date(2026, 3, 9),
        "sequence": 0,
        "meeting_url": f"{URL}/meetings/5",
        "partner_url": PARTNER_URL,
        "severity": Severity.CRITICAL,
        "owner": "An Nguyễn",
        "attendees": (
            Attendee("An Nguyễn", "an@our.example", "owner"),
            Attendee("陳, 美玲", "chen@our.example", "sponsor"),
        ),
        "agenda": (LATE, QUIET),
    }
    return messages.MeetingContext(**defaults | values)


SCHEDULED = {"starts_at": datetime(2026, 3, 6, 1, 0, tzinfo=UTC), "place": "Room 3; 台北", "sequence": 1}


def source() -> messages.SourceContext:
    return messages.SourceContext(
        source="Order mailbox", url=f"{URL}/sources", since=NOW, why="The server refused the password.", partners=12
    )


def _cells(*counts: int) -> tuple[messages.Cell, ...]:
    return tuple(messages.Cell(count, "Low", "#e4f1f7", "#12303d") for count in counts)


BOARD = messages.Board(
    caption="How many partners stand where",
    corner="Likelihood / impact",
    columns=("Minor", "Severe"),
    rows=(("Likely", _cells(0, 3)), ("Rare", _cells(41, 1))),
)


def digest(partners: int = 3) -> messages.DigestContext:
    worst = [
        messages.DigestPartner(
            name=f"Partner <{number}> 台灣製造股份有限公司",
            url=f"{URL}/partners/{number}",
            band=BANDS,
            likelihood=0.42,
            impact=3.75,
            was=LOW if number % 2 else None,
            was_likelihood=0.3,
            moved=number % 2,
            alerts={Severity.WARNING: [RULE]},
            unstable=[RULE] if number == 0 else [],
        )
        for number in range(partners)
    ]
    thin = {"message": "Too little is known.", "params": {}}
    return messages.DigestContext(
        on=NOW.date(),
        since=datetime(2026, 3, 1, tzinfo=UTC),
        is_new=True,
        worst=worst,
        worsened=[messages.DigestPartner(name="Slipping AG", url=PARTNER_URL, band=LOW, was=LOW, moved=1)],
        improved=[messages.DigestPartner(name="Better BV", url=PARTNER_URL, band=LOW, was=BANDS, moved=-1)],
        rated=[messages.DigestPartner(name="New GmbH", url=PARTNER_URL, band=LOW, was={})],
        unknown=[messages.DigestPartner(name="Quiet Ltd", url=PARTNER_URL, band=None, not_rated=thin, was=LOW)],
        meetings=[
            messages.DigestMeeting(
                partner="Smith & Co", url=f"{URL}/meetings/5", due_on=date(2026, 2, 27), is_overdue=True, owner="An"
            )
        ],
        actions=[
            messages.DigestAction(
                partner="Smith & Co",
                text="Send the recovery plan <v2>",
                url=PARTNER_URL,
                due_on=date(2026, 2, 27),
                is_overdue=True,
                owner="An",
            ),
            messages.DigestAction(
                partner="Smith & Co",
                text="Pay",
                url=PARTNER_URL,
                due_on=date(2026, 3, 2),
                is_overdue=False,
                theirs=True,
            ),
        ],
        blind=[messages.DigestSource(name="Order mailbox", url=f"{URL}/sources", since=NOW)],
        unchanged=41,
        not_rated=3,
        partners=45,
        board=BOARD,
        matrix_url=URL,
        unsubscribe_url=f"{URL}/digests/9/unsubscribe?signature=abc",
    )


ACTION_LINES = [
    messages.ActionLine(
        partner=partner, text=text, side=side, due_on=date(2026, 3, day), overdue=day < 2, url=f"{URL}/actions/{day}",
        owner=owner,
    )
    for partner, text, side, day, owner in (
        ("Smith & Co", "Send the recovery plan <v2>", Side.THEIRS, 1, None),
        ("Smith & Co", "提供品質改善計畫", Side.OURS, 4, "An"),
        ("Bolt", "Pay", Side.OURS, 1, "Tran"),
        ("Bolt", "Name a contact", Side.THEIRS, 4, "Kim"),
    )
]  # fmt: skip


def many(kind: NotificationReason, count: int = 4, name: str = "台灣精密製造股份有限公司") -> messages.ManyContext:
    """One notice about so many partners: a common cause, or a silence that ended."""
    parts = [
        messages.PartnerPart(
            partner=f"{name} {number}",
            url=f"{URL}/partners/{number}",
            severity=Severity.CRITICAL if number % 3 else None,
            rules=[RULE] if number % 3 else [],
            ended=[] if number % 3 else [RULE],
        )
        for number in range(1, count + 1)
    ]
    is_cause = kind is NotificationReason.COMMON_CAUSE
    return messages.ManyContext(
        kind=kind,
        reason=NoticeReason.COMMON_CAUSE if is_cause else NoticeReason.SILENCE_ENDED,
        title={"message": "Many partners at once: %(count)s", "params": {"count": count}},
        why={"message": "They share the source %(source)s.", "params": {"source": "ERP"}},
        at=NOW,
        url=f"{URL}/alerts",
        partners=parts,
    )


def every_message(locale: str = "en") -> dict[NotificationReason, Message]:
    """Return one message per reason."""
    reader = reader_of(locale, "Asia/Taipei")
    reason = NotificationReason
    return {
        reason.ALERT_FIRED: messages.alert_fired(alert(), reader),
        reason.ALERT_RESOLVED: messages.alert_resolved(alert(**ENDED), reader),
        reason.MEETING_PROPOSED: messages.meeting_proposed(meeting(), reader),
        reason.MEETING_SCHEDULED: messages.meeting_scheduled(meeting(**SCHEDULED), reader),
        reason.MEETING_ESCALATED: messages.meeting_escalated(meeting(sequence=2), reader),
        reason.MEETING_CANCELLED: messages.meeting_cancelled(meeting(**SCHEDULED | {"sequence": 2}), reader),
        reason.ACTION_DUE: messages.actions_due(ACTION_LINES, f"{URL}/actions", reader),
        reason.SOURCE_BLIND: messages.source_blind(source(), reader),
        reason.SOURCE_REFUSED: messages.source_refused(source(), reader),
        reason.SOURCE_CHANGED: messages.source_changed(source(), reader),
        reason.SOURCE_RECOVERED: messages.source_recovered(source(), reader),
        reason.DESTINATION_DISABLED: messages.destination_disabled(
            "Sales", "404 no_service", 1, ["Acme – Late deliveries"], URL, reader
        ),
        reason.COMMON_CAUSE: messages.many_partners(many(reason.COMMON_CAUSE), reader),
        reason.SILENCE_ENDED: messages.many_partners(many(reason.SILENCE_ENDED), reader),
        reason.RULE_FAILED: messages.rule_failed(RULE, LATE, 12, f"{URL}/rules/3", reader),
        reason.CANARY: messages.canary("Sales", URL, f"{URL}/confirmations/7?at=x&signature=y", reader),
        reason.CLOCK_STOPPED: messages.stopped(STOPPED, URL, reader),
        reason.DIGEST_UNDELIVERED: messages.undelivered(
            UNDELIVERED, "The mail server does not take mail for now: 451 later.", ["An Nguyễn", "Lin"], URL, reader
        ),
        reason.DIGEST: messages.digest(digest(), reader),
        reason.SIGN_IN: messages.sign_in("An", "sealed-token", NOW, reader).opened(f"{URL}/sign-in?token=t"),
        reason.TEST: messages.reachable("Sales", URL, reader),
    }


def awkward_messages() -> list[Message]:
    """Return messages that go past every limit, and some that are nearly empty."""
    reader = reader_of("en")
    hostile = '<script>&amp; "x" *b* _i_ [l](http://evil.example) |\r\nBcc: evil@evil.example\u2028'
    return [
        _stuffed("x" * 5000, 500),
        _stuffed("危機" * 3000, 500),
        _stuffed("&<>" * 2000, 500),
        _stuffed(hostile * 40, 60),
        _stuffed(hostile, 5),
        Message(reason=NotificationReason.TEST, title="t", lead=""),
        messages.digest(digest(500), reader),
    ]


def _stuffed(text: str, count: int) -> Message:
    return Message(
        reason=NotificationReason.ALERT_FIRED,
        title=text,
        lead=text,
        severity=Severity.WARNING,
        facts=tuple((text, text) for _ in range(count)),
        items=tuple(Item(text, text, f"{URL}/{number}", f"{text[:40]}{number // 9}") for number in range(count)),
        closing=text,
        links=tuple((text, f"{URL}/{number}?q={'a' * (number * 400)}") for number in range(count)),
        invitation=Invitation(
            method="REQUEST",
            uid="u@warden",
            sequence=0,
            summary=text,
            description=text,
            due_on=date(2026, 3, 9),
            starts_at=None,
            minutes=60,
            place=text,
            url=URL,
            attendees=(Attendee(text[:300], "an@our.example"),),
        ),
        footer=text,
    )


def readers() -> list[Reader]:
    return [reader_of(locale) for locale in LOCALES]
