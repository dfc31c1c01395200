"""Examples of how the API speaks of risk, by the name of the schema they fit; see examples."""

from typing import Any

from warden.web.api.examples import ANYTHING_ELSE, ASSESSMENT, AT, EARLIER, NAMED, PARTNER, SENTENCE

LATER = "2026-06-30T00:00:00Z"
STATEMENT = {
    "text": "goes silent: no sign of life (message or meeting) for at least 30 days, beginning within 28 days",
    "message": "goes silent: no sign of life (message or meeting) for at least %(days)s days, "
    "beginning within %(horizon_days)s days",
    "params": {"days": 30.0, "horizon_days": 28.0},
}
WHY = {
    "text": "the default formula speaks: nothing has been learned yet",
    "message": "the default formula speaks: nothing has been learned yet",
    "params": {},
}
MODEL = {"form": "default", "number": None, "why": WHY}
CONTRIBUTION = {
    "signal": "silence",
    "family": "communication",
    "version": "2",
    "outcome": STATEMENT,
    "model": MODEL,
    "expected": True,
    "state": "fresh",
    "likelihood": 0.31,
    "share": 0.3710636813908320,
    "weight": 0.4,
    "sample": 12.5,
    "parts": {"own_tail": -0.8001193},
    "measured": {"days_silent": 24.0, "usual_gap": 9.0},
    "evidence": [SENTENCE],
    "unknown": None,
    "facts": ["/api/v1/facts/812"],
}
IMPACT_PART = {"name": "share", "value": 0.18, "score": 0.72, "weight": 0.25}
CELL = {"likelihood": 2, "impact": 4}
LEVEL = {"level": 3, "from": 0.4, "name": "Possible"}
BAND = {"key": "high", "rank": 2, "name": "High"}
PLACED = {**NAMED, "likelihood": 0.31, "impact": 3.8, "coverage": 1.0}
UNRATED = {
    "id": ANYTHING_ELSE,
    "name": "Blank",
    "reason": "Too little is known: days with messages: 2, needed: 5 (0% of the signals can be read, 50% are needed).",
}
MATRIX_CELL = {**CELL, "band": "moderate", "partners": [PLACED]}
LEVELS = {"likelihood": [LEVEL], "impact": [{**LEVEL, "from": 2.6, "name": "Moderate"}], "bands": [BAND]}
HELD = {
    "id": ANYTHING_ELSE,
    "quantity": "likelihood",
    "value": 0.6,
    "computed": 0.31,
    "author": "an@example.com",
    "reason": "Their new owner told us on Monday that the contract is under review.",
    "created_at": EARLIER,
    "expires_at": LATER,
}
OVERRIDE = {
    **{name: value for name, value in HELD.items() if name != "computed"},
    "withdrawn_at": None,
    "withdrawn_by": None,
    "holds": True,
}
LOW = {"en": "Low", "zh-Hant": "低", "zh-Hans": "低", "vi": "Thấp"}
HIGH = {"en": "High", "zh-Hant": "高", "zh-Hans": "高", "vi": "Cao"}
MATRIX_LEVEL = {"from": 0.0, "names": LOW}
MATRIX_BAND = {"key": "low", "rank": 0, "colour": "#e4f1f7", "ink": "#12303d", "names": LOW}
WORSE_BAND = {"key": "high", "rank": 1, "colour": "#7a1031", "ink": "#ffffff", "names": HIGH}
MATRIX_LEVELS = {
    "likelihood": [MATRIX_LEVEL, {"from": 0.5, "names": HIGH}],
    "impact": [{"from": 1.0, "names": LOW}, {"from": 3.0, "names": HIGH}],
}
GRID = {"levels": MATRIX_LEVELS, "bands": [MATRIX_BAND, WORSE_BAND], "grid": [["low", "low"], ["low", "high"]]}
FIELD = {
    "name": "days",
    "kind": "number",
    "unit": "days",
    "default": 30.0,
    "nullable": False,
    "lowest": 7.0,
    "highest": 365.0,
    "description": "A silence of at least so many days.",
}
CRITERION = {
    "id": ANYTHING_ELSE,
    "name": "silence",
    "scope": "tier",
    "subject": "strategic",
    "data": {"days": 21},
    "author": "an@example.com",
    "reason": "Strategic partners are called every week.",
    "created_at": EARLIER,
    "ended_at": None,
}
VALUE = {
    "field": "days",
    "value": 21.0,
    "source": "tier",
    "subject": "strategic",
    "criterion_id": ANYTHING_ELSE,
    "author": "an@example.com",
    "since": EARLIER,
}
PLACE = {**CELL, "band": "moderate"}
MOVE: dict[str, Any] = {
    **NAMED,
    "before": PLACE,
    "after": {**PLACE, "likelihood": 3, "band": "high"},
    "direction": "worse",
    "why": [{"text": "its cell has another band", "message": "its cell has another band", "params": {}}],
}
INTERVAL = {"value": 0.74, "low": 0.69, "high": 0.79}
TITLE = {"text": "likelihood", "message": "likelihood", "params": {}}
METHOD = {
    "name": "likelihood",
    "title": TITLE,
    "auroc": INTERVAL,
    "ahead": None,
    "threshold": 0.22,
    "foretold": 21,
    "recall": {"value": 0.35, "low": 0.24, "high": 0.46},
    "lead_days": 17.5,
    "false_alarms": 19.8,
    "carried_false_alarms": 21.2,
    "band_changes": 1.4,
}
BIN = {"said_share": 0.12, "came_share": 0.14, "rows": 420}
CALIBRATION = {"bins": [BIN], "error": 0.015, "skill": 0.08}
BACKTEST_OUTCOME = {
    "name": "silence",
    "family": "communication",
    "version": "2",
    "horizon_days": [28.0, 28.0],
    "rows": 4200,
    "partners": 73,
    "events": 60,
    "spoken_share": 0.93,
    "began_share": 0.05,
    "enough": True,
    "sentence": SENTENCE,
    "remarks": [],
    "methods": [METHOD],
    "calibration": CALIBRATION,
}
BACKTEST = {"id": ANYTHING_ELSE, "created_at": AT, "author": "an@example.com"}

