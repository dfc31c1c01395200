"""Why a rule changed its state: facts that are new or late, time, configuration, or the first look of all."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assessed import assess, known_as, partner, report
from sqlalchemy import select

from collectors.base import Delivery, Fact, Key, Measure, Message
from warden.db import Database
from warden.domain import AlertEventKind, Cause, Quantity, Scope
from warden.models import Alert, AlertEvent, Decision, Partner, Rule
from warden.pipeline import decide
from warden.settings import Settings
from warden.store import criteria, overrides, partners, rule_settings, rules, shipped

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings()


@pytest.fixture
def watched(db: Database) -> Database:
    """Acme, known as S-1, looked at a day ago: nothing was wrong."""
    with db.write() as session:
        shipped.seed(session, NOW - 10 * DAY)
        acme = partner(session, "Acme", NOW - 10 * DAY, tier="key")
        known_as(session, acme, "S-1", NOW - 10 * DAY)
        assess(session, acme, NOW - DAY, "low")
    decide.run(db, SETTINGS, NOW - DAY)
    return db


def report_delivery(db: Database, at: datetime, known: datetime) -> None:
    day = at.date()
    fact: Fact = Delivery(
        identity=f"d{at.isoformat()}", key=Key("supplier_code", "S-1"), at=at, due_on=day, made_on=day
    )
    report(db, [fact], known)


def report_message(db: Database, at: datetime, known: datetime) -> None:
    fact: Fact = Message(identity=f"m{at.isoformat()}", key=Key("supplier_code", "S-1"), at=at, sent=False)
    report(db, [fact], known)


def turn(db: Database, at: datetime = NOW, **measured: Any) -> None:
    """Assess Acme anew, late by default, and decide."""
    with db.write() as session:
        acme = session.scalars(select(Partner).where(Partner.name == "Acme")).one()
        assess(session, acme, at, **{"band": "low", "late": 0.5, **measured})
    decide.run(db, SETTINGS, at)


def causes(db: Database, key: str = "late_rate") -> list[Cause]:
    """The causes of a rule's decisions, oldest first."""
    with db.read() as session:
        query = select(Decision.cause).join(Rule, Rule.id == Decision.rule_id).where(Rule.key == key)
        return list(session.scalars(query.order_by(Decision.at, Decision.key)))


def acme_id() -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_DNS, "Acme")


def change(db: Database, what: str) -> None:
    """Set something, an hour before now, that reaches Acme or does not."""
    at = NOW - HOUR
    with db.write() as session:
        rule = rules.by_key(session, "late_rate")
        if what == "rule":
            rules.update(session, rule, {"keep_firing_for_seconds": 0}, at)
        elif what in ("setting", "setting of another tier"):
            tier = "key" if what == "setting" else "tail"
            rule_settings.add(
                session, rule, scope=Scope.TIER, subject=tier, name="limit", value=0.2, reason="ours", author="ada",
                now=at,
            )  # fmt: skip
        elif what in ("criterion", "criterion of another tier"):
            tier = "KEY " if what == "criterion" else "tail"
            criteria.put(session, "late_share", Scope.TIER, tier, {"at_least": 0.3}, "ada", "ours", at)
        elif what == "override":
            acme = session.get_one(Partner, acme_id())
            overrides.add(session, acme, Quantity.IMPACT, 4.5, "ada", "contract", NOW + 30 * DAY, at)
        else:
            partners.update(session, acme_id(), {"share": 0.4}, version=None, now=at)


@pytest.mark.parametrize("what", ["rule", "setting", "criterion", "override", "attribute"])
def test_what_somebody_set_is_configuration(watched: Database, what: str) -> None:
    change(watched, what)
    turn(watched)
    assert causes(watched) == [Cause.CONFIGURATION]


def test_what_was_set_for_others_is_not(watched: Database) -> None:
    with watched.write() as session:
        partner(session, "Bolt", NOW - 10 * DAY, tier="tail")
    change(watched, "criterion of another tier")
    turn(watched)
    assert causes(watched) == [Cause.TIME]


def test_the_first_look_of_a_partner_says_so(watched: Database) -> None:
    with watched.write() as session:
        assess(session, partner(session, "Bolt", NOW - HOUR), NOW, "low", late=0.5)
    decide.run(watched, SETTINGS, NOW)
    assert causes(watched) == [Cause.FIRST_LOOK]
    turn(watched, NOW + DAY)
    assert causes(watched) == [Cause.FIRST_LOOK, Cause.TIME]


@pytest.mark.parametrize(
    ("ages", "cause"),
    [
        ([0], Cause.NEW_FACTS),
        ([7], Cause.NEW_FACTS),
        ([8], Cause.LATE_FACTS),
        ([400, 90], Cause.LATE_FACTS),
        ([400, 90, 1], Cause.NEW_FACTS),
        ([], Cause.TIME),
    ],
)
def test_facts_are_new_while_some_are_no_older_than_a_week(watched: Database, ages: list[int], cause: Cause) -> None:
    for age in ages:
        report_delivery(watched, NOW - HOUR - age * DAY, NOW - HOUR)
    turn(watched)
    assert causes(watched) == [cause]
    with watched.read() as session:
        assert [event.cause for event in session.scalars(select(AlertEvent))] == [cause]


def test_a_fresh_fact_of_another_kind_makes_late_ones_no_younger(watched: Database) -> None:
    report_delivery(watched, NOW - 60 * DAY, NOW - HOUR)
    report_message(watched, NOW - 2 * HOUR, NOW - HOUR)
    turn(watched)
    assert causes(watched) == [Cause.LATE_FACTS]


