"""Examples for the API's description, by the name of the schema they fit.

What callers send carries its example on its model; what they get is told here, because one answer holds many others
and each piece should be written once. A test holds every example against its schema.
"""

from collections.abc import Mapping
from typing import Any

PARTNER = "6d2f0c1e-3b55-4f0e-9a41-5e0f6a1c7b10"
PERSON = "0b7d1c1e-6c5f-4a3f-9a52-1f5a8a4b6c11"
DESTINATION = "5a1f0a2b-8f6a-4a0e-bb42-9a7e0e9d4c22"
SOURCE = "c2a4e8b6-1d3f-4b5a-8c7d-9e0f1a2b3c44"
RULE = "9f8e7d6c-5b4a-4938-8271-605f4e3d2c55"
ALERT = "1e2d3c4b-5a69-4788-96a5-b4c3d2e1f066"
MEETING = "7c6b5a49-3827-4615-8403-f2e1d0c9b877"
ASSESSMENT = "3a2b1c0d-9e8f-4a7b-8c6d-5e4f3a2b1c88"
ANYTHING_ELSE = "e4d3c2b1-a099-4887-9766-554433221199"
EARLIER, AT = "2026-05-01T08:00:00Z", "2026-05-04T08:00:00Z"

NAMED = {"id": PARTNER, "name": "Acme Logistics"}
OWNER = {
    "id": PERSON,
    "name": "An Nguyen",
    "email": "an@example.com",
    "locale": "vi",
    "time_zone": "Asia/Ho_Chi_Minh",
    "ours": True,
    "version": 1,
}
IDENTIFIER = {"id": ANYTHING_ELSE, "scheme": "domain", "value": "acme.example"}
ALIAS = {
    "id": ANYTHING_ELSE,
    "text": "Acme",
    "case_sensitive": False,
    "needs_context": True,
    "exclude": False,
    "reviewed_at": EARLIER,
    "reviewed_by": "an@example.com",
}
SENTENCE = {
    "text": "silent for 24 days; the usual longest gap is 9",
    "message": "silent for %(days_silent)s days; the usual longest gap is %(usual_gap)s",
    "params": {"days_silent": 24.0, "usual_gap": 9.0},
}
KEY = {"id": 17, "scheme": "supplier_code", "value": "S-1042", "partner_id": PARTNER}
PROBLEM_ROW = {"where": "row 7", "what": "due_on: '2026-13-01' is not a date"}
ATTENDEE = {"name": "An Nguyen", "email": "an@example.com", "role": "owner", "partstat": "accepted"}
WHY = {"why": "Why were the orders late?", "because": "Their press stood still for a week."}
SENTENCE_OF_ALERT = {**SENTENCE, "facts": ["/api/v1/facts/812"]}
MESSAGE = {
    "reason": "alert_fired",
    "severity": "warning",
    "title": "Partner gone quiet: Acme Logistics",
    "lead": "Acme Logistics has been silent for 24 days; 9 are usual.",
}
OPTIONS_SCHEMA = {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}
ACKNOWLEDGEMENT = {"at": AT, "by": "an@example.com", "reason": "Holiday week; they told us in May."}
TOKEN = {
    "id": ANYTHING_ELSE,
    "name": "ERP export",
    "role": "manager",
    "scopes": ["facts:write"],
    "created_by": "admin@example.com",
    "created_at": EARLIER,
    "expires_at": None,
    "last_used_at": AT,
    "revoked_at": None,
}
VARIABLE = {
    "name": "late_rate",
    "kind": "double",
    "nullable": True,
    "unit": "share",
    "meaning": "Deliveries that are late, of those that fell due.",
    "values": [],
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "Acknowledgement": ACKNOWLEDGEMENT,
    "AlertEvidence": SENTENCE_OF_ALERT,
    "AliasOut": ALIAS,
    "ArticleIn": {
        "kind": "article",
        "identity": "https://press.example/acme-strike",
        "at": AT,
        "url": "https://press.example/acme-strike",
        "title": "Strike halts Acme's port terminal",
        "outlet": "Trade Press",
        "language": "en",
    },
    "Attendee": ATTENDEE,
    "Body_import_partners_api_v1_partners_import_post": {"file": "name,tier\nAcme Logistics,strategic\n"},
    "ChannelOut": {"name": "webhook", "options": OPTIONS_SCHEMA},
    "CollectorOut": {"name": "feed", "facts": ["article"], "options": OPTIONS_SCHEMA},
    "ContextOut": {"variables": [VARIABLE], "functions": ["size"]},
    "DeliveryIn": {
        "kind": "delivery",
        "identity": "po-7781/1",
        "at": "2026-05-04T09:00:00Z",
        "key": {"scheme": "supplier_code", "value": "S-1042"},
        "due_on": "2026-05-01",
        "made_on": "2026-05-04",
    },
    "DestinationOut": {
        "id": DESTINATION,
        "name": "Partner team",
        "channel": "slack",
        "options": {},
        "has_secrets": True,
        "locale": "zh-Hant",
        "time_zone": "Asia/Taipei",
        "min_severity": "warning",
        "alerts": True,
        "operations": False,
        "disabled_at": None,
        "disabled_why": "",
        "not_before": None,
        "canary_hours": None,
        "canary_sent_at": None,
        "canary_confirmed_at": None,
        "version": 1,
        "created_at": EARLIER,
    },
    "DigestOut": {
        "id": ANYTHING_ELSE,
        "person": OWNER,
        "destination": {"id": DESTINATION, "name": "Mail"},
        "frequency": "weekly",
        "weekday": 0,
        "day": 1,
        "hour": 8,
        "only_mine": True,
        "when_empty": "send",
        "enabled": True,
        "next_run_at": "2026-05-11T01:00:00Z",
        "last_run_at": "2026-05-04T01:00:00Z",
        "version": 1,
    },
    "FactOut": {
        "id": 812,
        "kind": "delivery",
        "source_id": SOURCE,
        "key": KEY,
        "at": AT,
        "recorded_at": AT,
        "superseded_at": None,
        "due_on": "2026-05-01",
        "made_on": "2026-05-04",
        "amount": "1375.00",
        "currency": "USD",
    },
    "FaultOut": {"where": "facts[3].due_on", "what": "Input should be a valid date"},
    "IdentifierOut": IDENTIFIER,
    "Imported": {"created": 48, "updated": 3, "skipped": 0, "ignored": ["Fax"], "dry_run": False},
    "KeyIn": {"scheme": "supplier_code", "value": "S-1042"},
    "KeyMapping": {"partner_id": PARTNER},
    "KeyOut": KEY,
    "LinkMade": {"url": "https://warden.example.com/sign-in?token=…", "expires_at": "2026-05-05T08:00:00Z"},
    "Mapped": {"partner_id": PARTNER, "identifier_id": ANYTHING_ELSE},
    "MeasureIn": {
        "kind": "measure",
        "identity": "survey-2026-05/S-1042",
        "at": AT,
        "key": {"scheme": "supplier_code", "value": "S-1042"},
        "name": "satisfaction",
        "value": 3.4,
        "unit": "of 5",
    },
    "MeetingOut": {
        "id": MEETING,
        "partner": NAMED,
        "alert_id": ALERT,
        "level": "executive",
        "status": "scheduled",
        "proposed_at": EARLIER,
        "proposed_by": None,
        "proposed_why": None,
        "due_on": "2026-05-08",
        "owner": OWNER,
        "attendees": [ATTENDEE],
        "agenda": [SENTENCE],
        "five_whys": [WHY],
        "starts_at": "2026-05-07T02:00:00Z",
        "minutes": 60,
        "place": "Video call",
        "sequence": 1,
        "held_at": None,
        "outcome": None,
        "waived_why": None,
        "closed_by": None,
        "escalated_at": None,
        "version": 2,
    },
    "MessageIn": {
        "kind": "message",
        "identity": "<1@mail.example>",
        "at": "2026-05-04T09:12:00+08:00",
        "key": {"scheme": "email", "value": "kim@acme.example"},
        "sent": False,
        "reply_seconds": 5400,
    },
    "Named": NAMED,
    "NotificationOut": {
        "id": ANYTHING_ELSE,
        "destination": {"id": DESTINATION, "name": "Partner team"},
        "reason": "alert_fired",
        "recipient": None,
        "locale": "en",
        "message": MESSAGE,
        "partner_id": PARTNER,
        "alert_id": ALERT,
        "meeting_id": None,
        "status": "sent",
        "attempts": 1,
        "next_attempt_at": None,
        "created_at": AT,
        "sent_at": AT,
        "confirmed_at": None,
        "answer": "ok",
    },
    "PartnerOut": {
        **NAMED,
        "tier": "strategic",
        "stage": "active",
        "owner": OWNER,
        "sponsor": None,
        "counterpart": None,
        "country": "VN",
        "region": "APAC",
        "time_zone": "Asia/Ho_Chi_Minh",
        "annual_value": "1200000.00",
        "currency": "USD",
        "share": 0.18,
        "months_to_replace": 9,
        "single_source": True,
        "contract_end": "2027-03-31",
        "notes": "",
        "tags": ["freight"],
        "identifiers": [IDENTIFIER],
        "aliases": [ALIAS],
        "version": 3,
        "created_at": EARLIER,
        "updated_at": AT,
    },
    "PersonChanges": {"locale": "zh-Hant", "time_zone": "Asia/Taipei"},
    "PersonOut": OWNER,
    "PreviewOut": {"message": {**MESSAGE, "reason": "digest", "severity": None, "title": "Warden, week of 4 May 2026"}},
    "RunOut": {
        "id": ANYTHING_ELSE,
        "started_at": AT,
        "finished_at": "2026-05-04T08:00:02Z",
        "outcome": "ok",
        "seen": 30,
        "new": 4,
        "error": "",
        "problems": [PROBLEM_ROW],
    },
    "Sentence": SENTENCE,
    "SourceOut": {
        "id": SOURCE,
        "name": "Trade press",
        "collector": "feed",
        "options": {"url": "https://press.example/atom.xml"},
        "has_secrets": False,
        "schedule": "*/15 * * * *",
        "owner": OWNER,
        "paused": False,
        "state": "ok",
        "reason": "",
        "state_since": EARLIER,
        "last_success_at": AT,
        "blind_since": None,
        "failures": 0,
        "next_run_at": "2026-05-04T08:15:00Z",
        "version": 1,
        "created_at": EARLIER,
    },
    "TestAnswer": {"notification_id": ANYTHING_ELSE, "status": "sent", "answer": "ok"},
    "TestMessage": {"recipient": "an@example.com"},
    "TokenMade": {**TOKEN, "last_used_at": None, "token": "wdn_Zk3…"},
    "TokenOut": TOKEN,
    "Trial": {"collector": "feed", "options": {"url": "https://press.example/atom.xml"}},
    "TrialOut": {
        "outcome": "ok",
        "reason": "",
        "facts": [{"kind": "article", "title": "Strike halts Acme's port terminal"}],
        "problems": [PROBLEM_ROW],
    },
    "UnattributedOut": {"key": {**KEY, "partner_id": None}, "facts": {"delivery": 41}, "first": EARLIER, "last": AT},
    "UserChanges": {"role": "manager"},
    "UserOut": {
        "id": ANYTHING_ELSE,
        "email": "an@example.com",
        "name": "An Nguyen",
        "role": "manager",
        "locale": "vi",
        "time_zone": "Asia/Ho_Chi_Minh",
        "disabled_at": None,
        "version": 1,
        "created_at": EARLIER,
    },
    "VariableOut": VARIABLE,
}


def illustrate(schemas: dict[str, Any], examples: Mapping[str, Any]) -> None:
    """Give every schema that has no example its own; a list gets one item of its kind."""
    for name, schema in schemas.items():
        if "examples" in schema:
            continue
        if name in examples:
            schema["examples"] = [examples[name]]
        elif name.startswith("Listed_"):
            item = examples[name.removeprefix("Listed_").removesuffix("_")]
            schema["examples"] = [{"items": [item], "next": None}]