END = {
    "as_of": EARLIER,
    "known_at": EARLIER,
    "said_at": EARLIER,
    "likelihood": 0.24,
    "impact": 3.8,
    "computed_likelihood": 0.24,
    "computed_impact": 3.8,
    "band": "moderate",
    "matrix_version": 1,
    "not_rated": None,
}
LINE = {
    "about": None,
    "what": {"text": "new messages: 4", "message": "new messages: %(count)s", "params": {"count": 4}},
    "facts": ["/api/v1/facts/812"],
}
CHANGE = {"outcome": "silence", "share": 0.0966, "likelihood": 0.07}
STEP = {
    "cause": "new_facts",
    "likelihood": 0.31,
    "likelihood_difference": 0.07,
    "impact": 3.8,
    "impact_difference": 0.0,
    "outcomes": [CHANGE],
    "lines": [LINE],
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "AssessmentOut": {
        "id": ASSESSMENT,
        "partner_id": PARTNER,
        "at": AT,
        "likelihood": 0.6,
        "computed_likelihood": 0.31,
        "log_survival": -0.3710636813908320,
        "impact": 3.8,
        "computed_impact": 3.8,
        "overrides": [HELD],
        "cell": {**CELL, "likelihood": 4},
        "band": "high",
        "reach": {
            "likelihood": [0.31, 0.66],
            "impact": [3.8, 3.8],
            "cells": [{**CELL, "likelihood": 4}],
            "missing": ["tone"],
        },
        "coverage": 0.8,
        "not_rated": None,
        "contributions": [CONTRIBUTION],
        "impact_parts": [IMPACT_PART],
        "impact_coverage": 1.0,
        "matrix_version": 1,
    },
    "BacktestListed": BACKTEST,
    "BacktestOut": {
        **BACKTEST,
        "weeks": 104,
        "first_monday": "2024-04-08",
        "last_monday": "2026-03-30",
        "partners": 73,
        "budget": 20.0,
        "summary": [SENTENCE],
        "notes": [SENTENCE],
        "outcomes": [BACKTEST_OUTCOME],
    },
    "BacktestOutcome": BACKTEST_OUTCOME,
    "Band": BAND,
    "Bin": BIN,
    "CalibrationOut": CALIBRATION,
    "Cell": CELL,
    "Contribution": CONTRIBUTION,
    "CriterionField": FIELD,
    "CriterionOut": CRITERION,
    "CriterionShape": {"name": "silence", "fields": [FIELD]},
    "EffectiveCriterion": {"name": "silence", "enabled": True, "values": [VALUE]},
    "EffectiveValue": VALUE,
    "EndOut": END,
    "HeldOverride": HELD,
    "ImpactPart": IMPACT_PART,
    "Interval": INTERVAL,
    "LearnedOut": {
        "outcome": "silence",
        "form": "default",
        "number": None,
        "version": "2",
        "why": WHY,
        "learned_at": None,
        "positives": None,
        "quarters": None,
        "trial": None,
    },
    "LedgerOut": {
        "start": END,
        "end": {**END, "as_of": AT, "known_at": AT, "said_at": AT, "likelihood": 0.31, "computed_likelihood": 0.31},
        "steps": [STEP],
        "notes": [],
    },
    "Level": LEVEL,
    "Levels": LEVELS,
    "LineOut": LINE,
    "MatrixBand": MATRIX_BAND,
    "MatrixCell": MATRIX_CELL,
    "MatrixGrid": GRID,
    "MatrixLevel": MATRIX_LEVEL,
    "MatrixLevels": MATRIX_LEVELS,
    "MatrixOut": {"levels": LEVELS, "cells": [MATRIX_CELL], "not_rated": [UNRATED]},
    "MatrixVersion": {
        "version": 2,
        "state": "draft",
        "author": "an@example.com",
        "created_at": AT,
        "activated_at": None,
        "retired_at": None,
        "data": GRID,
    },
    "Method": METHOD,
    "ModelOut": MODEL,
    "MoveOut": MOVE,
    "MovesOut": {
        "version": 2,
        "counts": {"worse": 1, "milder": 0, "same": 0},
        "moves": [MOVE],
        "stay": 71,
        "not_rated": 1,
        "warnings": [],
    },
    "Nothing": {},
    "OutcomeChange": CHANGE,
    "OutcomeOut": {
        "outcome": "silence",
        "at": AT,
        "likelihood": 0.31,
        "sample": 12.5,
        "state": "fresh",
        "horizon_days": 28.0,
        "version": "2",
        "model": None,
    },
    "OverrideOut": OVERRIDE,
    "PendingBacktest": {
        "author": "an@example.com",
        "requested_at": EARLIER,
        "started_at": AT,
        "walked": 40,
        "total": 104,
    },
    "PlaceOut": PLACE,
    "PlacedPartner": PLACED,
    "Reach": {
        "likelihood": [0.31, 0.66],
        "impact": [3.8, 3.8],
        "cells": [CELL],
        "missing": ["tone"],
    },
    "StepOut": STEP,
    "UnratedPartner": UNRATED,
}
