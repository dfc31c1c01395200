"""Examples for the API's description: alerts and whatever keeps them bearable, by the name of the schema they fit."""

from typing import Any

from warden.web.api.examples import (
    ACKNOWLEDGEMENT,
    ALERT,
    ANYTHING_ELSE,
    ASSESSMENT,
    AT,
    DESTINATION,
    EARLIER,
    NAMED,
    OWNER,
    PARTNER,
    PERSON,
    RULE,
    SENTENCE,
    SENTENCE_OF_ALERT,
)

WHY = {
    "text": "This is the first alert about this partner.",
    "message": "This is the first alert about this partner.",
    "params": {},
}
HOLDS = {"text": "The condition holds.", "message": "The condition holds.", "params": {}}
CAUSE = {"cause": "trust", "share": 0.2}
DIAGNOSIS = {
    "cause": "communication",
    "share": 0.8,
    "why": [SENTENCE],
    "others": [CAUSE],
    "playbook": 1,
    "title": "Bring the talk back",
    "steps": ["Call your counterpart today; do not write."],
}
NOTICE = {
    "id": ANYTHING_ELSE,
    "partner_id": PARTNER,
    "at": AT,
    "reason": "first",
    "sent": True,
    "held_back": None,
    "why": WHY,
    "alerts": [ALERT],
    "partners": [],
}
EVENT = {"kind": "fired", "cause": "new_facts", "at": EARLIER, "reason": HOLDS, "announced_at": AT}
OPENING = {"reason": HOLDS, "cause": "new_facts", "rule_version": 1, "values": {"silence_ratio": 2.7}}
CLIMB = {"position": 1, "to": "sponsor", "destination": None, "at": AT}
HELD = {
    "held_back": "inhibited",
    "why": {
        "text": "It is held back while the rule band_extreme fires.",
        "message": "It is held back while the rule %(rule)s fires.",
        "params": {"rule": "band_extreme"},
    },
}
ALERT_OUT = {
    "id": ALERT,
    "partner": NAMED,
    "rule": {"id": RULE, "name": "Partner gone quiet"},
    "rule_key": "gone_quiet",
    "state": "firing",
    "severity": "warning",
    "fired_at": EARLIER,
    "resolved_at": None,
    "evidence": [SENTENCE_OF_ALERT],
    "assessment_id": ASSESSMENT,
    "acknowledged": ACKNOWLEDGEMENT,
    "assigned_to": {"id": PERSON, "name": "An Nguyen"},
    "version": 2,
}
SPAN = {"starts_at": EARLIER, "ends_at": AT, "author": "manager@example.com", "created_at": EARLIER}
STEP = {
    "position": 1,
    "after_minutes": 240,
    "working_hours": True,
    "to": "sponsor",
    "destination_id": None,
    "min_severity": "critical",
}
ROUTE = {
    "id": ANYTHING_ELSE,
    "name": "Key partners at night",
    "position": 1,
    "matchers": {"tier": ["key"]},
    "destination_ids": [DESTINATION],
    "people": ["on_duty"],
    "goes_on": False,
    "enabled": True,
    "version": 1,
}
RECIPIENT = {
    "destination": {"id": DESTINATION, "name": "Mail"},
    "recipient": "an@example.com",
    "locale": "vi",
    "time_zone": "Asia/Ho_Chi_Minh",
}
IN_FOUR = {"en": "Call today.", "zh-Hant": "今天打電話。", "zh-Hans": "今天打电话。", "vi": "Gọi điện ngay hôm nay."}

EXAMPLES: dict[str, dict[str, Any]] = {
    "AbsenceOut": {"id": ANYTHING_ELSE, "person": OWNER, "deputy": None, **SPAN},
    "AlertOut": ALERT_OUT,
    "AlertWhole": {
        **ALERT_OUT,
        "opening": OPENING,
        "diagnosis": DIAGNOSIS,
        "events": [EVENT],
        "notices": [NOTICE],
        "unstable_since": None,
        "held_back": HELD,
        "climbs": CLIMB,
    },
    "CauseOut": CAUSE,
    "ChainOut": {"steps": [STEP]},
    "ClimbOut": CLIMB,
    "DeputyOut": {"person_id": PERSON, "deputy": OWNER},
    "DiagnosisOut": DIAGNOSIS,
    "DutyOut": {"id": ANYTHING_ELSE, "person": OWNER, **SPAN},
    "EventOut": EVENT,
    "HeldBackOut": HELD,
    "NoticeOut": NOTICE,
    "OnDutyOut": {"person": OWNER, "told": OWNER},
    "OpeningOut": OPENING,
    "PlaybookOut": {
        "cause": "communication",
        "number": 2,
        "status": "draft",
        "titles": IN_FOUR,
        "steps": [IN_FOUR],
        "note": "Shorter.",
        "author": "manager@example.com",
        "created_at": AT,
        "activated_at": None,
        "retired_at": None,
    },
    "ReachedOut": {"routes": [{"id": ANYTHING_ELSE, "name": "Key partners at night"}], "recipients": [RECIPIENT]},
    "RecipientOut": RECIPIENT,
    "RouteOut": ROUTE,
    "SilenceOut": {
        "id": ANYTHING_ELSE,
        "kind": "maintenance",
        "state": "over",
        "matchers": {"partner": [PARTNER]},
        "starts_at": EARLIER,
        "ends_at": AT,
        "time_zone": "Asia/Taipei",
        "reason": "Their ERP moves to another data centre.",
        "author": "manager@example.com",
        "created_at": EARLIER,
        "ended_at": None,
        "ended_by": None,
        "announced_at": AT,
    },
    "ChainStepOut": STEP,
}
