"""Risk criteria: effective values with their source, refused faults, and what held at any moment."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from factories import DAY, NOW, make_partner
from sqlalchemy.orm import Session

from scorers.impact import Formula
from scorers.matrix import Thresholds
from warden import discovery
from warden.db import Database
from warden.domain import Scope
from warden.errors import Conflict, InvalidInput, NotFound
from warden.models import Criterion
from warden.store import criteria, shipped
from warden.store.criteria import Source

INSTANT = timedelta(microseconds=1)
PORTFOLIO, TIER, PARTNER = Scope.PORTFOLIO, Scope.TIER, Scope.PARTNER


def put(
    session: Session, scope: Scope, subject: str, now: datetime = NOW, name: str = "silence", **data: Any
) -> Criterion:
    return criteria.put(session, name, scope, subject, data, "olga", "They asked.", now)


def value(
    session: Session, field: str, partner: criteria.Whose | None, at: datetime = NOW, name: str = "silence"
) -> Any:
    return getattr(criteria.effective(session, name, partner, at).options, field)


def test_there_are_criteria_for_every_outcome_for_impact_and_for_placement() -> None:
    names = {scorer.name for scorer in discovery.scorers()}
    assert set(criteria.shipped()) == names | {"impact", "placement"}
    assert criteria.shipped()["impact"] is Formula
    assert criteria.shipped()["placement"] is Thresholds


@pytest.mark.parametrize("name", sorted(criteria.shipped()))
def test_what_ships_holds_where_nobody_set_anything(db: Database, name: str) -> None:
    with db.read() as session:
        found = criteria.effective(session, name, None, NOW)
    assert found.options == criteria.shipped()[name]()
    assert found.enabled
    assert set(found.sources.values()) == {Source()}
    assert set(found.sources) - {"enabled"} == set(type(found.options).model_fields)
    assert ("enabled" in found.sources) == (name not in ("impact", "placement"))


def test_the_narrowest_scope_wins_field_by_field(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session, tier="Key")
        for scope, subject, data in (
            (PORTFOLIO, "", {"days": 20, "horizon_days": 14}),
            (TIER, "key", {"days": 25, "enabled": False}),
            (PARTNER, str(acme.id), {"own_gap_quantile": None, "enabled": True}),
        ):
            put(session, scope, subject, **data)
        found = criteria.effective(session, "silence", (acme.id, acme.tier), NOW)
        options = found.options.model_dump()
        assert (options["days"], options["horizon_days"], options["own_gap_quantile"]) == (25, 14, None)
        assert found.enabled
        scopes = {name: (source.scope, source.subject, source.author) for name, source in found.sources.items()}
        assert scopes["days"] == (TIER, "key", "olga")
        assert scopes["horizon_days"] == (PORTFOLIO, "", "olga")
        assert scopes["own_gap_quantile"] == scopes["enabled"] == (PARTNER, str(acme.id), "olga")
        assert scopes["deliveries_count"] == (None, "", None)
        assert value(session, "days", None) == 20
        assert value(session, "days", (None, "KEY ")) == 25
        assert not criteria.effective(session, "silence", (None, "key"), NOW).enabled
        assert value(session, "days", (uuid.uuid4(), "other")) == 20


def test_many_partners_share_the_options_they_have_in_common(db: Database) -> None:
    with db.write() as session:
        partners = [make_partner(session, str(number), tier=tier) for number, tier in enumerate("aAbbbc")]
        put(session, TIER, "A", days=15)
        put(session, PARTNER, str(partners[2].id), days=40, enabled=False)
        whose = [(partner.id, partner.tier) for partner in partners]
        found = criteria.resolve(session, "silence", whose, NOW)
        assert found.of.tolist() == [0, 0, 1, 2, 2, 2]
        assert [one.model_dump()["days"] for one in found.options] == [15, 40, 30]
        assert found.enabled == [True, False, True]
        for number, partner in enumerate(whose):
            alone = criteria.effective(session, "silence", partner, NOW)
            assert alone.options == found.options[found.of[number]]
        nobody = criteria.resolve(session, "silence", [], NOW)
        assert (nobody.options, nobody.enabled, nobody.of.tolist()) == ([], [], [])


def test_a_criterion_holds_until_the_next_one_and_the_past_stays(db: Database) -> None:
    with db.write() as session:
        first = put(session, PORTFOLIO, "", days=20)
        second = put(session, PORTFOLIO, "", NOW + 2 * DAY, days=25)
        assert (first.ended_at, first.ended_by) == (NOW + 2 * DAY, "olga")
        criteria.end(session, second.id, "an", NOW + 4 * DAY)
        assert (second.ended_at, second.ended_by) == (NOW + 4 * DAY, "an")
        moments = {-INSTANT: 30, 0 * DAY: 20, 2 * DAY - INSTANT: 20, 2 * DAY: 25, 4 * DAY: 30}
        assert {after: value(session, "days", None, NOW + after) for after in moments} == moments
        with pytest.raises(Conflict, match="ended already"):
            criteria.end(session, second.id, "an", NOW + 5 * DAY)
        with pytest.raises(NotFound):
            criteria.end(session, uuid.uuid4(), "an", NOW)


def test_the_same_again_changes_nothing(db: Database) -> None:
    with db.write() as session:
        first = put(session, TIER, "key", days=20)
        assert put(session, TIER, " KEY", NOW + DAY, days=20) is first
        assert first.ended_at is None
        assert len(criteria.listing(session, history=True)) == 1


def test_criteria_are_listed_newest_first_with_and_without_the_past(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        put(session, TIER, "key", days=20)
        put(session, TIER, "Key", NOW + DAY, days=25)
        put(session, PARTNER, str(acme.id), NOW + 2 * DAY, days=40)
        put(session, PORTFOLIO, "", NOW + 3 * DAY, "late_share", horizon_days=28)

        def days(*of: Any, **how: Any) -> list[Any]:
            return [row.data.get("days") for row in criteria.listing(session, *of, **how)]

        assert days() == [None, 40, 25]
        assert days(history=True) == [None, 40, 25, 20]
        assert days("silence", TIER, "kEY", history=True) == [25, 20]
        assert days("silence", PARTNER, str(acme.id)) == [40]
        assert days("late_share", PORTFOLIO, "") == [None]


@pytest.mark.parametrize(
    ("name", "data", "where", "what"),
    [
        ("silence", {"horizon_days": "28"}, "horizon_days", "found '28'; expected a number"),
        ("silence", {"horizon_days": True}, "horizon_days", "found True; expected a number"),
        ("silence", {"horizon_days": 3}, "horizon_days", "found 3; expected at least 7"),
        ("silence", {"horizon_days": float("inf")}, "horizon_days", "found inf; expected a finite number"),
        ("silence", {"horizn_days": 30}, "horizn_days", "is not a field of silence; did you mean horizon_days?"),
        ("silence", {"enabled": 1}, "enabled", "found 1; expected true or false"),
        ("silence", {}, "data", "is empty; expected at least one field that differs"),
        ("impact", {"enabled": True}, "enabled", "is not a field of impact; expected one of "),
        ("impact", {"tiers": {"key": 2}}, "tiers.key", "found 2; expected at most 1"),
        ("impact", {"tiers": []}, "tiers", "found []; expected an object"),
        ("impact", {"contract_near_days": 400}, "data", "contract_near_days has to be less than contract_far_days"),
        ("placement", {"likelihood": [0, "a"]}, "likelihood[1]", "found 'a'; expected a number"),
        ("placement", {"likelihood": [0]}, "likelihood", "found [0]; expected at least 2 items"),
        ("placement", {"likelihood": [0, 0.5]}, "likelihood", "found 2 starts, expected 5, one per level"),
    ],
)
def test_a_criterion_that_does_not_fit_is_refused_with_its_place(
    db: Database, name: str, data: dict[str, Any], where: str, what: str
) -> None:
    with db.write() as session:
        shipped.seed(session, NOW)
        with pytest.raises(InvalidInput) as refused:
            criteria.put(session, name, PORTFOLIO, "", data, "olga", "", NOW)
        (fault,) = refused.value.faults
        assert fault.where == where
        assert fault.what.startswith(what)
        assert criteria.listing(session) == []


@pytest.mark.parametrize(
    ("scope", "subject"),
    [(PORTFOLIO, "key"), (TIER, " "), (TIER, "x" * 41), (PARTNER, "Acme"), (PARTNER, str(uuid.UUID(int=7)))],
)
def test_a_criterion_is_for_somebody(db: Database, scope: Scope, subject: str) -> None:
    with db.write() as session, pytest.raises(InvalidInput) as refused:
        put(session, scope, subject, days=20)
    assert [fault.where for fault in refused.value.faults] == ["subject"]


def test_every_fault_is_told_at_once(db: Database) -> None:
    with db.write() as session, pytest.raises(InvalidInput) as refused:
        put(session, PARTNER, "nobody", days="a", horizon_days=1, nonsense=2)
    assert {fault.where for fault in refused.value.faults} == {"subject", "days", "horizon_days", "nonsense"}


def test_what_would_break_a_narrower_scope_is_refused(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session, tier="key")
        put(session, PORTFOLIO, "", name="impact", contract_far_days=300.0)
        put(session, TIER, "key", name="impact", contract_near_days=250.0)
        with pytest.raises(InvalidInput, match="contract_near_days has to be less than contract_far_days"):
            put(session, PORTFOLIO, "", NOW + DAY, name="impact", contract_far_days=200.0)
        with pytest.raises(InvalidInput, match="contract_near_days has to be less"):
            put(session, PARTNER, str(acme.id), NOW + DAY, name="impact", contract_far_days=200.0)
        assert value(session, "contract_far_days", None, NOW + DAY, "impact") == 300


@pytest.mark.parametrize(
    "spelt", [str.upper, lambda text: text.replace("-", ""), "{{{}}}".format, "urn:uuid:{}".format]
)
def test_a_partner_is_meant_however_its_id_is_spelt(db: Database, spelt: Callable[[str], str]) -> None:
    with db.write() as session:
        acme = make_partner(session)
        first = put(session, PARTNER, spelt(str(acme.id)), days=40)
        assert first.subject == str(acme.id)
        assert value(session, "days", (acme.id, acme.tier)) == 40
        put(session, PARTNER, str(acme.id), NOW + DAY, days=50)
        (standing,) = criteria.listing(session, "silence", PARTNER, spelt(str(acme.id)))
        assert standing.data == {"days": 50}
        assert criteria.listing(session, "silence", PARTNER, "Acme") == []


def test_ending_a_criterion_must_leave_the_others_sound(db: Database) -> None:
    with db.write() as session:
        wide = put(session, PORTFOLIO, "", name="impact", contract_far_days=900.0)
        put(session, TIER, "key", name="impact", contract_near_days=500.0)
        with pytest.raises(InvalidInput, match=r"contract_near_days has to be less .* for tier key\)"):
            criteria.end(session, wide.id, "an", NOW + DAY)
        assert wide.ended_at is None


def test_there_are_no_criteria_of_another_name(db: Database) -> None:
    with db.write() as session:
        for act in (
            lambda: criteria.effective(session, "telex", None, NOW),
            lambda: criteria.resolve(session, "telex", [], NOW),
            lambda: put(session, PORTFOLIO, "", name="telex", days=1),
        ):
            with pytest.raises(NotFound, match="no criteria named 'telex'"):
                act()
