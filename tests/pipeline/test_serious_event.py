"""A serious event in the news: from the article on the road to the alert that names it, and its end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assessed import partner
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from collectors.base import Article
from warden.db import Database
from warden.domain import AlertState, CorrectionKind, Severity
from warden.models import Alert, Decision, Fact, Meeting, Partner, Rule
from warden.pipeline import assess, attribute, decide
from warden.rules import VARIABLES
from warden.rules.states import HELD_FOR_MESSAGE
from warden.settings import Settings
from warden.store import changes, corrections, readings, rules, shipped, sources
from warden.store.facts import insert_facts
from warden.wording import reader_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings()

FILED = "Fabrikam files for bankruptcy"


@pytest.fixture
def watched(db: Database) -> Database:
    with db.write() as session:
        shipped.seed(session, NOW - 100 * DAY)
        partner(session, "Fabrikam", NOW - 100 * DAY)
        partner(session, "Contoso", NOW - 100 * DAY)
    return db


def news(title: str, at: datetime, outlet: str = "a.example") -> Article:
    return Article(identity=f"{outlet}/{title}", at=at, title=title, url=f"https://{outlet}/{len(title)}", outlet="")


def tick(db: Database, at: datetime, *articles: Article) -> None:
    """One turn of the road: articles come in, are read, everybody is assessed, and the rules decide."""
    with db.write() as session:
        insert_facts(session, sources.push(session, "feed", at).id, articles, at)
    attribute.run(db, at)
    assess.run(db, SETTINGS, at)
    decide.run(db, SETTINGS, at)


def alerts_of(db: Database) -> list[Alert]:
    with db.read() as session:
        query = select(Alert).join(Rule).where(Rule.key == "serious_event").order_by(Alert.fired_at)
        return list(session.scalars(query.options(joinedload(Alert.partner))))


def titles(db: Database, fact_ids: list[int]) -> list[str]:
    with db.read() as session:
        found = {fact.id: (fact.detail or {})["title"] for fact in session.scalars(select(Fact))}
    return [found[one] for one in fact_ids]


def correct(db: Database, title: str, kind: CorrectionKind, value: dict[str, Any], at: datetime) -> None:
    with db.write() as session:
        fact = next(one for one in session.scalars(select(Fact)) if (one.detail or {})["title"] == title)
        who = session.scalars(select(Partner).where(Partner.name == "Fabrikam")).one()
        said = corrections.add(session, fact.id, who.id, kind, value, author="Kim", now=at)
        readings.correct(session, said, at)


def test_one_article_fires_at_once_names_the_event_and_asks_for_a_meeting(watched: Database) -> None:
    tick(watched, NOW - HOUR, news("Fabrikam opens a new office in Hue", NOW - 2 * DAY))
    assert alerts_of(watched) == []
    copy = news(f"{FILED} - Example Times", NOW - 2 * HOUR, "b.example")
    tick(watched, NOW, news(FILED, NOW - 3 * HOUR), copy)
    (alert,) = alerts_of(watched)
    assert (alert.partner.name, alert.severity, alert.state) == ("Fabrikam", Severity.CRITICAL, AlertState.FIRING)
    reader = reader_of("en")
    named = "Insolvency, newest report 0 days ago; outlets that told of it: 2"
    assert reader.fact(alert.evidence[0]) == named
    assert titles(watched, alert.evidence[0]["facts"]) == [copy.title, FILED]
    with watched.read() as session:
        meeting = session.scalars(select(Meeting)).one()
        assert meeting.alert_id == alert.id
        decision = session.get_one(Decision, alert.decision_id)
        assert decision.reason["message"] == HELD_FOR_MESSAGE
        assert reader.fact(decision.reason) == f"The condition of the rule holds: {named}."
        assert decision.context == {"serious_event": 95.0, "grave": 70.0}
        for locale in ("zh-Hant", "zh-Hans", "vi"):
            assert "Insolvency" not in reader_of(locale).fact(decision.reason)


def test_it_ends_when_the_event_has_aged_out(watched: Database) -> None:
    tick(watched, NOW, news(FILED, NOW - HOUR))
    tick(watched, NOW + 13 * DAY)
    assert [alert.state for alert in alerts_of(watched)] == [AlertState.FIRING]
    tick(watched, NOW + 14 * DAY)
    assert [alert.state for alert in alerts_of(watched)] == [AlertState.RESOLVED]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (CorrectionKind.ABOUT, {"about": False}),
        (CorrectionKind.TONE, {"label": "neutral"}),
        (CorrectionKind.EVENT, {"event": "strike"}),
        (CorrectionKind.EVENT, {"event": None}),
    ],
)
def test_a_correction_ends_it_with_the_next_tick(
    watched: Database, kind: CorrectionKind, value: dict[str, Any]
) -> None:
    tick(watched, NOW, news(FILED, NOW - HOUR))
    correct(watched, FILED, kind, value, NOW + HOUR)
    with watched.read() as session:
        assert changes.last_change(session, NOW + 2 * HOUR) == NOW + HOUR
    tick(watched, NOW + 2 * HOUR)
    assert [alert.state for alert in alerts_of(watched)] == [AlertState.RESOLVED]


@pytest.mark.parametrize(
    "title",
    [
        "Fabrikam denies bankruptcy",
        "Fabrikam could face bankruptcy",
        "Fabrikam workers strike over pay",
        "Fabrikam posts record profit",
    ],
)
def test_what_is_denied_only_possible_or_less_grave_raises_nothing(watched: Database, title: str) -> None:
    tick(watched, NOW, news(title, NOW - HOUR))
    assert alerts_of(watched) == []


def test_an_older_database_gets_the_rule_and_an_edited_one_stays(watched: Database) -> None:
    with watched.write() as session:
        rules.update(session, rules.by_key(session, "serious_event"), {"enabled": False}, NOW)
        assert shipped.seed(session, NOW) == 0
        assert not rules.by_key(session, "serious_event").enabled
        session.delete(rules.by_key(session, "serious_event"))
        session.flush()
        assert shipped.seed(session, NOW) == 1, "a database of before the rule"
        assert [rule.key for rule in rules.listing(session) if rule.key == "serious_event"] == ["serious_event"]


def test_what_it_measures_is_documented() -> None:
    (variable,) = [one for one in VARIABLES if one.name == "serious_event"]
    assert "14 days" in variable.meaning
