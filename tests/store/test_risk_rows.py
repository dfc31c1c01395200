"""Assessments, alerts, rules, matrices and what is shipped, as rows."""

import json
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest
from assessed import assess, partner
from sqlalchemy import func, select

from warden.db import Database
from warden.domain import LOCALES, AlertState, Stage
from warden.errors import Conflict, InvalidInput, NotFound
from warden.models import Assessment, Rule
from warden.pipeline import decide
from warden.rules import compile_rule, inhibition_faults
from warden.settings import Settings
from warden.store import alerts, assessments, rules, shipped

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def seeded(db: Database) -> Database:
    with db.write() as session:
        shipped.seed(session, NOW)
    return db


def shipped_rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((resources.files("warden") / "shipped" / "rules.json").read_text("utf-8"))
    return found


def test_what_is_shipped_is_added_once_and_edits_survive(seeded: Database) -> None:
    with seeded.write() as session:
        rule = rules.by_key(session, "late_rate")
        rules.update(session, rule, {"condition": "late_rate > 0.5", "enabled": False}, NOW)
        assert rule.version == 2
        assert shipped.seed(session, NOW + DAY) == 0
        assert rules.by_key(session, "late_rate").condition == "late_rate > 0.5"
        found = [rule.key for rule in rules.listing(session)]
        assert found == sorted(rule["key"] for rule in shipped_rules())


