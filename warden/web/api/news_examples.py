"""Examples of how the API speaks of news, by the name of the schema they fit; see examples."""

from typing import Any

from warden.web.api.examples import ANYTHING_ELSE, AT, EARLIER, PARTNER

TONE = {"label": "negative", "p_negative": 0.81, "p_neutral": 0.14, "p_positive": 0.05}
CORRECTION = {
    "id": ANYTHING_ELSE,
    "fact_id": 812,
    "partner_id": PARTNER,
    "kind": "tone",
    "value": {"label": "negative"},
    "author": "an@example.com",
    "created_at": AT,
}
EDITION = {
    "title": "Strike looms at Acme's port terminal",
    "recorded_at": EARLIER,
    "superseded_at": AT,
    "tone": TONE,
    "event": "strike",
}
ARTICLE = {
    "fact_id": 812,
    "at": EARLIER,
    "dated": True,
    "title": "Strike halts Acme's port terminal",
    "url": "https://press.example/1",
    "outlet": "press.example",
    "tone": TONE,
    "event": "strike",
    "severity": 60.0,
    "triggers": ["strike"],
    "phrases": ["halts"],
    "words": ["halts"],
    "corrected": True,
    "corrections": [CORRECTION],
    "earlier": [EDITION],
}
STORY = {"article": ARTICLE, "copies": []}
HEADLINE = {
    "fact_id": 812,
    "at": EARLIER,
    "title": "Strike halts Acme's port terminal",
    "url": "https://press.example/1",
    "counts": True,
    "mark": "kept",
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "ArticleOut": ARTICLE,
    "CorrectionOut": CORRECTION,
    "EditionOut": EDITION,
    "HeadlineOut": HEADLINE,
    "IncidentOut": {
        "id": 812,
        "first_at": EARLIER,
        "newest_at": EARLIER,
        "event": "strike",
        "severity": 60.0,
        "half_life_days": 45.0,
        "weight": 48.6,
        "present_weight": 46.4,
        "outlets": ["press.example"],
        "articles": 1,
        "tone": TONE,
        "stories": [STORY],
    },
    "NameOut": {
        "partner_id": PARTNER,
        "partner": "Acme Logistics",
        "text": "Summit",
        "own": False,
        "why": ["word"],
        "headlines": [{**HEADLINE, "mark": None}],
    },
    "NamePreview": {
        "looked": 1840,
        "cut": False,
        "counts": {"new": 0, "lost": 0, "kept": 1},
        "headlines": [HEADLINE],
    },
    "NewsModelOut": {
        "id": ANYTHING_ELSE,
        "language": "vi",
        "number": 3,
        "report": {"headlines": 4210, "labels": 130},
        "created_at": EARLIER,
        "active_since": EARLIER,
        "retired_at": None,
        "held_by": None,
        "speaks": True,
        "unreadable": None,
    },
    "StoryOut": STORY,
    "ToneOut": TONE,
}