def test_facts_that_were_there_before_the_last_look_are_no_news(watched: Database) -> None:
    report_delivery(watched, NOW - DAY - HOUR, NOW - DAY - HOUR)
    turn(watched)
    assert causes(watched) == [Cause.TIME]


def test_old_facts_under_a_key_mapped_only_now_are_late(watched: Database) -> None:
    day, key = (NOW - 60 * DAY).date(), Key("supplier_code", "S-2")
    report(watched, [Delivery(identity="d", key=key, at=NOW - 60 * DAY, due_on=day, made_on=day)], NOW - 2 * DAY)
    with watched.write() as session:
        known_as(session, session.get_one(Partner, acme_id()), "S-2", NOW - HOUR)
    turn(watched)
    assert causes(watched) == [Cause.LATE_FACTS]


def test_an_alert_that_waited_has_the_cause_of_what_it_waited_on(watched: Database) -> None:
    report_message(watched, NOW - 60 * DAY, NOW - HOUR)
    turn(watched, late=0.0, silence=1.5)
    decide.run(watched, SETTINGS, NOW + 25 * HOUR)
    assert causes(watched, "gone_quiet") == [Cause.LATE_FACTS, Cause.LATE_FACTS]
    with watched.read() as session:
        (event,) = session.scalars(select(AlertEvent))
        assert (event.kind, event.cause) == (AlertEventKind.FIRED, Cause.LATE_FACTS)


def test_a_decision_keeps_the_version_of_the_rule_and_what_it_saw_parameters_too(watched: Database) -> None:
    change(watched, "rule")
    turn(watched)
    with watched.read() as session:
        decision = session.scalars(select(Decision)).one()
        assert decision.rule_version == 2
        assert decision.context == {"late_rate": 0.5, "due_recent": 9.0, "limit": 0.25, "least_due": 5.0}


def test_a_figure_no_assessment_holds_is_told_with_its_facts(watched: Database) -> None:
    """A compliance incident changes no assessment; the rule looks all the same, and the alert names the report."""
    at = NOW - 2 * HOUR
    fact: Fact = Measure(identity="c1", key=Key("supplier_code", "S-1"), at=at, name="compliance_incident", value=1.0)
    report(watched, [fact], NOW - HOUR)
    decide.run(watched, SETTINGS, NOW)
    with watched.read() as session:
        alert = session.scalars(select(Alert)).one()
        assert session.get_one(Rule, alert.rule_id).key == "compliance_incident"
        (line,) = alert.evidence
        assert line["message"] == "compliance incidents reported in the last 90 days: %(incidents)s"
        assert line["params"] == {"incidents": 1.0}
        assert len(line["facts"]) == 1
        decision = session.get_one(Decision, alert.decision_id)
        assert decision.reason["params"]["why"] == {"message": line["message"], "params": line["params"]}
        assert decision.cause is Cause.NEW_FACTS


def looked_at(monkeypatch: pytest.MonkeyPatch, db: Database, now: datetime) -> list[str]:
    """The names of the partners that deciding looks at."""
    seen: list[str] = []
    real: Callable[..., Any] = decide.subjects.read

    def watching(session: Any, partner_ids: Any, *rest: Any) -> Any:
        names = partners.named(session, partner_ids)
        seen.extend(sorted(names.values()))
        return real(session, partner_ids, *rest)

    monkeypatch.setattr(decide.subjects, "read", watching)
    decide.run(db, SETTINGS, now)
    monkeypatch.undo()
    return seen


def test_only_partners_something_changed_about_are_looked_at(
    watched: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched.write() as session:
        bolt = partner(session, "Bolt", NOW - 10 * DAY)
        known_as(session, bolt, "S-2", NOW - 10 * DAY)
        assess(session, bolt, NOW - 2 * DAY, "low")
    assert looked_at(monkeypatch, watched, NOW) == ["Acme", "Bolt"], "a new day"
    assert looked_at(monkeypatch, watched, NOW + HOUR) == []
    fact: Fact = Measure(identity="s", key=Key("supplier_code", "S-2"), at=NOW, name="satisfaction", value=4.0)
    report(watched, [fact], NOW + HOUR)
    assert looked_at(monkeypatch, watched, NOW + 3 * HOUR) == ["Bolt"], "it was measured"
    with watched.write() as session:
        partners.update(session, acme_id(), {"tags": ["lens"]}, version=None, now=NOW + 5 * HOUR)
    assert "Acme" in looked_at(monkeypatch, watched, NOW + 5 * HOUR), "it was edited"
    with watched.write() as session:
        rules.update(session, rules.by_key(session, "late_rate"), {"keep_firing_for_seconds": 0}, NOW + 6 * HOUR)
    assert looked_at(monkeypatch, watched, NOW + 6 * HOUR) == ["Acme", "Bolt"], "a rule was edited"
    assert looked_at(monkeypatch, watched, NOW + 15 * HOUR) == ["Acme", "Bolt"], "midnight has passed"
    assert looked_at(monkeypatch, watched, NOW + 14 * HOUR) == ["Acme", "Bolt"], "the clock was put back"


def test_whose_state_waits_for_the_clock_is_looked_at(watched: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    turn(watched, late=0.0, silence=1.5)
    assert looked_at(monkeypatch, watched, NOW + 4 * HOUR) == ["Acme"]
