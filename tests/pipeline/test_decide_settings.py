"""What deciding makes of settings, policies for no data, rules that fail, and alerts that change too often."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assessed import assess, partner
from sqlalchemy import select

from warden.db import Database
from warden.domain import AlertEventKind, AlertState, Cause, NoData, RuleState, Scope, Severity
from warden.models import Alert, AlertEvent, Decision, Partner, Rule, RuleStatus
from warden.pipeline import decide
from warden.rules.sentences import explained
from warden.settings import Settings
from warden.store import looks, rule_settings, rule_versions, rules, shipped
from warden.wording import reader_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings()


@pytest.fixture
def watched(db: Database) -> Database:
    """Acme is strategic, Bolt is not; nobody was assessed yet."""
    with db.write() as session:
        shipped.seed(session, NOW)
        partner(session, "Acme", NOW - 10 * DAY, tier="strategic")
        partner(session, "Bolt", NOW - 10 * DAY)
    return db


def turn(db: Database, at: datetime, name: str = "Acme", send: bool = True, **measured: Any) -> None:
    """Assess a partner and decide."""
    with db.write() as session:
        who = session.get_one(Partner, named(name))
        assess(session, who, at, **{"band": "low", **measured})
    decide.run(db, SETTINGS, at, send=send)


def named(name: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_DNS, name)


def put(
    db: Database, name: str, value: Any, scope: Scope = Scope.TIER, subject: str = "Strategic", at: datetime = NOW
) -> None:
    """Let the strategic ones, or one partner, have another value of the rule on late deliveries."""
    with db.write() as session:
        rule_settings.add(
            session, rules.by_key(session, "late_rate"), scope=scope, subject=subject, name=name, value=value,
            reason="ours", author="ada", now=at,
        )  # fmt: skip


def change(db: Database, at: datetime, **values: Any) -> None:
    with db.write() as session:
        rules.update(session, rules.by_key(session, "late_rate"), values, at)


def alerts_of(db: Database, key: str = "late_rate") -> list[tuple[str, AlertState, Severity]]:
    with db.read() as session:
        query = select(Partner.name, Alert.state, Alert.severity).join(Partner, Partner.id == Alert.partner_id)
        query = query.join(Rule, Rule.id == Alert.rule_id).where(Rule.key == key)
        return [tuple(row) for row in session.execute(query.order_by(Alert.fired_at, Partner.name))]  # type: ignore[misc]


def events(db: Database) -> list[tuple[AlertEventKind, Cause]]:
    with db.read() as session:
        return [(event.kind, event.cause) for event in session.scalars(select(AlertEvent).order_by(AlertEvent.id))]


def state_of(db: Database, name: str = "Acme", key: str = "late_rate") -> RuleStatus | None:
    with db.read() as session:
        query = select(RuleStatus).join(Rule, Rule.id == RuleStatus.rule_id)
        return session.scalar(query.where(Rule.key == key, RuleStatus.partner_id == named(name)))


def test_a_parameter_differs_by_tier_and_by_partner(watched: Database) -> None:
    put(watched, "limit", 0.1)
    for name in ("Acme", "Bolt"):
        turn(watched, NOW, name, late=0.2)
    assert [name for name, *_ in alerts_of(watched)] == ["Acme"]
    put(watched, "limit", 0.3, Scope.PARTNER, str(named("Acme")), NOW + HOUR)
    decide.run(watched, SETTINGS, NOW + 2 * HOUR)
    assert state_of(watched).state is RuleState.RECOVERING  # type: ignore[union-attr]
    with watched.read() as session:
        last = session.scalars(select(Decision).order_by(Decision.at.desc())).first()
        assert last is not None
        assert (last.context["limit"], last.cause) == (0.3, Cause.CONFIGURATION)


def test_a_rule_may_be_off_for_a_tier_and_on_for_one_alone(watched: Database) -> None:
    for name in ("Acme", "Bolt"):
        turn(watched, NOW, name, late=0.5)
    put(watched, "enabled", False)
    decide.run(watched, SETTINGS, NOW + HOUR)
    assert [(name, state) for name, state, _ in alerts_of(watched)] == [
        ("Acme", AlertState.RESOLVED),
        ("Bolt", AlertState.FIRING),
    ]
    change(watched, NOW + 2 * HOUR, enabled=False)
    put(watched, "enabled", True, at=NOW + 2 * HOUR)
    decide.run(watched, SETTINGS, NOW + 2 * HOUR)
    assert [(name, state) for name, state, _ in alerts_of(watched)] == [
        ("Acme", AlertState.RESOLVED),
        ("Bolt", AlertState.RESOLVED),
        ("Acme", AlertState.FIRING),
    ]


@pytest.mark.parametrize("earlier", [timedelta(), 10 * HOUR])
@pytest.mark.parametrize("what", ["rule", "setting"])
def test_what_was_noted_up_to_a_look_and_stored_after_it_is_judged_by_next(
    watched: Database, what: str, earlier: timedelta
) -> None:
    """A request begins before a look, or in its very moment, and its transaction ends after the look has read."""
    turn(watched, NOW, late=0.2)
    with watched.read() as session:
        assert not looks.rules_changed(session)
    if what == "rule":
        change(watched, NOW - earlier, parameters={"limit": 0.1, "least_due": 5.0})
    else:
        put(watched, "limit", 0.1, at=NOW - earlier)
    with watched.read() as session:
        assert looks.rules_changed(session), "the clock asks this, and looks at its next tick"
    decide.run(watched, SETTINGS, NOW + timedelta(seconds=15))
    assert events(watched) == [(AlertEventKind.FIRED, Cause.CONFIGURATION)]
    with watched.read() as session:
        assert not looks.rules_changed(session)


def test_a_rule_changed_while_a_look_is_at_work_is_judged_by_next(
    watched: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn(watched, NOW, late=0.2)
    real = decide.subjects.read

    def changing(*given: Any) -> Any:
        change(watched, NOW, parameters={"limit": 0.1, "least_due": 5.0})
        return real(*given)

    monkeypatch.setattr(decide.subjects, "read", changing)
    turn(watched, NOW + HOUR, late=0.3)
    monkeypatch.undo()
    assert events(watched) == [], "it was not judged by what it is no longer"
    with watched.read() as session:
        assert looks.rules_changed(session)
    decide.run(watched, SETTINGS, NOW + HOUR + timedelta(seconds=15))
    assert [kind for kind, _ in events(watched)] == [AlertEventKind.FIRED]


def test_no_setting_switches_on_a_rule_that_was_never_activated(watched: Database) -> None:
    with watched.write() as session:
        own = {"names": {"en": "Half late"}, "condition": "late_rate > 0.4"}
        rule_versions.create(session, "half_late", own, "ada", NOW)
        drafted = rules.by_key(session, "half_late")
        rule_settings.add(
            session, drafted, scope=Scope.TIER, subject="strategic", name="enabled", value=True,
            reason="ours", author="ada", now=NOW,
        )  # fmt: skip
    turn(watched, NOW, late=0.5)
    assert (alerts_of(watched, "half_late"), state_of(watched, key="half_late")) == ([], None)
    with watched.write() as session:
        rule_versions.activate(session, rules.by_key(session, "half_late"), 1, "ada", NOW + HOUR)
    decide.run(watched, SETTINGS, NOW + HOUR)
    assert [name for name, *_ in alerts_of(watched, "half_late")] == ["Acme"]


def test_a_severity_that_rises_is_told_and_one_that_falls_is_noted(watched: Database) -> None:
    for name in ("Acme", "Bolt"):
        turn(watched, NOW, name, late=0.5)
    put(watched, "severity", "critical")
    decide.run(watched, SETTINGS, NOW + HOUR)
    fired, worse = AlertEventKind.FIRED, AlertEventKind.WORSE
    assert [kind for kind, _ in events(watched)] == [fired, fired, worse]
    assert events(watched)[-1][1] is Cause.CONFIGURATION
    assert [severity for _, _, severity in alerts_of(watched)] == [Severity.CRITICAL, Severity.WARNING]
    put(watched, "severity", "info", at=NOW + 2 * HOUR)
    decide.run(watched, SETTINGS, NOW + 2 * HOUR)
    assert [severity for _, _, severity in alerts_of(watched)] == [Severity.INFO, Severity.WARNING]
    assert len(events(watched)) == 3
    decide.run(watched, SETTINGS, NOW + 3 * HOUR)
    assert len(events(watched)) == 3


def test_what_resolves_for_want_of_data_does_so_after_its_grace(watched: Database) -> None:
    change(watched, NOW, no_data=NoData.RESOLVE, no_data_for_seconds=2 * 3600)
    turn(watched, NOW, late=0.5)
    turn(watched, NOW + HOUR, late=None)
    decide.run(watched, SETTINGS, NOW + 2 * HOUR)
    assert alerts_of(watched)[0][1] is AlertState.FIRING
    decide.run(watched, SETTINGS, NOW + 3 * HOUR)
    assert alerts_of(watched)[0][1] is AlertState.RESOLVED
    assert events(watched)[-1] == (AlertEventKind.RESOLVED, Cause.TIME)
    state = state_of(watched)
    assert state is not None
    assert (state.state, state.before_unknown) == (RuleState.UNKNOWN, RuleState.OK)
    assert decide.run(watched, SETTINGS, NOW + 30 * HOUR) == 0


def test_who_asks_to_be_told_of_missing_data_gets_one_alert_of_it(watched: Database) -> None:
    change(watched, NOW, no_data=NoData.ALERT, no_data_for_seconds=3600)
    turn(watched, NOW, late=None)
    assert alerts_of(watched) == []
    decide.run(watched, SETTINGS, NOW + HOUR)
    assert [state for _, state, _ in alerts_of(watched)] == [AlertState.FIRING]
    turn(watched, NOW + 2 * HOUR, late=0.5)
    assert [state for _, state, _ in alerts_of(watched)] == [AlertState.FIRING], "the same alert, now with a cause"
    assert [kind for kind, _ in events(watched)] == [AlertEventKind.FIRED]


def test_that_a_rule_knows_nothing_at_its_first_look_is_no_decision(watched: Database) -> None:
    turn(watched, NOW, late=None)
    state = state_of(watched)
    assert state is not None
    assert (state.state, state.before_unknown) == (RuleState.UNKNOWN, RuleState.OK)
    assert state.reason["params"] == {"names": explained(["late_rate"])}
    with watched.read() as session:
        assert session.scalars(select(Decision)).all() == []
    turn(watched, NOW + HOUR, late=0.1)
    with watched.read() as session:
        (decision,) = session.scalars(select(Decision))
        assert (decision.before, decision.after) == (RuleState.UNKNOWN, RuleState.OK)


def test_a_condition_that_fails_on_some_values_is_an_error_and_resolves_nothing(watched: Database) -> None:
    turn(watched, NOW, late=0.5)
    change(watched, NOW + HOUR, condition="100 / (int(late_rate * 100.0) - 37) > 1000")
    turn(watched, NOW + HOUR, late=0.37)
    state = state_of(watched)
    assert state is not None
    assert (state.state, state.before_unknown) == (RuleState.ERROR, RuleState.FIRING)
    assert state.reason["params"]["error"]["message"] == "it divides by zero"
    assert alerts_of(watched)[0][1] is AlertState.FIRING
    turn(watched, NOW + 2 * HOUR, late=0.5)
    state = state_of(watched)
    assert state is not None
    assert state.state is RuleState.RECOVERING


def test_a_rule_that_cannot_be_used_at_all_shows_as_an_error(watched: Database) -> None:
    turn(watched, NOW, late=0.5)
    with watched.write() as session:
        rule = rules.by_key(session, "late_rate")
        rule.condition, rule.version = "late_rat > 0.25", 2
    decide.run(watched, SETTINGS, NOW + HOUR)
    state = state_of(watched)
    assert state is not None
    assert state.state is RuleState.ERROR
    assert reader_of("vi").fact(state.reason).endswith("(không có biến late_rat; có phải ý bạn là late_rate?).")
    assert alerts_of(watched)[0][1] is AlertState.FIRING


def flap(db: Database, times: int, every: timedelta, start: datetime = NOW) -> datetime:
    """Let an alert open and resolve so many times; return when it resolved last."""
    at = start
    for number in range(times):
        at = start + number * every
        turn(db, at, late=0.5)
        at += HOUR
        turn(db, at, late=0.0)
    return at


def test_an_alert_that_opens_three_times_in_two_weeks_is_unstable_until_it_rests_a_week(watched: Database) -> None:
    change(watched, NOW, keep_firing_for_seconds=0)
    at = flap(watched, 4, 2 * DAY)
    kinds = [kind for kind, _ in events(watched)]
    fired, resolved = AlertEventKind.FIRED, AlertEventKind.RESOLVED
    assert kinds == [fired, resolved, fired, resolved, fired, AlertEventKind.UNSTABLE, resolved, fired, resolved]
    state = state_of(watched)
    assert state is not None
    assert state.unstable_since == NOW + 4 * DAY
    decide.run(watched, SETTINGS, at + 7 * DAY - HOUR)
    assert len(events(watched)) == 9
    decide.run(watched, SETTINGS, at + 7 * DAY)
    assert events(watched)[9:] == [(AlertEventKind.STEADY, Cause.TIME)]
    with watched.read() as session:
        last = session.scalars(select(AlertEvent).order_by(AlertEvent.id.desc())).first()
        assert last is not None
        assert last.reason["params"] == {"rest": 7, "times": 1}
    state = state_of(watched)
    assert state is not None
    assert state.unstable_since is None
    assert decide.run(watched, SETTINGS, at + 8 * DAY) == 0
    assert len(events(watched)) == 10


def test_an_alert_that_opens_once_a_week_is_not(watched: Database) -> None:
    change(watched, NOW, keep_firing_for_seconds=0)
    flap(watched, 4, 7 * DAY)
    assert AlertEventKind.UNSTABLE not in [kind for kind, _ in events(watched)]


def test_an_unstable_one_that_stays_open_is_steady_too(watched: Database) -> None:
    change(watched, NOW, keep_firing_for_seconds=0)
    at = flap(watched, 2, 2 * DAY) + DAY
    turn(watched, at, late=0.5)
    decide.run(watched, SETTINGS, at + 7 * DAY)
    assert [kind for kind, _ in events(watched)][-2:] == [AlertEventKind.UNSTABLE, AlertEventKind.STEADY]
    assert alerts_of(watched)[-1][1] is AlertState.FIRING


def test_the_worst_band_opens_both_alerts_and_names_which_holds_the_other_back(watched: Database) -> None:
    turn(watched, NOW, band="extreme")
    assert len(alerts_of(watched, "band_extreme")) == len(alerts_of(watched, "band_high")) == 1
    with watched.read() as session:
        assert rules.by_key(session, "band_high").inhibited_by == [{"rule": "band_extreme", "equal": ["partner"]}]


def test_the_terms_of_inhibition_are_what_some_partner_has(watched: Database) -> None:
    with watched.write() as session:
        partner(session, "Cell", NOW, region="APAC", tags=["product:lens"])
    with watched.read() as session:
        keys, attributes = rules.inhibition_terms(session)
        assert keys == {rule.key for rule in rules.listing(session)}
        assert attributes == {"partner", "tier", "region", "tag:product:lens"}


def test_events_of_the_past_are_never_to_be_told(watched: Database) -> None:
    turn(watched, NOW, late=0.5, send=False)
    with watched.read() as session:
        assert [event.announced_at for event in session.scalars(select(AlertEvent))] == [NOW]
