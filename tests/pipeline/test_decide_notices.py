"""Notices about the service itself: each trouble is told once, and once that it is over."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assessed import assess, destination, partner, person, told

from warden.db import Database
from warden.domain import Role, RuleState, Scope, SourceState
from warden.models import Partner, Source
from warden.pipeline import decide
from warden.rules import compile_condition
from warden.settings import Settings
from warden.store import access, alerts, destinations, rule_settings, rules, shipped

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = Settings()


@pytest.fixture
def operated(db: Database) -> Database:
    """A database with a destination for alerts, one for operations, and a source that is well."""
    with db.write() as session:
        shipped.seed(session, NOW)
        destination(session, "alerts", NOW)
        destination(session, "admins", NOW, alerts=False, operations=True)
        owner = person(session, "Sofia Source")
        session.add(
            Source(
                name="erp", collector="table", state=SourceState.OK, state_since=NOW, created_at=NOW, owner_id=owner.id
            )
        )
    return db


def change(db: Database, **values: Any) -> None:
    with db.write() as session:
        source = session.query(Source).one()
        for name, value in values.items():
            setattr(source, name, value)


def news(db: Database, now: datetime, send: bool = True) -> list[tuple[str, str, str]]:
    """What deciding at `now` adds to the outbox."""
    with db.read() as session:
        before = told(session)
    decide.run(db, SETTINGS, now, send=send)
    with db.read() as session:
        after = told(session)
    for line in before:
        after.remove(line)
    return after


@pytest.mark.parametrize("state", [SourceState.REFUSED, SourceState.CHANGED])
def test_a_source_that_needs_somebody_is_told_once_and_once_when_it_is_back(
    operated: Database, state: SourceState
) -> None:
    change(operated, state=state, state_since=NOW, reason="401 Unauthorized")
    assert news(operated, NOW) == [(f"source_{state.value}", "admins", "")]
    assert news(operated, NOW + HOUR) == []
    change(operated, blind_since=NOW)  # it is known to be in trouble already
    assert news(operated, NOW + 2 * HOUR) == []
    change(operated, state=SourceState.OK, state_since=NOW + 3 * HOUR, blind_since=None, reason="")
    assert news(operated, NOW + 3 * HOUR) == [("source_recovered", "admins", "")]
    assert news(operated, NOW + 4 * HOUR) == []
    change(operated, state=state, state_since=NOW + 5 * HOUR)
    assert news(operated, NOW + 5 * HOUR) == [(f"source_{state.value}", "admins", "")]


def test_a_blind_source_is_told_once_and_once_when_it_sees_again(operated: Database) -> None:
    change(operated, state=SourceState.UNAVAILABLE, blind_since=NOW)
    assert news(operated, NOW + HOUR) == [("source_blind", "admins", "")]
    assert news(operated, NOW + 2 * HOUR) == []
    change(operated, state=SourceState.OK, blind_since=None, last_success_at=NOW + 3 * HOUR)
    assert news(operated, NOW + 3 * HOUR) == [("source_recovered", "admins", "")]


def test_the_owner_of_the_source_is_told_by_mail(operated: Database) -> None:
    with operated.write() as session:
        destination(session, "mail", NOW, channel="email", alerts=False)
    change(operated, state=SourceState.REFUSED, state_since=NOW)
    assert news(operated, NOW) == [
        ("source_refused", "admins", ""),
        ("source_refused", "mail", "sofia.source@us.example"),
    ]


def test_trouble_in_a_replayed_past_is_told_only_if_it_lasts(operated: Database) -> None:
    change(operated, blind_since=NOW)
    assert news(operated, NOW, send=False) == []
    assert news(operated, NOW + HOUR) == [("source_blind", "admins", "")]


def test_a_destination_that_was_given_up_is_told_elsewhere(operated: Database) -> None:
    with operated.write() as session:
        other = destination(session, "other admins", NOW, operations=True)
        destinations.disable(session, other, "404 Not Found", NOW)
    assert news(operated, NOW) == [("destination_disabled", "admins", "")]
    assert news(operated, NOW + HOUR) == []


def test_where_nothing_is_set_up_for_operations_admins_are_written_to(operated: Database) -> None:
    with operated.write() as session:
        access.ensure_first_admin(session, NOW)  # whose address is none
        for name, role in (("ada", Role.ADMIN), ("vic", Role.VIEWER)):
            access.create_user(session, email=f"{name}@us.example", name=name, role=role, now=NOW)
        destination(session, "mail", NOW, channel="email", alerts=False)
        destinations.disable(session, destinations.named(session, "admins"), "404 Not Found", NOW)
    assert news(operated, NOW) == [("destination_disabled", "mail", "ada@us.example")]
    assert news(operated, NOW + HOUR) == []


def test_a_rule_whose_condition_fails_is_told_once_per_version(operated: Database) -> None:
    with operated.write() as session:
        acme = partner(session, "Acme", NOW)
        assess(session, acme, NOW, "low")
        rule = rules.by_key(session, "gone_quiet")
        # What is checked when a rule is stored cannot reach every value: a division by what is zero only now.
        rule.condition = "1.0 / (impact - 4.0) > 0.0 && 1 / int(impact - 4.0) > 0"
    fails = [("rule_failed", "admins", "")]
    assert news(operated, NOW) == fails
    assert news(operated, NOW + HOUR) == []
    with operated.write() as session:
        rules.update(session, rules.by_key(session, "gone_quiet"), {"for_seconds": 60}, NOW + HOUR)
    assert news(operated, NOW + 2 * HOUR) == fails
    with operated.read() as session:
        (failing,) = rules.failing(session)
    assert (failing.rule.key, failing.partners) == ("gone_quiet", 1)
    assert "condition failed" in failing.why["message"]


def test_a_rule_that_fails_on_the_values_of_one_partner_is_told_and_told_again_after_it_worked(
    operated: Database,
) -> None:
    """What is checked when a rule is stored passes: no sample is 8.5. Others are judged, by this rule and by others."""
    condition = "100 / int(due_recent * 2.0 - 17.0) >= 0 && late_rate > 0.1"
    with operated.write() as session:
        compile_condition(condition)
        rules.update(session, rules.by_key(session, "gone_quiet"), {"condition": condition, "for_seconds": 0}, NOW)
        acme, bolt = (partner(session, name, NOW).id for name in ("Acme", "Bolt"))

    def turn(at: datetime, due: float) -> list[tuple[str, str, str]]:
        with operated.write() as session:
            for who, some in ((acme, due), (bolt, 9.0)):
                assess(session, session.get_one(Partner, who), at, "low", late=0.5, due=some)
        return news(operated, at)

    def standing(who: uuid.UUID) -> tuple[RuleState, list[str]]:
        """The state of the rule for a partner, and which rules have an alert of it."""
        with operated.read() as session:
            rule = rules.by_key(session, "gone_quiet")
            row = rules.statuses(session, [rule.id], [who])[rule.id][who]
            return row.state, sorted(alert.rule.key for alert in alerts.firing_of(session, who))

    fails = [("rule_failed", "admins", "")]
    assert turn(NOW, 8.5) == fails
    assert standing(acme) == (RuleState.ERROR, ["late_rate"])
    assert standing(bolt) == (RuleState.FIRING, ["gone_quiet", "late_rate"])
    assert turn(NOW + HOUR, 8.5) == []
    assert turn(NOW + 2 * HOUR, 9.0) == []
    assert standing(acme) == (RuleState.FIRING, ["gone_quiet", "late_rate"])
    assert turn(NOW + 3 * HOUR, 8.5) == fails
    assert standing(acme) == (RuleState.ERROR, ["gone_quiet", "late_rate"]), "what was open stays open"
    assert turn(NOW + 4 * HOUR, 8.5) == []


def test_a_failing_rule_is_told_where_it_is_on_for_one_tier_only(operated: Database) -> None:
    with operated.write() as session:
        acme = partner(session, "Acme", NOW, tier="key")
        assess(session, acme, NOW, "low")
        rule = rules.by_key(session, "gone_quiet")
        rule.condition, rule.enabled = "1.0 / (impact - 4.0) > 0.0 && 1 / int(impact - 4.0) > 0", False
        rule_settings.add(
            session, rule, scope=Scope.TIER, subject="key", name="enabled", value=True,
            reason="ours", author="ada", now=NOW,
        )  # fmt: skip
    assert news(operated, NOW) == [("rule_failed", "admins", "")]
    with operated.write() as session:
        (held,) = rule_settings.listing(session, rules.by_key(session, "gone_quiet").id)
        rule_settings.end(session, held.rule_id, held.id, "ada", NOW + HOUR)
    assert news(operated, NOW + HOUR) == []
    with operated.read() as session:
        assert rules.failing(session) == []