@pytest.mark.parametrize("rule", shipped_rules(), ids=lambda rule: rule["key"])
def test_every_shipped_rule_is_sound_and_named_in_every_language(rule: dict[str, Any]) -> None:
    assert set(rule["names"]) == set(rule["descriptions"]) == set(LOCALES)
    assert all(rule["names"].values())
    assert all(rule["descriptions"].values())
    compile_rule(**{name: rule[name] for name in ("key", "condition", "inhibit_when", "for_seconds", "parameters")})
    keys = [other["key"] for other in shipped_rules()]
    assert inhibition_faults(rule["inhibited_by"], rule["key"], keys, {"partner"}) == []
    assert set(rule) == {"key", *rules.EDITABLE}


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"key": "other"}, "key"),
        ({"for_seconds": -1}, "for_seconds"),
        ({"meeting_within_days": 0}, "meeting_within_days"),
        ({"severity": "loud"}, "severity"),
        ({"names": {"vi": "Tên"}}, "names"),
        ({"names": {"en": "Name", "fr": "Nom"}}, "names"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(seeded: Database, values: dict[str, Any], where: str) -> None:
    with seeded.write() as session, pytest.raises(InvalidInput) as refused:
        rules.update(session, rules.by_key(session, "late_rate"), values, NOW)
    assert [fault.where for fault in refused.value.faults] == [where]


def test_updating_a_rule_to_what_it_is_changes_nothing(seeded: Database) -> None:
    with seeded.write() as session:
        rule = rules.by_key(session, "late_rate")
        assert rules.update(session, rule, {"condition": rule.condition}, NOW + DAY).version == 1
        assert rule.updated_at == NOW


def test_a_band_holds_since_the_partner_last_came_into_it(seeded: Database) -> None:
    with seeded.write() as session:
        acme = partner(session, "Acme", NOW)
        for day, band in enumerate(("high", "low", "high", "high")):
            assess(session, acme, NOW + day * DAY, band)
    with seeded.read() as session:
        first, *_, last = assessments.history(session, acme.id)
        assert assessments.in_band_since(session, last) == NOW + 2 * DAY
        assert assessments.in_band_since(session, first) == NOW
        other = assessments.in_another_band(session, last)
        assert other is not None
        assert other.at == NOW + DAY
        assert assessments.in_another_band(session, first) is None
        assert [one.overridden for one in assessments.placements(session)] == [False]


def test_the_last_words_in_another_band_are_found_for_many_at_once(seeded: Database) -> None:
    bands = {"Acme": ("high", "low", None, None), "Bolt": (None, "high", "low", "low"), "Cord": ("low", "low")}
    with seeded.write() as session:
        for name, said in bands.items():
            one = partner(session, name, NOW)
            for day, band in enumerate(said):
                assess(session, one, NOW + day * DAY, band)
    with seeded.read() as session:
        last = assessments.latest_of_all(session)
        found = assessments.in_other_bands(session, last)
        assert set(found) == {row.id for row in last if row.at != NOW + DAY}
        assert sorted((row.at, row.band) for row in found.values()) == [(NOW + DAY, "high"), (NOW + DAY, "low")]
        assert assessments.in_other_bands(session, []) == {}


def test_the_last_word_on_every_watched_partner(seeded: Database) -> None:
    with seeded.write() as session:
        acme, bolt = partner(session, "Acme", NOW), partner(session, "Bolt", NOW, stage=Stage.ENDED)
        partner(session, "Cord", NOW)
        for day, band in ((0, "low"), (1, "high"), (2, None)):
            assess(session, acme, NOW + day * DAY, band)
        assess(session, bolt, NOW, "high")
    with seeded.read() as session:
        assert [row.band for row in assessments.latest_of_all(session)] == [None]
        assert [row.band for row in assessments.latest_of_all(session, NOW + 1.5 * DAY)] == ["high"]
        assert [row.band for row in assessments.latest_of_all(session, partner_ids=[bolt.id])] == ["high"]
        assert [(one.name, one.band, one.coverage) for one in assessments.placements(session, NOW + DAY)] == [
            ("Acme", "high", 0.9),
            ("Cord", None, 0.0),
        ]
        newest = assessments.latest(session, acme.id)
        assert newest is not None
        assert newest.not_rated == {"message": "Too little is known.", "params": {}}
        assert assessments.latest(session, acme.id, NOW - DAY) is None
        assert [row.band for row in assessments.history(session, acme.id, since=NOW + DAY)] == ["high", None]
        page = assessments.listing(session, acme.id, limit=2)
        assert [row.band for row in page.items] == [None, "high"]
        assert [row.band for row in assessments.listing(session, acme.id, page.next).items] == ["low"]


def test_a_second_look_at_the_same_moment_replaces_the_first(seeded: Database) -> None:
    with seeded.write() as session:
        acme = partner(session, "Acme", NOW)
        assess(session, acme, NOW, "low")
        assess(session, acme, NOW, "high")
    with seeded.read() as session:
        assert session.scalar(select(func.count()).select_from(Assessment)) == 1
        newest = assessments.latest(session, acme.id)
        assert newest is not None
        assert newest.band == "high"


@pytest.fixture
def alarmed(seeded: Database) -> Database:
    with seeded.write() as session:
        for name in ("Acme", "Bolt"):
            assess(session, partner(session, name, NOW), NOW, "high", late=0.5)
    decide.run(seeded, Settings(), NOW)
    return seeded


def test_alerts_are_filtered_and_paged(alarmed: Database) -> None:
    with alarmed.read() as session:
        first = alerts.listing(session, limit=3)
        rest = alerts.listing(session, first.next, 3)
        assert len(first.items) == 3
        assert len({alert.id for alert in (*first.items, *rest.items)}) == 4
        assert rest.next is None
        late = session.scalars(select(Rule).where(Rule.key == "late_rate")).one()
        found = alerts.listing(session, rule_id=late.id, state=AlertState.FIRING, acknowledged=False).items
        assert sorted(alert.partner.name for alert in found) == ["Acme", "Bolt"]
        assert alerts.listing(session, state=AlertState.RESOLVED).items == []


def test_an_alert_is_acknowledged_once_and_with_a_reason(alarmed: Database) -> None:
    with alarmed.write() as session:
        alert = alerts.get(session, alerts.listing(session).items[0].id)
        with pytest.raises(InvalidInput, match="with a reason"):
            alerts.acknowledge(session, alert, reason=" ", who="olga", now=NOW)
        alerts.acknowledge(session, alert, reason="We know.", who="olga", now=NOW + DAY)
        assert (alert.acknowledged_by, alert.acknowledged_why, alert.version) == ("olga", "We know.", 2)
        with pytest.raises(Conflict, match="acknowledged by olga already"):
            alerts.acknowledge(session, alert, reason="Me too.", who="an", now=NOW + DAY)
        with pytest.raises(NotFound):
            alerts.get(session, alert.partner_id)
