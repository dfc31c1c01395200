"""Settings of a rule: which value holds for whom, where it comes from, and what is refused at which field."""

import uuid
from typing import Any

import pytest
from factories import DAY, NOW, make_partner
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import Scope, Severity
from warden.errors import Conflict, InvalidInput, NotFound
from warden.models import Rule, RuleSetting
from warden.store import rule_settings, rules, shipped
from warden.store.rule_settings import Origin


@pytest.fixture
def seeded(db: Database) -> Database:
    with db.write() as session:
        shipped.seed(session, NOW)
        rules.by_key(session, "late_rate").parameters = {"most": 0.25}
        make_partner(session, tier="Key")
    return db


def late_rate(session: Session) -> Rule:
    return rules.by_key(session, "late_rate")


def put(session: Session, name: str, value: Any, scope: Scope = Scope.TIER, subject: str = "key", **other: Any) -> Any:
    said = {"reason": "They asked.", "author": "olga", "now": NOW, **other}
    return rule_settings.add(session, late_rate(session), scope=scope, subject=subject, name=name, value=value, **said)


def test_without_settings_everything_comes_from_the_rule(seeded: Database) -> None:
    with seeded.read() as session:
        rule = late_rate(session)
        found = rule_settings.effective(rule, rule_settings.in_force(session, rule.id), "Key", uuid.uuid4())
        assert (found.enabled, found.severity, found.keep_firing_for_seconds) == (True, Severity.WARNING, 604_800)
        assert found.parameters == {"most": 0.25}
        assert set(found.origins) == {*rule_settings.FIELDS, "most"}
        assert set(found.origins.values()) == {Origin()}


def test_the_partner_s_value_wins_over_the_tier_s_and_the_tier_s_over_the_rule_s(seeded: Database) -> None:
    with seeded.write() as session:
        acme = make_partner(session, "Beta", tier="KEY")
        put(session, "severity", "critical")
        put(session, "most", 0.1)
        put(session, "meeting_within_days", 3)
        put(session, "meeting_within_days", None, Scope.PARTNER, str(acme.id), reason="No executives there.")
    with seeded.read() as session:
        rule = late_rate(session)
        held = rule_settings.in_force(session, rule.id)
        found = rule_settings.effective(rule, held, "KEY", acme.id)
        assert (found.severity, found.parameters, found.meeting_within_days) == (Severity.CRITICAL, {"most": 0.1}, None)
        origin = found.origins["meeting_within_days"]
        assert (origin.scope, origin.subject, origin.author) == (Scope.PARTNER, str(acme.id), "olga")
        assert (origin.reason, origin.since) == ("No executives there.", NOW)
        assert found.origins["most"].scope is Scope.TIER
        assert rule_settings.effective(rule, held, "other", None).parameters == {"most": 0.25}
        assert held.chain("other", acme.id) == (origin.setting_id,)
        assert held.chain("other", None) == ()
        assert rule_settings.in_force_of_all(session) == {rule.id: held}


def test_what_was_replaced_or_ended_stays_in_the_history_and_holds_for_its_time(seeded: Database) -> None:
    with seeded.write() as session:
        first = put(session, "most", 0.1)
        assert put(session, "most", 0.1) is first
        second = put(session, "most", 0.2, now=NOW + DAY)
        rule_settings.end(session, late_rate(session).id, second.id, "boss", NOW + 2 * DAY)
    with seeded.read() as session:
        rule = late_rate(session)
        values = []
        for day in range(3):
            held = rule_settings.in_force(session, rule.id, NOW + day * DAY)
            values.append(rule_settings.effective(rule, held, "Key", None).parameters["most"])
        assert values == [0.1, 0.2, 0.25]
        assert rule_settings.listing(session, rule.id) == []
        history = rule_settings.listing(session, rule.id, history=True)
        assert [(row.value["value"], row.ended_by) for row in history] == [(0.2, "boss"), (0.1, "olga")]


def test_ending_twice_is_a_conflict_and_a_setting_of_another_rule_is_not_found(seeded: Database) -> None:
    with seeded.write() as session:
        rule, row = late_rate(session), put(session, "most", 0.1)
        rule_settings.end(session, rule.id, row.id, "olga", NOW)
        with pytest.raises(Conflict):
            rule_settings.end(session, rule.id, row.id, "olga", NOW)
        with pytest.raises(NotFound):
            rule_settings.end(session, rules.by_key(session, "band_high").id, row.id, "olga", NOW)


def test_a_setting_of_a_parameter_the_rule_no_longer_has_reaches_nothing(seeded: Database) -> None:
    with seeded.write() as session:
        put(session, "most", 0.1)
        rule = late_rate(session)
        rule.parameters = {}
        found = rule_settings.effective(rule, rule_settings.in_force(session, rule.id), "Key", None)
        assert found.parameters == {}
        assert "most" not in found.origins


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"scope": Scope.PORTFOLIO, "subject": ""}, "scope"),
        ({"subject": "nobody's"}, "subject"),
        ({"scope": Scope.PARTNER, "subject": "Acme"}, "subject"),
        ({"scope": Scope.PARTNER, "subject": str(uuid.UUID(int=7))}, "subject"),
        ({"name": "condition", "value": "true"}, "name"),
        ({"name": "mostly"}, "name"),
        ({"value": "many"}, "value"),
        ({"value": True}, "value"),
        ({"value": float("nan")}, "value"),
        ({"value": 10**400}, "value"),
        ({"name": "enabled", "value": 1}, "value"),
        ({"name": "severity", "value": "loud"}, "value"),
        ({"name": "for_seconds", "value": -1}, "value"),
        ({"name": "for_seconds", "value": 1.5}, "value"),
        ({"name": "for_seconds", "value": None}, "value"),
        ({"name": "meeting_within_days", "value": 0}, "value"),
        ({"reason": "  "}, "reason"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_at_its_field(
    seeded: Database, changed: dict[str, Any], where: str
) -> None:
    with seeded.write() as session, pytest.raises(InvalidInput) as refused:
        put(session, **{"name": "most", "value": 0.1, **changed})
    assert [fault.where for fault in refused.value.faults] == [where]
    with seeded.read() as session:
        assert session.query(RuleSetting).count() == 0
