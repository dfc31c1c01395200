"""Examples of how the API speaks of actions and the rhythm, by the name of the schema they fit; see examples."""

from typing import Any

from warden.web.api.examples import ANYTHING_ELSE, AT, EARLIER, MEETING, NAMED, OWNER

EXAMPLES: dict[str, dict[str, Any]] = {
    "ActionOut": {
        "id": ANYTHING_ELSE,
        "partner": NAMED,
        "meeting_id": MEETING,
        "text": "Send the recovery plan",
        "side": "ours",
        "owner": OWNER,
        "due_on": "2026-05-08",
        "overdue": False,
        "author": "Lin",
        "created_at": EARLIER,
        "done_at": None,
        "done_by": None,
        "dropped_why": None,
        "reminded_at": None,
        "chased_at": None,
        "version": 1,
    },
    "CadenceOut": {
        "id": ANYTHING_ELSE,
        "level": "executive",
        "scope": "tier",
        "tier": "strategic",
        "partner_id": None,
        "every_days": 61,
        "reason": "They decide faster than we do.",
        "author": "Lin",
        "created_at": EARLIER,
        "ended_at": None,
    },
    "ReplyOut": {
        "email": "an@example.com",
        "partstat": "accepted",
        "sequence": 1,
        "comment": "",
        "at": EARLIER,
        "recorded_at": AT,
    },
    "RhythmOut": {
        "level": "executive",
        "every_days": 91,
        "source": "shipped",
        "cadence_id": None,
        "last": "2026-01-20T02:00:00Z",
        "next": None,
        "due": "2026-04-21T02:00:00Z",
        "overdue_days": 13.0,
    },
}
