"""What an alert says for itself: what its own condition saw, and nothing of what that never looked at."""

from datetime import UTC, datetime
from typing import Any

import pytest
from alarmed import a_rule
from assessed import assess, partner
from sqlalchemy import select

from warden.db import Database
from warden.models import Alert, Rule
from warden.pipeline import decide
from warden.settings import Settings
from warden.store import shipped
from warden.wording import reader_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def said(db: Database, condition: str, parameters: dict[str, float], language: str = "en", **values: Any) -> list[str]:
    """What the alert says that a rule with this condition raises for a partner with these attributes."""
    with db.write() as session:
        shipped.seed(session, NOW)
        a_rule(session, "own", NOW, condition=condition, parameters=parameters)
        acme = partner(session, "Acme", NOW, **values)
        assess(session, acme, NOW, "low", silence=0.2)
    decide.run(db, Settings(), NOW, send=True)
    with db.read() as session:
        alert = session.scalars(select(Alert).join(Alert.rule).where(Rule.key == "own")).one()
        return [reader_of(language).fact(line) for line in alert.evidence]


@pytest.mark.parametrize(
    ("condition", "parameters", "values", "lines"),
    [
        (
            "annual_value > most",
            {"most": 1000.0},
            {"annual_value": 2500},
            [
                "the rule saw annual_value = 2,500. Yearly spend or revenue, as entered.",
                "the rule compares with most = 1,000",
            ],
        ),
        (
            '"chips" in tags && single_source == true',
            {},
            {"tags": ["chips", "asia"], "single_source": True},
            [
                "the rule saw single_source = Yes. Nobody else supplies it: `single_source == true`.",
                'the rule saw tags = chips, asia. The partner\'s tags: `"strategic" in tags`.',
            ],
        ),
        ("share > 0.2", {}, {"share": 0.25}, ["the rule saw share = 25%. Part of our spend or revenue."]),
        (
            "impact > 3.5",
            {},
            {},
            ["the rule saw impact = 4. How much it would hurt us, or an override's value."],
        ),
        (
            "silence_likelihood > 0.2",
            {},
            {},
            ["The silence of this partner: days_silent 6, usual_gap 30, silence_ratio 0.2"],
        ),
    ],
    ids=["a limit", "tags", "a share", "the impact alone", "one likelihood"],
)
def test_an_alert_says_what_its_condition_saw(
    sqlite_db: Database, condition: str, parameters: dict[str, float], values: dict[str, Any], lines: list[str]
) -> None:
    assert said(sqlite_db, condition, parameters, **values) == lines


def test_what_a_rule_saw_is_told_in_the_readers_language(sqlite_db: Database) -> None:
    line, _compared = said(sqlite_db, "annual_value > most", {"most": 1000.0}, "vi", annual_value=2500)
    assert line.startswith("quy tắc thấy annual_value = 2.500.")
