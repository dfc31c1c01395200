"""Examples of how the API speaks of rules, their versions, settings and verdicts; see examples."""

from typing import Any

from warden.web.api.examples import ANYTHING_ELSE, AT, EARLIER, PARTNER, RULE

FIELDS: dict[str, Any] = {
    "names": {"en": "Delivery-delay rate above the threshold"},
    "descriptions": {"en": "More than a quarter of the partner's deliveries are late."},
    "condition": "late_rate > most && due_recent >= 5.0",
    "inhibit_when": "",
    "for_seconds": 0,
    "keep_firing_for_seconds": 604800,
    "severity": "warning",
    "parameters": {"most": 0.25},
    "no_data": "keep",
    "no_data_for_seconds": 0,
    "inhibited_by": [{"rule": "band_high", "equal": ["partner"]}],
    "meeting_within_days": None,
    "enabled": True,
}
ADVICE = {
    "text": "To wait 14 days instead of 7 would have removed 9 of 9 alerts called noise and no useful one.",
    "message": "To wait %(after)s days instead of %(before)s would have removed %(removed)s of %(noise)s alerts called "
    "noise and no useful one.",
    "params": {"after": 14.0, "before": 7.0, "removed": 9, "noise": 9},
}
SHARE = {"value": 0.75, "low": 0.41, "high": 0.93, "of": 8}
CHANGE = {"partner_id": PARTNER, "name": "Acme Logistics", "change": "starts"}

EXAMPLES: dict[str, dict[str, Any]] = {
    "ChangeOut": CHANGE,
    "RuleValue": {
        "name": "most",
        "value": 0.15,
        "source": "tier",
        "subject": "strategic",
        "author": "an@example.com",
        "reason": "Each of them can stop the line.",
        "since": EARLIER,
    },
    "Inhibition": FIELDS["inhibited_by"][0],
    "DraftPreview": {"number": 3, "starts": 1, "stops": 0, "changes": [CHANGE], "same": 41, "warnings": []},
    "RecordOut": {
        "rule_id": RULE,
        "key": "late_rate",
        "alerts": 12,
        "judged": 8,
        "useful": 5,
        "noise": 2,
        "too_late": 1,
        "right": SHARE,
        "noise_rate": 1.2,
        "budget": 5.0,
        "over_budget": False,
        "lead_days": 11.5,
        "rehearsed_at": EARLIER,
        "advice": ADVICE,
    },
    "RehearsalOut": {"number": 3, "summary": [ADVICE], "notes": [], "report": {"rows": 4380, "both": 6}},
    "RuleOut": {**FIELDS, "id": RULE, "key": "late_rate", "version": 2, "updated_at": EARLIER, "unnamed_in": []},
    "SettingOut": {
        "id": ANYTHING_ELSE,
        "scope": "tier",
        "tier": "strategic",
        "partner_id": None,
        "name": "most",
        "value": 0.15,
        "reason": "Each of them can stop the line.",
        "author": "an@example.com",
        "created_at": EARLIER,
        "ended_at": None,
        "ended_by": None,
    },
    "ShareOut": SHARE,
    "VerdictOut": {
        "id": ANYTHING_ELSE,
        "worth": "noise",
        "author": "an@example.com",
        "via": "email",
        "note": "They were on holiday.",
        "at": AT,
    },
    "VersionOut": {
        "number": 3,
        "status": "draft",
        "definition": FIELDS,
        "unnamed_in": [],
        "note": "Less noise.",
        "author": "an@example.com",
        "created_at": EARLIER,
        "activated_at": None,
        "activated_by": None,
        "retired_at": None,
        "rehearsed_at": AT,
    },
}
